"""Asked for a phase with prompts too short for it, its variant for those runs; else the error names the ranges."""

from pathlib import Path

import pytest
import torch
from cli import dsv3c as command
from cli import refused
from phased_program import phased_text

import dsv3c
from dsv3c.compilation.variants import check_queries, takes, variant_for
from dsv3c.ir.errors import UsageError
from dsv3c.passes.phases import Phase

TEXT = phased_text("f32", prefill=(4, 64), decode=(1, 3)).replace("@decode", "@prefill.short")


def test_a_step_takes_what_all_its_sequences_bring() -> None:
    phase = Phase("verify", 2, 3, tokens=1, sequences=1, context=1, capturable=True)
    assert takes(phase, [2, 3]) and takes(phase, [])
    assert not takes(phase, [2, 1]) and not takes(phase, [4])


def test_the_variant_is_for_prompts_that_are_too_short() -> None:
    module = dsv3c.opt(TEXT, "").op
    chosen = {lengths: variant_for(module, "prefill", lengths) for lengths in ((4,), (3,), (1, 3), (80,), (3, 5), (0,))}
    short = "prefill.short"
    assert list(chosen.values()) == ["prefill", short, short, "prefill", "prefill", "prefill"]
    assert variant_for(module, short, (9,)) == short
    assert variant_for(module, "prefill.layer", (1,)) == "prefill.layer"


def test_execute_runs_the_variant() -> None:
    module = dsv3c.opt(TEXT, "")
    inputs = module.inputs("prefill", tokens=[[1, 2, 3], [4]])
    logits, *_ = module.execute("prefill", *inputs)
    expected, *_ = module.execute("prefill.short", *module.inputs("prefill.short", tokens=[[1, 2, 3], [4]]))
    assert isinstance(logits, torch.Tensor) and isinstance(expected, torch.Tensor)
    assert torch.equal(logits, expected)


def test_lengths_that_no_entry_takes_are_told() -> None:
    module = dsv3c.opt(TEXT, "")
    long = module.inputs("prefill", tokens=[list(range(8))])
    with pytest.raises(UsageError, match=r"@prefill.short takes 1\.\.3 new tokens per sequence, not 8") as caught:
        module.execute("prefill.short", *long)
    assert caught.value.hint == "entries that take 8: @prefill"
    with pytest.raises(UsageError, match=r"@prefill takes 4\.\.64 new tokens per sequence, not 99") as caught:
        check_queries(module.op, "prefill", [5, 99])
    assert caught.value.hint == "no entry does; there are @prefill 4..64, @prefill.short 1..3"
    check_queries(module.op, "prefill", [4, 64])
    check_queries(module.op, "prefill.layer", [99])


def test_run_names_the_entry_that_ran(tmp_path: Path) -> None:
    file = tmp_path / "phased.mlir"
    file.write_text(TEXT)
    assert command("run", file, "--entry", "prefill", "--seq", "2").out.startswith("@prefill.short, ")
    assert command("run", file, "--entry", "prefill", "--seq", "4").out.startswith("@prefill, ")
    refused(
        *("run", file, "--entry", "prefill", "--tokens", "1,2,3,4,5", "--tokens", "1"),
        status=2,
        says=["@prefill takes 4..64 new tokens per sequence, not 1", "entries that take 1: @prefill.short"],
    )
