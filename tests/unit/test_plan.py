"""Plans: what flags and a precision recipe say reaches the passes, or is refused; levels that a plan does not reach."""

import argparse
from dataclasses import asdict
from pathlib import Path

import pytest
from cli import TEXT, refused
from cli import dsv3c as command

import dsv3c
from dsv3c.commands.compile import add_arguments, request_of
from dsv3c.compilation.operating_point import OperatingPoint
from dsv3c.compilation.pipelines import default_pipeline, parse_passes
from dsv3c.compilation.plan import Plan, plan_of
from dsv3c.compilation.request import Level
from dsv3c.ir.errors import UsageError
from dsv3c.ir.precision import Recipe
from dsv3c.ir.precision_text import shipped_recipes
from dsv3c.ir.targets import load_target
from dsv3c.passes.insert_fp8_qdq import InsertFp8QdqPass
from dsv3c.passes.quantize_kv_cache import QuantizeKvCachePass

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


def test_the_payload_is_the_recipes(tmp_path: Path) -> None:
    """A recipe's bf16 is the model's own type; what is asked for by name is taken at its word."""
    file = tmp_path / "logarithms.toml"
    file.write_text('name = "l"\ndescription = "l"\nextends = "bf16"\ncombine = "logfmt10"\n[sources]\ncombine = "x"')
    own = "shard-experts{ep=2 nnodes=1 redundant=0 copies=auto order=source}"
    assert passes(Plan(ep=2))["shard-experts"] == own
    assert passes(Plan(ep=2, recipe=str(file)))["shard-experts"] == f"{own[:-1]} payload=logfmt10}}"
    for payload in ("bf16", "f32", "logfmt10", "logfmt8"):
        plan = Plan(ep=2, recipe=str(file), combine_payload=payload)
        assert passes(plan)["shard-experts"] == f"{own[:-1]} payload={payload}}}"


DEFAULTS = {
    "recipe": "bf16",
    "kv_cache_dtype": "recipe",
    "ep": 1,
    "nnodes": 1,
    "redundant_experts": 0,
    "copies": "auto",
    "combine_order": "source",
    "combine_payload": "recipe",
    "shared_expert": "segment",
    "overlap": "auto",
}
TIDY = ["fuse-rope-cache-append", "assign-layouts", "skip-padding", "cse", "dce"]
FUSED = ["fold-weights", "fuse-qdq{promote=128}", "fuse-rms-norm-quant", "fuse-swiglu-quant"]


