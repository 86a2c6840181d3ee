"""Mixture-of-experts modules in the spellings that models use, small, with random weights, captured as ``aten``."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import DeepseekV2Config, DeepseekV3Config
from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Moe
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.frontend.captured import Captured, Symbol
from dsv3c.frontend.exporting import export_entry
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import CompileContext
from dsv3c.models.configs import ModelConfig, from_hf
from dsv3c.models.deepseek_v3 import MoE
from dsv3c.models.semantics import find_semantics

HIDDEN = 96
SHARED = {
    "hidden_size": HIDDEN,
    "moe_intermediate_size": 40,
    "n_routed_experts": 16,
    "num_experts_per_tok": 5,
    "n_shared_experts": 1,
    "use_cache": False,
}
V3 = SHARED | {"n_group": 4, "topk_group": 2, "norm_topk_prob": True, "routed_scaling_factor": 2.5}
V2 = SHARED | {"routed_scaling_factor": 16.0}
GROUPS = {"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2}
SYMBOLS = (Symbol("B", 1, 4096, 2), Symbol("S", 2, 4096, 16))


def hf_v3(experts: str) -> nn.Module:
    """transformers' DeepSeek-V3, experts in one of its spellings."""
    config = DeepseekV3Config(**V3)
    config._experts_implementation = experts
    return DeepseekV3MoE(config)


def hf_v2(fields: dict[str, object]) -> nn.Module:
    """transformers' DeepSeek-V2."""
    config = DeepseekV2Config(**V2, **fields)
    config._experts_implementation = "grouped_mm"
    return DeepseekV2Moe(config)


def own_config(architecture: str) -> ModelConfig:
    """A configuration of our model with the sizes above."""
    if architecture == "v3":
        return from_hf(DeepseekV3Config(**V3).to_dict() | {"architectures": ["DeepseekV3ForCausalLM"]})
    return from_hf(DeepseekV2Config(**V2, **GROUPS).to_dict() | {"architectures": ["DeepseekV2ForCausalLM"]})


def own(architecture: str, semantics: str) -> nn.Module:
    """Our model's layer."""
    config = own_config(architecture)
    return MoE(config, find_semantics(semantics, config.architecture))


class PlainGate(nn.Module):
    """A user's layer: softmax over all experts, weights renormalised without eps and cast, a product per row."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(HIDDEN, 16, bias=False)
        self.gate_proj = nn.Parameter(torch.empty(16, 40, HIDDEN))
        self.up_proj = nn.Parameter(torch.empty(16, 40, HIDDEN))
        self.down_proj = nn.Parameter(torch.empty(16, HIDDEN, 40))

    def forward(self, x_BSD: Tensor) -> Tensor:
        x_TD = x_BSD.reshape(-1, HIDDEN)
        scores_TE = torch.softmax(self.gate(x_TD), dim=-1, dtype=torch.float32)
        weights_TK, ids_TK = torch.topk(scores_TE, 5, dim=-1)
        weights_TK = (weights_TK / weights_TK.sum(dim=-1, keepdim=True)).to(x_TD.dtype)
        ids_M = ids_TK.flatten()
        x_MD = x_TD.unsqueeze(1).expand(-1, 5, -1).reshape(-1, HIDDEN).unsqueeze(-1)
        gate_MI, up_MI = torch.bmm(self.gate_proj[ids_M], x_MD), torch.bmm(self.up_proj[ids_M], x_MD)
        y_MD = torch.bmm(self.down_proj[ids_M], nn.functional.silu(gate_MI) * up_MI)
        y_TKD = y_MD.view(-1, 5, HIDDEN) * weights_TK.unsqueeze(-1)
        return y_TKD.sum(dim=1).view(x_BSD.shape)


class Layer(nn.Module):
    """Gives every module the same argument name."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.mlp = mlp

    def forward(self, hidden: Tensor) -> Tensor:
        return self.mlp(hidden)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "hf v3 grouped_mm": lambda: hf_v3("grouped_mm"),
    "hf v3 batched_mm": lambda: hf_v3("batched_mm"),
    "hf v2": lambda: hf_v2({}),
    "hf v2 groups": lambda: hf_v2(GROUPS),
    "own v3 hf": lambda: own("v3", "hf"),
    "own v3 deepseek": lambda: own("v3", "deepseek"),
    "own v2 hf": lambda: own("v2", "hf"),
    "own v2 deepseek": lambda: own("v2", "deepseek"),
    "plain": PlainGate,
}


def build(name: str, dtype: torch.dtype, device: str = "cpu") -> nn.Module:
    """A module with random parameters; router biases are f32 and not zero, so that mistakes with them show."""
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = Layer(MODULES[name]()).eval()
    finally:
        torch.set_default_dtype(previous)
    generator = torch.Generator().manual_seed(0)
    for key, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if key.endswith("e_score_correction_bias"):
            tensor.data = tensor.data.float()
        values = torch.randn(tensor.shape, generator=generator) * (
            tensor.shape[-1] ** -0.5 if tensor.dim() > 1 else 0.1
        )
        tensor.data.copy_(values)
    return model


def captured(ctx: CompileContext, name: str, dtype: torch.dtype) -> ModuleOp:
    """The module's aten program, captured on meta as the tool does."""
    x = torch.zeros(2, 16, HIDDEN, dtype=dtype, device="meta")
    model = build(name, dtype, "meta")
    entry = export_entry(model, (x,), {}, {"hidden": {0: "B", 1: "S"}}, SYMBOLS)
    return import_program(ctx, Captured(name, "user", {"main": entry}, SYMBOLS))


def run(module: ModuleOp, model: nn.Module, x: Tensor) -> Tensor:
    """The program's result with the model's weights, computed by PyTorch's own calls."""
    (y,) = Executor(module, StateDictWeights(model.state_dict()), fidelity="torch").run("main", x)
    assert isinstance(y, Tensor)
    return y
