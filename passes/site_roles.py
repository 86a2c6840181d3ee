"""What part a product plays in the model, found by what it reads and what reads it, and which module it belongs to."""

from collections.abc import Collection, Iterator

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.dialects.moe import ExpertsOp
from dsv3c.ir.dialects.moe_rows import GroupedMmOp
from dsv3c.ir.dialects.nn import EmbeddingOp, HeadLinearOp, LastTokensOp, LinearOp, RmsNormOp, SwigluOp
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.functions import call_sites, parent_function, parent_module
from dsv3c.ir.views import RULES as VIEWS
from dsv3c.passes.merge_projections import feeds_gate
from dsv3c.passes.provenance import CONVERSIONS
from dsv3c.passes.recipes import param_of

Site = LinearOp | GroupedMmOp | ExpertsOp | HeadLinearOp | EmbeddingOp
EXPERT_OUTPUTS = ("moe.experts", "moe.unpermute", "comm.combine")
"""Ops whose result is the routed experts' output."""
NORMS = (RmsNormOp.name, "aten.layer_norm", "aten.native_layer_norm")


def role_of(op: Site) -> str:
    """The role of ``dsv3c.ir.precision.ROLES`` that an op has."""
    match op:
        case GroupedMmOp() | ExpertsOp():
            return "experts"
        case HeadLinearOp():
            return "absorbed"
        case EmbeddingOp():
            return "embedding"
        case LinearOp():
            if feeds_gate(op.y):
                return "router"
            if makes_logits(op):
                return "head"
            return "shared" if joins_experts(op.y) else "linear"


def makes_logits(op: LinearOp) -> bool:
    """Whether an entry returns what the linear makes, of a model that looks up ids or at the end of which is a norm."""
    if not is_returned(op.y):
        return False
    return looks_up_ids(parent_module(op)) or made_by(op.x, NORMS)


def before(value: SSAValue) -> SSAValue:
    """The value before views, conversions and the choice of tokens."""
    while isinstance(value.owner, Operation) and passes_on(value.owner):
        value = value.owner.operands[0]
    return value


def made_by(value: SSAValue, names: Collection[str]) -> bool:
    """Whether one of these ops makes the value, views and conversions seen through."""
    owner = before(value).owner
    return isinstance(owner, Operation) and owner.name in names


def passes_on(op: Operation) -> bool:
    """Whether an op's results are elements of its first operand, at most converted."""
    return op.name in VIEWS or op.name in CONVERSIONS or isinstance(op, LastTokensOp)


def looks_up_ids(module: ModuleOp) -> bool:
    """Whether the model begins with an embedding."""
    return any(isinstance(op, EmbeddingOp) for op in module.walk())


def is_returned(value: SSAValue) -> bool:
    """Whether an entry returns the value, a view or a conversion of it."""
    for use in value.uses:
        user = use.operation
        if isinstance(user, func.ReturnOp):
            function = parent_function(user)
            assert function is not None
            if function.sym_visibility != StringAttr("private"):
                return True
            if any(is_returned(call.results[use.index]) for call in call_sites(function)):
                return True
        elif passes_on(user) and any(is_returned(result) for result in user.results):
            return True
    return False


def joins_experts(value: SSAValue) -> bool:
    """Whether the value, or the MLP it is a part of, is added to the routed experts' output."""
    for user in readers(value):
        if user.name == "aten.add.Tensor":
            if any(made_by(operand, EXPERT_OUTPUTS) for operand in user.operands):
                return True
        elif isinstance(user, SwigluOp | LinearOp):
            return joins_experts(user.y)
    return False


def readers(value: SSAValue) -> Iterator[Operation]:
    """The ops that read a value, a view or a conversion of it."""
    for use in value.uses:
        if passes_on(use.operation):
            for result in use.operation.results:
                yield from readers(result)
        else:
            yield use.operation


def weight_of(op: Site) -> SSAValue:
    """The weight that names the site's module."""
    match op:
        case LinearOp() | HeadLinearOp():
            return op.weight
        case GroupedMmOp():
            return op.w
        case ExpertsOp():
            return op.gate
        case EmbeddingOp():
            return op.table


def modules_of(weight: SSAValue) -> tuple[str, ...]:
    """The modules, relative to the function's prefix, whose parameters a weight is made of; none if it is no parameter.

    ``self_attn.q_a_proj.weight+self_attn.kv_a_proj.weight`` names two; a parameter that is no module's ``weight``
    (``mlp.experts.gate_up_proj``) counts as a module.
    """
    param = source_param(weight)
    if param is None:
        return ()
    names = param.key.data.partition(":")[0].split("+")
    return tuple(name.removesuffix(".weight") for name in names)


def source_param(weight: SSAValue) -> ParamOp | None:
    """The parameter that a weight is, or is a view or conversion of."""
    return param_of(before(weight))
