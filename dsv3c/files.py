"""Writing: aside first, then renamed, so that nothing is ever half-written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
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


@contextmanager
def new_folder(path: Path, *, force: bool) -> Iterator[Path]:
    """A folder to fill that becomes ``path`` when the block ends well and leaves no trace when it does not.

    Raises UsageError when ``path`` exists and ``force`` is not given; with ``force`` the old folder is replaced at the
    very end.
    """
    if path.exists() and not force:
        raise UsageError(f"{path} exists", hint="choose another folder, or --force to replace it")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield aside
        os.chmod(aside, 0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent)) / path.name
            os.replace(path, old)
            os.replace(aside, path)
            shutil.rmtree(old.parent)
        else:
            os.replace(aside, path)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
