"""LogFMT: rows of bfloat16 as logarithms, for the way back from the experts.

A group of 128 channels shares the base-2 logarithms of its smallest and largest absolute value; a channel is a sign and
a code of n - 1 bits (n = 10 or 8).  Code 0 is zero, code c is ``2^(low + (c - 1) * step)``, and the threshold between
two neighbours is their arithmetic mean, so that rounding is unbiased in linear space.
Source: csrc/kernels/internode_ll.cu in deepseek-ai/DeepEP; arXiv 2505.09343, section 3.2.
Shape suffixes: R rows, D channels, G groups, C = 128 channels of a group.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

GROUP = 128
"""Channels that share a range."""
RANGE = 32.0
"""The smallest logarithm is at most this far below the largest: one zero in a group puts it there."""
CHUNKS = (1024, 512, GROUP)
"""Channels that are sent in one format; the first that divides a row."""
LANE = 16
"""Channels that are packed together: their codes, lowest first, then their 16 signs."""


def chunk_of(hidden: int) -> int:
    """Channels per chunk.  Raises ValueError for rows that are not whole groups."""
    found = next((chunk for chunk in CHUNKS if hidden % chunk == 0), None)
    if found is None:
        raise ValueError(f"LogFMT works on groups of {GROUP} channels; {hidden} is no multiple")
    return found


def ranges(x: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest absolute value per group, in bf16 (exact): [R, D] bf16 -> [R, G] twice."""
    absolute = x.abs().unflatten(-1, (-1, GROUP))
    return absolute.amin(dim=-1), absolute.amax(dim=-1)


def logarithms(smallest: Tensor, largest: Tensor) -> tuple[Tensor, Tensor]:
    """``low = max(log2 smallest, high - 32)`` and ``high = log2 largest`` in f64; both -inf where all is zero."""
    high = torch.log2(largest.to(torch.float64))
    return torch.maximum(torch.log2(smallest.to(torch.float64)), high - RANGE), high


