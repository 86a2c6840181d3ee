"""``fold-weights``: what depends on weights alone is computed when they are loaded.

Before::

    %w = weight.param "o_proj.weight" : tensor<512x512xbf16>
    %q = scaled.quantize %w quantizer ...
    %d = scaled.dequantize %q

After::

    %q = weight.param "o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<...> {
      %0 = weight.stored "o_proj.weight"
      %1 = scaled.quantize %0 quantizer ...
      weight.yield %1
    }
    %d = scaled.dequantize %q

Saves the work at every step, and the bytes by which the result is smaller.  Any pure op whose operands are parameters,
constants or made of them is folded, together with what made its operands; equal results share one parameter.

It does not fold what would make a step read more (a dequantised weight stays 8-bit and its ``scaled.dequantize`` in
the body), a view where the viewed weight stays as well (both would be kept), or anything of a size that is known at run
time only.  Random numbers and calls stay.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from xdsl.dialects import func
from xdsl.dialects.builtin import FixedBitwidthType, ModuleOp
from xdsl.ir import Block, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost_model import Env
from dsv3c.ir.dialects.scaled import QuantizeOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import functions
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES as VIEWS
from dsv3c.passes.base import Pass
from dsv3c.passes.cse import block_key, is_value
from dsv3c.passes.recipes import derived_param, erase_unread, format_label, unique_key
from dsv3c.passes.rewriting import short_name

STATIC = Env()


@dataclass(frozen=True)
class FoldWeightsPass(Pass):
    """Move ops that read weights only into the recipes of parameters."""

    name = "fold-weights"

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """One walk per function, in program order."""
        for function in functions(module).values():
            Folding(ctx, function).run()


@dataclass(frozen=True)
class Cone:
    """Everything that makes a value of weights: parameters, and the ops between them and it."""

    params: tuple[ParamOp, ...]
    ops: tuple[Operation, ...]
    """In program order; the last one makes the value.  Those without operands are constants."""

    def key(self) -> str:
        """``a.weight+b.weight:cat:f8E4M3FN 128x128``."""
        labels = [label(op) for op in self.ops if op.operands]
        return ":".join(["+".join(param.key.data for param in self.params), *labels])


def label(op: Operation) -> str:
    """What an op makes of a weight, for the parameter's name."""
    return format_label(scaled_type(op.q)) if isinstance(op, QuantizeOp) else short_name(op)


@dataclass
class Folding:
    """The walk over one function."""

    ctx: CompileContext
    function: func.FuncOp
    cones: dict[SSAValue, Cone] = field(default_factory=dict[SSAValue, Cone])
    """Value that is made of weights alone -> what makes it."""
    made: dict[Hashable, ParamOp] = field(default_factory=dict[Hashable, ParamOp])
    """Recipe -> the parameter that has it."""

    def run(self) -> None:
        """Fold what can be folded and is worth it."""
        for op in list(self.function.body.block.ops):
            cone = self.cone_of(op)
            if cone is None:
                continue
            self.cones.update(dict.fromkeys(op.results, cone))
            if cone.ops and cone.params:
                self.fold(op, cone)

    def cone_of(self, op: Operation) -> Cone | None:
        """What makes the op's results, if that is weights and constants alone."""
        if isinstance(op, ParamOp):
            return Cone((op,), ())
        inner = [self.cones[operand] for operand in op.operands if operand in self.cones]
        if len(inner) < len(op.operands) or not is_value(op):
            return None
        params = dict.fromkeys(param for cone in inner for param in cone.params)
        ops = dict.fromkeys(made for cone in inner for made in cone.ops)
        return Cone(tuple(params), (*ops, op))

    def fold(self, op: Operation, cone: Cone) -> None:
        """Guards, cost, then a parameter in place of each result that is read."""
        used = [result for result in op.results if result.first_use is not None]
        if not used:
            return None
        unknown = [result for result in used if not has_bytes(result)]
        if unknown:
            return self.ctx.blocked(op, "its size in bytes is known at run time only")
        sources = sum(STATIC.num_bytes(param.value) for param in cone.params)
        bytes_read = sum(STATIC.num_bytes(result) for result in used)
        if bytes_read > sources:
            return self.ctx.unprofitable(
                op, "every step would read more than the weights", bytes_read=bytes_read, weight_bytes=sources
            )
        if op.name in VIEWS and not replaces(op.operands[0]):
            return self.ctx.unprofitable(
                op, "a view of a weight that is read otherwise as well: both would be kept", kept_bytes=bytes_read
            )
        for result in used:
            self.replace(op, cone, result)
        return self.erase(cone)

    def replace(self, op: Operation, cone: Cone, result: SSAValue) -> None:
        """A parameter that computes ``result``, or the one there is with the same recipe."""

        def build(ctx: CompileContext, block: Block, values: list[SSAValue]) -> SSAValue:
            mapping: dict[SSAValue, SSAValue] = {
                param.value: value for param, value in zip(cone.params, values, strict=True)
            }
            for inner in cone.ops:
                block.add_op(inner.clone(mapping))
            return mapping[result]

        param = derived_param(
            self.ctx, unique_key(self.function.body.block, cone.key()), cone.params, build, result.type
        )
        assert param.recipe is not None
        recipe = block_key(param.recipe.block)
        if recipe in self.made:
            param.erase()
            param = self.made[recipe]
        else:
            self.made[recipe] = param
            self.cones[param.value] = Cone((param,), ())
            param.value.name_hint = result.name_hint
            self.function.body.block.insert_op_before(param, op)
        self.ctx.fired(op, f"parameter {param.key.data!r}", bytes_read=STATIC.num_bytes(result))
        result.replace_all_uses_with(param.value)

    def erase(self, cone: Cone) -> None:
        """Erase what nothing reads any more, last first."""
        for op in reversed(cone.ops):
            if all(result.first_use is None for result in op.results):
                op.detach()
                op.erase()
        erase_unread(cone.params)


def has_bytes(value: SSAValue) -> bool:
    """Whether the size of a value in bytes is known."""
    return isinstance(element_type(value), FixedBitwidthType) and all(isinstance(size, int) for size in shape(value))


def replaces(source: SSAValue) -> bool:
    """Whether the views that read ``source`` can take its place: it has no other readers, and they are no larger."""
    readers = dict.fromkeys(use.operation for use in source.uses)
    if not all(reader.name in VIEWS for reader in readers):
        return False
    return sum(STATIC.num_bytes(result) for op in readers for result in op.results) <= STATIC.num_bytes(source)
