"""``comm`` ops as calls, for a group of one rank; more ranks run in ``backends/reference/lockstep.py``."""

from dsv3c.backends.reference.call import REFERENCE, Argument, Call
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings import comm as meaning
from dsv3c.ir.dialects import comm
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import parent_module

CommOp = comm.SyncCountsOp | comm.DispatchOp | comm.CombineOp


@REFERENCE.rule(comm.StartOp)
def start(op: comm.StartOp) -> Call:
    """A token is the number of ops before it."""
    return Call(meaning.start, [])


@REFERENCE.rule(comm.PlacementOp)
def placement(op: comm.PlacementOp) -> Call:
    """The experts as numbers."""
    return Call(meaning.placement, [], {"experts": op.experts.logical})


@REFERENCE.rule(comm.SyncCountsOp)
def sync_counts(op: comm.SyncCountsOp) -> Call:
    """Of this rank alone."""
    require_one_rank(op)
    return Call(meaning.sync_counts_alone, list(op.operands), sending(op))


@REFERENCE.rule(comm.DispatchOp)
def dispatch(op: comm.DispatchOp) -> Call:
    """To this rank alone."""
    require_one_rank(op)
    return Call(meaning.dispatch_alone, list(op.operands), sending(op))


@REFERENCE.rule(comm.CombineOp)
def combine(op: comm.CombineOp) -> Call:
    """From this rank alone."""
    require_one_rank(op)
    return Call(meaning.combine_alone, list(op.operands), adding(op))


def sending(op: comm.SyncCountsOp | comm.DispatchOp) -> dict[str, Argument]:
    """What ranks agree on about the way out."""
    return {"copies": op.copies.data, "experts_per_rank": op.experts_per_rank.value.data}


def adding(op: comm.CombineOp) -> dict[str, Argument]:
    """What ranks agree on about the way back."""
    return {"order": op.order.data, "combine_in": dtype_of(op.combine_in), "payload": op.payload.data}


def mesh_of(op: CommOp) -> comm.MeshOp:
    """The mesh an op's ranks form."""
    return comm.meshes_of(parent_module(op))[comm.group_of(op.token)]


def require_one_rank(op: CommOp | comm.MeshOp) -> None:
    """Raise ``IRError`` for an op among several ranks, or a mesh of several: one program runs one of them."""
    mesh = op if isinstance(op, comm.MeshOp) else mesh_of(op)
    if mesh.ranks > 1:
        raise IRError(
            f"{op.name} is among the {mesh.ranks} ranks of @{mesh.sym_name.data}, and one program runs one rank",
            where=at(op),
            hint="run all ranks with LockstepExecutor (dsv3c.backends.reference.lockstep), or shard with ep=1",
        )
