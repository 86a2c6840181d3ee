"""Meanings of the ``comm`` dialect: one call computes an exchange of all ranks, from lists with one entry per rank.

Shape suffixes: T tokens of a rank, k choices per token, D hidden, P physical experts, R rows received.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings import logfmt
from dsv3c.backends.reference.meanings.arithmetic import QUANTIZATION, wide
from dsv3c.backends.reference.meanings.moe import combine as weighted_sum
from dsv3c.backends.reference.meanings.moe import put_back
from dsv3c.backends.reference.meanings.moe_rows import placed
from dsv3c.backends.reference.meanings.scaled import Scaled

REPLICA_STRIDE = 23333
"""Between the replicas that two ranks start with (deepseek-ai/TileKernels)."""

Rows = Tensor | Scaled
Received = tuple[Rows, Tensor, Tensor, Tensor]
"""rows [R, D], row weights [R, j], experts of this rank [R, j] or -1, sources [R, 2]."""
Wire = Callable[[Tensor], Tensor]
"""What arrives of rows that are sent."""
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32, "f64": torch.float64}


@dataclass(frozen=True)
class Route:
    """Where one rank's choices go: the rank [T, k] and the expert on it [T, k], -1 for no choice."""

    ranks: Tensor
    experts: Tensor


def start() -> int:
    """The token before any op of a group: a token counts the group's ops."""
    return 0


def placement(*, experts: tuple[int, ...]) -> Tensor:
    """The logical expert of every physical one: [P] i32."""
    return torch.tensor(experts, dtype=torch.int32)


def route(ids: Tensor, placement: Tensor, rank: int, experts_per_rank: int) -> Route:
    """``physical = places of ids[t, j] [(23333 * rank + t + j) mod their number]``: [T, k], [P] -> [T, k] twice.

    Raises ValueError for an expert without a place.
    """
    places = torch.argsort(placement, stable=True)
    logical = placement[places].to(torch.int64)
    first, last = (torch.searchsorted(logical, ids.contiguous(), right=right) for right in (False, True))
    replicas, chosen = last - first, ids >= 0
    if bool((chosen & (replicas == 0)).any()):
        raise ValueError(f"expert {int(ids[chosen & (replicas == 0)][0])} is placed on no rank")
    tokens, slots = (torch.arange(size) for size in ids.shape)
    turn = REPLICA_STRIDE * rank + tokens.unsqueeze(1) + slots
    physical = places[torch.where(chosen, first + turn % replicas.clamp(min=1), 0)]
    experts = torch.where(chosen, physical % experts_per_rank, -1)
    return Route(torch.where(chosen, physical.div(experts_per_rank, rounding_mode="floor"), -1), experts)


def routes_of(ids: Sequence[Tensor], placements: Sequence[Tensor], experts_per_rank: int) -> list[Route]:
    """``route`` of every rank's choices."""
    owned = zip(ids, placements, strict=True)
    return [route(own, place, source, experts_per_rank) for source, (own, place) in enumerate(owned)]


def messages(routed: Route, rank: int, copies: str) -> Tensor:
    """What a source sends to ``rank``, ascending: slots t*k + j of its choices, or tokens with some choice there."""
    here = routed.ranks == rank
    return (here.flatten() if copies == "expert" else here.any(dim=1)).nonzero().squeeze(-1)


def sync_counts(
    ids: Sequence[Tensor], placements: Sequence[Tensor], *, copies: str, experts_per_rank: int
) -> list[Tensor]:
    """``counts[s] = rows that rank s will send here``: one [ranks] i32 per rank."""
    routes = routes_of(ids, placements, experts_per_rank)
    return [
        torch.tensor([len(messages(routed, rank, copies)) for routed in routes], dtype=torch.int32)
        for rank in range(len(ids))
    ]


def dispatch(
    x: Sequence[Rows],
    weights: Sequence[Tensor],
    ids: Sequence[Tensor],
    placements: Sequence[Tensor],
    *,
    copies: str,
    experts_per_rank: int,
    bounded: bool,
) -> list[Received]:
    """Every rank's rows of every source, by (source rank, slot or token); see ``comm.dispatch``.

    Raises ValueError where ranks bring different numbers of tokens to a bounded receive, or one expert twice.
    """
    routes = routes_of(ids, placements, experts_per_rank)
    room = None
    if bounded:
        if len(tokens := {len(own) for own in ids}) > 1:
            raise ValueError(f"a bounded receive needs equally many tokens on all ranks, not {sorted(tokens)}")
        room = len(ids[0]) * (min(ids[0].shape[1], experts_per_rank) if copies == "expert" else 1)
    return [receive(x, weights, routes, rank, copies=copies, room=room) for rank in range(len(x))]


def receive(
    x: Sequence[Rows], weights: Sequence[Tensor], routes: Sequence[Route], rank: int, *, copies: str, room: int | None
) -> Received:
    """One rank's rows; ``room`` per source (None: as many as there are), padded behind what came."""
    parts = list[Received]()
    for source, routed in enumerate(routes):
        sent = messages(routed, rank, copies)
        if copies == "expert":
            tokens = sent.div(routed.ranks.shape[1], rounding_mode="floor")
            experts = routed.experts.flatten()[sent].unsqueeze(1)
            share = torch.ones_like(experts, dtype=weights[source].dtype)
        else:
            tokens, here = sent, routed.ranks[sent] == rank
            experts, share = torch.where(here, routed.experts[sent], -1), torch.where(here, weights[source][sent], 0)
        size = len(sent) if room is None else room
        if len(sent) > size:
            raise ValueError(
                f"{len(sent)} rows came from one rank, and there is room for {room}: a choice occurs twice"
            )
        sources = torch.stack([torch.full_like(sent, source), sent], dim=1).to(torch.int32)
        rows = placed(x[source], tokens, torch.arange(len(sent)), size)
        parts.append((rows, filled(share, size, 0), filled(experts, size, -1), filled(sources, size, -1)))
    rows, shares, experts, sources = zip(*parts, strict=True)
    return joined(rows), torch.cat(shares), torch.cat(experts), torch.cat(sources)


