"""MLA whose query is one projection."""

import torch
from latent_decoder import DIM, Decoder, LatentAttention, query_projection
from latent_decoder import example_inputs as example_inputs
from torch import nn


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Decoder(lambda: LatentAttention(query_projection(DIM))).to(torch.bfloat16)
