"""``dsv3c tune``: what it would measure, and what it makes of a device whose times are made up."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from device_gpu import GEMM_F32 as DEVICE_GEMM_F32
from kernel_references import ATTENTION, GEMM_F32, GEMM_ROUNDED
from made_up_tuning import H800, KERNEL, KERNELS, Clock, Found, Made, found_in, meter, plan_tiny, some
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled, dequantize
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Descriptor
from dsv3c.backends.triton.tuning.tuned_choices import same_config
from dsv3c.ir.errors import UsageError
from dsv3c.measuring.stopwatch import HostClock
from dsv3c.measuring.tuning import cases_in, last_below
from dsv3c.measuring.tuning_data import NoData, Setting, filled, like, quantized
from dsv3c.measuring.tuning_meaning import meaning
from dsv3c.measuring.tuning_run import (
    DIFFERENCE,
    Left,
    Outcome,
    Site,
    Timed,
    empty_like,
    kind_of,
    relative_difference,
    sites_of,
)
from dsv3c.programs import read_program


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plan_tiny(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="module")
def found(planned: Path) -> Found:
    return found_in(planned)


def test_every_distinct_call_is_measured_at_the_bounds_that_its_rows_reach(found: Found) -> None:
    sites, cases = found
    assert len({site.case.key for site in sites}) == len(sites)
    assert set(KERNELS) == cases.keys()
    for site in sites:
        case = site.case
        assert case.op is not None and case.op.launcher.data == case.kernel
        assert case.rows >= 1 and (case.bound == 0 or case.rows <= case.bound)
        assert case.candidates and case.by_rule is not None, f"{case.kernel}: the rule takes a candidate"
        configs = [item.config for item in case.candidates]
        assert not any(same_config(a, b) for number, a in enumerate(configs) for b in configs[:number])
    last = {(case.rows, *case.sizes) for case in cases[KERNEL] if case.bound == 0}
    assert {rows for rows, *_ in last} == {4096, 16384}, "the most tokens of a step; many rows of a context"
    decode = [case for case in cases["absorbed_attention.absorbed_attention"] if 0 < case.bound <= 128]
    assert all(case.sizes["N"] == case.rows and case.query == 1 for case in decode), "a token per sequence"
    assert all(item.scratch["partial"].sizes[0] for case in decode for item in case.candidates)
    grouped = [
        case for case in cases["scaled_grouped_mm.scaled_grouped_mm"] if "contiguous" in case.shape["parameters"]
    ]
    assert all(case.rows <= case.bound or not case.bound for case in grouped)


def test_only_some_kernels_and_entries(found: Found, planned: Path) -> None:
    module = read_program(planned).module
    before = str(module)
    _, cases = cases_in(module, H800, kernels=["linear"], entries=["decode"])
    assert {case.kernel for case in cases} == {"linear.linear"}
    assert len(cases) < len(found[1]["linear.linear"])
    assert str(module) == before
    with pytest.raises(UsageError, match=r"no call of a kernel 'lineer' has candidates here") as error:
        cases_in(module, H800, kernels=["lineer"])
    assert "did you mean linear?" in str(error.value)


def test_layouts_are_those_of_the_program(found: Found) -> None:
    parts = [value for site in found[0] for value in site.given.values() if isinstance(value, Tensor)]
    views = [value for value in parts if not value.is_contiguous()]
    assert views, "a part of the rows of a product"
    for x in (views[0], torch.empty(8, 16, device="meta")[2:, 4:12]):
        copy = like(x, torch.device("cpu"))
        assert (copy.shape, copy.stride(), copy.storage_offset()) == (x.shape, x.stride(), x.storage_offset())
    (site,) = some(found[0], "head_linear.head_linear")
    (variant,) = site.variants(site.case.candidates[-1], 132, pdl=True)
    assert variant.kernel == "head_linear.head_linear_kernel"


def test_data_is_quantised_for_real(found: Found) -> None:
    (site,) = some(found[0])
    torch.manual_seed(0)
    given = filled(Setting(given=site.given, parameters={}), torch.device("cpu"))
    for name, granule in (("x", (1, 128)), ("w", (128, 128))):
        value, layout = given[name], site.given[name]
        assert isinstance(value, Scaled) and isinstance(layout, Scaled) and value.granule == granule
        assert value.scale.stride() == layout.scale.stride()
        numbers = dequantize(value, dtype=torch.float32)
        assert float(numbers.std()) == pytest.approx(1, rel=0.05)
        largest = value.data.float().abs().max()
        assert largest == 448, "the largest number of a block is the format's"
        assert value.scale.unique().numel() == value.scale.numel(), "every block has its own scale"
    whole = Scaled(torch.empty(8, 64, dtype=torch.float8_e4m3fn), torch.empty(1, 1), (0, 0))
    one = quantized(whole, torch.device("cpu"))
    assert float(dequantize(one, dtype=torch.float32).std()) == pytest.approx(1, rel=0.2)


def test_tables_are_those_of_a_step(found: Found) -> None:
    (site,) = [site for site in found[0] if site.case.kernel.startswith("absorbed") and site.case.bound == 4]
    given = filled(Setting(given=site.given, parameters={}), torch.device("cpu"))
    held, table = given["cache"], given["block_table"]
    assert isinstance(held, LatentCache) and isinstance(table, Tensor)
    assert table.unique().numel() == table.numel() and int(table.max()) < held.latent.shape[0]
    rows = table.shape[1] * held.latent.shape[1]
    expected = {"context_lens": [rows] * 4, "seq_offsets": [0, 1, 2, 3, 4], "positions": [rows - 1] * 4}
    for name, values in expected.items():
        value = given[name]
        assert isinstance(value, Tensor) and value.tolist() == values
    assert float(held.latent.float().std()) == pytest.approx(1, rel=0.05)
    with pytest.raises(NoData, match=r"no data is known for slots, a table of torch.int32"):
        filled(Setting(given={"slots": torch.zeros(4, dtype=torch.int32)}, parameters={}), torch.device("cpu"))


@pytest.mark.parametrize(("layout", "room"), [("contiguous", 1), ("masked", 4), ("dense", 1)])
def test_rows_of_experts_lie_as_their_layout_says(layout: str, room: int) -> None:
    alignment = 16 if layout == "contiguous" else 1
    rows = 4 * 15 + 128 if layout == "contiguous" else 256
    given = {"expert_of": torch.zeros(rows, dtype=torch.int32), "w": torch.zeros(4, 8, 8)}
    setting = Setting(given=given, parameters={"layout": layout, "alignment": alignment}, room=room)
    found = filled(setting, torch.device("cpu"))["expert_of"]
    assert isinstance(found, Tensor)
    counts = [int((found == expert).sum()) for expert in range(4)]
    if layout == "contiguous":
        assert sum(counts) == 128
        assert all(int((found == expert).nonzero()[0]) % 16 == 0 for expert in range(4) if counts[expert])
    else:
        assert sum(counts) == (64 if layout == "masked" else 256)
        for expert, part in enumerate(found.view(4, 64)):
            assert part.tolist() == [expert] * counts[expert] + [-1] * (64 - counts[expert])


def test_candidates_take_turns_and_the_fastest_is_kept(found: Found) -> None:
    (site,) = some(found[0])
    clock, flushed = Clock(), list[int]()
    gpu = Made(clock)
    outcome = meter(gpu, clock, flush=lambda: flushed.append(len(gpu.launched))).measure(site, [])
    count = len(site.case.candidates)
    assert not outcome.left and len(outcome.timed) == count
    runs = 5 * (count + 1)
    assert len(flushed) == runs, "before every run, and before the short kernel alone; two rounds do not count"
    assert clock.leads == 2 * runs, "the device waits for the launches, then runs the short kernel"
    first = [gpu.launched[count + turn * count] for turn in range(5)]
    assert not any(same_config(a, b) for a, b in pairwise(first)), "another goes first in every round"
    costs = [one.config["block_m"] + 10 * one.config["num_stages"] for one in outcome.timed]
    assert costs == sorted(costs)
    row = outcome.row("now")
    assert row is not None and row.us == (pytest.approx(costs[0]),) * 3 and row.candidates == count
    assert row.runner_up is not None and row.runner_up.us == pytest.approx(costs[1])
    assert (row.up_to, row.rows, row.measured_on) == (16, 16, "now")


def test_what_is_wrong_is_left_out_with_the_reason(found: Found) -> None:
    (site,) = some(found[0])
    clock = Clock()
    configs = [item.config for item in site.case.candidates]
    heights = list(dict.fromkeys(config["block_m"] for config in configs))
    assert len(heights) >= 3
    broken = Left(configs[0], "24 bytes spilled")
    gpu = Made(clock, others={heights[1]: "wrong", heights[2]: "nothing"})
    outcome = meter(gpu, clock).measure(site, [broken])
    reasons = {left.config["block_m"]: left.reason for left in outcome.left}
    assert "its result differs by 0.14 from what the call means" in reasons[heights[1]]
    assert reasons[heights[2]] == "its result is not finite, or not written everywhere"
    assert {left.config["block_m"] for left in outcome.left if left.wrong} == set(heights[1:3])
    assert any(left is broken for left in outcome.left)
    assert not any(config is configs[0] for config in gpu.launched)
    assert all(one.config["block_m"] not in heights[1:3] for one in outcome.timed)
    first = meter(Made(clock, others={heights[0]: "wrong"}), clock).measure(site, [])
    assert {left.config["block_m"] for left in first.left} == {heights[0]}, "the first is held to the meaning as others"
    assert {one.config["block_m"] for one in first.timed} == set(heights[1:])
    nothing = meter(Made(clock, others=dict.fromkeys(heights, "raises")), clock).measure(site, [])
    assert not nothing.timed and nothing.row("now") is None
    assert {left.reason for left in nothing.left} == {"cannot be launched: no such kernel"}
    assert not any(left.wrong for left in nothing.left)

    def too_large(*_: object) -> dict[str, Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    unknown = meter(Made(clock), clock, means=too_large).measure(site, [])
    assert {left.reason for left in unknown.left} == {"what the call means cannot be computed: CUDA out of memory"}
    assert not unknown.timed and not any(left.wrong for left in unknown.left)
    full = replace(meter(gpu, clock), free_bytes=lambda: 1000)
    assert "1e-06" not in (reason := full.measure(site, []).left[0].reason) and "are free on the device" in reason


@pytest.mark.parametrize("kernel", KERNELS)
def test_real_kernels_compute_what_their_calls_mean(kernel: str, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Triton's interpreter, at small sizes."""
    monkeypatch.setattr("dsv3c.measuring.tuning_run.WARM_UP", 0)
    case = next(one for one in found[1][kernel] if "contiguous" not in one.shape["parameters"])
    ours = [item for item in case.candidates if not item.config.get("gluon", 0)]
    sizes = case.sizes | {"T": 3, "N": 2, "P": 2, "C": 8, "pages": 4}
    case = replace(case, candidates=[ours[0], ours[-1]], sizes=sizes)
    assert case.op is not None
    module = case.op.get_toplevel_object()
    assert isinstance(module, ModuleOp)
    (site,) = sites_of(module, [case], 132)
    torch.manual_seed(0)
    outcome = meter(InterpreterGpu(), HostClock(), rounds=1, means=meaning).measure(site, [])
    assert not outcome.left, outcome.left
    assert len(outcome.timed) == 2
    data = filled(Setting(given=site.given, parameters=site.op.parameters.as_dict()), torch.device("cpu"))
    results = {name: empty_like(value, torch.device("cpu")) for name, value in site.written.items()}
    for item in case.candidates:
        for pdl in (True, False):
            gpu = RecordingGpu(132, pdl=pdl)
            site.launch(gpu, item, data, results, torch.device("cpu"))()
            assert gpu.variants == site.variants(item, 132, pdl=pdl), "what is launched is what was compiled"


