"""Costs of whole programs: every op's rule, times how often its function is called."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, OpResult, SSAValue
from xdsl.traits import is_side_effect_free

from dsv3c.ir import cost_rules_comm, cost_rules_rows, cost_rules_scaled
from dsv3c.ir.cost_model import COST, Cost, CostClass, Env, element_bytes, row_bytes
from dsv3c.ir.cost_rules import AttentionOp, flops_per_pair, static
from dsv3c.ir.cost_rules_aten import is_core
from dsv3c.ir.definitions import definition
from dsv3c.ir.dialects import mla, nn
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.functions import call_prefix, callee_name, functions, join_path
from dsv3c.ir.segments import MICROBATCH, number_of
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.verify import unraised
from dsv3c.ir.views import view_of

__all__ = ["COST", "Cost", "CostClass", "Env", "Totals", "entry_cost", "module_cost"]

RULE_FILES = (cost_rules_comm, cost_rules_rows, cost_rules_scaled)
"""Modules that are imported for the rules they register."""


@dataclass
class Totals:
    """Costs by class and operand type, and the ops that have none."""

    costs: dict[tuple[CostClass, str], Cost] = field(default_factory=dict[tuple[CostClass, str], Cost])
    uncosted: Counter[str] = field(default_factory=Counter[str])
    """Op name -> how often it runs without a cost being known."""

    def add(self, cost: Cost) -> None:
        """Count one cost."""
        key = (cost.kind, cost.dtype)
        self.costs[key] = self.costs[key] + cost if key in self.costs else cost

    def add_times(self, other: "Totals", count: int) -> None:
        """Count all of ``other`` ``count`` times."""
        for cost in other.costs.values():
            self.add(cost.times(count))
        for name, number in other.uncosted.items():
            self.uncosted[name] += number * count

    def by_class(self) -> dict[CostClass, Cost]:
        """One cost per class, whatever the operand types."""
        return {kind: self.of(kind) for kind in CostClass if any(key[0] is kind for key in self.costs)}

    def of(self, kind: CostClass) -> Cost:
        """The cost of one class; all zero where there is none."""
        total = Cost(kind=kind)
        for cost in self.costs.values():
            if cost.kind is kind:
                total += replace(cost, dtype="")
        return total

    def total(self) -> Cost:
        """Everything together; its class means nothing."""
        total = Cost(kind=CostClass.MOVEMENT)
        for cost in self.costs.values():
            total += replace(cost, kind=CostClass.MOVEMENT, dtype="")
        return total

    def matrix_flops(self) -> dict[str, float]:
        """FLOPs of matrix products by operand type."""
        flops = dict[str, float]()
        for (_, dtype), cost in self.costs.items():
            if dtype:
                flops[dtype] = flops.get(dtype, 0.0) + cost.flops
        return flops


def entry_cost(module: ModuleOp, entry: str, env: Env) -> Totals:
    """What one run of ``entry`` costs at the sizes of ``env`` and the rows expected then.

    Raises SizeError for a symbol without a value and IRError for elements without a size.
    """
    table, totals = functions(module), Totals()
    env = with_expected_rows(module, env)
    for name, count in reached(module, entry).items():
        totals.add_times(function_cost(table[name], env), count)
    return totals


def module_cost(module: ModuleOp, envs: dict[str, Env]) -> dict[str, Totals]:
    """``entry_cost`` of several entries."""
    return {entry: entry_cost(module, entry, env) for entry, env in envs.items()}


def function_cost(function: func.FuncOp, env: Env) -> Totals:
    """The ops of one function's body, without what it calls and without ops whose results nothing needs."""
    totals = Totals()
    for op in live_ops(function):
        if isinstance(op, func.CallOp | func.ReturnOp):
            continue
        rule = COST.find(op)
        cost = rule(op, env) if rule is not None else None
        if cost is None:
            totals.uncosted[op.name] += 1
        else:
            totals.add(cost)
    return totals


def live_ops(function: func.FuncOp) -> list[Operation]:
    """The ops that a result, a call or an effect depends on, last first; others are deleted before a program runs."""
    live, needed = list[Operation](), set[SSAValue]()
    for op in reversed(list(function.body.block.ops)):
        if not is_side_effect_free(op) or isinstance(op, func.CallOp) or not needed.isdisjoint(op.results):
            live.append(op)
            needed.update(op.operands)
    return live


def reached(module: ModuleOp, entry: str, *, one: bool = False) -> Counter[str]:
    """Function name -> how often one run of ``entry`` runs it; the entry itself once.  ``one``: see ``instances``."""
    return Counter(function.sym_name.data for function, _ in instances(module, entry, one=one))


