"""The kernel of attention in the latent space, and how far it may split contexts."""

from collections.abc import Sequence
from functools import partial

from xdsl.dialects.builtin import f32

from dsv3c.backends.triton.choices.attention_configs import (
    BYTES,
    LEAST,
    AttentionTile,
    first_that_fits,
    padded,
    shared_limit,
    why_types_refused,
)
from dsv3c.backends.triton.choices.base import (
    KERNELS,
    Candidates,
    Choice,
    Config,
    Refused,
    Rejected,
    Scratch,
    Selection,
)
from dsv3c.ir.dialects.mla import AbsorbedAttentionOp
from dsv3c.ir.dialects.mla_cache import SCALE_BYTES, CacheType, cache_type
from dsv3c.ir.types import element_type, shape

WIDE = 64
"""Heads from which on the query stays in shared memory: a warpgroup's product has 64 rows."""
MAX_SPLITS = 128
"""Parts of a context that one program combines, as the launcher has it."""
WAVES = 2
"""Programs per multiprocessor that splitting may make."""
OVERHEAD_TILES = 4
"""What a part costs beside its tiles of rows, in tiles: reading the query, writing and reading sums in f32."""
BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Tokens that splits are chosen for, at most."""
SPLIT_TOKENS = 2048
"""Cached rows of a part where parts may not depend on the batch.  Half as many have twice as many programs for one long
context, and twice the sums: a row of 128 heads has 256 KiB, a part of 2048 rows of bf16 2.3 MiB of cache."""
TILES = (
    AttentionTile(64, 64, num_warps=8, num_stages=5),
    AttentionTile(64, 64, num_warps=8, num_stages=3),
    AttentionTile(64, 32, num_warps=8, num_stages=5),
    AttentionTile(32, 64, num_warps=8, num_stages=5),
    AttentionTile(32, 32, num_warps=8, num_stages=5),
    AttentionTile(16, 32, num_warps=4, num_stages=5),
    AttentionTile(32, 16, num_warps=4, num_stages=2),
    AttentionTile(16, 16, num_warps=4, num_stages=2),
)
"""Candidates, the best first.  Half the stages hold page numbers, so that rows are in flight while others are
multiplied; with 3 stages, only during the second product."""
GLUON_TILE = AttentionTile(64, 64, num_warps=4, num_stages=2, gluon=True)
"""Of the kernel in Gluon: two tiles of rows, which two warpgroups multiply in turn."""
GLUON_SIZES = (512, 64, 64)
"""Elements of the latent and of the rope key, and rows of a page, that it is written for."""
GLUON_GRANULE = 128
"""Columns with one scale, of a latent in 8 bits."""
EXCHANGE = 1488
"""Bytes through which its warpgroups tell each other maxima and sums, of barriers, and of what is kept for parts."""
WITHOUT_TENSOR_CORES = (AttentionTile(16, 16, num_warps=4, num_stages=3),)
"""For f32, which is multiplied exactly."""
SPILLING = (
    Rejected("64x64, 4 warps, 3 stages", "255 registers, 3304 bytes spilled"),
    Rejected("64x64, 16 warps, 2 stages", "128 registers, 332 bytes spilled, products serialised"),
    Rejected("64x128, 8 warps, 3 stages", "255 registers, 56 bytes spilled, 368644 bytes of shared memory"),
    Rejected("128x64, 8 warps, 3 stages", "255 registers, 3220 bytes spilled, products serialised"),
)
"""r 512, dr 64, bf16, for sm_90a by ptxas of Triton 3.9."""


@KERNELS.rule(AbsorbedAttentionOp)
def absorbed_attention(op: AbsorbedAttentionOp, at: Selection) -> Choice | Refused:
    """The kernel of ``mla.absorbed_attention`` for this cache, with scratch to split contexts of few tokens."""
    cache = cache_type(op.cache)
    reason = why_types_refused([op.q_latent, op.q_rope], [op.scores, op.probs]) or why_refused(op, cache, at)
    if reason is not None:
        return Refused(reason)
    _, heads, rank = shape(op.q_latent)
    assert isinstance(heads, int) and isinstance(rank, int)
    kind = str(element_type(op.q_latent))
    candidates = [
        tile
        for tile in (WITHOUT_TENSOR_CORES if kind == "f32" else TILES)
        if tile.queries <= padded(heads) and cache.page_size.data % tile.rows == 0
    ]
    in_gluon, reasons = gluon_tiles(op, cache, at)
    candidates = [*in_gluon, *candidates]
    if not candidates:
        return Refused(f"pages of {cache.page_size.data} rows: the kernel reads a multiple of {LEAST} of one page")
    needed = partial(shared_bytes, cache=cache, element_bytes=BYTES[kind])
    tile, too_large = first_that_fits(candidates, needed, at)
    if tile is None:
        return Refused(f"latent {rank}: {too_large[-1].candidate} {too_large[-1].reason}")
    found = fixed_parts(op, tile, at) if at.batch_invariant else equal_parts(op, tile, at)
    if isinstance(found, Refused):
        return found
    configs, rows = found
    fitting = [tile for tile in candidates if needed(tile) <= shared_limit(at)]
    return Choice(
        launcher="absorbed_attention.absorbed_attention",
        operands={
            **{"q_latent": op.q_latent, "q_rope": op.q_rope, "cache": op.cache, "positions": op.positions},
            **{"seq_offsets": op.seq_offsets, "block_table": op.block_table, "context_lens": op.context_lens},
        },
        results={"o": op.o},
        configs=configs,
        parameters={"scale": op.scale.value.data, "scores": str(op.scores), "probs": str(op.probs)},
        scratch={"partial": Scratch((rows, heads, rank), f32), "lse": Scratch((rows, heads), f32)},
        rejected=(*reasons, *too_large, *SPILLING),
        candidates=None if at.batch_invariant else candidates_of(op, fitting, at),
    )


def gluon_tiles(op: AbsorbedAttentionOp, cache: CacheType, at: Selection) -> tuple[list[AttentionTile], list[Rejected]]:
    """The tile of the kernel in Gluon, or why it does not run the op; neither where the target has no such form."""
    if not at.gluon:
        return [], []
    if reason := why_not_gluon(op, cache):
        return [], [Rejected(GLUON_TILE.name, reason)]
    return [GLUON_TILE], []


def why_not_gluon(op: AbsorbedAttentionOp, cache: CacheType) -> str | None:
    """Why the kernel in Gluon does not run the op; None where it does."""
    heads, kind = shape(op.q_latent)[1], str(element_type(op.q_latent))
    sizes = (cache.latent.data, cache.rope.data, cache.page_size.data)
    assert isinstance(heads, int)
    if kind != "bf16":
        return f"queries of {kind}: it is written for bf16"
    if sizes != GLUON_SIZES:
        return f"a latent of {sizes[0]}, keys of {sizes[1]}, pages of {sizes[2]} rows: it is written for 512, 64, 64"
    if heads % GLUON_TILE.queries:
        return f"{heads} heads: a warpgroup's product has 64 rows, all of one token"
    if cache.is_quantized and cache.granule.data != GLUON_GRANULE:
        return f"granules of {cache.granule.data} elements: it dequantises {GLUON_GRANULE} columns with one scale"
    return None


def candidates_of(op: AbsorbedAttentionOp, tiles: Sequence[AttentionTile], at: Selection) -> Candidates:
    """What a measurement finds the fastest among: tiles with powers of two of splits, and the rule's own."""
    tokens, heads, _ = shape(op.q_latent)
    assert isinstance(heads, int)
    context = at.hint(shape(op.block_table)[1]) * cache_type(op.cache).page_size.data
    found = dict[int, list[Config]]()
    for bound in (*BOUNDS, 0):
        configs = found.setdefault(bound, [])
        for tile in tiles:
            programs, parts = bound * -(-heads // tile.queries), context // tile.rows
            most = max(1, min(MAX_SPLITS, WAVES * at.num_sms // programs, parts)) if programs else 1
            powers = {1 << power for power in range(most.bit_length())}
            splits = sorted(powers | {num_splits(programs, parts, at.num_sms, most)})
            configs += [{**tile.config("block_h"), "splits": count} for count in splits]
    return Candidates(tokens, found, {"context": context})


def why_refused(op: AbsorbedAttentionOp, cache: CacheType, at: Selection) -> str | None:
    """Why no kernel reads a cache of this type; None where one does."""
    kind = element_type(op.q_latent)
    if cache.rope_type != kind:
        return f"keys of {cache.rope_type} and queries of {kind}: the kernel multiplies numbers of one type"
    if not cache.is_quantized:
        same = cache.latent_type == kind
        return None if same else f"a latent of {cache.latent_type} without scales and queries of {kind}"
    if str(cache.latent_type) not in at.target.dense_flops_per_s:
        return f"the cache holds {cache.latent_type}, which {at.target.name} has no matrix products of"
    granule = cache.granule.data
    if granule & (granule - 1):
        return f"granules of {granule} elements: the kernel reads powers of two"
    return None


def shared_bytes(tile: AttentionTile, cache: CacheType, element_bytes: int) -> int:
    """Shared memory of the query, the rows in flight, and what dequantisation leaves of them."""
    rank, rope = padded(cache.latent.data), padded(cache.rope.data)
    if tile.gluon:
        return (tile.queries + tile.num_stages * tile.rows) * (rank + rope) * element_bytes + EXCHANGE
    wide = tile.queries >= WIDE
    in_flight = max(1, (tile.num_stages - 1) // 2)
    query = tile.queries * (rank + (rope if wide else 0)) * element_bytes
    keys = tile.rows * rope * element_bytes * (in_flight + wide)
    if not cache.is_quantized:
        return query + keys + tile.rows * rank * element_bytes * (in_flight + wide)
    stored = tile.rows * (rank + SCALE_BYTES * cache.num_scales) * in_flight
    return query + keys + stored + tile.rows * rank * (element_bytes + (0 if wide else 1))


def split_configs(op: AbsorbedAttentionOp, tile: AttentionTile, at: Selection) -> tuple[Config, ...]:
    """The tile with the splits of every number of tokens that leaves multiprocessors idle, and with one for more."""
    tokens, heads, _ = shape(op.q_latent)
    assert isinstance(heads, int)
    head_blocks = -(-heads // tile.queries)
    tiles = at.hint(shape(op.block_table)[1]) * (cache_type(op.cache).page_size.data // tile.rows)
    configs = list[Config]()
    for bound in BOUNDS:
        programs = bound * head_blocks
        splits = num_splits(programs, tiles, at.num_sms, min(MAX_SPLITS, WAVES * at.num_sms // programs))
        if configs and configs[-1]["splits"] == splits:
            configs.pop()
        configs.append({"up_to": bound, **tile.config("block_h"), "splits": splits})
        if splits == 1:
            break
    last = {**tile.config("block_h"), "splits": 1}
    return at.fitting([*(config for config in configs if config["splits"] > 1), last], tokens)


def equal_parts(op: AbsorbedAttentionOp, tile: AttentionTile, at: Selection) -> tuple[Sequence[Config], int]:
    """Configurations by tokens of a step, and rows of partial sums."""
    configs, most = split_configs(op, tile, at), at.bounds(shape(op.q_latent)[0])[1]
    return configs, max(1, *(needed_rows(config, most) for config in configs))


def fixed_parts(op: AbsorbedAttentionOp, tile: AttentionTile, at: Selection) -> tuple[Sequence[Config], int] | Refused:
    """The one configuration with parts of a fixed size, and rows of partial sums.

    Which parts a context has depends on nothing but its length.  There is room for those of as many tokens as fill the
    device, each with the longest context, or of all tokens: a launcher with more of them launches several times.
    """
    (tokens, heads, _), (_, pages) = shape(op.q_latent), shape(op.block_table)
    assert isinstance(heads, int)
    most, longest = at.bounds(tokens)[1], at.bounds(pages)[1]
    if longest is None:
        return Refused("contexts of any length: parts of a fixed size need memory for those of the longest")
    parts = -(-longest * cache_type(op.cache).page_size.data // SPLIT_TOKENS)
    together = -(-at.num_sms // -(-heads // tile.queries))
    rows = parts * max(1, together if most is None else min(most, together)) if parts > 1 else 1
    return ({**tile.config("block_h"), "split_tokens": SPLIT_TOKENS},), rows


def num_splits(programs: int, tiles: int, num_sms: int, most: int) -> int:
    """Into how many parts to split contexts of ``tiles`` tiles, ``programs`` of them, for the last to end first."""
    candidates = range(1, max(1, min(most, tiles)) + 1)
    return min(candidates, key=lambda n: (-(-programs * n // num_sms) * (-(-tiles // n) + OVERHEAD_TILES), n))


def needed_rows(config: Config, most: int | None) -> int:
    """Rows of partial sums of the most tokens that a configuration is for; ``most``: that there can be."""
    if config["splits"] == 1:
        return 0
    bound = config.get("up_to", most)
    assert bound is not None
    return config["splits"] * (bound if most is None else min(bound, most))
