"""Run one program on all ranks of its mesh, in one process: what a cluster computes, and what crosses its links.

Every rank has its own arguments, caches, sizes and experts.  Ranks run one after the other up to the next op of the
``comm`` dialect; there all wait, the exchange is computed from everybody's operands, and each goes on with its part.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.reference.adapters.comm import CommOp
from dsv3c.backends.reference.bindings import BindingError, Sizes
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import CallFunction, Compiler, ExecutionError, Executor, Observer, Replay, Value
from dsv3c.backends.reference.instructions import Frame, Instruction, store
from dsv3c.backends.reference.link_bytes import LinkBytes
from dsv3c.backends.reference.meanings import comm as meaning
from dsv3c.backends.reference.meanings.arithmetic import Fidelity, fidelity, quantization
from dsv3c.backends.reference.weights import Weights
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp, MeshOp, SyncCountsOp, meshes_of
from dsv3c.ir.errors import UsageError, at
from dsv3c.ir.functions import join_path

FAILURES = (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError)
"""What a meaning raises for values it cannot compute with."""


@dataclass(slots=True, kw_only=True)
class Exchange(Instruction):
    """An op that all ranks compute together."""

    op: Operation
    args: tuple[int, ...]

    def execute(self, frame: Frame) -> None:
        """Ranks are driven through ``RankExecutor.steps``, which waits here."""
        raise AssertionError(f"{self.op.name} is executed by one rank alone")


@dataclass(frozen=True)
class Waiting:
    """A rank at an exchange, with its operands."""

    op: Operation
    operands: list[Any]


Steps = Generator[Waiting, Sequence[Any], list[Value]]
"""Yields at every exchange, is sent this rank's results of it, and returns the function's results."""


class RankCompiler(Compiler):
    """Makes exchanges of ``comm`` ops."""

    def instruction(self, op: Operation, outs: tuple[int, ...]) -> Instruction:
        """As for one rank, but for ops of a group."""
        if isinstance(op, SyncCountsOp | DispatchOp | CombineOp):
            return Exchange(op=op, outs=outs, args=tuple(self.slots[operand] for operand in op.operands))
        return super().instruction(op, outs)


class RankExecutor(Executor):
    """One rank, which stops where others are needed."""

    def compiler(self, function: func.FuncOp) -> Compiler:
        """What compiles a function."""
        return RankCompiler(self, function)

    def start(self, function_name: str, args: Sequence[Value]) -> Steps:
        """Begin a run.  Raises as ``run`` does."""
        sizes = self.bind_arguments(self.function_named(function_name), args)
        return self.steps(function_name, list(args), sizes, "")

    def steps(self, function_name: str, args: list[Value], sizes: Sizes, prefix: str) -> Steps:
        """``call``, waiting at every exchange."""
        body = self.body(function_name)
        slots = body.template.copy()
        slots[: len(args)] = args
        frame = Frame(slots, sizes, prefix)
        for instruction in body.instructions:
            if isinstance(instruction, CallFunction):
                values = [slots[index] for index in instruction.args]
                path = join_path(prefix, instruction.prefix)
                store(slots, instruction.outs, (yield from self.steps(instruction.callee, values, Sizes(sizes), path)))
            elif isinstance(instruction, Exchange):
                operands = [slots[index] for index in instruction.args]
                store(slots, instruction.outs, (yield Waiting(instruction.op, operands)))
            else:
                self.execute(instruction, frame)
            for index in instruction.frees:
                slots[index] = None
        return [slots[index] for index in body.returned]

    def execute(self, instruction: Instruction, frame: Frame) -> None:
        """One instruction; what it raises says which rank it was."""
        try:
            instruction.execute(frame)
        except FAILURES as error:
            what = f"{instruction.op.name} failed on rank {self.params.rank}: {error}"
            raise ExecutionError(what, where=at(instruction.op)) from error
        except BindingError as error:
            error.where = error.where or at(instruction.op)
            raise


class LockstepExecutor:
    """Runs functions of a module with a ``comm.mesh`` on all its ranks.

    ``links`` counts what crossed links since it was made or cleared.  Other parameters as of ``Executor``; ``replay``
    tells all ranks the same.  Weights that are no experts are read once per rank.  Raises UsageError unless the module
    has one mesh, of ``num_ranks`` if given.
    """

    def __init__(
        self,
        module: ModuleOp,
        weights: Weights,
        num_ranks: int | None = None,
        fidelity: Fidelity = "reference",
        *,
        observer: Observer | None = None,
        replay: Replay | None = None,
        params_budget_bytes: int | None = None,
        quantization: bool = True,
    ) -> None:
        shared = SharedReplay(replay) if replay is not None else None
        self.mesh = only_mesh(module, num_ranks)
        self.links = LinkBytes(self.mesh.gpus.value.data)
        self.ranks = [
            RankExecutor(
                module,
                weights,
                fidelity,
                observer=observer,
                replay=shared.reader() if shared is not None else None,
                params_budget_bytes=params_budget_bytes,
                quantization=quantization,
                rank=rank,
            )
            for rank in range(self.mesh.ranks)
        ]

    def run(self, function_name: str, args: Sequence[Sequence[Value]]) -> list[list[Value]]:
        """The results of a function on every rank, given the arguments of every rank.

        Raises as ``Executor.run`` does, and UsageError for arguments of another number of ranks.
        """
        if len(args) != len(self.ranks):
            raise UsageError(f"arguments of {len(args)} ranks, and @{self.mesh.sym_name.data} has {len(self.ranks)}")
        steps = [rank.start(function_name, own) for rank, own in zip(self.ranks, args, strict=True)]
        first = self.ranks[0]
        with torch.no_grad(), fidelity(first.fidelity), quantization(first.quantization):
            return self.drive(steps)

    def drive(self, steps: Sequence[Steps]) -> list[list[Value]]:
        """Advance all ranks from exchange to exchange until every one has returned."""
        finished = list[list[Value]]()
        sent: list[Sequence[Any] | None] = [None] * len(steps)
        while True:
            waiting = list[Waiting]()
            for step, results in zip(steps, sent, strict=True):
                try:
                    waiting.append(next(step) if results is None else step.send(results))
                except StopIteration as stop:
                    finished.append(stop.value)
            if finished:
                assert not waiting, "one program has the same exchanges on all ranks"
                return finished
            sent = list(self.exchange(waiting))

    def exchange(self, waiting: Sequence[Waiting]) -> list[tuple[Any, ...]]:
        """Every rank's results of one op."""
        op = waiting[0].op
        assert all(len(other.operands) == len(waiting[0].operands) for other in waiting)
        assert isinstance(op, SyncCountsOp | DispatchOp | CombineOp)
        tokens = {rank.operands[position_of_token(op)] for rank in waiting}
        assert len(tokens) == 1, f"ranks are at different ops of one group: {tokens}"
        try:
            results = self.results(
                op, [list(values) for values in zip(*(rank.operands for rank in waiting), strict=True)]
            )
        except FAILURES as error:
            raise ExecutionError(f"{op.name} failed: {error}", where=at(op)) from error
        token = tokens.pop() + 1
        return [(*own, token) for own in results]

    def results(self, op: CommOp, operands: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """The exchange itself; ``operands``: per operand, of all ranks."""
        if isinstance(op, SyncCountsOp):
            ids, placements, _ = operands
            copies, per_rank = op.copies.data, op.experts_per_rank.value.data
            self.links.sync(op, len(ids))
            return [
                (counts,) for counts in meaning.sync_counts(ids, placements, copies=copies, experts_per_rank=per_rank)
            ]
        if isinstance(op, DispatchOp):
            x, weights, ids, placements, *_ = operands
            copies, per_rank = op.copies.data, op.experts_per_rank.value.data
            bounded = op.counts is None
            received = meaning.dispatch(
                x, weights, ids, placements, copies=copies, experts_per_rank=per_rank, bounded=bounded
            )
            self.links.dispatch(op, [sources for _, _, _, sources in received])
            return list(received)
        y, sources, weights, ids, _ = operands
        self.links.combine(op, y, sources)
        order, payload, gpus = op.order.data, op.payload.data, self.mesh.gpus.value.data
        combine_in = dtype_of(op.combine_in)
        outs = meaning.combine(y, sources, weights, ids, order=order, combine_in=combine_in, payload=payload, gpus=gpus)
        return [(out,) for out in outs]


class SharedReplay:
    """Choices of experts that several ranks are told alike."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.told = list[Tensor]()

    def reader(self) -> Replay:
        """What one rank asks: the first to need a choice gets a new one."""
        position = 0

        def following() -> Tensor:
            nonlocal position
            if position == len(self.told):
                self.told.append(self.replay())
            position += 1
            return self.told[position - 1]

        return following


def position_of_token(op: CommOp) -> int:
    """Which operand the token is."""
    return list(op.operands).index(op.token)


def only_mesh(module: ModuleOp, num_ranks: int | None) -> MeshOp:
    """The mesh of a module.  Raises UsageError unless there is one, of ``num_ranks`` ranks if given."""
    meshes = list(meshes_of(module).values())
    if len(meshes) != 1:
        found = ", ".join(f"@{mesh.sym_name.data}" for mesh in meshes) or "none"
        raise UsageError(
            f"ranks in lockstep need one comm.mesh; the module has {found}", hint="run shard-experts on it"
        )
    (mesh,) = meshes
    if num_ranks is not None and num_ranks != mesh.ranks:
        raise UsageError(f"@{mesh.sym_name.data} has {mesh.ranks} ranks, not {num_ranks}")
    return mesh
