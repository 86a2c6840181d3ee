"""Packed parameters: the same values as recipes make, one file per rank, refused where they do not belong."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli import dsv3c, refused
from xdsl.dialects.builtin import StringAttr

from dsv3c.backends.reference.packing import all_parameters, packed_headers, recipe_text
from dsv3c.backends.reference.params import Params, load_param
from dsv3c.backends.reference.runtime.packed import Item, write_items
from dsv3c.backends.reference.runtime.stored import Checkpoint
from dsv3c.backends.reference.weights import SafetensorsWeights
from dsv3c.ir.errors import IRError
from dsv3c.programs import read_program

CHECKPOINT = Path(__file__).parents[2] / "examples" / "trained"
SIZES = ("--context", "64", "--max-context", "256", "--max-batch", "2", "--phases", "decode,prefill")


def compiled(folder: Path, *options: str) -> Path:
    done = dsv3c("compile", CHECKPOINT, "--layers", "1:2", *SIZES, *options, "-o", folder)
    assert done.status == 0, done
    return folder


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("cpu") / "out", "--target", "cpu", "--recipe", "deepseek-v3")


@pytest.fixture(scope="module")
def packed(artifact: Path) -> Path:
    folder = artifact.with_name("packed")
    done = dsv3c("pack", artifact, "-o", folder)
    assert done.status == 0, done
    assert done.out.startswith("rank-00000.safetensors  ")
    assert f"--weights {folder}" in done.err
    return folder


def test_packed_parameters_are_what_recipes_make(artifact: Path, packed: Path) -> None:
    module = read_program(artifact).module
    stored, made = SafetensorsWeights(CHECKPOINT), SafetensorsWeights(packed)
    names = all_parameters(module)
    assert any(key.endswith(":f8E4M3FN 1x128x128") for key in names), "experts are stacked and quantised"
    for op, prefix in names.values():
        expected, found = (load_param(op, Params(weights), prefix) for weights in (stored, made))
        assert type(found) is type(expected)
        for got, want in zip(tensors(found), tensors(expected), strict=True):
            assert got.dtype == want.dtype
            assert torch.equal(got.contiguous().view(torch.uint8), want.contiguous().view(torch.uint8))
    assert made.checkpoint.entries.keys() == packed_headers(module).keys(), "and nothing else"


def tensors(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    assert hasattr(value, "data") and hasattr(value, "scale") and hasattr(value, "granule")
    return [value.data, value.scale, torch.tensor(value.granule)]


def test_programs_read_packed_parameters_in_place_of_a_checkpoint(artifact: Path, packed: Path) -> None:
    request = ("--tokens", "1,2,3", "--max-new-tokens", "3")
    expected = dsv3c("generate", artifact, *request).out
    assert dsv3c("generate", artifact, *request, "--weights", packed).out == expected
    program = [sys.executable, artifact / "program.py", *request, "--weights"]
    for folder in (packed, CHECKPOINT):
        done = subprocess.run([*program, folder], capture_output=True, text=True, check=False)
        assert done.stdout == expected, done.stderr


def test_parameters_of_other_recipes_are_refused(artifact: Path, packed: Path, tmp_path: Path) -> None:
    other = shutil.copytree(packed, tmp_path / "other")
    index = json.loads((other / "packed.json").read_text())
    (other / "packed.json").write_text(json.dumps(index | {"parameters": "of another recipe"}))
    request = ("--tokens", "1", "--weights", other)
    refused("generate", artifact, *request, status=1, says=["packed by other recipes than this"])
    program = [sys.executable, artifact / "program.py", *map(str, request)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {other}/packed.json: packed by other recipes than this program's")


def test_every_rank_gets_the_experts_it_holds(tmp_path: Path) -> None:
    out = compiled(tmp_path / "out", "--target", "h800", "--kernels", "none", "--recipe", "bf16", "--ep", "2")
    assert dsv3c("pack", out, "-o", tmp_path / "packed", "--ranks", "1").status == 0
    module = read_program(out).module
    file = Checkpoint(tmp_path / "packed", 1)
    assert file.entries.keys() == packed_headers(module).keys()
    name = next(name for name in file.entries if "mlp.experts.down_proj" in name)
    held = file.tensor(name)
    half = held.shape[0]
    whole = SafetensorsWeights(CHECKPOINT)
    prefix = name.split("experts.")[0]
    assert all(torch.equal(held[i], whole.tensor(f"{prefix}experts.{half + i}.down_proj.weight")) for i in range(half))
    refused(
        *("generate", out, "--tokens", "1", "--weights", tmp_path / "packed"),
        status=1,
        says=["the parameters of rank 0 are not packed here"],
    )
    refused("pack", out, "-o", tmp_path / "more", "--ranks", "1:3", status=2, says=["has ranks 0 to 1"])


def test_what_does_not_fit_is_refused_and_leaves_nothing(artifact: Path, packed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    write_items(empty / "model.safetensors", [Item("w", (2,), torch.float32, lambda: torch.ones(2))])
    refused("pack", artifact, "-o", tmp_path / "new", "--weights", empty, status=1, says=["tensors are missing"])
    refused("pack", artifact, "-o", packed, status=2, says=["exists"])
    assert dsv3c("pack", artifact, "-o", packed, "--force").status == 0
    assert not (tmp_path / "new").exists()
    damaged = tmp_path / "damaged"
    shutil.copytree(packed, damaged)
    (damaged / "packed.json").write_text("{}")
    refused("generate", artifact, "--tokens", "1", "--weights", damaged, status=1, says=["damaged: it has no 'format'"])
    index = json.loads((packed / "packed.json").read_text())
    (damaged / "packed.json").write_text(json.dumps(index | {"format": 2}))
    refused("generate", artifact, "--tokens", "1", "--weights", damaged, status=1, says=["written in format 2"])


def test_two_recipes_of_one_name_are_an_error(artifact: Path) -> None:
    module = read_program(artifact).module
    given = next(op for op, _ in all_parameters(module).values() if op.recipe is not None)
    twin = given.clone()
    assert recipe_text(twin) == recipe_text(given), "names and objects do not matter"
    assert given.parent is not None
    given.parent.insert_op_before(twin, given)
    twin.recipe.block.first_op.properties["key"] = StringAttr("other.weight")
    with pytest.raises(IRError, match=rf"two recipes make .*{re.escape(given.key.data)}"):
        all_parameters(module)


def test_a_tensor_that_is_not_what_was_said_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"w is \[3\] torch.float32"):
        write_items(tmp_path / "w.safetensors", [Item("w", (2,), torch.float32, lambda: torch.ones(3))])
