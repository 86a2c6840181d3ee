"""``assign-layouts``: give scales the type and the layout that the target's products read.

Before::

    %q, %y = scaled.rms_norm %x, ... -> !scaled.tensor<..., 1x128, f32>
    %z = scaled.mm %q, %w

After, for a target that reads the scales of activations column by column::

    %q, %y = scaled.rms_norm %x, ... -> !scaled.tensor<..., 1x128, f32, mn_major>
    %z = scaled.mm %q, %w

What quantises an activation writes its scales where they are wanted: that costs nothing.  Where it cannot - the scales
were there before, a view needs them row by row, something else reads them - a ``scaled.relayout`` is inserted and
counted.  Weights are laid out in their recipes, when they are loaded.

Scales become f32 from f8E8M0FNU exactly.  The other way is exact for powers of two alone: a quantiser that rounds to
them gives f8E8M0FNU at once, and others are blocked.  Dropping mantissas instead is how users saw errors of 25 %
(deepseek-ai/DeepGEMM#112, sgl-project/sglang#39193).  All products that share an activation change, or none.

It asks the target (``scale_type``, ``scale_layout``, ``weight_scale_layout``) and does nothing for one that states no
``scale_type``, or where one scale serves the whole of K, which has no layout.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects.builtin import Float8E8M0FNUType, ModuleOp, StringAttr, f32
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.scaled import RelayoutOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import functions
from dsv3c.ir.scaled_type import WHOLE, ScaledType, scaled_type
from dsv3c.ir.targets import Target
from dsv3c.passes.base import Pass
from dsv3c.passes.scale_flow import (
    Producer,
    Product,
    flow_of,
    loses_mantissas,
    recipe_value,
    set_scales,
    with_scales,
)

POWERS_OF_TWO = Float8E8M0FNUType()
SCALES: dict[str, Attribute] = {"f32": f32, "f8E8M0FNU": POWERS_OF_TWO}


@dataclass(frozen=True)
class Wanted:
    """What the target's products read."""

    scale: Attribute
    activations: str
    weights: str

    @staticmethod
    def of(target: Target) -> "Wanted | None":
        """None where the target does not say."""
        if target.scale_type is None:
            return None
        assert target.scale_layout is not None and target.weight_scale_layout is not None, "they are stated together"
        return Wanted(SCALES[target.scale_type], target.scale_layout, target.weight_scale_layout)


