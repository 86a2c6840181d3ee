"""How many rows experts get, expected under balanced routing.

Every one of n tokens chooses each of E experts with probability p, independently of other tokens, so an expert has
``Binomial(n, p)`` rows; k of E experts per token are ``p = k / E``.  Experts that every token takes have all n rows, or
their share of them where they have replicas.  Source: the balanced load that DeepSeek-V3's bias
term aims at (arXiv 2412.19437, section 2.1.2).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import exp, lgamma, log, log1p, sqrt
from typing import Any

from xdsl.ir import Operation, SSAValue

from dsv3c.ir.cost_model import Env, leading
from dsv3c.ir.definitions import definition
from dsv3c.ir.dialects.units import inner
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.types import shape

SPREAD = 12
"""Standard deviations around the mean beyond which a number of rows is not looked at (probability below 1e-30)."""


@dataclass(frozen=True)
class Routing:
    """What is known of the choices of a step: tokens, the chance that one chooses a given expert, and experts here.

    ``heavy`` of the experts have a chance of their own: every token takes them, or one of their replicas.
    """

    tokens: int
    chance: float
    experts: int
    heavy: float = 0.0
    """Expected number: not every rank need hold one."""
    heavy_chance: float = 1.0

    @property
    def classes(self) -> tuple[tuple[float, float], ...]:
        """(experts, chance) of those that are chosen, and of those that every token takes."""
        return (self.experts - self.heavy, self.chance), (self.heavy, self.heavy_chance)

    @property
    def share(self) -> float:
        """Mean chance of an expert to be chosen by one token."""
        return sum(experts * chance for experts, chance in self.classes) / self.experts

    @property
    def rows(self) -> float:
        """Expected choices of all experts: ``n * p * E``, by class."""
        return self.tokens * sum(experts * chance for experts, chance in self.classes)

    @property
    def distinct(self) -> float:
        """Expected experts that at least one token chose: ``E * (1 - (1 - p)**n)``, by class."""
        return sum(experts * (1.0 - (1.0 - chance) ** self.tokens) for experts, chance in self.classes)

    def aligned_rows(self, alignment: int) -> float:
        """Expected rows when every expert's are filled up to a multiple: ``E * sum_m P(m) * a * ceil(m / a)``."""
        if alignment == 1:
            return self.rows
        return sum(
            experts * expected_multiple(self.tokens, chance, alignment) for experts, chance in self.classes if experts
        )


RoutingRule = Callable[[Any, int, Env], Routing]
"""(op that makes the ids, experts, sizes) -> routing."""

ROUTING: RuleTable[RoutingRule] = RuleTable("routing")
"""Op class that makes ids of which not every one is a choice -> what to expect of them."""


def routing_of(ids: SSAValue, experts: int, env: Env) -> Routing:
    """The routing behind ids [*, k]: each a choice among ``experts``, unless the op that makes them has a rule."""
    made = definition(ids)
    owner = (inner(made) or made).owner
    rule = ROUTING.find(owner) if isinstance(owner, Operation) else None
    if rule is not None:
        return rule(owner, experts, env)
    return Routing(leading(ids, env), min(1.0, env.number(shape(ids)[-1]) / experts), experts)


@cache
def expected_multiple(tokens: int, chance: float, multiple: int) -> float:
    """Mean of a ``Binomial(tokens, chance)`` number rounded up to a multiple.

    A number that spreads over more than one multiple leaves any remainder equally often, but for a share of
    ``2 exp(-2 (pi spread / multiple)**2)``, below 1e-8: rounding up then adds ``(multiple - 1) / 2``.
    """
    mean, spread = tokens * chance, sqrt(tokens * chance * max(0.0, 1.0 - chance))
    if multiple <= spread < min(mean, tokens - mean) / SPREAD:
        return mean + (multiple - 1) / 2
    return sum(probability * -(-count // multiple) * multiple for count, probability in binomial(tokens, chance))


def binomial(tokens: int, chance: float) -> Iterator[tuple[int, float]]:
    """(number, probability) of all numbers that occur."""
    if not 0.0 < chance < 1.0:
        yield round(tokens * chance), 1.0
        return
    mean, spread = tokens * chance, SPREAD * (sqrt(tokens * chance * (1.0 - chance)) + 1.0)
    for count in range(max(0, int(mean - spread)), min(tokens, int(mean + spread)) + 1):
        choose = lgamma(tokens + 1) - lgamma(count + 1) - lgamma(tokens - count + 1)
        yield count, exp(choose + count * log(chance) + (tokens - count) * log1p(-chance))
