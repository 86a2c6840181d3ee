"""Layers taken apart into their segments: an entry becomes one list of segment calls, which a schedule can reorder.

Every call of a function that is nothing but calls of segments is replaced by these calls; they state the number of the
layer, the micro-batch, and the prefix of the layer.  ``schedule-overlap`` starts with this.
"""

from collections import Counter

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, i64
from xdsl.ir import SSAValue

from dsv3c.ir.functions import PREFIX, call_prefix, callee_name, calls, functions, join_path, returned
from dsv3c.ir.segments import LAYER, MICROBATCH, number_of, segment_name


def flatten_layers(module: ModuleOp) -> int:
    """Replace every call of a cut layer, and remove the layers; how many calls were replaced."""
    table, called = functions(module), {callee_name(call) for call in calls(module)}
    layers = {name: table[name] for name in called if is_cut(table[name], table)}
    flattened = sum(flatten(function, table, layers) for function in table.values())
    for layer in layers.values():
        layer.detach()
        layer.erase()
    return flattened


def is_cut(function: func.FuncOp, table: dict[str, func.FuncOp]) -> bool:
    """Whether a function is made of calls of segments and of nothing else."""
    *ops, _ = function.body.block.ops
    segments = [op for op in ops if isinstance(op, func.CallOp) and segment_name(table[callee_name(op)]) is not None]
    return bool(ops) and len(segments) == len(ops)


def flatten(function: func.FuncOp, table: dict[str, func.FuncOp], layers: dict[str, func.FuncOp]) -> int:
    """Replace the layer calls of one function; layers are numbered per micro-batch, in the order of their calls."""
    met, flattened = Counter[int | None](), 0
    for op in list(function.body.block.ops):
        if isinstance(op, func.CallOp) and segment_name(table[callee_name(op)]) is None:
            microbatch = number_of(op, MICROBATCH)
            op.attributes[LAYER] = IntegerAttr(met[microbatch], i64)
            met[microbatch] += 1
            if callee_name(op) in layers:
                put_inline(op, layers[callee_name(op)])
                flattened += 1
    return flattened


def put_inline(call: func.CallOp, layer: func.FuncOp) -> None:
    """The calls of ``layer`` in place of its own, with its number and micro-batch."""
    block = call.parent_block()
    assert block is not None
    values: dict[SSAValue, SSAValue] = dict(zip(layer.body.block.args, call.operands, strict=True))
    last = returned(layer)
    for op in layer.body.block.ops:
        if not isinstance(op, func.CallOp):
            break
        new = op.clone(value_mapper=values)
        new.attributes.update(call.attributes)
        new.attributes[PREFIX] = StringAttr(join_path(call_prefix(call), call_prefix(op)))
        block.insert_op_before(new, call)
    for old, inner in zip(call.results, last.operands, strict=True):
        values[inner].name_hint = old.name_hint
        old.replace_all_uses_with(values[inner])
    call.detach()
    call.erase()
