"""PyTorch models whose Linears and experts compute in FP8 by a given product: what compiled programs must equal.

Everything that the recipe leaves alone (norms, RoPE, attention core, router, embedding, head) stays the model's own.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dsv3c.models.deepseek_v3 import Attention, Experts
from dsv3c.models.semantics import combine_by_slot

Product = Callable[[Tensor, Tensor], Tensor]
"""``(x [..., K], w [N, K]) -> y [..., N]`` in x's type."""


def patch(model: nn.Module, product: Product, *, kept: tuple[str, ...] = ("lm_head",)) -> list[str]:
    """Make every ``nn.Linear`` but those in ``kept``, and every expert function, use ``product``; returns the names."""
    names = list[str]()
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] not in kept:
            module.forward = linear_forward(module, product)  # pyright: ignore[reportAttributeAccessIssue]
            names.append(name)
        elif isinstance(module, Experts) or type(module).__name__ == "DeepseekV3Experts":
            module.forward = experts_forward(module, product)  # pyright: ignore[reportAttributeAccessIssue]
            names.append(name)
    return names


def linear_forward(module: nn.Linear, product: Product) -> Callable[[Tensor], Tensor]:
    """The forward of one Linear."""
    assert module.bias is None
    return lambda x: product(x, module.weight)


def experts_forward(module: nn.Module, product: Product) -> Callable[..., Tensor]:
    """Expert by expert: gate and up rows in one product, SwiGLU in the model's type, down, the model's own combine."""
    combine = module.combine if isinstance(module, Experts) else combine_by_slot

    def forward(x_TD: Tensor, first: Tensor, second: Tensor) -> Tensor:
        # transformers passes the ids first
        weights_TK, ids_TK = (first, second) if first.is_floating_point() else (second, first)
        ids_M = ids_TK.reshape(-1)
        order_M = torch.argsort(ids_M, stable=True)
        x_MD = x_TD[order_M // ids_TK.shape[1]]
        y_MD = torch.empty_like(x_MD)
        gate_up, down = module.get_parameter("gate_up_proj"), module.get_parameter("down_proj")
        for expert in ids_M.unique().tolist():
            rows = ids_M[order_M] == expert
            gate, up = product(x_MD[rows], gate_up[expert]).chunk(2, dim=-1)
            y_MD[rows] = product(F.silu(gate) * up, down[expert])
        return combine(y_MD, weights_TK, order_M)

    return forward


def absorb(model: nn.Module) -> None:
    """Make our model's attention attend in the latent space (arXiv 2405.04434, section 2.1.2), in f64 with roundings.

    ``q'_h = W_UK_h^T q_nope_h``; scores ``scale * (q'_h . c + q_rope_h . k_rope)``; ``o_h = W_UV_h (p_h c)``.  q', the
    latent output and o are rounded to the model's type; scores and probabilities as the model's own attention does.
    """
    for module in model.modules():
        if isinstance(module, Attention):
            module.forward = absorbed_forward(module)  # pyright: ignore[reportAttributeAccessIssue]


def absorbed_forward(module: Attention) -> Callable[[Tensor, tuple[Tensor, Tensor]], Tensor]:
    """The forward of one attention module, deepseek semantics."""
    config, sem = module.config, module.sem
    nope, rope_dim, values = config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim

    def forward(x_BSD: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        batch, length, dtype = *x_BSD.shape[:2], x_BSD.dtype
        q = module.q_b_proj(module.q_a_layernorm(module.q_a_proj(x_BSD)))
        q_BHSP = q.view(batch, length, -1, nope + rope_dim).transpose(1, 2)
        q_nope, q_rope = torch.split(q_BHSP, [nope, rope_dim], dim=-1)
        latent, k_rope = torch.split(module.kv_a_proj_with_mqa(x_BSD), [config.kv_lora_rank, rope_dim], dim=-1)
        c_BSL = module.kv_a_layernorm(latent).double()
        q_rope, k_rope = sem.rotate(q_rope, *rope), sem.rotate(k_rope.unsqueeze(1), *rope)
        w_HXL = module.kv_b_proj.weight.view(-1, nope + values, config.kv_lora_rank).double()
        q_latent = torch.einsum("bhsn,hnl->bhsl", q_nope.double(), w_HXL[:, :nope]).to(dtype)
        scores = torch.einsum("bhsl,btl->bhst", q_latent.double(), c_BSL)
        scores = scores + torch.einsum("bhsr,btr->bhst", q_rope.double(), k_rope[:, 0].double())
        scores = (scores * module.scale).float().to(dtype)
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        probs = scores.double().masked_fill(future, float("-inf")).softmax(dim=-1).float().to(dtype)
        o_latent = torch.einsum("bhst,btl->bhsl", probs.double(), c_BSL).float().to(dtype)
        o = torch.einsum("bhsl,hvl->bhsv", o_latent.double(), w_HXL[:, nope:]).float().to(dtype)
        return module.o_proj(o.transpose(1, 2).reshape(batch, length, -1))

    return forward
