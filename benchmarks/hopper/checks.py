"""Whether an output is right: two metrics against a reference of higher precision, and limits by policy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from benchmarks.hopper.data import Value, as_integers, parts
from dsv3c.backends.reference.meanings.placing import rows_by_number

TINY = 1e-300
"""Keeps quotients of zeros zero."""
SAMPLE = 1 << 24
"""Elements that are compared at a time, so that copies in f64 stay small."""


@dataclass(frozen=True)
class Policy:
    """What an output may differ by.

    ``calc_diff = 1 - 2 <x, y> / (|x|^2 + |y|^2)``; ``relative = max |x - y| / (|y| + rms(y))``; ``differing``: share of
    elements with other bits; ``ulps``: the most units in the last place between two elements.  None: not limited.
    """

    name: str
    calc_diff: float
    relative: float | None = None
    differing: float | None = None
    ulps: int | None = None


BITWISE = Policy("bitwise", 0.0, 0.0, 0.0, 0)
GEMM = Policy("gemm", 1e-5, 2e-2)
"""Into bf16: rounding alone is 1.4e-6 and 2^-8; a tensor core keeps about 14 bits of 8-bit sums."""
GEMM_F32 = Policy("gemm_f32", 1e-6, 4e-3)
ATTENTION = Policy("attention", 1e-5, 4e-2)
"""Probabilities and outputs are rounded to bf16 one after the other."""
ROUNDED = Policy("rounded", 1e-3, differing=2e-3)
"""Few elements are rounded to a neighbour: f32 arithmetic before a rounding to fewer bits."""
CLOSE = Policy("close", 1e-5, 1e-2)
LAYER = Policy("layer", 1e-2)
"""FP8 products against BF16 ones through a whole layer: every quantised product adds about 7e-4."""
COMPILED = Policy("compiled", 5e-2)
"""The same layer compiled by a peer, whose gate may see other roundings and choose another expert for some tokens."""
TOKEN = 1e-2
"""Largest ``calc_diff`` of the median token of a layer: one that the gate treats alike."""
PEER = Policy("peer", 1e-3)
"""DeepGEMM's own limit."""
UNQUANTIZED = Policy("unquantized", 5e-3)
"""A peer whose operands were not quantised: quantisation alone makes 7e-4, outliers more."""


@dataclass(frozen=True)
class Metrics:
    """How far an output is from what is expected."""

    calc_diff: float
    relative: float
    differing: float
    ulps: int | None
    """None where the reference is of another type than the output."""
    not_finite: int
    """Elements that are NaN or infinite where the reference is finite: never written, or wrong."""

    def why_wrong(self, policy: Policy) -> str | None:
        """What breaks the policy; None where nothing does.  NaN never passes."""
        if self.not_finite:
            return f"{self.not_finite} elements are not finite (outputs were full of NaN before)"
        for name in ("calc_diff", "relative", "differing", "ulps"):
            limit, found = getattr(policy, name), getattr(self, name)
            if limit is not None and found is not None and not found <= limit:
                return f"{name} {found:.3g}, allowed {limit:.3g} ({policy.name})"
        return None


@dataclass(frozen=True)
class Check:
    """An output that was compared."""

    output: str
    policy: str
    metrics: Metrics
    error: str | None

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        return {"output": self.output, "policy": self.policy, **asdict(self.metrics), "error": self.error}


def compare(found: Tensor, expected: Tensor) -> Metrics:
    """The metrics of one tensor, in f64.  Where NaN is expected, any finite number is right."""
    assert found.shape == expected.shape, f"{tuple(found.shape)}, not {tuple(expected.shape)}"
    if found.numel() == 0:
        return Metrics(0.0, 0.0, 0.0, 0, 0)
    same_type = found.dtype == expected.dtype
    left, right = found.reshape(-1), expected.reshape(-1)
    rms = root_mean_square(right)
    dot = squares = relative = 0.0
    differing = not_finite = ulps = 0
    for x, y in zip(left.split(SAMPLE), right.split(SAMPLE), strict=True):
        a, b = x.double(), y.double()
        known, finite = ~torch.isnan(b), torch.isfinite(a)
        not_finite += int((~finite & ~torch.isinf(b)).sum())
        if same_type:
            differing += int((known & (as_integers(x) != as_integers(y))).sum())
            ulps = max(ulps, units(x, y, known))
        a, b = torch.where(finite & known, a, 0.0), torch.where(known, b, 0.0)
        dot += float((a * b).sum())
        squares += float((a * a + b * b).sum())
        relative = max(relative, float(((a - b).abs() / (b.abs() + rms + TINY)).max()))
    return Metrics(
        calc_diff=1 - 2 * dot / squares if squares else 0.0,
        relative=relative,
        differing=differing / found.numel() if same_type else 0.0,
        ulps=ulps if same_type else None,
        not_finite=not_finite,
    )


def compare_rows(found: Tensor, expected: Tensor, held: Tensor | None) -> Metrics:
    """The metrics of the rows [M] that are held, of all where nothing says which."""
    if held is None:
        return compare(found, expected)
    assert found.shape == expected.shape, f"{tuple(found.shape)}, not {tuple(expected.shape)}"
    held = held.to(found.device)
    return compare(rows_by_number(found, held), rows_by_number(expected, held))


def root_mean_square(x: Tensor) -> float:
    """Of all that is no NaN."""
    total = sum(float(torch.nan_to_num(part.double(), nan=0.0).square().sum()) for part in x.split(SAMPLE))
    return (total / max(1, x.numel())) ** 0.5


def units(x: Tensor, y: Tensor, known: Tensor) -> int:
    """The most units in the last place between two tensors of one type: their bits in the order of their values."""
    return int(((ordered(x) - ordered(y)) * known).abs().max())


def ordered(x: Tensor) -> Tensor:
    """Integers in the order of the numbers."""
    width = x.dtype.itemsize * 8
    bits = as_integers(x).to(torch.int64)
    if not x.is_floating_point():
        return bits
    if width == 8:  # unsigned
        return torch.where(bits >= 128, 128 - bits, bits)
    return torch.where(bits < 0, -(1 << (width - 1)) - bits, bits)


def check_outputs(
    found: Mapping[str, Value],
    expected: Mapping[str, Value],
    policies: Mapping[str, Policy],
    held: Mapping[str, Tensor],
) -> list[Check]:
    """Every part of every output that something is expected of; of those in ``held`` the rows that it names."""
    made = list[Check]()
    for name, want in expected.items():
        there = parts(found[name])
        for part, tensor in parts(want).items():
            policy, label = policies[name], f"{name}.{part}" if part else name
            metrics = compare_rows(there[part], tensor, held.get(name))
            made.append(Check(label, policy.name, metrics, metrics.why_wrong(policy)))
    return made
