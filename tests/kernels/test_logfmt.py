"""LogFMT in Triton's interpreter against its meaning: codes, packing, chunks that travel as they are, the way back."""

from collections.abc import Sequence

import pytest
import torch
from kernel_references import run_checked
from kernel_references_logfmt import check_codes
from torch import Tensor

from dsv3c.backends.reference.meanings import logfmt
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.logfmt import logfmt_decode, logfmt_encode
from dsv3c.backends.triton.runtime.gpu import Config

CONFIGS = [{"block_u": 2, "num_warps": 4, "num_stages": 1}]
LG2 = [{**CONFIGS[0], "lg2": 1}]
"""Logarithms as an instruction of NVIDIA's GPUs finds them."""
UNUSED = 0x5A5A5A5A


def rows(count: int, channels: int, seed: int = 0) -> Tensor:
    """Numbers below one, of very different size from group to group."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, channels, generator=generator).clamp(-4, 4) / 5
    sizes = 2.0 ** -torch.randint(0, 40, (count, channels // 128), generator=generator)
    return (x * sizes.repeat_interleave(128, dim=1)).to(torch.bfloat16)


def encoded(x: Tensor, bits: int, configs: Sequence[Config] = CONFIGS) -> tuple[Tensor, Tensor]:
    payload = torch.full((len(x), x.shape[1] // 2), UNUSED, dtype=torch.int32)
    pairs = torch.empty(len(x), x.shape[1] // 128, 2, dtype=torch.bfloat16)
    logfmt_encode(InterpreterGpu(), x=x, payload=payload, pairs=pairs, configs=configs, bits=bits)
    return payload, pairs


def check_encode(x: Tensor, bits: int, configs: Sequence[Config] = CONFIGS) -> tuple[Tensor, Tensor]:
    payload, pairs = encoded(x, bits, configs)
    expected, expected_pairs = logfmt.payload_of(x, bits)
    torch.testing.assert_close(pairs, expected_pairs, rtol=0, atol=0, equal_nan=True)
    check_codes(payload, expected, x, bits)
    return payload, pairs


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize(("count", "channels"), [(1, 128), (3, 512), (1, 7168), (3, 384), (0, 512)])
def test_codes_of_every_chunk(count: int, channels: int, bits: int) -> None:
    check_encode(rows(count, channels), bits)


@pytest.mark.parametrize("bits", [8, 10])
def test_codes_by_logarithms_of_the_device(bits: int) -> None:
    check_encode(rows(3, 512), bits, LG2)


@pytest.mark.parametrize("configs", [CONFIGS, LG2])
def test_numbers_that_are_subnormal(configs: Sequence[Config]) -> None:
    x = rows(4, 256).float() * torch.tensor([2.0**-60, 2.0**-95, 2.0**-126, 2.0**-133])[:, None]
    x = (x + 2.0**-133).to(torch.bfloat16)
    assert ((x != 0) & (x.abs() < 2.0**-126)).any(dim=1)[1:].all()
    check_encode(x, 10, configs)


def test_rows_that_are_no_words_are_refused() -> None:
    wide = rows(3, 256)
    odd = wide.as_strided((2, 128), (129, 1))
    with pytest.raises(ValueError, match="words of two numbers"):
        encoded(odd, 10)


@pytest.mark.parametrize("bits", [8, 10])
def test_there_and_back(bits: int) -> None:
    x = rows(5, 1024)
    payload, pairs = check_encode(x, bits)
    back = torch.empty(5, 1024)
    logfmt_decode(InterpreterGpu(), payload=payload, pairs=pairs, y=back, configs=CONFIGS, bits=bits)
    torch.testing.assert_close(back, logfmt.from_payload(payload, pairs, bits), rtol=4e-6, atol=1e-37)
    same = torch.isclose(back, logfmt.received(x, bits), rtol=4e-6, atol=1e-37)
    assert int((~same).sum()) <= x.numel() // 500


def test_zeros_and_numbers_far_below_the_others() -> None:
    x = rows(2, 256)
    x[0, 3] = 0
    x[0, 4] = 2.0**-100
    x[0, 5] = -(2.0**-100)
    x[0, 6] = -0.0
    x[1, ::2] = 0
    payload, pairs = check_encode(x, 10)
    back = torch.empty(2, 256)
    logfmt_decode(InterpreterGpu(), payload=payload, pairs=pairs, y=back, configs=CONFIGS, bits=10)
    assert back[0, 3:7].tolist() == [0.0] * 4
    assert back.signbit().equal(logfmt.from_payload(payload, pairs, 10).signbit())


@pytest.mark.parametrize("value", [1.0, -1.5, float("inf"), float("nan")])
def test_chunks_that_travel_as_they_are(value: float) -> None:
    """One number switches its chunk off; a chunk of equal numbers, and one of zeros, has no range."""
    x = rows(4, 3 * 512)
    x[0, 700] = value
    x[1, :128] = 0.25
    x[2, 512:640] = 0
    payload, pairs = check_encode(x, 10)
    off = ~logfmt.enabled(pairs[..., 0], pairs[..., 1], 3 * 512)
    assert off.nonzero().tolist() == [[0, 1], [1, 0], [2, 1]]
    back = torch.empty(4, 3 * 512, dtype=torch.bfloat16)
    logfmt_decode(InterpreterGpu(), payload=payload, pairs=pairs, y=back, configs=CONFIGS, bits=10)
    slots, given = back.unflatten(1, (3, 512)), x.unflatten(1, (3, 512))
    torch.testing.assert_close(slots[off], given[off], rtol=0, atol=0, equal_nan=True)


def test_what_a_slot_does_not_use_is_not_written() -> None:
    payload, _ = encoded(rows(2, 1024), 10)
    assert (payload[:, 1024 * 10 // 32 :] == UNUSED).all()
    assert (payload[:, : 1024 * 10 // 32] != UNUSED).float().mean() > 0.99


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("bits", [8, 10])
def test_words_that_were_packed_elsewhere(kind: torch.dtype, bits: int) -> None:
    payload, pairs = logfmt.payload_of(rows(3, 896, seed=1), bits)
    y = torch.empty(3, 1000, dtype=kind)[:, :896]
    if kind == torch.bfloat16:
        run_checked(
            logfmt_decode, "logfmt.logfmt_decode", InterpreterGpu(), {"y": y}, payload=payload, pairs=pairs,
            configs=CONFIGS, bits=bits,
        )  # fmt: skip
    else:
        logfmt_decode(InterpreterGpu(), payload=payload, pairs=pairs, y=y, configs=CONFIGS, bits=bits)
        torch.testing.assert_close(y, logfmt.from_payload(payload, pairs, bits), rtol=4e-6, atol=1e-37)


def test_rows_of_a_wider_buffer() -> None:
    wide = rows(3, 1024)
    assert not wide[:, 512:].is_contiguous()
    check_encode(wide[:, 512:], 10)


def test_every_code_decodes_and_is_found_again() -> None:
    """Levels of a range of 4: a code per number, the smallest code 1, the largest 511."""
    levels = 2.0 ** (-5 + torch.arange(510, dtype=torch.float64) * 4 / 510)
    x = torch.cat([levels, levels[-1:] * 2.0 ** (4 / 510), torch.tensor([2.0**-5])]).to(torch.bfloat16).view(4, 128)
    x[:, 0], x[:, 1] = 2.0**-5, 0.5
    payload, _ = check_encode(x, 10)
    codes, _ = logfmt.unpack(payload[:, :40].view(4, 5, 8).transpose(1, 2), 10)
    assert (codes[:, 0] == 1).all()
    assert (codes[:, 1] == 511).all()
