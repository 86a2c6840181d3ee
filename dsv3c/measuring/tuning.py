"""What ``dsv3c tune`` measures: every distinct call of a kernel, at every bound of its rows, with its candidates.

Calls are those that a program would make: kernels are chosen anew by the rules, and each is asked for its candidates.
"""

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.triton.choices.base import (
    Candidates,
    Choice,
    Config,
    MeasuredConfig,
    Rule,
    Scratch,
    Selection,
)
from dsv3c.backends.triton.runtime.gpu import choose
from dsv3c.backends.triton.select_kernels import Asks, select
from dsv3c.backends.triton.tuning.tuned_choices import Tuned, same_config, shape_of
from dsv3c.backends.triton.tuning.tuned_tables import Shape
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.kernel import KernelCallOp, LaunchOp
from dsv3c.ir.entry_ranges import is_private, reach
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions, parent_function
from dsv3c.ir.sizes import Size, evaluate, symbols_of
from dsv3c.ir.spelling import guess
from dsv3c.ir.targets import Target

MANY = 16384
"""Rows that a configuration for any number is measured with, unless its bounds or the program's are higher or lower."""
BEYOND = 4
"""Times the last bound, which such a configuration is measured with at least."""
TOKENS, SEQUENCES, CONTEXT, PAGES, ALL_PAGES = "T", "N", "C", "P", "pages"
"""Symbols of a step: new tokens, sequences, context rows, pages of a sequence, pages of the cache."""


@dataclass(frozen=True)
class Candidate:
    """A configuration, and the memory it needs while it runs."""

    config: Config
    scratch: Mapping[str, Scratch]


@dataclass(kw_only=True)
class Case:
    """A call with a bound: one row of a table."""

    kernel: str
    """The launcher, ``file.function``."""
    shape: Shape
    bound: int
    """The most rows; 0: any."""
    rows: int
    """To measure with."""
    sizes: Mapping[str, int]
    """The value of every symbol."""
    function: str
    """Where the call stands."""
    candidates: Sequence[Candidate]
    by_rule: int | None
    """Which of them the rule takes; None: none."""
    room: int
    """Rows there is room for, per row that is expected."""
    query: int
    """New tokens per sequence, at most."""
    calls: int = 1
    """In the program's functions, that differ in nothing a table tells apart."""
    op: KernelCallOp | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """As a row's."""
        return self.kernel, tuple(sorted(self.shape.items())), self.bound


@dataclass
class Calls:
    """Is told of every choice; keeps the distinct cases, of equal ones that of the phase with the fewest new tokens."""

    wanted: frozenset[str]
    """Functions whose calls count."""
    kernels: Sequence[str] = ()
    """Launchers whose calls count, or their files; none: all."""
    cases: dict[object, Case] = field(default_factory=dict[object, Case])
    seen: dict[str, None] = field(default_factory=dict[str, None])
    """Kernels that have candidates."""

    def watch(self, op: Operation, rule: Rule, at: Selection, choice: Choice) -> Callable[[LaunchOp], None] | None:
        """See ``select_kernels``."""
        function = parent_function(op)
        if choice.candidates is None or function is None or function.sym_name.data not in self.wanted:
            return None
        self.seen[choice.launcher] = None
        if self.kernels and not is_named(choice.launcher, self.kernels):
            return None
        new = list[Case]()
        for case in cases_of(op, rule, at, choice, function.sym_name.data):
            other = self.cases.get(case.key)
            case.calls += other.calls if other is not None else 0
            if other is not None and other.query <= case.query:
                other.calls = case.calls
            else:
                self.cases[case.key] = case
                new.append(case)

        def made(call: LaunchOp) -> None:
            assert isinstance(call, KernelCallOp)
            for case in new:
                case.op = call

        return made


def cases_in(
    module: ModuleOp, target: Target, *, kernels: Sequence[str] = (), entries: Sequence[str] = ()
) -> tuple[ModuleOp, list[Case]]:
    """The cases of a planned program, and the module of calls that they are in; ``module`` stays as it is.

    ``kernels``: of these only, by launcher or its file; ``entries``: of what these run.  Raises UsageError for names
    that are none of them.
    """
    lowered = module.clone()
    wanted = frozenset(name for entry in entries or entries_of(lowered) for name in reach(lowered, entry))
    calls = Calls(wanted, kernels)
    select(make_context(target=target), lowered, Asks((), Tuned((), target, None), calls.watch))
    check_kernels(kernels, calls.seen)
    found = calls.cases.values()
    return lowered, sorted(found, key=lambda case: (case.kernel, case.key[1], case.bound or MANY**2))