def test_what_a_plan_is_where_nothing_is_said() -> None:
    assert asdict(Plan()) == DEFAULTS
    assert not Plan().is_sharded and Plan(ep=2).is_sharded


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        ({"kv_cache_dtype": "int8"}, "--kv-cache-dtype must be one of recipe, bf16, fp8, not 'int8'", ""),
        ({"copies": "token"}, "--copies must be one of auto, expert, rank, node, not 'token'", ""),
        ({"combine_order": "slot"}, "--combine-order must be one of source, rank, node_rank, not 'slot'", ""),
        (
            {"combine_payload": "fp8"},
            "--combine-payload must be one of recipe, bf16, f32, logfmt10, logfmt8, not 'fp8'", "",
        ),
        ({"shared_expert": "own"}, "--shared-expert must be one of segment, routed, not 'own'", ""),
        ({"overlap": "on"}, "--overlap must be one of auto, off, same-layer, not 'on'", ""),
        ({"ep": 0}, "--ep 0: must be at least 1", ""),
        ({"nnodes": 0}, "--nnodes 0: must be at least 1", ""),
        ({"redundant_experts": -1}, "--redundant-experts -1: must be at least 0", ""),
        (
            {"ep": 6, "nnodes": 4},
            "--ep 6 ranks are not equally many on --nnodes 4 nodes", "give --ep as a multiple of 4",
        ),
        ({"nnodes": 2}, "--ep 1 ranks are not equally many on --nnodes 2 nodes", "give --ep as a multiple of 2"),
        ({"redundant_experts": 32}, "--redundant-experts needs ranks to put them on", "give --ep too"),
        ({"ep": "8"}, "--ep must be a number, not '8'", ""),
        ({"nnodes": True}, "--nnodes must be a number, not True", ""),
        ({"redundant_experts": 1.0}, "--redundant-experts must be a number, not 1.0", ""),
        ({"recipe": None}, "--recipe must be a text, not None", ""),
        ({"overlap": 1}, "--overlap must be a text, not 1", ""),
    ],
)  # fmt: skip
def test_values_that_no_plan_has(given: dict[str, object], says: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        plan_of({"recipe": "bf16", **given}, load_target("cpu"))
    assert (error.value.what, error.value.hint) == (says, hint)


def test_a_node_has_no_more_ranks_than_scale_up_links_join() -> None:
    h800, given = load_target("h800"), {"recipe": "bf16", "ep": 16}
    with pytest.raises(
        UsageError, match="--ep 16 --nnodes 1 puts 16 ranks on a node; scale-up links of h800 join 8"
    ) as e:
        plan_of(given, h800)
    assert e.value.hint == "give --nnodes 2 or more"
    assert plan_of({**given, "nnodes": 2}, h800).nnodes == 2
    assert plan_of({**given, "ep": 64}, load_target("gb200")).ep == 64
    assert plan_of({**given, "ep": 64}, load_target("cpu")).ep == 64


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["bucket-tokens", *TIDY]),
        ({"recipe": "deepseek-v3"}, ["bucket-tokens", "insert-fp8-qdq{recipe=deepseek-v3}", *FUSED, *TIDY]),
        ({"recipe": "deepseek-v3.1"}, ["bucket-tokens", 'insert-fp8-qdq{recipe="deepseek-v3.1"}', *FUSED, *TIDY]),
        (
            {"kv_cache_dtype": "fp8"},
            ["bucket-tokens", "quantize-kv-cache{dtype=f8E4M3FN granule=128 amax-floor=0.0001}", *TIDY],
        ),
        (
            {"ep": 32, "nnodes": 4, "redundant_experts": 32, "copies": "node", "combine_order": "rank"},
            [
                "shard-experts{ep=32 nnodes=4 redundant=32 copies=node order=rank}", "bucket-tokens", *TIDY,
                "split-microbatches", "cut-segments", "schedule-overlap{cross-layer=true}",
            ],
        ),
        (
            {"ep": 2, "overlap": "same-layer"},
            [
                "shard-experts{ep=2 nnodes=1 redundant=0 copies=auto order=source}", "bucket-tokens", *TIDY,
                "split-microbatches", "cut-segments", "schedule-overlap{cross-layer=false}",
            ],
        ),
        (
            {"ep": 2, "overlap": "off"},
            ["shard-experts{ep=2 nnodes=1 redundant=0 copies=auto order=source}", "bucket-tokens", *TIDY],
        ),
        ({"overlap": "same-layer"}, ["bucket-tokens", *TIDY]),
        ({"shared_expert": "routed"}, ["route-shared-expert", "bucket-tokens", *TIDY]),
    ],
)  # fmt: skip
def test_the_passes_of_a_plan(given: dict[str, object], expected: list[str]) -> None:
    plan = plan_of({"recipe": "bf16", **given}, load_target("cpu"))
    assert list(plan.passes()) == expected
    text = default_pipeline(OperatingPoint(), plan)
    assert text.endswith(",".join(expected))
    assert [item.name for item in parse_passes(text)][-len(expected) :] == [name.split("{")[0] for name in expected]


