"""The tables of a part of a step, against lists made token by token."""

import pytest
import torch

from dsv3c.backends.reference.meanings.nn import step_part

LENGTHS = [[], [1], [2], [5, 1, 6], [1] * 7, [3, 0, 4], [33, 130, 2]]


def tables(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[int]]:
    offsets = torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32)
    pages = torch.arange(2 * len(lengths), dtype=torch.int32).view(-1, 2)
    context = torch.tensor([length + 10 * n for n, length in enumerate(lengths)], dtype=torch.int32)
    return offsets, pages, context, [n for n, length in enumerate(lengths) for _ in range(length)]


@pytest.mark.parametrize("keep", ["all", "present"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_a_part_is_a_step_of_its_own_tokens(lengths: list[int], keep: str) -> None:
    offsets, pages, context, sequence_of = tables(lengths)
    total = sum(lengths)
    for first in range(total + 1):
        for count in {0, (total - first) // 2, total - first}:
            part = sequence_of[first : first + count]
            kept = [n for n in range(len(lengths)) if keep == "all" or n in part]
            after = sequence_of[first + count :]
            own, table, lens = step_part(
                offsets, pages, context, first=first, count=count, keep=keep, sequences=len(kept)
            )
            assert own.tolist() == [sum(part.count(n) for n in kept[:index]) for index in range(len(kept) + 1)]
            assert torch.equal(table, pages[kept])
            assert lens.tolist() == [int(context[n]) - after.count(n) if n in part else 0 for n in kept]
            assert own.dtype == table.dtype == lens.dtype == torch.int32


def test_a_promise_is_checked() -> None:
    offsets, pages, context, _ = tables([2, 1, 1])
    with pytest.raises(ValueError, match="the part has tokens of 1 sequences, not of 2 as the step promises"):
        step_part(offsets, pages, context, first=0, count=2, keep="present", sequences=2)
