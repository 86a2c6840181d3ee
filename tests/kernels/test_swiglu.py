"""The gated activation in Triton's interpreter against its meaning: f32 arithmetic, then the same roundings."""

from typing import Any

import pytest
import torch
from kernel_references import bits_of, check, references, run_checked
from row_values import V3, empty_scaled
from torch import Tensor

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.swiglu import swiglu, swiglu_quantize

CONFIGS = [
    {"up_to": 4, "block_m": 1, "block_n": 128, "num_warps": 1, "num_stages": 1},
    {"block_m": 4, "block_n": 256, "num_warps": 4, "num_stages": 1},
]


def product(m: int, columns: int, kind: torch.dtype = torch.bfloat16) -> tuple[Tensor, Tensor]:
    """Gate and up as the halves of one product, with numbers whose exponential is 0 or infinite in f32."""
    torch.manual_seed(m + columns)
    both = torch.randn(m, 2 * columns) * torch.logspace(-3, 2, max(m, 1))[:m, None]
    both[:, 3:12] = torch.tensor([0.0, -0.0, 100.0, -100.0, 88.5, -88.5, 1e30, -1e30, -90.0])
    both = both.to(kind)
    return both[:, :columns], both[:, columns:]


def check_swiglu(gate: Tensor, up: Tensor, intermediate: str, weights: Tensor | None = None) -> None:
    outputs = {"y": torch.empty(gate.shape, dtype=gate.dtype)}
    run_checked(
        swiglu, "swiglu.swiglu", InterpreterGpu(), outputs, gate=gate, up=up, weights=weights, configs=CONFIGS,
        intermediate=intermediate,
    )  # fmt: skip


def check_quantized(
    gate: Tensor, up: Tensor, *, layout: str = "row", intermediate: str = "bf16", rounded_to: str = "bf16",
    weights: Tensor | None = None, **how: Any,
) -> None:  # fmt: skip
    how = V3 | how
    outputs = {"q": empty_scaled(tuple(gate.shape), how["granule"], how["data"], layout)}
    run_checked(
        swiglu_quantize, "swiglu.swiglu_quantize", InterpreterGpu(), outputs, gate=gate, up=up, weights=weights,
        configs=CONFIGS, intermediate=intermediate, rounded_to=rounded_to, **how,
    )  # fmt: skip


@pytest.mark.parametrize("intermediate", ["bf16", "f32"])
@pytest.mark.parametrize("sizes", [(0, 192), (1, 576), (9, 192), (6, 100)])
def test_halves_of_a_product(sizes: tuple[int, int], intermediate: str) -> None:
    check_swiglu(*product(*sizes), intermediate)


def test_f32() -> None:
    gate, up = (torch.randn(5, 192, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    y = torch.empty_like(up)
    how: dict[str, Any] = {"gate": gate, "up": up, "configs": CONFIGS, "intermediate": "f32"}
    swiglu(InterpreterGpu(), y=y, **how)
    check("y", y, references()["swiglu.swiglu"].expected(**how)["y"], "f32")


@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize("intermediate", ["bf16", "f32"])
@pytest.mark.parametrize("sizes", [(0, 192), (1, 576), (9, 192), (6, 100), (5, 2048)])
def test_quantised(sizes: tuple[int, int], intermediate: str, layout: str) -> None:
    check_quantized(*product(*sizes), layout=layout, intermediate=intermediate)


@pytest.mark.parametrize(
    "how", [{"data": "f8E4M3FNUZ"}, {"data": "f8E5M2", "apply": "reciprocal"}, {"round_scale": "pow2"}]
)
def test_other_quantisers(how: dict[str, Any]) -> None:
    check_quantized(*product(7, 256), **how)


def test_a_product_that_is_not_rounded() -> None:
    check_quantized(*product(7, 256), rounded_to="f32", intermediate="f32")


def test_weights_of_rows() -> None:
    gate, up = product(7, 192)
    weights = torch.rand(7, generator=torch.Generator().manual_seed(0))
    check_swiglu(gate, up, "bf16", weights.bfloat16())
    check_quantized(gate, up, weights=weights)


def test_leading_dims_are_rows() -> None:
    gate, up = product(6, 128)
    check_swiglu(gate.contiguous().view(2, 3, 128), up.contiguous().view(2, 3, 128), "f32")


def experts_of(rows: int, held: float) -> Tensor:
    """The first rows of two rooms belong to an expert each."""
    inside = torch.arange(rows) % max(1, rows // 2) < held * (rows // 2)
    return torch.where(inside, torch.arange(rows) * 2 // max(1, rows), -1).to(torch.int32)


@pytest.mark.filterwarnings("ignore:All-NaN slice")
@pytest.mark.parametrize("layout", ["row", "mn_major"])
@pytest.mark.parametrize(("rows", "held"), [(0, 1.0), (3, 1.0), (40, 0.0), (40, 1.0), (42, 0.3), (700, 0.1)])
def test_rows_of_no_expert_stay_as_they_are(rows: int, held: float, layout: str) -> None:
    """Whole blocks of them do; 700 rows are more blocks than programs look at together."""
    gate, up = product(rows, 192)
    expert_of = experts_of(rows, held)
    gate[expert_of < 0] = torch.nan
    y, q = torch.empty_like(up), empty_scaled((rows, 192), V3["granule"], V3["data"], layout)
    how: dict[str, Any] = {"gate": gate, "up": up, "expert_of": expert_of, "configs": CONFIGS, "intermediate": "bf16"}
    gpu = InterpreterGpu(num_sms=1)
    run_checked(swiglu, "swiglu.swiglu", gpu, {"y": y}, **how)
    run_checked(swiglu_quantize, "swiglu.swiglu_quantize", gpu, {"q": q}, rounded_to="bf16", **how, **V3)
    block = 1 if rows <= 4 else 4
    empty = torch.tensor([bool((part < 0).all()) for part in expert_of.split(block) for _ in part], dtype=torch.bool)
    for part in (y, q.data):
        assert bool((bits_of(part)[empty] == 0x5A).all())
