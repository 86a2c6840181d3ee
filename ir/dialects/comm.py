"""The ``comm`` dialect: what ranks exchange, in one total order per group.

One program runs on every rank.  Shapes: T tokens of this rank, k choices per token, P physical experts.  Rank r is
device ``r % gpus`` of node ``r // gpus``.  Source: deepseek-ai/DeepEP; DeepSeek-V3 (arXiv 2412.19437, section 3.2.2).
"""

from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, SymbolNameConstraint, i32, i64
from xdsl.ir import Dialect, SSAValue
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, operand_def, prop_def, result_def, traits_def
from xdsl.traits import Pure, SymbolOpInterface

from dsv3c.ir.dialects.comm_rows import CombineOp, DispatchOp
from dsv3c.ir.dialects.comm_types import TOKEN, PlacementAttr, TokenType, group_of, ranks_of, require_routing
from dsv3c.ir.dialects.common import I64Attr, require, require_shape, show
from dsv3c.ir.types import Tensor, element_type, shape, tensor_type

__all__ = [
    "CombineOp",
    "Comm",
    "DispatchOp",
    "MeshOp",
    "PlacementAttr",
    "PlacementOp",
    "StartOp",
    "SyncCountsOp",
    "TokenType",
    "group_of",
    "meshes_of",
]


@irdl_op_definition
class MeshOp(IRDLOperation):
    """``comm.mesh @ep nodes 2 gpus 4``: a group of ``nodes * gpus`` ranks.

    Ranks of one node reach each other over scale-up links, others over scale-out.  Unit: devices.  Source: the H800
    node of arXiv 2412.19437, section 3.1.
    """

    name = "comm.mesh"

    sym_name = prop_def(SymbolNameConstraint())
    nodes = prop_def(I64Attr)
    gpus = prop_def(I64Attr)
    traits = traits_def(SymbolOpInterface())
    assembly_format = "$sym_name `nodes` $nodes `gpus` $gpus attr-dict"

    def __init__(self, group: str, nodes: int, gpus: int) -> None:
        super().__init__(
            properties={
                "sym_name": StringAttr(group),
                "nodes": IntegerAttr(nodes, i64),
                "gpus": IntegerAttr(gpus, i64),
            }
        )

    @property
    def ranks(self) -> int:
        """Devices of all nodes."""
        return self.nodes.value.data * self.gpus.value.data

    def verify_(self) -> None:
        """At least one device."""
        for name, count in (("nodes", self.nodes), ("gpus", self.gpus)):
            require(count.value.data > 0, f"{name} must be positive, not {count.value.data}")


def meshes_of(module: ModuleOp) -> dict[str, MeshOp]:
    """The groups a module declares, by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, MeshOp)}


def num_ranks(module: ModuleOp) -> int:
    """Ranks of the module's largest mesh; one where it has none."""
    return max((mesh.ranks for mesh in meshes_of(module).values()), default=1)


@irdl_op_definition
class StartOp(IRDLOperation):
    """``%t = comm.start : !comm.token<"ep">``: the first token of a group, ``token 0``.

    Once per entry; functions that are called take and return a token.  Shape: none.  Source: the total order of
    collectives that NCCL and DeepEP require of all ranks.
    """

    name = "comm.start"

    token = result_def(base(TokenType))
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($token)"

    def __init__(self, group: str) -> None:
        super().__init__(result_types=[TokenType.make(group)])


@irdl_op_definition
class PlacementOp(IRDLOperation):
    """``%p = comm.placement <0:8, 3> : tensor<9xi32>``: ``p[i]`` = logical expert of the physical expert i.

    Shape: [P], i32.  A constant, the same on all ranks; ``a:b`` stands for a, a + 1, ... b - 1.  Source:
    physical_to_logical_map of deepseek-ai/EPLB.
    """

    name = "comm.placement"

    experts = prop_def(PlacementAttr)
    value = result_def(base(Tensor))
    traits = traits_def(Pure())
    assembly_format = "$experts attr-dict `:` type($value)"

    def __init__(self, experts: PlacementAttr) -> None:
        super().__init__(properties={"experts": experts}, result_types=[tensor_type((len(experts.logical),), i32)])

    def verify_(self) -> None:
        """One entry per physical expert."""
        require_shape(self.value, (len(self.experts.logical),), "a placement")
        require(element_type(self.value) == i32, f"a placement holds i32, not {element_type(self.value)}")


@irdl_op_definition
class SyncCountsOp(IRDLOperation):
    """``counts[s] = rows that rank s will send to this rank``: the one exchange a ``counted`` dispatch needs.

    ids: [T, k] i64 logical (-1: none), placement: [P] i32, counts: [ranks] i32, ranks = P / experts_per_rank.
    ``copies`` as in ``comm.dispatch``.  The host waits for it, so a phase that is captured as a device graph cannot
    hold one.  Source: notify_dispatch of deepseek-ai/DeepEP.
    """

    name = "comm.sync_counts"

    ids = operand_def(base(Tensor))
    placement = operand_def(base(Tensor))
    token = operand_def(TOKEN)
    copies = prop_def(StringAttr)
    experts_per_rank = prop_def(I64Attr)
    counts = result_def(base(Tensor))
    done = result_def(TOKEN)
    traits = traits_def(Pure())
    assembly_format = (
        "$ids `placement` $placement `after` $token `copies` $copies `experts_per_rank` $experts_per_rank attr-dict "
        "`:` type($ids) `,` type($placement) `,` type($token) `->` type($counts)"
    )

    def __init__(
        self, ids: SSAValue, placement: SSAValue, token: SSAValue, *, copies: str, experts_per_rank: int
    ) -> None:
        super().__init__(
            operands=[ids, placement, token],
            properties={"copies": StringAttr(copies), "experts_per_rank": IntegerAttr(experts_per_rank, i64)},
            result_types=[tensor_type((shape(placement)[0] // experts_per_rank,), i32), token.type],  # pyright: ignore
        )

    @property
    def ranks(self) -> int:
        """Ranks of the group."""
        return ranks_of(self.placement, self.experts_per_rank)

    def verify_(self) -> None:
        """One count per rank."""
        require(len(shape(self.ids)) == 2, f"ids must be [T, k], not {show(shape(self.ids))}")
        ranks = require_routing(self.ids, self.placement, self.copies, self.experts_per_rank)
        require_shape(self.counts, (ranks,), "counts")
        require(element_type(self.counts) == i32, f"counts must hold i32, not {element_type(self.counts)}")


Comm = Dialect("comm", [CombineOp, DispatchOp, MeshOp, PlacementOp, StartOp, SyncCountsOp], [PlacementAttr, TokenType])
