"""A scheduled program of kernels: calls on the streams of the timetable, events wherever one reads what another made.

The program runs once in the interpreter, every launch held to its meaning.  What its calls touch is noted with the
streams and events around it, and worked out from that: which accesses are in a certain order, and which may collide.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from kernel_programs import Forced, Launcher, Site, WatchedGpu, interpreted, outputs_of
from kernel_references import parts
from roundtrip import parse
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference import bindings
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import Engine, Step
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.runtime.space import Frame
from dsv3c.backends.triton.variants import variants_of
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.pipelines import LOWER, RAISE
from dsv3c.compilation.request import Request
from dsv3c.ir.errors import IRError
from dsv3c.ir.sizes import evaluate
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.runtime import Engine as ModuleEngine

SEED, PAGES = 4, 4
STEPS = (5, 2)
"""Tokens of the two steps; both are of two sequences."""
CONFIG = Path(__file__).parents[2] / "models" / "configs" / "tiny.json"
FEWER = {
    **{"num_hidden_layers": 2, "first_k_dense_replace": 0, "num_nextn_predict_layers": 0},
    **{"n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2},
}
PHASES = "specialize-phases{phases=prefill,decode page-size=16 context=64 max-context=256 max-tokens=64 max-batch=4}"
PASSES = (
    *RAISE,
    PHASES,
    *LOWER,
    "shard-experts{ep=1}",
    "bucket-tokens,insert-fp8-qdq,fold-weights,fuse-qdq{promote=128},fuse-rms-norm-quant,fuse-swiglu-quant",
    "fuse-rope-cache-append,assign-layouts,skip-padding,cse,dce,split-microbatches,cut-segments,schedule-overlap",
)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleOp:
    """Two layers with experts, in micro-batches, scheduled on two streams."""
    file = tmp_path_factory.mktemp("model") / "config.json"
    file.write_text(json.dumps(json.loads(CONFIG.read_text()) | FEWER))
    request = Request(model=str(file), target="h800", level="kernels", pipeline=",".join(PASSES), allow_unapplied=True)
    lowered = compile_model(request).lowered
    assert lowered is not None
    return lowered


@dataclass(frozen=True)
class Touch:
    """Bytes that work on a stream reads or writes."""

    stream: str
    writes: bool
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Record:
    """An event behind what a stream was given."""

    stream: str
    event: int


@dataclass(frozen=True)
class Wait:
    """A stream waits for events."""

    stream: str
    events: tuple[int, ...]


Noted = Touch | Record | Wait


@dataclass
class Notes:
    """What a device was asked for, in the order of the program."""

    steps: list[Noted] = field(default_factory=list[Noted])
    stream: str = "compute"
    kept: list[object] = field(default_factory=list[object])
    """So that no other value takes the memory of one that was noted."""

    def touch(self, values: list[Any], *, writes: bool) -> None:
        """Values that are read or written now."""
        tensors = [part for value in values if not isinstance(value, int) for part in parts(value)]
        self.kept += tensors
        self.steps.append(Touch(self.stream, writes, tuple(extent(tensor) for tensor in tensors if tensor.numel())))

    def wrap(self, forced: Forced) -> Callable[[str, Launcher], Launcher]:
        """Launchers whose operands are noted."""

        def wrapped(name: str, launcher: Launcher) -> Launcher:
            inner = forced.wrap(name, launcher)

            def run(site: Site, **keywords: Any) -> None:
                outputs = outputs_of(site.op, keywords)
                self.touch([keywords[key] for key in site.op.read_names], writes=False)
                inner(site, **keywords)
                self.touch(list(outputs.values()), writes=True)

            return run

        return wrapped


def extent(tensor: Tensor) -> tuple[int, int]:
    """From the first byte of a tensor to behind its last."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.dtype.itemsize


