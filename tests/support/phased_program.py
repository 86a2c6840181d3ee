"""A small phased program in text: two MLA + MoE layers, once expanded (prefill) and once absorbed (decode)."""

from typing import Literal

TABLES = (
    '%positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, '
    '%block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>'
)
TABLE_VALUES = "%positions, %seq_offsets, %block_table, %context_lens"
TABLE_TYPES = 'tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>'
CACHE = '!mla.cache<"pages" x 4, latent 16 x {e}, rope 4 x {e}>'

HEADER = """
dsv3c.symbol @T min 0 max 4096
dsv3c.symbol @N min 0
dsv3c.symbol @P min 1
dsv3c.symbol @C min 0
dsv3c.symbol @pages min 1
"""

LAYER = """
func.func private @{phase}.layer(%x: tensor<?x32x{e}, ["T"]>, %cos: tensor<?x2x{e}, ["T"]>,
    %sin: tensor<?x2x{e}, ["T"]>, {tables}, %cache: {cache})
    -> (tensor<?x32x{e}, ["T"]>, {cache}) {{
  %w_in = weight.param "norm.weight" : tensor<32x{e}>
  %h = nn.rms_norm %x, %w_in eps 1.0e-06 weight_in "input" : tensor<?x32x{e}, ["T"]>, tensor<32x{e}>
  %w_q = weight.param "q.weight" : tensor<24x32x{e}>
  %q = nn.linear %h, %w_q : tensor<?x32x{e}, ["T"]>, tensor<24x32x{e}> -> tensor<?x24x{e}, ["T"]>
  %qh = aten.view(%q) : tensor<?x2x12x{e}, ["T"]>
  %q_nope = aten.slice.Tensor(%qh, dim = 2, start = 0, end = 8) : tensor<?x2x8x{e}, ["T"]>
  %q_pe = aten.slice.Tensor(%qh, dim = 2, start = 8, end = 12) : tensor<?x2x4x{e}, ["T"]>
  %q_rope = nn.rope %q_pe, %cos, %sin pairs "interleaved" out "half" compute "input"
    : tensor<?x2x4x{e}, ["T"]>, tensor<?x2x{e}, ["T"]>, tensor<?x2x{e}, ["T"]>
  %w_kv_a = weight.param "kv_a.weight" : tensor<20x32x{e}> {{
    %a = weight.stored "latent.weight" : tensor<16x32x{e}>
    %b = weight.stored "rope.weight" : tensor<4x32x{e}>
    %ab = aten.cat([%a, %b]) : tensor<20x32x{e}>
    weight.yield %ab : tensor<20x32x{e}>
  }}
  %kv_a = nn.linear %h, %w_kv_a : tensor<?x32x{e}, ["T"]>, tensor<20x32x{e}> -> tensor<?x20x{e}, ["T"]>
  %c = aten.slice.Tensor(%kv_a, dim = 1, start = 0, end = 16) : tensor<?x16x{e}, ["T"]>
  %k_pe = aten.slice.Tensor(%kv_a, dim = 1, start = 16, end = 20) : tensor<?x4x{e}, ["T"]>
  %k_rope = nn.rope %k_pe, %cos, %sin pairs "interleaved" out "half" compute "input"
    : tensor<?x4x{e}, ["T"]>, tensor<?x2x{e}, ["T"]>, tensor<?x2x{e}, ["T"]>
  %new = mla.append %c, %k_rope to %cache at %positions, %seq_offsets, %block_table
    : tensor<?x16x{e}, ["T"]>, tensor<?x4x{e}, ["T"]>, {cache}, tensor<?xi32, ["T"]>,
      tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> {cache}
{attention}
  %flat = aten.view(%o) : tensor<?x16x{e}, ["T"]>
  %w_o = weight.param "o.weight" : tensor<32x16x{e}>
  %y = nn.linear %flat, %w_o : tensor<?x16x{e}, ["T"]>, tensor<32x16x{e}> -> tensor<?x32x{e}, ["T"]>
  %z = aten.add.Tensor(%x, %y) : tensor<?x32x{e}, ["T"]>
  %w_gate = weight.param "gate.weight" : tensor<4x32x{e}>
  %bias = weight.param "gate.e_score_correction_bias" : tensor<4xf32>
  %logits = nn.linear %z, %w_gate : tensor<?x32x{e}, ["T"]>, tensor<4x32x{e}> -> tensor<?x4xf32, ["T"]>
  %weights, %ids = moe.gate %logits bias %bias : tensor<4xf32>, top_k 2 scoring "sigmoid" groups 2 keep 2
    group_score "top2_sum" mask "-inf" renormalize 1.0e-20 scale 2.5 any_order
    : tensor<?x4xf32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %w_up = weight.param "gate_up" : tensor<4x16x32x{e}> {{
    %g = weight.stored_each "experts.{{}}.gate.weight" count 4 : tensor<4x8x32x{e}>
    %u = weight.stored_each "experts.{{}}.up.weight" count 4 : tensor<4x8x32x{e}>
    %gu = aten.cat([%g, %u], dim = 1) : tensor<4x16x32x{e}>
    weight.yield %gu : tensor<4x16x32x{e}>
  }}
  %w_down = weight.param "down" : tensor<4x32x8x{e}>
  %m = moe.experts %z, %weights, %ids gate %w_up down %w_down combine_in f32 order "slot" intermediate "input"
    : tensor<?x32x{e}, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x16x32x{e}>,
      tensor<4x32x8x{e}> -> tensor<?x32x{e}, ["T"]>
  %r = aten.add.Tensor(%z, %m) : tensor<?x32x{e}, ["T"]>
  func.return %r, %new : tensor<?x32x{e}, ["T"]>, {cache}
}}
"""

