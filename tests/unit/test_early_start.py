"""Programmatic dependent launch: kernels that wait for the one before them themselves, and are started early."""

import ast
import ctypes
import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
from cuda.bindings import driver as bindings
from fake_cuda import FakeCuda

from dsv3c.backends import triton
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.compilation.aot import compile_variants
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.compilation.kernel_files import kernel_files
from dsv3c.backends.triton.launchers.absorbed_attention import combine
from dsv3c.backends.triton.launchers.quantize import quantize
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.gpu import PDL, Variant
from dsv3c.backends.triton.runtime.records import FORMAT
from dsv3c.compilation.lowering import KernelOptions
from dsv3c.ir.targets import load_target

ROOT = Path(triton.__path__[0])
WAIT = "after_predecessor(PDL)"
EARLY = {
    "absorbed_attention": {"combine_kernel", "combine_parts_kernel"},
    "gate": {"gate_kernel", "append_choice_kernel"},
    "permute": {"count_kernel", "place_kernel", "copy_kernel"},
    "quantize": {
        *("quantize_rows_kernel", "quantize_blocks_kernel", "quantize_static_kernel"),
        *("amax_kernel", "quantize_whole_kernel"),
    },
    "rms_norm": {"rms_norm_kernel", "rms_norm_quantize_kernel"},
    "scaled_mm": {"split_k_sum_kernel"},
    "swiglu": {"swiglu_kernel", "swiglu_quantize_kernel"},
    "unpermute": {"invert_kernel", "combine_kernel"},
}
"""Kernels that take part."""


def kernels() -> dict[str, list[ast.FunctionDef]]:
    """The kernels of every file."""
    return {
        file.stem: [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
        for file in sorted((ROOT / "kernels").glob("*.py"))
    }


def test_kernels_that_are_started_early_wait_before_anything_else() -> None:
    found = dict[str, set[str]]()
    for file, functions in kernels().items():
        for function in functions:
            waits = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Call)].count(WAIT)
            assert waits == (PDL in [argument.arg for argument in function.args.args]) or file == "common"
            if waits:
                assert ast.unparse(function.body[1]) == WAIT, f"{file}.{function.name}: what is before it does not wait"
                assert function.args.args[-1].arg == PDL and ast.unparse(function.args.defaults[-1]) == "False"
                found.setdefault(file, set()).add(function.name)
    assert found == EARLY


def launched(*, pdl: bool) -> dict[str, Variant]:
    """Kernel -> what two launchers launch."""
    gpu, meta = RecordingGpu(132, pdl=pdl), torch.device("meta")
    q = Scaled(torch.empty(64, 256, dtype=torch.float8_e4m3fn, device=meta), torch.empty(64, 2, device=meta), (1, 128))
    quantize(
        gpu, x=torch.empty(64, 256, dtype=torch.bfloat16, device=meta), q=q,
        configs=[{"block_m": 4, "block_n": 256, "num_warps": 4, "num_stages": 1}], granule=(1, 128), data="f8E4M3FN",
        amax_floor=1e-4, static=None, apply="divide", round_scale="none", saturate=False,
    )  # fmt: skip
    partial, lse = torch.empty(8, 16, 512, device=meta), torch.empty(8, 16, device=meta)
    combine(gpu, partial, lse, torch.empty(4, 16, 512, dtype=torch.bfloat16, device=meta), 2)
    return {variant.kernel: variant for variant in gpu.variants}


def test_only_devices_that_have_it_ask_for_such_kernels() -> None:
    with_it, without = launched(pdl=True), launched(pdl=False)
    assert all((PDL, True) in variant.constants for variant in with_it.values())
    assert all(PDL not in dict(variant.constants) for variant in without.values())
    assert KernelOptions().pdl and load_target("h800").programmatic_launch
    assert not load_target("mi300x").programmatic_launch


READS = re.compile(r"\b(?:ld|cp\.async|st|atom|red)\b[\w.]*\.(?:global|shared::cluster\.global)")


def test_binaries_wait_before_they_touch_memory_and_hold_nothing_of_it_without() -> None:
    target = load_target("h800")
    for pdl in (True, False):
        compiled = compile_variants([*launched(pdl=pdl).values()], target, cache=default_cache(), jobs=1)
        for kernel in compiled:
            text = kernel.assembly
            first = READS.search(text)
            assert first is not None
            assert ("griddepcontrol" in text) == pdl
            if pdl:
                wait = text.index("griddepcontrol.wait")
                assert wait < text.index("griddepcontrol.launch_dependents") < first.start()
        stated = json.loads(kernel_files(compiled)["kernels.json"])
        assert stated["pdl"] == pdl


def test_such_kernels_are_launched_with_the_attribute_and_others_without(tmp_path: Path) -> None:
    driver = FakeCuda(structures=bindings)
    for pdl in (True, False):
        variant = launched(pdl=pdl)["absorbed_attention.combine_kernel"]
        abi = [(name, kind) for name, kind in variant.signature if kind != "None"]
        driver.parameters["entry"] = [ctypes.c_void_p if kind.startswith("*") else ctypes.c_int for _, kind in abi]
        folder = tmp_path / str(pdl)
        write_record(folder, variant, abi, pdl=pdl)
        gpu = CubinGpu(folder, driver=driver, stream=lambda: 77)
        gpu.device = torch.device("cpu")
        assert gpu.pdl == pdl
        partial, lse, o = torch.empty(8, 16, 512), torch.empty(8, 16), torch.empty(4, 16, 512, dtype=torch.bfloat16)
        combine(gpu, partial, lse, o, 2)
        launch = driver.launched[-1]
        assert launch["grid"] == (64, 1, 1) and launch["block"] == (128, 1, 1) and launch["stream"] == 77
        assert launch["values"][:3] == [partial.data_ptr(), lse.data_ptr(), o.data_ptr()]
        assert launch.get("early", False) == pdl
    assert [name for name in driver.names() if name.startswith("cuLaunch")] == ["cuLaunchKernelEx", "cuLaunchKernel"]


def write_record(folder: Path, variant: Variant, abi: list[tuple[str, str]], *, pdl: bool) -> None:
    """``kernels.json`` with one kernel."""
    (folder / "kernels").mkdir(parents=True)
    (folder / "kernels" / "one.cubin").write_bytes(b"binary")
    record = {
        **{"key": variant.key, "kernel": variant.kernel, "file": "kernels/one.cubin", "entry": "entry", "abi": abi},
        **{"sha256": hashlib.sha256(b"binary").hexdigest(), "constants": {}, "num_warps": 4, "shared_bytes": 0},
        "boxes": {},
    }
    text = json.dumps({"format": FORMAT, "arch": "sm_90a", "toolkit": "13.0", "pdl": pdl, "kernels": [record]})
    (folder / "kernels.json").write_text(text)


@pytest.mark.parametrize("options", [KernelOptions(pdl=False), KernelOptions()])
def test_it_is_no_choice_of_kernels(options: KernelOptions) -> None:
    """Configurations are the same: what is compiled differs."""
    assert options.passes == KernelOptions().passes
