"""What the models of this folder have in common: latent attention, an MLP, and layers of them."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCAB, DIM, LAYERS, HEADS, WIDTH = 100, 64, 3, 4, 96
NOPE, ROPE, VALUE, LATENT = 16, 8, 16, 32

Rotate = Callable[[Tensor, Tensor, Tensor], Tensor]


class RMSNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(dim) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)


def rotate_pairs(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x.float()[..., 0::2], x.float()[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).to(x.dtype)


def angles(length: int, dim: int = ROPE) -> Tensor:
    frequencies = 1.0 / 10000.0 ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim)
    return torch.outer(torch.arange(length, dtype=torch.float32), frequencies)


def rope_tables(length: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    turned = angles(length)
    return turned.cos(), turned.sin()


class LatentAttention(nn.Module):
    def __init__(self, query: nn.Module | None = None, rotate: Rotate = rotate_pairs) -> None:
        super().__init__()
        self.q = query or nn.Sequential(nn.Linear(DIM, 24, bias=False), RMSNorm(24), query_projection(24))
        self.kv_a, self.kv_a_norm = nn.Linear(DIM, LATENT + ROPE, bias=False), RMSNorm(LATENT)
        self.kv_b = nn.Linear(LATENT, HEADS * (NOPE + VALUE), bias=False)
        self.out = nn.Linear(HEADS * VALUE, DIM, bias=False)
        self.rotate = rotate

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.q(x).view(batch, length, HEADS, NOPE + ROPE).transpose(1, 2)
        q_nope, q_rope = q.split([NOPE, ROPE], dim=-1)
        latent, k_rope = self.kv_a(x).split([LATENT, ROPE], dim=-1)
        kv = self.kv_b(self.kv_a_norm(latent)).view(batch, length, HEADS, NOPE + VALUE).transpose(1, 2)
        k_nope, v = kv.split([NOPE, VALUE], dim=-1)
        k_rope = self.rotate(k_rope.unsqueeze(1), cos, sin).expand(-1, HEADS, -1, -1)
        q = torch.cat((q_nope, self.rotate(q_rope, cos, sin)), dim=-1)
        k = torch.cat((k_nope, k_rope), dim=-1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


def query_projection(inner: int) -> nn.Linear:
    return nn.Linear(inner, HEADS * (NOPE + ROPE), bias=False)


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(DIM, WIDTH, bias=False), nn.Linear(DIM, WIDTH, bias=False)
        self.down = nn.Linear(WIDTH, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    def __init__(self, attention: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = RMSNorm(DIM), RMSNorm(DIM)
        self.attention, self.mlp = attention, mlp

    def forward(self, x: Tensor, *tables: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), *tables)
        return x + self.mlp(self.mlp_norm(x))


class Decoder(nn.Module):
    """``tables(length, dtype)`` is made once per run, and every attention is given it."""

    def __init__(
        self,
        attention: Callable[[], nn.Module] = LatentAttention,
        mlp: Callable[[], nn.Module] = MLP,
        tables: Callable[[int, torch.dtype], tuple[Tensor, ...]] = rope_tables,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, DIM)
        self.layers = nn.ModuleList(Layer(attention(), mlp()) for _ in range(LAYERS))
        self.norm, self.head = RMSNorm(DIM), nn.Linear(DIM, VOCAB, bias=False)
        self.tables = tables

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        tables = self.tables(ids.shape[1], x.dtype)
        for layer in self.layers:
            x = layer(x, *tables)
        return self.head(self.norm(x))


def example_inputs() -> tuple[Tensor]:
    return (torch.zeros(2, 8, dtype=torch.long),)
