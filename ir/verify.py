"""What makes a module valid: its ops, the order of definitions and uses, its sizes, its caches and tokens, its facts.

xDSL checks each op; it accepts a use before its definition and reports errors without the op's location.  This module
adds both, the rules for named sizes, linear values and groups of ranks, and one check per stated fact.
"""

from collections.abc import Callable, Iterator, Mapping

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.comm import CombineOp, DispatchOp, StartOp, SyncCountsOp, TokenType, group_of, meshes_of
from dsv3c.ir.dialects.common import require
from dsv3c.ir.dialects.core import SymbolOp, facts_of, symbols_of
from dsv3c.ir.dialects.mla import AppendOp, AttentionOp, CacheType, RopeAppendOp
from dsv3c.ir.dialects.weight import ShardOp, StoredEachOp
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import PREFIX, callee_name, calls, capturable, functions
from dsv3c.ir.sizes import symbols_of as names_in
from dsv3c.ir.types import TensorLike, as_tensor, check_tensor, sizes_of


def verify_module(module: ModuleOp) -> None:
    """Raise IRError with the op's location for the first thing that is wrong."""
    table = functions(module)
    for op in module.walk():
        if isinstance(op, func.CallOp):
            check(op, lambda op=op: verify_call(op, table))
        else:
            check(op, lambda op=op: op.verify(verify_nested_ops=False))
    verify_definitions(module)
    verify_sizes(module)
    for function in functions(module).values():
        verify_linear(function)
    verify_groups(module)
    for fact in sorted(facts_of(module)):
        if fact in FACTS:
            FACTS[fact](module)


def check(op: Operation, action: Callable[[], None]) -> None:
    """Run one check; a VerifyException becomes an error that names the op and its location."""
    try:
        action()
    except VerifyException as error:
        message = str(error).strip().splitlines()
        what = next((line.strip() for line in message if line.strip()), "does not verify")
        raise IRError(f"{op.name}: {what}", where=at(op), hint=f"in: {one_line(op)}") from error


def verify_call(op: func.CallOp, table: Mapping[str, func.FuncOp]) -> None:
    """The callee exists and has the operands' and results' types.

    In place of the op's own check, which looks its callee up by walking the module: quadratic in layers.
    """
    callee = table.get(callee_name(op))
    require(callee is not None, f"there is no function @{callee_name(op)}")
    assert callee is not None
    expected = callee.function_type
    for what, given, wanted in (
        ("operand", [operand.type for operand in op.operands], expected.inputs.data),
        ("result", list(op.result_types), expected.outputs.data),
    ):
        name = callee_name(op)
        require(len(given) == len(wanted), f"@{name} has {len(wanted)} {what}s, the call {len(given)}")
        for index, (own, other) in enumerate(zip(given, wanted, strict=True)):
            if own is not other and own != other:  # not by require: the message would be written every time
                raise VerifyException(f"{what} {index} of @{name} is {other}, the call's is {own}")


def one_line(op: Operation) -> str:
    """The op's own line of text, without its regions."""
    return str(op).splitlines()[0].strip()


def verify_definitions(op: Operation, visible: frozenset[SSAValue] = frozenset()) -> None:
    """Reject an operand used before its definition.  Regions here are structured: one block, no branches."""
    isolated = isinstance(op, func.FuncOp)
    for region in op.regions:
        for block in region.blocks:
            verify_block(block, frozenset() if isolated else visible)


def verify_block(block: Block, visible: frozenset[SSAValue]) -> None:
    """Definitions come before uses inside one block; nested regions see what is defined above them."""
    seen = set(visible) | set(block.args)
    for op in block.ops:
        for operand in op.operands:
            if operand not in seen:
                name = f"%{operand.name_hint}" if operand.name_hint else "a value"
                raise IRError(f"{op.name} uses {name} before its definition", where=at(op), hint=f"in: {one_line(op)}")
        if op.regions:
            verify_definitions(op, frozenset(seen))
        seen.update(op.results)


