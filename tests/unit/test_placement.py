"""Placements of experts: even ones, those of files, and what is refused."""

from pathlib import Path

import pytest

from dsv3c.ir.errors import UsageError
from dsv3c.passes.placement import check_placement, even_placement, placement_beside, read_placement


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
@pytest.mark.parametrize("redundant", range(0, 49, 4))
def test_ranks_hold_equally_many_and_none_twice(nodes: int, gpus: int, redundant: int) -> None:
    ranks = nodes * gpus
    if (24 + redundant) % ranks or redundant > 24 * (ranks // nodes - 1):
        return
    placed = even_placement(24, redundant, nodes, gpus)
    check_placement(placed, ranks, "")
    assert len(placed) == 24 + redundant
    counts = [placed.count(expert) for expert in range(24)]
    assert min(counts) >= 1


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((8, 0, 1, 4), [0, 1, 2, 3, 4, 5, 6, 7]),
        ((8, 4, 1, 4), [0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 0]),
        ((8, 4, 2, 2), [0, 1, 2, 2, 3, 0, 4, 5, 6, 6, 7, 4]),
        # one replica for two nodes: one pass over all ranks
        ((7, 1, 2, 2), [0, 1, 1, 2, 3, 4, 5, 6]),
        ((8, 8, 1, 2), [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 0, 1, 2, 3]),
        ((6, 2, 4, 1), [0, 1, 1, 2, 3, 4, 4, 5]),
        # nodes divide the experts but not the replicas
        ((8, 1, 3, 1), [0, 1, 2, 2, 3, 4, 5, 6, 7]),
        ((4, 4, 1, 2), [0, 1, 2, 3, 2, 3, 0, 1]),
    ],
)
def test_even_placements(numbers: tuple[int, int, int, int], expected: list[int]) -> None:
    assert list(even_placement(*numbers)) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # on every rank, last
        ((8, 1, 3, 1, 4), [0, 1, 8, 2, 3, 8, 4, 5, 8, 6, 7, 8]),
        # the same, and a replica of another on each: as without it
        ((8, 1, 7, 1, 4), [0, 1, 2, 8, 2, 3, 4, 8, 4, 5, 6, 8, 6, 7, 0, 8]),
        ((8, 1, 7, 2, 2), [0, 1, 2, 8, 2, 3, 0, 8, 4, 5, 6, 8, 6, 7, 4, 8]),
        # two of them
        ((4, 2, 2, 1, 2), [0, 1, 4, 5, 2, 3, 4, 5]),
        # fewer replicas than ranks
        ((7, 1, 0, 1, 4), [0, 1, 2, 3, 4, 5, 6, 7]),
        ((6, 1, 1, 1, 4), [0, 1, 2, 6, 3, 4, 5, 6]),
        ((5, 2, 1, 1, 4), [0, 1, 2, 5, 3, 6, 4, 5]),
        ((6, 1, 1, 1, 8), [0, 1, 2, 6, 3, 4, 5, 6]),
        ((4, 1, 0, 1, 1), [0, 1, 2, 3, 4]),
    ],
)
def test_placements_of_experts_that_every_token_takes(
    numbers: tuple[int, int, int, int, int], expected: list[int]
) -> None:
    placed = placement_beside(*numbers)
    assert list(placed) == expected
    check_placement(placed, numbers[3] * numbers[4], "")


def test_numbers_count_them_too() -> None:
    with pytest.raises(UsageError, match="17 experts and 0 replicas are not equally many on 4 ranks") as caught:
        placement_beside(16, 1, 0, 1, 4)
    assert caught.value.hint == "nearest: redundant=3"


def test_nodes_keep_their_share_where_they_divide_experts_and_replicas() -> None:
    placed = even_placement(16, 8, 2, 4)
    assert {expert // 8 for expert in placed[:12]} == {0}
    assert {expert // 8 for expert in placed[12:]} == {1}


@pytest.mark.parametrize(
    ("numbers", "hint"),
    [
        ((256, 0, 1, 144), "nearest: redundant=32"),
        ((16, 3, 1, 8), "nearest: redundant=0 or redundant=8"),
        ((16, 9, 2, 4), "nearest: redundant=8 or redundant=16"),
    ],
)
def test_numbers_that_do_not_fit_name_the_nearest(numbers: tuple[int, int, int, int], hint: str) -> None:
    with pytest.raises(UsageError, match="are not equally many on") as caught:
        even_placement(*numbers)
    assert caught.value.hint == hint


def test_a_rank_holds_an_expert_once() -> None:
    with pytest.raises(UsageError, match="6 replicas of 4 experts on 2 ranks") as caught:
        even_placement(4, 6, 1, 2)
    assert caught.value.hint == "a rank holds an expert once: at most 4 here"
    with pytest.raises(UsageError, match="1 replicas of 1 experts on 1 ranks"):
        even_placement(1, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "text"),
    [("p.toml", "placement = [0, 1, 1, 2]"), ("p.json", '{"placement": [0, 1, 1, 2]}'), ("p.json", "[0, 1, 1, 2]")],
)
def test_files_hold_one_list(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_placement(tmp_path / name) == (0, 1, 1, 2)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("p.toml", "placement = [0, 1", "cannot be read"),
        ("p.json", "[0, 1", "cannot be read"),
        ("p.toml", "experts = [0]", "holds 'experts', not one list 'placement'"),
        ("p.toml", "placement = [0]\nlayers = 3", "holds 'placement', 'layers', not one list 'placement'"),
        ("p.json", "{}", "holds nothing, not one list 'placement'"),
        ("p.json", "7", "placement is not a list of expert numbers"),
        ("p.json", "[0, true]", "placement is not a list of expert numbers"),
        ("p.json", '[0, "1"]', "placement is not a list of expert numbers"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, name: str, text: str, what: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UsageError, match=what) as caught:
        read_placement(path)
    assert caught.value.where == str(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_placement(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("placement", "ranks", "what", "hint"),
    [
        ([], 1, "0 physical experts are not equally many on 1 ranks", ""),
        ([0, 1, 2], 2, "3 physical experts are not equally many on 2 ranks", ""),
        ([0, 2, 0, 2], 2, "expert 1 has no place", "the list names the experts 0 to 2, each at least once"),
        ([0, -1], 2, "there is no expert -1", "the list names the experts 0 to 0, each at least once"),
        ([0, 1, 2, 2], 2, "rank 1 holds expert 2 twice", ""),
        ([2, 0, 0, 1, 0, 1], 2, "rank 0 holds expert 0 twice", ""),
        ([0, 0, 1, 2], 2, "rank 0 holds expert 0 twice", ""),
    ],
)
def test_lists_that_place_nothing_well(placement: list[int], ranks: int, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_placement(placement, ranks, "file")
    assert (caught.value.what, caught.value.where, caught.value.hint) == (what, "file", hint)
