"""The command line of an emitted program."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dsv3c.backends.reference.meanings.arithmetic import fidelity
from dsv3c.backends.reference.runtime.generate import ByLength, CacheSpec, Sampler, Step, generate, generate_dense
from dsv3c.backends.reference.runtime.params import CheckpointSource, Params, RandomSource
from dsv3c.backends.reference.runtime.stored import Checkpoint, StoredError


@dataclass(frozen=True)
class Entry:
    """A function a user runs, and the caches among its arguments."""

    function: Callable[..., Any]
    caches: tuple[CacheSpec, ...] = ()
    queries: tuple[int, int] | None = None
    """Fewest and most new tokens per sequence, of a phase that says so."""

    def bind(self, params: Params) -> Callable[..., Any]:
        """The function with its parameters."""
        return lambda *args: self.function(params, *args)


def parser() -> argparse.ArgumentParser:
    """Options and their help."""
    made = argparse.ArgumentParser(description="Generate tokens with this program on the CPU.")
    made.add_argument("--weights", type=Path, help="a safetensors file or checkpoint folder (default: random weights)")
    made.add_argument("--seed", type=int, default=0, help="seed of random weights and of sampling")
    made.add_argument("--tokens", action="append", required=True, help="a prompt: 1,2,3 (again for more sequences)")
    made.add_argument("--max-new-tokens", type=int, default=8, help="tokens to generate per sequence")
    made.add_argument("--chunk", type=int, help="prefill this many tokens at a time (default: whole prompts)")
    made.add_argument("--temperature", type=float, default=0.0, help="0 picks the likeliest token")
    made.add_argument("--fidelity", choices=("reference", "torch"), default="reference", help="see arithmetic.py")
    return made


def token_ids(text: str) -> list[int]:
    """``1,2,3`` as numbers.  Raises ValueError with what is wrong."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"--tokens takes numbers with commas between them, not {text!r}") from error


def steps_of(entries: dict[str, Entry], params: Params) -> tuple[Step, Step]:
    """The steps for prompts and for single tokens: by the number of new tokens where entries state their ranges."""
    ranges = [(*entry.queries, entry.bind(params)) for entry in entries.values() if entry.queries is not None]
    if ranges:
        step = ByLength(ranges)
        return step, step
    prefill = entries.get("prefill") or entries["decode"]
    return prefill.bind(params), entries.get("decode", prefill).bind(params)


def run_command(entries: dict[str, Entry], arguments: Sequence[str] | None = None) -> int:
    """Generate with the phases, or with ``main`` where there are none; one line of token ids per prompt."""
    options = parser().parse_args(arguments)
    try:
        source = CheckpointSource(Checkpoint(options.weights)) if options.weights else RandomSource(options.seed)
        prompts, params = [token_ids(text) for text in options.tokens], Params(source)
        sampler = Sampler(options.temperature, options.seed)
        with torch.no_grad(), fidelity(options.fidelity):
            first = entries.get("prefill") or entries.get("decode")
            if first is not None:
                steps = steps_of(entries, params)
                new = generate(
                    *steps, first.caches, prompts, options.max_new_tokens, chunk=options.chunk, sampler=sampler
                )
            elif "main" in entries:
                new = generate_dense(entries["main"].bind(params), prompts, options.max_new_tokens, sampler=sampler)
            else:
                raise ValueError(f"no prefill, decode or main to generate with; entries: {', '.join(entries)}")
    except (StoredError, ValueError, IndexError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for tokens in new:
        print(",".join(map(str, tokens)))
    return 0
