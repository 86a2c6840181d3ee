"""What calls of kernels have in common: literals, memory, names of values, a body that says what they mean."""

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import ClassVar

from xdsl.dialects.builtin import ArrayAttr, StringAttr, bf16, f16, f32, f64, i8, i32, i64
from xdsl.ir import Attribute, Data, Region, SSAValue
from xdsl.irdl import irdl_attr_definition, irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.common import require
from dsv3c.ir.dialects.units import EndOp, UnitOp
from dsv3c.ir.sizes import Size

Literal = int | float | bool | str | None | tuple["Literal", ...]
"""What a call may be given beside values: fixed when the program is made."""
ELEMENTS: dict[str, Attribute] = {str(element): element for element in (bf16, f16, f32, f64, i8, i32, i64)}
"""What scratch memory may hold."""


@irdl_attr_definition
class LiteralsAttr(Data[tuple[tuple[str, Literal], ...]]):
    """``#kernel.literals<eps 1e-06, promote 128, granule [1, 128], bias none>``: keywords and what they are given."""

    name = "kernel.literals"

    @staticmethod
    def make(values: Mapping[str, Literal]) -> "LiteralsAttr":
        """From a mapping, in its order."""
        return LiteralsAttr(tuple(values.items()))

    def as_dict(self) -> dict[str, Literal]:
        """Keyword -> literal."""
        return dict(self.data)

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> tuple[tuple[str, Literal], ...]:
        """What ``print_parameter`` writes."""
        with parser.in_angle_brackets():
            if parser.parse_optional_keyword("none") is not None:
                return ()
            return tuple(
                parser.parse_comma_separated_list(
                    parser.Delimiter.NONE, lambda: (parser.parse_identifier(), parse_literal(parser))
                )
            )

    def print_parameter(self, printer: Printer) -> None:
        """``name literal`` pairs; ``none`` where there are none."""
        with printer.in_angle_brackets():
            printer.print_string(", ".join(f"{name} {literal_text(value)}" for name, value in self.data) or "none")


def parse_literal(parser: AttrParser) -> Literal:
    """One literal."""
    found = parser.parse_optional_comma_separated_list(parser.Delimiter.SQUARE, lambda: parse_literal(parser))
    if found is not None:
        return tuple(found)
    for keyword, value in (("true", True), ("false", False), ("none", None)):
        if parser.parse_optional_keyword(keyword) is not None:
            return value
    text = parser.parse_optional_str_literal()
    return text if text is not None else parser.parse_number()


def literal_text(value: Literal) -> str:
    """How a literal is written: numbers so that they read back as they are."""
    match value:
        case bool() | None:
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return f"[{', '.join(map(literal_text, value))}]"
        case float():
            mantissa, _, exponent = repr(value).partition("e")
            return f"{mantissa if '.' in mantissa else mantissa + '.0'}" + (f"e{exponent}" if exponent else "")
        case int():
            return str(value)


@irdl_op_definition
class KernelYieldOp(EndOp):
    """``kernel.yield %y : T`` ends the body of a call of a kernel: outputs = values.

    Shape: the outputs'.  Source: MLIR's region yields.
    """

    name = "kernel.yield"

    traits = traits_def(IsTerminator())
    assembly_format = "$values attr-dict `:` type($values)"

    def verify_(self) -> None:
        """A yield stands at the end of a body only."""
        require(isinstance(self.parent_op(), LaunchOp), "kernel.yield outside of kernel.call and kernel.extern")


