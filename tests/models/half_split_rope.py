"""MLA whose rotary pairs are the two halves of a head."""

import torch
from latent_decoder import Decoder, LatentAttention, angles
from latent_decoder import example_inputs as example_inputs
from torch import Tensor, nn


def rotate_half(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    return x * cos + rotate_half(x) * sin


def rope_tables(length: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    turned = angles(length)
    both = torch.cat((turned, turned), dim=-1)
    return both.cos().to(dtype), both.sin().to(dtype)


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Decoder(lambda: LatentAttention(rotate=apply_rope), tables=rope_tables).to(torch.bfloat16)
