"""Every kernel, at the sizes of DeepSeek-V3, keeps the limits of the device that it is compiled for.

No GPU is needed: compiling refuses what spills, keeps anything in local memory or needs more shared memory than a block
has (``aot.check``).  A kernel in Gluon must also be what it is written for: products of warpgroups on operands that the
tensor copy engine brings, in warps that share out the registers.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from attention_launches import IN_PARTS, LOW
from matrix_launches import recorded, run_scaled_mm
from runlines import run_filecheck
from strict_cuda import StrictCuda
from v3_kernels import DIRECT, PLAIN, PLANS, direct, of_quantizers, planned, program, quantizers

from dsv3c.backends.triton import gluon, kernels
from dsv3c.backends.triton.choices.gemm_configs import Tile
from dsv3c.backends.triton.compilation import aot
from dsv3c.backends.triton.compilation.aot import CompiledKernel, CompileError, compile_variants
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.compilation.kernel_files import write_kernels
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.gpu import PDL, Variant
from dsv3c.backends.triton.variants import META, Walk, symbol_values
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.entry_ranges import is_private
from dsv3c.ir.functions import functions as functions_in
from dsv3c.ir.targets import load_target

CHECKS = Path(__file__).parent / "ptx_gluon"
H800, MI300X = load_target("h800"), load_target("mi300x")
ON_HOPPER = [name for name, (target, _) in PLANS.items() if target == "h800"]
ON_AMD = [name for name, (target, _) in PLANS.items() if target == "mi300x"]
MEMORY = re.compile(r"\b(?:ld|st|atom|red|cp\.async)\b[\w.:]*\.global\b|\bcp\.async\.")
"""Accesses of global memory."""
PAGES = 1 << 20
"""Of a cache, whose symbol has no bound: 77 GB in one layer."""
SERIALISED = ("C7508", "C7511", "wgmma")
"""What the assembler says where it made products wait for one another."""

ALLOWED = {"3.6": {"linear.linear_kernel", "head_linear.head_linear_kernel"}}
"""Version of Triton -> kernels of which its assembler (12.8) serialises the largest tile; later ones do not."""


def functions_of(package: object) -> set[tuple[str, str]]:
    """(language, ``file.function``) of all kernels in a package's files."""
    language = "gluon" if package is gluon else "triton"
    (folder,) = package.__path__  # type: ignore[attr-defined]
    return {
        (language, f"{path.stem}.{node.name}")
        for path in Path(folder).glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_kernel")
    }


def named(variants: list[Variant]) -> set[tuple[str, str]]:
    return {(variant.language, variant.kernel) for variant in variants}


def has_twin(variant: Variant) -> bool:
    """Whether there is another form in Gluon."""
    return ("gluon", variant.kernel) in functions_of(gluon)


def one_of_each(variants: list[Variant]) -> Iterator[Variant]:
    """The first variant of every kernel."""
    seen = set[str]()
    for variant in variants:
        if variant.kernel not in seen:
            seen.add(variant.kernel)
            yield variant


@pytest.fixture(scope="module")
def on_hopper() -> list[Variant]:
    """All variants of all plans for H800, and of kernels outside of programs."""
    found = [variant for name in ON_HOPPER for variant in planned(name)]
    found += [variant for variant in planned("8-bit cache", PLAIN) if has_twin(variant)]
    found += of_quantizers(H800, "f8E4M3FN")
    found += direct()
    found += [variant for launch in IN_PARTS.values() for variant in recorded(launch)]
    return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def compiled(on_hopper: list[Variant]) -> list[CompiledKernel]:
    """Within the limits, or it raises."""
    return compile_variants(on_hopper, H800, cache=default_cache())


def test_every_kernel_is_compiled_for_hopper(compiled: list[CompiledKernel]) -> None:
    found = named([kernel.variant for kernel in compiled])
    assert found == functions_of(kernels) | functions_of(gluon)
    allowed = ALLOWED.get(version("triton").rpartition(".")[0], set[str]())
    for kernel in compiled:
        assert kernel.resources.spill_bytes <= kernel.allowed_spill_bytes, kernel.key
        assert kernel.shared_bytes <= H800.fact("shared_memory_bytes_per_block"), kernel.key
        if kernel.variant.kernel not in allowed:
            assert not [loss for loss in kernel.resources.losses if loss.startswith(SERIALISED)], kernel.key


def test_kernels_in_gluon_are_specialised(compiled: list[CompiledKernel]) -> None:
    in_gluon = [kernel for kernel in compiled if kernel.variant.language == "gluon"]
    assert named([kernel.variant for kernel in in_gluon]) == functions_of(gluon)
    for kernel in in_gluon:
        found = kernel.resources
        assert kernel.allowed_spill_bytes == found.spill_bytes == found.local_bytes == 0, kernel.key
        assert len(found.budgets) > 1, kernel.key
        assert found.bulk_loads, kernel.key
        assert found.machine, kernel.key
        assert all(name.startswith(("QGMMA", "HGMMA")) for name in found.machine), kernel.key


