"""Tensors by name with torch alone: read from safetensors files, or random.

The format (github.com/huggingface/safetensors): 8 bytes of little-endian header length, a JSON header with dtype, shape
and byte offsets of every tensor, then the data.
"""

import hashlib
import json
import mmap
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

INDEX = "model.safetensors.index.json"
PACKED, RANK_FILE = "packed.json", "rank-{:05}.safetensors"
"""Of a folder with packed parameters: what they are, and the file of each rank."""
DTYPES: dict[str, torch.dtype] = {
    # names in a header
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


class StoredError(Exception):
    """A checkpoint that is absent, cut or malformed: ``where`` is the file, ``what`` the problem."""

    def __init__(self, what: str, where: Path, hint: str = "") -> None:
        super().__init__(f"{where}: {what}")
        self.what, self.where, self.hint = what, where, hint


@dataclass(frozen=True)
class Entry:
    """One stored tensor."""

    file: Path
    shape: tuple[int, ...]
    dtype: torch.dtype
    start: int
    """First byte in the file."""


class Checkpoint:
    """The tensors of one safetensors file or of a folder of them, mapped into memory and read when touched.

    Of a folder with packed parameters, those of ``rank``.  Raises ``StoredError`` for a path without a checkpoint, a
    cut or malformed file, and an index of absent files.
    """

    def __init__(self, path: Path, rank: int = 0) -> None:
        self.path, self.packed = path, (path / PACKED).is_file()
        self.entries: dict[str, Entry] = {}
        self.maps: dict[Path, mmap.mmap] = {}
        for file in [rank_file(path, rank)] if self.packed else checkpoint_files(path):
            for name, entry in read_header(file).items():
                if name in self.entries:
                    raise StoredError(f"tensor {name} is in {self.entries[name].file.name} and in {file.name}", path)
                self.entries[name] = entry

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name.  Raises KeyError when there is none; writing to it leaves the file as it is."""
        entry = self.entries[name]
        num_bytes = prod(entry.shape) * entry.dtype.itemsize
        if num_bytes == 0:
            return torch.empty(entry.shape, dtype=entry.dtype)
        if entry.file not in self.maps:
            with entry.file.open("rb") as stream:
                self.maps[entry.file] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        data = torch.frombuffer(self.maps[entry.file], dtype=torch.uint8, count=num_bytes, offset=entry.start)
        if data.data_ptr() % entry.dtype.itemsize:
            data = data.clone()
        return data.view(entry.dtype).view(entry.shape)


def rank_file(path: Path, rank: int) -> Path:
    """The packed parameters of a rank.  Raises ``StoredError`` where they are absent."""
    file = path / RANK_FILE.format(rank)
    if not file.is_file():
        raise StoredError(f"the parameters of rank {rank} are not packed here", path, "pack them: --ranks")
    return file


def checkpoint_files(path: Path) -> list[Path]:
    """The safetensors files of a checkpoint: those of its index, or all in the folder."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise StoredError("there is no such checkpoint", path)
    index = path / INDEX
    if not index.is_file():
        files = sorted(path.glob("*.safetensors"))
        if not files:
            raise StoredError("no .safetensors file in this folder", path, "give the folder of a checkpoint")
        return files
    try:
        names: list[str] = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        files = [path / name for name in names]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise StoredError(f"the index is malformed: {error!r}", index) from error
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        what = f"{len(absent)} of {len(files)} files of the index are absent: {', '.join(absent[:5])}"
        raise StoredError(what, index, "download them")
    return files


def read_header(file: Path) -> dict[str, Entry]:
    """The tensors of one file.  Raises ``StoredError`` when it is cut or malformed."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise StoredError(f"the file is cut or no safetensors file: {size} bytes, its header has {length}", file)
        text = stream.read(length)
    found = dict[str, Entry]()
    try:
        header: dict[str, Any] = json.loads(text)
        header.pop("__metadata__", None)
        for name, fields in header.items():
            start, end = fields["data_offsets"]
            entry = Entry(file, tuple(fields["shape"]), DTYPES[fields["dtype"]], 8 + length + start)
            if end - start != prod(entry.shape) * entry.dtype.itemsize:
                raise StoredError(f"tensor {name} has {end - start} bytes, not those of its shape and dtype", file)
            if 8 + length + end > size:
                raise StoredError(f"the file is cut: tensor {name} ends at byte {8 + length + end} of {size}", file)
            found[name] = entry
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoredError(f"the header is malformed: {error!r}", file) from error
    return found


def random_tensor(seed: int, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Random values that depend on the seed and the name alone, whatever the order in which tensors are made.

    Matrices N(0, 1/fan_in), embeddings N(0, 1), vectors U(0.5, 1.5), router biases N(0, 0.3), other biases N(0, 0.1);
    FP8 matrices N(0, 448^2/fan_in) with block scales U(0.5, 1.5)/448.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    if not dtype.is_floating_point:
        return torch.randint(0, 2, shape, generator=generator).to(dtype)
    if name.endswith("_scale_inv"):
        values = (0.5 + torch.rand(shape, generator=generator)) / 448
    elif dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
        values = (torch.randn(shape, generator=generator) * 448 * shape[-1] ** -0.5).clamp(-448, 448)
    elif name.endswith("e_score_correction_bias"):
        values = 0.3 * torch.randn(shape, generator=generator)
    elif name.endswith("bias"):
        values = 0.1 * torch.randn(shape, generator=generator)
    elif len(shape) < 2:
        values = 0.5 + torch.rand(shape, generator=generator)
    else:
        fan_in = 1 if name.endswith("embed_tokens.weight") else shape[-1]
        values = torch.randn(shape, generator=generator) * fan_in**-0.5
    return values.to(dtype)
