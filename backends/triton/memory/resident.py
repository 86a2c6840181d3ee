"""What stays in memory between steps: the parameters of one rank, and the caches."""

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.triton.memory.workspace import largest_bytes
from dsv3c.ir.cost import instances
from dsv3c.ir.cost_model import row_bytes
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.weight import ParamOp
from dsv3c.ir.entry_ranges import is_private
from dsv3c.ir.functions import functions, join_path, parent_module
from dsv3c.ir.sizes import evaluate


def weight_bytes(module: ModuleOp) -> int:
    """Bytes of all parameters that some entry of one rank reads, each once."""
    found = dict[str, int]()
    for name, function in functions(module).items():
        if is_private(function):
            continue
        for called, prefix in instances(module, name):
            for op in called.body.block.ops:
                if isinstance(op, ParamOp):
                    found[join_path(prefix, op.key.data)] = largest_bytes(op.value.type, {})
    return sum(found.values())


def cache_bytes(entry: func.FuncOp) -> int:
    """Bytes of an entry's caches, with the pages that the operating point asks for."""
    symbols = symbols_of(parent_module(entry))
    hints = {name: op.hint.value.data if op.hint is not None else op.bounds()[0] for name, op in symbols.items()}
    caches = [argument.type for argument in entry.body.block.args if isinstance(argument.type, CacheType)]
    return sum(evaluate(kind.num_pages, hints) * kind.page_size.data * row_bytes(kind) for kind in caches)
