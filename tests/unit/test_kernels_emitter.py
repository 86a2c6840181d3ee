"""Programs of kernels: what is written, what it needs, and that it computes what the module means."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kernel_programs import Forced, interpreted, load_program
from kernel_references import calc_diff
from roundtrip import parse
from torch import Tensor

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import CacheSpec
from dsv3c.backends.reference.runtime.params import Params, RandomSource
from dsv3c.backends.reference.weights import RandomWeights
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.memory.plan_memory import PlanMemoryPass
from dsv3c.backends.triton.runtime.gpu import variant_of
from dsv3c.backends.triton.runtime.records import GpuError
from dsv3c.backends.triton.runtime.space import Space, device_cache
from dsv3c.backends.triton.variants import variants_of
from dsv3c.ir.context import make_context
from dsv3c.ir.errors import IRError
from dsv3c.ir.targets import load_target

X, Q, W = (
    'tensor<?x128xbf16, ["T"]>',
    '!scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>',
    "!scaled.tensor<tensor<128x128xf8E4M3FN>, 128x128, f32>",
)
HOW = 'quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none">'
TEXT = f"""
dsv3c.symbol @T min 0 max 64
func.func private @layer(%x: {X}) -> {X} {{
  %q = kernel.call "quantize.quantize" reads ["x"] %x writes ["q"]
      configs [#kernel.literals<up_to 4, block_m 1, block_n 128, num_warps 1, num_stages 1>,
               #kernel.literals<block_m 4, block_n 128, num_warps 4, num_stages 1>]
      parameters <granule [1, 128], data "f8E4M3FN", amax_floor 1.0e-04, static none, apply "divide",
                  round_scale "none", saturate false> : {X} -> {Q} {{
  ^bb0(%x_1: {X}):
    %q_1 = scaled.quantize %x_1 {HOW} : {X} -> {Q}
    kernel.yield %q_1 : {Q}
  }}
  %w = weight.param "proj.weight:f8E4M3FN 128x128" : {W} {{
    %0 = weight.stored "proj.weight" : tensor<128x128xbf16>
    %1 = scaled.quantize %0 {HOW} : tensor<128x128xbf16> -> {W}
    weight.yield %1 : {W}
  }}
  %y = kernel.call "scaled_mm.scaled_mm" reads ["x", "w"] %q, %w writes ["y"]
      configs [#kernel.literals<block_m 16, block_n 64, block_k 128, group_m 8, swap 1, num_warps 4, num_stages 4>]
      parameters <promote 128, x_scales "mn_major"> : {Q}, {W} -> {X} {{
  ^bb0(%q_1: {Q}, %w_1: {W}):
    %y_1 = scaled.mm %q_1, %w_1 promote 128 : {Q}, {W} -> {X}
    kernel.yield %y_1 : {X}
  }}
  func.return %y : {X}
}}
func.func @main(%x: {X}) -> tensor<?x2x64xbf16, ["T"]> {{
  %y = func.call @layer(%x) {{prefix = "layers.0"}} : ({X}) -> {X}
  %z = func.call @layer(%y) {{prefix = "layers.1"}} : ({X}) -> {X}
  %u = aten.view(%z) : tensor<?x2x64xbf16, ["T"]>
  func.return %u : tensor<?x2x64xbf16, ["T"]>
}}
"""


def planned() -> object:
    module = parse(TEXT)
    PlanMemoryPass().run(make_context(target=load_target("h800")), module)
    return module


def expected(module: object, x: Tensor) -> Tensor:
    (found,) = Executor(module, RandomWeights(3, required_headers(module))).run("main", x)
    return found


@pytest.mark.parametrize("plan", [False, True])
@pytest.mark.parametrize("tokens", [0, 3, 5])
def test_a_program_computes_what_its_module_means(plan: bool, tokens: int) -> None:
    module = planned() if plan else parse(TEXT)
    x = torch.randn(tokens, 128, generator=torch.Generator().manual_seed(1)).to(torch.bfloat16)
    want, forced = expected(module, x), Forced(module)
    for wrap in (None, forced.wrap):
        (found,) = interpreted(module, wrap)["main"].bind(Params(RandomSource(3)))(x)
        assert found.shape == want.shape == (tokens, 2, 64)
        assert calc_diff(found, want) < 3e-6
    assert torch.equal(found, want), "every launch gave what its meaning gives"
    assert forced.checked == {"quantize.quantize": 2, "scaled_mm.scaled_mm": 2}


def test_the_text_reads_as_the_module_does() -> None:
    text = emit_kernels_program(planned())["program.py"]
    layer = text[text.index("def layer(") : text.index("def main(")]
    lines = [line.strip() for line in layer.splitlines() if not line.strip().startswith("#")]
    assert " ".join(lines).startswith(
        "def layer(gpu: Gpu, space: Frame, p: Params, T, x): "
        'q = space.scaled((T, 128), torch.float8_e4m3fn, (1, 128), torch.float32, 0, layout="mn_major") '
        "quantize.quantize( gpu, x=x, q=q, configs=QUANTIZE_CONFIGS, granule=(1, 128), "
    )
    assert "y = space.tensor((T, 128), torch.bfloat16, 8448)" in lines  # behind 64 x 128 bytes, and 64 scales
    assert "scaled_mm.scaled_mm(gpu, x=q, w=w, y=y, configs=SCALED_MM_CONFIGS, " in layer
    assert 'z = layer(gpu, space.frame(24832), p.at("layers.1"), T, y)' in re.sub(r"  #.*", "", text)
    assert '"main": Entry(main, workspace=' in text
    assert text.count("def proj_weight_f8E4M3FN_128x128(p: Params):") == 1


def test_the_program_and_what_it_brings_are_clean_python(tmp_path: Path) -> None:
    write(tmp_path)
    command = [Path(sys.executable).with_name("ruff"), "check", "--isolated", "--line-length=120", "--select=E,F,W"]
    done = subprocess.run([*command, "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


ALLOWED = """
import sys

class OnlyTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("dsv3c", "xdsl", "triton", "safetensors", "transformers"):
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, OnlyTorch())
sys.path.insert(0, sys.argv[1])
import program
print(sorted(program.ENTRIES))
"""


def test_the_program_needs_torch_and_the_bindings_alone(tmp_path: Path) -> None:
    write(tmp_path)
    command = [sys.executable, "-I", "-c", ALLOWED, tmp_path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "['main']\n", done.stderr
    run = [sys.executable, tmp_path / "program.py", "--tokens", "1"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "kernels.json cannot be read" in done.stderr


def write(folder: Path) -> None:
    for name, content in emit_kernels_program(planned()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def test_an_op_that_no_kernel_runs_is_told() -> None:
    module = parse(
        """dsv3c.symbol @T min 0
        func.func @main(%x: tensor<?x4xf32, ["T"]>) -> tensor<?x4xf32, ["T"]> {
          %y = aten.neg(%x) : tensor<?x4xf32, ["T"]>
          func.return %y : tensor<?x4xf32, ["T"]>
        }"""
    )
    with pytest.raises(IRError, match=r"no kernel runs aten.neg"):
        emit_kernels_program(module)


def test_a_workspace_has_an_end_and_scales_lie_behind_their_data() -> None:
    space = Space(torch.device("cpu"), 2048)
    frame = space.frame(512)
    made = frame.scaled((5, 256), torch.float8_e4m3fn, (1, 128), torch.float32, 0, layout="mn_major")
    assert made.data.data_ptr() == space.workspace.data_ptr() + 512
    assert made.scale.data_ptr() == made.data.data_ptr() + 1280
    assert made.scale.shape == (5, 2) and made.scale.stride() == (1, 8)
    assert frame.tensor((1, 128), torch.float32, 1024).shape == (1, 128)
    with pytest.raises(GpuError, match="needs 2052 bytes of workspace, planned are 2048"):
        frame.tensor((1, 129), torch.float32, 1024)


def test_steps_of_one_size_are_given_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsv3c.backends.triton.runtime.space.KEPT", 12)
    space = Space(torch.device("cpu"), 1 << 16)

    def asked(rows: int, base: int = 512, layout: str = "row") -> tuple[torch.Tensor, Scaled]:
        frame = space.frame(base)
        scaled = frame.scaled((rows, 256), torch.float8_e4m3fn, (1, 128), torch.float32, 8192, layout=layout)
        return frame.tensor((rows, 256), torch.bfloat16, 0), scaled

    tensor, scaled = asked(4)
    assert asked(4)[0] is tensor and asked(4)[1] is scaled
    others = [asked(5), asked(4, 1024), asked(4, layout="mn_major")]
    assert all(other[1] is not scaled for other in others)
    assert others[0][0].shape == (5, 256) and others[1][0].data_ptr() == tensor.data_ptr() + 512
    assert others[2][1].scale.stride() == (1, 4) and others[2][0] is asked(4)[0]
    assert space.frame(512).tensor((4, 256), torch.float16, 0).dtype == torch.float16
    assert len(space.kept) <= 12
    free = Space(torch.device("cpu"))
    assert free.tensor((4,), torch.float32) is not free.tensor((4,), torch.float32)


def test_what_the_host_made_has_the_layout_that_kernels_are_compiled_for() -> None:
    space = Space(torch.device("cpu"))
    value = Scaled(torch.arange(15.0).view(5, 3).to(torch.float8_e4m3fn), torch.arange(5.0).view(5, 1), (1, 128))
    fetched, token = space.fetched(value, 3)
    placed = space.placed(fetched, layout="mn_major")
    assert isinstance(placed, Scaled) and placed.scale.stride() == (1, 8)
    assert torch.equal(placed.data.float(), value.data.float()) and torch.equal(placed.scale, value.scale)
    assert space.placed(token) == 3


def test_tables_are_read_on_the_host() -> None:
    space = Space(torch.device("cpu"))
    table = torch.tensor([3, 4])
    (copy,) = space.upload(table)
    assert copy is not table and space.frame(0).total(copy) == 7
    space.start()
    with pytest.raises(KeyError):
        space.total(copy)


def test_a_device_cache_is_one_row_of_bytes_per_token() -> None:
    spec = CacheSpec(4, 512, 64, torch.float8_e4m3fn, torch.bfloat16, granule=128)
    cache = device_cache(spec, 3, torch.device("cpu"))
    assert cache.latent.stride() == (4 * 656, 656, 1) and cache.num_bytes == 3 * 4 * 656
    plain = device_cache(CacheSpec(4, 512, 64, torch.bfloat16, torch.bfloat16), 3, torch.device("cpu"))
    assert plain.rope.stride() == (4 * 576, 576, 1) and plain.scale is None
    assert plain.rope.data_ptr() - plain.latent.data_ptr() == 1024


def test_a_launch_is_of_the_same_variant_whatever_the_step() -> None:
    """Pages per sequence change the rows of a table: pointers to tables are never promised to be aligned."""
    for pages in (1, 4, 7):
        table = torch.zeros(3, pages, dtype=torch.int32)
        assert variant_of("a.b", {"table_ptr": table}, {}, {"num_warps": 1, "num_stages": 1}).divisible == ()
    rows = torch.zeros(3, 64, dtype=torch.bfloat16)
    assert variant_of("a.b", {"x_ptr": rows}, {}, {"num_warps": 1, "num_stages": 1}).divisible == ("x_ptr",)


PART = """
dsv3c.symbol @N min 0
dsv3c.symbol @M min 0
dsv3c.symbol @P min 1
func.func @main(%offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %lens: tensor<?xi32, ["N"]>)
    -> (tensor<?xi32, ["M + 1"]>, tensor<?x?xi32, ["M", "P"]>, tensor<?xi32, ["M"]>) {
  %o, %t, %l = nn.step_part %offsets, %table, %lens first "2" count "3" keep "present"
    : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
    -> tensor<?xi32, ["M + 1"]>, tensor<?x?xi32, ["M", "P"]>, tensor<?xi32, ["M"]>
  func.return %o, %t, %l : tensor<?xi32, ["M + 1"]>, tensor<?x?xi32, ["M", "P"]>, tensor<?xi32, ["M"]>
}
"""


def test_tables_of_a_part_of_a_step_are_made_on_the_host() -> None:
    module = parse(PART)
    tables = [torch.tensor(rows, dtype=torch.int32) for rows in ([0, 1, 4, 7], [[1, 2], [3, 4], [5, 6]], [9, 8, 7])]
    found = interpreted(module)["main"].bind(Params(RandomSource(0)))(*tables)
    assert [table.tolist() for table in found] == [[0, 2, 3], [[3, 4], [5, 6]], [8, 5]]


def test_a_program_says_which_kernels_it_calls() -> None:
    module = planned()
    variants = variants_of(module, 132)
    names = load_program(emit_kernels_program(module, variants)["program.py"])
    assert names["ENTRIES"]["main"].kernels is names["KERNELS"]
    assert names["KERNELS"] == tuple(sorted(variant.key for variant in variants))
    rows = [key for key in names["KERNELS"] if key.startswith("quantize.quantize_rows_kernel-")]
    assert len(rows) == 2, "for few rows and for more"
    assert "KERNELS" not in load_program(emit_kernels_program(module)["program.py"])
