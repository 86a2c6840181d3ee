"""What an op costs: the record, the sizes it is taken at, and the table of rules.

FLOPs count a multiply-add as 2.  Bytes are those of an op on its own: every operand read once, every result written
once, nothing kept from the op before.  Weights, activations and cache rows are told apart, because a program that
fuses ops saves the activations' bytes and no others.  Bytes on links are those one rank sends, in one direction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

from xdsl.dialects.builtin import FixedBitwidthType, IntegerType, ModuleOp, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.units import outer
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.errors import IRError
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size, evaluate
from dsv3c.ir.types import Tensor, TensorLike, as_tensor, shape, sizes_of
from dsv3c.ir.views import view_of


class CostClass(Enum):
    """What an op's work is for; totals are kept by class."""

    ATTENTION = "attention core"
    PROJECTIONS = "projections"
    EXPERTS = "experts"
    ROUTER = "router"
    HEAD = "head"
    EMBEDDING = "embedding"
    ELEMENTWISE = "norm, elementwise"
    MOVEMENT = "movement"
    QUANTIZE = "quantise, dequantise"
    DISPATCH = "dispatch"
    COMBINE = "combine"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Work of one op, or of several of one class and operand type."""

    kind: CostClass
    dtype: str = ""
    """Operand type of a matrix product, as targets state it (``bf16``); empty for everything else."""
    flops: float = 0.0
    weight_bytes_read: float = 0.0
    activation_bytes_read: float = 0.0
    activation_bytes_written: float = 0.0
    cache_bytes_read: float = 0.0
    cache_bytes_written: float = 0.0
    scale_bytes: float = 0.0
    """Scales of quantised tensors among the weight and activation bytes, read and written."""
    scale_up_bytes: float = 0.0
    """Sent per rank to devices of its own scale-up domain, one direction."""
    scale_out_bytes: float = 0.0
    """Sent per rank through the network interface, one direction."""
    scale_up_messages: float = 0.0
    """Messages over scale-up links that wait for one another: each adds the link's latency.

    Messages in flight together count as one.
    """
    scale_out_messages: float = 0.0
    """The same of the network."""

    def numbers(self) -> dict[str, float]:
        """The fields that add up, by name."""
        return {name: cast(float, getattr(self, name)) for name in SUMMED}

    def times(self, count: float) -> "Cost":
        """The same op ``count`` times."""
        scaled = {name: value * count for name, value in self.numbers().items()}
        return Cost(kind=self.kind, dtype=self.dtype, **scaled)

    def __add__(self, other: "Cost") -> "Cost":
        """Sum of two costs of one class and operand type."""
        assert (self.kind, self.dtype) == (other.kind, other.dtype), "costs of different classes are kept apart"
        right = other.numbers()
        summed = {name: value + right[name] for name, value in self.numbers().items()}
        return Cost(kind=self.kind, dtype=self.dtype, **summed)

    @property
    def kept_bytes(self) -> float:
        """Bytes of weights and cache: what no fusion saves."""
        return self.weight_bytes_read + self.cache_bytes_read + self.cache_bytes_written

    @property
    def activation_bytes(self) -> float:
        """Bytes of activations, read and written."""
        return self.activation_bytes_read + self.activation_bytes_written

    @property
    def link_bytes(self) -> float:
        """Bytes one rank sends over either kind of link."""
        return self.scale_up_bytes + self.scale_out_bytes

    @property
    def messages(self) -> float:
        """Messages that wait for one another, over either kind of link."""
        return self.scale_up_messages + self.scale_out_messages


SUMMED = (
    "flops",
    "weight_bytes_read",
    "activation_bytes_read",
    "activation_bytes_written",
    "cache_bytes_read",
    "cache_bytes_written",
    "scale_bytes",
    "scale_up_bytes",
    "scale_out_bytes",
    "scale_up_messages",
    "scale_out_messages",
)


@dataclass(frozen=True, kw_only=True)
class Env:
    """The sizes a cost is taken at."""

    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
    """Values of the symbols."""
    context: int | None = None
    """Tokens per sequence in the cache after the step; None for a program without a cache."""
    expected: Mapping[str, int] = field(default_factory=dict[str, int])
    """Sizes that are only room for rows (by their text): how many rows are expected to be there."""

    @staticmethod
    def dense(module: ModuleOp, batch: int, sequence: int) -> "Env":
        """``batch`` sequences of ``sequence`` tokens; symbols other than B and S are at their hint, or minimum."""
        stated = {
            name: (symbol.hint if symbol.hint is not None else symbol.min).value.data
            for name, symbol in symbols_of(module).items()
        }
        return Env(sizes=stated | {"B": batch, "S": sequence})

    @staticmethod
    def step(*, tokens: int, sequences: int, context: int, page_size: int) -> "Env":
        """A step of ``tokens`` new tokens, spread evenly over sequences that then hold ``context`` tokens each.

        A context shorter than a sequence's share of the new tokens is raised to it.  N_0, N_1 and C_0, C_1 are the
        sequences and context tokens of the step's two micro-batches, where it is split.
        """
        held = max(context, -(-tokens // max(1, sequences)))
        pages = -(-held // page_size)
        sizes = {"T": tokens, "N": sequences, "C": sequences * held, "P": pages, "pages": sequences * pages}
        return Env(sizes=sizes | halves(tokens, sequences, held), context=held)

    def number(self, size: Size) -> int:
        """The value of a size, or what is expected of it.  Raises SizeError for a symbol without a value."""
        held = self.expected.get(size) if isinstance(size, str) else None
        return evaluate(size, self.sizes) if held is None else held

    def numbers(self, sizes: Sequence[Size]) -> list[int]:
        """The values of several sizes."""
        return [self.number(size) for size in sizes]

    def elements(self, value: SSAValue) -> int:
        """How many elements a tensor value has."""
        return self.elements_of(as_tensor(value))

    def elements_of(self, tensor: Tensor) -> int:
        """How many elements a type has."""
        total = 1
        for size in sizes_of(tensor):
            total *= self.number(size)
        return total

    def num_bytes(self, value: SSAValue) -> int:
        """Size of a tensor value, its scales included."""
        return self.num_bytes_of(as_tensor(value)) + self.scale_bytes(value)

    def num_bytes_of(self, tensor: Tensor) -> int:
        """Size of a tensor of a type; elements of fewer than 8 bits lie side by side."""
        return -(-self.elements_of(tensor) * element_bits(tensor.element_type) // 8)

    def scale_bytes(self, value: SSAValue) -> int:
        """Size of the scales of a value; 0 where it has none."""
        return self.num_bytes_of(value.type.scale_tensor()) if isinstance(value.type, ScaledType) else 0


CostRule = Callable[[Any, Env], Cost | None]
"""(op, sizes) -> its cost; None where the op has no formula here: it is then listed, and nothing is assumed."""

COST: RuleTable[CostRule] = RuleTable("cost")
"""Op class -> its cost."""


def element_bits(element: Attribute) -> int:
    """Bits of one stored element, a truth taking a byte.  Raises IRError for a type that has no fixed size."""
    if not isinstance(element, FixedBitwidthType):
        raise IRError(f"elements of type {element} have no size in bytes")
    return max(element.bitwidth, 8) if isinstance(element, IntegerType) else element.bitwidth


def element_bytes(element: Attribute) -> int:
    """Bytes of one element stored by itself.  Raises IRError for a type that has no fixed size."""
    return -(-element_bits(element) // 8)


def is_weight(value: SSAValue) -> bool:
    """Whether a value is a parameter or constant, or a view of one."""
    base = view_of(value).base
    given = outer(base)
    return isinstance(base.owner, ParamOp | ConstantOp) if given is None else is_weight(given)


def traffic(op: Operation, env: Env, kind: CostClass, *, flops: float = 0.0, dtype: str = "") -> Cost:
    """``op`` with its tensor operands read once and its tensor results written once.

    Caches are the caller's part; tokens of communication have no size.
    """
    tensors = [value for value in dict.fromkeys(op.operands) if isinstance(value.type, TensorType | TensorLike)]
    weights = [value for value in tensors if is_weight(value)]
    results = [value for value in op.results if isinstance(value.type, TensorType | TensorLike)]
    read = sum(env.num_bytes(value) for value in tensors)
    from_weights = sum(env.num_bytes(value) for value in weights)
    return Cost(
        kind=kind,
        dtype=dtype,
        flops=flops,
        weight_bytes_read=from_weights,
        activation_bytes_read=read - from_weights,
        activation_bytes_written=sum(env.num_bytes(value) for value in results),
        scale_bytes=sum(env.scale_bytes(value) for value in [*tensors, *results]),
    )


def halves(tokens: int, sequences: int, held: int) -> dict[str, int]:
    """Sequences with tokens in each half of a step, and the context tokens these attend; the cut is at (T + 1) // 2.

    The sequence that the cut goes through is in both halves; what it has behind the cut is no context of the first.
    """
    if not tokens or not sequences:
        return {"N_0": 0, "N_1": 0, "C_0": 0, "C_1": 0}
    cut = (tokens + 1) // 2
    before, after = -(-cut * sequences // tokens), sequences - cut * sequences // tokens
    behind = before * tokens // sequences - cut
    return {"N_0": before, "N_1": after, "C_0": before * held - behind, "C_1": after * held}


def dense_pairs(batch: int, sequence: int) -> float:
    """Visible (query, key) pairs of causal sequences without a cache: ``B * S * (S + 1) / 2``."""
    return batch * sequence * (sequence + 1) / 2


def step_pairs(tokens: int, sequences: int, context: float) -> float:
    """Visible (query, key) pairs of a step: ``T * (L - (q - 1) / 2)``, q = T / N new tokens at the end of L.

    Query i = 0..q-1 of a sequence sees L - q + 1 + i keys; all sequences are taken to be equally long.  0
    without tokens.
    """
    return tokens * (context - (tokens / sequences - 1) / 2) if tokens and sequences else 0.0


def row_bytes(cache: CacheType) -> int:
    """Bytes of one token's row in one layer's cache."""
    latent = cache.latent.data * element_bytes(cache.latent_type)
    scales = cache.num_scales * element_bytes(cache.scale_type) if cache.is_quantized else 0
    return latent + scales + cache.rope.data * element_bytes(cache.rope_type)


def leading(value: SSAValue, env: Env) -> int:
    """Product of all sizes but the last: rows of ``[*, K]``."""
    rows = 1
    for size in shape(value)[:-1]:
        rows *= env.number(size)
    return rows
