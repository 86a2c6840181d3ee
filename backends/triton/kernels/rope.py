"""Rotary embedding of heads: R rows (a head of a token each), P pairs.

``compute "f32"`` is done in f64: products of a bfloat16 and an f32 number are exact there, and one rounding is left.
"""

import triton
import triton.language as tl


@triton.jit
def rotated(
    a: tl.tensor, b: tl.tensor, cos: tl.tensor, sin: tl.tensor, element: tl.constexpr, COMPUTE: tl.constexpr
) -> tl.tuple:
    """``(a cos - b sin, b cos + a sin)`` of values as they were loaded; COMPUTE ``input``: every step is rounded."""
    if COMPUTE == "input":
        c, s = cos.to(tl.float32).to(element).to(tl.float32), sin.to(tl.float32).to(element).to(tl.float32)
        a, b = a.to(tl.float32), b.to(tl.float32)
        ac, bs = (a * c).to(element).to(tl.float32), (b * s).to(element).to(tl.float32)
        bc, as_ = (b * c).to(element).to(tl.float32), (a * s).to(element).to(tl.float32)
        return (ac - bs).to(element), (bc + as_).to(element)
    else:
        c, s = cos.to(tl.float32).to(tl.float64), sin.to(tl.float32).to(tl.float64)
        a, b = a.to(tl.float32).to(tl.float64), b.to(tl.float32).to(tl.float64)
        return (a * c - b * s).to(tl.float32).to(element), (b * c + a * s).to(tl.float32).to(element)


@triton.jit
def rope_kernel(
    x_ptr: tl.tensor,
    cos_ptr: tl.tensor,
    sin_ptr: tl.tensor,
    y_ptr: tl.tensor,
    rows: tl.tensor,
    heads: tl.tensor,
    table_rows: tl.tensor,
    x_token: tl.tensor,
    x_head: tl.tensor,
    cos_stride: tl.tensor,
    y_token: tl.tensor,
    y_head: tl.tensor,
    BLOCK_M: tl.constexpr,
    PAIRS: tl.constexpr,
    PAIRS_IN: tl.constexpr,
    PAIRS_OUT: tl.constexpr,
    COMPUTE: tl.constexpr,
) -> None:
    """y = x rotated; row r is head r % heads of token r // heads, whose table is row token % table_rows.  Grid: rows.

    PAIRS, a power of two; PAIRS_IN and PAIRS_OUT: ``interleaved`` (2i, 2i + 1) or ``half`` (i, i + PAIRS).
    """
    r = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    t, h = r // heads, r % heads
    p, d = tl.arange(0, PAIRS), tl.arange(0, 2 * PAIRS)
    inside = (r < rows)[:, None]
    x_places = x_ptr + (t * x_token + h * x_head)[:, None]
    if PAIRS_IN == "interleaved":
        both = tl.load(x_places + d[None, :], mask=inside, other=0.0)
        a, b = tl.split(tl.reshape(both, [BLOCK_M, PAIRS, 2]))
    else:
        a = tl.load(x_places + p[None, :], mask=inside, other=0.0)
        b = tl.load(x_places + PAIRS + p[None, :], mask=inside, other=0.0)
    table = ((t % table_rows) * cos_stride)[:, None] + p[None, :]
    cos = tl.load(cos_ptr + table, mask=inside, other=0.0)
    sin = tl.load(sin_ptr + table, mask=inside, other=0.0)
    first, second = rotated(a, b, cos, sin, y_ptr.dtype.element_ty, COMPUTE)
    y_places = y_ptr + (t * y_token + h * y_head)[:, None]
    if PAIRS_OUT == "interleaved":
        y = tl.reshape(tl.join(first, second), [BLOCK_M, 2 * PAIRS])
        tl.store(y_places + d[None, :], y, mask=inside)
    else:
        tl.store(y_places + p[None, :], first, mask=inside)
        tl.store(y_places + PAIRS + p[None, :], second, mask=inside)
