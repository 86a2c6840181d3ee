"""Emitted programs: torch alone runs them, and their bits are the executor's."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from phased_engine import engine_on, only
from phased_program import phased_text
from roundtrip import parse
from safetensors.torch import save_file

from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.python_text import Names, literal_text, wrapped
from dsv3c.backends.reference.runtime.command import Entry, run_command
from dsv3c.backends.reference.runtime.generate import GenerateOptions, generate
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.context import make_context
from dsv3c.ir.errors import IRError
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import print_module
from dsv3c.passes.bucket_tokens import BucketTokensPass
from dsv3c.passes.phases import Phase

ONLY_TORCH = """
import sys

class OnlyTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("dsv3c", "xdsl", "safetensors", "transformers"):
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, OnlyTorch())
sys.path.insert(0, sys.argv.pop(1))
"""


def write(text: str, folder: Path) -> Path:
    for name, content in emit_program(parse(text)).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder


def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", ONLY_TORCH + code, str(folder), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


COMMAND = "from program import ENTRIES, run_command\nsys.exit(run_command(ENTRIES))"

BITS = """
import torch
from program import ENTRIES
from runtime.params import Params, RandomSource
from runtime.generate import Engine, StepEntry
from runtime.paging import SequenceState
saved = torch.load("steps.pt")
params = Params(RandomSource(4))
with torch.no_grad():
    for phase, logits in saved.items():
        entry = ENTRIES[phase]
        engine = Engine([StepEntry(phase, entry.bind(params), 1, 4096)], entry.caches, pages=32)
        states = [SequenceState([1, 2, 3, 4, 5]), SequenceState([9, 8, 7])]
        assert torch.equal(torch.stack(engine.step(states, [4, 1])), logits[0])
        assert torch.equal(torch.stack(engine.step(states, [1, 2])), logits[1])
