"""The 8-bit latent cache: its rows byte by byte, what attention reads, and generation with it."""

import math
import struct
from functools import cache
from pathlib import Path

import pytest
import torch
from phased_program import phased_text
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings import mla
from dsv3c.backends.reference.meanings.arithmetic import quantization
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import GenerateOptions
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.runtime import Engine, generate

BF16, F32, E4M3 = torch.bfloat16, torch.float32, torch.float8_e4m3fn
HOW = {
    "granule": (1, 128), "data": E4M3, "scale": F32, "amax_floor": 1e-4, "static": None, "apply": "divide",
    "round_scale": "pow2", "saturate": False,
}  # fmt: skip


def e4m3_numbers() -> list[float]:
    """The non-negative finite numbers in the order of their codes: 4 exponent bits (bias 7), 3 of mantissa, no inf."""
    codes = [(code >> 3, code & 7) for code in range(127)]
    return [m * 2.0**-9 if e == 0 else (1 + m / 8) * 2.0 ** (e - 7) for e, m in codes]


def e4m3_code(x: float) -> int:
    """Nearest number, ties to the even code."""
    numbers = e4m3_numbers()
    code = min(range(127), key=lambda c: (abs(numbers[c] - abs(x)), c & 1))
    return code | (0x80 if math.copysign(1.0, x) < 0 else 0)


def f32(x: float) -> float:
    return struct.unpack("<f", struct.pack("<f", x))[0]


def row_of_bytes(latent: list[float], rope: Tensor, granule: int, floor: float) -> bytes:
    """Codes, then scales, then the key: what FlashMLA reads, made without tensors."""
    codes, scales = list[int](), list[float]()
    for start in range(0, len(latent), granule):
        tile = latent[start : start + granule]
        least = f32(max(max(map(abs, tile)), f32(floor)) / 448.0)
        mantissa, exponent = math.frexp(least)
        scales.append(2.0 ** (exponent - 1 if mantissa == 0.5 else exponent))
        codes += [e4m3_code(x / scales[-1]) for x in tile]
    key = b"".join(struct.pack("<H", int(x.view(torch.int16)) & 0xFFFF) for x in rope)
    return bytes(codes) + struct.pack(f"<{len(scales)}f", *scales) + key


def appended(latent: Tensor, rope: Tensor, granule: int) -> mla.LatentCache:
    """One sequence, its tokens in pages 2, 0 of four, 3 rows each."""
    tokens, size = latent.shape
    empty = mla.new_cache(4, 3, size, rope.shape[1], latent_dtype=E4M3, rope_dtype=BF16, granule=granule)
    positions, table = torch.arange(tokens, dtype=torch.int32), torch.tensor([[2, 0]], dtype=torch.int32)
    offsets = torch.tensor([0, tokens], dtype=torch.int32)
    how = HOW | {"granule": (1, granule)}
    return mla.append_quantized(empty, latent, rope, positions, offsets, table, **how)  # pyright: ignore[reportArgumentType]


LATENTS = {
    "normal": torch.randn(5, 512, generator=torch.Generator().manual_seed(0)),
    "outliers": torch.randn(5, 512, generator=torch.Generator().manual_seed(1)) * (torch.arange(512) % 100 == 7) * 3e3,
    "tiny": torch.randn(5, 512, generator=torch.Generator().manual_seed(2)) * 1e-5,
    "powers": 2.0 ** (torch.arange(5 * 512).reshape(5, 512) % 20 - 10),
    "zero": torch.zeros(5, 512),
}