class LaunchOp(UnitOp, ABC):
    """``outputs = body(inputs)``, run as one call of ``launcher(reads = inputs, writes = outputs)``.

    ``reads`` and ``writes`` name the launcher's keyword of every input and output; ``parameters``: its other keywords.
    ``in_place`` names for outputs the input whose memory they are; ``scratch`` memory that it needs while it runs, as
    ``name [element, size, ...]``.  ``offsets`` (bytes in the function's workspace) places the outputs that are not in
    place, then scratch.
    """

    ENDS_IN: ClassVar[type[EndOp]] = KernelYieldOp

    launcher = prop_def(StringAttr)
    reads = prop_def(ArrayAttr[StringAttr])
    writes = prop_def(ArrayAttr[StringAttr])
    parameters = prop_def(LiteralsAttr)
    in_place = opt_prop_def(LiteralsAttr)
    scratch = opt_prop_def(LiteralsAttr)
    offsets = opt_prop_def(LiteralsAttr)

    def __init__(
        self,
        launcher: str,
        body: Region,
        inputs: Sequence[SSAValue],
        *,
        reads: Sequence[str],
        writes: Sequence[str],
        parameters: Mapping[str, Literal],
        in_place: Mapping[str, str] | None = None,
        scratch: Mapping[str, Literal] | None = None,
        others: Mapping[str, Attribute],
    ) -> None:
        end = body.block.last_op
        assert isinstance(end, KernelYieldOp)
        properties: dict[str, Attribute | None] = {
            "launcher": StringAttr(launcher),
            "reads": texts(reads),
            "writes": texts(writes),
            "parameters": LiteralsAttr.make(parameters),
            "in_place": LiteralsAttr.make(in_place) if in_place else None,
            "scratch": LiteralsAttr.make(scratch) if scratch else None,
            **others,
        }
        super().__init__(
            operands=[inputs],
            result_types=[[value.type for value in end.values]],
            regions=[body],
            properties=properties,
        )

    @property
    def read_names(self) -> list[str]:
        """Keyword of every input."""
        return [name.data for name in self.reads]

    @property
    def write_names(self) -> list[str]:
        """Keyword of every output."""
        return [name.data for name in self.writes]

    @property
    def aliases(self) -> dict[str, str]:
        """Keyword of an output -> keyword of the input whose memory it is."""
        return {name: str(given) for name, given in self.in_place.data} if self.in_place is not None else {}

    @property
    def scratch_shapes(self) -> dict[str, tuple[str, tuple[Size, ...]]]:
        """Name -> element type (by name) and sizes of memory that is needed while it runs."""
        found = dict[str, tuple[str, tuple[Size, ...]]]()
        for name, shape in self.scratch.data if self.scratch is not None else ():
            assert isinstance(shape, tuple)
            element, *sizes = shape
            found[name] = str(element), tuple(size if isinstance(size, int) else str(size) for size in sizes)
        return found

    @property
    def placed(self) -> list[str]:
        """What needs memory of the workspace: outputs that are not in place, then scratch."""
        return [name for name in self.write_names if name not in self.aliases] + list(self.scratch_shapes)

    @property
    def places(self) -> dict[str, int] | None:
        """Name -> offset in the workspace (bytes); None before memory is planned."""
        if self.offsets is None:
            return None
        return {name: offset for name, offset in self.offsets.data if isinstance(offset, int)}

    def place(self, offsets: Mapping[str, int]) -> None:
        """Set the offsets (bytes) of all that needs memory."""
        self.offsets = LiteralsAttr.make(offsets)

    def verify_(self) -> None:
        """One name per value, each once; known aliases; an offset where one is needed."""
        super().verify_()
        for names, values, what in (
            (self.read_names, self.inputs, "inputs"),
            (self.write_names, self.outputs, "outputs"),
        ):
            require(len(names) == len(values), f"{len(values)} {what}, but {len(names)} names for them")
        require(self.launcher.data.count(".") == 1, f"launcher {self.launcher.data!r} is not file.function")
        keywords = [*self.read_names, *self.write_names, *self.parameters.as_dict(), *self.scratch_names()]
        twice = next((name for name in keywords if keywords.count(name) > 1), None)
        require(twice is None, f"the launcher is given {twice!r} twice")
        for output, given in self.aliases.items():
            require(output in self.write_names, f"in_place: no output is named {output!r}")
            require(given in self.read_names, f"in_place: no input is named {given!r}")
        if (places := self.places) is not None:
            found, wanted = ", ".join(places) or "none", ", ".join(self.placed) or "none"
            require(found == wanted, f"offsets are given for {found}; what needs memory: {wanted}")

    def scratch_names(self) -> list[str]:
        """Keywords of scratch memory.  Raises ``VerifyException`` for an entry that is no element type and sizes."""
        for name, shape in self.scratch.data if self.scratch is not None else ():
            if not isinstance(shape, tuple) or not shape or shape[0] not in ELEMENTS:
                raise VerifyException(f'scratch {name} is not an element type and sizes, as in ["f32", "T", 128]')
        return [name for name, _ in self.scratch.data] if self.scratch is not None else []


def texts(names: Sequence[str]) -> ArrayAttr[StringAttr]:
    """Names as an attribute."""
    return ArrayAttr(StringAttr(name) for name in names)