@dataclass(frozen=True)
class AssignLayoutsPass(Pass):
    """Types and layouts of scales as the target wants them."""

    name = "assign-layouts"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every function on its own."""
        assert ctx.target is not None, "assign-layouts asks the target"
        wanted = Wanted.of(ctx.target)
        for function in functions(module).values():
            products = [op for op in function.body.block.ops if isinstance(op, Product)]
            laid_out = [op for op in products if scaled_type(op.x).granules[-1] != WHOLE]
            if wanted is not None:
                Assignment(ctx, wanted).run(laid_out)
            elif laid_out:
                # the same for all of them: said once
                return ctx.blocked(laid_out[0], f"target {ctx.target.name} does not state which scales it reads")
        return None


@dataclass
class Assignment:
    """The walk over one function."""

    ctx: CompileContext
    wanted: Wanted
    relaid: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """Value -> its copy with the wanted scales."""

    def run(self, products: Sequence[Product]) -> None:
        """Types of scales by groups, layouts product by product."""
        for group in groups(products):
            culprit = next((reason for op in group if (reason := self.refusal(op))), "")
            for op in group:
                if culprit:
                    self.ctx.blocked(op, culprit)
                elif (op.x.type, op.w.type) != (kinds := self.kinds(op)):
                    self.product(op, kinds)

    def kinds(self, op: Product) -> tuple[ScaledType, ScaledType]:
        """The types that the factors of a product should have."""
        wanted = self.wanted
        return (
            with_scales(scaled_type(op.x), wanted.scale, wanted.activations),
            with_scales(scaled_type(op.w), wanted.scale, wanted.weights),
        )

    def refusal(self, op: Product) -> str:
        """Why the scales of a product cannot have the wanted type; empty when they can."""
        for name, value in (("x", op.x), ("w", op.w)):
            flow = flow_of(value, views=True)
            if loses_mantissas(flow.root, self.wanted.scale):
                return (
                    f"{name} of {op.name} has f32 scales that may be no powers of two, and the target reads "
                    f"{self.wanted.scale}: without their mantissas they are wrong by up to 2x; quantise with scales "
                    "of powers of two (recipe deepseek-v3.1)"
                )
            stranger = flow.stranger()
            if self.wanted.scale == POWERS_OF_TWO != scaled_type(value).scale and stranger is not None:
                return (
                    f"{name} of {op.name} is read by {stranger.name} too, which takes {scaled_type(value).scale} scales"
                )
        return ""

    def product(self, op: Product, kinds: tuple[ScaledType, ScaledType]) -> None:
        """Both factors of one product."""
        free, relayouts = list[str](), 0
        for index, (name, kind) in enumerate(zip(("x", "w"), kinds, strict=True)):
            value = op.operands[index]
            if value.type == kind:
                continue
            # what is moved or viewed changes its scales' type as a whole; only then is there a layout
            if not isinstance(value.owner, ParamOp):
                produce(value, with_scales(kind, kind.scale, "row"))
            if produce(value, kind):
                free.append(f"{name} {show_scales(kind)}")
            else:
                relayouts += value not in self.relaid
                op.operands[index] = self.relayout(value, kind, op)
        what = f"produced: {', '.join(free)}" if free else ""
        self.ctx.fired(op, what, relayouts=relayouts)

    def relayout(self, value: SSAValue, kind: ScaledType, reader: Product) -> SSAValue:
        """A copy of the scales, made once for all products that read it."""
        if value not in self.relaid:
            new = RelayoutOp(value, kind)
            new.location, new.r.name_hint = reader.location, value.name_hint
            block = reader.parent
            assert block is not None
            block.insert_op_before(new, reader)
            self.relaid[value] = new.r
        return self.relaid[value]


def show_scales(kind: ScaledType) -> str:
    """``f32 mn_major``."""
    return f"{kind.scale} {kind.layout_name}"


def groups(products: Sequence[Product]) -> list[list[Product]]:
    """Products in program order, those that share a factor together."""
    found = list[tuple[set[SSAValue], list[Product]]]()
    for op in products:
        roots = {flow_of(op.x, views=True).root, flow_of(op.w, views=True).root}
        joined = [group for group in found if not group[0].isdisjoint(roots)]
        members = [member for _, group in joined for member in group]
        found = [group for group in found if group not in joined]
        found.append((roots.union(*(names for names, _ in joined)), [*members, op]))
    return [group for _, group in found]


def produce(value: SSAValue, kind: ScaledType) -> bool:
    """Make what gives ``value`` its scales give those of ``kind``, if nothing else reads them otherwise.

    All that is made of it by moving rows follows; views need scales row by row.
    """
    views = kind.layout_name == "row"
    flow = flow_of(value, views=views)
    if flow.stranger() is not None:
        return False
    if isinstance(flow.root.owner, ParamOp):
        lay_out_weight(flow.root.owner, kind)
    elif not isinstance(flow.root.owner, Producer):
        return False
    for part in flow.values:
        set_scales(part, kind.scale, kind.layout_name)
    return True


def lay_out_weight(param: ParamOp, kind: ScaledType) -> None:
    """Make a recipe yield other scales: its quantiser does, or a last step."""
    value = recipe_value(param)
    if isinstance(value.owner, Producer):
        set_scales(value, kind.scale, kind.layout_name)
    else:
        assert isinstance(value.owner, Operation) and param.recipe is not None
        end = param.recipe.block.last_op
        assert end is not None
        new = RelayoutOp(value, with_scales(scaled_type(value), kind.scale, kind.layout_name))
        new.location = param.location
        param.recipe.block.insert_op_before(new, end)
        end.operands[0] = new.r
    param.properties["key"] = StringAttr(f"{param.key.data} {show_scales(kind)}")
