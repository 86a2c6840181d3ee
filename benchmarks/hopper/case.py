"""A case: one kernel at one size, what it costs at least, how it is built and what it is compared with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper.checks import PEER, Policy
from benchmarks.hopper.choices import Call
from benchmarks.hopper.data import Place, Value
from dsv3c.backends.triton.runtime.gpu import Gpu


def itself(made: Any) -> Tensor:
    """The result of a peer that returns it."""
    return made


def all_rows(expected: Mapping[str, Value]) -> Mapping[str, Tensor]:
    """No row is left out."""
    return {}


def nothing() -> None:
    """Nothing is to be done."""


@dataclass(frozen=True)
class Peer:
    """A library's function, ready to run on a problem's own operands."""

    run: Callable[[], Any]
    seen: Callable[[Any], Tensor] | None = itself
    """What is checked, of what a run returned; None: its numbers are not ours, only its time is comparable."""
    before: Callable[[], object] = nothing
    """Called before the run that is checked: restores what runs add to."""
    policy: Policy = PEER


PeerMaker = Callable[[], Peer]
"""Imports and prepares.  Raises whatever is wrong: it is recorded, and nothing stops."""


@dataclass
class Problem:
    """A case on a device: operands, memory for results, what they must be, and peers."""

    calls: Mapping[str, Call]
    """Form -> the launcher's call."""
    reads: Mapping[str, Any]
    """Keyword of the launcher -> operand."""
    writes: Mapping[str, Value]
    """Keyword of the launcher -> memory for a result."""
    expected: Callable[[], Mapping[str, Value]]
    """Keyword of a result -> what it must be, of higher precision or the same bits."""
    policies: Mapping[str, Policy]
    held: Callable[[Mapping[str, Value]], Mapping[str, Tensor]] = all_rows
    """Given what is expected: keyword of a result of which some rows may hold anything -> [M], those that are checked.
    """
    peers: Mapping[str, PeerMaker] = field(default_factory=dict[str, PeerMaker])
    peer_output: str = ""
    """Keyword of the result that a peer's own is compared with."""
    in_place: frozenset[str] = frozenset()
    """Keywords of results that hold operands: they are not poisoned."""
    restore: Callable[[], None] = nothing
    """Undo what a run did to its operands."""
    scratch: dict[str, dict[str, Tensor]] = field(default_factory=dict[str, dict[str, Tensor]])

    def launch(self, gpu: Gpu, form: str, place: Place) -> None:
        """Run ours.  Raises NotAvailable where there is no such launcher."""
        call = self.calls[form]
        if form not in self.scratch:
            self.scratch[form] = {
                name: place.space.tensor(sizes, dtype) for name, (sizes, dtype) in call.scratch.items()
            }
        call.function()(gpu, **self.reads, **self.writes, **self.scratch[form], configs=call.configs, **call.parameters)


@dataclass(frozen=True)
class Work:
    """What a case must do at the least."""

    flops: float
    num_bytes: float
    """Read once and written once, in all."""
    element: str = "f8E4M3FN"
    """Type of the products' operands, as targets name their rates."""

    def floor_by_flops(self, flops_per_s: Mapping[str, float]) -> float:
        """Seconds."""
        return self.flops / flops_per_s[self.element] if self.flops else 0.0

    def floor_by_bytes(self, bytes_per_s: float) -> float:
        """Seconds."""
        return self.num_bytes / bytes_per_s


@dataclass(frozen=True)
class Case:
    """One kernel at one size."""

    name: str
    """``gemm/4096x7168x2048``: family, then sizes."""
    row: str
    """The row of the table of targets that it counts for; empty: for none."""
    sizes: Mapping[str, int | str]
    work: Work
    build: Callable[[Place], Problem]
    importance: int = 1
    """Of two, the larger is run first when time is short."""
    is_small: bool = False
    """Launching takes about as long as the kernel, or two events a part of it: it is timed in a CUDA graph too."""
    measured: Callable[["Case", Any], dict[str, Any]] | None = None
    """Of a case that is no call of a launcher: its entry in the file of results, given a session."""
    usual: float | None = None
    """Seconds that it takes, where they are known not to be those of other cases."""
    seconds: float = 60.0
    """After which it hangs: a peer may compile a kernel in it."""

    @property
    def family(self) -> str:
        """``gemm``"""
        return self.name.partition("/")[0]

    def header(self) -> dict[str, Any]:
        """What an entry in the file of results starts with."""
        return {
            "name": self.name,
            "family": self.family,
            "row": self.row,
            "sizes": dict(self.sizes),
            "work": {"flops": self.work.flops, "bytes": self.work.num_bytes, "element": self.work.element},
        }


def meta_place(place: Place) -> Place:
    """The same place without memory."""
    return Place(torch.device("meta"), place.target, place.num_sms, place.seed, place.tuned, place.early_start)
