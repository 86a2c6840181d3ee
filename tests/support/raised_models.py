"""Raised modules of DeepSeek models in their real shapes, written from the published configurations, without a capture.

Names are the checkpoints'.  Per layer: MLA (arXiv 2405.04434), then a dense SwiGLU or routed and shared experts.
"""

from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import ModelConfig


@dataclass
class Body:
    """Lines of one function over activations [B, S, ...]; every method returns the name of a value."""

    lines: list[str] = field(default_factory=list)

    def op(self, text: str) -> str:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"    {name} = {text}")
        return name

    def param(self, key: str, *sizes: int, element: str = "bf16") -> str:
        return self.op(f'weight.param "{key}" : {static(*sizes, element=element)}')

    def linear(self, x: str, key: str, inner: int, outer: int) -> str:
        weight = self.param(f"{key}.weight", outer, inner)
        return self.op(f"nn.linear {x}, {weight} : {act(inner)}, {static(outer, inner)} -> {act(outer)}")

    def norm(self, x: str, key: str, size: int) -> str:
        weight = self.param(f"{key}.weight", size)
        return self.op(f'nn.rms_norm {x}, {weight} eps 1.0e-06 weight_in "input" : {act(size)}, {static(size)}')

    def cut(self, x: str, *lead: int, start: int, end: int) -> str:
        dim = 2 + len(lead)
        return self.op(f"aten.slice.Tensor({x}, dim = {dim}, start = {start}, end = {end}) : {act(*lead, end - start)}")

    def add(self, left: str, right: str, size: int) -> str:
        return self.op(f"aten.add.Tensor({left}, {right}) : {act(size)}")

    def rope(self, x: str, *sizes: int) -> str:
        table = table_type(sizes[-1])
        options = 'pairs "interleaved" out "interleaved" compute "f32"'
        return self.op(f"nn.rope {x}, %cos, %sin {options} : {act(*sizes)}, {table}, {table}")

    def swiglu(self, gate: str, up: str, size: int) -> str:
        return self.op(f'nn.swiglu {gate}, {up} intermediate "input" : {act(size)}')


def act(*sizes: int, element: str = "bf16") -> str:
    return f'tensor<?x?x{"".join(f"{size}x" for size in sizes)}{element}, ["B", "S"]>'


def static(*sizes: int, element: str = "bf16") -> str:
    return f"tensor<{''.join(f'{size}x' for size in sizes)}{element}>"


def table_type(rope: int) -> str:
    return f'tensor<1x?x{rope // 2}xf32, ["S"]>'


def attention(body: Body, config: ModelConfig, x: str) -> str:
    heads, nope, rope, value = (
        config.num_attention_heads,
        config.qk_nope_head_dim,
        config.qk_rope_head_dim,
        config.v_head_dim,
    )
    hidden, latent, q_rank = config.hidden_size, config.kv_lora_rank, config.q_lora_rank
    q_size = heads * (nope + rope)
    if q_rank is None:
        query = body.linear(x, "self_attn.q_proj", hidden, q_size)
    else:
        query = body.norm(body.linear(x, "self_attn.q_a_proj", hidden, q_rank), "self_attn.q_a_layernorm", q_rank)
        query = body.linear(query, "self_attn.q_b_proj", q_rank, q_size)
    query = body.op(f"aten.view({query}) : {act(heads, nope + rope)}")
    q_nope = body.cut(query, heads, start=0, end=nope)
    q_rope = body.rope(body.cut(query, heads, start=nope, end=nope + rope), heads, rope)
    row = body.linear(x, "self_attn.kv_a_proj_with_mqa", hidden, latent + rope)
    normed = body.norm(body.cut(row, start=0, end=latent), "self_attn.kv_a_layernorm", latent)
    k_rope = body.rope(body.cut(row, start=latent, end=latent + rope), rope)
    kv = body.linear(normed, "self_attn.kv_b_proj", latent, heads * (nope + value))
    kv = body.op(f"aten.view({kv}) : {act(heads, nope + value)}")
    types = [act(heads, nope), act(heads, rope), act(heads, nope + value), act(rope)]
    out = body.op(
        f"mla.attention {q_nope}, {q_rope}, {kv}, {k_rope} scale 0.1 scores f32 probs f32 : {', '.join(types)} "
        f"-> {act(heads, value)}"
    )
    flat = body.op(f"aten.view({out}) : {act(heads * value)}")
    return body.linear(flat, "self_attn.o_proj", heads * value, hidden)


def mlp(body: Body, x: str, prefix: str, hidden: int, width: int) -> str:
    gate = body.linear(x, f"{prefix}.gate_proj", hidden, width)
    up = body.linear(x, f"{prefix}.up_proj", hidden, width)
    return body.linear(body.swiglu(gate, up, width), f"{prefix}.down_proj", width, hidden)


