"""``dsv3c compile --measured``: schedules made with a table of measured times."""

import re
from functools import cache

from cli import dsv3c, refused

SIZES = ("--layers", "1:3", "--ep", "4", "--phases", "decode")


@cache
def makespan(*options: str) -> tuple[float, str]:
    """The step's time, and what it is said to be made with."""
    done = dsv3c("compile", "tiny", *SIZES, *options)
    assert done.status == 0, done.err
    found = re.search(r"^schedule +@decode: ([\d.]+) ms, .*; by (.+)$", done.out, re.MULTILINE)
    assert found is not None, done.out
    return float(found[1]), found[2]


def test_times_are_floors_until_a_table_is_loaded() -> None:
    assert makespan()[1] == "floors"


def test_a_table_makes_estimates_and_is_named() -> None:
    floor, _ = makespan()
    estimate, kind = makespan("--measured", "h800-profile-data")
    assert kind == "estimates (h800-profile-data)"
    assert estimate >= floor  # kernels follow on each other, and none is below its floor


def test_bad_tables() -> None:
    refused(
        "compile", "tiny", *SIZES, "--measured", "h800-profile", status=2, says=["unknown table", "h800-profile-data"]
    )
    refused("compile", "tiny", *SIZES, "--measured", "no.toml", status=2, says=["no.toml does not exist"])
    other = ("--target", "h100", "--measured", "h800-deepgemm")
    refused("compile", "tiny", *SIZES, *other, status=2, says=["was measured on h800, not on h100"])
