"""What of a launch decides which binary runs it, told without words, and the numbers that the binary is given.

``variant_of`` says the same in text, which the names of binaries are made of.  Launches with equal keys are of one
variant: a key holds types and constants as they are, and multiples of 16 by the functions that ``variant_of`` asks.
"""

from collections.abc import Hashable, Mapping

from torch import Tensor

from dsv3c.backends.triton.runtime.gpu import (
    ALIGNMENT,
    Argument,
    Config,
    Constant,
    Descriptor,
    Static,
    address,
    as_gluon_takes,
    is_gluon,
    rows_are_aligned,
    strides_can_be_described,
)

Key = tuple[Hashable, ...]
Number = int | float


def split(
    kernel: str,
    arguments: Mapping[str, Argument],
    constants: Mapping[str, Constant],
    config: Config,
) -> tuple[Key, list[Number], list[tuple[int, Tensor]]]:
    """A launch's key, what it passes, and what its descriptors are made of.

    Passed are, in the order of ``arguments``, addresses of tensors, numbers, and of a descriptor sizes and strides.
    Descriptors are made of tensors, given with their addresses.
    """
    gluon = is_gluon(config)
    facts, passed, described = list[Hashable](), list[Number](), list[tuple[int, Tensor]]()
    for argument in arguments.values():
        if isinstance(argument, Static):
            facts.append(argument.value % ALIGNMENT == 0)
            passed.append(argument.value)
        elif isinstance(argument, Tensor):
            start, dtype = address(argument), argument.dtype
            divisible = start % ALIGNMENT == 0 and rows_are_aligned(dtype, argument.stride())
            facts.append((dtype, argument.device, divisible))
            passed.append(start)
        elif isinstance(argument, Descriptor):
            tensor = argument.tensor
            start, strides, dtype = address(tensor), tensor.stride(), tensor.dtype
            known = dtype, tensor.device, start % ALIGNMENT == 0, argument.block, argument.swizzle
            if gluon:
                facts.append((*known, len(strides), strides_can_be_described(dtype, strides)))
                passed += tensor.shape
                passed += strides
                described.append((start, tensor))
            else:
                facts.append((*known, rows_are_aligned(dtype, strides)))
                passed.append(start)
        else:
            facts.append(type(argument))
            if argument is not None:  # an absent pointer is a constant of the binary
                passed.append(argument)
    how = config["num_warps"], config["num_stages"], gluon
    return (kernel, tuple(arguments), tuple(facts), told_apart(constants), how), passed, described


def told_apart(constants: Mapping[str, Constant]) -> Key:
    """Constants, with those told apart that Python takes to be equal: 1, 1.0 and True; 0.0 and -0.0."""
    values = tuple(constants.values())
    kinds = tuple(map(type, values))
    if float in kinds:
        values = tuple(value.hex() if isinstance(value, float) else value for value in values)
    return tuple(constants), values, kinds


def names_taken(arguments: Mapping[str, Argument], config: Config) -> tuple[list[str], list[str]]:
    """The names of what ``split`` passes, and of the descriptors."""
    passed, described = list[str](), list[str]()
    for name, argument in as_taken(arguments, config).items():
        if isinstance(argument, Descriptor) and is_gluon(config):
            described.append(name)
            passed += [f"{name}.{what}{dim}" for what in ("size", "stride") for dim in range(argument.tensor.dim())]
        elif argument is not None:
            passed.append(name)
    return passed, described


def as_taken(arguments: Mapping[str, Argument], config: Config) -> Mapping[str, Argument]:
    """Arguments by the names that a configuration's kernel has for them."""
    return as_gluon_takes(arguments) if is_gluon(config) else arguments
