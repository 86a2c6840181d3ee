"""Programs that leave as linalg and StableHLO, compiled and run by IREE, agree with PyTorch."""

import json
import sys
from pathlib import Path

import pytest
import torch
from cli import LENIENT, TEXT, dsv3c
from iree_engine import Compiled
from routes import Made, own, small
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.mlir.arguments import parameter_tensors
from dsv3c.backends.mlir.errors import ExitError
from dsv3c.backends.mlir.lower import Left, leave
from dsv3c.backends.mlir.trace import exported_call
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.checking.metrics import difference
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.compilation.leaving import exit_pipeline, manifest
from dsv3c.compilation.pipelines import RAISE, parse_passes
from dsv3c.compilation.plan import Plan
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.core import set_facts
from dsv3c.ir.dialects.moe_rows import PermuteOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import parse_module

CONFIG = small(
    "deepseek-v3", n_group=4, topk_group=2, num_hidden_layers=1, first_k_dense_replace=0, num_experts_per_tok=2
)
"""One MoE layer in which groups of experts are chosen."""
SIZES = ((2, 9), (3, 20))


def compiled(source: Made, passes: str) -> ModuleOp:
    """The captured model after these passes."""
    ctx = make_context(target=load_target("cpu"))
    ctx.evaluator = TorchEvaluator()
    module = import_program(ctx, source.captured)
    Driver(ctx, allow_unapplied=True).run(module, parse_passes(passes))
    return module


@pytest.fixture(scope="module")
def in_f32() -> Made:
    return own(CONFIG, "deepseek", "f32").make()


@pytest.fixture(scope="module")
def raised(in_f32: Made) -> ModuleOp:
    return compiled(in_f32, exit_pipeline(Plan(recipe="bf16")))


@pytest.fixture(scope="module")
def left(raised: ModuleOp) -> Left:
    return leave(raised, "linalg", locations=True)


def tokens(batch: int, length: int) -> Tensor:
    return torch.randint(CONFIG.vocab_size, (batch, length), generator=torch.Generator().manual_seed(length))


def weights(source: Made) -> StateDictWeights:
    return StateDictWeights(source.state)


def run(program: Compiled, text: Left, source: Made, ids: Tensor) -> Tensor:
    """The entry, given its parameters in the order it lists them."""
    return program("main", [ids, *parameter_tensors(text.entries[0], weights(source))])


def reference(module: ModuleOp, source: Made, ids: Tensor, fidelity: Fidelity = "reference") -> Tensor:
    return Executor(module, weights(source), fidelity).run("main", ids)[0]


def test_linalg_of_any_size_agrees_with_pytorch_in_f32(in_f32: Made, left: Left) -> None:
    program = Compiled(left.text)
    for batch, length in SIZES:
        ids = tokens(batch, length)
        expected = in_f32.models["main"](ids).detach()
        assert difference([(run(program, left, in_f32, ids), expected)]).relative_l2 < 1e-5


def test_stablehlo_in_bf16_errs_no_more_than_pytorch() -> None:
    source = own(CONFIG, "deepseek", "bf16").make()
    module = compiled(source, exit_pipeline(Plan(recipe="bf16")))
    batch, length = 4, 24
    text = leave(module, "stablehlo", {"B": batch, "S": length})
    assert text.sizes == {"B": batch, "S": length}
    ids = tokens(batch, length)
    exact = reference(module, source, ids)
    ours = difference([(run(Compiled(text.text), text, source, ids), exact)]).relative_l2
    theirs = difference([(source.models["main"](ids).detach(), exact)]).relative_l2
    assert 0 < ours <= 1.1 * theirs


def test_fp8_leaves_in_its_own_type_and_keeps_its_arithmetic(in_f32: Made) -> None:
    module = compiled(in_f32, exit_pipeline(Plan(recipe="deepseek-v3")))
    text = leave(module, "linalg")
    parts = {spec.part for spec in text.entries[0].arguments}
    assert parts == {"input", "weight", "data", "scale"}
    assert "truncf" in text.text and "f8E4M3FN" in text.text
    ids = tokens(*SIZES[0])
    found = run(Compiled(text.text), text, in_f32, ids)
    assert difference([(found, reference(module, in_f32, ids))]).relative_l2 < 1e-5
    plain = in_f32.models["main"](ids).detach()
    assert difference([(found, plain)]).relative_l2 > 1e-3, "nothing was quantised"


