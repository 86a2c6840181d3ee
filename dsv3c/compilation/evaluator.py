"""Answers what size-only values are by computing them at several sizes with the reference meanings.

A value is size-only when nothing it is made of is an input of the program or a parameter: masks, positions, RoPE
tables.  Function arguments are followed to every call.  The answers are evidence at the sizes named in them, not proof
for all sizes.  A formula that changes at a length must compare with a number: for every number met on the way, a length
beyond it is tried too, so that a window of 4096 keys is not taken for a causal mask.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, OpResult, SSAValue

from dsv3c.backends.reference import adapters as adapters  # registers them
from dsv3c.backends.reference.bindings import Sizes
from dsv3c.backends.reference.call import Argument, SizeRef, adapter_of
from dsv3c.backends.reference.meanings.arithmetic import fidelity
from dsv3c.backends.reference.meanings.nn import rope_table
from dsv3c.ir.dialects.aten import AtenOp, plain
from dsv3c.ir.dialects.core import SymbolOp, symbols_of
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import at
from dsv3c.ir.evaluator import Evidence, Refusal, RopeTable
from dsv3c.ir.functions import call_sites, callee_name, functions, is_argument, parent_module, returned
from dsv3c.ir.sizes import evaluate
from dsv3c.ir.types import shape
from dsv3c.ir.views import UNBOUNDED

LENGTHS = (2, 7, 33)
"""Sizes tried for the dim in question: the smallest that tells causal from full, and two odd ones."""
OTHERS = (1, 3, 2)
"""Sizes tried for all other names at the same time."""
LARGEST = 1 << 25
"""Values with more elements than this are not computed."""


class NotSizeOnly(Exception):
    """A value depends on more than sizes and constants; the text says on what."""


@dataclass
class Samples:
    """One assignment of the named sizes, and the values computed under it."""

    module: ModuleOp
    sizes: Sizes
    values: dict[SSAValue, Tensor] = field(default_factory=dict[SSAValue, Tensor])
    numbers: set[int] = field(default_factory=set[int])
    """Whole numbers among the arguments of the ops evaluated."""

    def value(self, value: SSAValue) -> Tensor:
        """The value's elements.  Raises NotSizeOnly when they depend on an input or a parameter."""
        if value not in self.values:
            self.values[value] = self.argument(value) if is_argument(value) else self.result(value)
        return self.values[value]

    def argument(self, value: SSAValue) -> Tensor:
        """A function argument: equal at every call."""
        assert is_argument(value)
        function = value.block.parent_op()
        assert isinstance(function, func.FuncOp)
        sites = call_sites(function)
        if not sites:
            raise NotSizeOnly(f"it depends on the input %{value.name_hint or value.index} of @{function.sym_name.data}")
        first, *rest = (self.value(site.operands[value.index]) for site in sites)
        if not all(is_same(first, other) for other in rest):
            raise NotSizeOnly(f"the calls of @{function.sym_name.data} pass different values for it")
        return first

    def result(self, value: SSAValue) -> Tensor:
        """A result of an op, computed from its operands."""
        assert isinstance(value, OpResult)
        op = value.op
        if isinstance(op, func.CallOp):
            return self.passed_through(op, value.index)
        if isinstance(op, ParamOp):
            raise NotSizeOnly(f"it depends on the parameter {op.key.data}")
        adapter = adapter_of(op)
        if adapter is None:
            raise NotSizeOnly(f"{op.name} ({at(op)}) has no meaning here")
        if any(self.num_elements(result) > LARGEST for result in op.results):
            raise NotSizeOnly(f"{op.name} ({at(op)}) makes more than {LARGEST} elements")
        if isinstance(op, AtenOp):
            self.numbers.update(whole_numbers(op))
        call = adapter(op)
        kwargs = {name: self.resolve(argument) for name, argument in call.kwargs.items()}
        made = call.meaning(*[self.resolve(argument) for argument in call.args], **kwargs)
        results = [made] if isinstance(made, Tensor) else list(made)
        self.values.update(zip(op.results, results, strict=True))
        return self.values[value]

    def passed_through(self, call: func.CallOp, index: int) -> Tensor:
        """A result of a call that the callee hands back as it got it."""
        callee = functions(self.module)[callee_name(call)]
        given = returned(callee).operands[index]
        if not is_argument(given):
            raise NotSizeOnly(f"it is computed by @{callee_name(call)}")
        return self.value(call.operands[given.index])

    def num_elements(self, value: SSAValue) -> int:
        """Elements of a value at these sizes."""
        count = 1
        for size in shape(value):
            count *= evaluate(size, self.sizes)
        return count

    def resolve(self, argument: Argument) -> object:
        """An argument of a meaning with values and sizes filled in."""
        match argument:
            case SSAValue():
                return self.value(argument)
            case SizeRef():
                return self.sizes[argument.text]
            case list():
                return [self.resolve(element) for element in argument]
            case tuple():
                return tuple(self.resolve(element) for element in argument)
            case _:
                return argument