def types_of(op: Operation) -> Iterator[Attribute]:
    """Types of the op's results and of its blocks' arguments."""
    yield from op.result_types
    for region in op.regions:
        for block in region.blocks:
            yield from block.arg_types


def verify_sizes(module: ModuleOp) -> None:
    """Every ``?`` has one canonical name, and every symbol in it is declared by a ``dsv3c.symbol``."""
    declared = symbols_of(module).keys()
    good = set[int]()  # by identity: equal types are mostly one object, and hashing one walks all of it
    for op in module.walk():
        for kind in types_of(op):
            if id(kind) in good:
                continue
            check(op, lambda kind=kind: verify_type(kind))
            if undeclared := sorted(symbols_in(kind) - declared):
                raise IRError(
                    f"{op.name}: size {undeclared[0]} of {kind} is not declared",
                    where=at(op),
                    hint=f"declare it at module level, e.g. `dsv3c.symbol @{undeclared[0]} min 1`",
                )
            good.add(id(kind))


def verify_type(kind: Attribute) -> None:
    """A tensor's encoding fits its dynamic sizes, that of scaled data included."""
    if isinstance(kind, TensorType):
        check_tensor(kind)
    elif isinstance(kind, TensorLike):
        check_tensor(kind.tensor())


def symbols_in(kind: Attribute) -> frozenset[str]:
    """Names of the symbols a type mentions."""
    if isinstance(kind, TensorType):
        sizes = sizes_of(kind)
    elif isinstance(kind, TensorLike):
        sizes = sizes_of(kind.tensor())
    elif isinstance(kind, CacheType):
        sizes = kind.sizes()
    else:
        return frozenset()
    return frozenset[str]().union(*(names_in(size) for size in sizes))


def verify_linear(function: func.FuncOp) -> None:
    """Caches and tokens are linear: one op makes the next version, and nothing reads an older one after that."""
    for op in function.body.block.ops:
        for old in versions_replaced(op):
            uses = [use.operation for use in old.uses]
            writers = [user for user in uses if old in versions_replaced(user)]
            if len(writers) > 1:
                what = "writers of one cache version" if isinstance(old.type, CacheType) else f"users of one {old.type}"
                raise IRError(f"{op.name}: two {what}", where=at(op), hint=f"in: {one_line(op)}")
            late = [user for user in uses if user is not op and not user.is_before_in_block(op)]
            if late:
                what = "cache version" if isinstance(old.type, CacheType) else "token"
                raise IRError(
                    f"{late[0].name} reads a {what} that {op.name} has replaced",
                    where=at(late[0]),
                    hint=f"read the result of: {one_line(op)}",
                )


def versions_replaced(op: Operation) -> list[SSAValue]:
    """The versions an op replaces: an append's cache, a communication's token, a call's tokens.

    Those of caches only where it returns caches: it may read them alone.
    """
    if isinstance(op, AppendOp | RopeAppendOp):
        return [op.cache]
    if isinstance(op, SyncCountsOp | DispatchOp | CombineOp):
        return [op.token]
    if isinstance(op, func.CallOp):
        writes = any(isinstance(kind, CacheType) for kind in op.result_types)
        linear = (CacheType, TokenType) if writes else TokenType
        return [operand for operand in op.operands if isinstance(operand.type, linear)]
    return []


def verify_groups(module: ModuleOp) -> None:
    """Communication is over declared groups, in one order each: entries start it, what they call hands it on."""
    meshes, called = meshes_of(module), {callee_name(call) for call in calls(module)}
    for name, function in functions(module).items():
        verify_order(function, is_called=name in called)
        for op in function.walk():
            group, ranks = group_used(op)
            if group is None:
                continue
            if group not in meshes:
                hint = f"declare it at module level, e.g. `comm.mesh @{group} nodes 1 gpus 8`"
                raise IRError(f"{op.name}: there is no group @{group}", where=at(op), hint=hint)
            if ranks is not None and ranks != meshes[group].ranks:
                what = f"{op.name} places experts on {ranks} ranks, @{group} has {meshes[group].ranks}"
                raise IRError(what, where=at(op), hint=f"in: {one_line(op)}")


