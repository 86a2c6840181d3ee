"""Launcher of causal attention over expanded keys and values of ragged sequences."""

from torch import Tensor

from dsv3c.backends.triton.launchers.absorbed_attention import padded
from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, choose


def expanded_attention(
    gpu: Gpu, *, q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor,
    context_lens: Tensor, o: Tensor, configs: Configs, scale: float, scores: str, probs: str,
) -> None:  # fmt: skip
    """``o_h = softmax(scale * (q_nope_h . k_nope_h + q_rope_h . k_rope)) v_h`` over each token's sequence.

    q_nope: [T, H, dn], q_rope: [T, H, dr], kv: [C, H, dn + dv] (K's columns, then V's), k_rope: [C, dr], o: [T, H, dv];
    positions [T], seq_offsets [N + 1], context_lens [N]: i32.  Token t sees its sequence's rows 0..positions[t].
    ``scores``, ``probs``: what they are rounded to; operands of products have kv's type whatever ``probs`` says.
    A token behind the last sequence gets zeros.  The grid holds the blocks of any lengths of so many sequences.
    """
    (tokens, heads, nope), rope, values = q_nope.shape, q_rope.shape[2], o.shape[2]
    if tokens == 0:
        return
    config, sequences = choose(configs, tokens), context_lens.shape[0]
    blocks = tokens // config["block_q"] + sequences + 1
    gpu.launch(
        "expanded_attention.expanded_attention_kernel",
        (blocks, heads, 1),
        {
            **{"q_nope_ptr": q_nope, "q_rope_ptr": q_rope, "kv_ptr": kv, "k_rope_ptr": k_rope},
            **{"positions_ptr": positions, "seq_offsets_ptr": seq_offsets, "context_lens_ptr": context_lens},
            **{"o_ptr": o, "softmax_scale": scale, "num_tokens": tokens, "num_sequences": sequences},
            "num_blocks": blocks,
            **{"q_nope_token": Static(q_nope.stride(0)), "q_nope_head": Static(q_nope.stride(1))},
            **{"q_rope_token": Static(q_rope.stride(0)), "q_rope_head": Static(q_rope.stride(1))},
            **{"kv_row": Static(kv.stride(0)), "kv_head": Static(kv.stride(1))},
            "k_rope_row": Static(k_rope.stride(0)),
            **{"o_token": Static(o.stride(0)), "o_head": Static(o.stride(1))},
        },
        {
            **{"NOPE": nope, "ROPE": rope, "VALUES": values, "SCORES": scores, "PROBS": probs},
            **{"BLOCK_Q": config["block_q"], "BLOCK_N": config["block_n"]},
            **{"BLOCK_K": padded(nope), "BLOCK_D": padded(rope), "BLOCK_V": padded(values)},
        },
        config,
    )
