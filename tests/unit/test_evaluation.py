"""``dsv3c eval``: the likelihood of a text in several precisions, on the trained example."""

import json
from math import exp, log
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from cli import dsv3c, refused

import dsv3c as api
from dsv3c.checking.evaluation import BASELINE, Score, Task, cache_label, cut, loss, read_tokens
from dsv3c.commands.eval import plans_of, table
from dsv3c.compilation.plan import Plan
from dsv3c.ir.errors import UsageError
from dsv3c.text import read_tokenizer

TRAINED = Path(__file__).parents[2] / "examples/trained"
TEXT = TRAINED / "text.txt"


def ids(count: int) -> list[int]:
    return read_tokenizer(TRAINED).encode(TEXT.read_text())[:count]


def test_a_text_is_cut_into_windows_that_predict_something() -> None:
    assert cut([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4]]
    assert cut([1, 2, 3, 4, 5], 3) == [[1, 2, 3], [4, 5]]
    assert cut([1, 2], 512) == [[1, 2]]
    assert Task(windows=cut([1, 2, 3, 4, 5], 3), chunk=8).predicted == 3
    for tokens, window, message in (([1, 2], 1, "--window 1"), ([1], 8, "has 1 token:"), ([], 8, "has 0 tokens:")):
        with pytest.raises(UsageError, match=message):
            cut(tokens, window)


def test_token_files(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    for text in ("1 2 30", "1,2,\n30\n", "[1, 2, 30]"):
        file.write_text(text)
        assert read_tokens(file) == [1, 2, 30]
    for text, word in (("1 x 2", "'x'"), ("1 -2", "'-2'"), ("1.5", "'1.5'"), ("\u0661", "is no token id")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=word):
            read_tokens(file)


def test_the_loss_is_the_negative_log_probability_of_what_came() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [0.1, 0.1, 0.8]]))
    assert loss(logits, [2, 1, 2]) == pytest.approx(-log(0.25) - log(0.75), abs=1e-6)
    shifted = logits.to(torch.bfloat16) + 100
    assert loss(shifted, [0, 0, 0]) == pytest.approx(F.cross_entropy(shifted[:-1].double(), torch.zeros(2).long()) * 2)


def test_every_recipe_meets_every_cache_once() -> None:
    plans = plans_of(["deepseek-v3", "bf16", "bf16"], ["bf16", "fp8"])
    assert [(plan.recipe, plan.kv_cache_dtype) for plan in plans] == [
        ("deepseek-v3", "bf16"), ("deepseek-v3", "fp8"), ("bf16", "bf16"), ("bf16", "fp8"),
    ]  # fmt: skip
    assert plans_of(["bf16"], ["recipe", "bf16"]) == [BASELINE]
    assert cache_label(BASELINE) == "bf16"
    assert cache_label(Plan(recipe="bf16", kv_cache_dtype="fp8")).startswith("f8E4M3FN 1x128 f32")


def test_the_table_shows_distances_to_the_first_line() -> None:
    scores = [
        Score(recipe="bf16", kv_cache="bf16", nats=2.0, nats_over_bf16=0.0, same_choice=1.0),
        Score(recipe="mxfp8", kv_cache="bf16", nats=2.5, nats_over_bf16=0.5, same_choice=0.75),
    ]
    head, gap, *rows = table(scores, Task(windows=[[1, 2, 3]], chunk=8))
    assert head == "2 tokens predicted in 1 sequence, reference arithmetic"
    assert gap == ""
    assert rows[1].split() == ["bf16", "bf16", "2.00000", "7.3891"]
    assert rows[2].split() == ["mxfp8", "bf16", "2.50000", "12.1825", "+0.50000", "75.00%"]
    assert scores[1].perplexity == exp(2.5)
    assert table(scores, Task(windows=[[1, 2], [3, 4]], chunk=8))[0].startswith("2 tokens predicted in 2 sequences")


def evaluated(tmp_path: Path, *options: object) -> list[dict[str, float]]:
    """The scores of 40 tokens of the text in two windows."""
    (tmp_path / "ids").write_text(" ".join(map(str, ids(40))))
    done = dsv3c("eval", TRAINED, "--tokens", tmp_path / "ids", "--window", 24, "--json", tmp_path / "out", *options)
    assert done.status == 0, done.err
    data = json.loads((tmp_path / "out").read_text())
    assert data["predicted_tokens"] == 38
    assert data["sequences"] == [24, 16]
    assert f"{data['scores'][-1]['nats_per_token']:.5f}" in done.out
    return data["scores"]


