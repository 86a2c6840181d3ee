"""How long a multiprocessor takes to issue a kernel, by its machine code, against what memory takes for its bytes.

For kernels without loops: every instruction of the text is issued once by every warp.  A prediction of the least time:
no latency is in it.
"""

import re
import subprocess
import tempfile
from collections import Counter

from triton import knobs

from dsv3c.ir.targets import Target

CLOCK_HZ = 1.755e9
"""Of an H800 at work."""
COPY = 0.93
"""Of the memory's rate that a copy reaches."""
ISSUED = 128
"""Threads whose next instruction a multiprocessor issues in a clock: one warp in each of four parts."""
LANES = {"fma": 128, "alu": 64, "xu": 16, "convert": 16, "memory": 32}
"""Threads whose instruction each kind of unit takes in a clock (CUDA C++ Programming Guide, throughput of native
arithmetic instructions, compute capability 9.0; of conversions to and from 8 bits, the slowest row of that table)."""
UNITS = {
    "fma": "FFMA FMUL FADD HFMA2 HADD2 HMUL2",
    "alu": "IMAD LOP3 PLOP3 SHF IADD3 IADD LEA SEL FSEL FSETP ISETP FMNMX VIMNMX VIMNMX3 PRMT VIADD I2FP IABS HSETP2 "
    "P2R R2P SGXT BMSK MOV HMNMX2",
    "xu": "MUFU F2I I2F F2F FRND POPC FLO",
    "convert": "F2FP",
    "memory": "LDG STG LDS STS LDSM STSM SHFL",
}
"""Unit -> names of instructions.  Products of integers go to another unit than sums; here they count with them."""
SHARED_BYTES = 4
"""Of a thread that shared memory moves in a clock of its lane; wider accesses take longer."""
INSTRUCTION = re.compile(r"^\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)", re.MULTILINE)
WIDTH = re.compile(r"\.(\d+)$")


def machine_code(binary: bytes) -> str:
    """SASS of a cubin."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        command = [knobs.nvidia.nvdisasm.path, "-c", file.name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def instructions(code: str) -> list[str]:
    """Up to the last exit: behind it there is only filling."""
    found = INSTRUCTION.findall(code)
    last = max(index for index, name in enumerate(found) if name.startswith("EXIT"))
    return [name for name in found[: last + 1] if not name.startswith("NOP")]


def clocks(found: list[str]) -> dict[str, float]:
    """Clocks of a multiprocessor per thread: to issue all, and that each unit is busy."""
    units = {name: unit for unit, names in UNITS.items() for name in names.split()}
    busy = Counter[str]()
    for name in found:
        unit = units.get(name.partition(".")[0])
        if unit is not None:
            busy[unit] += passes(name)
    return {"issue": len(found) / ISSUED, **{unit: busy[unit] / LANES[unit] for unit in LANES}}


def passes(name: str) -> int:
    """How often an instruction goes through its unit: an access to shared memory once for every 4 bytes."""
    if not name.startswith(("LDS", "STS")) or (width := WIDTH.search(name)) is None:
        return 1
    return max(1, int(width.group(1)) // (8 * SHARED_BYTES))


def shares(binary: bytes, bytes_per_thread: float, target: Target) -> dict[str, float]:
    """Unit (and ``issue``) -> its time over what a copy of as many bytes takes."""
    rate = target.fact("memory_bytes_per_s") * COPY / (target.fact("num_compute_units") * CLOCK_HZ)
    memory = bytes_per_thread / rate
    return {unit: busy / memory for unit, busy in clocks(instructions(machine_code(binary))).items()}