def test_layers_stay_functions_and_sizes_stay_open(left: Left) -> None:
    lines = left.text.splitlines()
    assert [line.split("(")[0].split()[-1] for line in lines if "func.func" in line] == [
        "@main.0", "@layer0", "@main.2", "@main",
    ]  # fmt: skip
    assert sum("call @layer0" in line for line in lines) == 1
    assert any("func.func @main(%arg0: tensor<?x?xi64>" in line for line in lines)
    listed = json.loads(manifest(left))["functions"]["main"]
    assert listed["arguments"][0] == {"name": "input_ids", "part": "input", "shape": ["B", "S"], "element": "i64"}
    assert listed["results"][0]["shape"] == ["B", "S", CONFIG.vocab_size]


def test_ops_carry_the_models_lines(left: Left) -> None:
    assert 'deepseek_v3.py":' in left.text and "backends/mlir" not in left.text


@pytest.mark.parametrize(
    ("facts", "message"),
    [('"raised", "phased"', "phased program"), ('"raised", "scheduled"', "timetable"), ("", "not raised")],
)
def test_what_cannot_leave_is_refused(raised: ModuleOp, facts: str, message: str) -> None:
    module = raised.clone()
    set_facts(module, frozenset(part.strip('" ') for part in facts.split(",") if part))
    with pytest.raises(ExitError, match=message):
        leave(module, "linalg")


def test_rows_that_are_sorted_do_not_leave(in_f32: Made) -> None:
    module = compiled(in_f32, ",".join([*RAISE, "bucket-tokens{layout=contiguous}"]))
    (op,) = (op for op in module.walk() if isinstance(op, PermuteOp))
    with pytest.raises(ExitError, match="sorts rows") as caught:
        exported_call(op)
    assert "deepseek_v3.py:" in str(caught.value) and "layout=dense" in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "message"), [({"Q": 1}, "no size named Q"), ({"S": 0}, "S = 0 is outside"), ({"B": 10**9}, "B = ")]
)
def test_sizes_that_are_not_the_programs(raised: ModuleOp, sizes: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        leave(raised, "stablehlo", sizes)


UNKNOWN_OP = """
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @main(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> {
    %y = aten.digamma(%x) : tensor<?x8xf32, ["T"]> loc("model.py":12:0)
    func.return %y : tensor<?x8xf32, ["T"]>
  }
}
"""


def test_an_op_that_torch_mlir_does_not_lower_is_told_with_its_line() -> None:
    module = parse_module(make_context(), UNKNOWN_OP, "unknown.mlir")
    with pytest.raises(ExitError, match="digamma") as caught:
        leave(module, "linalg")
    assert "model.py:12" in str(caught.value)


def test_the_command_writes_the_program_and_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(TEXT)
    out = tmp_path / "left.mlir"
    request = ["compile", str(tmp_path / "model.mlir"), "--recipe", "bf16", *LENIENT, "-o", str(out)]
    done = dsv3c(*request, "--emit", "stablehlo", "--sizes", "S=16")
    assert (done.status, done.err) == (0, "")
    assert "stablehlo.dot_general" in out.read_text()
    listed = json.loads((tmp_path / "left.mlir.json").read_text())
    assert listed["sizes"] == {"B": 1, "S": 16}
    names = [argument["name"] for argument in listed["functions"]["main"]["arguments"]]
    assert names == ["ids", "embed.weight", "layers.0.mlp.weight", "layers.1.mlp.weight", "head.weight"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--emit", "linalg", "--ep", "8"), "--ep is about ranks"),
        (("--emit", "linalg", "--phases", "decode"), "--phases is about steps over a cache"),
        (("--emit", "linalg", "--kv-cache-dtype", "bf16"), "--kv-cache-dtype is about steps"),
        (("--emit", "linalg", "--sizes", "S"), "'S' is not NAME=NUMBER"),
        (("--emit", "raised", "--sizes", "S=1"), "--sizes makes sizes numbers"),
    ],
)
def test_choices_that_do_not_leave(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "model.mlir").write_text(TEXT)
    done = dsv3c("compile", str(tmp_path / "model.mlir"), *options)
    assert done.status != 0 and message in done.err


def test_without_torch_mlir(raised: ModuleOp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_mlir", None)
    monkeypatch.setitem(sys.modules, "torch_mlir.ir", None)
    with pytest.raises(UsageError, match="torch_mlir") as caught:
        leave(raised, "linalg")
    assert "pip install 'dsv3c[mlir]'" in str(caught.value)
