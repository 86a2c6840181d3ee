"""What became of every place a pass looked at: fired, blocked or unprofitable, kept as data."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum


class Kind(Enum):
    """The three outcomes of a candidate site."""

    FIRED = "fired"
    BLOCKED = "blocked"
    UNPROFITABLE = "unprofitable"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One candidate site and what a pass did there."""

    kind: Kind
    pass_name: str
    pattern: str
    """The rewrite inside the pass; the pass name itself when it has only one."""
    op: str
    """The op at the site before the rewrite, e.g. ``aten.rsqrt``."""
    function: str
    """Symbol of the function the site is in; empty for the module."""
    where: str
    """The user's ``file:line (module path)``."""
    reason: str = ""
    """The first condition that failed, or what was done."""
    numbers: Mapping[str, float | int | str] = field(default_factory=dict[str, float | int | str])
    """What was compared, with units in the keys (``flops_per_token``)."""

    def as_json(self) -> dict[str, object]:
        """The outcome as plain data, for ``remarks.jsonl``."""
        data: dict[str, object] = asdict(self)
        return {**data, "kind": self.kind.value, "numbers": dict(self.numbers)}

    def __str__(self) -> str:
        numbers = ", ".join(f"{key} = {value}" for key, value in self.numbers.items())
        detail = "; ".join(part for part in (self.reason, numbers) if part)
        place = f"@{self.function}: " if self.function else ""
        return f"{self.where}: {self.pass_name}: {self.kind.value}: {place}{self.op}" + (
            f": {detail}" if detail else ""
        )


@dataclass
class Outcomes:
    """Everything the passes of one run reported, in order."""

    items: list[Outcome] = field(default_factory=list[Outcome])

    def add(self, outcome: Outcome) -> None:
        """Append one outcome."""
        self.items.append(outcome)

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.items)

    def of_pass(self, pass_name: str) -> list[Outcome]:
        """The outcomes of one pass."""
        return [item for item in self.items if item.pass_name == pass_name]

    def counts(self) -> dict[str, Counter[str]]:
        """``pass.pattern`` -> how many sites fired, were blocked, were unprofitable."""
        return count(self.items)


def count(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Group outcomes by ``pass.pattern`` and count the kinds."""
    table = dict[str, Counter[str]]()
    for item in outcomes:
        key = item.pass_name if item.pattern == item.pass_name else f"{item.pass_name}.{item.pattern}"
        table.setdefault(key, Counter())[item.kind.value] += 1
    return table