EXPANDED = """
  %lat, %lat_rope = mla.gather %new, %context_lens, %block_table
    : {cache}, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x16x{e}, ["C"]>, tensor<?x4x{e}, ["C"]>
  %w_kv_b = weight.param "kv_b.weight" : tensor<32x16x{e}>
  %kv_flat = nn.linear %lat, %w_kv_b : tensor<?x16x{e}, ["C"]>, tensor<32x16x{e}> -> tensor<?x32x{e}, ["C"]>
  %kv = aten.view(%kv_flat) : tensor<?x2x16x{e}, ["C"]>
  %o = mla.expanded_attention %q_nope, %q_rope, %kv, %lat_rope at %positions, %seq_offsets, %context_lens
    scale 0.288675134594812866 scores f32 probs f32
    : tensor<?x2x8x{e}, ["T"]>, tensor<?x2x4x{e}, ["T"]>, tensor<?x2x16x{e}, ["C"]>, tensor<?x4x{e}, ["C"]>,
      tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x8x{e}, ["T"]>
"""

ABSORBED = """
  %w_uk = weight.param "kv_b_k" : tensor<2x16x8x{e}> {{
    %b0 = weight.stored "kv_b.weight" : tensor<32x16x{e}>
    %b1 = aten.view(%b0) : tensor<2x16x16x{e}>
    %b2 = aten.slice.Tensor(%b1, dim = 1, start = 0, end = 8) : tensor<2x8x16x{e}>
    %b3 = aten.permute(%b2, dims = [0, 2, 1]) : tensor<2x16x8x{e}>
    weight.yield %b3 : tensor<2x16x8x{e}>
  }}
  %w_uv = weight.param "kv_b_v" : tensor<2x8x16x{e}> {{
    %b0 = weight.stored "kv_b.weight" : tensor<32x16x{e}>
    %b1 = aten.view(%b0) : tensor<2x16x16x{e}>
    %b2 = aten.slice.Tensor(%b1, dim = 1, start = 8, end = 16) : tensor<2x8x16x{e}>
    weight.yield %b2 : tensor<2x8x16x{e}>
  }}
  %q_lat = nn.head_linear %q_nope, %w_uk : tensor<?x2x8x{e}, ["T"]>, tensor<2x16x8x{e}> -> tensor<?x2x16x{e}, ["T"]>
  %o_lat = mla.absorbed_attention %q_lat, %q_rope, %new at %positions, %seq_offsets, %block_table, %context_lens
    scale 0.288675134594812866 scores f32 probs f32
    : tensor<?x2x16x{e}, ["T"]>, tensor<?x2x4x{e}, ["T"]>, {cache}, tensor<?xi32, ["T"]>,
      tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x2x16x{e}, ["T"]>
  %o = nn.head_linear %o_lat, %w_uv : tensor<?x2x16x{e}, ["T"]>, tensor<2x8x16x{e}> -> tensor<?x2x8x{e}, ["T"]>
"""