def whole_numbers(op: AtenOp) -> Iterator[int]:
    """The numbers an op is given that may be lengths."""
    for attribute in op.properties.values():
        given = plain(attribute)
        for number in given if isinstance(given, list) else [given]:
            if isinstance(number, int | float) and 1 < number < UNBOUNDED and number == int(number):
                yield int(number)


def is_same(left: Tensor, right: Tensor) -> bool:
    """Same type, shape and bits."""
    return left.dtype == right.dtype and torch.equal(left, right)


def samples_of(value: SSAValue, length: str | None) -> Iterator[Samples]:
    """Assignments of all the module's names: ``length`` and the others vary together, within their ranges.

    After each, the caller evaluates ``value``; lengths beyond the numbers met are tried last.
    """
    owner = value.owner
    inside = owner if isinstance(owner, Operation) else owner.parent_op()
    assert inside is not None
    module = parent_module(inside)
    seen, numbers = list[Mapping[str, int]](), set[int]()
    lengths = [*zip(LENGTHS, OTHERS, strict=True)]
    while lengths:
        long, other = lengths.pop(0)
        sizes = Sizes()
        for name, symbol in symbols_of(module).items():
            sizes[name] = within(symbol, long if name == length else other)
        if sizes in seen:
            continue
        seen.append(dict(sizes))
        sample = Samples(module, sizes)
        yield sample
        new = {number for number in sample.numbers - numbers if number >= max(LENGTHS)} if length else set[int]()
        numbers |= new
        lengths += [(number + 2, OTHERS[0]) for number in sorted(new)]


