"""The examples run, and what they say is true."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from cli import dsv3c as command
from cli import refused

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TRAINED = EXAMPLES / "trained"


def run(*arguments: str) -> str:
    """Run a script as a user does; its standard output."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_described() -> None:
    described = (EXAMPLES / "README.md").read_text("utf-8")
    for path in sorted(EXAMPLES.iterdir()):
        if path.name not in ("README.md", "__pycache__"):
            assert path.name in described, path.name


def test_demo() -> None:
    printed = run(str(EXAMPLES / "demo.py"))
    assert "+    %" in printed and "nn.rms_norm" in printed
    assert printed.count("The router scores every expert for every token.") == 2, "in bf16 and in FP8"
    assert printed.count("7 plus 8 is 15.") == 2
    assert "FP8 coverage" in printed


def test_compile_tiny() -> None:
    printed = run(str(EXAMPLES / "compile_tiny.py"))
    assert "logits [2, 1000], 3 caches" in printed
    assert "$ dsv3c generate" in printed


def test_fp8_recipes_are_compared() -> None:
    printed = run(str(EXAMPLES / "fp8" / "compare.py"))
    caches = [line.split()[1] for line in printed.splitlines() if line.startswith("cache")]
    assert caches == ["640", "640", "416"], "8-bit latents of 4 layers, with two f32 scales each"
    assert printed.count("The latent cache keeps one short row per token.") == 3
    assert printed.count("FP8 coverage") == 2
    over = [float(line.split()[-2]) for line in printed.splitlines() if line.endswith("%") and "f8" in line]
    assert over and all(-0.1 < nats < 0.1 for nats in over)
    assert "SQNR dB" in printed


def test_experts_on_ranks_generate_the_tokens_of_one_device() -> None:
    printed = run(str(EXAMPLES / "expert_parallel.py"))
    assert printed.count("8 of 8 ranks have the tokens of one device") == 3
    across = [int(line.split()[-2]) for line in printed.splitlines() if "comm.dispatch scale_out" in line]
    assert across[1] < across[0], "a message per node sends less between nodes"
    assert across[2] < across[0], "and so do rows of 8 bits"


def test_own_model_is_recognised_checked_and_generates(tmp_path: Path) -> None:
    out = tmp_path / "out"
    model = EXAMPLES / "own_model" / "model.py"
    done = command("compile", model, "--target", "cpu", "-o", out, "--verify-numerics")
    assert done.status == 0, done.err
    assert "FAIL" not in done.err and done.err.count(" ok ") > 15
    lowered = "".join(file.read_text("utf-8") for file in (out / "ir").glob("*_dce.mlir"))
    for op in ("nn.rms_norm", "nn.rope", "moe.gate", "moe.experts", "mla.absorbed_attention"):
        assert op in lowered, op
    made = command("generate", out, "--tokens", "1,2,3", "--max-new-tokens", "4")
    assert made.status == 0 and len(made.out.strip().split(",")) == 4


