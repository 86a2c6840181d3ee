"""Types and attributes of communication: the token that orders it, and which expert lies where."""

from collections.abc import Iterable, Iterator

from xdsl.dialects.builtin import ArrayAttr, IntAttr, StringAttr, i32, i64
from xdsl.ir import Attribute, ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import BaseAttr, VarConstraint, irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer

from dsv3c.ir.dialects.common import I64Attr, require, require_one_of, show
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size
from dsv3c.ir.types import as_tensor, element_type, shape, sizes_of, with_sizes

COPIES = ("expert", "rank", "node")
"""How many messages a token becomes: one per choice, per distinct rank, or per distinct node."""


@irdl_attr_definition
class TokenType(ParametrizedAttribute, TypeAttribute):
    """``!comm.token<"ep">``: the state of one group's communication after some op.

    A linear value: every op of the group takes the token of the one before and returns its own, so that all ranks
    issue the group's ops in one order.
    """

    name = "comm.token"

    group: StringAttr
    """Symbol of the ``comm.mesh``."""

    @staticmethod
    def make(group: str) -> "TokenType":
        """The token of a group."""
        return TokenType(StringAttr(group))


TOKEN = VarConstraint("TOKEN", BaseAttr(TokenType))
"""A token that is taken and one that is returned are of the same group."""


@irdl_attr_definition
class PlacementAttr(ParametrizedAttribute):
    """``#comm.placement<0:8, 3, 8:16>``: the logical expert of every physical one, rank after rank.

    P physical experts, P divisible by the ranks: rank r holds the physical experts r * P / ranks up to the next rank's.
    ``a:b`` stands for a, a + 1, ... b - 1.  An expert that occurs more than once has replicas.
    """

    name = "comm.placement"

    experts: ArrayAttr[IntAttr]

    @staticmethod
    def make(experts: Iterable[int]) -> "PlacementAttr":
        """From the logical expert of every physical one."""
        return PlacementAttr(ArrayAttr(IntAttr(expert) for expert in experts))

    @property
    def logical(self) -> tuple[int, ...]:
        """The logical expert of every physical one."""
        return tuple(expert.data for expert in self.experts)

    def of_rank(self, rank: int, per_rank: int) -> tuple[int, ...]:
        """The logical experts that a rank holds."""
        return self.logical[rank * per_rank : (rank + 1) * per_rank]

    def verify(self) -> None:
        """Some experts, and none negative."""
        require(len(self.experts) > 0, "a placement holds at least one expert")
        lowest = min(self.logical)
        require(lowest >= 0, f"experts are numbered from 0: {lowest}")

    def print_parameters(self, printer: Printer) -> None:
        """Inside the angle brackets: runs of ascending experts as ``a:b``."""
        runs = [str(start) if end == start + 1 else f"{start}:{end}" for start, end in ascending_runs(self.logical)]
        with printer.in_angle_brackets():
            printer.print_string(", ".join(runs))

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> "list[Attribute]":
        """Read what ``print_parameters`` writes."""
        with parser.in_angle_brackets():
            runs = parser.parse_comma_separated_list(parser.Delimiter.NONE, lambda: parse_run(parser))
        return [ArrayAttr(IntAttr(expert) for run in runs for expert in run)]


def ascending_runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and one past the last of every run of consecutive ascending numbers."""
    runs = list[tuple[int, int]]()
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    yield from runs


def parse_run(parser: AttrParser) -> range:
    """``7`` or ``0:8``."""
    start = parser.parse_integer(allow_boolean=False)
    if parser.parse_optional_punctuation(":") is None:
        return range(start, start + 1)
    return range(start, parser.parse_integer(allow_boolean=False))


def group_of(token: SSAValue) -> str:
    """The group of a token."""
    assert isinstance(token.type, TokenType)
    return token.type.group.data


def require_routing(ids: SSAValue, placement: SSAValue, copies: StringAttr, experts_per_rank: I64Attr) -> int:
    """Ids are i64, the placement i32 and dealt out evenly; returns the number of ranks."""
    require_one_of(copies, "copies", COPIES)
    per_rank, sizes = experts_per_rank.value.data, shape(placement)
    require(element_type(ids) == i64, f"ids must hold i64, not {element_type(ids)}")
    require(element_type(placement) == i32, f"placement must hold i32, not {element_type(placement)}")
    physical = sizes[0] if len(sizes) == 1 else None
    require(isinstance(physical, int), f"placement must be [P] with P a number, not {show(sizes)}")
    assert isinstance(physical, int)
    require(
        per_rank > 0 and physical % per_rank == 0,
        f"{physical} physical experts are not ranks of experts_per_rank = {per_rank}",
    )
    return physical // per_rank


def ranks_of(placement: SSAValue, experts_per_rank: I64Attr) -> int:
    """Ranks that a placement deals experts out to."""
    (physical,) = shape(placement)
    assert isinstance(physical, int)
    return physical // experts_per_rank.value.data


def with_rows(value: SSAValue, rows: Size) -> Attribute:
    """The value's type with another first size; scaled stays scaled."""
    tensor = as_tensor(value)
    changed = with_sizes(tensor, (rows, *sizes_of(tensor)[1:]))
    return value.type.with_data(changed) if isinstance(value.type, ScaledType) else changed
