"""A softmax router without groups or bias, experts by grouped products."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCAB, DIM, LAYERS, HEADS = 100, 64, 3, 4
NOPE, ROPE, VALUE, LATENT = 16, 8, 16, 32


class RMSNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(dim) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x.float()[..., 0::2], x.float()[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).to(x.dtype)


def rope_tables(length: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    frequencies = 1.0 / 10000.0 ** (torch.arange(0, ROPE, 2, dtype=torch.float32) / ROPE)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return angles.cos(), angles.sin()


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_a, self.q_a_norm = nn.Linear(DIM, 24, bias=False), RMSNorm(24)
        self.q_b = nn.Linear(24, HEADS * (NOPE + ROPE), bias=False)
        self.kv_a, self.kv_a_norm = nn.Linear(DIM, LATENT + ROPE, bias=False), RMSNorm(LATENT)
        self.kv_b = nn.Linear(LATENT, HEADS * (NOPE + VALUE), bias=False)
        self.out = nn.Linear(HEADS * VALUE, DIM, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q_b(self.q_a_norm(self.q_a(x))).view(batch, length, HEADS, NOPE + ROPE).transpose(1, 2)
        q_nope, q_rope = q.split([NOPE, ROPE], dim=-1)
        latent, k_rope = self.kv_a(x).split([LATENT, ROPE], dim=-1)
        kv = self.kv_b(self.kv_a_norm(latent)).view(batch, length, HEADS, NOPE + VALUE).transpose(1, 2)
        k_nope, v = kv.split([NOPE, VALUE], dim=-1)
        k_rope = apply_rope(k_rope.unsqueeze(1), cos, sin).expand(-1, HEADS, -1, -1)
        q = torch.cat((q_nope, apply_rope(q_rope, cos, sin)), dim=-1)
        k = torch.cat((k_nope, k_rope), dim=-1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Softmax over all experts, the best two, no groups; rows sorted by expert."""

    def __init__(self, num_experts: int = 8, width: int = 32):
        super().__init__()
        self.router = nn.Linear(DIM, num_experts, bias=False)
        self.gate_up = nn.Parameter(torch.randn(num_experts, DIM, 2 * width) * DIM**-0.5)
        self.down = nn.Parameter(torch.randn(num_experts, width, DIM) * width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, DIM)
        weights, ids = self.router(flat).softmax(dim=-1, dtype=torch.float32).topk(2, dim=-1)
        ids = ids.flatten()
        order = ids.argsort()
        ends = F.one_hot(ids, self.router.out_features).sum(0).cumsum(0).to(torch.int32)
        gate, up = F.grouped_mm(flat[order // 2], self.gate_up, offs=ends).chunk(2, dim=-1)
        y = F.grouped_mm(F.silu(gate) * up, self.down, offs=ends)
        y = y * weights.flatten()[order].unsqueeze(-1)
        return y[order.argsort()].view(-1, 2, DIM).sum(1).to(x.dtype).view(x.shape)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = RMSNorm(DIM), RMSNorm(DIM)
        self.attention, self.mlp = Attention(), MLP()

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cos, sin)
        return x + self.mlp(self.mlp_norm(x))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm, self.head = RMSNorm(DIM), nn.Linear(DIM, VOCAB, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        tables = rope_tables(ids.shape[1], x.dtype)
        for layer in self.layers:
            x = layer(x, *tables)
        return self.head(self.norm(x))


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Model().to(torch.bfloat16)


def example_inputs() -> tuple[Tensor]:
    return (torch.zeros(2, 8, dtype=torch.long),)
