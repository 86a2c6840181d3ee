"""The link model: bytes of a message, messages of a token by class of link, and the time links take for them.

Scale-up links join the devices of one domain (NVLink), scale-out the domains (InfiniBand).  Bytes are those one rank
sends, in one direction: all ranks send equally much when routing is balanced, which every expectation here assumes.
Sources: deepseek-ai/DeepEP (docs/legacy.md, csrc/kernels, deep_ep/buffers/elastic.py); arXiv 2505.09343, 2.3.2 and 4.3.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import comb
from pathlib import Path
from typing import Literal, cast

from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import Target

GROUP = 128
"""Channels that share a scale (FP8) or a range (LogFMT)."""
DISPATCH_HEADER_BYTES = 16
"""Where a dispatched row comes from, in front of it (deepseek-ai/DeepEP csrc/kernels, low latency)."""

LinkClass = Literal["scale_up", "scale_out"]
LINK_CLASSES: tuple[LinkClass, ...] = ("scale_up", "scale_out")
CopyKind = Literal["expert", "rank", "node"]


@dataclass(frozen=True, kw_only=True)
class Payload:
    """How a row of channels is written into a message."""

    bits_per_element: int
    bytes_per_group: int = 0
    """Scales or ranges, per 128 channels."""

    def copy_bytes(self, hidden: int, *, header: int = 0) -> int:
        """Bytes of one message: ``ceil(hidden * bits / 8) + ceil(hidden / 128) * per group + header``."""
        return -(-hidden * self.bits_per_element // 8) + -(-hidden // GROUP) * self.bytes_per_group + header


PAYLOADS: Mapping[str, Payload] = {
    "bf16": Payload(bits_per_element=16),
    "f16": Payload(bits_per_element=16),
    "f32": Payload(bits_per_element=32),
    "f64": Payload(bits_per_element=64),
    "f8E4M3FN": Payload(bits_per_element=8, bytes_per_group=4),
    "logfmt8": Payload(bits_per_element=8, bytes_per_group=4),
    "logfmt10": Payload(bits_per_element=10, bytes_per_group=4),
}
"""FP8: one f32 scale per 128 channels; LogFMT: minimum and maximum as a bf16 pair (internode_ll.cu of DeepEP)."""


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Ranks of a group: ``nodes`` scale-up domains of ``gpus`` devices each."""

    nodes: int
    gpus: int

    @property
    def ranks(self) -> int:
        """Devices of all nodes."""
        return self.nodes * self.gpus


@dataclass(frozen=True, kw_only=True)
class Routing:
    """What a gate chooses: ``top_k`` of ``num_experts``, all equally likely, spread evenly over ranks in order."""

    num_experts: int
    """Physical experts: every replica counts."""
    top_k: int
    num_groups: int = 1
    """Groups of experts, in order; with as many nodes, a group is what lies on one node."""
    top_groups: int = 1
    """Groups that one token's experts come from."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Expected messages per token of one exchange."""

    local: float
    """To the token's own rank: no link carries them."""
    scale_up: float
    scale_out: float

    def of(self, link: LinkClass) -> float:
        """Those that a class of link carries."""
        return self.scale_up if link == "scale_up" else self.scale_out


def missed(experts: int, inside: int, chosen: int) -> float:
    """Probability that k distinct experts of E are none of n: ``C(E - n, k) / C(E, k)``."""
    if chosen > experts:
        raise UsageError(f"a token cannot choose {chosen} of {experts} experts")
    return comb(experts - inside, chosen) / comb(experts, chosen)


