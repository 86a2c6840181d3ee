"""A whole model through the program that is emitted for a GPU, its kernels in Triton's interpreter.

Every launch is held to its meaning by its policy, and gives then what the meaning gives: so the program's logits are
the executor's bits.  Without that, with the experts that the kernels chose, they are as near as rounding allows.
"""

from collections.abc import Callable

import pytest
import torch
from kernel_programs import Choices, Forced, WatchedGpu, interpreted
from kernel_references import calc_diff
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.command import Entry
from dsv3c.backends.reference.runtime.generate import Engine
from dsv3c.backends.reference.runtime.paging import SequenceState, step_tables
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.backends.triton.variants import variants_of
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.runtime import Engine as ModuleEngine

SEED, PAGES = 4, 4
FREE = 2e-2
"""Largest ``calc_diff`` of logits when kernels run freely through all layers, with the reference's routing forced to
theirs: a quantised row that rounds differently moves random weights' logits by about a hundredth (relative)."""


@pytest.fixture(scope="module")
def module() -> ModuleOp:
    """All of the tiny model, in the phases that a prompt and its continuation need, and the drafts'."""
    lowered = compile_model(Request(model="tiny", target="h800", level="kernels")).lowered
    assert lowered is not None
    return lowered


def run_steps(engine: Engine) -> list[Tensor]:
    """Prefill of a prompt (in the phase that expands keys), and of another; then both decode."""
    first, second = SequenceState([1, 2, 3, 4, 5]), SequenceState([9, 8])
    logits = [*engine.run("prefill", [first], [4]), *engine.run("prefill.short", [second], [1])]
    return [*logits, *engine.run("decode", [first, second], [1, 1])]


def kernels_engine(entries: dict[str, Entry]) -> Engine:
    """An engine of the emitted program."""
    phases = {name: entry for name, entry in entries.items() if entry.queries and not entry.drafts}
    params = Params(RandomSource(SEED))
    steps = [entry.step(name, params) for name, entry in phases.items()]
    return Engine(steps, phases["decode"].caches, pages=PAGES)


def reference_engine(module: ModuleOp, replay: Callable[[], Tensor] | None = None) -> Engine:
    """An engine of the executor, on the same module: bodies are what calls mean."""
    executor = Executor(module, RandomWeights(SEED, required_headers(module)), replay=replay)
    return ModuleEngine(module, executor, pages=PAGES)


def test_every_launch_gives_what_its_meaning_gives(module: ModuleOp) -> None:
    forced, gpu = Forced(module), WatchedGpu()
    entries = interpreted(module, forced.wrap, gpu)
    found, expected = run_steps(kernels_engine(entries)), run_steps(reference_engine(module))
    assert all(torch.equal(got, want) for got, want in zip(found, expected, strict=True))
    drafted, expected = draft(module, entries)
    assert torch.equal(drafted, expected)
    assert forced.checked.keys() == {op.launcher.data for op in module.walk() if isinstance(op, KernelCallOp)}
    absent = gpu.variants - {*variants_of(module, gpu.num_sms)}
    assert not absent, "every kernel that is launched is one that is compiled ahead of time"
    skipping = {op.launcher.data for op in module.walk() if isinstance(op, KernelCallOp) and skips_padding(op)}
    assert skipping == {"permute.permute", "scaled_grouped_mm.scaled_grouped_mm", "swiglu.swiglu_quantize"}


def skips_padding(op: KernelCallOp) -> bool:
    """Whether a call is told that padding rows may hold anything."""
    by_expert = op.launcher.data.startswith("swiglu.") and "expert_of" in op.read_names
    return by_expert or bool(op.parameters.as_dict().get("skips_padding", False))


def draft(module: ModuleOp, entries: dict[str, Entry]) -> tuple[Tensor, Tensor]:
    """Logits of a draft after two tokens, by the program and by the executor."""
    tables = step_tables([SequenceState([3, 4], pages=[1])], [2])
    hidden = torch.randn(2, 384, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    entry, executor = entries["mtp_prefill.short"], Executor(module, RandomWeights(SEED, required_headers(module)))
    found, expected = (
        run(hidden, *tables.arguments(), *(spec.allocate(PAGES) for spec in entry.caches))[0]
        for run in (entry.bind(Params(RandomSource(SEED))), lambda *args: executor.run("mtp_prefill.short", *args))
    )
    return found, expected


def test_logits_of_free_kernels_with_their_routing(module: ModuleOp) -> None:
    choices = Choices()
    found = run_steps(kernels_engine(interpreted(module, choices.wrap)))
    ids = iter(choices.ids)
    expected = run_steps(reference_engine(module, lambda: next(ids)))
    for got, want in zip(found, expected, strict=True):
        assert calc_diff(got, want) < FREE
    assert next(ids, None) is None, "as many choices as gates"
