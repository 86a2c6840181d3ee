"""``dsv3c tune`` as a command: its table, what it says, and what ends it."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli import dsv3c, refused
from made_up_tuning import (
    DEVICE,
    H800,
    KERNEL,
    Clock,
    Found,
    Made,
    found_in,
    meter,
    plan_tiny,
    session,
    some,
)

from dsv3c.backends.triton.runtime.gpu import PDL, Variant
from dsv3c.backends.triton.tuning.tuned_choices import read_table
from dsv3c.commands import tune
from dsv3c.commands.tune import Book, measure_all, slug, unusable, variants, why_not_used
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.lowering import KernelOptions
from dsv3c.compilation.request import Request
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.measuring.benchmark_record import Device
from dsv3c.measuring.tuning_run import Left, Meter


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plan_tiny(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module")
def found(planned: Path) -> Found:
    return found_in(planned)


def test_rows_are_in_the_file_when_they_are_known_and_a_compile_takes_them(
    found: Found, planned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sites = some(found[0], count=2)
    clock, file = Clock(), tmp_path / "mine.toml"
    book = Book(file, DEVICE.name, session())
    counts = list[int]()

    class Counting(Made):
        def launch(self, *arguments: Any) -> None:
            counts.append(len(read_table(file).rows) if file.exists() else 0)
            super().launch(*arguments)

    broken = Left(sites[0].case.candidates[0].config, "24 bytes spilled")
    assert measure_all(sites, [[broken], []], meter(Counting(clock), clock), book, seed=0) == 0
    assert set(counts) == {0, 1}, "the first row is there while the second is measured"
    out = capsys.readouterr().out
    assert out.startswith(f"{KERNEL}, ") and f"wrote 2 rows to {file}: `dsv3c compile --tuned {file}` uses it" in out
    assert ": 24 bytes spilled" in out and "; the rule's " in out and "next " in out
    table = read_table(file)
    assert [row.up_to for row in table.rows] == [16, 32] and table.sessions[0].driver == "580.1"
    first = table.rows[0]
    options = KernelOptions(tuned=str(file), gluon=False)
    compiled = compile_model(Request(model=str(planned), target="h800", level="kernels", kernel_options=options))
    assert compiled.lowered is not None and not compiled.warnings
    remarks = [item for item in compiled.ctx.outcomes if f"({file}, row 1)" in str(item.numbers.get("configs", ""))]
    assert remarks and all(KERNEL in item.reason for item in remarks)
    taken = [
        config.as_dict()
        for op in compiled.lowered.walk()
        if isinstance(op, KernelCallOp) and op.launcher.data == KERNEL
        for config in op.configs
    ]
    assert any(one.get("up_to") in (16, 32) and one == {"up_to": one["up_to"], **first.config} for one in taken)
    again = Book(file, DEVICE.name, session())
    again.add(replace(first, us=(1.0, 2.0, 3.0)))
    assert [row.us[1] for row in read_table(file).rows] == [2.0, table.rows[1].us[1]]
    with pytest.raises(UsageError, match=r"it holds what was measured on NVIDIA H100 80GB HBM3; this is NVIDIA H200"):
        Book(file, "NVIDIA H200", session())


def test_a_candidate_that_computes_something_else_is_told_and_fails_the_command(
    found: Found, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others' row is written all the same."""
    (site,) = some(found[0])
    first = site.case.candidates[0].config["block_m"]
    clock, book = Clock(), Book(tmp_path / "t.toml", DEVICE.name, session())
    assert measure_all([site], [[]], meter(Made(clock, others={first: "wrong"}), clock), book, seed=0) == 1
    told = capsys.readouterr()
    count = sum(item.config["block_m"] == first for item in site.case.candidates)
    assert f"error: {count} candidates compute something else than their calls mean" in told.err
    assert "its result differs by 0.14 from what the call means, allowed are 3e-06" in told.out
    assert len(read_table(book.file).rows) == 1


def test_a_device_that_fails_ends_the_command_with_one_error(found: Found, tmp_path: Path) -> None:
    (site,) = some(found[0])

    def fails() -> None:
        raise RuntimeError("an illegal memory access was encountered")

    broken = replace(meter(Made(Clock()), Clock()), settle=fails)
    outcome = broken.measure(site, [])
    assert not outcome.timed and "an illegal memory access" in outcome.left[0].reason
    late = replace(meter(Made(Clock()), Clock()), flush=fails)
    with pytest.raises(Dsv3cError, match=r"the device failed while scaled_mm.scaled_mm was measured: an illegal"):
        measure_all([site], [[]], late, Book(tmp_path / "t.toml", DEVICE.name, session()), seed=0)
    assert not (tmp_path / "t.toml").exists()


