"""Programs choose among their phases as the engine does: by the number of new tokens of each sequence."""

import pytest
import torch
from phased_program import phased_text
from roundtrip import parse
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.command import Entry, run_command, steps_of
from dsv3c.backends.reference.runtime.generate import ByLength, CacheSpec, Sequences, Step
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.functions import functions
from dsv3c.passes.phases import Phase

SPECS = (CacheSpec(4, 16, 4, torch.bfloat16, torch.bfloat16),) * 2


def with_phases(**ranges: tuple[int, int]) -> ModuleOp:
    module = parse(phased_text())
    for name, (low, high) in ranges.items():
        phase = Phase(name, low, high, tokens=1, sequences=1, context=1, capturable=False)
        functions(module)[name].attributes["phase"] = phase.attribute()
    return module


def test_every_sequence_takes_its_own_entry() -> None:
    module = with_phases(prefill=(3, 64), decode=(1, 2))
    executor = Executor(module, RandomWeights(4, required_headers(module)))
    ran = list[tuple[str, list[int]]]()

    def bound(name: str) -> Step:
        def step(*args: Value) -> list[Value]:
            assert isinstance(args[2], torch.Tensor)
            ran.append((name, args[2].diff().tolist()))
            return executor.run(name, *args)

        return step

    steps = {name: bound(name) for name in ("prefill", "decode")}
    chooses = ByLength([(3, 64, steps["prefill"]), (1, 2, steps["decode"])])
    prompts = {0: [1, 2, 3, 4], 1: [7], 2: [9, 8, 7], 3: [6, 5]}
    together = Sequences(SPECS, [6] * 4)
    first = together.step(chooses, prompts)
    second = together.step(chooses, {0: [5], 2: [1, 2, 3]})
    assert ran == [("prefill", [4, 3]), ("decode", [1, 2]), ("decode", [1]), ("prefill", [3])]
    for n, (prompt, name) in enumerate(zip(prompts.values(), ("prefill", "decode", "prefill", "decode"), strict=True)):
        alone = Sequences(SPECS, [6])
        assert torch.equal(alone.step(steps[name], {0: prompt})[0], first[n])
        if n == 0:
            assert torch.equal(alone.step(steps["decode"], {0: [5]})[0], second[0])
        if n == 2:
            assert torch.equal(alone.step(steps["prefill"], {0: [1, 2, 3]})[0], second[1])


def test_the_narrowest_range_wins_and_gaps_are_named() -> None:
    def wide(*_: object) -> list[torch.Tensor | LatentCache]:
        return []

    def narrow(*_: object) -> list[torch.Tensor | LatentCache]:
        return []

    steps = ByLength([(1, 64, wide), (1, 1, narrow)])
    assert [steps.step_for(length) for length in (1, 2, 64)] == [narrow, wide, wide]
    with pytest.raises(ValueError, match=r"no entry takes 65 new tokens per sequence; there are entries for 1\.\.64"):
        steps.step_for(65)


def test_logits_of_every_token_are_cut_to_the_last_ones() -> None:
    def every(tokens: torch.Tensor, *rest: object) -> list[torch.Tensor | LatentCache]:
        return [tokens[:, None].float()]

    step = ByLength([(1, 1, every), (2, 8, lambda *args: every(*args))])
    offsets, table, lens = torch.tensor([0, 3, 4, 6]), torch.zeros(3, 1, dtype=torch.int32), torch.tensor([3, 1, 2])
    [logits] = step(torch.tensor([5, 6, 7, 8, 9, 10]), torch.zeros(6, dtype=torch.int32), offsets, table, lens)
    assert isinstance(logits, torch.Tensor) and logits.flatten().tolist() == [7, 8, 10]


def test_programs_state_the_ranges_of_their_own_phases_only() -> None:
    text = emit_program(with_phases(prefill=(3, 64), decode=(1, 2)))["program.py"]
    assert '"prefill": Entry(prefill' in text and "queries=(3, 64))," in text and "queries=(1, 2))," in text
    assert "queries" not in emit_program(parse(phased_text()))["program.py"]
    other = with_phases(prefill=(3, 64))
    functions(other)["decode"].attributes["phase"] = functions(other)["prefill"].attributes["phase"]
    assert emit_program(other)["program.py"].count("queries") == 1


def test_the_command_refuses_prompts_that_no_entry_takes(capsys: pytest.CaptureFixture[str]) -> None:
    entries = {"decode": Entry(lambda *_: [], SPECS, queries=(1, 1))}
    assert run_command(entries, ["--tokens", "1,2"]) == 1
    assert "no entry takes 2 new tokens per sequence; there are entries for 1..1" in capsys.readouterr().err
    params = Params(RandomSource(0))
    prefill, decode = steps_of(entries, params)
    assert prefill is decode
