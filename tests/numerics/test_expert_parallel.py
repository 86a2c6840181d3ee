"""Experts on several ranks compute what one device computes; what crosses links is what the ids say.

The tiny model (16 experts in 4 groups, 2 kept, 4 choices) through the whole pipeline, all ranks in lockstep: every rank
has sequences and a cache of its own, and is compared with one device that runs the same sequences alone.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import pytest
import torch
from lockstep_engine import LockstepEngine, greedy
from torch import Tensor
from xdsl.ir import Operation

import dsv3c
from dsv3c.api import Module
from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.params import Params, required_headers
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import Header, RandomWeights
from dsv3c.checking.numerics import VerifyNumerics
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.pipelines import LOWER, RAISE, parse_passes
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.moe import GateOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import load_target
from dsv3c.runtime import Engine, cache_spec

SIZES = "page-size=16 context=256 max-context=256 max-batch=8"
STEPS = 3
"""Decode steps after the prompt."""
TOP_K, EXPERTS, HIDDEN, LAYERS = 4, 16, 384, 2


@cache
def phased() -> Module:
    passes = [*RAISE, f"specialize-phases{{phases=prefill,decode {SIZES}}}", *LOWER]
    passes[passes.index("absorb-mla")] = "absorb-mla{mode=never}"
    return dsv3c.opt(dsv3c.capture("tiny", layers=(1, 4)), ",".join(passes))


@cache
def weights() -> RandomWeights:
    return RandomWeights(0, required_headers(phased().op))


@cache
def specs() -> tuple[CacheSpec, ...]:
    kinds = functions(phased().op)["decode"].function_type.inputs
    return tuple(cache_spec(kind) for kind in kinds if isinstance(kind, CacheType))


def prompts(rank: int) -> list[list[int]]:
    """Two sequences per rank; of lengths that differ between sequences and ranks."""
    lengths = (5 + 3 * rank, 17 - rank)
    return [
        torch.randint(1000, (length,), generator=torch.Generator().manual_seed(100 * rank + n)).tolist()
        for n, length in enumerate(lengths)
    ]


@cache
def alone(rank: int) -> tuple[Tensor, ...]:
    """What one device computes for a rank's sequences: logits after the prompt and after each greedy token."""
    executor = Executor(phased().op, weights())
    engine = Engine(phased().op, executor, pages=16)
    states = [SequenceState(list(prompt)) for prompt in prompts(rank)]
    found = [torch.stack(engine.run("prefill", states, [len(state.tokens) for state in states]))]
    for _ in range(STEPS):
        for state, token in zip(states, greedy(found[-1]), strict=True):
            state.tokens.append(token)
        found.append(torch.stack(engine.run("decode", states, [1] * len(states))))
    return tuple(found)


class Choices:
    """Observer that keeps what the gates of all ranks chose, per rank and in the order they ran."""

    def __init__(self, ranks: int) -> None:
        self.ranks, self.seen = ranks, list[Tensor]()

    def __call__(self, op: Operation, results: Sequence[Value]) -> None:
        if isinstance(op, GateOp):
            ids = results[1]
            assert isinstance(ids, Tensor)
            self.seen.append(ids)

    def layers(self) -> list[list[Tensor]]:
        """The ids of all ranks, layer by layer: ranks take turns between exchanges."""
        return [self.seen[start : start + self.ranks] for start in range(0, len(self.seen), self.ranks)]


def run(
    options: str, ranks: int, *passes: str, before: Sequence[str] = ()
) -> tuple[LockstepExecutor, list[list[Tensor]], Choices]:
    """Logits by step and rank of the sharded program."""
    module = dsv3c.opt(phased(), ",".join([*before, f"shard-experts{{{options}}}", *passes]))
    choices = Choices(ranks)
    executor = LockstepExecutor(module.op, weights(), ranks, observer=choices)
    engine = LockstepEngine(executor, specs(), pages=16)
    states = [[SequenceState(list(prompt)) for prompt in prompts(rank)] for rank in range(ranks)]
    lengths = [[len(state.tokens) for state in own] for own in states]
    found = [engine.step("prefill", states, lengths)]
    for _ in range(STEPS):
        for own, rows in zip(states, found[-1], strict=True):
            for state, token in zip(own, greedy(rows), strict=True):
                state.tokens.append(token)
        found.append(engine.step("decode", states, [[1] * len(own) for own in states]))
    return executor, found, choices


