"""How kernels that memory limits reach it: 16 bytes at a time, with enough registers left for other programs."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import pytest
from matrix_launches import recorded
from row_launches import LAUNCHES

from dsv3c.backends.triton.compilation.aot import CompiledKernel, compile_variants
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.runtime.gpu import Variant
from dsv3c.ir.targets import load_target

ACCESS = re.compile(r"\b(ld|st)\.global\.((?:v\d\.)?b\d+)")
WIDE = "v4.b32"


@dataclass(frozen=True)
class Expected:
    """Accesses of one thread: loads and stores of 16 bytes, and the narrower ones that there may be besides."""

    kernel: str
    loads: int
    stores: int
    registers: int
    """At most: what is left over for other programs."""
    narrow: dict[str, int]
    """``ld.b32`` -> how many at most."""


SCALE = {"st.b32": 1}
CHECKS = {
    "quantize": Expected("quantize.quantize_rows_kernel", 2, 1, 64, SCALE),
    # The first row and the next; the weight.  A thread has 8 numbers of a row: 8 bytes of those that are quantised.
    "rms_norm": Expected("rms_norm.rms_norm_kernel", 3, 1, 64, {}),
    "rms_norm_quantize": Expected("rms_norm.rms_norm_quantize_kernel", 5, 1, 64, {"st.v2.b32": 1, **SCALE}),
    "swiglu": Expected("swiglu.swiglu_kernel", 4, 2, 64, {}),
    "swiglu_quantize": Expected("swiglu.swiglu_quantize_kernel", 4, 1, 64, SCALE),
    # The experts of 32 blocks of 4 rows: of one row a thread.
    "swiglu_skipping": Expected("swiglu.swiglu_kernel", 4, 2, 64, {"ld.b32": 1}),
    "swiglu_quantize_skipping": Expected("swiglu.swiglu_quantize_kernel", 4, 1, 64, {"ld.b32": 1, **SCALE}),
    # 256 scores and as many biases in a warp; 8 choices, an id of 64 bits each.
    "gate": Expected("gate.gate_kernel", 4, 0, 112, {"st.b32": 1, "st.b64": 1}),
    # Rows of 1024 bytes; the slot of each, and the 56 scales of each.
    "permute": Expected("permute.copy_kernel", 4, 4, 40, {"ld.b32": 12, "st.b32": 4}),
    "permute_skipping": Expected("permute.copy_kernel", 4, 4, 64, {"ld.b32": 14, "st.b32": 4}),
    # One row of each of 8 choices; of each its place, its slot, its weight and its expert.
    "unpermute": Expected("unpermute.combine_kernel", 8, 1, 64, {"ld.b32": 24, "ld.b64": 8}),
    "rope": Expected("rope.rope_kernel", 6, 2, 64, {}),
    # A token: 512 channels and their weight, and 64 of the key, in pairs; its position, sequence and page.
    "rope_append": Expected("cache.append_kernel", 2, 1, 64, {"ld.b32": 6, "ld.b16": 2, "st.b16": 2}),
    # Scales: one of each channel of a thread's tile, one of each row.
    "transpose_quantize": Expected("transpose_quantize.transpose_quantize_kernel", 8, 4, 128, SCALE),
    "transpose_quantize_rows": Expected("transpose_quantize.transpose_quantize_kernel", 8, 8, 128, {"st.b32": 2}),
    # 8 channels of 8 bits, as many as of 16: fewer, with more tokens each, are fewer scales in a thread.
    "transpose_requantize": Expected(
        "transpose_quantize.transpose_quantize_kernel", 0, 4, 128, {"ld.v2.b32": 8, "ld.b32": 8, **SCALE}
    ),
    # Two lanes of 16 channels: 5 words of codes of each, 32 bytes of a group together; the pair of a group.
    "logfmt_encode": Expected("logfmt.logfmt_encode_kernel", 4, 4, 80, {"st.b32": 12}),
    "logfmt_decode": Expected("logfmt.logfmt_decode_kernel", 4, 8, 80, {"ld.b32": 16}),
}

LARGER = dict.fromkeys(("3.6", "3.7"), ("transpose_quantize_rows",))
"""Versions of Triton whose assembler (12.8) keeps more of a kernel at a time: one block is on a multiprocessor."""
MINOR, NOT_SHARED = version("triton").rpartition(".")[0], 255


def wanted() -> Iterator[Variant]:
    for name, expected in CHECKS.items():
        (found,) = [variant for variant in recorded(LAUNCHES[name]) if variant.kernel == expected.kernel]
        yield found


@pytest.fixture(scope="module")
def compiled() -> dict[str, CompiledKernel]:
    kernels = compile_variants(list(wanted()), load_target("h800"), cache=default_cache())
    return dict(zip(CHECKS, kernels, strict=True))


def complaints(assembly: str, expected: Expected) -> list[str]:
    """What is not as expected."""
    found = Counter(f"{kind}.{width}" for kind, width in ACCESS.findall(assembly))
    limits = {f"ld.{WIDE}": expected.loads, f"st.{WIDE}": expected.stores, **expected.narrow}
    few = [f"{name}: {found[name]}" for name in (f"ld.{WIDE}", f"st.{WIDE}") if found[name] < limits[name]]
    return few + [f"{name}: {count}" for name, count in found.items() if count > limits.get(name, 0)]


@pytest.mark.parametrize("name", CHECKS)
def test_accesses(name: str, compiled: dict[str, CompiledKernel]) -> None:
    kernel, expected = compiled[name], CHECKS[name]
    assert complaints(kernel.assembly, expected) == []
    assert kernel.resources.registers <= (NOT_SHARED if name in LARGER.get(MINOR, ()) else expected.registers)
    assert kernel.resources.spill_bytes == kernel.resources.local_bytes == 0


@pytest.mark.parametrize("name", [name for name in CHECKS if "quantize" in name])
def test_two_numbers_are_rounded_at_once(name: str, compiled: dict[str, CompiledKernel]) -> None:
    assert "cvt.rn.satfinite.e4m3x2.f32" in compiled[name].assembly
    assert "cvt.rn.satfinite.e4m3x2.f16" not in compiled[name].assembly


@pytest.mark.parametrize("name", [name for name in CHECKS if name.startswith("transpose")])
def test_threads_exchange_more_than_bytes(name: str, compiled: dict[str, CompiledKernel]) -> None:
    assert not re.search(r"\b(ld|st)\.shared\.b8\b", compiled[name].assembly)


def test_every_launch_is_checked() -> None:
    assert set(CHECKS) == set(LAUNCHES)


def test_narrow_accesses_are_noticed(compiled: dict[str, CompiledKernel]) -> None:
    narrow = compiled["quantize"].assembly.replace("ld.global.v4.b32", "ld.global.v2.b32")
    assert complaints(narrow, CHECKS["quantize"]) == ["ld.v4.b32: 0", "ld.v2.b32: 2"]
