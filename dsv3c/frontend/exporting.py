"""``torch.export`` with our settings: named dims, no gradients, the user's lines on every node, errors translated."""

import contextlib
import inspect
import io
import logging
import sys
import threading
import warnings
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TextIO, cast

import torch
from torch import nn
from torch.export import Dim, ExportedProgram, export

from dsv3c.frontend.captured import Dims, Entry, Symbol
from dsv3c.frontend.export_errors import OWN_FOLDER, assigned_attributes, assignment_failure, capture_failure
from dsv3c.frontend.fx_graph import is_user_file


class UserFrames(frozenset[tuple[str, str]]):
    """The stack frames to keep on a node, as a set of (file, function): those of the model, whatever the function.

    PyTorch keeps frames of functions called ``forward`` only, and others that are registered in such a set: without
    this a RoPE helper or an expert loop is reported at the line that calls it.
    """

    def __contains__(self, frame: object) -> bool:
        file = cast(tuple[str, str], frame)[0]
        return is_user_file(file) and not file.startswith(OWN_FOLDER)


@contextlib.contextmanager
def user_lines() -> Generator[None]:
    """While exporting, nodes carry every frame of the user's code (torch >= 2.13; before: ``forward`` frames only)."""
    from torch.fx import proxy

    if not hasattr(proxy, "_STACK_TRACE_ANCHORS"):
        yield
        return
    module = cast(Any, proxy)
    previous = module._STACK_TRACE_ANCHORS
    module._STACK_TRACE_ANCHORS = UserFrames()
    try:
        yield
    finally:
        module._STACK_TRACE_ANCHORS = previous


class OtherThreads(io.TextIOWrapper):
    """A stream for the time of an export: what this thread prints is dropped, other threads' progress bars pass."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.stream, self.thread = stream, threading.get_ident()

    def write(self, text: str, /) -> int:
        """Drop or pass on."""
        return len(text) if threading.get_ident() == self.thread else self.stream.write(text)

    def flush(self) -> None:
        """Of the real stream."""
        self.stream.flush()

    def isatty(self) -> bool:
        """What the real stream is."""
        return self.stream.isatty()


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """torch prints and logs the graph so far when it gives up; we report the reason in its place."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(OtherThreads(sys.stdout)), contextlib.redirect_stderr(OtherThreads(sys.stderr)):
            yield
    finally:
        logger.setLevel(level)


def export_entry(
    model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], dims: Dims, symbols: Sequence[Symbol]
) -> Entry:
    """Export ``model`` with the dims in ``dims`` open.

    Raises CaptureFailure for control flow that depends on data, state kept in the module, sizes that do not fit.
    """
    named = {symbol.name: Dim(symbol.name, min=symbol.min, max=symbol.max) for symbol in symbols}
    open_dims = {name: {dim: named[symbol] for dim, symbol in of_input.items()} for name, of_input in dims.items()}
    shapes = {name: open_dims.get(name) for name in input_names(model, args, kwargs)}
    return Entry(exported(model, args, kwargs, shapes), dims)


def exported(
    model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], shapes: Mapping[str, object]
) -> ExportedProgram:
    """The exported program, in the non-strict mode: the model's Python runs once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with torch.no_grad(), user_lines(), quiet():
                program = export(model, tuple(args), dict(kwargs), dynamic_shapes=cast(Any, shapes), strict=False)
        except Exception as error:  # whatever the model's own Python raises, and torch's refusals
            raise capture_failure(error, model) from error
    for warning in caught:
        for name in assigned_attributes(str(warning.message)):
            raise assignment_failure(name, model)
    return program


def input_names(model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> list[str]:
    """The names of the inputs that are given, in forward's order."""
    bound = inspect.signature(model.forward).bind(*args, **kwargs)
    return list(bound.arguments)
