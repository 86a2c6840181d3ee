"""What values take at their largest: as many bytes as the program's memory gives them."""

import pytest
import torch
from roundtrip import parse

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.triton.memory.workspace import Unbounded, largest_bytes
from dsv3c.backends.triton.runtime.space import Space
from dsv3c.ir.functions import functions
from dsv3c.ir.scaled_type import ScaledType


def argument(kind: str) -> ScaledType:
    text = f"dsv3c.symbol @T min 0\nfunc.func @f(%x: {kind}) {{\nfunc.return\n}}"
    (value,) = next(iter(functions(parse(text)).values())).body.block.args
    assert isinstance(value.type, ScaledType)
    return value.type


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize(("sizes", "granules"), [((9, 512), "1x128"), ((3, 5, 256), "1x1x128"), ((300, 128), "128x64")])
def test_scaled_values(sizes: tuple[int, ...], granules: str, layout: str) -> None:
    shown = "x".join(map(str, sizes))
    kind = argument(f"!scaled.tensor<tensor<{shown}xf8E4M3FN>, {granules}, f32, {layout}>")
    made = Space(torch.device("cpu")).scaled(
        sizes, dtype_of(kind.element), kind.granules, dtype_of(kind.scale), layout=layout
    )
    data, scales = made.data.untyped_storage().nbytes(), made.scale.untyped_storage().nbytes()
    assert largest_bytes(kind, {}) == -(-data // 256) * 256 + -(-scales // 256) * 256


def test_sizes_of_a_step_are_taken_at_their_largest() -> None:
    kind = argument('!scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>')
    assert largest_bytes(kind, {"T": (0, 10)}) == 5120 + 256
    with pytest.raises(Unbounded, match="T has no upper bound"):
        largest_bytes(kind, {"T": (0, None)})
