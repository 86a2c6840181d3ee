"""The command line of an emitted program."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dsv3c.backends.reference.meanings.arithmetic import fidelity
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.experts import ExpertCache, ExpertParams, num_bytes
from dsv3c.backends.reference.runtime.generate import (
    CacheSpec,
    Engine,
    GenerateOptions,
    StepEntry,
    generate_dense,
    num_pages,
    page_size_of,
)
from dsv3c.backends.reference.runtime.packed import check_digest
from dsv3c.backends.reference.runtime.params import CheckpointSource, Params, RandomSource
from dsv3c.backends.reference.runtime.sampling import SamplingOptions
from dsv3c.backends.reference.runtime.speculate import SpeculativeEngine, continued
from dsv3c.backends.reference.runtime.stored import Checkpoint, StoredError

OWN_WEIGHTS = Path(__file__).resolve().parents[1] / "weights.safetensors"
"""Beside an emitted program whose model brought its own values."""
MANIFEST = OWN_WEIGHTS.with_name("manifest.json")
"""Beside a program that is part of an artifact."""


@dataclass(frozen=True)
class Entry:
    """A function a user runs, and the caches among its arguments."""

    function: Callable[..., Any]
    caches: tuple[CacheSpec, ...] = ()
    queries: tuple[int, int] | None = None
    """Fewest and most new tokens per sequence, of a phase that continues sequences."""
    launches: int = 0
    """Calls of meanings in one run."""
    drafts: bool = False
    """Whether it is a phase of the multi-token prediction module."""

    def bind(self, params: Params) -> Callable[..., Any]:
        """The function with its parameters."""
        return lambda *args: self.function(params, *args)

    def step(self, name: str, params: Params) -> StepEntry:
        """The entry of an engine, for one that has query lengths."""
        assert self.queries is not None
        return StepEntry(name, self.bind(params), *self.queries, launches=self.launches)


def parser(description: str = "Generate tokens with this program on the CPU.") -> argparse.ArgumentParser:
    """Options and their help."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument(
        "--weights", type=Path, help="a safetensors file or checkpoint folder (default: the program's own, else random)"
    )
    made.add_argument("--seed", type=int, default=0, help="seed of random weights and of sampling")
    made.add_argument("--tokens", action="append", required=True, help="a prompt: 1,2,3 (again for more sequences)")
    made.add_argument("--max-new-tokens", type=int, default=8, help="tokens to generate per sequence")
    made.add_argument("--eos", action="append", type=int, default=[], help="token that ends a sequence (again: more)")
    made.add_argument("--chunk", type=int, default=512, help="prompt tokens per step, at most")
    made.add_argument(
        "--expert-memory", metavar="8GiB", help="read experts when they are used, and keep so much of them"
    )
    made.add_argument("--pages", type=int, help="cache pages per layer (default: as many as needed)")
    made.add_argument("--temperature", type=float, default=0.0, help="0 picks the likeliest token")
    made.add_argument("--top-k", type=int, default=0, help="draw from the K likeliest; 0: from all")
    made.add_argument("--top-p", type=float, default=1.0, help="draw from the likeliest that reach P")
    made.add_argument("--speculative", action="store_true", help="draft a token per step by multi-token prediction")
    fidelities = ("reference", "torch", "tensor_core")
    made.add_argument("--fidelity", choices=fidelities, default="reference", help="see arithmetic.py")
    return made


def token_ids(text: str) -> list[int]:
    """``1,2,3`` as numbers.  Raises RequestError."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise RequestError(f"--tokens takes numbers with commas between them, not {text!r}") from error


def engine_of(
    entries: Mapping[str, Entry],
    params: Params,
    pages: int | None,
    lengths: Sequence[int],
    *,
    speculative: bool = False,
) -> Engine | None:
    """An engine of the entries that continue sequences; None without any.

    ``pages``: cache pages per layer; None for as many as sequences of ``lengths`` tokens need.  ``speculative``: a
    ``SpeculativeEngine``; raises RequestError where nothing drafts.
    """
    phases = {name: entry for name, entry in entries.items() if entry.queries is not None}
    steps, drafts = (
        [entry.step(name, params) for name, entry in phases.items() if entry.drafts == wanted]
        for wanted in (False, True)
    )
    if not steps:
        return None
    caches, draft_caches = (
        next((entry.caches for entry in phases.values() if entry.drafts == wanted), ()) for wanted in (False, True)
    )
    pages = num_pages(lengths, page_size_of(caches)) if pages is None else pages
    if speculative:
        return SpeculativeEngine(steps, caches, drafts, draft_caches, pages=pages)
    return Engine(steps, caches, pages=pages)


def generated(entries: Mapping[str, Entry], chosen: argparse.Namespace) -> list[list[int]]:
    """New tokens of every prompt, by the phases, or by ``main`` where there are none.

    Raises RequestError for a program that has neither, and for what the engine refuses.
    """
    sampling = SamplingOptions(chosen.temperature, chosen.top_k, chosen.top_p, chosen.seed)
    options = GenerateOptions(chosen.max_new_tokens, chosen.chunk, frozenset(chosen.eos), sampling)
    weights = chosen.weights or (OWN_WEIGHTS if OWN_WEIGHTS.is_file() else None)
    source = CheckpointSource(opened(weights)) if weights else RandomSource(chosen.seed)
    prompts = [token_ids(text) for text in chosen.tokens]
    cache = None if chosen.expert_memory is None else ExpertCache(num_bytes(chosen.expert_memory))
    params = Params(source) if cache is None else ExpertParams(source, cache)
    with torch.no_grad(), fidelity(chosen.fidelity):
        lengths = [len(prompt) + options.max_new_tokens for prompt in prompts]
        engine = engine_of(entries, params, chosen.pages, lengths, speculative=chosen.speculative)
        if engine is not None:
            made = continued(engine, prompts, options)
            told = [*engine.statistics.lines(), *([] if cache is None else [cache.line()])]
            print("\n".join(told), file=sys.stderr)
            return made
        if "main" in entries:
            return generate_dense(entries["main"].bind(params), prompts, options)
    raise RequestError(f"no phase and no main to generate with; entries: {', '.join(entries)}")


def opened(weights: Path) -> Checkpoint:
    """A checkpoint.  Raises StoredError for parameters packed for another program than the one beside this file."""
    if MANIFEST.is_file():
        check_digest(weights, json.loads(MANIFEST.read_text("utf-8"))["weights"]["parameters"])
    return Checkpoint(weights)


def run_command(entries: dict[str, Entry], arguments: Sequence[str] | None = None) -> int:
    """Generate and print: one line of token ids per prompt; the exit status."""
    return run_chosen(entries, parser().parse_args(arguments))


def run_chosen(entries: Mapping[str, Entry], chosen: argparse.Namespace) -> int:
    """``run_command`` with the options that were chosen."""
    try:
        new = generated(entries, chosen)
    except (StoredError, ValueError, IndexError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for tokens in new:
        print(",".join(map(str, tokens)))
    return 0
