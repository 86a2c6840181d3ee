"""Programs choose among their phases as the engine does: by the number of new tokens of each sequence."""

import pytest
import torch
from phased_engine import logits_of, only, specs
from phased_program import phased_text
from roundtrip import parse

from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.command import Entry, engine_of, run_command
from dsv3c.backends.reference.runtime.errors import CacheFull, RequestError
from dsv3c.backends.reference.runtime.generate import Engine, Step, StepEntry
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.functions import functions


def test_every_sequence_takes_its_own_entry() -> None:
    module = parse(phased_text())
    executor = Executor(module, RandomWeights(4, required_headers(module)))
    ran = list[tuple[str, list[int]]]()

    def bound(name: str) -> Step:
        def step(*args: Value) -> list[Value]:
            assert isinstance(args[2], torch.Tensor)
            ran.append((name, args[2].diff().tolist()))
            return executor.run(name, *args)

        return step

    entries = [StepEntry("prefill", bound("prefill"), 3, 64), StepEntry("decode", bound("decode"), 1, 2)]
    together = Engine(entries, specs(torch.bfloat16), pages=8)
    prompts = [[1, 2, 3, 4, 5], [7], [9, 8, 7, 1, 2, 3], [6, 5]]
    states = [SequenceState(list(prompt)) for prompt in prompts]
    first = together.step(states, [4, 1, 3, 2])
    second = together.step([states[0], states[2]], [1, 3])
    assert ran == [("prefill", [4, 3]), ("decode", [1, 2]), ("decode", [1]), ("prefill", [3])]
    for row, prompt, length, name in zip(first, prompts, (4, 1, 3, 2), ("prefill", "decode") * 2, strict=True):
        assert torch.equal(row, logits_of(only(executor, torch.bfloat16, name), prompt[:length]))
    alone = only(executor, torch.bfloat16, "prefill")
    state = SequenceState(list(prompts[2]))
    alone.step([state], [3])
    assert torch.equal(alone.step([state], [3])[0], second[1])


def test_the_narrowest_range_wins_and_gaps_are_named() -> None:
    wide, narrow = StepEntry("wide", lambda *_: [], 1, 64), StepEntry("narrow", lambda *_: [], 1, 1)
    engine = Engine([wide, narrow], [], pages=1)
    assert [engine.entry_for(length) for length in (1, 2, 64)] == [narrow, wide, wide]
    assert engine.longest_query == 64
    with pytest.raises(RequestError, match=r"no phase takes 65 new .*\n  there are @narrow 1\.\.1, @wide 1\.\.64"):
        engine.entry_for(65)


def test_logits_of_every_token_are_cut_to_the_last_ones() -> None:
    def every(tokens: torch.Tensor, *_: object) -> list[torch.Tensor]:
        return [tokens[:, None].float()]

    engine = Engine([StepEntry("one", every, 1, 1), StepEntry("more", every, 2, 8)], [], pages=8)
    states = [SequenceState([5, 6, 7]), SequenceState([8]), SequenceState([9, 10])]
    assert [row.tolist() for row in engine.step(states, [3, 1, 2])] == [[7], [8], [10]]


def test_programs_state_the_ranges_of_their_own_phases_only() -> None:
    text = emit_program(parse(phased_text(prefill=(3, 64), decode=(1, 2))))["program.py"]
    assert '"prefill": Entry(prefill' in text and "queries=(3, 64))," in text and "queries=(1, 2))," in text
    other = parse(phased_text())
    functions(other)["decode"].attributes["phase"] = functions(other)["prefill"].attributes["phase"]
    assert emit_program(other)["program.py"].count("queries") == 1
    functions(other)["prefill"].attributes.pop("phase")
    assert "queries" not in emit_program(other)["program.py"]


def test_the_command_refuses_prompts_that_no_entry_takes(capsys: pytest.CaptureFixture[str]) -> None:
    entries = {"verify": Entry(lambda *_: [], tuple(specs(torch.bfloat16)), queries=(2, 3))}
    assert run_command(entries, ["--tokens", "1"]) == 1
    assert "no phase takes 1 new tokens per sequence\n  there are @verify 2..3" in capsys.readouterr().err


def test_pages_are_as_many_as_asked_for_or_needed() -> None:
    entries = {"decode": Entry(lambda *_: [], tuple(specs(torch.bfloat16)), queries=(1, 1))}
    params = Params(RandomSource(0))
    needed = engine_of(entries, params, None, [4, 5, 1])
    assert needed is not None and needed.pool.num_pages == 4
    assert {cache.latent.shape[0] for cache in needed.caches} == {4}
    few = engine_of(entries, params, 1, [5])
    assert few is not None
    with pytest.raises(CacheFull, match="1 free pages of 4 tokens, the step needs 2 more"):
        few.pool.reserve(SequenceState([0] * 5), 5)
    with pytest.raises(RequestError, match="cache pages, not 0"):
        engine_of(entries, params, 0, [5])
    assert engine_of({"main": Entry(lambda *_: [])}, params, None, [1]) is None
