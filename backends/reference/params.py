"""Parameters: reading stored tensors, running recipes once, and checking a checkpoint against a module."""

import difflib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.backends.reference import adapters as adapters  # registers them
from dsv3c.backends.reference.call import Argument, Call, RankRef, SizeRef, adapter_of
from dsv3c.backends.reference.dtypes import dtype_of, element_of
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.weights import Header, SafetensorsWeights, Weights, WeightsError
from dsv3c.ir.dialects.weight import ParamOp, StoredEachOp, StoredOp, YieldOp
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import call_prefix, callee_name, functions, join_path
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.types import element_type, shape

Loader = Callable[[Any, "Params", str], Tensor | Scaled]
LOADERS: RuleTable[Loader] = RuleTable("parameter loader")
"""Op that reads stored tensors -> how, given the parameters and the prefix of the call."""
DERIVED_BUDGET_BYTES = 1 << 30
"""Memory for what steps make of parameters where no pass has moved that into their recipes."""


@dataclass
class Params:
    """Parameter values by op and prefix, made on first use and kept, least recently used first out."""

    weights: Weights
    budget_bytes: int | None = None
    """Memory for values; None keeps all."""
    rank: int = 0
    """Whose experts ``weight.shard`` takes."""
    values: OrderedDict[tuple[int, str], Tensor | Scaled] = field(
        default_factory=OrderedDict[tuple[int, str], Tensor | Scaled]
    )
    used_bytes: int = 0
    made: dict[tuple[int, str], Tensor | Scaled] = field(default_factory=dict[tuple[int, str], Tensor | Scaled])
    made_bytes: int = 0

    def get(self, op: ParamOp, prefix: str) -> Tensor | Scaled:
        """The value of a parameter under a prefix.  Raises ``WeightsError`` for a stored tensor that does not fit."""
        key = (id(op), prefix)
        value = self.values.get(key)
        if value is None:
            value = self.values[key] = load_param(op, self, prefix)
            self.used_bytes += value.nbytes
            while self.budget_bytes is not None and self.used_bytes > self.budget_bytes and len(self.values) > 1:
                self.used_bytes -= self.values.popitem(last=False)[1].nbytes
        elif self.budget_bytes is not None:
            self.values.move_to_end(key)
        return value

    def derived(self, op: Operation, prefix: str, make: Callable[[], Tensor | Scaled]) -> Tensor | Scaled:
        """What ``op`` makes of a parameter, kept for the next step as long as ``DERIVED_BUDGET_BYTES`` hold it."""
        key = (id(op), prefix)
        value = self.made.get(key)
        if value is None:
            value = make()
            if self.budget_bytes is None and self.made_bytes + value.nbytes <= DERIVED_BUDGET_BYTES:
                self.made[key] = value
                self.made_bytes += value.nbytes
        return value

    def stored(self, name: str, header: Header, op: Operation) -> Tensor:
        """A stored tensor, of exactly this shape and dtype."""
        tensor = self.weights.tensor(name)
        found = (tuple(tensor.shape), tensor.dtype)
        if found != header:
            raise WeightsError(
                f"tensor {name} is {describe(found)}; the program needs {describe(header)}", where=at(op)
            )
        return tensor


def describe(header: Header) -> str:
    """``[256, 7168] bf16``."""
    sizes, dtype = header
    return f"{list(sizes)} {element_of(dtype)}"


def header_of(value: SSAValue) -> Header:
    """Shape and dtype of a value whose sizes are numbers."""
    sizes = tuple(size for size in shape(value) if isinstance(size, int))
    assert len(sizes) == len(shape(value)), f"a stored tensor has named sizes: {value.type}"
    return sizes, dtype_of(element_type(value))


@LOADERS.rule(ParamOp)
def load_param(op: ParamOp, params: Params, prefix: str) -> Tensor | Scaled:
    """The stored tensor of that name, or the value of the recipe: packed, or made now."""
    if op.recipe is None:
        return params.stored(join_path(prefix, op.key.data), header_of(op.value), op)
    if isinstance(params.weights, SafetensorsWeights):
        packed = params.weights.packed(join_path(prefix, op.key.data), params.rank)
        if packed is not None:
            return packed
    values = dict[SSAValue, Any]()
    for inner in op.recipe.block.ops:
        if isinstance(inner, YieldOp):
            return values[inner.value]
        loader = LOADERS.find(inner)
        results = (loader(inner, params, prefix),) if loader is not None else evaluate_op(inner, values, params.rank)
        values |= dict(zip(inner.results, results, strict=True))
    raise AssertionError(f"the recipe of {op.key.data} has no yield")


@LOADERS.rule(StoredOp)
def load_stored(op: StoredOp, params: Params, prefix: str) -> Tensor:
    """The stored tensor itself."""
    return params.stored(join_path(prefix, op.key.data), header_of(op.value), op)


@LOADERS.rule(StoredEachOp)
def load_stored_each(op: StoredEachOp, params: Params, prefix: str) -> Tensor:
    """The stored tensors of all indices, or of this rank's, stacked without holding them twice."""
    sizes, dtype = header_of(op.value)
    names = [join_path(prefix, op.key.data.replace("{}", str(index))) for index in op.indices(params.rank)]
    first = params.stored(names[0], (sizes[1:], dtype), op)
    stacked = first.new_empty(sizes)
    for index, name in enumerate(names):
        stacked[index] = params.stored(name, (sizes[1:], dtype), op)
    return stacked


