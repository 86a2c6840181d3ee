"""Experts' block-scaled products in Triton's interpreter against their meaning, in every layout of rows."""

from typing import Any

import pytest
import torch
from kernel_references import bits_of, run_checked
from scaled_values import KINDS, config, mn_major, numbers, scaled
from torch import Tensor

from dsv3c.backends.reference.meanings.moe_rows import permute
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm

EXPERTS = 5
IDS = torch.tensor([[0, 3], [3, 4], [3, -1], [0, 4], [3, 0], [4, 3]])
"""Experts 1 and 2 have no token; a choice of none."""
SWAPPED = [config(16, 64, swap=True)]


def room_for(layout: str, ids: Tensor, alignment: int) -> int:
    """Rows of all experts together."""
    rows = {"contiguous": ids.numel() + EXPERTS * (alignment - 1), "masked": EXPERTS * (len(ids) + 1)}
    return rows.get(layout, EXPERTS * len(ids))


def check_grouped(
    layout: str,
    *,
    kind: str = "normal",
    sizes: tuple[int, int] = (200, 192),
    granules: tuple[tuple[int, ...], tuple[int, ...]] = ((1, 128), (1, 128, 128)),
    x_scales: str = "mn_major",
    ids: Tensor = IDS,
    configs: list[dict[str, int]] = SWAPPED,
    out: torch.dtype = torch.float32,
    alignment: int = 16,
    gpu: InterpreterGpu | None = None,
    **skips: bool,
) -> Tensor:
    """Permute tokens, run the kernel and compare with the meaning: sizes N, K."""
    n, k = sizes
    tokens = scaled(numbers(kind, len(ids), k), granules[0])
    alignment = alignment if layout == "contiguous" else 1
    room = room_for(layout, ids, alignment)
    if granules[0][0]:
        rows, _, expert_of = permute(tokens, ids, experts=EXPERTS, layout=layout, alignment=alignment, rows=room)
    else:
        data, _, expert_of = permute(tokens.data, ids, experts=EXPERTS, layout=layout, alignment=alignment, rows=room)
        assert isinstance(data, Tensor)
        rows = Scaled(data, tokens.scale, tokens.granule)
    assert isinstance(rows, Scaled)
    # what padding rows hold does not matter
    rows.data.view(torch.uint8)[expert_of < 0] = 0x7F
    if granules[0][0] and skips:
        rows.scale[expert_of < 0] = torch.nan
    given: dict[str, Any] = {
        "x": Scaled(rows.data, mn_major(rows.scale) if x_scales == "mn_major" else rows.scale, rows.granule),
        "w": scaled(numbers(kind, EXPERTS, n, k, seed=1), granules[1]),
        "expert_of": expert_of, "configs": configs, "promote": 128, "x_scales": x_scales, "layout": layout,
        "alignment": alignment, **skips,
    }  # fmt: skip
    y = torch.empty((room, n), dtype=out)
    run_checked(scaled_grouped_mm, "scaled_grouped_mm.scaled_grouped_mm", gpu or InterpreterGpu(), {"y": y}, **given)
    assert skips or bool((y[expert_of < 0] == 0).all())
    return y


@pytest.mark.parametrize("layout", ["contiguous", "masked", "dense"])
@pytest.mark.parametrize("configs", [SWAPPED, [config(16, 128)]])
def test_layouts(layout: str, configs: list[dict[str, int]]) -> None:
    check_grouped(layout, configs=configs)


@pytest.mark.parametrize("layout", ["masked", "dense"])
def test_tiles_higher_than_an_expert_has_room_for(layout: str) -> None:
    check_grouped(layout, configs=[config(64, 64)], out=torch.bfloat16)


FORMS = {
    "two consumers": config(128, 128, persistent=True, num_stages=3),
    "two wide consumers": config(128, 256, persistent=True, num_stages=3),
    "one consumer": config(64, 128, persistent=True, num_stages=4),
    "swap": config(32, 128, swap=True, persistent=True, num_stages=4),
    "swap, one consumer": config(64, 64, swap=True, persistent=True, num_stages=3),
}
"""Programs that walk tiles."""
MANY = torch.randint(-1, EXPERTS, (150, 2), generator=torch.Generator().manual_seed(3)).masked_fill_(
    torch.arange(150)[:, None] >= torch.tensor([150, 30]), 4
)
"""Expert 4 has more rows than a tile, others fewer, some choices are of none."""


@pytest.mark.parametrize("layout", ["contiguous", "masked"])
@pytest.mark.parametrize("name", FORMS)
def test_programs_walk_tiles(layout: str, name: str) -> None:
    gpu = InterpreterGpu(num_sms=3)
    check_grouped(layout, ids=MANY, configs=[FORMS[name]], sizes=(192, 256), alignment=128, gpu=gpu)


