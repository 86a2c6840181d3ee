"""Counting what ranks send: messages and bytes by op and class of link.

``local``: to the rank itself, over no link; ``scale_up``: to another device of its node; ``scale_out``: to another
node.  Sizes of messages are those of ``dsv3c.ir.links``; LogFMT's are taken from the values (a chunk that does not fit
its range travels as bf16).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from xdsl.dialects.builtin import TensorType
from xdsl.ir import Attribute

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import logfmt
from dsv3c.backends.reference.meanings.comm import DTYPES, carried, partial_sums
from dsv3c.ir.cost_model import element_bytes
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp, SyncCountsOp
from dsv3c.ir.links import DISPATCH_HEADER_BYTES
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.types import sizes_of

LINKS = ("local", "scale_up", "scale_out")
COUNT_BYTES = 4
"""What ``comm.sync_counts`` sends to every rank."""


@dataclass
class LinkBytes:
    """Messages and bytes of all ranks together, by (op name, class of link)."""

    gpus: int
    """Ranks per node."""
    messages: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    bytes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def clear(self) -> None:
        """Start again from zero."""
        self.messages.clear()
        self.bytes.clear()

    def of(self, link: str) -> int:
        """Bytes of all ops over one class of link."""
        return sum(count for (_, kind), count in self.bytes.items() if kind == link)

    def lines(self) -> Iterator[str]:
        """What was sent, one line per op and class of link."""
        for (name, link), count in self.messages.items():
            yield f"{name} {link}: {count} messages, {self.bytes[name, link]} bytes"

    def link(self, source: int, target: int) -> str:
        """The class of link between two ranks."""
        if source == target:
            return "local"
        return "scale_up" if source // self.gpus == target // self.gpus else "scale_out"

    def add(self, op: str, source: int, target: int, count: int, num_bytes: int) -> None:
        """Count messages of one rank to another, ``num_bytes`` in all."""
        key = (op, self.link(source, target))
        self.messages[key] += count
        self.bytes[key] += num_bytes

    def sync(self, op: SyncCountsOp, ranks: int) -> None:
        """Every rank tells every rank one number."""
        for source in range(ranks):
            for target in range(ranks):
                self.add(op.name, source, target, 1, COUNT_BYTES)

    def gateway(self, source: int, node: int) -> int:
        """The device of ``node`` that a rank talks to: the one with its own number; at home the rank itself."""
        return node * self.gpus + source % self.gpus

    def dispatch(self, op: DispatchOp, sources: Sequence[Tensor]) -> None:
        """Messages that brought the rows with these sources to each rank."""
        size = row_bytes(op.x.type) + DISPATCH_HEADER_BYTES
        if op.copies.data != "node":
            for rank, places in enumerate(sources):
                for source, rows in by_source(places):
                    self.add(op.name, source, rank, len(rows), len(rows) * size)
            return
        for source, node, tokens, rank in self.hops(sources):
            if rank is None:
                self.add(op.name, source, self.gateway(source, node), len(tokens), len(tokens) * size)
            else:
                self.add(op.name, self.gateway(source, node), rank, len(tokens), len(tokens) * size)

    def hops(self, sources: Sequence[Tensor]) -> Iterator[tuple[int, int, Tensor, int | None]]:
        """(source, node, distinct tokens, None) between nodes, and (source, node, tokens, rank) inside the node.

        Inside a node that is not the source's, what is for the gateway itself needs no second hop.
        """
        ranks = range(len(sources))
        for source in ranks:
            for node in range(len(sources) // self.gpus):
                at_home = node == source // self.gpus
                here = [(rank, tokens_of(sources[rank], source)) for rank in ranks if rank // self.gpus == node]
                if not at_home:
                    yield source, node, torch.unique(torch.cat([tokens for _, tokens in here])), None
                for rank, tokens in here:
                    if at_home or rank != self.gateway(source, node):
                        yield source, node, tokens, rank

    def combine(self, op: CombineOp, y: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
        """Messages that carry the rows of every rank back to their sources."""
        payload = op.payload.data
        if op.order.data != "node_rank":
            for rank, (rows, places) in enumerate(zip(y, sources, strict=True)):
                for source, _ in by_source(places):
                    sent = rows[places[:, 0] == source]
                    self.add(op.name, rank, source, len(sent), payload_bytes(sent, payload))
            return
        arrived = [carried(rows, payload) for rows in y]
        for source, node, tokens, rank in self.hops(sources):
            if rank is None:
                members = slice(node * self.gpus, (node + 1) * self.gpus)
                size = int(tokens.max()) + 1 if len(tokens) else 0
                total = partial_sums(arrived[members], sources[members], source, size, gpus=self.gpus, wire=None)
                sent = total.to(dtype_of(op.combine_in))[tokens]
                self.add(op.name, self.gateway(source, node), source, len(sent), payload_bytes(sent, payload))
            else:
                sent = y[rank][sources[rank][:, 0] == source]
                self.add(op.name, rank, self.gateway(source, node), len(sent), payload_bytes(sent, payload))


def tokens_of(places: Tensor, source: int) -> Tensor:
    """Second numbers of the rows from one rank."""
    return places[places[:, 0] == source, 1].to(torch.int64)


def by_source(places: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Every rank that sent rows, with them."""
    for source in torch.unique(places[:, 0]).tolist():
        if source >= 0:
            yield source, tokens_of(places, source)


def row_bytes(kind: Attribute) -> int:
    """Data and scales of one row [D]."""
    if isinstance(kind, ScaledType):
        return row_bytes(kind.tensor()) + row_bytes(kind.scale_tensor())
    assert isinstance(kind, TensorType)
    sizes = sizes_of(kind)[1:]
    total = element_bytes(kind.element_type)
    for size in sizes:
        assert isinstance(size, int)
        total *= size
    return total


def payload_bytes(rows: Tensor, payload: str) -> int:
    """Bytes of rows [R, D] on the way back."""
    if payload in DTYPES:
        return rows.numel() * DTYPES[payload].itemsize
    return int(logfmt.message_bytes(rows, int(payload.removeprefix("logfmt"))).sum())
