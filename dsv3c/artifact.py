"""The artifact: a folder that holds the program at every stage, what it is for, and what it needs to run.

``ir/NN_pass.mlir`` (one per pass that changed the module), ``ir/module.mlir`` (the result in MLIR's generic form, with
locations), ``manifest.json``, ``weights.json`` (the stored tensors it needs), ``remarks.jsonl``; of a scheduled program
``timetable/ENTRY.txt``, ``.json`` (a trace for Perfetto) and ``.svg``; for a CPU target ``program.py`` with the
meanings it calls, which torch alone runs (one process is one rank: there is none where ranks share the experts).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Attribute

from dsv3c.compilation.compiler import Compiled, Stage
from dsv3c.compilation.lowering import has_programs, program_files
from dsv3c.compilation.reading import checkpoint_of
from dsv3c.files import new_folder
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.comm import num_ranks
from dsv3c.ir.dialects.core import facts_of, symbols_of
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.timetable_ops import timetable_of, timetables
from dsv3c.reports.remarks import remarks_json
from dsv3c.reports.summary import summary_json
from dsv3c.reports.timetable_svg import render_svg
from dsv3c.reports.timetable_text import render_text
from dsv3c.reports.timetable_trace import trace_json

MANIFEST = "manifest.json"
MODULE = "ir/module.mlir"
REMARKS = "remarks.jsonl"
WEIGHTS = "weights.json"
STORED = "weights.safetensors"
"""Values of a user's own ``build_model()``, where it gives any and no checkpoint is named."""
FORMAT = 1
"""Of the manifest; a reader accepts its own only."""
REQUIRED = ("dsv3c", "format", "model", "target", "operating_point", "pipeline", "entries", "symbols", "files")


class ArtifactError(Dsv3cError):
    """A folder that is no artifact, or not the one that was written."""


@dataclass(frozen=True)
class Artifact:
    """An artifact that has been read and checked."""

    path: Path
    manifest: Mapping[str, Any]

    def module(self, ctx: CompileContext | None = None) -> ModuleOp:
        """The compiled module, with locations."""
        text = (self.path / MODULE).read_text("utf-8")
        return parse_module(ctx or make_context(), text, str(self.path / MODULE))

    def outcomes(self) -> list[Outcome]:
        """What the passes reported."""
        return read_outcomes(self.path / REMARKS)

    def checkpoint(self) -> Path | None:
        """Where its weights are: the checkpoint it was compiled with, or the values saved beside it."""
        stated = self.manifest["weights"]["checkpoint"]
        if stated is None:
            return None
        folder = Path(stated)
        return folder if folder.is_absolute() else self.path / folder


def write_artifact(compiled: Compiled, path: Path, *, force: bool = False) -> Artifact:
    """Write everything aside and rename it to ``path`` at the end.

    Raises UsageError when ``path`` exists, unless ``force`` and it is an earlier artifact.
    """
    with new_folder(path, force=force, marker=MANIFEST) as folder:
        files = text_files(compiled)
        for name, text in files.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        saved = save_values(compiled, folder / STORED)
        written = [*files, *([STORED] if saved else []), *write_binaries(compiled, folder)]
        manifest = manifest_of(compiled, saved=saved) | {"files": {name: digest(folder / name) for name in written}}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    return Artifact(path, manifest)


def text_files(compiled: Compiled) -> dict[str, str]:
    """Every file but the manifest: name -> text."""
    module = compiled.module
    files = {stage_file(stage): stage.text for stage in compiled.stages}
    files[MODULE] = print_module(module, generic=True, locations=True)
    files[REMARKS] = remarks_json(compiled.ctx.outcomes)
    files[WEIGHTS] = json.dumps(weights_of(module), indent=1) + "\n"
    files |= timetable_files(module)
    target = compiled.ctx.target
    runs = has_programs(target) if compiled.lowered is not None else target is not None and target.kind == "cpu"
    if runs and num_ranks(module) == 1:
        files |= program_files(module, compiled.lowered, compiled.kernels)
    return files


def timetable_files(module: ModuleOp) -> dict[str, str]:
    """The timetables of a scheduled program as text, as traces and as pictures; none of any other."""
    found = {name: timetable_of(op) for name, op in timetables(module).items()}
    files = {f"timetable/{name}.txt": render_text(table) for name, table in found.items()}
    files |= {f"timetable/{name}.json": json.dumps(trace_json(table)) + "\n" for name, table in found.items()}
    return files | {f"timetable/{name}.svg": render_svg(table) for name, table in found.items()}