def test_what_kernels_in_gluon_are_compiled_to(compiled: list[CompiledKernel], tmp_path: Path) -> None:
    in_gluon = [kernel for kernel in compiled if kernel.variant.language == "gluon"]
    names = {kernel.variant.kernel.partition(".")[0] for kernel in in_gluon}
    assert {path.stem for path in CHECKS.iterdir()} == names
    for kernel in in_gluon:
        name = kernel.variant.kernel.partition(".")[0]
        assert complaint(name, kernel.assembly, tmp_path) == "", kernel.key
        assert complaint(name, kernel.assembly.replace("cp.async.bulk", "cp.async.cg"), tmp_path), kernel.key


def test_kernels_that_are_started_early_wait_before_they_touch_memory(compiled: list[CompiledKernel]) -> None:
    early = [kernel for kernel in compiled if (PDL, True) in kernel.variant.constants]
    assert len({kernel.variant.kernel for kernel in early}) > 8
    for kernel in compiled:
        text, waits = kernel.assembly, kernel in early
        assert ("griddepcontrol" in text) == waits, kernel.key
        if waits:
            first = MEMORY.search(text)
            assert first is not None
            assert text.index("griddepcontrol.wait") < text.index("griddepcontrol.launch_dependents") < first.start()


def test_launches_keep_the_rules_of_the_driver(compiled: list[CompiledKernel], tmp_path: Path) -> None:
    """Every parameter as the binary states it, at the sizes that programs are planned for and at the largest."""
    write_kernels(tmp_path, compiled)
    driver = StrictCuda()
    gpu = CubinGpu(tmp_path, driver=driver, stream=lambda: 7)
    gpu.device = META
    gpu.load_all()
    programs = [program(name) for name in ON_HOPPER]
    for module in (*programs, program("8-bit cache", PLAIN), quantizers(H800, "f8E4M3FN")):
        largest = {symbol: op.bounds()[1] or PAGES for symbol, op in symbols_of(module).items()}
        for sizes in (symbol_values(module), largest):
            walk = Walk(gpu, functions_in(module), sizes)
            for entry, function in functions_in(module).items():
                if not is_private(function):
                    walk.function(entry, [walk.made(argument) for argument in function.body.block.args])
    assert any(entry["early"] for entry in driver.launched)
    gpu.pdl = False
    for launch in (*DIRECT.values(), *IN_PARTS.values()):
        launch(gpu)
    launched = {entry["entry"] for entry in driver.launched}
    assert launched == {kernel.entry for kernel in compiled} and driver.maps


def complaint(name: str, assembly: str, folder: Path) -> str:
    """What FileCheck says of a kernel's assembly; nothing where it is as its file says."""
    (folder / "assembly").write_text(assembly)
    code, _, said = run_filecheck([str(CHECKS / f"{name}.check"), f"--input-file={folder / 'assembly'}"], "", False)
    return said if code else ""


def test_every_kernel_has_a_plain_form() -> None:
    assert {name for _, name in functions_of(gluon)} <= {name for _, name in functions_of(kernels)}


def test_every_plain_kernel_is_compiled_for_amd() -> None:
    variants = [variant for name in ON_AMD for variant in planned(name)] + of_quantizers(MI300X, "f8E4M3FNUZ")
    outside = [variant for variant in (*direct(), *recorded(LOW)) if variant.language == "triton"]
    found = list(one_of_each([*variants, *outside]))
    made = compile_variants(found, MI300X, cache=default_cache())
    assert {kernel.variant.kernel for kernel in made} == {name for _, name in functions_of(kernels)}


def test_a_kernel_that_spills_is_an_error() -> None:
    large = Tile(256, 128, 128, num_warps=8, num_stages=3).config(0, 3)
    deep = Tile(128, 128, 128, num_warps=8, num_stages=8).config(0, 8)
    for config, message in ((large, "spills"), (deep, "bytes of shared memory per block")):
        variants = recorded(run_scaled_mm, [config], torch.float8_e4m3fn)
        with pytest.raises(CompileError, match=message):
            compile_variants(variants, H800, cache=default_cache())


def test_limits_are_checked_of_kernels_from_the_cache(compiled: list[CompiledKernel]) -> None:
    found = {kernel.variant: kernel for kernel in compiled}
    tight = replace(H800, shared_memory_bytes_per_block=1024)
    with pytest.raises(CompileError, match="bytes of shared memory per block"):
        aot.check(list(found), found, {}, tight, limits=True)
