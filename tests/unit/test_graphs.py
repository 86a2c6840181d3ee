"""Steps as graphs: captured once per size, filled up with rows that change nothing, replayed with the step's tables."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from kernel_programs import load_program
from recorded_graphs import CapturingGpu, NotingRecorder
from roundtrip import parse
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.triton.emission.captures import capture_text, executed, mixes_rows
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.runtime import entries as entries_module
from dsv3c.backends.triton.runtime.entries import (
    DeviceEntry,
    Entry,
    about_graphs,
    entries_on,
    recorder_for,
    run_kernels,
)
from dsv3c.backends.triton.runtime.graphs import Capture, CudaGraphs, Graph
from dsv3c.backends.triton.runtime.records import GpuError
from dsv3c.backends.triton.runtime.space import Space
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.ir.dialects.kernel import LiteralsAttr
from dsv3c.ir.functions import functions

POINT = {
    **{"phases": ("decode", "verify"), "speculative": True, "max_batch": 4, "max_tokens": 8},
    **{"context": 64, "max_context": 256, "page_size": 64},
}
CONFIG = Path(__file__).parents[2] / "models" / "configs" / "tiny.json"
FEWER = {
    **{"num_hidden_layers": 1, "first_k_dense_replace": 0, "vocab_size": 128, "hidden_size": 128},
    **{"num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 64, "kv_lora_rank": 64},
    **{
        "qk_nope_head_dim": 32,
        "v_head_dim": 32,
        "qk_rope_head_dim": 16,
        "moe_intermediate_size": 64,
        "intermediate_size": 64,
    },
    **{"n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2},
}
PAGES, WIDTH = 6, 4
"""Pages of a cache; of a sequence, at most."""
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleOp:
    """A layer with experts, and what drafts."""
    file = tmp_path_factory.mktemp("model") / "config.json"
    file.write_text(json.dumps(json.loads(CONFIG.read_text()) | FEWER))
    lowered = compile_model(Request(model=str(file), target="h800", level="kernels", point=POINT)).lowered
    assert lowered is not None
    return lowered


@pytest.fixture(scope="module")
def program(module: ModuleOp) -> dict[str, Entry]:
    return load_program(emit_kernels_program(module)["program.py"])["ENTRIES"]


Rows = Sequence[tuple[Sequence[int], int, Sequence[int]]]
"""Of every sequence: new tokens, how many are cached before, pages."""


def tables(rows: Rows, width: int = WIDTH) -> list[Tensor]:
    int32, offsets = torch.int32, [0]
    for tokens, _, _ in rows:
        offsets.append(offsets[-1] + len(tokens))
    return [
        torch.tensor([token for tokens, _, _ in rows for token in tokens]),
        torch.tensor([before + at for tokens, before, _ in rows for at in range(len(tokens))], dtype=int32),
        torch.tensor(offsets, dtype=int32),
        torch.tensor([[*pages, *[5] * (width - len(pages))] for _, _, pages in rows], dtype=int32),
        torch.tensor([before + len(tokens) for tokens, before, _ in rows], dtype=int32),
    ]


def filled(entry: DeviceEntry) -> list[LatentCache]:
    """Caches with the same numbers in every test."""
    made = [spec.allocate(PAGES) for spec in entry.caches]
    for cache in made:
        for part in (cache.latent, cache.rope):
            part.copy_(torch.randn(part.shape, generator=torch.Generator().manual_seed(7)))
    return made


class Both:
    """An entry twice: without graphs and with them."""

    def __init__(self, program: dict[str, Entry], name: str) -> None:
        self.gpu, self.params = CapturingGpu(), Params(RandomSource(3))
        self.recorder = NotingRecorder(self.gpu)
        self.eager = entries_on(program, self.gpu, CPU)[name]
        self.graphs = entries_on(program, self.gpu, CPU, self.recorder)[name]
        self.caches = filled(self.eager), filled(self.graphs)

    def step(self, *given: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Results of a step without and with graphs; the caches must be the same afterwards, all of their rows."""
        results = list[list[Tensor]]()
        for entry, caches in zip((self.eager, self.graphs), self.caches, strict=True):
            with torch.no_grad():
                *values, last = entry.bind(self.params)(*given, *caches)
            assert last is caches[-1]
            results.append([value for value in values if isinstance(value, Tensor)])
        for left, right in zip(*self.caches, strict=True):
            assert torch.equal(left.latent, right.latent) and torch.equal(left.rope, right.rope)
        return results[0], results[1]


