"""Every capture route through the whole pipeline: PyTorch's own bits until raised, the numerics policy after that."""

from dataclasses import dataclass, field

import pytest
import torch
from routes import Made, Route, hf, own, small, user, v2
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.checking.metrics import Difference, difference
from dsv3c.checking.numerics import F32_LIMIT, Row, VerifyNumerics, Version, distance
from dsv3c.compilation.driver import Driver, PassRun
from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.compilation.pipelines import LOWER, RAISE, parse_passes
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import print_module
from dsv3c.ir.verify import unraised
from dsv3c.passes.base import Pass

MATMULS, ATTENTION = frozenset({"raise-experts"}), frozenset({"raise-attention"})
TABLES = frozenset({"raise-rope-tables"})
"""Complex exponentials: PyTorch's polar and cos differ in the last bit of some angles."""
WITH_MTP = small("tiny", num_mtp_layers=1)
ROUTES = (
    hf(WITH_MTP, "bf16"),
    hf(small("tiny"), "f32"),
    hf(small("tiny"), "bf16", "batched_mm"),
    hf(small("tiny"), "f32", "batched_mm", reorders=MATMULS),
    hf(v2(groups=False, q_lora=False), "bf16", reorders=TABLES),
    hf(v2(groups=True, q_lora=True), "f32", reorders=TABLES),
    hf(v2(groups=True, q_lora=False), "bf16", "batched_mm", reorders=TABLES),
    hf(small("moonlight"), "bf16"),
    hf(small("kimi-k2"), "f32"),
    own(small("tiny"), "hf", "bf16"),
    own(small("tiny"), "deepseek", "bf16"),
    own(WITH_MTP, "deepseek", "f32", reorders=ATTENTION),
    own(small("tiny-v64"), "deepseek", "bf16"),
    own(small("deepseek-v2-lite"), "deepseek", "bf16"),
    own(small("deepseek-v2-lite"), "hf", "f32", reorders=TABLES),
    own(small("moonlight"), "deepseek", "f32", reorders=ATTENTION),
    own(small("kimi-k2"), "deepseek", "bf16"),
    user("half_split_rope"),
    user("fused_gate_up"),
    user("softmax_gate"),
    user("no_q_lora"),
    user("einsum_attention"),
    user("plain_attention"),
)
SIZES = ((1, 2), (1, 33), (2, 2), (2, 33))
LONG = (1, 130)
"""Once, on the first route."""
PHASES = "specialize-phases{phases=prefill,decode,verify verify-tokens=4 page-size=16 context=256 max-context=256}"
LEFT = {"reshape", "slice.Tensor", "permute", "add.Tensor", "cat", "arange", "repeat_interleave.self_int"}
"""What may be left in aten: movement, residuals, and the positions."""
LATENT = {"nn.linear", "nn.rms_norm", "nn.rope", "nn.rope_table", "nn.swiglu", "nn.embedding", "mla.attention"}
ROUTED = LATENT | {"moe.gate", "moe.experts"}
MODELS: dict[str, set[str]] = {
    "user-half_split_rope": LATENT,
    "user-fused_gate_up": LATENT,
    "user-softmax_gate": ROUTED - {"nn.swiglu"},
    "user-no_q_lora": LATENT,
    "user-einsum_attention": LATENT,
    "user-plain_attention": LATENT - {"mla.attention"} | {"nn.attention"},
}
"""The ops of nn, mla and moe that a route uses; DeepSeek's own models use all of ``ROUTED``."""
WITHOUT_LATENT = "user-plain_attention"


