"""Causal attention over expanded keys and values, in Triton's interpreter and Gluon's emulator, against its meaning."""

import re
from functools import partial

import pytest
import torch
from attention_steps import Step
from emulated_kernels import rounding_kernel
from kernel_references import run_checked
from matrix_launches import recorded, run_expanded_attention

from dsv3c.backends.triton.choices.expanded_attention import GLUON_TILES
from dsv3c.backends.triton.compilation.aot import compile_variants
from dsv3c.backends.triton.compilation.compile_worker import disassembled
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.gluon_emulation.launch import emulate
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.expanded_attention import expanded_attention
from dsv3c.backends.triton.runtime.gpu import Config
from dsv3c.ir.targets import load_target

NAME = "expanded_attention.expanded_attention"
BF16, F32 = torch.bfloat16, torch.float32


def run(
    step: Step, heads: int, nope: int, rope: int, values: int, *, dtype: torch.dtype = BF16, scores: str = "bf16",
    probs: str = "bf16", block_q: int = 16, block_n: int = 16, config: Config | None = None,
    gpu: InterpreterGpu | None = None, behind: int = 0, aligned: bool = False,
) -> torch.Tensor:  # fmt: skip
    """q's parts are views of one tensor; keys lie between others; ``behind`` rows that no sequence has are NaN."""
    torch.manual_seed(2)
    tokens, rows = step.num_tokens, sum(step.context)
    q = (torch.randn(tokens, heads, nope + rope) * 2).to(dtype)
    o = torch.empty(tokens, heads, values, dtype=dtype)
    offset, width = (8, 16) if aligned else (3, 7)
    kv, k_rope = torch.randn(rows + behind, heads, nope + values), torch.randn(rows + behind, rope + width)
    kv[rows:], k_rope[rows:] = torch.nan, torch.nan
    run_checked(
        expanded_attention,
        NAME,
        gpu or InterpreterGpu(),
        {"o": o},
        q_nope=q[..., :nope],
        q_rope=q[..., nope:],
        kv=kv.to(dtype),
        k_rope=k_rope.to(dtype)[:, offset : offset + rope],
        positions=step.positions,
        seq_offsets=step.seq_offsets,
        context_lens=step.context_lens,
        taken=torch.full((1,), 77, dtype=torch.int32),
        configs=[config or {"block_q": block_q, "block_n": block_n, "num_warps": 4, "num_stages": 2}],
        scale=0.11,
        scores=scores,
        probs=probs,
    )
    return o


WHOLE = Step(new=[1, 40, 17], context=[1, 40, 17])
CHUNKED = Step(new=[16, 0, 33, 2, 0], context=[70, 5, 50, 2, 0])


@pytest.mark.parametrize("scores", ["bf16", "f32"])
@pytest.mark.parametrize("step", [WHOLE, CHUNKED], ids=["whole", "chunked"])
def test_every_token_attends_to_its_own_rows(step: Step, scores: str) -> None:
    run(step, heads=2, nope=32, rope=16, values=32, scores=scores, probs=scores)


@pytest.mark.parametrize(("block_q", "block_n"), [(16, 32), (32, 16), (64, 64)])
def test_blocks_that_do_not_divide(block_q: int, block_n: int) -> None:
    run(CHUNKED, heads=1, nope=48, rope=24, values=40, block_q=block_q, block_n=block_n)


def test_in_other_types() -> None:
    run(CHUNKED, heads=2, nope=16, rope=16, values=16, dtype=F32, scores="f32", probs="f32")
    run(WHOLE, heads=2, nope=16, rope=16, values=16, dtype=torch.float16, scores="f16", probs="f16")


def test_the_head_sizes_of_the_real_model() -> None:
    run(Step(new=[130, 3], context=[140, 3]), heads=2, nope=128, rope=64, values=128, block_q=128, block_n=128)


def test_more_sequences_than_are_searched_at_once() -> None:
    step = Step(new=[1] + [0] * 129 + [2, 1], context=[1 + i % 3 for i in range(130)] + [20, 2])
    run(step, heads=1, nope=16, rope=16, values=16)


