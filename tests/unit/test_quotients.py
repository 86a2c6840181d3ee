"""Division in quantisers: where three operations could round another way than a division, they do not.

``divided`` (``backends/triton/kernels/quantizing.py``) computes y from x and s.  What is rounded to 8 bits next has at
most 4 significant bits; so it matters only that y is on the same side of every number M of at most 5 bits, or on it.
It is where the last bit of y is that of x / s: a doubt is where x / s is next to the middle B of M and its neighbour.
All errors together are below 2^-44 of y.  With x and s as whole numbers of 24 bits, M = m 2^20 with m < 32 and B = M +-
1/2, ``|x 2^k - (2 M +- 1) s|`` is below 2^49 2^-44 = 32 there, and s is within 32 of a multiple of 2^20.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Wholes = NDArray[np.int64]
NEAR = 64
ONE = 1 << 24
F32 = np.float32


def fma(x: Floats, y: Floats, z: Floats) -> Floats:
    """``x y + z`` rounded once: the product is exact in f64, what the sum leaves over decides ties."""
    product, addend = x.astype(np.float64) * y, z.astype(np.float64)
    total = product + addend
    back = total - product
    left = (product - (total - back)) + (addend - back)
    made = total.astype(F32)
    rest = total - made
    above, below = np.nextafter(made, F32(np.inf)), np.nextafter(made, F32(-np.inf))
    made = np.where((rest == (above.astype(np.float64) - made) / 2) & (left > 0), above, made)
    return np.where((rest == (below.astype(np.float64) - made) / 2) & (left < 0), below, made)


def divided(x: Floats, s: Floats, units: int) -> Floats:
    """As the kernel, on a device whose quotients are off by ``units`` in the last place."""
    above = (F32(1 / 2097152 - 1) / s).astype(F32)
    above = (above.view(np.int32) + units).view(F32)
    error = np.maximum(fma(s, above, np.ones_like(s)), F32(0))
    assert (error > 0).all()
    negative = fma(above, error * F32(1 + 1 / 262144), above)
    y = x * -negative
    return fma(fma(y, s, -x), negative, y)


def doubtful() -> tuple[Wholes, Wholes]:
    """Pairs of whole numbers of 24 bits whose quotients are next to a B."""
    steps = np.arange(8, 17, dtype=np.int64)[:, None] << 20
    s = (steps + np.arange(-NEAR, NEAR + 1)).ravel()
    s = s[(s >= ONE // 2) & (s < ONE)]
    found = list[tuple[Wholes, Wholes]]()
    for m in range(1, 32, 2):
        whole = m << (24 - m.bit_length())
        for twice in (2 * whole + 1, 2 * whole - 1 if whole != ONE // 2 else 4 * whole - 1):
            product = s * twice
            shift = np.frexp(product.astype(np.float64))[1] - 24
            near = product >> shift
            found += [(near + offset, s) for offset in (-1, 0, 1, 2)]
    return np.concatenate([x for x, _ in found]), np.concatenate([s for _, s in found])


@pytest.mark.parametrize("units", [-2, -1, 0, 1, 2])
def test_no_doubtful_quotient_is_rounded_another_way(units: int) -> None:
    x, s = (values.astype(F32) for values in doubtful())
    assert np.array_equal(divided(x, s, units), x / s)


def test_doubts_are_doubts() -> None:
    """Without the correction many of them are wrong."""
    x, s = (values.astype(F32) for values in doubtful())
    assert (x * (F32(1) / s) != x / s).mean() > 0.05


@pytest.mark.parametrize("largest", [448, 240, 57344])
def test_division_by_the_largest_number_is_exact(largest: int) -> None:
    """All mantissas: ``amax * upper + amax * lower``, as ``scale_of`` has it."""
    upper = F32((1 << 30) // largest / (1 << 30))
    lower = F32(1 / largest - float(upper))
    for start in range(ONE // 2, ONE, ONE // 8):
        amax = np.arange(start, start + ONE // 8).astype(F32)
        made = amax.astype(np.float64) * upper + (amax * lower)
        assert np.array_equal(made.astype(F32), amax / F32(largest))
