"""A whole model through the program that is emitted for a GPU, its kernels in Triton's interpreter.

Every launch is held to its meaning by its policy, and gives then what the meaning gives: so the program's logits are
the executor's bits.  Without that, with the experts that the kernels chose, they are as near as rounding allows.
"""

from collections.abc import Callable

import pytest
import torch
from kernel_programs import Choices, Forced, Wrap, interpreted
from kernel_references import calc_diff
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import Engine
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.compiler import Request, compile_model
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.runtime import Engine as ModuleEngine

SEED, PAGES = 4, 4
FREE = 3e-3
"""Largest ``calc_diff`` of logits when kernels run freely with the reference's routing forced to theirs: quantised
rows that round differently move random weights' logits by up to a few hundredths."""


@pytest.fixture(scope="module")
def module() -> ModuleOp:
    """A dense layer and one with experts, in the phases that a prompt and its continuation need."""
    request = Request(model="tiny", target="h800", level="kernels", layers=(1, 3))
    lowered = compile_model(request).lowered
    assert lowered is not None
    return lowered


def run_steps(engine: Engine) -> list[Tensor]:
    """Prefill of a prompt (in the phase that expands keys), and of another; then both decode."""
    first, second = SequenceState([1, 2, 3, 4, 5]), SequenceState([9, 8])
    logits = [*engine.run("prefill", [first], [4]), *engine.run("prefill.short", [second], [1])]
    return [*logits, *engine.run("decode", [first, second], [1, 1])]


def kernels_engine(module: ModuleOp, wrap: Wrap | None) -> Engine:
    """An engine of the emitted program."""
    phases = {name: entry for name, entry in interpreted(module, wrap).items() if entry.queries and not entry.drafts}
    params = Params(RandomSource(SEED))
    steps = [entry.step(name, params) for name, entry in phases.items()]
    return Engine(steps, phases["decode"].caches, pages=PAGES)


def reference_engine(module: ModuleOp, replay: Callable[[], Tensor] | None = None) -> Engine:
    """An engine of the executor, on the same module: bodies are what calls mean."""
    executor = Executor(module, RandomWeights(SEED, required_headers(module)), replay=replay)
    return ModuleEngine(module, executor, pages=PAGES)


def test_every_launch_gives_what_its_meaning_gives(module: ModuleOp) -> None:
    forced = Forced(module)
    engine = kernels_engine(module, forced.wrap)
    reference = reference_engine(module)
    found, expected = run_steps(engine), run_steps(reference)
    assert all(torch.equal(got, want) for got, want in zip(found, expected, strict=True))
    launchers = {op.launcher.data for name, op in calls(module) if not name.startswith("mtp_")}
    assert forced.checked.keys() == launchers, "every launcher was compared"


def calls(module: ModuleOp) -> list[tuple[str, KernelCallOp]]:
    """(function, call) of all calls."""
    return [
        (function.sym_name.data, op)
        for function in module.body.block.ops
        for op in function.walk()
        if isinstance(op, KernelCallOp)
    ]


def test_logits_of_free_kernels_with_their_routing(module: ModuleOp) -> None:
    choices = Choices()
    engine = kernels_engine(module, choices.wrap)
    ids = iter(choices.ids)
    reference = reference_engine(module, lambda: next(ids))
    found, expected = run_steps(engine), run_steps(reference)
    for got, want in zip(found, expected, strict=True):
        assert calc_diff(got, want) < FREE
    assert next(ids, None) is None, "as many choices as gates"