def test_another_engine_drives_an_artifact(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = command("compile", EXAMPLES / "dumps" / "final.mlir", "--target", "cpu", "-o", out)
    assert done.status == 0, done.err
    long = ",".join(map(str, range(5, 75)))
    request = ("--tokens", long, "--tokens", "7,8,9", "--tokens", "1,2", "--max-new-tokens", "3")
    driven = EXAMPLES / "drive_artifact.py"
    without = "import runpy, sys; sys.modules |= dict.fromkeys(['dsv3c', 'xdsl', 'triton']); sys.argv = sys.argv[1:]"
    printed = run("-c", f"{without}; runpy.run_path(sys.argv[0], run_name='__main__')", str(driven), str(out), *request)
    assert printed == command("generate", out, *request).out
    command_line = [sys.executable, driven, out, "--tokens", "1", "--device", "cuda"]
    wrong = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (1, f"error: the program in {out} is for cpu, not cuda\n")


def test_external_pass_reports_and_declines() -> None:
    plugin, pipeline = EXAMPLES / "external_pass" / "count_linears.py", "count-linears{widest=500}"
    done = command("opt", EXAMPLES / "dumps" / "raised.mlir", "--load", plugin, "-p", pipeline, "--remarks")
    assert done.status == 0, done.err
    assert done.out == (EXAMPLES / "dumps" / "raised.mlir").read_text("utf-8")
    assert "count-linears: fired" in done.err and "flops_per_token = " in done.err
    assert "rows are more than 500" in done.err


def test_why_not_names_the_line_and_the_condition() -> None:
    printed = run(str(EXAMPLES / "why_not.py"))
    line = next(
        number
        for number, text in enumerate((EXAMPLES / "plain_model.py").read_text("utf-8").splitlines(), 1)
        if "scaled_dot_product_attention" in text
    )
    assert "not multi-head latent attention" in printed
    assert f"plain_model.py:{line}" in printed


def test_dumps_are_current() -> None:
    made = runpy.run_path(str(EXAMPLES / "dumps" / "make.py"))["dumps"]()
    assert sorted(made) == sorted(file.name for file in (EXAMPLES / "dumps").glob("*.mlir"))
    for name, text in made.items():
        assert (EXAMPLES / "dumps" / name).read_text("utf-8") == text, f"{name}: run examples/dumps/make.py"


def test_dumps_are_one_program() -> None:
    done = command("compare", EXAMPLES / "dumps" / "raised.mlir", EXAMPLES / "dumps" / "final.mlir")
    assert done.status == 0, done.out + done.err
    assert "reassociates: ok" in done.out


def test_the_checkpoint_is_small_and_its_script_runs(tmp_path: Path) -> None:
    assert sum(file.stat().st_size for file in TRAINED.iterdir() if file.is_file()) <= 2.5 * 2**20
    printed = run(str(TRAINED / "train.py"), "--steps", "12", "--predictor-steps", "4", "--output", str(tmp_path))
    losses = [float(line.split()[-1]) for line in printed.splitlines() if line.startswith("step")]
    assert losses[-1] < losses[0] - 1
    assert (tmp_path / "tokenizer.json").read_text("utf-8") == (TRAINED / "tokenizer.json").read_text("utf-8")
    done = command("generate", tmp_path, "--prompt", "The router", "--max-new-tokens", "2")
    assert done.status == 0, done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--prompt", "A"], ["needs a tokenizer", "--tokens 1,2,3"]),
        (["--prompt", "A", "--weights", "nowhere"], ["there is no checkpoint nowhere", "--tokens 1,2,3"]),
        (["--tokens", "1", "--max-new-tokens", "9999"], ["5120 positions", "--max-context"]),
        (["--tokens", "5000"], ["5000 is not in the vocabulary", "0..999"]),
        (["--tokens", "x"], ["no token ids"]),
        ([], ["nothing to continue", "--prompt"]),
        (["--tokens", "1", "--pages", "0"], ["--pages 0"]),
        (["--tokens", "1", "--top-p", "2"], ["top-p"]),
        (["--tokens", "1", "--layers", "0:1"], ["captured already"]),
    ],
)
def test_generate_refuses(arguments: list[str], says: list[str]) -> None:
    refused("generate", EXAMPLES / "dumps" / "final.mlir", *arguments, status=2, says=says)


def test_generate_refuses_a_program_without_phases_and_too_few_pages() -> None:
    raised, final = (EXAMPLES / "dumps" / name for name in ("raised.mlir", "final.mlir"))
    refused("generate", raised, "--tokens", "1", status=2, says=["no phases", "--phases prefill,decode"])
    few = ("--tokens", ",".join(["1"] * 65), "--pages", "1", "--max-new-tokens", "1")
    done = command("generate", final, *few)
    assert done.status == 1 and "free pages of 64 tokens" in done.err and "(--pages)" in done.err
