"""What matrix kernels are compiled to: products on tensor cores, operands that arrive asynchronously, nothing spilled.

Compiling holds them to the target's limits; the files in ``ptx/`` say which instructions there must be.
"""

from functools import partial
from pathlib import Path

import pytest
import torch
from matrix_launches import (
    recorded,
    run_absorbed_attention,
    run_expanded_attention,
    run_grouped_mm,
    run_head_linear,
    run_linear,
    run_scaled_grouped_mm,
    run_scaled_mm,
)
from runlines import run_filecheck

from dsv3c.backends.triton.choices.gemm_configs import Tile
from dsv3c.backends.triton.compilation.aot import CompiledKernel, compile_variants
from dsv3c.backends.triton.runtime.gpu import Variant
from dsv3c.ir.targets import load_target

CHECKS = Path(__file__).parent / "ptx"
SCALED = [Tile(128, 128, 128, num_warps=8, num_stages=4).config(0, 4)]
HALF = [Tile(128, 128, 64, num_warps=8, num_stages=4).config(0, 4)]
ON_AMD = [Tile(64, 64, 128, num_warps=4, num_stages=2).config(0, 2)]
E4M3, E4M3_OF_AMD = torch.float8_e4m3fn, torch.float8_e4m3fnuz
LAUNCHES = {
    "scaled_mm": partial(run_scaled_mm, configs=SCALED, element=E4M3),
    "scaled_grouped_mm": partial(run_scaled_grouped_mm, configs=SCALED, element=E4M3),
    "linear": partial(run_linear, configs=HALF),
    "grouped_mm": partial(run_grouped_mm, configs=HALF),
    "head_linear": partial(run_head_linear, configs=HALF),
    "absorbed_attention": partial(
        run_absorbed_attention, configs=[{"block_h": 64, "block_n": 64, "splits": 8, "num_warps": 8, "num_stages": 3}]
    ),
    "expanded_attention": partial(
        run_expanded_attention, configs=[{"block_q": 128, "block_n": 64, "num_warps": 8, "num_stages": 2}]
    ),
}


def main_variant(name: str) -> Variant:
    """The kernel that multiplies."""
    (found,) = [variant for variant in recorded(LAUNCHES[name]) if variant.kernel == f"{name}.{name}_kernel"]
    return found


@pytest.fixture(scope="module")
def compiled() -> dict[str, CompiledKernel]:
    kernels = compile_variants([main_variant(name) for name in LAUNCHES], load_target("h800"), cache=None)
    return dict(zip(LAUNCHES, kernels, strict=True))


def check(name: str, assembly: str, folder: Path) -> None:
    (folder / "assembly").write_text(assembly)
    code, _, complaint = run_filecheck(
        [str(CHECKS / f"{name}.check"), f"--input-file={folder / 'assembly'}"], "", False
    )
    assert code == 0, complaint


@pytest.mark.parametrize("name", LAUNCHES)
def test_products_run_on_tensor_cores(name: str, compiled: dict[str, CompiledKernel], tmp_path: Path) -> None:
    check(name, compiled[name].assembly, tmp_path)
    assert compiled[name].resources.losses == ()
    # As many in the machine code: the assembler took none apart.
    assert sum(compiled[name].resources.machine.values()) == sum(compiled[name].resources.matrix.values()) > 0


def test_another_instruction_is_noticed(compiled: dict[str, CompiledKernel], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="wgmma"):
        check("scaled_mm", compiled["linear"].assembly.replace("linear_kernel", "scaled_mm_kernel"), tmp_path)


def test_every_check_is_read() -> None:
    assert {path.stem for path in CHECKS.iterdir()} == {*LAUNCHES, "scaled_mm.gfx942"}


def test_8_bit_products_of_amd(tmp_path: Path) -> None:
    (variant,) = recorded(partial(run_scaled_mm, configs=ON_AMD, element=E4M3_OF_AMD))
    (kernel,) = compile_variants([variant], load_target("mi300x"), cache=None)
    check("scaled_mm.gfx942", kernel.assembly, tmp_path)