def filled(x: Tensor, size: int, fill: int) -> Tensor:
    """Rows of ``fill`` behind those of ``x``, up to ``size``."""
    return torch.cat([x, x.new_full((size - len(x), x.shape[1]), fill)])


def joined(parts: Sequence[Rows]) -> Rows:
    """Rows one after the other."""
    plain = [part for part in parts if isinstance(part, Tensor)]
    if plain:
        return torch.cat(plain)
    scaled = [part for part in parts if isinstance(part, Scaled)]
    first = scaled[0]
    data = torch.cat([bytewise(part.data) for part in scaled]).view(first.data.dtype)
    return Scaled(data, torch.cat([bytewise(part.scale) for part in scaled]).view(first.scale.dtype), first.granule)


def bytewise(x: Tensor) -> Tensor:
    """8-bit formats as bytes: PyTorch moves these everywhere."""
    return x.view(torch.uint8) if x.dtype.itemsize == 1 else x


def carried(y: Tensor, payload: str) -> Tensor:
    """What arrives of rows that are sent as ``payload``: rounded to it; LogFMT arrives as f32.

    The rows themselves where nothing is quantised (see ``QUANTIZATION``).
    """
    if not QUANTIZATION.get():
        return y
    return y.to(DTYPES[payload]) if payload in DTYPES else logfmt.received(y, int(payload.removeprefix("logfmt")))


def combine(
    y: Sequence[Tensor],
    sources: Sequence[Tensor],
    weights: Sequence[Tensor],
    ids: Sequence[Tensor],
    *,
    order: str,
    combine_in: torch.dtype,
    payload: str,
    gpus: int,
) -> list[Tensor]:
    """Every rank's sums over the rows that came from its tokens: [T, D] each; ``gpus``: ranks per node.

    See ``comm.combine`` for the orders and what is rounded where.
    """
    arrived = [carried(rows, payload) for rows in y]
    if order not in ("slot", "expert"):
        wire: Wire | None = (lambda total: carried(total.to(combine_in), payload)) if order == "node_rank" else None
        totals = [partial_sums(arrived, sources, s, len(own), gpus=gpus, wire=wire) for s, own in enumerate(ids)]
        return [total.to(combine_in).to(y[0].dtype) for total in totals]
    results = list[Tensor]()
    for source, (own_weights, own_ids) in enumerate(zip(weights, ids, strict=True)):
        came = [place[:, 0] == source for place in sources]
        rows = torch.cat([part[mask] for part, mask in zip(arrived, came, strict=True)])
        slots = torch.cat([place[mask, 1] for place, mask in zip(sources, came, strict=True)]).to(torch.int64)
        total = weighted_sum(put_back(rows, slots, own_ids), own_weights, own_ids, combine_in, order)
        results.append(total.to(y[0].dtype))
    return results


def partial_sums(
    arrived: Sequence[Tensor],
    sources: Sequence[Tensor],
    source: int,
    tokens: int,
    *,
    gpus: int,
    wire: Wire | None,
) -> Tensor:
    """Sums by ascending rank in f64: [T, D]; with ``wire``, of nodes first, each as it arrives."""
    shape = (tokens, arrived[0].shape[1])
    total, node = torch.zeros(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    for rank, (rows, places) in enumerate(zip(arrived, sources, strict=True)):
        mine = places[:, 0] == source
        node.index_add_(0, places[mine, 1].to(torch.int64), wide(rows[mine]))
        if wire is None or rank % gpus == gpus - 1:
            total, node = total + (node if wire is None else wide(wire(node))), torch.zeros_like(node)
    return total


def dispatch_alone(
    x: Rows, weights: Tensor, ids: Tensor, placement: Tensor, token: int, counts: Tensor | None = None, *,
    copies: str, experts_per_rank: int,
) -> tuple[Rows, Tensor, Tensor, Tensor, int]:  # fmt: skip
    """``dispatch`` of a group of one rank."""
    (received,) = dispatch(
        [x], [weights], [ids], [placement], copies=copies, experts_per_rank=experts_per_rank, bounded=counts is None
    )
    return *received, token + 1


def combine_alone(
    y: Tensor, sources: Tensor, weights: Tensor, ids: Tensor, token: int, *,
    order: str, combine_in: torch.dtype, payload: str,
) -> tuple[Tensor, int]:  # fmt: skip
    """``combine`` of a group of one rank."""
    (out,) = combine([y], [sources], [weights], [ids], order=order, combine_in=combine_in, payload=payload, gpus=1)
    return out, token + 1


def sync_counts_alone(
    ids: Tensor, placement: Tensor, token: int, *, copies: str, experts_per_rank: int
) -> tuple[Tensor, int]:
    """``sync_counts`` of a group of one rank."""
    (counts,) = sync_counts([ids], [placement], copies=copies, experts_per_rank=experts_per_rank)
    return counts, token + 1
