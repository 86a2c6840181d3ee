"""The engine: which entry takes a step, chunks, endings, pages given back, and what it refuses."""

import pytest
import torch
from phased_program import phased_text
from roundtrip import parse

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.errors import RequestError
from dsv3c.backends.reference.runtime.generate import prefill
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.functions import functions
from dsv3c.runtime import Engine, GenerateOptions, SamplingOptions, generate, phase_entries, user_errors

PROMPTS = [[1, 2, 3, 4, 5], [7], [11, 12, 13, 14, 15, 16, 17, 18, 19]]


def engine(*, pages: int = 32, prefill_max: int = 4096, prefill_min: int = 1) -> Engine:
    """Pages hold four tokens."""
    module = parse(phased_text("f32", prefill=(prefill_min, prefill_max)))
    return Engine(module, Executor(module, RandomWeights(0, required_headers(module))), pages=pages)


def recomputed(prompt: list[int], count: int) -> list[int]:
    """Greedy tokens, each from one prefill of everything before it."""
    ids = list(prompt)
    for _ in range(count):
        ids.append(int(prefill(engine(), SequenceState(list(ids)), 512).argmax()))
    return ids[len(prompt) :]


def test_tokens_are_those_of_computing_everything_anew() -> None:
    made = generate(engine(), PROMPTS, GenerateOptions(max_new_tokens=5, chunk=3))
    assert made == [recomputed(prompt, 5) for prompt in PROMPTS]
    assert len({tuple(tokens) for tokens in made}) > 1


def test_prompts_are_fed_in_chunks_and_decoded_together() -> None:
    running = engine()
    generate(running, PROMPTS, GenerateOptions(max_new_tokens=4, chunk=4))
    # 5 = 4 + 1, 1, 9 = 4 + 4 + 1 tokens; a single token goes to the narrower entry
    assert running.statistics.steps == {"prefill": 3, "decode": 3 + 3}
    assert running.statistics.prefill_tokens == 15 and running.statistics.decode_tokens == 9


def test_chunks_are_no_longer_than_the_longest_query() -> None:
    running = engine(prefill_max=4)
    generate(running, [list(range(12))], GenerateOptions(max_new_tokens=1, chunk=512))
    assert running.statistics.steps == {"prefill": 3}


def test_an_ending_token_ends_its_sequence_alone_and_frees_its_pages() -> None:
    free = generate(engine(), PROMPTS, GenerateOptions(max_new_tokens=6))
    end = free[0][2]
    running, seen = engine(), list[tuple[int, int]]()
    options = GenerateOptions(max_new_tokens=6, eos=frozenset([end]))
    made = generate(running, PROMPTS, options, on_token=lambda index, token: seen.append((index, token)))
    for tokens, full in zip(made, free, strict=True):
        stop = full.index(end) + 1 if end in full else 6
        assert tokens == full[:stop]
    assert [token for index, token in seen if index == 1] == made[1]
    assert sorted(running.pool.free) == list(range(32))


def test_sampling_does_not_depend_on_the_other_sequences() -> None:
    options = GenerateOptions(max_new_tokens=6, sampling=SamplingOptions(temperature=1.0, seed=5))
    assert generate(engine(), PROMPTS, options)[0] == generate(engine(), PROMPTS[:1], options)[0]


def test_nothing_is_made_when_nothing_is_asked_for() -> None:
    assert generate(engine(), PROMPTS, GenerateOptions(max_new_tokens=0)) == [[], [], []]


def test_one_step_may_need_two_entries() -> None:
    running = engine()
    states = [SequenceState([1, 2, 3]), SequenceState([4])]
    logits = running.step(states, [3, 1])
    assert running.statistics.steps == {"prefill": 1, "decode": 1}
    assert torch.equal(logits[0], engine().step([SequenceState([1, 2, 3])], [3])[0])
    assert [state.cached for state in states] == [3, 1]


def test_the_narrowest_entry_comes_first() -> None:
    assert [entry.name for entry in engine().entries] == ["decode", "prefill"]


def test_a_query_that_no_entry_takes_is_refused() -> None:
    with pytest.raises(RequestError, match=r"no phase takes 2 new tokens per sequence\n  there are @decode 1\.\.1"):
        engine(prefill_min=4).entry_for(2)
    with pytest.raises(UsageError, match="no phase takes 2 new tokens") as caught:
        generate(engine(prefill_min=4), [[1, 2]])
    assert caught.value.hint == "there are @decode 1..1, @prefill 4..4096"


def test_a_module_without_phases_is_refused() -> None:
    module = parse(phased_text())
    for function in functions(module).values():
        function.attributes.pop("phase", None)
    with pytest.raises(UsageError, match="no phases"):
        phase_entries(module)


def test_a_full_cache_is_an_error_that_names_the_pages() -> None:
    with pytest.raises(Dsv3cError, match="free pages of 4 tokens") as caught:
        generate(engine(pages=3), [list(range(10)), [1, 2]], GenerateOptions(max_new_tokens=8))
    assert caught.value.exit_code == 1 and "--pages" in caught.value.hint


def test_a_prompt_without_a_token_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one token"):
        generate(engine(), [[1], []])


@pytest.mark.parametrize(
    ("options", "said"), [({"chunk": 0}, "chunk must be positive, not 0"), ({"max_new_tokens": -1}, "max-new-tokens")]
)
def test_options_out_of_range_are_refused(options: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said), user_errors():
        GenerateOptions(**options)  # pyright: ignore[reportArgumentType]
