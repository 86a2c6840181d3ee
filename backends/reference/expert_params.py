"""Parameters of a module of which experts are read under a memory budget."""

from dataclasses import dataclass, field
from typing import Any

from torch import Size
from xdsl.ir import SSAValue

from dsv3c.backends.reference.by_expert import readable_by_expert
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.by_expert import ByExpert
from dsv3c.backends.reference.packing import recipe_text
from dsv3c.backends.reference.params import Params, evaluate_op, header_of
from dsv3c.backends.reference.runtime.experts import ExpertCache, one_of
from dsv3c.backends.reference.runtime.params import Parameter
from dsv3c.backends.reference.weights import SafetensorsWeights, Weights
from dsv3c.ir.dialects.weight import ParamOp, StoredEachOp, YieldOp
from dsv3c.ir.functions import join_path


@dataclass
class ExpertParams(Params):
    """``Params`` that give stacks of experts as ``ByExpert``; phases that make an expert alike share it."""

    cache: ExpertCache = field(kw_only=True)
    stacks: dict[tuple[int, str], ByExpert] = field(default_factory=dict[tuple[int, str], ByExpert])

    def get(self, op: ParamOp, prefix: str) -> Parameter:
        """A parameter; of a stack of experts nothing is read yet."""
        key = (id(op), prefix)
        if key not in self.stacks:
            if not readable_by_expert(op) or self.is_packed(op, prefix):
                return super().get(op, prefix)
            name, how = join_path(prefix, op.key.data), recipe_text(op)

            def read(expert: int) -> Parameter:
                return self.cache.get((name, how, expert), lambda: self.load_expert(op, prefix, expert))

            self.stacks[key] = ByExpert(Size(header_of(op.value)[0]), read)
        return self.stacks[key]  # pyright: ignore[reportReturnType] - products take it as a weight

    def is_packed(self, op: ParamOp, prefix: str) -> bool:
        """Whether the checkpoint holds the parameter as the program uses it: mapped as a whole, it takes no memory."""
        weights = self.weights
        name = join_path(prefix, op.key.data)
        return isinstance(weights, SafetensorsWeights) and weights.packed(name, self.rank) is not None

    def load_expert(self, op: ParamOp, prefix: str, expert: int) -> Parameter:
        """The recipe, run on the tensors of one expert."""
        assert op.recipe is not None
        values = dict[SSAValue, Any]()
        for inner in op.recipe.block.ops:
            if isinstance(inner, YieldOp):
                return one_of(values[inner.value])
            if isinstance(inner, StoredEachOp):
                sizes, dtype = header_of(inner.value)
                name = join_path(prefix, inner.key.data.replace("{}", str(inner.indices(self.rank)[expert])))
                results: tuple[Any, ...] = (self.stored(name, (sizes[1:], dtype), inner).unsqueeze(0),)
            else:
                results = evaluate_op(inner, values, self.rank)
            values |= dict(zip(inner.results, results, strict=True))
        raise AssertionError(f"the recipe of {op.key.data} has no yield")


def with_expert_budget(executor: Executor, weights: Weights, cache: ExpertCache) -> Executor:
    """``executor``, before it has run, with its experts under a budget."""
    assert not executor.bodies, "instructions hold the parameters they were compiled with"
    executor.params = ExpertParams(weights, rank=executor.params.rank, cache=cache)
    return executor
