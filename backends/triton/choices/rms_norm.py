"""Kernels of RMS norm: with the addition before it and the quantiser after it where there are."""

from xdsl.ir import OpResult, SSAValue

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Literal, Refused, Selection
from dsv3c.backends.triton.choices.elementwise import is_plain_add
from dsv3c.backends.triton.choices.row_configs import by_rows, quantizer_literals, rows_of, uncomputable, whole_rows
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.nn import RmsNormOp
from dsv3c.ir.dialects.scaled_fused import RmsNormOp as ScaledRmsNormOp
from dsv3c.ir.scaled_type import scaled_type
from dsv3c.ir.types import element_type, shape

MOST_COLUMNS = 8192
"""Of a row that one program holds in registers without spilling."""


@KERNELS.rule(RmsNormOp)
def rms_norm(op: RmsNormOp, at: Selection) -> Choice | Refused:
    """One program for whole rows."""
    reason = unreadable(op)
    if reason is not None:
        return Refused(reason)
    parameters: dict[str, Literal] = {"intermediate": str(element_type(op.x))}
    return choice(op, at, "rms_norm.rms_norm", {"y": op.y}, parameters)


@KERNELS.rule(ScaledRmsNormOp)
def scaled_rms_norm(op: ScaledRmsNormOp, at: Selection) -> Choice | Refused:
    """One program for whole rows, quantised before they leave it."""
    kind = scaled_type(op.q)
    reason = unreadable(op) or by_rows(kind, op.quantizer, at)
    if reason is None and str(op.intermediate) not in ("f32", str(element_type(op.x))):
        reason = f"its kernel rounds the row to {element_type(op.x)} or leaves it in f32, not to {op.intermediate}"
    if reason is not None:
        return Refused(reason)
    kept = {} if op.y is None or not op.y.uses else {"y": op.y}
    parameters = {"intermediate": str(op.intermediate), "keep": bool(kept), **quantizer_literals(kind, op.quantizer)}
    return choice(op, at, "rms_norm.rms_norm_quantize", {"q": op.q, **kept}, parameters)


def unreadable(op: RmsNormOp | ScaledRmsNormOp) -> str | None:
    """Why the kernels do not read these rows; None where they do."""
    reason = uncomputable([op.x, op.weight])
    if reason is not None:
        return reason
    columns = shape(op.x)[-1]
    assert isinstance(columns, int)
    if columns > MOST_COLUMNS:
        return f"a program holds rows of {MOST_COLUMNS} columns at most, not {columns}"
    return None


def choice(
    op: RmsNormOp | ScaledRmsNormOp,
    at: Selection,
    launcher: str,
    results: dict[str, SSAValue],
    parameters: dict[str, Literal],
) -> Choice:
    """The call, with the addition that makes x where no other op needs its sum before the norm runs."""
    columns = shape(op.x)[-1]
    assert isinstance(columns, int)
    operands: dict[str, SSAValue | None] = {"x": op.x, "weight": op.weight}
    total = None if at.alone else sum_before(op)
    keep_total = False
    if total is not None:
        operands["x"], operands["residual"] = total.operands
        keep_total = any(use.operation is not op for use in total.results[0].uses)
        results |= {"total": total.results[0]} if keep_total else {}
    return Choice(
        launcher=launcher,
        operands=operands,
        results=results,
        configs=whole_rows(columns, rows_of(op.x), at),
        parameters={
            "eps": op.eps.value.data,
            "weight_in": op.weight_in.data,
            "keep_total": keep_total,
            **parameters,
        },
        ops=(op,) if total is None else (total, op),
    )


def sum_before(op: RmsNormOp | ScaledRmsNormOp) -> AtenOp | None:
    """The addition of two values of one type whose sum is normalised; None where x is something else."""
    owner = op.x.owner if isinstance(op.x, OpResult) else None
    if not isinstance(owner, AtenOp) or owner.parent is not op.parent or not is_plain_add(owner):
        return None
    first, second = owner.operands
    return owner if first is not second and op.weight is not op.x else None
