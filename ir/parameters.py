"""Counting parameters: the stored tensors that a program's entries read, each once, and how many act on a token."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.cost import instances
from dsv3c.ir.cost_model import Env
from dsv3c.ir.cost_rules_aten import GROUPED
from dsv3c.ir.definitions import definition
from dsv3c.ir.dialects import moe, moe_rows, nn, scaled, weight
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.expected_rows import routing_of
from dsv3c.ir.functions import functions, join_path
from dsv3c.ir.sizes import evaluate
from dsv3c.ir.types import shape
from dsv3c.ir.views import RULES as VIEWS

FORMATS = (scaled.QuantizeOp, scaled.DequantizeOp, scaled.RelayoutOp)
"""Ops that give the same numbers in another format."""


@dataclass(frozen=True)
class Parameter:
    """A stored tensor, or a stack of them that is read under one name."""

    name: str
    """Absolute; ``{}`` stands for the index of a stack."""
    elements: int
    """Of all ranks together, each expert once."""
    held: int
    """On one rank."""
    fraction: float
    """Share of its elements that acts on one token: k / E for routed experts, else 1."""
    is_embedding: bool
    """Looked up and used for nothing else."""
    is_matrix: bool
    """Has at least two dims: factor of a product, not a norm's weight or a bias."""

    @property
    def active(self) -> float:
        """Elements that act on one token."""
        return self.elements * self.fraction

    def also(self, other: "Parameter") -> "Parameter":
        """The same tensor, read in two places."""
        fraction = max(self.fraction, other.fraction)
        return replace(self, fraction=fraction, is_embedding=self.is_embedding and other.is_embedding)


@dataclass(frozen=True)
class Count:
    """Numbers of parameters (elements)."""

    total: int
    on_rank: int
    """Held by one rank: all of them, but for experts shared out over ranks."""
    active: float
    embedding: int
    """Of which in tables that are looked up and used for nothing else."""
    active_matrices: float
    """Of the active ones, those in matrices that a token is multiplied by, head included, embedding not: the N of
    ``2 * N`` FLOPs forward and ``6 * N`` in training."""

    @property
    def active_without_embedding(self) -> float:
        """Active, without what is only looked up."""
        return self.active - self.embedding


def count(found: dict[str, Parameter]) -> Count:
    """Sum up."""
    return Count(
        total=sum(item.elements for item in found.values()),
        on_rank=sum(item.held for item in found.values()),
        active=sum(item.active for item in found.values()),
        embedding=sum(item.elements for item in found.values() if item.is_embedding),
        active_matrices=sum(item.active for item in found.values() if item.is_matrix and not item.is_embedding),
    )


def parameters(module: ModuleOp, entry: str) -> dict[str, Parameter]:
    """Absolute name -> parameter, for what one run of ``entry`` reads.

    A derived parameter counts as the stored tensors of its recipe; the scales of block-quantised tensors do not count.
    """
    one_token = Env(sizes=dict.fromkeys(symbols_of(module), 1))
    relative = dict[str, list[Parameter]]()
    found = dict[str, Parameter]()
    for function, prefix in instances(module, entry):
        name = function.sym_name.data
        if name not in relative:
            relative[name] = relative_parameters(function, one_token)
        for item in relative[name]:
            absolute = replace(item, name=join_path(prefix, item.name))
            known = found.get(absolute.name)
            found[absolute.name] = absolute if known is None else known.also(absolute)
    return found


def relative_parameters(function: func.FuncOp, one_token: Env) -> list[Parameter]:
    """What one function reads, named relative to its prefix."""
    found = list[Parameter]()
    for op in function.body.block.ops:
        if isinstance(op, weight.ParamOp):
            fraction, is_embedding = share_of(op, one_token), is_table(op.value)
            for key, value in stored(op):
                found.append(parameter(op, key, value, fraction, is_embedding=is_embedding))
    return found


def parameter(op: weight.ParamOp, key: str, value: SSAValue, fraction: float, *, is_embedding: bool) -> Parameter:
    """One stored tensor: with experts shared out over ranks, ``fraction`` is of physical ones, replicas apart."""
    total, held, source = elements(value), elements(value), value.owner
    if isinstance(source, weight.StoredEachOp) and source.placement is not None:
        rows, count = shape(value)[0], source.count.value.data
        assert isinstance(rows, int)
        total = held // rows * count
        fraction *= len(source.placement.logical) / count
    for shard in sharded(op):
        rows, count = shape(shard.value)[0], shape(shard.w)[0]
        assert isinstance(rows, int) and isinstance(count, int)
        held = total // count * rows
        fraction *= len(shard.placement.logical) / count
    return Parameter(key, total, held, fraction, is_embedding, len(shape(value)) > 1)


