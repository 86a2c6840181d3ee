"""What the launchers of LogFMT must compute.

Codes come of logarithms: those of f32 move a number from one code to the next where it lies at the middle of the two.
So ``check_codes`` judges what is encoded, and what is decoded is rounded.
"""

from collections.abc import Mapping

from kernel_references import Reference
from torch import Tensor

from dsv3c.backends.reference.meanings import logfmt


def logfmt_decode(
    *, payload: Tensor, pairs: Tensor, outputs: Mapping[str, Tensor], configs: object, bits: int
) -> Mapping[str, Tensor]:
    """The meaning, rounded to the output's type."""
    return {"y": logfmt.from_payload(payload, pairs, bits).to(outputs["y"].dtype)}


def check_codes(payload: Tensor, expected: Tensor, x: Tensor, bits: int) -> int:
    """Assert that what is sent of x is what is expected, but for one code in 500, a neighbour; how many differ.

    Signs, and chunks that travel as they are, have the same bits; unused words are not looked at.
    """
    hidden = x.shape[1]
    chunk, on = logfmt.chunk_of(hidden), logfmt.enabled(*logfmt.ranges(x), hidden)
    slots, wanted = (words.unflatten(1, (hidden // chunk, chunk // 2)) for words in (payload, expected))
    assert slots[~on].equal(wanted[~on])
    codes, signs = zip(*(codes_of(words[on][:, : chunk * bits // 32], bits) for words in (slots, wanted)), strict=True)
    assert signs[0].equal(signs[1])
    differences = (codes[0] - codes[1]).abs()
    other = int((differences > 0).sum())
    assert int(differences.max() if differences.numel() else 0) <= 1
    assert other <= differences.numel() // 500
    return other


def codes_of(words: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Codes and signs of chunks' words."""
    groups = words.shape[1] // (4 * bits)
    lanes = words.reshape(len(words), groups, bits // 2, logfmt.GROUP // logfmt.LANE).transpose(-2, -1)
    return logfmt.unpack(lanes.flatten(1, 2), bits)


REFERENCES = {"logfmt.logfmt_decode": Reference(logfmt_decode, "rounded", sized=True)}
