"""Plans: what a precision recipe says reaches the passes, or is refused."""

from pathlib import Path

import pytest

from dsv3c.ir.errors import UsageError
from dsv3c.ir.precision import Recipe
from dsv3c.ir.precision_text import shipped_recipes
from dsv3c.plan import Plan

CACHE = """
name = "mine"
description = "an 8-bit cache"
extends = "deepseek-v3"

[kv_cache]
format = "{format}"
granule = "{granule}"
scale = "{scale}"
amax_floor = 1e-3
apply = "{apply}"
round_scale = "{round_scale}"
saturate = {saturate}

[sources]
kv_cache = "our choice"
"""
WRITTEN = {
    "format": "f8E5M2", "granule": "1x64", "scale": "f32", "apply": "divide", "round_scale": "pow2", "saturate": "false"
}  # fmt: skip


def recipe_with(tmp_path: Path, **other: str) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(CACHE.format(**{**WRITTEN, **other}))
    return str(file)


def passes(plan: Plan) -> dict[str, str]:
    """Name -> the pass with its options."""
    return {text.partition("{")[0]: text for text in plan.passes()}


QUANTISING = [item for item in shipped_recipes().values() if item.quantises]


@pytest.mark.parametrize("recipe", QUANTISING, ids=lambda recipe: recipe.name)
def test_promotion_is_the_recipes(recipe: Recipe) -> None:
    expected = -1 if recipe.promote is None else recipe.promote
    assert passes(Plan(recipe=recipe.name))["fuse-qdq"] == f"fuse-qdq{{promote={expected}}}"


def test_nothing_is_quantised_without_rules() -> None:
    assert not {"insert-fp8-qdq", "fuse-qdq", "quantize-kv-cache"} & passes(Plan()).keys()


def test_the_cache_is_the_recipes(tmp_path: Path) -> None:
    recipe = recipe_with(tmp_path)
    expected = "quantize-kv-cache{dtype=f8E5M2 granule=64 amax-floor=0.001}"
    assert passes(Plan(recipe=recipe))["quantize-kv-cache"] == expected
    assert passes(Plan(recipe=recipe, kv_cache_dtype="fp8"))["quantize-kv-cache"] == expected
    assert "quantize-kv-cache" not in passes(Plan(recipe=recipe, kv_cache_dtype="bf16"))
    flash_mla = "quantize-kv-cache{dtype=f8E4M3FN granule=128 amax-floor=0.0001}"
    assert passes(Plan(kv_cache_dtype="fp8"))["quantize-kv-cache"] == flash_mla


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("round_scale", "none", "kv_cache.round_scale is 'none'; rows of the cache are written with 'pow2'"),
        ("scale", "f8E8M0FNU", "kv_cache.scale is 'f8E8M0FNU'; rows of the cache are written with 'f32'"),
        ("apply", "reciprocal", "kv_cache.apply is 'reciprocal'; rows of the cache are written with 'divide'"),
        ("saturate", "true", "kv_cache.saturate is True; rows of the cache are written with False"),
        ("granule", "*x64", "kv_cache.granule is *x64"),
        ("granule", "1x*", r"kv_cache.granule is 1x\*"),
    ],
)
def test_a_cache_that_is_not_written_that_way_is_refused(tmp_path: Path, key: str, value: str, says: str) -> None:
    plan = Plan(recipe=recipe_with(tmp_path, **{key: value}))
    with pytest.raises(UsageError, match=says.replace("*x64", r"\*x64")):
        list(plan.passes())