def within(symbol: SymbolOp, wanted: int) -> int:
    """The smallest value of a symbol that is not below ``wanted``, or its largest."""
    low, high = symbol.bounds()
    step = symbol.multiple_of.value.data if symbol.multiple_of is not None else 1
    rounded = -(-max(low, wanted) // step) * step
    return rounded if high is None else min(rounded, high // step * step)


class TorchEvaluator:
    """Evaluates size-only values; see ``dsv3c.ir.evaluator.Evaluator``."""

    def causal_mask(self, mask: SSAValue, *, marks_hidden: bool = False) -> Evidence | Refusal:
        """Whether ``mask`` [..., S, S] lets position q see exactly the positions up to q, at every size tried."""
        if len(shape(mask)) < 2:
            return Refusal("it has no dims of queries and keys")
        length = shape(mask)[-1]
        tried = list[int]()
        try:
            for sample in samples_of(mask, length if isinstance(length, str) else None):
                elements = sample.value(mask)
                if (reason := not_causal(elements, marks_hidden)) is not None:
                    return Refusal(f"{reason} ({show(sample.sizes)})")
                tried.append(elements.shape[-1])
        except NotSizeOnly as error:
            return Refusal(str(error))
        return Evidence(f"equal for {length} = {listed(tried)}")

    def rope_table(self, cos: SSAValue, sin: SSAValue) -> RopeTable | Refusal:
        """The frequencies and scaling of which nn.rope_table makes cos and sin [..., S, pairs] at every size tried."""
        length = shape(cos)[-2] if len(shape(cos)) > 1 else None
        if not isinstance(length, str):
            return Refusal("it has no dim of positions")
        tried, candidates, exact = list[int](), None, True
        try:
            for sample in samples_of(cos, length):
                tables = rows_of(sample.value(cos)), rows_of(sample.value(sin))
                if tables[0] is None or tables[1] is None:
                    return Refusal("rows differ between sequences")
                options = [*candidates_of(sample)] if candidates is None else candidates
                checked = [(fits(tables[0], tables[1], *option), option) for option in options]
                candidates = [option for ulps, option in checked if ulps is not None]
                exact = exact and any(ulps == 0 for ulps, _ in checked)
                if exact:
                    candidates = [option for ulps, option in checked if ulps == 0]
                tried.append(tables[0].shape[0])
        except NotSizeOnly as error:
            return Refusal(str(error))
        if not candidates:
            return Refusal("no frequencies and scaling among its constants give these tables")
        frequencies, scaling = candidates[0]
        how = "equal" if exact else "equal up to the last bit of f32"
        return RopeTable(tuple(frequencies.tolist()), scaling, f"{how} for {length} = {listed(tried)}")

    def constant(self, value: SSAValue) -> Sequence[float] | Refusal:
        """The elements of a value that is the same at every size tried, flattened."""
        found: Tensor | None = None
        try:
            for sample in samples_of(value, None):
                elements = sample.value(value)
                if found is not None and not is_same(found, elements):
                    return Refusal("it depends on sizes")
                found = elements
        except NotSizeOnly as error:
            return Refusal(str(error))
        assert found is not None
        return [float(element) for element in found.flatten().tolist()]


def listed(tried: Sequence[int]) -> str:
    """``2, 7, 33``: each length once."""
    return ", ".join(map(str, dict.fromkeys(tried)))


def show(sizes: Mapping[str, int]) -> str:
    """``B = 1, S = 7``."""
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())


def not_causal(mask: Tensor, marks_hidden: bool) -> str | None:
    """Why a computed mask is not causal; None if it is."""
    rows, columns = mask.shape[-2:]
    if rows != columns:
        return f"{rows} queries, {columns} keys"
    if mask.dtype == torch.bool:
        seen = ~mask if marks_hidden else mask
    elif mask.is_floating_point():
        seen = mask == 0
        if not (seen | (mask <= torch.finfo(mask.dtype).min)).all():
            return "it adds other numbers than 0 and minus infinity"
    else:
        return f"it holds {mask.dtype}"
    expected = torch.ones(rows, rows, dtype=torch.bool).tril()
    return None if bool((seen == expected).all()) else "it is not the lower triangle"


def rows_of(table: Tensor) -> Tensor | None:
    """``[S, pairs]`` of a table [..., S, pairs] whose leading dims only repeat it."""
    flat = table.reshape(-1, *table.shape[-2:])
    return flat[0] if bool((flat == flat[:1]).all()) else None


def candidates_of(sample: Samples) -> list[tuple[Tensor, float]]:
    """Frequencies among the vectors a table was computed from, scalings among the numbers."""
    frequencies, scalings = list[Tensor](), [1.0]
    for value, elements in sample.values.items():
        if elements.dtype == torch.float32 and elements.dim() == 1:
            frequencies.append(elements)
        op = value.owner
        if isinstance(op, AtenOp) and op.name == "aten.mul.Scalar":
            factor = op.literal("other")
            assert isinstance(factor, int | float)
            scalings.append(float(factor))
    return [(vector, scaling) for scaling in dict.fromkeys(scalings) for vector in frequencies]


def fits(cos: Tensor, sin: Tensor, frequencies: Tensor, scaling: float) -> int | None:
    """0 if nn.rope_table gives these bits, 1 if it differs in the last bit of f32 here and there, None otherwise.

    PyTorch's polar and cos are computed by different routines: they differ in the last bit of some angles.
    """
    if frequencies.shape[0] != cos.shape[-1] or cos.dtype != sin.dtype:
        return None
    with fidelity("torch"):
        expected = rope_table(
            torch.arange(cos.shape[0]), inv_freq=tuple(frequencies.tolist()), scaling=scaling, dtype=cos.dtype
        )
    if is_same(expected[0], cos) and is_same(expected[1], sin):
        return 0
    bound = 2 * torch.finfo(torch.float32).eps
    close = all(bool(((a - b).abs() <= bound * a.abs()).all()) for a, b in zip(expected, (cos, sin), strict=True))
    return 1 if close and cos.dtype == torch.float32 else None
