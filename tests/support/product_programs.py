"""Programs of one matrix product each, and the answers of its rule."""

from collections.abc import Sequence

from roundtrip import parse

from dsv3c.backends.triton.choices import linear, scaled_grouped_mm
from dsv3c.backends.triton.choices import scaled_mm as of_scaled_mm
from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import Target, load_target

H800 = load_target("h800")
RULES = [linear.linear, of_scaled_mm.scaled_mm, scaled_grouped_mm.scaled_grouped_mm]
"""Importing a file registers its rules."""
W = "!scaled.tensor<tensor<7168x2048xf8E4M3FN>, 128x128, f32>"


def selection(
    target: Target = H800, t: tuple[int, int | None] = (0, 4096), hint: int = 128, gluon: bool = False
) -> Selection:
    return Selection(target, {"T": t}, {"T": hint}, int(target.fact("num_compute_units")), gluon=gluon)


def answer(text: str, at: Selection) -> Choice | Refused:
    """The rule's answer for the last op of a function that has a rule."""
    block = next(iter(functions(parse(text)).values())).body.block
    op = [op for op in block.ops if KERNELS.find(op)][-1]
    rule = KERNELS.find(op)
    assert rule is not None
    return rule(op, at)


def call(op: str, types: Sequence[str], result: str) -> str:
    arguments = ", ".join(f"%{index}: {kind}" for index, kind in enumerate(types))
    return (
        f"dsv3c.symbol @T min 0\nfunc.func @f({arguments}) -> {result} {{\n"
        f"%y = {op} : {', '.join(types)} -> {result}\nfunc.return %y : {result}\n}}"
    )


def scaled_mm(
    x: str = "1x128, f32, mn_major",
    w: str = W,
    promote: str = "promote 128",
    element: str = "f8E4M3FN",
    rows: str = "?",
) -> str:
    types = (f'!scaled.tensor<tensor<{rows}x2048x{element}, ["T"]>, {x}>', w)
    return call(f"scaled.mm %0, %1 {promote}", types, f'tensor<{rows}x7168xbf16, ["T"]>')


def grouped(
    layout: str, alignment: int, rows: str, granule: str = "1x128x128", made_by: str = "permute", skips: str = ""
) -> str:
    kind = f'!scaled.tensor<tensor<?x2048xf8E4M3FN, ["{rows}"]>, 1x128, f32>'
    x, ids = '!scaled.tensor<tensor<?x2048xf8E4M3FN, ["T"]>, 1x128, f32>', 'tensor<?x8xi64, ["T"]>'
    w = f"!scaled.tensor<tensor<32x4096x2048xf8E4M3FN>, {granule}, f32>"
    numbers, y = f'tensor<?xi32, ["{rows}"]>', f'tensor<?x4096xbf16, ["{rows}"]>'
    owner = "%of" if made_by == "permute" else "%given"
    return (
        f"dsv3c.symbol @T min 0\nfunc.func @f(%x: {x}, %ids: {ids}, %w: {w}, %given: {numbers}) -> {y} {{\n"
        f'%rows, %slots, %of = moe.permute %x by %ids experts 32 layout "{layout}" alignment {alignment} : '
        f"{x}, {ids} -> {kind}, {numbers}, {numbers}\n"
        f"%y = scaled.grouped_mm %rows, %w, {owner} promote 128 {skips} : {kind}, {w}, {numbers} -> {y}\n"
        f"func.return %y : {y}\n}}"
    )