def instances(
    module: ModuleOp, entry: str, prefix: str = "", *, one: bool = False
) -> Iterator[tuple[func.FuncOp, str]]:
    """Every function a run of ``entry`` enters, with the prefix its parameters have there.

    ``one``: of a step that is split into micro-batches, the first only.
    """
    table = functions(module)
    calls = dict[str, list[tuple[str, str]]]()  # function -> (callee, prefix); 61 equal layers are looked at once

    def visit(name: str, path: str) -> Iterator[tuple[func.FuncOp, str]]:
        yield table[name], path
        if name not in calls:
            found = [op for op in table[name].body.block.ops if isinstance(op, func.CallOp)]
            found = [op for op in found if not (one and number_of(op, MICROBATCH))]
            calls[name] = [(callee_name(op), call_prefix(op)) for op in found]
        for callee, inner in calls[name]:
            yield from visit(callee, join_path(path, inner))

    yield from visit(entry, prefix)


def attentions(module: ModuleOp, entry: str, *, one: bool = False) -> list[tuple[AttentionOp, int]]:
    """The attentions a run of ``entry`` computes, and how often each; ``one``: in the first micro-batch only."""
    table = functions(module)
    return [
        (op, times)
        for name, times in reached(module, entry, one=one).items()
        for op in live_ops(table[name])
        if isinstance(op, AttentionOp)
    ]


def cache_bytes_per_token(module: ModuleOp, entry: str) -> int | None:
    """Bytes that one token leaves behind in all layers; None where the program says nothing about it.

    From the caches the entry takes, or before there are any from what its attentions would have to keep: the latent
    (the input of the product that makes K and V) and the rotated key, or K and V themselves without MLA.
    """
    function = functions(module)[entry]
    caches = [kind for kind in function.function_type.inputs if isinstance(kind, CacheType)]
    if caches:
        return sum(row_bytes(kind) for kind in caches)
    return weighted_sum([(kept_bytes(op), times) for op, times in attentions(module, entry)])


def weighted_sum(terms: Sequence[tuple[int | None, int]]) -> int | None:
    """Sum of number times count; None where there is no term, or one is unknown."""
    known = [number * times for number, times in terms if number is not None]
    return sum(known) if known and len(known) == len(terms) else None


def kept_bytes(op: AttentionOp) -> int | None:
    """Bytes per token that a later step needs of one cache-free attention."""
    if isinstance(op, nn.AttentionOp):
        heads, key, value = static(shape(op.k)[2]), static(shape(op.k)[3]), static(shape(op.v)[3])
        return heads * (key + value) * element_bytes(element_type(op.k))
    if not isinstance(op, mla.AttentionOp):
        return None
    made = view_of(op.kv).base.owner
    if not isinstance(made, nn.LinearOp):
        return None
    latent = static(shape(made.x)[-1]) * element_bytes(element_type(made.x))
    return latent + static(shape(op.k_rope)[-1]) * element_bytes(element_type(op.k_rope))


def core_flops_per_pair(module: ModuleOp, entry: str) -> int | None:
    """``sum over layers of 2 * H * (dk + dv)``, with absorbed attention counted as the expanded one it came from.

    None without attention, or where an absorbed one does not show its sizes.  Of a step's micro-batches the first
    stands for all: a token goes through one of them.
    """
    return weighted_sum([(expanded_flops_per_pair(op), times) for op, times in attentions(module, entry, one=True)])


def expanded_flops_per_pair(op: AttentionOp) -> int | None:
    """``flops_per_pair``; of an absorbed attention from the per-head products around it."""
    if not isinstance(op, mla.AbsorbedAttentionOp):
        return flops_per_pair(op)
    into, out = definition(op.q_latent).owner, product_after(op.o)
    if not isinstance(into, nn.HeadLinearOp) or out is None:
        return None
    heads, nope, value = static(shape(op.o)[1]), static(shape(into.x)[-1]), static(shape(out.y)[-1])
    return 2 * heads * (nope + static(shape(op.q_rope)[-1]) + value)


def product_after(value: SSAValue) -> nn.HeadLinearOp | None:
    """The per-head product that takes a value, directly or through views."""
    for use in value.uses:
        if isinstance(use.operation, nn.HeadLinearOp):
            return use.operation
        for result in use.operation.results:
            if isinstance(view_of(result).base, OpResult) and view_of(result).base is view_of(value).base:
                return product_after(result)
    return None


def unraised_core(module: ModuleOp) -> Counter[str]:
    """Matrix products, attention, softmax and top-k still in aten, by name: what counts against coverage."""
    return Counter(op.name for op in unraised(module) if is_core(op))
