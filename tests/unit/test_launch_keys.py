"""Keys of launches: equal only for launches of one binary."""

import ctypes
import hashlib
import random
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_cuda import FakeCuda
from torch import Tensor

from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.gpu import POINTERS, Argument, Constant, Descriptor, Static, variant_of
from dsv3c.backends.triton.runtime.launch_keys import Key, split
from dsv3c.backends.triton.runtime.records import GpuError, KernelRecord, Kernels, kernels_text

MEMORY = torch.zeros(1 << 14, dtype=torch.uint8)
Launch = tuple[str, Mapping[str, Argument], Mapping[str, Constant], Mapping[str, int]]


def tensor(sizes: tuple[int, ...], dtype: torch.dtype = torch.bfloat16, start: int = 0, row: int = 0) -> Tensor:
    """In one memory, from a byte; ``row``: elements from row to row."""
    memory = MEMORY[start : start + (MEMORY.numel() - start) // 16 * 16].view(dtype)
    return memory.as_strided(sizes, (row or sizes[-1], 1)[-len(sizes) :])


X, Y, BIAS = tensor((8, 64)), tensor((8, 64), torch.float32), tensor((64,), torch.float32)
ARGUMENTS: dict[str, Argument] = {
    **{"x_ptr": X, "y_ptr": Descriptor(Y, (4, 32)), "bias_ptr": BIAS, "residual_ptr": None},
    **{"eps": 0.5, "rows": 8, "columns": Static(64)},
}
CONSTANTS: dict[str, Constant] = {"BLOCK": 1, "EPS": 0.0, "EVEN": True, "ORDER": "slot"}
PLAIN = {"num_warps": 4, "num_stages": 2, "block_m": 16}
GLUON = PLAIN | {"gluon": 1}


def key(launch: Launch) -> Key:
    return split(*launch)[0]


def launches(config: Mapping[str, int]) -> dict[str, Launch]:
    """One launch, and others that need another binary, each for one reason."""

    def given(**changed: Argument) -> Launch:
        return "norm.norm_kernel", ARGUMENTS | changed, CONSTANTS, config

    def constant(**changed: Constant) -> Launch:
        return "norm.norm_kernel", ARGUMENTS, CONSTANTS | changed, config

    def configured(**changed: int) -> Launch:
        return "norm.norm_kernel", ARGUMENTS, CONSTANTS, {**config, **changed}

    found = {
        "as it is": given(),
        "kernel": ("norm.other_kernel", ARGUMENTS, CONSTANTS, config),
        "element type": given(x_ptr=tensor((8, 64), torch.float16)),
        "element type of one size": given(x_ptr=tensor((8, 64), torch.int16)),
        "alignment of a pointer": given(x_ptr=tensor((8, 64), start=2)),
        "alignment of a vector": given(bias_ptr=tensor((64,), torch.float32, start=4)),
        "alignment of a vector, and of x": given(
            x_ptr=tensor((8, 64), start=2), bias_ptr=tensor((64,), torch.float32, start=4)
        ),
        "rows that are not aligned": given(x_ptr=tensor((8, 64), torch.int8, row=65)),
        "an absent pointer": given(bias_ptr=None),
        "a pointer that was absent": given(residual_ptr=X),
        "element type of a descriptor": given(y_ptr=Descriptor(X, (4, 32))),
        "a size of the program": given(columns=Static(65)),
        "a number's type": given(rows=8.0),
        "an argument's name": ("norm.norm_kernel", {**ARGUMENTS, "other": 8}, CONSTANTS, config),
        "arguments' order": ("norm.norm_kernel", dict(reversed(ARGUMENTS.items())), CONSTANTS, config),
        "a constant": constant(BLOCK=2),
        "a constant's name": ("norm.norm_kernel", ARGUMENTS, {**CONSTANTS, "OTHER": 1}, config),
        "1 or 1.0": constant(BLOCK=1.0),
        "1 or true": constant(EVEN=1),
        "true or 1": constant(BLOCK=True),
        "0.0 or -0.0": constant(EPS=-0.0),
        "a number or its text": constant(BLOCK="1"),
        "warps": configured(num_warps=8),
        "stages": configured(num_stages=3),
        "language": configured(gluon=1 - config.get("gluon", 0)),
    }
    if config.get("gluon", 0):
        found |= {
            "block of a descriptor": given(y_ptr=Descriptor(Y, (8, 32))),
            "swizzle of a descriptor": given(y_ptr=Descriptor(Y, (4, 32), 0)),
            "another swizzle": given(y_ptr=Descriptor(Y, (4, 32), 64)),
            "a descriptor or its tensor": given(y_ptr=Y),
        }
    else:
        found["alignment of a described tensor"] = given(y_ptr=Descriptor(tensor((8, 64), torch.float32, 4), (4, 32)))
    return found


@pytest.mark.parametrize("config", [PLAIN, GLUON])
def test_whatever_needs_another_binary_has_another_key(config: Mapping[str, int]) -> None:
    found = launches(config)
    for (one, left), (other, right) in combinations(found.items(), 2):
        assert variant_of(*left).key != variant_of(*right).key, f"{one}, {other}: the test's own launches are alike"
        assert key(left) != key(right), f"{one}, {other}"


def test_what_changes_from_step_to_step_is_in_no_key() -> None:
    for config in (PLAIN, GLUON):
        launch = ("norm.norm_kernel", ARGUMENTS, CONSTANTS, config)
        changed = ARGUMENTS | {
            **{"x_ptr": tensor((5, 64), start=1024, row=128), "y_ptr": Descriptor(Y[2:], (4, 32)), "rows": 5},
            **{"eps": 0.25, "columns": Static(4096)},
        }
        assert key(launch) == key(("norm.norm_kernel", changed, CONSTANTS, {**config, "up_to": 64}))
        assert variant_of(*launch) == variant_of("norm.norm_kernel", changed, CONSTANTS, config)


def some_launch(chance: random.Random) -> Launch:
    """Any launch of few kinds, so that some are alike."""

    def some_tensor() -> Tensor:
        size = chance.choice([(64,), (8, 64), (8, 60)])
        dtype = chance.choice([torch.bfloat16, torch.float32, torch.int32, torch.float8_e4m3fn])
        return tensor(size, dtype, start=chance.choice([0, 0, 16, 4]), row=chance.choice([0, 72, 80]))

    arguments = dict[str, Argument]()
    for name in ("a_ptr", "b_ptr")[: chance.choice([1, 2])]:
        arguments[name] = chance.choice([some_tensor(), None, 3, 3.0, Static(3), Static(32)])
    if chance.random() < 0.5:
        arguments["c_ptr"] = Descriptor(tensor((8, 64)), chance.choice([(4, 32), (8, 32)]), chance.choice([None, 0]))
    constants: dict[str, Constant] = {"A": chance.choice([0, 0.0, -0.0, False, "0"])}
    return "a.b", arguments, constants, chance.choice([PLAIN, GLUON])


def test_launches_with_equal_keys_are_of_one_variant() -> None:
    chance, texts = random.Random(0), dict[Key, str]()
    alike = 0
    for _ in range(3000):
        launch = some_launch(chance)
        found = key(launch)
        alike += found in texts
        text = repr(variant_of(*launch))
        assert texts.setdefault(found, text) == text
    assert alike > 500
    assert len(set(texts.values())) > 200


def test_every_type_has_a_key_of_its_own() -> None:
    keys = [key(("a.b", {"x_ptr": torch.zeros(16, dtype=dtype)}, {}, PLAIN)) for dtype in POINTERS]
    assert len(set(keys)) == len(POINTERS)


def loaded(path: Path, arguments: Mapping[str, Argument], abi: tuple[tuple[str, str], ...]) -> Any:
    """A device with one kernel, compiled for these arguments."""
    variant = variant_of("norm.norm_kernel", arguments, {}, PLAIN)
    digest = hashlib.sha256(b"binary").hexdigest()
    record = KernelRecord(variant.key, variant.kernel, "norm.cubin", digest, "norm_kernel", abi, {}, 4, 0)
    (path / "norm.cubin").write_bytes(b"binary")
    (path / "kernels.json").write_text(kernels_text(Kernels("sm_90a", "13.0", {variant.key: record})))
    gpu = CubinGpu(path, driver=FakeCuda(), stream=lambda: 77)
    gpu.device = torch.device("cpu")
    return gpu


def test_a_binary_that_takes_other_parameters_is_refused(tmp_path: Path) -> None:
    gpu = loaded(tmp_path, {"x": X, "rows": 3}, (("x", "*bf16"), ("columns", "i32")))
    with pytest.raises(GpuError, match=r"norm_kernel takes x, columns; it is given x, rows"):
        gpu.launch("norm.norm_kernel", (1, 1, 1), {"x": X, "rows": 3}, {}, PLAIN)


def test_a_binary_may_take_them_in_another_order(tmp_path: Path) -> None:
    """A kernel in Gluon has a descriptor that may be absent behind all others."""
    gpu = loaded(tmp_path, {"x": X, "rows": 3}, (("rows", "i32"), ("x", "*bf16")))
    gpu.driver.parameters["norm_kernel"] = [ctypes.c_int, ctypes.c_void_p]
    gpu.load_all()
    for rows in (3, 4):
        gpu.launch("norm.norm_kernel", (1, 1, 1), {"x": X, "rows": rows}, {}, PLAIN)
    assert [launch["values"] for launch in gpu.driver.launched] == [[3, X.data_ptr()], [4, X.data_ptr()]]


def test_a_number_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    gpu = loaded(tmp_path, {"x": X, "rows": 3}, (("x", "*bf16"), ("rows", "i32")))
    with pytest.raises(ValueError, match=r"norm_kernel cannot be given \(\d+, 2147483648\)"):
        gpu.launch("norm.norm_kernel", (1, 1, 1), {"x": X, "rows": 1 << 31}, {}, PLAIN)
    assert not gpu.driver.launched
