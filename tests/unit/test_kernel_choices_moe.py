"""What the rules of routing, rows and the cache answer: their calls compute what the ops mean; what they refuse."""

from importlib import import_module
from typing import Any

import pytest
import torch
from kernel_references import bits, parts
from roundtrip import parse
from torch import Tensor

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.mla import LatentCache, new_cache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.backends.triton.choices import cache as cache_choice
from dsv3c.backends.triton.choices import gate as gate_choice
from dsv3c.backends.triton.choices import permute as permute_choice
from dsv3c.backends.triton.choices import unpermute as unpermute_choice
from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Selection
from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.ir.functions import functions
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.targets import load_target

RULES = [cache_choice.append, gate_choice.gate, permute_choice.permute, unpermute_choice.unpermute]
"""Importing a file registers its rules."""
H800 = load_target("h800")
TABLES = {"p": "tensor<3xi32>", "o": "tensor<3xi32>", "t": "tensor<2x2xi32>"}
CACHE = '!mla.cache<"6" x 4, latent 32 x bf16, rope 8 x bf16>'
QUANTISED = '!mla.cache<"6" x 4, latent 32 x f8E4M3FN scale {granule} x f32, rope 8 x bf16>'
QUANTIZER = 'quantizer <amax_floor 1.0e-04, apply "reciprocal", round_scale "pow2", saturate>'


def function(op: str, arguments: dict[str, str], results: str, typed: dict[str, str] | None = None) -> str:
    """A function of one op, written with its arguments' names; the op's text has the types of the ``typed`` ones."""
    given = ", ".join(f"%{name}: {kind}" for name, kind in (arguments | (typed or {})).items())
    names = ", ".join(f"%r{index}" for index in range(results.count(", tensor<") + 1))
    kinds = ", ".join(arguments.values())
    return (
        f"func.func @f({given}) -> ({results}) {{\n{names} = {op} : {kinds} -> {results}\n"
        f"func.return {names} : {results}\n}}"
    )


def answer(text: str, **ranges: tuple[int, int | None]) -> tuple[Any, Choice | Refused]:
    """The op with a rule, and what the rule answers."""
    block = next(iter(functions(parse(text)).values())).body.block
    op = next(op for op in reversed(list(block.ops)) if KERNELS.find(op))
    rule = KERNELS.find(op)
    assert rule is not None
    return op, rule(op, Selection(H800, ranges, dict.fromkeys(ranges, 16), 132))


def memory(kind: Any) -> Tensor | Scaled:
    """Uninitialised memory for a result of static size."""
    if isinstance(kind, ScaledType):
        grid = torch.empty([int(size) for size in kind.grid()])
        return Scaled(torch.empty([int(s) for s in kind.sizes], dtype=dtype_of(kind.element)), grid, kind.granules)
    return torch.empty(kind.get_shape(), dtype=dtype_of(kind.element_type))


def agree(text: str, *inputs: Any, copies: tuple[Any, ...] = ()) -> None:
    """Launch what the rule chose, on ``copies`` where inputs are written, and compare with the executor."""
    op, choice = answer(text)
    assert isinstance(choice, Choice), choice
    expected = Executor(parse(text), StateDictWeights({})).run("f", *inputs)
    arguments = dict(zip(op.parent.args, copies or inputs, strict=True))
    reads = {name: arguments[value] for name, value in choice.operands.items() if value is not None}
    writes = {
        name: reads[choice.in_place[name]] if name in choice.in_place else memory(value.type)
        for name, value in choice.results.items()
    }
    scratch = {
        name: torch.empty([int(size) for size in needed.sizes], dtype=dtype_of(needed.element))
        for name, needed in choice.scratch.items()
    }
    file, _, name = choice.launcher.partition(".")
    launcher = getattr(import_module(f"dsv3c.backends.triton.launchers.{file}"), name)
    launcher(InterpreterGpu(), **reads, **writes, **scratch, configs=choice.configs, **choice.parameters)
    for got, want in zip(writes.values(), expected, strict=True):
        for left, right in zip(parts(got), parts(want), strict=True):
            assert torch.equal(bits(left), bits(right))


@pytest.mark.parametrize(
    ("attributes", "weights"),
    [
        ("3 scoring 'sigmoid' groups 4 keep 2 group_score 'top2_sum' mask '-inf' renormalize 1.0e-20 scale 2.5", "f32"),
        ("2 scoring 'softmax' groups 2 keep 1 group_score 'max' mask 'zero' scale 16.0 masked_weights", "bf16"),
        ("4 scoring 'sigmoid' groups 1 keep 1 group_score 'max' mask '-inf' scale 1.0 scores_in bf16 any_order", "f16"),
    ],
)
def test_gates(attributes: str, weights: str) -> None:
    torch.manual_seed(0)
    k, attributes = int(attributes[0]), attributes.replace("'", '"')
    op = f"moe.gate %x bias %b : tensor<16xf32>, top_k {attributes}"
    results = f"tensor<5x{k}x{weights}>, tensor<5x{k}xi64>"
    text = function(op, {"x": "tensor<5x16xf32>"}, results, {"b": "tensor<16xf32>"})
    agree(text, torch.randn(5, 16), torch.randn(16) / 4)


