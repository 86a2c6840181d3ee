"""Packing: the parameters of a program as it uses them, with their recipes run, one file per rank."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import Params, entries_of, header_of, load_param, param_ops
from dsv3c.backends.reference.runtime.packed import DATA, FORMAT, GRANULE, SCALE, Item, check_digest, write_items
from dsv3c.backends.reference.runtime.stored import PACKED, RANK_FILE, StoredError
from dsv3c.backends.reference.weights import Header, SafetensorsWeights, Weights, WeightsError
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import join_path
from dsv3c.ir.scaled_type import ScaledType


def all_parameters(module: ModuleOp, entry: str | None = None) -> dict[str, tuple[ParamOp, str]]:
    """Absolute name -> a parameter that an entry (default: any) uses, and its prefix.

    Raises ``IRError`` where two recipes make different parameters of one name.
    """
    found, texts = dict[str, tuple[ParamOp, str]](), dict[str, str]()
    for name in entries_of(module) if entry is None else [entry]:
        for op, prefix in param_ops(module, name):
            key, text = join_path(prefix, op.key.data), recipe_text(op)
            if texts.setdefault(key, text) != text:
                where = f"two recipes make {key}"
                raise IRError(f"{where}: they cannot be packed under one name", where=at(op))
            found.setdefault(key, (op, prefix))
    return found


def recipe_text(op: ParamOp) -> str:
    """What a parameter is made of and how, whatever its values are called."""
    numbers = dict[SSAValue, int]()
    lines = [str(op.value.type)]
    for inner in op.recipe.block.ops if op.recipe is not None else ():
        operands = [numbers[operand] for operand in inner.operands]
        numbers |= {result: len(numbers) for result in inner.results}
        lines.append(f"{inner.name} {operands} {stated(inner)} {[str(kind) for kind in inner.result_types]}")
    return "\n".join(lines)


def stated(op: Operation) -> list[str]:
    """Attributes and properties of an op, sorted."""
    return sorted(f"{name}={value}" for name, value in (op.attributes | op.properties).items())


def parameters_digest(module: ModuleOp) -> str:
    """The same for programs whose packed parameters are the same."""
    texts = sorted(f"{key}\n{recipe_text(op)}" for key, (op, _) in all_parameters(module).items())
    return hashlib.sha256("\n\n".join(texts).encode()).hexdigest()


def packed_headers(module: ModuleOp, entry: str | None = None) -> dict[str, Header]:
    """Tensors that packed parameters consist of."""
    found = dict[str, Header]()
    for key, (op, _) in all_parameters(module, entry).items():
        sizes, dtype = header_of(op.value)
        if isinstance(kind := op.value.type, ScaledType):
            grid = tuple(size for size in kind.grid() if isinstance(size, int))
            found[key + DATA] = sizes, dtype
            found[key + SCALE] = grid, dtype_of(kind.scale)
            found[key + GRANULE] = (len(sizes),), torch.int64
        else:
            found[key] = sizes, dtype
    return found


def items_of(module: ModuleOp, weights: Weights, rank: int) -> Iterator[Item]:
    """The tensors of one rank; a parameter is made once, when the first of its tensors is written."""
    headers = packed_headers(module)
    params = Params(weights, budget_bytes=0, rank=rank)
    for key, (op, prefix) in all_parameters(module).items():
        value = Made(op, params, prefix)
        for suffix in ("", DATA, SCALE, GRANULE):
            if key + suffix in headers:
                yield Item(key + suffix, *headers[key + suffix], lambda value=value, suffix=suffix: value.part(suffix))


class Made:
    """A parameter that is made when it is first asked for and dropped with its last part."""

    def __init__(self, op: ParamOp, params: Params, prefix: str) -> None:
        self.op, self.params, self.prefix = op, params, prefix
        self.value: Tensor | Scaled | None = None

    def part(self, suffix: str) -> Tensor:
        """One of its tensors."""
        value = self.value if self.value is not None else load_param(self.op, self.params, self.prefix)
        self.value = None if suffix in ("", GRANULE) else value
        if isinstance(value, Tensor):
            return value
        return {DATA: value.data, SCALE: value.scale, GRANULE: torch.tensor(value.granule)}[suffix]


def write_packed(module: ModuleOp, weights: Weights, folder: Path, ranks: Sequence[int]) -> Mapping[str, int]:
    """Write the files of ``ranks`` and the index into a folder; file name -> bytes."""
    written = dict[str, int]()
    for rank in ranks:
        file = folder / RANK_FILE.format(rank)
        write_items(file, list(items_of(module, weights, rank)))
        written[file.name] = file.stat().st_size
    index = {"format": FORMAT, "parameters": parameters_digest(module), "ranks": list(ranks), "files": written}
    (folder / PACKED).write_text(json.dumps(index, indent=2) + "\n", "utf-8")
    return written


def check_packed(module: ModuleOp, weights: SafetensorsWeights, entry: str | None = None) -> None:
    """Raise ``WeightsError`` unless packed parameters are those that a program uses."""
    try:
        check_digest(weights.path, parameters_digest(module))
    except StoredError as error:
        raise WeightsError(error.what, where=str(error.where), hint=error.hint) from error
    wrong = [name for name, header in packed_headers(module, entry).items() if weights.header(name) != header]
    if wrong:
        raise WeightsError(
            f"{len(wrong)} packed parameters are absent or of another shape or type, such as {wrong[0]}",
            hint="pack again with `dsv3c pack`, from this artifact",
        )
