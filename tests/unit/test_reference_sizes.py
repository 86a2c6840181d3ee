"""A size that calls bring along is what the last call brought: rows of one layer are not those of the next."""

import torch
from roundtrip import parse

from dsv3c.backends.reference.bindings import Sizes
from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.mla import new_cache
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.weights import RandomWeights

CACHE = '!mla.cache<"pages" x 4, latent 2 x f32, rope 2 x f32>'
LENS, TABLE, ROWS = 'tensor<?xi32, ["N"]>', 'tensor<?x?xi32, ["N", "P"]>', 'tensor<?x2xf32, ["C"]>'
TEXT = f"""
dsv3c.symbol @N min 0
dsv3c.symbol @P min 0
dsv3c.symbol @C min 0
dsv3c.symbol @pages min 0
func.func private @gather(%c: {CACHE}, %l: {LENS}, %t: {TABLE}) -> {ROWS} {{
  %rows, %rope = mla.gather %c, %l, %t : {CACHE}, {LENS}, {TABLE} -> {ROWS}, {ROWS}
  func.return %rows : {ROWS}
}}
func.func private @zeros(%rows: {ROWS}) -> tensor<?xf32, ["2*C + 1"]> {{
  %zeros = aten.new_zeros(%rows) : tensor<?xf32, ["2*C + 1"]>
  func.return %zeros : tensor<?xf32, ["2*C + 1"]>
}}
func.func @main(%c: {CACHE}, %l: {LENS}, %m: {LENS}, %t: {TABLE})
    -> (tensor<?xf32, ["2*C + 1"]>, tensor<?xf32, ["2*C + 1"]>) {{
  %r0 = func.call @gather(%c, %l, %t) {{prefix = ""}} : ({CACHE}, {LENS}, {TABLE}) -> {ROWS}
  %z0 = func.call @zeros(%r0) {{prefix = ""}} : ({ROWS}) -> tensor<?xf32, ["2*C + 1"]>
  %r1 = func.call @gather(%c, %m, %t) {{prefix = ""}} : ({CACHE}, {LENS}, {TABLE}) -> {ROWS}
  %z1 = func.call @zeros(%r1) {{prefix = ""}} : ({ROWS}) -> tensor<?xf32, ["2*C + 1"]>
  func.return %z0, %z1 : tensor<?xf32, ["2*C + 1"]>, tensor<?xf32, ["2*C + 1"]>
}}
"""


def test_the_executor_binds_what_a_call_brings_anew() -> None:
    module = parse(TEXT)
    cache = new_cache(4, 4, 2, 2, latent_dtype=torch.float32, rope_dtype=torch.float32)
    lens = [torch.tensor(lengths, dtype=torch.int32) for lengths in ([3, 1], [5, 6])]
    table = torch.tensor([[0, 1], [2, 3]], dtype=torch.int32)
    results = Executor(module, RandomWeights(0, required_headers(module))).run("main", cache, *lens, table)
    assert [list(result.shape) for result in results if isinstance(result, torch.Tensor)] == [[9], [23]]


def test_programs_bind_it_anew() -> None:
    lines = emit_program(parse(TEXT))["program.py"].splitlines()
    bound = [index for index, line in enumerate(lines) if line.strip() in ("C = r0.shape[0]", "C = r1.shape[0]")]
    calls = [index for index, line in enumerate(lines) if "= zeros(p, C, " in line]
    assert len(bound) == len(calls) == 2
    assert bound[0] < calls[0] < bound[1] < calls[1]


def test_forgotten_sizes_take_what_depends_on_them_along() -> None:
    sizes = Sizes({"T": 3, "R": 5})
    assert (sizes["2*R + T"], sizes["2*T"]) == (13, 6)
    sizes.forget(frozenset({"R"}))
    assert sizes == {"T": 3, "2*T": 6}
