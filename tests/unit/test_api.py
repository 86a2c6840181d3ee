"""The Python API, as a notebook uses it."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from cli import NAMES, TEXT
from safetensors.torch import save_file

import dsv3c
from dsv3c import api
from dsv3c.compilation.lowering import KernelOptions
from dsv3c.ir.errors import IRError, PassError, UsageError

WEIGHTS = {name: torch.randn(shape, generator=torch.Generator().manual_seed(1)) for name, shape in NAMES.items()}
IDS = torch.tensor([[1, 2, 3], [4, 5, 6]])


def expected() -> torch.Tensor:
    x = WEIGHTS["embed.weight"][IDS]
    for layer in range(2):
        x = x @ WEIGHTS[f"layers.{layer}.mlp.weight"].T
    return x @ WEIGHTS["head.weight"].T


def test_importing_is_light_and_lists_the_functions() -> None:
    code = "import sys, dsv3c; print('torch' in sys.modules, 'xdsl' in sys.modules, *dir(dsv3c))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    torch_loaded, xdsl_loaded, *names = done.stdout.split()
    assert (torch_loaded, xdsl_loaded) == ("False", "False")
    assert {"capture", "compile", "execute", "load", "opt", "print_ir"} <= set(names)


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'captur'"):
        _ = dsv3c.captur  # pyright: ignore[reportAttributeAccessIssue]


def test_opt_leaves_the_given_module_as_it_is() -> None:
    given = dsv3c.opt(TEXT, "dce")
    text = str(given)
    raised = dsv3c.opt(given, "raise-linear")
    assert str(given) == text
    assert "nn.linear" in str(raised)
    assert "aten.linear" not in str(raised)
    assert "raise-linear: fired" in raised.remarks
    assert raised.entries == ["main"]
    assert raised.facts == frozenset()


def test_opt_takes_passes_and_refuses_wrong_ones() -> None:
    from dsv3c.passes.registry import load_pass

    assert "nn.linear" in str(dsv3c.opt(TEXT, [load_pass("raise-linear")()]))
    with pytest.raises(UsageError, match="did you mean raise-linear"):
        dsv3c.opt(TEXT, "raise-liner")
    with pytest.raises(PassError, match="fired nowhere"):
        dsv3c.opt(TEXT, "raise-gate", allow_unapplied=False)
    with pytest.raises(IRError, match="%q"):
        dsv3c.opt(TEXT.replace("%x, %w)", "%x, %q)"), "dce")


def test_print_ir(capsys: pytest.CaptureFixture[str]) -> None:
    dsv3c.print_ir(TEXT)
    custom = capsys.readouterr().out
    assert custom == str(dsv3c.opt(TEXT, "dce"))
    dsv3c.print_ir(TEXT, generic=True, locations=True)
    generic = capsys.readouterr().out
    assert '"aten.linear"(' in generic
    assert 'loc("<text>":' in generic


def test_execute_with_each_kind_of_weights(tmp_path: Path) -> None:
    from dsv3c.backends.reference.weights import StateDictWeights

    save_file(WEIGHTS, tmp_path / "model.safetensors")
    for weights in (WEIGHTS, tmp_path, str(tmp_path), StateDictWeights(WEIGHTS)):
        [logits] = dsv3c.execute(TEXT, "main", IDS, weights=weights)
        assert isinstance(logits, torch.Tensor)
        torch.testing.assert_close(logits, expected())


def test_execute_with_random_weights_repeats() -> None:
    module = dsv3c.opt(TEXT, "raise-linear")
    first, second, other = (dsv3c.execute(module, "main", IDS, seed=seed)[0] for seed in (1, 1, 2))
    assert isinstance(first, torch.Tensor)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_inputs_fit() -> None:
    module = dsv3c.opt(TEXT, "dce")
    [ids] = module.inputs("main", batch=3, length=5)
    assert isinstance(ids, torch.Tensor)
    assert ids.shape == (3, 5)
    assert int(ids.max()) < 10
    [given] = module.inputs("main", tokens=[[1, 2], [3, 4]])
    assert isinstance(given, torch.Tensor)
    assert given.tolist() == [[1, 2], [3, 4]]


def test_compile_and_load(tmp_path: Path) -> None:
    file = tmp_path / "toy.mlir"
    file.write_text(TEXT)
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    out = tmp_path / "out"
    compiled = dsv3c.compile(str(file), out, weights=tmp_path, max_batch=4, context=32)
    assert compiled.artifact is not None
    assert compiled.summary.splitlines()[0].startswith("operating point")
    assert "nn.linear" in str(compiled)
    loaded = dsv3c.load(out)
    assert str(loaded) == str(compiled)
    [logits] = loaded.execute("prefill", *loaded.inputs("prefill", tokens=IDS.tolist()))
    assert isinstance(logits, torch.Tensor)
    torch.testing.assert_close(logits, expected()[:, -1])
    with pytest.raises(UsageError, match="did you mean @prefill"):
        loaded.execute("prefil", IDS)
    assert str(dsv3c.load(file)) == str(dsv3c.capture(str(file)))
    with pytest.raises(UsageError, match="exists"):
        dsv3c.compile(str(file), out)
    with pytest.raises(UsageError, match="did you mean max_batch"):
        dsv3c.compile(str(file), max_bach=3)
    with pytest.raises(UsageError, match="there is no artifact"):
        dsv3c.load(tmp_path / "none")


def test_capture_of_a_users_model() -> None:
    file = Path(__file__).parents[1] / "models" / "no_q_lora.py"
    module = dsv3c.capture(str(file))
    assert module.entries == ["main"]
    assert "weight.param" in repr(module)
    one = dsv3c.capture(str(file), layers=(0, 1))
    assert len(str(one)) < len(str(module))


def test_how_kernels_are_chosen_is_taken_out_of_the_choices() -> None:
    choices: dict[str, object] = {"extern": ["deep_gemm"], "tuned": Path("a.toml"), "pdl": False, "max_batch": 8}
    options = api.kernel_options(choices)
    assert options == KernelOptions(extern=("deep_gemm",), tuned="a.toml", pdl=False)
    assert choices == {"max_batch": 8}
