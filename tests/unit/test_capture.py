"""Sources of models, good and bad; errors say what, where and what to do."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from stored import stored_state

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.doctor import doctor
from dsv3c.dump_schemas import REGISTERING_MODULES, TABLES, by_name, table
from dsv3c.frontend import hf_models
from dsv3c.frontend.capture import CaptureOptions, capture, capture_own
from dsv3c.frontend.export_errors import CaptureFailure
from dsv3c.frontend.import_nodes import value_name
from dsv3c.frontend.importer import import_program
from dsv3c.frontend.recipes import quantized_by_config, quantized_in_folder
from dsv3c.frontend.user_models import load
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects import aten
from dsv3c.ir.dialects.weight import DequantizeOp, ParamOp, StoredEachOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import calls
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import QuantizationConfig, load_config, to_hf
from dsv3c.models.deepseek_v3 import build_model
from dsv3c.models.random_weights import init_weights

MODELS = Path(__file__).parent.parent / "models"
INPUTS = "def example_inputs():\n    return (torch.zeros(2, 8, dtype=torch.long),)\n"


@pytest.mark.parametrize("name", ["half_split_rope", "fused_gate_up", "softmax_gate", "no_q_lora", "einsum_attention"])
def test_models_written_in_other_ways(name: str) -> None:
    file = MODELS / f"{name}.py"
    captured = capture(str(file))
    module = import_program(make_context(), captured)
    verify_module(module)
    assert [call.callee.root_reference.data for call in calls(module)] == ["layer0"] * 3
    module = parse_module(make_context(), print_module(module))
    model = load(file).build_model()
    ids = torch.randint(100, (2, 11), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = model(ids)
    assert torch.equal(Executor(module, StateDictWeights(captured.state), "torch").run("main", ids)[0], expected)


@pytest.mark.parametrize(
    ("name", "line", "edit"),
    [
        ("buffer_cache", "self.k_cache[:batch, :length] = k", "dsv3c adds its own paged cache in specialize-phases"),
        ("expert_loop", ".tolist()", "torch.nn.functional.grouped_mm"),
    ],
)
def test_models_that_need_an_edit(name: str, line: str, edit: str) -> None:
    file = MODELS / f"{name}.py"
    with pytest.raises(CaptureFailure) as failure:
        capture(str(file))
    number = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if line in text)
    assert failure.value.where.endswith(f"{name}.py:{number}")
    assert line in failure.value.what
    assert edit in failure.value.hint


def write(folder: Path, text: str) -> str:
    (folder / "model.py").write_text(f"import torch\nfrom torch import nn\n{text}")
    return str(folder / "model.py")


@pytest.mark.parametrize(
    ("text", "error", "where", "reason"),
    [
        ("def build_model(:\n", CaptureFailure, "model.py:3", "invalid syntax"),
        ("1 / 0\n", CaptureFailure, "model.py:3", "ZeroDivisionError"),
        ("def build_model():\n    return nn.Linear('a', 1)\n", CaptureFailure, "model.py:4", "TypeError"),
        ("def make():\n    return nn.Linear(1, 1)\n", UsageError, "", r"no function build_model\(\) \(it has: make\)"),
        ("def build_model():\n    return 3\n", UsageError, "model.py", "int, not a torch.nn.Module"),
        ("def build_model():\n    return nn.Linear(1, 1)\n", UsageError, "", r"no function example_inputs\(\)"),
        (
            "def build_model():\n    return nn.Embedding(9, 4)\n" + INPUTS.replace("(torch", "(1, torch"),
            UsageError,
            "model.py",
            "does not fit Embedding.forward",
        ),
        (
            "def build_model():\n    return nn.Linear(8, 4)\ndef example_inputs():\n    return torch.zeros(2, 8)\n",
            UsageError,
            "model.py",
            r"no integer tensor \[B, S\]",
        ),
        (
            "class M(nn.Module):\n    def forward(self, ids):\n        y = torch.zeros(3) @ torch.zeros(4)\n"
            "        return ids + y\ndef build_model():\n    return M()\n" + INPUTS,
            CaptureFailure,
            "model.py:5",
            "torch.export stops here: y = ",
        ),
        (
            "class M(nn.Module):\n    def forward(self, ids):\n        self.last = ids * 2\n        return self.last\n"
            "def build_model():\n    return M()\n" + INPUTS,
            CaptureFailure,
            "model.py:5",
            "keeps state in the module, self.last",
        ),
        (
            "class M(nn.Module):\n    def forward(self, ids):\n        assert ids.shape[0] <= 4\n"
            "        return ids * 2\ndef build_model():\n    return M()\n" + INPUTS,
            CaptureFailure,
            "",
            r"B = Dim\('B', max=4\)",
        ),
    ],
)
def test_bad_files(text: str, error: type[Exception], where: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=reason) as failure:
        capture(write(tmp_path, text))
    assert getattr(failure.value, "where", "").endswith(where)


def test_modules_whose_names_no_value_may_have(tmp_path: Path) -> None:
    text = (
        "class M(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Embedding(9, 8), nn.Sequential(nn.Linear(8, 8), nn.SiLU()))\n"
        "        self.add_module('2nd part, wide', nn.Linear(8, 4))\n"
        "def build_model():\n    torch.manual_seed(0)\n    return M()\n" + INPUTS
    )
    file = write(tmp_path, text)
    captured = capture(file)
    module = import_program(make_context(), captured)
    verify_module(module)
    names = {op.key.data: op.value.name_hint for op in module.walk() if isinstance(op, ParamOp)}
    assert names == {
        "weight": "weight",
        "0.weight": "p_0_weight",
        "0.bias": "p_0_bias",
        "2nd part, wide.weight": "p_2nd_part__wide_weight",
        "2nd part, wide.bias": "p_2nd_part__wide_bias",
    }
    assert value_name("layers.7.mlp.0.weight", 2) == "mlp_0_weight"
    assert value_name("layers.7.mlp.down.weight", 2) == "down_weight"
    module = parse_module(make_context(), print_module(module))
    ids = torch.tensor([[1, 2, 3]])
    expected = load(Path(file)).build_model()(ids).detach()
    assert torch.equal(Executor(module, StateDictWeights(captured.state), "torch").run("main", ids)[0], expected)


def test_named_dims_and_another_function(tmp_path: Path) -> None:
    text = (
        "class M(nn.Module):\n    def forward(self, x, *, bias):\n        return x + bias\n"
        "def other():\n    return M()\n"
        "def example_inputs():\n    return {'x': torch.zeros(6, 4), 'bias': torch.zeros(4)}\n"
        "def dynamic_dims():\n    return {'x': {0: ('T', 3, 60)}}\n"
    )
    captured = capture(f"{write(tmp_path, text)}:other")
    assert [(s.name, s.min, s.max, s.hint) for s in captured.symbols] == [("T", 3, 60, 6)]
    assert 'tensor<?x4xf32, ["T"]>' in print_module(import_program(make_context(), captured))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tinx", "Did you mean tiny"),
        ("nowhere/model.py", "there is no file"),
        ("nowhere/config.json", "there is no file"),
        ("nowhere/folder", "there is no file or folder"),
    ],
)
def test_sources_that_do_not_exist(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        capture(name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"model_type": "deepseek_v3",', "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"model_type": "llama"}', "model_type 'llama' is not supported"),
        ('{"model_type": "deepseek_v3"}', "the field '.*' is missing"),
    ],
)
def test_bad_configurations(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError, match=reason):
        capture(str(tmp_path))


def test_options_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="not a range of this model's 6 layers"):
        capture("tiny", CaptureOptions(layers=(4, 9)))
    with pytest.raises(UsageError, match="choice of transformers' model"):
        capture("tiny", CaptureOptions(experts="batched_mm"))


def test_transformers_absent_or_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps(to_hf(load_config("tiny"))))
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(UsageError, match="needs transformers, which is not installed"):
        capture(str(tmp_path))
    old = type("old", (), {"__version__": "4.57.1"})
    monkeypatch.setitem(__import__("sys").modules, "transformers", old)
    with pytest.raises(UsageError, match=r"4\.57\.1 is too old"):
        hf_models.transformers()


def test_fp8_checkpoints_enter_as_stored(tmp_path: Path) -> None:
    config = replace(load_config("tiny"), num_hidden_layers=2, first_k_dense_replace=1)
    config = replace(config, quantization=QuantizationConfig(weight_block_size=(128, 128), scale_fmt="f32"))
    (tmp_path / "config.json").write_text(json.dumps(to_hf(config)))
    captured = capture(str(tmp_path), CaptureOptions(mtp=False, semantics="deepseek"))
    module = import_program(make_context(), captured)
    verify_module(module)
    recipes = {op.key.data: op for op in module.walk() if isinstance(op, ParamOp) and op.recipe is not None}
    assert {key.rsplit(".", 2)[-2] for key in recipes} >= {"q_a_proj", "o_proj", "experts", "gate_proj", "down_proj"}
    assert not [
        key for key in recipes if "norm" in key or "embed" in key or "head" in key or key.endswith("gate.weight")
    ]
    gate_up = recipes["mlp.experts.gate_up_proj"]
    stored = [(op.key.data, str(op.value.type)) for op in gate_up.walk() if isinstance(op, StoredEachOp)]
    assert stored == [
        ("mlp.experts.{}.gate_proj.weight", "tensor<16x192x384xf8E4M3FN>"),
        ("mlp.experts.{}.gate_proj.weight_scale_inv", "tensor<16x2x3xf32>"),
        ("mlp.experts.{}.up_proj.weight", "tensor<16x192x384xf8E4M3FN>"),
        ("mlp.experts.{}.up_proj.weight_scale_inv", "tensor<16x2x3xf32>"),
    ]
    assert sum(isinstance(op, DequantizeOp) for op in gate_up.walk()) == 2


def test_the_checkpoint_headers_say_what_is_quantised(tmp_path: Path) -> None:
    config = replace(
        load_config("tiny"), quantization=QuantizationConfig(weight_block_size=(128, 128), scale_fmt="f32")
    )
    assert "model.layers.0.self_attn.o_proj.weight" in quantized_in_folder(tmp_path, config)
    stored = {"a.weight": torch.zeros(2), "b.weight": torch.zeros(2), "b.weight_scale_inv": torch.zeros(1)}
    save_file(stored, tmp_path / "model.safetensors")
    assert quantized_in_folder(tmp_path, config) == {"b.weight"}
    assert quantized_by_config(load_config("tiny")) == frozenset()


def test_a_refused_capture_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CaptureFailure):
        capture(str(MODELS / "expert_loop.py"))
    assert "".join(capfd.readouterr()) == ""


def test_tied_embeddings_are_stored_once() -> None:
    config = replace(load_config("tiny"), num_hidden_layers=1, tie_word_embeddings=True)
    captured = capture_own(config, "hf", CaptureOptions(mtp=False))
    module = import_program(make_context(), captured)
    verify_module(module)
    model = build_model(config, "hf", torch.bfloat16)
    init_weights(model, 1)
    state = {name: value for name, value in stored_state(model.state_dict(), config).items() if "lm_head" not in name}
    ids = torch.arange(6).view(2, 3)
    with torch.no_grad():
        expected = model(ids)
    assert torch.equal(Executor(module, StateDictWeights(state), "torch").run("main", ids)[0], expected)


def test_doctor_reports_the_environment_and_the_model() -> None:
    findings = doctor(str(MODELS / "expert_loop.py"))
    by = {finding.name: finding for finding in findings}
    assert {"python", "platform", "torch", "xdsl", "gpu", "hf", "mlir", "capture"} <= by.keys()
    assert by["torch"].text == torch.__version__
    assert not by["capture"].ok
    assert "expert_loop.py:" in by["capture"].text
    assert all("\n" not in finding.text for finding in findings if finding.kind != "model")
    assert all(finding.ok for finding in doctor(str(MODELS / "no_q_lora.py")) if finding.kind == "model")


def test_schema_tables_are_those_of_the_installed_pytorch() -> None:
    for module in REGISTERING_MODULES:
        __import__(module)
    folder = Path(aten.__file__).parent / "schemas"
    used = set[str]()
    for name in ("half_split_rope", "softmax_gate", "einsum_attention"):
        program = capture(str(MODELS / f"{name}.py")).entries["main"].program
        used |= {str(n.target).replace(".", "::", 1).removesuffix(".default") for n in program.graph.nodes}
    for file, prefixes in TABLES.items():
        shipped, installed = by_name((folder / file).read_text().splitlines()), by_name(table(prefixes))
        for name in (used & installed.keys()) if file == "aten.txt" else shipped.keys():
            assert shipped[name] == installed[name]
    assert len(used & by_name(table(("aten::",))).keys()) > 20
