"""Attention over the paged latent cache that FlashMLA runs, and why it does not run the others."""

from xdsl.dialects.builtin import bf16, f32

from dsv3c.backends.triton.choices.base import Refused, Scratch, Selection
from dsv3c.backends.triton.choices.extern_base import EXTERNS, FLASH_MLA, ExternChoice, first_failing
from dsv3c.ir.dialects.mla import AbsorbedAttentionOp
from dsv3c.ir.dialects.mla_cache import cache_type
from dsv3c.ir.types import element_type, shape

PAGE, LATENT, ROPE = 64, 512, 64
"""Rows of a page, and the sizes of a row's parts: what the kernel for a dense BF16 cache is compiled for."""
HEADS = (16, 32, 64, 128)
"""Query heads that its tests cover.  Source: deepseek-ai/FlashMLA csrc/api/dense_decode.h, tests."""


@EXTERNS["flash_mla"].rule(AbsorbedAttentionOp)
def flash_mla(op: AbsorbedAttentionOp, at: Selection) -> ExternChoice | Refused:
    """``flash_mla.flash_mla_with_kvcache``: a page table, and as many new tokens for every sequence."""
    cache, kind = cache_type(op.cache), element_type(op.q_latent)
    tokens, heads, _ = shape(op.q_latent)
    (sequences,) = shape(op.context_lens)
    fewest, most = at.queries or (0, 0)
    whole = all(isinstance(size, int) or size.isidentifier() for size in (tokens, sequences))
    found = (cache.latent.data, cache.rope.data)
    reason = first_failing(
        [
            (not cache.is_quantized, "a cache with scales (rows of 656 bytes) is read by sparse attention only"),
            (kind == bf16 and cache.latent_type == bf16 and cache.rope_type == bf16, "query and cache are not bf16"),
            (found == (LATENT, ROPE), f"rows of {found[0]} + {found[1]}, not {LATENT} + {ROPE}"),
            (cache.page_size.data == PAGE, f"pages of {cache.page_size.data} rows, not {PAGE}"),
            (heads in HEADS, f"{heads} heads, not {', '.join(map(str, HEADS))}"),
            (op.scores == f32, f"scores are rounded to {op.scores}; the library keeps f32, as --semantics hf does"),
            (at.queries is not None, "no phase says how many tokens a sequence brings"),
            (0 < fewest == most, f"sequences bring {fewest} to {most} tokens, not equally many"),
            (whole, f"{tokens} tokens of {sequences} sequences are a part of a step"),
        ]
    )
    return reason or ExternChoice(
        library=FLASH_MLA,
        function="flash_mla_with_kvcache",
        package="flash_mla",
        launcher="extern.flash_mla_with_kvcache",
        operands={
            **{"q_latent": op.q_latent, "q_rope": op.q_rope, "cache": op.cache, "positions": op.positions},
            **{"seq_offsets": op.seq_offsets, "block_table": op.block_table, "context_lens": op.context_lens},
        },
        results={"o": op.o},
        parameters={"scale": op.scale.value.data, "queries": most},
        scratch={"query": Scratch((tokens, heads, LATENT + ROPE), bf16)},
    )
