"""``shard-experts``: experts on many ranks, tokens sent to them and back.

Before::

    %y = moe.experts %x, %weights, %ids gate %gate_up down %down ...

After, on 8 ranks::

    comm.mesh @ep nodes 1 gpus 8
    ...
    %placement = comm.placement <0:256> : tensor<256xi32>
    %rows, %row_weights, %row_ids, %sources, %t1 = comm.dispatch %x, %weights, %ids placement %placement after %t ...
    %local = moe.experts %rows, %row_weights, %row_ids gate %gate_up_shard down %down_shard ...
    %y, %t2 = comm.combine %local, %sources, %weights, %ids after %t1 order "slot" ...

A rank holds, and reads, its own experts only.  The token is started in every entry and threaded through what it calls.
Phases that a device graph captures receive a bounded number of rows; others ask for the counts first
(``comm.sync_counts``).  Routed ids are not changed: a choice goes to the expert's place, or to one of its replicas.

What the links carry is a choice: a message per choice with the weighting at the source keeps the bits of one device
(``order=source``); with ``order=rank`` or ``node_rank`` ranks weight and add what they hold of a token, and send one
partial sum.  What that saves between nodes is in the outcome.  ``payload`` is what results travel as.  It does not
shard anything but routed experts, and leaves a program without ``moe.experts`` alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp, MeshOp, PlacementAttr, PlacementOp, SyncCountsOp, meshes_of
from dsv3c.ir.dialects.comm_rows import LOGFMT_GROUP, PAYLOADS, bounded_rows
from dsv3c.ir.dialects.core import SymbolOp, symbols_of
from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import capturable, functions, parent_function, parent_module
from dsv3c.ir.links import Mesh, copies_to
from dsv3c.ir.sizes import bounds
from dsv3c.ir.types import element_type, shape
from dsv3c.passes.base import Pass
from dsv3c.passes.node_limit import Choices, report_nodes
from dsv3c.passes.placement import check_placement, even_placement, placement_beside, read_placement
from dsv3c.passes.recipes import erase_unread, param_of
from dsv3c.passes.shard_weights import Shares, sharded_param
from dsv3c.passes.tokens import thread_token

GROUP = "ep"
ROWS = "R"
"""Symbol of a counted receive; further ones of the same function are R1, R2, ..."""
COPIES = ("auto", "expert", "rank", "node")
ORDERS = ("source", "rank", "node_rank")
PARTIAL_SUMS = frozenset({"rank", "node"})
"""Copies of which a rank adds up what its experts give."""
OWN = "own"
"""The payload that rows have without being converted."""


@dataclass(frozen=True)
class ShardExpertsPass(Pass):
    """Deal routed experts out to ranks; send tokens to them and the results back."""

    name = "shard-experts"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})
    ensures: ClassVar[frozenset[str]] = frozenset({"sharded"})

    ep: int = 1
    """Ranks that share the experts."""
    nnodes: int = 1
    """Nodes the ranks are on, equally many on each."""
    redundant: int = 0
    """Replicas of experts in all, beside the experts themselves."""
    placement: str = ""
    """TOML or JSON file with the logical expert of every physical one; empty: evenly, in order."""
    copies: str = "auto"
    """Messages of a token: one per ``expert``, ``rank`` or ``node``; ``auto``: expert where the order is the source's
    and in captured phases, else node on several nodes and rank on one."""
    order: str = "source"
    """Of the sum over a token's experts: the ``source``'s own (bitwise), or partial sums by ``rank`` or ``node_rank``
    where messages are per rank or node."""
    payload: str = OWN
    """What experts' results travel as: their ``own`` element type, or one of ``bf16``, ``f16``, ``f32``, ``f64`` (bits
    per element) and ``logfmt10``, ``logfmt8`` (the same and 4 bytes per 128 channels)."""

    def __post_init__(self) -> None:
        # the class's promise is the default's: a payload may hold fewer bits, partial sums are rounded once more
        if self.payload != OWN:
            object.__setattr__(self, "numerics", "quantises")
        elif self.order != "source":
            object.__setattr__(self, "numerics", "reassociates")

    def check(self) -> None:
        """Raise UsageError for options that are out of range or contradict each other."""
        for name, low in (("ep", 1), ("nnodes", 1), ("redundant", 0)):
            if getattr(self, name) < low:
                raise UsageError(f"shard-experts: {name} must be at least {low}, not {getattr(self, name)}")
        for name, known in (("copies", COPIES), ("order", ORDERS), ("payload", (OWN, *PAYLOADS))):
            if (value := getattr(self, name)) not in known:
                raise UsageError(f"shard-experts: {name} must be one of {', '.join(known)}, not {value!r}")
        if self.ep % self.nnodes:
            raise UsageError(f"shard-experts: {self.ep} ranks are not equally many on {self.nnodes} nodes")
        if self.order == "source" and self.copies in PARTIAL_SUMS:
            raise UsageError(
                f"shard-experts: with copies={self.copies} ranks send partial sums, which is not the source's order",
                hint="give order=rank or order=node_rank, or copies=expert",
            )
        if self.order != "source" and self.copies == "expert":
            raise UsageError(
                f"shard-experts: with copies=expert no rank adds anything: order={self.order} has no meaning",
                hint="leave order out, or give copies=rank or copies=node",
            )

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every ``moe.experts`` of every function."""
        self.check()
        bodies = [function.body.block for function in functions(module).values()]
        sites = [op for block in bodies for op in block.ops if isinstance(op, ExpertsOp)]
        if not sites:
            return ctx.blocked(module, "there is no moe.experts: ranks have nothing to exchange")
        given = read_placement(Path(self.placement)) if self.placement else None
        if given is not None:
            check_placement(given, self.ep, self.placement)
            self.check_redundant(given)
        legal = [op for op in sites if self.is_legal(ctx, op, given)]
        if len(legal) < len(sites):
            ctx.withheld.update(self.ensures)
        if not legal:
            return None
        sharder = Sharder(ctx, module, self, given)
        sharder.run(legal)
        return None

    def check_redundant(self, given: Sequence[int]) -> None:
        """Raise UsageError where the option says something else than the file."""
        found = len(given) - len(set(given))
        if self.redundant and self.redundant != found:
            raise UsageError(
                f"shard-experts: redundant={self.redundant}, and the placement has {found} replicas",
                where=self.placement,
            )

    def is_legal(self, ctx: CompileContext, op: ExpertsOp, given: Sequence[int] | None) -> bool:
        """Whether the experts of one op can be dealt out; says why not."""
        experts, hidden, _ = shape(op.down)
        reason = ""
        if meshes_of(parent_module(op)):
            reason = "the module has a comm.mesh already: its experts are dealt out"
        elif len(shape(op.x)) != 2:
            reason = f"x is not [T, D] but has {len(shape(op.x))} dims: ranks exchange rows of tokens"
        elif params_of(op) is None:
            reason = "a weight is no parameter of this function: a rank cannot read its experts alone"
        elif given is not None and len(set(given)) != experts:
            reason = f"the placement is of {len(set(given))} experts, here are {experts}"
        elif self.payload.startswith("logfmt"):
            assert isinstance(hidden, int), "parameters have sizes that are numbers"
            if hidden % LOGFMT_GROUP:
                reason = f"{self.payload} works on groups of {LOGFMT_GROUP} channels; {hidden} is no multiple"
        if reason:
            ctx.blocked(op, reason)
        return not reason


