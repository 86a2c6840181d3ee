"""The tiny model whose steps are split and cut generates the tokens of the whole model, through artifacts too."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli import dsv3c

from dsv3c.compilation.pipelines import LOWER, RAISE

PHASES = "specialize-phases{phases=prefill,decode,verify verify-tokens=3 page-size=16 context=64 max-context=256}"
WHOLE = ",".join([*RAISE, PHASES, *LOWER])
SPLIT = f"{WHOLE},split-microbatches,cut-segments"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp("generate") / name for name in ("whole", "split")}
    for name, passes in (("whole", WHOLE), ("split", SPLIT)):
        where = ("--target", "cpu", "--allow-unapplied", "-o", folders[name])
        done = dsv3c("compile", "tiny", "--layers", "1:3", "-p", passes, *where)
        assert done.status == 0, done.err
    return folders


@pytest.mark.parametrize("prompts", [["3,1,4,1,5,9,2"], ["7", "1,2,3", "9,8,7,6,5,4,3,2,1"]], ids=["one", "three"])
@pytest.mark.parametrize("chunk", ["2", "512"])
def test_the_same_tokens(compiled: dict[str, Path], prompts: list[str], chunk: str) -> None:
    arguments = [item for prompt in prompts for item in ("--tokens", prompt)]
    arguments += ["--max-new-tokens", "6", "--chunk", chunk]
    whole, split = (dsv3c("generate", compiled[name], *arguments) for name in ("whole", "split"))
    assert whole.status == split.status == 0, split.err
    assert len(whole.out.splitlines()) == len(prompts)
    assert split.out == whole.out


def test_the_program_does_too(compiled: dict[str, Path]) -> None:
    arguments = ["--tokens", "3,1,4,1,5,9,2", "--max-new-tokens", "6"]
    command = [sys.executable, "program.py", *arguments]
    program = subprocess.run(command, cwd=compiled["split"], capture_output=True, text=True, check=True)
    assert program.stdout == dsv3c("generate", compiled["whole"], *arguments).out
    texts = {name: (folder / "program.py").read_text() for name, folder in compiled.items()}
    assert "nn.step_part" in texts["split"] and "nn.step_part" not in texts["whole"]
