"""Which cases are run when time is short: the important ones first, as long as the next is likely to fit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from benchmarks.hopper.case import Case
from dsv3c.ir.errors import UsageError
from dsv3c.ir.spelling import guess

USUAL = 4.0
"""Seconds of a case before any was run."""


@dataclass
class Budget:
    """Seconds that may be spent, and what cases took so far."""

    seconds: float | None
    """None: no limit."""
    now: Callable[[], float] = monotonic
    start: float = field(init=False)
    spent: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Family -> seconds of its cases."""

    def __post_init__(self) -> None:
        self.start = self.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.now() - self.start

    @property
    def left(self) -> float:
        """Seconds that may still be spent; infinite without a limit."""
        return float("inf") if self.seconds is None else max(0.0, self.seconds - self.elapsed)

    def expected(self, case: Case) -> float:
        """What a case will take: what its family took on average; before, what it says itself, or all took."""
        known = self.spent.get(case.family)
        if known is None and case.usual is not None:
            return case.usual
        known = known or [each for family in self.spent.values() for each in family]
        return sum(known) / len(known) if known else USUAL

    def allows(self, case: Case) -> bool:
        """Whether a case is likely to end in time."""
        return self.seconds is None or self.elapsed + self.expected(case) <= self.seconds

    def took(self, case: Case, seconds: float) -> None:
        """A case ended."""
        self.spent.setdefault(case.family, []).append(seconds)


def ordered(cases: Iterable[Case]) -> list[Case]:
    """The important ones first; of equal importance, families in turns, so that a short run has some of all."""
    turns, numbered = dict[tuple[int, str], int](), list[tuple[int, int, int, Case]]()
    for index, case in enumerate(cases):
        turn = turns.setdefault((case.importance, case.family), 0)
        turns[case.importance, case.family] += 1
        numbered.append((-case.importance, turn, index, case))
    return [case for *_, case in sorted(numbered, key=lambda item: item[:3])]


def selected(cases: Sequence[Case], only: str | None) -> list[Case]:
    """Cases of these families, or whose names contain one of these words.  Raises UsageError for a word of none."""
    if only is None:
        return list(cases)
    families = list(dict.fromkeys(case.family for case in cases))
    kept = dict[str, Case]()
    for word in only.split(","):
        found = [case for case in cases if case.family in aliases(word) or ("/" in word and word in case.name)]
        if not found:
            raise UsageError(
                f"--only {word}: there is no such case", hint=f"{guess(word, families)}families: {', '.join(families)}"
            )
        kept |= {case.name: case for case in found}
    return [case for case in cases if case.name in kept]


ALIASES = {
    "mla": ("decode", "prefill"),
    "grouped": ("contiguous", "masked"),
    "products": ("gemm", "contiguous", "masked", "wgrad", "wgrad_grouped"),
    "moves": (
        *("quantize", "transpose_quantize", "transpose_requantize", "norm_quantize", "swiglu_quantize"),
        *("swiglu_masked", "permute", "permute_masked", "unpermute", "gate", "rope_append"),
        *("logfmt_encode", "logfmt_decode"),
    ),
}
"""Words for several families."""


def aliases(word: str) -> tuple[str, ...]:
    """The families that a word stands for."""
    return ALIASES.get(word, (word,))
