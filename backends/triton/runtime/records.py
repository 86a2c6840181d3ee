"""What is known of compiled kernels beside their binaries: ``kernels.json`` of an artifact."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

FILE = "kernels.json"
FORMAT = 2
"""Of the file; a reader accepts its own only."""
TENSOR_MAP = "tensormap"
"""Type of a parameter: 128 bytes that the driver makes of a tensor and a box."""
GLOBAL_SCRATCH, PROFILE_SCRATCH = "global_scratch", "profile_scratch"
"""Names of the two pointers that Triton appends to a kernel's parameters."""


class GpuError(RuntimeError):
    """Why kernels cannot run here: ``what`` is wrong, ``hint`` the next step."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}\n  {hint}" if hint else what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Box:
    """What one copy through a descriptor moves."""

    sizes: tuple[int, ...]
    """Elements of each dim, the contiguous one last: of a block, as far as the copy engine moves it at once."""
    swizzle: int
    """The pattern of rows in shared memory, as the driver counts: 0 none, 1, 2, 3 for 32, 64, 128 bytes."""

    @staticmethod
    def read(fields: Mapping[str, Any]) -> "Box":
        """From JSON.  Raises KeyError and TypeError for what is none."""
        return Box(tuple(int(size) for size in fields["sizes"]), int(fields["swizzle"]))


@dataclass(frozen=True)
class KernelRecord:
    """A compiled kernel: where it is and how it is called."""

    key: str
    """Of its ``Variant``."""
    kernel: str
    """``file.function``"""
    file: str
    """The binary, relative to the folder of ``kernels.json``."""
    sha256: str
    """Of the binary."""
    entry: str
    """The function's name in the binary."""
    abi: tuple[tuple[str, str], ...]
    """Parameters of the binary in order: name and type (``*bf16``, ``i32``, ``fp32``); Triton's two pointers last.

    A descriptor is a ``tensormap x_desc``, then ``i32 x_desc.size0, ...`` and ``i64 x_desc.stride0, ...``.
    """
    constants: Mapping[str, int | float | bool | str]
    num_warps: int
    shared_bytes: int
    """Dynamic shared memory per block."""
    global_scratch_bytes: int = 0
    """Per block of the grid; 0: the pointer is null."""
    profile_scratch_bytes: int = 0
    boxes: Mapping[str, Box] = field(default_factory=dict[str, Box])
    """Parameter that is a descriptor -> what its copies move."""

    @staticmethod
    def read(fields: Mapping[str, Any]) -> "KernelRecord":
        """From JSON.  Raises KeyError and TypeError for what is none."""
        known: dict[str, Any] = {name: fields[name] for name in KernelRecord.__dataclass_fields__ if name in fields}
        known["abi"] = tuple((str(name), str(kind)) for name, kind in fields["abi"])
        known["boxes"] = {name: Box.read(box) for name, box in fields["boxes"].items()}
        return KernelRecord(**known)


@dataclass(frozen=True)
class Kernels:
    """All kernels of an artifact, and what they were compiled for."""

    arch: str
    """``sm_90a``"""
    toolkit: str
    """Version of the CUDA toolkit whose assembler made the binaries, as in ``13.0``."""
    records: Mapping[str, KernelRecord]
    pdl: bool = False
    """Whether kernels that wait for the one before them themselves were compiled for that."""

    def find(self, key: str, kernel: str, described: str) -> KernelRecord:
        """The record of a key.  Raises GpuError naming the kernel and what it was not compiled for."""
        record = self.records.get(key)
        if record is None:
            others = sum(other.kernel == kernel for other in self.records.values())
            raise GpuError(
                f"kernel {kernel} was not compiled for {described}",
                hint=f"{others} variants of it are in {FILE}; compile the program again",
            )
        return record


def kernels_text(kernels: Kernels) -> str:
    """``kernels.json``: sorted by key, one kernel after the other."""
    listed = [asdict(kernels.records[key]) for key in sorted(kernels.records)]
    found = {"format": FORMAT, "arch": kernels.arch, "toolkit": kernels.toolkit}
    found |= {"pdl": kernels.pdl, "kernels": listed}
    return json.dumps(found, indent=1) + "\n"


def read_kernels(folder: Path) -> Kernels:
    """The kernels of an artifact.  Raises GpuError for a list that is absent or damaged, and for absent binaries."""
    file = folder / FILE
    again = "compile again, or copy the whole folder"
    try:
        data = cast(dict[str, Any], json.loads(file.read_text("utf-8")))
        if data["format"] != FORMAT:
            raise GpuError(f"{file} has format {data['format']}; this program reads {FORMAT}", again)
        records = [KernelRecord.read(fields) for fields in data["kernels"]]
        by_key = {record.key: record for record in records}
        found = Kernels(str(data["arch"]), str(data["toolkit"]), by_key, bool(data.get("pdl", False)))
    except OSError as error:
        raise GpuError(f"{file} cannot be read: {error.strerror}", again) from error
    except (ValueError, KeyError, TypeError) as error:
        raise GpuError(f"{file} is damaged: {error!r}", again) from error
    absent = sorted({record.file for record in records if not (folder / record.file).is_file()})
    if absent:
        raise GpuError(f"{len(absent)} of {len(records)} kernels are absent: {', '.join(absent[:3])}", again)
    return found
