"""``dsv3c bench``: an artifact for the CPU as it is run, one of kernels on a device that does nothing."""

import argparse
import json
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from cli import dsv3c, refused

from dsv3c.artifact import write_artifact
from dsv3c.backends.triton.runtime.gpu import InOrder
from dsv3c.backends.triton.runtime.records import FORMAT
from dsv3c.commands.bench import Setting, add_arguments, measured_with, phases, point_of, read
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.ir.cost_model import Env
from dsv3c.ir.measured import parse_table
from dsv3c.measuring.benchmark import Measured, Point, bound_of
from dsv3c.measuring.benchmark_gpu import WARM_UP, is_own, load_program
from dsv3c.measuring.benchmark_record import Device, clocks, cuda, record, record_text, step_json, table_text
from dsv3c.measuring.benchmark_text import duration, render
from dsv3c.measuring.stopwatch import LAUNCH_S, CudaEvents, HostClock

DUMPS = Path(__file__).parents[2] / "examples" / "dumps"
STEP = ("--batch", "2", "--tokens", "3", "--context", "5", "--repeat", "2")
DEVICE = Device("a device", {"threads": "1"})


def artifact(folder: Path, dump: str, target: str, **asked: Any) -> Path:
    """Compiled from a module in text form; of kernels without their binaries, which nothing here launches."""
    compiled = compile_model(Request(model=str(DUMPS / dump), target=target, **asked), keep_stages=True)
    write_artifact(compiled, folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def cpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return artifact(tmp_path_factory.mktemp("cpu"), "final.mlir", "cpu")


@pytest.fixture(scope="module")
def gpu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return artifact(tmp_path_factory.mktemp("gpu"), "phased.mlir", "h800", level="kernels")


class IdleGpu(InOrder):
    """Launches nothing, and counts."""

    num_sms = 132

    def __init__(self) -> None:
        self.launches = list[str]()

    def launch(self, kernel: str, grid: tuple[int, ...], *others: Mapping[str, object]) -> None:
        self.launches.append(kernel)


class IdleGraph:
    """A graph of nothing, replayed."""

    replays = 0

    def record(self, work: Callable[[], Any]) -> tuple["IdleGraph", Any]:
        return self, work()

    def replay(self) -> None:
        self.replays += 1


class Ticks(HostClock):
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now, self.leads = 0.0, list[float]()

    def lead(self, seconds: float) -> None:
        self.leads.append(seconds)

    def mark(self) -> float:
        self.now += 1.0
        return self.now


def asked(folder: Path, *options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(folder), *options])


Idle = tuple[Setting, list[tuple[Measured, Env]], IdleGpu, Ticks]


@pytest.fixture(scope="module")
def watched(gpu: Path) -> Idle:
    return idle(gpu, *STEP)


def idle(folder: Path, *options: str, recorder: IdleGraph | None = None) -> Idle:
    """The measurement of a program of kernels on a device that does nothing."""
    setting, device, clock = read(asked(folder, *options)), IdleGpu(), Ticks()
    points = [point_of(setting.program, name, setting.arguments) for name in phases(setting.program, "decode")]
    found = measured_with(setting, points, load_program(folder), device, torch.device("cpu"), clock, recorder)
    return setting, found, device, clock


