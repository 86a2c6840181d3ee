"""A cache of keys and values in module buffers, written in forward."""

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
    """Plain attention over a cache that lives in the module."""

    def __init__(self, max_batch: int = 4, max_length: int = 64):
        super().__init__()
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM, bias=False), nn.Linear(DIM, DIM, bias=False)
        shape = (max_batch, max_length, HEADS, DIM // HEADS)
        self.register_buffer("k_cache", torch.zeros(shape), persistent=False)
        self.register_buffer("v_cache", torch.zeros(shape), persistent=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, DIM // HEADS).unbind(2)
        self.k_cache[:batch, :length] = k
        self.v_cache[:batch, :length] = v
        k, v = self.k_cache[:batch, :length], self.v_cache[:batch, :length]
        y = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)), is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(DIM, 96, bias=False), nn.Linear(DIM, 96, bias=False)
        self.down = nn.Linear(96, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


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
    return Model()


def example_inputs() -> tuple[Tensor]:
    return (torch.zeros(2, 8, dtype=torch.long),)
