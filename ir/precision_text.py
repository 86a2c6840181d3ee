"""Reading precision recipes: TOML to ``dsv3c.ir.precision.Recipe``, every key and value checked.

Each value has a source: an entry of ``[sources]`` named like the value (``"activations.granule"``) or like its table
(``activations``, for all values of the table without an entry of their own); rules carry theirs in ``source``.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from math import frexp
from typing import Any, NoReturn, cast

from dsv3c.ir.data_files import load, shipped_texts
from dsv3c.ir.errors import UsageError
from dsv3c.ir.precision import (
    COMBINE,
    FORMATS,
    NEVER,
    ROLES,
    SCALES,
    UNQUANTISED,
    Recipe,
    Rule,
    ScaledFormat,
)
from dsv3c.ir.quantizer import APPLICATIONS, ROUNDINGS_OF_SCALES
from dsv3c.ir.scaled_type import WHOLE, show_granule
from dsv3c.ir.spelling import guess

FORMAT_KEYS = tuple(item.name for item in fields(ScaledFormat))
TABLES = ("activations", "weights", "kv_cache")
VALUES = ("promote", "kv_cache", "combine")
TOP_KEYS = ("name", "description", "extends", *VALUES, "activations", "weights", "rule", "sources")
RULE_KEYS = ("roles", "modules", "layers", "quantise", "activations", "weights", "source")
LAYERS = re.compile(r"(\d*):(\d*)")
NO_VALUES: dict[str, object] = {}
NO_RULES: list[object] = []


FOLDER = "precision_data"
"""Of the recipes that come with dsv3c."""


@cache
def shipped_recipes() -> dict[str, Recipe]:
    """The recipes that come with dsv3c, by name."""
    return {name: parse_recipe(text, f"{name}.toml") for name, text in shipped_texts(FOLDER).items()}


def load_recipe(name: str) -> Recipe:
    """A shipped precision recipe by name, or a user's by path.  Raises UsageError for neither."""
    hint = "`dsv3c recipes` lists the shipped ones"
    return load(name, shipped_recipes(), parse_recipe, what="precision recipe", file="recipe file", hint=hint)


def parse_recipe(text: str, where: str) -> Recipe:
    """Read one recipe file.  Raises UsageError naming the file and what is wrong in it."""
    return Reader(where).recipe(text)


@dataclass
class Raw:
    """A recipe's values before they are understood, with what it extends already below them."""

    values: dict[str, object] = field(default_factory=dict[str, object])
    """By dotted key (``activations.granule``)."""
    sources: dict[str, str] = field(default_factory=dict[str, str])
    rules: list[Mapping[str, object]] = field(default_factory=list[Mapping[str, object]])

    def table(self, name: str) -> dict[str, object]:
        """The values of one table."""
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in self.values.items() if key.startswith(start)}

    def forget(self, name: str) -> None:
        """Drop a value, or a table's values, and their sources."""
        for key in [key for key in self.values if key.partition(".")[0] == name]:
            del self.values[key], self.sources[key]


