"""What is decided about a deployment beside its sizes: precision, ranks, overlap; from flags, written as passes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace

from dsv3c.ir.errors import UsageError
from dsv3c.ir.precision import COMBINE, ScaledFormat
from dsv3c.ir.precision_text import load_recipe
from dsv3c.ir.scaled_type import WHOLE, show_granule
from dsv3c.ir.targets import Target

KV_CACHES = ("recipe", "bf16", "fp8")
COPIES = ("auto", "expert", "rank", "node")
COMBINE_ORDERS = ("source", "rank", "node_rank")
COMBINE_PAYLOADS = ("recipe", *COMBINE)
SHARED_EXPERTS = ("segment", "routed")
OVERLAPS = ("auto", "off", "same-layer")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Choices of one deployment; every field is a flag of ``dsv3c compile``."""

    recipe: str = "bf16"
    """Precision recipe: a name of ``dsv3c recipes`` or a ``.toml`` file."""
    kv_cache_dtype: str = "recipe"
    """``bf16``, ``fp8`` (512 e4m3 + 4 f32 + 64 bf16 = 656 bytes per token and layer), or what the recipe says."""
    ep: int = 1
    """Ranks that share the routed experts."""
    nnodes: int = 1
    """Nodes they are on, equally many on each."""
    redundant_experts: int = 0
    """Replicas of experts beside the model's own."""
    copies: str = "auto"
    """Messages per token: one per ``expert`` chosen, per distinct ``rank`` or ``node``; ``auto`` decides by phase."""
    combine_order: str = "source"
    """Order in which expert outputs are added: as the ``source`` model does, or partial sums by ``rank``."""
    combine_payload: str = "recipe"
    """What expert outputs travel as: ``bf16``, ``f32``, ``logfmt10``, ``logfmt8``, or what the recipe says."""
    shared_expert: str = "segment"
    """``segment``: computed by every rank, beside the routed experts; ``routed``: one of them, taken by every token."""
    overlap: str = "auto"
    """``auto``: schedule communication under computation; ``same-layer``: inside one layer only; ``off``."""

    def __post_init__(self) -> None:
        """Raises UsageError for values of another type or outside of their choices."""
        for item in fields(self):
            value = getattr(self, item.name)
            if type(value) is not type(item.default):
                wanted = "a number" if isinstance(item.default, int) else "a text"
                raise UsageError(f"{flag(item.name)} must be {wanted}, not {value!r}")
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise UsageError(f"{flag(name)} must be one of {', '.join(choices)}, not {value!r}")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise UsageError(f"{flag(name)} {getattr(self, name)}: must be at least {least}")
        if self.ep % self.nnodes:
            raise UsageError(
                f"--ep {self.ep} ranks are not equally many on --nnodes {self.nnodes} nodes",
                hint=f"give --ep as a multiple of {self.nnodes}",
            )
        if self.redundant_experts and self.ep == 1:
            raise UsageError("--redundant-experts needs ranks to put them on", hint="give --ep too")

    def __str__(self) -> str:
        stored = self.cache_format()
        cache = "of the model's type" if stored is None else stored.label
        parts = [f"recipe {self.recipe}", f"cache {cache}"]
        if self.is_sharded:
            replicas = f" and {self.redundant_experts} replicas" if self.redundant_experts else ""
            parts.append(f"experts{replicas} on {self.ep} ranks of {self.nnodes} node{'s' if self.nnodes > 1 else ''}")
            payload = "" if self.payload == "own" else f" as {self.payload}"
            parts.append(f"combined in {self.combine_order} order{payload}")
            parts.append("no overlap" if self.overlap == "off" else f"overlap {self.overlap}")
        if self.shared_expert == "routed":
            parts.append("shared expert routed")
        return ", ".join(parts)

    def cache_format(self) -> ScaledFormat | None:
        """How the latents in the cache are stored; None: in the model's own type.  Raises UsageError for the recipe."""
        stated = load_recipe(self.recipe).kv_cache
        if self.kv_cache_dtype == "bf16":
            return None
        if stated is not None:
            check_cache(self.recipe, stated)
        return stated if self.kv_cache_dtype == "recipe" else stated or FLASH_MLA

    @property
    def payload(self) -> str:
        """What results of experts travel as, as ``shard-experts`` takes it.  Raises UsageError for the recipe."""
        stated = load_recipe(self.recipe).combine if self.combine_payload == "recipe" else self.combine_payload
        # recipes speak of models in bf16: their bf16 is the model's own type, and no narrower one
        return "own" if self.combine_payload == "recipe" and stated == "bf16" else stated

    @property
    def is_sharded(self) -> bool:
        """Whether there is more than one rank."""
        return self.ep > 1

    def passes(self) -> Iterator[str]:
        """The passes that carry the plan out, after absorption, as pipeline text."""
        if self.shared_expert == "routed":
            yield "route-shared-expert"
        if self.is_sharded:
            payload = "" if self.payload == "own" else f" payload={self.payload}"
            yield (
                f"shard-experts{{ep={self.ep} nnodes={self.nnodes} redundant={self.redundant_experts} "
                f"copies={self.copies} order={self.combine_order}{payload}}}"
            )
        yield "bucket-tokens"
        cache = self.cache_format()
        if cache is not None:
            assert cache.amax_floor is not None, "a static scale was refused"
            floor = decimal(cache.amax_floor)
            yield f"quantize-kv-cache{{dtype={cache.format} granule={cache.granule[1]} amax-floor={floor}}}"
        yield from self.quantising()
        yield from TIDY
        if self.is_sharded and self.overlap != "off":
            yield "split-microbatches"
            yield "cut-segments"
            yield f"schedule-overlap{{cross-layer={'false' if self.overlap == 'same-layer' else 'true'}}}"

    def quantising(self) -> Iterator[str]:
        """The passes that bring a program into the recipe, as pipeline text."""
        recipe = load_recipe(self.recipe)
        if recipe.quantises:
            yield f"insert-fp8-qdq{{recipe={quoted(self.recipe)}}}"
            promote = f"{{promote={NEVER_PROMOTE if recipe.promote is None else recipe.promote}}}"
            yield from (name + promote if name == "fuse-qdq" else name for name in FUSE)


