"""One op that normalises, rotates and writes a cache row has the bits of the three it replaces."""

from functools import cache

import pytest
from phased_program import phased_text
from torch import Tensor

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.checking.metrics import same_bits
from dsv3c.runtime import Engine

CUT = '  %c = aten.slice.Tensor(%kv_a, dim = 1, start = 0, end = 16) : tensor<?x16xbf16, ["T"]>'
NORM = """
  %w_c = weight.param "kv_norm.weight" : tensor<16xbf16>
  %c = nn.rms_norm %c0, %w_c eps 1.0e-06 weight_in "f32" : tensor<?x16xbf16, ["T"]>, tensor<16xbf16>
"""


@cache
def program(passes: str, *, norm: bool) -> Module:
    body = phased_text()
    if norm:
        assert body.count(CUT) == 2
        body = body.replace(CUT, CUT.replace("%c ", "%c0 ") + NORM)
    return dsv3c.opt(f'builtin.module attributes {{dsv3c.facts = ["phased", "raised"]}} {{ {body} }}', passes)


def logits(module: Module, name: str) -> list[Tensor]:
    weights = RandomWeights(4, required_headers(module.op))
    engine = Engine(module.op, Executor(module.op, weights), pages=32)
    states = [SequenceState([3, 1, 4, 1, 5, 9, 2, 6]), SequenceState([2, 7])]
    return [row for cuts in ([3, 1], [5, 1]) for row in engine.run(name, states, cuts)]


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("quantize", ["cse", "quantize-kv-cache{granule=8}"])
@pytest.mark.parametrize("name", ["prefill", "decode"])
def test_the_fused_row_has_the_bits_of_its_parts(name: str, quantize: str, *, norm: bool) -> None:
    before, after = (program(passes, norm=norm) for passes in (quantize, f"{quantize},fuse-rope-cache-append"))
    used = [op.name for op in after.op.walk()]
    assert used.count("mla.rope_append") == 2 and "mla.append" not in used
    assert used.count("nn.rms_norm") == 2, "only the norm of the layer's input stays"
    assert all(map(same_bits, logits(after, name), logits(before, name)))


def test_quantising_the_cache_afterwards_is_the_same() -> None:
    passes = ("quantize-kv-cache", "fuse-rope-cache-append")
    one, other = (program(",".join(order), norm=True) for order in (passes, passes[::-1]))
    assert str(one) == str(other)


def test_programs_call_the_fused_meaning() -> None:
    text = emit_program(program("fuse-rope-cache-append", norm=True).op)["program.py"]
    assert "mla_fused.rope_append(" in text and "eps=1e-06" in text