def test_steps_and_ops_on_the_cpu_are_timed_and_have_no_invented_floor(cpu: Path, tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    done = dsv3c("bench", cpu, *STEP, "--json", file)
    assert done.status == 0, done
    assert "@prefill.short: 2 sequences, 3 new tokens of each, 5 tokens of each in the cache" in done.out
    assert "@decode: 2 sequences, 1 new token of each, 5 tokens of each in the cache" in done.out
    assert "floor    none: target cpu states no rates" in done.out
    found = json.loads(file.read_text())
    assert found["device"]["torch"] == torch.__version__
    assert found["weights"] == "random, seed 0"
    assert [step["entry"] for step in found["steps"]] == ["prefill.short", "decode"]
    for step in found["steps"]:
        assert len(step["seconds"]["runs"]) == 2
        assert step["tokens_per_s"] == pytest.approx(step["tokens"] / step["seconds"]["median"])
        assert all(
            row["floor"]["seconds"] is None and "states no rates" in row["floor"]["reason"] for row in step["ops"]
        )
        by_name = {row["name"]: row for row in step["ops"]}
        assert by_name["nn.linear"]["floor"]["flops"] > 0
        assert sum(row["calls"] for row in step["ops"]) == sum(row["calls"] for row in step["places"])
        inside = sum(row["seconds_per_step"] for row in step["ops"])
        assert 0 < inside < 10 * step["seconds"]["median"]
        assert "weight.param" not in by_name and "func.call" not in by_name


def test_a_row_per_place_instead_of_per_kind(cpu: Path) -> None:
    done = dsv3c("bench", cpu, *STEP, "--phase", "@decode", "--per-kernel")
    assert done.status == 0, done
    assert "@prefill" not in done.out
    assert any(line.startswith("@decode %lm_head: nn.linear ") for line in done.out.splitlines()), done.out


def test_launchers_of_the_program_are_timed_in_its_order(gpu: Path, watched: Idle) -> None:
    _, [(one, _)], device, clock = watched
    assert not any(is_own(name) for name in sys.modules), "two programs would take each other's packages"
    calls = sum(row.calls for row in one.kernels)
    assert clock.leads == [calls * LAUNCH_S] * 3, "of every run that watches kernels, the first of which does not count"
    assert clock.now == 2 * calls * 3, "two marks per call"
    assert {row.each for row in one.kernels} == {(1.0,) * (2 * row.calls) for row in one.kernels}
    assert one.kernels[0].name == "scaled_mm.scaled_mm" and one.kernels[0].seconds == one.kernels[0].calls
    assert {kernel.partition(".")[0] for kernel in device.launches} >= {"scaled_mm", "rms_norm", "cache", "gate"}
    assert not list(gpu.rglob("__pycache__"))


def test_every_kernel_stands_beside_its_floor(gpu: Path, watched: Idle) -> None:
    setting, [(one, env)], _, _ = watched
    product = next(row for row in one.kernels if row.name == "scaled_mm.scaled_mm")
    floors = [bound_of(op, env, setting.target) for op in product.ops]
    assert product.bound.seconds == pytest.approx(
        sum((floor.seconds or 0) * count for floor, count in zip(floors, product.ops.values(), strict=True))
    )
    assert product.bound.by == "memory"
    attention = next(row for row in one.kernels if row.name == "absorbed_attention.absorbed_attention")
    read = 2 * 5 * (256 + 64) * 2 * attention.calls
    assert attention.bound.num_bytes > read, "rows of the cache are read"
    assert one.bound.seconds is not None and one.bound.by == "memory"
    inside = sum(row.bound.seconds or 0.0 for row in one.kernels)
    assert 0.5 * one.bound.seconds < inside < 3 * one.bound.seconds
    text = render(one, per_kernel=False)
    (line,) = (line for line in text.splitlines() if line.startswith("scaled_mm.scaled_mm "))
    assert line.endswith("memory")
    assert f"{product.seconds * 1e6:.2f}" in line and f"{product.bound.seconds * 1e6:.3f}" in line
    fields = record([one], artifact=gpu, target=setting.target, device=DEVICE, weights="random")
    (step,) = json.loads(record_text(fields))["steps"]
    assert {row["name"] for row in step["launchers"]} == {row.name for row in one.kernels}
    assert step["floor"]["from"]


def test_steps_are_timed_without_a_graph_and_as_one(gpu: Path, watched: Idle) -> None:
    graph = IdleGraph()
    _, [(one, _)], _, _ = idle(gpu, *STEP, recorder=graph)
    assert len(one.steps) == len(one.graphs) == 2 and isinstance(one.graphs, tuple)
    assert graph.replays == WARM_UP - 1 + 2, "the first run captures"
    (line,) = (line for line in render(one, per_kernel=False).splitlines() if line.startswith("  graph "))
    assert "(median of 2; " in line and line.endswith(" times as fast")
    assert step_json(one)["graph"]["runs"] == list(one.graphs)
    _, [(other, _)], _, _ = watched
    assert other.graphs == "not asked for" and "  graph    none: not asked for" in render(other, per_kernel=False)
    assert step_json(other)["graph"] == {"reason": "not asked for"}
    assert load_program(gpu).why_no_graph("prefill") == "its steps are of any size"


def test_times_become_a_table_that_estimates_read(watched: Idle) -> None:
    setting, found, _, _ = watched
    text = table_text(found, target=setting.target, device=DEVICE, name="mine")
    table = parse_table(text, "mine.toml")
    assert (table.name, table.target, table.compute_units) == ("mine", "h800", 132)
    assert {kernel.op for kernel in table.kernels} >= {"scaled.mm", "scaled.rms_norm", "nn.linear"}
    assert all(kernel.us(kernel.points[0].rows) == 1e6 for kernel in table.kernels)
    one = next(kernel for kernel in table.kernels if kernel.op == "nn.linear")
    assert one.points[0].rows == 2, "sequences, of whose last tokens there are logits"
    assert tomllib.loads(text)["source"].startswith("dsv3c bench on a device (threads 1), ")


def test_what_is_printed_and_written_of_a_device(
    gpu: Path, watched: Idle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsv3c.commands.bench.measured_on_gpu", lambda setting, points: (DEVICE, watched[1]))
    files = tmp_path / "bench.json", tmp_path / "mine.toml"
    done = dsv3c("bench", gpu, *STEP, "--phase", "decode", "--json", files[0], "--table", files[1])
    assert done.status == 0, done
    assert done.out.startswith("on a device (threads 1); floors: target h800\nweights: random, seed 0\n\n@decode: ")
    assert json.loads(files[0].read_text())["target"]["memory_bytes_per_s"] == 3.35e12
    assert parse_table(files[1].read_text(), "mine.toml").name == "mine"


def test_a_program_that_is_not_the_modules_is_told(gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsv3c.measuring import benchmark_gpu

    plain = benchmark_gpu.launched
    monkeypatch.setattr(benchmark_gpu, "launched", lambda module, entry: plain(module, entry)[1:])
    with pytest.raises(Exception, match=r"program.py does not call what the lowered module says"):
        idle(gpu, *STEP)


def test_without_a_gpu_one_clear_line_and_no_number(gpu: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    (gpu / "kernels.json").unlink(missing_ok=True)
    done = refused("bench", gpu, status=1, says=["kernels.json cannot be read"])
    assert done.out == ""
    (gpu / "kernels.json").write_text(
        json.dumps({"format": FORMAT, "arch": "sm_90a", "toolkit": "13.0", "kernels": []})
    )
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", None)
    done = refused("bench", gpu, status=1, says=["cuda-bindings cannot be imported", "pip install cuda-bindings"])
    assert done.out == ""


def test_wrong_requests(cpu: Path, tmp_path: Path) -> None:
    refused("bench", tmp_path / "absent", status=2, says=["there is no program"])
    refused("bench", DUMPS / "final.mlir", status=2, says=["is a module, no artifact", "dsv3c compile FILE.mlir"])
    refused("bench", cpu, "--phase", "decod", status=2, says=["there is no phase 'decod'", "did you mean decode?"])
    refused("bench", cpu, "--batch", "0", status=2, says=["no number of at least 1"])
    refused("bench", cpu, "--table", tmp_path / "t.toml", status=2, says=["target cpu states no rates", "--json"])
    refused("bench", cpu, *STEP, "--weights", tmp_path / "no", status=1, says=["there is no checkpoint"])
    plan = shutil.copytree(cpu, tmp_path / "plan")
    (plan / "program.py").unlink()
    manifest = json.loads((plan / "manifest.json").read_text())
    del manifest["files"]["program.py"]
    (plan / "manifest.json").write_text(json.dumps(manifest))
    refused("bench", plan, status=2, says=["has no program.py: there is nothing to measure", "--target cpu"])


def test_a_phase_takes_what_it_can_and_a_variant_what_is_short(cpu: Path) -> None:
    program = read(asked(cpu)).program
    assert point_of(program, "decode", asked(cpu, "--tokens", "7")).new_tokens == 1
    point = point_of(program, "prefill", asked(cpu, "--tokens", "3", "--context", "2", "--batch", "4"))
    assert (point.entry, point.tokens, point.context) == ("prefill.short", 12, 3)
    usual = point_of(program, "prefill", asked(cpu))
    assert isinstance(usual, Point) and (usual.entry, usual.sequences) == ("prefill", 1)
    assert replace(usual, new_tokens=1).tokens == 1


@pytest.mark.parametrize(("seconds", "text"), [(2.5, "2.5 s"), (0.0025, "2.5 ms"), (2.5e-6, "2.5 us")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("status", "out", "found"),
    [
        (0, "580.1, 1980 MHz, 2619 MHz, 1980 MHz, 700.00 W\n", "1980 MHz"),
        (0, "nothing\n", None),
        (9, "", None),
    ],
)
def test_clocks_are_told_where_they_are_known(
    status: int, out: str, found: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> SimpleNamespace:
        assert command[1] == "--id=GPU-12"
        return SimpleNamespace(returncode=status, stdout=out)

    monkeypatch.setattr("dsv3c.measuring.benchmark_record.shutil.which", "/bin/{}".format)
    monkeypatch.setattr("dsv3c.measuring.benchmark_record.subprocess.run", run)
    assert clocks("12").get("clocks.sm") == found


def test_events_of_a_device_and_what_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, slept = list[bool](), list[int]()
    event = SimpleNamespace(record=lambda: recorded.append(True), elapsed_time=lambda other: 2.5)
    monkeypatch.setattr(torch.cuda, "Event", lambda *, enable_timing: event if enable_timing else None)
    monkeypatch.setattr(torch.cuda, "_sleep", slept.append)
    watch = CudaEvents()
    watch.lead(0.5)
    assert watch.seconds(watch.mark(), watch.mark()) == 0.0025, "events tell milliseconds"
    assert len(recorded) == 2 and slept == [10**9], "cycles, of which no device counts more than 2e9 in a second"
    monkeypatch.setattr(torch.cuda, "get_device_name", "GPU number {}".format)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid="12"))
    monkeypatch.setattr("dsv3c.measuring.benchmark_record.shutil.which", lambda name: None)
    assert str(cuda(1, 132)).startswith("GPU number 1 (multiprocessors 132, torch ")
