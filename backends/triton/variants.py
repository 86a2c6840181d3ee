"""Which binaries a lowered program needs: every launcher is called as the program calls it, on tensors without data.

The walk follows the program from its entries, so that views have the strides and offsets that they have when it runs,
and calls every kernel with each of its configurations.  Functions that are called with equal layouts are walked once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.backends.reference.call import Argument, SizeRef, adapter_of
from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.triton import LAUNCHERS
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Gpu, Variant
from dsv3c.backends.triton.runtime.space import Space, device_cache
from dsv3c.ir.dialects.comm import TokenType
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.kernel import ELEMENTS, KernelCallOp, LaunchOp
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.entry_ranges import is_private
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size, evaluate
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES as VIEWS

META = torch.device("meta")
Value = Tensor | Scaled | LatentCache | None
"""None: a token."""
Layout = tuple[object, ...]


def variants_of(module: ModuleOp, num_sms: int, *, pdl: bool = False) -> list[Variant]:
    """The variants of all kernels that the entries launch, each once, in the order of the program.

    ``pdl``: as a ``Gpu`` has it.
    Raises IRError for a launcher that cannot be called as the program would.
    """
    gpu = RecordingGpu(num_sms, pdl=pdl)
    walk = Walk(gpu, functions(module), symbol_values(module))
    for name, function in functions(module).items():
        if not is_private(function):
            walk.function(name, [walk.made(argument) for argument in function.body.block.args])
    return list(gpu.variants)


def symbol_values(module: ModuleOp) -> dict[str, int]:
    """A size for every symbol, none of them empty: what binaries are needed does not depend on it."""
    found = dict[str, int]()
    for name, op in symbols_of(module).items():
        found[name] = max(1, op.hint.value.data if op.hint is not None else op.bounds()[0])
    return found


def launcher_of(name: str) -> Callable[..., None]:
    """The launcher called ``file.function``.  Raises ImportError or AttributeError where there is none."""
    file, _, function = name.partition(".")
    return getattr(import_module(f"{LAUNCHERS}.{file}"), function)


@dataclass
class Walk:
    """Runs functions on values without data."""

    gpu: Gpu
    callees: dict[str, func.FuncOp]
    sizes: dict[str, int]
    space: Space = field(default_factory=lambda: Space(META))
    seen: dict[Layout, list[Value]] = field(default_factory=dict[Layout, list[Value]])

    def function(self, name: str, arguments: Sequence[Value]) -> list[Value]:
        """What a function returns."""
        key = (name, *map(layout, arguments))
        if key not in self.seen:
            block = self.callees[name].body.block
            values = dict[SSAValue, Value](zip(block.args, arguments, strict=True))
            for op in block.ops:
                if isinstance(op, func.ReturnOp):
                    self.seen[key] = [values[value] for value in op.operands]
                else:
                    values |= zip(op.results, self.op(op, values), strict=True)
        return self.seen[key]

    def op(self, op: Operation, values: dict[SSAValue, Value]) -> Sequence[Value]:
        """What one op makes."""
        match op:
            case func.CallOp():
                return self.function(callee_name(op), [values[value] for value in op.operands])
            case LaunchOp():
                return self.kernel(op, values)
            case _ if op.name in VIEWS:
                return self.view(op, values)
            case _:
                return [self.made(result) for result in op.results]

    def kernel(self, op: LaunchOp, values: dict[SSAValue, Value]) -> Sequence[Value]:
        """The launcher with every configuration; what it writes.  A library brings its own binaries."""
        given = {key: values[value] for key, value in zip(op.read_names, op.inputs, strict=True)}
        written = {
            key: given[op.aliases[key]] if key in op.aliases else self.made(value)
            for key, value in zip(op.write_names, op.outputs, strict=True)
        }
        if isinstance(op, KernelCallOp):
            self.launch(op, given, written)
        return list(written.values())

    def launch(self, op: KernelCallOp, given: dict[str, Value], written: dict[str, Value]) -> None:
        """Call a launcher with every configuration."""
        launcher = launcher_of(op.launcher.data)
        scratch = {
            key: self.space.tensor(self.numbers(sizes), dtype_of(ELEMENTS[element]))
            for key, (element, sizes) in op.scratch_shapes.items()
        }
        takes = signature(launcher).parameters
        keywords: dict[str, Any] = {
            **given,
            **{key: value for key, value in written.items() if key in takes},
            **scratch,
        }
        for config in op.configs:
            numbers = {key: value for key, value in config.as_dict().items() if key != "up_to"}
            try:
                launcher(self.gpu, **keywords, configs=(numbers,), **op.parameters.as_dict())
            except (TypeError, ValueError, RuntimeError) as error:
                raise IRError(f"{op.launcher.data} cannot be called: {error}", where=at(op)) from error

    def view(self, op: Operation, values: dict[SSAValue, Value]) -> Sequence[Value]:
        """What a view of a value without data is."""
        adapter = adapter_of(op)
        assert adapter is not None, f"{op.name} has no meaning"
        call = adapter(op)
        args = [self.argument(argument, values) for argument in call.args]
        made = call.meaning(*args, **{key: self.argument(argument, values) for key, argument in call.kwargs.items()})
        return list(made) if len(op.results) > 1 or isinstance(made, list | tuple) else [made]

    def argument(self, argument: Argument, values: dict[SSAValue, Value]) -> Any:
        """An argument of a view."""
        match argument:
            case SSAValue():
                return values[argument]
            case SizeRef():
                return evaluate(argument.text, self.sizes)
            case list():
                return [self.argument(element, values) for element in argument]
            case _:
                return argument

    def made(self, value: SSAValue) -> Value:
        """A value as the program makes it: of its type, with memory of its own."""
        kind = value.type
        if isinstance(kind, TokenType):
            return None
        if isinstance(kind, CacheType):
            dtypes = (dtype_of(kind.latent_type), dtype_of(kind.rope_type))
            spec = CacheSpec(kind.page_size.data, kind.latent.data, kind.rope.data, *dtypes, granule=kind.granule.data)
            return device_cache(spec, self.number(kind.num_pages), META)
        sizes = self.numbers(shape(value))
        if isinstance(kind, ScaledType):
            scale, granules = dtype_of(kind.scale), kind.granules
            return self.space.scaled(sizes, dtype_of(kind.element), granules, scale, layout=kind.layout_name)
        return self.space.tensor(sizes, dtype_of(element_type(value)))

    def numbers(self, sizes: Sequence[Size]) -> list[int]:
        """Sizes as numbers."""
        return [self.number(size) for size in sizes]

    def number(self, size: Size) -> int:
        """A size as a number."""
        return size if isinstance(size, int) else evaluate(size, self.sizes)


def layout(value: Value) -> Layout:
    """What of a value decides which binaries read it."""
    match value:
        case Tensor():
            return value.dtype, tuple(value.shape), value.stride(), value.storage_offset()
        case Scaled():
            return layout(value.data), layout(value.scale), value.granule
        case LatentCache():
            return layout(value.latent), layout(value.rope), layout(value.scale), value.granule
        case None:
            return ()
