"""How well a model predicts a text in each precision: negative log-likelihood per token, next to that in bf16.

The text is cut into windows that are sequences of their own; every token but a window's first is predicted from those
before it, through the compiled prefill and its cache: ``nats = -log softmax(logits)[token]``, mean over all of them,
computed in f64.  ``perplexity = exp(nats)``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

import torch
from torch import Tensor

from dsv3c.api import Module, opt
from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.generate import num_pages, page_size_of
from dsv3c.backends.reference.runtime.paging import SequenceState, step_tables
from dsv3c.backends.reference.weights import Weights
from dsv3c.compilation.pipelines import LOWER
from dsv3c.compilation.plan import Plan
from dsv3c.ir.errors import UsageError
from dsv3c.reports.quant_report import QuantReport, quant_report
from dsv3c.runtime import Engine, cache_spec, phase_entries

BASELINE = Plan(recipe="bf16", kv_cache_dtype="bf16")
"""What every other precision is compared with."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one precision makes of the text."""

    recipe: str
    """Precision recipe."""
    kv_cache: str
    """Type of the latents in the cache, with granule and type of their scales; ``bf16`` without scales."""
    nats: float
    """Mean over the predicted tokens."""
    nats_over_bf16: float
    """Its distance to bf16 with a cache in bf16; below 0: better."""
    same_choice: float
    """Share of predicted tokens whose likeliest candidate is the one that bf16 has."""

    @property
    def perplexity(self) -> float:
        """``exp(nats)``."""
        return exp(self.nats)

    def numbers(self) -> Mapping[str, float | str]:
        """As plain data, for JSON."""
        return {
            "recipe": self.recipe,
            "kv_cache": self.kv_cache,
            "nats_per_token": self.nats,
            "perplexity": self.perplexity,
            "nats_over_bf16": self.nats_over_bf16,
            "same_choice": self.same_choice,
        }


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is evaluated, beside the precisions."""

    windows: Sequence[Sequence[int]]
    """Token ids, at least two in each."""
    chunk: int
    """Tokens per step, at most."""
    fidelity: Fidelity = "reference"

    @property
    def predicted(self) -> int:
        """Tokens that are predicted."""
        return sum(len(window) - 1 for window in self.windows)


def cut(tokens: Sequence[int], window: int) -> list[Sequence[int]]:
    """Windows of ``window`` tokens, the last one shorter; one token alone predicts nothing and is left out.

    Raises UsageError for a window below two tokens, and for a text with less.
    """
    if window < 2:
        raise UsageError(f"--window {window}: at least 2 tokens, of which the second is predicted")
    if len(tokens) < 2:
        raise UsageError(
            f"the text has {len(tokens)} token{'' if len(tokens) == 1 else 's'}: nothing can be predicted",
            hint="give a text of at least 2 tokens; thousands make a number that can be compared",
        )
    windows = [tokens[start : start + window] for start in range(0, len(tokens), window)]
    return [part for part in windows if len(part) > 1]


def read_tokens(file: Path) -> list[int]:
    """Token ids from a file of numbers apart by spaces, commas or lines; brackets around them may stay.

    Raises UsageError naming the first thing that is no number.
    """
    words = read_file(file).replace(",", " ").replace("[", " ").replace("]", " ").split()
    wrong = next((word for word in words if not (word.isascii() and word.isdigit())), None)
    if wrong is not None:
        raise UsageError(
            f"{wrong[:40]!r} is no token id", where=str(file), hint="give numbers, e.g. 1 2 3 or [1, 2, 3]"
        )
    return [int(word) for word in words]


def read_file(file: Path) -> str:
    """A text file.  Raises UsageError for one that is missing or no text."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise UsageError(f"text file {file} {what}") from error


