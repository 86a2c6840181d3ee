"""What a compiled kernel takes of a multiprocessor, and which matrix instructions it has.

Registers, spills and local memory come from the assembler's report, instructions from the assembly before and after it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

REGISTERS = re.compile(r"Used (\d+) registers")
FRAMES = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
LOSSES = re.compile(r"Potential Performance Loss: (.*?)(?: in the function|$)", re.MULTILINE)
PTX_MATRIX = re.compile(r"\b((?:wgmma\.mma_async|mma|tcgen05\.mma)\.[\w.:]+)")
PTX_BULK = re.compile(r"\bcp\.async\.bulk\.tensor\.\dd\.shared")
PTX_BUDGET = re.compile(r"\bsetmaxnreg\.(?:inc|dec)\.sync\.aligned\.u32\s+(\d+)")
PTX_ASYNC = re.compile(r"\bcp\.async\.c[ag]\.shared")
SASS_MATRIX = re.compile(r"\b((?:QGMMA|HGMMA|IGMMA|QMMA|HMMA|IMMA|DMMA|UTC\w*MMA)[\w.]*)")
GCN_MATRIX = re.compile(r"\b(v_(?:smfmac|mfma)_\w+)")
GCN_FIELD = re.compile(r"^\s+\.(\w+):\s+(\d+)$", re.MULTILINE)
WORD = 4
"""Bytes of a register."""


@dataclass(frozen=True)
class Resources:
    """Figures of one kernel; registers and bytes of spills and local memory are per thread."""

    registers: int
    spill_bytes: int
    """Bytes stored to or loaded from spilled registers, whichever is more."""
    local_bytes: int
    """Stack frame in local memory, where spilled registers are too."""
    matrix: Mapping[str, int] = field(default_factory=dict[str, int])
    """Matrix instructions of the assembly as the compiler wrote it (PTX, AMDGCN): name -> how often."""
    machine: Mapping[str, int] = field(default_factory=dict[str, int])
    """Matrix instructions of the machine code (SASS): name -> how often."""
    bulk_loads: int = 0
    """Loads by the tensor copy engine (``cp.async.bulk.tensor``)."""
    async_copies: int = 0
    """Other asynchronous copies into shared memory (``cp.async``)."""
    budgets: tuple[int, ...] = ()
    """Registers per thread that warps set for themselves (``setmaxnreg``), each number once, ascending."""
    losses: tuple[str, ...] = ()
    """What the assembler warns about: matrix instructions that it made wait for one another."""

    @staticmethod
    def read(fields: Mapping[str, Any]) -> "Resources":
        """From JSON.  Raises KeyError and TypeError for what is none."""
        values: dict[str, Any] = {
            **fields,
            **{name: tuple(fields[name]) for name in ("budgets", "losses")},
        }
        return Resources(**values)


def cuda_resources(log: str, ptx: str, sass: str) -> Resources:
    """Of a kernel for an NVIDIA GPU: from ``ptxas -v``, PTX and SASS (empty: not disassembled).

    Raises ValueError for a report that names no registers.
    """
    registers, frames = REGISTERS.findall(log), FRAMES.findall(log)
    if not registers or not frames:
        raise ValueError(f"the assembler reported no registers: {log[-300:]!r}")
    return Resources(
        registers=max(map(int, registers)),
        spill_bytes=max(max(int(stores), int(loads)) for _, stores, loads in frames),
        local_bytes=max(int(frame) for frame, _, _ in frames),
        matrix=counted(PTX_MATRIX, ptx),
        machine=counted(SASS_MATRIX, sass),
        bulk_loads=len(PTX_BULK.findall(ptx)),
        async_copies=len(PTX_ASYNC.findall(ptx)),
        budgets=tuple(sorted({int(count) for count in PTX_BUDGET.findall(ptx)})),
        losses=tuple(sorted(set(LOSSES.findall(log)))),
    )


def amd_resources(assembly: str) -> Resources:
    """Of a kernel for an AMD GPU, from the metadata at the end of its assembly.

    Raises ValueError for assembly without them.
    """
    found = {name: int(value) for name, value in GCN_FIELD.findall(assembly)}
    needed = ("vgpr_count", "vgpr_spill_count", "private_segment_fixed_size")
    if absent := [name for name in needed if name not in found]:
        raise ValueError(f"the assembly's metadata lack {', '.join(absent)}")
    return Resources(
        registers=found["vgpr_count"],
        spill_bytes=found["vgpr_spill_count"] * WORD,
        local_bytes=found["private_segment_fixed_size"],
        matrix=counted(GCN_MATRIX, assembly),
    )


def counted(pattern: re.Pattern[str], text: str) -> dict[str, int]:
    """How often each match occurs, by name."""
    return dict(sorted(Counter(pattern.findall(text)).items()))


def broken_limits(resources: Resources, *, shared_bytes: int, shared_limit: int, allowed_spill_bytes: int) -> list[str]:
    """The limits that a kernel breaks, with the numbers; ``shared_limit``: bytes of shared memory of one block."""
    broken = list[str]()
    if shared_bytes > shared_limit:
        broken.append(f"needs {shared_bytes:,} bytes of shared memory per block; there are {shared_limit:,}")
    allowed = f"{allowed_spill_bytes:,} are allowed"
    if resources.spill_bytes > allowed_spill_bytes:
        broken.append(f"spills {resources.spill_bytes:,} bytes of its {resources.registers} registers; {allowed}")
    elif resources.local_bytes > allowed_spill_bytes:
        broken.append(f"keeps {resources.local_bytes:,} bytes per thread in local memory; {allowed}")
    return broken
