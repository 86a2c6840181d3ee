"""Parameters of a program on its device: read or made on the CPU when they are first used, then kept."""

import torch
from torch import Tensor

from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.runtime.params import Parameter, Params, Recipe, Source


class DeviceParams(Params):
    """Parameters that are kept on a device.  Recipes run where the stored tensors are: once, on the CPU."""

    def __init__(
        self, source: Source, device: torch.device, prefix: str = "", values: dict[str, Parameter] | None = None
    ) -> None:
        super().__init__(source, prefix, values)
        self.device = device

    def at(self, prefix: str) -> "DeviceParams":
        """The parameters of a callee."""
        return DeviceParams(self.source, self.device, self.name(prefix), self.values)

    def __call__(self, key: str, shape: tuple[int, ...], dtype: torch.dtype) -> Parameter:
        """A parameter that is a stored tensor."""
        name = self.name(key)
        if name not in self.values:
            self.values[name] = moved(self.stored(key, shape, dtype), self.device)
        return self.values[name]

    def made(self, key: str, recipe: Recipe) -> Parameter:
        """A parameter that a recipe makes."""
        name = f"{self.name(key)} by {recipe.__name__}"
        if name not in self.values:
            packed = self.source.packed(self.name(key))
            value = recipe(Params(self.source, self.prefix)) if packed is None else packed
            self.values[name] = moved(value, self.device)
        return self.values[name]


def moved(value: Parameter, device: torch.device) -> Parameter:
    """A parameter on a device, dense: kernels are compiled for its strides, whatever views its recipe took."""
    if isinstance(value, Tensor):
        return value.contiguous().to(device)
    return Scaled(value.data.contiguous().to(device), value.scale.contiguous().to(device), value.granule)