class NotingGpu(WatchedGpu):
    """The interpreter, and what goes to which stream behind which event."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes, self.numbers = notes, count()

    @contextmanager
    def stream(self, name: str) -> Iterator[None]:
        before, self.notes.stream = self.notes.stream, name
        yield
        self.notes.stream = before

    def record(self) -> Any:
        made = Record(self.notes.stream, next(self.numbers))
        self.notes.steps.append(made)
        return made.event

    def wait(self, *events: Any) -> None:
        self.notes.steps.append(Wait(self.notes.stream, events))


@dataclass
class Run:
    """What came of a prompt and a decode step."""

    notes: Notes
    found: list[Tensor]
    expected: list[Tensor]
    absent: set[Any]


@pytest.fixture(scope="module")
def ran(module: ModuleOp) -> Run:
    notes, forced, patch = Notes(), Forced(module), pytest.MonkeyPatch()
    fetched, placed = Frame.fetched, Frame.placed

    def noting_fetched(self: Frame, *values: Any) -> Any:
        notes.touch([value for value in values if isinstance(value, Tensor | Scaled)], writes=False)
        return fetched(self, *values)

    def noting_placed(self: Frame, value: Any, **keywords: Any) -> Any:
        made = placed(self, value, **keywords)
        notes.touch([made], writes=True)
        return made

    def searched(expression: str, unknown: str, actual: int, sizes: Any) -> int | None:
        """Of a half, several sizes fit, and the operands of a single call leave open which it is of."""
        fits = (size for size in STEPS if evaluate(expression, {**sizes, unknown: size}) == actual)
        return next(fits, None) or solve(expression, unknown, actual, sizes)

    gpu, solve = NotingGpu(notes), bindings.solve
    with patch.context() as inside:
        inside.setattr(Frame, "fetched", noting_fetched)
        inside.setattr(Frame, "placed", noting_placed)
        inside.setattr(bindings, "solve", searched)
        entries = interpreted(module, notes.wrap(forced), gpu)
        params = Params(RandomSource(SEED))
        steps: list[Step] = [entries[name].step(name, params) for name in ("prefill", "decode")]
        found = run_steps(Engine(steps, entries["decode"].caches, pages=PAGES))
    executor = Executor(module, RandomWeights(SEED, required_headers(module)))
    expected = run_steps(ModuleEngine(module, executor, pages=PAGES))
    return Run(notes, found, expected, gpu.variants - {*variants_of(module, gpu.num_sms)})


def run_steps(engine: Engine) -> list[Tensor]:
    """Two prompts in micro-batches of three and two tokens, then decode of a sequence in each."""
    first, second = SequenceState([1, 2, 3, 4, 5]), SequenceState([9, 8])
    return [*engine.run("prefill", [first, second], [4, 1]), *engine.run("decode", [first, second], [1, 1])]


def test_a_scheduled_program_gives_the_bits_of_its_meaning(ran: Run) -> None:
    assert len(ran.found) == len(ran.expected) == 4
    assert all(torch.equal(got, want) for got, want in zip(ran.found, ran.expected, strict=True))
    assert not ran.absent, "every kernel that is launched is one that is compiled ahead of time"


def collisions(steps: list[Noted]) -> list[tuple[Touch, Touch]]:
    """Pairs of accesses to the same bytes, one of them a write, on streams that do not wait for each other."""
    clocks, events = dict[str, dict[str, int]](), dict[int, dict[str, int]]()
    earlier, found = list[tuple[Touch, int]](), list[tuple[Touch, Touch]]()
    for number, step in enumerate(steps):
        clock = clocks.setdefault(step.stream, {})
        match step:
            case Record():
                events[step.event] = dict(clock)
            case Wait():
                for event in step.events:
                    for stream, passed in events[event].items():
                        clock[stream] = max(clock.get(stream, -1), passed)
            case Touch():
                found += [
                    (other, step) for other, at in earlier if at > clock.get(other.stream, -1) and meet(other, step)
                ]
                earlier.append((step, number))
                clock[step.stream] = number
    return found


def meet(first: Touch, second: Touch) -> bool:
    """Whether one writes what the other touches."""
    if not (first.writes or second.writes):
        return False
    return any(a < d and c < b for a, b in first.ranges for c, d in second.ranges)


def test_what_another_stream_made_is_waited_for(ran: Run) -> None:
    steps = ran.notes.steps
    assert {step.stream for step in steps if isinstance(step, Touch)} == {"compute", "comm"}
    assert collisions(steps) == []


def test_no_wait_can_be_left_out(ran: Run) -> None:
    """Each of them keeps accesses apart, so the events are not more than the data asks for, nor is the test blind."""
    steps = ran.notes.steps
    waits = [place for place, step in enumerate(steps) if isinstance(step, Wait)]
    assert len(waits) > 8
    needless = [place for place in waits if not collisions([*steps[:place], *steps[place + 1 :]])]
    assert needless == []


@pytest.mark.parametrize("entry", ["prefill", "decode"])
def test_calls_stand_on_their_streams_as_the_timetable_starts_them(module: ModuleOp, entry: str) -> None:
    table = timetable_of(timetables(module)[entry])
    streams = {re.sub(r"\W", "_", str(slot.instance.segment)): slot.stream for slot in table.expanded()}
    text = emit_kernels_program(module)["program.py"]
    body = text[text.index(f"\ndef {entry}(") :]
    body = body[: body.index("\n    return")]
    listed = re.findall(rf"^( +)\S.* = {entry}_layer\w*?_mb(\d)_(\w+)\(", body, re.M)
    assert len(listed) == len(table.expanded())
    for indent, _, segment in listed:
        assert (len(indent) == 8) == (streams[segment] == "comm")
    for stream in ("compute", "comm"):
        wanted = [
            (str(slot.instance.microbatch), re.sub(r"\W", "_", slot.instance.segment))
            for slot in sorted(table.expanded(), key=lambda slot: slot.start)
            if slot.stream == stream
        ]
        assert [(batch, segment) for _, batch, segment in listed if streams[segment] == stream] == wanted


def test_several_ranks_are_refused() -> None:
    module = parse("comm.mesh @ep nodes 1 gpus 2\nfunc.func @main() {\n  func.return\n}")
    with pytest.raises(IRError, match="among the 2 ranks"):
        emit_kernels_program(module)
