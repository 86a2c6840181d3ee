"""Views of scaled values: the same cut of data and scales."""

from collections.abc import Sequence

from dsv3c.backends.reference.meanings.scaled import Scaled


def reshape(q: Scaled, *, sizes: Sequence[int], grid: Sequence[int], granule: tuple[int, ...]) -> Scaled:
    """Data dealt out to ``sizes``, scales to ``grid``."""
    return Scaled(q.data.reshape(*sizes), q.scale.reshape(*grid), granule)


def slice_dim(q: Scaled, *, dim: int, start: int, size: int) -> Scaled:
    """``size`` elements of a dim from ``start`` on, and the scales of their blocks."""
    step = q.granule[dim]
    data = q.data.narrow(dim, start, size)
    if not step:
        return Scaled(data, q.scale, q.granule)
    return Scaled(data, q.scale.narrow(dim, start // step, -(-size // step)), q.granule)