@pytest.mark.parametrize("layout", ["contiguous", "masked"])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("kind", "sizes"), [("outliers", (192, 320)), ("normal", (272, 512))])
def test_warpgroups_walk_tiles(layout: str, name: str, kind: str, sizes: tuple[int, int]) -> None:
    """Sizes that no tile divides; three programs, so that rings go on from tile to tile."""
    gpu, configs = GluonInterpreterGpu(num_sms=3, seed=len(name)), [{**FORMS[name], "gluon": 1}]
    check_grouped(layout, ids=MANY, kind=kind, sizes=sizes, configs=configs, alignment=128, gpu=gpu)
    assert gpu.emulated == 1


def test_groups_that_are_aligned_to_a_high_tile() -> None:
    configs = [config(256, 128, persistent=True, gluon=True, num_stages=3)]
    check_grouped("contiguous", ids=MANY, configs=configs, alignment=256, gpu=GluonInterpreterGpu(num_sms=2))


@pytest.mark.parametrize("layout", ["contiguous", "masked"])
def test_warpgroups_of_experts_without_rows(layout: str) -> None:
    configs = [{**FORMS["swap"], "gluon": 1}]
    ids = torch.full((6, 2), -1)
    y = check_grouped(layout, ids=ids, configs=configs, alignment=32, gpu=GluonInterpreterGpu(num_sms=2))
    assert not y.any()
    check_grouped(layout, configs=configs, alignment=32, gpu=GluonInterpreterGpu(num_sms=2), out=torch.bfloat16)


ALL = torch.arange(EXPERTS).repeat(19, 1)
"""Every expert is chosen by every token."""


@pytest.mark.parametrize("layout", ["contiguous", "masked", "dense"])
@pytest.mark.parametrize("configs", [SWAPPED, [config(16, 128)]])
@pytest.mark.parametrize("ids", [IDS, torch.full((6, 2), -1), ALL])
def test_tiles_of_padding_stay_as_they_are(layout: str, configs: list[dict[str, int]], ids: Tensor) -> None:
    check_skipping(layout, ids, configs, InterpreterGpu(num_sms=1), sizes=(136, 128))


@pytest.mark.parametrize("layout", ["contiguous", "masked"])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("ids", [MANY, torch.full((6, 2), -1), ALL])
def test_programs_end_behind_the_tiles_that_hold_rows(layout: str, name: str, ids: Tensor) -> None:
    sizes = {"sizes": (192, 256)}
    check_skipping(layout, ids, [FORMS[name]], InterpreterGpu(num_sms=3), **sizes)
    check_skipping(layout, ids, [{**FORMS[name], "gluon": 1}], GluonInterpreterGpu(num_sms=3, seed=1), **sizes)


def check_skipping(
    layout: str, ids: Tensor, configs: list[dict[str, int]], gpu: InterpreterGpu, sizes: tuple[int, int]
) -> None:
    """Rows of experts are right, and rooms of masked experts without rows untouched."""
    y = check_grouped(layout, ids=ids, configs=configs, gpu=gpu, sizes=sizes, alignment=128, skips_padding=True)
    if layout == "masked":
        chosen = torch.bincount(ids[ids >= 0].flatten(), minlength=EXPERTS) > 0
        assert bool((bits_of(y).unflatten(0, (EXPERTS, -1))[~chosen] == 0x5A).all())
    if bool((ids < 0).all()):
        assert bool((bits_of(y) == 0x5A).all())


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_every_kind(kind: str) -> None:
    check_grouped("contiguous", kind=kind, sizes=(130, 300), out=torch.bfloat16)


@pytest.mark.parametrize("granules", [((0, 0), (1, 0, 0)), ((0, 0), (0, 0, 0)), ((1, 128), (1, 1, 128))])
def test_granules(granules: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    check_grouped("masked", granules=granules, x_scales="row")


def test_no_rows() -> None:
    w = scaled(numbers("normal", EXPERTS, 64, 128), (1, 128, 128))
    x = scaled(torch.empty(0, 128), (1, 128))
    run_checked(
        scaled_grouped_mm, "scaled_grouped_mm.scaled_grouped_mm", InterpreterGpu(), {"y": torch.empty(0, 64)}, x=x,
        w=w, expert_of=torch.empty(0, dtype=torch.int32), configs=SWAPPED, promote=128, x_scales="row",
        layout="masked", alignment=1,
    )  # fmt: skip


def test_no_choice_at_all() -> None:
    assert not check_grouped("contiguous", ids=torch.full((6, 2), -1)).any()
