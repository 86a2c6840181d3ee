"""Blocks of tokens that attend to expanded keys and values: which there are, and how one warp tells others of them."""

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

Shared = gl.shared_memory_descriptor
NOTE = gl.constexpr(6)
"""Numbers that the copying warp tells of a block (see ``block_of``); a negative head: there are no more."""
HEAD, START, END, LENGTH = gl.constexpr(0), gl.constexpr(1), gl.constexpr(2), gl.constexpr(3)
LEAST, MOST = gl.constexpr(4), gl.constexpr(5)


@gluon.jit
def sequence_of_block(
    seq_offsets_ptr: gl.tensor, context_lens_ptr: gl.tensor, num_sequences: gl.tensor, block: gl.tensor,
    BLOCK_Q: gl.constexpr,
) -> tuple[gl.tensor, gl.tensor]:  # fmt: skip
    """A block's sequence n, and the context rows before that sequence's."""
    i = gl.arange(0, 128, layout=gl.BlockedLayout([4], [32], [1], [0]))
    n = block * 0
    rows = block * 0
    for start in range(0, num_sequences, 128):
        inside = start + i < num_sequences
        end = gl.load(seq_offsets_ptr + 1 + start + i, mask=inside, other=0)
        before = inside & (end // BLOCK_Q + start + i + 1 <= block)
        n += gl.sum(before.to(gl.int32), 0)
        rows += gl.sum(gl.load(context_lens_ptr + start + i, mask=before, other=0), 0)
    return n, rows


@gluon.jit
def block_of(
    tile: gl.tensor, step: gl.tuple, BLOCK_Q: gl.constexpr
) -> tuple[gl.tensor, gl.tensor, gl.tensor, gl.tensor, gl.tensor, gl.tensor, gl.tensor]:
    """A tile's head, first token, end of its sequence, context rows before, context rows, and rows seen: least, most.

    A tile without tokens starts at its end; one behind the last sequence sees no rows.
    """
    positions_ptr, seq_offsets_ptr, context_lens_ptr, num_tokens, num_sequences, num_blocks, heads_together = step
    row = tile // heads_together
    head = row // num_blocks * heads_together + tile % heads_together
    block = num_blocks - 1 - row % num_blocks  # the longest contexts first
    n, before = sequence_of_block(seq_offsets_ptr, context_lens_ptr, num_sequences, block, BLOCK_Q)
    first = gl.load(seq_offsets_ptr + n)
    start = first + (block - first // BLOCK_Q - n) * BLOCK_Q
    end, length = num_tokens, block * 0
    if n < num_sequences:
        end = gl.load(seq_offsets_ptr + n + 1)
        length = gl.load(context_lens_ptr + n)
    least, most = block * 0, block * 0
    if start < end:
        t = gl.minimum(start + gl.arange(0, BLOCK_Q, layout=gl.BlockedLayout([4], [32], [1], [0])), end - 1)
        seen = gl.minimum(gl.load(positions_ptr + t) + 1, length)
        least, most = gl.min(seen, 0), gl.max(seen, 0)
    return head, start, end, before, length, least, most


@gluon.jit
def write(note: Shared, NUMBER: gl.constexpr, number: gl.tensor) -> None:
    """Tell the warpgroups a number."""
    note.index(NUMBER).store(gl.full((1,), number, gl.int32, gl.BlockedLayout([1], [32], [1], [0])))


@gluon.jit
def read(note: Shared, NUMBER: gl.constexpr) -> gl.tensor:
    """What the copying warp told."""
    return gl.sum(note.index(NUMBER).load(gl.BlockedLayout([1], [32], [4], [0])), 0)