def group_used(op: Operation) -> tuple[str | None, int | None]:
    """The group an op belongs to, and the number of ranks it deals experts out to; None for neither."""
    match op:
        case StartOp() | CombineOp():
            return group_of(op.token), None
        case SyncCountsOp() | DispatchOp():
            return group_of(op.token), op.ranks
        case ShardOp() | StoredEachOp() if op.group is not None and op.placement is not None:
            return op.group.data, len(op.placement.logical) // as_tensor(op.value).get_shape()[0]
        case _:
            return None, None


def verify_order(function: func.FuncOp, *, is_called: bool) -> None:
    """A function has at most one first token per group, its argument or its own, and only entries make one."""
    name = function.sym_name.data
    starts = [op for op in function.body.block.ops if isinstance(op, StartOp)]
    groups = [group_of(op.token) for op in starts]
    groups += [kind.group.data for kind in function.function_type.inputs if isinstance(kind, TokenType)]
    for op in starts:
        if groups.count(group_of(op.token)) > 1:
            raise IRError(f"@{name} has two first tokens of @{group_of(op.token)}: two orders", where=at(op))
        if is_called:
            what = f"@{name} is called and starts the order of @{group_of(op.token)} anew"
            raise IRError(what, where=at(op), hint="take the caller's token as an argument and return the last one")


def verify_raised(module: ModuleOp) -> None:
    """A raised module computes on tensors: no metadata ops, and every layer call says its prefix."""
    for call in calls(module):
        if PREFIX not in call.attributes:
            raise IRError(f"call of @{callee_name(call)} has no {PREFIX}", where=at(call))


def verify_phased(module: ModuleOp) -> None:
    """A phased module attends over a cache only, and each entry says which phase it is."""
    for op in module.walk():
        if isinstance(op, AttentionOp):
            raise IRError(
                f"{op.name} attends without a cache in a phased module",
                where=at(op),
                hint="run specialize-phases on it",
            )
    called = {callee_name(call) for call in calls(module)}
    for name, function in functions(module).items():
        if name not in called and "phase" not in function.attributes:
            raise IRError(f"entry @{name} of a phased module has no phase", where=at(function))


def verify_sharded(module: ModuleOp) -> None:
    """What a device graph captures does not wait for sizes: no ``comm.sync_counts`` below a capturable phase."""
    for name in sorted(capturable(module)):
        for op in functions(module)[name].body.block.ops:
            if isinstance(op, SyncCountsOp):
                raise IRError(
                    f"{op.name} in @{name}, which a capturable phase runs: the host would wait for sizes",
                    where=at(op),
                    hint="receive a bounded number of rows: comm.dispatch without counts",
                )


def verify_scheduled(module: ModuleOp) -> None:
    """A scheduled module's timetables can run, and its entries' calls are what they say."""
    from dsv3c.ir.scheduled import verify_timetables  # it reads segments, which need this module

    verify_timetables(module)


FACTS: dict[str, Callable[[ModuleOp], None]] = {
    "raised": verify_raised,
    "phased": verify_phased,
    "sharded": verify_sharded,
    "scheduled": verify_scheduled,
}
"""What a module that states the fact must satisfy; facts that plug-ins state are not checked here."""

STRUCTURAL = (func.FuncOp, func.ReturnOp, func.CallOp, SymbolOp, ModuleOp)
"""Ops that organise a program and compute nothing."""


def unraised(module: ModuleOp) -> list[AtenOp]:
    """The aten ops that are still in the functions' bodies (recipes not counted), in order."""
    return [op for function in functions(module).values() for op in function.body.block.ops if isinstance(op, AtenOp)]
