"""The trained checkpoint in bf16 and in two FP8 recipes, one of them our own: text, likelihood, worst tensors."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dsv3c
from dsv3c.backends.reference.weights import SafetensorsWeights
from dsv3c.cli import main
from dsv3c.reports.quant_report import quant_report
from dsv3c.text import read_tokenizer

HERE = Path(__file__).parent
TRAINED = HERE.parent / "trained"
CAREFUL = str(HERE / "careful.toml")
RECIPES = ("bf16", "deepseek-v3", CAREFUL)
LEARNT, UNKNOWN = "The latent cache", "17 plus 12"
"""It knows its text by heart, and sums up to 10 plus 10."""
LINES = 12
"""Of that text."""


def run(*command: object) -> None:
    """One command of the command line."""
    words = [str(word) for word in command]
    print("\n$ dsv3c", *words, flush=True)
    if status := main(words):
        sys.exit(status)


def token_ids() -> Iterator[int]:
    """Lines as in training: an end token behind each of them."""
    tokenizer = read_tokenizer(TRAINED)
    [end] = tokenizer.encode("<end>")
    for line in (TRAINED / "text.txt").read_text("utf-8").splitlines()[:LINES]:
        yield from (*tokenizer.encode(line), end)


def compare(scratch: Path) -> None:
    """Capture once, then one program per recipe."""
    model, tokens = scratch / "raised.mlir", scratch / "tokens.txt"
    raised = dsv3c.compile(str(TRAINED), level="raised", semantics="deepseek")
    model.write_text(str(raised), "utf-8")
    for recipe in RECIPES:
        out = scratch / Path(recipe).stem
        program = dsv3c.compile(str(model), out, recipe=recipe, weights=TRAINED)
        print("\n".join(line for line in program.summary.splitlines() if line.startswith(("cache", "FP8"))))
        run("generate", out, "--prompt", LEARNT, "--prompt", UNKNOWN, "--max-new-tokens", "31")
    tokens.write_text(" ".join(map(str, token_ids())))
    recipes = [word for recipe in RECIPES[1:] for word in ("--recipe", recipe)]
    run("eval", model, "--weights", TRAINED, "--tokens", tokens, "--window", "128", *recipes)
    program = dsv3c.load(scratch / "careful")
    inputs = program.inputs("prefill.short", tokens=[list(token_ids())[:32]])
    print(quant_report(program.op, SafetensorsWeights(TRAINED), "prefill.short", [inputs]).text(most=8))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder))
