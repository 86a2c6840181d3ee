"""Kernels that memory limits have fewer instructions than it leaves time for, in all and for every unit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import row_launches
import torch
from issue_time import clocks, instructions, passes, shares
from matrix_launches import activation, recorded
from row_launches import E4M3, HIDDEN, TOKENS, along_tokens, meta
from row_values import V3

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.choices.quantize import COLUMNS
from dsv3c.backends.triton.compilation.aot import CompiledKernel, compile_variants
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.launchers.quantize import quantize
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.ir.targets import load_target

H800 = load_target("h800")
CODED = 2 + 10 / 8 + 4 / 128
"""Bytes of a channel as bfloat16 and in LogFMT-10."""


@dataclass(frozen=True)
class Counted:
    """A launch: how many numbers a thread has, the bytes that one moves, the most that a share may be."""

    run: Callable[[Gpu], None]
    numbers: int
    bytes_per_number: float
    issue: float
    units: float
    """Of any unit."""


def of(*, quantised: bool, rows: bool, pow2: bool = False) -> Callable[[Gpu], None]:
    x = activation(TOKENS, HIDDEN, E4M3) if quantised else meta(TOKENS, HIDDEN)
    how = {"round_scale": "pow2", "saturate": True} if pow2 else {}
    return partial(along_tokens, x=x, rows=activation(TOKENS, HIDDEN, E4M3) if rows else None, **how)


def run_columns(gpu: Gpu) -> None:
    scale = meta(TOKENS // 128, HIDDEN, dtype=torch.float32)
    q = Scaled(meta(TOKENS, HIDDEN, dtype=E4M3), scale, (128, 1))
    how: dict[str, Any] = {**V3, "granule": (128, 1)}
    quantize(gpu, x=meta(TOKENS, HIDDEN), q=q, configs=COLUMNS, static=None, **how)


SCALES = 8 / 128
"""Bytes of a number's scales, at most."""
LAUNCHES = {
    "quantize": Counted(row_launches.run_quantize, 16, 3 + SCALES, 0.62, 0.62),
    "quantize, 128x1": Counted(run_columns, 64, 3 + SCALES, 0.6, 0.62),
    "swiglu_quantize": Counted(row_launches.run_swiglu_quantize, 16, 5 + SCALES, 0.84, 0.75),
    "transpose_quantize": Counted(of(quantised=False, rows=False), 64, 3 + SCALES, 0.58, 0.62),
    "transpose_quantize, rows too": Counted(of(quantised=False, rows=True), 64, 4 + SCALES, 0.67, 0.67),
    "transpose_requantize": Counted(of(quantised=True, rows=False), 64, 2 + SCALES, 0.92, 0.85),
    "transpose_requantize, rows too": Counted(of(quantised=True, rows=True), 64, 3 + SCALES, 0.94, 0.82),
    "transpose_quantize, pow2": Counted(of(quantised=False, rows=False, pow2=True), 64, 3 + SCALES, 0.45, 0.62),
    "transpose_requantize, pow2": Counted(of(quantised=True, rows=False, pow2=True), 64, 2 + SCALES, 0.75, 0.82),
    "transpose_requantize, rows too, pow2": Counted(
        of(quantised=True, rows=True, pow2=True), 64, 3 + SCALES, 0.71, 0.78
    ),
    "logfmt_encode": Counted(row_launches.run_logfmt_encode, 32, CODED, 0.82, 0.92),
    "logfmt_decode": Counted(row_launches.run_logfmt_decode, 32, CODED, 0.71, 0.85),
}


@pytest.fixture(scope="module")
def compiled() -> dict[str, CompiledKernel]:
    variants = [recorded(counted.run)[0] for counted in LAUNCHES.values()]
    return dict(zip(LAUNCHES, compile_variants(variants, H800, cache=default_cache()), strict=True))


@pytest.mark.parametrize("name", LAUNCHES)
def test_issue_is_under_memory(name: str, compiled: dict[str, CompiledKernel]) -> None:
    counted = LAUNCHES[name]
    found = shares(compiled[name].binary, counted.numbers * counted.bytes_per_number, H800)
    issue = found.pop("issue")
    assert issue <= counted.issue
    assert max(found.values()) <= counted.units


def test_every_instruction_counts() -> None:
    text = ["FFMA R1, R2", "@P0 MUFU.RCP R1", "@!UP1 LOP3.LUT R1", "LDS.128 R1", "NOP", "@P1 EXIT", "EXIT", "BRA"]
    code = "\n".join(f"        /*{8 * index:04x}*/   {each} ;" for index, each in enumerate(text))
    found = instructions(code)
    assert found == ["FFMA", "MUFU.RCP", "LOP3.LUT", "LDS.128", "EXIT", "EXIT"]
    expected = {"issue": 6 / 128, "fma": 1 / 128, "alu": 1 / 64, "xu": 1 / 16, "convert": 0, "memory": 4 / 32}
    assert clocks(found) == expected


@pytest.mark.parametrize(("name", "count"), [("LDS.64", 2), ("STS", 1), ("LDS.U16", 1), ("LDG.E.128", 1)])
def test_passes(name: str, count: int) -> None:
    assert passes(name) == count
