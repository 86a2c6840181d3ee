"""``dsv3c compile --verify-numerics`` over the whole pipeline: in FP8, and on ranks that each have other sequences."""

import re

import pytest
from cli import dsv3c

MODEL = ("tiny", "--layers", "1:3", "--target", "cpu")
ROW = re.compile(r"(?P<name>\S+) +(?P<level>\S+) +(?P<policy>\S+) +(?P<ok>ok|FAIL) +(?P<measured>.+)")


def rows(*flags: str) -> dict[str, dict[str, str]]:
    """Pass -> its last line of the table; every line says ok."""
    done = dsv3c("compile", *MODEL, *flags, "--verify-numerics")
    assert done.status == 0, done.err
    header, *lines = done.err.splitlines()
    assert header.split() == ["pass", "level", "policy", "measured"]
    found = [match.groupdict() for line in lines if (match := ROW.fullmatch(line))]
    assert len(found) == len(lines) and all(row["ok"] == "ok" for row in found)
    return {row["name"]: row for row in found}


def quantised_distance(row: dict[str, str]) -> float:
    """What the row prints of quantisation, which is not judged."""
    return float(row["measured"].partition("with quantisation relative L2 ")[2].partition(",")[0])


def test_an_fp8_pipeline() -> None:
    found = rows("--recipe", "deepseek-v3", "--kv-cache-dtype", "fp8")
    for name, first in (("quantize-kv-cache", "phased"), ("insert-fp8-qdq", "quantised")):
        row = found[name]
        assert (row["level"], row["policy"]) == (first, "quantises")
        assert row["measured"].startswith("f32 0.0e+00; bf16 error"), "nothing is lost with quantisation off"
        assert 1e-3 < quantised_distance(row) < 0.3, "something is lost with it on"
    assert found["fuse-qdq"]["policy"] == "reassociates"
    for name in ("fold-weights", "fuse-rms-norm-quant", "fuse-swiglu-quant", "fuse-rope-cache-append"):
        assert (found[name]["policy"], found[name]["measured"]) == ("bitwise/reference", "bitwise equal"), name


@pytest.mark.parametrize(("order", "policy"), [("source", "bitwise/reference"), ("rank", "reassociates")])
def test_experts_on_ranks(order: str, policy: str) -> None:
    """Same order of additions, same bits; partial sums per rank are judged as another order is."""
    found = rows("--ep", "4", "--redundant-experts", "4", "--combine-order", order)
    assert (found["shard-experts"]["level"], found["shard-experts"]["policy"]) == ("sharded", policy)
    exact = found["shard-experts"]["measured"] == "bitwise equal"
    assert exact == (order == "source")
    assert exact or "x original; flips 0/" in found["shard-experts"]["measured"]
    for name in ("bucket-tokens", "fuse-rope-cache-append", "split-microbatches", "cut-segments"):
        assert (found[name]["policy"], found[name]["measured"]) == ("bitwise/reference", "bitwise equal"), name
