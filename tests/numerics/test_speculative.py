"""Speculative decoding makes the tokens of plain decoding, whatever drafts, in fewer steps where drafts are good."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from torch import Tensor

import dsv3c
from dsv3c.api import LoadedModule
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.generate import StepEntry
from dsv3c.backends.reference.runtime.speculate import SpeculativeEngine
from dsv3c.backends.reference.weights import SafetensorsWeights
from dsv3c.cli import main
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions
from dsv3c.passes.phases import phase_of
from dsv3c.runtime import Engine, GenerateOptions, SamplingOptions, generate, speculative_engine

TRAINED = Path(__file__).resolve().parents[2] / "examples" / "trained"
PROMPTS = ("The latent cache", "7 plus 8", "In decode", "Zebra")
END, VOCABULARY, NEW_TOKENS = 0, 384, 21


@cache
def prompts() -> list[list[int]]:
    tokenizer = Tokenizer.from_file(str(TRAINED / "tokenizer.json"))
    return [tokenizer.encode(text).ids for text in PROMPTS]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("speculative") / "out"
    dsv3c.compile(str(TRAINED), out, weights=TRAINED, speculative=True)
    return out


@pytest.fixture(scope="module")
def program(artifact: Path) -> LoadedModule:
    loaded = dsv3c.load(artifact)
    assert isinstance(loaded, LoadedModule)
    return loaded


@pytest.fixture(scope="module")
def executor(program: LoadedModule) -> Executor:
    return Executor(program.op, SafetensorsWeights(TRAINED))


def options(*, eos: frozenset[int] = frozenset(), chunk: int = 512, temperature: float = 0.0) -> GenerateOptions:
    return GenerateOptions(NEW_TOKENS, chunk, eos, SamplingOptions(temperature, seed=3))


@pytest.fixture(scope="module")
def plain(program: LoadedModule, executor: Executor) -> list[list[int]]:
    """Plain greedy decoding."""
    return generate(Engine(program.op, executor, pages=8), prompts(), options())


Guess = Callable[[int, int], int]
"""(page, position of the token that was read) -> the token after it."""


def drafting(engine: SpeculativeEngine, guess: Guess) -> SpeculativeEngine:
    """``engine`` with another module that drafts: it answers every token with a guess, in every entry."""

    def run(
        hidden: Tensor, ids: Tensor, positions: Tensor, offsets: Tensor, table: Tensor, *rest: object
    ) -> Sequence[object]:
        assert hidden.shape[0] == ids.shape[0] == positions.shape[0] == offsets[-1]
        logits = torch.zeros(len(ids), VOCABULARY)
        for sequence, page in enumerate(table[:, 0].tolist()):
            for row in range(int(offsets[sequence]), int(offsets[sequence + 1])):
                logits[row, guess(page, int(positions[row]) + 1)] = 1.0
        return [logits, *(value for value in rest if isinstance(value, LatentCache))]

    entries = engine.drafting.entries
    engine.drafting.entries = [StepEntry(e.name, run, e.min_query, e.max_query) for e in entries]
    return engine


def made_by(
    program: LoadedModule, executor: Executor, guess: Guess, chosen: GenerateOptions | None = None
) -> tuple[list[list[int]], SpeculativeEngine]:
    engine = drafting(speculative_engine(program.op, executor, pages=8), guess)
    return generate(engine, prompts(), chosen or options()), engine


def copying(plain: list[list[int]]) -> Guess:
    """Guesses that are the model's own tokens.  Sequences of one page each take them in order."""
    texts = [prompt + made for prompt, made in zip(prompts(), plain, strict=True)]

    def guess(page: int, position: int) -> int:
        return texts[page][position + 1] if position + 1 < len(texts[page]) else END

    return guess


def test_a_draft_that_copies_the_model_is_always_right(
    program: LoadedModule, executor: Executor, plain: list[list[int]]
) -> None:
    made, engine = made_by(program, executor, copying(plain))
    assert made == plain
    done = engine.statistics
    # the first token comes from the prompt's own step; two of the other 20 from every step
    assert done.decode_steps == done.steps["verify"] == (NEW_TOKENS - 1) // 2
    assert "decode" not in done.steps, "steps halve"
    assert done.acceptance == 1.0 and done.drafted == len(PROMPTS) * 10 and done.tokens_per_step == 2.0
    assert "drafts: 40 of 40 accepted (100.0%); 2.00 tokens per step and sequence" in done.lines()[-1]
    assert sorted(engine.pool.free) == list(range(8)), "pages are given back"


def test_a_draft_that_is_never_right_costs_no_token(
    program: LoadedModule, executor: Executor, plain: list[list[int]]
) -> None:
    right = copying(plain)
    made, engine = made_by(program, executor, lambda *place: (right(*place) + 1) % VOCABULARY)
    assert made == plain
    assert engine.statistics.accepted == 0 and engine.statistics.tokens_per_step == 1.0
    assert engine.statistics.decode_steps == NEW_TOKENS - 1
    assert engine.statistics.steps["decode"] == 1, "nothing is drafted for the last token"


