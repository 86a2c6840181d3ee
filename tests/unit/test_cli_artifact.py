"""Compile, the artifact it writes, and the verbs that read it."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from cli import LENIENT, TEXT, Done, dsv3c, refused

from dsv3c.artifact import ArtifactError, load_artifact
from dsv3c.cli import main
from dsv3c.commands.compile import about_memory
from dsv3c.ir.outcomes import Kind, Outcome

MODEL = Path(__file__).parents[1] / "models" / "half_split_rope.py"
SIZES = ("--context", "64", "--max-context", "256", "--max-batch", "4")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    out = tmp_path_factory.mktemp("compiled") / "out"
    return out, dsv3c("compile", MODEL, "--target", "cpu", "-o", out, *SIZES)


@pytest.fixture
def out(compiled: tuple[Path, Done], tmp_path: Path) -> Iterator[Path]:
    """A copy that may be damaged."""
    shutil.copytree(compiled[0], tmp_path / "out")
    return tmp_path / "out"


def test_summary_starts_with_the_operating_point(compiled: tuple[Path, Done]) -> None:
    done = compiled[1]
    assert done.status == 0, done
    first = done.out.splitlines()[0]
    assert "context 64 (at most 256)" in first
    assert "4 sequences" in first
    assert f"wrote {compiled[0]}" in done.out
    assert done.err == "", "quiet where standard error is no terminal"


def test_manifest_describes_the_program(compiled: tuple[Path, Done]) -> None:
    manifest = json.loads((compiled[0] / "manifest.json").read_text())
    assert manifest["model"]["kind"] == "python"
    assert manifest["model"]["sha256"] == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert manifest["target"]["name"] == "cpu"
    assert manifest["operating_point"]["max_batch"] == 4
    assert manifest["facts"] == ["phased", "raised"]
    entries = {entry["name"]: entry for entry in manifest["entries"]}
    assert {"prefill", "decode"} <= entries.keys()
    assert entries["decode"]["phase"]["max_query"] == 1
    assert [argument["name"] for argument in entries["decode"]["arguments"]][1:5] == [
        "positions",
        "seq_offsets",
        "block_table",
        "context_lens",
    ]
    assert {"name": "T", "min": 0, "max": 4096, "hint": 4} in manifest["symbols"]
    weights = json.loads((compiled[0] / "weights.json").read_text())
    assert {"name": "head.weight", "shape": [100, 64], "dtype": "bf16"} in weights
    assert len(weights) == manifest["weights"]["num_tensors"]


def test_every_file_is_listed_with_its_hash(compiled: tuple[Path, Done]) -> None:
    manifest = json.loads((compiled[0] / "manifest.json").read_text())
    found = {str(path.relative_to(compiled[0])): path for path in compiled[0].rglob("*") if path.is_file()}
    assert found.keys() == {*manifest["files"], "manifest.json"}
    for name, expected in manifest["files"].items():
        assert hashlib.sha256(found[name].read_bytes()).hexdigest() == expected


def test_every_level_is_a_stage_that_parses(compiled: tuple[Path, Done]) -> None:
    manifest = json.loads((compiled[0] / "manifest.json").read_text())
    assert list(manifest["levels"]) == ["captured", "lowered", "raised", "phased"]
    for file in manifest["levels"].values():
        done = dsv3c("opt", compiled[0] / file)
        assert done.out == (compiled[0] / file).read_text()


def test_module_is_generic_with_the_users_lines(compiled: tuple[Path, Done]) -> None:
    text = (compiled[0] / "ir/module.mlir").read_text()
    assert '"nn.linear"(' in text
    assert re.search(r'loc\(.*half_split_rope\.py":\d+', text)
    artifact = load_artifact(compiled[0])
    assert {item.kind for item in artifact.outcomes()} >= {Kind.FIRED}
    last = (compiled[0] / artifact.manifest["levels"]["lowered"]).read_text()
    assert dsv3c("opt", compiled[0] / "ir/module.mlir").out == last


def test_run_executes_a_phase(compiled: tuple[Path, Done]) -> None:
    done = dsv3c("run", compiled[0], "--tokens", "1,2,3", "--tokens", "4,5,6,7,8")
    assert done.status == 0, done
    assert "[2, 100] bf16" in done.out
    assert "in  seq_offsets: [3] i32" in done.out
    assert len(re.findall(r"argmax \d+", done.out)) == 2
    assert str(compiled[0] / "weights.safetensors") in done.out, "the model's own values"


def test_artifact_computes_what_the_model_does(compiled: tuple[Path, Done]) -> None:
    from dsv3c.frontend.user_models import load

    ids = [3, 1, 4, 1, 5]
    torch.manual_seed(0)
    module = load(MODEL)
    model = module.build_model().eval()
    done = dsv3c("run", compiled[0], "--tokens", ",".join(map(str, ids)), "--fidelity", "torch")
    from safetensors.torch import load_file

    model.load_state_dict(load_file(compiled[0] / "weights.safetensors"))
    with torch.no_grad():
        logits = model(torch.tensor([ids]))
    assert f"argmax {int(logits[0, -1].argmax())}\n" in done.out


def test_the_program_has_the_models_own_values_too(compiled: tuple[Path, Done]) -> None:
    prompt = ("--tokens", "3,1,4,1,5", "--max-new-tokens", "6")
    engine = dsv3c("generate", compiled[0], *prompt)
    program = subprocess.run(
        [sys.executable, compiled[0] / "program.py", *prompt], capture_output=True, text=True, check=True
    )
    assert engine.status == 0, engine
    assert program.stdout == engine.out


def test_decode_reads_the_cache(compiled: tuple[Path, Done]) -> None:
    done = dsv3c("run", compiled[0], "--entry", "decode", "--batch", "3", "--seq", "9")
    assert "in  positions: [3] i32" in done.out
    assert "[3, 100] bf16" in done.out


def test_program_runs_with_torch_alone(compiled: tuple[Path, Done]) -> None:
    code = "import sys; sys.modules['dsv3c'] = sys.modules['xdsl'] = None; import program"
    done = subprocess.run([sys.executable, "-c", code], cwd=compiled[0], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # importing wrote caches into a folder that later tests compare
    for cache in compiled[0].rglob("__pycache__"):
        shutil.rmtree(cache)


def test_explain_reads_the_remarks(compiled: tuple[Path, Done]) -> None:
    done = dsv3c("explain", compiled[0])
    assert re.search(r"^raise-attention: \d+ fired$", done.out, re.M)
    one = dsv3c("explain", compiled[0], "--pass", "raise-rope")
    assert re.findall(r"^\S.*", one.out, re.M) == [
        line for line in done.out.splitlines() if line.startswith("raise-rope:")
    ]
    assert re.search(r"half_split_rope\.py:\d+", one.out)
    refused("explain", compiled[0], "--pass", "raise-rop", status=2, says=["did you mean raise-rope?"])
    refused("explain", compiled[0], "--pass", "outline-layers", status=2, says=["outline-layers did not run"])
    nothing = dsv3c("explain", compiled[0], "--op", "aten.conv2d")
    assert "no pass reported anything for --op aten.conv2d" in nothing.out


def test_explain_finds_functions(compiled: tuple[Path, Done]) -> None:
    done = dsv3c("explain", compiled[0], "--pass", "absorb-mla", "--where", "@decode.layer0")
    assert done.status == 0 and "in @decode.layer0" in done.out, done
    assert "@prefill" not in done.out


def test_a_reader_that_stops_loses_no_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> str:
        raise BrokenPipeError

    monkeypatch.setattr("dsv3c.reports.summary.summary_text", stop)
    file = tmp_path / "small.mlir"
    file.write_text(TEXT)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert main(["compile", str(file), "--target", "cpu", "-p", "raise-linear", "-o", str(tmp_path / "out")]) == 1
    load_artifact(tmp_path / "out")


def test_a_phase_for_other_lengths_names_the_entry_that_fits(compiled: tuple[Path, Done]) -> None:
    module = compiled[0] / "ir" / "module.mlir"
    text = module.read_text().replace("min_query = 1 : i64, max_query = 1 ", "min_query = 8 : i64, max_query = 8 ")
    assert text != module.read_text()
    file = module.parents[1].with_name("edited.mlir")
    file.write_text(text)
    says = ["@decode takes 8..8 new tokens per sequence, not 5", "entries that take 5: @prefill"]
    refused("run", file, "--entry", "decode", "--seq", "5", status=2, says=says)


def test_explain_compiles_a_model() -> None:
    done = dsv3c("explain", MODEL, "--pass", "absorb-mla", *SIZES)
    assert done.status == 0, done
    assert done.out.startswith("absorb-mla: ")
    assert "in @decode" in done.out


def test_resume_from_a_stage_gives_the_same_program(compiled: tuple[Path, Done]) -> None:
    levels = json.loads((compiled[0] / "manifest.json").read_text())["levels"]
    for level in ("raised", "phased"):
        done = dsv3c("compile", compiled[0] / levels[level], "--target", "cpu", "--emit", "lowered", *SIZES)
        assert done.out == (compiled[0] / levels["lowered"]).read_text(), level
    refused("compile", compiled[0] / levels["phased"], "--emit", "raised", status=2, says=["is phased, raised already"])


def test_damaged_artifacts_are_refused(out: Path) -> None:
    manifest = json.loads((out / "manifest.json").read_text())

    def write(**changes: object) -> None:
        (out / "manifest.json").write_text(json.dumps(manifest | changes))

    (out / "manifest.json").write_text(json.dumps(manifest)[:-20])
    refused("run", out, status=1, says=["the manifest is damaged"])
    (out / "manifest.json").write_text(json.dumps({key: value for key, value in manifest.items() if key != "files"}))
    refused("run", out, status=1, says=["it has no 'files'"])
    write(format=99)
    refused("explain", out, status=1, says=["written by dsv3c", "format 99", "compile again"])
    write(dsv3c="9.9.9")
    refused("run", out, status=1, says=["written by dsv3c 9.9.9"])
    write()
    assert load_artifact(out).manifest["format"] == manifest["format"]
    (out / "ir/module.mlir").write_text(TEXT)
    refused("run", out, status=1, says=["ir/module.mlir changed since it was written"])
    (out / "ir/module.mlir").unlink()
    refused("run", out, status=1, says=["1 of ", "files are missing: ir/module.mlir"])
    (out / "manifest.json").unlink()
    refused("run", out, status=2, says=["it holds no manifest.json"])


def test_damaged_remarks_are_refused(out: Path) -> None:
    file = out / "remarks.jsonl"
    file.write_text(file.read_text().replace('"fired"', '"fird"', 1))
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["files"]["remarks.jsonl"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"remarks.jsonl:\d+: not an outcome"):
        load_artifact(out).outcomes()


def test_force_replaces_an_earlier_artifact(tmp_path: Path) -> None:
    file, out = tmp_path / "toy.mlir", tmp_path / "out"
    file.write_text(TEXT)
    command = ["compile", file, "-p", "dce", *LENIENT, "-o", out]
    assert dsv3c(*command).status == 0
    (out / "mine").write_text("notes")
    refused(*command, status=2, says=["exists", "--force"])
    assert dsv3c(*command, "--force").status == 0
    assert not (out / "mine").exists()


def test_plan_for_a_gpu_has_no_program_and_says_so(tmp_path: Path) -> None:
    file, out = tmp_path / "toy.mlir", tmp_path / "out"
    file.write_text(TEXT)
    done = dsv3c("compile", file, "-p", "dce", *LENIENT, "-o", out)
    assert "no kernels were compiled: this is the plan" in done.out
    assert "warning: no kernels were compiled: kernels are launched by phases, and this program has none" in done.err
    assert "--target cpu" in done.out
    assert not (out / "program.py").exists()
    assert dsv3c("run", out, "--seq", "4").status == 0


def test_emit_prints_every_level(tmp_path: Path) -> None:
    file = tmp_path / "toy.mlir"
    file.write_text(TEXT)
    captured = dsv3c("compile", file, "--emit", "captured")
    assert captured.out == dsv3c("opt", file).out
    assert '"aten.linear"(' in dsv3c("compile", file, "--emit", "captured", "--print-op-generic").out
    assert "loc(" in dsv3c("compile", file, "--emit", "captured", "--print-debuginfo").out
    raised = dsv3c("compile", file, "--emit", "raised")
    assert "nn.linear" in raised.out
    assert "nn.embedding" in raised.out
    program = dsv3c("compile", file, "--emit", "program", "--target", "cpu")
    compile(program.out, "program.py", "exec")
    assert dsv3c("compile", file, "--emit", "raised", "-o", tmp_path / "raised.mlir").status == 0
    assert (tmp_path / "raised.mlir").read_text() == raised.out


def test_model_without_mla_compiles_up_to_raised(tmp_path: Path) -> None:
    file = tmp_path / "toy.mlir"
    file.write_text(TEXT)
    done = dsv3c("compile", file, "--stats", "--remarks", tmp_path / "r.jsonl")
    assert done.status == 0, done
    assert "raise-linear" in done.err
    assert all("kind" in json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines())


def test_workload_and_flags(tmp_path: Path) -> None:
    file, load = tmp_path / "toy.mlir", tmp_path / "load.toml"
    file.write_text(TEXT)
    load.write_text('phases = ["decode"]\nmax-batch = 7\ncontext = 32\n')
    done = dsv3c("compile", file, "--workload", load, "--max-batch", "9", "-p", "dce", *LENIENT)
    first = done.out.splitlines()[0]
    assert "decode" in first
    assert "prefill" not in first
    assert "9 sequences" in first
    assert "context 32" in first


def test_what_a_planned_program_keeps_in_memory_is_told() -> None:
    numbers = {"weight_bytes": 42_292_352_000, "cache_bytes": 36_800_000_000, "workspace_bytes": 1_500_000}
    about = {"pass_name": "plan-memory", "pattern": "plan-memory", "op": "func.func", "function": "", "where": ""}
    part = Outcome(kind=Kind.FIRED, reason="@f", numbers={"workspace_bytes": 1}, **about)
    fits = Outcome(kind=Kind.FIRED, reason="@f: 79.1 GB", numbers=numbers, **about)
    text = "memory: weights 42.3 GB, caches 36.8 GB, workspace 0.0015 GB"
    assert about_memory([part, fits]) == [text]
    short = Outcome(kind=Kind.BLOCKED, reason="@f: 79.1 GB do not fit", numbers=numbers, **about)
    assert about_memory([short]) == [f"{text}; @f: 79.1 GB do not fit"]
    assert about_memory([part]) == []
