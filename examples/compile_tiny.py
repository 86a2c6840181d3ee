"""Compile the tiny model, from Python and from the command line, and run what comes out."""

import sys
import tempfile
from pathlib import Path

import dsv3c
from dsv3c.cli import main


def from_python(folder: Path) -> None:
    """Capture, look, lower, execute."""
    module = dsv3c.capture("tiny", layers=(1, 4))
    raised = dsv3c.opt(module, "canonicalize-views,raise-linear,raise-rms-norm,raise-swiglu,dce")
    print(f"{sum(1 for _ in module.op.walk())} ops captured, {sum(1 for _ in raised.op.walk())} after four passes")

    compiled = dsv3c.compile("tiny", folder / "from_python", layers=(1, 4), phases=["prefill", "decode"])
    print(compiled.summary)
    program = dsv3c.load(folder / "from_python")
    entry = "prefill.short"  # @prefill itself takes the long prompts: see what absorb-mla said about the length
    logits, *caches = program.execute(entry, *program.inputs(entry, tokens=[[1, 2, 3], [4, 5]]))
    print(f"entries {', '.join(program.entries)}; logits {list(logits.shape)}, {len(caches)} caches")


def from_the_command_line(folder: Path) -> int:
    """The same, as commands."""
    out = str(folder / "from_the_command_line")
    for command in (
        ["compile", "tiny", "--layers", "1:4", "--target", "cpu", "-o", out],
        ["run", out, "--entry", "prefill.short", "--tokens", "1,2,3"],
        ["generate", out, "--tokens", "1,2,3", "--tokens", "4,5", "--max-new-tokens", "8"],
    ):
        print("\n$ dsv3c", *command, flush=True)
        if status := main(command):
            return status
    return 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        from_python(Path(scratch))
        sys.exit(from_the_command_line(Path(scratch)))
