"""The harness of measurements on Hopper, without a GPU: what it checks, counts, writes, and survives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.hopper import imports, wheels
from benchmarks.hopper.budget import USUAL, Budget, ordered, selected
from benchmarks.hopper.case import Case, Peer, Problem
from benchmarks.hopper.cases_gemm import dense
from benchmarks.hopper.catalogue import every_case, small_cases
from benchmarks.hopper.checks import ATTENTION, BITWISE, GEMM, compare, compare_rows
from benchmarks.hopper.data import Place, dequantized, num_bytes, poison, quantize
from benchmarks.hopper.kernels import Noting, compile_plan, each_or_why, planned
from benchmarks.hopper.measure import Session, measure
from benchmarks.hopper.smoke import smoke
from benchmarks.hopper.timing import QUICK, Limits, Timing, interleaved
from dsv3c.backends.triton.compilation.aot import CompileError
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.runtime.gpu import Descriptor
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import load_target

H100 = load_target("h100")
CPU = Place(torch.device("cpu"), H100, 8)


# --- checks


def test_every_kind_of_case_is_right_at_small_sizes() -> None:
    lines = list[str]()
    assert smoke(told=lines.append) == 0, lines
    families = {case.family for case in every_case()} - {"layer"}
    assert {line.partition("/")[0] for line in lines[:-1]} == families
    assert "nothing was timed" in lines[-1]


def test_a_kernel_that_writes_nothing_fails() -> None:
    lines = list[str]()
    case = dense(3, 192, 256)

    class Idle(InterpreterGpu):
        def launch(self, *_: Any, **__: Any) -> None:
            pass

    entry = measure(case, session(Idle()))
    assert "not finite" in entry["ours"]["chosen"]["checks"][0]["error"]
    assert smoke([replace(case, build=wrong(case))], told=lines.append) == 1
    assert any(line.startswith("FAILED gemm/3x192x256 chosen: y: calc_diff") for line in lines)


def test_other_bits_in_another_run_fail() -> None:
    class Drifting(InterpreterGpu):
        runs = 0

        def launch(self, kernel: str, grid: Any, arguments: Any, constants: Any, config: Any) -> None:
            super().launch(kernel, grid, arguments, constants, config)
            self.runs += 1
            y = arguments["y_ptr"]
            (y.tensor if isinstance(y, Descriptor) else y).view(torch.int16)[0, 0] += self.runs

    found = measure(dense(3, 192, 256), session(Drifting()))["ours"]["chosen"]
    assert "other bits of y" in found["error"]


def wrong(case: Case) -> Callable[[Place], Problem]:
    """The case with one element expected to be another."""

    def build(place: Place) -> Problem:
        problem = case.build(place)
        expected = problem.expected

        def changed() -> Mapping[str, Any]:
            return {name: value + 10 * value.abs().max() for name, value in expected().items()}

        problem.expected = changed
        return problem

    return build


def session(gpu: Any, clock: Any = None) -> Session:
    return Session(CPU, gpu, clock, QUICK, {}, with_peers=clock is not None)


def test_metrics() -> None:
    y = torch.tensor([1.0, -2.0, 3.0, 0.0])
    same = compare(y.bfloat16(), y.bfloat16())
    assert (same.calc_diff, same.relative, same.differing, same.ulps, same.not_finite) == (0, 0, 0, 0, 0)
    x = torch.tensor([1.0, -2.0, 3.5, 0.0])
    found = compare(x, y.double())
    dot, squares = float(x @ y), float(x @ x + y @ y)
    assert found.calc_diff == pytest.approx(1 - 2 * dot / squares)
    assert found.relative == pytest.approx(0.5 / (3 + float(y.square().mean().sqrt())))
    assert found.ulps is None and found.why_wrong(GEMM) is not None
    near = compare(torch.tensor([1.0, -1.0]).bfloat16(), torch.tensor([1.0078125, -0.99609375]).bfloat16())
    assert (near.ulps, near.differing) == (1, 1.0)
    assert compare(torch.tensor([-0.0]), torch.tensor([0.0])).why_wrong(BITWISE) is not None


def test_what_was_never_written_is_wrong() -> None:
    x = torch.ones(4, 4, dtype=torch.bfloat16)
    poison(x)
    assert bool(x.isnan().all())
    assert "16 elements are not finite" in str(compare(x, torch.ones(4, 4)).why_wrong(ATTENTION))
    assert compare(torch.full((2,), torch.inf), torch.full((2,), torch.inf)).not_finite == 0


def test_where_nan_is_expected_any_finite_number_is_right() -> None:
    expected = torch.tensor([1.0, torch.nan, 2.0])
    assert compare(torch.tensor([1.0, 7.0, 2.0]), expected).why_wrong(BITWISE) is None
    assert "1 elements are not finite" in str(compare(torch.tensor([1.0, torch.nan, 2.0]), expected).why_wrong(GEMM))


def test_rows_that_may_hold_anything_are_left_out() -> None:
    found, expected = torch.randn(3, 4), torch.full((3, 4), torch.nan)
    held = torch.tensor([True, False, True])
    expected[held] = found[held]
    found[1] = torch.nan
    assert compare_rows(found, expected, held).why_wrong(BITWISE) is None
    assert "4 elements are not finite" in str(compare_rows(found, expected, None).why_wrong(BITWISE))
    found[2, 3] += 1
    assert "calc_diff" in str(compare_rows(found, expected, held).why_wrong(BITWISE))


def test_operands_are_quantised_for_real() -> None:
    x = CPU.activation(40, 300)
    q = CPU.quantized(x, (1, 128), "mn_major")
    assert q.scale.stride() == (1, 40) and q.scale.shape == (40, 3)
    assert float(((dequantized(q) - x.double()).abs() / x.double().abs().clamp(min=1e-2)).max()) < 0.07
    rows = x.float().abs().amax(1)
    assert float(rows[17]) > 20 * float(rows[16])
    data, scale = quantize(x[:5], (128, 128))
    assert data.shape == (5, 300) and scale.shape == (1, 3)
    assert num_bytes({"q": q, "again": q.data}) == 40 * 300 + 4 * 40 * 3


def test_kernels_are_known_without_data() -> None:
    """What is compiled from tensors without data is what a run asks for."""
    cases = list(small_cases())[:6]
    plan = planned(cases, CPU)
    assert not plan.missing
    for case in cases:
        problem = case.build(CPU)
        for form in problem.calls:
            if (key := f"{case.name} {form}") in plan.same:
                assert plan.same[key] in problem.calls
                continue
            gpu = Noting(CPU)
            problem.launch(gpu, form, CPU)
            assert {variant.key for variant in gpu.variants} == {*plan.needs[case.name, form]}


def test_kernels_that_cannot_be_compiled_are_left_out(tmp_path: Path) -> None:
    plan = planned([dense(3, 192, 256), dense(200, 256, 256)], CPU)
    bad = next(iter(plan.variants))

    def compile_all(variants: Sequence[Any], target: Any) -> list[Any]:
        if bad in variants:
            raise CompileError(f"1 of 1 kernels cannot be used on h100:\n    {bad.kernel}: 12 bytes spilled")
        raise CompileError("1 kernels cannot be used:\n    also broken")

    found = dict(each_or_why(list(plan.variants), H100, compile_all))
    assert found[bad] == f"{bad.kernel}: 12 bytes spilled"
    compile_plan(plan, H100, tmp_path / "kernels", compile_all)
    assert not (tmp_path / "kernels").exists()
    assert all("spilled" in why or why == "also broken" for why in plan.missing.values()) and plan.missing


# --- peers


def test_an_absent_library_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No module named 'no_such_library'" in imports.look_for("no_such_library").why_not
    (tmp_path / "broken_library.py").write_text("raise OSError('libcudart.so.13: cannot open\\nmore')\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = imports.look_for("broken_library")
    assert found.why_not == "OSError: libcudart.so.13: cannot open"
    assert found.as_json() == {"name": "broken_library", "why_not": found.why_not}
    assert imports.look_for("torch").version.startswith("2.")


class Ticks:
    """A clock whose marks are counted: a run takes what it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.flushed = 0
        self.led = list[float]()

    def flush(self) -> None:
        self.flushed += 1

    def lead(self, seconds: float) -> None:
        self.led.append(seconds)

    def mark(self) -> float:
        return self.now

    def seconds(self, first: float, last: float) -> float:
        return last - first

    def finish(self) -> None:
        pass

    def run(self, *seconds: float) -> Callable[[], None]:
        left = [seconds[-1]] * 4 + list(seconds)  # the first four warm up

        def run() -> None:
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_a_peer_that_raises_is_recorded_and_nothing_stops() -> None:
    clock = Ticks()
    case = replace(dense(3, 192, 256), is_small=False)

    def build(place: Place) -> Problem:
        problem = case.build(place)
        right = problem.expected()["y"]
        assert isinstance(right, Tensor)

        def absent() -> Peer:
            raise ModuleNotFoundError("No module named 'deep_gemm'")

        def fails() -> Peer:
            return Peer(lambda: (_ for _ in ()).throw(RuntimeError("CUDA error: invalid argument\nmore")))

        problem.peers = {
            "deep_gemm": absent,
            "fails": fails,
            "lies": lambda: Peer(lambda: 2 * right),
            "right": lambda: Peer(lambda: right),
        }
        return problem

    found = measure(replace(case, build=build), session(InterpreterGpu(), clock))
    errors = {name: peer["error"] for name, peer in found["peers"].items()}
    assert errors["deep_gemm"] == "ModuleNotFoundError: No module named 'deep_gemm'"
    assert errors["fails"] == "RuntimeError: CUDA error: invalid argument"
    assert found["peers"]["lies"]["timing"] is None and "calc_diff" in found["peers"]["lies"]["checks"][0]["error"]
    assert found["peers"]["right"]["timing"]["runs"] >= QUICK.least
    assert found["ours"]["chosen"]["timing"]["runs"] == found["peers"]["right"]["timing"]["runs"]


