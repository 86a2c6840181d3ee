"""What is wrong with an emulated kernel, told in its own lines."""

import linecache
import re
import sys
from pathlib import Path

HERE = str(Path(__file__).parent)
ASSIGNED = re.compile(r"^\s*(\w+)\s*(?::[^=]+)?=[^=]")


class EmulationError(RuntimeError):
    """A kernel does what the hardware would not do, or not every time, or what the emulator does not know."""


class Race(EmulationError):
    """Two accesses of shared memory that nothing puts in order."""


class Deadlock(EmulationError):
    """Every partition waits, and no copy is under way that could wake one."""


class Unknown(EmulationError):
    """The kernel uses what the emulator does not have."""


class Stopped(BaseException):
    """Ends the other partitions of a program that failed."""


def place() -> str:
    """``scaled_mm.py:31``: the line of the kernel that is being run."""
    file, line = where()
    return f"{Path(file).name}:{line}"


def where() -> tuple[str, int]:
    """File and line of the innermost frame outside this package."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def assigned_name() -> str:
    """The name that the kernel's line assigns, to speak of what it makes; else the line itself."""
    file, line = where()
    found = ASSIGNED.match(linecache.getline(file, line))
    return found.group(1) if found else f"{Path(file).name}:{line}"
