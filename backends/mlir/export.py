"""Units captured by torch.export: named sizes are dynamic dims, or numbers where they are given."""

from collections.abc import Mapping

import torch
from torch._subclasses import FakeTensorMode
from torch.export import Dim, ExportedProgram
from torch.fx import traceback
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from xdsl.dialects import func

from dsv3c.backends.mlir.errors import ExitError
from dsv3c.backends.mlir.trace import PLACE, UnitProgram
from dsv3c.backends.mlir.units import Unit, unit_tensors
from dsv3c.backends.reference.meanings.arithmetic import fidelity
from dsv3c.ir.dialects.core import SymbolOp
from dsv3c.ir.sizes import Size, evaluate

FIRST_SAMPLE = 7
"""Dynamic dims are captured at sizes from here on: torch.export takes 0 and 1 for constants."""
DROPPED = (
    torch.ops.aten._assert_tensor_metadata.default,
    torch.ops.aten.detach_.default,
    torch.ops.aten.lift_fresh_copy.default,
)
"""Checks of types, and copies of literals."""
LARGEST = 1 << 31
"""Dynamic dims without a limit of their own."""


def export_unit(
    unit: Unit, table: dict[str, func.FuncOp], symbols: Mapping[str, SymbolOp], sizes: Mapping[str, int]
) -> ExportedProgram:
    """Capture a unit; ``sizes`` are the named sizes that become numbers.

    Raises ``ExitError`` for an op that cannot leave, with the user's line, and for a capture that fails.
    """
    specs = unit_tensors(unit)
    open_names = [name for name in symbols if name not in sizes]
    dims = {name: dim_of(symbols[name]) for name in open_names}
    samples = {**sizes, **{name: FIRST_SAMPLE + index for index, name in enumerate(open_names)}}
    shapes = [
        {index: dims[size] for index, size in enumerate(spec.sizes) if isinstance(size, str) and size in dims} or None
        for spec in specs
    ]
    with FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True):
        args = tuple(torch.empty([number(size, samples) for size in spec.sizes], dtype=spec.dtype) for spec in specs)
    try:
        with fidelity("torch"), torch.no_grad(), traceback.preserve_node_meta():
            program = torch.export.export(
                UnitProgram(unit, table), args, dynamic_shapes={"tensors": tuple(shapes)}, strict=False
            )
    except (RuntimeError, ValueError, TypeError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ExitError(f"torch.export does not capture @{unit.name}: {first.strip()}") from error
    return program


def dim_of(symbol: SymbolOp) -> Dim:
    """A named size as a dynamic dim."""
    low, high = symbol.bounds()
    return Dim(symbol.sym_name.data, min=max(1, low), max=LARGEST if high is None else high)


def number(size: Size, samples: Mapping[str, int]) -> int:
    """What a size is while capturing."""
    return evaluate(size, samples)


def tidy(program: ExportedProgram) -> None:
    """Drop checks of types, and give every node the line of its op in place of its meaning's, as a stack trace.

    Composite operators stay as they are: torch-mlir knows them, and what PyTorch makes of them divides dynamic dims.
    """
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.target in DROPPED:
            if node.users:
                node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
            continue
        place = node.meta.get("custom", {}).get(PLACE)
        if place is not None:
            node.meta["stack_trace"] = f'File "{place[0]}", line {place[1]}, in forward'
        else:
            node.meta.pop("stack_trace", None)