# --- times


def test_runs_take_turns_behind_a_flushed_cache() -> None:
    clock, order = Ticks(), list[str]()
    runs = {"a": clock.run(3, 1, 2), "b": clock.run(5, 9, 7)}

    def noted(name: str) -> Callable[[], None]:
        def run() -> None:
            order.append(name)
            runs[name]()

        return run

    found, errors = interleaved({name: noted(name) for name in runs}, clock, Limits(1e-9, 3, 3))
    assert found == {"a": Timing(2, 1, 3, 3), "b": Timing(7, 5, 9, 3)} and not errors
    assert "".join(order) == "aaaabbbb" + "ab" + "ab" + "ba"
    assert clock.flushed == 6


def test_what_raises_when_it_is_timed_has_no_time() -> None:
    clock = Ticks()

    def bad() -> None:
        raise ValueError("no such shape")

    found, errors = interleaved({"bad": bad, "good": clock.run(1)}, clock, Limits(1e-9, 2, 2))
    assert errors == {"bad": "ValueError: no such shape"} and found["good"].runs == 2
    assert interleaved({"bad": bad}, clock, Limits()) == ({}, errors)


def test_longer_runs_are_repeated_less() -> None:
    limits = Limits(1.0, 5, 50)
    assert [limits.rounds(seconds) for seconds in (1e-6, 0.05, 10.0)] == [50, 20, 5]


