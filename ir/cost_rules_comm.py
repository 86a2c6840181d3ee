"""Costs of the ``comm`` ops: what they read and write in memory, and what one rank sends over links.

Routing is taken as balanced: every expert, and every rank as the sender, is equally likely (``ir/links.py``).  Rows
received are those expected, not those there is room for.
"""

from dataclasses import replace

from dsv3c.ir.cost_model import COST, Cost, CostClass, Env, traffic
from dsv3c.ir.definitions import choices_of, definition
from dsv3c.ir.dialects import comm, moe
from dsv3c.ir.dialects.comm_types import PlacementAttr
from dsv3c.ir.expected_places import expected_places
from dsv3c.ir.expected_rows import ROUTING
from dsv3c.ir.expected_rows import Routing as ExpectedRows
from dsv3c.ir.functions import parent_module
from dsv3c.ir.links import DISPATCH_HEADER_BYTES, PAYLOADS, Copies, CopyKind, Mesh, Routing, copies_per_token, copies_to
from dsv3c.ir.types import shape

COUNT_BYTES = 4
"""Of a number of rows, as ranks tell each other before a counted dispatch."""
KINDS: dict[str, CopyKind] = {"expert": "expert", "rank": "rank", "node": "node"}
ORDER_KINDS: dict[str, CopyKind] = {"slot": "expert", "expert": "expert", "rank": "rank", "node_rank": "node"}
"""Order of a combine -> what it sends: a row per choice, a partial sum per rank, or one per node over the network."""


@COST.rule(comm.DispatchOp)
def dispatch(op: comm.DispatchOp, env: Env) -> Cost:
    """Reads every token once, writes the rows expected; ``T * copies * (bytes of a row + header)`` over links."""
    tokens, copies = env.number(shape(op.ids)[0]), copies_of(op, KINDS[op.copies.data])
    message = env.num_bytes(op.x) / max(1, tokens) + DISPATCH_HEADER_BYTES
    cost = traffic(op, env, CostClass.DISPATCH)
    results = (op.rows, op.row_weights, op.row_ids, op.sources)
    room, held = env.number(shape(op.rows)[0]), received_rows(op, env)
    written = sum(env.num_bytes(value) for value in results) / max(1, room) * held
    return on_links(replace(cost, activation_bytes_written=written), tokens, copies, message)


@COST.rule(comm.CombineOp)
def combine(op: comm.CombineOp, env: Env) -> Cost | None:
    """``2`` per element of a row received; ``T * copies * bytes of a row in the payload's format`` over links.

    None where the dispatch that it undoes is not found.
    """
    tokens, hidden = env.numbers(shape(op.out))
    made = definition(op.sources).owner
    kind = ORDER_KINDS[op.order.data]
    if not isinstance(made, comm.DispatchOp):
        return None
    copies = copies_of(made, kind)
    rows = tokens * (copies.local + copies.scale_up + copies.scale_out)
    cost = traffic(op, env, CostClass.COMBINE)
    room, held = env.number(shape(op.y)[0]), received_rows(made, env)
    unread = env.num_bytes(op.y) / max(1, room) * (room - held)
    cost = replace(cost, flops=2.0 * rows * hidden, activation_bytes_read=cost.activation_bytes_read - unread)
    return on_links(cost, tokens, copies, PAYLOADS[op.payload.data].copy_bytes(hidden))


@COST.rule(comm.SyncCountsOp)
def sync_counts(op: comm.SyncCountsOp, env: Env) -> Cost:
    """Reads the ids; sends every other rank one number."""
    mesh = mesh_of(op)
    cost = traffic(op, env, CostClass.DISPATCH)
    inside, outside = mesh.gpus - 1, mesh.ranks - mesh.gpus
    return on_links(cost, 1, Copies(local=1.0, scale_up=inside, scale_out=outside), COUNT_BYTES)


@COST.rule(comm.StartOp, comm.PlacementOp)
def declared(op: comm.StartOp | comm.PlacementOp, env: Env) -> Cost:
    """Nothing: a token has no bytes, and the ops that use a placement count reading it."""
    return Cost(kind=CostClass.MOVEMENT)


