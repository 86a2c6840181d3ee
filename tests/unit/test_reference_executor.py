"""The executor: sizes, calls, recipes, caches, and what it says when something does not fit."""

from itertools import pairwise

import pytest
import torch
from phased_engine import engine_on, logits_of, only, specs
from phased_program import phased_text
from roundtrip import parse
from xdsl.ir import Operation

from dsv3c.backends.reference.bindings import BindingError
from dsv3c.backends.reference.executor import ExecutionError, Executor
from dsv3c.backends.reference.meanings.mla import new_cache
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.generate import GenerateOptions, generate
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.runtime.sampling import SamplingOptions
from dsv3c.backends.reference.weights import RandomWeights, StateDictWeights
from dsv3c.ir.errors import IRError, UsageError

MIXED = """
dsv3c.symbol @B min 1
dsv3c.symbol @S min 1 max 64
func.func private @layer(%x: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
  %n = weight.param "norm.weight" : tensor<8xbf16>
  %h = nn.rms_norm %x, %n eps 1.0e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %w = weight.param "up.weight" : tensor<8x8xbf16>
  %y = nn.linear %h, %w : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
  %v = aten.view(%y) : tensor<?x8xbf16, ["B*S"]>
  %a, %b = aten.split_with_sizes(%v, split_sizes = [4, 4], dim = 1) : tensor<?x4xbf16, ["B*S"]>, tensor<?x4xbf16, ["B*S"]>
  %c = aten.cat([%b, %a], dim = -1) : tensor<?x8xbf16, ["B*S"]>
  %u = aten.view(%c) : tensor<?x?x8xbf16, ["B", "S"]>
  %z = aten.add.Tensor(%x, %u, alpha = 2) : tensor<?x?x8xbf16, ["B", "S"]>
  func.return %z : tensor<?x?x8xbf16, ["B", "S"]>
}
func.func @main(%x: tensor<?x?x8xbf16, ["B", "S"]>)
    -> (tensor<?x?x8xbf16, ["B", "S"]>, tensor<?xi64, ["S"]>) {
  %a = func.call @layer(%x) {prefix = "model.layers.0"}
    : (tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]>
  %b = func.call @layer(%a) {prefix = "model.layers.1"}
    : (tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]>
  %p = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  func.return %b, %p : tensor<?x?x8xbf16, ["B", "S"]>, tensor<?xi64, ["S"]>
}
"""  # noqa: E501


