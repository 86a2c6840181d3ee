"""``dsv3c eval``: how much worse a model predicts a text in each precision recipe and cache format."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsv3c.compilation.plan import KV_CACHES, Plan
from dsv3c.ir.errors import UsageError
from dsv3c.options import add_fidelity
from dsv3c.reports.tables import columns

if TYPE_CHECKING:
    from dsv3c.api import Module
    from dsv3c.backends.reference.weights import Weights
    from dsv3c.checking.evaluation import Score, Task
    from dsv3c.compilation.compiler import Compiled
    from dsv3c.compilation.request import Request
    from dsv3c.reports.quant_report import QuantReport

DEFAULT_WINDOW = 512
HEAD = ("recipe", "cache", "nats per token", "perplexity", "over bf16", "same choice")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    from dsv3c.commands.compile import layer_range

    parser.add_argument("model", metavar="MODEL", help="a checkpoint folder, or any MODEL that `dsv3c compile` takes")
    parser.add_argument(
        "--text", type=Path, metavar="FILE", help="text to predict, read with the checkpoint's tokenizer"
    )
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="token ids in place of text: 1 2 3 or [1, 2, 3]")
    parser.add_argument(
        "--recipe", action="append", metavar="NAME", help="precision recipe; repeat for more (default: deepseek-v3)"
    )
    parser.add_argument(
        "--kv-cache-dtype",
        action="append",
        choices=KV_CACHES,
        help="cache format to combine with each recipe; repeat for more (default: what the recipe says)",
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="checkpoint (default: MODEL's own, else random)")
    parser.add_argument("--layers", metavar="A:B", type=layer_range, help="only the layers A up to B")
    parser.add_argument(
        "--window",
        type=int,
        metavar="N",
        help=f"tokens of one sequence (default: {DEFAULT_WINDOW}, or the model's most)",
    )
    parser.add_argument("--chunk", type=int, default=512, metavar="N", help="tokens per step, at most")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="of the text, only the first N tokens")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of random weights")
    add_fidelity(parser, "arithmetic, as in `dsv3c run`")
    parser.add_argument(
        "--report", action="store_true", help="per tensor: signal-to-noise ratio, what saturates, what becomes zero"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to FILE")


def run(arguments: argparse.Namespace) -> int:
    """Check, compile once up to the phases, evaluate every precision, print and write."""
    plans = plans_of(arguments.recipe or ["deepseek-v3"], arguments.kv_cache_dtype or ["recipe"])
    if (arguments.text is None) == (arguments.tokens is None):
        raise UsageError("what is to be predicted?", hint="give either --text FILE or --tokens FILE")
    for name in ("chunk", "max_tokens"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value}: must be at least 1")
    from dsv3c.checking.evaluation import Task, cut, evaluate
    from dsv3c.compilation.compiler import compile_model
    from dsv3c.compilation.observers import progress
    from dsv3c.compilation.reading import checkpoint_of
    from dsv3c.compilation.request import Request

    point: dict[str, object] = {"phases": ("prefill",), "logits": "all", "max_batch": 1, "max_tokens": arguments.chunk}
    request = Request(
        model=arguments.model, target="cpu", layers=arguments.layers, weights=arguments.weights, point=point,
        plan={"recipe": "bf16"}, level="phased",
    )  # fmt: skip
    tokens = tokens_of(arguments, checkpoint_of(request))
    window = DEFAULT_WINDOW if arguments.window is None else arguments.window
    cut(tokens, window)  # what cannot be cut is told before a long capture
    with progress(f"compiling {request.model}") as tell:
        compiled = compile_model(request, progress=tell)
    for warning in compiled.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    check_ids(compiled, tokens)
    task = Task(
        windows=cut(tokens, window_for(compiled, arguments.window)), chunk=arguments.chunk, fidelity=arguments.fidelity
    )
    module, weights = module_of(compiled), weights_of(compiled, request, arguments)
    with progress("evaluating") as tell:
        scores = list(evaluate(module, plans, weights, task, tell))
    print("\n".join(table(scores, task)))
    reports = reports_of(module, plans, weights, task) if arguments.report else {}
    for name, report in reports.items():
        print(f"\n{name}: tensors that are quantised\n\n{report.text()}")
    if arguments.json is not None:
        write_json(arguments, scores, task, reports)
    return 0


def reports_of(module: "Module", plans: Sequence[Plan], weights: "Weights", task: "Task") -> "dict[str, QuantReport]":
    """A report per recipe that quantises something, whatever the cache."""
    from dsv3c.checking.evaluation import precision_report
    from dsv3c.ir.precision_text import load_recipe

    recipes = dict.fromkeys(plan.recipe for plan in plans if load_recipe(plan.recipe).quantises)
    return {name: precision_report(module, Plan(recipe=name, kv_cache_dtype="bf16"), weights, task) for name in recipes}


def plans_of(recipes: Sequence[str], caches: Sequence[str]) -> list[Plan]:
    """Every recipe with every cache format, each pair once.  Raises UsageError for an unknown recipe."""
    plans = [Plan(recipe=recipe, kv_cache_dtype=cache) for recipe in recipes for cache in caches]
    unscaled = [replace(plan, kv_cache_dtype="bf16") if plan.cache_format() is None else plan for plan in plans]
    return list(dict.fromkeys(unscaled))


def tokens_of(arguments: argparse.Namespace, checkpoint: Path | None) -> list[int]:
    """The ids to predict.  Raises UsageError for files that cannot be read and a text without a tokenizer."""
    from dsv3c.checking.evaluation import read_file, read_tokens
    from dsv3c.text import read_tokenizer

    if arguments.tokens is not None:
        tokens = read_tokens(arguments.tokens)
    else:
        text = read_file(arguments.text)
        tokenizer = read_tokenizer(checkpoint, option="--text", instead="give token ids with --tokens FILE instead")
        tokens = tokenizer.encode(text)
    return tokens[: arguments.max_tokens]


def check_ids(compiled: "Compiled", tokens: Sequence[int]) -> None:
    """Raise UsageError for ids that the model has no row for."""
    from dsv3c.inputs import vocabulary
    from dsv3c.ir.functions import functions
    from dsv3c.runtime import phase_entries

    function = functions(compiled.module)[phase_entries(compiled.module)[0].name]
    size = vocabulary(function, function.body.block.args[0])
    if max(tokens) >= size:
        raise UsageError(f"token id {max(tokens)} is beyond the model's vocabulary of {size}")


def window_for(compiled: "Compiled", given: int | None) -> int:
    """Tokens of one sequence.  Raises UsageError for more than the model has positions."""
    most = compiled.point.max_context
    if given is not None and given > most:
        raise UsageError(f"--window {given} is more than the model's {most} positions", hint=f"give at most {most}")
    return min(DEFAULT_WINDOW, most) if given is None else given


def module_of(compiled: "Compiled") -> "Module":
    """The compiled module for the Python API."""
    from dsv3c.api import Module

    return Module(compiled.module, compiled.ctx)


def weights_of(compiled: "Compiled", request: "Request", arguments: argparse.Namespace) -> "Weights":
    """The checkpoint's values, the user's own model's, or random ones.  Raises as reading them does."""
    from dsv3c.backends.reference.weights import StateDictWeights
    from dsv3c.compilation.reading import checkpoint_of
    from dsv3c.programs import Program, check_memory
    from dsv3c.runtime import phase_entries

    entry = phase_entries(compiled.module)[0].name
    check_memory(compiled.module, entry)
    checkpoint = checkpoint_of(request)
    if checkpoint is None and compiled.captured is not None and compiled.captured.state:
        return StateDictWeights(compiled.captured.state)
    if checkpoint is None:
        print(f"no checkpoint is given: weights are random, from seed {arguments.seed}", file=sys.stderr)
    program = Program(Path(request.model), compiled.ctx, compiled.module, checkpoint)
    return program.weights(entry, folder=None, seed=arguments.seed)