def test_without_tokens_nothing_is_launched() -> None:
    assert run(Step(new=[0, 0], context=[3, 4]), heads=2, nope=16, rope=16, values=16).numel() == 0


@pytest.mark.parametrize("sequences", [0, 3])
def test_tokens_behind_the_last_sequence_get_zeros(sequences: int) -> None:
    step = Step(new=[1, 9, 17][:sequences], context=[1, 12, 17][:sequences])
    known, tokens, rows = step.num_tokens, step.num_tokens + 40, sum(step.context)
    o = torch.full((tokens, 1, 16), torch.nan, dtype=BF16)
    expanded_attention(
        InterpreterGpu(), q_nope=torch.randn(tokens, 1, 16).to(BF16), q_rope=torch.randn(tokens, 1, 16).to(BF16),
        kv=torch.randn(rows, 1, 32).to(BF16), k_rope=torch.randn(rows, 16).to(BF16),
        positions=torch.cat([step.positions, torch.zeros(40, dtype=torch.int32)]), seq_offsets=step.seq_offsets,
        context_lens=step.context_lens, o=o, scale=1.0, scores="f32", probs="f32",
        configs=[{"block_q": 16, "block_n": 16, "num_warps": 4, "num_stages": 2}],
    )  # fmt: skip
    assert bool(o[:known].isfinite().all()) and bool(o[:known].any(dim=-1).all())
    assert not bool(o[known:].any())


def test_few_programs_walk_all_tiles() -> None:
    config = {"block_q": 16, "block_n": 32, "num_warps": 4, "num_stages": 2}
    persistent = {**config, "persistent": 1, "heads_together": 2}
    one_each = run(CHUNKED, heads=4, nope=32, rope=16, values=32, config=config)
    walked = run(CHUNKED, heads=4, nope=32, rope=16, values=32, config=persistent, gpu=InterpreterGpu(num_sms=3))
    assert torch.equal(one_each, walked)


def test_programs_that_go_on_need_a_counter() -> None:
    q = torch.randn(4, 1, 16).to(BF16)
    with pytest.raises(ValueError, match="count them in `taken`"):
        expanded_attention(
            InterpreterGpu(), q_nope=q, q_rope=q, kv=torch.randn(4, 1, 32).to(BF16), k_rope=q[:, 0],
            positions=torch.arange(4, dtype=torch.int32), seq_offsets=torch.tensor([0, 4], dtype=torch.int32),
            context_lens=torch.tensor([4], dtype=torch.int32), o=torch.empty_like(q), scale=1.0, scores="f32",
            probs="f32",
            configs=[{"block_q": 16, "block_n": 16, "num_warps": 4, "num_stages": 2, "persistent": 1}],
        )  # fmt: skip


def run_gluon(
    step: Step, *, heads: int = 1, tile: int = 0, scores: str = "bf16", seed: int = 0, behind: int = 0
) -> torch.Tensor:
    """With the sizes of DeepSeek-V3's heads."""
    gpu = GluonInterpreterGpu(num_sms=3, seed=seed)
    o = run(
        step,
        heads,
        128,
        64,
        128,
        scores=scores,
        config=GLUON_TILES[tile].config(),
        gpu=gpu,
        behind=behind,
        aligned=True,
    )
    assert gpu.emulated == 1
    return o


@pytest.mark.parametrize("tokens", [1, 64, 65, 128, 200])
def test_one_sequence_in_gluon(tokens: int) -> None:
    run_gluon(Step(new=[tokens], context=[tokens]))


LOW = len(GLUON_TILES) - 1
LONGER = Step(new=[40, 0, 128, 33, 1], context=[300, 5, 128, 50, 129])


@pytest.mark.parametrize("scores", ["bf16", "f32"])
@pytest.mark.parametrize("tile", range(len(GLUON_TILES)))
def test_longer_contexts_in_gluon(tile: int, scores: str) -> None:
    run_gluon(LONGER, heads=3, tile=tile, scores=scores, seed=tile)


def test_rows_of_no_sequence_do_not_count_in_gluon() -> None:
    """Not even as zero times NaN: a tile of the last sequence's context ends behind it."""
    run_gluon(LONGER, behind=130)
    run_gluon(LONGER, tile=LOW, behind=130)


