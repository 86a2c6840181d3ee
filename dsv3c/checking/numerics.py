"""The numerics policy: what a pass may do to results, checked by running the program before and after it.

- A pass that declares itself ``bitwise`` keeps every bit: under PyTorch's own arithmetic while the program is
  cache-free, under the reference arithmetic (where a row's bits depend on nothing else) once it is phased.
- A pass that ``reassociates`` is judged twice, every ``moe.gate`` routing as in the f64 reference.  In f32: relative
  L2 distance from the program before it at most 1e-5.  In bf16: its distance from the f64 reference at most 1.1 times
  that of the program before the first such pass.  In a narrow model that ratio scatters from one draw of random
  weights to the next; where the first draw exceeds the limit, the mean over a few draws is judged.
- A pass that ``quantises`` takes bits away on purpose.  With quantisation off (``scaled.quantize`` keeps every bit) it
  is judged as one that reassociates; what quantisation itself changes is printed and not judged.  Once a program holds
  quantised values, passes that reassociate are judged with quantisation off too: one bit more or less before a
  rounding to 8 bits moves results by a whole step.
Tokens that a free run routes to other experts (flips) are counted and not judged.
A program of several ranks runs on all of them in lockstep, each with sequences of its own
(``dsv3c/checking/rank_probes.py``).
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor
from xdsl.dialects.builtin import Float32Type, Float64Type, ModuleOp, bf16
from xdsl.ir import Attribute

from dsv3c.backends.reference.meanings.arithmetic import Fidelity
from dsv3c.backends.reference.params import entries_of, required_headers
from dsv3c.backends.reference.weights import RandomWeights, Weights
from dsv3c.checking.metrics import Difference, difference, routing_flips
from dsv3c.checking.probes import SHAPES, Probe, Runner, Trace, pairs, probes_of, steps_of
from dsv3c.checking.retype import KeptWeights, RetypedWeights, mentions, retyped
from dsv3c.compilation.driver import PassRun
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.comm import CombineOp
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.errors import PassError
from dsv3c.ir.scaled_type import FORMATS
from dsv3c.ir.text import print_module
from dsv3c.ir.types import element_type
from dsv3c.passes.base import Pass
from dsv3c.programs import check_memory

F32_LIMIT = 1e-5
"""Relative L2 that reassociation may cost in f32."""
BF16_RATIO = 1.1
"""Factor by which the error of bf16 against f64 may grow."""
DRAWS = 5
"""Random weights that are tried at most; with one draw the ratio of a model 64 wide scatters by about 15 %."""
COPIES = 9
"""Times the size of the weights that a run in f64 may take: four for the values, three for those kept in bf16 and f32,
the rest for recipes at work."""
FURTHEST = ("scheduled", "quantised", "sharded", "phased", "raised")
"""Facts, the last to be established first."""
F32, F64 = Float32Type(), Float64Type()


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    level: str
    policy: str
    measured: str
    ok: bool

    def __str__(self) -> str:
        return f"{self.name:<22} {self.level:<9} {self.policy:<17} {'ok  ' if self.ok else 'FAIL'} {self.measured}"


HEADER = f"{'pass':<22} {'level':<9} {'policy':<17} {'':<4} measured"


def say(line: str) -> None:
    """To standard error."""
    print(line, file=sys.stderr, flush=True)


def distance(after: Sequence[Trace], before: Sequence[Trace]) -> Difference:
    """Between the results of two programs on the same probes."""
    return difference(pair for x, y in zip(after, before, strict=True) for pair in pairs(x, y))


def flips(after: Sequence[Trace], before: Sequence[Trace]) -> tuple[int, int] | None:
    """Tokens that gates route differently, of how many; None where the two do not have the same gates."""
    changed, total = 0, 0
    for x, y in zip(after, before, strict=True):
        if len(x.choices) != len(y.choices):
            return None
        for ids, expected in zip(x.choices, y.choices, strict=True):
            changed, total = changed + routing_flips(ids, expected), total + ids.shape[0]
    return changed, total


@dataclass
class Version:
    """A program at one stage, with its results as far as somebody has asked for them."""

    module: ModuleOp
    probes: Sequence[Probe]
    weights: Weights
    kept: dict[Attribute, KeptWeights] = field(default_factory=dict[Attribute, KeptWeights])
    """The weights in bf16 and f32, for every version of a program."""
    done: dict[tuple[Fidelity, Attribute, bool, bool], list[Trace]] = field(
        default_factory=dict[tuple[Fidelity, Attribute, bool, bool], list[Trace]]
    )

    def changed(self, module: ModuleOp) -> "Version":
        """Another program on the same probes with the same weights."""
        return Version(module, self.probes, self.weights, self.kept)

    @property
    def is_phased(self) -> bool:
        """Whether it runs in steps over a cache."""
        return bool(steps_of(self.module))

    @property
    def level(self) -> str:
        """The furthest fact it states."""
        facts = facts_of(self.module)
        return next((fact for fact in FURTHEST if fact in facts), "captured")

    @cached_property
    def is_quantized(self) -> bool:
        """Whether it holds values that were quantised: scaled tensors, a cache of 8 bits, rows sent in another type."""
        sent = (op for op in self.module.walk() if isinstance(op, CombineOp))
        return any(mentions(self.module, element) for element in FORMATS) or any(
            op.payload.data != str(element_type(op.y)) for op in sent
        )

    def traces(
        self,
        fidelity: Fidelity,
        element: Attribute = bf16,
        forced: Sequence[Sequence[Tensor]] | None = None,
        *,
        quantized: bool = True,
    ) -> list[Trace]:
        """Results on every probe, with ``element`` in place of bf16; ``forced`` are the choices of its gates.

        ``quantized`` off: values keep their bits where the program quantises them.
        """
        quantized = quantized or not self.is_quantized
        key = (fidelity, element, forced is not None, quantized)
        if key not in self.done:
            module = self.module if element == bf16 else retyped(self.module, bf16, element)
            weights = self.weights_in(element)
            runner = Runner(module, weights, fidelity, replay=forced is not None, quantization=quantized)
            choices = forced if forced is not None else [()] * len(self.probes)
            probes = [probe.retyped(element) for probe in self.probes]
            self.done[key] = [runner.run(probe, chosen) for probe, chosen in zip(probes, choices, strict=True)]
        return self.done[key]

    def weights_in(self, element: Attribute) -> Weights:
        """The weights with ``element`` in place of bf16; those in f64, which are large, are not kept."""
        if element == F64:
            return RetypedWeights(self.weights_in(bf16), bf16, element)
        if element not in self.kept:
            self.kept[element] = KeptWeights(
                self.weights if element == bf16 else RetypedWeights(self.weights_in(bf16), bf16, element)
            )
        return self.kept[element]

    def free(self) -> list[Trace]:
        """Results under the reference arithmetic, every choice its own; quantisation is off."""
        return self.traces("reference", quantized=False)

    def redrawn(self, number: int) -> "Version | None":
        """The same program with other random weights; None where the weights are given."""
        if not isinstance(self.weights, RandomWeights):
            return None
        return Version(self.module, self.probes, RandomWeights(self.weights.seed + number, self.weights.headers))


@dataclass(frozen=True)
class Errors:
    """Relative L2 distances of one draw of weights, every gate routing as in f64."""

    narrow: float
    """In f32, from the program before."""
    rounded: float
    """In bf16, from the f64 reference."""
    original: float
    """What the original program has in bf16."""


def errors_of(original: Version, before: Version, after: Version) -> Errors:
    """Measure one draw."""
    exact, free = original.traces("reference", F64, quantized=False), after.free()
    replayable = any(trace.choices for trace in free) and flips(exact, free) is not None
    forced = [trace.choices for trace in exact] if replayable else None
    wide_after, wide_before = (item.traces("reference", F32, forced, quantized=False) for item in (after, before))
    narrow = distance(wide_after, wide_before).relative_l2
    rounded = after.traces("reference", bf16, forced, quantized=False)
    yardstick = original.traces("reference", bf16, forced, quantized=False)  # of the same tokens
    same_rows = [y.at(x.rows) for x, y in zip(rounded, yardstick, strict=True)]
    return Errors(narrow, distance(rounded, exact).relative_l2, distance(same_rows, exact).relative_l2)


def ratio_of(found: Sequence[Errors]) -> float:
    """Error in bf16 over that of the original, root mean squares over the draws."""
    error, allowed = sum(item.rounded**2 for item in found), sum(item.original**2 for item in found)
    return (error / allowed) ** 0.5 if allowed else (1.0 if error == 0 else float("inf"))


def measured_errors(original: Version, before: Version, after: Version) -> list[Errors]:
    """One draw, or several where its ratio is above the limit."""
    found = [errors_of(original, before, after)]
    if ratio_of(found) <= BF16_RATIO or found[0].narrow > F32_LIMIT:
        return found
    for number in range(1, DRAWS):
        versions = [version.redrawn(number) for version in (original, before, after)]
        known = [version for version in versions if version is not None]
        if len(known) < len(versions):
            return found
        found.append(errors_of(*known))
    return found


def reassociated(original: Version, before: Version, after: Version) -> tuple[str, bool]:
    """Judge a program that may add in another order than the one ``before``: what was measured, and whether it is ok.

    ``original`` is the program whose bf16 error counts as 1.
    """
    free, free_before = after.free(), before.free()
    moved = flips(free, free_before)
    routes = moved is not None and moved[1] > 0
    counted = f"; flips {moved[0]}/{moved[1]}" if moved is not None and routes else ""
    if not mentions(after.module, bf16):
        distant = distance(free, free_before)
        return f"f32 {distant}{counted}", distant.relative_l2 <= F32_LIMIT
    found = measured_errors(original, before, after)
    narrow, ratio = max(item.narrow for item in found), ratio_of(found)
    drawn = f" (mean of {len(found)} draws)" if len(found) > 1 else ""
    measured = f"f32 {narrow:.1e}; bf16 error {found[0].rounded:.2e} = {ratio:.3f} x original{drawn}{counted}"
    if any(map(chooses_freely, (original.module, after.module))):
        return f"{measured} (not judged: top-k choices outside of moe.gate are free)", narrow <= F32_LIMIT
    return measured, narrow <= F32_LIMIT and ratio <= BF16_RATIO


def quantized_distance(before: Version, after: Version) -> str:
    """What quantisation does to the results of a pass, every gate routing as before it; empty where there is none."""
    if not after.is_quantized:
        return ""
    expected = before.traces("reference")
    routes = [trace.choices for trace in expected]
    same_gates = flips(after.traces("reference"), expected) is not None and any(routes)
    found = distance(after.traces("reference", forced=routes if same_gates else None), expected)
    return f"; with quantisation {found}"


def chooses_freely(module: ModuleOp) -> bool:
    """Whether some choice of experts is not a ``moe.gate`` (yet) and cannot be replayed."""
    return any(op.name == "aten.topk" for op in module.walk())


@dataclass
class VerifyNumerics:
    """Observer that runs the module after every pass and prints the table, line by line.

    ``say`` gets the lines.  Weights are random by name.  Raises PassError at the first pass that breaks its policy,
    and MemoryShort, before anything runs, for a model too big for this machine.
    """

    ctx: CompileContext
    say: Callable[[str], None] = say
    shapes: Sequence[tuple[int, int]] = SHAPES
    seed: int = 0
    rows: list[Row] = field(default_factory=list[Row])
    before_pass: Version | None = None
    original: Version | None = None
    """What bf16 errors are measured against: the program before the first pass that reassociates, or the first after
    it whose choices of experts can be replayed."""
    text: str = ""

    def start(self, module: ModuleOp) -> None:
        """Choose inputs and weights."""
        probes = probes_of(module, self.shapes, self.seed)
        for entry in entries_of(module):
            check_memory(module, entry, copies=COPIES)
        weights = RandomWeights(self.seed, required_headers(module))
        self.before_pass = Version(module.clone(), probes, weights)
        self.text = print_module(module)
        self.say(HEADER)

    def before(self, item: Pass) -> None:
        """The results before a pass are those after the one before it."""

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        """Run, compare, print; raise if the policy is broken."""
        before, text = self.before_pass, print_module(module)
        assert before is not None, "start comes first"
        if text == self.text:
            self.add(Row(run.name, before.level, item.numerics, "unchanged", True))
            return
        after = before.changed(module.clone())
        self.add(self.judge(run.name, item, before, after))
        self.before_pass, self.text = after, text

    def judge(self, name: str, item: Pass, before: Version, after: Version) -> Row:
        """The policy of the pass, applied."""
        if item.numerics == "bitwise":
            fidelity: Fidelity = "reference" if after.is_phased else "torch"
            found = distance(after.traces(fidelity), before.traces(fidelity))
            return Row(name, after.level, f"bitwise/{fidelity}", str(found), found.bitwise)
        if self.original is None or (chooses_freely(self.original.module) and not chooses_freely(before.module)):
            self.original = before
        measured, ok = reassociated(self.original, before, after)
        return Row(name, after.level, item.numerics, measured + quantized_distance(before, after), ok)

    def add(self, row: Row) -> None:
        """Print a row, and stop at a broken policy."""
        self.rows.append(row)
        self.say(str(row))
        if not row.ok:
            raise PassError(
                f"pass {row.name} changes results: {row.measured}",
                hint="see the program before and after it with --print-ir-before/--print-ir-after; "
                "the policy is in dsv3c/checking/numerics.py",
            )
