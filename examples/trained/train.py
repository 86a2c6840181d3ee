"""Trains the checkpoint beside this file: DeepSeek-V3's architecture with 0.9 million parameters, on ``text.txt``.

``python examples/trained/train.py`` takes a few minutes on one core and writes ``tokenizer.json`` and
``model.safetensors`` (bf16, tensors named and cut as in Hugging Face checkpoints) into ``--output``.  The seed is
fixed; other versions of PyTorch may still round differently and so end at other weights.
"""

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

from dsv3c.models.checkpoint_names import Concat, Source, StackedEach, Stored, parameter_source
from dsv3c.models.configs import ModelConfig, from_hf
from dsv3c.models.deepseek_v3 import DeepseekV3, MultiTokenPredictor, Router, build_model, build_predictor

HERE = Path(__file__).parent
END = "<end>"
"""Between paragraphs; it has id 0 and ends generation."""


def sums(rng: random.Random) -> list[str]:
    """Lines of small additions: the part of the text that is not fixed."""
    pairs = [(a, b) for a in range(1, 11) for b in range(1, 11)]
    rng.shuffle(pairs)
    return [f"{a} plus {b} is {a + b}." for a, b in pairs]


def train_tokenizer(lines: list[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE: no text is unknown to it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def make_differentiable() -> None:
    """The model's f32 grouped product is forward only; give it the gradients of one matrix product per expert."""

    def setup(ctx: torch.autograd.function.FunctionCtx, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    def backward(ctx: torch.autograd.function.FunctionCtx, grad_MN: Tensor) -> tuple[Tensor, Tensor, None]:
        x_MK, weight_EKN, ends_E = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        grad_MK, grad_EKN, start = torch.empty_like(x_MK), torch.zeros_like(weight_EKN), 0
        for expert, end in enumerate(ends_E.tolist()):
            grad_MK[start:end] = grad_MN[start:end] @ weight_EKN[expert].T
            grad_EKN[expert] = x_MK[start:end].T @ grad_MN[start:end]
            start = end
        return grad_MK, grad_EKN, None

    torch.library.register_autograd("dsv3c_models::grouped_mm", backward, setup_context=setup)


def init_for_training(model: nn.Module, config: ModelConfig) -> None:
    """N(0, fan_in ** -0.5) matrices, a small embedding; norms are one and router biases zero already."""
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and parameter.requires_grad:
            std = config.initializer_range if "embed" in name else parameter.shape[-1] ** -0.5
            torch.nn.init.normal_(parameter, std=std)


def balance(router: Router, rate: float) -> Callable[[object, object, tuple[Tensor, Tensor]], None]:
    """A hook that lowers the biases of busy experts and raises those of idle ones (V3 paper, section 2.1.2)."""

    def hook(module: object, args: object, output: tuple[Tensor, Tensor]) -> None:
        bias = router.e_score_correction_bias
        load = torch.bincount(output[1].flatten(), minlength=len(bias)).float()
        bias += rate * torch.sign(load.mean() - load)

    return hook


def window(paragraphs: list[list[Tensor]], rng: random.Random, length: int) -> Tensor:
    """Random paragraphs one after the other, cut to ``length`` tokens: two of the text for every five additions."""
    text, additions = paragraphs
    drawn, total = list[Tensor](), 0
    while total < length:
        drawn.append(rng.choice(text if rng.random() < 2 / 7 else additions))
        total += len(drawn[-1])
    return torch.cat(drawn)[:length]


def train(config: ModelConfig, paragraphs: list[list[Tensor]], *, steps: int, batch: int, length: int) -> DeepseekV3:
    """AdamW with a cosine schedule on windows of shuffled paragraphs."""
    torch.manual_seed(0)
    model = build_model(config, "hf", torch.float32)
    init_for_training(model, config)
    optimize(model, lambda ids: model(ids[:, :-1]), model, Windows(paragraphs, steps, batch, length + 1), offset=1)
    return model


@dataclass(frozen=True)
class Windows:
    """What a training sees: ``steps`` batches of ``batch`` windows of ``length`` tokens."""

    paragraphs: list[list[Tensor]]
    steps: int
    batch: int
    length: int


def optimize(
    module: nn.Module, predict: Callable[[Tensor], Tensor], routed: nn.Module, windows: Windows, *, offset: int
) -> None:
    """Train the parameters of ``module`` that ask for it: logits at s against the token at s + ``offset``."""
    hooks = [m.register_forward_hook(balance(m, 1e-3)) for m in routed.modules() if isinstance(m, Router)]
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=windows.steps, pct_start=0.1)
    rng = random.Random(0)
    for step in range(windows.steps):
        ids = torch.stack([window(windows.paragraphs, rng, windows.length) for _ in range(windows.batch)])
        loss = F.cross_entropy(predict(ids).flatten(0, 1), ids[:, offset:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == windows.steps - 1:
            print(f"step {step:4}  loss {loss.item():.3f}", flush=True)
    for hook in hooks:
        hook.remove()


def train_predictor(
    main: DeepseekV3, paragraphs: list[list[Tensor]], *, steps: int, batch: int, length: int
) -> MultiTokenPredictor:
    """The module that drafts the token after next (V3 paper, section 2.2); nothing in ``main`` moves."""
    torch.manual_seed(0)
    main.requires_grad_(False)
    predictor = build_predictor(main)
    init_for_training(predictor, main.config)

    def predict(ids: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = main.model(ids[:, :-2])
        return predictor(hidden, ids[:, 1:-1])

    optimize(predictor, predict, predictor, Windows(paragraphs, steps, batch, length + 2), offset=2)
    return predictor


def stored_parts(source: Source, value: Tensor) -> dict[str, Tensor]:
    """Cut a parameter into the tensors a checkpoint stores."""
    match source:
        case Stored(name):
            return {name: value}
        case Concat(parts, dim):
            return {part.name: piece for part, piece in zip(parts, value.chunk(len(parts), dim), strict=True)}
        case StackedEach(pattern, count):
            each = [stored_parts(pattern, value[index]) for index in range(count)]
            return {name.format(index): part for index, parts in enumerate(each) for name, part in parts.items()}


def checkpoint(model: nn.Module, config: ModelConfig) -> dict[str, Tensor]:
    """The stored tensors: bf16, router biases in f32."""
    stored = dict[str, Tensor]()
    for name, value in model.state_dict().items():
        dtype = torch.float32 if name.endswith("e_score_correction_bias") else torch.bfloat16
        stored |= stored_parts(parameter_source(name, config), value.to(dtype))
    return {name: value.contiguous().clone() for name, value in stored.items()}


def joined(source: Source, stored: dict[str, Tensor]) -> Tensor:
    """A parameter from the tensors a checkpoint stores: the inverse of ``stored_parts``."""
    match source:
        case Stored(name):
            return stored[name]
        case Concat(parts, dim):
            return torch.cat([stored[part.name] for part in parts], dim)
        case StackedEach(Stored(pattern), count):
            return torch.stack([stored[pattern.format(index)] for index in range(count)])
        case StackedEach(Concat(parts, dim), count):
            return torch.stack(
                [torch.cat([stored[part.name.format(index)] for part in parts], dim) for index in range(count)]
            )


def restored(config: ModelConfig, stored: dict[str, Tensor]) -> DeepseekV3:
    """The model as a checkpoint has it, in f32."""
    model = build_model(config, "hf", torch.float32)
    state = {name: joined(parameter_source(name, config), stored).to(torch.float32) for name in model.state_dict()}
    model.load_state_dict(state)
    return model


def predictor_prefix(config: ModelConfig) -> str:
    """Names of the multi-token prediction module's own tensors begin so; embedding and head are the model's."""
    return f"model.layers.{config.num_hidden_layers}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--predictor-steps", type=int, default=300)
    parser.add_argument("--main", type=Path, help="take the model in this folder and train the predictor alone")
    arguments = parser.parse_args()
    make_differentiable()
    torch.set_num_threads(1)

    config = from_hf(json.loads((HERE / "config.json").read_text()), name="trained")
    text, additions = (HERE / "text.txt").read_text().splitlines(), sums(random.Random(0))
    tokenizer = train_tokenizer(text + additions, config.vocab_size)
    assert tokenizer.get_vocab_size() <= config.vocab_size
    end = tokenizer.token_to_id(END)
    paragraphs = [[torch.tensor([*tokenizer.encode(line).ids, end]) for line in part] for part in (text, additions)]
    if arguments.main is not None:
        stored = load_file(str(arguments.main / "model.safetensors"))
        stored = {name: value for name, value in stored.items() if not name.startswith(predictor_prefix(config))}
    else:
        stored = checkpoint(train(config, paragraphs, steps=arguments.steps, batch=16, length=128), config)
    print("multi-token prediction", flush=True)
    # of the weights as they are stored, in bf16: these are what it will draft for
    main_model = restored(config, stored)
    predictor = train_predictor(main_model, paragraphs, steps=arguments.predictor_steps, batch=16, length=128)
    added = checkpoint(predictor, config)
    stored |= {name: value for name, value in added.items() if name.startswith(predictor_prefix(config))}

    arguments.output.mkdir(parents=True, exist_ok=True)
    weights = arguments.output / "model.safetensors"
    save_file(stored, str(weights), metadata={"format": "pt"})
    weights.chmod(0o644)
    (arguments.output / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), indent=1) + "\n")
    if arguments.output != HERE:
        (arguments.output / "config.json").write_text((HERE / "config.json").read_text())


if __name__ == "__main__":
    main()