CASES = {
    "ep1": ("ep=1", 1),
    "ep2": ("ep=2", 2),
    "ep4": ("ep=4", 4),
    "ep8": ("ep=8", 8),
    "two_nodes": ("ep=8 nnodes=2", 8),
    "redundant": ("ep=8 nnodes=2 redundant=8", 8),
    "many_replicas": ("ep=4 redundant=20", 4),
}


@pytest.mark.parametrize("case", CASES)
def test_every_rank_has_the_bits_of_one_device(case: str) -> None:
    options, ranks = CASES[case]
    _, found, _ = run(options, ranks)
    for step, rows in enumerate(found):
        for rank in range(ranks):
            assert torch.equal(rows[rank], alone(rank)[step]), f"step {step}, rank {rank}"


@pytest.mark.parametrize("case", ["ep4", "redundant"])
def test_rows_in_expert_order_keep_the_bits(case: str) -> None:
    options, ranks = CASES[case]
    _, found, _ = run(options, ranks, "bucket-tokens{alignment=8}")
    for step, rows in enumerate(found):
        for rank in range(ranks):
            assert torch.equal(rows[rank], alone(rank)[step]), f"step {step}, rank {rank}"


ROUTED = {
    "on_every_rank": ("ep=4 redundant=3", 4),
    "on_every_rank_of_nodes": ("ep=4 nnodes=2 redundant=7", 4),
    "on_some_ranks": ("ep=6 redundant=1", 6),
    "once": ("ep=1", 1),
}


@pytest.mark.parametrize("case", ROUTED)
def test_the_shared_expert_as_a_routed_one_has_the_bits_of_one_device(case: str) -> None:
    """This model adds experts in ascending order, rounding every time: the last is the shared one either way."""
    options, ranks = ROUTED[case]
    bucketed = ("bucket-tokens{alignment=8}",) if ranks == 4 else ()
    executor, found, choices = run(options, ranks, *bucketed, before=["route-shared-expert"])
    for step, rows in enumerate(found):
        for rank in range(ranks):
            assert torch.equal(rows[rank], alone(rank)[step]), f"step {step}, rank {rank}"
    tokens = sum(len(ids) for layer in choices.layers() for ids in layer)
    if ranks > 1 and "nnodes" not in options:
        links = executor.links.messages
        prefill = sum(len(ids) for layer in choices.layers()[:LAYERS] for ids in layer)
        assert links["comm.dispatch", "local"] + links["comm.dispatch", "scale_up"] == (TOP_K + 1) * tokens > prefill


@dataclass
class Counted:
    """Weights that count how often each tensor is read."""

    inner: RandomWeights
    reads: Counter[str] = field(default_factory=Counter[str])

    def names(self) -> Iterable[str]:
        return self.inner.names()

    def header(self, name: str) -> Header | None:
        return self.inner.header(name)

    def tensor(self, name: str) -> Tensor:
        self.reads[name] += 1
        return self.inner.tensor(name)


def test_ranks_read_the_experts_they_hold_and_no_others() -> None:
    """The shared expert is one of every rank's, joined behind those that are chosen."""
    module = dsv3c.opt(phased(), "route-shared-expert,shard-experts{ep=4 redundant=3}")
    for rank in range(4):
        counted = Counted(weights())
        params = Params(counted, rank=rank)
        for function in functions(module.op).values():
            for op in function.body.block.ops:
                if isinstance(op, ParamOp) and op.key.data.endswith(".shard"):
                    params.get(op, "model.layers.3")
        held = {f".experts.{expert}." for expert in range(4 * rank, 4 * rank + 4)}
        experts = {name for name in counted.reads if ".experts." in name}
        assert experts and all(any(own in name for own in held) for name in experts)
        assert {own for own in held if any(own in name for name in experts)} == held
        assert sum(".shared_experts." in name for name in counted.reads) == 3


