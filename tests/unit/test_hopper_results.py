"""What becomes of the Hopper harness's measurements: files of results, tables, plots, the command line."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hopper_results import DEVICE, entry, outcome, results, timing

from benchmarks.hopper import device
from benchmarks.hopper.__main__ import main
from benchmarks.hopper.plots import write_plots
from benchmarks.hopper.report import (
    check_schema,
    concluded,
    measured_names,
    merged,
    read_results,
    write_results,
)
from benchmarks.hopper.table import cases_table, table
from benchmarks.hopper.targets import ROWS, verdicts
from dsv3c.ir.errors import UsageError

# --- results


def gemm(name: str, ours: float | None, peer: float | None, row: str = "gemm_large", **how: Any) -> dict[str, Any]:
    peers = {"deep_gemm": outcome(peer, None if peer else "ModuleNotFoundError: No module named 'deep_gemm'")}
    return entry(f"gemm/{name}", row, {"chosen": outcome(ours, **how)}, peers)


def test_rows_are_geometric_means_of_peers_over_ours() -> None:
    made = results(gemm("a", 1e-4, 2e-4), gemm("b", 1e-4, 0.5e-4), gemm("c", 1e-4, None))
    row = {item.row.name: item for item in verdicts(made)}["gemm_large"]
    assert row.measured == pytest.approx(1.0) and row.word == "aim"
    assert row.ratios == pytest.approx({"gemm/a": 2.0, "gemm/b": 0.5})
    assert row.open == {"gemm/c": "deep_gemm: ModuleNotFoundError: No module named 'deep_gemm'"}
    assert made["rows"][0]["measured"] == row.measured


@pytest.mark.parametrize(("peer", "word"), [(0.84e-4, "below"), (0.9e-4, "met"), (1.01e-4, "aim")])
def test_verdicts(peer: float, word: str) -> None:
    assert verdicts(results(gemm("a", 1e-4, peer)))[0].word == word


def test_the_best_attention_counts_and_moves_are_shares_of_a_copy() -> None:
    peers = {"sdpa_cudnn": outcome(3e-4), "sdpa_flash": outcome(2e-4), "flash_attention_3": outcome(None, "absent")}
    made = results(
        entry("prefill/1", "prefill", {"chosen": outcome(4e-4)}, peers),
        entry("quantize/4096", "rows", {"chosen": outcome(2e-4)}, {}, flops=0.0, moved=4.8e8),
    )
    assert (made["cases"][0]["ratio"], made["cases"][0]["ratio_to"]) == (pytest.approx(0.5), "sdpa_flash")
    assert (made["cases"][1]["ratio"], made["cases"][1]["ratio_to"]) == (pytest.approx(0.8), "copy")
    moved = {**made["cases"][1], "graph": {"sets": 2, "bytes": 96 << 20}}
    moved["ours"]["chosen"]["graph"] = timing(1.6e-4)
    assert results(moved)["cases"][0]["ratio"] == pytest.approx(1.0)


def test_small_cases_count_by_graphs_over_more_than_the_cache() -> None:
    case = gemm("a", 1e-4, 1e-4, "gemm_small")
    for outcome_, seconds in ((case["ours"]["chosen"], 2e-5), (case["peers"]["deep_gemm"], 3e-5)):
        outcome_["graph"] = timing(seconds)
    large, small = ({"sets": 32, "bytes": size << 20} for size in (60, 1))
    made = results({**case, "graph": large}, {**case, "graph": small}, {**gemm("b", 1e-4, 2e-4), "graph": large})
    assert [each["ratio"] for each in made["cases"]] == pytest.approx([1.5, 1.0, 2.0])
    assert [each["ratio_by"] for each in made["cases"]] == ["graph", "flushed", "flushed"]


def test_floors() -> None:
    case = results(gemm("a", 1e-3, 1e-3))["cases"][0]
    assert case["floor"]["by_flops"] == pytest.approx(1e9 / 1979e12)
    assert case["floor"]["by_bytes"] == pytest.approx(3e8 / 3.35e12) == case["floor"]["seconds"]
    assert case["floor"]["bound_by"] == "bytes"
    assert case["floor"]["by_measured_rates"] == pytest.approx(1e-4)


def test_a_failed_check_has_no_time_and_is_a_failure() -> None:
    made = results(gemm("a", None, 1e-4, wrong="calc_diff 0.1, allowed 1e-05 (gemm)"))
    assert made["failures"] == ["gemm/a chosen: y: calc_diff 0.1, allowed 1e-05 (gemm)"]
    assert verdicts(made)[0].open == {"gemm/a": "ours: y: calc_diff 0.1, allowed 1e-05 (gemm)"}
    assert measured_names(made) == set()


def test_results_are_written_whole_and_read_back(tmp_path: Path) -> None:
    file, made = tmp_path / "x.json", results(gemm("a", 1e-4, 1e-4))
    write_results(file, made)
    assert read_results(file) == made and [path.name for path in tmp_path.iterdir()] == ["x.json"]
    with pytest.raises(TypeError):
        write_results(file, {**made, "cases": {1, 2}})
    assert read_results(file) == made


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": 0}, "its format is 0, and this program reads 1"),
        ({"cases": {}}, "cases is no list"),
        ({"references": None}, "references is no dict"),
        ({"cases": [{"name": "a", "family": "b", "row": ""}]}, "case a has no sizes"),
    ],
)
def test_what_is_no_file_of_results(change: dict[str, Any], problem: str, tmp_path: Path) -> None:
    made = {**results(), **change}
    assert check_schema(made)[0] == problem
    write_results(tmp_path / "x.json", made)
    with pytest.raises(UsageError, match=r"x\.json is no file of results"):
        read_results(tmp_path / "x.json")
    assert check_schema([]) == ["it holds no object"]


def test_runs_are_merged() -> None:
    old = results(gemm("a", 1e-4, 1e-4), gemm("b", None, 1e-4, error="GpuError: not compiled"))
    assert measured_names(old) == {"gemm/a"}
    new = results(gemm("b", 2e-4, 1e-4), gemm("c", 3e-4, 1e-4))
    new["left_out"] = [
        {"name": "gemm/a", "row": "gemm_large", "why": "budget"},
        {"name": "gemm/d", "row": "", "why": "x"},
    ]
    both = concluded(merged(old, new))
    assert [case["name"] for case in both["cases"]] == ["gemm/a", "gemm/b", "gemm/c"]
    assert both["failures"] == [] and [left["name"] for left in both["left_out"]] == ["gemm/d"]
    other = {**new, "device": {**DEVICE, "name": "NVIDIA H200"}}
    with pytest.raises(UsageError, match="NVIDIA H200 are not one result"):
        merged(old, other)


def test_the_table_has_every_row_and_says_why_one_is_open() -> None:
    text = table(results(gemm("a", 1e-4, 1.02e-4), gemm("n", 1e-4, None, "gemm_narrow")))
    lines = text.splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 2 + len(ROWS)
    assert rows[2] == (
        "| FP8 GEMM dense and contiguous-grouped, M >= 1024, vs DeepGEMM | 0.85 | 1 | 1.02 | 1 of 1 | aim reached |"
    )
    assert "| - | 0 of 1 | open |" in rows[4]
    assert "- gemm_narrow: 1 case: deep_gemm: ModuleNotFoundError: No module named 'deep_gemm'" in lines
    assert "- wgrad: no case was run" in lines
    assert "copy 3 TB/s" in text and "f8E4M3FN 1.2e+03 TFLOP/s" in text


def test_the_table_of_cases() -> None:
    made = results(gemm("a", 1e-4, 1.02e-4))
    made["cases"].append({"name": "gemm/x", "family": "gemm", "row": "", "error": "no kernel"})
    lines = cases_table(made).splitlines()
    assert lines[0] == "| case | floor us | bound by | ours chosen | deep_gemm | ratio | by | of floor |"
    assert (
        lines[2] == "| gemm/a | 89.6 | bytes | 100.0 (90.0 to 120.0) | 102.0 (91.8 to 122.4) | 1.02 | flushed | 90% |"
    )
    assert lines[3].endswith("| no kernel |")


def test_plots_are_drawings_of_every_ratio(tmp_path: Path) -> None:
    files = write_plots(results(gemm("a", 1e-4, 1.02e-4), gemm("b<", 1e-4, 0.5e-4)), tmp_path)
    assert [file.name.rsplit("-", 1)[1] for file in files] == ["gemm_large.svg", "floors.svg"]
    tree = ET.parse(files[0])
    names = [item.text for item in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"gemm/a", "gemm/b<", "1.02", "0.50", "at least 0.85", "aim 1"} <= set(names)
    colors = [item.get("fill") for item in tree.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert len(set(colors)) == 2


# --- the command line


def test_without_a_gpu_there_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(device.NoGpu) as error:
        device.find_device()
    found = {"event": "no_gpu", "what": error.value.what, "hint": error.value.hint}
    monkeypatch.setattr("benchmarks.hopper.run.described", lambda folder: found)
    assert main(["--quick"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "--smoke" in printed.err


@pytest.mark.parametrize(
    ("name", "target"),
    [("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA H800", "h800"), ("NVIDIA H200", "h200")],
)
def test_targets_by_the_names_of_devices(name: str, target: str) -> None:
    assert device.target_for(name).name == target


def test_a_device_of_no_target() -> None:
    with pytest.raises(device.NoGpu, match="no target is for NVIDIA GH200"):
        device.target_for("NVIDIA GH200")


def test_tables_and_plots_by_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.json"
    write_results(file, results(gemm("a", 1e-4, 1e-4)))
    assert main(["table", str(file), "--cases"]) == 0
    assert "| gemm/a |" in capsys.readouterr().out
    assert main(["plot", str(file), "-o", str(tmp_path / "plots")]) == 0
    assert len(capsys.readouterr().out.split()) == 2
    assert main(["table", str(tmp_path / "none.json")]) == 2
    assert "none.json cannot be read: No such file" in capsys.readouterr().err