def experts(body: Body, config: ModelConfig, x: str) -> str:
    count, width, hidden, k = (
        config.n_routed_experts,
        config.moe_intermediate_size,
        config.hidden_size,
        config.num_experts_per_tok,
    )
    logits = body.linear(x, "mlp.gate", hidden, count)
    bias = ""
    if config.topk_method == "noaux_tc":
        name = body.param("mlp.gate.e_score_correction_bias", count, element="f32")
        bias = f"bias {name} : {static(count, element='f32')}, "
    options = f'top_k {k} scoring "{config.scoring_func}" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0'
    ids_type = act(k, element="i64")
    gate = body.op(f"moe.gate {logits} {bias}{options} : {act(count)} -> {act(k)}, {ids_type}")
    body.lines[-1] = body.lines[-1].replace(f"{gate} =", f"{gate}, {gate}i =")
    stacks = {"gate": (count, width, hidden), "up": (count, width, hidden), "down": (count, hidden, width)}
    values = list[str]()
    for name, sizes in stacks.items():
        key = f"mlp.experts.{{}}.{name}_proj.weight"
        read = f'%w = weight.stored_each "{key}" count {count} : {static(*sizes)}'
        recipe = f"{{ {read}\n weight.yield %w : {static(*sizes)} }}"
        values.append(body.op(f'weight.param "mlp.experts.{name}" : {static(*sizes)} {recipe}'))
    kinds = [act(hidden), act(k), ids_type, static(*stacks["gate"]), static(*stacks["down"])]
    routed = body.op(
        f"moe.experts {x}, {gate}, {gate}i gate {values[0]} up {values[1]} : {static(*stacks['up'])} down {values[2]} "
        f'combine_in f32 order "slot" intermediate "input" : {", ".join(kinds)} -> {act(hidden)}'
    )
    shared = mlp(body, x, "mlp.shared_experts", hidden, width * config.n_shared_experts)
    return body.add(routed, shared, hidden)


def layer(config: ModelConfig, name: str, *, dense: bool) -> str:
    body, hidden = Body(), config.hidden_size
    attended = attention(body, config, body.norm("%h", "input_layernorm", hidden))
    h = body.add("%h", attended, hidden)
    x = body.norm(h, "post_attention_layernorm", hidden)
    made = mlp(body, x, "mlp", hidden, config.intermediate_size) if dense else experts(body, config, x)
    out = body.add(h, made, hidden)
    table = table_type(config.qk_rope_head_dim)
    return (
        f"  func.func private @{name}(%h: {act(hidden)}, %cos: {table}, %sin: {table}) -> {act(hidden)} {{\n"
        + "\n".join(body.lines)
        + f"\n    func.return {out} : {act(hidden)}\n  }}\n"
    )


def main(config: ModelConfig) -> str:
    body, hidden, vocab = Body(), config.hidden_size, config.vocab_size
    ids, table = 'tensor<?x?xi64, ["B", "S"]>', table_type(config.qk_rope_head_dim)
    embedding = body.param("model.embed_tokens.weight", vocab, hidden)
    h = body.op(f"nn.embedding %ids, {embedding} : {ids}, {static(vocab, hidden)} -> {act(hidden)}")
    steps = body.op('aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>')
    steps = body.op(f'aten.unsqueeze({steps}, dim = 0) : tensor<1x?xi64, ["S"]>')
    frequencies = ", ".join(["1.0"] * (config.qk_rope_head_dim // 2))
    body.lines.append(
        f'    %cos, %sin = nn.rope_table {steps} inv_freq [{frequencies}] scaling 1.0 : tensor<1x?xi64, ["S"]> '
        f"-> {table}, {table}"
    )
    for index in range(config.num_hidden_layers):
        name = "dense" if index < config.first_k_dense_replace else "sparse"
        kind = f"({act(hidden)}, {table}, {table}) -> {act(hidden)}"
        h = body.op(f'func.call @{name}({h}, %cos, %sin) {{prefix = "model.layers.{index}"}} : {kind}')
    logits = body.linear(body.norm(h, "model.norm", hidden), "lm_head", hidden, vocab)
    return (
        f"  func.func @main(%ids: {ids}) -> {act(vocab)} {{\n"
        + "\n".join(body.lines)
        + f"\n    func.return {logits} : {act(vocab)}\n  }}\n"
    )


def raised_model(config: ModelConfig) -> ModuleOp:
    """The module of a configuration, verified."""
    parts = [
        'builtin.module attributes {dsv3c.facts = ["raised"]} {\n',
        "  dsv3c.symbol @B min 1\n  dsv3c.symbol @S min 2 max 163840\n",
        layer(config, "dense", dense=True),
        layer(config, "sparse", dense=False),
        main(config),
        "}\n",
    ]
    module = parse_module(make_context(), "".join(parts), f"{config.name}.mlir")
    verify_module(module)
    return module
