"""The ``dsv3c`` dialect: what a module states about itself.

A symbol is a size that is not a number: its name appears in tensor types (``tensor<?x7168xbf16, ["T"]>``), its range
and hint feed checks and cost choices.
"""

from xdsl.dialects.builtin import I64, ArrayAttr, IntegerAttr, ModuleOp, StringAttr, SymbolNameConstraint, i64
from xdsl.ir import Dialect
from xdsl.irdl import IRDLOperation, irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

Int = IntegerAttr[I64]

FACTS = "dsv3c.facts"


@irdl_op_definition
class SymbolOp(IRDLOperation):
    """``dsv3c.symbol @T min 1 max 4096 hint 128``: the size ``T`` takes integer values min <= T <= max.

    ``hint`` is the value cost choices are made for, ``multiple_of`` a divisor of every value.  Unit: elements of the
    dim that carries the name (tokens, sequences, pages).  Source: torch.export's named dims and the operating point.
    """

    name = "dsv3c.symbol"

    sym_name = prop_def(SymbolNameConstraint())
    min = prop_def(Int)
    max = opt_prop_def(Int)
    hint = opt_prop_def(Int)
    multiple_of = opt_prop_def(Int)
    traits = traits_def(SymbolOpInterface())
    assembly_format = "$sym_name `min` $min (`max` $max^)? (`hint` $hint^)? (`multiple_of` $multiple_of^)? attr-dict"

    def __init__(
        self,
        name: str,
        minimum: int,
        maximum: int | None = None,
        hint: int | None = None,
        multiple_of: int | None = None,
    ) -> None:
        optional = {"max": maximum, "hint": hint, "multiple_of": multiple_of}
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "min": IntegerAttr(minimum, i64),
                **{key: IntegerAttr(value, i64) for key, value in optional.items() if value is not None},
            }
        )

    def bounds(self) -> tuple[int, int | None]:
        """The smallest and largest value; None for no upper bound."""
        return self.min.value.data, self.max.value.data if self.max is not None else None

    def verify_(self) -> None:
        """0 <= min <= hint <= max, and bounds that respect ``multiple_of``."""
        low, high = self.bounds()
        if low < 0 or (high is not None and high < low):
            raise VerifyException(f"symbol {self.sym_name.data}: range {low}..{high} is empty or negative")
        hint = self.hint.value.data if self.hint is not None else low
        if hint < low or (high is not None and hint > high):
            raise VerifyException(f"symbol {self.sym_name.data}: hint {hint} is outside {low}..{high}")
        if self.multiple_of is not None and self.multiple_of.value.data < 1:
            raise VerifyException(f"symbol {self.sym_name.data}: multiple_of must be positive")


def facts_of(module: ModuleOp) -> frozenset[str]:
    """The facts a module states about itself (``raised``, ``phased``)."""
    stated = module.attributes.get(FACTS)
    if stated is None:
        return frozenset()
    assert isinstance(stated, ArrayAttr)
    return frozenset(fact.data for fact in stated if isinstance(fact, StringAttr))


def set_facts(module: ModuleOp, facts: frozenset[str]) -> None:
    """State ``facts``, sorted, as the module's own."""
    if facts:
        module.attributes[FACTS] = ArrayAttr(StringAttr(fact) for fact in sorted(facts))
    else:
        module.attributes.pop(FACTS, None)


def symbols_of(module: ModuleOp) -> dict[str, SymbolOp]:
    """Declared symbols by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, SymbolOp)}


Core = Dialect("dsv3c", [SymbolOp])
