"""How behaviour is attached to ops from outside: reference meaning, cost, token rule, lowering."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from xdsl.ir import Operation

Rule = TypeVar("Rule")


class RuleTable(dict[type[Operation], Rule], Generic[Rule]):
    """Op class -> the one rule this table has for it.

    A base class may hold the rule of a whole family (all ``aten`` classes are made lazily): ``find`` walks the method
    resolution order, so the most specific rule wins.
    """

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def rule(self, *ops: type[Operation]) -> Callable[[Rule], Rule]:
        """Register the decorated rule for ``ops``; raises ValueError when one of them has a rule already."""

        def register(rule: Rule) -> Rule:
            for op in ops:
                if op in self:
                    raise ValueError(f"two {self.purpose} rules for {op.name}: {self[op]} and {rule}")
                self[op] = rule
            return rule

        return register

    def find(self, op: Operation | type[Operation]) -> Rule | None:
        """The rule of the op's class or of its nearest base that has one."""
        cls = op if isinstance(op, type) else type(op)
        return next((self[base] for base in cls.__mro__ if base in self), None)

    def missing(self, ops: Iterable[type[Operation]]) -> list[str]:
        """Names of the op classes this table has no rule for."""
        return sorted(op.name for op in ops if self.find(op) is None)
