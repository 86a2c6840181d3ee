"""The ``weight`` dialect: parameters by relative name, and the recipes that make them from stored tensors.

A function's parameters are relative to the ``prefix`` of the call that reaches it, so that 58 equal layers share one
function and no weight passes through a call.  A recipe is a pure region run at load time, per layer and per rank;
folding moves weight-only ops from the function's body into it.
"""

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    I64,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    StringAttr,
    i64,
)
from xdsl.ir import Attribute, Dialect, Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    base,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    opt_region_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, Pure
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.comm_types import PlacementAttr, with_rows
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.types import Tensor, TensorLike, as_tensor, shape


@irdl_op_definition
class ParamOp(IRDLOperation):
    """``%w = weight.param "self_attn.kv_b_proj.weight" : T``: a parameter, named relative to the call's prefix.

    With a region, ``value = recipe(stored tensors)``: the region is pure, isolated, and yields one value of type T, a
    tensor or one with scales.  Without one the parameter is the stored tensor of that very name.  Shape: T, static.
    Source: the checkpoint's tensor names (deepseek-ai/DeepSeek-V3 README_WEIGHTS) or the captured module's parameters.
    """

    name = "weight.param"

    key = prop_def(StringAttr)
    value = result_def(base(Tensor) | base(TensorLike))
    recipe = opt_region_def("single_block")
    traits = traits_def(Pure(), IsolatedFromAbove())
    assembly_format = "$key attr-dict `:` type($value) ($recipe^)?"

    def __init__(self, key: str, type: Attribute, recipe: Region | None = None) -> None:
        super().__init__(
            properties={"key": StringAttr(key)}, result_types=[type], regions=[[recipe] if recipe is not None else []]
        )

    def verify_(self) -> None:
        """The name is not empty, the shape static, and the recipe yields exactly the parameter's type."""
        if not self.key.data:
            raise VerifyException("a parameter needs a name")
        if not all(isinstance(size, int) for size in shape(self.value)):
            raise VerifyException(f"parameter {self.key.data} has a shape that is not static: {self.value.type}")
        if self.recipe is None:
            if isinstance(self.value.type, TensorLike):
                raise VerifyException(f"{self.key.data} is {self.value.type}, which no stored tensor is: give a recipe")
            return
        end = self.recipe.block.last_op
        if not isinstance(end, YieldOp):
            raise VerifyException(f"the recipe of {self.key.data} does not end in weight.yield")
        if end.value.type != self.value.type:
            raise VerifyException(f"the recipe of {self.key.data} yields {end.value.type}, not {self.value.type}")


@irdl_op_definition
class YieldOp(IRDLOperation):
    """``weight.yield %w : T`` ends a recipe: value = w.  Shape: the parameter's.  Source: MLIR's region yields."""

    name = "weight.yield"

    value = operand_def(base(Tensor) | base(TensorLike))
    traits = traits_def(IsTerminator(), Pure())
    assembly_format = "$value attr-dict `:` type($value)"

    def __init__(self, value: SSAValue) -> None:
        super().__init__(operands=[value])

    def verify_(self) -> None:
        """A yield stands at the end of a recipe only."""
        if not isinstance(self.parent_op(), ParamOp):
            raise VerifyException("weight.yield outside of a recipe")


@irdl_op_definition
class StoredOp(IRDLOperation):
    """``%w = weight.stored "mlp.gate_proj.weight" : T``: value = the stored tensor ``prefix.key``, unchanged.

    Shape: T, static; the checkpoint must hold exactly this shape and element type.  Source: the checkpoint.
    """

    name = "weight.stored"

    key = prop_def(StringAttr)
    value = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$key attr-dict `:` type($value)"

    def __init__(self, key: str, type: Attribute) -> None:
        super().__init__(properties={"key": StringAttr(key)}, result_types=[type])

    def verify_(self) -> None:
        """Stored tensors are read in recipes only."""
        if not isinstance(self.parent_op(), ParamOp):
            raise VerifyException("weight.stored outside of a recipe")