def table(scores: "Sequence[Score]", task: "Task") -> list[str]:
    """The lines that are printed."""
    rows = [
        (
            score.recipe,
            score.kv_cache,
            f"{score.nats:.5f}",
            f"{score.perplexity:.4f}",
            f"{score.nats_over_bf16:+.5f}" if index else "",
            f"{score.same_choice:.2%}" if index else "",
        )
        for index, score in enumerate(scores)
    ]
    sequences = f"{len(task.windows)} sequence{'s' if len(task.windows) > 1 else ''}"
    return [
        f"{task.predicted} tokens predicted in {sequences}, {task.fidelity} arithmetic",
        "",
        *columns([HEAD, *rows]),
    ]


def write_json(
    arguments: argparse.Namespace, scores: "Sequence[Score]", task: "Task", reports: "Mapping[str, QuantReport]"
) -> None:
    """All numbers, and what they belong to.  Raises UsageError where the file cannot be written."""
    data = {
        "model": arguments.model,
        "text": str(arguments.text if arguments.text is not None else arguments.tokens),
        "predicted_tokens": task.predicted,
        "sequences": [len(window) for window in task.windows],
        "chunk": task.chunk,
        "fidelity": task.fidelity,
        "scores": [dict(score.numbers()) for score in scores],
        "reports": {name: report.as_json() for name, report in reports.items()},
    }
    try:
        arguments.json.write_text(json.dumps(data, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {arguments.json}: {error}") from error
