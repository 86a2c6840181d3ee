"""``bucket-tokens``: experts as grouped matrix products over rows in expert order.

Before::

    %y = moe.experts %x, %weights, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input"

After::

    %rows, %slots, %expert_of = moe.permute %x by %ids experts 256 layout "masked" alignment 1
    %gate_up_rows = moe.grouped_mm %rows, %gate_up by %expert_of
    %gate, %up = columns 0..I and I..2I of %gate_up_rows
    %hidden = nn.swiglu %gate, %up intermediate "input"
    %down_rows = moe.grouped_mm %hidden, %down by %expert_of
    %y = moe.unpermute %down_rows at %slots weights %weights ids %ids combine_in f32 order "slot"

Saves nothing by itself: it shows rows, padding and products to the passes that quantise, fuse, overlap and choose
kernels.  Every result keeps its bits.  (PyTorch's own calls, fidelity ``torch``, keep them where the rows are as many
as before, ``contiguous`` with alignment 1, or whole in vectors, widths that are multiples of 32: what is left of a
tensor is computed by other instructions.)

``fuse=true`` wraps the ops from ``moe.permute`` to ``moe.unpermute`` in one ``moe.fused``, so that one kernel for all
of them is a choice of lowering: no pass after it looks inside, so it goes last.

``layout=auto`` compares the layouts by cost (``passes/bucketing_cost.py``) for the step of the phase that reaches the
function, and states for how many tokens the choice holds.  In a phase that is captured as a device graph the host does
not know how many rows an expert has: there rows are ``masked``, with room for every token at every expert.  It does not
split weights over ranks (``shard-experts``), and leaves ``moe.experts`` alone whose sizes are no numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.cost_model import Env, element_bytes
from dsv3c.ir.dialects.comm_rows import DispatchOp
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.moe import ExpertsOp, GateOp
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.dialects.moe_rows import LAYOUTS, GroupedMmOp, PermuteOp, UnpermuteOp, product
from dsv3c.ir.dialects.nn import SwigluOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.expected_rows import routing_of
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.functions import callee_name, functions
from dsv3c.ir.sizes import Size, bounds, mul
from dsv3c.ir.targets import Target
from dsv3c.ir.types import as_tensor, element_type, shape, with_sizes
from dsv3c.passes.base import Pass
from dsv3c.passes.bucketing_cost import Choice, ExpertSizes, Layout, Step, alignment_for, choose
from dsv3c.passes.fused_experts import fuse
from dsv3c.passes.matching import reshape_of
from dsv3c.passes.merge_projections import cut_columns
from dsv3c.passes.phases import SEQUENCES, TOKENS, Phase, phase_of

AUTO = "auto"


@dataclass(frozen=True)
class BucketTokensPass(Pass):
    """Turn ``moe.experts`` into a permutation, grouped products and a weighted sum."""

    name = "bucket-tokens"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})
    numerics = "bitwise"

    layout: str = AUTO
    """Of the rows: ``auto`` by cost, ``contiguous``, ``masked`` or ``dense``."""
    alignment: int = 0
    """Rows at whose multiples an expert's rows start (contiguous); 1: compact; 0: what the target's products need."""

    fuse: bool = False
    """Put everything from each ``moe.permute`` to its ``moe.unpermute``, also earlier ones, into one ``moe.fused``."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every ``moe.experts`` in the phase that reaches it; then every chain of rows, if it is to be fused."""
        self.check_options()
        reached = phases_by_function(module)
        for name, function in functions(module).items():
            for op in [op for op in function.body.block.ops if isinstance(op, ExpertsOp)]:
                self.site(ctx, module, op, reached.get(name, []))
            for op in [op for op in function.body.block.ops if self.fuse and isinstance(op, UnpermuteOp)]:
                fuse(ctx, op, environment(ctx, module, reached.get(name, [])))

    def check_options(self) -> None:
        """Raise UsageError for values without a meaning."""
        if self.layout not in (AUTO, *LAYOUTS):
            raise UsageError(f"bucket-tokens: layout must be one of {', '.join((AUTO, *LAYOUTS))}, not {self.layout!r}")
        if self.alignment < 0:
            raise UsageError(f"bucket-tokens: alignment must be at least 1 row, or 0, not {self.alignment}")
        if self.alignment and self.layout in ("masked", "dense"):
            raise UsageError(f"bucket-tokens: alignment is of contiguous rows; {self.layout} rows have none")

    def site(self, ctx: CompileContext, module: ModuleOp, op: ExpertsOp, phases: list[Phase]) -> None:
        """One ``moe.experts``: guards, cost, build, replace."""
        if not all(isinstance(size, int) for size in (*shape(op.down), shape(op.ids)[-1])):
            return ctx.blocked(op, "experts, their sizes and the choices per token must be numbers")
        captured = next((phase for phase in phases if phase.capturable), None)
        why = (
            ""
            if captured is None
            else f"{captured.name} is captured as a device graph, launched without counts of rows"
        )
        if captured is not None and self.layout == "contiguous":
            return ctx.blocked(op, f"contiguous rows are laid out by counts: {why}")
        layouts = self.layouts(captured)
        capacity = most_rows(op.ids)
        if capacity is None:
            unbounded = "ids come from no moe.gate or comm.dispatch, a token may repeat one"
            if "contiguous" not in layouts:
                return ctx.blocked(op, f"{layouts[0]} rows have no bound: {unbounded}")
            why = f"other layouts have no bound: {unbounded}" if len(layouts) > 1 else ""
            layouts, capacity = ["contiguous"], product(shape(op.ids)[:-1])
        choice = self.choose(ctx, module, op, phases, layouts, capacity)
        ctx.fired(op, "; ".join(part for part in (choice.reason, why) if part), **choice.numbers)
        decompose(ctx, op, choice.layout, capacity)
        return None

    def layouts(self, captured: Phase | None) -> list[str]:
        """The layouts to compare, the first of equal cost first."""
        if self.layout != AUTO:
            return [self.layout]
        return ["masked", "dense"] if captured is not None else list(LAYOUTS)

    def choose(
        self,
        ctx: CompileContext,
        module: ModuleOp,
        op: ExpertsOp,
        phases: list[Phase],
        layouts: Sequence[str],
        capacity: Size,
    ) -> Choice:
        """The cheapest layout for the largest step that reaches the op.  Raises as ``alignments`` does."""
        assert ctx.target is not None, "bucket-tokens asks the target"
        alignments = self.alignments(ctx.target) if "contiguous" in layouts else ()
        env, tokens = environment(ctx, module, phases), product(shape(op.ids)[:-1])
        experts = shape(op.down)[0]
        assert isinstance(experts, int)
        step = Step(max(1, env.number(tokens)), env.number(capacity), routing_of(op.ids, experts, env))

        def candidates(there: Step) -> list[Layout]:
            return [Layout(name, alignment_for(alignments, there) if name == "contiguous" else 1) for name in layouts]

        return choose(ctx.target, sizes_of(op), step, candidates, range_of(module, tokens))

    def alignments(self, target: Target) -> tuple[int, ...]:
        """The alignments that contiguous rows may have.  Raises UsageError where neither option nor target says."""
        if self.alignment:
            return (self.alignment,)
        if target.group_alignment is None:
            raise UsageError(
                f"target {target.name} does not state group_alignment, which contiguous rows of experts need",
                hint="add it to its file, with a source, or give bucket-tokens{alignment=N} (rows) or {layout=masked}",
            )
        return target.group_alignment