def stage_file(stage: Stage) -> str:
    """``ir/03_raise-linear.mlir``."""
    return f"ir/{stage.index:02}_{stage.name}.mlir"


def levels(stages: list[Stage]) -> dict[str, str]:
    """Level -> file of the last stage that is at it and not beyond."""
    found = dict[str, str]()
    for stage in stages:
        if stage.index == 0 and not stage.facts:
            found["captured"] = stage_file(stage)
        elif "phased" not in stage.facts:
            found["raised"] = stage_file(stage)
        else:
            found.setdefault("phased", stage_file(stage))
        found["lowered"] = stage_file(stage)
    return found


def weights_of(module: ModuleOp) -> list[dict[str, object]]:
    """The stored tensors the program needs: name, shape, element type."""
    from dsv3c.backends.reference.params import required_tensors

    return [
        {"name": name, "shape": list(sizes), "dtype": element}
        for name, (sizes, element) in required_tensors(module).items()
    ]


def write_binaries(compiled: Compiled, folder: Path) -> list[str]:
    """The compiled kernels, their assembly and sources; the files' names."""
    if not compiled.kernels:
        return []
    from dsv3c.backends.triton.compilation.kernel_files import write_kernels

    return write_kernels(folder, compiled.kernels)


def kernels_json(compiled: Compiled) -> list[dict[str, object]]:
    """What was compiled, with its figures."""
    if not compiled.kernels:
        return []
    from dsv3c.backends.triton.compilation.kernel_files import manifest_record

    return [manifest_record(kernel) for kernel in compiled.kernels]


def libraries_json(compiled: Compiled) -> list[dict[str, object]]:
    """The vendors' functions that the program calls and does not bring along."""
    if compiled.lowered is None:
        return []
    from dsv3c.backends.triton.emission.externs import externs_json

    return externs_json(compiled.lowered)


def save_values(compiled: Compiled, file: Path) -> bool:
    """Save the values of a user's model, where it has any and no checkpoint is named."""
    if compiled.captured is None or not compiled.captured.state or checkpoint_of(compiled.request) is not None:
        return False
    from safetensors.torch import save_file

    needed = {cast(str, item["name"]) for item in weights_of(compiled.module)}
    kept = {name: value.clone().contiguous() for name, value in compiled.captured.state.items() if name in needed}
    save_file(kept, str(file))
    return True


def manifest_of(compiled: Compiled, *, saved: bool) -> dict[str, object]:
    """The manifest without the list of files."""
    from dsv3c.backends.reference.packing import parameters_digest

    checkpoint = checkpoint_of(compiled.request)
    weights = weights_of(compiled.module)
    target = compiled.ctx.target
    return {
        "format": FORMAT,
        "dsv3c": version("dsv3c"),
        "model": asdict(compiled.source),
        "layers": list(compiled.request.layers) if compiled.request.layers else None,
        "target": asdict(target) if target is not None else None,
        "operating_point": asdict(compiled.point),
        "pipeline": compiled.pipeline,
        "facts": sorted(facts_of(compiled.module)),
        "levels": levels(compiled.stages),
        "entries": [entry_json(function) for function in entries(compiled.module)],
        "symbols": symbols_json(compiled.module),
        "weights": {
            "file": WEIGHTS,
            "num_tensors": len(weights),
            "parameters": parameters_digest(compiled.module),
            "checkpoint": STORED if saved else str(checkpoint.resolve()) if checkpoint is not None else None,
        },
        "seconds": compiled.seconds,
        "passes": [
            {
                "name": run.name,
                "seconds": run.seconds,
                "verify_seconds": run.verify_seconds,
                "peak_rss_bytes": run.peak_rss_bytes,
                "fired": run.num_fired,
            }
            for run in compiled.driver.runs
        ],
        "kernels": kernels_json(compiled),
        "externs": libraries_json(compiled),
        "batch_invariant": compiled.request.kernel_options.batch_invariant and compiled.lowered is not None,
        "summary": summary_json(compiled),
    }


