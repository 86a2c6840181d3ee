"""Precision recipes as data: which products of a model are quantised, to what, and who says so.

A recipe decides per *site*: the role it plays in the model (found by dataflow), the module it is in and its layer.
``[[rule]]`` tables are read in order and the last that matches wins.  A user adds a recipe with a file of the same
form (``dsv3c.ir.precision_text`` reads it); ``extends`` starts from a shipped one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from xdsl.ir import Attribute

from dsv3c.ir import scaled_type
from dsv3c.ir.quantizer import QuantizerAttr
from dsv3c.ir.scaled_type import WHOLE, ScaledType, show_granule
from dsv3c.ir.types import Tensor, with_element

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

FORMATS: Mapping[str, Attribute] = {str(element): element for element in scaled_type.FORMATS}
"""Name of a data format (``f8E4M3FN``) -> its element type."""
SCALES: Mapping[str, Attribute] = {str(element): element for element in scaled_type.SCALES}
"""Name of a scale's type -> the element type; ``f8E8M0FNU`` (ue8m0) holds powers of two only."""
COMBINE = ("bf16", "f32", "logfmt10", "logfmt8")
UNQUANTISED = "unquantised"
NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class ScaledFormat:
    """How one kind of tensor is quantised: the data's format, the grid of scales, and the quantiser."""

    format: str
    """Data element, of ``FORMATS``."""
    granule: tuple[int, int]
    """Rows and columns (elements of K) that share a scale; ``WHOLE``: all of them."""
    scale: str
    """Scale element, of ``SCALES``."""
    amax_floor: float | None
    """A block's largest magnitude counts as at least this (the unit of the tensor's values); None with ``static``."""
    apply: str
    """``divide``: x / s; ``reciprocal``: x * (1 / s)."""
    round_scale: str
    """``none``, or ``pow2``: up to the next power of two."""
    saturate: bool
    """Clamp to the largest finite value before the cast."""
    static: float | None = None
    """One scale for every block, known ahead of time; None: from each block's largest magnitude."""

    def type_of(self, tensor: Tensor, *, matrix: bool) -> ScaledType:
        """The type of ``tensor`` quantised.

        ``matrix``: [..., N, K], matrices with a grid each.  Otherwise rows [*, K] of activations: a granule of rows
        counts along the last of the leading dims, and all rows are one block where it is whole.
        """
        rows, columns = self.granule
        rank = tensor.get_num_dims()
        by_matrix = WHOLE if rows == WHOLE and (not matrix or self.static is not None) else 1
        granules = (*(by_matrix,) * (rank - 2), rows, columns)[-rank:]
        return ScaledType.make(with_element(tensor, FORMATS[self.format]), granules, SCALES[self.scale])

    @property
    def quantizer(self) -> QuantizerAttr:
        """How values of that type are made."""
        return QuantizerAttr.make(self.amax_floor or 0.0, self.apply, self.round_scale, self.saturate, self.static)

    @property
    def label(self) -> str:
        """``f8E4M3FN 1x128 f32``, a static scale and the rounding of scales with it where there is one."""
        static = f" static {self.static:g}" if self.static is not None else ""
        rounded = " pow2" if self.round_scale == "pow2" else ""
        return f"{self.format} {show_granule(self.granule)} {self.scale}{rounded}{static}"


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
    def formats(self) -> tuple[ScaledFormat, ScaledFormat] | None:
        """Of activations and weights; None where matching sites keep the model's own type."""
        if self.activations is None or self.weights is None:
            return None
        return self.activations, self.weights

    @property
    def quantise(self) -> bool:
        """Whether matching sites are quantised."""
        return self.formats is not None

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
