"""No barrier, wait or fence of a Gluon kernel can be left out: the emulator finds every such fault.

Every line that synchronises is taken away in turn, or waits for the other phase or for one product fewer; the kernel
must then fail, or compute something else.  A fault that nobody notices is a line that is not needed, or a hole in the
emulator's checks.
"""

import ast
import linecache
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from attention_steps import Step
from kernel_references import check, run_checked
from scaled_values import config, mn_major, numbers, scaled

from dsv3c.backends.reference.meanings.mla import expanded_attention as meaning
from dsv3c.backends.reference.meanings.moe_rows import permute
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton.gluon import shim
from dsv3c.backends.triton.gluon_emulation import language
from dsv3c.backends.triton.gluon_emulation.barriers import arrive, expect, wait
from dsv3c.backends.triton.gluon_emulation.copies import store_wait
from dsv3c.backends.triton.gluon_emulation.errors import EmulationError
from dsv3c.backends.triton.gluon_emulation.products import warpgroup_mma_wait
from dsv3c.backends.triton.gluon_interpreter import GluonInterpreterGpu
from dsv3c.backends.triton.launchers.absorbed_attention import absorbed_attention
from dsv3c.backends.triton.launchers.expanded_attention import expanded_attention
from dsv3c.backends.triton.launchers.scaled_grouped_mm import scaled_grouped_mm
from dsv3c.backends.triton.launchers.scaled_mm import scaled_mm
from dsv3c.backends.triton.launchers.wgrad_mm import wgrad_mm

BF16 = torch.bfloat16
Site = tuple[str, int, str]
"""File, line and function of a call."""


def product(seed: int, *, sizes: tuple[int, int, int], block_m: int, block_n: int, swap: bool = False) -> None:
    """Two programs of several tiles each."""
    m, n, k = sizes
    tile = {**config(block_m, block_n, swap=swap, persistent=True, num_stages=3), "gluon": 1}
    run_checked(
        scaled_mm, "scaled_mm.scaled_mm", GluonInterpreterGpu(2, seed), {"y": torch.empty(m, n, dtype=BF16)},
        x=scaled(numbers("normal", m, k), (1, 128), "mn_major"), w=scaled(numbers("normal", n, k, seed=1), (128, 128)),
        configs=[tile], promote=128, x_scales="mn_major",
    )  # fmt: skip


def by_expert(seed: int, *, layout: str = "masked", **skips: bool) -> None:
    """Experts of one tile each, one without rows; rows behind all experts where they are contiguous."""
    ids, alignment = torch.tensor([[0, 2], [2, 0], [0, -1]]), 32 if layout == "contiguous" else 1
    how: dict[str, Any] = {"layout": layout, "alignment": alignment}
    room = {"contiguous": 6 + 3 * 31, "masked": 12}[layout]
    x = permute(scaled(numbers("normal", 3, 256), (1, 128)), ids, experts=3, rows=room, **how, **skips)
    rows, expert_of = x[0], x[2]
    assert isinstance(rows, Scaled)
    run_checked(
        scaled_grouped_mm, "scaled_grouped_mm.scaled_grouped_mm", GluonInterpreterGpu(1, seed),
        {"y": torch.empty(room, 192)}, x=Scaled(rows.data, mn_major(rows.scale), rows.granule),
        w=scaled(numbers("normal", 3, 192, 256, seed=1), (1, 128, 128)), expert_of=expert_of,
        configs=[{**config(32, 64, swap=True, persistent=True, num_stages=3), "gluon": 1}], promote=128,
        x_scales="mn_major", **how, **skips,
    )  # fmt: skip


def gradient(seed: int) -> None:
    """Two programs of several tiles, added to what was there; the ring holds more than a tile's blocks."""
    a, b = (scaled(numbers("normal", rows, 256, seed=rows), (1, 128)) for rows in (192, 320))
    a, b = (Scaled(each.data, mn_major(each.scale), each.granule) for each in (a, b))
    tile = {"block_n": 128, "block_k": 128, "group_n": 2, "persistent": 1, "num_warps": 4, "num_stages": 3, "gluon": 1}
    y = numbers("normal", 192, 320, seed=2)
    run_checked(
        wgrad_mm, "wgrad_mm.wgrad_mm", GluonInterpreterGpu(2, seed), {"y": y}, a=a, b=b, y=y, accumulate=True,
        configs=[tile],
    )  # fmt: skip


