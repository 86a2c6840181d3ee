"""How well tensors survive quantisation: per tensor the signal-to-noise ratio, what is clipped, what vanishes.

Activations are observed in a run with quantisation off, so that every tensor is judged by itself, on what it would be
without the others' errors: ``ActivationObserver`` is an observer of the reference executor.  Weights are read from the
checkpoint and quantised as their recipes say; one that is stored in 8 bits shows what it holds, and no error.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, log10
from typing import Any

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.reference.adapters.scaled import quantizer_arguments
from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.meanings.arithmetic import Fidelity, quantization
from dsv3c.backends.reference.meanings.scaled import LARGEST, Quantizer, Scaled, is_quantized, quantize, spread
from dsv3c.backends.reference.params import Params, load_param, param_ops
from dsv3c.backends.reference.weights import Weights
from dsv3c.ir.cost import instances
from dsv3c.ir.cost_model import is_weight
from dsv3c.ir.dialects.scaled import QuantizeOp, RmsNormOp, SwigluOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import at
from dsv3c.ir.functions import join_path
from dsv3c.ir.scaled_type import ScaledType, is_scaled, scaled_type
from dsv3c.reports.tables import columns

OUTLIER_MULTIPLE = 8.0
"""A channel is an outlier whose largest magnitude exceeds this many times the median of all channels'."""
QuantisingOp = QuantizeOp | RmsNormOp | SwigluOp


@dataclass(frozen=True, kw_only=True)
class TensorReport:
    """One quantised tensor."""

    name: str
    """Absolute name of a parameter; module path and value of an activation."""
    kind: str
    """``weight`` or ``activation``."""
    where: str
    """The user's ``file:line (module path)``."""
    format: str
    """``1x128 f8E4M3FN, f32 scales``."""
    elements: int
    """Looked at, in all runs together."""
    sqnr_db: float | None
    """``10 log10(sum x^2 / sum (x - dequantised x)^2)``; infinite where nothing is lost, None of stored 8-bit data."""
    amax: float
    """Largest magnitude."""
    saturated: float | None
    """Share of the elements beyond the largest number of the format times their scale; None of stored 8-bit data."""
    underflowed: float | None
    """Share of the elements that are not zero and become zero; None of stored 8-bit data."""
    channels: int
    """Size of the last dim."""
    outlier_channels: tuple[int, ...]
    """Indices along the last dim."""


@dataclass(frozen=True, kw_only=True)
class QuantReport:
    """All quantised tensors of a program."""

    tensors: tuple[TensorReport, ...]
    outlier_multiple: float

    def as_json(self) -> dict[str, object]:
        """Plain data; an infinite ratio is written as the text ``inf``."""
        data = asdict(self)
        for tensor in data["tensors"]:
            tensor["sqnr_db"] = "inf" if tensor["sqnr_db"] == inf else tensor["sqnr_db"]
        return data

    def json(self) -> str:
        """``as_json`` as text."""
        return json.dumps(self.as_json(), indent=1)

    def text(self, *, most: int | None = None) -> str:
        """A table, the worst ratio first; ``most``: no more rows than this, and how many are left out."""
        ordered = sorted(self.tensors, key=lambda item: (item.sqnr_db is None, item.sqnr_db or 0.0, item.name))
        head = ("tensor", "kind", "format", "SQNR dB", "amax", "saturated", "underflowed", "outlier channels")
        rows = [head, *(row(item) for item in ordered[:most])]
        left = f"{len(ordered) - most} more tensors" if most is not None and len(ordered) > most else ""
        note = (
            f"outlier channels: largest magnitude above {self.outlier_multiple:g} times the median channel's; "
            "activations as they are without quantisation"
        )
        return "\n".join([*columns(rows), *([left] if left else []), note])


def row(item: TensorReport) -> tuple[str, ...]:
    """One line of the table."""
    return (
        item.name,
        item.kind,
        item.format,
        "stored" if item.sqnr_db is None else f"{item.sqnr_db:.2f}",
        f"{item.amax:.4g}",
        share(item.saturated),
        share(item.underflowed),
        f"{len(item.outlier_channels)} of {item.channels}",
    )


def share(number: float | None) -> str:
    """``0.012 %``."""
    return "-" if number is None else f"{number * 100:.3g} %"


@dataclass
class Tally:
    """Sums over everything seen of one tensor; numbers are added in f64."""

    name: str
    kind: str
    where: str
    type: ScaledType
    elements: int = 0
    signal: float = 0.0
    noise: float = 0.0
    saturated: int = 0
    underflowed: int = 0
    is_stored: bool = False
    channel_amax: Tensor | None = None

    def add(self, x: Tensor, how: Quantizer) -> None:
        """Quantise ``x`` and count what becomes of it."""
        with quantization(True):
            q = quantize(x, **how)
        scale = spread(q.scale, q.granule, q.shape).to(torch.float64)
        wide, data = x.to(torch.float64), q.data.to(torch.float64)
        self.see(wide)
        self.signal += float((wide * wide).sum())
        self.noise += float(((wide - data * scale) ** 2).sum())
        # a dynamic scale is rounded: what it was made from may lie one step of f32 beyond
        limit = LARGEST[how["data"]] * scale * (1 + 2.0**-20)
        self.saturated += int((wide.abs() > limit).sum())
        self.underflowed += int(((data == 0) & (wide != 0)).sum())

    def add_stored(self, q: Scaled) -> None:
        """8-bit data as a checkpoint holds it: what it was made from is not known."""
        self.is_stored = True
        self.see(q.data.to(torch.float64) * spread(q.scale, q.granule, q.shape).to(torch.float64))

    def see(self, wide: Tensor) -> None:
        """Count elements and follow the channels' magnitudes."""
        self.elements += wide.numel()
        if wide.numel():
            amax = wide.abs().reshape(-1, wide.shape[-1]).amax(dim=0)
            self.channel_amax = amax if self.channel_amax is None else torch.maximum(self.channel_amax, amax)

    def report(self, multiple: float) -> TensorReport:
        """The tensor's line."""
        amax = self.channel_amax if self.channel_amax is not None else torch.zeros(0)
        outliers = amax > multiple * amax.median() if amax.numel() else amax > 0
        granule = "x".join(str(size) if size else "*" for size in self.type.granules)
        per_element = 1 / max(1, self.elements)
        return TensorReport(
            name=self.name,
            kind=self.kind,
            where=self.where,
            format=f"{granule} {self.type.element}, {self.type.scale} scales",
            elements=self.elements,
            sqnr_db=None if self.is_stored else decibel(self.signal, self.noise),
            amax=float(amax.max()) if amax.numel() else 0.0,
            saturated=None if self.is_stored else self.saturated * per_element,
            underflowed=None if self.is_stored else self.underflowed * per_element,
            channels=amax.numel(),
            outlier_channels=tuple(outliers.nonzero().flatten().tolist()),
        )


