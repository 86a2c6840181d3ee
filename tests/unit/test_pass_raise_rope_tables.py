"""raise-rope-tables: what it reports where it changes nothing."""

from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.evaluator import NO_EVALUATOR
from dsv3c.ir.text import parse_module, print_module
from dsv3c.passes.registry import load_pass

X, T = 'tensor<?x4xf32, ["S"]>', 'tensor<?x2xf32, ["S"]>'
LAYER = f"""
func.func private @layer(%x: {X}, %c: {T}, %s: {T}) -> {X} {{
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : {X}, {T}, {T}
  func.return %y : {X}
}}
"""
CALL = f'func.call @layer(%x, %c, %s) {{prefix = "l"}} : ({X}, {T}, {T}) -> {X}'
RAISED = f"""
func.func @main(%x: {X}) -> {X} {{
  %p = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %c, %s = nn.rope_table %p inv_freq [1.0, 0.25] scaling 1.0 : tensor<?xi64, ["S"]> -> {T}, {T}
  %y = {CALL}
  func.return %y : {X}
}}
"""
GIVEN = f"func.func @other(%x: {X}, %c: {T}, %s: {T}) -> {X} {{\n  %y = {CALL}\n  func.return %y : {X}\n}}\n"


def reasons(ctx: CompileContext, text: str) -> list[str]:
    """What is reported; the text must stay."""
    module = parse_module(ctx, "dsv3c.symbol @S min 2 max 64\n" + text)
    before = print_module(module)
    load_pass("raise-rope-tables")().apply(ctx, module)
    assert print_module(module) == before
    return [item.reason for item in ctx.outcomes]


def evaluating() -> CompileContext:
    ctx = make_context()
    ctx.evaluator = TorchEvaluator()
    return ctx


def test_nothing_is_said_of_tables_raised_before() -> None:
    assert reasons(evaluating(), LAYER + RAISED) == []


def test_tables_raised_for_one_call_only() -> None:
    (reason,) = reasons(evaluating(), LAYER + RAISED + GIVEN)
    assert reason == "its tables are not recognised: it depends on the input %c of @other"


def test_without_an_evaluator() -> None:
    assert reasons(make_context(), LAYER + GIVEN) == [NO_EVALUATOR.reason]
