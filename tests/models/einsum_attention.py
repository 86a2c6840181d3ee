"""Attention spelled with einsum and an additive mask, rotation by complex numbers."""

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


def apply_rope(x: Tensor, rotation: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.float().view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * rotation.view(1, x.shape[1], 1, -1)).flatten(3).to(x.dtype)


def rope_tables(length: int) -> Tensor:
    frequencies = 1.0 / 10000.0 ** (torch.arange(0, ROPE, 2, dtype=torch.float32) / ROPE)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return torch.polar(torch.ones_like(angles), angles)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Linear(DIM, HEADS * (NOPE + ROPE), bias=False)
        self.kv_a, self.kv_a_norm = nn.Linear(DIM, LATENT + ROPE, bias=False), RMSNorm(LATENT)
        self.kv_b = nn.Linear(LATENT, HEADS * (NOPE + VALUE), bias=False)
        self.out = nn.Linear(HEADS * VALUE, DIM, bias=False)

    def forward(self, x: Tensor, rotation: Tensor, mask: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q_nope, q_rope = self.q(x).view(batch, length, HEADS, NOPE + ROPE).split([NOPE, ROPE], dim=-1)
        q = torch.cat((q_nope, apply_rope(q_rope, rotation)), dim=-1)
        latent, k_rope = self.kv_a(x).split([LATENT, ROPE], dim=-1)
        k_rope = apply_rope(k_rope.unsqueeze(2), rotation)
        kv = self.kv_b(self.kv_a_norm(latent)).view(batch, length, HEADS, NOPE + VALUE)
        k_nope, v = kv.split([NOPE, VALUE], dim=-1)
        k = torch.cat((k_nope, k_rope.expand(-1, -1, HEADS, -1)), dim=-1)
        scores = torch.einsum("bshd,bthd->bsht", q, k) * (NOPE + ROPE) ** -0.5
        scores = (scores + mask.unsqueeze(1)).softmax(dim=-1, dtype=torch.float32).type_as(x)
        return self.out(torch.einsum("bsht,bthd->bshd", scores, v).flatten(2))


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

    def forward(self, x: Tensor, rotation: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), rotation, mask)
        return x + self.mlp(self.mlp_norm(x))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, DIM)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm, self.head = RMSNorm(DIM), nn.Linear(DIM, VOCAB, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)
        rotation = rope_tables(ids.shape[1])
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)
        for layer in self.layers:
            x = layer(x, rotation, mask)
        return self.head(self.norm(x))


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Model().to(torch.bfloat16)


def example_inputs() -> tuple[Tensor]:
    return (torch.zeros(2, 8, dtype=torch.long),)
