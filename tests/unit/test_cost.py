"""Costs against numbers worked out by hand, and against the figures DeepSeek publishes."""

import pytest
from xdsl.dialects.builtin import IndexType, ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.cost import (
    CostClass,
    Env,
    entry_cost,
    unraised_core,
)
from dsv3c.ir.cost_model import Cost, element_bytes, step_pairs
from dsv3c.ir.errors import IRError
from dsv3c.ir.sizes import SizeError
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

CACHE = '!mla.cache<"pages" x 4, latent 16 x bf16, rope 4 x bf16>'
TABLES = (
    '%pos: tensor<?xi32, ["T"]>, %off: tensor<?xi32, ["N + 1"]>, %bt: tensor<?x?xi32, ["N", "P"]>, '
    '%ctx: tensor<?xi32, ["N"]>'
)
DECLARED = "\n".join(f"dsv3c.symbol @{name} min 0" for name in ("B", "S", "T", "N", "P", "C", "pages"))
STEP = Env.step(tokens=6, sequences=2, context=10, page_size=4)
"""Three new tokens for each of two sequences, which then hold 10 tokens in 3 pages."""


def module_of(text: str) -> ModuleOp:
    module = parse_module(make_context(), f"{DECLARED}\n{text}")
    verify_module(module)
    return module


def cost_of(arguments: str, body: str, kind: CostClass, env: Env = STEP) -> Cost:
    """The one class of cost of a private function's body: its results go to an op that keeps them alive."""
    module = module_of(f"func.func private @f({arguments}) {{\n{body}\nfunc.return\n}}")
    totals = entry_cost(module, "f", env)
    assert totals.uncosted.keys() <= {"test.op"}
    return totals.of(kind)


def keep(*values: str) -> str:
    names, types = zip(*(value.split(" : ", 1) for value in values), strict=True)
    return f'"test.op"({", ".join(names)}) : ({", ".join(types)}) -> ()'


X = 'tensor<?x8xbf16, ["T"]>'


def test_linear_reads_its_weight_once() -> None:
    wide = 'tensor<?x12xbf16, ["T"]>'
    cost = cost_of(
        f"%x: {X}",
        '%w = weight.param "w" : tensor<12x8xbf16>\n'
        f"%y = nn.linear %x, %w : {X}, tensor<12x8xbf16> -> {wide}\n{keep(f'%y : {wide}')}",
        CostClass.PROJECTIONS,
    )
    assert cost == Cost(
        kind=CostClass.PROJECTIONS,
        flops=2 * 6 * 8 * 12,
        weight_bytes_read=2 * 8 * 12,
        activation_bytes_read=2 * 6 * 8,
        activation_bytes_written=2 * 6 * 12,
    )


def test_operand_used_twice_is_read_once_and_views_are_free() -> None:
    square = 'tensor<?x8xbf16, ["T"]>'
    cost = cost_of(
        f"%x: {X}",
        f"%y = aten.mul.Tensor(%x, %x) : {square}\n"
        '%v = aten.view(%y) : tensor<?x2x4xbf16, ["T"]>\n' + keep('%v : tensor<?x2x4xbf16, ["T"]>'),
        CostClass.ELEMENTWISE,
    )
    assert (cost.flops, cost.activation_bytes_read, cost.activation_bytes_written) == (48, 96, 96)


def test_a_weight_behind_a_view_is_a_weight() -> None:
    wide = 'tensor<?x12xbf16, ["T"]>'
    cost = cost_of(
        f"%x: {X}",
        '%w = weight.param "w" : tensor<12x8xbf16>\n'
        "%t = aten.t(%w) : tensor<8x12xbf16>\n"
        f"%y = aten.mm(%x, %t) : {wide}\n{keep(f'%y : {wide}')}",
        CostClass.PROJECTIONS,
    )
    assert (cost.flops, cost.weight_bytes_read, cost.activation_bytes_read) == (1152, 192, 96)


def test_ops_whose_results_nothing_needs_cost_nothing() -> None:
    assert cost_of(f"%x: {X}", f"%y = aten.mul.Tensor(%x, %x) : {X}", CostClass.ELEMENTWISE).flops == 0