NEVER_PROMOTE = -1
"""How ``fuse-qdq`` spells a recipe's ``never``."""
FUSE = (
    "fold-weights",
    "fuse-qdq",
    "fuse-rms-norm-quant",
    "fuse-swiglu-quant",
)
"""What follows the insertion of Q and DQ."""
TIDY = ("fuse-rope-cache-append", "assign-layouts", "skip-padding", "cse", "dce")
"""What is done whatever the recipe."""
FLASH_MLA = ScaledFormat(
    format="f8E4M3FN",
    granule=(1, 128),
    scale="f32",
    amax_floor=1e-4,
    apply="divide",
    round_scale="pow2",
    saturate=False,
)
"""The cache of 656 bytes per token and layer of deepseek-ai/FlashMLA (docs/20250929, tests/quant.py)."""
FIXED = ("scale", "apply", "round_scale", "saturate", "static")
"""What rows of a cache are written with whatever the recipe: as ``FLASH_MLA``."""
CHOICES: Mapping[str, tuple[str, ...]] = {
    "kv_cache_dtype": KV_CACHES,
    "copies": COPIES,
    "combine_order": COMBINE_ORDERS,
    "combine_payload": COMBINE_PAYLOADS,
    "shared_expert": SHARED_EXPERTS,
    "overlap": OVERLAPS,
}
PLAIN = re.compile("[A-Za-z][A-Za-z0-9_-]*")
"""What a pipeline reads as one word."""
LEAST: Mapping[str, int] = {"ep": 1, "nnodes": 1, "redundant_experts": 0}


def flag(name: str) -> str:
    """``kv_cache_dtype`` -> ``--kv-cache-dtype``."""
    return f"--{name.replace('_', '-')}"


def quoted(text: str) -> str:
    """Text as an option's value in a pipeline: as it is where it is a plain word, else in quotes."""
    if PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def decimal(value: float) -> str:
    """A number as a pipeline takes it: ``1e-05`` would be a word, ``1.0e-05`` is none."""
    digits, exponent, power = repr(value).partition("e")
    return f"{digits}.0{exponent}{power}" if exponent and "." not in digits else repr(value)


def check_cache(recipe: str, stated: ScaledFormat) -> None:
    """Raise UsageError for a cache that ``quantize-kv-cache`` does not write."""
    for name in FIXED:
        if (value := getattr(stated, name)) != (known := getattr(FLASH_MLA, name)):
            raise UsageError(
                f"{recipe}: kv_cache.{name} is {value!r}; rows of the cache are written with {known!r}",
                hint="format, granule and amax_floor may be chosen; --kv-cache-dtype bf16 leaves the cache as it is",
            )
    rows, columns = stated.granule
    if rows != 1 or columns == WHOLE:
        raise UsageError(
            f"{recipe}: kv_cache.granule is {show_granule(stated.granule)}; a row of the cache has its own scales",
            hint='write "1xN", as in "1x128"',
        )


def plan_of(given: Mapping[str, object], target: Target) -> Plan:
    """The plan of the values that were given, the recipe being the target's own where none is.

    Raises UsageError for what no plan has, and for more ranks per node than the target's scale-up links join.
    """
    known = [field.name for field in fields(Plan)]
    assert given.keys() <= set(known), f"a plan has {known}, not {sorted(given)}"
    plan = replace(Plan(), **given)
    most = target.scale_up_devices
    if most is not None and plan.ep > most * plan.nnodes:
        per_node = plan.ep // plan.nnodes
        raise UsageError(
            f"--ep {plan.ep} --nnodes {plan.nnodes} puts {per_node} ranks on a node; scale-up links of {target.name} "
            f"join {most}",
            hint=f"give --nnodes {-(-plan.ep // most)} or more",
        )
    return plan if "recipe" in given else replace(plan, recipe=target.recipe)
