"""Calls of vendors' libraries: ``kernel.extern`` names whose kernel runs, and what must be installed for it."""

import re
from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Region, SSAValue
from xdsl.irdl import irdl_op_definition, prop_def

from dsv3c.ir.dialects.common import require
from dsv3c.ir.dialects.kernel_launch import LaunchOp, Literal

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
"""What can be imported."""


@irdl_op_definition
class ExternOp(LaunchOp):
    """``outputs = body(inputs)``, run by ``function`` of a ``library`` that this compiler has not written.

    ``package`` is the Python module that ``function`` is taken from, ``source`` where it is published; the launcher
    brings values into the library's form.  Names, memory and ``parameters`` as of ``kernel.call``; a library has no
    configurations: it chooses by itself.  Shapes: those of the body.  Source: cuBLASLt, deepseek-ai/DeepGEMM,
    deepseek-ai/FlashMLA.
    """

    name = "kernel.extern"

    library = prop_def(StringAttr)
    function = prop_def(StringAttr)
    package = prop_def(StringAttr)
    source = prop_def(StringAttr)
    assembly_format = (
        "$library `function` $function `from` $package `of` $source `launcher` $launcher `reads` $reads $inputs "
        "`writes` $writes `parameters` $parameters (`in_place` $in_place^)? (`scratch` $scratch^)? "
        "(`offsets` $offsets^)? attr-dict `:` type($inputs) `->` type($outputs) $body"
    )

    def __init__(
        self,
        launcher: str,
        body: Region,
        inputs: Sequence[SSAValue],
        *,
        library: str,
        function: str,
        package: str,
        source: str,
        reads: Sequence[str],
        writes: Sequence[str],
        parameters: Mapping[str, Literal],
        scratch: Mapping[str, Literal] | None = None,
    ) -> None:
        named = {"library": library, "function": function, "package": package, "source": source}
        super().__init__(
            launcher,
            body,
            inputs,
            reads=reads,
            writes=writes,
            parameters=parameters,
            scratch=scratch,
            others={name: StringAttr(text) for name, text in named.items()},
        )

    def verify_(self) -> None:
        """As every call; the function and its package can be imported by name, and where they are from is said."""
        super().verify_()
        for what, text in (("library", self.library), ("function", self.function), ("package", self.package)):
            require(NAME.fullmatch(text.data) is not None, f"{what} {text.data!r} is no Python name")
        require(bool(self.source.data), f"where {self.library.data} comes from is not said")
