"""Model parameters as a checkpoint stores them: experts one by one."""

from collections.abc import Mapping

from torch import Tensor

from dsv3c.models.checkpoint_names import Concat, StackedEach, Stored, parameter_source
from dsv3c.models.configs import ModelConfig


def stored_state(state: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """The stored tensors of a state dict."""
    stored = dict[str, Tensor]()
    for name, value in state.items():
        match parameter_source(name, config):
            case Stored(source):
                stored[source] = value
            case StackedEach(Stored(pattern), count):
                stored |= {pattern.format(index): value[index] for index in range(count)}
            case StackedEach(Concat(parts, dim), count):
                for index in range(count):
                    for part, piece in zip(parts, value[index].chunk(len(parts), dim), strict=True):
                        stored[part.name.format(index)] = piece
            case other:
                raise AssertionError(other)
    return stored
