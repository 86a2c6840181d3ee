"""Second versions of an entry and of everything it calls."""

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr, SymbolRefAttr

from dsv3c.ir.functions import callee_name, functions


def clone_entry(module: ModuleOp, entry: func.FuncOp, suffix: str) -> func.FuncOp:
    """Copy ``@entry`` to ``@entry.suffix`` together with the functions it calls; returns the copy.

    A called function ``@prefill.layer0`` becomes ``@prefill.short.layer0``: the entry's name is its prefix.
    """
    table, made = functions(module), dict[str, func.FuncOp]()
    old, new = entry.sym_name.data, f"{entry.sym_name.data}.{suffix}"

    def renamed(name: str) -> str:
        return new + name.removeprefix(old) if name.startswith(old) else f"{new}.{name}"

    def copy(function: func.FuncOp) -> func.FuncOp:
        name = function.sym_name.data
        if name in made:
            return made[name]
        clone = function.clone()
        clone.properties["sym_name"] = StringAttr(renamed(name))
        made[name] = clone
        for op in clone.body.block.ops:
            if isinstance(op, func.CallOp):
                copy(table[callee_name(op)])
                op.properties["callee"] = SymbolRefAttr(renamed(callee_name(op)))
        module.body.block.insert_op_after(clone, entry)
        return clone

    return copy(entry)
