"""Values as rows: the distance of two rows is the program's, also where a step has one."""

import pytest
import torch

from dsv3c.backends.triton.launchers.rows import as_rows, flattened


@pytest.mark.parametrize("tokens", [0, 1, 2, 5])
def test_the_distance_of_rows_does_not_depend_on_their_number(tokens: int) -> None:
    product = torch.empty(tokens, 576)
    assert as_rows(product[:, 64:448]).stride() == (576, 1)
    heads = product.view(tokens, 3, 192)[..., 128:]
    assert flattened(heads, 2).stride() == (576, 192, 1)
    assert as_rows(heads).stride() == (192, 1) and as_rows(heads).shape == (3 * tokens, 64)


@pytest.mark.parametrize("sizes", [(2, 3), (2, 1), (1, 3), (1, 1)])
def test_leading_dims_are_flattened_without_a_copy(sizes: tuple[int, int]) -> None:
    x = torch.arange(sizes[0] * sizes[1] * 8).view(*sizes, 8)[..., 2:6]
    rows = as_rows(x)
    assert torch.equal(rows, x.reshape(-1, 4)) and rows.data_ptr() == x.data_ptr() and rows.stride() == (8, 1)


def test_one_row() -> None:
    assert as_rows(torch.arange(3)).shape == (1, 3)


def test_what_is_no_rows_at_equal_distances_is_refused() -> None:
    with pytest.raises(ValueError, match="equal distances"):
        as_rows(torch.empty(6, 5, 8)[:, :3])
    with pytest.raises(ValueError, match="not contiguous"):
        as_rows(torch.empty(8, 6).t())
