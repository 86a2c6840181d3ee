"""Bad input: what is wrong, where, what to do; one paragraph, the right exit status, nothing lost."""

import json
from pathlib import Path

import pytest
import torch
from cli import LENIENT, NAMES, TEXT, dsv3c, refused
from safetensors.torch import save_file

from dsv3c import artifact, programs
from dsv3c.compilation import compiler
from dsv3c.models.configs import load_config, to_hf


@pytest.fixture
def mlir(tmp_path: Path) -> Path:
    file = tmp_path / "toy.mlir"
    file.write_text(TEXT)
    return file


def test_unknown_verb() -> None:
    refused("complie", status=2, says=["unknown verb 'complie'", "did you mean compile?"])


@pytest.mark.parametrize("name", ["missing.py", "missing.json", "missing.mlir", "folder/missing.py"])
def test_missing_model(name: str) -> None:
    refused("compile", name, status=2, says=["there is no file", name])


@pytest.mark.parametrize("flag", ["--print-ir-after", "--print-ir-before", "--stop-after"])
def test_pass_named_by_a_flag_is_not_in_the_pipeline(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "read_model", lambda *_: pytest.fail("this is told before the capture"))
    refused("compile", "tiny", f"{flag}=raise-atention", status=2, says=["raise-atention: no such pass", "its passes:"])
    refused("compile", "tiny", "--emit=raised", f"{flag}=absorb-mla", status=2, says=["absorb-mla: no such pass"])


def test_missing_program() -> None:
    refused("run", "missing", status=2, says=["there is no program missing", "compile MODEL -o OUT"])
    refused("run", "missing.mlir", status=2, says=["there is no file missing.mlir"])
    refused("opt", "missing.mlir", status=2, says=["missing.mlir does not exist"])