def entries_of(module: ModuleOp) -> list[str]:
    """The functions that a user runs."""
    return [name for name, function in functions(module).items() if not is_private(function)]


def is_named(kernel: str, names: Sequence[str]) -> bool:
    """Whether a launcher is among names: its own, or its file's."""
    return any(name in (kernel, *kernel.split(".")) for name in names)


def check_kernels(asked: Sequence[str], known: Collection[str]) -> None:
    """Raise UsageError for a name that stands for no launcher."""
    files = sorted({kernel.partition(".")[0] for kernel in known})
    for name in asked:
        if not any(is_named(kernel, [name]) for kernel in known):
            raise UsageError(
                f"no call of a kernel {name!r} has candidates here",
                hint=f"{guess(name, files)}there are: {', '.join(files) or 'none'}",
            )


def cases_of(op: Operation, rule: Rule, at: Selection, choice: Choice, function: str) -> Iterator[Case]:
    """A case for every bound that the call's rows reach."""
    given = choice.candidates
    assert given is not None
    shape = shape_of(choice)
    for bound, wanted in bounds_of(given, at):
        sizes, rows = step_of(given.rows, wanted, at)
        if rows < 1 or 0 < bound < rows:
            continue
        candidates = list[Candidate]()
        for config in given.configs[bound]:
            if not any(same_config(config, other.config) for other in candidates):
                answer = rule(op, dataclasses.replace(at, measured={bound: MeasuredConfig(config, 0.0, "")}))
                assert isinstance(answer, Choice)
                candidates.append(Candidate(config, answer.scratch))
        own = choose(choice.configs, rows)
        ruled = [number for number, item in enumerate(candidates) if same_config(item.config, own)]
        yield Case(
            kernel=choice.launcher,
            shape=shape,
            bound=bound,
            rows=rows,
            sizes=sizes,
            function=function,
            candidates=candidates,
            by_rule=ruled[0] if ruled else None,
            room=given.sizes.get("room", 1),
            query=query_of(at),
        )


def bounds_of(given: Candidates, at: Selection) -> Iterator[tuple[int, int]]:
    """Bounds that some number of rows in the range reaches, with the rows to measure at."""
    low, high = at.bounds(given.rows)
    last = 0
    for bound in given.configs:
        if 0 < bound < low:
            continue
        wanted = bound or max(BEYOND * last, min(at.hint(given.rows), MANY))
        yield bound, wanted if high is None else min(wanted, high)
        if high is not None and 0 < high <= bound:
            return
        last = bound


def step_of(rows: Size, wanted: int, at: Selection) -> tuple[dict[str, int], int]:
    """Symbols' values with which there are as many rows as wanted, or else nearly as many, and how many there are.

    One symbol is changed, the tokens of a step where rows depend on them, and with them what a step of so many has.
    """
    hints, names = dict(at.hints), symbols_of(rows)
    if not names:
        return hints, evaluate(rows, hints)
    name = TOKENS if TOKENS in names else min(names)
    most = at.ranges[name][1] if name in at.ranges else None

    def count(value: int) -> int:
        return evaluate(rows, hints | {name: value})

    largest = last_below(lambda value: count(value) <= wanted, most)
    reached = count(largest)
    smallest = last_below(lambda value: count(value) < reached, largest) + 1 if count(1) < reached else 1
    return step_sizes(hints, name, smallest, at), reached


def query_of(at: Selection) -> int:
    """New tokens that a sequence brings at most; where no phase says so, those of the hints."""
    if at.queries is not None:
        return max(1, at.queries[1])
    return max(1, at.hints.get(TOKENS, 1) // max(1, at.hints.get(SEQUENCES, 1)))


def last_below(holds: Callable[[int], bool], most: int | None) -> int:
    """The largest number from 1 to ``most`` of which something holds that holds up to some number; at least 1."""
    low, high = 1, 2
    while (most is None or high <= most) and holds(high):
        low, high = high, 2 * high
    if most is not None:
        high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def step_sizes(hints: Mapping[str, int], name: str, value: int, at: Selection) -> dict[str, int]:
    """All symbols where one has a value: sequences bring as many tokens as they may and keep their context."""
    sizes = dict(hints) | {name: value}
    if name != TOKENS or SEQUENCES not in hints:
        return sizes
    sequences = -(-value // query_of(at))
    context = max(hints.get(CONTEXT, 1) // max(1, hints[SEQUENCES]), -(-value // sequences))
    made = {SEQUENCES: sequences, CONTEXT: sequences * context, ALL_PAGES: sequences * hints.get(PAGES, 1)}
    return sizes | {symbol: size for symbol, size in made.items() if symbol in hints}
