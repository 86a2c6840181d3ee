"""Where stored tensors come from: random by name, a state dict, or a safetensors checkpoint."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from dsv3c.ir.errors import Dsv3cError

Header = tuple[tuple[int, ...], torch.dtype]
"""Shape and dtype of a stored tensor."""


class WeightsError(Dsv3cError):
    """Stored tensors that are absent, unreadable or not what the module needs."""


class Weights(Protocol):
    """Stored tensors by absolute name (``model.layers.3.mlp.gate.weight``)."""

    def names(self) -> Iterable[str]:
        """The names of all tensors, whether needed or not."""
        ...

    def header(self, name: str) -> Header | None:
        """Shape and dtype without reading the tensor; None when there is no such tensor."""
        ...

    def tensor(self, name: str) -> Tensor:
        """The tensor, on the CPU.  Raises ``WeightsError`` when there is none of that name."""
        ...


def missing(name: str, source: str) -> WeightsError:
    """The error of asking for a tensor that is not there."""
    return WeightsError(f"{source} holds no tensor named {name}")


@dataclass
class StateDictWeights:
    """Tensors in memory, such as ``model.state_dict()``."""

    tensors: Mapping[str, Tensor]

    def names(self) -> Iterable[str]:
        """The dict's keys."""
        return self.tensors.keys()

    def header(self, name: str) -> Header | None:
        """Shape and dtype of an entry."""
        tensor = self.tensors.get(name)
        return None if tensor is None else (tuple(tensor.shape), tensor.dtype)

    def tensor(self, name: str) -> Tensor:
        """The entry itself, not a copy."""
        if name not in self.tensors:
            raise missing(name, "the state dict")
        return self.tensors[name]


@dataclass
class RandomWeights:
    """Random tensors for the names a module needs: each from the seed and its own name, whatever the order of reading.

    Matrices N(0, 1/fan_in), the embedding N(0, 1), other vectors U(0.5, 1.5), router biases N(0, 0.3) (some negative),
    scales of FP8 blocks U(0.5, 1.5) / 448 * fan_in^-0.5, biases N(0, 0.1).
    """

    seed: int
    headers: Mapping[str, Header]
    """As ``required_headers`` gives them."""
    alive: WeakValueDictionary[str, Tensor] = field(default_factory=WeakValueDictionary[str, Tensor], repr=False)

    def names(self) -> Iterable[str]:
        """Exactly the names that are needed."""
        return self.headers.keys()

    def header(self, name: str) -> Header | None:
        """What was asked for."""
        return self.headers.get(name)

    def tensor(self, name: str) -> Tensor:
        """The values of a name; one tensor object while somebody holds it."""
        if name not in self.headers:
            raise missing(name, "the list of random weights")
        tensor = self.alive.get(name)
        if tensor is None:
            tensor = self.alive[name] = random_tensor(self.seed, name, *self.headers[name])
        return tensor


def random_tensor(seed: int, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """The random values of one name: see ``RandomWeights``."""
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


STORED_DTYPES: dict[str, torch.dtype] = {
    # names in a safetensors header
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
INDEX = "model.safetensors.index.json"


class SafetensorsWeights:
    """A checkpoint: one safetensors file, or a folder with one or more of them; tensors are read when asked for.

    Raises ``WeightsError`` for a path without a checkpoint, an unreadable file, or an index that names absent files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, Path] = {}
        """Tensor name -> file."""
        self.entries: dict[str, Header] = {}
        self.open_files: dict[Path, Any] = {}
        self.alive: WeakValueDictionary[str, Tensor] = WeakValueDictionary()
        for file in checkpoint_files(path):
            for name, header in read_headers(file).items():
                if name in self.files:
                    raise WeightsError(
                        f"tensor {name} is in {self.files[name].name} and in {file.name}", where=str(path)
                    )
                self.files[name], self.entries[name] = file, header

    def names(self) -> Iterable[str]:
        """The names in the headers of all files."""
        return self.entries.keys()

    def header(self, name: str) -> Header | None:
        """Shape and dtype from the file's header."""
        return self.entries.get(name)

    def tensor(self, name: str) -> Tensor:
        """Read one tensor; one tensor object while somebody holds it."""
        from safetensors import SafetensorError, safe_open

        tensor = self.alive.get(name)
        if tensor is None:
            if name not in self.files:
                raise missing(name, str(self.path))
            file = self.files[name]
            try:
                if file not in self.open_files:
                    self.open_files[file] = safe_open(str(file), framework="pt")
                tensor = self.alive[name] = self.open_files[file].get_tensor(name)
            except (OSError, SafetensorError) as error:
                raise WeightsError(f"tensor {name} cannot be read: {error}", where=str(file)) from error
        return tensor


def checkpoint_files(path: Path) -> list[Path]:
    """The safetensors files of a checkpoint: those of its index, or all in the folder."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise WeightsError("there is no such checkpoint", where=str(path))
    index = path / INDEX
    if not index.is_file():
        files = sorted(path.glob("*.safetensors"))
        if not files:
            raise WeightsError(
                "no .safetensors file in this folder",
                where=str(path),
                hint="give a folder of a Hugging Face checkpoint",
            )
        return files
    try:
        names = json.loads(index.read_text())["weight_map"].values()
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"the index is malformed: {error!r}", where=str(index)) from error
    files = [path / name for name in sorted(set(names))]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        raise WeightsError(
            f"{len(absent)} of {len(files)} files of the index are absent: {', '.join(absent[:5])}",
            where=str(index),
            hint="download them, or choose fewer layers with --layers A:B and a folder without an index",
        )
    return files


def read_headers(file: Path) -> dict[str, Header]:
    """The header of one safetensors file: 8 bytes of length, then JSON.  Raises ``WeightsError`` when it is cut."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > size - 8:
            raise WeightsError(f"the file is cut: {size} bytes, its header has {length}", where=str(file))
        text = stream.read(length)
    try:
        entries: dict[str, Any] = json.loads(text)
        entries.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        headers = {name: (tuple(entry["shape"]), STORED_DTYPES[entry["dtype"]]) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"the header is malformed: {error!r}", where=str(file)) from error
    if 8 + length + end > size:
        raise WeightsError(f"the file is cut: {size} bytes of {8 + length + end}", where=str(file))
    return headers
