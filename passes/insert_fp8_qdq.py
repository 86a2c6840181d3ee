"""``insert-fp8-qdq``: quantise the products that a precision recipe names, activations and weights.

Before::

    %w = weight.param "o_proj.weight" : tensor<7168x16384xbf16>
    %y = nn.linear %x, %w

After::

    %x_q = scaled.quantize %x quantizer ... -> !scaled.tensor<..., 1x128, f32>
    %x_dq = scaled.dequantize %x_q -> f32
    %w = weight.param "o_proj.weight" : tensor<7168x16384xbf16>
    %w_q = scaled.quantize %w quantizer ... -> !scaled.tensor<..., 128x128, f32>
    %w_dq = scaled.dequantize %w_q -> f32
    %y = nn.linear %x_dq, %w_dq

The result keeps its type: the product of the dequantised factors is rounded once.  ``fold-weights`` moves the
quantising of weights to where they are loaded, ``fuse-qdq`` makes scaled products of the rest, which then read a
quarter to a half of the bytes and run at the 8-bit rate.

A weight that a checkpoint stores quantised is not quantised again: it enters as the stored data and scales, through
merging, cutting and transposing, where its grid is the recipe's; where it is not, the outcome says why.

Layers of one function that the recipe treats differently get a function each.  Roles (router, head, experts, shared
experts) are found by dataflow.  It leaves ``moe.experts`` as it is (``bucket-tokens`` makes grouped products of it),
and quantises neither embeddings nor products per head.
Source of the default: DeepSeek-V3 (arXiv 2412.19437, section 3.3).
"""

from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.common import FLOATS
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.moe_rows import GroupedMmOp
from dsv3c.ir.dialects.nn import EmbeddingOp, HeadLinearOp, LinearOp
from dsv3c.ir.dialects.scaled import DequantizeOp, QuantizeOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.precision import Recipe, ScaledFormat
from dsv3c.ir.precision_text import load_recipe
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.types import as_tensor, element_type
from dsv3c.passes.base import Pass
from dsv3c.passes.matching import Mismatch
from dsv3c.passes.precision_sites import Layers, Verdict, Version, idle_rules, sites, verdict_at
from dsv3c.passes.recipes import erase_unread, format_label, unique_key
from dsv3c.passes.site_roles import Site, source_param, weight_of
from dsv3c.passes.stored_scaled import is_stored_quantised, stored_param

Product = LinearOp | GroupedMmOp


@dataclass(frozen=True)
class InsertFp8QdqPass(Pass):
    """Quantise activations and weights of products as a recipe says."""

    name = "insert-fp8-qdq"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})
    ensures: ClassVar[frozenset[str]] = frozenset({"quantised"})
    numerics = "quantises"

    recipe: str = "deepseek-v3"
    """Precision recipe: a name that ``dsv3c recipes`` lists, or a .toml file; in quotes where it has a dot."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Give every function one precision, then quantise its sites."""
        recipe = load_recipe(self.recipe)
        check_target(ctx, recipe)
        versions = Layers(ctx, module, recipe).split()
        for number in idle_rules(recipe, versions):
            ctx.blocked(module, f"{recipe.name}: nothing is at {recipe.rules[number - 1].condition}", rule=number)
        for version in versions:
            Quantisation(ctx, recipe, version).run()


