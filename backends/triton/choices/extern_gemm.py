"""Matrix products that cuBLASLt and DeepGEMM run, and why they do not run the others."""

from dataclasses import dataclass

from xdsl.dialects.builtin import BFloat16Type, Float8E4M3FNType, Float16Type, Float32Type, bf16, f32, i32
from xdsl.ir import Attribute, SSAValue

from dsv3c.backends.triton.choices.base import Refused, Scratch, Selection
from dsv3c.backends.triton.choices.expert_rows import expert_rows
from dsv3c.backends.triton.choices.extern_base import (
    CUBLASLT,
    DEEP_GEMM,
    EXTERNS,
    ExternChoice,
    first_failing,
)
from dsv3c.ir.dialects.moe_rows import product as count_of
from dsv3c.ir.dialects.nn import LinearOp
from dsv3c.ir.dialects.scaled import GroupedMmOp, MmOp
from dsv3c.ir.scaled_type import WHOLE, ScaledType, scaled_type, show_granule
from dsv3c.ir.sizes import Size, add
from dsv3c.ir.types import element_type, shape

E4M3 = Float8E4M3FNType()
BLOCK = 128
"""Elements of K per scale, rows of w per scale, and elements of K after which sums are promoted."""
SCALE_ROWS = 4
"""Rows of f32 scales that share 16 bytes: DeepGEMM's columns of scales are padded to as many."""


@dataclass(frozen=True)
class Recipe:
    """A pair of cuBLASLt's ways to scale, by PyTorch's names, and what it asks of N and K."""

    x: str
    w: str
    arches: tuple[str, ...]
    columns: int
    """N is a multiple of it."""
    inner: int
    """K is a multiple of it."""

    @property
    def by_block(self) -> bool:
        """Whether scales change along K."""
        return self.x == "BlockWise1x128"


RECIPES: dict[tuple[tuple[int, int], tuple[int, int]], Recipe] = {
    # K: w's scales are read at strides of 16 bytes, and versions of PyTorch disagree on who pads them
    ((1, BLOCK), (BLOCK, BLOCK)): Recipe("BlockWise1x128", "BlockWise128x128", ("sm_90a",), BLOCK, 4 * BLOCK),
    ((1, WHOLE), (1, WHOLE)): Recipe("RowWise", "RowWise", CUBLASLT.arches, 16, 16),
    ((WHOLE, WHOLE), (WHOLE, WHOLE)): Recipe("TensorWise", "TensorWise", CUBLASLT.arches, 16, 16),
}
"""Granules of x and w -> the recipe.  Source: cuBLAS 12.9, 8-bit floating point data types; torch.nn.functional."""
LINEAR_TYPES: tuple[Attribute, ...] = (BFloat16Type(), Float16Type(), Float32Type())


def fixed(size: Size) -> int:
    """A size that the program fixes: those of weights."""
    assert isinstance(size, int)
    return size


def granules_of(kind: ScaledType) -> tuple[int, int] | None:
    """Granule of rows and of K; None where leading dims differ from rows."""
    *leading, rows, inner = kind.granules if len(kind.granules) > 1 else (1, *kind.granules)
    return (rows, inner) if {*leading} <= {rows} else None


def why_not_scaled(x: SSAValue, w: SSAValue) -> Refused | None:
    """What all of these kernels ask of block-scaled operands."""
    left, right = scaled_type(x), scaled_type(w)
    return first_failing(
        [
            ({left.element, right.element} == {E4M3}, f"operands hold {left.element} and {right.element}, not {E4M3}"),
            (left.scale == f32 and right.scale == f32, f"scales are {left.scale} and {right.scale}, not f32"),
            (right.layout_name == "row", f"scales of w are {right.layout_name}, not row-major"),
            (left.layout_name in ("row", "mn_major"), f"scales of x are {left.layout_name}"),
        ]
    )


