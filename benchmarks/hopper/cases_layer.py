"""One full MoE layer, attention included: prefill of 4096 tokens, decode of 128 sequences.

Ours reads FP8 weights and quantises activations; the peers are transformers' layer in BF16, eager and compiled.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.hopper import layer_hf, layer_ours, shapes
from benchmarks.hopper.case import Case, Problem, Work
from benchmarks.hopper.checks import COMPILED, LAYER, TOKEN, Check, Policy, compare
from benchmarks.hopper.choices import CHOSEN, NotAvailable
from benchmarks.hopper.data import Place
from benchmarks.hopper.imports import first_line
from benchmarks.hopper.measure import Outcome, Session
from benchmarks.hopper.shapes import (
    EXPERT_WIDTH,
    EXPERTS,
    HEADS,
    HIDDEN,
    LATENT,
    NOPE,
    PAGE,
    ROPE,
    TOP_K,
    VALUES,
    LayerStep,
)
from benchmarks.hopper.timing import interleaved

USUAL = 90.0
"""Seconds of a case before any was run: most of them PyTorch compiling."""
SECONDS = 420.0
"""After which a case hangs: PyTorch compiles a layer in it, and 256 experts are quantised."""
ATTENTION = 1536 * HIDDEN + (LATENT + ROPE) * HIDDEN + HEADS * (NOPE + ROPE) * 1536 + HEADS * VALUES * HIDDEN
"""Weights of attention's products but for those of the latent."""
UP = HEADS * (NOPE + VALUES) * LATENT
EXPERT = 3 * EXPERT_WIDTH * HIDDEN


def work(step: LayerStep) -> Work:
    """Operations of all products, bytes of all weights that some token needs (FP8) and of the cache."""
    tokens = step.sequences * step.new_tokens
    pairs = step.sequences * sum(step.context - step.new_tokens + 1 + q for q in range(step.new_tokens))
    per_pair = (2 * LATENT + ROPE) if step.phase == "decode" else (NOPE + ROPE + VALUES)
    flops = 2.0 * tokens * (ATTENTION + UP + (TOP_K + 1) * EXPERT + EXPERTS * HIDDEN) + 2.0 * pairs * HEADS * per_pair
    touched = EXPERTS * (1 - (1 - TOP_K / EXPERTS) ** tokens) + 1
    moved = ATTENTION + UP + touched * EXPERT + step.sequences * step.context * 2 * (LATENT + ROPE)
    return Work(flops, moved + 2 * 2 * tokens * HIDDEN)


def layer(step: LayerStep) -> Case:
    """A case of its own kind: an artifact in the place of a launcher."""

    def build(place: Place) -> Problem:
        raise NotAvailable("a layer is an artifact, not a call of a launcher")

    def measured(case: Case, session: Session) -> dict[str, Any]:
        try:
            return measure_layer(case, step, session)
        finally:
            torch.compiler.reset()  # it may keep a layer alive, and the device has no room for two

    return Case(
        f"layer/{step.phase}-{step.sequences}x{step.new_tokens}-{step.context}",
        "layer",
        vars(step),
        work(step),
        build,
        importance=9,
        measured=measured,
        usual=USUAL,
        seconds=SECONDS,
    )


def measure_layer(case: Case, step: LayerStep, session: Session) -> dict[str, Any]:
    """Build the layer in transformers, ours from its weights; compare, then time in turns."""
    if (why := session.missing.get(f"{case.name} {CHOSEN}")) is not None or session.layer is None:
        raise NotAvailable(why or "no artifact of a layer was compiled")
    device, clock = session.place.device, session.clock
    assert clock is not None
    model = layer_hf.build(device, session.place.seed)
    program, gpu = layer_ours.load(session.layer)
    params = layer_ours.params_of(program, layer_ours.Source(layer_hf.layer_state(model), device))
    ours = layer_ours.record(program, gpu, params, step, device)
    hidden = session.place.normal(step.sequences * step.new_tokens, HIDDEN)
    ours.hidden.copy_(hidden)
    past = layer_hf.cache_for(model, step, device)
    if past is not None:
        fill_cache(ours.cache, past, step)
    eager = layer_hf.runner(model, model.layers[0], step, hidden, past)
    with_peers: dict[str, Callable[[], Callable[[], Tensor]]] = {
        "hf_eager": lambda: eager,
        "torch_compile": lambda: layer_hf.runner(model, torch.compile(model.layers[0]), step, hidden, past),
    }
    mine = Outcome(checks=[checked(ours, model, eager, hidden)])
    clock.finish()
    expected = eager().clone()
    runs: dict[str, Callable[[], object]] = {"ours": ours} if mine.is_right else {}
    peers = {name: Outcome() for name in with_peers}
    for name, maker in with_peers.items():
        try:
            run = maker()
            peers[name].checks = [delta_check(run(), expected, hidden, COMPILED)]
            if peers[name].is_right:
                runs[name] = run
        except Exception as error:  # a peer may raise anything: it is told, and nothing stops
            peers[name].error = f"{type(error).__name__}: {first_line(error)}"
    found, errors = interleaved(runs, clock, session.limits)
    for name, outcome in {"ours": mine, **peers}.items():
        outcome.timing, outcome.error = found.get(name), outcome.error or errors.get(name)
    return {
        **case.header(),
        "ours": {CHOSEN: mine.as_json()},
        "peers": {name: outcome.as_json() for name, outcome in peers.items()},
        "same": {},
    }


def checked(ours: layer_ours.LayerRun, model: Any, eager: Callable[[], Tensor], hidden: Tensor) -> Check:
    """Ours against the same layer with the choices of our gate, which has a case of its own."""
    found = ours().clone()
    expected = layer_hf.routed(model, eager, ours.routes["weights"], ours.routes["ids"])
    return delta_check(found, expected, hidden, LAYER)


def delta_check(found: Tensor, expected: Tensor, hidden: Tensor, policy: Policy) -> Check:
    """Compare what the layer adds to its input, as the input itself would hide it: all of it, and the median token."""
    x, y = (made.double() - hidden.double() for made in (found, expected))
    metrics = compare(x, y)
    each = 1 - 2 * (x * y).sum(-1) / (x * x + y * y).sum(-1)
    middle = float(each.median())
    why = metrics.why_wrong(policy)
    if why is None and not middle <= TOKEN:
        why = f"calc_diff {middle:.3g} of the median token, allowed {TOKEN:.3g}"
    return Check("hidden", policy.name, metrics, why)


def fill_cache(cache: Any, past: layer_hf.FixedCache, step: LayerStep) -> None:
    """The rows that transformers reads, in our pages: sequence n has pages n * P and on, in order."""
    pages = -(-step.context // PAGE)
    for ours, theirs in ((cache.latent, past.latent), (cache.rope, past.rope)):
        rows = ours.unflatten(0, (step.sequences, pages))
        padded = torch.nn.functional.pad(theirs[:, 0], (0, 0, 0, pages * PAGE - step.context))
        rows.copy_(padded.view(step.sequences, pages, PAGE, -1))


def cases() -> Iterator[Case]:
    """At the size of DeepSeek-V3."""
    yield from map(layer, shapes.LAYER)


def small_cases() -> Iterator[Case]:
    """None: whole programs of kernels are run by tests/numerics/test_kernel_program.py."""
    yield from ()
