"""What FileCheck cannot see of ``assign-layouts``, and the facts it asks for."""

import pytest

import dsv3c
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import load_target, parse_target

LAID_OUT = """
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  func.func @main(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32, mn_major>,
      %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>) -> tensor<4x128xbf16> {
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32, mn_major>,
      !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<4x128xbf16>
    func.return %y : tensor<4x128xbf16>
  }
}
"""
TARGET = """
name = "mine"
description = "a target"
kind = "gpu"
arch = "sm_90a"
backends = []
{facts}
[dense_flops_per_s]
[sources]
dense_flops_per_s = "none"
scale_type = "here"
scale_layout = "here"
weight_scale_layout = "here"
"""


def test_nothing_is_said_of_scales_that_lie_as_wanted() -> None:
    assert dsv3c.opt(LAID_OUT, "assign-layouts", target="h800").outcomes == []


@pytest.mark.parametrize("name", ["h100", "h200", "h800", "b200", "gb200"])
def test_targets_with_block_scaled_products_state_all_three_facts(name: str) -> None:
    target = load_target(name)
    on_hopper = ("f32", "mn_major", "row")
    expected = on_hopper if target.arch == "sm_90a" else ("f8E8M0FNU", "packed", "packed")
    assert (target.scale_type, target.scale_layout, target.weight_scale_layout) == expected


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ('scale_type = "f32"', "scale_type alone does not say what scaled products read"),
        ('scale_type = "f16"\nscale_layout = "row"\nweight_scale_layout = "row"', "scale_type = 'f16' is not known"),
        ('scale_type = "f32"\nscale_layout = "col"\nweight_scale_layout = "row"', "scale_layout = 'col' is not known"),
    ],
)
def test_half_stated_and_unknown_facts_are_refused(facts: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_target(TARGET.format(facts=facts), "mine.toml")


def test_all_three_are_read() -> None:
    facts = 'scale_type = "f32"\nscale_layout = "row"\nweight_scale_layout = "row"'
    assert parse_target(TARGET.format(facts=facts), "mine.toml").scale_type == "f32"
