"""Block-scaled products in Triton's interpreter against their meaning."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from kernel_references import run_checked
from scaled_values import KINDS, config, numbers, scaled
from torch import Tensor

from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.runtime.gpu import Config, Constant

NAME = "scaled_mm.scaled_mm"


CONFIGS = [config(16, 64, swap=True, up_to=16), config(64, 128)]


def check_mm(
    sizes: tuple[int, int, int],
    *,
    kind: str = "normal",
    granules: tuple[tuple[int, int], tuple[int, int]] = ((1, 128), (128, 128)),
    layout: str = "mn_major",
    promote: int | None = 128,
    biased: bool = False,
    out: torch.dtype = torch.bfloat16,
    configs: list[dict[str, int]] = CONFIGS,
    gpu: InterpreterGpu | None = None,
) -> Tensor:
    """Run the kernel and compare with the meaning: sizes M, N, K."""
    m, n, k = sizes
    given: dict[str, Any] = {
        "x": scaled(numbers(kind, m, k), granules[0], layout),
        "w": scaled(numbers(kind, n, k, seed=1), granules[1]),
        "configs": configs, "promote": promote, "x_scales": layout,
    }  # fmt: skip
    if biased:
        given["bias"] = numbers(kind, n, seed=2).to(torch.bfloat16)
    if any(config["split_k"] > 1 for config in configs):
        given["partial"] = torch.full((max(config["split_k"] for config in configs), m, n), float("nan"))
    y = torch.empty((m, n), dtype=out)
    run_checked(scaled_mm, NAME, gpu or InterpreterGpu(), {"y": y}, **given)
    return y


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("out", [torch.bfloat16, torch.float32])
def test_data_of_every_kind(kind: str, out: torch.dtype) -> None:
    check_mm((70, 200, 384), kind=kind, out=out)


@pytest.mark.parametrize("sizes", [(1, 576, 192), (3, 320, 300), (16, 130, 128), (70, 320, 192), (130, 130, 300)])
def test_sizes_that_no_tile_divides(sizes: tuple[int, int, int]) -> None:
    check_mm(sizes, out=torch.float32)


def test_scales_by_row() -> None:
    check_mm((18, 130, 300), layout="row", out=torch.float32)


def test_no_rows() -> None:
    check_mm((0, 320, 192), layout="row")


@pytest.mark.parametrize(
    "granules",
    [((0, 0), (0, 0)), ((1, 0), (1, 0)), ((0, 128), (128, 128)), ((1, 128), (1, 128)), ((1, 128), (64, 128))],
)
@pytest.mark.parametrize(("swap", "promote"), [(False, None), (True, 128)])
def test_granules(granules: tuple[tuple[int, int], tuple[int, int]], swap: bool, promote: int | None) -> None:
    configs = [config(16, 64, swap=swap)]
    check_mm((17, 130, 300), granules=granules, layout="row", promote=promote, configs=configs, out=torch.float32)


@pytest.mark.parametrize(("granule", "promote", "block_k"), [(32, None, 32), (128, 64, 64), (256, 256, 128)])
def test_blocks_of_k_that_are_not_128(granule: int, promote: int | None, block_k: int) -> None:
    configs = [config(32, 64, block_k)]
    granules = ((1, granule), (128, granule))
    check_mm((33, 130, 288), granules=granules, promote=promote, configs=configs, out=torch.float32)


@pytest.mark.parametrize("swap", [False, True])
def test_bias(swap: bool) -> None:
    plain = check_mm((5, 200, 256), configs=[config(16, 64, swap=swap)])
    biased = check_mm((5, 200, 256), configs=[config(16, 64, swap=swap)], biased=True)
    assert not torch.equal(plain, biased)


FORMS = {
    "persistent": config(16, 64, persistent=True),
    "two consumers": config(128, 128, persistent=True, num_stages=3),
    "two tall consumers": config(256, 128, persistent=True, num_stages=3),
    "two wide consumers": config(128, 256, persistent=True, num_stages=3),
    "one consumer": config(64, 128, persistent=True, num_stages=4),
    "swap": config(16, 128, swap=True, persistent=True, num_stages=4),
    "swap, one consumer": config(64, 64, swap=True, persistent=True, num_stages=3),
    "split": config(32, 64, swap=True, persistent=True, split_k=3, num_stages=4),
    "split, two consumers": config(128, 128, persistent=True, split_k=2, num_stages=3),
}
"""Programs that walk tiles; of the last two, parts of K."""
EMULATED = [name for name in FORMS if name != "persistent"]
"""Tiles of 64 rows of the left factor for every warpgroup."""


def emulated(name: str) -> list[dict[str, int]]:
    return [{**FORMS[name], "gluon": 1}]


@pytest.mark.parametrize("name", FORMS)
def test_programs_walk_tiles_and_parts(name: str) -> None:
    check_mm((129, 320, 896), configs=[FORMS[name]], gpu=InterpreterGpu(num_sms=2), out=torch.float32)


@pytest.mark.parametrize("name", EMULATED)
@pytest.mark.parametrize(
    ("sizes", "kind"), [((3, 576, 384), "outliers"), ((129, 192, 640), "positive"), ((200, 272, 576), "normal")]
)
def test_warpgroups_walk_tiles_and_parts(name: str, sizes: tuple[int, int, int], kind: str) -> None:
    """Rows, columns and K that no tile divides; three programs, so that rings go on from tile to tile."""
    gpu = GluonInterpreterGpu(num_sms=3)
    check_mm(sizes, kind=kind, configs=emulated(name), gpu=gpu, out=torch.float32)
    assert gpu.emulated == 1


@pytest.mark.parametrize(
    ("rows", "name"),
    [(1, "swap"), (1, "split"), (127, "two consumers"), (300, "two tall consumers"), (130, "two wide consumers")],
)
def test_warpgroups_round_what_they_store(rows: int, name: str) -> None:
    check_mm((rows, 2112, 256), configs=emulated(name), gpu=GluonInterpreterGpu(num_sms=5, seed=rows))


def test_parts_are_added_in_their_order() -> None:
    """Whatever program computes them, and whenever: the same bits."""
    runs = [
        check_mm((33, 192, 1536), configs=emulated("split"), gpu=GluonInterpreterGpu(sms, seed), out=torch.float32)
        for sms, seed in ((2, 0), (7, 1))
    ]
    assert torch.equal(runs[0].view(torch.int32), runs[1].view(torch.int32))
    plain = check_mm((33, 192, 1536), configs=[FORMS["split"]], biased=True)
    assert not torch.equal(plain, check_mm((33, 192, 1536), configs=[FORMS["split"]]))


def test_strided_rows() -> None:
    """Rows of x in a wider buffer, rows of y in another, and leading dims that are one stride apart."""
    x, w = scaled(numbers("normal", 6, 256), (1, 128)), scaled(numbers("normal", 130, 256, seed=1), (128, 128))
    wide = torch.zeros(6, 400).to(x.data.dtype)
    wide.view(torch.uint8)[:, 16:272] = x.data.view(torch.uint8)
    moved = type(x)(wide[:, 16:272].view(2, 3, 256), x.scale.view(2, 3, 2), (1, 1, 128))
    y = torch.empty(2, 3, 160, dtype=torch.bfloat16)[..., :130]
    run_checked(scaled_mm, NAME, InterpreterGpu(), {"y": y}, x=moved, w=w, configs=CONFIGS, promote=128, x_scales="row")


def test_the_other_8_bit_format() -> None:
    x = scaled(numbers("normal", 9, 256), (1, 128), dtype=torch.float8_e4m3fnuz)
    w = scaled(numbers("normal", 64, 256, seed=1), (128, 128), dtype=torch.float8_e4m3fnuz)
    y = torch.empty(9, 64)
    given = {"configs": CONFIGS, "promote": 128, "x_scales": "row"}
    run_checked(scaled_mm, NAME, InterpreterGpu(), {"y": y}, x=x, w=w, **given)


def test_the_same_bits_every_run() -> None:
    first, second = (check_mm((70, 320, 300), kind="outliers", out=torch.float32) for _ in range(2))
    assert torch.equal(first.view(torch.int32), second.view(torch.int32))


def test_rows_choose_the_configuration() -> None:
    class Recorder(InterpreterGpu):
        def launch(
            self, kernel: str, grid: Any, arguments: Any, constants: Mapping[str, Constant], config: Config
        ) -> None:
            taken.append(constants["BLOCK_M"])
            super().launch(kernel, grid, arguments, constants, config)

    taken = list[Constant]()
    for rows in (16, 17):
        x, w = scaled(numbers("normal", rows, 128), (1, 128)), scaled(numbers("normal", 8, 128), (128, 128))
        y = torch.empty(rows, 8)
        run_checked(scaled_mm, NAME, Recorder(), {"y": y}, x=x, w=w, configs=CONFIGS, promote=128, x_scales="row")
    assert taken == [16, 64]