def phases_by_function(module: ModuleOp) -> dict[str, list[Phase]]:
    """Function name -> the phases of the entries that reach it, the entries themselves included."""
    table, found = functions(module), dict[str, list[Phase]]()

    def visit(function: func.FuncOp, phase: Phase) -> None:
        known = found.setdefault(function.sym_name.data, [])
        if phase in known:
            return
        known.append(phase)
        for op in function.body.block.ops:
            if isinstance(op, func.CallOp):
                visit(table[callee_name(op)], phase)

    for entry in table.values():
        if (phase := phase_of(entry)) is not None:
            visit(entry, phase)
    return found


def environment(ctx: CompileContext, module: ModuleOp, phases: list[Phase]) -> Env:
    """The sizes of the step choices are made for: that of the phase with the most tokens, else the operating point.

    A symbol that neither names is at its hint, or its minimum; counted rows are at the number expected of them.
    Bounded rows are all there: dense products compute every one.
    """
    stated = {
        name: (symbol.hint if symbol.hint is not None else symbol.min).value.data
        for name, symbol in symbols_of(module).items()
    }
    sizes = stated | dict(ctx.operating_point)
    if phases:
        largest = max(phases, key=lambda phase: phase.tokens)
        sizes |= {TOKENS: largest.tokens, SEQUENCES: largest.sequences}
    return Env(sizes=with_expected_rows(module, Env(sizes=sizes)).sizes)


