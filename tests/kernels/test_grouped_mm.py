"""Experts' products in Triton's interpreter against their meaning, in every layout of rows."""

import pytest
import torch
from kernel_references import bits_of, run_checked
from scaled_values import KINDS, config, numbers
from torch import Tensor

from dsv3c.backends.reference.meanings.moe_rows import permute
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.grouped_mm import grouped_mm

EXPERTS = 5
IDS = torch.tensor([[0, 3], [3, 4], [3, -1], [0, 4], [3, 0], [4, 3]])
"""Experts 1 and 2 have no token; a choice of none."""
ROWS = {"contiguous": 2 * len(IDS) + EXPERTS * 15, "masked": EXPERTS * 7, "dense": EXPERTS * len(IDS)}
SWAPPED, TALL = config(16, 64, 128, swap=True), config(64, 64, 64)


def check_grouped(
    layout: str,
    tile: dict[str, int],
    *,
    kind: str = "normal",
    inside: torch.dtype = torch.bfloat16,
    out: torch.dtype = torch.float32,
    ids: Tensor = IDS,
    **skips: bool,
) -> Tensor:
    tokens, w = numbers(kind, len(ids), 144).to(inside), numbers(kind, EXPERTS, 72, 144, seed=1).to(inside)
    alignment = 16 if layout == "contiguous" else 1
    rows, _, expert_of = permute(tokens, ids, experts=EXPERTS, layout=layout, alignment=alignment, rows=ROWS[layout])
    assert isinstance(rows, Tensor)
    # what padding rows hold does not matter
    rows[expert_of < 0] = torch.nan
    y = torch.empty((len(rows), 72), dtype=out)
    run_checked(
        grouped_mm, "grouped_mm.grouped_mm", InterpreterGpu(num_sms=1), {"y": y}, x=rows, w=w, expert_of=expert_of,
        configs=[tile], layout=layout, alignment=alignment, **skips,
    )  # fmt: skip
    assert skips or bool((y[expert_of < 0] == 0).all())
    return y


@pytest.mark.parametrize(
    ("layout", "tile"), [("contiguous", SWAPPED), ("masked", SWAPPED), ("masked", TALL), ("dense", TALL)]
)
@pytest.mark.parametrize("inside", [torch.bfloat16, torch.float32])
def test_layouts(layout: str, tile: dict[str, int], inside: torch.dtype) -> None:
    check_grouped(layout, tile, inside=inside)


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_every_kind(kind: str) -> None:
    check_grouped("contiguous", SWAPPED, kind=kind, out=torch.bfloat16)


def test_no_choice_at_all() -> None:
    assert not check_grouped("dense", TALL, ids=torch.full((6, 2), -1)).any()


def test_experts_of_one_part_of_wider_matrices() -> None:
    """``w`` may be the gate's half of matrices that hold both."""
    tokens, both = numbers("normal", 4, 32).to(torch.bfloat16), numbers("normal", 2, 80, 32).to(torch.bfloat16)
    expert_of = torch.tensor([0, -1, 1, 1], dtype=torch.int32)
    run_checked(
        grouped_mm, "grouped_mm.grouped_mm", InterpreterGpu(), {"y": torch.empty(4, 40)}, x=tokens, w=both[:, :40],
        expert_of=expert_of, configs=[SWAPPED], layout="masked", alignment=1,
    )  # fmt: skip


@pytest.mark.parametrize("tile", [SWAPPED, TALL])
@pytest.mark.parametrize("ids", [IDS, torch.full((6, 2), -1), torch.tensor([[0, 1, 2, 3, 4]] * 6)])
def test_tiles_of_padding_stay_as_they_are(tile: dict[str, int], ids: Tensor) -> None:
    """Some experts without rows, all of them, none."""
    for layout in ROWS:
        if layout == "contiguous" and (tile is TALL or ids.shape[1] == 5):
            continue
        y = check_grouped(layout, tile, ids=ids, skips_padding=True)
        if layout == "masked":
            chosen = torch.bincount(ids[ids >= 0].flatten(), minlength=EXPERTS) > 0
            assert bool((bits_of(y).unflatten(0, (EXPERTS, -1))[~chosen] == 0x5A).all())