@pytest.mark.parametrize("name", ["mine.toml", "my own.toml", 'a "b", {c}.toml', "back\\slash.toml"])
def test_a_recipe_in_any_file_reaches_the_pass(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(CACHE.format(**WRITTEN))
    inserted = [item for item in parse_passes(",".join(Plan(recipe=str(file)).passes())) if "fp8-qdq" in item.name]
    assert [item.recipe for item in inserted if isinstance(item, InsertFp8QdqPass)] == [str(file)]


@pytest.mark.parametrize("floor", ["1e-5", "0.5", "1.5e-07"])
def test_small_floors_reach_the_pass(tmp_path: Path, floor: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(CACHE.format(**WRITTEN).replace("1e-3", floor))
    (text,) = [text for text in Plan(recipe=str(file)).passes() if text.startswith("quantize-kv-cache")]
    (item,) = parse_passes(text)
    assert isinstance(item, QuantizeKvCachePass) and item.amax_floor == float(floor)


def test_recipes_that_there_are_not() -> None:
    with pytest.raises(UsageError, match="unknown precision recipe 'deepseek'"):
        list(Plan(recipe="deepseek").passes())
    with pytest.raises(UsageError, match=r"recipe file absent\.toml does not exist"):
        list(Plan(recipe="absent.toml").passes())


@pytest.mark.parametrize(
    ("target", "recipe"), [("cpu", "bf16"), ("h800", "deepseek-v3"), ("b200", "deepseek-v3.1")]
)  # fmt: skip
def test_the_recipe_is_the_targets_unless_given(target: str, recipe: str) -> None:
    assert plan_of({}, load_target(target)) == Plan(recipe=recipe)
    assert plan_of({"recipe": "mxfp8", "ep": 2}, load_target(target)) == Plan(recipe="mxfp8", ep=2)


FLAGS = {
    "recipe": "mxfp8",
    "kv_cache_dtype": "bf16",
    "ep": 8,
    "nnodes": 2,
    "redundant_experts": 8,
    "copies": "rank",
    "combine_order": "node_rank",
    "combine_payload": "logfmt8",
    "shared_expert": "routed",
    "overlap": "off",
}


def test_every_field_is_a_flag() -> None:
    assert FLAGS.keys() == DEFAULTS.keys()
    assert all(FLAGS[name] != default for name, default in DEFAULTS.items())
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = [word for name, value in FLAGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    assert request_of(parser.parse_args(["m.mlir", *words])).plan == FLAGS
    assert request_of(parser.parse_args(["m.mlir"])).plan == {}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    file = tmp_path / "toy.mlir"
    file.write_text(TEXT)
    return file


def test_every_field_is_an_argument_in_python(toy: Path, tmp_path: Path) -> None:
    compiled = dsv3c.compile(str(toy), **FLAGS).compiled
    assert asdict(compiled.plan) == FLAGS
    assert "shard-experts{ep=8 nnodes=2 redundant=8" in compiled.pipeline
    assert dsv3c.compile(str(toy)).compiled.plan == Plan()
    own = Path(recipe_with(tmp_path))
    assert dsv3c.compile(str(toy), recipe=own, target="h800").compiled.plan.recipe == str(own)
    with pytest.raises(UsageError, match="--ep must be a number, not '8'"):
        dsv3c.compile(str(toy), ep="8")
    with pytest.raises(UsageError, match="--overlap must be one of"):
        dsv3c.compile(str(toy), overlap="on")


def test_flags_of_a_plan_are_refused_on_the_command_line(toy: Path) -> None:
    wrong = {"--kv-cache-dtype": "fp9", "--copies": "node_rank", "--combine-order": "slot", "--overlap": "never"}
    for name, value in wrong.items():
        refused("compile", toy, name, value, status=2, says=[f"argument {name}: invalid choice: '{value}'"])
    refused("compile", toy, "--ep", "6", "--nnodes", "4", status=2, says=["--ep 6 ranks", "a multiple of 4"])
    refused("compile", toy, "--recipe", "deepseek-v33", status=2, says=["unknown precision recipe", "did you mean"])
    refused(
        "compile", toy, "-p", "dce", "--ep", "2", "--overlap", "off", status=2,
        says=["--passes says which passes run: nothing is left to --ep, --overlap", "leave one of them out"],
    )  # fmt: skip


LEVELS = {
    "phased": ("specialize-phases makes it so", "the default pipeline does"),
    "sharded": ("shard-experts makes it so", "with --ep N"),
    "quantised": ("insert-fp8-qdq makes it so", "with a --recipe that quantises", "dsv3c recipes"),
}


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_that_no_pass_establishes(level: Level, tmp_path: Path) -> None:
    """It is told before the capture, which would fail here."""
    says = [f"no pass makes the program {level}", *LEVELS[level]]
    absent = tmp_path / "absent.py"
    refused("compile", absent, "--emit", level, "-p", "cse,dce", status=2, says=says)
    if level != "phased":
        refused("compile", absent, "--emit", level, "--target", "cpu", status=2, says=says)
    refused("compile", absent, "--emit", level, "--ep", "2", "--recipe", "mxfp8", status=2, says=["there is no file"])


def test_a_text_is_emitted_at_the_level_it_states(toy: Path, tmp_path: Path) -> None:
    whole = ("--target", "cpu", "--recipe", "deepseek-v3", "--ep", "2")
    stages = {level: tmp_path / f"{level}.mlir" for level in ("phased", "sharded", "quantised")}
    for level, file in stages.items():
        file.write_text(command("compile", toy, "--emit", level, *whole).out)
        assert f'"{level}"' in file.read_text().partition("\n")[0]
        assert command("compile", file, "--emit", level, "--target", "cpu").out == file.read_text()
    for start in ("phased", "sharded"):
        for end in ("sharded", "quantised"):
            assert command("compile", stages[start], "--emit", end, *whole).out == stages[end].read_text()
    says = ["is phased, raised, sharded already: it cannot be emitted phased"]
    refused("compile", stages["sharded"], "--emit", "phased", *whole, status=2, says=says)
    says = ["is phased, quantised, raised, sharded already: it cannot be emitted sharded"]
    refused("compile", stages["quantised"], "--emit", "sharded", *whole, status=2, says=says)
    says = ["no pass makes the program quantised", "--recipe"]
    refused("compile", stages["sharded"], "--emit", "quantised", "--target", "cpu", status=2, says=says)
    with pytest.raises(UsageError, match="no pass makes the program sharded"):
        dsv3c.compile(str(toy), level="sharded")


UNPHASED = TEXT.replace('%y = func.call', '%v, %i = aten.sort(%x, dim = 1) : tensor<?x?x8xf32, ["B", "S"]>, '
    'tensor<?x?x8xi64, ["B", "S"]>\n  %y = func.call', 1).replace("@layer0(%x)", "@layer0(%v)", 2)  # fmt: skip


def test_a_level_that_a_pass_could_not_reach_is_told(tmp_path: Path) -> None:
    file = tmp_path / "sorted.mlir"
    file.write_text(UNPHASED)
    done = command("compile", file, "--emit", "phased")
    assert done.status == 0
    assert "warning: the program is not phased: specialize-phases found something in its way" in done.err
    assert "warning" not in command("compile", file, "--emit", "raised").err
    assert "warning" not in command("compile", file, "--emit", "phased", "--stop-after", "cse").err