@irdl_op_definition
class StoredEachOp(IRDLOperation):
    """``%w = weight.stored_each "mlp.experts.{}.up_proj.weight" count 256 : tensor<256xIxDxbf16>``.

    value[e] = the stored tensor whose name has ``{}`` replaced by e, for e in 0..count-1.  Shape: [count, ...].
    With a placement of P physical experts, [P / ranks, ...]: value[i] is that of the i-th expert of this rank of the
    group, and a rank reads no others.  One op for all experts: 256 names never appear in the text.  Source: the
    checkpoint's per-expert tensors.
    """

    name = "weight.stored_each"

    key = prop_def(StringAttr)
    count = prop_def(IntegerAttr[I64])
    group = opt_prop_def(StringAttr)
    placement = opt_prop_def(PlacementAttr)
    value = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$key `count` $count (`group` $group^)? (`placement` $placement^)? attr-dict `:` type($value)"

    def __init__(
        self, key: str, count: int, type: Attribute, *, group: str | None = None, placement: PlacementAttr | None = None
    ) -> None:
        properties: dict[str, Attribute] = {"key": StringAttr(key), "count": IntegerAttr(count, i64)}
        if group is not None and placement is not None:
            properties |= {"group": StringAttr(group), "placement": placement}
        super().__init__(properties=properties, result_types=[type])

    def indices(self, rank: int) -> tuple[int, ...]:
        """What stands for ``{}`` on a rank, row by row."""
        if self.placement is None:
            return tuple(range(self.count.value.data))
        rows = shape(self.value)[0]
        assert isinstance(rows, int)
        return self.placement.of_rank(rank, rows)

    def verify_(self) -> None:
        """One placeholder, and as many stored tensors as the first dim has rows."""
        if not isinstance(self.parent_op(), ParamOp):
            raise VerifyException("weight.stored_each outside of a recipe")
        if self.key.data.count("{}") != 1:
            raise VerifyException(f"{self.key.data!r} needs exactly one {{}} for the index")
        count = self.count.value.data
        if (self.group is None) != (self.placement is None):
            raise VerifyException("a group and a placement go together")
        if self.placement is not None:
            require_shard(self.value, count, self.placement)
        elif shape(self.value)[:1] != (count,):
            raise VerifyException(f"count {count} is not the first size of {self.value.type}")


def require_shard(value: SSAValue, count: int, placement: PlacementAttr) -> None:
    """The first size of ``value`` is one rank's share of the placement of ``count`` experts."""
    sizes, physical = shape(value), len(placement.logical)
    if not sizes or not isinstance(sizes[0], int) or sizes[0] < 1 or physical % sizes[0]:
        raise VerifyException(f"{value.type} does not hold one rank's share of {physical} physical experts")
    last = max(placement.logical)
    if last >= count:
        raise VerifyException(f"the placement names expert {last} of {count}")


@irdl_op_definition
class ShardOp(IRDLOperation):
    """``%l = weight.shard %w group "ep" placement <0:256> : [E, ...] -> [P / ranks, ...]``: this rank's experts.

    value[i] = w[placement[rank * P / ranks + i]]; scales of a scaled value go with their rows.  Passes move it
    towards the stored tensors, so that a rank reads its own.  Source: convert.py in deepseek-ai/DeepSeek-V3, which
    writes a file per rank.
    """

    name = "weight.shard"

    w = operand_def()
    group = prop_def(StringAttr)
    placement = prop_def(PlacementAttr)
    value = result_def()
    traits = traits_def(Pure())
    assembly_format = "$w `group` $group `placement` $placement attr-dict `:` type($w) `->` type($value)"

    def __init__(self, w: SSAValue, *, group: str, placement: PlacementAttr, rows: int) -> None:
        super().__init__(
            operands=[w],
            properties={"group": StringAttr(group), "placement": placement},
            result_types=[with_rows(w, rows)],
        )

    def verify_(self) -> None:
        """In a recipe; as many rows as a rank has experts, otherwise as w."""
        if not isinstance(self.parent_op(), ParamOp):
            raise VerifyException("weight.shard outside of a recipe")
        count = shape(self.w)[:1]
        if not count or not isinstance(count[0], int):
            raise VerifyException(f"weight.shard deals out the first size of a tensor, not {self.w.type}")
        require_shard(self.value, count[0], self.placement)
        if isinstance(self.w.type, ScaledType) and self.w.type.granules[0] != 1:
            raise VerifyException(f"a scale must not reach over experts: {self.w.type}")
        expected = with_rows(self.w, shape(self.value)[0])
        if self.value.type != expected:
            raise VerifyException(f"the shard must have type {expected}, not {self.value.type}")