@dataclass
class Reader:
    """Reads the recipe of one file."""

    where: str

    def fail(self, what: str, hint: str = "") -> NoReturn:
        """Refuse the file."""
        raise UsageError(what, where=self.where, hint=hint)

    def recipe(self, text: str) -> Recipe:
        """The recipe a text describes."""
        raw = self.raw(text)
        bases = {name: table for name in ("activations", "weights") if (table := raw.table(name))}
        base_formats = {name: self.scaled_format(table, name) for name, table in bases.items()}
        if not raw.rules:
            self.fail("there is no [[rule]]", "a recipe decides for every role; `dsv3c recipes bf16` has one rule")
        rules = tuple(self.rule(rule, f"rule {number}", bases) for number, rule in enumerate(raw.rules, 1))
        promote = self.promote(raw.values["promote"])
        for number, rule in enumerate(rules, 1):
            self.check_product(f"rule {number}", rule, promote)
        self.check_roles(rules)
        cache_format = None
        if table := raw.table("kv_cache"):
            cache_format = self.scaled_format(table, "kv_cache")
        elif raw.values["kv_cache"] != UNQUANTISED:
            self.fail(
                f"kv_cache is {raw.values['kv_cache']!r}",
                f"write {UNQUANTISED!r} or a table [kv_cache] with the keys of [activations]",
            )
        return Recipe(
            name=self.string(raw.values["name"], "name"),
            description=self.string(raw.values["description"], "description"),
            activations=base_formats.get("activations"),
            weights=base_formats.get("weights"),
            promote=promote,
            kv_cache=cache_format,
            combine=self.one_of(raw.values["combine"], "combine", COMBINE),
            rules=rules,
            sources=raw.sources,
        )

    def raw(self, text: str) -> Raw:
        """The file's values over those of the recipe it extends; keys and sources are checked here."""
        try:
            data: dict[str, object] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"not valid TOML: {error}", where=self.where) from error
        self.check_keys(data, TOP_KEYS, "")
        raw, own = self.extended(data), self.flat(data)
        if "kv_cache" in data and "kv_cache" in {*raw.values, *own}:
            # a table in place of "unquantised" or the other way round: nothing of the old one is left
            raw.forget("kv_cache")
        raw.values |= own
        for key in ("name", "description"):
            if key not in data:
                self.fail(f"key {key!r} is missing", "every recipe states its own")
        for key in VALUES:
            if key not in raw.values and not raw.table(key):
                self.fail(f"key {key!r} is missing", "every recipe states it, or extends one that does")
        raw.sources |= self.sources(self.table(data.get("sources", NO_VALUES), "[sources]"), own)
        raw.rules += self.tables(data.get("rule", NO_RULES))
        return raw

    def extended(self, data: Mapping[str, object]) -> Raw:
        """What the recipe starts from: nothing, or a shipped one."""
        if "extends" not in data:
            return Raw()
        name = self.string(data["extends"], "extends")
        if name not in shipped_texts(FOLDER):
            self.fail(
                f"extends names {name!r}, which is no shipped recipe",
                f"{guess(name, shipped_texts(FOLDER))}known: {', '.join(shipped_texts(FOLDER))}",
            )
        return Reader(f"{name}.toml").raw(shipped_texts(FOLDER)[name])

    def flat(self, data: Mapping[str, object]) -> dict[str, object]:
        """The file's own values by dotted key."""
        found = dict[str, object]()
        for key, value in data.items():
            if key in ("rule", "sources", "extends"):
                continue
            if key in ("activations", "weights") or (key == "kv_cache" and not isinstance(value, str)):
                table = self.table(value, key)
                self.check_keys(table, FORMAT_KEYS, f"[{key}]")
                found |= {f"{key}.{inner}": item for inner, item in table.items()}
            else:
                found[key] = value
        return found

    def sources(self, table: Mapping[str, object], own: Mapping[str, object]) -> dict[str, str]:
        """Source of each of the file's own values.  Refuses values without one, and sources of nothing."""
        values = [key for key in own if key not in ("name", "description")]
        tables = {key.partition(".")[0] for key in values}
        for key in table:
            if key not in values and key not in tables:
                self.fail(f"[sources] names {key!r}, which the file does not state", guess(key, values).strip())
        found = dict[str, str]()
        for key in values:
            source = table.get(key, table.get(key.partition(".")[0]))
            if source is None:
                self.fail(f"{key!r} has no entry in [sources]", "say where it is published, or that it is your choice")
            found[key] = self.string(source, f"the source of {key}")
        return found

    def rule(self, data: Mapping[str, object], name: str, bases: Mapping[str, Mapping[str, object]]) -> Rule:
        """One ``[[rule]]``; its formats are the recipe's with its own values over them."""
        self.check_keys(data, RULE_KEYS, name)
        for key in ("quantise", "source"):
            if key not in data:
                self.fail(f"{name}: key {key!r} is missing", "every rule states it")
        quantise = self.boolean(data["quantise"], f"{name}: quantise")
        formats = dict[str, ScaledFormat]()
        for key in ("activations", "weights"):
            table = self.table(data.get(key, NO_VALUES), f"{name}: {key}")
            self.check_keys(table, FORMAT_KEYS, f"{name}: {key}")
            if table and not quantise:
                self.fail(f"{name}: {key} of sites that are not quantised", "quantise = true, or leave it out")
            if quantise:
                merged = {**bases.get(key, {}), **table}
                if not merged:
                    self.fail(f"{name} quantises, and there is no [{key}]", "state the format")
                formats[key] = self.scaled_format(merged, f"{name}: {key}")
        return Rule(
            roles=self.roles(data, name),
            modules=self.strings(data["modules"], f"{name}: modules") if "modules" in data else (),
            layers=self.layers(data["layers"], f"{name}: layers") if "layers" in data else None,
            activations=formats.get("activations"),
            weights=formats.get("weights"),
            source=self.string(data["source"], f"{name}: source"),
        )

    def roles(self, data: Mapping[str, object], name: str) -> tuple[str, ...]:
        """The roles of a rule; none given: all."""
        found = self.strings(data["roles"], f"{name}: roles") if "roles" in data else ()
        for role in found:
            self.one_of(role, f"{name}: role", tuple(ROLES))
        return found

    def check_product(self, name: str, rule: Rule, promote: int | None) -> None:
        """A product needs one scale per block of K on both sides, of one type, and promotion that keeps to blocks."""
        if rule.formats is None:
            return
        left, right = rule.formats
        granule = left.granule[1]
        if granule != right.granule[1]:
            self.fail(
                f"{name}: activations {show_granule(left.granule)} and weights {show_granule(right.granule)} "
                "differ along K",
                "a product scales whole blocks of K: the second sizes must be equal",
            )
        if left.scale != right.scale:
            self.fail(
                f"{name}: activations have {left.scale} scales, weights {right.scale}", "a product takes one type"
            )
        if promote is not None and granule != WHOLE and promote % granule and granule % promote:
            self.fail(
                f"{name}: promote {promote} is neither a multiple nor a part of the granule {granule} along K",
                f"128 fits most; or {NEVER!r}",
            )

    def check_roles(self, rules: Sequence[Rule]) -> None:
        """Every role has a rule that holds in all modules and layers."""
        for role in ROLES:
            if not any(rule.unconditional and (not rule.roles or role in rule.roles) for rule in rules):
                self.fail(
                    f"no rule decides for the role {role!r} in all modules and layers",
                    "give it a [[rule]] without modules and layers; later rules are exceptions",
                )

    def scaled_format(self, table: Mapping[str, object], name: str) -> ScaledFormat:
        """A format with its grid and quantiser."""
        optional = ("static", "amax_floor") if "static" in table else ("static",)
        for key in FORMAT_KEYS:
            if key not in table and key not in optional:
                self.fail(f"{name}: key {key!r} is missing", f"a format states {', '.join(FORMAT_KEYS[:-1])}")
        static = self.positive(table["static"], f"{name}.static") if "static" in table else None
        floor = self.positive(table["amax_floor"], f"{name}.amax_floor") if "amax_floor" in table else None
        found = ScaledFormat(
            format=self.one_of(table["format"], f"{name}.format", tuple(FORMATS)),
            granule=self.granule(table["granule"], f"{name}.granule"),
            scale=self.one_of(table["scale"], f"{name}.scale", tuple(SCALES)),
            amax_floor=floor if static is None else None,
            apply=self.one_of(table["apply"], f"{name}.apply", APPLICATIONS),
            round_scale=self.one_of(table["round_scale"], f"{name}.round_scale", ROUNDINGS_OF_SCALES),
            saturate=self.boolean(table["saturate"], f"{name}.saturate"),
            static=static,
        )
        self.check_scales(found, name)
        return found

    def check_scales(self, form: ScaledFormat, name: str) -> None:
        """The scales that the quantiser makes are of the scales' type; a static one is the whole tensor's."""
        if form.scale == "f8E8M0FNU" and form.round_scale != "pow2":
            self.fail(f"{name}: scales of type f8E8M0FNU are powers of two", 'round_scale = "pow2"')
        if form.static is None:
            return
        if form.granule != (WHOLE, WHOLE):
            self.fail(
                f"{name}: a static scale with granule {show_granule(form.granule)}",
                'it is one number for the whole tensor: granule = "*x*"',
            )
        if form.round_scale == "pow2" and frexp(form.static)[0] != 0.5:
            self.fail(f"{name}: static scale {form.static:g} is not a power of two", 'round_scale = "none"')

    def check_keys(self, table: Mapping[str, object], known: Sequence[str], name: str) -> None:
        """Refuse a key that means nothing."""
        for key in table:
            if key not in known:
                prefix = f"{name}: " if name else ""
                self.fail(f"{prefix}unknown key {key!r}", f"{guess(key, known)}known keys: {', '.join(known)}")

    def table(self, value: object, name: str) -> Mapping[str, object]:
        """A TOML table."""
        if not isinstance(value, dict):
            self.fail(f"{name} is {value!r}, not a table")
        return cast(dict[str, object], value)

    def tables(self, value: object) -> list[Mapping[str, object]]:
        """The rules as TOML tables."""
        if not isinstance(value, list):
            self.fail("rule is no list of tables", "write [[rule]]")
        return [self.table(item, "[[rule]]") for item in cast(list[object], value)]

    def string(self, value: object, name: str) -> str:
        """A text that is not empty."""
        if not isinstance(value, str) or not value:
            self.fail(f"{name} is {value!r}, not a text")
        return value

    def strings(self, value: object, name: str) -> tuple[str, ...]:
        """A list of texts that is not empty."""
        if not isinstance(value, list) or not value:
            self.fail(f"{name} is {value!r}, not a list of texts", "leave it out to match every site")
        return tuple(self.string(item, name) for item in cast(list[Any], value))

    def boolean(self, value: object, name: str) -> bool:
        """``true`` or ``false``."""
        if not isinstance(value, bool):
            self.fail(f"{name} is {value!r}, not true or false")
        return value

    def positive(self, value: object, name: str) -> float:
        """A finite number above zero."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            self.fail(f"{name} is {value!r}, not a finite number above zero")
        return float(value)

    def one_of(self, value: object, name: str, known: Sequence[str]) -> str:
        """One of a few words."""
        if not isinstance(value, str) or value not in known:
            self.fail(f"{name} is {value!r}", f"{guess(str(value), known)}known: {', '.join(known)}")
        return value

    def promote(self, value: object) -> int | None:
        """Elements of K, or ``never``."""
        if value == NEVER:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.fail(f"promote is {value!r}", f"write a number of elements of K, or {NEVER!r}")
        return value

    def granule(self, value: object, name: str) -> tuple[int, int]:
        """``"1x128"``; ``*`` for a whole dim."""
        sizes = str(value).split("x") if isinstance(value, str) else []
        if len(sizes) != 2 or not all(size == "*" or (size.isdecimal() and int(size) > 0) for size in sizes):
            self.fail(f"{name} is {value!r}", 'write rows x columns, as in "1x128"; * is a whole dim')
        rows, columns = (WHOLE if size == "*" else int(size) for size in sizes)
        return rows, columns

    def layers(self, value: object, name: str) -> tuple[int, int | None]:
        """``"3:10"``, ``"3:"`` or ``":10"``: the first layer, and the first past the end."""
        match = LAYERS.fullmatch(value) if isinstance(value, str) else None
        if match is None or value == ":":
            self.fail(f"{name} is {value!r}", 'write A:B, as in "3:10": from layer A up to, not including, layer B')
        first, end = int(match[1] or 0), int(match[2]) if match[2] else None
        if end is not None and end <= first:
            self.fail(f"{name} {value!r} is empty", "write A:B with A < B")
        return first, end
