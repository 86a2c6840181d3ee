"""Pages: who holds which, what happens when there are none left, and the tables of a step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsv3c.backends.reference.runtime.errors import CacheFull
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, step_tables


def test_the_lowest_free_page_is_taken_first_and_only_when_needed() -> None:
    pool, state = PagePool(4, 8), SequenceState(list(range(20)))
    pool.reserve(state, 8)
    assert state.pages == [0]
    pool.reserve(state, 8)
    assert state.pages == [0]
    pool.reserve(state, 9)
    assert state.pages == [0, 1]


def test_a_full_pool_says_so_and_gives_nothing() -> None:
    pool, state = PagePool(2, 8), SequenceState([0] * 40)
    with pytest.raises(CacheFull, match="2 free pages of 8 tokens, the step needs 3 more"):
        pool.reserve(state, 17)
    assert state.pages == [] and len(pool.free) == 2


def test_released_pages_are_taken_again() -> None:
    pool, first, second = PagePool(2, 8), SequenceState([0] * 16), SequenceState([0] * 16)
    pool.reserve(first, 16)
    first.cached = 16
    pool.release(first)
    assert first.pages == [] and first.cached == 0
    pool.reserve(second, 16)
    assert second.pages == [0, 1]


def test_tables_of_a_chunk_and_a_decode_step_together() -> None:
    first = SequenceState([10, 11, 12, 13, 14], cached=2, pages=[7, 3])
    second = SequenceState([20, 21], cached=1, pages=[5])
    tables = step_tables([first, second], [3, 1])
    assert tables.tokens.tolist() == [12, 13, 14, 21]
    assert tables.positions.tolist() == [2, 3, 4, 1]
    assert tables.seq_offsets.tolist() == [0, 3, 4]
    assert tables.block_table.tolist() == [[7, 3], [5, 0]]
    assert tables.context_lens.tolist() == [5, 2]
    assert [str(value.dtype) for value in tables.arguments()] == ["torch.int64"] + ["torch.int32"] * 4


def test_tables_without_sequences_have_no_rows() -> None:
    tables = step_tables([], [])
    assert tables.tokens.tolist() == [] and tables.seq_offsets.tolist() == [0]
    assert tables.block_table.shape == (0, 1)


@given(
    page_size=st.integers(1, 5),
    events=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=30),
)
def test_no_page_is_ever_lost_or_held_twice(page_size: int, events: list[tuple[int, int]]) -> None:
    pool = PagePool(9, page_size)
    states = [SequenceState([0] * 31) for _ in range(4)]
    for who, length in events:
        if length == 0:
            pool.release(states[who])
            continue
        try:
            pool.reserve(states[who], length)
        except CacheFull:
            continue
        assert len(states[who].pages) * page_size >= length
    held = [page for state in states for page in state.pages]
    assert sorted(held + pool.free) == list(range(9))
