"""``cse``: what is computed twice is computed once.

Before  %a = aten.reshape(%x)    %b = aten.reshape(%x)          After   %a = aten.reshape(%x)
        "test.op"(%a, %b)                                               "test.op"(%a, %a)

Two pure ops of one function are one when name, operands, properties, attributes, result types and regions are equal:
also two reads of one parameter.  The first one stays and takes the locations of both.  Saves the work.  Order matters
(``x + y`` and ``y + x`` are two), calls stay two, and so do random numbers.
"""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import is_side_effect_free

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.functions import functions
from dsv3c.ir.locations import fused
from dsv3c.passes.base import Pass
from dsv3c.passes.rewriting import short_name


@dataclass(frozen=True)
class CsePass(Pass):
    """Common subexpressions of each function, recipes by themselves."""

    name = "cse"
    cleans_up = True

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """One walk in program order: operands are merged before what reads them."""
        for name, function in functions(module).items():
            merged = Counter[str]()
            merge_block(function.body.block, merged)
            for op_name, number in sorted(merged.items()):
                ctx.fired(function, f"@{name}: merged {number} {op_name}", merged=number)


def merge_block(block: Block, merged: Counter[str]) -> None:
    """Replace ops of a block by earlier equal ones, and count them by name."""
    first = dict[Hashable, Operation]()
    for op in list(block.ops):
        for region in op.regions:
            for inner in region.blocks:
                merge_block(inner, merged)
        if not is_value(op):
            continue
        earlier = first.setdefault(key(op), op)
        if earlier is op:
            continue
        earlier.location = fused((earlier.location, op.location))
        for old, new in zip(op.results, earlier.results, strict=True):
            if new.name_hint in (None, short_name(earlier)):
                new.name_hint = old.name_hint
            old.replace_all_uses_with(new)
        merged[op.name] += 1
        op.detach()
        op.erase()


def is_value(op: Operation) -> bool:
    """Whether equal operands give an equal result every time."""
    return is_side_effect_free(op) and not (isinstance(op, AtenOp) and is_random(op))


def is_random(op: AtenOp) -> bool:
    """Whether an operator may draw random numbers: it takes a generator, drops out, or is named for it."""
    stem = op.name.split(".")[1]
    takes_generator = any(arg.type.startswith("Generator") for arg in op.SCHEMA.args)
    return takes_generator or stem.startswith("rand") or "dropout" in stem or "dropout_p" in op.properties


OUTSIDE: Mapping[SSAValue, Hashable] = {}
"""Every value stands for itself."""


def key(op: Operation, inside: Mapping[SSAValue, Hashable] = OUTSIDE) -> Hashable:
    """What two equal ops have in common; ``inside`` numbers values whose names do not matter."""
    operands = tuple(inside.get(operand, operand) for operand in op.operands)
    properties = tuple(sorted(op.properties.items(), key=lambda item: item[0]))
    attributes = tuple(sorted(op.attributes.items(), key=lambda item: item[0]))
    regions = tuple(block_key(block) for region in op.regions for block in region.blocks)
    return op.name, operands, properties, attributes, tuple(op.result_types), regions


def block_key(block: Block) -> Hashable:
    """What two equal recipes have in common."""
    numbers = dict[SSAValue, Hashable]()
    keys = list[Hashable]()
    for op in block.ops:
        keys.append(key(op, numbers))
        numbers |= {result: len(numbers) + index for index, result in enumerate(op.results)}
    return tuple(keys)
