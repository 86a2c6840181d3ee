"""Experts under a memory budget: the same tokens, never more bytes than allowed, and what cannot be read one by one."""

import pytest
import torch
from phased_program import phased_text
from roundtrip import parse
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.by_expert import check_readable, readable_by_expert
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.expert_params import with_expert_budget
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.experts import ExpertCache, num_bytes
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.targets import load_target
from dsv3c.passes.bucket_tokens import BucketTokensPass
from dsv3c.passes.fold_weights import FoldWeightsPass
from dsv3c.passes.fuse_qdq import FuseQdqPass
from dsv3c.passes.insert_fp8_qdq import InsertFp8QdqPass
from dsv3c.runtime import Engine, GenerateOptions, generate

PROMPTS = [[1, 2, 3, 4, 5], [7], [11, 12, 13]]
MATRIX = 16 * 32 * 2
"""Bytes of an expert's gate and up rows in bf16."""
EXPERTS = 2 * 4 * MATRIX
"""Of all experts, in two layers."""


def prepared(*, rows: bool, quantised: bool) -> ModuleOp:
    module = parse(phased_text())
    ctx = make_context(target=load_target("cpu"))
    steps = [BucketTokensPass()] if rows else []
    steps += [InsertFp8QdqPass(recipe="deepseek-v3"), FoldWeightsPass(), FuseQdqPass()] if quantised else []
    for step in steps:
        step.apply(ctx, module)
    return module


@pytest.mark.parametrize(("rows", "quantised"), [(False, False), (True, False), (True, True)])
def test_tokens_are_the_same_and_the_budget_holds(rows: bool, quantised: bool) -> None:
    module = prepared(rows=rows, quantised=quantised)
    weights = RandomWeights(0, required_headers(module))
    options = GenerateOptions(max_new_tokens=6, chunk=3)
    expected = generate(Engine(module, Executor(module, weights), pages=32), PROMPTS, options)
    found = dict[int, ExpertCache]()
    for budget in (MATRIX, 3 * MATRIX, 2 * EXPERTS):
        cache = found[budget] = ExpertCache(budget)
        executor = with_expert_budget(Executor(module, weights), weights, cache)
        assert generate(Engine(module, executor, pages=32), PROMPTS, options) == expected
        assert 0 < cache.peak_bytes <= budget
        assert cache.used_bytes == sum(value.nbytes for value in cache.values.values())
    few, some, all_of_them = found.values()
    assert few.misses > some.misses > all_of_them.misses == len(all_of_them.values), "each is read once, for all phases"
    assert len({cache.hits + cache.misses for cache in found.values()}) == 1


def test_an_expert_beyond_the_budget_is_refused() -> None:
    module = prepared(rows=True, quantised=False)
    weights = RandomWeights(0, required_headers(module))
    executor = with_expert_budget(Executor(module, weights), weights, ExpertCache(MATRIX - 1))
    with pytest.raises(Dsv3cError, match="matrix has 1,024 bytes, the budget for experts 1,023"):
        generate(Engine(module, executor, pages=32), PROMPTS)


def param(module: ModuleOp, name: str) -> ParamOp:
    return next(op for op in module.walk() if isinstance(op, ParamOp) and op.key.data == name)


def test_what_needs_all_experts_is_not_read_one_by_one() -> None:
    text = phased_text()
    check_readable(parse(text))
    assert readable_by_expert(param(parse(text), "gate_up"))
    assert not readable_by_expert(param(parse(text), "down")), "one stored tensor"
    assert not readable_by_expert(param(parse(text), "kv_a.weight"))
    joined = "aten.cat([%g, %u], dim = 1) : tensor<4x16x32xbf16>"
    mixed = "aten.cat([%g, %u], dim = 0) : tensor<8x8x32xbf16>\n %gv = aten.view(%gu) : tensor<4x16x32xbf16>"
    wrong = text.replace(joined, mixed).replace("weight.yield %gu", "weight.yield %gv")
    with pytest.raises(UsageError, match=r"gate_up cannot be read expert by expert: aten\.cat takes all of them"):
        check_readable(parse(wrong))
    seen = text.replace(
        "  %w_down = weight.param", "  %all = aten.neg(%w_up) : tensor<4x16x32xbf16>\n  %w_down = weight.param"
    )
    with pytest.raises(UsageError, match=r"gate_up cannot be read expert by expert: aten\.neg takes all of them"):
        check_readable(parse(seen))
    with pytest.raises(UsageError, match="stacks no stored experts"):
        check_readable(parse("func.func @main() { func.return }"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8GiB", 8 << 30), ("512MiB", 512 << 20), ("1.5GB", 1_500_000_000), ("70 kB", 70_000), ("9", 9)],
)
def test_amounts_of_memory(text: str, expected: int) -> None:
    assert num_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "GiB", "8 gigabytes", "-1", "0", "nan", "inf", "8XB"])
def test_what_is_no_amount_of_memory(text: str) -> None:
    with pytest.raises(RequestError, match=r"memory|holds nothing"):
        num_bytes(text)


def test_the_least_recently_used_go_first() -> None:
    cache, read = ExpertCache(2), list[str]()

    def ask(name: str) -> None:
        def load() -> torch.Tensor:
            read.append(name)
            return torch.zeros(1, dtype=torch.int8)

        cache.get(name, load)

    for name in "abacab":
        ask(name)
    assert read == ["a", "b", "c", "b"], "c took the place of b, which was used before a"
    assert (cache.hits, cache.misses, cache.peak_bytes) == (2, 4, 2)
    assert cache.line() == "experts: 2 hits, 4 misses (33.3% hits); at most 2 of 2 bytes held"
