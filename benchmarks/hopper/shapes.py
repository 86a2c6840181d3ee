"""Sizes of DeepSeek-V3's layers (arXiv 2412.19437, section 4.2), and which of them are measured.

M rows, N columns, K summed elements of a product ``y[M, N] = x[M, K] w[N, K]^T``.
"""

from dataclasses import dataclass

HIDDEN, EXPERT_WIDTH, EXPERTS, TOP_K = 7168, 2048, 256, 8
EXPERT_GROUPS, KEPT_GROUPS = 8, 4
HEADS, NOPE, ROPE, VALUES, LATENT, PAGE = 128, 128, 64, 128, 512, 64
SOFTMAX_SCALE = (NOPE + ROPE) ** -0.5

DENSE = (
    (2112, 7168),  # the two down-projections of attention
    (576, 7168),  # the latent's alone
    (24576, 1536),  # the query's up-projection
    (32768, 512),  # keys and values
    (7168, 16384),  # attention's output
    (4096, 7168),  # an expert's gate and up
    (7168, 2048),  # an expert's down
)
"""(N, K).  Source: deepseek-ai/DeepGEMM tests/generators.py."""
NARROW = (2112, 576)
"""Columns of products with fewer tiles than a device has multiprocessors."""
DENSE_ROWS = (64, 128, 1024, 4096)
GROUPED = ((4, 8192), (8, 4096))
"""(experts, rows of each on average), prefill."""
MASKED = ((16, 32), (16, 96), (16, 160))
"""(experts, rows of each on average), decode.  Source: deepseek-ai/DeepGEMM#192."""
EXPERT_SIDES = ((4096, 7168), (7168, 2048))
"""(N, K) of an expert's products."""
WGRAD = ((7168, 2112), (1536, 24576), (512, 32768), (16384, 7168), (7168, 4096), (2048, 7168))
"""(M, N) of a weight's gradient.  Source: deepseek-ai/DeepGEMM#95."""
WGRAD_TOKENS = (4096, 8192)


@dataclass(frozen=True)
class Decode:
    """A step of MLA decode: ``queries`` new tokens of each of ``batch`` sequences over ``context`` cached rows."""

    batch: int
    context: int
    queries: int = 1
    cache: str = "bf16"
    heads: int = HEADS

    @property
    def is_compute_bound(self) -> bool:
        """More than 128 rows of queries per cached row: FlashMLA's README puts the boundary there."""
        return self.heads * self.queries >= HEADS


DECODE = (
    Decode(128, 4096),
    Decode(128, 4096, queries=2),
    Decode(64, 8192),
    Decode(32, 16384, queries=2),
    Decode(16, 32768),
    Decode(128, 4096, heads=16),
    Decode(128, 8192, heads=16, queries=2),
    Decode(32, 16384, heads=32),
    Decode(128, 4096, cache="fp8"),
    Decode(64, 8192, queries=2, cache="fp8"),
    Decode(128, 8192, heads=16, cache="fp8"),
)
"""With 16 and 32 heads, a tensor-parallel share of a layer, reading the cache takes longer than multiplying."""
PREFILL = (2048, 4096, 8192, 16384)
"""Tokens of one sequence."""
ROWS = (1, 128, 4096, 16384)
"""Tokens of kernels that move rows."""
MOST_TOKENS = 16384
"""In one step, of the programs that configurations are chosen for."""


@dataclass(frozen=True)
class LayerStep:
    """A step of one full MoE layer; ``context`` counts the tokens in the cache after it, per sequence."""

    phase: str
    sequences: int
    new_tokens: int
    context: int


LAYER = (LayerStep("prefill", 1, 4096, 4096), LayerStep("decode", 128, 1, 1024))
"""1024: the keys and values that transformers expands for 128 sequences of it fill a quarter of an 80 GB device."""