def test_the_order_of_events_changes_nothing_in_gluon() -> None:
    first, *others = [run_gluon(LONGER, heads=2, seed=seed) for seed in range(5)]
    assert all(torch.equal(first, other) for other in others)


@pytest.mark.parametrize("sequences", [0, 3])
def test_tokens_behind_the_last_sequence_get_zeros_in_gluon(sequences: int) -> None:
    step = Step(new=[1, 9, 140][:sequences], context=[1, 12, 140][:sequences])
    known, tokens, rows = step.num_tokens, step.num_tokens + 140, sum(step.context)
    o = torch.full((tokens, 1, 128), torch.nan, dtype=BF16)
    expanded_attention(
        GluonInterpreterGpu(), q_nope=torch.randn(tokens, 1, 128).to(BF16), q_rope=torch.randn(tokens, 1, 64).to(BF16),
        kv=torch.randn(rows, 1, 256).to(BF16), k_rope=torch.randn(rows, 64).to(BF16),
        positions=torch.cat([step.positions, torch.zeros(140, dtype=torch.int32)]), seq_offsets=step.seq_offsets,
        context_lens=step.context_lens, o=o, taken=torch.ones(1, dtype=torch.int32), scale=1.0, scores="f32",
        probs="f32", configs=[GLUON_TILES[0].config()],
    )  # fmt: skip
    assert bool(o[:known].isfinite().all()) and bool(o[:known].any(dim=-1).all())
    assert not bool(o[known:].any())


def test_scores_are_rounded_to_the_nearest() -> None:
    """Without casts: as those round, ties and neighbours of powers of two included."""
    bits = torch.randint(
        0x20000000, 0x5F000000, (16384,), dtype=torch.int32, generator=torch.Generator().manual_seed(3)
    )
    bits[:4096] = bits[:4096] & ~0xFFFF | 0x8000
    bits[4096:8192] = (bits[4096:8192] & ~0x7FFFFF) + torch.arange(-2048, 2048, dtype=torch.int32) * 16
    bits[::2] |= -(1 << 31)
    x, y = bits.view(F32), torch.empty(bits.shape)
    emulate(rounding_kernel, (1, 1, 1), {"x_ptr": x, "y_ptr": y}, {"COUNT": bits.numel()})
    assert torch.equal(y, x.to(BF16).to(F32))
    emulate(rounding_kernel, (1, 1, 1), {"x_ptr": torch.full((128,), torch.nan), "y_ptr": y}, {"COUNT": 128})
    assert bool(y[:128].isnan().all())


@pytest.mark.parametrize(("tile", "scores"), [(0, "bf16"), (LOW, "f32")])
def test_exponentials_are_taken_while_values_are_multiplied(tile: int, scores: str) -> None:
    """Between the wait for the scores and the wait for the products of earlier probabilities with values."""
    config = GLUON_TILES[tile].config()
    (variant,) = recorded(partial(run_expanded_attention, scores=scores), [config])
    (kernel,) = compile_variants([variant], load_target("h800"), cache=default_cache())
    assert kernel.shared_bytes <= GLUON_TILES[tile].shared_bytes()
    code = disassembled(kernel.binary)
    parts = re.split(r"WARPGROUP\.DEPBAR\.LE gsb0, (0x\d)", code)
    after_scores = [part for wait, part in zip(parts[1::2], parts[2::2], strict=True) if wait == "0x1"]
    # Two loops, with masks and without, of two warpgroups; a thread has half of a row's scores for each of 2 rows.
    assert [part.count("MUFU.EX2") for part in after_scores] == [config["block_n"] // 2 + 2] * 4
    # Rounding is left as it is written, and takes no casts of single numbers.
    rounded = [
        len(re.findall(rf"\b{name} .*[ -]{factor}\b", code)) for name, factor in (("FMUL", 65535), ("FFMA", 65536))
    ]
    assert rounded == [config["block_n"] // 2 * 6 if scores == "bf16" else 0] * 2 and "F2F." not in code
