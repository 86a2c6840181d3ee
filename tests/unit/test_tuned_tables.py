"""Tables of measured configurations: as files, and in place of what rules choose."""

from dataclasses import replace
from pathlib import Path

import pytest

from dsv3c.backends.triton.choices.base import Candidates, Choice, MeasuredConfig, Selection, with_measured
from dsv3c.backends.triton.select_kernels import SelectKernelsPass
from dsv3c.backends.triton.tuning import tuned_choices
from dsv3c.backends.triton.tuning.tuned_choices import (
    Tuned,
    bound_text,
    same_config,
    shape_of,
    shipped_tables,
    source_digest,
    unused,
)
from dsv3c.backends.triton.tuning.tuned_tables import (
    Row,
    RunnerUp,
    Session,
    TunedTable,
    merged,
    parse_table,
    table_text,
)
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.outcomes import Outcome
from dsv3c.ir.targets import load_target, shipped_targets
from dsv3c.ir.text import parse_module

H800 = load_target("h800")
DEVICE = "NVIDIA H100 80GB HBM3"
SESSION = Session(
    made="2026-11-30T09:12:44+00:00",
    target="h800",
    driver="580.1",
    clocks="clocks.sm 1980 MHz",
    triton=tuned_choices.triton_version() or "",
    assembler="13.0",
    multiprocessors=132,
    repeat=20,
)
X = '!scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>'
W, Y = "!scaled.tensor<tensor<512x384xf8E4M3FN>, 128x128, f32>", 'tensor<?x512xbf16, ["T"]>'
PHASE = (
    'phase = {name = "step", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 128 : i64, '
    "context = 4096 : i64}"
)
TEXT = f"""
module attributes {{dsv3c.facts = ["phased", "raised"]}} {{
dsv3c.symbol @T min 0 max 4096 hint 128
dsv3c.symbol @N min 0 max 128 hint 128
func.func @step(%x: {X}, %w: {W}) -> {Y} attributes {{{PHASE}}} {{
  %y = scaled.mm %x, %w promote 128 : {X}, {W} -> {Y}
  func.return %y : {Y}
}}
}}
"""
TILE = {"block_m": 64, "block_n": 64, "block_k": 128, "group_m": 8, "swap": 0, "num_warps": 4, "num_stages": 3}
"""A candidate that no rule takes: a stage less than it has as a rule."""


def seen() -> Choice:
    """What the rule chooses for the product of ``TEXT``."""
    found = list[Choice]()
    from dsv3c.backends.triton.select_kernels import Asks, select

    module = parse_module(make_context(), TEXT, "text")
    select(
        make_context(target=H800),
        module,
        Asks((), Tuned((), H800, None), lambda op, rule, at, choice: found.append(choice)),
        gluon=False,
    )
    (choice,) = found
    return choice


SHAPE = shape_of(seen())
ROW = Row(
    kernel="scaled_mm.scaled_mm",
    source=source_digest("scaled_mm.scaled_mm"),
    shape=SHAPE,
    up_to=64,
    rows=64,
    config=TILE,
    us=(9.5, 10.25, 12.0),
    candidates=9,
    measured_on=SESSION.made,
    runner_up=RunnerUp(us=11.5, config={**TILE, "num_stages": 4}),
)
TABLE = TunedTable(device=DEVICE, sessions=(SESSION,), rows=(ROW,))


def selected(table: TunedTable | None, path: Path, **options: object) -> tuple[KernelCallOp, Outcome]:
    """The call that the product of ``TEXT`` becomes with a table, and the remark."""
    file = path / "mine.toml"
    if table is not None:
        file.write_text(table_text(table))
    ctx, module = CompileContext(), parse_module(make_context(), TEXT, "text")
    ctx = make_context(target=H800)
    asked = {"tuned": str(file) if table is not None else "none", "gluon": False, **options}
    SelectKernelsPass(**asked).apply(ctx, module)  # pyright: ignore[reportArgumentType]
    (call,) = (op for op in module.walk() if isinstance(op, KernelCallOp))
    return call, ctx.outcomes.items[0]


