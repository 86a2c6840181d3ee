"""An MLP with gate and up in one matrix."""

import torch
import torch.nn.functional as F
from latent_decoder import DIM, WIDTH, Decoder
from latent_decoder import example_inputs as example_inputs
from torch import Tensor, nn


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate_up, self.down = nn.Linear(DIM, 2 * WIDTH, bias=False), nn.Linear(WIDTH, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Decoder(mlp=MLP).to(torch.bfloat16)