def test_scores_are_those_of_the_model_and_do_not_depend_on_chunks(tmp_path: Path) -> None:
    base, fp8, cached = evaluated(
        tmp_path, "--recipe", "deepseek-v3", "--kv-cache-dtype", "bf16", "--kv-cache-dtype", "fp8"
    )
    module = api.capture(str(TRAINED))
    total = 0.0
    for window in (ids(40)[:24], ids(40)[24:]):
        [logits] = api.execute(module, "main", torch.tensor([window]), weights=TRAINED)
        assert isinstance(logits, torch.Tensor)
        total += float(F.cross_entropy(logits[0, :-1].double(), torch.tensor(window[1:]), reduction="sum"))
    assert base["nats_per_token"] == pytest.approx(total / 38, rel=2e-3)
    assert (base["nats_over_bf16"], base["same_choice"]) == (0, 1)
    for score in (fp8, cached):
        assert 0 < abs(score["nats_over_bf16"]) < 0.2
        assert score["nats_over_bf16"] == pytest.approx(score["nats_per_token"] - base["nats_per_token"])
        assert score["perplexity"] == exp(score["nats_per_token"])
        assert 0.8 < score["same_choice"] <= 1
    assert (fp8["kv_cache"], fp8["nats_per_token"] != cached["nats_per_token"]) == ("bf16", True)
    assert evaluated(tmp_path, "--recipe", "bf16", "--chunk", "5") == [base]


def test_text_is_read_with_the_checkpoints_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("A token is a small piece of text.")
    done = dsv3c("eval", TRAINED, "--text", tmp_path / "short.txt", "--recipe", "bf16", "--max-tokens", 5)
    assert done.status == 0, done.err
    assert done.out.startswith("4 tokens predicted in 1 sequence, reference arithmetic\n")
    assert len(done.out.splitlines()) == 4


def test_what_cannot_be_evaluated_is_told_before_the_capture(tmp_path: Path) -> None:
    one, wide = tmp_path / "one.txt", tmp_path / "wide"
    one.write_text("a")
    wide.write_text("1 2 99999")
    for arguments, says in (
        ([TRAINED, "--text", tmp_path / "absent.txt"], ["absent.txt does not exist"]),
        ([TRAINED, "--text", one], ["the text has 1 token: nothing can be predicted"]),
        ([TRAINED], ["what is to be predicted?", "--text FILE or --tokens FILE"]),
        ([TRAINED, "--text", TEXT, "--tokens", wide], ["either --text FILE or --tokens FILE"]),
        ([TRAINED, "--text", TEXT, "--recipe", "deepseek-v33"], ["unknown precision recipe", "did you mean"]),
        ([TRAINED, "--text", TEXT, "--window", "1"], ["--window 1"]),
        ([TRAINED, "--text", TEXT, "--chunk", "0"], ["--chunk 0: must be at least 1"]),
        ([TRAINED, "--text", TEXT, "--max-tokens", "0"], ["--max-tokens 0: must be at least 1"]),
        (["tiny", "--text", TEXT], ["--text needs a tokenizer", "--tokens FILE"]),
        ([TRAINED, "--tokens", wide], ["token id 99999 is beyond the model's vocabulary of 384"]),
        ([TRAINED, "--text", TEXT, "--window", "600"], ["--window 600 is more than the model's 512 positions"]),
    ):
        refused("eval", *arguments, status=2, says=says)


def test_the_report_names_every_quantised_tensor(tmp_path: Path) -> None:
    tokens, out = tmp_path / "tokens.txt", tmp_path / "scores.json"
    tokens.write_text(" ".join(map(str, ids(24))))
    done = dsv3c(
        "eval", "tiny", "--layers", "1:3", "--tokens", tokens, "--recipe", "bf16", "--recipe", "deepseek-v3",
        "--report", "--json", out,
    )  # fmt: skip
    assert done.status == 0, done.err
    reports = json.loads(out.read_text())["reports"]
    assert list(reports) == ["deepseek-v3"]
    tensors = {item["name"]: item for item in reports["deepseek-v3"]["tensors"]}
    weights = [name for name, item in tensors.items() if item["kind"] == "weight"]
    assert any(name.endswith("q_a_proj.weight") for name in weights)
    assert not any("lm_head" in name or "mlp.gate.weight" in name for name in weights)
    assert all(20 < item["sqnr_db"] < 60 for item in tensors.values())
    assert "deepseek-v3: tensors that are quantised" in done.out
    assert all(name in done.out for name in tensors)