def configs(call: KernelCallOp) -> list[dict[str, object]]:
    return [dict(config.as_dict()) for config in call.configs]


def test_a_table_is_written_and_read_back() -> None:
    text = table_text(TABLE)
    read = parse_table(text, "mine.toml")
    assert read == replace(TABLE, file="mine.toml")
    assert table_text(read) == text
    assert text.startswith("# Written by `dsv3c tune`: measured rows only")
    assert "us = [9.500, 10.250, 12.000]" in text
    assert read.session(read.rows[0]).driver == "580.1"
    assert [number for number, _ in read.rows_for(ROW.kernel, dict(reversed(SHAPE.items())))] == [1]
    assert not read.rows_for(ROW.kernel, {**SHAPE, "w": "another"}) and not read.rows_for("linear.linear", SHAPE)
    alone = replace(TABLE, rows=(replace(ROW, runner_up=None),))
    assert parse_table(table_text(alone), "") == alone


def test_rows_of_the_same_call_and_bound_are_replaced_and_sessions_without_rows_forgotten() -> None:
    later = replace(SESSION, made="2026-12-01T00:00:00+00:00", driver="590.0")
    new = replace(ROW, us=(8.0, 8.0, 8.0), measured_on=later.made)
    found = merged(TABLE, DEVICE, later, [new])
    assert found.rows == (new,) and found.sessions == (later,)
    wide = replace(new, up_to=0, rows=4096)
    both = merged(TABLE, DEVICE, later, [wide])
    assert both.rows == (ROW, wide), "any number of rows comes last"
    assert both.sessions == (SESSION, later)
    assert merged(None, DEVICE, later, [new]).rows == (new,)
    with pytest.raises(UsageError, match=r"it holds what was measured on NVIDIA H100 80GB HBM3; this is NVIDIA H200"):
        merged(TABLE, "NVIDIA H200", later, [new])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format = 1", "format = 2", "mine.toml: format 2 is not known"),
        ('device = "NVIDIA', 'devise = "NVIDIA', "mine.toml: unknown key 'devise'"),
        ("repeat = 20\n", "", "mine.toml, measured_on 1: key 'repeat' is missing"),
        ('driver = "580.1"', "driver = 580", "measured_on 1: driver = 580 must be of type str"),
        ("up_to = 64", 'up_to = "64"', "mine.toml, row 1: up_to = '64' must be of type int"),
        ("candidates = 9", "candidate = 9", "mine.toml, row 1: unknown key 'candidate'"),
        ("measured_on = ", 'measured_on = "no" #', "row 1: no [[measured_on]] was made no"),
        ("us = [9.500, 10.250, 12.000]", "us = [10.250, 9.500, 12.000]", "row 1: us is not [lowest, median, highest]"),
        ("us = [9.500, 10.250, 12.000]", "us = [9.500, 10.250]", "row 1: us is not [lowest, median, highest]"),
        ("us = [9.500, 10.250, 12.000]", "us = [0, 10.250, 12.000]", "row 1: us = 0 is no positive number"),
        ("rows = 64", "rows = 65", "row 1: it was measured with 1 row at least, and at most up_to"),
        ("rows = 64", "rows = 0", "row 1: it was measured with 1 row at least"),
        ("block_m = 64", 'block_m = "64"', "row 1: block_m of a configuration is no whole number"),
        ("{ us = 11.500", "{ us = 11.500, is = 1", "row 1, runner_up: unknown key 'is'"),
        ("shape = { x", "shape = { z = 1, x", "row 1: shape holds texts by name"),
        ("format = 1", "format = ", "mine.toml: not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_with_its_file_and_row(old: str, new: str, says: str) -> None:
    text = table_text(TABLE)
    assert old in text
    with pytest.raises(UsageError) as error:
        parse_table(text.replace(old, new, 1), "mine.toml")
    assert says in str(error.value)


def test_a_second_row_of_one_call_is_refused() -> None:
    row = table_text(TABLE).partition("[[row]]")[2]
    with pytest.raises(UsageError, match=r"row 2: a second row of scaled_mm.scaled_mm for this shape up to 64 rows"):
        parse_table(f"{table_text(TABLE)}\n[[row]]{row}", "mine.toml")


def test_a_measured_configuration_takes_the_place_of_the_rules(tmp_path: Path) -> None:
    by_rule, remark = selected(None, tmp_path)
    assert remark.numbers["configs"] == "by rule"
    before = configs(by_rule)
    assert TILE not in [{key: value for key, value in one.items() if key != "up_to"} for one in before]
    call, remark = selected(TABLE, tmp_path)
    assert {"up_to": 64, **TILE} in configs(call)
    others = [one for one in configs(call) if one.get("up_to") != 64]
    assert [one for one in before if one.get("up_to", 99) > 64 or one["up_to"] in (16, 32)] == others
    assert remark.numbers["configs"] == f"measured: 10.2 us up to 64 rows ({tmp_path / 'mine.toml'}, row 1)"
    assert "block_m=64 block_n=64" in remark.reason


@pytest.mark.parametrize(
    ("table", "options", "reason"),
    [
        (replace(TABLE, device="NVIDIA H200"), {}, "measured on NVIDIA H200; devices of target h800: NVIDIA H800, "),
        (replace(TABLE, sessions=(replace(SESSION, triton="2.1.0"),)), {}, "measured with Triton 2.1.0; this is "),
        (replace(TABLE, rows=(replace(ROW, source="0"),)), {}, "the kernel's sources changed since it was measured"),
        (TABLE, {"num_sms": 100}, "measured on 132 multiprocessors; the kernel may fill 100"),
        (replace(TABLE, rows=(replace(ROW, config={**TILE, "gluon": 1}),)), {}, "its kernel is in Gluon, which is not"),
    ],
)
def test_a_row_that_does_not_hold_is_left_alone_and_the_remark_says_why(
    table: TunedTable, options: dict[str, object], reason: str, tmp_path: Path
) -> None:
    call, remark = selected(table, tmp_path, **options)
    assert configs(call) == configs(selected(None, tmp_path, **options)[0])
    assert remark.numbers["configs"] == "by rule"
    file = str(tmp_path / "mine.toml")
    assert reason in str(remark.numbers[f"not {file}"])
    assert reason.split(";")[0] in str(unused(file, H800, [remark.numbers]))


def test_without_triton_no_row_holds() -> None:
    at = Selection(H800, {"T": (0, None)}, {"T": 128}, 132)
    reason = Tuned((TABLE,), H800, None).why_not(TABLE, ROW, at)
    assert reason is not None and reason.endswith("it is not installed here")
    patch = SESSION.triton.rpartition(".")[0] + ".99"
    assert Tuned((TABLE,), H800, patch).why_not(TABLE, ROW, at) is None, "the last number of a version does not count"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (replace(ROW, config={**TILE, "block_m": 48}), "block_m=48 block_n=64"),
        (replace(ROW, up_to=100), "scaled_mm.scaled_mm has no configurations up to 100 rows"),
    ],
)
def test_a_row_that_no_candidate_could_give_is_an_error(row: Row, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        selected(replace(TABLE, rows=(row,)), tmp_path)
    assert says in str(error.value)
    assert f"{tmp_path / 'mine.toml'}, row 1" in str(error.value)


def test_a_users_rows_go_before_those_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**TILE, "num_stages": 4}
    shipped = replace(TABLE, file="shipped.toml", rows=(replace(ROW, config=other), replace(ROW, up_to=16, rows=16)))
    monkeypatch.setattr(tuned_choices, "shipped_tables", lambda: (shipped,))
    call, remark = selected(TABLE, tmp_path)
    assert {"up_to": 64, **TILE} in configs(call) and {"up_to": 64, **other} not in configs(call)
    assert "up to 16 rows (shipped.toml, row 2)" in str(remark.numbers["configs"])
    call, _ = selected(None, tmp_path, tuned="shipped")
    assert {"up_to": 64, **other} in configs(call)
    assert unused("shipped", H800, []) is None