def check_target(ctx: CompileContext, recipe: Recipe) -> None:
    """Raise UsageError for a recipe in a format that the target, as far as it states rates, does not multiply."""
    if ctx.target is None or not ctx.target.dense_flops_per_s:
        return
    for stated in [stated for rule in recipe.rules if rule.formats is not None for stated in rule.formats]:
        if stated.format not in ctx.target.dense_flops_per_s:
            raise UsageError(
                f"recipe {recipe.name} multiplies {stated.format}; {ctx.target.name} multiplies "
                f"{', '.join(ctx.target.dense_flops_per_s)}",
                hint=f'write a recipe of your own: extends = "{recipe.name}", with another format; or --recipe bf16',
            )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A value, how it is to be quantised, and to what."""

    value: SSAValue
    kind: ScaledType
    quantizer: QuantizerAttr


@dataclass
class Quantisation:
    """The walk over one function."""

    ctx: CompileContext
    recipe: Recipe
    version: Version
    made: dict[Wanted, SSAValue] = field(default_factory=dict[Wanted, SSAValue])
    """What was asked for before -> the dequantised value there is."""
    replaced: list[ParamOp] = field(default_factory=list[ParamOp])
    """Parameters in whose place what is stored of them was put."""

    def run(self) -> None:
        """Every site has an outcome."""
        for op in sites(self.version.function):
            self.site(op, verdict_at(self.recipe, op, self.version.prefixes[0]))
        erase_unread(self.replaced)

    def site(self, op: Site, verdict: Verdict) -> None:
        """Guards, then the product on dequantised factors."""
        number = verdict.decisions[0][1].number
        if not verdict.agrees:
            rules = ", ".join(f"{path} by rule {decision.number}" for path, decision in verdict.decisions)
            return self.ctx.blocked(op, f"the weight is made of modules that {self.recipe.name} tells apart: {rules}")
        if verdict.rule.formats is None:
            return self.ctx.unprofitable(
                op, f"{self.recipe.name} keeps {verdict.role} in {element_type(weight_of(op))}", rule=number
            )
        if not isinstance(op, Product):
            return self.not_a_product(op)
        x, weight = op.operands[0], weight_of(op)
        if isinstance(x.owner, DequantizeOp):
            return self.ctx.blocked(op, "it is quantised already")
        if not isinstance(element_type(x), FLOATS):
            return self.ctx.blocked(op, f"x holds {element_type(x)}: only floating point is quantised")
        source = source_param(weight)
        if source is None:
            return self.ctx.blocked(op, "its weight is no parameter of this function: its scales are not known ahead")
        activations, weights = verdict.rule.formats
        kind = activations.type_of(as_tensor(x), matrix=False)
        what, dequantised = self.weight(op, weight, source, weights)
        op.operands[0] = self.quantised(op, x, kind, activations.quantizer)
        op.operands[1] = dequantised
        text = f"{verdict.role}: {activations.label} times {weights.label}, {what}"
        return self.ctx.fired(op, text, rule=number)

    def not_a_product(self, op: ExpertsOp | HeadLinearOp | EmbeddingOp) -> None:
        """The recipe asks for what no scaled op computes."""
        match op:
            case ExpertsOp():
                self.ctx.withheld.update(InsertFp8QdqPass.ensures)
                self.ctx.blocked(op, "the experts' products are inside moe.experts: bucket-tokens makes them apart")
            case HeadLinearOp():
                self.ctx.blocked(op, "there is no scaled product per head")
            case EmbeddingOp():
                self.ctx.blocked(op, "a lookup multiplies nothing")

    def weight(self, op: Product, weight: SSAValue, source: ParamOp, form: ScaledFormat) -> tuple[str, SSAValue]:
        """The dequantised weight, and where its data comes from."""
        kind = form.type_of(as_tensor(weight), matrix=True)
        if not is_stored_quantised(source):
            return "weight quantised here", self.quantised(op, weight, kind, form.quantizer)
        key = Wanted(value=weight, kind=kind, quantizer=form.quantizer)
        if key in self.made:
            return "weight as stored", self.made[key]
        block, name = self.version.function.body.block, f"{source.key.data}:{format_label(kind)}"
        try:
            param = stored_param(self.ctx, weight, kind, unique_key(block, name), source.location)
        except Mismatch as mismatch:
            again = self.quantised(op, weight, kind, form.quantizer)
            return f"weight dequantised and quantised again: {mismatch}", again
        self.replaced.append(source)
        block.insert_op_before(param, op)
        param.value.name_hint = hint(weight, "q")
        self.made[key] = self.dequantised(op, param.value, weight)
        return "weight as stored", self.made[key]

    def quantised(self, op: Operation, value: SSAValue, kind: ScaledType, quantizer: QuantizerAttr) -> SSAValue:
        """The value after quantising and dequantising, once per function."""
        key = Wanted(value=value, kind=kind, quantizer=quantizer)
        if key not in self.made:
            quantize = QuantizeOp(value, kind, quantizer)
            quantize.location = op.location
            quantize.q.name_hint = hint(value, "q")
            self.version.function.body.block.insert_op_before(quantize, op)
            self.made[key] = self.dequantised(op, quantize.q, value)
        return self.made[key]

    def dequantised(self, op: Operation, scaled: SSAValue, value: SSAValue) -> SSAValue:
        """In f32, where the product with the scale is exact enough for every format: it is not rounded again."""
        dequantize = DequantizeOp(scaled)
        dequantize.location = op.location
        dequantize.y.name_hint = hint(value, "dq")
        self.version.function.body.block.insert_op_before(dequantize, op)
        return dequantize.y


def hint(value: SSAValue, ending: str) -> str | None:
    """``%x`` -> ``%x_q``."""
    return f"{value.name_hint}_{ending}" if value.name_hint else None
