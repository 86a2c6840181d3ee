"""Results of an execution as text: shapes, statistics, and the most likely tokens."""

from collections.abc import Iterator, Sequence

from torch import Tensor
from xdsl.dialects import func

from dsv3c.backends.reference.dtypes import element_of
from dsv3c.backends.reference.executor import Value
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.ir.functions import returned

SHOWN_TOKENS = 16


def describe_results(
    function: func.FuncOp, inputs: Sequence[Value], results: Sequence[Value], *, rows: int
) -> Iterator[str]:
    """Lines for the arguments and the results of one execution; caches are counted, not listed."""
    for argument, value in zip(function.body.block.args, inputs, strict=True):
        if isinstance(value, Tensor):
            yield f"  in  {argument.name_hint or f'arg{argument.index}'}: {kind_of(value)}"
    for operand, value in zip(returned(function).operands, results, strict=True):
        if isinstance(value, Tensor):
            name = operand.name_hint or "result"
            yield f"  out {name}: {kind_of(value)}{statistics(value)}"
            yield from most_likely(value, rows)
    caches = [value for value in results if isinstance(value, LatentCache)]
    if caches:
        size = sum(cache.num_bytes for cache in caches)
        pages, page_size = caches[0].latent.shape[:2]
        yield f"  out {len(caches)} caches of {pages} pages of {page_size} rows, {size} bytes"


def kind_of(value: Tensor) -> str:
    """``[2, 16, 1000] bf16``."""
    return f"{list(value.shape)} {element_of(value.dtype)}"


def statistics(value: Tensor) -> str:
    """Mean, standard deviation and range of floating-point values, and whether one of them is no number."""
    if not value.dtype.is_floating_point or value.numel() == 0:
        return ""
    wide = value.double()
    finite = wide.isfinite()
    if not bool(finite.all()):
        return f", {int((~finite).sum())} of {wide.numel()} values are not finite"
    deviation = float(wide.std(correction=0))
    return (
        f", mean {float(wide.mean()):.4g}, std {deviation:.4g}, range {float(wide.min()):.4g}..{float(wide.max()):.4g}"
    )


def most_likely(value: Tensor, rows: int) -> Iterator[str]:
    """The largest element's index along the last dim, per row: of logits, the token a greedy choice takes."""
    if not value.dtype.is_floating_point or value.dim() < 2 or value.numel() == 0:
        return
    chosen = value.argmax(-1)
    chosen = chosen.reshape(-1, 1) if chosen.dim() == 1 else chosen.flatten(0, -2)
    for row in chosen[:rows].tolist():
        more = f" ... ({len(row)} in all)" if len(row) > SHOWN_TOKENS else ""
        yield f"      argmax {' '.join(map(str, row[:SHOWN_TOKENS]))}{more}"
    if len(chosen) > rows:
        yield f"      and {len(chosen) - rows} rows more"