def test_a_table_that_says_nothing_of_a_program(tmp_path: Path) -> None:
    other = replace(TABLE, rows=(replace(ROW, shape={**SHAPE, "w": "another"}),))
    _, remark = selected(other, tmp_path)
    assert remark.numbers["configs"] == "by rule"
    assert unused(str(tmp_path / "mine.toml"), H800, [remark.numbers]) == "it has no row of a call of this program"
    _, remark = selected(TABLE, tmp_path)
    assert unused(str(tmp_path / "mine.toml"), H800, [remark.numbers]) is None
    assert unused("none", H800, []) is None


def test_measured_configurations_among_others_and_equal_neighbours() -> None:
    small, large = {"block": 16, "num_warps": 4}, {"block": 64, "num_warps": 4}
    rule = [{"up_to": 32, **small}, dict(large)]
    measured = {16: MeasuredConfig(large, 1.0, ""), 64: MeasuredConfig(small, 1.0, "")}
    found = with_measured(rule, measured)
    assert found == [{"up_to": 16, **large}, {"up_to": 64, **small}, {"up_to": 0, **large}]
    assert with_measured(rule, {}) is rule
    assert with_measured(rule, {0: MeasuredConfig(small, 1.0, "")}) == [{"up_to": 0, **small}]
    at = Selection(H800, {"T": (0, 40)}, {"T": 8}, 132, measured=measured)
    assert at.fitting(rule, "T") == ({"up_to": 16, **large}, small)


