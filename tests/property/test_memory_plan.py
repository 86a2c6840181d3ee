"""Planned memory: whatever the program, nothing that is still to be read is in memory that something else writes.

Programs are drawn as calls that read earlier values, on one or two streams.  What may run at the same time is worked
out here once more, from the definition, and every pair of buffers is looked at.
"""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from dsv3c.backends.triton.memory.workspace import ALIGNMENT, Order, Workspace, aligned


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, list[int], int]]:
    """Ops in order: stream, the earlier ops whose values they read, bytes of the value they make."""
    count = draw(st.integers(1, 12))
    streams = draw(st.sampled_from([("compute",), ("compute", "comm")]))
    ops = list[tuple[str, list[int], int]]()
    for index in range(count):
        reads = draw(st.lists(st.integers(0, index - 1), max_size=3, unique=True)) if index else []
        ops.append((draw(st.sampled_from(streams)), reads, draw(st.integers(0, 5)) * ALIGNMENT))
    return ops


def certain_order(ops: list[tuple[str, list[int], int]]) -> set[tuple[int, int]]:
    """All (a, b) where a has ended before b starts: the closure of stream order and of data."""
    before = {(read, index) for index, (_, reads, _) in enumerate(ops) for read in reads}
    for stream in {stream for stream, _, _ in ops}:
        before |= set(pairwise(index for index, op in enumerate(ops) if op[0] == stream))
    while more := {(a, d) for a, b in before for c, d in before if b == c} - before:
        before |= more
    return before


@given(programs())
def test_no_buffer_is_overwritten_while_it_may_be_touched(ops: list[tuple[str, list[int], int]]) -> None:
    streams = [stream for stream, _, _ in ops]
    waits = {i: [read for read in reads if streams[read] != streams[i]] for i, (_, reads, _) in enumerate(ops)}
    users = [[i, *(j for j, (_, reads, _) in enumerate(ops) if i in reads)] for i in range(len(ops))]
    space = Workspace(Order(streams, waits))
    places = [(space.place(i, [(0, size, users[i])]), size) for i, (_, _, size) in enumerate(ops)]
    before = certain_order(ops)
    for first, second in combinations(range(len(ops)), 2):
        (start, size), (other, length) = places[first], places[second]
        assert start % ALIGNMENT == other % ALIGNMENT == 0
        overlap = start < other + length and other < start + size and size and length
        if overlap:  # all that touch the first have ended when the second is written
            assert all((user, second) in before for user in users[first])
    assert space.peak == max(start + size for start, size in places)


@given(programs())
def test_one_stream_needs_no_more_than_what_lives_at_once_rounded_up_by_fragmentation(
    ops: list[tuple[str, list[int], int]],
) -> None:
    last = [max([i, *(j for j, (_, reads, _) in enumerate(ops) if i in reads)]) for i in range(len(ops))]
    space = Workspace(Order(["compute"] * len(ops), {}))
    for index, (_, _, size) in enumerate(ops):
        users = [index, *(j for j, (_, reads, _) in enumerate(ops) if index in reads)]
        space.place(index, [(0, size, users)])
    live = [sum(aligned(ops[i][2]) for i in range(at + 1) if last[i] >= at) for at in range(len(ops))]
    assert max(live) <= space.peak <= sum(aligned(size) for _, _, size in ops)


@given(programs())
def test_the_waits_that_are_needed_imply_all_others(ops: list[tuple[str, list[int], int]]) -> None:
    streams = [stream for stream, _, _ in ops]
    waits = {i: [read for read in reads if streams[read] != streams[i]] for i, (_, reads, _) in enumerate(ops)}
    order = Order(streams, waits)
    assert all({*needed} <= {*waits[i]} for i, needed in enumerate(order.needed))
    assert Order(streams, dict(enumerate(order.needed))).known == order.known
    for i, needed in enumerate(order.needed):
        for left_out in needed:
            rest = dict(enumerate(order.needed)) | {i: [wait for wait in needed if wait != left_out]}
            assert not Order(streams, rest).ended(left_out, i)