def test_timings_are_medians() -> None:
    assert Timing.of([3.0, 1.0, 2.0, 9.0]).as_json() == {"median": 2.5, "low": 1.0, "high": 9.0, "runs": 4}


# --- budget


def test_important_cases_come_first_in_turns_of_families() -> None:
    names = [case.name for case in ordered(every_case())]
    assert len(set(names)) == len(names)
    assert names[0].startswith("gemm/") and names[-1].split("/")[0] in ("gate", "rope_append", "unpermute")
    first = [name.split("/")[0] for name in names[14:22]]
    assert {"decode", "prefill", "layer"} <= set(first)


def test_a_budget_leaves_out_what_does_not_fit() -> None:
    times = iter([0.0, 0.0, 30.0, 59.0, 59.0])
    budget = Budget(60.0, lambda: next(times))
    case = dense(64, 128, 128)
    assert budget.expected(case) == USUAL
    assert budget.allows(case)  # at 0
    budget.took(case, 20.0)
    assert budget.allows(case)  # 30 + 20
    assert not budget.allows(case)  # 59 + 20
    assert budget.expected(replace(case, name="decode/1")) == 20.0
    assert budget.expected(replace(case, name="layer/1", usual=90.0)) == 90.0
    assert Budget(None, lambda: 1e9).allows(case)


def test_cases_are_chosen_by_family() -> None:
    cases = list(every_case())
    assert {case.family for case in selected(cases, "mla,wgrad")} == {"decode", "prefill", "wgrad"}
    assert [case.name for case in selected(cases, "gemm/64x2112")] == ["gemm/64x2112x7168"]
    with pytest.raises(UsageError, match="--only gem: there is no such case") as error:
        selected(cases, "gem")
    assert "did you mean gemm?" in error.value.hint


def test_wheels_of_peers_may_be_missing_ours_may_not(tmp_path: Path) -> None:
    asked = list[str]()

    def pip(missing: str) -> Callable[[Sequence[str]], int]:
        def run(arguments: Sequence[str]) -> int:
            asked.append(arguments[-1])
            return int(arguments[-1].startswith(missing))

        return run

    assert wheels.download(tmp_path / "wheels", "3.12", pip("tokenspeed")) == 0
    assert asked == [*wheels.OURS, *wheels.PEERS]
    assert wheels.download(tmp_path / "wheels", "3.12", pip("xdsl")) == 1
