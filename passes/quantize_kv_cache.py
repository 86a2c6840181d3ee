"""``quantize-kv-cache``: store the latent of the cache in 8-bit floating point, with a scale per tile.

Before::

    %new = mla.append %latent, %k_rope to %cache : ... !mla.cache<"pages" x 64, latent 512 x bf16, rope 64 x bf16>
    %o = mla.absorbed_attention %q_latent, %q_rope, %new

After::

    %new = mla.append %latent, %k_rope to %cache quantizer <...>
         : ... !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>
    %o = mla.absorbed_attention %q_latent, %q_rope, %new

A row of DeepSeek-V3 shrinks from 1152 to 656 bytes: 512 of latent, 4 scales, 64 bf16 of the rotated key, which keeps
its type because rotations carry positions.  Each append quantises its rows, and ``mla.gather`` and
``mla.absorbed_attention`` dequantise them to the type they had.  Every function and call the cache flows through
changes with it: all layers of all phases or none.  Scales are powers of two, so dequantising to bf16 rounds nothing.
Source: deepseek-ai/FlashMLA, tests/quant.py.

A last tile may be shorter than the granule.  The pass leaves alone caches that have scales already, and rows in which
scales could not be aligned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import Float8E4M3FNType, Float8E4M3FNUZType, Float8E5M2Type, ModuleOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost_model import row_bytes
from dsv3c.ir.dialects.mla import AbsorbedAttentionOp, AppendOp, GatherOp, RopeAppendOp, cache_type
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions, update_type
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.rules import RuleTable
from dsv3c.passes.base import Pass

DTYPES: dict[str, Attribute] = {
    str(element): element for element in (Float8E4M3FNType(), Float8E4M3FNUZType(), Float8E5M2Type())
}

Stated = Callable[[Operation, QuantizerAttr], None]
CACHE_OPS: RuleTable[Stated] = RuleTable("quantised cache")
"""Ops that work on a cache with scales: what has to be said at each, beside the cache's type."""


@CACHE_OPS.rule(AppendOp, RopeAppendOp)
def append(op: Operation, quantizer: QuantizerAttr) -> None:
    """Quantises what it writes."""
    op.properties["quantizer"] = quantizer


@CACHE_OPS.rule(GatherOp, AbsorbedAttentionOp, func.CallOp, func.ReturnOp)
def dequantize(op: Operation, quantizer: QuantizerAttr) -> None:
    """Their results or operands say what is dequantised to; a call passes the cache on."""


@dataclass(frozen=True)
class QuantizeKvCachePass(Pass):
    """Quantise every latent cache of a phased module."""

    name = "quantize-kv-cache"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})
    numerics = "quantises"

    dtype: str = "f8E4M3FN"
    """Element type of the stored latent: an 8-bit floating-point type."""
    granule: int = 128
    """Elements of the latent that share a scale."""
    amax_floor: float = 1e-4
    """Least magnitude a tile is scaled by, in units of the latent."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Decide per cache type, then rewrite all values of the types that can be."""
        if self.dtype not in DTYPES:
            raise UsageError(f"quantize-kv-cache: dtype must be one of {', '.join(DTYPES)}, not {self.dtype!r}")
        if self.granule < 1 or self.amax_floor <= 0:
            raise UsageError("quantize-kv-cache: granule and amax-floor must be positive")
        quantizer = QuantizerAttr.make(amax_floor=self.amax_floor, round_scale="pow2")
        strangers = {kind: op for op in module.walk() for kind in types_at(op) if CACHE_OPS.find(op) is None}
        made = dict[Attribute, Attribute]()
        for op in [op for op in module.walk() if isinstance(op, AppendOp | RopeAppendOp)]:
            kind = cache_type(op.cache)
            reason = self.refusal(kind, strangers)
            if reason:
                ctx.blocked(op, reason)
                continue
            made[kind] = new = kind.quantized(DTYPES[self.dtype], self.granule)
            ctx.fired(op, f"rows of {row_bytes(kind)} bytes become {row_bytes(new)}")
        for function in functions(module).values():
            retype(function, made, quantizer)

    def refusal(self, kind: CacheType, strangers: dict[Attribute, Operation]) -> str:
        """Why caches of this type stay; empty when they can change."""
        if kind.is_quantized:
            return f"the latent is stored as {kind.latent_type} with scales already"
        if kind in strangers:
            return f"{strangers[kind].name} works on the cache and cannot dequantise its rows"
        try:
            kind.quantized(DTYPES[self.dtype], self.granule)
        except VerifyException as error:
            return str(error)
        return ""


def types_at(op: Operation) -> list[Attribute]:
    """The types of what an op reads and makes."""
    return [value.type for value in (*op.operands, *op.results)]


def set_type(value: SSAValue, made: dict[Attribute, Attribute]) -> None:
    """The new type of a value whose type changes."""
    if value.type in made:
        value._type = made[value.type]  # pyright: ignore[reportPrivateUsage]


def retype(function: func.FuncOp, made: dict[Attribute, Attribute], quantizer: QuantizerAttr) -> None:
    """Give all caches of a function their new types."""
    for argument in function.body.block.args:
        set_type(argument, made)
    for op in function.body.block.ops:
        if any(result.type in made for result in op.results):
            CACHE_OPS[type(op)](op, quantizer)
        for result in op.results:
            set_type(result, made)
    update_type(function)
