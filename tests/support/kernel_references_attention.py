"""What the launchers of attention compute."""

from collections.abc import Mapping

import torch
from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import mla

TYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


def absorbed_attention(
    q_latent: Tensor, q_rope: Tensor, cache: mla.LatentCache, positions: Tensor, seq_offsets: Tensor,
    block_table: Tensor, context_lens: Tensor, *, scale: float, scores: str, probs: str,
    configs: object, partial: Tensor, lse: Tensor,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``mla.absorbed_attention``."""
    o = mla.absorbed_attention(
        q_latent, q_rope, cache, positions, seq_offsets, block_table, context_lens,
        scale=scale, scores=TYPES[scores], probs=TYPES[probs],
    )  # fmt: skip
    return {"o": o}


def expanded_attention(
    q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor,
    context_lens: Tensor, *, scale: float, scores: str, probs: str, configs: object,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``mla.expanded_attention``."""
    o = mla.expanded_attention(
        q_nope, q_rope, kv, k_rope, positions, seq_offsets, context_lens,
        scale=scale, scores=TYPES[scores], probs=TYPES[probs],
    )  # fmt: skip
    return {"o": o}


REFERENCES = {
    "absorbed_attention.absorbed_attention": Reference(absorbed_attention, "attention"),
    "expanded_attention.expanded_attention": Reference(expanded_attention, "attention"),
}
