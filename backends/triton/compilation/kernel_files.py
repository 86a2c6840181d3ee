"""Compiled kernels in an artifact: binaries, the assembly before them, their sources, and what is known of them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from dsv3c.backends.triton import KERNELS
from dsv3c.backends.triton.compilation.aot import CompiledKernel, package_of
from dsv3c.backends.triton.compilation.kernel_cache import source_files
from dsv3c.backends.triton.runtime.gpu import PDL, TRITON, Variant
from dsv3c.backends.triton.runtime.records import FILE, KernelRecord, Kernels, kernels_text

FOLDER = "kernels"
"""Of an artifact."""
SUFFIXES = {"sm": (".cubin", ".ptx"), "gfx": (".hsaco", ".amdgcn")}
"""First letters of an architecture -> the binary's suffix and the assembly's."""


def kernel_files(compiled: Sequence[CompiledKernel], *, package: str = KERNELS) -> dict[str, bytes]:
    """The files of an artifact's kernels, by name relative to its folder, sorted.

    ``kernels.json`` is what the runtime reads; the sources are there to be read.
    """
    assert compiled, "an artifact without kernels has no kernel files"
    found = dict[str, bytes]()
    for kernel in compiled:
        binary, assembly = names_of(kernel)
        found[binary], found[assembly] = kernel.binary, kernel.assembly.encode()
        for source in source_files(package_of(kernel.variant, package), kernel.variant.kernel.rpartition(".")[0]):
            found[f"{source_folder(kernel.variant)}/{source.name}"] = source.read_bytes()
    records = {kernel.key: record_of(kernel) for kernel in compiled}
    pdl = any(PDL in dict(kernel.variant.constants) for kernel in compiled)
    found[FILE] = kernels_text(Kernels(compiled[0].arch, compiled[0].toolkit, records, pdl)).encode()
    return dict(sorted(found.items()))


def write_kernels(folder: Path, compiled: Sequence[CompiledKernel], *, package: str = KERNELS) -> list[str]:
    """Write ``kernel_files`` into an artifact's folder; the names written."""
    files = kernel_files(compiled, package=package)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return list(files)


def source_folder(variant: Variant) -> str:
    """Where the sources of a variant are in an artifact."""
    return FOLDER if variant.language == TRITON else f"{FOLDER}/{variant.language}"


def names_of(kernel: CompiledKernel) -> tuple[str, str]:
    """The names of a kernel's binary and assembly in an artifact."""
    binary, assembly = next(suffixes for start, suffixes in SUFFIXES.items() if kernel.arch.startswith(start))
    return f"{FOLDER}/{kernel.key}{binary}", f"{FOLDER}/{kernel.key}{assembly}"


def record_of(kernel: CompiledKernel) -> KernelRecord:
    """What the runtime must know to launch a kernel."""
    return KernelRecord(
        key=kernel.key,
        kernel=kernel.variant.kernel,
        file=names_of(kernel)[0],
        sha256=hashlib.sha256(kernel.binary).hexdigest(),
        entry=kernel.entry,
        abi=kernel.abi,
        constants=dict(kernel.variant.constants),
        num_warps=kernel.num_warps,
        shared_bytes=kernel.shared_bytes,
        global_scratch_bytes=kernel.global_scratch_bytes,
        profile_scratch_bytes=kernel.profile_scratch_bytes,
        boxes=kernel.boxes,
    )


def manifest_record(kernel: CompiledKernel) -> dict[str, object]:
    """A kernel in an artifact's manifest: what it was compiled for, its figures, and where it is."""
    resources, (binary, assembly) = kernel.resources, names_of(kernel)
    return {
        "key": kernel.key,
        "kernel": kernel.variant.kernel,
        "language": kernel.variant.language,
        "constants": dict(kernel.variant.constants),
        "abi": [list(parameter) for parameter in kernel.abi],
        "divisible_by_16": list(kernel.variant.divisible),
        "num_warps": kernel.num_warps,
        "num_stages": kernel.variant.num_stages,
        "shared_bytes": kernel.shared_bytes,
        "registers": resources.registers,
        "spill_bytes": resources.spill_bytes,
        "local_bytes": resources.local_bytes,
        "matrix_instructions": dict(resources.matrix),
        "machine_instructions": dict(resources.machine),
        "bulk_loads": resources.bulk_loads,
        "async_copies": resources.async_copies,
        "register_budgets": list(resources.budgets),
        "assembler_warnings": list(resources.losses),
        "binary": binary,
        "assembly": assembly,
        "source": f"{source_folder(kernel.variant)}/{kernel.variant.kernel.rpartition('.')[0]}.py",
        "sha256": hashlib.sha256(kernel.binary).hexdigest(),
    }