@ROUTING.rule(comm.DispatchOp)
def dispatched(op: comm.DispatchOp, experts: int, env: Env) -> ExpectedRows:
    """Every rank's tokens choose among all physical experts, those of this rank among them.

    Experts that every token takes share its choices among their replicas, which ranks hold equally many of on average.
    """
    tokens, top_k = env.numbers(shape(op.ids))
    physical, placement = env.number(shape(op.placement)[0]), placement_of(op)
    certain = choices_of(op.ids)[1] if placement is not None else 0
    if placement is None or not certain:
        return ExpectedRows(tokens * op.ranks, min(1.0, top_k / physical), experts)
    first = max(placement.logical) + 1 - certain
    replicas = sum(expert >= first for expert in placement.logical)
    chance = min(1.0, (top_k - certain) / (physical - replicas))
    return ExpectedRows(tokens * op.ranks, chance, experts, heavy=replicas / op.ranks, heavy_chance=certain / replicas)


def on_links(cost: Cost, tokens: int, copies: Copies, message: float) -> Cost:
    """The cost with messages of so many bytes sent; those of one op are in flight together."""
    return replace(
        cost,
        scale_up_bytes=tokens * copies.scale_up * message,
        scale_out_bytes=tokens * copies.scale_out * message,
        scale_up_messages=float(copies.scale_up > 0),
        scale_out_messages=float(copies.scale_out > 0),
    )


def received_rows(op: comm.DispatchOp, env: Env) -> float:
    """Rows expected to arrive at a rank, its own included: as many as one rank makes of its tokens."""
    kind: CopyKind = "expert" if op.copies.data == "expert" else "rank"
    copies = copies_of(op, kind)
    return env.number(shape(op.ids)[0]) * (copies.local + copies.scale_up + copies.scale_out)


def copies_of(op: comm.DispatchOp, kind: CopyKind) -> Copies:
    """Expected messages per token of a dispatch, or of the combine that undoes it.

    By the closed forms where every expert is on one rank and groups lie together, else counted over the placement.
    """
    mesh, top_k, gate, placement = mesh_of(op), shape(op.ids)[1], gate_of(op), placement_of(op)
    assert isinstance(top_k, int)
    groups, keep = gate if gate is not None else (1, 1)
    certain = choices_of(op.ids)[1]
    if kind == "expert" or placement is None:
        physical = shape(op.placement)[0]
        assert isinstance(physical, int)
        return copies_per_token(mesh, Routing(num_experts=physical, top_k=top_k), kind)
    logical = placement.logical
    if not certain and logical == tuple(range(len(logical))) and are_aligned(groups, mesh.nodes, mesh.ranks):
        routing = Routing(num_experts=len(logical), top_k=top_k, num_groups=groups, top_groups=keep)
        return copies_per_token(mesh, routing, kind)

    def reached(places: int) -> float:
        return expected_places(logical, places, top_k=top_k - certain, groups=groups, keep=keep, certain=certain)

    return copies_to(mesh, kind, reached(mesh.ranks), reached(mesh.nodes) if kind == "node" else 0.0)


def are_aligned(groups: int, *places: int) -> bool:
    """Whether every place holds whole groups, or a whole part of one."""
    return all(groups % number == 0 or number % groups == 0 for number in places)


def gate_of(op: comm.DispatchOp) -> tuple[int, int] | None:
    """Groups, and groups kept, of the gate behind a dispatch; None where there is none in sight."""
    made = choices_of(op.ids)[0].owner
    if not isinstance(made, moe.GateOp):
        return None
    return made.groups.value.data, made.keep.value.data


def placement_of(op: comm.DispatchOp) -> PlacementAttr | None:
    """Which expert lies where; None where it is handed in from outside."""
    placed = definition(op.placement).owner
    return placed.experts if isinstance(placed, comm.PlacementOp) else None


def mesh_of(op: comm.DispatchOp | comm.SyncCountsOp) -> Mesh:
    """The mesh of an op's group."""
    mesh = comm.meshes_of(parent_module(op))[comm.group_of(op.token)]
    return Mesh(nodes=mesh.nodes.value.data, gpus=mesh.gpus.value.data)