@irdl_op_definition
class DequantizeOp(IRDLOperation):
    """``%w = weight.dequantize %q, %s block [128, 128] : T``: w[i, j] = round(f32(q[i, j]) * s[i // 128, j // 128]).

    q: [..., N, K] in 8-bit floating point; s: [..., ceil(N/bn), ceil(K/bk)] f32, the multiplier (stored under the
    name ``weight_scale_inv``); w: [..., N, K].  Partial blocks at the edges are legal.  The product is made in f32 and
    rounded once.  Source: inference/kernel.py weight_dequant in deepseek-ai/DeepSeek-V3.
    """

    name = "weight.dequantize"

    quantized = operand_def(base(Tensor))
    scale = operand_def(base(Tensor))
    block = prop_def(ArrayAttr[IntegerAttr[I64]])
    value = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = (
        "$quantized `,` $scale `block` $block attr-dict `:` type($quantized) `,` type($scale) `->` type($value)"
    )

    def __init__(self, quantized: SSAValue, scale: SSAValue, block: Sequence[int], type: Attribute) -> None:
        super().__init__(
            operands=[quantized, scale],
            properties={"block": ArrayAttr(IntegerAttr(size, i64) for size in block)},
            result_types=[type],
        )

    def verify_(self) -> None:
        """The scale grid is ceil(shape / block), in this order of dims."""
        sizes, grid = shape(self.quantized), shape(self.scale)
        blocks = [size.value.data for size in self.block]
        if len(blocks) != 2 or any(size < 1 for size in blocks):
            raise VerifyException(f"block must be two positive sizes, not {blocks}")
        if shape(self.value) != sizes:
            raise VerifyException(f"result {self.value.type} has another shape than {self.quantized.type}")
        rows, columns = sizes[-2:]
        assert isinstance(rows, int) and isinstance(columns, int)
        expected = (*sizes[:-2], -(-rows // blocks[0]), -(-columns // blocks[1]))
        if grid != expected:
            raise VerifyException(f"scale grid {list(grid)} of {list(sizes)} must be {list(expected)}: block {blocks}")


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """``%c = weight.constant dense<[1.0, 0.5]> : tensor<2xf32>``: value = a small constant tensor, in the text.

    Shape: that of the type.  For what no checkpoint holds: RoPE frequencies, lifted literals.  Source: the captured
    module's non-persistent buffers.
    """

    name = "weight.constant"

    elements = prop_def(base(DenseIntOrFPElementsAttr))
    value = result_def(base(Tensor))
    traits = traits_def(Pure())

    def __init__(self, elements: DenseIntOrFPElementsAttr) -> None:
        super().__init__(properties={"elements": elements}, result_types=[elements.type])

    def print(self, printer: Printer) -> None:
        """The elements carry their type: it is written once."""
        printer.print_string(" ")
        printer.print_attribute(self.elements)
        printer.print_op_attributes(self.attributes, print_keyword=True)

    @classmethod
    def parse(cls, parser: Parser) -> "ConstantOp":
        """Read what ``print`` writes."""
        elements = parser.parse_attribute()
        if not isinstance(elements, DenseIntOrFPElementsAttr):
            parser.raise_error("expected dense elements")
        op = cls(elements)
        if attributes := parser.parse_optional_attr_dict_with_keyword():
            op.attributes.update(attributes.data)
        return op

    def verify_(self) -> None:
        """The result has the type of the elements."""
        if self.elements.type != as_tensor(self.value):
            raise VerifyException(f"elements of type {self.elements.type} in a value of type {self.value.type}")


Weight = Dialect("weight", [ConstantOp, DequantizeOp, ParamOp, ShardOp, StoredEachOp, StoredOp, YieldOp])
