"""The type of the paged latent cache of one layer."""

from xdsl.dialects.builtin import IntAttr, StringAttr
from xdsl.ir import Attribute, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.common import is_float_type, require
from dsv3c.ir.sizes import Size, SizeError, parse_size


@irdl_attr_definition
class CacheType(ParametrizedAttribute, TypeAttribute):
    """``!mla.cache<"pages" x 64, latent 512 x bf16, rope 64 x bf16>``: the paged latent cache of one layer.

    ``pages`` pages of ``page_size`` token rows; a row holds the normalised latent (r elements) and the rotated shared
    key (dr elements).  A linear value: every version has one writer and nothing older is read after it.
    """

    name = "mla.cache"

    pages: StringAttr
    """Canonical size expression (or the digits of a number)."""
    page_size: IntAttr
    latent: IntAttr
    latent_type: Attribute
    rope: IntAttr
    rope_type: Attribute

    @staticmethod
    def make(pages: Size, page_size: int, latent: int, rope: int, element: Attribute) -> "CacheType":
        """A cache whose two parts share one element type."""
        return CacheType(StringAttr(str(pages)), IntAttr(page_size), IntAttr(latent), element, IntAttr(rope), element)

    @property
    def num_pages(self) -> Size:
        """Pages in the pool."""
        return parse_size(self.pages.data)

    def sizes(self) -> tuple[Size, ...]:
        """The size expressions the type mentions."""
        return (self.num_pages,)

    def verify(self) -> None:
        """Positive sizes, floating-point elements, a canonical page count."""
        try:
            canonical = str(parse_size(self.pages.data))
        except SizeError as error:
            raise VerifyException(f"cache pages: {error}") from error
        require(canonical == self.pages.data, f"cache pages {self.pages.data!r} must be written {canonical!r}")
        for name, value in (("page size", self.page_size), ("latent", self.latent), ("rope", self.rope)):
            require(value.data > 0, f"cache {name} must be positive, not {value.data}")
        for part in (self.latent_type, self.rope_type):
            require(is_float_type(part), f"cache rows hold floating point, not {part}")

    def print_parameters(self, printer: Printer) -> None:
        """Inside the angle brackets."""
        with printer.in_angle_brackets():
            printer.print_string(f'"{self.pages.data}" x {self.page_size.data}, latent {self.latent.data} x ')
            printer.print_attribute(self.latent_type)
            printer.print_string(f", rope {self.rope.data} x ")
            printer.print_attribute(self.rope_type)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> "list[Attribute]":
        """Read what ``print_parameters`` writes."""
        with parser.in_angle_brackets():
            pages = parser.parse_str_literal()
            parser.parse_keyword("x")
            page_size = parser.parse_integer()
            parser.parse_punctuation(",")
            parser.parse_keyword("latent")
            latent = parser.parse_integer()
            parser.parse_keyword("x")
            latent_type = parser.parse_type()
            parser.parse_punctuation(",")
            parser.parse_keyword("rope")
            rope = parser.parse_integer()
            parser.parse_keyword("x")
            rope_type = parser.parse_type()
        return [StringAttr(pages), IntAttr(page_size), IntAttr(latent), latent_type, IntAttr(rope), rope_type]
