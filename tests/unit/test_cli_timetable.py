"""``dsv3c timetable``, and the timetables of an artifact."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli import TEXT, dsv3c, refused

from dsv3c.commands.compile import about_kernels
from dsv3c.ir.context import make_context
from dsv3c.ir.targets import load_target
from dsv3c.programs import read_program

CORPUS = Path(__file__).parents[1] / "legality"
POINT = ("--max-tokens", "512", "--max-batch", "16", "--context", "256", "--max-context", "512")


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scheduled") / "out"
    ranks = ("--ep", "8", "--nnodes", "2", "--kernels", "none")
    done = dsv3c("compile", "tiny", "--layers", "1:4", *ranks, *POINT, "-o", out)
    assert done.status == 0, done.err
    return out


def test_an_artifact_holds_text_trace_and_picture_of_every_entry(artifact: Path) -> None:
    names = {path.stem for path in (artifact / "timetable").glob("*.txt")}
    assert {"prefill", "decode"} <= names
    listed = json.loads((artifact / "manifest.json").read_text())["files"]
    for name in names:
        assert {f"timetable/{name}.{ending}" for ending in ("txt", "json", "svg")} <= listed.keys()
        trace = json.loads((artifact / "timetable" / f"{name}.json").read_text())
        assert any(event["ph"] == "X" for event in trace["traceEvents"])
        assert ElementTree.parse(artifact / "timetable" / f"{name}.svg").getroot().tag.endswith("svg")


def test_prints_what_the_artifact_holds(artifact: Path) -> None:
    assert dsv3c("timetable", artifact, "--entry", "@decode").out == (artifact / "timetable/decode.txt").read_text()
    everything = dsv3c("timetable", artifact).out
    assert all(path.read_text() in everything for path in (artifact / "timetable").glob("*.txt"))


def test_writes_a_trace_and_a_picture(artifact: Path, tmp_path: Path) -> None:
    trace, picture = tmp_path / "t.json", tmp_path / "t.svg"
    done = dsv3c("timetable", artifact, "--entry", "decode", "--trace", trace, "--svg", picture)
    assert (done.status, done.out) == (0, "")
    assert trace.read_text() == (artifact / "timetable/decode.json").read_text()
    assert picture.read_text() == (artifact / "timetable/decode.svg").read_text()


def test_checks(artifact: Path) -> None:
    done = dsv3c("timetable", artifact, "--check")
    assert done.status == 0
    assert done.out.count(": can run") == len(list((artifact / "timetable").glob("*.txt")))
    wrong = dsv3c("timetable", CORPUS / "bad-duration-before-zero.mlir", "--check")
    assert wrong.status == 1
    assert "why it cannot run" in wrong.out
    assert "  bad-duration: " in wrong.out
    assert "  (bad-duration: a time is negative, infinite or not a number)" in wrong.out


def test_bad_input(artifact: Path, tmp_path: Path) -> None:
    refused("timetable", artifact, "--entry", "decod", status=2, says=["@decod has no timetable", "decode?"])
    refused("timetable", artifact, "--svg", tmp_path / "x.svg", status=2, says=["a file holds one", "--entry"])
    assert not (tmp_path / "x.svg").exists()
    refused("timetable", tmp_path / "absent", status=2, says=["there is no program", "dsv3c compile"])
    refused("timetable", tmp_path, status=2, says=["is not a program"])
    refused("timetable", tmp_path / "absent.mlir", status=2, says=["there is no file"])
    unscheduled = tmp_path / "plain.mlir"
    unscheduled.write_text(TEXT)
    refused("timetable", unscheduled, status=2, says=["has no timetable", "--ep N"])


def test_ranks_have_kernels_and_no_program(artifact: Path) -> None:
    lowered = artifact / json.loads((artifact / "manifest.json").read_text())["levels"]["lowered"]
    done = dsv3c("compile", lowered, "--emit", "kernels")
    assert done.status == 0, done.err
    assert 'kernel.call "scaled_grouped_mm.scaled_grouped_mm"' in done.out and "comm.dispatch" in done.out
    module, ctx = read_program(artifact).module, make_context(target=load_target("h800"))
    kernels = [SimpleNamespace(seconds=2.0, cached=False), SimpleNamespace(seconds=9.0, cached=True)]
    assert about_kernels(SimpleNamespace(kernels=kernels, module=module, ctx=ctx)) == (  # pyright: ignore[reportArgumentType]
        "2 kernels for sm_90a: 1 from the cache, the others took 2 s; no program.py: nothing launches them on several "
        "ranks yet"
    )


def test_ranks_share_no_program_of_one_process(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = dsv3c("compile", "tiny", "--layers", "1:3", "--ep", "4", "--target", "cpu", *POINT, "-o", out)
    assert done.status == 0, done.err
    assert not (out / "program.py").exists()
    assert "a program of 4 ranks: `dsv3c run` and `dsv3c generate` run them in one process" in done.out
    ran = dsv3c("run", out, "--batch", "4", "--seq", "3")
    assert ran.status == 0, ran.err
    assert "comm.dispatch scale_up" in ran.out