def entries(module: ModuleOp) -> Iterator[func.FuncOp]:
    """The functions a user runs: those that are not private."""
    for function in functions(module).values():
        if function.sym_visibility is None or function.sym_visibility.data != "private":
            yield function


def entry_json(function: func.FuncOp) -> dict[str, object]:
    """Name, phase, arguments and results of an entry."""
    block = function.body.block
    phase = function.attributes.get("phase")
    return {
        "name": function.sym_name.data,
        "phase": {key: plain(value) for key, value in phase.data.items()}
        if isinstance(phase, DictionaryAttr)
        else None,
        "arguments": [{"name": arg.name_hint or f"arg{arg.index}", "type": str(arg.type)} for arg in block.args],
        "results": [str(kind) for kind in function.function_type.outputs],
    }


def plain(value: Attribute) -> object:
    """An attribute as JSON."""
    match value:
        case IntegerAttr():
            return value.value.data
        case StringAttr():
            return value.data
        case UnitAttr():
            return True
        case _:
            return str(value)


def symbols_json(module: ModuleOp) -> list[dict[str, object]]:
    """Name, range and hint of every symbol."""
    found = list[dict[str, object]]()
    for name, symbol in symbols_of(module).items():
        low, high = symbol.bounds()
        found.append({"name": name, "min": low, "max": high, "hint": symbol.hint.value.data if symbol.hint else None})
    return found


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_artifact(path: Path) -> bool:
    """Whether a path looks like an artifact (it may still be damaged)."""
    return path.is_dir() and (path / MANIFEST).is_file()


def load_artifact(path: Path) -> Artifact:
    """Read and check an artifact.

    Raises UsageError for a path that is none, ArtifactError for a manifest that is damaged or of another version, and
    for files that are missing or not those that were written.
    """
    if not path.exists():
        raise UsageError(
            f"there is no artifact {path}", hint=f"`dsv3c compile MODEL --target cpu -o {path}` writes one"
        )
    if not is_artifact(path):
        raise UsageError(f"{path} is not an artifact: it holds no {MANIFEST}", hint="give a folder written by compile")
    manifest = read_manifest(path / MANIFEST)
    files = manifest["files"]
    absent = [name for name in files if not (path / name).is_file()]
    if absent:
        raise ArtifactError(
            f"{len(absent)} of {len(files)} files are missing: {', '.join(absent[:5])}",
            where=str(path),
            hint="copy the whole folder, or compile again",
        )
    changed = [name for name, expected in files.items() if digest(path / name) != expected]
    if changed:
        raise ArtifactError(
            f"{', '.join(changed[:5])} changed since it was written",
            where=str(path),
            hint="copy the folder again, or give an edited .mlir file itself instead of the folder",
        )
    return Artifact(path, manifest)


def read_manifest(file: Path) -> dict[str, Any]:
    """The manifest.  Raises ArtifactError for a damaged one and for another version."""
    again = "compile again"
    try:
        data = json.loads(file.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise ArtifactError(f"the manifest is damaged: {error}", where=str(file), hint=again) from error
    if not isinstance(data, dict):
        raise ArtifactError("the manifest is damaged: not a JSON object", where=str(file), hint=again)
    manifest = cast(dict[str, Any], data)
    if missing := [key for key in REQUIRED if key not in manifest]:
        raise ArtifactError(f"the manifest is damaged: it has no {missing[0]!r}", where=str(file), hint=again)
    found = (manifest["format"], manifest["dsv3c"])
    if found != (FORMAT, version("dsv3c")):
        raise ArtifactError(
            f"written by dsv3c {found[1]} (format {found[0]}); this is dsv3c {version('dsv3c')} (format {FORMAT})",
            where=str(file),
            hint="compile again with this version, or read it with the one that wrote it",
        )
    if not isinstance(manifest["files"], dict) or MODULE not in manifest["files"]:
        raise ArtifactError(f"the manifest is damaged: it lists no {MODULE}", where=str(file), hint=again)
    return manifest


def read_outcomes(file: Path) -> list[Outcome]:
    """Outcomes from JSON lines.  Raises ArtifactError naming the line that is none."""
    found = list[Outcome]()
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            data = cast(dict[str, Any], json.loads(line))
            found.append(Outcome(kind=Kind(data.pop("kind")), **data))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"not an outcome: {error}", where=f"{file}:{number}", hint="compile again") from error
    return found