def test_replayed_steps_give_the_bits_of_steps_without_graphs(program: dict[str, Entry]) -> None:
    both = Both(program, "decode")
    steps: list[Rows] = [
        [([11], 3, [0]), ([12], 70, [1, 2]), ([13], 0, [3])],
        [([21], 4, [0]), ([22], 71, [1, 2]), ([23], 1, [3])],  # replayed with other tokens, positions and lengths
        [([31], 72, [1, 2])],  # of another size
        [([41], 64, [0, 4]), ([42], 73, [1, 2]), ([43], 2, [3]), ([44], 9, [4])],  # all of the size is used
    ]
    for rows in steps:
        eager, graphs = both.step(*tables(rows))
        assert [value.shape for value in graphs] == [value.shape for value in eager]
        assert all(torch.equal(left, right) for left, right in zip(eager, graphs, strict=True))
    assert [graph.replays for graph in both.recorder.graphs] == [2, 0]


def test_tokens_that_are_fewer_than_the_sequences_may_bring_are_filled_up_too(program: dict[str, Entry]) -> None:
    both = Both(program, "verify")
    for rows in ([([5], 1, [0]), ([6, 7], 2, [1])], [([8, 9], 2, [0]), ([1, 2], 4, [1])]):
        eager, graphs = both.step(*tables(rows))
        assert graphs[0].shape[0] == graphs[1].shape[0] == len(tables(rows)[0])
        assert all(torch.equal(left, right) for left, right in zip(eager, graphs, strict=True))
    assert [graph.replays for graph in both.recorder.graphs] == [1]