def replicas(placement: Sequence[int], expert: int) -> list[int]:
    return [physical for physical, logical in enumerate(placement) if logical == expert]


def ranks_of_token(ids: Sequence[int], placement: Sequence[int], ranks: int, source: int, token: int) -> list[int]:
    """The rank of every choice of a token, by the rule that the dialect states."""
    per_rank = len(placement) // ranks
    found = list[int]()
    for j, expert in enumerate(ids):
        own = replicas(placement, expert)
        found.append(own[(23333 * source + token + j) % len(own)] // per_rank)
    return found


def messages(
    layers: Sequence[Sequence[Tensor]], placement: Sequence[int], ranks: int, gpus: int, kind: str
) -> Counter[str]:
    """Messages by class of link that the ids of all ranks need, one way: counted token by token."""

    def link(a: int, b: int) -> str:
        return "local" if a == b else "scale_up" if a // gpus == b // gpus else "scale_out"

    found = Counter[str]()
    for layer in layers:
        for source, ids in enumerate(layer):
            for token, chosen in enumerate(ids.tolist()):
                targets = ranks_of_token(chosen, placement, ranks, source, token)
                if kind != "expert":
                    targets = sorted(set(targets))
                if kind != "node":
                    found.update(link(source, target) for target in targets)
                    continue
                for node in {target // gpus for target in targets}:
                    gateway = source if node == source // gpus else node * gpus + source % gpus
                    found["scale_out"] += gateway != source
                    inside = [target for target in targets if target // gpus == node]
                    own = [link(gateway, target) for target in inside if gateway == source or target != gateway]
                    found.update(own)
    return found


COPIES = {
    "expert": ("ep=8 nnodes=2 redundant=8", 8, 4, "expert"),
    "rank": ("ep=4 order=rank", 4, 4, "rank"),
    "node": ("ep=8 nnodes=4 order=node_rank", 8, 2, "node"),
}
PLACEMENTS = {
    "expert": [0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 0, 8, 9, 10, 10, 11, 12, 12, 13, 14, 14, 15, 8],
    "rank": list(range(16)),
    "node": list(range(16)),
}


@pytest.mark.parametrize("case", COPIES)
def test_links_carry_what_the_ids_say(case: str) -> None:
    options, ranks, gpus, kind = COPIES[case]
    executor, _, choices = run(options, ranks)
    layers = choices.layers()
    assert len(layers) == LAYERS * (1 + STEPS)
    sent, back = Counter[str](), Counter[str]()
    for number, layer in enumerate(layers):
        way = kind if number < LAYERS else "expert"  # decode is captured: a message per choice
        counted = messages([layer], PLACEMENTS[case], ranks, gpus, way)
        sent, back = sent + counted, back + counted
    links, both = executor.links, ("local", "scale_up", "scale_out")
    for name, expected, size in (("comm.dispatch", sent, 2 * HIDDEN + 16), ("comm.combine", back, 2 * HIDDEN)):
        for link in both:
            assert links.messages[name, link] == expected[link], f"{name} over {link}"
            assert links.bytes[name, link] == size * expected[link], f"{name} over {link}"
    pairs = {"local": ranks, "scale_up": ranks * (gpus - 1), "scale_out": ranks * (ranks - gpus)}
    for link in both:
        assert links.bytes["comm.sync_counts", link] == 4 * LAYERS * pairs[link]
    assert links.of("scale_out") == sum(links.bytes[name, "scale_out"] for name in NAMES)
    links.clear()
    assert links.of("local") == 0


NAMES = ("comm.sync_counts", "comm.dispatch", "comm.combine")


@pytest.mark.parametrize(("options", "ranks"), [("ep=4 order=rank", 4), ("ep=8 nnodes=2 order=node_rank", 8)])
def test_partial_sums_per_rank_are_close_and_alike_on_every_rank(options: str, ranks: int) -> None:
    _, found, _ = run(options, ranks)
    for rank in range(ranks):
        expected = alone(rank)[0].double()
        error = (found[0][rank].double() - expected).norm() / expected.norm()
        assert 0 < error < 2e-2, f"rank {rank}: {error}"


@pytest.mark.parametrize(("payload", "least", "most"), [("logfmt10", 1e-4, 1e-2), ("logfmt8", 2e-3, 4e-2)])
def test_results_travel_in_fewer_bits(payload: str, least: float, most: float) -> None:
    executor, found, _ = run(f"ep=4 nnodes=2 payload={payload}", 4)
    for rank in range(4):
        expected = alone(rank)[0].double()
        error = (found[0][rank].double() - expected).norm() / expected.norm()
        assert least < error < most, f"rank {rank}: {error}"
    pairs, codes = 4 * (HIDDEN // 128), HIDDEN * int(payload.removeprefix("logfmt")) // 8
    for link in ("local", "scale_up", "scale_out"):  # chunks with values above 1 go as they are, and say so
        sent = executor.links.messages["comm.combine", link]
        assert (pairs + codes) * sent < executor.links.bytes["comm.combine", link] < (pairs + 2 * HIDDEN) * sent


@pytest.mark.parametrize(("payload", "size"), [("bf16", 2), ("f32", 4)])
def test_payloads_that_hold_every_value_keep_the_bits(payload: str, size: int) -> None:
    executor, found, _ = run(f"ep=2 payload={payload}", 2)
    assert all(torch.equal(found[0][rank], alone(rank)[0]) for rank in range(2))
    sent = executor.links.messages["comm.combine", "scale_up"]
    assert executor.links.bytes["comm.combine", "scale_up"] == size * HIDDEN * sent > 0


def test_nothing_is_rounded_for_the_way_where_nothing_is_quantised() -> None:
    module = dsv3c.opt(phased(), "shard-experts{payload=logfmt8}")
    executor = Executor(module.op, weights(), quantization=False)
    engine = Engine(module.op, executor, pages=16)
    states = [SequenceState(list(prompt)) for prompt in prompts(0)]
    logits = engine.run("prefill", states, [len(state.tokens) for state in states])
    assert torch.equal(torch.stack(logits), alone(0)[0])


def test_the_policy_judges_payloads_without_what_they_round() -> None:
    ctx = make_context(target=load_target("cpu"))
    judge = VerifyNumerics(ctx, say=lambda line: None, shapes=((2, 9),))
    Driver(ctx, [judge]).run(phased().op.clone(), parse_passes("shard-experts{ep=2 payload=logfmt8}"))
    (row,) = judge.rows
    assert (row.policy, row.ok) == ("quantises", True)
    assert row.measured.startswith("f32 0.0e+00;")
    assert "with quantisation relative L2" in row.measured


def test_one_rank_runs_as_any_program_does() -> None:
    module = dsv3c.opt(phased(), "shard-experts")
    engine = Engine(module.op, Executor(module.op, weights()), pages=16)
    states = [SequenceState(list(prompt)) for prompt in prompts(0)]
    logits = engine.run("prefill", states, [len(state.tokens) for state in states])
    assert torch.equal(torch.stack(logits), alone(0)[0])


QUANTISED = "bucket-tokens,insert-fp8-qdq,fold-weights,fuse-qdq,fuse-rms-norm-quant,fuse-swiglu-quant,cse,dce"


def test_rows_that_travel_in_eight_bits_keep_the_bits_of_one_device() -> None:
    one = dsv3c.opt(phased(), f"shard-experts,{QUANTISED}")
    executor, found, _ = run("ep=4 nnodes=2", 4, *QUANTISED.split(","))
    for rank in range(2):
        engine = Engine(one.op, Executor(one.op, weights()), pages=16)
        states = [SequenceState(list(prompt)) for prompt in prompts(rank)]
        logits = engine.run("prefill", states, [len(state.tokens) for state in states])
        assert torch.equal(found[0][rank], torch.stack(logits))
    message = HIDDEN + 4 * (HIDDEN // 128) + 16
    for link in ("local", "scale_up", "scale_out"):
        assert executor.links.bytes["comm.dispatch", link] == message * executor.links.messages["comm.dispatch", link]
