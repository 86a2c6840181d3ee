"""Write the operator schema tables from the installed PyTorch: ``python -m dsv3c.dump_schemas``.

``aten.txt`` holds every aten overload; ``custom.txt`` those of operators that captured models bring along.  The tables
are text so that ``ir/`` needs no torch, and files so that a change of PyTorch's schemas is seen in review.
"""

import importlib
import re
from pathlib import Path
from typing import Any, cast

import torch

from dsv3c.ir.dialects import aten

TABLES: dict[str, tuple[str, ...]] = {
    "aten.txt": ("aten::",),
    "custom.txt": ("transformers::", "dsv3c_models::"),
}
REGISTERING_MODULES = ("transformers.integrations.moe", "dsv3c.models.grouped_mm")
"""Modules that register custom operators when they are imported."""


def schema_texts() -> list[str]:
    """``str(schema)`` of every operator PyTorch knows, sorted; those that return a dict have no form in the IR."""
    torch_c = cast(Any, torch)._C  # the registry has no public interface
    names = [name.partition(".") for name in torch_c._dispatch_get_all_op_names()]
    texts = [str(torch_c._get_schema(operator, overload)) for operator, _, overload in names]
    return sorted(text for text in texts if "Dict(" not in text)


def table(prefixes: tuple[str, ...]) -> list[str]:
    """The schemas of some namespaces, one a line."""
    return [text for text in schema_texts() if text.startswith(prefixes)]


def by_name(lines: list[str]) -> dict[str, str]:
    """``aten::mean.dim`` -> its schema's text."""
    return {re.split(r"\(", line, maxsplit=1)[0]: line for line in lines}


def main() -> None:
    """Rewrite the shipped tables."""
    for module in REGISTERING_MODULES:
        importlib.import_module(module)
    folder = Path(aten.__file__).parent / "schemas"
    for file, prefixes in TABLES.items():
        (folder / file).write_text("\n".join(table(prefixes)) + "\n", "utf-8")


if __name__ == "__main__":
    main()