def test_python_file_without_a_model(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("def helper():\n    return 1\n")
    refused("compile", file, status=2, says=["model.py has no function build_model()", "it has: helper"])
    refused("compile", f"{file}:make", status=2, says=["model.py has no function make()"])


def test_syntax_error_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("import torch\n\ndef build_model(:\n    pass\n")
    refused("compile", file, status=1, says=["model.py:3", "def build_model(:", "^"])


def test_exception_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("def build_model():\n    return missing_name\n")
    refused("compile", file, status=1, says=["model.py:2", "NameError", "return missing_name"])


def test_unknown_names() -> None:
    refused("compile", "deepseek-v4", status=2, says=["'deepseek-v4'", "Did you mean deepseek-v"])
    refused("compile", "tiny", "--target", "h80", status=2, says=["unknown target 'h80'", "did you mean h800?"])
    refused("targets", "h80", status=2, says=["unknown target 'h80'", "did you mean h800?"])
    refused("passes", "dec", status=2, says=["unknown pass 'dec'", "did you mean dce?"])
    refused("compile", "tiny", "-p", "absorb-mal", status=2, says=["did you mean absorb-mla?"])
    refused("compile", "tiny", "-p", "absorb-mla{mod=auto}", status=2, says=["no option 'mod'", "did you mean mode?"])
    refused("compile", "tiny", "--phases", "decod", status=2, says=["unknown phase 'decod'", "did you mean decode?"])


def test_unknown_options() -> None:
    refused("compile", "tiny", "--layer", "0:1", status=2, says=["did you mean --layers?"])
    refused("compile", "tiny", "--emit", "raisd", status=2, says=["invalid choice: 'raisd'", "did you mean raised?"])
    refused("compile", "tiny", "--tp", "2", status=2, says=["unrecognized arguments: --tp 2"])
    refused("compile", "tiny", "--layers", "3", status=2, says=["'3' is not a range of layers", "0:4"])
    refused("run", "x", "--tokens", "a,b", status=2, says=["'a,b' are no token ids"])


def test_contradicting_sizes(mlir: Path) -> None:
    refused(
        "compile", mlir, "--context", "99", "--max-context", "9", status=2, says=["--context 99", "--max-context 9"]
    )
    refused("compile", mlir, "--page-size", "0", status=2, says=["--page-size 0", "at least 1"])
    refused("compile", mlir, "--max-context", "65", status=2, says=["--max-context 65", "64 positions"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--phases", "decod"), "unknown phase 'decod'"),
        (("--max-batch", "0"), "--max-batch 0: must be at least 1"),
        (("--context", "99", "--max-context", "9"), "--context 99 is more than --max-context 9"),
        (("--speculative", "--phases", "decode"), "--speculative needs the phase verify"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_what_suits_no_model_is_told_before_the_capture(
    options: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiler, "read_model", lambda *_: pytest.fail("it was captured"))
    refused("compile", "tiny", *options, status=2, says=[says])


@pytest.mark.parametrize("options", [("--context", "999999"), ("--max-context", "256"), ("--max-context", "999999")])
def test_what_depends_on_the_model_is_told_after_it(options: tuple[str, str], mlir: Path) -> None:
    refused("compile", mlir, *options, status=2, says=[f"{options[0]} {options[1]}", "64"])


def test_workload_file(mlir: Path, tmp_path: Path) -> None:
    file = tmp_path / "load.toml"
    refused("compile", mlir, "--workload", file, status=2, says=["load.toml does not exist"])
    file.write_text("max-bach = 3\n")
    refused("compile", mlir, "--workload", file, status=2, says=["load.toml", "'max-bach'", "did you mean max_batch?"])
    file.write_text('max-batch = "three"\n')
    refused("compile", mlir, "--workload", file, status=2, says=["load.toml", "wrong type"])
    file.write_text("max-batch = = 3\n")
    refused("compile", mlir, "--workload", file, status=2, says=["load.toml", "not valid TOML"])


def test_capture_options_with_text(mlir: Path) -> None:
    refused("compile", mlir, "--semantics", "hf", status=2, says=["--semantics", "captured already"])


def test_malformed_text(tmp_path: Path) -> None:
    file = tmp_path / "bad.mlir"
    file.write_text(TEXT.replace("%y = aten.linear(%x, %w) :", "%y = aten.linear(%x, %q) :"))
    for verb in ("compile", "run", "opt"):
        refused(verb, file, status=1, says=["bad.mlir:6", "%q", "^"])


def test_unknown_dialect(tmp_path: Path) -> None:
    file = tmp_path / "bad.mlir"
    file.write_text(TEXT.replace("aten.linear(%x, %w)", "atn.linear(%x, %w)"))
    refused("opt", file, status=1, says=["bad.mlir:6", "^", "no dialect 'atn'", "did you mean aten?"])


@pytest.mark.parametrize(("op", "near"), [("aten.linaer(%x, %w)", "aten.linear"), ("nn.linaer %x, %w", "nn.linear")])
def test_unknown_op(tmp_path: Path, op: str, near: str) -> None:
    file = tmp_path / "bad.mlir"
    file.write_text(TEXT.replace("aten.linear(%x, %w)", op))
    refused("opt", file, status=1, says=["bad.mlir:6", "^", f"did you mean {near}?"])


def test_invalid_text(tmp_path: Path) -> None:
    file = tmp_path / "bad.mlir"
    file.write_text(TEXT.replace("dsv3c.symbol @S min 2 max 64 hint 16\n", ""))
    refused("run", file, status=1, says=["size S", "not declared"])


def test_cut_config(tmp_path: Path) -> None:
    text = json.dumps(to_hf(load_config("tiny")), indent=2)
    file = tmp_path / "config.json"
    file.write_text(text[: len(text) // 2])
    refused("compile", file, status=2, says=["config.json:", "not valid JSON", "may be cut"])
    refused("compile", tmp_path, status=2, says=["config.json:", "not valid JSON"])
    fields = to_hf(load_config("tiny"))
    del fields["kv_lora_rank"]
    file.write_text(json.dumps(fields))
    refused("compile", file, status=2, says=["config.json", "kv_lora_rank"])


def test_folder_without_a_config(tmp_path: Path) -> None:
    refused("compile", tmp_path, status=2, says=["has no config.json"])


def test_output_folder_that_exists(mlir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    refused("compile", "no-such-model", "-o", out, status=2, says=[f"{out} exists", "--force"])
    refused("compile", mlir, "-o", out, "--force", status=2, says=["was not written by dsv3c"])
    refused("compile", mlir, "-o", mlir, "--force", status=2, says=["was not written by dsv3c"])
    refused("compile", mlir, "--emit", "captured", "-o", mlir, status=2, says=["toy.mlir exists"])
    assert (out / "mine").is_dir()
    assert mlir.read_text() == TEXT


def test_failure_while_writing_leaves_what_was_there(
    mlir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device", str(out / "remarks.jsonl"))

    command = ["compile", mlir, "-p", "dce", *LENIENT, "--kernels", "none", "-o", out]
    with monkeypatch.context() as patched:
        patched.setattr(artifact, "digest", fail)
        refused(*command, status=1, says=["remarks.jsonl: No space left on device"])
    assert [path.name for path in tmp_path.iterdir()] == ["toy.mlir"]
    assert dsv3c(*command).status == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with monkeypatch.context() as patched:
        patched.setattr(artifact, "digest", fail)
        refused(*command, "--force", status=1, says=["No space left on device"])
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "toy.mlir"]


def test_failure_of_the_last_rename_puts_the_old_folder_back(
    mlir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsv3c import files

    out = tmp_path / "out"
    command = ["compile", mlir, "-p", "dce", *LENIENT, "--kernels", "none", "-o", out]
    assert dsv3c(*command).status == 0
    real, calls = files.os.replace, list[str]()

    def fail_second(source: object, target: object) -> None:
        calls.append(str(target))
        if len(calls) == 2:
            raise OSError(5, "Input/output error", str(target))
        real(source, target)

    monkeypatch.setattr(files.os, "replace", fail_second)
    refused(*command, "--force", status=1, says=["Input/output error"])
    assert (out / "manifest.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "toy.mlir"]


def test_model_too_big_for_this_machine(mlir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = (10 * 8 + 10 * 8) * 4
    monkeypatch.setattr(programs, "available_bytes", lambda: own + 8 * 8 * 4)
    refused("run", mlir, status=1, says=["the weights of @main take", "available", "--layers 0:1"])
    monkeypatch.setattr(programs, "available_bytes", lambda: 1)
    refused("run", mlir, status=1, says=["--layers A:B"])
    monkeypatch.setattr(programs, "available_bytes", lambda: own + 2 * 8 * 8 * 4)
    assert dsv3c("run", mlir).status == 0


def test_every_rank_takes_memory(mlir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sharded = mlir.with_name("sharded.mlir")
    sharded.write_text(f"comm.mesh @ep nodes 2 gpus 2\n{mlir.read_text()}")
    whole = (10 * 8 + 10 * 8) * 4 + 2 * 8 * 8 * 4
    monkeypatch.setattr(programs, "available_bytes", lambda: 4 * whole - 1)
    assert dsv3c("run", mlir).status == 0
    refused("run", sharded, status=1, says=["the weights of @main take", "--layers 0:1"])
    monkeypatch.setattr(programs, "available_bytes", lambda: 4 * whole)
    assert dsv3c("run", sharded).status == 0


def test_memory_of_this_machine_is_known() -> None:
    available = programs.available_bytes()
    assert available is not None
    assert available > 2**20


@pytest.mark.parametrize("verb", ["run", "compile"])
def test_checkpoint_that_does_not_fit(verb: str, mlir: Path, tmp_path: Path) -> None:
    tensors = {name: torch.ones(shape) for name, shape in NAMES.items()}
    command = [verb, mlir, *(["-p", "dce", *LENIENT] if verb == "compile" else []), "--weights", tmp_path]
    refused(*command, status=1, says=["no .safetensors file"])
    file = tmp_path / "model.safetensors"
    save_file(tensors, file)
    assert dsv3c(*command).status == 0
    save_file({**tensors, "more.weight": torch.ones(2)}, file)
    assert dsv3c(*command).status == 0
    save_file({name: value for name, value in tensors.items() if name != "head.weight"}, file)
    refused(*command, status=1, says=["1 of 4 tensors are missing: head.weight"])
    save_file({**tensors, "head.weight": torch.ones(9, 8)}, file)
    refused(*command, status=1, says=["head.weight: [9, 8] f32, needed [10, 8] f32"])
    file.write_bytes(file.read_bytes()[:-8])
    refused(*command, status=1, says=["model.safetensors", "cut"])
    refused(verb, mlir, "--weights", tmp_path / "none", status=1, says=["there is no", "checkpoint"])


UNRAISED = """
dsv3c.symbol @B min 1 max 4 hint 1
func.func @main(%x: tensor<?x8xf32, ["B"]>) -> tensor<?x2xf32, ["B"]> {
  %p = aten.softmax.int(%x, dim = 0) : tensor<?x8xf32, ["B"]> loc("model.py":7:0)
  %v, %i = aten.topk(%p, k = 2) : tensor<?x2xf32, ["B"]>, tensor<?x2xi64, ["B"]> loc("model.py":8:0)
  func.return %v : tensor<?x2xf32, ["B"]>
}
"""


def test_what_kernels_do_not_compute_is_refused_for_their_targets(tmp_path: Path) -> None:
    file, out = tmp_path / "odd.mlir", tmp_path / "out"
    file.write_text(UNRAISED)
    says = ["model.py:7: aten.softmax.int was not raised, and no kernel for h800 computes it"]
    says += ["aten.softmax.int x 1, aten.topk x 1", "--target cpu", "--allow-unraised", "dsv3c explain"]
    refused("compile", file, "-o", out, status=1, says=says)
    assert not out.exists()
    assert dsv3c("compile", file, "-o", out, "--allow-unraised").status == 0
    says = ["kernels are launched by phases, and this program has none", "--kernels none"]
    refused("compile", file, "-o", tmp_path / "aot", "--allow-unraised", "--kernels", "aot", status=1, says=says)
    assert dsv3c("compile", file, "--emit", "raised").status == 0
    assert dsv3c("compile", file, "--stop-after", "raise-linear").status == 0
    explained = dsv3c("explain", file)
    assert explained.status == 0 and "model.py:8: aten.topk in @main" in explained.out


def test_what_kernels_do_not_compute_is_a_remark_for_the_cpu(tmp_path: Path) -> None:
    file = tmp_path / "odd.mlir"
    file.write_text(UNRAISED)
    done = dsv3c("compile", file, "--target", "cpu", "--remarks")
    assert done.status == 0
    for place, name in (("model.py:7", "aten.softmax.int"), ("model.py:8", "aten.topk")):
        assert f"remark: {place}: coverage: blocked: @main: {name}: left in aten" in done.err
    assert "left in aten" not in dsv3c("compile", file, "--target", "cpu", "--remarks", "--emit", "raised").err


def test_unused_tensors_are_told(mlir: Path, tmp_path: Path) -> None:
    tensors = {name: torch.ones(shape) for name, shape in NAMES.items()}
    save_file({**tensors, "more.weight": torch.ones(2)}, tmp_path / "model.safetensors")
    done = dsv3c("compile", mlir, "-p", "dce", *LENIENT, "--weights", tmp_path)
    assert "1 tensors are not used by the program: more.weight" in done.err


def test_tokens_and_entries(mlir: Path) -> None:
    refused("run", mlir, "--tokens", "1,99", status=2, says=["token id 99", "0..9"])
    refused("run", mlir, "--tokens", "1,2", "--tokens", "1,2,3", status=2, says=["of one length"])
    refused("run", mlir, "--tokens", "1,2", "--seq", "3", status=2, says=["leave out --batch and --seq"])
    refused("run", mlir, "--seq", "65", status=2, says=["S = 65 is outside of 2..64"])
    refused("run", mlir, "--seq", "0", status=2, says=["at least one token"])
    refused("run", mlir, "--entry", "mian", status=2, says=["no entry 'mian'", "did you mean main?"])


def test_own_mistakes_are_called_so(mlir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("impossible")

    monkeypatch.setattr(programs, "check_memory", fail)
    refused("run", mlir, status=1, says=["dsv3c itself failed: AssertionError: impossible", "--debug"])
    with pytest.raises(AssertionError):
        dsv3c("run", mlir, "--debug")


def test_speculation_needs_the_phase_that_verifies(mlir: Path, tmp_path: Path) -> None:
    asked = ("--speculative", "--phases", "prefill,decode")
    refused("compile", mlir, *asked, status=2, says=["--speculative needs the phase verify", "prefill, decode"])
    file = tmp_path / "load.toml"
    file.write_text("speculative = 1\n")
    refused("compile", mlir, "--workload", file, status=2, says=["speculative = 1 has the wrong type"])
