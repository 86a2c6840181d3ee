"""Packed parameters: one safetensors file per rank with every parameter as a program uses it, recipes already run.

A parameter has the name its program asks for, such as ``model.layers.3.mlp.down_proj.weight:f8E4M3FN 128x128``; a
scaled one is three tensors: ``NAME#data``, ``NAME#scale`` and its granule, ``NAME#granule`` (i64).  ``packed.json``
beside the files says for which parameters, by a digest of all recipes.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.stored import DTYPES, PACKED, Checkpoint, StoredError

FORMAT = 1
"""Of ``packed.json``; a reader accepts its own only."""
DATA, SCALE, GRANULE = "#data", "#scale", "#granule"
"""Behind a scaled parameter's name."""
ALIGNMENT = 64
"""Bytes; the header is padded so that data starts at a multiple."""


@dataclass(frozen=True)
class Item:
    """A tensor to write: ``make`` is called when it is its turn."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def num_bytes(self) -> int:
        """Of the data."""
        return prod(self.shape) * self.dtype.itemsize


def write_items(file: Path, items: Sequence[Item]) -> None:
    """A safetensors file, one tensor in memory at a time.  Raises ValueError for one that is not what was said."""
    header, end = dict[str, Any](), 0
    names = {dtype: name for name, dtype in DTYPES.items()}
    for item in items:
        offsets = [end, end := end + item.num_bytes]
        header[item.name] = {"dtype": names[item.dtype], "shape": list(item.shape), "data_offsets": offsets}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for item in items:
            made = item.make()
            if (tuple(made.shape), made.dtype) != (item.shape, item.dtype):
                raise ValueError(f"{item.name} is {list(made.shape)} {made.dtype}, not {item.shape} {item.dtype}")
            if item.num_bytes:
                stream.write(made.contiguous().flatten().view(torch.uint8).numpy().data)


def packed_parameter(checkpoint: Checkpoint, name: str) -> Tensor | Scaled | None:
    """The packed value of a parameter that a recipe makes; None where the checkpoint is not packed.

    Raises StoredError for a packed checkpoint without it.
    """
    if not checkpoint.packed:
        return None
    if name in checkpoint.entries:
        return checkpoint.tensor(name)
    if name + DATA not in checkpoint.entries:
        raise StoredError(f"the packed parameters hold none named {name}", checkpoint.path, "pack again")
    granule = tuple(map(int, checkpoint.tensor(name + GRANULE).tolist()))
    return Scaled(checkpoint.tensor(name + DATA), checkpoint.tensor(name + SCALE), granule)


def check_digest(path: Path, digest: str) -> None:
    """Raise StoredError for parameters that were packed by other recipes; what is not packed is left alone."""
    if not (path / PACKED).is_file():
        return
    found = read_index(path)
    if found["format"] != FORMAT:
        raise StoredError(f"written in format {found['format']}; this program reads {FORMAT}", path / PACKED)
    if found["parameters"] != digest:
        what = "packed by other recipes than this program's"
        raise StoredError(what, path / PACKED, "pack again with `dsv3c pack`, from this artifact")


def read_index(path: Path) -> dict[str, Any]:
    """``packed.json``.  Raises StoredError where it is damaged."""
    try:
        found: dict[str, Any] = json.loads((path / PACKED).read_text("utf-8"))
        missing: Iterable[str] = {"format", "parameters", "ranks"} - found.keys()
    except (ValueError, AttributeError) as error:
        raise StoredError(f"damaged: {error!r}", path / PACKED) from error
    if missing:
        raise StoredError(f"damaged: it has no {min(missing)!r}", path / PACKED)
    return found
