"""Launcher of causal attention over expanded keys and values of ragged sequences."""

from math import gcd

from torch import Tensor

from dsv3c.backends.triton.launchers.absorbed_attention import padded
from dsv3c.backends.triton.runtime.gpu import Configs, Descriptor, Gpu, Static, choose


def expanded_attention(
    gpu: Gpu, *, q_nope: Tensor, q_rope: Tensor, kv: Tensor, k_rope: Tensor, positions: Tensor, seq_offsets: Tensor,
    context_lens: Tensor, o: Tensor, taken: Tensor | None = None, configs: Configs, scale: float, scores: str,
    probs: str,
) -> None:  # fmt: skip
    """``o_h = softmax(scale * (q_nope_h . k_nope_h + q_rope_h . k_rope)) v_h`` over each token's sequence.

    q_nope: [T, H, dn], q_rope: [T, H, dr], kv: [C, H, dn + dv] (K's columns, then V's), k_rope: [C, dr], o: [T, H, dv];
    positions [T], seq_offsets [N + 1], context_lens [N]: i32.  Token t sees its sequence's rows 0..positions[t].
    ``scores``, ``probs``: what they are rounded to; operands of products have kv's type whatever ``probs`` says.
    A token behind the last sequence gets zeros.  The tiles hold the blocks of any lengths of so many sequences.
    ``taken``: one i32 that counts the tiles that were taken, where the configuration says ``persistent``: as many
    programs as run at a time take tiles until none is left.  Else every tile has a program.
    Raises ValueError where ``taken`` is needed and absent.
    """
    (tokens, heads, nope), rope, values = q_nope.shape, q_rope.shape[2], o.shape[2]
    if tokens == 0:
        return
    if kv.shape[0] == 0:  # no sequence has a row; a tensor without rows has no descriptor
        o.zero_()
        return
    config, sequences = choose(configs, tokens), context_lens.shape[0]
    block_q, block_n = config["block_q"], config["block_n"]
    blocks = tokens // block_q + sequences + 1
    tiles = blocks * heads
    programs, counter = tiles, None
    if config.get("persistent", 0):
        if taken is None:
            raise ValueError("programs that go on to other tiles count them in `taken`")
        programs, counter = min(tiles, gpu.num_sms), taken.zero_()
    gpu.launch(
        "expanded_attention.expanded_attention_kernel",
        (programs, 1, 1),
        {
            "q_nope_ptr": Descriptor(heads_in_rows(q_nope), (block_q, nope)),
            "q_rope_ptr": Descriptor(heads_in_rows(q_rope), (block_q, rope)),
            "kv_ptr": Descriptor(heads_in_rows(kv), (block_n, nope)),
            "k_rope_ptr": Descriptor(k_rope, (block_n, rope)),
            **{"positions_ptr": positions, "seq_offsets_ptr": seq_offsets, "context_lens_ptr": context_lens},
            **{"o_ptr": o, "next_ptr": counter, "softmax_scale": scale},
            **{"num_tokens": tokens, "num_sequences": sequences, "num_blocks": blocks, "num_tiles": tiles},
            "heads_together": gcd(heads, config.get("heads_together", 1)),
            **{"q_nope_token": Static(q_nope.stride(0)), "q_nope_head": Static(q_nope.stride(1))},
            **{"q_rope_token": Static(q_rope.stride(0)), "q_rope_head": Static(q_rope.stride(1))},
            **{"kv_row": Static(kv.stride(0)), "kv_head": Static(kv.stride(1))},
            "k_rope_row": Static(k_rope.stride(0)),
            **{"o_token": Static(o.stride(0)), "o_head": Static(o.stride(1))},
        },
        {
            **{"NOPE": nope, "ROPE": rope, "VALUES": values, "SCORES": scores, "PROBS": probs},
            **{"BLOCK_Q": block_q, "BLOCK_N": block_n},
            **{"BLOCK_K": padded(nope), "BLOCK_D": padded(rope), "BLOCK_V": padded(values)},
        },
        config,
    )


def heads_in_rows(x: Tensor) -> Tensor:
    """[T, H, d] -> [T, (H - 1) h + d], h: elements from head to head; what lies between heads is part of the rows."""
    rows, heads, size = x.shape
    return x.as_strided((rows, (heads - 1) * x.stride(1) + size), (x.stride(0), 1))
