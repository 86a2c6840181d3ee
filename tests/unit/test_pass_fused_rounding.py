"""A fusion that leaves a rounding out does not call itself bitwise."""

import pytest

from dsv3c.passes.fuse_rms_norm_quant import FuseRmsNormQuantPass
from dsv3c.passes.fuse_swiglu_quant import FuseSwigluQuantPass


@pytest.mark.parametrize("cls", [FuseRmsNormQuantPass, FuseSwigluQuantPass])
def test_relaxed_rounding_is_not_bitwise(cls: type[FuseRmsNormQuantPass | FuseSwigluQuantPass]) -> None:
    assert cls().numerics == "bitwise"
    assert cls(relaxed_rounding=True).numerics == "reassociates"
