"""Where ops come from: the user's file and line and the module path, kept through every rewrite.

A location is ``loc("layers.3.self_attn"("model.py":463:0))``: a NameLoc with the module path (relative to the layer
inside an outlined function) around the line that produced the op.  An op made from several carries all of theirs.
"""

from collections.abc import Iterable, Iterator

from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    ArrayAttr,
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    IntAttr,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
)
from xdsl.ir import Attribute

NOWHERE = "<unknown>"
"""How a location without file and module path is described."""


def file_location(file: str, line: int, module_path: str = "") -> LocationAttr:
    """The location of one source line, inside ``module_path`` if that is not empty."""
    where = FileLineColLoc(StringAttr(file), IntAttr(line), IntAttr(0))
    return NameLoc(StringAttr(module_path), where) if module_path else where


def fused(locations: Iterable[LocationAttr]) -> LocationAttr:
    """One location for an op that replaces several: each part once, in order; unknown parts say nothing."""
    unique = tuple(dict.fromkeys(part for location in locations for part in _parts(location)))
    if not unique:
        return UNKNOWN_LOC
    return unique[0] if len(unique) == 1 else FusedLoc(unique, NoneAttr())


def _parts(location: LocationAttr) -> Iterator[LocationAttr]:
    if isinstance(location, FusedLoc):
        for part in fused_parts(location):
            yield from _parts(part)
    elif location != UNKNOWN_LOC:
        yield location


def as_location(attribute: Attribute) -> LocationAttr:
    """Narrow a nested location: xDSL types it as any attribute, its verifier admits only locations."""
    return attribute if isinstance(attribute, LocationAttr) else UNKNOWN_LOC


def fused_parts(location: FusedLoc) -> Iterator[LocationAttr]:
    """The locations a fused location is made of."""
    assert isinstance(location.locations, ArrayAttr)
    for part in location.locations:
        yield as_location(part)


def files(location: LocationAttr) -> Iterator[tuple[str, int]]:
    """Every ``(file, line)`` a location mentions, in order."""
    match location:
        case FileLineColLoc():
            yield location.filename.data, location.line.data
        case NameLoc():
            yield from files(as_location(location.location))
        case CallSiteLoc():
            yield from files(as_location(location.callee))
        case FusedLoc():
            for part in fused_parts(location):
                yield from files(part)
        case _:
            return


def module_paths(location: LocationAttr) -> Iterator[str]:
    """Every module path a location mentions, in order."""
    match location:
        case NameLoc():
            yield location.desc.data
        case FusedLoc():
            for part in fused_parts(location):
                yield from module_paths(part)
        case _:
            return


def describe(location: LocationAttr) -> str:
    """``model.py:463 (self_attn)``: the first line and module path; ``<unknown>`` when there is neither."""
    line = next((f"{file}:{line}" for file, line in files(location)), "")
    path = next((path for path in module_paths(location) if path), "")
    if line and path:
        return f"{line} ({path})"
    return line or path or NOWHERE
