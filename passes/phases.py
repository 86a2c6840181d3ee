"""What a phase is: the kind of step, its symbols, and the tables every step brings along."""

from dataclasses import dataclass, replace

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr, UnitAttr, i32, i64
from xdsl.ir import Attribute, Block, SSAValue

from dsv3c.ir.types import tensor_type

TOKENS, SEQUENCES, TABLE_PAGES, CONTEXT, POOL_PAGES = "T", "N", "P", "C", "pages"
"""Symbols of a phased module: tokens of a step, sequences, pages per sequence, context tokens, pages of the pool."""
MAIN, PREDICTOR = "main", "mtp"
"""Cache-free entries: the model, and its multi-token prediction module."""
VERIFY = "verify"
"""The phase that looks at drafted tokens."""
FLAGS = ("capturable", "hidden")
"""Fields of a phase that are true or false."""


@dataclass(frozen=True)
class Phase:
    """A kind of step: how many new tokens a sequence brings, and what cost choices are made for."""

    name: str
    min_query: int
    max_query: int
    """New tokens per sequence."""
    tokens: int
    sequences: int
    context: int
    """The step cost choices are made for: new tokens in all, sequences, tokens in the cache per sequence."""
    capturable: bool
    """Shapes depend on the number of sequences alone, so that a device graph can be captured."""
    hidden: bool = False
    """The second result is the hidden states of every token, which a multi-token prediction module takes."""

    def attribute(self) -> DictionaryAttr:
        """The function attribute ``phase``."""
        numbers = {key: getattr(self, key) for key in ("min_query", "max_query", "tokens", "sequences", "context")}
        entries: dict[str, Attribute] = {"name": StringAttr(self.name)}
        entries |= {key: IntegerAttr(value, i64) for key, value in numbers.items()}
        stated = [key for key in FLAGS if getattr(self, key)]
        return DictionaryAttr(entries | {key: UnitAttr() for key in stated})

    def split(self, last: int) -> tuple["Phase", "Phase"]:
        """Two phases: up to ``last`` new tokens per sequence, and from there on."""
        query = max(1, self.tokens // max(1, self.sequences))
        short = replace(self, name=f"{self.name}.short", max_query=last, tokens=self.sequences * min(query, last))
        return short, replace(self, min_query=last + 1)


def phase_of(function: func.FuncOp) -> Phase | None:
    """The phase an entry states; None for any other function."""
    stated = function.attributes.get("phase")
    if not isinstance(stated, DictionaryAttr):
        return None
    numbers = {key: value.value.data for key, value in stated.data.items() if isinstance(value, IntegerAttr)}
    name = stated.data["name"]
    assert isinstance(name, StringAttr)
    flags = {key: key in stated.data for key in FLAGS}
    return Phase(name=name.data, **numbers, **flags)


@dataclass(frozen=True)
class Tables:
    """What a step knows about its sequences, as values of the function being built."""

    positions: SSAValue
    seq_offsets: SSAValue
    block_table: SSAValue
    context_lens: SSAValue

    def values(self) -> list[SSAValue]:
        """In the order of the arguments."""
        return [self.positions, self.seq_offsets, self.block_table, self.context_lens]


TABLE_TYPES = {
    "positions": tensor_type((TOKENS,), i32),
    "seq_offsets": tensor_type((f"{SEQUENCES} + 1",), i32),
    "block_table": tensor_type((SEQUENCES, TABLE_PAGES), i32),
    "context_lens": tensor_type((SEQUENCES,), i32),
}


def add_tables(block: Block) -> Tables:
    """Append the step's tables to the arguments."""
    added = list[SSAValue]()
    for name, kind in TABLE_TYPES.items():
        value = block.insert_arg(kind, len(block.args))
        value.name_hint = name
        added.append(value)
    return Tables(*added)
