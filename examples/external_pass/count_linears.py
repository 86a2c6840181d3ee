"""A pass outside of the repository: ``dsv3c opt --load examples/external_pass/count_linears.py -p count-linears``.

It reports, for every function, how many linear layers it has and how many parameters and FLOPs per token they cost; a
layer wider than ``widest`` rows is reported as blocked, to show how a pass says no.  The module is left as it is.
"""

from dataclasses import dataclass

from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.nn import LinearOp
from dsv3c.ir.functions import functions
from dsv3c.ir.types import shape
from dsv3c.passes.base import Pass


@dataclass(frozen=True)
class CountLinears(Pass):
    """Count linear layers and what they cost per token."""

    name = "count-linears"

    widest: int = 1 << 20
    """Rows of a weight above which a layer is not counted."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """One remark per function that has linear layers, and one per layer that is too wide."""
        for function in functions(module).values():
            layers, parameters = 0, 0
            for op in function.body.block.ops:
                if not isinstance(op, LinearOp):
                    continue
                rows, columns = shape(op.weight)
                assert isinstance(rows, int) and isinstance(columns, int), "weights have sizes that are numbers"
                if rows > self.widest:
                    ctx.blocked(op, f"{rows} rows are more than {self.widest}")
                    continue
                layers, parameters = layers + 1, parameters + rows * columns
            if layers:
                ctx.fired(function, f"@{function.sym_name.data}", linears=layers, flops_per_token=2 * parameters)