def evaluate_op(op: Operation, values: dict[SSAValue, Any], rank: int) -> tuple[Any, ...]:
    """The results of an op whose operands are in ``values``; sizes must be numbers."""
    adapter = adapter_of(op)
    if adapter is None:
        raise no_meaning(op)
    call: Call = adapter(op)

    def value_of(argument: Argument) -> Any:
        match argument:
            case SSAValue():
                return values[argument]
            case list():
                return [value_of(element) for element in argument]
            case RankRef():
                return rank
            case SizeRef():
                raise IRError(f"a recipe uses the named size {argument.text}", where=at(op))
            case _:
                return argument

    result = call.meaning(*map(value_of, call.args), **{name: value_of(arg) for name, arg in call.kwargs.items()})
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def no_meaning(op: Operation) -> IRError:
    """The error of an op that cannot be executed."""
    return IRError(
        f"{op.name} has no meaning in the reference backend",
        where=at(op),
        hint="register an adapter for its class in backends/reference/adapters, or take another --stop-after",
    )


def param_ops(module: ModuleOp, entry: str) -> Iterator[tuple[ParamOp, str]]:
    """Every parameter that running ``entry`` uses, with the prefix it is used under; each pair once."""
    table, seen = functions(module), set[tuple[str, str]]()

    def visit(name: str, prefix: str) -> Iterator[tuple[ParamOp, str]]:
        if (name, prefix) in seen:
            return
        seen.add((name, prefix))
        for op in table[name].walk():
            if isinstance(op, ParamOp):
                yield op, prefix
            elif isinstance(op, func.CallOp):
                yield from visit(callee_name(op), join_path(prefix, call_prefix(op)))

    yield from visit(entry, "")


def stored_names(op: ParamOp, prefix: str) -> Iterator[tuple[str, Header, Operation]]:
    """Absolute names of the stored tensors a parameter is made of."""
    if op.recipe is None:
        yield join_path(prefix, op.key.data), header_of(op.value), op
        return
    for inner in op.recipe.block.ops:
        if isinstance(inner, StoredOp):
            yield join_path(prefix, inner.key.data), header_of(inner.value), inner
        elif isinstance(inner, StoredEachOp):
            sizes, dtype = header_of(inner.value)
            for index in range(inner.count.value.data):
                yield join_path(prefix, inner.key.data.replace("{}", str(index))), (sizes[1:], dtype), inner


def entries_of(module: ModuleOp) -> list[str]:
    """The functions that are not private: those a user runs."""
    return [
        name
        for name, function in functions(module).items()
        if function.sym_visibility is None or function.sym_visibility.data != "private"
    ]


def required_headers(module: ModuleOp, entry: str | None = None) -> dict[str, Header]:
    """The stored tensors that ``entry`` (default: every function that is not private) needs, by absolute name."""
    found = dict[str, Header]()
    for name in entries_of(module) if entry is None else [entry]:
        for op, prefix in param_ops(module, name):
            for stored, header, _ in stored_names(op, prefix):
                found[stored] = header
    return found


def required_tensors(module: ModuleOp, entry: str | None = None) -> dict[str, tuple[tuple[int, ...], str]]:
    """``required_headers`` with the IR's element types as text."""
    return {name: (sizes, str(element_of(dtype))) for name, (sizes, dtype) in required_headers(module, entry).items()}


SHOWN = 12
"""Names per complaint; the rest is counted."""


def check_weights(module: ModuleOp, weights: Weights, entry: str | None = None) -> list[str]:
    """Compare a checkpoint with what the module needs, before anything runs.

    Raises one ``WeightsError`` with all missing, misshapen and mistyped tensors.  Returns the names the module does not
    use (the caller knows which of them are no surprise, such as a prediction module's layers).
    """
    if isinstance(weights, SafetensorsWeights) and weights.checkpoint.packed:
        from dsv3c.backends.reference.packing import check_packed

        check_packed(module, weights, entry)
        return []
    required, available = required_headers(module, entry), set(weights.names())
    absent = sorted(name for name in required if name not in available)
    wrong = [
        f"{name}: {describe(found)}, needed {describe(header)}"
        for name, header in sorted(required.items())
        if name in available and (found := weights.header(name)) is not None and found != header
    ]
    parts = list[str]()
    if absent:
        parts.append(f"{len(absent)} of {len(required)} tensors are missing: {some(absent)}")
    if wrong:
        parts.append(f"{len(wrong)} tensors have another shape or type: {some(wrong)}")
    if parts:
        raise WeightsError("; ".join(parts), hint=hint_for(absent, available, bool(wrong)))
    return sorted(available - required.keys())


def some(names: list[str]) -> str:
    """The first few and how many more."""
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def hint_for(absent: list[str], available: set[str], has_wrong: bool) -> str:
    """What to do: a name that is nearly there, or the configuration that does not fit."""
    pattern = re.compile(r"\d+")
    if absent:
        shapes = {pattern.sub("N", name): name for name in available}
        close = difflib.get_close_matches(pattern.sub("N", absent[0]), shapes, n=1, cutoff=0.7)
        if close:
            return f"the checkpoint has {shapes[close[0]]}: is it of this model, with these layers?"
        return "is it a checkpoint of this model?"
    return "compile with the configuration (config.json, dtype) of this checkpoint" if has_wrong else ""
