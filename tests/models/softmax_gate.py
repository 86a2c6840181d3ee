"""A softmax router without groups or bias, experts by grouped products."""

import torch
import torch.nn.functional as F
from latent_decoder import DIM, Decoder
from latent_decoder import example_inputs as example_inputs
from torch import Tensor, nn


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


def build_model() -> nn.Module:
    torch.manual_seed(0)
    return Decoder(mlp=MLP).to(torch.bfloat16)
