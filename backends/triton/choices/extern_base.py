"""Vendors' libraries as candidates beside our kernels: which there are, and what a rule for one answers.

A library is taken only where it is asked for (``select-kernels{extern=...}``) and runs the op as it is; every other is
a rejected candidate with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from dsv3c.backends.triton.choices.base import Literal, Refused, Rejected, Scratch, Selection
from dsv3c.ir.errors import UsageError
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.spelling import guess

NONE = "none"
"""What is asked for where no library is."""


@dataclass(frozen=True)
class Library:
    """A library whose kernels a program may call."""

    name: str
    source: str
    """Who publishes it, and where."""
    arches: tuple[str, ...]
    """Devices that it has kernels for, as the kernel compiler calls them."""


CUBLASLT = Library("cublaslt", "NVIDIA cuBLASLt, through PyTorch", ("sm_90a", "sm_100a"))
DEEP_GEMM = Library("deep_gemm", "github.com/deepseek-ai/DeepGEMM", ("sm_90a",))
FLASH_MLA = Library("flash_mla", "github.com/deepseek-ai/FlashMLA", ("sm_90a",))
LIBRARIES: dict[str, Library] = {library.name: library for library in (CUBLASLT, DEEP_GEMM, FLASH_MLA)}
"""For the scale layouts that are described here (f32, not packed); a library may have kernels for more devices."""


@dataclass(frozen=True, kw_only=True)
class ExternChoice:
    """A library's function for an op."""

    library: Library
    function: str
    """The library's name for it."""
    package: str
    """The Python module it is taken from."""
    launcher: str
    """``file.function`` in ``launchers/``: brings values into the library's form."""
    operands: Mapping[str, SSAValue | None]
    """Keyword -> value, as in ``Choice``."""
    results: Mapping[str, SSAValue]
    parameters: Mapping[str, Literal] = field(default_factory=dict[str, Literal])
    scratch: Mapping[str, Scratch] = field(default_factory=dict[str, Scratch])


class ExternTable(RuleTable[object]):
    """Op class -> the rule by which one library runs it: a function of op and selection."""


EXTERNS: dict[str, ExternTable] = {name: ExternTable(name) for name in LIBRARIES}
"""Library -> its rules."""


def asked_for(stated: tuple[str, ...] | str) -> tuple[str, ...]:
    """The libraries that an option names, in its order of preference.  Raises UsageError for an unknown one."""
    names = (stated,) if isinstance(stated, str) else stated
    if names == (NONE,):
        return ()
    unknown = next((name for name in names if name not in LIBRARIES), None)
    if unknown is not None:
        raise UsageError(
            f"there is no library {unknown!r} to call",
            hint=f"{guess(unknown, LIBRARIES)}there are {', '.join(LIBRARIES)}",
        )
    return tuple(dict.fromkeys(names))


def extern_for(op: Operation, at: Selection, asked: Sequence[str]) -> tuple[ExternChoice | None, list[Rejected]]:
    """The first library asked for that runs an op, and why no other was taken."""
    taken: ExternChoice | None = None
    rejected = list[Rejected]()
    for name in (*asked, *(name for name in LIBRARIES if name not in asked)):
        rule = EXTERNS[name].find(op)
        if rule is None:
            continue
        if name not in asked:
            rejected.append(Rejected(name, "not asked for"))
        elif taken is not None:
            rejected.append(Rejected(name, f"{taken.library.name} was asked for before it"))
        else:
            answer = answer_of(rule, LIBRARIES[name], op, at)
            if isinstance(answer, Refused):
                rejected.append(Rejected(name, answer.reason))
            else:
                taken = answer
    return taken, rejected


def answer_of(rule: object, library: Library, op: Operation, at: Selection) -> ExternChoice | Refused:
    """A rule's answer on a device that the library has kernels for."""
    if at.target.arch not in library.arches:
        return Refused(f"{at.target.name} is {at.target.arch}; called for {', '.join(library.arches)}")
    assert callable(rule)
    answer = rule(op, at)
    assert isinstance(answer, ExternChoice | Refused)
    return answer


def first_failing(conditions: Iterable[tuple[bool, str]]) -> Refused | None:
    """The reason of the first condition that does not hold."""
    return next((Refused(reason) for holds, reason in conditions if not holds), None)
