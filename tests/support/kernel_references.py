"""What every launcher must compute: its keywords in, the expected outputs and how exact they must be out.

Each ``kernel_references_*.py`` beside this file brings ``REFERENCES``: launcher (``file.function``) -> ``Reference``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.placing import rows_by_number
from dsv3c.backends.reference.meanings.scaled import Scaled

Value = Tensor | Scaled | LatentCache
Held = Callable[[Mapping[str, Any], Mapping[str, Value]], Mapping[str, Tensor]]
"""(keywords, expected outputs) -> output whose other rows are unspecified -> [M], which of its rows are specified."""
ATTENTION, GEMM_F32, GEMM_ROUNDED = 5e-6, 3e-8, 3e-6
"""Largest ``calc_diff`` of attention, and of matrix products into f32 and into a rounded type."""


def all_rows(keywords: Mapping[str, Any], expected: Mapping[str, Value]) -> Mapping[str, Tensor]:
    """No row is unspecified."""
    return {}


@dataclass(frozen=True)
class Reference:
    """``expected(**keywords) -> {output keyword: value}`` of a launcher, and how its outputs are judged."""

    expected: Callable[..., Mapping[str, Value]]
    policy: str
    """``bitwise``, ``gemm``, ``attention``, ``f32`` (within 2 units in the last place of the output's type), or
    ``rounded`` (see ``check_rounded``)."""
    sized: bool = False
    """Whether ``expected`` is given the outputs too, as ``outputs``: it may read their sizes and nothing else."""
    held: Held = all_rows
    """Asked of rows of experts: what is in padding rows does not matter where they are skipped."""


@cache
def references() -> dict[str, Reference]:
    """Every reference, by launcher."""
    found = dict[str, Reference]()
    for file in sorted(Path(__file__).parent.glob("kernel_references_*.py")):
        module: Any = import_module(file.stem)
        found |= module.REFERENCES
    return found


def parts(value: Value) -> list[Tensor]:
    """The tensors a value is made of."""
    match value:
        case Scaled():
            return [value.data, value.scale]
        case LatentCache():
            return [part for part in (value.latent, value.rope, value.scale) if part is not None]
        case Tensor():
            return [value]


def calc_diff(x: Tensor, y: Tensor) -> float:
    """``1 - 2 sum(xy) / sum(x x + y y)`` in f64; 0 for two tensors of zeros."""
    x, y = x.double(), y.double()
    bottom = float((x * x + y * y).sum())
    return 1 - 2 * float((x * y).sum()) / bottom if bottom else 0.0


def bits(tensor: Tensor) -> Tensor:
    """A tensor's bits as integers: NaN equals itself."""
    return tensor.contiguous().view(
        {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.dtype.itemsize]
    )


def check(name: str, found: Value, expected: Value, policy: str, held: Tensor | None = None) -> None:
    """Assert that an output is what the policy allows; products are expected in f32, to be rounded to its type.

    ``held`` [M]: the rows that count, if not all do.
    """
    for got, want in zip(parts(found), parts(expected), strict=True):
        if policy == "gemm":
            want = want.to(got.dtype)
        assert got.shape == want.shape and got.dtype == want.dtype, (
            f"{name}: {got.shape} {got.dtype}, not {want.shape} {want.dtype}"
        )
        if held is not None:
            assert held.shape == got.shape[:1], f"{name}: {held.shape[0]} rows, not {got.shape[0]}"
            got, want = rows_by_number(got, held), rows_by_number(want, held)
        if policy == "rounded":
            check_rounded(name, got, want)
            continue
        if policy == "bitwise":
            wrong = int((bits(got) != bits(want)).sum())
            assert wrong == 0, f"{name}: {wrong} of {got.numel()} elements have other bits"
            continue
        assert bool(torch.isfinite(got.float()).eq(torch.isfinite(want.float())).all()), f"{name}: not finite elsewhere"
        if policy == "f32":
            step = torch.finfo(want.dtype).eps
            assert torch.allclose(got.float(), want.float(), rtol=2 * step, atol=torch.finfo(want.dtype).tiny), name
            continue
        limit = ATTENTION if policy == "attention" else GEMM_F32 if got.dtype == torch.float32 else GEMM_ROUNDED
        difference = calc_diff(torch.nan_to_num(got.float()), torch.nan_to_num(want.float()))
        assert difference < limit, f"{name}: calc_diff {difference:.3g}, allowed {limit:.3g}"


def check_rounded(name: str, got: Tensor, want: Tensor) -> None:
    """Assert that few elements are rounded to a neighbour: f32 arithmetic before a rounding to fewer bits.

    At most 1 of 500 elements differs (and one block of scaled data, whose scale follows one element): numbers of 8 or
    16 bits by 2 units in the last place at most, scales in f32 as a bfloat16 number does by as much.
    """
    other = bits(got) != bits(want)
    assert int(other.sum()) <= 128 + got.numel() // 500, f"{name}: {int(other.sum())} of {got.numel()} elements differ"
    step = torch.finfo(torch.bfloat16 if want.dtype == torch.float32 else want.dtype).eps
    tiny = torch.finfo(want.dtype).smallest_normal * (2 * step if want.dtype.itemsize == 1 else 1)
    near = torch.isclose(got.float(), want.float(), rtol=2 * step, atol=tiny, equal_nan=True)
    assert bool(near.all()), f"{name}: {int((~near).sum())} of {got.numel()} elements are further than a rounding away"


def run_checked(
    launcher: Callable[..., None], name: str, gpu: object, outputs: Mapping[str, Value], **keywords: Any
) -> None:
    """Compute what is expected, poison the outputs, launch, and compare.

    An output that is also an input (a cache written in place) is given in ``keywords`` under its operand's keyword and
    in ``outputs`` under its result's: it is not poisoned.
    """
    reference = references()[name]
    sizes = {"outputs": outputs} if reference.sized else {}
    expected = reference.expected(**keywords, **sizes)
    inputs = {
        part.data_ptr()
        for value in keywords.values()
        if isinstance(value, Tensor | Scaled | LatentCache)
        for part in parts(value)
    }
    for value in outputs.values():
        for part in parts(value):
            if part.data_ptr() not in inputs:
                bits_of(part).fill_(0x5A)
    launcher(gpu, **keywords, **{key: value for key, value in outputs.items() if key not in keywords})
    assert expected.keys() == outputs.keys(), (
        f"{name}: the reference gives {list(expected)}, the launcher {list(outputs)}"
    )
    held = reference.held(keywords, expected)
    for key, value in outputs.items():
        check(f"{name} {key}", value, expected[key], reference.policy, held.get(key))


def bits_of(tensor: Tensor) -> Tensor:
    """The tensor's own memory as integers, strides kept."""
    return tensor.view({1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.dtype.itemsize])
