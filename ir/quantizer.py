"""How a quantiser finds its scales and rounds: an attribute of the ops that quantise, never of the type."""

from math import frexp, isfinite

from xdsl.dialects.builtin import BoolAttr, Float8E8M0FNUType, FloatAttr, NoneAttr, StringAttr, f64
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from dsv3c.ir.dialects.common import F64Attr, require
from dsv3c.ir.scaled_type import WHOLE, ScaledType, show_granule

APPLICATIONS = ("divide", "reciprocal")
ROUNDINGS_OF_SCALES = ("none", "pow2")


@irdl_attr_definition
class QuantizerAttr(ParametrizedAttribute):
    """``s = max(amax, floor) / largest finite; data = round(x / s)`` per block, everything in f32.

    ``apply "divide"``: ``round(x / s)`` (inference/kernel.py act_quant in deepseek-ai/DeepSeek-V3); ``"reciprocal"``:
    ``round(x * (1 / s))`` (deepseek-ai/DeepGEMM).  ``round_scale "pow2"``: s is raised to ``2^ceil(log2 s)`` (ue8m0).
    ``saturate``: the quotient is clamped to the largest finite number first; otherwise what rounds beyond it becomes
    NaN, or infinity in formats that have one.  ``static``: s is this number, amax is not looked at.
    """

    name = "scaled.quantizer"

    amax_floor: F64Attr | NoneAttr
    """Smallest amax, in units of x; none with a static scale."""
    apply: StringAttr
    round_scale: StringAttr
    saturate: BoolAttr
    static: F64Attr | NoneAttr
    """The multiplier of dequantisation."""

    @staticmethod
    def make(
        amax_floor: float = 1e-4,
        apply: str = "divide",
        round_scale: str = "none",
        saturate: bool = False,
        static: float | None = None,
    ) -> "QuantizerAttr":
        """A quantiser; ``amax_floor`` has no effect on a static one.  Raises as ``verify`` does."""
        return QuantizerAttr(
            NoneAttr() if static is not None else FloatAttr(amax_floor, f64),
            StringAttr(apply),
            StringAttr(round_scale),
            BoolAttr.from_bool(saturate),
            NoneAttr() if static is None else FloatAttr(static, f64),
        )

    @property
    def floor(self) -> float | None:
        """The amax floor; None of a static quantiser."""
        return None if isinstance(self.amax_floor, NoneAttr) else self.amax_floor.value.data

    @property
    def static_scale(self) -> float | None:
        """The static scale; None of a dynamic quantiser."""
        return None if isinstance(self.static, NoneAttr) else self.static.value.data

    @property
    def rounds_to_pow2(self) -> bool:
        """Whether every scale it makes is a power of two."""
        return self.round_scale.data == "pow2"

    @property
    def saturates(self) -> bool:
        """Whether it clamps before it rounds."""
        return bool(self.saturate.value.data)

    def verify(self) -> None:
        """Known choices; a floor or a static scale, not both; positive numbers."""
        apply, rounding = self.apply.data, self.round_scale.data
        require(apply in APPLICATIONS, f"apply must be one of {', '.join(APPLICATIONS)}, not {apply!r}")
        require(
            rounding in ROUNDINGS_OF_SCALES,
            f"round_scale must be one of {', '.join(ROUNDINGS_OF_SCALES)}, not {rounding!r}",
        )
        floor, static = self.floor, self.static_scale
        require(floor is None or static is None, "a static scale has no amax floor")
        require(floor is not None or static is not None, "a quantiser has an amax floor or a static scale")
        number = floor if floor is not None else static
        assert number is not None
        require(isfinite(number) and number > 0, f"amax floor and static scale must be positive, not {number}")
        if static is not None and rounding == "pow2":
            require(frexp(static)[0] == 0.5, f"static scale {static} is not a power of two")

    def print_parameters(self, printer: Printer) -> None:
        """Inside the angle brackets."""
        with printer.in_angle_brackets():
            if (floor := self.floor) is not None:
                printer.print_string(f"amax_floor {float_text(floor)}, ")
            printer.print_string(f'apply "{self.apply.data}", round_scale "{self.round_scale.data}"')
            if self.saturates:
                printer.print_string(", saturate")
            if (static := self.static_scale) is not None:
                printer.print_string(f", static {float_text(static)}")

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> "list[Attribute]":
        """Read what ``print_parameters`` writes."""
        floor, static, saturate = None, None, False
        with parser.in_angle_brackets():
            if parser.parse_optional_keyword("amax_floor") is not None:
                floor = float(parser.parse_number())
                parser.parse_punctuation(",")
            parser.parse_keyword("apply")
            apply = parser.parse_str_literal()
            parser.parse_punctuation(",")
            parser.parse_keyword("round_scale")
            rounding = parser.parse_str_literal()
            while parser.parse_optional_punctuation(",") is not None:
                if parser.parse_optional_keyword("saturate") is not None:
                    saturate = True
                else:
                    parser.parse_keyword("static")
                    static = float(parser.parse_number())
        return [
            NoneAttr() if floor is None else FloatAttr(floor, f64),
            StringAttr(apply),
            StringAttr(rounding),
            BoolAttr.from_bool(saturate),
            NoneAttr() if static is None else FloatAttr(static, f64),
        ]


def float_text(value: float) -> str:
    """The shortest decimal text that reads back as the value, with a point, as MLIR's grammar wants."""
    texts = (f"{value:.{digits}e}" for digits in range(6, 18))
    return next(text for text in texts if float(text) == value)


def check_quantizer(quantizer: QuantizerAttr, result: ScaledType) -> None:
    """Raise ``VerifyException`` unless the quantiser makes scales that the type can hold."""
    if result.scale == Float8E8M0FNUType() and not quantizer.rounds_to_pow2:
        raise VerifyException(
            'f8E8M0FNU scales are powers of two; the quantiser must say round_scale "pow2", '
            f'not "{quantizer.round_scale.data}"'
        )
    if quantizer.static_scale is not None and any(granule != WHOLE for granule in result.granules):
        raise VerifyException(
            f"a static scale is one number for the whole tensor; granule {show_granule(result.granules)} has many"
        )
