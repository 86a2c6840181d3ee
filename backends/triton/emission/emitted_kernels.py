"""The kernels that a program calls, in its text: what must be in ``kernels.json`` beside it."""

from collections.abc import Sequence

from dsv3c.backends.triton.runtime.gpu import Variant


def kernel_lines(variants: Sequence[Variant]) -> list[str]:
    """The constant ``KERNELS`` of a program: the keys of what it calls; none where they are not known."""
    keys = sorted({variant.key for variant in variants})
    return ["KERNELS = (", *(f'    "{key}",' for key in keys), ")"] if keys else []
