"""Latent attention in the spellings that models use, small, with random weights, captured as ``aten``."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.frontend.captured import Captured, Symbol
from dsv3c.frontend.exporting import export_entry
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import CompileContext

SYMBOLS = (Symbol("B", 1, 64, 2), Symbol("S", 2, 4096, 16))
HIDDEN, HEADS, NOPE, ROPE, VALUE, LATENT = 64, 4, 16, 8, 24, 32


@dataclass(frozen=True)
class Spelling:
    """Which of the ways below a model writes rotation, attention and projections in."""

    rope: str = "members"
    attend: str = "causal"
    shape: str = "mla"


class Norm(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        return self.weight * (x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


def angles(length: int, device: torch.device) -> Tensor:
    """[S, ROPE / 2], f32; computed in the program."""
    inv_freq = 1.0 / (10000.0 ** (torch.arange(0, ROPE, 2, device=device).float() / ROPE))
    return torch.arange(length, device=device).float()[:, None] * inv_freq


def rotate_half(x: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def tables(kind: str, length: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
    """[1, 1, S, ...]: what a spelling rotates by."""
    freqs = angles(length, device)[None]
    if kind == "complex":
        return (torch.polar(torch.ones_like(freqs), freqs).unsqueeze(1),)
    if kind in ("half", "deinterleaved"):
        doubled = torch.cat((freqs, freqs), dim=-1)
        return doubled.cos().to(dtype).unsqueeze(1), doubled.sin().to(dtype).unsqueeze(1)
    kept = torch.float32 if kind == "stacked" else dtype
    return (freqs.cos() * 0.5).unsqueeze(1).to(kept), (freqs.sin() * 0.5).unsqueeze(1).to(kept)


def rotated(x: Tensor, kind: str, by: tuple[Tensor, ...]) -> Tensor:
    """Rotate [B, H, S, ROPE]."""
    if kind == "none":
        return x
    if kind == "complex":
        (cis,) = by
        pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * cis).flatten(3).type_as(x)
    cos, sin = by
    if kind in ("half", "deinterleaved"):
        if kind == "deinterleaved":
            x = x.view(*x.shape[:-1], ROPE // 2, 2).transpose(4, 3).reshape(x.shape)
        return x * cos + rotate_half(x) * sin
    if kind == "stacked":
        a, b = x[..., 0::2].float(), x[..., 1::2].float()
        return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(3).to(x.dtype)
    assert kind == "members"
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def attended(q: Tensor, k: Tensor, v: Tensor, kind: str) -> Tensor:
    """[B, H, S, ...] -> [B, H, S, VALUE]."""
    length, scale = q.shape[2], 0.25
    seen = torch.ones(length, length, dtype=torch.bool, device=q.device).tril()
    match kind:
        case "causal":
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        case "bool mask":
            return F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale)
        case "added mask":
            mask = torch.full((length, length), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)
        case "matmul":
            mask = torch.zeros(length, length, dtype=q.dtype, device=q.device).masked_fill(
                ~seen, torch.finfo(q.dtype).min
            )
            scores = torch.matmul(q, k.transpose(2, 3)) * scale + mask
            return torch.matmul(scores.softmax(-1, dtype=torch.float32).to(q.dtype), v)
        case "einsum":
            scores = torch.einsum("bhsd,bhtd->bhst", q, k) * scale
            scores = scores.masked_fill(seen.logical_not(), float("-inf")).softmax(-1, dtype=torch.float32)
            return torch.einsum("bhst,bhtd->bhsd", scores.to(q.dtype), v)
        case "sequence first":
            q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
            mask = torch.full((length, length), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
            scores = torch.einsum("bshd,bthd->bsht", q, k) * scale + mask.unsqueeze(1)
            probs = scores.softmax(-1, dtype=torch.float32).type_as(q)
            return torch.einsum("bsht,bthd->bshd", probs, v).transpose(1, 2)
        case "not causal":
            return F.scaled_dot_product_attention(q, k, v, attn_mask=seen.flip(1), scale=scale)
        case _:
            raise AssertionError(kind)


class LatentAttention(nn.Module):
    """Multi-head latent attention, or with another ``shape`` something near it."""

    def __init__(self, spelling: Spelling) -> None:
        super().__init__()
        self.spelling = spelling
        bias = spelling.shape == "bias"
        self.q = nn.Linear(HIDDEN, HEADS * (NOPE + ROPE), bias=False)
        self.kv_a = nn.Linear(HIDDEN, LATENT + ROPE, bias=False)
        self.norm = Norm(LATENT)
        self.kv_b = nn.Linear(LATENT, HEADS * (NOPE + VALUE), bias=bias)
        self.k = nn.Linear(LATENT, HEADS * NOPE, bias=False)
        self.o = nn.Linear(HEADS * VALUE, HIDDEN, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        kind, (batch, length, _) = self.spelling, hidden.shape
        q = self.q(hidden).view(batch, length, HEADS, NOPE + ROPE).transpose(1, 2)
        q_nope, q_rope = q.split([NOPE, ROPE], dim=-1)
        latent, k_rope = self.kv_a(hidden).split([LATENT, ROPE], dim=-1)
        latent = latent if kind.shape == "not normalised" else self.norm(latent)
        if kind.shape == "hf":
            latent = latent.view(batch, 1, length, LATENT)
        kv = self.kv_b(latent).view(batch, length, HEADS, NOPE + VALUE).transpose(1, 2)
        order = [VALUE, NOPE] if kind.shape == "values first" else [NOPE, VALUE]
        k_nope, v = kv.split(order, dim=-1)
        if kind.shape == "values first":
            k_nope, v = v, k_nope
        if kind.shape == "heads of v reordered":
            v = v.unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2)
        if kind.shape == "separate k":
            k_nope = self.k(latent).view(batch, length, HEADS, NOPE).transpose(1, 2)
        by = tables(kind.rope, length, hidden.dtype, hidden.device)
        q_rope, k_rope = rotated(q_rope, kind.rope, by), rotated(k_rope.unsqueeze(1), kind.rope, by)
        k_rope = k_rope.expand(-1, HEADS, -1, -1)
        q, k = torch.cat((q_nope, q_rope), -1), torch.cat((k_nope, k_rope), -1)
        return self.o(attended(q, k, v, kind.attend).transpose(1, 2).reshape(batch, length, -1))


class Layer(nn.Module):
    """Gives the parameters a path, as in a model."""

    def __init__(self, spelling: Spelling) -> None:
        super().__init__()
        self.attn = LatentAttention(spelling)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.attn(hidden)


def build(spelling: Spelling, dtype: torch.dtype, device: str = "cpu") -> nn.Module:
    """A module with random parameters."""
    with torch.device(device):
        model = Layer(spelling).to(dtype).eval()
    generator = torch.Generator().manual_seed(0)
    for tensor in model.parameters():
        values = torch.randn(tensor.shape, generator=generator) * (2 * tensor.shape[-1] ** -0.5)
        tensor.data.copy_(values)
    return model


def captured(ctx: CompileContext, spelling: Spelling, dtype: torch.dtype) -> ModuleOp:
    """The module's aten program, captured on meta as the tool does."""
    x = torch.zeros(2, 16, HIDDEN, dtype=dtype, device="meta")
    entry = export_entry(build(spelling, dtype, "meta"), (x,), {}, {"hidden": {0: "B", 1: "S"}}, SYMBOLS)
    return import_program(ctx, Captured("attention", "user", {"main": entry}, SYMBOLS))


def run(module: ModuleOp, model: nn.Module, x: Tensor) -> Tensor:
    """The program's result with the model's weights, computed by PyTorch's own calls."""
    (y,) = Executor(module, StateDictWeights(model.state_dict()), fidelity="torch").run("main", x)
    assert isinstance(y, Tensor)
    return y
