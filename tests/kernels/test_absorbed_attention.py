"""Attention over a paged latent cache, in Triton's interpreter and the emulator of Gluon, against its meaning."""

import pytest
import torch
from attention_steps import Step
from kernel_references import calc_diff, run_checked

from dsv3c.backends.reference.meanings.mla import absorbed_attention as meaning
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.absorbed_attention import absorbed_attention
from dsv3c.backends.triton.runtime.gpu import Gpu

NAME = "absorbed_attention.absorbed_attention"
BF16, F32 = torch.bfloat16, torch.float32


def run(
    step: Step, heads: int, rank: int, rope: int, *, dtype: torch.dtype = BF16, granule: int = 0, scores: str = "bf16",
    probs: str = "bf16", splits: int = 3, block_n: int = 16, fp8: torch.dtype = torch.float8_e4m3fn,
    config: dict[str, int] | None = None, gpu: Gpu | None = None, rows: int = 0,
) -> torch.Tensor:  # fmt: skip
    torch.manual_seed(1)
    tokens = step.num_tokens
    q = torch.randn(tokens, heads, rank + rope).to(dtype)
    q_latent = torch.randn(heads, tokens, rank).to(dtype).transpose(0, 1)
    o = torch.empty(tokens, heads, rank, dtype=dtype)
    rows = rows or tokens * splits
    run_checked(
        absorbed_attention,
        NAME,
        gpu or InterpreterGpu(),
        {"o": o},
        q_latent=q_latent,
        q_rope=q[..., rank:],
        cache=step.cache(rank, rope, dtype, granule, fp8),
        positions=step.positions,
        seq_offsets=step.seq_offsets,
        block_table=step.block_table(),
        context_lens=step.context_lens,
        partial=torch.full((rows, heads, rank), torch.nan),
        lse=torch.full((rows, heads), torch.nan),
        configs=[
            {**(config or {"block_h": 16, "block_n": block_n, "num_warps": 4, "num_stages": 2}), "splits": splits}
        ],
        scale=0.07,
        scores=scores,
        probs=probs,
    )
    return o


GLUON = {"block_h": 64, "block_n": 64, "num_warps": 4, "num_stages": 2, "gluon": 1}


def emulate(
    step: Step, *, heads: int = 64, splits: int = 1, seed: int = 0, scores: str = "bf16", granule: int = 0
) -> torch.Tensor:
    """The Gluon kernel, which has one latent and one rope key; rows that a context lacks hold NaN."""
    gpu = GluonInterpreterGpu(seed=seed)
    o = run(step, heads, 512, 64, granule=granule, scores=scores, splits=splits, config=GLUON, gpu=gpu)
    assert gpu.emulated == 1
    return o


DECODE = Step(new=[1, 1, 1], context=[1, 70, 64])
RAGGED = Step(new=[2, 0, 3, 1], context=[2, 9, 67, 40], page_size=32)


@pytest.mark.parametrize("scores", ["bf16", "f32"])
@pytest.mark.parametrize("step", [DECODE, RAGGED], ids=["decode", "ragged"])
def test_every_token_attends_to_its_own_rows(step: Step, scores: str) -> None:
    run(step, heads=4, rank=64, rope=16, scores=scores, probs=scores)


def test_sizes_that_are_no_powers_of_two() -> None:
    run(Step(new=[1, 2], context=[5, 33]), heads=19, rank=48, rope=24, block_n=32)


def test_a_latent_in_8_bits_is_dequantised() -> None:
    run(RAGGED, heads=4, rank=64, rope=16, granule=16)
    run(DECODE, heads=3, rank=48, rope=16, granule=32)
    run(DECODE, heads=3, rank=32, rope=16, granule=128, fp8=torch.float8_e4m3fnuz)


def test_in_f32() -> None:
    run(RAGGED, heads=4, rank=32, rope=16, dtype=F32, scores="f32", probs="f32")
    run(DECODE, heads=4, rank=32, rope=16, dtype=torch.float16, scores="f16", probs="f16")


def test_the_heads_and_ranks_of_the_real_model() -> None:
    run(Step(new=[1], context=[65]), heads=128, rank=512, rope=64, block_n=64)
    run(Step(new=[1], context=[65]), heads=16, rank=512, rope=64, block_n=64, granule=128)


