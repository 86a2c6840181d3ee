"""The type of block-scaled values: 8-bit (or 4-bit) data, and one scale per block of it.

``!scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>`` is one SSA value.  The granule states per dim how many
elements share a scale; nothing infers it from shapes, so 4.5 blocks of rows are as exact as 56.
"""

from collections.abc import Sequence
from functools import cache

from xdsl.dialects.builtin import (
    ArrayAttr,
    Float4E2M1FNType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2Type,
    Float8E8M0FNUType,
    Float32Type,
    IntAttr,
    StringAttr,
    TensorType,
    f32,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.sizes import Size, ceildiv
from dsv3c.ir.types import Tensor, TensorLike, sizes_of, tensor_type

WHOLE = 0
"""Granule of a dim that has one scale, written ``*``."""
LAYOUTS = ("row", "mn_major", "packed")
FORMATS: dict[Attribute, float] = {
    Float8E4M3FNType(): 448.0,
    Float8E4M3FNUZType(): 240.0,
    Float8E5M2Type(): 57344.0,
    Float4E2M1FNType(): 6.0,
}
"""Element types of the data, and the largest finite number of each."""
SCALES: tuple[Attribute, ...] = (Float32Type(), Float8E8M0FNUType())
"""Element types of the scales; f8E8M0FNU ("ue8m0") holds powers of two and nothing else."""


@irdl_attr_definition
class ScaledType(TensorLike):
    """``value[i, j] = f32(data[i, j]) * scale[i // gm, j // gn]``, granule ``gm x gn``; ``*`` is the whole dim.

    The grid of scales has ``ceil(size / granule)`` entries per dim, 1 for ``*``; a last block may be partial.
    ``layout`` is how the grid lies in memory: ``row`` (row-major, not printed), ``mn_major`` (its last two dims
    transposed, every column padded to 16 bytes), ``packed`` (mn_major, four f8E8M0FNU scales along K in an i32).
    """

    name = "scaled.tensor"

    data: TensorType[Attribute]
    granule: ArrayAttr[IntAttr]
    scale: Attribute
    layout: StringAttr

    @staticmethod
    def make(data: Tensor, granule: Sequence[int], scale: Attribute = f32, layout: str = "row") -> "ScaledType":
        """The type with this tensor as its data; granule 0 stands for ``*``.  Raises as ``verify`` does."""
        return cached_scaled_type(data, tuple(granule), scale, layout)

    def tensor(self) -> Tensor:
        """The data's own type."""
        return self.data

    @property
    def granules(self) -> tuple[int, ...]:
        """Elements per scale along each dim; 0 for the whole dim."""
        return tuple(item.data for item in self.granule)

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Sizes of the data."""
        return sizes_of(self.data)

    @property
    def element(self) -> Attribute:
        """Element type of the data."""
        return self.data.element_type

    @property
    def layout_name(self) -> str:
        """``row``, ``mn_major`` or ``packed``."""
        return self.layout.data

    def grid(self) -> tuple[Size, ...]:
        """Scales along each dim: ``ceil(size / granule)``, 1 for ``*``."""
        return tuple(blocks(size, granule) for size, granule in zip(self.sizes, self.granules, strict=True))

    def scale_tensor(self) -> Tensor:
        """The type of the grid of scales."""
        return tensor_type(self.grid(), self.scale)

    def with_data(self, data: Tensor) -> "ScaledType":
        """The same granule, scales and layout around other data of the same rank."""
        return ScaledType.make(data, self.granules, self.scale, self.layout_name)

    def verify(self) -> None:
        """One granule per dim, formats that are known, and a layout that these scales can have."""
        if self.element not in FORMATS:
            known = ", ".join(str(known) for known in FORMATS)
            raise VerifyException(f"scaled data holds one of {known}, not {self.element}")
        if self.scale not in SCALES:
            raise VerifyException(f"scales are f32 or f8E8M0FNU (powers of two), not {self.scale}")
        rank = self.data.get_num_dims()
        if not rank:
            raise VerifyException("a scaled tensor has at least one dim")
        if len(self.granule) != rank:
            raise VerifyException(f"granule {show_granule(self.granules)} is not one of {rank} dims: {self.data}")
        if any(granule < 0 for granule in self.granules):
            raise VerifyException(f"granule {list(self.granules)} is negative")
        if self.layout_name not in LAYOUTS:
            raise VerifyException(f"scale layout must be one of {', '.join(LAYOUTS)}, not {self.layout_name!r}")
        if self.layout_name != "row" and rank < 2:
            raise VerifyException(f"layout {self.layout_name} transposes two dims of scales; {self.data} has {rank}")
        if self.layout_name == "packed" and self.scale != Float8E8M0FNUType():
            raise VerifyException(f"packed scales are four f8E8M0FNU in an i32, not {self.scale}")

    def print_parameters(self, printer: Printer) -> None:
        """Inside the angle brackets."""
        with printer.in_angle_brackets():
            printer.print_attribute(self.data)
            printer.print_string(f", {show_granule(self.granules)}, ")
            printer.print_attribute(self.scale)
            if self.layout_name != "row":
                printer.print_string(f", {self.layout_name}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> "list[Attribute]":
        """Read what ``print_parameters`` writes."""
        with parser.in_angle_brackets():
            data = parser.parse_type()
            parser.parse_punctuation(",")
            granule = [parse_granule(parser)]
            while parser.parse_optional_punctuation(",") is None:
                parser.parse_shape_delimiter()
                granule.append(parse_granule(parser))
            scale = parser.parse_type()
            layout = "row" if parser.parse_optional_punctuation(",") is None else parser.parse_identifier()
        return [data, ArrayAttr([IntAttr(size) for size in granule]), scale, StringAttr(layout)]


# one object per type, as for tensor types
@cache
def cached_scaled_type(data: Tensor, granule: tuple[int, ...], scale: Attribute, layout: str) -> ScaledType:
    """``ScaledType.make`` with hashable arguments."""
    return ScaledType(data, ArrayAttr([IntAttr(size) for size in granule]), scale, StringAttr(layout))


def parse_granule(parser: AttrParser) -> int:
    """A positive number, or ``*``.  ``0`` is refused: it is written ``*``."""
    if parser.parse_optional_punctuation("*") is not None:
        return WHOLE
    granule = parser.parse_shape_dimension(allow_dynamic=False)
    if granule == WHOLE:
        parser.raise_error("a granule is a positive number, or * for the whole dim")
    return granule


def show_granule(granule: Sequence[int]) -> str:
    """``1x128``, ``*x128``."""
    return "x".join("*" if size == WHOLE else str(size) for size in granule)


def blocks(size: Size, granule: int) -> Size:
    """How many scales a dim has."""
    return 1 if granule == WHOLE else ceildiv(size, granule)


def scaled_type(value: SSAValue) -> ScaledType:
    """Return a scaled value's type.  Raises ``VerifyException`` for any other value."""
    if not isinstance(value.type, ScaledType):
        raise VerifyException(f"%{value.name_hint or '?'} must be a scaled tensor, but has type {value.type}")
    return value.type


def is_scaled(value: SSAValue) -> bool:
    """Whether a value is data with scales."""
    return isinstance(value.type, ScaledType)
