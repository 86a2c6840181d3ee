"""That a token's numbers depend on nothing but the token and its sequence: what chosen kernels must look like.

A kernel computes the rows of a step independently, and adds up each in an order that its configuration fixes.  So bits
are the same in every batch and phase if every call has one configuration, and calls of one launcher on operands of the
same types with the same parameters have the same one in all phases.  What chooses by itself, as vendors' libraries do,
is not called, and one scale of all rows of a step, found from them, is refused.

Parts of a context have a fixed size (``choices/absorbed_attention``).  What else depends on the step, or on the
device, decides only who computes what: programs of a launch, tokens whose parts there is room for at a time.
"""

from collections.abc import Iterable

from xdsl.dialects.builtin import ModuleOp, UnitAttr
from xdsl.ir import SSAValue

from dsv3c.backends.triton.choices.base import Choice, type_text
from dsv3c.backends.triton.emission.captures import executed, mixes_rows
from dsv3c.ir.dialects.kernel import ExternOp, KernelCallOp, LaunchOp, LiteralsAttr
from dsv3c.ir.entry_ranges import is_private
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import functions, parent_function

BATCH_INVARIANT = "batch_invariant"
"""Attribute of entries whose kernels are so."""
WHERE = frozenset({"layout", "alignment"})
"""Parameters that say where rows are, not what is computed of them."""
Key = tuple[object, ...]


def check_batch_invariant(module: ModuleOp) -> None:
    """Mark the entries as such.

    Raises IRError for a call whose configuration depends on its rows, or is another one in another phase, and for
    rows that change others'.
    """
    found = dict[Key, KernelCallOp]()
    check_rows(module)
    for op in module.walk():
        if isinstance(op, ExternOp):
            raise IRError(
                f"--batch-invariant: {op.function.data} of {op.library.data} chooses by the rows of a step",
                where=at(op),
                hint="compile without --extern",
            )
        if not isinstance(op, KernelCallOp):
            continue
        if len(op.configs) != 1:
            raise IRError(f"--batch-invariant: {op.launcher.data} has configurations by rows", where=at(op))
        other = found.setdefault(key_of(op), op)
        if config_of(other) != config_of(op):
            names = " and ".join(f"@{function_name(call)}" for call in (other, op))
            raise IRError(
                f"--batch-invariant: {op.launcher.data} has other configurations in {names}: "
                f"{config_of(other)}, {config_of(op)}",
                where=at(op),
            )
    for function in functions(module).values():
        if not is_private(function):
            function.attributes[BATCH_INVARIANT] = UnitAttr()


def check_rows(module: ModuleOp) -> None:
    """Raise IRError where a row of a step changes what is made of the others."""
    table = functions(module)
    for function in table.values():
        for op in () if is_private(function) else executed(function, table):
            if mixes_rows(op):
                raise IRError(
                    "--batch-invariant: one scale of all rows is found from them, so that each changes the others",
                    where=at(op),
                    hint="take a recipe with a scale per row, or with one that is known before",
                )


def varying(module: ModuleOp) -> frozenset[Key]:
    """What calls have in common that have several configurations."""
    found = dict[Key, list[dict[str, object]]]()
    for op in module.walk():
        if isinstance(op, KernelCallOp):
            found.setdefault(key_of(op), []).extend(dict(config.as_dict()) for config in op.configs)
    return frozenset(key for key, configs in found.items() if any(config != configs[0] for config in configs))


def config_of(op: KernelCallOp) -> dict[str, object]:
    """The one configuration of a call."""
    (config,) = op.configs
    return dict(config.as_dict())


def key_of(op: KernelCallOp) -> Key:
    """What calls have in common that must compute alike: launcher, parameters, and types without the step's sizes."""
    return key(op.launcher.data, op.parameters, (*op.inputs, *op.outputs))


def key_of_choice(choice: Choice) -> Key:
    """The same of a call that is not made yet."""
    operands = dict.fromkeys(value for value in choice.operands.values() if value is not None)
    return key(choice.launcher, LiteralsAttr.make(choice.parameters), (*operands, *choice.results.values()))


def key(launcher: str, parameters: LiteralsAttr, values: Iterable[SSAValue]) -> Key:
    """Of a launcher with parameters on values."""
    stated = sorted((name, str(value)) for name, value in parameters.as_dict().items() if name not in WHERE)
    return (launcher, *stated, *(type_text(value) for value in values))


def function_name(op: LaunchOp) -> str:
    """Of the function that an op is in."""
    function = parent_function(op)
    assert function is not None
    return function.sym_name.data