def test_appended_choices() -> None:
    kinds = {"w": "tensor<5x2xbf16>", "i": "tensor<5x2xi64>"}
    text = function("moe.append_choice %w, %i first 8 count 1", kinds, "tensor<5x3xbf16>, tensor<5x3xi64>")
    agree(text, torch.rand(5, 2).bfloat16(), torch.randint(0, 8, (5, 2)))


@pytest.mark.parametrize(("layout", "alignment", "rows"), [("contiguous", 4, 22), ("masked", 1, 20), ("dense", 1, 20)])
def test_permuted_rows(layout: str, alignment: int, rows: int) -> None:
    op = f'moe.permute %x by %i experts 4 layout "{layout}" alignment {alignment}'
    ids = torch.tensor([[0, 2], [3, -1], [2, 0], [1, 2], [3, 2]])
    numbers = f"tensor<{rows}xi32>, tensor<{rows}xi32>"
    kinds = {"x": "tensor<5x8xbf16>", "i": "tensor<5x2xi64>"}
    agree(function(op, kinds, f"tensor<{rows}x8xbf16>, {numbers}"), torch.randn(5, 8).bfloat16(), ids)
    scaled = "!scaled.tensor<tensor<{}x256xf8E4M3FN>, 1x128, f32>"
    text = function(op, kinds | {"x": scaled.format(5)}, f"{scaled.format(rows)}, {numbers}")
    agree(text, Scaled(torch.randn(5, 256).to(torch.float8_e4m3fn), torch.rand(5, 2), (1, 128)), ids)
    _, plain = answer(text)
    _, skipping = answer(text.replace(op, f"{op} skips_padding"))
    assert isinstance(plain, Choice) and isinstance(skipping, Choice)
    assert dict(skipping.parameters) == {**plain.parameters, "skips_padding": True}


@pytest.mark.parametrize(("combine_in", "order"), [("bf16", "expert"), ("f32", "slot")])
def test_weighted_sums(combine_in: str, order: str) -> None:
    torch.manual_seed(1)
    kinds = {"y": "tensor<6x8xbf16>", "s": "tensor<6xi32>", "w": "tensor<3x2xf32>", "i": "tensor<3x2xi64>"}
    op = f'moe.unpermute %y at %s weights %w ids %i combine_in {combine_in} order "{order}"'
    slots, ids = torch.tensor([1, 4, -1, 0, 2, 5]).int(), torch.tensor([[1, 0], [2, -1], [0, 3]])
    agree(function(op, kinds, "tensor<3x8xbf16>"), torch.randn(6, 8).bfloat16(), slots, torch.rand(3, 2), ids)


def caches(granule: int) -> list[LatentCache]:
    """Two empty ones."""
    kind = torch.float8_e4m3fn if granule else torch.bfloat16
    return [new_cache(6, 4, 32, 8, latent_dtype=kind, rope_dtype=torch.bfloat16, granule=granule) for _ in range(2)]


def steps() -> tuple[Tensor, Tensor, Tensor]:
    """Positions, offsets and pages of a sequence with two tokens and one with one."""
    return torch.tensor([3, 4, 0]).int(), torch.tensor([0, 2, 3]).int(), torch.tensor([[5, 1], [2, 0]]).int()


@pytest.mark.parametrize("granule", [0, 16])
def test_appended_rows(granule: int) -> None:
    torch.manual_seed(2)
    kind, quantizer = (QUANTISED.format(granule=granule), QUANTIZER) if granule else (CACHE, "")
    rows = {"c": "tensor<3x32xbf16>", "k": "tensor<3x8xbf16>"}
    values = [torch.randn(3, 32).bfloat16(), torch.randn(3, 8).bfloat16()]
    text = function(f"mla.append %c, %k to %cache at %p, %o, %t {quantizer}", {**rows, "cache": kind, **TABLES}, kind)
    first, second = caches(granule)
    agree(text, *values, first, *steps(), copies=(*values, second, *steps()))
    turns = {"cos": "tensor<3x4xf32>", "sin": "tensor<3x4xf32>"}
    rotation = 'pairs "interleaved" out "half" compute "f32"'
    op = f"mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t {rotation}"
    values += [torch.rand(3, 4), torch.rand(3, 4)]
    for norm in ("", 'eps 1.0e-06 weight_in "input"'):
        weight = [torch.rand(32).bfloat16()] if norm else []
        normed = f"{norm} {quantizer} " + ("norm %w : tensor<32xbf16>" if norm else "")
        typed = {"w": "tensor<32xbf16>"} if norm else {}
        text = function(f"{op} {normed}", {**rows, **turns, "cache": kind, **TABLES}, kind, typed)
        first, second = caches(granule)
        agree(text, *values, first, *steps(), *weight, copies=(*values, second, *steps(), *weight))