def test_random_drafts_leave_the_text(program: LoadedModule, executor: Executor, plain: list[list[int]]) -> None:
    right, generator = copying(plain), torch.Generator().manual_seed(0)

    def sometimes(page: int, position: int) -> int:
        token = int(torch.randint(0, VOCABULARY, (), generator=generator))
        return token if torch.rand((), generator=generator) < 0.5 else right(page, position)

    made, engine = made_by(program, executor, sometimes)
    assert made == plain
    assert 0.2 < engine.statistics.acceptance < 0.8, "sequences of one step are rolled back or not"
    random, _ = made_by(program, executor, lambda *_: int(torch.randint(0, VOCABULARY, (), generator=generator)))
    assert random == plain


@pytest.mark.parametrize("chunk", [1, 3, 512])
def test_the_trained_module_drafts_well(
    program: LoadedModule, executor: Executor, plain: list[list[int]], chunk: int
) -> None:
    engine = speculative_engine(program.op, executor, pages=8)
    assert generate(engine, prompts(), options(chunk=chunk)) == plain
    assert engine.statistics.acceptance > 0.7
    assert engine.statistics.decode_steps < NEW_TOKENS - 1


@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_an_ending_token_ends_among_accepted_ones(
    program: LoadedModule, executor: Executor, plain: list[list[int]], place: int
) -> None:
    chosen = options(eos=frozenset([plain[0][place]]))
    expected = generate(Engine(program.op, executor, pages=8), prompts(), chosen)
    made, engine = made_by(program, executor, copying(plain), chosen)
    assert made == expected and len(made[0]) <= place + 1
    assert sorted(engine.pool.free) == list(range(8))


def test_sampled_tokens_are_those_of_plain_sampling(program: LoadedModule, executor: Executor) -> None:
    chosen = options(temperature=1.0)
    expected = generate(Engine(program.op, executor, pages=8), prompts(), chosen)
    engine = speculative_engine(program.op, executor, pages=8)
    assert generate(engine, prompts(), chosen) == expected
    assert 0 < engine.statistics.accepted < engine.statistics.drafted


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_tokens_may_be_asked_for(
    program: LoadedModule, executor: Executor, plain: list[list[int]], count: int
) -> None:
    engine = speculative_engine(program.op, executor, pages=8)
    assert generate(engine, prompts(), GenerateOptions(count)) == [made[:count] for made in plain]
    assert "verify" not in engine.statistics.steps


def test_the_command_and_the_program_print_the_same_text(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", str(artifact), *(word for text in PROMPTS for word in ("--prompt", text))]
    printed = list[str]()
    for more in ([], ["--speculative"]):
        assert main([*words, "--max-new-tokens", "9", *more]) == 0
        shown = capsys.readouterr()
        printed.append(shown.out)
    assert printed[0] == printed[1]
    assert "accepted (" in shown.err and "expected speed-up" in shown.err and "calls each of" in shown.err


def test_experts_under_a_budget_leave_the_text(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the command and in the program that torch alone runs; the budget holds a few of 64 matrices."""
    budget = 8 * 96 * 128 * 2
    words = ["--tokens", ",".join(map(str, prompts()[0])), "--max-new-tokens", "9", "--speculative"]
    printed = list[str]()
    for more in ([], ["--expert-memory", str(budget)]):
        assert main(["generate", str(artifact), *words, *more]) == 0
        shown = capsys.readouterr()
        printed.append(shown.out)
    program = [sys.executable, str(artifact / "program.py"), *words, "--eos", "0", "--weights", str(TRAINED)]
    done = subprocess.run([*program, "--expert-memory", str(budget)], capture_output=True, text=True, check=True)
    assert printed == [done.stdout] * 2
    counts = [line for text in (shown.err, done.stderr) for line in text.splitlines() if line.startswith("experts: ")]
    assert counts[0] == counts[1], "one cache, one order"
    held = int(counts[0].split("at most ")[1].split()[0].replace(",", ""))
    assert budget / 2 < held <= budget


def test_what_cannot_draft_is_refused(program: LoadedModule, executor: Executor) -> None:
    engine = speculative_engine(program.op, executor, pages=8)
    with pytest.raises(RequestError, match="nothing that drafts tokens"):
        SpeculativeEngine(engine.entries, [], [], [], pages=8)
    blind = speculative_engine(program.op, executor, pages=8)
    blind.entries = [
        StepEntry(e.name, lambda *args, e=e: [e.run(*args)[0], *e.run(*args)[2:]], e.min_query, e.max_query)
        for e in blind.entries
    ]
    with pytest.raises(UsageError, match="gives no hidden states"):
        generate(blind, prompts(), options())
    blind = speculative_engine(program.op, executor, pages=8)
    blind.entries = [entry for entry in blind.entries if entry.name != "verify"]
    with pytest.raises(UsageError, match="logits of the last token alone"):
        generate(blind, prompts(), options())


def test_a_program_compiled_for_plain_decoding_says_what_to_do(artifact: Path) -> None:
    module = dsv3c.load(artifact).op
    weights = SafetensorsWeights(TRAINED)
    for function in functions(module).values():
        if (phase := phase_of(function)) is not None:
            function.attributes["phase"] = replace(phase, hidden=False).attribute()
    with pytest.raises(UsageError, match="gives no hidden states") as caught:
        speculative_engine(module, Executor(module, weights), pages=8)
    assert "--speculative" in caught.value.hint
    for name, function in functions(module).items():
        if name.startswith("mtp_"):
            function.attributes.pop("phase", None)
    with pytest.raises(UsageError, match="nothing that drafts tokens"):
        speculative_engine(module, Executor(module, weights), pages=8)
