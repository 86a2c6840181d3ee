"""Kernels are compiled ahead of time, in processes of their own, once; what breaks a limit is an error."""

import dataclasses
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch

from dsv3c.backends.triton.compilation import aot
from dsv3c.backends.triton.compilation.aot import CompiledKernel, CompileError, compile_variants
from dsv3c.backends.triton.compilation.compile_worker import check_parameters
from dsv3c.backends.triton.compilation.kernel_cache import KernelCache, default_cache, entry_name, source_hash
from dsv3c.backends.triton.compilation.kernel_files import manifest_record, write_kernels
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Argument, Constant, Static, Variant, variant_of
from dsv3c.backends.triton.runtime.records import read_kernels
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import load_target

PACKAGE = "aot_kernels"
H800 = load_target("h800")


def empty(*sizes: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(*sizes, dtype=dtype, device="meta")


def variant(
    function: str, arguments: Mapping[str, Argument], num_warps: int = 4, num_stages: int = 3, **constants: Constant
) -> Variant:
    return variant_of(function, arguments, constants, {"num_warps": num_warps, "num_stages": num_stages})


def add(**constants: Constant) -> Variant:
    arguments: dict[str, Argument] = {
        "x_ptr": empty(64), "y_ptr": empty(65)[1:], "bias_ptr": None, "out_ptr": empty(64), "n": Static(64), "a": 2.0,
    }  # fmt: skip
    return variant("simple.add_kernel", arguments, BLOCK=256, **constants)


def product(size: int = 64, dtype: torch.dtype = torch.float8_e4m3fn, num_stages: int = 3) -> Variant:
    operand = empty(64, dtype=dtype)
    arguments: dict[str, Argument] = {"a_ptr": operand, "b_ptr": operand, "c_ptr": empty(64), "K": Static(256)}
    return variant("simple.product_kernel", arguments, 8, num_stages, SIZE=size)


def held(function: str) -> Variant:
    return variant(f"simple.{function}", {"x_ptr": empty(64), "out_ptr": empty(64)}, 1, 1, SIZE=8192)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> KernelCache:
    return KernelCache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def compiled(cache: KernelCache) -> list[CompiledKernel]:
    return compile_variants([product(), add(), product()], H800, cache=cache, jobs=1, package=PACKAGE)


def test_kernels_come_in_order_each_once(compiled: list[CompiledKernel]) -> None:
    assert [kernel.variant for kernel in compiled] == [product(), add()]
    assert not any(kernel.cached for kernel in compiled)
    assert [kernel.entry for kernel in compiled] == ["product_kernel", "add_kernel"]
    assert all(kernel.binary.startswith(b"\x7fELF") for kernel in compiled)


def test_the_abi_is_the_binary_s(compiled: list[CompiledKernel]) -> None:
    assert compiled[1].abi == (
        ("x_ptr", "*fp32"), ("y_ptr", "*fp32"), ("out_ptr", "*fp32"), ("n", "i32"), ("a", "fp32"),
        ("global_scratch", "*i8"), ("profile_scratch", "*i8"),
    )  # fmt: skip
    assert compiled[1].assembly.count(".param .u64 .ptr") == 5


def test_matrix_instructions_are_counted(compiled: list[CompiledKernel]) -> None:
    multiplied, added = (kernel.resources for kernel in compiled)
    assert set(multiplied.matrix) == {"wgmma.mma_async.sync.aligned.m64n32k32.f32.e4m3.e4m3"}
    assert set(multiplied.machine) == {"QGMMA.64x32x32.F32.E4M3.E4M3"}
    assert multiplied.async_copies > 0
    assert (added.matrix, added.machine, added.async_copies) == ({}, {}, 0)
    assert 0 < added.registers < multiplied.registers


def test_products_and_sums_are_contracted_only_where_a_file_allows_it(compiled: list[CompiledKernel]) -> None:
    assert "fma.rn" not in compiled[1].assembly
    assert "mul.rn" in compiled[1].assembly or "mul.f32" in compiled[1].assembly


def test_only_multiples_of_16_bytes_get_wide_loads(compiled: list[CompiledKernel]) -> None:
    assert compiled[1].assembly.count("ld.global.v") > 0
    unaligned = dataclasses.replace(add(), divisible=())
    (kernel,) = compile_variants([unaligned], H800, cache=None, package=PACKAGE)
    assert kernel.assembly.count("ld.global.v") == 0


def no_worker() -> AbstractContextManager[tuple[object, object]]:
    raise AssertionError("a compiler was started")


def test_what_was_compiled_is_not_compiled_again(
    cache: KernelCache, compiled: list[CompiledKernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aot, "worker", no_worker)
    told: list[CompiledKernel] = []
    again = compile_variants([add(), product()], H800, cache=cache, package=PACKAGE, done=told.append)
    assert again == [dataclasses.replace(kernel, cached=True) for kernel in reversed(compiled)]
    assert told == again
    with pytest.raises(AssertionError, match="a compiler was started"):
        compile_variants([add(TWICE=True)], H800, cache=cache, package=PACKAGE)


@pytest.mark.parametrize("damage", ["cut", "altered", "emptied"])
def test_a_damaged_entry_counts_as_absent(cache: KernelCache, compiled: list[CompiledKernel], damage: str) -> None:
    name = entry_name(add(), H800.arch, PACKAGE)
    file = cache.folder / f"{name}.zip"
    whole = file.read_bytes()
    middle = len(whole) // 2
    altered = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    file.write_bytes({"cut": whole[:middle], "altered": altered, "emptied": b""}[damage])
    assert cache.load(name) is None
    file.write_bytes(whole)
    assert cache.load(name) is not None


def test_a_damaged_entry_is_compiled_again(cache: KernelCache, compiled: list[CompiledKernel]) -> None:
    file = cache.folder / f"{entry_name(add(), H800.arch, PACKAGE)}.zip"
    file.write_bytes(b"PK")
    (again,) = compile_variants([add()], H800, cache=cache, package=PACKAGE)
    assert not again.cached and again.binary == compiled[1].binary
    assert compile_variants([add()], H800, cache=cache, package=PACKAGE)[0].cached
    assert not list(cache.folder.glob("*.part"))


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, compiled: list[CompiledKernel]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="compiled kernels cannot be kept") as error:
        KernelCache(tmp_path / "file").store("x", {"assembly": "", "binary": b""})
    assert "DSV3C_CACHE" in error.value.hint


def test_the_user_says_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSV3C_CACHE", str(tmp_path))
    assert default_cache().folder == tmp_path / "kernels"
    monkeypatch.delenv("DSV3C_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("sys.platform", "linux")
    assert default_cache().folder == tmp_path / "xdg" / "dsv3c" / "kernels"


def test_an_entry_s_name_changes_with_what_changes_the_binary(monkeypatch: pytest.MonkeyPatch) -> None:
    name = entry_name(add(), "sm_90a", PACKAGE)
    assert name == entry_name(add(), "sm_90a", PACKAGE)
    others = {
        entry_name(add(TWICE=True), "sm_90a", PACKAGE),
        entry_name(dataclasses.replace(add(), num_warps=8), "sm_90a", PACKAGE),
        entry_name(dataclasses.replace(add(), divisible=()), "sm_90a", PACKAGE),
        entry_name(add(), "gfx942", PACKAGE),
    }
    assert len(others | {name}) == 5
    monkeypatch.setenv("TRITON_CACHE_DIR", "elsewhere")
    assert entry_name(add(), "sm_90a", PACKAGE) == name
    monkeypatch.setenv("TRITON_PTXAS_PATH", "elsewhere")
    assert entry_name(add(), "sm_90a", PACKAGE) != name


def test_sources_count_with_what_they_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_kernels"
    folder.mkdir()
    texts = {
        "__init__": "",
        "top": "from some_kernels.middle import x\nimport json\n",
        "middle": "from some_kernels import bottom\n",
        "bottom": "import some_kernels.top\ny = 1\n",
        "other": "",
    }
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    before = source_hash("some_kernels", "top")
    (folder / "other.py").write_text("z = 1\n")
    assert source_hash("some_kernels", "top") == before
    (folder / "bottom.py").write_text("import some_kernels.top\ny = 20\n")
    assert source_hash("some_kernels", "top") != before
    with pytest.raises(UsageError, match="there is no kernel file 'absent'"):
        source_hash("some_kernels", "absent")


def test_broken_limits_are_errors_with_numbers(cache: KernelCache) -> None:
    wanted = [held("spilling_kernel"), held("spilling_allowed_kernel"), product(128, num_stages=9)]
    with pytest.raises(CompileError) as error:
        compile_variants(wanted, H800, cache=cache, jobs=2, package=PACKAGE)
    first, spilling, shared = error.value.what.splitlines()
    assert first == "2 of 3 kernels cannot be used on h800:"
    assert "simple.spilling_kernel (SIZE = 8192, 1 warps, 1 stages): spills " in spilling
    assert spilling.endswith(" bytes of its 255 registers; 0 are allowed")
    assert "simple.product_kernel (SIZE = 128, 8 warps, 9 stages): needs 2" in shared
    assert shared.endswith(" bytes of shared memory per block; there are 232,448")
    (allowed,) = compile_variants(wanted[1:2], H800, cache=cache, package=PACKAGE)
    assert allowed.cached and 0 < allowed.resources.spill_bytes <= allowed.allowed_spill_bytes
    with pytest.raises(CompileError, match="1 of 1 kernels"):  # from the cache as well
        compile_variants(wanted[:1], H800, cache=cache, package=PACKAGE)
    (unlimited,) = compile_variants(wanted[:1], H800, cache=cache, package=PACKAGE, limits=False)
    assert unlimited.resources.spill_bytes > unlimited.allowed_spill_bytes == 0


def test_a_kernel_that_cannot_be_compiled_leaves_the_others(cache: KernelCache) -> None:
    wrong = variant("simple.wrong_kernel", {"x_ptr": empty(4)})
    fatal = variant("fatal.fatal_kernel", {"x_ptr": empty(4)})
    strange = dataclasses.replace(add(), constants=(("BLOCK", 256), ("BLOCKS", 1)))
    with pytest.raises(CompileError) as error:
        compile_variants([fatal, wrong, strange, add(TWICE=True)], H800, cache=cache, jobs=1, package=PACKAGE)
    assert error.value.what.startswith("3 of 4 kernels cannot be used on h800:")
    assert "the compiler ended with status 3: the last words of a compiler" in error.value.what
    assert "no_such_name is not defined" in error.value.what
    assert "the launch gives BLOCKS, which the kernel does not have" in error.value.what
    assert compile_variants([add(TWICE=True)], H800, cache=cache, package=PACKAGE)[0].cached


def test_kernels_are_compiled_for_amd() -> None:
    wanted = product(dtype=torch.float8_e4m3fnuz, num_stages=2)
    (kernel,) = compile_variants([wanted], load_target("mi300x"), cache=None, package=PACKAGE)
    assert kernel.binary.startswith(b"\x7fELF") and kernel.toolkit == ""
    assert [name for name, _ in kernel.abi] == ["a_ptr", "b_ptr", "c_ptr", "K", "global_scratch", "profile_scratch"]
    assert [name for name in kernel.resources.matrix if name.endswith("fp8_fp8")]
    assert (kernel.resources.spill_bytes, kernel.resources.local_bytes) == (0, 0)


def test_arguments_that_the_runtime_adds_do_not_count() -> None:
    arguments = "".join(
        f"      - .size: {size}\n        .value_kind: {kind}\n"
        for size, kind in [(8, "global_buffer"), (4, "by_value"), (4, "hidden_block_count_x")]
    )
    assembly = f"    .args:\n{arguments}    .group_segment_fixed_size: 0\n"
    check_parameters([("x_ptr", "*fp32"), ("n", "i32")], assembly, "hip")
    with pytest.raises(ValueError, match=r"takes parameters of \[8, 4\], not of \[8\]"):
        check_parameters([("x_ptr", "*fp32")], assembly, "hip")
    with pytest.raises(ValueError, match="takes parameters of"):
        check_parameters([("x_ptr", "*fp32")], ".visible .entry f(\n.param .u32 f_0\n)", "cuda")


def test_a_target_without_kernels_is_a_wrong_request() -> None:
    with pytest.raises(UsageError, match="kernels cannot be compiled for cpu"):
        compile_variants([add()], load_target("cpu"), cache=None, package=PACKAGE)


def test_an_artifact_s_runtime_reads_what_is_written(tmp_path: Path, compiled: list[CompiledKernel]) -> None:
    names = write_kernels(tmp_path, compiled, package=PACKAGE)
    assert names == sorted(names)
    assert {Path(name).name for name in names if name.endswith(".py")} == {"simple.py", "blocks.py"}
    kernels = read_kernels(tmp_path)
    assert (kernels.arch, kernels.toolkit) == ("sm_90a", compiled[0].toolkit)
    for kernel in compiled:
        record = kernels.records[kernel.key]
        assert (tmp_path / record.file).read_bytes() == kernel.binary
        assert (record.abi, record.entry, record.num_warps) == (kernel.abi, kernel.entry, kernel.num_warps)
        listed = manifest_record(kernel)
        assert listed["registers"] == kernel.resources.registers and listed["sha256"] == record.sha256
        assert all((tmp_path / str(listed[name])).is_file() for name in ("binary", "assembly", "source"))


def test_a_recording_device_notes_each_variant_once() -> None:
    gpu = RecordingGpu(132)
    arguments = {"x_ptr": empty(64), "out_ptr": empty(64)}
    for size in (2, 1, 2):
        gpu.launch("simple.spilling_kernel", (size, 1, 1), arguments, {"SIZE": size}, {"num_warps": 1, "num_stages": 1})
    assert [dict(each.constants)["SIZE"] for each in gpu.variants] == [2, 1]


def test_names_in_the_cache_are_made_by_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They need parsed sources, which CPython 3.11 cannot make in two threads at a time."""
    threads = list[threading.Thread]()

    def noted(*arguments: str | Variant) -> str:
        threads.append(threading.current_thread())
        return entry_name(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(aot, "entry_name", noted)
    kernels = compile_variants([add(), product()], H800, cache=KernelCache(tmp_path), package=PACKAGE)
    assert not any(kernel.cached for kernel in kernels) and len(list(tmp_path.iterdir())) == 2
    assert set(threads) == {threading.current_thread()}