class Computed(RecordingGpu):
    """Writes what a call means, changed."""

    def __init__(self, site: Site, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__(132)
        self.site, self.change = site, change

    def launch(self, *launch: Any) -> None:
        torch.manual_seed(0)
        op, device = self.site.op, torch.device("cpu")
        setting = Setting(given=self.site.given, parameters=op.parameters.as_dict(), room=self.site.case.room)
        (right,) = meaning(op, filled(setting, device), device).values()
        assert isinstance(right, Tensor)
        output = launch[2].get("y_ptr", launch[2].get("o_ptr"))
        output = output.tensor if isinstance(output, Descriptor) else output
        output.copy_(self.change(right).reshape(output.shape))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_that_computes_something_else_is_left_out(kernel: str, found: Found) -> None:
    """The first plain one as any other: all with another sign, and a row that is not written."""
    case = next(one for one in found[1][kernel] if "contiguous" not in one.shape["parameters"])
    sizes = case.sizes | {"T": 3, "N": 2, "P": 2, "C": 8, "pages": 4}
    assert case.op is not None
    module = case.op.get_toplevel_object()
    assert isinstance(module, ModuleOp)
    (site,) = sites_of(module, [replace(case, candidates=case.candidates[:1], sizes=sizes)], 132)

    def reason(change: Callable[[Tensor], Tensor]) -> str | None:
        torch.manual_seed(0)
        outcome = meter(Computed(site, change), HostClock(), rounds=1, means=meaning).measure(site, [])
        assert len(outcome.timed) + len(outcome.left) == 1 and all(left.wrong for left in outcome.left)
        return outcome.left[0].reason.partition(",")[0] if outcome.left else None

    assert reason(lambda y: y) is None
    assert reason(lambda y: -y) == "its result differs by 2 from what the call means"
    assert reason(lambda y: y.index_fill(0, torch.tensor([1]), torch.nan)) == "its result is not finite"


def test_results_may_differ_as_in_the_tests_of_kernels() -> None:
    limits = {"attention": ATTENTION, "f32": GEMM_F32, "scaled f32": DEVICE_GEMM_F32, "rounded": GEMM_ROUNDED}
    assert limits == DIFFERENCE


@pytest.mark.parametrize(
    ("kernel", "dtype", "kind"),
    [
        ("absorbed_attention.attend", torch.float32, "attention"),
        ("linear.linear", torch.float32, "f32"),
        ("linear.linear", torch.bfloat16, "rounded"),
        ("scaled_mm.mm", torch.float32, "scaled f32"),
        ("wgrad_mm.wgrad", torch.float32, "scaled f32"),
        ("scaled_grouped_mm.grouped_mm", torch.bfloat16, "rounded"),
    ],
)
def test_what_a_result_may_differ_by_follows_its_arithmetic(kernel: str, dtype: torch.dtype, kind: str) -> None:
    assert kind_of(kernel, torch.empty(1, dtype=dtype)) == kind


def test_results_are_compared_in_f64() -> None:
    x = torch.randn(100, 7)
    assert relative_difference(x, x) == pytest.approx(0, abs=1e-12)
    assert relative_difference(x, -x) == pytest.approx(2)
    assert relative_difference(torch.zeros(3, 3), torch.zeros(3, 3)) == 0


def test_the_largest_number_of_which_something_holds() -> None:
    for most in (None, 100, 5, 1):
        limit = 7 if most is None else min(7, most)
        assert last_below(lambda value: value <= 7, most) == limit
    assert last_below(lambda value: False, None) == 1
    assert last_below(lambda value: True, 4096) == 4096


def test_times_of_an_outcome() -> None:
    one = Timed({"num_warps": 4}, (3e-6, 1e-6, 2e-6))
    assert one.us == (pytest.approx(1), pytest.approx(2), pytest.approx(3))
    assert isinstance(Outcome(None, (one,), ()), Outcome)  # pyright: ignore[reportArgumentType]
