"""The emulator of Gluon kernels computes what they say, and finds what is wrong with their protocol."""

import sys

import emulated_kernels as kernels
import pytest
import torch

from dsv3c.backends.triton.gluon_emulation.errors import Deadlock, EmulationError, Race, Unknown
from dsv3c.backends.triton.gluon_emulation.launch import emulate
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.runtime.gpu import Argument, Descriptor

SEEDS = range(6)


def copied(fault: str, *, rows: int = 24, columns: int = 80, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, columns)
    y = torch.full_like(x, torch.nan)
    boxes = {"x_desc": Descriptor(x, (16, 32)), "y_desc": Descriptor(y, (16, 32))}
    grid = (-(-rows // 16), 1, 1)
    emulate(kernels.copy_kernel, grid, {**boxes, "columns": columns}, {"FAULT": fault}, seed=seed)
    return x, y


def multiplied(
    fault: str, *, k: int = 512, stages: int = 3, seed: int = 0, dtype: torch.dtype = torch.float8_e4m3fn
) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = torch.randn(128, k).to(dtype), torch.randn(64, k).to(dtype)
    y = torch.full((128, 64), torch.nan)
    block = 128 // dtype.itemsize
    arguments = {"a_desc": Descriptor(a, (128, block)), "b_desc": Descriptor(b, (64, block)), "y_ptr": y, "K": k}
    emulate(kernels.ring_kernel, (1, 1, 1), arguments, {"STAGES": stages, "FAULT": fault}, seed=seed)
    return a.float() @ b.float().T, y


def handed_over(fault: str, seed: int) -> torch.Tensor:
    numbers = torch.arange(256.0)
    emulate(kernels.handover_kernel, (1, 1, 1), {"numbers_ptr": numbers}, {"FAULT": fault}, seed=seed)
    return numbers


def normalised(fault: str, columns: int = 100) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(3, columns).to(torch.bfloat16)
    y = torch.full((3,), torch.nan, dtype=torch.bfloat16)
    arguments = {"x_ptr": x, "y_ptr": y, "rows": 3, "columns": columns}
    emulate(kernels.rows_kernel, (3, 1, 1), arguments, {"FAULT": fault})
    return x, y


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_are_copied_and_what_is_outside_is_left_alone(seed: int) -> None:
    x, y = copied("", seed=seed)
    assert torch.equal(x, y)


def test_boxes_outside_of_a_tensor_are_zero_and_are_not_stored() -> None:
    memory = torch.full((32, 160), 7.0)
    x, y = memory[:20, :36], torch.full((32, 160), -1.0)
    arguments = {"x_desc": Descriptor(x, (16, 32)), "y_desc": Descriptor(y[:, :64], (16, 32)), "columns": 64}
    emulate(kernels.copy_kernel, (2, 1, 1), arguments, {"FAULT": ""})
    expected = torch.full((32, 160), -1.0)
    expected[:, :64] = 0.0
    expected[:20, :36] = 7.0
    assert torch.equal(y, expected)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_ring_multiplies_in_every_order(seed: int, dtype: torch.dtype) -> None:
    expected, y = multiplied("", seed=seed, dtype=dtype)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_one_partition_stores_the_other_reads(seed: int) -> None:
    numbers = handed_over("", seed)
    assert torch.equal(numbers[128:], 2 * numbers[:128] + 1)


def test_rows_are_masked_and_reduced() -> None:
    x, y = normalised("")
    wide = x.float()
    expected = torch.exp2(wide - wide.amax(1, keepdim=True)).sum(1).to(torch.bfloat16)
    assert torch.equal(y, expected)


def test_numbers_are_those_of_the_hardware() -> None:
    x = torch.tensor([1.97, 465.0, -torch.inf, 0.0001])
    i, f = torch.zeros(5, dtype=torch.int32), torch.zeros(4)
    emulate(kernels.arithmetic_kernel, (1, 1, 1), {"n": -7, "x_ptr": x, "i_ptr": i, "f_ptr": f}, {})
    wrapped = (-7 * 1000000007 + 2**31) % 2**32 - 2**31
    assert i.tolist() == [-3, -1, wrapped, 1 + 3, -7 - 2]
    assert f.tolist() == [2.0, 448.0, -448.0, 0.0]


def test_programs_run_at_a_time_and_take_turns() -> None:
    """Each takes numbers until there are none: all are taken once, and in some order by several programs."""
    takers = set[int]()
    for seed in range(4):
        taken, by = torch.zeros(1, dtype=torch.int32), torch.full((24,), -1, dtype=torch.int32)
        emulate(kernels.taking_kernel, (6, 1, 1), {"next_ptr": taken, "by_ptr": by, "count": 24}, {}, seed=seed)
        assert taken.item() == 24 + 6
        assert by.min() >= 0
        takers.add(len(set(by.tolist())))
    assert max(takers) > 2


# The protocol ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("no wait", Race, "box is read"),
        ("wrong phase", EmulationError, "box is read|deadlock: .*\n.* waits for parity 1 of barrier bar"),
        ("loaded twice", Race, "box is written while it is being loaded|box is written, but"),
        ("no fence", Race, "out was stored from registers: fence_async_shared is missing"),
        ("no wait for the store", Race, "out is written while a product or a store"),
        ("no wait at the end", EmulationError, "ended without tma_store_wait|before its copies"),
    ],
)
def test_faults_of_a_copy_are_found_in_every_order(fault: str, error: type[Exception], message: str, seed: int) -> None:
    with pytest.raises(error, match=message):
        copied(fault, seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        (
            "broken phase",
            Deadlock,
            r"producer\) of program .* waits for parity 0 of barrier empty\[0\] \(in phase 0: 0 of 2 ",
        ),
        ("missing wait", EmulationError, r"a\[\d\]\S* is (read|written)|deadlock"),
        ("released too early", Race, r"[ab]\[\d\] is written"),
        ("too few bytes", EmulationError, "is read while|waits for parity 0 of barrier full.*-128 bytes"),
        ("no wait for the product", EmulationError, "accumulator is used before warpgroup_mma_wait"),
        ("too many arrivals", EmulationError, r"for 2 arrivals; more came|[ab]\[\d\]\S* is (read|written)|deadlock"),
    ],
)
def test_faults_of_a_ring_are_found_in_every_order(fault: str, error: type[Exception], message: str, seed: int) -> None:
    with pytest.raises(error, match=message):
        multiplied(fault, seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("fault", "message"),
    [("stored too early", "box is written|deadlock"), ("read too early", "box is (read|written)|deadlock")],
)
def test_partitions_that_do_not_wait_for_each_other_are_found(fault: str, message: str, seed: int) -> None:
    with pytest.raises(EmulationError, match=message):
        handed_over(fault, seed)


