"""Exceptions by module and layer: functions are cloned where layers differ, and nowhere else."""

from pathlib import Path

import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.nn import LinearOp
from dsv3c.ir.dialects.scaled import DequantizeOp
from dsv3c.ir.functions import call_prefix, callee_name, calls, functions
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module
from dsv3c.passes.insert_fp8_qdq import InsertFp8QdqPass

ACT = 'tensor<?x128xbf16, ["T"]>'
SQUARE = "tensor<128x128xbf16>"
LINEAR = f"{ACT}, {SQUARE} -> {ACT}"


def run(module: ModuleOp, recipe: str | Path = "deepseek-v3") -> CompileContext:
    ctx = make_context(target=load_target("cpu"))
    InsertFp8QdqPass(recipe=str(recipe)).apply(ctx, module)
    verify_module(module)
    return ctx


LAYERS = """
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func private @inner(%x: ACT) -> ACT {
    %w = weight.param "o_proj.weight" : SQUARE
    %y = nn.linear %x, %w : LINEAR
    func.return %y : ACT
  }
  func.func private @layer(%x: ACT) -> ACT {
    %w = weight.param "up_proj.weight" : SQUARE
    %y = nn.linear %x, %w : LINEAR
    %z = func.call @inner(%y) {prefix = "attn"} : (ACT) -> ACT
    %v = aten.add.Tensor(%z, %x) : ACT
    func.return %v : ACT
  }
  func.func @main(%x: ACT) -> ACT {
    CALLS
    func.return %xN : ACT
  }
}
"""


def layered(prefixes: list[str]) -> ModuleOp:
    """A model of equal layers."""
    lines = [
        f'%x{i + 1} = func.call @layer({f"%x{i}" if i else "%x"}) {{prefix = "{prefix}"}} : (ACT) -> ACT'
        for i, prefix in enumerate(prefixes)
    ]
    text = LAYERS.replace("CALLS", "\n".join(lines)).replace("%xN", f"%x{len(prefixes)}")
    return parse_module(make_context(), text.replace("LINEAR", LINEAR).replace("SQUARE", SQUARE).replace("ACT", ACT))


def recipe_file(folder: Path, *rules: str) -> Path:
    """The recipe deepseek-v3 with exceptions."""
    file = folder / "mine.toml"
    head = 'name = "mine"\ndescription = "exceptions"\nextends = "deepseek-v3"\n'
    file.write_text(head + "".join(f'[[rule]]\n{rule}\nquantise = false\nsource = "mine"\n' for rule in rules))
    return file


def precision(module: ModuleOp) -> dict[str, int]:
    """Function -> number of its linears on quantised factors."""
    return {
        name: sum(isinstance(op, LinearOp) and isinstance(op.x.owner, DequantizeOp) for op in function.walk())
        for name, function in functions(module).items()
    }


def callees(module: ModuleOp) -> dict[str, str]:
    """Prefix of a call in ``@main`` -> its callee."""
    return {call_prefix(call): callee_name(call) for call in calls(module) if call_prefix(call) != "attn"}


def numbered(count: int) -> list[str]:
    return [f"model.layers.{number}" for number in range(count)]


def test_layers_that_differ_get_functions_of_their_own(tmp_path: Path) -> None:
    module = layered(numbered(8))
    ctx = run(module, recipe_file(tmp_path, 'layers = "3:5"\nroles = ["linear"]'))
    assert list(functions(module)) == ["inner", "inner.layers_3_to_4", "layer", "layer.layers_3_to_4", "main"]
    assert callees(module) == {
        prefix: "layer.layers_3_to_4" if prefix[-1] in "34" else "layer" for prefix in numbered(8)
    }
    assert precision(module) == {"inner": 1, "inner.layers_3_to_4": 0, "layer": 1, "layer.layers_3_to_4": 0, "main": 0}
    clones = [item for item in ctx.outcomes if item.op == "func.func"]
    assert [(item.reason, dict(item.numbers)) for item in clones] == [
        (f"@{name}: the recipe mine treats layers 3..4 in its own way: @{name}.layers_3_to_4", {"layers": 2, "of": 8})
        for name in ("inner", "layer")
    ]
    kept = [item for item in ctx.outcomes if item.kind is Kind.UNPROFITABLE]
    assert {(item.function, item.reason, item.numbers["rule"]) for item in kept} == {
        (f"{name}.layers_3_to_4", "mine keeps linear in bf16", 3) for name in ("inner", "layer")
    }


