"""Compiled kernels on disk, by content: what went into a kernel names the file that holds it.

A file is written beside its place and moved there, so that compiles at the same time do no harm; a damaged one counts
as absent.
"""

import ast
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dsv3c.backends.triton.runtime.gpu import Variant
from dsv3c.ir.errors import UsageError

FOLDER = "DSV3C_CACHE"
"""Environment variable: where compiled kernels are kept."""
COMPILER_FILES = ("compile_worker.py", "resources.py")
"""Files beside this one that decide what is stored of a kernel."""
IGNORED_SETTINGS = {"TRITON_CACHE_DIR", "TRITON_INTERPRET", "TRITON_HOME"}
"""Of Triton's environment variables, those that do not change a binary."""
MEMBERS = ("kernel.json", "assembly", "binary")


@dataclass(frozen=True)
class KernelCache:
    """A folder of compiled kernels."""

    folder: Path

    def load(self, name: str) -> dict[str, Any] | None:
        """What was stored under ``name``; None when there is nothing, or something damaged."""
        try:
            with zipfile.ZipFile(self.folder / f"{name}.zip") as file:
                fields, assembly, binary = (file.read(member) for member in MEMBERS)
            return {**json.loads(fields), "assembly": assembly.decode("utf-8"), "binary": binary}
        except (OSError, zipfile.BadZipFile, KeyError, ValueError, EOFError, zlib.error):
            return None

    def store(self, name: str, found: Mapping[str, Any]) -> None:
        """Keep a kernel under ``name``.  Raises UsageError for a folder that cannot be written."""
        fields = {key: value for key, value in found.items() if key not in MEMBERS}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, place = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
                    for member, content in zip(
                        MEMBERS, (json.dumps(fields), found["assembly"], found["binary"]), strict=True
                    ):
                        file.writestr(member, content)
                os.replace(place, self.folder / f"{name}.zip")
            except BaseException:
                Path(place).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise UsageError(
                f"compiled kernels cannot be kept: {error.strerror}",
                where=str(self.folder),
                hint=f"set {FOLDER} to a folder that can be written",
            ) from error


def default_cache() -> KernelCache:
    """In ``$DSV3C_CACHE``, else where the platform keeps caches."""
    if given := os.environ.get(FOLDER):
        return KernelCache(Path(given) / "kernels")
    home = Path.home()
    places = {"darwin": home / "Library" / "Caches", "win32": Path(os.environ.get("LOCALAPPDATA", home))}
    other = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return KernelCache(places.get(sys.platform, other) / "dsv3c" / "kernels")


def entry_name(variant: Variant, arch: str, package: str) -> str:
    """``scaled_mm.scaled_mm_kernel-5f0c...``: another for anything that could change the binary."""
    file = variant.kernel.rpartition(".")[0]
    settings = {name: value for name, value in os.environ.items() if name.startswith("TRITON_")}
    parts = {
        "variant": repr(variant),
        "arch": arch,
        "triton": version("triton"),
        "settings": sorted((name, value) for name, value in settings.items() if name not in IGNORED_SETTINGS),
        "sources": source_hash(package, file),
        "compiler": [digest(Path(__file__).with_name(name)) for name in COMPILER_FILES],
    }
    return f"{variant.kernel}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}"


def source_hash(package: str, file: str) -> str:
    """Of a kernel file and every file of its package that it imports, however indirectly."""
    listed = [(path.name, digest(path)) for path in source_files(package, file)]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def source_files(package: str, file: str) -> list[Path]:
    """A kernel file and every file of its package that it imports, however indirectly, by name.

    Raises UsageError for a file that the package does not have.
    """
    found, todo = dict[str, Path](), [file]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        spec = importlib.util.find_spec(f"{package}.{name}")
        if spec is None or spec.origin is None:
            raise UsageError(f"there is no kernel file {name!r} in {package}")
        found[name] = Path(spec.origin)
        todo += imported_files(package, found[name])
    return [found[name] for name in sorted(found)]


def imported_files(package: str, path: Path) -> Iterator[str]:
    """Files of the package that a file imports itself."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [f"{module}.{alias.name}" for alias in node.names]
            case _:
                continue
        for name in names:
            if name.startswith(f"{package}."):
                yield name.removeprefix(f"{package}.").split(".")[0]


def digest(path: Path) -> str:
    """SHA-256 of a file, read once per state of the file."""
    state = path.stat()
    return digest_of(path, state.st_mtime_ns, state.st_size)


@cache
def digest_of(path: Path, changed: int, size: int) -> str:
    """SHA-256 of a file as it was at a time."""
    del changed, size
    return hashlib.sha256(path.read_bytes()).hexdigest()
