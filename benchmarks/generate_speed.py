"""Generation on the CPU against transformers' own, in one run: the tiny model in bf16, one prompt, greedy.

    python benchmarks/generate_speed.py [--new 32] [--prompt 32] [--repeats 5] [--limit 3]

Both sides run the same checkpoint with a cache, one after the other in every repeat, so that a busy machine disturbs
both.  The ratio is that of the best times; exit code 1 when it is above the limit.  ``reference`` is the defined
arithmetic (f64 accumulation), ``torch`` the very torch calls of the source.  This says nothing about kernels.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import SafetensorsWeights
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.frontend.hf_models import keep_in_f32
from dsv3c.models.configs import load_config, to_hf
from dsv3c.models.random_weights import init_weights
from dsv3c.reports.tables import columns
from dsv3c.runtime import Engine, GenerateOptions, generate

FIDELITIES = ("reference", "torch")


def save_checkpoint(folder: Path) -> None:
    """The tiny model in bf16 with random weights, without its prediction module, which transformers does not run."""
    config = replace(load_config("tiny"), num_mtp_layers=0)
    model = DeepseekV3ForCausalLM(DeepseekV3Config(**to_hf(config))).eval()
    init_weights(model, seed=0)
    model.to(torch.bfloat16)
    keep_in_f32(model)
    model.save_pretrained(folder)


def hf_runner(folder: Path, prompt: list[int], new: int) -> Callable[[], list[int]]:
    """transformers' generate, eager, with its cache."""
    model = DeepseekV3ForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    ids = torch.tensor([prompt])

    def run() -> list[int]:
        made = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=new,
            min_new_tokens=new,
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
        )
        return made[0, len(prompt) :].tolist()

    return run


def own_runner(folder: Path, prompt: list[int], new: int, fidelity: str) -> Callable[[], list[int]]:
    """dsv3c's engine over the compiled phases; a new cache in every run, weights loaded once."""
    module = compile_model(Request(model=str(folder), target="cpu")).module
    executor = Executor(module, SafetensorsWeights(folder), fidelity)
    page_size = 64
    pages = -(-(len(prompt) + new) // page_size)
    options = GenerateOptions(max_new_tokens=new)
    return lambda: generate(Engine(module, executor, pages=pages), [prompt], options)[0]


def seconds(work: Callable[[], list[int]], expected: int) -> float:
    start = perf_counter()
    made = work()
    spent = perf_counter() - start
    assert len(made) == expected, f"{len(made)} tokens instead of {expected}"
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--new", type=int, default=32, help="tokens to generate (default: %(default)s)")
    parser.add_argument("--prompt", type=int, default=32, help="tokens of the prompt (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--limit", type=float, default=3.0, help="of dsv3c over transformers (default: %(default)s)")
    arguments = parser.parse_args()
    prompt = torch.randint(2, 1000, (arguments.prompt,), generator=torch.Generator().manual_seed(1)).tolist()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_checkpoint(folder)
        runners = {"transformers": hf_runner(folder, prompt, arguments.new)}
        for fidelity in FIDELITIES:
            runners[f"dsv3c, {fidelity}"] = own_runner(folder, prompt, arguments.new, fidelity)
        best = dict[str, float]()
        for repeat in range(arguments.repeats + 1):
            for side, work in runners.items():
                spent = seconds(work, arguments.new)
                if repeat:  # the first round loads weights and warms caches
                    best[side] = min(spent, best.get(side, spent))
    base = best["transformers"]
    rows = [("side", "seconds", "tokens/s", "over transformers")]
    rows += [(side, f"{t:.3f}", f"{arguments.new / t:.1f}", f"{t / base:.2f}x") for side, t in best.items()]
    print("\n".join(columns(rows)))
    return int(max(best.values()) > arguments.limit * base)


if __name__ == "__main__":
    sys.exit(main())
