"""Random weights that exercise a model: nothing constant, nothing vanishing."""

from zlib import crc32

import torch
from torch import nn


@torch.no_grad()
def init_weights(model: nn.Module, seed: int) -> None:
    """Fill every weight at random, each from ``seed`` and its own name: the same name gets the same values anywhere.

    Matrices N(0, 1/fan_in), embedding N(0, 1), norm weights U(0.5, 1.5), router biases N(0, 0.3).
    """
    for name, tensor in model.state_dict().items():
        generator = torch.Generator().manual_seed(seed ^ crc32(name.encode()))
        values = torch.randn(tensor.shape, generator=generator)
        if name.endswith("e_score_correction_bias"):
            values = 0.3 * values
        elif tensor.dim() == 1:
            values = 0.5 + torch.rand(tensor.shape, generator=generator)
        elif not name.endswith("embed_tokens.weight"):
            values = values * tensor.shape[-1] ** -0.5
        tensor.copy_(values)