def by_hand(x: torch.Tensor, state: dict[str, torch.Tensor]) -> torch.Tensor:
    for layer in ("model.layers.0", "model.layers.1"):
        x32 = x.float()
        h = state[f"{layer}.norm.weight"] * (x32 * (x32.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt()).bfloat16()
        y = torch.nn.functional.linear(h, state[f"{layer}.up.weight"])
        x = x + 2 * y.roll(4, dims=-1)
    return x


def test_runs_captured_and_raised_ops_with_prefixes_and_named_sizes() -> None:
    module = parse(MIXED)
    weights = RandomWeights(1, required_headers(module))
    executor = Executor(module, weights, "torch")
    state = {name: weights.tensor(name) for name in weights.names()}
    for batch, length in ((1, 1), (2, 5), (3, 33)):
        x = torch.randn(batch, length, 8).bfloat16()
        y, positions = executor.run("main", x)
        assert isinstance(y, torch.Tensor) and isinstance(positions, torch.Tensor)
        assert torch.equal(y, by_hand(x, state))
        assert positions.tolist() == list(range(length))
    reference, _ = Executor(module, weights).run("main", x)
    assert isinstance(reference, torch.Tensor)
    assert (reference.double() - y.double()).norm() / y.double().norm() < 2e-2


def executor_of(text: str, seed: int = 0) -> Executor:
    module = parse(text)
    return Executor(module, RandomWeights(seed, required_headers(module)))


TOKENS = [7, 3, 49, 0, 12, 12, 31, 5, 8, 44, 2, 19, 6]


@pytest.mark.parametrize(("element", "dtype"), [("bf16", torch.bfloat16), ("f32", torch.float32)])
@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_chunks_and_company_do_not_change_bits(element: str, dtype: torch.dtype, phase: str) -> None:
    assert element in ("bf16", "f32")
    executor = executor_of(phased_text(element))
    whole = logits_of(only(executor, dtype, phase), TOKENS)
    for cuts in ([5], [1, 2, 3, 9], list(range(1, len(TOKENS)))):
        engine = only(executor, dtype, phase)
        first, second, third = (SequenceState(list(tokens)) for tokens in (TOKENS, TOKENS[3:9], [TOKENS[0], 4]))
        engine.step([second, third], [6, 1])
        rows = engine.step([first, third], [cuts[0], 1])
        for start, end in pairwise([*cuts, len(TOKENS)]):
            rows = engine.step([first], [end - start])
        assert torch.equal(rows[0], whole)


def test_absorbed_and_expanded_attention_agree() -> None:
    executor = executor_of(phased_text("f32"))
    expanded = logits_of(only(executor, torch.float32, "prefill"), TOKENS).double()
    absorbed = logits_of(only(executor, torch.float32, "decode"), TOKENS).double()
    assert 0 < (expanded - absorbed).norm() / expanded.norm() < 1e-5


def test_generation_is_the_same_alone_in_company_and_in_chunks() -> None:
    executor = executor_of(phased_text("f32"))

    def made(prompts: list[list[int]], **options: int) -> list[list[int]]:
        return generate(engine_on(executor, torch.float32), prompts, GenerateOptions(6, **options))

    prompts = [[1, 2, 3], [4, 5, 6, 7, 8, 9], [11]]
    together = made(prompts)
    assert [len(tokens) for tokens in together] == [6, 6, 6]
    assert together == [made([prompt])[0] for prompt in prompts]
    assert together == made(prompts, chunk=2)
    with pytest.raises(RequestError, match="at least one token"):
        made([[1], []])


def test_logits_of_every_token_give_the_same_tokens() -> None:
    text = phased_text("f32")
    start, end = text.index("  %last = "), text.index("  %w_head = ")
    end_of_prefill = text.index("func.func private @decode.layer")
    prefill = text[:start] + text[end:end_of_prefill]
    every = prefill.replace("%last", "%h1").replace('tensor<?x32xf32, ["N"]>', 'tensor<?x32xf32, ["T"]>')
    every = every.replace('tensor<?x50xf32, ["N"]>', 'tensor<?x50xf32, ["T"]>') + text[end_of_prefill:]
    results = [
        generate(engine_on(executor, torch.float32), [[1, 2, 3], [4]], GenerateOptions(4))
        for executor in (executor_of(text), executor_of(every))
    ]
    assert every != text
    assert results[0] == results[1]


def test_sampling_depends_on_the_seed_and_not_on_company() -> None:
    executor = executor_of(phased_text("f32"))

    def sampled(seed: int, prompts: list[list[int]]) -> list[list[int]]:
        options = GenerateOptions(8, sampling=SamplingOptions(temperature=1.0, seed=seed))
        return generate(engine_on(executor, torch.float32), prompts, options)

    assert sampled(1, [[1, 2], [3]]) == sampled(1, [[1, 2], [3]])
    assert sampled(1, [[1, 2], [3]])[0] == sampled(1, [[1, 2]])[0]
    assert sampled(1, [[1, 2]]) != sampled(2, [[1, 2]])


def test_a_step_without_tokens_runs() -> None:
    executor = executor_of(phased_text())
    empty = torch.zeros(0, dtype=torch.int32)
    caches = [spec.allocate(1) for spec in specs(torch.bfloat16)]
    results = executor.run(
        "prefill", empty.long(), empty, torch.zeros(1, dtype=torch.int32), empty.view(0, 1), empty, *caches
    )
    assert isinstance(results[0], torch.Tensor)
    assert results[0].shape == (0, 50)


def test_observer_sees_every_op_with_its_results() -> None:
    module = parse(MIXED)
    seen = list[tuple[str, int]]()

    def observe(op: Operation, results: object) -> None:
        assert isinstance(results, list)
        seen.append((op.name, len(results)))

    weights = RandomWeights(0, required_headers(module))
    Executor(module, weights, observer=observe).run("main", torch.ones(1, 2, 8).bfloat16())
    assert seen.count(("nn.linear", 1)) == 2
    assert seen.count(("aten.split_with_sizes", 2)) == 2
    assert ("func.call", 1) in seen and ("aten.arange", 1) in seen


def test_parameters_beyond_the_budget_are_read_again_with_the_same_bits() -> None:
    module = parse(phased_text())
    weights = RandomWeights(0, required_headers(module))
    tight = Executor(module, weights, params_budget_bytes=1000)
    logits = logits_of(only(tight, torch.bfloat16, "prefill"), TOKENS)
    loose = logits_of(only(Executor(module, weights), torch.bfloat16, "prefill"), TOKENS)
    assert torch.equal(logits, loose)
    assert tight.params.used_bytes < 10_000
    assert len(tight.params.values) < 10


def test_wrong_calls_are_explained() -> None:
    executor = executor_of(MIXED)
    x = torch.zeros(1, 2, 8).bfloat16()
    with pytest.raises(UsageError, match=r"no function @mian\n  did you mean @main"):
        executor.run("mian", x)
    with pytest.raises(UsageError, match="takes 1 arguments, not 2"):
        executor.run("main", x, x)
    with pytest.raises(
        BindingError, match=r"argument 0 of @main \(%x\) is a tensor \[1, 2, 8\] f32; the program takes"
    ):
        executor.run("main", x.float())
    with pytest.raises(BindingError, match="has size 9 where the program has 8"):
        executor.run("main", torch.zeros(1, 2, 9).bfloat16())
    with pytest.raises(BindingError, match=r"makes S = 65, which must be in 1\.\.64"):
        executor.run("main", torch.zeros(1, 65, 8).bfloat16())
    with pytest.raises(BindingError, match="is of kind LatentCache"):
        executor.run("main", new_cache(1, 4, 16, 4, latent_dtype=torch.bfloat16, rope_dtype=torch.bfloat16))


def test_sizes_that_contradict_each_other_are_explained() -> None:
    executor = executor_of(phased_text())
    i32 = torch.zeros(2, dtype=torch.int32)
    caches = [spec.allocate(1) for spec in specs(torch.bfloat16)]
    with pytest.raises(BindingError, match=r'seq_offsets\) has size 2 for "N \+ 1", but N = 2'):
        executor.run("prefill", i32.long(), i32, i32, i32.view(2, 1), i32, *caches)
    with pytest.raises(BindingError, match=r'argument 1 of @prefill .* has size 1 for "T", but T = 2'):
        executor.run("prefill", i32.long(), i32[:1], i32[:1], i32.view(2, 1), i32, *caches)
    other = new_cache(1, 8, 16, 4, latent_dtype=torch.bfloat16, rope_dtype=torch.bfloat16)
    with pytest.raises(BindingError, match="is a cache with latent"):
        executor.run("prefill", i32.long(), i32, i32, i32.view(2, 1), i32, other, other)


UNKNOWN = """
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = "test.op"(%x) : (tensor<4xf32>) -> tensor<4xf32> loc("model.py":12:0)
  func.return %y : tensor<4xf32>
}
"""
FAILING = """
func.func @main(%x: tensor<4xi64>) -> tensor<4x2xf32> {
  %w = weight.param "e" : tensor<3x2xf32>
  %y = nn.embedding %x, %w : tensor<4xi64>, tensor<3x2xf32> -> tensor<4x2xf32>
  func.return %y : tensor<4x2xf32>
}
"""


def test_an_op_without_a_meaning_names_itself_and_its_line() -> None:
    with pytest.raises(IRError, match=r"model\.py:12: test\.op has no meaning"):
        executor_of(UNKNOWN).run("main", torch.zeros(4))


def test_an_op_that_fails_is_named() -> None:
    with pytest.raises(ExecutionError, match=r"nn\.embedding failed: "):
        executor_of(FAILING).run("main", torch.tensor([0, 1, 2, 3]))


def test_a_page_outside_the_pool_is_refused() -> None:
    executor = executor_of(phased_text())
    caches = [spec.allocate(1) for spec in specs(torch.bfloat16)]
    one = torch.ones(1, dtype=torch.int32)
    offsets = torch.tensor([0, 1], dtype=torch.int32)
    for page in (5, -1):
        with pytest.raises(ExecutionError, match=r"mla\.append failed"):
            executor.run("prefill", one.long(), one * 0, offsets, (one * page).view(1, 1), one, *caches)


def test_values_are_freed_after_their_last_use() -> None:
    executor = executor_of(MIXED)
    executor.run("main", torch.zeros(1, 2, 8).bfloat16())
    body = executor.bodies["layer"]
    freed = [index for instruction in body.instructions for index in instruction.frees]
    assert len(freed) == len(set(freed))
    made = {index for instruction in body.instructions for index in instruction.outs} - set(body.returned)
    assert made <= set(freed)


def test_results_do_not_change_with_constants_and_repeated_runs() -> None:
    text = """
    func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
      %c = weight.constant dense<[1.0, 2.0, 0.5]> : tensor<3xf32>
      %d = weight.constant dense<3.0> : tensor<3xf32>
      %y = aten.mul.Tensor(%x, %c) : tensor<3xf32>
      %z = aten.add.Tensor(%y, %d) : tensor<3xf32>
      func.return %z : tensor<3xf32>
    }
    """
    executor = Executor(parse(text), StateDictWeights({}))
    for _ in range(2):
        (z,) = executor.run("main", torch.tensor([1.0, 2.0, 4.0]))
        assert isinstance(z, torch.Tensor)
        assert z.tolist() == [4.0, 7.0, 5.0]
