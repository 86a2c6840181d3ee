"""How a checkpoint stores a model's parameters, written as recipes beside them.

The captured model stacks a layer's experts; a checkpoint stores each by itself, and an FP8 checkpoint stores weights as
E4M3 with a grid of scales.  Recipes say so in the program, so that passes see what is stored and in which type.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from xdsl.dialects.builtin import Float8E4M3FNType, Float32Type, IntegerAttr, ModuleOp, i64
from xdsl.ir import Attribute, Block, Region, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.weight import DequantizeOp, ParamOp, StoredEachOp, StoredOp, YieldOp
from dsv3c.ir.errors import ImportFailure, at
from dsv3c.ir.functions import call_prefix, call_sites, join_path, parent_function
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import Tensor, as_tensor, sizes_of, tensor_type
from dsv3c.models.checkpoint_names import (
    Concat,
    Source,
    StackedEach,
    Stored,
    expected_tensors,
    is_quantized,
    parameter_source,
    scale_name,
)
from dsv3c.models.configs import ModelConfig

BLOCK = (128, 128)


def quantized_by_config(config: ModelConfig) -> frozenset[str]:
    """Stored names that a checkpoint of this configuration holds in FP8; empty without ``quantization_config``."""
    if config.quantization is None:
        return frozenset()
    return frozenset(name for name in expected_tensors(config, mtp=True) if is_quantized(name))


def quantized_in_folder(folder: Path, config: ModelConfig) -> frozenset[str]:
    """Stored names that the folder's own headers show with a scale grid; by the configuration if it has no weights."""
    from dsv3c.backends.reference.weights import SafetensorsWeights

    if not any(folder.glob("*.safetensors")):
        return quantized_by_config(config)
    names = frozenset(SafetensorsWeights(folder).names())
    return frozenset(name for name in names if scale_name(name) in names)


def add_recipes(ctx: CompileContext, module: ModuleOp, config: ModelConfig, quantized: Collection[str]) -> None:
    """Give every parameter that is not a stored tensor of its own name the recipe that makes it.

    ``quantized``: stored names held in FP8 with a scale grid.  Raises ImportFailure where the calls of one layer
    function need different recipes.
    """
    for param in [op for op in module.walk() if isinstance(op, ParamOp) and op.recipe is None]:
        recipe = recipe_of(ctx, param, config, quantized)
        if recipe is None:
            continue
        new = ParamOp(param.key.data, param.value.type, recipe)
        new.location = param.location
        new.value.name_hint = param.value.name_hint
        block = param.parent
        assert block is not None
        block.insert_op_before(new, param)
        param.value.replace_all_uses_with(new.value)
        param.detach()
        param.erase()


def recipe_of(ctx: CompileContext, param: ParamOp, config: ModelConfig, quantized: Collection[str]) -> Region | None:
    """The recipe of one parameter; None where it is the stored tensor of its own name."""
    prefixes = prefixes_of(param)
    sources = {prefix: parameter_source(join_path(prefix, param.key.data), config) for prefix in prefixes}
    stored_in_fp8 = {is_stored_in_fp8(source, quantized) for source in sources.values()}
    relative = {rename(source, prefix) for prefix, source in sources.items()}
    if len(relative) != 1 or len(stored_in_fp8) != 1:
        raise ImportFailure(
            f"the layers that share this function store {param.key.data} in different ways",
            where=at(param),
            hint=f"layers: {', '.join(prefixes)}; store them all in one way",
        )
    source, fp8 = relative.pop(), stored_in_fp8.pop()
    if source == Stored(param.key.data) and not fp8:
        return None
    block = Block()
    builder = RecipeBuilder(ctx, block, as_tensor(param.value).element_type, fp8=fp8)
    shape = tuple(static(size) for size in sizes_of(as_tensor(param.value)))
    block.add_op(YieldOp(builder.build(source, shape)))
    for op in block.ops:
        op.location = param.location
    return Region(block)


def prefixes_of(param: ParamOp) -> list[str]:
    """The prefixes of all calls that reach the parameter's function; the empty one in an entry."""
    function = parent_function(param)
    assert function is not None
    sites = call_sites(function)
    return [call_prefix(site) for site in sites] if sites else [""]


