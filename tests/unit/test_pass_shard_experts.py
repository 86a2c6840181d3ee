"""What shard-experts takes from files, files its outcomes under, and promises about numbers."""

from pathlib import Path

import pytest

import dsv3c
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.text import parse_module
from dsv3c.passes.shard_experts import ShardExpertsPass

MODULE = """
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  func.func @decode(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>)
      -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", capturable}} {
    %gu = weight.param "gate_up" : tensor<4x8x16xbf16>
    %down = weight.param "down" : tensor<4x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input"
      : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<4x8x16xbf16>,
        tensor<4x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}
"""


def test_the_pass_takes_a_file_and_says_what_contradicts_it(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text("[3, 2, 1, 0, 1, 3]")
    for options in ("ep=2", "ep=2 redundant=2"):
        text = str(dsv3c.opt(MODULE, f'shard-experts{{{options} placement="{path}"}}').op)
        assert "comm.placement <3, 2, 1, 0:2, 3> : tensor<6xi32>" in text
    with pytest.raises(UsageError, match="redundant=1, and the placement has 2 replicas") as caught:
        dsv3c.opt(MODULE, f'shard-experts{{ep=2 redundant=1 placement="{path}"}}')
    assert caught.value.where == str(path)
    with pytest.raises(UsageError, match="6 physical experts are not equally many on 4 ranks"):
        dsv3c.opt(MODULE, f'shard-experts{{ep=4 placement="{path}"}}')


def test_a_file_for_other_experts_blocks_the_op(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text("[0, 1, 2, 3, 4, 5]")
    module = dsv3c.opt(MODULE, f'shard-experts{{ep=2 placement="{path}"}}', allow_unapplied=True)
    assert "comm.dispatch" not in str(module.op)


def test_outcomes_about_nodes_are_filed_apart() -> None:
    ctx = make_context()
    ShardExpertsPass(ep=2, nnodes=2).apply(ctx, parse_module(ctx, MODULE, "test"))
    assert [(item.kind, item.pattern) for item in ctx.outcomes] == [
        (Kind.FIRED, "shard-experts"),
        (Kind.BLOCKED, "node-limited-routing"),
    ]
    assert ctx.current_pattern == ""


def test_parameters_keep_their_own_lines() -> None:
    ctx = make_context()
    module = parse_module(ctx, MODULE, "test")
    lines = {op.key.data: str(op.location) for op in module.walk() if isinstance(op, ParamOp)}
    assert len(set(lines.values())) == 2
    ShardExpertsPass(ep=2).apply(ctx, module)
    dealt = [op for op in module.walk() if isinstance(op, ParamOp)]
    assert len(dealt) == 2
    assert {str(op.location) for op in dealt} == set(lines.values())


def test_partial_sums_are_not_promised_to_keep_bits() -> None:
    assert ShardExpertsPass().numerics == ShardExpertsPass(ep=8).numerics == "bitwise"
    assert ShardExpertsPass(order="rank").numerics == ShardExpertsPass(order="node_rank").numerics == "reassociates"
    assert ShardExpertsPass.numerics == "bitwise"


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("bound", "most"), [(" max 10", " max 40"), ("", "")])
def test_a_receive_is_as_large_as_the_largest_of_its_name(reverse: bool, bound: str, most: str) -> None:
    text = MODULE.replace(", capturable", "").replace("@T min 0", f"@T min 0{bound}\n  dsv3c.symbol @S min 0 max 10")
    start, end = text.index("  func.func"), text.rindex("}")
    three = text[start:end]
    one = three.replace("@decode", "@other").replace("?x3x", "?x1x").replace('["T"]', '["S"]')
    module = dsv3c.opt(text[:start] + (one + three if reverse else three + one) + text[end:], "shard-experts{ep=2}")
    # 2 ranks, 10 tokens, at most 2 of 3 choices on one rank
    [line] = [line for line in str(module.op).splitlines() if "@R " in line]
    assert line == f"  dsv3c.symbol @R min 0{most}"


def test_payloads_are_not_promised_to_keep_bits() -> None:
    assert ShardExpertsPass(payload="logfmt10").numerics == "quantises"
    assert ShardExpertsPass(payload="bf16", order="rank").numerics == "quantises"