ENTRY = """
func.func @{phase}(%tokens: tensor<?xi64, ["T"]>, {tables}, %cache_0: {cache}, %cache_1: {cache})
    -> (tensor<?x50x{e}, ["N"]>, {cache}, {cache}) attributes {{phase = {{name = "{phase}",
      min_query = {low} : i64, max_query = {high} : i64, tokens = 1 : i64, sequences = 1 : i64, context = 1 : i64}}}} {{
  %w_e = weight.param "embed_tokens.weight" : tensor<50x32x{e}>
  %x = nn.embedding %tokens, %w_e : tensor<?xi64, ["T"]>, tensor<50x32x{e}> -> tensor<?x32x{e}, ["T"]>
  %cos, %sin = nn.rope_table %positions inv_freq [1.0, 0.25] scaling 1.0
    : tensor<?xi32, ["T"]> -> tensor<?x2x{e}, ["T"]>, tensor<?x2x{e}, ["T"]>
  %h0, %new_0 = func.call @{phase}.layer(%x, %cos, %sin, {values}, %cache_0) {{prefix = "layers.0"}} : {call}
  %h1, %new_1 = func.call @{phase}.layer(%h0, %cos, %sin, {values}, %cache_1) {{prefix = "layers.1"}} : {call}
  %last = nn.last_tokens %h1, %seq_offsets
    : tensor<?x32x{e}, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x32x{e}, ["N"]>
  %w_head = weight.param "lm_head.weight" : tensor<50x32x{e}>
  %logits = nn.linear %last, %w_head : tensor<?x32x{e}, ["N"]>, tensor<50x32x{e}> -> tensor<?x50x{e}, ["N"]>
  func.return %logits, %new_0, %new_1 : tensor<?x50x{e}, ["N"]>, {cache}, {cache}
}}
"""


def phased_text(
    element: Literal["bf16", "f32"] = "bf16", *, prefill: tuple[int, int] = (1, 4096), decode: tuple[int, int] = (1, 1)
) -> str:
    """``@prefill`` attends expanded and ``@decode`` absorbed; both can take any number of tokens and state these."""
    cache = CACHE.format(e=element)
    x, table = f'tensor<?x32x{element}, ["T"]>', f'tensor<?x2x{element}, ["T"]>'
    call = f"({x}, {table}, {table}, {TABLE_TYPES}, {cache}) -> ({x}, {cache})"
    parts = [HEADER]
    for phase, attention, (low, high) in (("prefill", EXPANDED, prefill), ("decode", ABSORBED, decode)):
        body = attention.format(e=element, cache=cache)
        parts.append(LAYER.format(phase=phase, e=element, cache=cache, tables=TABLES, attention=body))
        fields = {"phase": phase, "low": low, "high": high, "e": element, "cache": cache, "call": call}
        parts.append(ENTRY.format(**fields, tables=TABLES, values=TABLE_VALUES))
    return "".join(parts)
