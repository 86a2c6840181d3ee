"""A Python loop over experts that each pick their tokens."""

import torch
from latent_decoder import DIM, Decoder
from latent_decoder import example_inputs as example_inputs
from torch import Tensor, nn


class MLP(nn.Module):
    """Each expert picks its tokens: how many depends on the data."""

    def __init__(self, num_experts: int = 8, width: int = 32):
        super().__init__()
        self.router = nn.Linear(DIM, num_experts, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(DIM, width), nn.SiLU(), nn.Linear(width, DIM)) for _ in range(num_experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        flat = x.view(-1, DIM)
        weights, ids = self.router(flat).softmax(dim=-1).topk(2, dim=-1)
        y = torch.zeros_like(flat)
        counts = torch.bincount(ids.flatten(), minlength=len(self.experts)).tolist()
        for number, expert in enumerate(self.experts):
            if counts[number] == 0:
                continue
            token, slot = torch.where(ids == number)
            y[token] += expert(flat[token]) * weights[token, slot, None]
        return y.view(x.shape)


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Decoder(mlp=MLP)
