"""Speculative decoding with a multi-token prediction module: one token is drafted, the next step verifies it.

A step feeds every sequence the token it has and the draft of the one after.  What the model makes of the first is the
next token whatever was drafted; if it is the draft, what the model makes of that is a second new token.  If not, the
draft's row in the caches is rolled back: the cached length is one less, the page stays, and the next step writes there.

Every token is the model's own choice, drawn as plain decoding draws it, so the tokens are those of plain decoding
wherever the logits of a token have the same bits however many tokens are computed beside it: in the fidelities
``reference`` and ``tensor_core``, with entries that attend in the same form.
Source: arXiv 2211.17192 (draft and verify); arXiv 2412.19437, section 2.2 (the module).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.generate import (
    CacheSpec,
    Engine,
    GenerateOptions,
    OnToken,
    StepEntry,
    check_prompts,
    generate,
    page_size_of,
)
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.runtime.sampling import Sampler

HINT = "compile a model that has a multi-token prediction module with --speculative"


@dataclass
class Running:
    """A sequence that is being continued."""

    index: int
    """Its number."""
    state: SequenceState
    sampler: Sampler
    options: GenerateOptions
    made: list[int] = field(default_factory=list[int])
    draft: int | None = None
    """What may come after the last token."""

    @property
    def ended(self) -> bool:
        """Whether it is complete."""
        return self.options.ended(self.made)

    @property
    def wants_draft(self) -> bool:
        """Whether a second token of a step could be of use."""
        return not self.ended and self.options.max_new_tokens - len(self.made) > 1


@dataclass(frozen=True)
class Answer:
    """What the model says to the tokens a sequence was fed."""

    logits: Tensor
    """[q, V], or [1, V] of the last token."""
    hidden: Tensor
    """[q, D]"""


class SpeculativeEngine(Engine):
    """An engine with a second one for the entries of the prediction module, over the same pages.

    ``drafts``: ``(hidden, next tokens, positions, seq_offsets, block_table, context_lens, *caches) -> logits, caches``,
    hidden states [T, D] of tokens and the tokens after these.  Raises RequestError without any.
    """

    def __init__(
        self,
        entries: Sequence[StepEntry],
        caches: Sequence[CacheSpec],
        drafts: Sequence[StepEntry],
        draft_caches: Sequence[CacheSpec],
        *,
        pages: int,
    ) -> None:
        super().__init__(entries, caches, pages=pages)
        if not drafts:
            raise RequestError("the program has nothing that drafts tokens", hint=HINT)
        assert page_size_of(draft_caches) == page_size_of(caches), "one block table serves both"
        self.drafting = Engine(drafts, draft_caches, pages=pages)
        self.drafting.statistics = self.statistics

    def answers(self, states: Sequence[SequenceState], lengths: Sequence[int]) -> list[Answer]:
        """Feed the next ``lengths[n]`` tokens of every sequence.  Raises RequestError where the program is for less."""
        found = dict[int, Answer]()
        for name, members in together(self, lengths).items():
            fed = self.feed(name, [states[i] for i in members], [lengths[i] for i in members])
            if fed.hidden is None:
                raise RequestError(f"@{name} gives no hidden states to draft from", hint=HINT)
            every = fed.logits.shape[0] == fed.hidden.shape[0]
            for row, (index, (start, end)) in enumerate(zip(members, pairwise(fed.tables.offsets), strict=True)):
                logits = fed.logits[start:end] if every else fed.logits[row : row + 1]
                found[index] = Answer(logits, fed.hidden[start:end])
        return [found[index] for index in range(len(states))]

    def propose(self, running: Sequence[Running], starts: Sequence[int], answers: Sequence[Answer]) -> None:
        """Draft what comes after the last token, from the answers to tokens ``starts[n]`` and on of every sequence."""
        # a row of the module belongs to a token, and reads the token after it
        states = [
            SequenceState(one.state.tokens[1:], start, one.state.pages)
            for one, start in zip(running, starts, strict=True)
        ]
        lengths = [answer.hidden.shape[0] for answer in answers]
        for name, members in together(self.drafting, lengths).items():
            hidden = torch.cat([answers[i].hidden for i in members])
            fed = self.drafting.feed(name, [states[i] for i in members], [lengths[i] for i in members], hidden)
            for index, row in zip(members, fed.last(), strict=True):
                running[index].draft = int(torch.argmax(row))


def together(engine: Engine, lengths: Sequence[int]) -> dict[str, list[int]]:
    """Entry name -> which sequences it runs: the narrowest entry that takes all lengths, else each by its own."""
    for entry in engine.entries:
        if all(map(entry.fits, lengths)):
            return {entry.name: list(range(len(lengths)))}
    groups = dict[str, list[int]]()
    for index, length in enumerate(lengths):
        groups.setdefault(engine.entry_for(length).name, []).append(index)
    return groups


def speculate(
    engine: SpeculativeEngine,
    prompts: Sequence[Sequence[int]],
    options: GenerateOptions | None = None,
    on_token: OnToken | None = None,
) -> list[list[int]]:
    """``generate``, with drafts: the same tokens in fewer steps.

    Raises as ``generate`` does, and RequestError for a program without hidden states or a phase that verifies.
    """
    options = options or GenerateOptions()
    check_prompts(prompts)
    all_running = [
        Running(index, SequenceState(list(prompt)), Sampler(options.sampling, index), options)
        for index, prompt in enumerate(prompts)
    ]
    if options.max_new_tokens > 0:
        for one in all_running:
            with engine.statistics.prefilling():
                prefill(engine, one, on_token)
        with engine.statistics.decoding():
            while active := [one for one in all_running if not one.ended]:
                step(engine, active, on_token)
    return [one.made for one in all_running]


def continued(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    options: GenerateOptions | None = None,
    on_token: OnToken | None = None,
) -> list[list[int]]:
    """``speculate`` with an engine that drafts, else ``generate``."""
    if isinstance(engine, SpeculativeEngine):
        return speculate(engine, prompts, options, on_token)
    return generate(engine, prompts, options, on_token)


def prefill(engine: SpeculativeEngine, one: Running, on_token: OnToken | None) -> None:
    """Feed a prompt in chunks, to the model and to the module; the first new token, and a draft of the second."""
    state = one.state
    size = min(one.options.chunk, engine.longest_query, engine.drafting.longest_query)
    engine.statistics.prefill_tokens += state.pending
    while not one.made:
        start = state.cached
        [answer] = engine.answers([state], [min(size, state.pending)])
        if not state.pending:
            take(engine, one, answer.logits[-1], on_token)
        if one.wants_draft:
            engine.propose([one], [start], [answer])


def step(engine: SpeculativeEngine, active: Sequence[Running], on_token: OnToken | None) -> None:
    """One or two tokens of every sequence, and the drafts that follow them."""
    starts = [one.state.cached for one in active]
    drafts = [one.draft for one in active]
    for one, draft in zip(active, drafts, strict=True):
        one.draft = None
        if draft is not None:
            one.state.tokens.append(draft)
    answers = engine.answers([one.state for one in active], [one.state.pending for one in active])
    done = engine.statistics
    done.decode_steps += 1
    done.decode_turns += len(active)
    kept = list[Answer]()
    for one, draft, answer in zip(active, drafts, answers, strict=True):
        before = len(one.made)
        if draft is not None:
            verify(engine, one, draft, answer, on_token)
        else:
            take(engine, one, answer.logits[-1], on_token)
        count = len(one.made) - before
        done.decode_tokens += count
        kept.append(Answer(answer.logits, answer.hidden[:count]))
    following = [item for item in zip(active, starts, kept, strict=True) if item[0].wants_draft]
    if following:
        running, begins, states = zip(*following, strict=True)
        engine.propose(running, begins, states)


def verify(engine: SpeculativeEngine, one: Running, draft: int, answer: Answer, on_token: OnToken | None) -> None:
    """Take the token after the last one, and if that was the draft the token after it; else roll the draft back."""
    if answer.logits.shape[0] < 2:
        raise RequestError("the step that verifies a draft gives the logits of the last token alone", hint=HINT)
    del one.state.tokens[-1]
    cached = one.state.cached
    engine.statistics.drafted += 1
    if take(engine, one, answer.logits[0], on_token) == draft:
        engine.statistics.accepted += 1
        if not one.ended:
            take(engine, one, answer.logits[1], on_token)
    elif not one.ended:
        one.state.cached = cached - 1


def take(engine: SpeculativeEngine, one: Running, logits_V: Tensor, on_token: OnToken | None) -> int:
    """The sequence's next token; one that ends it gives its pages back."""
    token = one.sampler.next_token(logits_V)
    one.made.append(token)
    one.state.tokens.append(token)
    if on_token is not None:
        on_token(one.index, token)
    if one.ended:
        engine.pool.release(one.state)
    return token
