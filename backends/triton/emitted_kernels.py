"""The kernels that a program calls, in its text: what must be in ``kernels.json`` beside it."""

from collections.abc import Sequence

from dsv3c.backends.triton.runtime.gpu import Variant


def kernel_lines(variants: Sequence[Variant]) -> list[str]:
    """The constant ``KERNELS`` of a program: kernel -> the keys of its variants; none where they are not known."""
    found = dict[str, list[str]]()
    for variant in variants:
        found.setdefault(variant.kernel, []).append(variant.key)
    if not found:
        return []
    lines = ["KERNELS = {"]
    for kernel, keys in sorted(found.items()):
        texts = [f'"{key}",' for key in sorted(keys)]
        lines += [f'    "{kernel}": (', *(f"        {text}" for text in texts), "    ),"]
    return [*lines, "}"]
