"""What an emitted program says of each of its entries: caches, query lengths, launches."""

from collections.abc import Sequence

from xdsl.dialects import func
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, StringAttr

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.python_text import wrapped
from dsv3c.ir.dialects.mla import CacheType
from dsv3c.ir.parameters import is_mtp


def entry_text(python_name: str, function: func.FuncOp, *, launches: int, others: Sequence[str] = ()) -> str:
    """An item of ``ENTRIES``; ``others``: further arguments."""
    name = function.sym_name.data
    specs = [
        f"CacheSpec({kind.page_size.data}, {kind.latent.data}, {kind.rope.data}, "
        f"{dtype_of(kind.latent_type)}, {dtype_of(kind.rope_type)}"
        f"{f', granule={kind.granule.data}' if kind.is_quantized else ''})"
        for argument in function.body.block.args
        if isinstance(kind := argument.type, CacheType)
    ]
    items = [python_name]
    if specs:
        alike = len(specs) > 1 and len(set(specs)) == 1
        items.append(f"({specs[0]},) * {len(specs)}" if alike else f"({', '.join(specs)},)")
    if (queries := query_range(function)) is not None:
        items += [f"launches={launches}", f"queries={queries}"]
        items += ["drafts=True"] if is_mtp(name) else []
    return "\n".join(wrapped(f'"{name}": Entry', [*items, *others], ",", "    "))


def query_range(function: func.FuncOp) -> tuple[int, int] | None:
    """New tokens per sequence of a phase, also of the prediction module's; None for what states no phase of its own."""
    phase, name = function.attributes.get("phase"), function.sym_name.data
    match phase.data if isinstance(phase, DictionaryAttr) else {}:
        case {"name": StringAttr(data=stated), "min_query": IntegerAttr() as low, "max_query": IntegerAttr() as high}:
            return (low.value.data, high.value.data) if name in (stated, f"mtp_{stated}") else None
        case _:
            return None
