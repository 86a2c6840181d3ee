"""An artifact as another engine drives it: torch, the folder that dsv3c wrote, and a page table of our own.

    dsv3c compile tiny --target cpu -o out
    python examples/drive_artifact.py out --tokens 1,2,3 --tokens 7,8,9,10 --max-new-tokens 8

Prompts that one entry takes are fed in one ragged step, then all sequences decode together; each takes its likeliest
token.  Nothing of dsv3c is imported: ``program``, ``runtime`` and ``device`` lie in the folder.  docs/abi.md explains
every argument.
"""

import argparse
import sys
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch


@dataclass
class Sequence:
    """What an engine knows of a sequence."""

    tokens: list[int]
    cached: int = 0
    """Tokens whose rows are in the cache."""
    pages: list[int] = field(default_factory=list)


class Driver:
    """Steps of a program over a cache of ``num_pages`` pages per layer."""

    def __init__(self, entries: dict[str, Any], params: Any, num_pages: int) -> None:
        self.entries = {name: entry for name, entry in entries.items() if entry.queries and not entry.drafts}
        self.params = params
        specs = next(iter(self.entries.values())).caches
        self.page_size = specs[0].page_size
        self.caches = [spec.allocate(num_pages) for spec in specs]
        self.free = list(range(num_pages))

    def entry_for(self, count: int) -> str:
        """The entry with the narrowest range of new tokens per sequence that takes so many."""
        ranges = {name: entry.queries for name, entry in self.entries.items()}
        fitting = [name for name, (low, high) in ranges.items() if low <= count <= high]
        if not fitting:
            sys.exit(f"error: no entry takes {count} new tokens of a sequence; there are {ranges}")
        return min(fitting, key=lambda name: ranges[name][1] - ranges[name][0])

    def step(self, sequences: list[Sequence]) -> list[int]:
        """Feed every sequence the tokens that are not cached yet; the likeliest next token of each."""
        groups: dict[str, list[Sequence]] = {}
        for one in sequences:
            groups.setdefault(self.entry_for(len(one.tokens) - one.cached), []).append(one)
        made = {}
        for name, group in groups.items():
            made |= zip(map(id, group), self.feed(name, group).float().argmax(-1).tolist(), strict=True)
        return [made[id(one)] for one in sequences]

    def feed(self, name: str, sequences: list[Sequence]) -> torch.Tensor:
        """One run of an entry: the logits [N, V] of the last token of each sequence."""
        counts = [len(one.tokens) - one.cached for one in sequences]
        for one in sequences:  # a page for every page_size tokens, whichever is free
            while len(one.pages) * self.page_size < len(one.tokens):
                one.pages.append(self.free.pop())
        width = max(len(one.pages) for one in sequences)
        int32 = torch.int32
        arguments = [
            torch.tensor([token for one in sequences for token in one.tokens[one.cached :]], dtype=torch.int64),
            torch.tensor([at for one in sequences for at in range(one.cached, len(one.tokens))], dtype=int32),
            torch.tensor([0, *accumulate(counts)], dtype=int32),
            torch.tensor([one.pages + [0] * (width - len(one.pages)) for one in sequences], dtype=int32),
            torch.tensor([len(one.tokens) for one in sequences], dtype=int32),
        ]
        with torch.no_grad():
            logits, *others = self.entries[name].bind(self.params)(*arguments, *self.caches)
        self.caches = others[len(others) - len(self.caches) :]  # hidden states may come before them
        for one in sequences:
            one.cached = len(one.tokens)
        return logits if len(logits) == len(sequences) else logits[arguments[2][1:].long() - 1]


def load(folder: Path, device: str) -> dict[str, Any]:
    """The entries of the program in a folder, ready for a device."""
    sys.path.insert(0, str(folder))
    import program

    has_kernels = (folder / "device").is_dir()
    if has_kernels != (device == "cuda"):
        sys.exit(f"error: the program in {folder} is for {'cuda' if has_kernels else 'cpu'}, not {device}")
    if not has_kernels:
        return program.ENTRIES
    from device.cubin import CubinGpu
    from device.entries import entries_on
    from device.records import GpuError

    try:
        gpu = CubinGpu(folder)
        return entries_on(program.ENTRIES, gpu, gpu.device)
    except GpuError as error:
        sys.exit(f"error: {error}")


def main() -> None:
    """Load, feed the prompts, decode, print a line of new tokens per sequence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokens", action="append", required=True, help="a prompt: 1,2,3 (again for more sequences)")
    parser.add_argument("--max-new-tokens", type=int, default=8)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--weights", type=Path, help="a checkpoint (default: random)")
    chosen = parser.parse_args()
    entries = load(chosen.folder.resolve(), chosen.device)
    from runtime.params import CheckpointSource, Params, RandomSource
    from runtime.stored import Checkpoint

    sequences = [Sequence([int(token) for token in text.split(",")]) for text in chosen.tokens]
    lengths = [len(one.tokens) for one in sequences]
    page_size = next(iter(entries.values())).caches[0].page_size
    pages = sum(-(-(length + chosen.max_new_tokens) // page_size) for length in lengths)
    params = Params(CheckpointSource(Checkpoint(chosen.weights)) if chosen.weights else RandomSource(0))
    driver = Driver(entries, params, num_pages=pages)
    for _ in range(chosen.max_new_tokens):
        for one, token in zip(sequences, driver.step(sequences), strict=True):
            one.tokens.append(token)
    for one, length in zip(sequences, lengths, strict=True):
        print(",".join(map(str, one.tokens[length:])))


if __name__ == "__main__":
    main()
