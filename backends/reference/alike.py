"""A sharded program in the place of the one it was made from: all ranks on the same arguments."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import ExecutionError, Executor, Observer, Replay, Value
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.weights import Weights
from dsv3c.ir.dialects.comm import num_ranks


class AlikeExecutor:
    """Runs every function on all ranks with the same arguments, and gives the one result they agree on.

    Parameters as of ``Executor``; ``observer`` sees rank 0.
    """

    def __init__(
        self,
        module: ModuleOp,
        weights: Weights,
        fidelity: Fidelity = "reference",
        *,
        observer: Observer | None = None,
        replay: Replay | None = None,
        quantization: bool = True,
    ) -> None:
        self.lockstep = LockstepExecutor(
            module, weights, fidelity=fidelity, observer=observer, replay=replay, quantization=quantization
        )
        for other in self.lockstep.ranks[1:]:
            other.observer = None

    def run(self, function_name: str, *args: Value) -> list[Value]:
        """The results of one rank; caches among ``args`` are written in place.

        Raises as ``Executor.run`` does, and ``ExecutionError`` where ranks disagree.
        """
        own: list[Sequence[Value]] = [args, *([copied(arg) for arg in args] for _ in self.lockstep.ranks[1:])]
        first, *others = self.lockstep.run(function_name, own)
        for rank, results in enumerate(others, 1):
            if not all(map(same_bits, first, results)):
                raise ExecutionError(f"rank {rank} computed another result of @{function_name} than rank 0")
        return first


def copied(value: Value) -> Value:
    """A cache of its own for another rank; nothing else is written to."""
    if not isinstance(value, LatentCache):
        return value
    scale = None if value.scale is None else value.scale.clone()
    return replace(value, latent=value.latent.clone(), rope=value.rope.clone(), scale=scale)


def same_bits(left: Value, right: Value) -> bool:
    """Whether two tensors are equal; other values are not compared."""
    return not isinstance(left, Tensor) or not isinstance(right, Tensor) or torch.equal(left, right)


def executor_for(
    module: ModuleOp,
    weights: Weights,
    fidelity: Fidelity = "reference",
    *,
    observer: Observer | None = None,
    replay: Replay | None = None,
    quantization: bool = True,
) -> Executor | AlikeExecutor:
    """What runs a module on one set of arguments: all its ranks alike where it has several."""
    kind = AlikeExecutor if num_ranks(module) > 1 else Executor
    return kind(module, weights, fidelity, observer=observer, replay=replay, quantization=quantization)