def test_head_linear() -> None:
    x, y = 'tensor<?x3x8xbf16, ["T"]>', 'tensor<?x3x5xbf16, ["T"]>'
    cost = cost_of(
        f"%x: {x}",
        '%w = weight.param "w" : tensor<3x5x8xbf16>\n'
        f"%y = nn.head_linear %x, %w : {x}, tensor<3x5x8xbf16> -> {y}\n{keep(f'%y : {y}')}",
        CostClass.PROJECTIONS,
    )
    assert (cost.flops, cost.weight_bytes_read) == (2 * 6 * 3 * 5 * 8, 2 * 3 * 5 * 8)


@pytest.mark.parametrize(("vocabulary", "rows"), [(100, 6), (4, 4)], ids=["rows", "at-most-the-table"])
def test_embedding_reads_the_rows_it_looks_up(vocabulary: int, rows: int) -> None:
    ids = 'tensor<?xi64, ["T"]>'
    cost = cost_of(
        f"%ids: {ids}",
        f'%w = weight.param "w" : tensor<{vocabulary}x8xbf16>\n'
        f"%y = nn.embedding %ids, %w : {ids}, tensor<{vocabulary}x8xbf16> -> {X}\n{keep(f'%y : {X}')}",
        CostClass.EMBEDDING,
    )
    assert (cost.flops, cost.weight_bytes_read) == (0, rows * 16)
    assert (cost.activation_bytes_read, cost.activation_bytes_written) == (48, 96)


def test_norm_rope_swiglu_and_table() -> None:
    table = 'tensor<?x2xf32, ["T"]>'
    cost = cost_of(
        f'%x: {X}, %p: tensor<?xi32, ["T"]>',
        '%w = weight.param "w" : tensor<8xbf16>\n'
        f'%n = nn.rms_norm %x, %w eps 1.0e-06 weight_in "input" : {X}, tensor<8xbf16>\n'
        f'%s = nn.swiglu %n, %x intermediate "input" : {X}\n'
        f'%c, %i = nn.rope_table %p inv_freq [1.0, 0.5] scaling 1.0 : tensor<?xi32, ["T"]> -> {table}, {table}\n'
        f'%k = aten.slice.Tensor(%s, dim = 1, start = 0, end = 4) : tensor<?x4xbf16, ["T"]>\n'
        f'%r = nn.rope %k, %c, %i pairs "half" out "half" compute "f32" : tensor<?x4xbf16, ["T"]>, {table}, {table}\n'
        + keep('%r : tensor<?x4xbf16, ["T"]>'),
        CostClass.ELEMENTWISE,
    )
    assert cost.flops == 4 * 48 + 5 * 48 + 5 * 12 + 3 * 24
    assert cost.weight_bytes_read == 16


def test_last_tokens_reads_one_row_per_sequence() -> None:
    last = 'tensor<?x8xbf16, ["N"]>'
    cost = cost_of(
        f'%h: {X}, %off: tensor<?xi32, ["N + 1"]>',
        f'%y = nn.last_tokens %h, %off : {X}, tensor<?xi32, ["N + 1"]> -> {last}\n{keep(f"%y : {last}")}',
        CostClass.MOVEMENT,
    )
    assert (cost.activation_bytes_read, cost.activation_bytes_written) == (32 + 12, 32)


def test_the_tables_of_a_part_are_read_and_written() -> None:
    table, offsets, lens = (f"tensor<{kind}>" for kind in ('?x?xi32, ["N", "P"]', '?xi32, ["N + 1"]', '?xi32, ["N"]'))
    cost = cost_of(
        f"%off: {offsets}, %bt: {table}, %ctx: {lens}",
        f'%o, %t, %l = nn.step_part %off, %bt, %ctx first "0" count "T" keep "all" : {offsets}, {table}, {lens} '
        f"-> {offsets}, {table}, {lens}\n{keep(f'%o : {offsets}')}",
        CostClass.MOVEMENT,
    )
    assert (cost.activation_bytes_read, cost.activation_bytes_written) == (44, 44)
    assert cost.flops == 0