def decode_in_parts(seed: int) -> None:
    """One program that takes two parts."""
    step = Step(new=[1], context=[330])
    tile = {"block_h": 64, "block_n": 64, "split_tokens": 256, "num_warps": 4, "num_stages": 2, "gluon": 1}
    run_checked(
        absorbed_attention, "absorbed_attention.absorbed_attention", GluonInterpreterGpu(0, seed=seed),
        {"o": torch.empty(1, 64, 512, dtype=BF16)}, q_latent=torch.randn(1, 64, 512).to(BF16),
        q_rope=torch.randn(1, 64, 64).to(BF16), cache=step.cache(512, 64, BF16), positions=step.positions,
        seq_offsets=step.seq_offsets, block_table=step.block_table(), context_lens=step.context_lens,
        partial=torch.empty(2, 64, 512), lse=torch.empty(2, 64), configs=[tile], scale=0.07, scores="bf16",
        probs="bf16",
    )  # fmt: skip


def decode(seed: int, *, granule: int = 0) -> None:
    """Contexts of an even and of an odd number of tiles, whole and not."""
    torch.manual_seed(seed)
    step = Step(new=[1, 1], context=[200, 130])
    tile = {"block_h": 64, "block_n": 64, "splits": 1, "num_warps": 4, "num_stages": 2, "gluon": 1}
    run_checked(
        absorbed_attention, "absorbed_attention.absorbed_attention", GluonInterpreterGpu(seed=seed),
        {"o": torch.empty(2, 64, 512, dtype=BF16)}, q_latent=torch.randn(2, 64, 512).to(BF16),
        q_rope=torch.randn(2, 64, 64).to(BF16), cache=step.cache(512, 64, BF16, granule), positions=step.positions,
        seq_offsets=step.seq_offsets, block_table=step.block_table(), context_lens=step.context_lens,
        partial=torch.empty(2, 64, 512), lse=torch.empty(2, 64), configs=[tile], scale=0.07, scores="bf16",
        probs="bf16",
    )  # fmt: skip


def prefill(seed: int) -> None:
    """One program of two blocks of tokens, of several tiles of keys, and one of tokens that no sequence has."""
    torch.manual_seed(seed)
    step, behind = Step(new=[130], context=[300]), 60
    q, kv = torch.randn(130 + behind, 1, 192).to(BF16), torch.randn(300, 1, 256).to(BF16)
    k_rope, o = torch.randn(300, 64).to(BF16), torch.empty(130 + behind, 1, 128, dtype=BF16)
    rows = {"kv": kv, "k_rope": k_rope, "seq_offsets": step.seq_offsets, "context_lens": step.context_lens}
    tile = {"block_q": 128, "block_n": 64, "num_warps": 4, "num_stages": 2, "gluon": 1, "persistent": 1}
    expanded_attention(
        GluonInterpreterGpu(1, seed), q_nope=q[..., :128], q_rope=q[..., 128:], **rows, o=o,
        positions=torch.cat([step.positions, torch.zeros(behind, dtype=torch.int32)]),
        taken=torch.ones(1, dtype=torch.int32), configs=[tile], scale=0.11, scores="bf16", probs="bf16",
    )  # fmt: skip
    expected = meaning(
        q[:130, :, :128], q[:130, :, 128:], **rows, positions=step.positions, scale=0.11, scores=BF16,
        probs=torch.float32,
    )  # fmt: skip
    check("o", o[:130], expected, "attention")
    assert not o[130:].any()


