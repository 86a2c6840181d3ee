"""What a pass may ask about values that depend on sizes and constants alone.

Is this mask causal, which RoPE table is this: such questions are answered by evaluating, and evaluating needs torch,
which passes do not import.  The application hands passes an object with this protocol; without one (a torch-free
``dsv3c opt``) a pass that must ask is *blocked* with that reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from xdsl.ir import SSAValue


@dataclass(frozen=True)
class Refusal:
    """The answer is no, or cannot be known: the reason, as it goes into the remark."""

    reason: str


@dataclass(frozen=True)
class Evidence:
    """The answer is yes: how it was found, e.g. ``equal for S = 2, 7, 33``."""

    text: str


@dataclass(frozen=True)
class RopeTable:
    """``cos``/``sin`` of position t, pair i: ``f(scaling * f(f32(t) * inv_freq[i]))``, rounded to the value's type."""

    inv_freq: tuple[float, ...]
    """f32 values, exactly representable; radians per position."""
    scaling: float
    evidence: str


class Evaluator(Protocol):
    """Evaluates values that are functions of sizes and constants; block arguments are followed to the call sites."""

    def causal_mask(self, mask: SSAValue, *, marks_hidden: bool = False) -> Evidence | Refusal:
        """Whether ``mask`` [..., S, S] lets position q see exactly the positions up to q.

        Additive (0 or minus infinity), or bool: true where a position is seen or, with ``marks_hidden``, hidden.
        """
        ...

    def rope_table(self, cos: SSAValue, sin: SSAValue) -> RopeTable | Refusal:
        """The table of which ``cos`` and ``sin`` ([..., S, pairs]) are the values at positions 0..S-1."""
        ...

    def constant(self, value: SSAValue) -> Sequence[float] | Refusal:
        """The elements of a value that depends on constants only, flattened."""
        ...


NO_EVALUATOR = Refusal("needs evaluation of size-only values, which this run has switched off (torch is not loaded)")
