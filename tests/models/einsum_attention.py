"""Attention spelled with einsum and an additive mask, rotation by complex numbers."""

import torch
from latent_decoder import DIM, HEADS, LATENT, NOPE, ROPE, VALUE, Decoder, RMSNorm, angles, query_projection
from latent_decoder import example_inputs as example_inputs
from torch import Tensor, nn


def apply_rope(x: Tensor, rotation: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.float().view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * rotation.view(1, x.shape[1], 1, -1)).flatten(3).to(x.dtype)


def rotation_and_mask(length: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    turned = angles(length)
    return torch.polar(torch.ones_like(turned), turned), torch.full((length, length), float("-inf")).triu(1)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q = query_projection(DIM)
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


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Decoder(Attention, tables=rotation_and_mask).to(torch.bfloat16)
