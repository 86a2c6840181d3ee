"""Which rank holds which expert: an even placement with replicas, or one read from a file."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from dsv3c.ir.errors import UsageError

KEY = "placement"
"""Name of the list in a file: the logical expert of every physical one, rank after rank."""


def even_placement(experts: int, redundant: int, nodes: int, gpus: int) -> tuple[int, ...]:
    """``experts + redundant`` physical experts, equally many per rank, a replica on another rank than its original.

    Where nodes divide the replicas (and so the experts), a node holds a contiguous share of the experts and the
    replicas of its own: groups that lie on one node stay there.  Raises UsageError for numbers that do not fit, naming
    the nearest that do.
    """
    ranks = nodes * gpus
    check_numbers(experts, redundant, ranks)
    if nodes > 1 and redundant % nodes == 0:
        share = experts // nodes
        own = even_placement(share, redundant // nodes, 1, gpus)
        return tuple(node * share + expert for node in range(nodes) for expert in own)
    per_rank = (experts + redundant) // ranks
    if per_rank > experts:
        most = (ranks - 1) * experts
        raise UsageError(
            f"{redundant} replicas of {experts} experts on {ranks} ranks would lie beside their originals",
            hint=f"a rank holds an expert once: at most {most} here",
        )
    # a rank's even share, then the experts that follow it, as far as there is room
    starts = [experts * rank // ranks for rank in range(ranks)]
    return tuple((start + offset) % experts for start in starts for offset in range(per_rank))


def placement_beside(experts: int, certain: int, redundant: int, nodes: int, gpus: int) -> tuple[int, ...]:
    """The same where every token takes ``certain`` further experts, numbered behind the others, which so get most rows.

    Replicas are theirs until every rank holds them all; what is left is as in ``even_placement``.  A rank's own come
    last.  Raises UsageError for numbers that do not fit, naming the nearest that do.
    """
    ranks, beside = nodes * gpus, certain + redundant
    check_numbers(experts + certain, redundant, ranks)
    held = min(beside, certain * ranks)
    others = even_placement(experts, beside - held, nodes, gpus) if beside > held else tuple(range(experts))
    per_rank, found = (experts + beside) // ranks, list[int]()
    for rank in range(ranks):
        first, last = held * rank // ranks, held * (rank + 1) // ranks
        start = rank * per_rank - first
        found += others[start : start + per_rank - (last - first)]
        found += (experts + number % certain for number in range(first, last))
    return tuple(found)


def check_numbers(experts: int, redundant: int, ranks: int) -> None:
    """Raise UsageError unless every rank gets equally many physical experts."""
    over = (experts + redundant) % ranks
    if over == 0:
        return
    nearest = [f"{found}" for found in (redundant - over, redundant - over + ranks) if found >= 0]
    raise UsageError(
        f"{experts} experts and {redundant} replicas are not equally many on {ranks} ranks",
        hint=f"nearest: redundant={' or redundant='.join(nearest)}",
    )


def read_placement(path: Path) -> tuple[int, ...]:
    """The list ``placement`` of a TOML or JSON file; a JSON file may be the list itself.

    Raises UsageError naming the file for one that is not readable, or holds anything else.
    """
    try:
        text = path.read_text("utf-8")
        data = cast(object, json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except (OSError, ValueError) as error:  # both decoders' errors are ValueErrors
        raise UsageError(f"cannot be read: {error}", where=str(path)) from error
    if isinstance(data, dict):
        keys = cast(dict[str, object], data)
        if list(keys) != [KEY]:
            raise UsageError(
                f"holds {', '.join(map(repr, keys)) or 'nothing'}, not one list {KEY!r}",
                where=str(path),
                hint="one placement serves all layers",
            )
        data = keys[KEY]
    if not isinstance(data, list) or not all(
        isinstance(item, int) and not isinstance(item, bool) for item in cast(list[object], data)
    ):
        raise UsageError(f"{KEY} is not a list of expert numbers", where=str(path))
    return tuple(cast(list[int], data))


def check_placement(placement: Sequence[int], ranks: int, where: str) -> None:
    """Raise UsageError unless ranks get equally many experts, none twice, and every number from 0 on has a place."""
    if not placement or len(placement) % ranks:
        raise UsageError(f"{len(placement)} physical experts are not equally many on {ranks} ranks", where=where)
    absent = sorted(set(range(max(placement) + 1)) - set(placement))
    if absent or min(placement) < 0:
        what = f"expert {absent[0]} has no place" if absent else f"there is no expert {min(placement)}"
        raise UsageError(
            what, where=where, hint=f"the list names the experts 0 to {max(placement)}, each at least once"
        )
    per_rank = len(placement) // ranks
    for rank in range(ranks):
        own = placement[rank * per_rank : (rank + 1) * per_rank]
        if len(set(own)) < per_rank:
            twice = max(own, key=own.count)
            raise UsageError(f"rank {rank} holds expert {twice} twice", where=where)