print("equal")
"""


def test_a_phased_program_has_the_executors_bits(tmp_path: Path) -> None:
    module = parse(phased_text())
    executor = Executor(module, RandomWeights(4, required_headers(module)))
    saved = dict[str, list[torch.Tensor]]()
    for phase in ("prefill", "decode"):
        engine = only(executor, torch.bfloat16, phase)
        states = [SequenceState([1, 2, 3, 4, 5]), SequenceState([9, 8, 7])]
        saved[phase] = [torch.stack(engine.step(states, lengths)) for lengths in ([4, 1], [1, 2])]
    torch.save(saved, tmp_path / "steps.pt")
    done = run(write(phased_text(), tmp_path), BITS)
    assert done.stdout == "equal\n", done.stderr


@pytest.mark.parametrize(("alignment", "fuse"), [(1, False), (8, True)])
def test_a_program_with_rows_in_expert_order_has_the_executors_bits(tmp_path: Path, alignment: int, fuse: bool) -> None:
    before, module = parse(phased_text()), parse(phased_text())
    for text in (before, module):  # a phase that is captured and one that is not
        for phase in (Phase("decode", 1, 1, 2, 2, 8, True), Phase("prefill", 1, 64, 64, 2, 8, False)):
            functions(text)[phase.name].attributes["phase"] = phase.attribute()
    for step in (BucketTokensPass(layout="contiguous", alignment=alignment), BucketTokensPass(fuse=fuse)):
        step.apply(make_context(target=load_target("cpu")), module)
    weights = RandomWeights(4, required_headers(module))
    saved = dict[str, list[torch.Tensor]]()
    for phase in ("prefill", "decode"):
        found = list[list[torch.Tensor]]()
        for made in (before, module):
            engine = only(Executor(made, weights), torch.bfloat16, phase)
            states = [SequenceState([1, 2, 3, 4, 5]), SequenceState([9, 8, 7])]
            found.append([torch.stack(engine.step(states, lengths)) for lengths in ([4, 1], [1, 2])])
        saved[phase] = found[1]
        assert all(torch.equal(old, new) for old, new in zip(*found, strict=True))
    torch.save(saved, tmp_path / "steps.pt")
    folder = write(print_module(module), tmp_path)
    text = " ".join((folder / "program.py").read_text().split())
    assert f'experts=4, layout="contiguous", alignment={alignment}, rows=2*T' in text
    assert 'experts=4, layout="masked", alignment=1, rows=4*T' in text
    done = run(folder, BITS)
    assert done.stdout == "equal\n", done.stderr


def test_the_command_generates_what_the_executor_generates(tmp_path: Path) -> None:
    module = parse(phased_text("f32"))
    weights = RandomWeights(4, required_headers(module))
    executor = Executor(module, weights)
    expected = generate(engine_on(executor, torch.float32), [[1, 2, 3], [7]], GenerateOptions(5))
    folder = write(phased_text("f32"), tmp_path)
    arguments = ["--tokens", "1,2,3", "--tokens", "7", "--max-new-tokens", "5"]
    lines = "".join(",".join(map(str, tokens)) + "\n" for tokens in expected)
    random = run(folder, COMMAND, *arguments, "--seed", "4", "--chunk", "2")
    assert random.stdout == lines, random.stderr
    save_file({name: weights.tensor(name) for name in weights.names()}, tmp_path / "model.safetensors")
    stored = run(folder, COMMAND, *arguments, "--weights", str(tmp_path / "model.safetensors"))
    assert stored.stdout == lines, stored.stderr


def test_the_command_explains_bad_input_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.safetensors"
    save_file({"w": torch.ones(64)}, file)
    entries = {"main": Entry(lambda p, ids: p("w", (2,), torch.float32))}
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-100])
    for arguments, message in (
        (["--tokens", "1,x"], "--tokens takes numbers"),
        (["--tokens", "1", "--chunk", "0"], "chunk must be positive"),
        (["--tokens", "1", "--top-p", "2"], "top-p must be in (0, 1]"),
        (["--tokens", "1", "--weights", str(cut)], "the file is cut"),
        (["--tokens", "1", "--weights", str(tmp_path / "absent")], "no such checkpoint"),
        (["--tokens", "1000000,"], "--tokens takes numbers"),
        (["--tokens", "1", "--weights", str(file)], "tensor w is (64,) torch.float32; the program needs (2,)"),
    ):
        assert run_command(entries, arguments) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("error: ")
        assert message in shown.err
    assert run_command({"mtp": entries["main"]}, ["--tokens", "1"]) == 1
    assert "no phase and no main to generate with; entries: mtp" in capsys.readouterr().err


DENSE = """
dsv3c.symbol @B min 1
dsv3c.symbol @S min 1
func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x9xf32, ["B", "S"]> {
  %c = weight.constant dense<[0.5, 0.25, 0.125, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]> : tensor<10xf32>
  %w = weight.param "embed_tokens.weight" : tensor<9x10xf32>
  %x = nn.embedding %ids, %w : tensor<?x?xi64, ["B", "S"]>, tensor<9x10xf32> -> tensor<?x?x10xf32, ["B", "S"]>
  %p = aten.arange(end = "S", dtype = f32) : tensor<?xf32, ["S"]>
  %q = aten.view(%p) : tensor<1x?x1xf32, ["S"]> loc("model.py":7:0)
  %if = aten.mul.Tensor(%x, %c) : tensor<?x?x10xf32, ["B", "S"]>
  %y = aten.add.Tensor(%if, %q) : tensor<?x?x10xf32, ["B", "S"]>
  %chunks:1 = aten.split.Tensor(%y, split_size = 10, dim = -1) : tensor<?x?x10xf32, ["B", "S"]>
  %z = nn.linear %chunks#0, %w
    : tensor<?x?x10xf32, ["B", "S"]>, tensor<9x10xf32> -> tensor<?x?x9xf32, ["B", "S"]>
  func.return %z : tensor<?x?x9xf32, ["B", "S"]>
}
"""

DENSE_BITS = """
import torch
from program import ENTRIES
from runtime.params import Params, RandomSource
ids, expected = torch.load("dense.pt")
assert torch.equal(ENTRIES["main"].bind(Params(RandomSource(2)))(ids), expected)
print("equal")
"""


def test_a_dense_program_with_constants_lists_and_keywords(tmp_path: Path) -> None:
    module = parse(DENSE)
    ids = torch.tensor([[1, 2, 3], [4, 5, 8]])
    (expected,) = Executor(module, RandomWeights(2, required_headers(module))).run("main", ids)
    torch.save((ids, expected), tmp_path / "dense.pt")
    folder = write(DENSE, tmp_path)
    text = (folder / "program.py").read_text()
    assert "# model.py:7" in text
    assert "S = ids.shape[1]" in text
    assert max(map(len, text.splitlines())) <= 120
    done = run(folder, DENSE_BITS)
    assert done.stdout == "equal\n", done.stderr
    generated = run(folder, COMMAND, "--tokens", "1,2", "--max-new-tokens", "3", "--seed", "2")
    assert len(generated.stdout.split(",")) == 3, generated.stderr


UNDETERMINED = """
dsv3c.symbol @A min 1
dsv3c.symbol @B min 1
func.func @main(%x: tensor<?xf32, ["A*B"]>) -> tensor<?x?xf32, ["A", "B"]> {
  %y = aten.view(%x) : tensor<?x?xf32, ["A", "B"]>
  func.return %y : tensor<?x?xf32, ["A", "B"]>
}
"""
DERIVED = """
dsv3c.symbol @N min 1
func.func @main(%x: tensor<?xf32, ["2*N + 1"]>) -> tensor<?xi64, ["N"]> {
  %y = aten.arange(end = "N", dtype = i64) : tensor<?xi64, ["N"]>
  func.return %y : tensor<?xi64, ["N"]>
}
"""


def test_sizes_come_from_shapes_or_the_program_is_refused() -> None:
    with pytest.raises(IRError, match="do not determine A, B"):
        emit_program(parse(UNDETERMINED))
    text = emit_program(parse(DERIVED))["program.py"]
    assert "N = (x.shape[0] - (1)) // (2)" in text
    (result,) = Executor(parse(DERIVED), RandomWeights(0, {})).run("main", torch.zeros(7))
    assert isinstance(result, torch.Tensor)
    assert result.tolist() == [0, 1, 2]


def test_an_op_without_a_meaning_is_refused() -> None:
    text = (
        'func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  %y = "test.op"(%x) : (tensor<4xf32>) -> tensor<4xf32>'
    )
    with pytest.raises(IRError, match=r"test\.op has no meaning"):
        emit_program(parse(text + "\n  func.return %y : tensor<4xf32>\n}"))


def test_literals_read_back() -> None:
    values = [1.5, 1e-20, float("inf"), -3, True, None, 'a"b\\', (1,), (), [2, [3.0]], torch.bfloat16, 1 + 2j]
    for value in values:
        assert eval(literal_text(value), {"torch": torch}) == value
    assert literal_text(float("nan")) == 'float("nan")'


def test_names_are_identifiers_given_once() -> None:
    names = Names({"x"})
    assert [names.fresh(name) for name in ("x", "x", "if", "a.b", "7", "")] == ["x_1", "x_2", "if_1", "a_b", "v7", "v"]


def test_long_calls_are_wrapped() -> None:
    lines = wrapped("y = f", [f"argument_{index}" for index in range(30)], "", "    ")
    assert max(map(len, lines)) <= 120
    assert len(lines) > 3
