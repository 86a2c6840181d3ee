"""Made-up results of the Hopper harness, for tests of what is done with them: no device took these times."""

from typing import Any

from benchmarks.hopper.report import Results, concluded, new_results

DEVICE = {"name": "NVIDIA H100 test double", "target": "h100", "num_sms": 132, "l2_bytes": 50 << 20, "driver": "580.0"}
VERSIONS = {"torch": "2.11.0", "triton": "3.6.0"}


def timing(seconds: float) -> dict[str, float]:
    return {"median": seconds, "low": 0.9 * seconds, "high": 1.2 * seconds, "runs": 9}


def outcome(seconds: float | None, error: str | None = None, wrong: str | None = None) -> dict[str, Any]:
    check = {"output": "y", "policy": "gemm", "calc_diff": 1e-6, "relative": 1e-3, "differing": 0.0, "ulps": None}
    return {
        "checks": [{**check, "not_finite": 0, "error": wrong}],
        "error": error,
        "timing": None if seconds is None else timing(seconds),
        "graph": None,
        "graph_error": None,
    }


def entry(
    name: str, row: str, ours: dict[str, Any], peers: dict[str, Any], flops: float = 1e9, moved: float = 3e8
) -> dict[str, Any]:
    return {
        "name": name,
        "family": name.partition("/")[0],
        "row": row,
        "sizes": {},
        "work": {"flops": flops, "bytes": moved, "element": "f8E4M3FN"},
        "ours": ours,
        "peers": peers,
        "same": {},
    }


def rate(per_s: float) -> dict[str, Any]:
    return {"what": "made up", "per_s": per_s, "low": per_s, "high": per_s, "runs": 9, "seconds": timing(1.0)}


def results(*cases: dict[str, Any]) -> Results:
    made = new_results(DEVICE, VERSIONS, {"quick": False})
    made["references"] = {"copy_bytes_per_s": rate(3e12), "f8E4M3FN_flops_per_s": rate(1.2e15)}
    made["cases"] = list(cases)
    return concluded(made)
