"""A user's own Python file as a model: run in a module of its own, its errors reported at its own lines."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import cast

import torch
from torch import nn

from dsv3c.frontend.captured import MAX_BATCH, Captured, CaptureOptions, Dims, Symbol
from dsv3c.frontend.export_errors import CaptureFailure, Place, innermost_user_frame
from dsv3c.frontend.exporting import export_entry
from dsv3c.frontend.fx_graph import short_path
from dsv3c.frontend.layers import keep_layers, real_buffers
from dsv3c.ir.errors import Dsv3cError, UsageError

BUILD, INPUTS, DIMS = "build_model", "example_inputs", "dynamic_dims"
DEFAULT_DIMS = {0: "B", 1: "S"}
DEFAULT_RANGE = (2, 131072)
"""Range of a dim that ``dynamic_dims()`` gives no range for; export gives sizes 0 and 1 a meaning of their own."""
BATCH_RANGE = (1, MAX_BATCH)
CONTRACT = f"""a model file defines
      def {BUILD}() -> torch.nn.Module
      def {INPUTS}() -> tuple of tensors (or a dict by name)
      def {DIMS}() -> {{"input": {{0: "B", 1: "S"}}}}   # optional; (name, min, max) gives a range"""


def capture_file(file: Path, function: str | None, options: CaptureOptions) -> Captured:
    """Capture ``build_model()`` (or ``function``) of a Python file.

    Raises UsageError for a missing file or function, CaptureFailure for the user's own exceptions and for what
    torch.export cannot take.
    """
    module = load(file)
    model = call(module, file, function or BUILD)
    if not isinstance(model, nn.Module):
        raise UsageError(f"{function or BUILD}() gives {type(model).__name__}, not a torch.nn.Module", where=str(file))
    model = model.eval()
    keep_layers(model, options.layers)
    args, kwargs = inputs_for(model, call(module, file, INPUTS), file)
    named = named_inputs(model, args, kwargs, file)
    dims, symbols = dims_of(call(module, file, DIMS) if hasattr(module, DIMS) else None, named, file)
    entry = export_entry(model, args, kwargs, dims, symbols)
    state = {name: value for name, value in model.state_dict().items() if not value.is_meta}
    return Captured(file.stem, "user", {"main": entry}, symbols, real_buffers(model), state=state)


def load(file: Path) -> ModuleType:
    """Run the file as a module of its own; it may import its neighbours."""
    if not file.is_file():
        raise UsageError(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(f"_dsv3c_user_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    with neighbours(file), reported(file, "running the file"):
        spec.loader.exec_module(module)
    return module


@contextmanager
def neighbours(file: Path) -> Generator[None]:
    """Imports of files beside ``file`` work, as they do when Python runs it."""
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def reported(file: Path, doing: str) -> Generator[None]:
    """An exception of the user's code becomes an error at their line."""
    try:
        yield
    except Dsv3cError:
        raise
    except SyntaxError as error:
        place = Place(error.filename or str(file), error.lineno or 1)
        caret = " " * ((error.offset or 1) - 1) + "^"
        text = (error.text or "").rstrip("\n")
        raise CaptureFailure(f"{error.msg}\n{text}\n{caret}", where=place.where) from error
    except Exception as error:  # anything the user's own Python may raise
        found = innermost_user_frame(error)
        line = f": {found.text}" if found else ""
        raise CaptureFailure(
            f"{type(error).__name__} while {doing}{line}\n  {error}", where=found.where if found else str(file)
        ) from error


def call(module: ModuleType, file: Path, name: str) -> object:
    """The result of one of the file's functions."""
    function = getattr(module, name, None)
    if not callable(function):
        defined = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(
            f"{short_path(str(file))} has no function {name}() (it has: {', '.join(defined) or 'none'})", hint=CONTRACT
        )
    with neighbours(file), reported(file, f"calling {name}()"):
        return cast(Callable[[], object], function)()


def inputs_for(model: nn.Module, given: object, file: Path) -> tuple[tuple[object, ...], dict[str, object]]:
    """Positional and named inputs, moved to the meta device if the model is there."""
    if isinstance(given, torch.Tensor):
        given = (given,)
    if not isinstance(given, Sequence | Mapping) or isinstance(given, str):
        raise UsageError(f"{INPUTS}() gives {type(given).__name__}", where=str(file), hint=CONTRACT)
    on_meta = any(parameter.is_meta for parameter in model.parameters())

    def placed(value: object) -> object:
        return value.to("meta") if on_meta and isinstance(value, torch.Tensor) else value

    if isinstance(given, Mapping):
        return (), {str(name): placed(value) for name, value in cast(Mapping[object, object], given).items()}
    return tuple(placed(value) for value in cast(Sequence[object], given)), {}


def named_inputs(
    model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], file: Path
) -> dict[str, object]:
    """Inputs by the names that forward gives them."""
    try:
        return dict(inspect.signature(model.forward).bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise UsageError(f"{INPUTS}() does not fit {type(model).__name__}.forward: {error}", where=str(file)) from error


def dims_of(given: object, inputs: Mapping[str, object], file: Path) -> tuple[Dims, tuple[Symbol, ...]]:
    """Open dims by input, and their symbols.  Without ``dynamic_dims()`` the first integer matrix is [B, S]."""
    if given is None:
        first = next((name for name, value in inputs.items() if is_token_ids(value)), None)
        if first is None:
            raise UsageError(
                f"{INPUTS}() has no integer tensor [B, S]: which sizes are open cannot be told",
                where=str(file),
                hint=CONTRACT,
            )
        given = {first: DEFAULT_DIMS}
    if not isinstance(given, Mapping):
        raise UsageError(f"{DIMS}() gives {type(given).__name__}", where=str(file), hint=CONTRACT)
    dims, symbols = dict[str, dict[int, str]](), dict[str, Symbol]()
    for name, of_input in cast(Mapping[str, Mapping[int, object]], given).items():
        value = inputs.get(name)
        if not isinstance(value, torch.Tensor):
            raise UsageError(f"{DIMS}() names {name}; forward's tensors are {', '.join(inputs)}", where=str(file))
        for dim, size in of_input.items():
            symbol = symbol_of(size, value.shape[dim])
            dims.setdefault(name, {})[dim] = symbol.name
            symbols.setdefault(symbol.name, symbol)
    return dims, tuple(symbols.values())


def is_token_ids(value: object) -> bool:
    """An integer matrix."""
    return isinstance(value, torch.Tensor) and value.dim() == 2 and value.dtype in (torch.int64, torch.int32)


def symbol_of(given: object, example: int) -> Symbol:
    """``"S"`` or ``("S", min, max)`` as a symbol; its hint is the example's size."""
    if isinstance(given, str):
        return Symbol(given, *(BATCH_RANGE if given == "B" else DEFAULT_RANGE), example)
    if isinstance(given, tuple) and len(given) == 3:
        name, low, high = given
        return Symbol(str(name), int(low), int(high), example)
    raise UsageError(f"{DIMS}() gives {given!r} for a dim", hint=CONTRACT)
