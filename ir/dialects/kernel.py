"""The ``kernel`` dialect: ops as calls of kernels.

A call's body holds the ops it stands for: what it means is written there, what runs is named beside it.
"""

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import ArrayAttr
from xdsl.ir import Dialect, Region, SSAValue
from xdsl.irdl import irdl_op_definition, prop_def

from dsv3c.ir.dialects.common import require
from dsv3c.ir.dialects.kernel_extern import ExternOp
from dsv3c.ir.dialects.kernel_launch import ELEMENTS, KernelYieldOp, LaunchOp, Literal, LiteralsAttr

__all__ = ["ELEMENTS", "ExternOp", "KernelCallOp", "KernelYieldOp", "LaunchOp", "Literal", "LiteralsAttr"]

OPTIONS = ("num_warps", "num_stages")
"""What every configuration says."""


@irdl_op_definition
class KernelCallOp(LaunchOp):
    """``outputs = body(inputs)``, run as one call of ``launcher(reads = inputs, writes = outputs)``.

    ``reads`` and ``writes`` name the launcher's keyword of every input and output; ``configs``: the kernel's
    configurations by the most rows (``up_to``, unit: rows) each is meant for; ``parameters``: its other keywords.
    ``in_place`` names for outputs the input whose memory they are; ``scratch`` memory that it needs while it runs, as
    ``name [element, size, ...]``.  ``offsets`` (bytes in the function's workspace) places the outputs that are not in
    place, then scratch.  Shapes: those of the body.  Source: kernel launches of Triton; ``launchers/`` of an artifact.
    """

    name = "kernel.call"

    configs = prop_def(ArrayAttr[LiteralsAttr])
    assembly_format = (
        "$launcher `reads` $reads $inputs `writes` $writes `configs` $configs `parameters` $parameters "
        "(`in_place` $in_place^)? (`scratch` $scratch^)? (`offsets` $offsets^)? attr-dict "
        "`:` type($inputs) `->` type($outputs) $body"
    )

    def __init__(
        self,
        launcher: str,
        body: Region,
        inputs: Sequence[SSAValue],
        *,
        reads: Sequence[str],
        writes: Sequence[str],
        configs: Sequence[Mapping[str, int]],
        parameters: Mapping[str, Literal],
        in_place: Mapping[str, str] | None = None,
        scratch: Mapping[str, Literal] | None = None,
    ) -> None:
        super().__init__(
            launcher,
            body,
            inputs,
            reads=reads,
            writes=writes,
            parameters=parameters,
            in_place=in_place,
            scratch=scratch,
            others={"configs": ArrayAttr(LiteralsAttr.make(config) for config in configs)},
        )

    def verify_(self) -> None:
        """As every call, and configurations that say what all must."""
        super().verify_()
        self.verify_configs()

    def verify_configs(self) -> None:
        """At least one; integers; the options that all kernels have; ascending bounds, the last without one."""
        require(len(self.configs) > 0, "a kernel has at least one configuration")
        bounds = list[int]()
        for config in self.configs:
            values = config.as_dict()
            for name in OPTIONS:
                require(name in values, f"a configuration does not say {name}")
            wrong = next((name for name, value in values.items() if not isinstance(value, int)), None)
            require(wrong is None, f"{wrong} of a configuration is no integer")
            bound = values.get("up_to", 0)
            assert isinstance(bound, int)
            bounds.append(bound)
        require(bounds[-1] == 0, "the last configuration must be for any number of rows")
        require(all(bounds[:-1]) and bounds[:-1] == sorted(set(bounds[:-1])), f"up_to must ascend, not {bounds[:-1]}")


Kernel = Dialect("kernel", [ExternOp, KernelCallOp, KernelYieldOp], [LiteralsAttr])
