"""Which entries' steps can be captured as graphs, and with how many rows: as ``program.py`` states it.

A graph repeats launches with the sizes that they had.  So the entry's phase must say that its sizes depend on the
number of sequences alone (``capturable``), its memory must be planned, nothing may be decided by the host on the way,
and where other rows may stand behind those of the step no kernel may let them change a result.
"""

from collections.abc import Iterator, Mapping

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr
from xdsl.ir import Operation

from dsv3c.backends.triton.memory.streams import step_part
from dsv3c.ir.bodies import ops_of
from dsv3c.ir.dialects import comm
from dsv3c.ir.dialects.kernel import ExternOp, LiteralsAttr
from dsv3c.ir.dialects.mla import GatherOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.scaled import QuantizeOp
from dsv3c.ir.functions import callee_name, functions, parent_module
from dsv3c.ir.scaled_type import WHOLE, scaled_type
from dsv3c.ir.sizes import Size, bounds
from dsv3c.ir.types import shape

PLANNED = "planned"
"""Attribute that plan-memory leaves: the largest sizes that memory is planned for."""
NUM_TABLES = 5
"""Tensors of a step that stand before its caches: tokens, positions, seq_offsets, block_table, context_lens."""
CAPTURED_LIBRARIES = frozenset({"cublaslt"})
"""Vendors' libraries whose calls can be captured: PyTorch captures its own calls of them."""


def capture_text(function: func.FuncOp) -> str | None:
    """What an entry says of capturing its steps: ``Capture(...)``, or the reason why they cannot be; None: unasked.

    Only phases that are ``capturable`` are asked about.
    """
    phase = function.attributes.get("phase")
    if not isinstance(phase, DictionaryAttr) or "capturable" not in phase.data:
        return None
    ops = list(executed(function, functions(parent_module(function))))
    reason = why_not_captured(function, ops)
    if reason is not None:
        return f'"{reason}"'
    tokens, sequences, pages = largest_step(function)
    results = [f'"{rows_of(function, kind)}"' for kind in result_shapes(function)]
    items = [f"tokens={tokens}", f"sequences={sequences}", f"pages={pages}"]
    items += [f"results=({', '.join(results)}{',' if len(results) == 1 else ''})"]
    items += ["padded=False"] if any(mixes_rows(op) for op in ops) else []
    return f"Capture({', '.join(items)})"


def why_not_captured(function: func.FuncOp, ops: list[Operation]) -> str | None:
    """The first reason why a graph of an entry's step would not compute the next one; None where there is none."""
    for op in ops:
        if step_part(op) is not None:
            return "the host cuts the tables of its micro-batches"
        if isinstance(op, GatherOp):
            return "the rows of the context are counted by the host"
        if isinstance(op, comm.SyncCountsOp | comm.DispatchOp | comm.CombineOp):
            return f"the host exchanges rows ({op.name})"
        if isinstance(op, ExternOp) and op.library.data not in CAPTURED_LIBRARIES:
            return f"it calls {op.function.data} of {op.library.data}, whose launches nobody has captured"
    if any(bound is None for bound in largest_step(function)):
        return "its memory is not planned for a largest step"
    if any(rows_of(function, kind) is None for kind in result_shapes(function)):
        return "a result has rows of something else than tokens or sequences"
    return None


def executed(function: func.FuncOp, table: Mapping[str, func.FuncOp]) -> Iterator[Operation]:
    """The ops of a function and of all it calls, those inside of launches included; recipes of weights are not."""
    for op in ops_of(function.body.block):
        yield op
        if isinstance(op, func.CallOp):
            yield from executed(table[callee_name(op)], table)


def mixes_rows(op: Operation) -> bool:
    """Whether a row changes what is made of the others: one scale of all rows, found from them."""
    if not isinstance(op, QuantizeOp) or op.quantizer.static_scale is not None:
        return False
    return WHOLE in scaled_type(op.q).granules[:-1]


def tables(function: func.FuncOp) -> tuple[Size, Size, Size]:
    """Tokens, sequences and pages per sequence of a step, as its tables state them."""
    given = [value for value in function.body.block.args if not isinstance(value.type, CacheType)]
    _, positions, _, block_table, _ = given[-NUM_TABLES:]
    sequences, pages = shape(block_table)
    return shape(positions)[0], sequences, pages


def largest_step(function: func.FuncOp) -> tuple[int | None, ...]:
    """The most tokens, sequences and pages per sequence that memory is planned for."""
    planned = function.attributes.get(PLANNED)
    most = planned.as_dict() if isinstance(planned, LiteralsAttr) else {}
    ranges = {name: (0, high) for name, high in most.items() if isinstance(high, int)}
    return tuple(bounds(size, ranges)[1] if known(size, ranges) else None for size in tables(function))


def known(size: Size, ranges: Mapping[str, tuple[int, int]]) -> bool:
    """Whether a size is a number, or a symbol with a range."""
    return isinstance(size, int) or size in ranges


def result_shapes(function: func.FuncOp) -> list[tuple[Size, ...]]:
    """Shapes of the results that are no caches."""
    last = function.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    return [shape(value) for value in last.operands if not isinstance(value.type, CacheType)]


def rows_of(function: func.FuncOp, sizes: tuple[Size, ...]) -> str | None:
    """What a result has a row of: ``token``, ``sequence``, or None."""
    tokens, sequences, _ = tables(function)
    return {tokens: "token", sequences: "sequence"}.get(sizes[0]) if sizes else None