def test_hidden_states_are_filled_up_as_tokens_are(program: dict[str, Entry]) -> None:
    both = Both(program, "mtp_decode")
    hidden = torch.randn(3, 128, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    rows: Rows = [([11], 3, [0]), ([12], 6, [1]), ([13], 0, [3])]
    for _ in range(2):
        eager, graphs = both.step(hidden, *tables(rows))
        assert torch.equal(eager[0], graphs[0])


def test_everything_is_captured_ahead_and_no_row_of_a_cache_is_written(program: dict[str, Entry]) -> None:
    both = Both(program, "decode")
    before = [cache.latent.clone() for cache in both.caches[1]]
    both.graphs.warm_up(both.params, both.caches[1])
    assert all(torch.equal(old, new.latent) for old, new in zip(before, both.caches[1], strict=True))
    assert len(both.recorder.graphs) == 3, "of 4, 2 and 1 sequences"
    both.eager.warm_up(both.params, both.caches[0])  # nothing to do without graphs
    eager, graphs = both.step(*tables([([11], 3, [0]), ([12], 70, [1, 2])]))
    assert torch.equal(eager[0], graphs[0])
    assert [graph.replays for graph in both.recorder.graphs] == [0, 1, 0]


def test_other_caches_and_parameters_have_graphs_of_their_own(program: dict[str, Entry]) -> None:
    both = Both(program, "decode")
    rows = tables([([11], 3, [0])])
    both.step(*rows)
    eager, graphs = both.caches
    both.caches = eager, [replace(cache) for cache in graphs]  # other objects, the same memory
    both.step(*rows)
    assert [graph.replays for graph in both.recorder.graphs] == [1]
    both.caches = filled(both.eager), filled(both.graphs)
    both.step(*rows)
    both.params = Params(RandomSource(4))
    eager, graphs = both.step(*rows)
    assert torch.equal(eager[0], graphs[0])
    assert [graph.replays for graph in both.recorder.graphs] == [1, 0, 0]


def test_steps_beyond_the_plan_are_refused(program: dict[str, Entry]) -> None:
    both = Both(program, "decode")
    with pytest.raises(GpuError, match="5 tokens of 5 sequences; memory is planned for 4 of 4"):
        both.graphs.bind(both.params)(*tables([([1], 0, [0])] * 5), *both.caches[1])
    with pytest.raises(GpuError, match="has 5 pages; memory is planned for 4"):
        both.graphs.bind(both.params)(*tables([([1], 0, [0])], width=5), *both.caches[1])
    assert not both.recorder.graphs and not both.gpu.ran


def test_sizes() -> None:
    capture = Capture(tokens=10, sequences=6, pages=1, results=())
    assert [capture.size(count, count, 1) for count in (0, 1, 2, 3, 5, 6)] == [
        (1, 1), (1, 1), (2, 2), (4, 4), (6, 6), (6, 6),
    ]  # fmt: skip
    assert capture.size(5, 5, 2) == (10, 6), "tokens end where the plan does"
    assert capture.sizes(1) == [(6, 6), (4, 4), (2, 2), (1, 1)]
    with pytest.raises(GpuError, match="3 new tokens of 1 sequences, which may bring 2 each"):
        capture.size(3, 1, 2)
    exact = Capture(tokens=10, sequences=6, pages=1, results=(), padded=False)
    assert exact.size(5, 3, 2) == (5, 3)


def test_why_an_entry_is_not_captured(module: ModuleOp) -> None:
    copy = module.clone()
    decode = functions(copy)["decode"]
    assert capture_text(decode) == 'Capture(tokens=4, sequences=4, pages=4, results=("sequence", "token"))'
    planned = decode.attributes["planned"]
    assert isinstance(planned, LiteralsAttr)
    decode.attributes["planned"] = LiteralsAttr.make({k: v for k, v in planned.as_dict().items() if k != "P"})
    assert capture_text(decode) == '"its memory is not planned for a largest step"'
    decode.attributes["planned"], phase = planned, decode.attributes["phase"]
    decode.attributes["phase"] = type(phase)({k: v for k, v in phase.data.items() if k != "capturable"})
    assert capture_text(decode) is None


HOST = """
dsv3c.symbol @N min 0 max 4
dsv3c.symbol @P min 1 max 2
dsv3c.symbol @T min 0 max 4
func.func @decode(%x: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>,
    %table: tensor<?x?xi32, ["N", "P"]>, %lens: tensor<?xi32, ["N"]>) -> tensor<?x128xf32, ["T"]>
    attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 1 : i64,
      sequences = 1 : i64, context = 1 : i64, capturable}, planned = #kernel.literals<T 4, N 4, P 2>} {
  %w = weight.param "w" : tensor<8x128xf32>
  %y = nn.embedding %x, %w : tensor<?xi64, ["T"]>, tensor<8x128xf32> -> tensor<?x128xf32, ["T"]>
  BODY
  func.return %y : tensor<?x128xf32, ["T"]>
}
"""
QUANTIZER = 'quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none">'
PART = """
  %o, %t, %l = nn.step_part %offsets, %table, %lens first "1" count "2" keep "present"
    : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
    -> tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", 'Capture(tokens=4, sequences=4, pages=2, results=("token",))'),
        (PART, '"the host cuts the tables of its micro-batches"'),
        (
            f'%q = scaled.quantize %y {QUANTIZER} : tensor<?x128xf32, ["T"]> -> '
            '!scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, *x*, f32>',
            'Capture(tokens=4, sequences=4, pages=2, results=("token",), padded=False)',
        ),
        (
            f'%q = scaled.quantize %y {QUANTIZER} : tensor<?x128xf32, ["T"]> -> '
            '!scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>',
            'Capture(tokens=4, sequences=4, pages=2, results=("token",))',
        ),
    ],
)
def test_what_the_host_decides_and_what_mixes_rows_is_seen(body: str, said: str) -> None:
    (function,) = functions(parse(HOST.replace("BODY", body))).values()
    assert capture_text(function) == said
    assert any(map(mixes_rows, executed(function, {}))) == ("padded" in said)


def test_what_the_host_does_in_a_capture_is_an_error() -> None:
    space, table = Space(CPU), torch.zeros(1, dtype=torch.int32)
    (copy,) = space.upload(table)
    with space.captured():
        for work in (
            lambda: space.upload(table), lambda: space.total(copy), lambda: space.fetched(table),
            lambda: space.placed(table), lambda: space.constant(table),
        ):  # fmt: skip
            with pytest.raises(GpuError, match="cannot be captured"):
                work()
    assert space.total(copy) == 0


def test_graphs_are_asked_for_and_refused() -> None:
    captured = Entry(print, capture=Capture(tokens=1, sequences=1, pages=1, results=()))
    other = Entry(print, capture="the host exchanges rows (comm.dispatch)")
    entries = {"prefill": Entry(print), "decode": captured, "verify": other}
    gpu = CapturingGpu()
    assert recorder_for(entries, gpu, "off") is None
    assert isinstance(recorder := recorder_for(entries, gpu, "auto"), CudaGraphs)
    assert about_graphs(entries, recorder) == (
        "CUDA graphs: decode; without: verify (the host exchanges rows (comm.dispatch))"
    )
    assert about_graphs(entries, None) == "CUDA graphs: none"
    with pytest.raises(GpuError, match="steps of verify cannot be captured: the host exchanges rows"):
        recorder_for(entries, gpu, "on")


@pytest.mark.parametrize(("asked", "kind"), [([], CudaGraphs), (["--cuda-graph", "off"], type(None))])
def test_the_command_line_chooses(asked: list[str], kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    found = list[object]()
    gpu = SimpleNamespace(device=CPU, check_memory=lambda **_: None, load_all=lambda: None)
    monkeypatch.setattr(entries_module, "CubinGpu", lambda _: gpu)
    monkeypatch.setattr(entries_module, "entries_on", lambda *given: found.append(given[-1]) or {})
    assert run_kernels({}, Path(), ["--tokens", "1", *asked]) == 1  # there is nothing to generate with
    assert [type(recorder) for recorder in found] == [kind]


def test_weights_caches_and_workspace_are_looked_at_together(
    program: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict[str, int]()
    gpu = SimpleNamespace(device=CPU, check_memory=found.update, load_all=lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(entries_module, "CubinGpu", lambda _: gpu)
        patch.setattr(entries_module, "entries_on", lambda *_: {})
        run_kernels(program, Path(), ["--tokens", "1,2", "--tokens", "3", "--max-new-tokens", "63"])
    row = (64 + 16) * 2
    assert found["caches"] == 3 * 64 * row, "two pages, and one, of one layer"
    assert found["workspace"] == max(entry.workspace for entry in program.values())
    params = Params(RandomSource(3))
    entry = entries_on(program, CapturingGpu(), CPU)["decode"]
    with torch.no_grad():
        entry.bind(params)(*tables([([1], 0, [0])]), *filled(entry))
    assert 0 < sum(value.nbytes for value in params.values.values() if isinstance(value, Tensor)) <= found["weights"]


def test_prompts_that_memory_is_not_planned_for_are_told_before_the_first_token(
    program: dict[str, Entry], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gpu = SimpleNamespace(device=CPU, check_memory=lambda **_: None, load_all=lambda: None)
    monkeypatch.setattr(entries_module, "CubinGpu", lambda _: gpu)
    for asked, said in (
        (["--tokens", "1"] * 5, "5 prompts; decode is planned for 4 sequences"),
        (["--tokens", "1,2", "--max-new-tokens", "255"], "are 257 tokens; decode is planned for 256"),
        (["--tokens", "1,x"], "takes numbers with commas"),
    ):
        assert run_kernels(program, Path(), asked) == 1
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("invariant", [False, True])
def test_drafts_may_change_the_text_unless_a_token_has_the_same_bits_in_every_step(
    invariant: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gpu = SimpleNamespace(device=CPU, check_memory=lambda **_: None, load_all=lambda: None)
    monkeypatch.setattr(entries_module, "CubinGpu", lambda _: gpu)
    monkeypatch.setattr(entries_module, "entries_on", lambda *_: {})
    monkeypatch.setattr(entries_module, "run_chosen", lambda *_: 0)
    assert (
        run_kernels({"decode": Entry(print, batch_invariant=invariant)}, Path(), ["--tokens", "1", "--speculative"])
        == 0
    )
    assert ("compile with --batch-invariant" in capsys.readouterr().err) != invariant


class FakeTorchGraph:
    """``torch.cuda.CUDAGraph``."""

    replayed = 0

    def replay(self) -> None:
        self.replayed += 1


def test_graphs_of_pytorch_share_a_pool_and_count_what_they_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[dict[str, Any]]()

    @contextmanager
    def graph(made: FakeTorchGraph, **options: Any) -> Iterator[None]:
        asked.append(options)
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeTorchGraph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", object)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: f"a stream of {device}")
    gpu = SimpleNamespace(device="cuda:0", launches={"a.b": 1})

    def work() -> list[object]:
        gpu.launches = {"a.b": gpu.launches["a.b"] + 2, "c.d": 1}
        return ["made"]

    recorder = CudaGraphs(gpu)
    made: Graph
    made, values = recorder.record(work)
    recorder.record(work)
    assert values == ["made"] and gpu.launches == {"a.b": 1}, "captured work has not run"
    made.replay()
    assert gpu.launches == {"a.b": 3, "c.d": 1}
    first, second = asked
    assert first == second and first["stream"] == "a stream of cuda:0"
    assert first["capture_error_mode"] == "thread_local"

    def failing() -> list[object]:
        raise RuntimeError("operation not permitted when stream is capturing")

    with pytest.raises(GpuError, match="cannot be captured: operation not permitted") as error:
        recorder.record(failing)
    assert "--cuda-graph off" in error.value.hint
