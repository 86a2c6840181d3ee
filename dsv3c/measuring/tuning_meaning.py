"""What a call of a kernel means: the ops of its body, by the reference, on the data that candidates are given."""

from collections.abc import Mapping

import torch
from xdsl.dialects import func
from xdsl.dialects.builtin import Float32Type, ModuleOp
from xdsl.ir import Block, SSAValue

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.backends.triton.variants import Value
from dsv3c.ir.dialects.core import SymbolOp
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.ir.functions import make_function

NAME = "call"
PROBABILITIES = "probs"
"""Attribute of attention: what probabilities are rounded to."""


def meaning(op: KernelCallOp, given: Mapping[str, Value], device: torch.device) -> dict[str, Value]:
    """Keyword of every output -> the value it must have.

    Probabilities of attention stay in f32: a kernel that sees the context once rounds them before it knows their sum,
    the meaning after dividing by it, which are two roundings of one size.  Tests of kernels hold them to the same.
    Raises what ``Executor.run`` raises.
    """
    values = [given[key] for key in op.read_names]
    assert all(value is not None for value in values), "tokens have no value"
    with device:  # meanings make constants without saying where
        made = Executor(as_function(op), RandomWeights(0, {})).run(NAME, *values)  # pyright: ignore[reportArgumentType]
    return dict(zip(op.write_names, made, strict=True))


def as_function(op: KernelCallOp) -> ModuleOp:
    """A module with a call's body as its one function."""
    module = op.get_toplevel_object()
    assert isinstance(module, ModuleOp)
    block = Block(arg_types=op.body.block.arg_types)
    inside = dict[SSAValue, SSAValue](zip(op.body.block.args, block.args, strict=True))
    for inner in op.ops:
        copy = inner.clone(inside)
        if PROBABILITIES in copy.properties:
            copy.properties[PROBABILITIES] = Float32Type()
        block.add_op(copy)
    block.add_op(func.ReturnOp(*(inside[value] for value in op.end.values)))
    symbols = [other.clone() for other in module.body.block.ops if isinstance(other, SymbolOp)]
    return ModuleOp([*symbols, make_function(NAME, block)])
