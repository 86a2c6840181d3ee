"""A model of one's own: latent attention and experts, written unlike anybody else's.

Half-split rotary embedding, no compressed query, attention as einsum, gate and up in one matrix, a softmax router
without groups, one product per (token, expert) row.  ``dsv3c compile examples/own_model/model.py`` finds all of it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY, HIDDEN, LAYERS = 320, 96, 3
HEADS, NOPE, ROPE, LATENT = 4, 16, 8, 32
EXPERTS, CHOSEN, WIDTH = 8, 2, 40


class Norm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        y = x.float()
        y = y / torch.sqrt(y.square().mean(-1, keepdim=True) + 1e-6)
        return y.to(x.dtype) * self.gain


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate [B, S, H, ROPE]: element i with element i + ROPE / 2."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(HIDDEN, HEADS * (NOPE + ROPE), bias=False)
        self.compress = nn.Linear(HIDDEN, LATENT + ROPE, bias=False)
        self.latent_norm = Norm(LATENT)
        self.expand = nn.Linear(LATENT, HEADS * 2 * NOPE, bias=False)
        self.out = nn.Linear(HEADS * NOPE, HIDDEN, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q = self.query(x).view(batch, length, HEADS, NOPE + ROPE)
        q_nope, q_rope = q.split([NOPE, ROPE], dim=-1)
        latent, k_rope = self.compress(x).split([LATENT, ROPE], dim=-1)
        kv = self.expand(self.latent_norm(latent)).view(batch, length, HEADS, 2 * NOPE)
        k_nope, v = kv.split([NOPE, NOPE], dim=-1)
        k_rope = turn(k_rope.unsqueeze(2), cos, sin).expand(-1, -1, HEADS, -1)
        q = torch.cat((q_nope, turn(q_rope, cos, sin)), dim=-1)
        k = torch.cat((k_nope, k_rope), dim=-1)

        scores = torch.einsum("bshd,bthd->bhst", q, k) * (NOPE + ROPE) ** -0.5
        seen = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        scores = scores.masked_fill(~seen, float("-inf"))
        weights = scores.softmax(dim=-1, dtype=torch.float32).to(x.dtype)
        return self.out(torch.einsum("bhst,bthd->bshd", weights, v).reshape(batch, length, HEADS * NOPE))


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.router = nn.Linear(HIDDEN, EXPERTS, bias=False)
        self.gate_up = nn.Parameter(torch.empty(EXPERTS, 2 * WIDTH, HIDDEN))
        self.down = nn.Parameter(torch.empty(EXPERTS, HIDDEN, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, HIDDEN)
        chances = torch.softmax(self.router(tokens), dim=-1, dtype=torch.float32)
        share, expert = torch.topk(chances, CHOSEN, dim=-1)
        share = (share / share.sum(dim=-1, keepdim=True)).to(x.dtype)
        expert = expert.flatten()
        rows = tokens.repeat_interleave(CHOSEN, dim=0).unsqueeze(-1)
        gate, up = torch.bmm(self.gate_up[expert], rows).chunk(2, dim=1)
        made = torch.bmm(self.down[expert], F.silu(gate) * up).view(-1, CHOSEN, HIDDEN)
        return (made * share.unsqueeze(-1)).sum(dim=1).view(x.shape)


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.attention = Norm(HIDDEN), Attention()
        self.before_experts, self.experts = Norm(HIDDEN), Experts()

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.before_attention(x), cos, sin)
        return x + self.experts(self.before_experts(x))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, HIDDEN)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm(HIDDEN)
        self.head = nn.Linear(HIDDEN, VOCABULARY, bias=False)
        self.register_buffer("speeds", 10000.0 ** (-torch.arange(0, ROPE, 2) / ROPE), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        angles = torch.arange(ids.shape[1], device=ids.device)[:, None].float() * self.speeds.float()
        angles = torch.cat((angles, angles), dim=-1)[None, :, None]
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.head(self.norm(x))


def build_model() -> nn.Module:
    """What ``dsv3c`` compiles; its values go into the artifact."""
    torch.manual_seed(0)
    model = Model()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    return model.bfloat16()


def example_inputs() -> tuple[Tensor, ...]:
    return (torch.zeros(2, 16, dtype=torch.long),)


def dynamic_dims() -> dict[str, dict[int, object]]:
    return {"ids": {0: "B", 1: ("S", 2, 1024)}}