def entry_inputs(made: Made, entry: str, batch: int, length: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(1000 * batch + length)
    ids = torch.randint(100, (batch, length), generator=generator)
    if entry == "main":
        return (ids,)
    weight = next(value for name, value in made.models[entry].state_dict().items() if name.endswith("hnorm.weight"))
    return torch.randn(batch, length, *weight.shape, generator=generator).to(weight.dtype), ids


@dataclass
class AgainstPyTorch:
    """Runs the module after every pass that changes it: how far is it from PyTorch, and from what it was before?"""

    made: Made
    sizes: tuple[tuple[int, int], ...]
    found: dict[str, tuple[Difference, Difference]] = field(default_factory=dict)
    """Pass -> distance from PyTorch, distance from the program before."""
    expected: list[Tensor] = field(default_factory=list)
    before_pass: list[Tensor] = field(default_factory=list)
    text: str = ""

    def start(self, module: ModuleOp) -> None:
        entries = self.made.models
        self.inputs = [(entry, entry_inputs(self.made, entry, *size)) for entry in entries for size in self.sizes]
        with torch.no_grad():
            results = [entries[entry](*inputs) for entry, inputs in self.inputs]
        self.expected = [result if isinstance(result, Tensor) else result.logits for result in results]
        self.before_pass = self.expected
        self.run("import", module)

    def before(self, item: Pass) -> None:
        pass

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        assert item.numerics == "reassociates" or run.name not in (MATMULS | ATTENTION | TABLES)
        self.run(run.name, module)

    def run(self, name: str, module: ModuleOp) -> None:
        text = print_module(module)
        if text == self.text:
            return
        executor = Executor(module, StateDictWeights(self.made.state), "torch")
        results = [executor.run(entry, *inputs)[0] for entry, inputs in self.inputs]
        logits = [result for result in results if isinstance(result, Tensor)]
        pairs = [zip(logits, others, strict=True) for others in (self.expected, self.before_pass)]
        self.found[name] = difference(pairs[0]), difference(pairs[1])
        self.before_pass, self.text = logits, text


@dataclass
class Raised:
    """A route, raised."""

    route: Route
    ctx: CompileContext
    module: ModuleOp
    found: dict[str, tuple[Difference, Difference]]
    withheld: dict[str, str]

    def remarks(self, kind: Kind) -> list[str]:
        return [str(item) for item in self.ctx.outcomes.items if item.kind is kind]


@pytest.fixture(scope="module", params=ROUTES, ids=str)
def raised(request: pytest.FixtureRequest) -> Raised:
    route: Route = request.param
    made = route.make()
    ctx = make_context(target=load_target("h800"))
    ctx.evaluator = TorchEvaluator()
    module = import_program(ctx, made.captured)
    watching = AgainstPyTorch(made, (*SIZES, LONG) if route is ROUTES[0] else SIZES)
    driver = Driver(ctx, [watching])
    driver.run(module, parse_passes(",".join(RAISE)))
    return Raised(route, ctx, module, watching.found, driver.withheld)


def test_cache_free_programs_have_the_bits_of_pytorch(raised: Raised) -> None:
    assert {"import", "raise-linear", "raise-rope", "raise-attention"} <= raised.found.keys()
    for name, (from_pytorch, from_before) in raised.found.items():
        assert from_before.bitwise or name in raised.route.reorders, f"{name}: {from_before}"
        assert from_pytorch.relative_l2 <= F32_LIMIT, f"{name}: {from_pytorch}"


def test_everything_is_raised(raised: Raised) -> None:
    left = {op.name.removeprefix("aten.") for op in unraised(raised.module)}
    assert left <= LEFT
    used = {op.name for op in raised.module.walk() if op.name.split(".")[0] in ("nn", "mla", "moe")}
    assert used == MODELS.get(raised.route.name, ROUTED)
    if raised.route.name != WITHOUT_LATENT:
        assert raised.remarks(Kind.BLOCKED) == []


class Policy(VerifyNumerics):
    """The numerics policy, and the bits of the cache-free program where attention is not absorbed."""

    def judge(self, name: str, item: Pass, before: Version, after: Version) -> Row:
        if name == "specialize-phases":
            found = distance(after.traces("reference"), before.traces("reference"))
            assert found.bitwise, found
        return super().judge(name, item, before, after)


def test_phases_follow_the_numerics_policy(raised: Raised) -> None:
    module = raised.module.clone()
    shapes = (*SIZES[::3], LONG) if raised.route is ROUTES[0] else SIZES[::3]
    policy = Policy(raised.ctx, say=lambda _: None, shapes=shapes)
    driver = Driver(raised.ctx, [policy], skip_unmet=True)
    first = len(raised.ctx.outcomes.items)
    driver.run(module, parse_passes(",".join([PHASES, *LOWER])))
    remarks = [str(item) for item in raised.ctx.outcomes.items[first:] if item.kind is Kind.BLOCKED]
    if raised.route.name == WITHOUT_LATENT:
        assert "nn.attention: attention with keys and values of its own per head has no latent to cache" in remarks[0]
        assert [row.measured for row in policy.rows[:1]] == ["unchanged"]
        return
    assert policy.before_pass is not None
    assert policy.before_pass.is_phased
    changed = [row.name for row in policy.rows if row.measured != "unchanged"]
    assert changed[0] == "specialize-phases"
    assert "absorb-mla" in changed
    entries = {"prefill", "decode", "verify"}
    if "-mtp" in raised.route.name:
        entries |= {f"mtp_{name}" for name in entries}
    assert entries <= functions(module).keys()
