"""Writing: aside first, then renamed, so that nothing is ever half-written."""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dsv3c.ir.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_free(path: Path, *, force: bool, marker: str) -> None:
    """Raise UsageError unless ``path`` may be written: it is not there, or ``force`` and it is one of our folders.

    A folder counts as ours when it is empty or holds ``marker``: ``--force`` never replaces anything else.
    """
    if not path.exists():
        return
    if not force:
        raise UsageError(f"{path} exists", hint="choose another folder, or --force to replace it")
    if not path.is_dir() or (any(path.iterdir()) and not (path / marker).is_file()):
        raise UsageError(
            f"{path} exists and was not written by dsv3c (it holds no {marker}): --force does not replace it",
            hint="choose another folder, or remove it yourself",
        )


@contextmanager
def new_folder(path: Path, *, force: bool, marker: str) -> Generator[Path, None, None]:
    """A folder to fill that becomes ``path`` when the block ends well and leaves no trace when it does not.

    Raises UsageError as ``check_free`` does; with ``force`` the old folder is replaced at the very end.
    """
    check_free(path, force=force, marker=marker)
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.parent.resolve() / path.name
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield aside
        os.chmod(aside, 0o755)
        replace(aside, path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def replace(new: Path, path: Path) -> None:
    """Move a folder to ``path``; what was there is kept until the new one stands in its place, and put back if not."""
    if not path.exists():
        os.replace(new, path)
        return
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
    try:
        os.replace(path, holder / path.name)
        try:
            os.replace(new, path)
        except BaseException:
            os.replace(holder / path.name, path)
            raise
    finally:
        shutil.rmtree(holder, ignore_errors=True)