def sharded(op: weight.ParamOp) -> Iterator[weight.ShardOp]:
    """What a recipe shares out over ranks after it has read all of it."""
    if op.recipe is not None:
        yield from (inner for inner in op.recipe.block.ops if isinstance(inner, weight.ShardOp))


def split_entries(module: ModuleOp) -> tuple[list[str], list[str]]:
    """The entries of the model itself, and those of its multi-token prediction module (``@mtp``, ``@mtp_decode``)."""
    names = [name for name, function in functions(module).items() if function.sym_visibility != StringAttr("private")]
    return [name for name in names if not is_mtp(name)], [name for name in names if is_mtp(name)]


def is_mtp(entry: str) -> bool:
    """Whether an entry is one of the prediction module's, by its name."""
    return entry == "mtp" or entry.startswith("mtp_")


def model_parameters(module: ModuleOp) -> tuple[Count, Count | None]:
    """Of the model, and what the prediction module adds to it (shared tensors count with the model); None without one.

    Phases of one model read the same tensors, whatever they are derived to.
    """
    main_entries, mtp_entries = split_entries(module)
    main, mtp = union(module, main_entries), union(module, mtp_entries)
    own = {name: item for name, item in mtp.items() if name not in main}
    return count(main), count(own) if mtp_entries else None


def union(module: ModuleOp, entries: list[str]) -> dict[str, Parameter]:
    """The parameters of several entries, each once."""
    found = dict[str, Parameter]()
    for entry in entries:
        for name, item in parameters(module, entry).items():
            found[name] = found[name].also(item) if name in found else item
    return found


def stored(op: weight.ParamOp) -> Iterator[tuple[str, SSAValue]]:
    """Relative name and value of every stored tensor a parameter is made of."""
    if op.recipe is None:
        yield op.key.data, op.value
        return
    for inner in op.recipe.block.ops:
        if isinstance(inner, weight.StoredOp | weight.StoredEachOp) and not is_scale(inner.value):
            yield inner.key.data, inner.value


def elements(value: SSAValue) -> int:
    """Elements of a static tensor."""
    total = 1
    for size in shape(value):
        total *= evaluate(size, {})
    return total


def is_scale(value: SSAValue) -> bool:
    """Whether a stored tensor becomes scales of another and nothing else, as it is or joined with others first."""
    users = [use.operation for use in value.uses]
    return bool(users) and all(
        user.scale is value
        if isinstance(user, weight.DequantizeOp | scaled.AssembleOp)
        else bool(user.results) and all(is_scale(result) for result in user.results)
        for user in users
    )


def readers(value: SSAValue) -> Iterator[tuple[Operation, SSAValue]]:
    """The ops that read a value, and as what: views of it, and other formats, are followed."""
    for use in value.uses:
        if use.operation.name in VIEWS or isinstance(use.operation, FORMATS):
            for result in use.operation.results:
                yield from readers(result)
        else:
            yield use.operation, value


def is_table(value: SSAValue) -> bool:
    """Whether a parameter is only ever looked up by id."""
    users = list(readers(value))
    return bool(users) and all(
        (isinstance(user, nn.EmbeddingOp) and user.table is seen)
        or (isinstance(user, AtenOp) and user.name == "aten.embedding" and user.value("weight") is seen)
        for user, seen in users
    )


def share_of(op: weight.ParamOp, one_token: Env) -> float:
    """Largest share that any reader uses for one token."""
    return max((share(user, seen, one_token) for user, seen in readers(op.value)), default=1.0)


def share(user: Operation, value: SSAValue, one_token: Env) -> float:
    """``k / E`` where ``value`` [E, ...] holds experts of which a token reads k; else 1.

    On one of several ranks E counts the experts of all.
    """
    experts = shape(value)[0] if shape(value) else 1
    if isinstance(user, moe.ExpertsOp) and value in (user.gate, user.up, user.down):
        return routing_of(user.ids, one_token.number(experts), one_token).share
    if isinstance(user, moe_rows.GroupedMmOp | scaled.GroupedMmOp) and user.w is value:
        made = definition(user.expert_of).owner
        known = isinstance(made, moe_rows.PermuteOp)
        return routing_of(made.ids, one_token.number(experts), one_token).share if known else 1.0
    if isinstance(user, AtenOp) and user.name in GROUPED and user.value(GROUPED[user.name][1]) is value:
        rows = user.value(GROUPED[user.name][0])
        assert rows is not None
        chosen = one_token.number(shape(rows)[0])
    elif isinstance(user, AtenOp) and user.name == "aten.index.Tensor" and len(shape(value)) == 3:
        chosen = one_token.elements(user.results[0]) * one_token.number(experts) // one_token.elements(value)
    else:
        return 1.0
    return min(1.0, chosen / one_token.number(experts))
