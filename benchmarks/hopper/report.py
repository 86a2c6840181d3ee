"""The file of results: what is in it, how it is written, read, and put together from several runs.

README.md beside this file describes every field.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from benchmarks.hopper.targets import ratio_of, verdicts
from dsv3c.files import write_text
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import Target, load_target

FORMAT = 1
"""Of the file; a reader accepts its own only."""
FIELDS = {
    "format": int, "made": str, "commit": str, "device": dict, "versions": dict, "options": dict, "clocks": dict,
    "references": dict, "libraries": dict, "kernels": dict, "cases": list, "left_out": list, "rows": list,
    "failures": list,
}  # fmt: skip
"""Field -> type."""
CASE_FIELDS = ("name", "family", "row", "sizes", "work", "floor", "ours", "peers")
"""Of a case that ran; one that could not be built has ``name``, ``family``, ``row`` and ``error``."""
Results = dict[str, Any]


def new_results(device: Mapping[str, Any], versions: Mapping[str, str], options: Mapping[str, Any]) -> Results:
    """A file without cases."""
    return {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "device": dict(device),
        "versions": dict(versions),
        "options": dict(options),
        "clocks": {},
        "references": {},
        "libraries": {},
        "kernels": {},
        "cases": [],
        "left_out": [],
        "rows": [],
        "failures": [],
    }


def commit() -> str:
    """The commit that is measured, ``+`` where files differ from it; empty without a repository."""
    here = Path(__file__).parent
    if shutil.which("git") is None:
        return ""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    if head.returncode:
        return ""
    changed = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=here, capture_output=True, check=False)
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def concluded(results: Results) -> Results:
    """The same with what follows from the measurements: floors, ratios, rows of the table, failures."""
    target = load_target(results["device"]["target"])
    for case in results["cases"]:
        if "work" not in case:
            continue
        case["floor"] = floor_of(case, target, results)
        found = ratio_of(case, results) or (None, None, None)
        case["ratio"], case["ratio_to"], case["ratio_by"] = found
    results["rows"] = [verdict.as_json() for verdict in verdicts(results)]
    results["failures"] = failures(results)
    return results


def floor_of(case: Mapping[str, Any], target: Target, results: Results) -> dict[str, Any]:
    """Seconds that operations and bytes take at the rates of the data sheet, and at those measured here."""
    work = case["work"]
    element, flops, moved = work["element"], work["flops"], work["bytes"]
    bandwidth = target.memory_bytes_per_s
    assert bandwidth is not None
    by_flops = flops / target.dense_flops_per_s[element] if flops else 0.0
    by_bytes = moved / bandwidth
    made: dict[str, Any] = {
        "by_flops": by_flops,
        "by_bytes": by_bytes,
        "seconds": max(by_flops, by_bytes),
        "bound_by": "flops" if by_flops > by_bytes else "bytes",
    }
    measured = results["references"]
    rates = {"flops": measured.get(f"{element}_flops_per_s"), "bytes": measured.get("copy_bytes_per_s")}
    if all(rates.values()):
        made["by_measured_rates"] = max(flops / rates["flops"]["per_s"], moved / rates["bytes"]["per_s"])
    return made


def failures(results: Results) -> list[str]:
    """Forms of ours that are wrong or could not be run: they make the exit status 1.

    A case that no kernel runs at all is open, not failed; so is a peer that is absent or raises.
    """
    found = list[str]()
    for case in results["cases"]:
        if case.get("crashed"):
            found.append(f"{case['name']}: {case['error']}")
        for form, outcome in case.get("ours", {}).items():
            wrong = [f"{check['output']}: {check['error']}" for check in outcome["checks"] if check["error"]]
            if outcome["error"]:
                wrong.append(outcome["error"])
            found += [f"{case['name']} {form}: {why}" for why in wrong]
    return found


def write_results(path: Path, results: Results) -> None:
    """Write the whole file or nothing: readers see the old one until the new one is complete."""
    write_text(path, json.dumps(results, indent=1) + "\n")


def read_results(path: Path) -> Results:
    """A file of results.  Raises UsageError for one that cannot be read, or is none."""
    try:
        found = cast(Results, json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is no file of results: {error}") from error
    problems = check_schema(found)
    if problems:
        raise UsageError(f"{path} is no file of results: {problems[0]}")
    return found


def check_schema(results: object) -> list[str]:
    """What is wrong with a file's form."""
    if not isinstance(results, dict):
        return ["it holds no object"]
    data = cast(Results, results)
    if data.get("format") != FORMAT:
        return [f"its format is {data.get('format')}, and this program reads {FORMAT}"]
    found = [
        f"{name} is {'absent' if name not in data else 'no ' + kind.__name__}"
        for name, kind in FIELDS.items()
        if not isinstance(data.get(name), kind)
    ]
    if found:
        return found
    for case in data["cases"]:
        needed = ("name", "family", "row", "error") if "error" in case else CASE_FIELDS
        found += [f"case {case.get('name')} has no {name}" for name in needed if name not in case]
    return found


def merged(old: Results, new: Results) -> Results:
    """The cases of both, the newer of each, with everything else of the newer run.

    Raises UsageError for runs on different devices or of different versions.
    """
    for what, name in (("device", "name"), ("versions", "torch"), ("versions", "triton")):
        before, now = old[what].get(name), new[what].get(name)
        if before != now:
            raise UsageError(f"runs of {what} {name} {before} and {now} are not one result", hint="start a new file")
    cases = {case["name"]: case for case in old["cases"]} | {case["name"]: case for case in new["cases"]}
    made = {**new, "cases": list(cases.values()), "kernels": old["kernels"] | new["kernels"]}
    made["references"] = old["references"] | new["references"]
    made["left_out"] = [left for left in new["left_out"] if left["name"] not in cases]
    return made


def measured_names(results: Results) -> set[str]:
    """Cases that need not run again: those that were measured without a failure."""
    failed = {text.partition(" ")[0].removesuffix(":") for text in failures(results)}
    return {case["name"] for case in results["cases"] if "work" in case} - failed


def default_file(folder: Path, slug: str, date: str | None = None) -> Path:
    """``results/nvidia-h100-80gb-hbm3-2026-11-22.json``"""
    return folder / f"{slug}-{date or datetime.now(UTC).date().isoformat()}.json"


def left_out(cases: Sequence[Any], why: str) -> list[dict[str, str]]:
    """Cases that were not run."""
    return [{"name": case.name, "row": case.row, "why": why} for case in cases]