def test_candidates_whose_kernels_cannot_be_used_are_known_before(found: Found) -> None:
    sites = some(found[0], count=2)
    wanted = variants(sites, H800)
    bad: Variant = wanted[1, 2][0]
    left = unusable(sites, wanted, {bad: "240000 bytes of shared memory"})
    assert all(bad in wanted[number, place] for number, place in wanted if sites[number].case.candidates[place].config
               in [item.config for item in left[number]])  # fmt: skip
    assert any(item.config is sites[1].case.candidates[2].config for item in left[1])


def test_what_a_program_starts_early_is_started_early_here(found: Found) -> None:
    site = next(site for site in found[0] if site.case.kernel.startswith("absorbed") and site.case.bound == 4)

    def early(programmatic_launch: bool) -> set[str]:
        target = replace(H800, programmatic_launch=programmatic_launch)
        every = variants([site], target).values()
        return {variant.kernel for kernels in every for variant in kernels if dict(variant.constants).get(PDL, False)}

    assert early(True) == {"absorbed_attention.combine_kernel"}
    assert early(False) == set()


def test_what_would_be_measured_is_listed_without_a_gpu(planned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", None)
    done = dsv3c("tune", planned, "--kernel", "scaled_mm,linear", "--phase", "decode", "--dry-run")
    assert done.status == 0, done
    lines = done.out.splitlines()
    assert lines[0].startswith("linear.linear, ")
    assert any(line.startswith("  up to 16 rows   measured with 16 ") and "candidates" in line for line in lines)
    assert any(line.startswith("    block_m=16 ") for line in lines) and "  candidates as above" in lines
    assert lines[-1].endswith("binaries to compile") and " candidates to time, " in lines[-1]
    assert "absorbed_attention" not in done.out


def test_without_a_gpu_one_clear_line(planned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", None)
    done = refused("tune", planned, status=1, says=["cuda-bindings cannot be imported", "pip install cuda-bindings"])
    assert done.out == ""


def test_wrong_requests(planned: Path, tmp_path: Path) -> None:
    refused("tune", planned, "--dry-run", "--phase", "decod", status=2, says=["there is no entry 'decod'", "decode?"])
    refused(
        "tune", planned, "--dry-run", "--kernel", "gate", status=2, says=["no call of a kernel 'gate' has candidates"]
    )
    refused("tune", planned, "--dry-run", "--target", "cpu", status=2, says=["nothing launches kernels on cpu"])
    refused("tune", planned, "--dry-run", "--repeat", "0", status=2, says=["no number of at least 1"])
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(UsageError, match=r"empty.toml: key 'device' is missing"):
        Book(tmp_path / "empty.toml", DEVICE.name, session())


def test_the_whole_command_on_a_made_up_device(planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, opened = Clock(), list[int]()

    def compile_candidates(wanted: Sequence[Variant], *_: object, **__: object) -> tuple[Any, Any]:
        spilling = {variant: "24 bytes spilled" for variant in wanted if variant.language == "gluon"}
        return {variant: SimpleNamespace(toolkit="13.0") for variant in wanted if variant not in spilling}, spilling

    def open_device(folder: Path, compiled: Sequence[object], rounds: int) -> tuple[Device, Meter]:
        opened.append(rounds)
        return replace(DEVICE, name="A Device (2)"), meter(Made(clock), clock, rounds=rounds)

    monkeypatch.setattr(tune, "check_machine", lambda target: None)
    monkeypatch.setattr("dsv3c.backends.triton.compilation.aot.compile_candidates", compile_candidates)
    monkeypatch.setattr(tune, "open_device", open_device)
    monkeypatch.chdir(tmp_path)
    done = dsv3c("tune", planned, "--kernel", "linear", "--phase", "decode", "--repeat", "2")
    assert done.status == 0, done
    assert opened == [2]
    assert "note: A Device (2) is no device of target h800" in done.err
    assert slug("A Device (2)") == "a-device-2"
    table = read_table(tmp_path / "tuned-a-device-2.toml")
    assert {row.kernel for row in table.rows} == {"linear.linear"} and table.sessions[0].repeat == 2
    assert why_not_used(DEVICE, H800) is None
    unused = dsv3c("compile", planned, "--emit", "kernels", "--tuned", "tuned-a-device-2.toml", "-o", "lowered.mlir")
    assert unused.status == 0, unused
    assert "warning: --tuned tuned-a-device-2.toml: nothing of it is used: measured on A Device (2);" in unused.err