def evaluate(
    phased: Module,
    plans: Sequence[Plan],
    weights: Weights,
    task: Task,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Score]:
    """One score per plan, that of ``BASELINE`` first, whether it is among the plans or not.

    ``phased``: a module with phases that give logits of all tokens.  Raises as the passes and the executor do.
    """
    choices = list[Tensor]()
    base = 0.0
    for plan in [BASELINE, *(plan for plan in plans if plan != BASELINE)]:
        label = cache_label(plan)
        progress(f"{plan.recipe}, cache {label}")
        module = opt(phased, ",".join([*LOWER, *plan.passes()]))
        rows = [predictions(module, weights, window, task) for window in task.windows]
        nats = sum(loss(logits, window) for logits, window in zip(rows, task.windows, strict=True)) / task.predicted
        chosen = [logits[:-1].argmax(dim=-1) for logits in rows]
        if plan is BASELINE:
            choices, base = chosen, nats
        same = sum(int((one == other).sum()) for one, other in zip(chosen, choices, strict=True))
        yield Score(
            recipe=plan.recipe, kv_cache=label, nats=nats, nats_over_bf16=nats - base, same_choice=same / task.predicted
        )


def precision_report(phased: Module, plan: Plan, weights: Weights, task: Task) -> QuantReport:
    """How well the tensors of a plan survive quantisation: weights, and activations of the first step of each window.

    Windows shorter than that step are left out.  Raises as the passes and the executor do.
    """
    module = opt(phased, ",".join([*LOWER, *plan.passes()]))
    length = min(task.chunk, len(task.windows[0]))
    name = engine_of(module, weights, length, task).entry_for(length).name
    return quant_report(
        module.op,
        weights,
        name,
        (first_step(module, weights, window[:length], task) for window in task.windows if len(window) >= length),
        fidelity=task.fidelity,
    )


def first_step(module: Module, weights: Weights, tokens: Sequence[int], task: Task) -> list[Value]:
    """The arguments of a step that takes all tokens of a new sequence."""
    engine, state = engine_of(module, weights, len(tokens), task), SequenceState(list(tokens))
    engine.pool.reserve(state, len(tokens))
    return [*step_tables([state], [len(tokens)]).arguments(), *engine.caches]


def cache_label(plan: Plan) -> str:
    """How a plan stores the cache."""
    stored = plan.cache_format()
    return "bf16" if stored is None else stored.label


def predictions(module: Module, weights: Weights, tokens: Sequence[int], task: Task) -> Tensor:
    """Logits [T, V] after every token of one sequence, fed in chunks."""
    engine = engine_of(module, weights, len(tokens), task)
    state, rows = SequenceState(list(tokens)), list[Tensor]()
    while state.pending:
        rows.append(step(engine, state, min(task.chunk, state.pending)))
    return torch.cat(rows)


def engine_of(module: Module, weights: Weights, length: int, task: Task) -> Engine:
    """An engine with room for one sequence of ``length`` tokens."""
    caches = phase_entries(module.op)[0].caches
    size = page_size_of([cache_spec(kind) for kind in caches])
    return Engine(module.op, Executor(module.op, weights, task.fidelity), pages=num_pages([length], size))


def step(engine: Engine, state: SequenceState, length: int) -> Tensor:
    """Feed the next ``length`` tokens; logits of every one of them."""
    engine.pool.reserve(state, state.cached + length)
    tables = step_tables([state], [length])
    logits, *caches = engine.entry_for(length).run(*tables.arguments(), *engine.caches)
    assert isinstance(logits, Tensor)
    assert logits.shape[0] == length, "the phases give logits of all tokens"
    engine.caches = [cache for cache in caches if isinstance(cache, LatentCache)]
    state.cached += length
    return logits


def loss(logits: Tensor, tokens: Sequence[int]) -> float:
    """``sum_t -log softmax(logits[t])[tokens[t + 1]]`` in nats, in f64: [T, V] and T ids."""
    scores = torch.log_softmax(logits[:-1].to(torch.float64), dim=-1)
    return float(-scores.gather(-1, torch.tensor(tokens[1:]).unsqueeze(-1)).sum())