def test_a_callee_alone_may_differ(tmp_path: Path) -> None:
    module = layered(numbered(4))
    ctx = run(module, recipe_file(tmp_path, 'modules = ["model.layers.*.attn.o_proj"]\nlayers = "0:1"'))
    assert any("treats layer 0 in its own way: @inner.layer_0" in item.reason for item in ctx.outcomes)
    assert precision(module) == {"inner": 1, "inner.layer_0": 0, "layer": 1, "layer.layer_0": 1, "main": 0}
    inner = {
        function.sym_name.data: [callee_name(op) for op in function.walk() if isinstance(op, func.CallOp)]
        for function in functions(module).values()
    }
    assert inner["layer"] == ["inner"]
    assert inner["layer.layer_0"] == ["inner.layer_0"]


def test_the_largest_group_keeps_the_name(tmp_path: Path) -> None:
    module = layered(numbered(12))
    run(module, recipe_file(tmp_path, 'layers = "0:8"', 'modules = ["*.up_proj"]\nlayers = "9:10"'))
    assert callees(module)["model.layers.0"] == "layer"
    assert callees(module)["model.layers.8"] == "layer.layers_8_and_10_to_11"
    assert callees(module)["model.layers.9"] == "layer.layer_9"
    assert precision(module)["layer"] == 0


def test_rules_that_match_nothing_are_reported(tmp_path: Path) -> None:
    rules = ('modules = ["*.o_prj"]', 'layers = "3:4"\nroles = ["linear"]', 'layers = "4:"', 'roles = ["head"]')
    ctx = run(layered(numbered(4)), recipe_file(tmp_path, *rules))
    blocked = [item for item in ctx.outcomes if item.kind is Kind.BLOCKED]
    assert [(item.reason, item.numbers["rule"]) for item in blocked] == [
        ("mine: nothing is at modules *.o_prj", 3),
        ("mine: nothing is at layers 4:", 5),
    ]


@pytest.mark.parametrize(
    ("prefixes", "name"),
    [
        (["m.1", "m.3", "m.5", "m.7", "m.0", "m.2", "m.4", "m.6", "m.8"], "layers_1_and_3_and_2_more"),
        (["m.first", "m.5", "m.6"], "other"),
    ],
)
def test_names_of_groups(tmp_path: Path, prefixes: list[str], name: str) -> None:
    module = layered(prefixes)
    modules = '"m.1.*", "m.3.*", "m.5.*", "m.7.*"' if name != "other" else '"m.first.*"'
    ctx = run(module, recipe_file(tmp_path, f"modules = [{modules}]"))
    assert f"layer.{name}" in functions(module)
    treated = "layers 1, 3, 5, 7" if name != "other" else "m.first"
    assert any(f"treats {treated} in its own way" in item.reason for item in ctx.outcomes)


def test_a_name_that_is_taken_is_numbered(tmp_path: Path) -> None:
    module = layered(numbered(3))
    other = functions(module)["inner"].clone()
    other.properties["sym_name"] = type(other.sym_name)("layer.layer_0")
    module.body.block.add_op(other)
    run(module, recipe_file(tmp_path, 'modules = ["*.up_proj"]\nlayers = "0:1"'))
    assert callees(module)["model.layers.0"] == "layer.layer_0_2"
    assert precision(module)["layer.layer_0_2"] == 0


def test_one_precision_needs_no_clones() -> None:
    module = layered(numbered(8))
    ctx = run(module)
    assert list(functions(module)) == ["inner", "layer", "main"]
    assert len(list(ctx.outcomes)) == 2


def test_a_merged_weight_has_one_precision(tmp_path: Path) -> None:
    text = f"""dsv3c.symbol @T min 1
      func.func @main(%x: {ACT}) {{
        %w = weight.param "a.weight+b.weight:reshape" : {SQUARE}
        %y = nn.linear %x, %w : {LINEAR}
        "test.op"(%y) : ({ACT}) -> ()
        func.return
      }}"""
    module = parse_module(make_context(), text)
    ctx = run(module, recipe_file(tmp_path, 'modules = ["b"]'))
    (item,) = ctx.outcomes
    assert (item.kind, item.reason) == (
        Kind.BLOCKED,
        "the weight is made of modules that mine tells apart: a by rule 1, b by rule 3",
    )
    ctx = run(module, recipe_file(tmp_path, 'modules = ["b"]', 'modules = ["a"]'))
    (item,) = ctx.outcomes
    assert (item.kind, item.numbers["rule"]) == (Kind.UNPROFITABLE, 4)