def is_stored_in_fp8(source: Source, quantized: Collection[str]) -> bool:
    """Whether the stored tensors are FP8; of stacked ones the first speaks for all."""
    match source:
        case Stored(name):
            return name.replace("{}", "0") in quantized
        case Concat(parts, _):
            return all(is_stored_in_fp8(part, quantized) for part in parts)
        case StackedEach(pattern, _):
            return is_stored_in_fp8(pattern, quantized)


def rename(source: Source, prefix: str) -> Source:
    """The source with names relative to ``prefix``."""
    match source:
        case Stored(name):
            return Stored(name.removeprefix(f"{prefix}.") if prefix else name)
        case Concat(parts, dim):
            renamed = tuple(Stored(part.name.removeprefix(f"{prefix}.") if prefix else part.name) for part in parts)
            return Concat(renamed, dim)
        case StackedEach(pattern, count):
            inner = rename(pattern, prefix)
            assert not isinstance(inner, StackedEach)
            return StackedEach(inner, count)


def static(size: Size) -> int:
    """A parameter's size."""
    assert isinstance(size, int)
    return size


@dataclass
class RecipeBuilder:
    """Writes the ops of one recipe into ``block``."""

    ctx: CompileContext
    block: Block
    element: Attribute
    """Type of the parameter's elements."""
    fp8: bool
    """Stored as E4M3 with a scale grid, and dequantised here."""

    def build(self, source: Source, shape: tuple[int, ...]) -> SSAValue:
        """The value of ``source``, which has ``shape``."""
        if isinstance(source, StackedEach):
            return self.stacked(source, shape)
        if isinstance(source, Concat):
            parts = [
                self.read(part.name, (*shape[: source.dim], size, *shape[source.dim + 1 :]), None)
                for part, size in zip(source.parts, even(shape[source.dim], len(source.parts)), strict=True)
            ]
            return self.concat(parts, source.dim, shape)
        return self.read(source.name, shape, None)

    def stacked(self, source: StackedEach, shape: tuple[int, ...]) -> SSAValue:
        """One value for all indices: the first dim counts them."""
        if isinstance(source.pattern, Stored):
            return self.read(source.pattern.name, shape, source.count)
        dim = source.pattern.dim + 1
        sizes = even(shape[dim], len(source.pattern.parts))
        parts = [
            self.read(part.name, (*shape[:dim], size, *shape[dim + 1 :]), source.count)
            for part, size in zip(source.pattern.parts, sizes, strict=True)
        ]
        return self.concat(parts, dim, shape)

    def concat(self, parts: list[SSAValue], dim: int, shape: tuple[int, ...]) -> SSAValue:
        """The parts one after the other."""
        cls = self.ctx.get_op("aten.cat")
        assert issubclass(cls, AtenOp)
        op = cls.build_from(
            {"tensors": parts}, {"dim": IntegerAttr(dim, i64)} if dim else {}, [tensor_type(shape, self.element)]
        )
        self.block.add_op(op)
        return op.results[0]

    def read(self, name: str, shape: tuple[int, ...], count: int | None) -> SSAValue:
        """A stored tensor, or ``count`` of them stacked; dequantised if it is stored in FP8."""
        if not self.fp8:
            return self.stored(name, tensor_type(shape, self.element), count)
        grid = (*shape[:-2], ceil(shape[-2] / BLOCK[0]), ceil(shape[-1] / BLOCK[1]))
        quantized = self.stored(name, tensor_type(shape, Float8E4M3FNType()), count)
        scale = self.stored(scale_name(name), tensor_type(grid, Float32Type()), count)
        op = DequantizeOp(quantized, scale, BLOCK, tensor_type(shape, self.element))
        self.block.add_op(op)
        return op.value

    def stored(self, name: str, kind: Tensor, count: int | None) -> SSAValue:
        """``weight.stored`` or ``weight.stored_each``."""
        op = StoredOp(name, kind) if count is None else StoredEachOp(name, count, kind)
        self.block.add_op(op)
        return op.value


def even(size: int, parts: int) -> list[int]:
    """Equal sizes."""
    assert size % parts == 0, (size, parts)
    return [size // parts] * parts