def decibel(signal: float, noise: float) -> float:
    """``10 log10(signal / noise)``; infinite without noise."""
    if not noise:
        return inf
    return 10 * log10(signal / noise) if signal else -inf


def quantizer_of(op: QuantisingOp) -> Quantizer:
    """How an op quantises, as ``quantize`` takes it."""
    how: Any = quantizer_arguments(scaled_type(op.q), op.quantizer)
    return how


@dataclass
class ActivationObserver:
    """Tallies what is quantised while an executor runs ``entry`` with quantisation off.

    A function that runs once per layer has one line per layer: the n-th run of it in a step is its n-th instance.
    """

    module: ModuleOp
    entry: str
    tallies: dict[tuple[Operation, str], Tally] = field(default_factory=dict[tuple[Operation, str], Tally])
    seen: dict[Operation, int] = field(default_factory=dict[Operation, int])
    prefixes: dict[func.FuncOp, list[str]] = field(default_factory=dict[func.FuncOp, list[str]])

    def __post_init__(self) -> None:
        for function, prefix in instances(self.module, self.entry):
            self.prefixes.setdefault(function, []).append(prefix)

    def __call__(self, op: Operation, results: Sequence[Value]) -> None:
        """Take the result of an op that quantises."""
        if not isinstance(op, QuantisingOp) or (isinstance(op, QuantizeOp) and is_weight(op.x)):
            return
        found = results[0]
        assert isinstance(found, Scaled) and not is_quantized(found), "activations are observed with quantisation off"
        function = op.parent_op()
        assert isinstance(function, func.FuncOp)
        number = self.seen.get(op, 0)
        self.seen[op] = number + 1
        prefixes = self.prefixes[function]
        prefix = prefixes[number % len(prefixes)]
        key = (op, prefix)
        if key not in self.tallies:
            value_name = f"%{op.q.name_hint or op.name}"
            name = f"{prefix}: {value_name}" if prefix else value_name
            self.tallies[key] = Tally(name, "activation", at(op), scaled_type(op.q))
        self.tallies[key].add(found.data, quantizer_of(op))


def weight_tallies(module: ModuleOp, weights: Weights, entry: str, *, rank: int = 0) -> list[Tally]:
    """One tally per quantised parameter that a run of ``entry`` reads, and per weight that is quantised in a body.

    Raises ``WeightsError`` for a stored tensor that is missing or does not fit.
    """
    params, found = Params(weights, 0, rank), list[Tally]()
    for op, prefix in param_ops(module, entry):
        makers = list(quantisers(op))
        if not makers and not is_scaled(op.value):
            continue
        with torch.no_grad(), quantization(False):
            value = load_param(op, params, prefix)
        kind = scaled_type(makers[0].q if makers else op.value)
        # a derived parameter's key ends in its format, which has a column of its own
        tally = Tally(join_path(prefix, op.key.data.partition(":")[0]), "weight", at(op), kind)
        if isinstance(value, Scaled) and is_quantized(value):
            tally.add_stored(value)
        else:
            assert makers, f"{op.key.data} is quantised by nothing"
            tally.add(value.data if isinstance(value, Scaled) else value, quantizer_of(makers[0]))
        found.append(tally)
    return found


def quantisers(op: ParamOp) -> Iterable[QuantizeOp]:
    """What quantises a parameter: in its recipe, or the body's ops that read it."""
    if op.recipe is not None:
        yield from (inner for inner in op.recipe.block.ops if isinstance(inner, QuantizeOp))
    yield from (use.operation for use in op.value.uses if isinstance(use.operation, QuantizeOp))


def quant_report(
    module: ModuleOp,
    weights: Weights,
    entry: str,
    runs: Iterable[Sequence[Value]] = (),
    *,
    outlier_multiple: float = OUTLIER_MULTIPLE,
    fidelity: Fidelity = "reference",
    rank: int = 0,
) -> QuantReport:
    """The report of a program: its weights, and the activations of running ``entry`` on each of ``runs`` arguments.

    Raises as ``Executor.run`` does.
    """
    observer = ActivationObserver(module, entry)
    executor = Executor(module, weights, fidelity, observer=observer, quantization=False, rank=rank)
    for arguments in runs:
        executor.run(entry, *arguments)
    tallies = [*weight_tallies(module, weights, entry, rank=rank), *observer.tallies.values()]
    return QuantReport(
        tensors=tuple(tally.report(outlier_multiple) for tally in tallies), outlier_multiple=outlier_multiple
    )