def test_gathered_rows() -> None:
    for granule in (0, 16):
        first, _ = caches(granule)
        first.rope.copy_(torch.randn(6, 4, 8))
        first.latent.copy_(torch.randn(6, 4, 32))
        kind = QUANTISED.format(granule=granule) if granule else CACHE
        arguments = {"cache": kind, "l": "tensor<2xi32>", "t": TABLES["t"]}
        text = function("mla.gather %cache, %l, %t", arguments, "tensor<7x32xbf16>, tensor<7x8xbf16>")
        agree(text, first, torch.tensor([5, 2]).int(), steps()[2])


def refusal(text: str, **ranges: tuple[int, int | None]) -> str:
    """Why the rule refuses the op."""
    _, found = answer(text, **ranges)
    assert isinstance(found, Refused)
    return found.reason


def test_what_no_kernel_reads_is_refused() -> None:
    gate = 'moe.gate %x top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0'
    f64 = function(gate, {"x": "tensor<5x16xf64>"}, "tensor<5x2xf64>, tensor<5x2xi64>")
    assert refusal(f64) == "its kernel reads f32, bf16, f16, not f64 (%x)"
    wide = function(f"{gate} scores_in f64", {"x": "tensor<5x16xf32>"}, "tensor<5x2xf32>, tensor<5x2xi64>")
    assert refusal(wide) == "its kernel rounds scores to f32, bf16, f16, not f64"
    e8m0 = "!scaled.tensor<tensor<{}x256xf8E4M3FN>, 1x128, f8E8M0FNU>"
    rows = function(
        'moe.permute %x by %i experts 4 layout "dense" alignment 1',
        {"x": e8m0.format(5), "i": "tensor<5x2xi64>"},
        f"{e8m0.format(20)}, tensor<20xi32>, tensor<20xi32>",
    )
    assert refusal(rows) == "its kernel moves f32 scales, not f8E8M0FNU"
    kind = QUANTISED.format(granule=12)
    arguments = {"c": "tensor<3x32xbf16>", "k": "tensor<3x8xbf16>", "cache": kind, **TABLES}
    text = function(f"mla.append %c, %k to %cache at %p, %o, %t {QUANTIZER}", arguments, kind)
    assert refusal(text) == "its kernel takes powers of two as tiles of the latent, not 12"


MASKED = """
dsv3c.symbol @T min 0
func.func @f(%x: tensor<?x8xf32, ["T"]>, %l: tensor<?x4xf32, ["T"]>) -> tensor<?xi32, ["ROWS"]> {
%w, %i = moe.gate %l top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0
  : tensor<?x4xf32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
%r, %s, %e = moe.permute %x by %i experts 4 layout "masked" alignment 1 : tensor<?x8xf32, ["T"]>,
  tensor<?x2xi64, ["T"]> -> tensor<?x8xf32, ["ROWS"]>, tensor<?xi32, ["ROWS"]>, tensor<?xi32, ["ROWS"]>
func.return %s : tensor<?xi32, ["ROWS"]>
}
"""


def test_experts_have_room_for_every_token() -> None:
    room = "T tokens may choose one expert, which has room for {} rows: a run on a device would not notice that some"
    assert refusal(MASKED.replace("ROWS", "4*T - 4"), T=(1, None)).startswith(room.format("T - 1"))
    fixed = MASKED.replace('tensor<?x8xf32, ["ROWS"]>', "tensor<24x8xf32>")
    fixed = fixed.replace('tensor<?xi32, ["ROWS"]>', "tensor<24xi32>")
    assert refusal(fixed, T=(0, None)).startswith(room.format(6))
    assert refusal(fixed, T=(0, 7)).startswith(room.format(6))
    assert isinstance(answer(fixed, T=(0, 6))[1], Choice)
    assert isinstance(answer(MASKED.replace("ROWS", "4*T"), T=(0, None))[1], Choice)


def test_larger_steps_are_counted_in_larger_chunks() -> None:
    for most, chunks in ((16, [128]), (1024, [128]), (1025, [128, 1024]), (None, [128, 1024])):
        _, choice = answer(MASKED.replace("ROWS", "4*T"), T=(0, most))
        assert isinstance(choice, Choice)
        assert [config["chunk"] for config in choice.configs] == chunks
    heights = [(config["block_s"], config["block_c"]) for config in permute_choice.configs_for(384)]
    assert heights == [(16, 16), (16, 16)]
