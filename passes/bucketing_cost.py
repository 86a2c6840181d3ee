"""What experts cost over rows of each layout, how many rows are padding, and where the cheaper layout changes.

For n tokens with k choices among E experts, hidden size D, expert width I, V = n*k chosen rows, and M rows held, of
which the products compute G (FLOPs, one multiply-add = 2):

    flops = 6 G D I  +  5 M I  +  2 V D

    layout      M                 G                         filled rows F
    contiguous  V + E (a - 1)     E * mean(a ceil(m / a))   G
    masked      E n               V                         M
    dense       E n               M                         M

with m the rows of one expert, ``Binomial(n, k/E)`` under balanced routing (``ir/expected_rows.py``); F - V are padding.
Bytes: the products read and write G rows and the weights of the experts somebody chose (dense: of all); permute writes
and SwiGLU touches all M rows; the sum reads V.  These are the sums of the ops' own costs (``ir/cost_rules_rows.py``).
That ``skip-padding`` may later leave rows out is not counted: memory has to hold them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dsv3c.ir.cost_rules import SWIGLU_FLOPS
from dsv3c.ir.cost_rules_rows import layout_rows
from dsv3c.ir.expected_rows import Routing
from dsv3c.ir.targets import Target


@dataclass(frozen=True)
class ExpertSizes:
    """Static sizes of one ``moe.experts`` (elements) and of its elements (bytes)."""

    hidden: int
    width: int
    choices: int
    """Columns of the ids."""
    products: int
    """Products before SwiGLU: 1 for gate and up rows in one weight, 2 apart."""
    element_bytes: int
    weight_bytes: int
    """Of an element of the routing weights."""
    dtype: str
    """Name of the matrix operand type as targets state it."""


@dataclass(frozen=True)
class Step:
    """How many tokens, and what to expect of their choices."""

    tokens: int
    capacity: int
    """The most rows one expert can get."""
    routing: Routing

    def at(self, tokens: int) -> "Step":
        """The same step with more or fewer tokens."""
        share = tokens / self.tokens
        routing = replace(self.routing, tokens=round(self.routing.tokens * share))
        return Step(tokens, round(self.capacity * share), routing)


@dataclass(frozen=True)
class Layout:
    """One way to lay out the rows."""

    name: str
    alignment: int = 1

    def held_rows(self, sizes: ExpertSizes, step: Step) -> int:
        """M: rows of the buffers."""
        if self.name == "contiguous":
            return step.tokens * sizes.choices + step.routing.experts * (self.alignment - 1)
        return step.routing.experts * (step.tokens if self.name == "dense" else step.capacity)

    def computed_rows(self, sizes: ExpertSizes, step: Step) -> float:
        """G: rows that the products compute."""
        return layout_rows(step.routing, self.name, self.alignment, self.held_rows(sizes, step))

    def filled_rows(self, sizes: ExpertSizes, step: Step) -> float:
        """F: rows up to the end of the last group."""
        return self.computed_rows(sizes, step) if self.name == "contiguous" else self.held_rows(sizes, step)

    def __str__(self) -> str:
        return f"{self.name} (alignment {self.alignment})" if self.name == "contiguous" else self.name


@dataclass(frozen=True)
class Work:
    """What one step of one layer does."""

    flops: float
    memory_bytes: float

    def cost(self, target: Target, dtype: str) -> tuple[float, float]:
        """What layouts are ordered by: floor time on the target (seconds), or FLOPs without rates; then bytes."""
        if not target.states_rates(dtype):
            return self.flops, self.memory_bytes
        seconds = target.floor_s(flops=self.flops, dtype=dtype, memory_bytes=self.memory_bytes)
        assert seconds is not None
        return seconds, self.memory_bytes


def work(sizes: ExpertSizes, layout: Layout, step: Step) -> Work:
    """Cost of permute, products, SwiGLU and sum."""
    held, computed = layout.held_rows(sizes, step), layout.computed_rows(sizes, step)
    routing, hidden, width = step.routing, sizes.hidden, sizes.width
    read = routing.experts if layout.name == "dense" else routing.distinct
    flops = 6.0 * computed * hidden * width + SWIGLU_FLOPS * held * width + 2.0 * routing.rows * hidden
    elements = step.tokens * hidden + held * hidden  # permute
    elements += computed * (sizes.products * hidden + 2 * width)  # into gate and up
    elements += 3 * held * width  # SwiGLU
    elements += computed * (width + hidden)  # down
    elements += 3 * read * hidden * width  # weights
    elements += (routing.rows + step.tokens) * hidden  # sum
    numbers = 4 * held * (4 + sizes.products)  # slots and expert_of written, one of them read by every op after
    choices = step.tokens * sizes.choices
    return Work(flops, elements * sizes.element_bytes + numbers + choices * (16 + sizes.weight_bytes))


@dataclass(frozen=True)
class Choice:
    """The cheapest layout, why, and all numbers."""

    layout: Layout
    reason: str
    numbers: dict[str, float | int | str]


Candidates = Callable[[Step], Sequence[Layout]]
"""The layouts to compare for a step: alignment follows the number of rows."""


def alignment_for(alignments: Sequence[int], step: Step) -> int:
    """The smallest multiple that holds an expert's expected rows, so that one tile has them all; else the largest.

    Source: get_theoretical_mk_alignment_for_contiguous_layout of deepseek-ai/DeepGEMM (early 2026).
    """
    mean = step.routing.rows / step.routing.experts
    return next((alignment for alignment in alignments if alignment >= mean), alignments[-1])


def choose(
    target: Target, sizes: ExpertSizes, step: Step, candidates: Candidates, bounds: tuple[int, int | None]
) -> Choice:
    """Compare the candidates at ``step``; ``bounds`` are the fewest and most tokens of any step (None: no bound)."""

    def best(tokens: int) -> Layout:
        there = step.at(tokens)
        return min(candidates(there), key=lambda layout: work(sizes, layout, there).cost(target, sizes.dtype))

    layout = best(step.tokens)
    numbers: dict[str, float | int | str] = {"layout": str(layout), "tokens": step.tokens}
    numbers |= padding(sizes, layout, step)
    compared = candidates(step)
    for candidate in compared:
        done = work(sizes, candidate, step)
        numbers[f"{candidate.name}_flops"] = round(done.flops)
        numbers[f"{candidate.name}_bytes"] = round(done.memory_bytes)
    basis = f"floor time on {target.name}" if target.states_rates(sizes.dtype) else "FLOPs"
    if len(compared) == 1:
        return Choice(layout, f"{layout} rows", numbers)
    low, high = span(best, step.tokens, bounds)
    held = f"{low} tokens and more" if high is None else f"{low} tokens" if low == high else f"{low}..{high} tokens"
    return Choice(layout, f"{layout} rows are cheapest for {held}, by {basis}", numbers)


def padding(sizes: ExpertSizes, layout: Layout, step: Step) -> dict[str, float | int | str]:
    """Rows held, and how many of the filled ones hold no choice, expected under balanced routing."""
    filled = layout.filled_rows(sizes, step)
    wasted = filled - step.routing.rows
    return {
        "rows": layout.held_rows(sizes, step),
        "padding_rows": round(wasted, 1),
        "padding_share": round(wasted / filled, 4) if filled else 0.0,
    }


FAR = 1 << 20
"""Tokens beyond which an unbounded step is not looked at."""


def span(best: Callable[[int], Layout], tokens: int, bounds: tuple[int, int | None]) -> tuple[int, int | None]:
    """The numbers of tokens around ``tokens`` for which the same layout is best; None: without end.

    Looks at halves and doubles, then between the last two: a change and a change back within a factor of two is missed.
    """
    chosen = best(tokens)
    low, most = max(1, bounds[0]), FAR if bounds[1] is None else bounds[1]

    def edge(limit: int, step: Callable[[int], int]) -> int:
        same = tokens
        while same != limit:
            other = step(same)
            if best(other) != chosen:
                while abs(other - same) > 1:
                    middle = (same + other) // 2
                    same, other = (middle, other) if best(middle) == chosen else (same, middle)
                return same
            same = other
        return same

    first = edge(min(low, tokens), lambda n: max(low, n // 2))
    last = edge(max(most, tokens), lambda n: min(most, 2 * n))
    return first, None if last == FAR and bounds[1] is None else last