def enabled(smallest: Tensor, largest: Tensor, hidden: int) -> Tensor:
    """Which chunks are sent as codes: every group is below 1 and has a range: [R, G] twice -> [R, D / chunk]."""
    low, high = logarithms(smallest, largest)
    fits = (high < 0) & (low < high)
    return fits.unflatten(-1, (-1, chunk_of(hidden) // GROUP)).all(dim=-1)


def encode(x: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    """``max(0, floor((log2|x| - low) / step + 2 - log2((1 + 2^step) / 2) / step))``: [R, D] -> [R, D] i64.

    ``step = (high - low) / (2^(bits - 1) - 2)``; low, high: [R, G] f64 with low < high.
    """
    logs = torch.log2(x.abs().to(torch.float64)).unflatten(-1, (-1, GROUP))
    step = step_of(low, high, bits).unsqueeze(-1)
    codes = torch.floor((logs - low.unsqueeze(-1)) / step + 2 - torch.log2((1 + torch.exp2(step)) / 2) / step)
    return codes.clamp(min=0).to(torch.int64).flatten(-2)


def step_of(low: Tensor, high: Tensor, bits: int) -> Tensor:
    """Distance of two codes in log2."""
    return (high - low) / ((1 << (bits - 1)) - 2)


def decode(codes: Tensor, negative: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    """``+-2^((code - 1) * step + low)``, code 0: zero; rounded to f32: [R, D] twice, [R, G] twice -> [R, D]."""
    grouped = codes.unflatten(-1, (-1, GROUP))
    logs = (grouped - 1) * step_of(low, high, bits).unsqueeze(-1) + low.unsqueeze(-1)
    absolute = torch.where(grouped == 0, 0.0, torch.exp2(logs)).flatten(-2).to(torch.float32)
    return torch.where(negative, -absolute, absolute)


def pack(codes: Tensor, negative: Tensor, bits: int) -> Tensor:
    """16 channels in ``16 * bits`` bits: codes lowest first, signs in the upper half of the last word.

    [R, D] twice -> [R, D / 16, bits / 2] words i32.
    """
    width = bits - 1
    lanes, signs = codes.unflatten(-1, (-1, LANE)), negative.to(torch.int64).unflatten(-1, (-1, LANE))
    words = torch.zeros((*lanes.shape[:-1], bits // 2), dtype=torch.int64)
    for index in range(LANE):
        place(words, lanes[..., index], index * width, width)
        place(words, signs[..., index], LANE * width + index, 1)
    return torch.where(words >= 1 << 31, words - (1 << 32), words).to(torch.int32)


def place(words: Tensor, value: Tensor, start: int, width: int) -> None:
    """Put ``width`` bits of ``value`` at bit ``start`` of the row of words; they may reach into the next word."""
    word, shift = divmod(start, 32)
    words[..., word] |= (value << shift) & 0xFFFFFFFF
    if shift + width > 32:
        words[..., word + 1] |= value >> (32 - shift)


def unpack(words: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """What ``pack`` was given: [R, D / 16, bits / 2] -> codes [R, D] i64, signs [R, D] bool."""
    width, unsigned = bits - 1, words.to(torch.int64) & 0xFFFFFFFF
    codes = [taken(unsigned, index * width, width) for index in range(LANE)]
    signs = [taken(unsigned, LANE * width + index, 1) for index in range(LANE)]
    return torch.stack(codes, dim=-1).flatten(-2), torch.stack(signs, dim=-1).flatten(-2) == 1


def taken(words: Tensor, start: int, width: int) -> Tensor:
    """``width`` bits from bit ``start`` of the row of words on."""
    word, shift = divmod(start, 32)
    value = words[..., word] >> shift
    if shift + width > 32:
        value = value | (words[..., word + 1] << (32 - shift))
    return value & ((1 << width) - 1)


def payload_of(x: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """What is sent of rows, in slots of one size: [R, D] bf16 -> words [R, D / 2] i32, pairs [R, G, 2] bf16.

    A chunk has the room that it takes as bf16.  Codes of a group are ``4 * bits`` words: first those that are the first
    of their 16 channels, then the second ones, ...; groups follow one another, and what is left of the slot is 0.  A
    chunk that is not enabled is its channels.  Pairs: smallest and largest absolute value.
    """
    hidden, chunk = x.shape[-1], chunk_of(x.shape[-1])
    smallest, largest = ranges(x)
    low, high = usable_logarithms(smallest, largest)
    words = pack(encode(x, low, high, bits), x < 0, bits).unflatten(1, (-1, GROUP // LANE)).transpose(-2, -1)
    coded = words.reshape(len(x), hidden // chunk, chunk * bits // 32)
    plain = x.contiguous().view(torch.int32).unflatten(1, (hidden // chunk, chunk // 2))
    coded = F.pad(coded, (0, plain.shape[-1] - coded.shape[-1]))
    on = enabled(smallest, largest, hidden).unsqueeze(-1)
    return torch.where(on, coded, plain).flatten(1), torch.stack([smallest, largest], dim=-1)


def from_payload(payload: Tensor, pairs: Tensor, bits: int) -> Tensor:
    """Rows of what ``payload_of`` made: [R, D / 2] i32, [R, G, 2] bf16 -> [R, D] f32."""
    hidden, (smallest, largest) = 2 * payload.shape[1], pairs.unbind(-1)
    chunk, low_high = chunk_of(hidden), usable_logarithms(smallest, largest)
    used = payload.unflatten(1, (-1, chunk // 2))[..., : chunk * bits // 32]
    lanes = used.reshape(len(payload), hidden // GROUP, bits // 2, GROUP // LANE).transpose(-2, -1).flatten(1, 2)
    coded = decode(*unpack(lanes, bits), *low_high, bits)
    on = enabled(smallest, largest, hidden).repeat_interleave(chunk, dim=-1)
    return torch.where(on, coded, payload.contiguous().view(torch.bfloat16).to(torch.float32))


def usable_logarithms(smallest: Tensor, largest: Tensor) -> tuple[Tensor, Tensor]:
    """``logarithms``; -1 and 0 for groups without a range."""
    low, high = logarithms(smallest, largest)
    usable = low < high
    return torch.where(usable, low, -1.0), torch.where(usable, high, 0.0)


def received(x: Tensor, bits: int) -> Tensor:
    """What arrives of rows that are sent in LogFMT: [R, D] -> [R, D] f32; x is rounded to bf16 first.

    Goes through the packed words.  Chunks that are not enabled arrive as bf16.
    """
    return from_payload(*payload_of(x.to(torch.bfloat16), bits), bits)


def message_bytes(x: Tensor, bits: int) -> Tensor:
    """Bytes of every row's message: ``chunk * bits / 8`` or, not enabled, ``chunk * 2``, and 4 per group: -> [R].

    The pair of every group is sent either way: it says which it is.
    """
    hidden = x.shape[-1]
    on, chunk = enabled(*ranges(x.to(torch.bfloat16)), hidden), chunk_of(hidden)
    return torch.where(on, chunk * bits // 8, chunk * 2).sum(dim=-1) + hidden // GROUP * 4