@pytest.mark.parametrize("splits", [1, 2, 7, 100])
def test_contexts_in_any_number_of_parts(splits: int) -> None:
    run(Step(new=[1, 1, 1], context=[1, 150, 64]), heads=2, rank=32, rope=16, splits=splits)


def test_a_table_of_one_tile_is_split_all_the_same() -> None:
    run(Step(new=[2], context=[5], page_size=16), heads=2, rank=32, rope=16, splits=4)


def test_probabilities_are_rounded_before_their_sum_is_known() -> None:
    """The meaning rounds them after: both are as far from exact ones, and twice as far from each other."""
    torch.manual_seed(3)
    step, rank, o = Step(new=[8], context=[50], page_size=16), 32, torch.empty(8, 16, 32, dtype=BF16)
    common = {
        **{"q_latent": torch.randn(8, 16, rank).to(BF16), "q_rope": torch.randn(8, 16, 16).to(BF16)},
        **{"cache": step.cache(rank, 16, BF16), "positions": step.positions, "seq_offsets": step.seq_offsets},
        **{"block_table": step.block_table(), "context_lens": step.context_lens, "scale": 0.1},
    }
    configs = [{"block_h": 16, "block_n": 16, "splits": 1, "num_warps": 4, "num_stages": 2}]
    unused = torch.empty(8, 16, rank), torch.empty(8, 16)
    absorbed_attention(
        InterpreterGpu(), **common, o=o, partial=unused[0], lse=unused[1], configs=configs, scores="bf16", probs="bf16"
    )
    exact, after = (meaning(**common, scores=BF16, probs=probs) for probs in (F32, BF16))
    assert 1e-7 < calc_diff(o, exact) < 1.1 * calc_diff(after, exact)
    assert calc_diff(o, after) < 2.2 * calc_diff(after, exact)


def test_more_sequences_than_are_searched_at_once() -> None:
    step = Step(new=[1] + [0] * 129 + [2, 1], context=[1 + i % 3 for i in range(130)] + [20, 2], page_size=16)
    run(step, heads=1, rank=16, rope=16)


def test_without_tokens_nothing_is_launched() -> None:
    assert run(Step(new=[0, 0], context=[3, 4]), heads=2, rank=32, rope=16).numel() == 0


@pytest.mark.parametrize("how", [{"splits": 1}, {"splits": 3}, {"split_tokens": 32}])
def test_tokens_behind_the_last_sequence_get_zeros(how: dict[str, int]) -> None:
    step, o = DECODE, torch.full((5, 2, 32), torch.nan, dtype=BF16)
    absorbed_attention(
        InterpreterGpu(), q_latent=torch.randn(5, 2, 32).to(BF16), q_rope=torch.randn(5, 2, 16).to(BF16),
        cache=step.cache(32, 16, BF16), positions=torch.zeros(5, dtype=torch.int32), seq_offsets=step.seq_offsets,
        block_table=step.block_table(), context_lens=step.context_lens, o=o,
        partial=torch.full((15, 2, 32), torch.nan), lse=torch.full((15, 2), torch.nan),
        scale=1.0, scores="f32", probs="f32",
        configs=[{"block_h": 16, "block_n": 16, "num_warps": 4, "num_stages": 2, **how}],
    )  # fmt: skip
    assert bool(o[:3].isfinite().all()) and bool(o[:3].any())
    assert not bool(o[3:].any())


FIXED = {"block_h": 16, "block_n": 16, "num_warps": 4, "num_stages": 2, "split_tokens": 32}


@pytest.mark.parametrize("length", [1, 31, 32, 33, 64, 150])
def test_parts_of_a_fixed_size(length: int) -> None:
    """Contexts of one part beside others; the cache in 8 bits."""
    run(Step(new=[1, 1, 2], context=[1, length, 70], page_size=16), heads=3, rank=32, rope=16, splits=10, config=FIXED)
    run(Step(new=[1], context=[length]), heads=2, rank=32, rope=16, granule=16, splits=10, config=FIXED)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_tokens_whose_parts_there_is_no_room_for_come_later(room: int) -> None:
    step, gpu = Step(new=[1, 2, 0, 1, 1], context=[20, 150, 9, 64, 90], page_size=32), InterpreterGpu()
    whole = run(step, heads=2, rank=32, rope=16, config=FIXED, rows=5 * 5)
    assert torch.equal(run(step, heads=2, rank=32, rope=16, config=FIXED, rows=room * 5 + 1, gpu=gpu), whole)


