"""Launchers of routing."""

import torch
from torch import Tensor

from dsv3c.backends.triton.launchers.rows import TYPES, as_rows
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, cdiv, choose, early_start
from dsv3c.backends.triton.runtime.replays import replayed

NAMES = {dtype: name for name, dtype in TYPES.items()}


def padded(size: int) -> int:
    """The power of two that holds ``size``."""
    return 1 << (size - 1).bit_length()


@replayed
def gate(
    gpu: Gpu, *, logits: Tensor, bias: Tensor | None = None, weights: Tensor, ids: Tensor, configs: Configs,
    top_k: int, scoring: str, groups: int, keep: int, group_score: str, mask: str, renormalize: float | None,
    scale: float, scores_in: str, masked_weights: bool, dtype: str,
) -> None:  # fmt: skip
    """Group-limited top-k routing: logits [*, E], bias [E] -> weights, ids i64 [*, k], best choice first.

    ``scores_in``: what scores and every step of the weights are rounded to; ``dtype``: of the weights themselves.
    """
    assert weights.dtype == TYPES[dtype]
    experts = logits.shape[-1]
    logits, weights, ids = as_rows(logits), as_rows(weights), as_rows(ids)
    tokens = logits.shape[0]
    if tokens == 0:
        return
    config = choose(configs, tokens)
    choice = TYPES[scores_in] if bias is None else torch.promote_types(TYPES[scores_in], bias.dtype)
    gpu.launch(
        "gate.gate_kernel",
        (cdiv(tokens, config["block_t"]), 1, 1),
        {
            **{"logits_ptr": logits, "bias_ptr": bias, "weights_ptr": weights, "ids_ptr": ids, "num_tokens": tokens},
            "logits_stride": Static(logits.stride(0)),
            "weights_stride": Static(weights.stride(0)),
            "ids_stride": Static(ids.stride(0)),
            "renormalize": 0.0 if renormalize is None else renormalize,
            "scale": scale,
        },
        {
            **{"EXPERTS": experts, "TOP_K": top_k, "GROUPS": groups, "KEEP": keep, "SCORING": scoring},
            **{"TOP2": group_score == "top2_sum", "MASK": mask, "RENORMALIZE": renormalize is not None},
            **{"SCORES": scores_in, "CHOICE": NAMES[choice], "MASKED_WEIGHTS": masked_weights},
            **{"BLOCK_T": config["block_t"], "BLOCK_G": padded(groups), "BLOCK_P": padded(experts // groups)},
            "BLOCK_K": padded(top_k),
            **early_start(gpu),
        },
        config,
    )


@replayed
def append_choice(
    gpu: Gpu, *, weights: Tensor, ids: Tensor, all_weights: Tensor, all_ids: Tensor, configs: Configs, first: int,
    count: int,
) -> None:  # fmt: skip
    """Experts ``first`` and on with weight 1 behind every token's choices: [*, k] twice -> [*, k + count] twice."""
    top_k = ids.shape[-1]
    weights, ids, all_weights, all_ids = as_rows(weights), as_rows(ids), as_rows(all_weights), as_rows(all_ids)
    tokens = ids.shape[0]
    if tokens == 0:
        return
    config = choose(configs, tokens)
    gpu.launch(
        "gate.append_choice_kernel",
        (cdiv(tokens, config["block_t"]), 1, 1),
        {
            **{"weights_ptr": weights, "ids_ptr": ids, "all_weights_ptr": all_weights, "all_ids_ptr": all_ids},
            "num_tokens": tokens,
            "weights_stride": Static(weights.stride(0)),
            "ids_stride": Static(ids.stride(0)),
            "all_weights_stride": Static(all_weights.stride(0)),
            "all_ids_stride": Static(all_ids.stride(0)),
        },
        {
            **{"TOP_K": top_k, "FIRST": first, "COUNT": count},
            **{"BLOCK_T": config["block_t"], "BLOCK_K": padded(top_k + count)},
            **early_start(gpu),
        },
        config,
    )
