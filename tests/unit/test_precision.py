"""Precision recipes: what the shipped ones say, how rules decide, and that every wrong file is refused by name."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from cli import dsv3c, refused
from xdsl.dialects.builtin import bf16

from dsv3c.ir.data_files import shipped_texts
from dsv3c.ir.errors import UsageError
from dsv3c.ir.precision import FORMATS, ROLES, SCALES, ScaledFormat
from dsv3c.ir.precision_text import FOLDER, load_recipe, parse_recipe, shipped_recipes
from dsv3c.ir.quantizer import check_quantizer
from dsv3c.ir.scaled_type import WHOLE
from dsv3c.ir.types import tensor_type

SHIPPED = ("bf16", "deepseek-v3", "deepseek-v3-fnuz", "deepseek-v3.1", "mxfp8", "per-tensor")

MINE = """\
name = "mine"
description = "what I try"
promote = 256
kv_cache = "unquantised"
combine = "logfmt10"
[activations]
format = "f8E4M3FN"
granule = "1x128"
scale = "f32"
amax_floor = 1e-4
apply = "divide"
round_scale = "none"
saturate = false
[weights]
format = "f8E5M2"
granule = "64x128"
scale = "f32"
amax_floor = 1e-5
apply = "reciprocal"
round_scale = "pow2"
saturate = true
[[rule]]
quantise = true
source = "my choice"
[sources]
promote = "a"
kv_cache = "b"
combine = "c"
activations = "d"
weights = "e"
"weights.saturate" = "measured"
"""


def test_shipped() -> None:
    assert tuple(shipped_recipes()) == SHIPPED
    assert [recipe.name for recipe in shipped_recipes().values()] == list(SHIPPED)
    assert {name for name, recipe in shipped_recipes().items() if recipe.quantises} == set(SHIPPED) - {"bf16"}


def test_deepseek_v3_is_the_papers() -> None:
    recipe = load_recipe("deepseek-v3")
    assert recipe.activations == ScaledFormat(
        format="f8E4M3FN",
        granule=(1, 128),
        scale="f32",
        amax_floor=1e-4,
        apply="divide",
        round_scale="none",
        saturate=False,
    )
    assert recipe.weights is not None
    assert (recipe.weights.granule, recipe.weights.apply) == ((128, 128), "reciprocal")
    assert (recipe.promote, recipe.kv_cache, recipe.combine) == (128, None, "bf16")
    quantised = {role for role in ROLES if recipe.decide(role, "m", 0).rule.quantise}
    assert quantised == {"linear", "experts", "shared"}


def test_v31_differs_in_its_scales_only() -> None:
    old, new = load_recipe("deepseek-v3"), load_recipe("deepseek-v3.1")
    for before, after in ((old.activations, new.activations), (old.weights, new.weights)):
        assert before is not None and after is not None
        assert (after.scale, after.round_scale) == ("f8E8M0FNU", "pow2")
        assert (after.format, after.granule, after.apply) == (before.format, before.granule, before.apply)
    assert new.sources["activations.granule"] == old.sources["activations.granule"]
    assert new.sources["activations.scale"] != old.sources["activations.scale"]
    assert [rule.condition for rule in new.rules] == [rule.condition for rule in old.rules]


def test_granules_of_the_others() -> None:
    mx, whole = load_recipe("mxfp8"), load_recipe("per-tensor")
    assert mx.activations is not None and mx.weights is not None
    assert (mx.activations.granule, mx.weights.granule, mx.weights.scale) == ((1, 32), (1, 32), "f8E8M0FNU")
    assert whole.activations is not None and whole.weights is not None
    assert (whole.activations.granule, whole.weights.granule) == ((WHOLE, WHOLE), (WHOLE, WHOLE))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_value_has_a_source(name: str) -> None:
    recipe = load_recipe(name)
    out = dsv3c("recipes", name).out
    values = out.split("\n\n")[1].splitlines()[1:]
    assert [row.split()[0] for row in values if row.rstrip().endswith(" -")] == []
    assert all(source in out for source in recipe.sources.values())
    assert all(rule.source in out for rule in recipe.rules)


def test_types_by_rank() -> None:
    rows = load_recipe("deepseek-v3").activations
    matrices = load_recipe("deepseek-v3.1").weights
    whole = load_recipe("per-tensor").activations
    assert rows is not None and matrices is not None and whole is not None

    def granules(form: ScaledFormat, rank: int, matrix: bool) -> tuple[int, ...]:
        kind = form.type_of(tensor_type(("T", 3, 256)[-rank:], bf16), matrix=matrix)
        assert (kind.sizes, kind.element) == (("T", 3, 256)[-rank:], FORMATS[form.format])
        assert kind.scale == SCALES[form.scale]
        return kind.granules

    assert granules(rows, 2, matrix=False) == (1, 128)
    assert granules(rows, 3, matrix=False) == (1, 1, 128)
    assert granules(rows, 1, matrix=False) == (128,)
    assert granules(matrices, 2, matrix=True) == (128, 128)
    assert granules(matrices, 3, matrix=True) == (1, 128, 128)
    assert granules(whole, 3, matrix=False) == (WHOLE, WHOLE, WHOLE)
    assert granules(whole, 3, matrix=True) == (1, WHOLE, WHOLE)
    # one static number for all matrices
    assert granules(replace(whole, static=0.5), 3, matrix=True) == (WHOLE, WHOLE, WHOLE)


@pytest.mark.parametrize("name", SHIPPED)
def test_quantisers_make_scales_of_the_type(name: str) -> None:
    recipe = load_recipe(name)
    for form in (recipe.activations, recipe.weights):
        if form is not None:
            kind = form.type_of(tensor_type((256, 256), bf16), matrix=True)
            check_quantizer(form.quantizer, kind)
            assert (form.quantizer.floor, form.quantizer.apply.data) == (form.amax_floor, form.apply)
            assert (form.quantizer.round_scale.data, form.quantizer.saturates) == (form.round_scale, form.saturate)


STATIC = """\
name = "mine"
description = "calibrated"
extends = "per-tensor"
[activations]
static = 0.25
[sources]
"activations.static" = "calibrated on my data"
"""


def test_a_static_scale_needs_no_floor() -> None:
    form = parse_recipe(STATIC, "mine.toml").activations
    assert form is not None
    assert (form.static, form.amax_floor, form.label) == (0.25, None, "f8E4M3FN *x* f32 static 0.25")
    assert (form.quantizer.static_scale, form.quantizer.floor) == (0.25, None)
    text = STATIC.replace("static = 0.25", 'static = 0.3\nround_scale = "pow2"')
    with pytest.raises(UsageError, match=r"activations: static scale 0\.3 is not a power of two"):
        parse_recipe(text + '"activations.round_scale" = "mine"\n', "mine.toml")


def test_a_users_recipe(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    recipe = load_recipe(str(file))
    assert (recipe.name, recipe.promote, recipe.combine) == ("mine", 256, "logfmt10")
    assert recipe.weights is not None and recipe.activations is not None
    assert (recipe.weights.static, recipe.weights.saturate, recipe.weights.granule) == (None, True, (64, 128))
    assert recipe.weights.label == "f8E5M2 64x128 f32 pow2"
    assert recipe.activations.label == "f8E4M3FN 1x128 f32"
    assert recipe.sources["weights.saturate"] == "measured"
    assert recipe.sources["weights.scale"] == "e"
    assert recipe.rules[0].condition == "all sites"


RULES = """
[[rule]]
layers = "3:10"
roles = ["linear", "experts"]
quantise = false
source = "x"
[[rule]]
modules = ["*.o_proj", "*.kv_b_proj"]
layers = "5:"
quantise = true
source = "x"
[rule.activations]
format = "f8E5M2"
[[rule]]
layers = ":1"
quantise = false
source = "x"
"""


def test_the_last_matching_rule_decides() -> None:
    recipe = parse_recipe(MINE.replace("[sources]", RULES + "[sources]"), "mine.toml")

    def number(role: str, module: str, layer: int | None) -> int:
        decision = recipe.decide(role, module, layer)
        assert recipe.rules[decision.number - 1] is decision.rule
        return decision.number

    assert number("linear", "model.layers.2.mlp.up_proj", 2) == 1
    assert number("linear", "model.layers.3.mlp.up_proj", 3) == 2
    assert number("linear", "model.layers.9.mlp.up_proj", 9) == 2
    assert number("linear", "model.layers.10.mlp.up_proj", 10) == 1
    assert number("shared", "model.layers.3.mlp.up_proj", 3) == 1
    assert number("linear", "model.layers.4.self_attn.o_proj", 4) == 2
    assert number("linear", "model.layers.5.self_attn.o_proj", 5) == 3
    assert number("linear", "model.layers.5.self_attn.O_proj", 5) == 2
    assert number("linear", "model.layers.0.mlp.up_proj", 0) == 4
    assert number("linear", "model.layers.1.mlp.up_proj", 1) == 1
    assert number("linear", "self_attn.o_proj", None) == 1
    changed = recipe.rules[2].activations
    assert changed is not None and recipe.activations is not None
    assert (changed.format, changed.granule, recipe.activations.format) == ("f8E5M2", (1, 128), "f8E4M3FN")
    assert [rule.condition for rule in recipe.rules[1:]] == [
        "roles linear, experts; layers 3:10",
        "modules *.o_proj, *.kv_b_proj; layers 5:",
        "layers 0:1",
    ]


EXTENDED = """\
name = "mine"
description = "the paper's, and one layer as it was"
extends = "deepseek-v3"
[[rule]]
layers = "60:61"
quantise = false
source = "my measurement"
"""


def test_extending_a_shipped_recipe() -> None:
    base, mine = load_recipe("deepseek-v3"), parse_recipe(EXTENDED, "mine.toml")
    assert mine.rules[:-1] == base.rules
    assert mine.rules[-1].layers == (60, 61)
    assert (mine.activations, mine.sources) == (base.activations, base.sources)


CACHE = """
[kv_cache]
format = "f8E4M3FN"
granule = "1x128"
scale = "f32"
amax_floor = 1e-4
apply = "divide"
round_scale = "none"
saturate = false
[sources]
kv_cache = "deepseek-ai/FlashMLA"
"""


def test_a_cache_format_takes_the_place_of_none() -> None:
    mine = parse_recipe(EXTENDED + CACHE, "mine.toml")
    assert mine.kv_cache == load_recipe("deepseek-v3").activations
    assert mine.sources["kv_cache.granule"] == "deepseek-ai/FlashMLA"
    assert "kv_cache" not in mine.sources


WRONG = [
    ("promote = 256", "promote = 0", "promote is 0"),
    ("promote = 256", "promote = true", "promote is True"),
    ("promote = 256", "promote = 192", "rule 1: promote 192 is neither a multiple nor a part of the granule 128"),
    ("promote = 256", 'promote = "always"', "promote is 'always'"),
    ("promote = 256\n", "", "key 'promote' is missing"),
    ('name = "mine"\n', "", "key 'name' is missing"),
    ('name = "mine"', "name = 3", "name is 3, not a text"),
    ("promote = 256", "promotes = 256", "unknown key 'promotes'\n  did you mean promote?"),
    ('"unquantised"', '"bf16"', "kv_cache is 'bf16'"),
    ('"logfmt10"', '"logfmt9"', "combine is 'logfmt9'\n  did you mean logfmt"),
    ('"f8E5M2"', '"f8E5M3"', "weights.format is 'f8E5M3'\n  did you mean f8E5M2?"),
    ('"f8E5M2"', '["f8E5M2"]', r"weights.format is ['f8E5M2']"),
    ('"64x128"', '"64"', "weights.granule is '64'"),
    ('"64x128"', '"64x0"', "weights.granule is '64x0'"),
    ('"64x128"', '"-1x128"', "weights.granule is '-1x128'"),
    ('"64x128"', "128", "weights.granule is 128"),
    ('"64x128"', '"64x64"', "rule 1: activations 1x128 and weights 64x64 differ along K"),
    ('"64x128"', '"64x*"', "rule 1: activations 1x128 and weights 64x* differ along K"),
    ('scale = "f32"', 'scale = "ue8m0"', "weights.scale is 'ue8m0'"),
    ('scale = "f32"', 'scale = "f8E8M0FNU"', "rule 1: activations have f32 scales, weights f8E8M0FNU"),
    ('round_scale = "none"', 'round_scale = "up"', "activations.round_scale is 'up'"),
    ("amax_floor = 1e-5", "amax_floor = 0", "weights.amax_floor is 0, not a finite number above zero"),
    ("amax_floor = 1e-5", "amax_floor = inf", "weights.amax_floor is inf"),
    ("amax_floor = 1e-5", "amax_floor = true", "weights.amax_floor is True"),
    ("amax_floor = 1e-5\n", "", "weights: key 'amax_floor' is missing"),
    ("saturate = true", "saturate = 1", "weights.saturate is 1, not true or false"),
    ("saturate = true", "saturate = true\nstatic = -1", "weights.static is -1"),
    ("saturate = true", "saturate = true\nstatic = 0.5", "weights: a static scale with granule 64x128"),
    ("saturate = true", "saturate = true\nstatik = 0.5", "[weights]: unknown key 'statik'\n  did you mean static?"),
    ('apply = "divide"', 'apply = "multiply"', "activations.apply is 'multiply'"),
    ('[[rule]]\nquantise = true\nsource = "my choice"\n', "", "there is no [[rule]]"),
    ("[[rule]]", "[rule]", "rule is no list of tables"),
    ("quantise = true", "quantise = 1", "rule 1: quantise is 1, not true or false"),
    ("quantise = true", "quantize = true", "rule 1: unknown key 'quantize'\n  did you mean quantise?"),
    ("quantise = true\n", "", "rule 1: key 'quantise' is missing"),
    ('source = "my choice"\n', "", "rule 1: key 'source' is missing"),
    ('source = "my choice"', 'source = ""', "rule 1: source is '', not a text"),
    ("quantise = true", 'quantise = true\nroles = ["linears"]', "rule 1: role is 'linears'\n  did you mean linear?"),
    ("quantise = true", "quantise = true\nroles = []", "rule 1: roles is [], not a list of texts"),
    ("quantise = true", 'quantise = true\nroles = "linear"', "rule 1: roles is 'linear', not a list"),
    ("quantise = true", 'quantise = true\nroles = ["linear"]', "no rule decides for the role 'experts'"),
    ("quantise = true", 'quantise = true\nmodules = ["*"]', "no rule decides for the role 'linear'"),
    ("quantise = true", 'quantise = true\nlayers = "0:"', "no rule decides for the role 'linear'"),
    ("quantise = true", "quantise = true\nmodules = [3]", "rule 1: modules is 3, not a text"),
    ("quantise = true", 'quantise = true\nlayers = "3"', "rule 1: layers is '3'"),
    ("quantise = true", 'quantise = true\nlayers = ":"', "rule 1: layers is ':'"),
    ("quantise = true", "quantise = true\nlayers = 3", "rule 1: layers is 3"),
    ("quantise = true", 'quantise = true\nlayers = "3:3"', "rule 1: layers '3:3' is empty"),
    (
        "[sources]",
        '[[rule]]\nquantise = false\nsource = "x"\nweights.format = "f8E5M2"\n[sources]',
        "rule 2: weights of sites that are not quantised",
    ),
    (
        "[sources]",
        '[[rule]]\nquantise = true\nsource = "x"\nweights = 3\n[sources]',
        "rule 2: weights is 3, not a table",
    ),
    (
        "[sources]",
        '[[rule]]\nquantise = true\nsource = "x"\nweights.granul = "1x1"\n[sources]',
        "rule 2: weights: unknown key 'granul'\n  did you mean granule?",
    ),
    ('promote = "a"\n', "", "'promote' has no entry in [sources]"),
    ('activations = "d"\n', "", "'activations.format' has no entry in [sources]"),
    ('promote = "a"', "promote = 3", "the source of promote is 3, not a text"),
    ('promote = "a"', 'promote = "a"\npromotes = "a"', "[sources] names 'promotes', which the file does not state"),
    ('promote = "a"', 'promote = "a"\n"weights.saturate" = "x', "not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "says"), WRONG, ids=[new or old for old, new, _ in WRONG])
def test_wrong_files_are_refused(old: str, new: str, says: str) -> None:
    assert old in MINE
    head, _, tail = MINE.rpartition(old)
    with pytest.raises(UsageError) as error:
        parse_recipe(head + new + tail, "mine.toml")
    assert str(error.value).startswith("mine.toml: ")
    assert says in str(error.value)


def test_a_rule_that_quantises_needs_formats() -> None:
    text = shipped_texts(FOLDER)["bf16"].replace("quantise = false", "quantise = true")
    with pytest.raises(UsageError, match=r"rule 1 quantises, and there is no \[activations\]"):
        parse_recipe(text, "mine.toml")


def test_only_shipped_recipes_are_extended() -> None:
    with pytest.raises(UsageError, match="which is no shipped recipe\n  did you mean deepseek-v3"):
        parse_recipe(EXTENDED.replace('"deepseek-v3"', '"deepseek-v33"'), "mine.toml")


def test_unknown_recipes() -> None:
    refused(
        "recipes", "deepseek-v4", status=2, says=["unknown precision recipe 'deepseek-v4'", "did you mean deepseek"]
    )
    refused("recipes", "absent.toml", status=2, says=["recipe file absent.toml does not exist"])


def test_the_table() -> None:
    lines = dsv3c("recipes").out.splitlines()
    rows = {line.split()[0]: line for line in lines[1 : 1 + len(SHIPPED)]}
    assert tuple(rows) == SHIPPED
    assert re.search(r"^mxfp8 +f8E4M3FN 1x32 f8E8M0FNU pow2 +f8E4M3FN 1x32 f8E8M0FNU pow2 +never +bf16 ", rows["mxfp8"])
    assert re.search(r"^bf16 +- +- +never +bf16 ", rows["bf16"])


def test_one_recipe_in_full(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE.replace("[sources]", RULES + "[sources]"))
    out = dsv3c("recipes", file).out
    assert re.search(r"^promote +256 +elements of K +a$", out, re.M)
    assert re.search(r"^weights.saturate +true +measured$", out, re.M)
    assert re.search(r"^weights.granule +64x128 +rows x columns +e$", out, re.M)
    assert re.search(r"^2 +roles linear, experts; layers 3:10 +- +- +x$", out, re.M)
    assert re.search(r"^router +1 +yes ", out, re.M)
    assert re.search(r"^head +2 +- +the linear that makes", dsv3c("recipes", "deepseek-v3").out, re.M)


def test_every_role_is_in_the_files() -> None:
    named = {role for rule in tomllib.loads(shipped_texts(FOLDER)["deepseek-v3"])["rule"] for role in rule["roles"]}
    assert named == ROLES.keys()
