"""Attention whose parts have a fixed size: a token's bits depend on its context alone, whoever computes a part."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from attention_steps import Step
from kernel_references import calc_diff
from roundtrip import parse
from torch import Tensor

from dsv3c.backends.triton.choices.absorbed_attention import SPLIT_TOKENS
from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.absorbed_attention import absorbed_attention
from dsv3c.backends.triton.runtime.gpu import Gpu
from dsv3c.backends.triton.select_kernels import kernel_rules
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import load_target

H800 = load_target("h800")
PHASES = {"decode": (0, 128), "prefill": (0, 16384)}
"""Tokens of a step, at least and at most."""
SMALL = {"block_h": 16, "block_n": 16, "num_warps": 4, "num_stages": 2, "split_tokens": 32}
TWIN = {"block_h": 64, "block_n": 64, "num_warps": 4, "num_stages": 2, "split_tokens": 256, "gluon": 1}


@dataclass
class Attention:
    """Three sequences, the last with two new tokens, and a cache; a part of them attends."""

    config: dict[str, int]
    step: Step
    heads: int
    rank: int
    rope: int
    granule: int = 0

    def __post_init__(self) -> None:
        torch.manual_seed(2)
        bf16 = torch.bfloat16
        self.cache = self.step.cache(self.rank, self.rope, bf16, self.granule)
        self.q = torch.randn(self.step.num_tokens, self.heads, self.rank + self.rope).to(bf16)
        self.parts = -(-self.step.block_table().shape[1] * self.step.page_size // self.config["split_tokens"])

    def attend(
        self, gpu: Gpu, tokens: list[int], sequences: list[int], lens: list[int], offsets: list[int], *, room: int = 4,
        config: dict[str, int] | None = None,
    ) -> Tensor:  # fmt: skip
        """``o`` of some tokens, in a step of some sequences; ``room``: tokens whose parts there is memory for."""
        q, o = self.q[tokens], torch.empty(len(tokens), self.heads, self.rank, dtype=torch.bfloat16)
        int32, rows = torch.int32, room * self.parts
        absorbed_attention(
            gpu, q_latent=q[..., : self.rank], q_rope=q[..., self.rank :], cache=self.cache,
            positions=self.step.positions[tokens], seq_offsets=torch.tensor(offsets, dtype=int32),
            block_table=self.step.block_table()[sequences], context_lens=torch.tensor(lens, dtype=int32), o=o,
            partial=torch.full((rows, self.heads, self.rank), torch.nan), lse=torch.full((rows, self.heads), torch.nan),
            configs=[config or self.config], scale=0.1, scores="bf16", probs="bf16",
        )  # fmt: skip
        return o


PLAIN = partial(Attention, SMALL, Step(new=[1, 1, 2], context=[5, 90, 70]), 4, 32, 16)
IN_GLUON = partial(Attention, TWIN, Step(new=[1, 1, 2], context=[20, 600, 330]), 64, 512, 64)
FORMS: dict[str, tuple[Callable[..., Attention], Callable[[int], Gpu]]] = {
    "plain": (PLAIN, InterpreterGpu),
    "plain, 8 bits": (partial(PLAIN, granule=16), InterpreterGpu),
    "Gluon": (IN_GLUON, GluonInterpreterGpu),
    "Gluon, 8 bits": (partial(IN_GLUON, granule=128), GluonInterpreterGpu),
}


@pytest.mark.parametrize("form", FORMS)
def test_tokens_attend_with_the_same_bits_in_every_step(form: str) -> None:
    """Alone, beside others and elsewhere among them; two tokens of a sequence together, and one after the other."""
    made, device = FORMS[form]
    this = made()
    one, two, three = this.step.context
    together = this.attend(device(132), [0, 1, 2, 3], [0, 1, 2], [one, two, three], [0, 1, 2, 4])
    alone = this.attend(device(132), [1], [1], [two], [0, 1])
    assert torch.equal(alone, together[1:2])
    swapped = this.attend(device(132), [2, 3, 1, 0], [2, 1, 0], [three, two, one], [0, 2, 3, 4])
    assert torch.equal(swapped, together[[2, 3, 1, 0]])
    assert torch.equal(this.attend(device(132), [2], [2], [three - 1], [0, 1]), together[2:3]), "decode, then verify"
    for sms, room in ((1, 4), (132, 1), (1, 3)):
        found = this.attend(device(sms), [0, 1, 2, 3], [0, 1, 2], [one, two, three], [0, 1, 2, 4], room=room)
        assert torch.equal(found, together), "who computes a part, and when"


@pytest.mark.parametrize("form", ["plain", "Gluon"])
def test_parts_of_a_fixed_size_round_as_little_as_others(form: str) -> None:
    """By default fewer tokens have more parts, and other bits."""
    made, device = FORMS[form]
    this = made()
    fixed = this.attend(device(132), [1], [1], [this.step.context[1]], [0, 1])
    usual = {name: value for name, value in this.config.items() if name != "split_tokens"}
    for splits in (1, 2):
        others = this.attend(
            device(132), [1], [1], [this.step.context[1]], [0, 1], config={**usual, "splits": splits}
        )  # fmt: skip
        assert not torch.equal(others, fixed) and calc_diff(others, fixed) < 5e-6


def test_contexts_have_parts_of_one_size_in_every_phase() -> None:
    """By default the batch decides; the memory of parts is that of as many tokens as fill the device."""
    low, high = (
        absorbed_choice(tokens, pages=2560, batch_invariant=True, gluon=True) for tokens in PHASES.values()
    )  # fmt: skip
    (config,) = low.configs
    assert list(high.configs) == [config] and config["split_tokens"] == SPLIT_TOKENS and config["gluon"] == 1
    assert "splits" not in config and low.candidates is None
    assert [item.scratch["partial"].sizes for item in (low, high)] == [(66 * 80, 128, 512)] * 2
    assert absorbed_choice((0, 3), pages=2560, batch_invariant=True).scratch["lse"].sizes == (3 * 80, 128)
    assert absorbed_choice((0, 3), pages=32, batch_invariant=True).scratch["lse"].sizes == (1, 128), "one part each"
    usual = absorbed_choice((0, 3), pages=2560, batch_invariant=False)
    assert not any("split_tokens" in config for config in usual.configs)


def test_contexts_of_any_length_are_refused() -> None:
    found = absorbed_answer((0, 3), pages=None, batch_invariant=True)
    assert isinstance(found, Refused) and "contexts of any length" in found.reason
    assert isinstance(absorbed_answer((0, 3), pages=None, batch_invariant=False), Choice)


def absorbed_choice(tokens: tuple[int, int], pages: int | None, **how: bool) -> Choice:
    found = absorbed_answer(tokens, pages, **how)
    assert isinstance(found, Choice)
    return found


def absorbed_answer(tokens: tuple[int, int], pages: int | None, **how: bool) -> Choice | Refused:
    """For a step of so many tokens, and tables of so many pages."""
    op = next(iter(functions(parse(ATTENTION)).values())).body.block.ops.first
    assert op is not None
    kernel_rules()
    rule = KERNELS.find(op)
    assert rule is not None
    ranges = {"T": tokens, "N": (0, 128), "P": (1, pages)}
    return rule(op, Selection(H800, ranges, {"T": 128, "N": 128, "P": 64}, 132, **how))


ATTENTION = """dsv3c.symbol @T min 0
dsv3c.symbol @N min 0
dsv3c.symbol @P min 1
func.func @f(%q: tensor<?x128x512xbf16, ["T"]>, %r: tensor<?x128x64xbf16, ["T"]>,
    %x: !mla.cache<"8" x 64, latent 512 x bf16, rope 64 x bf16>, %k: tensor<?xi32, ["T"]>,
    %p: tensor<?xi32, ["N + 1"]>, %s: tensor<?x?xi32, ["N", "P"]>, %b: tensor<?xi32, ["N"]>)
    -> tensor<?x128x512xbf16, ["T"]> {
  %y = mla.absorbed_attention %q, %r, %x at %k, %p, %s, %b scale 0.125 scores bf16 probs bf16
    : tensor<?x128x512xbf16, ["T"]>, tensor<?x128x64xbf16, ["T"]>,
    !mla.cache<"8" x 64, latent 512 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>,
    tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x128x512xbf16, ["T"]>
  func.return %y : tensor<?x128x512xbf16, ["T"]>
}"""
