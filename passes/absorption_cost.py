"""What expanded and absorbed attention cost, and the query length at which they cost the same.

Per layer and step, for N sequences with L tokens of context each and q new tokens per sequence, the mean number of
visible keys v = L - (q - 1)/2, H heads, sizes dn, dr, dv and latent rank r (FLOPs, one multiply-add = 2):

    expanded = 2 N L r H (dn + dv)  +  2 N q v H (dn + dr + dv)
    absorbed = 2 N q r H (dn + dv)  +  2 N q v H (2 r + dr)

Bytes: both read W_kv_b and the cache rows once; expanded also writes and reads K and V of the context.
Source: the attention terms of arXiv 2405.04434 section 2.1 and of deepseek-ai/FlashMLA's notes of 2025-04-22.
"""

from dataclasses import dataclass

from dsv3c.ir.targets import Target
from dsv3c.passes.phases import Phase


@dataclass(frozen=True)
class AttentionSizes:
    """Static sizes of one attention (elements) and of its elements (bytes)."""

    heads: int
    nope: int
    rope: int
    value: int
    latent: int
    element_bytes: int
    dtype: str
    """Name of the matrix operand type as targets state it."""


@dataclass(frozen=True)
class Work:
    """What one step of one layer does."""

    flops: float
    memory_bytes: float

    def cost(self, target: Target, dtype: str) -> float:
        """Floor time on the target (seconds), or FLOPs where it states no rate for ``dtype``."""
        if not target.states_rates(dtype):
            return self.flops
        seconds = target.floor_s(flops=self.flops, dtype=dtype, memory_bytes=self.memory_bytes)
        assert seconds is not None
        return seconds


@dataclass(frozen=True)
class Choice:
    """Both costs for the phase's step, and where the cheaper one changes."""

    break_even_query: int
    """Absorbed is at most as expensive up to this many new tokens per sequence; 0: never."""
    reason: str
    numbers: dict[str, float | int | str]


def expanded(sizes: AttentionSizes, sequences: int, query: int, context: int) -> Work:
    """Cost of expanding the context and attending over K and V."""
    visible = context - (query - 1) / 2
    kv = sizes.heads * (sizes.nope + sizes.value)
    flops = 2.0 * sequences * context * sizes.latent * kv
    flops += 2.0 * sequences * query * visible * sizes.heads * (sizes.nope + sizes.rope + sizes.value)
    materialised = 2 * sequences * context * (kv + sizes.rope)
    return Work(flops, sizes.element_bytes * (materialised + shared_elements(sizes, sequences, context)))


def absorbed(sizes: AttentionSizes, sequences: int, query: int, context: int) -> Work:
    """Cost of taking queries into the latent space and outputs out of it, and attending there."""
    visible = context - (query - 1) / 2
    kv = sizes.heads * (sizes.nope + sizes.value)
    flops = 2.0 * sequences * query * sizes.latent * kv
    flops += 2.0 * sequences * query * visible * sizes.heads * (2 * sizes.latent + sizes.rope)
    queries = 4 * sequences * query * sizes.heads * sizes.latent
    return Work(flops, sizes.element_bytes * (queries + shared_elements(sizes, sequences, context)))


def shared_elements(sizes: AttentionSizes, sequences: int, context: int) -> int:
    """Elements both forms read: W_kv_b and the cache rows."""
    weight = sizes.latent * sizes.heads * (sizes.nope + sizes.value)
    return weight + sequences * context * (sizes.latent + sizes.rope)


def choose(target: Target, sizes: AttentionSizes, phase: Phase) -> Choice:
    """Compare for the phase's step; by floor time where the target states rates, else by FLOPs."""
    query = max(1, phase.tokens // max(1, phase.sequences))
    context = max(phase.context, query)

    def is_absorbed_cheaper(length: int) -> bool:
        span = max(context, length)
        left, right = (form(sizes, phase.sequences, length, span) for form in (absorbed, expanded))
        return left.cost(target, sizes.dtype) <= right.cost(target, sizes.dtype)

    low, high = 0, phase.max_query + 1  # absorbed wins at low (0: vacuously), loses at high or high is past the range
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_absorbed_cheaper(middle) else (low, middle)
    left, right = absorbed(sizes, phase.sequences, query, context), expanded(sizes, phase.sequences, query, context)
    numbers: dict[str, float | int | str] = {
        "absorbed_flops": left.flops,
        "expanded_flops": right.flops,
        "absorbed_bytes": left.memory_bytes,
        "expanded_bytes": right.memory_bytes,
        "query_tokens": query,
        "context_tokens": context,
        "sequences": phase.sequences,
    }
    basis = f"floor time on {target.name}" if target.states_rates(sizes.dtype) else "FLOPs"
    if low == 0:
        span = f"expanded is cheaper for every query length ({phase.min_query}..{phase.max_query})"
    elif low >= phase.max_query:
        span = f"absorbed is cheaper for every query length ({phase.min_query}..{phase.max_query})"
    else:
        span = f"absorbed is cheaper up to {low} new tokens per sequence, expanded from {low + 1} to {phase.max_query}"
    return Choice(low, f"{span}, at {context} tokens of context, by {basis}", numbers)