def test_some_order_shows_a_fault_as_what_it_is() -> None:
    """Which of its consequences comes first depends on the order: over a few of them, each is the first once."""
    found = set[str]()
    for seed in range(12):
        with pytest.raises(EmulationError) as caught:
            multiplied("missing wait", seed=seed)
        found.add(type(caught.value).__name__)
    assert found == {"Race", "Deadlock"}


def test_an_error_names_the_partition_the_program_and_the_seed() -> None:
    with pytest.raises(Race) as caught:
        multiplied("missing wait", seed=0)
    notes = " ".join(caught.value.__notes__)
    assert "in partition 2 (the_producer) of program (0, 0, 0)" in notes
    assert "in ring_kernel, seed 0" in notes


# Memory, layouts, names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("no mask", EmulationError, "an access at element 327 of a tensor of shape .3, 100"),
        ("assert", EmulationError, "static_assert: as asked"),
        ("unknown", Unknown, "the emulator does not know .*associative_scan"),
        ("layout", EmulationError, "layouts differ"),
        ("arguments", EmulationError, "consumer: missing a required argument: 'a_ring'"),
        ("constant", EmulationError, "consumer: HALF is a constant; it was passed"),
        ("expand", EmulationError, "a new dim needs a SliceLayout"),
    ],
)
def test_what_is_not_possible_is_an_error(fault: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        normalised(fault, 100)


def test_lanes_behind_a_mask_are_poison() -> None:
    _, y = normalised("no other")
    assert bool(y.isnan().all())


def test_a_tensor_that_the_copy_engine_cannot_read_is_an_error() -> None:
    x = torch.zeros(32, 33)
    with pytest.raises(EmulationError, match="x_desc: strides"):
        emulate(kernels.copy_kernel, (1, 1, 1), {"x_desc": Descriptor(x, (16, 32)), "y_desc": None, "columns": 32}, {})


def test_a_program_has_so_much_shared_memory_and_no_more() -> None:
    with pytest.raises(EmulationError, match="bytes of shared memory, of 232448"):
        multiplied("", stages=10)


# Through the interface of launchers -----------------------------------------------------------------------------------


def test_launches_that_ask_for_gluon_are_emulated_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    others = list[str]()
    monkeypatch.setitem(sys.modules, "dsv3c.backends.triton.gluon.emulated_kernels", kernels)
    monkeypatch.setattr(InterpreterGpu, "launch", lambda self, kernel, *given: others.append(kernel))
    gpu, y = GluonInterpreterGpu(seed=1), torch.zeros(3, dtype=torch.bfloat16)
    arguments: dict[str, Argument] = {"x_ptr": torch.zeros(3, 100), "y_ptr": y, "rows": 3, "columns": 100}
    config = {"num_warps": 4, "num_stages": 1}
    gpu.launch("emulated_kernels.rows_kernel", (3, 1, 1), arguments, {"FAULT": ""}, config)
    assert (others, gpu.emulated, y.tolist()) == (["emulated_kernels.rows_kernel"], 0, [0.0] * 3)
    gpu.launch("emulated_kernels.rows_kernel", (3, 1, 1), arguments, {"FAULT": ""}, {**config, "gluon": 1})
    assert (len(others), gpu.emulated, y.tolist()) == (1, 1, [100.0] * 3)


@pytest.mark.parametrize("change", [{"rows": None}, {"more": 1}, {"FAULT": 0}])
def test_arguments_are_those_of_the_kernel(change: dict[str, int | None]) -> None:
    x, y = torch.zeros(3, 100), torch.zeros(3, dtype=torch.bfloat16)
    given = {"x_ptr": x, "y_ptr": y, "rows": 3, "columns": 100, **change}
    if change.get("rows", 0) is None:
        del given["rows"]
    with pytest.raises(EmulationError, match="rows_kernel was launched without"):
        emulate(kernels.rows_kernel, (3, 1, 1), given, {"FAULT": ""})
