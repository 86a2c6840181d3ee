"""A device that runs nothing: which kernels a program launches, asked of the launchers themselves."""

from collections.abc import Mapping

from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant, InOrder, Variant, variant_of


class RecordingGpu(InOrder):
    """Notes the variant of every launch, each once, in order of first use.  Launchers are given meta tensors."""

    def __init__(self, num_sms: int, *, pdl: bool = False) -> None:
        self.num_sms, self.pdl = num_sms, pdl
        self.seen: dict[Variant, None] = {}

    @property
    def variants(self) -> tuple[Variant, ...]:
        """What must be compiled."""
        return tuple(self.seen)

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``; nothing is computed."""
        del grid
        self.seen.setdefault(variant_of(kernel, arguments, constants, config))
