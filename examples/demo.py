"""``make demo``: compile the tiny model, one rewrite, the summary, and text from the trained checkpoint, in FP8 too."""

import difflib
import json
import sys
import tempfile
from pathlib import Path

import dsv3c
from dsv3c.cli import main
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.reports.summary import summary_text

TRAINED = str(Path(__file__).parent / "trained")
WIDTH = 118
"""Columns of a line of the rewrite."""


def change(text: str, rewrite: str) -> list[str]:
    """The first thing a pass does to a program: the lines that went, then those that came in their place."""
    before, after = (str(dsv3c.opt(text, passes)).splitlines() for passes in ("dce", f"{rewrite},dce"))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=1))[3:]
    came = next(index for index, line in enumerate(lines) if line.startswith("+"))
    end = next(index for index, line in enumerate(lines) if index > came and not line.startswith("+"))
    return [line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..." for line in lines[:end]]


def run(*command: str) -> None:
    """One command of the command line."""
    print("\n$ dsv3c", *command, flush=True)
    if status := main(list(command)):
        sys.exit(status)


def demo() -> None:
    """Everything, in order."""
    print("$ dsv3c compile tiny --semantics hf --target cpu", flush=True)
    compiled = compile_model(Request(model="tiny", semantics="hf", target="cpu"), keep_stages=True)
    before = next(stage for stage in compiled.stages if stage.name == "raise-linear")
    print("\nraise-rms-norm, the first of its rewrites (- before, + after):\n")
    print("\n".join(change(before.text, "raise-rms-norm")))
    print(f"\n{summary_text(compiled)}")
    with tempfile.TemporaryDirectory() as scratch:
        out = str(Path(scratch) / "trained")
        run("compile", TRAINED, "--target", "cpu", "--weights", TRAINED, "-o", out)
        prompts = [word for text in ("The router", "A pass", "7 plus 8") for word in ("--prompt", text)]
        run("generate", out, *prompts, "--max-new-tokens", "40")
        raised = str(Path(out) / json.loads((Path(out) / "manifest.json").read_text("utf-8"))["levels"]["raised"])
        print("\nThe same from its raised stage on, with 8-bit products and an 8-bit cache:\n", flush=True)
        eight = dsv3c.compile(raised, f"{out}8", weights=TRAINED, recipe="deepseek-v3", kv_cache_dtype="fp8")
        print("\n".join(line for line in eight.summary.splitlines() if line.startswith(("plan", "cache", "FP8"))))
        run("generate", f"{out}8", *prompts, "--max-new-tokens", "40")


if __name__ == "__main__":
    demo()
