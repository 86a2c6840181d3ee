"""Precision recipes as data: which products of a model are quantised, to what, and who says so.

A recipe decides per *site*: the role it plays in the model (found by dataflow), the module it is in and its layer.
``[[rule]]`` tables are read in order and the last that matches wins.  A user adds a recipe with a file of the same
form (``dsv3c.ir.precision_text`` reads it); ``extends`` starts from a shipped one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from xdsl.dialects.builtin import (
    Float4E2M1FNType,
    Float8E4M3FNType,
    Float8E4M3FNUZType,
    Float8E5M2Type,
    Float8E8M0FNUType,
    Float32Type,
)
from xdsl.ir import Attribute

ROLES: Mapping[str, str] = {
    "linear": "projections of attention and of dense MLPs: every nn.linear that has no other role",
    "experts": "grouped products of routed experts",
    "shared": "the linears of shared experts: their output is added to that of the routed ones",
    "head": "the linear that makes an entry's logits",
    "router": "the linear that feeds a gate",
    "absorbed": "products with W_UK and W_UV per head",
    "embedding": "the table that ids are looked up in",
}
"""Role of a site -> what has it."""

FORMATS: Mapping[str, type[Attribute]] = {
    "f8E4M3FN": Float8E4M3FNType,
    "f8E4M3FNUZ": Float8E4M3FNUZType,
    "f8E5M2": Float8E5M2Type,
    "f4E2M1FN": Float4E2M1FNType,
}
"""Name of a data format -> its element type."""

SCALES: Mapping[str, type[Attribute]] = {"f32": Float32Type, "f8E8M0FNU": Float8E8M0FNUType}
"""Name of a scale's type -> the element type; ``f8E8M0FNU`` (ue8m0) holds powers of two only."""

APPLY = ("divide", "reciprocal")
ROUND_SCALE = ("none", "pow2")
COMBINE = ("bf16", "f32", "logfmt10", "logfmt8")
UNQUANTISED = "unquantised"
NEVER = "never"
WHOLE = 0
"""A granule's size that stands for the whole dim: ``*`` in text."""


@dataclass(frozen=True, kw_only=True)
class ScaledFormat:
    """How one kind of tensor is quantised: the data's format, the grid of scales, and the quantiser."""

    format: str
    """Data element, of ``FORMATS``."""
    granule: tuple[int, int]
    """Rows and columns (elements of K) that share a scale; ``WHOLE``: all of them."""
    scale: str
    """Scale element, of ``SCALES``."""
    amax_floor: float
    """A block's largest magnitude counts as at least this (the unit of the tensor's values)."""
    apply: str
    """``divide``: x / s; ``reciprocal``: x * (1 / s)."""
    round_scale: str
    """``none``, or ``pow2``: up to the next power of two."""
    saturate: bool
    """Clamp to the largest finite value before the cast."""
    static: float | None = None
    """One scale for every block, known ahead of time; None: from each block's largest magnitude."""

    @property
    def element(self) -> Attribute:
        """The data's element type."""
        return FORMATS[self.format]()

    @property
    def scale_element(self) -> Attribute:
        """The scales' element type."""
        return SCALES[self.scale]()

    def granules(self, rank: int, *, matrix: bool) -> tuple[int, ...]:
        """The granule of a tensor with ``rank`` dims, ``WHOLE`` as 0.

        ``matrix``: a stack [..., N, K] of weights, each with a grid of its own.  Otherwise rows [*, K] of activations,
        whose leading dims are all rows: whole where the rows are, and else 1 up to the last of them.
        """
        rows, columns = self.granule
        leading = WHOLE if rows == WHOLE and not matrix else 1
        return (*(leading,) * (rank - 2), rows, columns) if rank > 1 else (columns,)

    @property
    def label(self) -> str:
        """``f8E4M3FN 1x128 f32``, a static scale and the rounding of scales with it where there is one."""
        static = f" static {self.static:g}" if self.static is not None else ""
        rounded = " pow2" if self.round_scale == "pow2" else ""
        return f"{self.format} {show_granule(self.granule)} {self.scale}{rounded}{static}"


def show_granule(granule: Sequence[int]) -> str:
    """``1x128``; ``*`` for a whole dim."""
    return "x".join("*" if size == WHOLE else str(size) for size in granule)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What to do at the sites it matches: every condition that is given must hold."""

    roles: tuple[str, ...] = ()
    """Of ``ROLES``; empty: any."""
    modules: tuple[str, ...] = ()
    """Shell patterns for the absolute module path (``model.layers.*.self_attn.o_proj``); empty: any."""
    layers: tuple[int, int | None] | None = None
    """First layer, and the first one past the end (None: no end); None: any site, in a layer or not."""
    activations: ScaledFormat | None = None
    """None: the site keeps the model's own type."""
    weights: ScaledFormat | None = None
    """None with ``activations``."""
    source: str

    @property
    def quantise(self) -> bool:
        """Whether matching sites are quantised."""
        return self.activations is not None

    @property
    def unconditional(self) -> bool:
        """Whether it holds for whole roles."""
        return not self.modules and self.layers is None

    def matches(self, role: str, module: str, layer: int | None) -> bool:
        """Whether the rule speaks of a site."""
        if self.roles and role not in self.roles:
            return False
        if self.modules and not any(fnmatchcase(module, pattern) for pattern in self.modules):
            return False
        if self.layers is None:
            return True
        first, end = self.layers
        return layer is not None and first <= layer and (end is None or layer < end)

    @property
    def condition(self) -> str:
        """``roles experts, shared; layers 3:10``; ``all sites`` without a condition."""
        parts = list[str]()
        if self.roles:
            parts.append(f"roles {', '.join(self.roles)}")
        if self.modules:
            parts.append(f"modules {', '.join(self.modules)}")
        if self.layers is not None:
            first, end = self.layers
            parts.append(f"layers {first}:{'' if end is None else end}")
        return "; ".join(parts) or "all sites"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a recipe says about one site."""

    number: int
    """Of the rule that decided, from 1."""
    rule: Rule


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One precision recipe.  Rows dispatched to experts have the format of the experts' activations."""

    name: str
    description: str
    activations: ScaledFormat | None
    """What rules that quantise start from; None where none does."""
    weights: ScaledFormat | None
    """The same for weights."""
    promote: int | None
    """Elements of K after which a product's partial sum moves to an f32 accumulator; None: never."""
    kv_cache: ScaledFormat | None
    """The latents in the KV cache; None: the model's own type."""
    combine: str
    """What experts' results travel as, of ``COMBINE``."""
    rules: tuple[Rule, ...]
    sources: Mapping[str, str]
    """Value (``activations.granule``) -> where it is published; rules carry their own."""

    def decide(self, role: str, module: str, layer: int | None) -> Decision:
        """The last rule that matches a site with this role, absolute module path and layer number (None: in none)."""
        matching = [number for number, rule in enumerate(self.rules, 1) if rule.matches(role, module, layer)]
        assert matching, f"recipe {self.name} says nothing about {role}: the reader lets none pass"
        return Decision(number=matching[-1], rule=self.rules[matching[-1] - 1])

    @property
    def quantises(self) -> bool:
        """Whether any rule quantises anything."""
        return any(rule.quantise for rule in self.rules)