def test_without_room_for_one_token_nothing_is_launched() -> None:
    with pytest.raises(AssertionError, match="no room for the parts of one token"):
        run(Step(new=[1], context=[150]), heads=2, rank=32, rope=16, config=FIXED, rows=2)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 128, 200, 321])
def test_in_gluon_a_context_of_any_length(length: int) -> None:
    """One tile, full or not; one of a pair, and both; pairs before the last."""
    step = Step(new=[1], context=[length])
    emulate(step, seed=length)
    emulate(step, seed=length + 1000, scores="f32")


@pytest.mark.parametrize("seed", range(4))
def test_in_gluon_every_order_gives_the_same_bits(seed: int) -> None:
    step = Step(new=[1], context=[300])
    assert torch.equal(emulate(step, seed=seed), emulate(step, seed=100))


@pytest.mark.parametrize("splits", [2, 3, 7])
def test_in_gluon_contexts_in_parts(splits: int) -> None:
    """Parts of one tile and of several, and parts without rows."""
    emulate(Step(new=[1, 1], context=[20, 400]), splits=splits)


@pytest.mark.parametrize("length", [1, 64, 65, 200, 321])
def test_in_gluon_a_latent_in_8_bits(length: int) -> None:
    emulate(Step(new=[1], context=[length]), seed=length, granule=128)


def test_in_gluon_a_latent_in_8_bits_in_parts() -> None:
    emulate(Step(new=[2], context=[330]), heads=128, splits=3, granule=128)


def test_in_gluon_two_query_tokens_and_blocks_of_heads() -> None:
    """Tokens of one sequence see rows up to their own."""
    emulate(Step(new=[2, 0, 2], context=[65, 9, 130]), heads=128)


def test_in_gluon_as_the_plain_kernel() -> None:
    """The same products of the same tiles, only added in pairs of tiles: far closer than either to the meaning."""
    step = Step(new=[1], context=[150])
    plain = run(step, 64, 512, 64, splits=1, config={**GLUON, "gluon": 0})
    assert calc_diff(emulate(step), plain) < 3e-7


@pytest.mark.parametrize(("num_sms", "granule"), [(132, 0), (1, 0), (1, 128)])
def test_in_gluon_parts_of_a_fixed_size(num_sms: int, granule: int) -> None:
    """A program takes one part, or all of a token: two of four tiles and one of three."""
    step, gpu = Step(new=[2, 1], context=[700, 30]), GluonInterpreterGpu(num_sms, seed=7)
    run(step, 128, 512, 64, config={**GLUON, "split_tokens": 256}, rows=9, granule=granule, gpu=gpu)
    assert gpu.emulated == 1


@pytest.mark.parametrize("how", [{"splits": 1}, {"splits": 3}, {"split_tokens": 256}])
def test_in_gluon_tokens_behind_the_last_sequence_get_zeros(how: dict[str, int]) -> None:
    step, o = Step(new=[1], context=[70]), torch.full((2, 64, 512), torch.nan, dtype=BF16)
    absorbed_attention(
        GluonInterpreterGpu(), q_latent=torch.randn(2, 64, 512).to(BF16), q_rope=torch.randn(2, 64, 64).to(BF16),
        cache=step.cache(512, 64, BF16), positions=torch.zeros(2, dtype=torch.int32), seq_offsets=step.seq_offsets,
        block_table=step.block_table(), context_lens=step.context_lens, o=o,
        partial=torch.full((6, 64, 512), torch.nan), lse=torch.full((6, 64), torch.nan),
        scale=0.1, scores="f32", probs="bf16", configs=[{**GLUON, **how}],
    )  # fmt: skip
    assert bool(o[:1].isfinite().all()) and bool(o[:1].any())
    assert not bool(o[1:].any())