@dataclass
class Sharder:
    """One run of the pass over a module that has sites."""

    ctx: CompileContext
    module: ModuleOp
    options: ShardExpertsPass
    given: Sequence[int] | None
    captured: set[str] = field(default_factory=set[str])
    declared: set[str] = field(default_factory=set[str])
    """Symbols that are not the pass's own."""
    received: dict[str, int | None] = field(default_factory=dict[str, int | None])
    """Symbol of a counted receive -> rows at most, None for no bound."""

    def run(self, sites: Sequence[ExpertsOp]) -> None:
        """Declare the mesh, thread the token, replace the sites, declare the sizes."""
        self.captured, self.declared = capturable(self.module), set(symbols_of(self.module))
        options, block = self.options, self.module.body.block
        first = next(iter(functions(self.module).values()))
        block.insert_op_before(MeshOp(GROUP, options.nnodes, options.ep // options.nnodes), first)
        thread_token(self.module, GROUP, sites, self.site)
        block.insert_ops_before([SymbolOp(name, 0, most) for name, most in self.received.items()], first)

    def placement(self, experts: int, certain: int) -> tuple[int, ...]:
        """Logical expert of every physical one; every token takes the last ``certain`` experts."""
        options = self.options
        if self.given is not None:
            return tuple(self.given)
        gpus = options.ep // options.nnodes
        if certain:
            return placement_beside(experts - certain, certain, options.redundant, options.nnodes, gpus)
        return even_placement(experts, options.redundant, options.nnodes, gpus)

    def copies(self, *, is_captured: bool) -> str:
        """How many messages a token becomes."""
        options = self.options
        if options.copies != "auto":
            return options.copies
        if options.order == "source" or is_captured:
            return "expert"
        return "node" if options.nnodes > 1 else "rank"

    def site(self, op: Operation, token: SSAValue) -> SSAValue:
        """Replace one ``moe.experts``; returns the token after it."""
        assert isinstance(op, ExpertsOp)
        function, experts = parent_function(op), shape(op.down)[0]
        assert function is not None and isinstance(experts, int)
        is_captured, choices = function.sym_name.data in self.captured, Choices.of(op.ids)
        placement, copies = self.placement(experts, choices.certain), self.copies(is_captured=is_captured)
        shares = Shares(GROUP, PlacementAttr.make(placement), len(placement) // self.options.ep)
        order = op.order.data if copies == "expert" else self.options.order
        self.report(op, choices, placement, copies, order, is_captured=is_captured)
        sources = params_of(op)
        assert sources is not None, "is_legal has looked"
        params: dict[SSAValue, ParamOp] = {param.value: sharded_param(self.ctx, param, shares) for param in sources}
        placed = PlacementOp(shares.placement)
        new: list[Operation] = [*params.values(), placed]
        counts = None
        if not is_captured:
            sync = SyncCountsOp(op.ids, placed.value, token, copies=copies, experts_per_rank=shares.rows)
            sync.counts.name_hint = "counts"
            new.append(sync)
            counts, token = sync.counts, sync.done
        rows = None if counts is None else self.rows_symbol(op, copies, shares.rows)
        sent = DispatchOp(
            op.x,
            op.weights,
            op.ids,
            placed.value,
            token,
            counts,
            copies=copies,
            experts_per_rank=shares.rows,
            rows=rows,
        )
        local = ExpertsOp(
            sent.rows,
            sent.row_weights,
            sent.row_ids,
            params[op.gate].value,
            params[op.up].value if op.up is not None else None,
            params[op.down].value,
            combine_in=op.combine_in,
            order=op.order.data,
            intermediate=op.intermediate.data,
        )
        payload = str(element_type(op.x)) if self.options.payload == OWN else self.options.payload
        back = CombineOp(
            local.y, sent.sources, op.weights, op.ids, sent.done, order=order, combine_in=op.combine_in, payload=payload
        )
        new += [sent, local, back]
        replace(op, new, back.out)
        hints = {placed.value: "placement", sent.rows: "rows", sent.row_weights: "row_weights"}
        hints |= {sent.row_ids: "row_ids", sent.sources: "sources", local.y: "local"}
        hints |= {sent.token: "token", sent.done: "token"}
        for value, hint in hints.items():
            value.name_hint = hint
        erase_unread(sources)
        return back.done

    def rows_symbol(self, op: ExpertsOp, copies: str, per_rank: int) -> str:
        """A size for the rows received at ``op``, of its own in this function."""
        function, top_k = parent_function(op), shape(op.ids)[1]
        assert function is not None and isinstance(top_k, int)
        used = sum(isinstance(other, DispatchOp) for other in function.body.block.ops)
        names = [ROWS, *(f"{ROWS}{number}" for number in range(1, len(self.declared) + used + 1))]
        name = [name for name in names if name not in self.declared][used]
        ranges = {known: symbol.bounds() for known, symbol in symbols_of(self.module).items()}
        _, most = bounds(bounded_rows(copies, self.options.ep, shape(op.x)[0], top_k, per_rank), ranges)
        before = self.received.get(name, 0)
        self.received[name] = None if before is None or most is None else max(before, most)
        return name

    def report(
        self, op: ExpertsOp, choices: Choices, placement: tuple[int, ...], copies: str, order: str, *, is_captured: bool
    ) -> None:
        """The outcome of the site, and of its gate's limit on nodes."""
        options, ranks = self.options, choices.expected(placement, self.options.ep)
        receive = "bounded" if is_captured else "counted"
        numbers: dict[str, float] = {"ranks_per_token": round(ranks, 2)}
        if options.nnodes > 1 and options.order == "source":
            nodes, top_k = choices.expected(placement, options.nnodes), choices.top_k + choices.certain
            mesh = Mesh(nodes=options.nnodes, gpus=options.ep // options.nnodes)
            numbers["scale_out_copies_per_token"] = round(copies_to(mesh, "expert", top_k, 0.0).scale_out, 2)
            numbers["with_order_node_rank"] = round(copies_to(mesh, "node", ranks, nodes).scale_out, 2)
        self.ctx.fired(
            op,
            f"{max(placement) + 1} experts on {options.ep} ranks: copies {copies}, receive {receive}, order {order}",
            experts_per_rank=len(placement) // options.ep,
            **numbers,
        )
        if options.nnodes > 1:
            report_nodes(self.ctx, op, choices, placement, options.nnodes)


def params_of(op: ExpertsOp) -> list[ParamOp] | None:
    """The parameters its experts are, gate first; None where a weight is none."""
    found = [param_of(weight) for weight in (op.gate, op.up, op.down) if weight is not None]
    params = [param for param in found if param is not None]
    return params if len(params) == len(found) else None


def replace(op: ExpertsOp, new: Sequence[Operation], result: SSAValue) -> None:
    """Put ``new`` where ``op`` stands, with its location unless they have one, and ``result`` for its own."""
    block = op.parent
    assert block is not None
    for made in new:
        if not isinstance(made, ParamOp):
            made.location = op.location
    block.insert_ops_before(new, op)
    result.name_hint = op.y.name_hint
    op.y.replace_all_uses_with(result)
    op.detach()
    op.erase()