def test_options_left_out_are_zero() -> None:
    assert same_config({"block": 16, "up_to": 8}, {"block": 16, "splits": 0})
    assert not same_config({"block": 16}, {"block": 16, "splits": 2})
    assert [bound_text(bound) for bound in (0, 1, 2)] == ["for any rows", "up to 1 row", "up to 2 rows"]


def test_a_call_is_known_by_all_but_its_rows() -> None:
    assert SHAPE == {
        "x": "!scaled.tensor<tensor<?x384xf8E4M3FN>, 1x128, f32, mn_major>",
        "w": W,
        "y": "tensor<?x512xbf16>",
        "parameters": 'promote 128, x_scales "mn_major"',
        "sizes": "",
    }
    choice = seen()
    assert choice.candidates is not None
    context = replace(choice, candidates=Candidates("T", choice.candidates.configs, {"context": 4096}))
    assert shape_of(context)["sizes"] == "context 4096"


def test_sources_of_a_kernel_are_told_apart() -> None:
    assert source_digest("scaled_mm.scaled_mm") != source_digest("linear.linear")
    assert len(ROW.source) == 16


def test_what_is_shipped_was_measured_on_a_targets_device() -> None:
    """Parsing checks every field; what remains is whether a table can be used at all."""
    devices = {name for target in shipped_targets().values() for name in target.device_names}
    assert DEVICE in devices
    tables = shipped_tables()
    assert [table for table in tables if table.device not in devices] == []
    assert len({table.device for table in tables}) == len(tables), "one file per device"
    for table in tables:
        assert table.rows, f"{table.file} holds nothing"
        assert all(table.session(row).driver and table.session(row).clocks for row in table.rows), table.file


def test_damaged_and_absent_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no table .*absent.toml"):
        tuned_choices.tables_asked_for(str(tmp_path / "absent.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"binary.toml is not text"):
        tuned_choices.tables_asked_for(str(tmp_path / "binary.toml"))
