"""From what a request names to a module, and to the checkpoint that the program belongs to."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.request import Request
from dsv3c.frontend.sources import is_text
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.errors import UsageError
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

if TYPE_CHECKING:
    from dsv3c.frontend.captured import Captured

STACKED = "mlp.experts.gate_up_proj"
"""A parameter that published checkpoints store expert by expert."""


def read_model(ctx: CompileContext, request: Request) -> tuple[ModuleOp, "Captured | None", dict[str, float]]:
    """The module to start from, with the seconds it took."""
    start = perf_counter()
    if is_text(request.model):
        given = [name for name in ("dtype", "semantics", "experts", "layers") if getattr(request, name) is not None]
        if given:
            raise UsageError(
                f"--{given[0]} is a choice of the capture; {request.model} is captured already",
                hint="leave it out, or give the model itself",
            )
        module = parse_module(ctx, read_text(Path(request.model)), request.model)
        verify_module(module)
        return module, None, {"parse": perf_counter() - start}
    from dsv3c.frontend.capture import CaptureOptions, capture
    from dsv3c.frontend.importer import import_program

    chosen = {name: getattr(request, name) for name in ("dtype", "semantics", "experts") if getattr(request, name)}
    captured = capture(request.model, CaptureOptions(**chosen, layers=request.layers))
    exported = perf_counter()
    module = import_program(ctx, captured)
    write_recipes(ctx, module, captured, request)
    return module, captured, {"capture": exported - start, "import": perf_counter() - exported}


def write_recipes(ctx: CompileContext, module: ModuleOp, captured: "Captured", request: Request) -> None:
    """Say in the program how its checkpoint stores the parameters; a user's own model stores them as they are."""
    from dsv3c.backends.reference.weights import SafetensorsWeights
    from dsv3c.frontend.recipes import add_recipes, quantized_in_folder

    if captured.config is None:
        return
    folder = checkpoint_of(request)
    if folder is None and Path(request.model).is_dir():
        folder = Path(request.model)  # config.json alone: it says what its checkpoint is
    if folder is None:
        add_recipes(ctx, module, captured.config, frozenset())
        return
    has_tensors = any(folder.glob("*.safetensors")) if folder.is_dir() else folder.is_file()
    if has_tensors and any(name.endswith(STACKED) for name in SafetensorsWeights(folder).names()):
        return  # a state dict of the captured model itself
    add_recipes(ctx, module, captured.config, quantized_in_folder(folder, captured.config))


def read_text(file: Path) -> str:
    """A module's text.  Raises UsageError for a file that is missing or no text."""
    try:
        return file.read_text("utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"there is no file {file}", hint="give a .mlir file written by dsv3c") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not text: {error}") from error


def longest_sequence(module: ModuleOp, captured: "Captured | None") -> int | None:
    """How many positions the model has; None where nothing says so."""
    if captured is not None and captured.config is not None:
        return captured.config.max_position_embeddings
    symbol = symbols_of(module).get("S")
    return symbol.bounds()[1] if symbol is not None else None


def checkpoint_of(request: Request) -> Path | None:
    """The checkpoint the program belongs to: the one given, or MODEL itself where that is a folder with tensors."""
    folder = Path(request.model)
    if request.weights is None and folder.is_dir() and any(folder.glob("*.safetensors")):
        return folder
    return request.weights


def check_checkpoint(request: Request, module: ModuleOp, captured: "Captured | None") -> list[str]:
    """Compare a checkpoint's headers with what the module needs; returns warnings.  Raises WeightsError."""
    folder = checkpoint_of(request)
    if folder is None:
        return []
    from dsv3c.backends.reference.params import check_weights, some
    from dsv3c.backends.reference.weights import SafetensorsWeights
    from dsv3c.models.checkpoint_names import optional_tensors

    unused = check_weights(module, SafetensorsWeights(folder))
    config = captured.config if captured is not None else None
    optional = set(optional_tensors(config)) if config is not None else set[str]()
    surprising = [name for name in unused if name not in optional]
    if not surprising or request.layers is not None:  # other layers are there on purpose
        return []
    return [f"{folder}: {len(surprising)} tensors are not used by the program: {some(surprising)}"]
