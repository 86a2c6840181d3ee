"""Threading a group's token through a program: the order in which all ranks communicate."""

from collections.abc import Callable, Collection

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.ir.dialects.comm import StartOp, TokenType
from dsv3c.ir.functions import call_sites, callee_name, returned, topological, update_type

Build = Callable[[Operation, SSAValue], SSAValue]
"""Replaces a site by ops that communicate; takes the token before them and returns the one after."""


def thread_token(module: ModuleOp, group: str, sites: Collection[Operation], build: Build) -> None:
    """Give every site the token of the one before it, through calls; entries start one.

    A function that is called takes the token as its last argument and returns it as its last result.
    """
    threaded = set[str]()
    for function in topological(module):
        block = function.body.block
        ops = [op for op in block.ops if op in sites or (isinstance(op, func.CallOp) and callee_name(op) in threaded)]
        if not ops:
            continue
        is_called = bool(call_sites(function))
        if is_called:
            token: SSAValue = block.insert_arg(TokenType.make(group), len(block.args))
            threaded.add(function.sym_name.data)
        else:
            start = StartOp(group)
            start.location = function.location
            block.insert_op_before(start, ops[0])
            token = start.token
        token.name_hint = "token"
        for op in ops:
            token = with_token(op, token) if isinstance(op, func.CallOp) else build(op, token)
            token.name_hint = "token"
        if is_called:
            end = returned(function)
            end.operands = [*end.operands, token]
            update_type(function)


def with_token(call: func.CallOp, token: SSAValue) -> SSAValue:
    """Make a call take and return the token as well; returns the token after it."""
    new = func.CallOp(call.callee, [*call.operands, token], [*call.result_types, token.type])
    new.attributes.update(call.attributes)
    new.location = call.location
    block = call.parent
    assert block is not None
    block.insert_op_before(new, call)
    for old, made in zip(call.results, new.results, strict=False):
        made.name_hint = old.name_hint
        old.replace_all_uses_with(made)
    call.detach()
    call.erase()
    return new.results[-1]
