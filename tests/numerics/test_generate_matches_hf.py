"""Greedy text of the trained checkpoint: ``dsv3c generate`` and transformers' ``generate`` write the same."""

from functools import cache
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import DeepseekV3ForCausalLM

import dsv3c
from dsv3c.api import LoadedModule
from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.weights import SafetensorsWeights
from dsv3c.cli import main
from dsv3c.runtime import Engine, GenerateOptions, generate

TRAINED = Path(__file__).resolve().parents[2] / "examples" / "trained"
TEXT = (TRAINED / "text.txt").read_text("utf-8").splitlines()
PROMPTS = [" ".join(line.split()[:3]) for line in TEXT[::4]] + ["3 plus 4", "10 plus 9 is", "In decode"]
NEW_TOKENS = 24
END = 0


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(TRAINED / "tokenizer.json"))


@cache
def hf_tokens() -> list[list[int]]:
    """What transformers makes after each prompt, each alone, with its cache."""
    model = DeepseekV3ForCausalLM.from_pretrained(TRAINED, dtype=torch.bfloat16).eval()
    made = list[list[int]]()
    for prompt in PROMPTS:
        ids = torch.tensor([tokenizer().encode(prompt).ids])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=END
        )
        made.append(out[0, ids.shape[1] :].tolist())
    return made


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "out"
    dsv3c.compile(str(TRAINED), out, weights=TRAINED)
    return out


@pytest.mark.parametrize("fidelity", ["reference", "torch"])
@pytest.mark.parametrize("chunk", [3, 512])
def test_tokens_are_those_of_transformers(artifact: Path, fidelity: Fidelity, chunk: int) -> None:
    program = dsv3c.load(artifact)
    assert isinstance(program, LoadedModule)
    engine = Engine(program.op, Executor(program.op, SafetensorsWeights(TRAINED), fidelity), pages=64)
    prompts = [tokenizer().encode(prompt).ids for prompt in PROMPTS]
    options = GenerateOptions(max_new_tokens=NEW_TOKENS, chunk=chunk, eos=frozenset([END]))
    assert generate(engine, prompts, options) == hf_tokens()


def test_the_command_prints_the_text(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [word for prompt in PROMPTS for word in ("--prompt", prompt)]
    assert main(["generate", str(artifact), *arguments, "--max-new-tokens", str(NEW_TOKENS)]) == 0
    printed = capsys.readouterr()
    expected = [
        tokenizer().decode(tokenizer().encode(prompt).ids + new)
        for prompt, new in zip(PROMPTS, hf_tokens(), strict=True)
    ]
    assert printed.out.splitlines() == expected
    assert "steps: " in printed.err and "decode" in printed.err


def test_the_text_is_the_one_it_was_trained_on() -> None:
    texts = [
        tokenizer().decode(tokenizer().encode(prompt).ids + new)
        for prompt, new in zip(PROMPTS, hf_tokens(), strict=True)
    ]
    known = [text for text in texts if any(line.startswith(text) for line in TEXT)]
    assert len(known) >= len(PROMPTS) - 3
    assert "3 plus 4 is 7." in texts and "10 plus 9 is 19." in texts
