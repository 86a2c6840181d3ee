"""Passes that only move or rename keep every bit, on captured models and on random chains of views."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dsv3c
from dsv3c.api import Module
from dsv3c.models.configs import load_config, to_hf

PASSES = ("canonicalize-views", "raise-linear", "raise-rms-norm", "raise-swiglu", "canonicalize", "cse", "dce")
MODELS = {"hf": "grouped_mm", "hf-batched": "batched_mm", "own-hf": None, "own-deepseek": None}
SIZES = ((1, 2), (2, 33))


@cache
def captured(model: str, dtype: str) -> Module:
    if model.startswith("own"):
        return dsv3c.capture("tiny", dtype=dtype, semantics=model.removeprefix("own-"), layers=(1, 3))
    config = replace(load_config("tiny"), num_hidden_layers=3, first_k_dense_replace=1, vocab_size=100)
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(to_hf(config)))
        return dsv3c.capture(folder, dtype=dtype, experts=MODELS[model])


@cache
def after(model: str, dtype: str, count: int) -> Module:
    """The captured model after the first ``count`` passes."""
    return dsv3c.opt(after(model, dtype, count - 1), PASSES[count - 1]) if count else captured(model, dtype)


@cache
def logits(model: str, dtype: str, count: int) -> list[torch.Tensor]:
    ids = [torch.randint(100, size, generator=torch.Generator().manual_seed(1)) for size in SIZES]
    return [dsv3c.execute(after(model, dtype, count), "main", tokens, fidelity="torch")[0] for tokens in ids]


@pytest.mark.parametrize("count", range(1, len(PASSES) + 1), ids=PASSES)
@pytest.mark.parametrize("dtype", ["bf16", "f32"])
@pytest.mark.parametrize("model", MODELS)
def test_models_keep_their_bits(model: str, dtype: str, count: int) -> None:
    for now, before in zip(logits(model, dtype, count), logits(model, dtype, count - 1), strict=True):
        assert torch.equal(now, before)


@pytest.mark.parametrize("dtype", ["bf16", "f32"])
@pytest.mark.parametrize("model", MODELS)
def test_everything_is_raised(model: str, dtype: str) -> None:
    names = {op.name for op in after(model, dtype, len(PASSES)).op.walk()}
    assert {"nn.linear", "nn.embedding", "nn.rms_norm", "nn.swiglu"} <= names
    gone = {"linear", "embedding", "rsqrt", "rms_norm", "silu", "slice_scatter", "view", "transpose.int", "chunk"}
    assert not names & {f"aten.{name}" for name in gone}


def run_text(text: str, passes: str, *inputs: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What a program gives before and after the passes."""
    before = dsv3c.execute(text, "main", *inputs, fidelity="torch")
    return before, dsv3c.execute(dsv3c.opt(text, passes), "main", *inputs, fidelity="torch")


class Chain:
    """A program of view-like ops over one tensor."""

    def __init__(self, sizes: list[int]) -> None:
        self.start, self.sizes, self.lines = list(sizes), list(sizes), list[str]()

    def type(self, sizes: list[int]) -> str:
        return f"tensor<{''.join(f'{size}x' for size in sizes)}i64>"

    def add(self, op: str, arguments: str, sizes: list[int]) -> None:
        operand, self.sizes = f"%v{len(self.lines)}", sizes
        self.lines.append(f"  %v{len(self.lines) + 1} = {op}({operand}{arguments}) : {self.type(sizes)}")

    def text(self) -> str:
        head = f"func.func @main(%v0: {self.type(self.start)}) -> {self.type(self.sizes)} {{"
        return "\n".join([head, *self.lines, f"  func.return %v{len(self.lines)} : {self.type(self.sizes)}", "}"])


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    chain = Chain(draw(st.lists(st.sampled_from([1, 2, 3, 4, 6, 8, 12]), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(1, 6))):
        sizes = chain.sizes
        dim = draw(st.integers(0, len(sizes) - 1))
        kind = draw(st.sampled_from(["slice", "permute", "split", "join", "unsqueeze", "select", "expand"]))
        if kind == "slice":
            start = draw(st.integers(0, sizes[dim] - 1))
            end, step = draw(st.integers(start + 1, sizes[dim])), draw(st.integers(1, 3))
            cut = [*sizes[:dim], -(-(end - start) // step), *sizes[dim + 1 :]]
            chain.add("aten.slice.Tensor", f", dim = {dim}, start = {start}, end = {end}, step = {step}", cut)
        elif kind == "permute":
            order = draw(st.permutations(range(len(sizes))))
            chain.add("aten.permute", f", dims = {list(order)}", [sizes[i] for i in order])
        elif kind == "split":
            inner = draw(st.sampled_from([n for n in (1, 2, 3, 4) if sizes[dim] % n == 0]))
            chain.add("aten.reshape", "", [*sizes[:dim], sizes[dim] // inner, inner, *sizes[dim + 1 :]])
        elif kind == "join" and dim + 1 < len(sizes):
            chain.add("aten.reshape", "", [*sizes[:dim], sizes[dim] * sizes[dim + 1], *sizes[dim + 2 :]])
        elif kind == "unsqueeze" and len(sizes) < 6:
            chain.add("aten.unsqueeze", f", dim = {dim}", [*sizes[:dim], 1, *sizes[dim:]])
        elif kind == "select" and len(sizes) > 1:
            index = draw(st.integers(0, sizes[dim] - 1))
            chain.add("aten.select.int", f", dim = {dim}, index = {index}", [*sizes[:dim], *sizes[dim + 1 :]])
        elif kind == "expand":
            repeated = [draw(st.integers(2, 3)) if n == 1 and draw(st.booleans()) else n for n in sizes]
            chain.add("aten.expand", "", [*([2] if draw(st.booleans()) and len(sizes) < 6 else []), *repeated])
    return chain


@given(chains())
@settings(max_examples=60, deadline=None)
def test_chains_of_views_keep_their_elements(chain: Chain) -> None:
    x = torch.arange(torch.Size(chain.start).numel()).reshape(chain.start)
    for passes in ("canonicalize-views", "canonicalize"):
        [before], [now] = run_text(chain.text(), passes, x)
        assert torch.equal(now, before), chain.text()
    once = dsv3c.opt(chain.text(), "canonicalize-views")
    assert str(dsv3c.opt(once, "canonicalize-views")) == str(once), chain.text()
    assert len(list(once.op.walk())) <= len(chain.lines) + 3, chain.text()
