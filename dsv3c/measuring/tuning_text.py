"""What ``dsv3c tune`` would measure and what it measured, as text."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from dsv3c.backends.triton.tuning.tuned_choices import bound_text, config_text
from dsv3c.measuring.tuning import Case
from dsv3c.measuring.tuning_run import Left, Outcome, Timed
from dsv3c.reports.tables import columns


def plan_text(cases: Sequence[Case], binaries: int) -> str:
    """Every call with its bounds and its candidates, and how many there are."""
    lines, before = list[str](), list[str]()
    for _, group in groupby(cases, key=lambda case: case.key[:2]):
        listed = list(group)
        lines += [*call_lines(listed[0]), *columns([plan_cells(case) for case in listed])]
        configs = list(dict.fromkeys(config_text(item.config) for case in listed for item in case.candidates))
        lines += (
            ["  candidates as above"] if configs == before else ["  candidates", *(f"    {one}" for one in configs)]
        )
        lines, before = [*lines, ""], configs
    calls = len({case.key[:2] for case in cases})
    timed = sum(len(case.candidates) for case in cases)
    lines.append(f"{len(cases)} rows of {calls} calls: {timed} candidates to time, {binaries} binaries to compile")
    return "\n".join(lines)


def call_lines(case: Case) -> Iterator[str]:
    """A call: its kernel, and what tells it apart from others of it."""
    yield f"{case.kernel}, {case.calls} place{'s' if case.calls > 1 else ''} in the program"
    yield from (f"  {line}" for line in columns([(name, text) for name, text in case.shape.items() if text]))


def plan_cells(case: Case) -> tuple[str, ...]:
    """A line of a call's plan."""
    sizes = ", ".join(f"{name} = {value}" for name, value in case.sizes.items())
    return f"  {bound_text(case.bound)}", f"measured with {case.rows}", f"{len(case.candidates)} candidates", sizes


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """What was measured of one case."""
    case, bound = outcome.case, bound_text(outcome.case.bound)
    if not outcome.timed:
        yield f"  {bound}: nothing could be timed"
    else:
        best, *others = outcome.timed
        low, middle, high = best.us
        yield f"  {bound}: {middle:.2f} us ({low:.2f} to {high:.2f}) with {config_text(best.config)}"
        if others:
            second = f"next {others[0].us[1]:.2f} us with {config_text(others[0].config)}"
            yield f"    {second}; {by_rule(case, outcome.timed)}"
    yield from (f"    left out: {line}" for line in left_lines(outcome.left))


def by_rule(case: Case, timed: Iterable[Timed]) -> str:
    """How long what the rule takes took."""
    own = case.candidates[case.by_rule].config if case.by_rule is not None else None
    found = next((item for item in timed if item.config is own), None)
    return f"the rule's {found.us[1]:.2f} us" if found is not None else "the rule's was not timed"


def left_lines(left: Iterable[Left]) -> Iterator[str]:
    """Candidates that were not timed, those with one reason together."""
    found = dict[str, list[str]]()
    for item in left:
        found.setdefault(item.reason, []).append(config_text(item.config))
    for reason, configs in found.items():
        more = f" and {len(configs) - 1} more" if len(configs) > 1 else ""
        yield f"{configs[0]}{more}: {reason}"
