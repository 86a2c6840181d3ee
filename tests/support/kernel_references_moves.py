"""What the launchers that move, add and rotate rows must compute."""

from collections.abc import Mapping

import torch
from kernel_references import Reference, Value
from torch import Tensor

from dsv3c.backends.reference.meanings import nn
from dsv3c.backends.triton.launchers.rows import TYPES


def add(x: Tensor, other: Tensor | None = None, *, configs: object) -> Mapping[str, Value]:
    """aten.add.Tensor."""
    return {"y": x + (x if other is None else other)}


def cat(
    x0: Tensor, x1: Tensor | None = None, x2: Tensor | None = None, x3: Tensor | None = None, *, configs: object,
    dim: int,
) -> Mapping[str, Value]:  # fmt: skip
    """aten.cat."""
    return {"y": torch.cat([part for part in (x0, x1, x2, x3) if part is not None], dim)}


def cast(x: Tensor, configs: object, dtype: str) -> Mapping[str, Value]:
    """aten._to_copy, aten.clone."""
    return {"y": x.to(TYPES.get(dtype, x.dtype), copy=True).contiguous()}


def embedding(ids: Tensor, table: Tensor, configs: object) -> Mapping[str, Value]:
    """nn.embedding."""
    return {"y": nn.embedding(ids, table)}


def last_tokens(h: Tensor, seq_offsets: Tensor, configs: object) -> Mapping[str, Value]:
    """nn.last_tokens."""
    return {"y": nn.last_tokens(h, seq_offsets)}


def rope(
    x: Tensor, cos: Tensor, sin: Tensor, *, configs: object, pairs: str, out: str, compute: str
) -> Mapping[str, Value]:
    """nn.rope."""
    return {"y": nn.rope(x, cos, sin, pairs=pairs, out=out, compute=compute)}


def rope_table(
    positions: Tensor, *, configs: object, inv_freq: tuple[float, ...], scaling: float, dtype: str
) -> Mapping[str, Value]:
    """nn.rope_table."""
    cos, sin = nn.rope_table(positions, inv_freq=inv_freq, scaling=scaling, dtype=TYPES[dtype])
    return {"cos": cos, "sin": sin}


def argmax(logits: Tensor, configs: object) -> Mapping[str, Value]:
    """Greedy sampling."""
    return {"ids": logits.argmax(-1)}


REFERENCES = {
    "elementwise.add": Reference(add, "bitwise"),
    "elementwise.cat": Reference(cat, "bitwise"),
    "elementwise.cast": Reference(cast, "bitwise"),
    "embedding.embedding": Reference(embedding, "bitwise"),
    "embedding.last_tokens": Reference(last_tokens, "bitwise"),
    "rope.rope": Reference(rope, "bitwise"),
    "rope_table.rope_table": Reference(rope_table, "bitwise"),
    "sampling.argmax": Reference(argmax, "bitwise"),
}