@pytest.mark.parametrize(("size", "granule"), [(512, 128), (448, 64), (40, 128), (24, 16)])
@pytest.mark.parametrize("kind", LATENTS)
def test_a_row_has_the_bytes_that_kernels_read(kind: str, size: int, granule: int) -> None:
    latent, rope = LATENTS[kind][:, :size].to(BF16), torch.randn(5, 64).to(BF16)
    made = appended(latent, rope, granule)
    assert made.scale is not None
    num_bytes = size + 4 * -(-size // granule) + 128
    if (size, granule) == (512, 128):
        assert num_bytes == 656
    rows = torch.empty(0, dtype=torch.uint8).set_(made.latent.untyped_storage(), 0, (12, num_bytes))
    assert made.latent.untyped_storage().nbytes() == rows.numel()
    expected = [bytes(num_bytes)] * 12
    for position, place in enumerate([6, 7, 8, 0, 1]):
        expected[place] = row_of_bytes(latent[position].tolist(), rope[position], granule, 1e-4)
    assert [bytes(row.tolist()) for row in rows] == expected
    assert made.num_bytes == 12 * num_bytes


@pytest.mark.parametrize("dtype", [BF16, F32])
@pytest.mark.parametrize("kind", LATENTS)
def test_what_is_gathered_is_the_quantised_latent(kind: str, dtype: torch.dtype) -> None:
    latent, rope = LATENTS[kind].to(dtype), torch.randn(5, 64).to(BF16)
    made = appended(latent, rope, 128)
    table, lens = torch.tensor([[2, 0]], dtype=torch.int32), torch.tensor([5], dtype=torch.int32)
    got, key = mla.gather(made, lens, table, dtype=dtype)
    assert got.dtype == dtype and torch.equal(key, rope)
    numbers = torch.tensor([*e4m3_numbers(), math.nan])
    for row, bytes_, found in zip(
        latent, (row_of_bytes(x.tolist(), rope[0], 128, 1e-4) for x in latent), got, strict=True
    ):
        codes = torch.tensor(list(bytes_[:512]))
        scales = torch.tensor(struct.unpack("<4f", bytes_[512:528])).repeat_interleave(128)
        value = torch.where(codes > 127, -1.0, 1.0) * numbers[codes % 128] * scales
        assert torch.equal(found, value.to(dtype))
        # half of the last place of three bits of mantissa, or of the smallest number
        assert bool(((found - row).abs() <= torch.maximum(row.abs() / 16, scales * 2.0**-10)).all())
    assert mla.gather(made, lens[:0], table[:0], dtype=dtype)[0].dtype == dtype


def test_absorbed_attention_reads_the_dequantised_rows() -> None:
    torch.manual_seed(3)
    latent, rope = torch.randn(5, 512).to(BF16), torch.randn(5, 64).to(BF16)
    made = appended(latent, rope, 128)
    table, lens = torch.tensor([[2, 0]], dtype=torch.int32), torch.tensor([5], dtype=torch.int32)
    plain = mla.new_cache(4, 3, 512, 64, latent_dtype=BF16, rope_dtype=BF16)
    positions, offsets = torch.arange(5, dtype=torch.int32), torch.tensor([0, 5], dtype=torch.int32)
    mla.append(plain, mla.gather(made, lens, table, dtype=BF16)[0], rope, positions, offsets, table)
    q, qr = torch.randn(5, 2, 512).to(BF16), torch.randn(5, 2, 64).to(BF16)
    first, second = (
        mla.absorbed_attention(q, qr, c, positions, offsets, table, lens, scale=0.1, scores=F32, probs=F32)
        for c in (made, plain)
    )
    assert torch.equal(first, second)


def test_with_quantisation_off_the_latent_is_kept() -> None:
    latent, rope = torch.randn(5, 40).to(BF16), torch.randn(5, 8).to(BF16)
    table, lens = torch.tensor([[2, 0]], dtype=torch.int32), torch.tensor([5], dtype=torch.int32)
    with quantization(False):
        made = appended(latent, rope, 16)
        assert torch.equal(mla.gather(made, lens, table, dtype=BF16)[0], latent)
    how = HOW | {"granule": (1, 16)}
    with pytest.raises(AssertionError, match="appended to no other"):
        mla.append_quantized(made, latent, rope, lens, lens, table, **how)  # pyright: ignore[reportArgumentType]


QUANTIZE = "quantize-kv-cache{granule=8}"


@cache
def program(passes: str) -> Module:
    text = f'builtin.module attributes {{dsv3c.facts = ["phased", "raised"]}} {{ {phased_text()} }}'
    return dsv3c.opt(text, passes or "cse")


def engine(passes: str, *, quantization: bool = True) -> Engine:
    module = program(passes)
    weights = RandomWeights(4, required_headers(module.op))
    return Engine(module.op, Executor(module.op, weights, quantization=quantization), pages=32)


def steps(made: Engine, name: str, cuts: list[int]) -> Tensor:
    """Logits after the last of these steps of one sequence."""
    state = SequenceState([3, 1, 4, 1, 5, 9, 2, 6])
    return [made.run(name, [state], [cut])[0] for cut in cuts][-1]


@pytest.mark.parametrize("name", ["prefill", "decode"])
def test_chunks_give_the_bits_of_one_step(name: str) -> None:
    whole = steps(engine(QUANTIZE), name, [8])
    assert torch.equal(steps(engine(QUANTIZE), name, [3, 4, 1]), whole)
    assert not torch.equal(steps(engine(""), name, [8]), whole)


def test_with_quantisation_off_generation_keeps_its_bits() -> None:
    for cuts in ([8], [3, 4, 1]):
        found = steps(engine(QUANTIZE, quantization=False), "prefill", cuts)
        assert torch.equal(found, steps(engine(""), "prefill", cuts))


def test_the_engine_generates_and_says_how_large_its_cache_is(tmp_path: Path) -> None:
    made = engine(QUANTIZE)
    assert {cache.num_bytes for cache in made.caches} == {32 * 4 * (16 + 8 + 8)}
    [tokens] = generate(made, [[3, 1, 4]], GenerateOptions(max_new_tokens=4))
    assert len(tokens) == 4
    text = emit_program(program(QUANTIZE).op)["program.py"]
    assert "(CacheSpec(4, 16, 4, torch.float8_e4m3fn, torch.bfloat16, granule=8),) * 2" in text
