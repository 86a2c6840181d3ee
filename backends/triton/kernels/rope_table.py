"""Cosines and sines of rotary positions: angles in f32, functions in f64, rounded to f32.

``tl.cos`` is libdevice's on NVIDIA: off by up to 2 units in the last place in f32, and with local memory for large
angles in f32 and f64.  Here an angle below 2^20 quarter turns is reduced exactly and its Taylor series summed, which
errs by 1e-16 on every device.
"""

import triton
import triton.language as tl

QUARTERS = tl.constexpr(0.6366197723675814)
"""``2 / pi``"""
PI_HALF_0 = tl.constexpr(1.5707963267341256)
"""``pi / 2`` in three parts of which the first two have 33 bits: their products with a number below 2^20 are exact."""
PI_HALF_1 = tl.constexpr(6.077100506303966e-11)
PI_HALF_2 = tl.constexpr(2.0222662487959506e-21)


@triton.jit
def cos_sin(angle: tl.tensor) -> tl.tuple:
    """``(cos(angle), sin(angle))`` in f64 of f64 angles below 2^20 quarter turns."""
    quarter = tl.floor(angle * QUARTERS + 0.5)
    r = ((angle - quarter * PI_HALF_0) - quarter * PI_HALF_1) - quarter * PI_HALF_2
    z = r * r
    # 1 / n!, by descending n
    c = z * 4.779477332387385e-14 - 1.1470745597729725e-11
    c = z * c + 2.08767569878681e-09
    c = z * c - 2.755731922398589e-07
    c = z * c + 2.48015873015873e-05
    c = z * c - 0.001388888888888889
    c = z * c + 0.041666666666666664
    c = z * (z * c - 0.5) + 1.0
    s = z * 2.8114572543455206e-15 - 7.647163731819816e-13
    s = z * s + 1.6059043836821613e-10
    s = z * s - 2.505210838544172e-08
    s = z * s + 2.7557319223985893e-06
    s = z * s - 0.0001984126984126984
    s = z * s + 0.008333333333333333
    s = r * (z * (z * s - 0.16666666666666666) + 1.0)
    turn = quarter.to(tl.int32) & 3
    swapped = (turn & 1) == 1
    cos, sin = tl.where(swapped, s, c), tl.where(swapped, c, s)
    return tl.where((turn == 1) | (turn == 2), -cos, cos), tl.where(turn >= 2, -sin, sin)


@triton.jit
def rope_table_kernel(
    positions_ptr: tl.tensor,
    inv_freq_ptr: tl.tensor,
    cos_ptr: tl.tensor,
    sin_ptr: tl.tensor,
    rows: tl.tensor,
    pairs: tl.tensor,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    SCALING: tl.constexpr,
) -> None:
    """``cos|sin(f32(position) * inv_freq) * scaling``: [rows, pairs], contiguous.  Grid: tiles of rows."""
    m = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    p = tl.arange(0, BLOCK_N)
    position = tl.load(positions_ptr + m, mask=m < rows, other=0).to(tl.float32)
    frequency = tl.load(inv_freq_ptr + p, mask=p < pairs, other=0.0)
    cos, sin = cos_sin((position[:, None] * frequency[None, :]).to(tl.float64))
    inside = (m < rows)[:, None] & (p < pairs)[None, :]
    places = m[:, None] * pairs + p[None, :]
    element = cos_ptr.dtype.element_ty
    tl.store(cos_ptr + places, (cos.to(tl.float32) * SCALING).to(element), mask=inside)
    tl.store(sin_ptr + places, (sin.to(tl.float32) * SCALING).to(element), mask=inside)