def test_dense_attention_counts_the_causal_half() -> None:
    q, k, v, o = (f'tensor<?x?x{sizes}xbf16, ["B", "S"]>' for sizes in ("4x8", "2x8", "2x6", "4x6"))
    cost = cost_of(
        f"%q: {q}, %k: {k}, %v: {v}",
        f"%o = nn.attention %q, %k, %v scale 1.0 scores f32 probs f32 : {q}, {k}, {v} -> {o}\n{keep(f'%o : {o}')}",
        CostClass.ATTENTION,
        Env(sizes={"B": 3, "S": 5}),
    )
    assert cost.flops == 3 * (1 + 2 + 3 + 4 + 5) * 2 * 4 * (8 + 6)
    assert cost.activation_bytes_read == 2 * 15 * (32 + 16 + 12)


def test_expanded_attention_sees_the_context_up_to_each_query() -> None:
    types = [f'tensor<?x{sizes}xbf16, ["{lead}"]>' for sizes, lead in (("2x8", "T"), ("2x4", "T"), ("2x14", "C"))]
    key, out = 'tensor<?x4xbf16, ["C"]>', 'tensor<?x2x6xbf16, ["T"]>'
    tables = 'tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]>'
    cost = cost_of(
        f"%q: {types[0]}, %r: {types[1]}, %kv: {types[2]}, %k: {key}, {TABLES}",
        f"%o = mla.expanded_attention %q, %r, %kv, %k at %pos, %off, %ctx scale 1.0 scores f32 probs f32 : "
        f"{', '.join([*types, key])}, {tables} -> {out}\n{keep(f'%o : {out}')}",
        CostClass.ATTENTION,
    )
    assert cost.flops == 2 * (8 + 9 + 10) * 2 * 2 * (8 + 4 + 6)
    assert cost.cache_bytes_read == 0


ABSORBED = (
    "%o = mla.absorbed_attention %q, %r, %cache at %pos, %off, %bt, %ctx scale 1.0 scores f32 probs f32 : "
    'tensor<?x2x16xbf16, ["T"]>, tensor<?x2x4xbf16, ["T"]>, '
    f'{CACHE}, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> '
    '-> tensor<?x2x16xbf16, ["T"]>\n'
)
ABSORBED_ARGUMENTS = f'%q: tensor<?x2x16xbf16, ["T"]>, %r: tensor<?x2x4xbf16, ["T"]>, %cache: {CACHE}, {TABLES}'


def test_absorbed_attention_reads_every_cached_row_once() -> None:
    body = ABSORBED + keep('%o : tensor<?x2x16xbf16, ["T"]>')
    cost = cost_of(ABSORBED_ARGUMENTS, body, CostClass.ATTENTION)
    assert cost.flops == 2 * (8 + 9 + 10) * 2 * 2 * (16 + 4 + 16)
    assert cost.cache_bytes_read == 2 * 10 * (16 + 4) * 2


def test_absorbed_attention_without_a_context_length_is_an_error() -> None:
    body = ABSORBED + keep('%o : tensor<?x2x16xbf16, ["T"]>')
    with pytest.raises(SizeError, match="context length"):
        cost_of(ABSORBED_ARGUMENTS, body, CostClass.ATTENTION, Env(sizes=STEP.sizes))


def test_append_and_gather_move_cache_rows() -> None:
    latent, key = 'tensor<?x16xbf16, ["T"]>', 'tensor<?x4xbf16, ["T"]>'
    out = 'tensor<?x16xbf16, ["C"]>', 'tensor<?x4xbf16, ["C"]>'
    tables = 'tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>'
    cost = cost_of(
        f"%l: {latent}, %k: {key}, %cache: {CACHE}, {TABLES}",
        f"%new = mla.append %l, %k to %cache at %pos, %off, %bt : {latent}, {key}, {CACHE}, {tables} -> {CACHE}\n"
        f'%a, %b = mla.gather %new, %ctx, %bt : {CACHE}, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> '
        f"-> {out[0]}, {out[1]}\n{keep(f'%a : {out[0]}', f'%b : {out[1]}')}",
        CostClass.MOVEMENT,
    )
    assert (cost.cache_bytes_written, cost.cache_bytes_read) == (6 * 40, 20 * 40)
    assert cost.activation_bytes_written == 20 * 40


