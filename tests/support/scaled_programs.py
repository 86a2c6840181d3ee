"""Scaled ops on given tensors: one program per op, executed."""

from collections.abc import Sequence
from typing import cast

import torch
from fp8_oracle import E4M3, Format, Quantized
from roundtrip import parse
from torch import Tensor
from xdsl.dialects.builtin import f32
from xdsl.ir import Attribute

from dsv3c.backends.reference.dtypes import element_of
from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import show_granule


def drawn(kind: str, rows: int, columns: int, seed: int = 0) -> Tensor:
    """bf16: normal numbers, their magnitudes, or normal ones with 8 columns a hundred times as large."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, generator=generator)
    if kind == "positive":
        x = x.abs()
    if kind == "outliers":
        x[:, torch.randperm(columns, generator=generator)[:8]] *= 100
    return x.to(torch.bfloat16)


def execute(text: str, *arguments: Value, fidelity: Fidelity = "reference") -> list[Value]:
    return Executor(parse(text), RandomWeights(0, {}), fidelity).run("main", *arguments)


def text_of(value: Value) -> str:
    """The type of a value, as text."""
    if isinstance(value, Scaled):
        return f"!scaled.tensor<{text_of(value.data)}, {show_granule(value.granule)}, {element_of(value.scale.dtype)}>"
    assert isinstance(value, Tensor)
    return f"tensor<{'x'.join(map(str, value.shape))}x{element_of(value.dtype)}>"


def scaled_text(sizes: Sequence[int], granule: Sequence[int], form: Format = E4M3, scale: str = "f32") -> str:
    data = f"tensor<{'x'.join(map(str, sizes))}x{element_of(form.dtype)}>"
    return f"!scaled.tensor<{data}, {show_granule(granule)}, {scale}>"


def quantized(x: Tensor, granule: Sequence[int], how: QuantizerAttr, form: Format = E4M3, scale: str = "f32") -> Scaled:
    """x by ``scaled.quantize``."""
    kind = scaled_text(x.shape, granule, form, scale)
    [q] = execute(
        f"func.func @main(%x: {text_of(x)}) -> {kind} {{\n"
        f"%q = scaled.quantize %x quantizer {str(how).removeprefix('#scaled.quantizer')} : {text_of(x)} -> {kind}\n"
        f"func.return %q : {kind}\n}}",
        x,
    )
    assert isinstance(q, Scaled)
    return q


def product(
    x: Scaled, w: Scaled, element: Attribute = f32, promote: int | None = 128, fidelity: Fidelity = "reference"
) -> Tensor:
    """x times w by ``scaled.mm``."""
    y, how = f"tensor<{x.shape[0]}x{w.shape[0]}x{element}>", f"promote {promote} " if promote else ""
    [found] = execute(
        f"func.func @main(%x: {text_of(x)}, %w: {text_of(w)}) -> {y} {{\n"
        f"%y = scaled.mm %x, %w {how}: {text_of(x)}, {text_of(w)} -> {y}\nfunc.return %y : {y}\n}}",
        x, w, fidelity=fidelity,
    )  # fmt: skip
    return cast(Tensor, found)


def of(q: Quantized, granule: tuple[int, ...]) -> Scaled:
    return Scaled(q.data, q.scale, granule)


def grouped(x: Scaled, w: Scaled, expert_of: Tensor, fidelity: Fidelity = "reference") -> Tensor:
    y = f"tensor<{x.shape[0]}x{w.shape[1]}xf32>"
    [found] = execute(
        f"func.func @main(%x: {text_of(x)}, %w: {text_of(w)}, %e: {text_of(expert_of)}) -> {y} {{\n"
        f"%y = scaled.grouped_mm %x, %w, %e promote 128 : {text_of(x)}, {text_of(w)}, {text_of(expert_of)} -> {y}\n"
        f"func.return %y : {y}\n}}",
        x, w, expert_of, fidelity=fidelity,
    )  # fmt: skip
    return cast(Tensor, found)
