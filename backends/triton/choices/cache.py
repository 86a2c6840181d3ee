"""Kernels of the paged latent cache."""

from collections.abc import Mapping

from xdsl.ir import SSAValue

from dsv3c.backends.triton.choices.base import KERNELS, Choice, Literal, Refused, Selection
from dsv3c.backends.triton.choices.gate import unknown_type
from dsv3c.ir.dialects.mla import AppendOp, GatherOp, RopeAppendOp
from dsv3c.ir.dialects.mla_cache import CacheType, cache_type
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.types import element_type

APPENDED = {"num_warps": 2, "num_stages": 1}
"""One token per program: 512 numbers are 16 bytes of bfloat16 for each of 64 threads."""
GATHERED = {"block_c": 8, "num_warps": 4, "num_stages": 1}
"""Rows per program."""


@KERNELS.rule(AppendOp)
def append(op: AppendOp, at: Selection) -> Choice | Refused:
    """A copy into the pages, quantised where they have scales."""
    kind = cache_type(op.cache)
    if (refused := unwritable(kind, op.latent, op.k_rope, at)) is not None:
        return refused
    return Choice(
        launcher="cache.append",
        operands={"cache": op.cache, "latent": op.latent, "k_rope": op.k_rope, **tables(op)},
        results={"updated": op.updated},
        configs=(APPENDED,),
        parameters=quantizer_parameters(kind, op.quantizer),
        in_place={"updated": "cache"},
    )


@KERNELS.rule(RopeAppendOp)
def rope_append(op: RopeAppendOp, at: Selection) -> Choice | Refused:
    """Norm, rotation and quantiser on the way into the pages."""
    kind = cache_type(op.cache)
    refused = unwritable(kind, op.latent, op.k, at) or unknown_type(op.cos, op.weight)
    if refused is not None:
        return refused
    rotation: dict[str, Literal] = {"pairs": op.pairs.data, "out": op.out.data, "compute": op.compute.data}
    norm: dict[str, Literal] = {}
    if op.eps is not None and op.weight_in is not None:
        norm = {"eps": op.eps.value.data, "weight_in": op.weight_in.data}
    return Choice(
        launcher="cache.rope_append",
        operands={
            **{"cache": op.cache, "latent": op.latent, "k": op.k, "cos": op.cos, "sin": op.sin},
            **tables(op),
            "weight": op.weight,
        },
        results={"updated": op.updated},
        configs=(APPENDED,),
        parameters=rotation | norm | quantizer_parameters(kind, op.quantizer),
        in_place={"updated": "cache"},
    )


def tables(op: AppendOp | RopeAppendOp) -> Mapping[str, SSAValue]:
    """Where tokens are."""
    return {"positions": op.positions, "seq_offsets": op.seq_offsets, "block_table": op.block_table}


def unwritable(kind: CacheType, latent: SSAValue, key: SSAValue, at: Selection) -> Refused | None:
    """Why rows of these types are not written; None where they are."""
    if (refused := unknown_type(latent, key)) is not None:
        return refused
    if kind.rope.data % 2:
        return Refused(f"its kernel writes keys as two halves, and {kind.rope.data} numbers have none")
    return unknown_scales(kind, at)


def unknown_scales(kind: CacheType, at: Selection) -> Refused | None:
    """Why a latent with such scales is neither written nor read; None where it is."""
    if not kind.is_quantized:
        return None
    granule = kind.granule.data
    if granule & (granule - 1):
        return Refused(f"its kernel takes powers of two as tiles of the latent, not {granule}")
    if str(kind.latent_type) not in at.target.dense_flops_per_s:
        return Refused(f"{at.target.name} has no arithmetic of {kind.latent_type}, which the latent is stored in")
    return None


def quantizer_parameters(kind: CacheType, quantizer: QuantizerAttr | None) -> dict[str, Literal]:
    """The quantiser of a cache with scales, as the launchers' keywords."""
    if quantizer is None:
        return {}
    return {
        "granule": kind.granule.data,
        "data": str(kind.latent_type),
        "amax_floor": quantizer.floor,
        "apply": quantizer.apply.data,
        "round_scale": quantizer.round_scale.data,
        "saturate": quantizer.saturates,
    }


@KERNELS.rule(GatherOp)
def gather(op: GatherOp, at: Selection) -> Choice | Refused:
    """A copy out of the pages, dequantised where they have scales."""
    kind = cache_type(op.cache)
    refused = unknown_scales(kind, at) or (unknown_type(op.latent) if kind.is_quantized else None)
    if refused is not None:
        return refused
    return Choice(
        launcher="cache.gather",
        operands={"cache": op.cache, "context_lens": op.context_lens, "block_table": op.block_table},
        results={"latent": op.latent, "k_rope": op.k_rope},
        configs=(GATHERED,),
        parameters={"dtype": str(element_type(op.latent)) if kind.is_quantized else None},
    )