EXPERTS = (
    '%g = weight.param "gate_up" : tensor<16x12x8xbf16>\n%d = weight.param "down" : tensor<16x8x6xbf16>\n'
    f'%y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : {X}, '
    f'tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16x12x8xbf16>, tensor<16x8x6xbf16> -> {X}\n'
)


def test_experts_read_the_weights_of_those_hit() -> None:
    cost = cost_of(
        f'%x: {X}, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>',
        EXPERTS + keep(f"%y : {X}"),
        CostClass.EXPERTS,
    )
    assert cost.flops == 6 * 4 * 2 * (8 * 12 + 6 * 8)
    hit = 16 * (1 - (12 / 16) ** 6)
    assert cost.weight_bytes_read == pytest.approx(hit * 2 * (12 * 8 + 8 * 6))
    assert cost.activation_bytes_read == 6 * 16 + 6 * 4 * (4 + 8)


def test_gate_is_the_routers_and_so_is_the_product_before_it() -> None:
    logits, out = 'tensor<?x16xbf16, ["T"]>', 'tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>'
    cost = cost_of(
        f"%x: {X}",
        '%w = weight.param "gate" : tensor<16x8xbf16>\n'
        f"%l = nn.linear %x, %w : {X}, tensor<16x8xbf16> -> {logits}\n"
        '%p, %ids = moe.gate %l top_k 4 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : '
        f"{logits} -> {out}\n" + keep('%ids : tensor<?x4xi64, ["T"]>'),
        CostClass.ROUTER,
    )
    assert cost.flops == 2 * 6 * 8 * 16 + 4 * 6 * 16


def test_dequantize_in_a_body_is_elementwise() -> None:
    cost = cost_of(
        "",
        '%q = weight.param "q" : tensor<4x6xf8E4M3FN>\n%s = weight.param "s" : tensor<2x2xf32>\n'
        "%w = weight.dequantize %q, %s block [2, 3] : tensor<4x6xf8E4M3FN>, tensor<2x2xf32> -> tensor<4x6xbf16>\n"
        + keep("%w : tensor<4x6xbf16>"),
        CostClass.ELEMENTWISE,
    )
    assert (cost.flops, cost.weight_bytes_read, cost.activation_bytes_written) == (24, 24 + 16, 48)


@pytest.mark.parametrize(
    ("body", "kind", "flops", "weight_bytes", "read"),
    [
        ('%y = aten.einsum(equation = "ij,kj->ik", [%a, %b]) : tensor<4x6xf32>', CostClass.ATTENTION, 240, 0, 200),
        ("%y = aten.linear(%a, %b) : tensor<4x6xf32>", CostClass.ATTENTION, 240, 0, 200),
        ("%y = aten.add.Tensor(%a, %a) : tensor<4x5xf32>", CostClass.ELEMENTWISE, 20, 0, 80),
        ("%y = aten.sum.dim_IntList(%a, dim = [1]) : tensor<4xf32>", CostClass.ELEMENTWISE, 20, 0, 80),
        ("%y = aten.cat([%a, %b], dim = 0) : tensor<10x5xf32>", CostClass.MOVEMENT, 0, 0, 200),
        ("%y = aten.index.Tensor(%b, [%i]) : tensor<3x5xf32>", CostClass.MOVEMENT, 0, 0, 60 + 24),
        ("%y = aten.embedding(%b, %i) : tensor<3x5xf32>", CostClass.EMBEDDING, 0, 0, 60 + 24),
        (
            "%y = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true) : tensor<2x4x7xf32>",
            CostClass.ATTENTION,
            2 * 2 * 10 * (5 + 7),
            0,
            4 * (40 + 40 + 56),
        ),
        (
            "%y = aten.scaled_dot_product_attention(%q, %k, %v) : tensor<2x4x7xf32>",
            CostClass.ATTENTION,
            2 * 2 * 16 * (5 + 7),
            0,
            4 * (40 + 40 + 56),
        ),
    ],
    ids=["einsum", "product", "map", "reduction", "cat", "index", "embedding", "causal", "full"],
)
def test_captured_families(body: str, kind: CostClass, flops: float, weight_bytes: float, read: float) -> None:
    result = body.partition(" : ")[2]
    arguments = (
        "%a: tensor<4x5xf32>, %b: tensor<6x5xf32>, %i: tensor<3xi64>, "
        "%q: tensor<2x4x5xf32>, %k: tensor<2x4x5xf32>, %v: tensor<2x4x7xf32>"
    )
    cost = cost_of(arguments, f"{body}\n{keep(f'%y : {result}')}", kind)
    assert (cost.flops, cost.weight_bytes_read, cost.activation_bytes_read) == (flops, weight_bytes, read)