def range_of(module: ModuleOp, tokens: Size) -> tuple[int, int | None]:
    """The fewest and most tokens that the symbols' ranges allow; None: no bound."""
    ranges = {
        name: (symbol.min.value.data, None if symbol.max is None else symbol.max.value.data)
        for name, symbol in symbols_of(module).items()
    }
    return bounds(tokens, ranges)


def most_rows(ids: SSAValue) -> Size | None:
    """The most rows one expert can get, with ids of which none repeats in a token; None where they may."""
    made = reshape_of(ids).owner
    if isinstance(made, AppendChoiceOp):
        return most_rows(made.ids)
    if isinstance(made, GateOp):
        return product(shape(ids)[:-1])
    if isinstance(made, DispatchOp):
        return product(shape(ids)[:-1]) if made.counts is not None else mul(made.ranks, shape(made.x)[0])
    return None


def sizes_of(op: ExpertsOp) -> ExpertSizes:
    """What the cost of an op's products depends on."""
    _, hidden, width = shape(op.down)
    choices = shape(op.ids)[-1]
    assert isinstance(hidden, int)
    assert isinstance(width, int)
    assert isinstance(choices, int)
    return ExpertSizes(
        hidden=hidden,
        width=width,
        choices=choices,
        products=1 if op.up is None else 2,
        element_bytes=element_bytes(element_type(op.x)),
        weight_bytes=element_bytes(element_type(op.weights)),
        dtype=str(element_type(op.down)),
    )


def decompose(ctx: CompileContext, op: ExpertsOp, layout: Layout, capacity: Size) -> None:
    """Build the ops in place of ``moe.experts``."""
    experts, _, width = shape(op.down)
    assert isinstance(experts, int)
    assert isinstance(width, int)
    element, block = element_type(op.x), op.parent
    assert block is not None
    permute = PermuteOp(
        op.x, op.ids, experts=experts, alignment=layout.alignment, layout=layout.name, capacity=capacity
    )
    products = [
        GroupedMmOp(permute.rows, weight, permute.expert_of, element=element)
        for weight in (op.gate, op.up)
        if weight is not None
    ]
    halves, cuts = [made.y for made in products], list[SSAValue]()
    if op.up is None:
        kind = with_sizes(as_tensor(halves[0]), (shape(halves[0])[0], width))
        cuts = [cut_columns(ctx, halves[0], start, width, kind) for start in (0, width)]
        halves[0].name_hint = "gate_up_rows"
        halves = cuts
    swiglu = SwigluOp(*halves, intermediate=op.intermediate.data)
    down = GroupedMmOp(swiglu.y, op.down, permute.expert_of, element=element)
    combine = UnpermuteOp(down.y, permute.slots, op.weights, op.ids, combine_in=op.combine_in, order=op.order.data)
    names = {"rows": permute.rows, "slots": permute.slots, "expert_of": permute.expert_of, "gate_rows": halves[0]}
    names |= {"up_rows": halves[1], "hidden_rows": swiglu.y, "down_rows": down.y}
    for name, value in names.items():
        value.name_hint = name
    combine.out.name_hint = op.y.name_hint
    made: list[Operation] = [permute, *products, *map(owner, cuts), swiglu, down, combine]
    for new in made:
        new.location = op.location
    block.insert_ops_before(made, op)
    op.y.replace_all_uses_with(combine.out)
    op.detach()
    op.erase()


def owner(value: SSAValue) -> Operation:
    """The op that makes a value."""
    assert isinstance(value.owner, Operation)
    return value.owner
