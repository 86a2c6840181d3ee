"""Where a program came from: kind, name and hash of what was given."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr


@dataclass(frozen=True)
class Source:
    """Where a program came from."""

    kind: str
    """``named``, ``python``, ``config``, ``checkpoint`` or ``text``."""
    model: str
    """The model's name."""
    path: str
    """The file, as it was given; the name itself for a named configuration."""
    sha256: str
    """Of the file; of the configuration's data file for a named one."""


def is_text(model: str) -> bool:
    """Whether MODEL is a module in text form."""
    return model.endswith(".mlir")


def source_of(model: str, module: ModuleOp) -> Source:
    """Kind, name and hash of where the program came from."""
    stated = module.attributes.get("dsv3c.model")
    file = Path(model.rpartition(":")[0] if ".py:" in model else model)
    if is_text(model):
        kind = "text"
    elif file.is_dir():
        kind, file = "checkpoint", file / "config.json"
    elif file.suffix == ".py":
        kind = "python"
    elif file.suffix == ".json":
        kind = "config"
    else:
        from dsv3c.models import configs

        kind, file = "named", Path(configs.__file__).parent / "configs" / f"{model}.json"
    name = stated.data if isinstance(stated, StringAttr) else file.stem
    return Source(kind, name, model, hashlib.sha256(file.read_bytes()).hexdigest())
