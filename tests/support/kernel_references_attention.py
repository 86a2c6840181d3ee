"""What the launchers of attention compute.

A kernel that sees the context once rounds probabilities before it knows their sum, the meanings after dividing by it:
two roundings of equal size that do not cancel (calc_diff 1.4e-6 each, as much as rounding the output to bf16 twice).
So kernels are held to the policy's limit against probabilities that are not rounded, as FlashMLA's are by its tests.
"""

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
    """``mla.absorbed_attention`` with probabilities in f32."""
    assert probs in TYPES
    o = mla.absorbed_attention(
        q_latent, q_rope, cache, positions, seq_offsets, block_table, context_lens,
        scale=scale, scores=TYPES[scores], probs=torch.float32,
    )  # fmt: skip
    return {"o": o}


def expanded_attention(
    q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor,
    context_lens: Tensor, *, scale: float, scores: str, probs: str, configs: object, taken: Tensor | None = None,
) -> Mapping[str, Tensor]:  # fmt: skip
    """``mla.expanded_attention`` with probabilities in f32."""
    assert probs in TYPES
    o = mla.expanded_attention(
        q_nope, q_rope, kv, k_rope, positions, seq_offsets, context_lens,
        scale=scale, scores=TYPES[scores], probs=torch.float32,
    )  # fmt: skip
    return {"o": o}


REFERENCES = {
    "absorbed_attention.absorbed_attention": Reference(absorbed_attention, "attention"),
    "expanded_attention.expanded_attention": Reference(expanded_attention, "attention"),
}