RUNS: dict[str, Callable[[int], None]] = {
    "scaled_mm": partial(product, sizes=(150, 200, 640), block_m=128, block_n=128),
    "scaled_mm, tall": partial(product, sizes=(300, 304, 512), block_m=256, block_n=128),
    "scaled_mm, wide": partial(product, sizes=(200, 520, 512), block_m=128, block_n=256),
    "scaled_mm, swapped": partial(product, sizes=(3, 520, 640), block_m=32, block_n=128, swap=True),
    "scaled_grouped_mm": by_expert,
    "scaled_grouped_mm, masked, skipping": partial(by_expert, skips_padding=True),
    "scaled_grouped_mm, contiguous, skipping": partial(by_expert, layout="contiguous", skips_padding=True),
    "wgrad_mm": gradient,
    "absorbed_attention": decode,
    "absorbed_attention, 8 bits": partial(decode, granule=128),
    "absorbed_attention, in parts": decode_in_parts,
    "expanded_attention": prefill,
}
RIGHT_ONE_LAST = "the partition that dequantises both halves says so of the right one last; that is waited for, too"
KEEPS_REGISTERS = "it keeps the assembler from starting the next product in other registers"
NOT_NEEDED = {
    # run, line, fault: why nothing goes wrong
    ("scaled_mm, tall", "mbarrier.wait(full.index(slot), phase)", "left out"): KEEPS_REGISTERS,
    ("scaled_mm, tall", "total = warpgroup_mma_wait(0, (total,))", "one product fewer"): KEEPS_REGISTERS,
    ("scaled_mm, tall", "other = warpgroup_mma_wait(0, (other,))", "one product fewer"): KEEPS_REGISTERS,
    ("scaled_mm, wide", "mbarrier.wait(full.index(slot), phase)", "left out"): KEEPS_REGISTERS,
    ("scaled_mm, wide", "total = warpgroup_mma_wait(0, (total,))", "one product fewer"): KEEPS_REGISTERS,
    ("scaled_mm, wide", "other = warpgroup_mma_wait(0, (other,))", "one product fewer"): KEEPS_REGISTERS,
    ("absorbed_attention, 8 bits", "mbarrier.wait(full.index(2), phase)", "left out"): RIGHT_ONE_LAST,
    ("absorbed_attention, 8 bits", "mbarrier.wait(left_full, phase)", "left out"): RIGHT_ONE_LAST,
}
SYNCHRONISING = (wait, arrive, expect, language.fence_async_shared, warpgroup_mma_wait, store_wait)


class Faults:
    """Calls in the place of those that synchronise: they note where they are, and leave one of them out."""

    def __init__(self) -> None:
        self.sites: dict[Site, None] = {}
        self.fault: tuple[Site, str] | None = None

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            caller = sys._getframe(1)
            site = (caller.f_code.co_filename, caller.f_lineno, name)
            self.sites[site] = None
            if self.fault is None or self.fault[0] != site:
                return function(*given, **named)
            if self.fault[1] == "other phase":
                return function(given[0], given[1] ^ 1, *given[2:], **named)
            if self.fault[1] == "one product fewer":
                return function(int(given[0]) + 1, *given[1:], **named)
            return None

        return call

    def of(self, site: Site) -> Iterator[tuple[Site, str]]:
        if site[2] == "warpgroup_mma_wait":
            yield site, "one product fewer"
            return
        yield site, "left out"
        if site[2] == "wait":
            yield site, "other phase"


def is_noticed(run: Callable[[int], None]) -> bool:
    """In one of some orders."""
    for seed in range(3):
        try:
            run(seed)
        except (EmulationError, AssertionError):
            return True
    return False


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """In the place of what synchronises."""
    made = Faults()
    for table in (language.HOPPER, language.BARRIERS, language.COPIES, language.OF_SHIM):
        for key, function in list(table.items()):
            if function in SYNCHRONISING:
                monkeypatch.setitem(table, key, made.around(function.__name__, function))
    return made


def written(file: Path) -> Iterator[int]:
    """Lines of a kernel file that synchronise."""
    names = {"fence_async_shared", "warpgroup_mma_wait", "tma_store_wait"}
    names |= {f"mbarrier.{name}" for name in ("wait", "arrive", "expect")}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
            yield node.lineno


def test_every_line_that_synchronises_is_reached(faults: Faults) -> None:
    for run in RUNS.values():
        run(0)
    reached = {site[:2] for site in faults.sites}
    kernels = sorted(Path(shim.__file__ or "").parent.glob("*.py"))
    lines = [(str(file), line) for file in kernels for line in written(file)]
    assert len(lines) > 50
    assert [line for line in lines if line not in reached] == []


@pytest.mark.parametrize("name", RUNS)
def test_every_fault_is_noticed(name: str, faults: Faults) -> None:
    assert not is_noticed(RUNS[name])
    sites = list(faults.sites)
    survivors = set[tuple[str, str, str]]()
    for fault in (fault for site in sites for fault in faults.of(site)):
        faults.fault = fault
        if not is_noticed(RUNS[name]):
            survivors.add((name, linecache.getline(fault[0][0], fault[0][1]).strip(), fault[1]))
    assert survivors == {known for known in NOT_NEEDED if known[0] == name}