@EXTERNS["cublaslt"].rule(MmOp)
def cublaslt_scaled_mm(op: MmOp, at: Selection) -> ExternChoice | Refused:
    """``torch.nn.functional.scaled_mm`` with the recipe of these granules."""
    x, w = scaled_type(op.x), scaled_type(op.w)
    granules, of_w = granules_of(x), granules_of(w)
    recipe = RECIPES.get((granules, of_w)) if granules is not None and of_w is not None else None
    if recipe is None:
        return Refused(f"granules {show_granule(x.granules)} of x and {show_granule(w.granules)} of w have no recipe")
    columns, inner = map(fixed, shape(op.w))
    promote, out = None if op.promote is None else op.promote.value.data, element_type(op.y)
    reason = why_not_scaled(op.x, op.w) or first_failing(
        [
            (at.target.arch in recipe.arches, f"{recipe.x} is called for {', '.join(recipe.arches)}"),
            (out == bf16, f"y is {out}, not bf16"),
            (op.bias is None or element_type(op.bias) == out, "bias is of another type than y"),
            (columns % recipe.columns == 0, f"N = {columns} is no multiple of {recipe.columns}"),
            (inner % recipe.inner == 0, f"K = {inner} is no multiple of {recipe.inner}"),
            (not recipe.by_block or promote in (None, BLOCK), f"promote {promote}: sums are promoted every {BLOCK}"),
        ]
    )
    rows = count_of(x.sizes[:-1])
    return reason or ExternChoice(
        library=CUBLASLT,
        function="scaled_mm",
        package="torch.nn.functional",
        launcher="extern.cublaslt_scaled_mm",
        operands={"x": op.x, "w": op.w, "bias": op.bias},
        results={"y": op.y},
        parameters={"recipe": (recipe.x, recipe.w), "fast_accum": not recipe.by_block and promote is None},
        scratch={"scales": Scratch((inner // BLOCK, rows), f32)} if recipe.by_block else {},
    )


@EXTERNS["cublaslt"].rule(LinearOp)
def cublaslt_linear(op: LinearOp, at: Selection) -> ExternChoice | Refused:
    """``torch.nn.functional.linear``."""
    kinds = {element_type(value) for value in (op.x, op.weight, op.bias, op.y) if value is not None}
    reason = first_failing(
        [
            (len(kinds) == 1, f"operands and result hold {', '.join(sorted(map(str, kinds)))}, not one type"),
            (kinds <= {*LINEAR_TYPES}, f"operands hold {', '.join(map(str, kinds))}"),
        ]
    )
    return reason or ExternChoice(
        library=CUBLASLT,
        function="linear",
        package="torch.nn.functional",
        launcher="extern.cublaslt_linear",
        operands={"x": op.x, "weight": op.weight, "bias": op.bias},
        results={"y": op.y},
    )


def why_not_deep_gemm(op: MmOp | GroupedMmOp) -> Refused | None:
    """What DeepGEMM asks of both factors: 1x128 and 128x128 scales, whole tiles along N and K."""
    x, w = scaled_type(op.x), scaled_type(op.w)
    *experts, columns, inner = shape(op.w)
    columns, inner, promote = fixed(columns), fixed(inner), None if op.promote is None else op.promote.value.data
    wanted = (*(1 for _ in experts), BLOCK, BLOCK)
    return why_not_scaled(op.x, op.w) or first_failing(
        [
            (granules_of(x) == (1, BLOCK), f"granule {show_granule(x.granules)} of x, not 1x{BLOCK}"),
            (w.granules == wanted, f"granule {show_granule(w.granules)} of w, not {show_granule(wanted)}"),
            (columns % 64 == 0, f"N = {columns} is no multiple of 64"),
            (inner % BLOCK == 0, f"K = {inner} is no multiple of {BLOCK}"),
            (promote in (None, BLOCK), f"promote {promote}: sums are promoted every {BLOCK}"),
        ]
    )


@EXTERNS["deep_gemm"].rule(MmOp)
def deep_gemm_mm(op: MmOp, at: Selection) -> ExternChoice | Refused:
    """``deep_gemm.fp8_gemm_nt``."""
    out = element_type(op.y)
    reason = why_not_deep_gemm(op) or first_failing(
        [(out in (bf16, f32), f"y is {out}, not bf16 or f32"), (op.bias is None, "there is a bias to add")]
    )
    inner = fixed(shape(op.w)[-1])
    rows = count_of(scaled_type(op.x).sizes[:-1])
    return reason or ExternChoice(
        library=DEEP_GEMM,
        function="fp8_gemm_nt",
        package="deep_gemm",
        launcher="extern.deep_gemm_fp8_gemm_nt",
        operands={"x": op.x, "w": op.w},
        results={"y": op.y},
        scratch={"scales": Scratch((inner // BLOCK, add(rows, SCALE_ROWS - 1)), f32)},
    )


@EXTERNS["deep_gemm"].rule(GroupedMmOp)
def deep_gemm_grouped_mm(op: GroupedMmOp, at: Selection) -> ExternChoice | Refused:
    """``deep_gemm.m_grouped_fp8_gemm_nt_contiguous`` or ``_masked``, by the layout of the rows."""
    laid_out = expert_rows(op)
    if isinstance(laid_out, Refused):
        return laid_out
    layout, out = laid_out.layout, element_type(op.y)
    aligned = laid_out.alignment % BLOCK == 0
    reason = why_not_deep_gemm(op) or first_failing(
        [
            (out == bf16, f"y is {out}, not bf16"),
            (layout in ("contiguous", "masked"), f"rows are {layout}, neither contiguous nor masked"),
            (
                layout != "contiguous" or aligned,
                f"experts start at multiples of {laid_out.alignment} rows, not of {BLOCK}",
            ),
        ]
    )
    if reason is not None:
        return reason
    experts, _, inner = map(fixed, shape(op.w))
    groups = experts if layout == "masked" else 1
    rows = add(laid_out.rows, groups * (SCALE_ROWS - 1))
    masked = layout == "masked"
    function = f"m_grouped_fp8_gemm_nt_{layout}"
    return ExternChoice(
        library=DEEP_GEMM,
        function=function,
        package="deep_gemm",
        launcher=f"extern.deep_gemm_{function}",
        operands={"x": op.x, "w": op.w, "expert_of": op.expert_of},
        results={"y": op.y},
        parameters={
            **({"expected": -(-laid_out.filled(at) // experts)} if masked else {}),
            **laid_out.padding,
        },
        scratch={"scales": Scratch((inner // BLOCK, rows), f32)}
        | ({"counts": Scratch((experts,), i32)} if masked else {}),
    )