def test_grouped_product_reads_equally_likely_experts() -> None:
    cost = cost_of(
        "%x: tensor<6x8xbf16>, %offs: tensor<4xi32>",
        '%w = weight.param "w" : tensor<4x8x5xbf16>\n'
        f"%y = aten._grouped_mm(%x, %w, offs = %offs) : tensor<6x5xbf16>\n{keep('%y : tensor<6x5xbf16>')}",
        CostClass.EXPERTS,
    )
    assert cost.flops == 2 * 6 * 8 * 5
    assert cost.weight_bytes_read == pytest.approx(4 * 8 * 5 * 2 * (1 - 0.75**6))


def test_matrix_like_op_without_a_formula_is_listed_and_not_guessed() -> None:
    module = module_of(
        "func.func @main(%a: tensor<4xf32>) -> tensor<f32> {\n"
        "%y = aten.dot(%a, %a) : tensor<f32>\nfunc.return %y : tensor<f32>\n}"
    )
    totals = entry_cost(module, "main", STEP)
    assert totals.uncosted == {"aten.dot": 1}
    assert totals.costs == {}
    assert unraised_core(module) == {"aten.dot": 1}


def test_a_symbol_without_a_value_is_named() -> None:
    module = module_of(f"func.func @main(%x: {X}) -> {X} {{\n%y = aten.neg(%x) : {X}\nfunc.return %y : {X}\n}}")
    with pytest.raises(SizeError, match="symbol T"):
        entry_cost(module, "main", Env(sizes={"S": 4}))


def test_elements_without_a_size_are_an_error() -> None:
    with pytest.raises(IRError, match="no size in bytes"):
        element_bytes(IndexType())


def test_step_pairs_by_enumeration() -> None:
    for sequences, query, context in ((1, 1, 7), (3, 1, 5), (2, 4, 4), (2, 3, 9)):
        seen = sum(context - query + 1 + i for i in range(query)) * sequences
        assert step_pairs(sequences * query, sequences, context) == seen
    assert step_pairs(0, 0, 5) == 0


def test_step_raises_a_context_shorter_than_the_new_tokens() -> None:
    env = Env.step(tokens=10, sequences=2, context=3, page_size=4)
    assert env.context == 5
    assert env.sizes == {"T": 10, "N": 2, "C": 10, "P": 2, "pages": 4, "N_0": 1, "N_1": 1, "C_0": 5, "C_1": 5}


@pytest.mark.parametrize(
    ("tokens", "sequences", "held", "expected"),
    [
        (4096, 1, 8192, (1, 1, 6144, 8192)),  # one prompt: its second half is no context of the first
        (9, 3, 5, (2, 2, 9, 10)),  # the second of three prompts lies on both sides of token 5
        (128, 128, 100, (64, 64, 6400, 6400)),
        (3, 3, 7, (2, 1, 14, 7)),
        (0, 2, 5, (0, 0, 0, 0)),
    ],
)
def test_halves_of_a_step(tokens: int, sequences: int, held: int, expected: tuple[int, ...]) -> None:
    sizes = Env.step(tokens=tokens, sequences=sequences, context=held, page_size=4).sizes
    assert tuple(sizes[name] for name in ("N_0", "N_1", "C_0", "C_1")) == expected
    pairs = [
        step_pairs(count, rows, context / max(1, rows))
        for count, rows, context in zip(((tokens + 1) // 2, tokens // 2), expected[:2], expected[2:], strict=True)
    ]
    if tokens % 2 == 0:
        assert sum(pairs) == pytest.approx(step_pairs(tokens, sequences, held))
