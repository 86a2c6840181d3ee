"""Values for the parameters of a program that has left, made from a checkpoint by their recipes."""

from collections.abc import Iterator

from torch import Tensor

from dsv3c.backends.mlir.lower import LeftEntry
from dsv3c.backends.mlir.trace import parts
from dsv3c.backends.reference.params import Params
from dsv3c.backends.reference.weights import Weights


def parameter_tensors(entry: LeftEntry, weights: Weights) -> Iterator[Tensor]:
    """The tensors an entry takes behind its inputs, in order; one is held at a time.

    Raises WeightsError for a stored tensor that is missing or does not fit.
    """
    params = Params(weights, budget_bytes=0)
    for key in entry.keys:
        yield from parts(params.get(key.op, key.prefix))
