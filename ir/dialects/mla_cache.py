"""The type of the paged latent cache of one layer, and what the ops that work on one share."""

from xdsl.dialects.builtin import (
    FixedBitwidthType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2Type,
    Float32Type,
    IntAttr,
    NoneAttr,
    StringAttr,
    f32,
    i32,
)
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.common import is_float_type, require, require_float, require_shape, show
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.sizes import Size, SizeError, add, parse_size
from dsv3c.ir.types import element_type, shape

F8 = (Float8E4M3FNType, Float8E4M3FNUZType, Float8E5M2Type)
"""What a latent with scales may hold."""
SCALE_BYTES = 4
"""Scales are f32, and start at a multiple of their size in every row."""


@irdl_attr_definition
class CacheType(ParametrizedAttribute, TypeAttribute):
    """``!mla.cache<"pages" x 64, latent 512 x bf16, rope 64 x bf16>``: the paged latent cache of one layer.

    ``pages`` pages of ``page_size`` token rows; a row holds the normalised latent (r elements) and the rotated shared
    key (dr elements).  A linear value: every version has one writer and nothing older is read after it.

    ``latent 512 x f8E4M3FN scale 128 x f32``: the latent in 8-bit floating point, one f32 scale per 128 elements (the
    last tile may be shorter).  A row's bytes are then the 8-bit latent, its scales, and the key: 512 + 4 * 4 + 64 * 2 =
    656 bytes, as deepseek-ai/FlashMLA reads them (docs/20250929-hopper-fp8-sparse-deep-dive.md).
    """

    name = "mla.cache"

    pages: StringAttr
    """Canonical size expression (or the digits of a number)."""
    page_size: IntAttr
    latent: IntAttr
    latent_type: Attribute
    rope: IntAttr
    rope_type: Attribute
    granule: IntAttr
    """Elements of the latent that share a scale; 0: the latent has none."""
    scale_type: Attribute
    """Element type of the scales; ``none`` without any."""

    @staticmethod
    def make(pages: Size, page_size: int, latent: int, rope: int, element: Attribute) -> "CacheType":
        """A cache whose two parts share one element type."""
        return CacheType(
            StringAttr(str(pages)), IntAttr(page_size), IntAttr(latent), element, IntAttr(rope), element,
            IntAttr(0), NoneAttr(),
        )  # fmt: skip

    def quantized(self, element: Attribute, granule: int) -> "CacheType":
        """The same cache with its latent stored as ``element``, one f32 scale per ``granule`` elements."""
        return CacheType(
            self.pages, self.page_size, self.latent, element, self.rope, self.rope_type, IntAttr(granule), f32
        )

    @property
    def num_pages(self) -> Size:
        """Pages in the pool."""
        return parse_size(self.pages.data)

    @property
    def is_quantized(self) -> bool:
        """Whether the latent is stored in 8-bit floating point with scales."""
        return self.granule.data > 0

    @property
    def num_scales(self) -> int:
        """Scales of one row."""
        return -(-self.latent.data // self.granule.data) if self.is_quantized else 0

    @property
    def rope_bytes(self) -> int:
        """Bytes of one row's key."""
        assert isinstance(self.rope_type, FixedBitwidthType)
        return self.rope.data * self.rope_type.size

    def sizes(self) -> tuple[Size, ...]:
        """The size expressions the type mentions."""
        return (self.num_pages,)

    def verify(self) -> None:
        """Positive sizes, floating-point elements, a canonical page count; scales that are whole and aligned."""
        try:
            canonical = str(parse_size(self.pages.data))
        except SizeError as error:
            raise VerifyException(f"cache pages: {error}") from error
        require(canonical == self.pages.data, f"cache pages {self.pages.data!r} must be written {canonical!r}")
        for name, value in (("page size", self.page_size), ("latent", self.latent), ("rope", self.rope)):
            require(value.data > 0, f"cache {name} must be positive, not {value.data}")
        require(is_float_type(self.rope_type), f"cache rows hold floating point, not {self.rope_type}")
        if isinstance(self.scale_type, NoneAttr):
            require(is_float_type(self.latent_type), f"cache rows hold floating point, not {self.latent_type}")
            require(self.granule.data == 0, "a cache without scales has no granule")
        else:
            self.verify_scales()

    def verify_scales(self) -> None:
        """Rows of 8-bit elements, f32 scales and the key, each part aligned to its elements."""
        require(self.granule.data > 0, f"cache scale granule must be positive, not {self.granule.data}")
        require(isinstance(self.scale_type, Float32Type), f"cache scales are f32, not {self.scale_type}")
        require(
            isinstance(self.latent_type, F8), f"a latent with scales is 8-bit floating point, not {self.latent_type}"
        )
        for name, size in (("latent", self.latent.data), ("rope", self.rope_bytes)):
            require(
                size % SCALE_BYTES == 0,
                f"a {name} of {size} bytes puts f32 scales at no multiple of {SCALE_BYTES} bytes in the rows",
            )

    def print_parameters(self, printer: Printer) -> None:
        """Inside the angle brackets."""
        with printer.in_angle_brackets():
            printer.print_string(f'"{self.pages.data}" x {self.page_size.data}, latent {self.latent.data} x ')
            printer.print_attribute(self.latent_type)
            if self.is_quantized:
                printer.print_string(f" scale {self.granule.data} x ")
                printer.print_attribute(self.scale_type)
            printer.print_string(f", rope {self.rope.data} x ")
            printer.print_attribute(self.rope_type)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> "list[Attribute]":
        """Read what ``print_parameters`` writes."""
        granule, scale_type = 0, NoneAttr()
        with parser.in_angle_brackets():
            pages = parser.parse_str_literal()
            parser.parse_keyword("x")
            page_size = parser.parse_integer()
            parser.parse_punctuation(",")
            parser.parse_keyword("latent")
            latent = parser.parse_integer()
            parser.parse_keyword("x")
            latent_type = parser.parse_type()
            if parser.parse_optional_keyword("scale") is not None:
                granule = parser.parse_integer()
                parser.parse_keyword("x")
                scale_type = parser.parse_type()
            parser.parse_punctuation(",")
            parser.parse_keyword("rope")
            rope = parser.parse_integer()
            parser.parse_keyword("x")
            rope_type = parser.parse_type()
        return [
            StringAttr(pages), IntAttr(page_size), IntAttr(latent), latent_type, IntAttr(rope), rope_type,
            IntAttr(granule), scale_type,
        ]  # fmt: skip


def cache_type(value: SSAValue) -> CacheType:
    """The type of a cache value."""
    assert isinstance(value.type, CacheType)
    return value.type


def require_tables(
    *, seq_offsets: SSAValue | None, context_lens: SSAValue | None, block_table: SSAValue | None
) -> Size:
    """The step's tables agree on N: seq_offsets [N + 1], context_lens [N], block_table [N, P], all i32; returns N."""
    sequences: Size | None = None
    for name, value, rank in (("context_lens", context_lens, 1), ("block_table", block_table, 2)):
        if value is None:
            continue
        require(element_type(value) == i32, f"{name} must hold i32, not {element_type(value)}")
        require(len(shape(value)) == rank, f"{name} must have rank {rank}, not {show(shape(value))}")
        sequences = shape(value)[0] if sequences is None else sequences
        require(shape(value)[0] == sequences, f"{name} {show(shape(value))} is not for N = {sequences} sequences")
    assert sequences is not None
    if seq_offsets is not None:
        require(element_type(seq_offsets) == i32, f"seq_offsets must hold i32, not {element_type(seq_offsets)}")
        require_shape(seq_offsets, (add(sequences, 1),), "seq_offsets")
    return sequences


def require_latent(latent: SSAValue, kind: CacheType) -> None:
    """A latent outside of a cache: of the cache's element type, or of any floating point where the cache has scales."""
    if kind.is_quantized:
        require_float(latent, "latent")
    else:
        require(element_type(latent) == kind.latent_type, f"latent must hold {kind.latent_type}")


def require_quantizer(quantizer: QuantizerAttr | None, kind: CacheType) -> None:
    """A latent that is stored with scales is quantised by what finds them, and no other is."""
    if not kind.is_quantized:
        require(quantizer is None, "the cache's latent has no scales: nothing is quantised")
        return
    require(quantizer is not None, "the cache's latent has scales: state the quantizer that finds them")
    assert quantizer is not None
    require(quantizer.static_scale is None, "every tile of a cached latent has its own scale, not a static one")
