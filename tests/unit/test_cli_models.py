"""Model files and configurations that users bring, through the command line: compile, read, generate."""

import json
import re
from pathlib import Path

import pytest
import torch
from cli import Done, dsv3c, refused
from routes import USER_MODELS, small, v2

from dsv3c.frontend.user_models import load
from dsv3c.models.configs import ModelConfig, to_hf

SIZES = ("--context", "64", "--max-context", "128", "--max-batch", "2")
WITH_LATENT = ("half_split_rope", "fused_gate_up", "softmax_gate", "no_q_lora", "einsum_attention")
PROMPT = ("--tokens", "1,2,3", "--max-new-tokens", "3")


def compiled(model: Path, out: Path) -> Done:
    """Compiled for the CPU; what is said is short lines and nothing on standard error."""
    done = dsv3c("compile", model, "--target", "cpu", "-o", out, *SIZES)
    assert done.status == 0, done
    assert done.err == ""
    assert done.out.startswith("operating point: prefill, decode; ")
    assert f"wrote {out}: " in done.out
    assert "left in aten  no matrix product, attention, softmax or top-k\n" in done.out
    return done


def generated(out: Path) -> list[int]:
    """Three more tokens, the same every time."""
    first, second = dsv3c("generate", out, *PROMPT), dsv3c("generate", out, *PROMPT)
    assert first.status == 0, first
    assert re.fullmatch(r"\d+,\d+,\d+\n", first.out), first.out
    assert first.out == second.out
    return [int(token) for token in first.out.split(",")]


@pytest.mark.parametrize("name", WITH_LATENT)
def test_model_files_compile_and_generate(name: str, tmp_path: Path) -> None:
    done = compiled(USER_MODELS / f"{name}.py", tmp_path / "out")
    assert f"model       {name} (" in done.out
    for phase in ("prefill", "decode"):
        assert f"\n@{phase} " in done.out
    assert "MLA" not in done.out.partition("not found")[2]
    tokens = generated(tmp_path / "out")
    with torch.no_grad():
        logits = load(USER_MODELS / f"{name}.py").build_model()(torch.tensor([[1, 2, 3, *tokens[:-1]]]))[0, 2:].float()
    behind = logits.max(dim=-1)[0] - logits[range(3), tokens]
    assert behind.max() <= 0.05, "PyTorch prefers other tokens, by more than bf16 rounds away"


def test_a_model_without_latents_runs_and_says_why_it_has_no_phases(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = compiled(USER_MODELS / "plain_attention.py", out)
    assert "not found     MLA: attention is generic; mixture of experts\n" in done.out
    explained = dsv3c("explain", out, "--pass", "specialize-phases")
    assert "blocked: attention with keys and values of its own per head has no latent to cache" in explained.out
    assert "plain_attention.py:48 (attention): nn.attention in @layer0" in explained.out
    assert dsv3c("run", out).status == 0
    refused("generate", out, *PROMPT, status=2, says=["the module has no phases", "dsv3c explain"])


CONFIGS = (small("tiny", num_mtp_layers=1), v2(groups=True, q_lora=False))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_configurations_compile_and_generate(config: ModelConfig, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(to_hf(config)))
    done = compiled(tmp_path / "config.json", tmp_path / "out")
    assert ("\n@mtp_decode " in done.out) == (config.num_mtp_layers > 0)
    generated(tmp_path / "out")