def distinct_places(routing: Routing, places: int) -> float:
    """Expected distinct nodes, or ranks, of one token's experts: ``G * (1 - C(E - E/G, k) / C(E, k))``.

    Where the gate limits a token to M groups, E is the experts of these, and a place is missed besides when its group
    is not chosen.  Groups that straddle places limit nothing here: the number is then an upper bound.  Raises
    UsageError unless every place holds equally many experts.
    """
    experts, groups, top_groups = routing.num_experts, routing.num_groups, routing.top_groups
    if experts % places:
        raise UsageError(f"{experts} experts cannot be spread evenly over {places} places")
    if experts % groups or (groups % places and places % groups):
        groups = top_groups = 1
    allowed = experts // groups * top_groups
    if places >= groups:
        kept = top_groups / groups
        return places * kept * (1.0 - missed(allowed, experts // places, routing.top_k))
    of_place = groups // places
    miss = sum(
        comb(of_place, hit) * comb(groups - of_place, top_groups - hit) / comb(groups, top_groups)
        * missed(allowed, hit * (experts // groups), routing.top_k)
        for hit in range(min(of_place, top_groups) + 1)
    )  # fmt: skip
    return places * (1.0 - miss)


def copies_per_token(mesh: Mesh, routing: Routing, kind: CopyKind) -> Copies:
    """Expected messages per token.  With P ranks of G per node, all equally likely to be the token's own:

    ``expert``: one per choice, of which (G - 1)/P go over scale-up links and (P - G)/P over the network.
    ``rank``: one per distinct rank, split the same way.
    ``node``: one over the network per distinct other node; from where it arrives, and at home, one over scale-up
    links per distinct rank but the one it is on, which is (G - 1)/G of them.
    """
    if kind == "expert":
        return copies_to(mesh, kind, routing.top_k, 0.0)
    on_nodes = distinct_places(routing, mesh.nodes) if kind == "node" else 0.0
    return copies_to(mesh, kind, distinct_places(routing, mesh.ranks), on_nodes)


def copies_to(mesh: Mesh, kind: CopyKind, messages: float, on_nodes: float) -> Copies:
    """``copies_per_token`` of so many choices (``expert``) or distinct ranks, on so many distinct nodes (``node``)."""
    ranks, inside, outside = mesh.ranks, (mesh.gpus - 1) / mesh.ranks, (mesh.ranks - mesh.gpus) / mesh.ranks
    if kind != "node":
        return Copies(local=messages / ranks, scale_up=messages * inside, scale_out=messages * outside)
    return Copies(
        local=messages / ranks,
        scale_up=messages * (mesh.gpus - 1) / mesh.gpus,
        scale_out=on_nodes * (mesh.nodes - 1) / mesh.nodes,
    )


@dataclass(frozen=True, kw_only=True)
class Link:
    """One class of link of a target."""

    name: LinkClass
    bytes_per_s: float
    latency_s: float | None
    """Of one small message; None where the target does not state it: it then adds nothing."""
    fact: str
    """The target's fact that the rate is."""
    source: str

    def seconds(self, num_bytes: float, messages: float = 0.0) -> float:
        """``bytes / rate + messages * latency``, for messages that wait for one another."""
        return num_bytes / self.bytes_per_s + messages * (self.latency_s or 0.0)


def link_of(target: Target, name: LinkClass, *, achieved: bool = False) -> Link:
    """A link at its peak rate, or at the rate that is achieved.  Raises UsageError where the target states none."""
    fact = f"{name}_achieved_bytes_per_s" if achieved else f"{name}_bytes_per_s"
    latency = target.scale_up_latency_s if name == "scale_up" else target.scale_out_latency_s
    return Link(
        name=name, bytes_per_s=target.fact(fact), latency_s=latency, fact=fact, source=target.sources.get(fact, "")
    )


@dataclass(frozen=True, kw_only=True)
class ExchangePoint:
    """What a bound by communication alone is taken at: all of a step's dispatches and combines, nothing else."""

    layers: int
    micro_batches: int
    tokens: int
    """Per device and micro-batch."""
    hidden: int
    copies: float
    """Messages per token that a link carries."""
    dispatch_bits: int
    """Per channel."""
    combine_bits: int
    scale_bytes: int
    """Per 128 channels of a dispatched row."""
    header_bytes: int
    """Of a dispatched row."""
    messages: int
    """That wait for one another, per dispatch or combine: each adds the link's latency."""

    def message_bytes(self) -> tuple[int, int]:
        """Bytes of one dispatched and of one combined row."""
        dispatch = Payload(bits_per_element=self.dispatch_bits, bytes_per_group=self.scale_bytes)
        combine = Payload(bits_per_element=self.combine_bits)
        return dispatch.copy_bytes(self.hidden, header=self.header_bytes), combine.copy_bytes(self.hidden)


@dataclass(frozen=True, kw_only=True)
class ExchangeBound:
    """Times below which communication alone keeps a step (seconds), when everything else hides behind it."""

    exchange_s: float
    """One dispatch and its combine, of one micro-batch in one layer."""
    layer_s: float
    step_s: float

    @property
    def tokens_per_s(self) -> float:
        """Of one sequence, that gets one token per step."""
        return 1.0 / self.step_s


def exchange_bound(point: ExchangePoint, link: Link) -> ExchangeBound:
    """The bound of arXiv 2505.09343, section 2.3.2: ``tokens * copies * (dispatch + combine bytes) / rate``, ..."""
    exchange = sum(link.seconds(point.tokens * point.copies * size, point.messages) for size in point.message_bytes())
    layer = point.micro_batches * exchange
    return ExchangeBound(exchange_s=exchange, layer_s=layer, step_s=point.layers * layer)


def read_exchange_point(file: Path) -> ExchangePoint:
    """Read a point from a TOML file; every field is stated.  Raises UsageError naming the file and the key."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read as TOML: {error}", where=str(file)) from error
    known = [field.name for field in fields(ExchangePoint)]
    if wrong := sorted(data.keys() ^ set(known)):
        problem = "unknown" if wrong[0] in data else "missing"
        raise UsageError(f"key {wrong[0]!r} is {problem}", where=str(file), hint=f"keys: {', '.join(known)}")
    for name, value in data.items():
        numeric = isinstance(value, int | float if name == "copies" else int) and not isinstance(value, bool)
        if not numeric or value < 0:
            raise UsageError(f"{name} = {value!r} is not a number of at least 0", where=str(file))
    return ExchangePoint(**cast(dict[str, int], data))


def as_table(point: ExchangePoint) -> list[tuple[str, str]]:
    """(name, value) of every assumption, for a person."""
    return [(name, str(value)) for name, value in asdict(point).items()]
