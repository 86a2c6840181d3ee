"""Calls that were made before: the same launches as the launcher's own, with the addresses of every call."""

import ctypes
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from inspect import isfunction, signature
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from cuda.bindings import driver as bindings
from fake_cuda import FakeCuda
from kernel_programs import load_program
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from dsv3c.backends.triton import launchers
from dsv3c.backends.triton.compilation.compile_worker import TRAILING, parameters
from dsv3c.backends.triton.emission.emitter import emit_kernels_program
from dsv3c.backends.triton.runtime.cubin import CubinGpu
from dsv3c.backends.triton.runtime.device_params import DeviceParams
from dsv3c.backends.triton.runtime.gpu import Argument, Descriptor, Gpu, Static, Variant, cdiv, variant_of
from dsv3c.backends.triton.runtime.records import TENSOR_MAP, Box, GpuError, KernelRecord, Kernels, kernels_text
from dsv3c.backends.triton.runtime.replays import key_of, replayed
from dsv3c.backends.triton.runtime.space import Space, device_cache
from dsv3c.backends.triton.variants import variants_of
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request

CPU = torch.device("cpu")
PHASED = Path(__file__).parents[2] / "examples" / "dumps" / "phased.mlir"
KINDS = {"i32": ctypes.c_int, "i64": ctypes.c_int64, "fp32": ctypes.c_float, TENSOR_MAP: ctypes.c_char * 128}
CONFIG = {"num_warps": 4, "num_stages": 2, "block": 16}
GLUON = CONFIG | {"gluon": 1}


class Driver(FakeCuda):
    """Makes descriptors that say what they were made of."""

    cuuint64_t = cuuint32_t = staticmethod(int)

    def answer(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        if name != "cuTensorMapEncodeTiled":
            return super().answer(name, arguments)
        memory = ctypes.create_string_buffer(hashlib.sha256(repr(arguments).encode()).hexdigest().encode(), 128)
        return (SimpleNamespace(getPtr=lambda: ctypes.addressof(memory), memory=memory),)


def device(folder: Path, variants: Iterable[Variant], *, pdl: bool = False) -> Any:
    """A device with binaries for these variants, whose launches are read back."""
    folder.mkdir(exist_ok=True)
    (folder / "none.cubin").write_bytes(b"binary")
    driver, records = Driver(structures=bindings), dict[str, KernelRecord]()
    for variant in variants:
        abi = [one for name, kind in variant.signature for one in parameters(name, kind)] + list(TRAILING)
        boxes = {name: Box((1, 16), 3) for name, kind in abi if kind == TENSOR_MAP}
        entry = variant.key
        records[entry] = KernelRecord(
            *(entry, variant.kernel, "none.cubin", hashlib.sha256(b"binary").hexdigest(), entry, tuple(abi), {}),
            *(variant.num_warps, 0),
            boxes=boxes,
        )
        driver.parameters[entry] = [KINDS.get(kind, ctypes.c_void_p) for _, kind in abi]
    (folder / "kernels.json").write_text(kernels_text(Kernels("sm_90a", "13.0", records, pdl)))
    gpu = CubinGpu(folder, driver=driver, stream=lambda: 7)
    gpu.device = CPU
    return gpu


def arguments_of(x: Tensor, q: Scaled, bias: Tensor | None, config: Mapping[str, int]) -> dict[str, Argument]:
    rows = x.as_strided((x.shape[0], x.shape[-1]), (x.stride(0), 1))
    return {
        **{"x_ptr": Descriptor(rows, (1, 16)) if config.get("gluon") else rows, "data_ptr": q.data[:, 16:]},
        **{"scale_ptr": q.scale, "bias_ptr": bias, "rows": x.shape[0], "stride": Static(x.stride(0)), "eps": 0.5},
    }


calls = list[str]()


@replayed
def scale(gpu: Gpu, *, x: Tensor, q: Scaled, bias: Tensor | None = None, configs: Any, saturate: bool = False) -> None:
    """Launches two kernels, the second for some rows only."""
    calls.append("scale")
    config = configs[0]
    arguments = arguments_of(x, q, bias, config)
    gpu.launch("a.scale_kernel", (cdiv(x.shape[0], config["block"]), 1, 1), arguments, {"SATURATE": saturate}, config)
    if x.shape[0] > 16:
        gpu.launch("a.sum_kernel", (1, 1, 1), {"scale_ptr": q.scale}, {"PDL": True}, CONFIG)


def values(rows: int = 8, width: int = 64) -> dict[str, Any]:
    return {
        "x": torch.zeros(rows, width, dtype=torch.bfloat16),
        "q": Scaled(torch.zeros(rows, width, dtype=torch.uint8), torch.zeros(rows, 1), (1, 64)),
    }


def variants() -> list[Variant]:
    found = list[Variant]()
    for config in (CONFIG, GLUON):
        for bias in (None, torch.zeros(64)):
            given = arguments_of(values()["x"], values()["q"], bias, config)
            found += [variant_of("a.scale_kernel", given, {"SATURATE": flag}, config) for flag in (False, True)]
    return [*found, variant_of("a.sum_kernel", {"scale_ptr": torch.zeros(8, 1)}, {"PDL": True}, CONFIG)]


@pytest.fixture
def gpu(tmp_path: Path) -> Any:
    calls.clear()
    return device(tmp_path, variants())


def launched(gpu: Any, call: Callable[[], None]) -> list[dict[str, Any]]:
    """What a call launches."""
    first = len(gpu.driver.launched)
    call()
    return gpu.driver.launched[first:]


@pytest.mark.parametrize("config", [CONFIG, GLUON])
@pytest.mark.parametrize("rows", [8, 40])
def test_a_call_that_was_made_twice_is_launched_without_its_launcher(gpu: Any, rows: int, config: Any) -> None:
    configs = (config,)
    for _ in range(5):
        given = values(rows)
        found = launched(gpu, lambda given=given: scale(gpu, **given, configs=configs))
        plain = launched(gpu, lambda given=given: scale.__wrapped__(gpu, **given, configs=configs))  # pyright: ignore[reportFunctionMemberAccess]
        assert found == plain and len(found) == (2 if rows > 16 else 1)
        assert [launch.get("early", False) for launch in found] == [False, True][: len(found)]
    assert calls == ["scale"] * (5 + 1 + 2), "each time for what is expected; once, and once more to record it"
    assert gpu.launches["a.scale_kernel"] == 10


def test_one_tensor_under_two_keywords_and_another_in_its_place(gpu: Any) -> None:
    configs, bias = (CONFIG,), torch.zeros(64)
    for number in range(4):
        given = values()
        given["q"] = replace(given["q"], data=given["x"].view(torch.uint8)) if number == 3 else given["q"]
        given["q"] = replace(given["q"], data=given["q"].data[:, :64])
        plain = launched(gpu, lambda given=given: scale.__wrapped__(gpu, **given, bias=bias, configs=configs))  # pyright: ignore[reportFunctionMemberAccess]
        assert launched(gpu, lambda given=given: scale(gpu, **given, bias=bias, configs=configs)) == plain


def keys() -> dict[str, Any]:
    """Keywords of one call, and of others that may launch something else, each for one reason."""
    memory = torch.zeros(4096, dtype=torch.uint8)
    pages = memory[:1024].view(2, 8, 64)
    cache = LatentCache(pages[..., :32], pages[..., 32:48])
    scaled = LatentCache(pages[..., :32], pages[..., 32:48], pages[..., 48:56].view(torch.float32), 16)
    base: dict[str, Any] = {
        "x": memory[:512].view(torch.bfloat16).view(4, 64),
        **{"q": Scaled(memory[:256].view(4, 64), torch.zeros(4, 1), (1, 64)), "cache": cache, "bias": None},
        **{"rows": 4, "eps": 0.5, "order": "slot", "flag": True, "granule": (1, 64), "configs": (CONFIG,)},
    }
    changed: dict[str, dict[str, Any]] = {
        "as it is": {},
        "sizes": {"x": base["x"][:3]},
        "strides": {"x": memory[:1024].view(torch.bfloat16).view(4, 128)[:, :64]},
        "type": {"x": base["x"].view(torch.float16)},
        "dims": {"x": base["x"].view(2, 2, 64)},
        "alignment": {"x": memory[2:514].view(torch.bfloat16).view(4, 64)},
        "type of the scales": {"q": Scaled(base["q"].data, torch.zeros(4, 1, dtype=torch.bfloat16), (1, 64))},
        "alignment of the scales": {"q": Scaled(base["q"].data, torch.zeros(8, 1)[1:5], (1, 64))},
        "granule": {"q": Scaled(base["q"].data, base["q"].scale, (1, 32))},
        "data alone": {"q": base["q"].data},
        "a cache with scales": {"cache": scaled},
        "granule of a cache": {"cache": replace(scaled, granule=32)},
        "pages": {"cache": LatentCache(pages[:1, :, :32], pages[:1, :, 32:48])},
        "a pointer that was absent": {"bias": base["x"]},
        "an integer": {"rows": 5},
        "an integer's type": {"rows": True},
        "a number": {"eps": 0.25},
        "a number's sign": {"eps": -0.0},
        "text": {"order": "expert"},
        "a flag": {"flag": False},
        "a tuple": {"granule": (1, 32)},
        "configurations": {"configs": (CONFIG | {"block": 32},)},
    }
    found = {name: base | one for name, one in changed.items()}
    found["another keyword"] = {**base, "y": None}
    found["a keyword's name"] = {("z" if name == "order" else name): value for name, value in base.items()}
    return found


def test_whatever_a_launcher_may_look_at_has_another_key() -> None:
    one: Any = SimpleNamespace(num_sms=132, pdl=True)
    made = keys()
    base, found = made["as it is"], {name: key_of(scale, keywords, one)[0] for name, keywords in made.items()}
    found["another launcher"] = key_of(print, base, one)[0]
    found["multiprocessors"] = key_of(scale, base, SimpleNamespace(num_sms=114, pdl=True))[0]  # pyright: ignore[reportArgumentType]
    found["early starts"] = key_of(scale, base, SimpleNamespace(num_sms=132, pdl=False))[0]  # pyright: ignore[reportArgumentType]
    assert all(len(set(pair)) == 2 for pair in combinations(found.values(), 2))
    assert len(set(found.values())) == len(found)
    again = dict(base) | {"x": torch.zeros(4, 64, dtype=torch.bfloat16)}
    assert key_of(scale, again, one)[0] == found["as it is"], "addresses are in no key"
    assert key_of(scale, again, one)[1][0] == again["x"].data_ptr()


def test_what_a_key_tells_by_identity_lives_as_long_as_the_key(gpu: Any) -> None:
    given = values()
    for block in (16, 32, 16, 32, 64):
        for _ in range(3):
            configs = (CONFIG | {"block": block},)  # made anew: no two are the same object while they live
            (launch,) = launched(gpu, lambda configs=configs: scale(gpu, x=given["x"], q=given["q"], configs=configs))
            assert launch["grid"] == (cdiv(8, block), 1, 1)
    kept = (CONFIG,)
    for _ in range(3):
        scale(gpu, x=given["x"], q=given["q"], configs=kept)
    *_, found = gpu.replays.recorded.values()
    assert any(value is kept for value in found.alive)


def test_a_call_with_a_keyword_that_may_change_runs_its_launcher(gpu: Any) -> None:
    given, configs = values(), [CONFIG]
    for block in (16, 16, 16, 4):
        configs[0] = CONFIG | {"block": block}
        (launch,) = launched(gpu, lambda: scale(gpu, **given, configs=configs))
        assert launch["grid"] == (cdiv(8, block), 1, 1)
    assert not gpu.replays.recorded


@replayed
def cleared(gpu: Gpu, *, x: Tensor, configs: Any) -> None:
    """Does something else than launching."""
    x.zero_()


@replayed
def allocated(gpu: Gpu, *, x: Tensor, configs: Any) -> None:
    """Launches with memory of its own."""
    gpu.launch("a.sum_kernel", (1, 1, 1), {"scale_ptr": torch.empty(8, 1)}, {"PDL": True}, CONFIG)


def test_launchers_that_do_something_else_run_every_time(gpu: Any) -> None:
    x, configs = torch.ones(4, 4), (CONFIG,)
    for _ in range(4):
        x.fill_(1)
        cleared(gpu, x=x, configs=configs)
        assert not x.any()
        assert len(launched(gpu, lambda: allocated(gpu, x=x, configs=configs))) == 1
    assert list(gpu.replays.recorded.values()) == [None, None]


def test_what_cannot_be_launched_is_told_every_time(gpu: Any) -> None:
    configs = (CONFIG,)
    for _ in range(4):
        given = values()
        with pytest.raises(GpuError, match=r"a\.scale_kernel was not compiled for"):
            scale(gpu, x=given["x"].float(), q=given["q"], configs=configs)
    assert not gpu.replays.recorded


def test_other_devices_run_every_launcher() -> None:
    calls.clear()
    noted = list[Any]()
    plain: Any = SimpleNamespace(num_sms=132, pdl=False, launch=lambda *launch: noted.append(launch))
    for _ in range(3):
        scale(plain, **values(), configs=(CONFIG,))
    assert calls == ["scale"] * 3 and len(noted) == 3


class Uninitialised:
    """Parameters of any name, whatever is in their memory."""

    def __call__(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.zeros(shape, dtype=dtype)

    def packed(self, name: str) -> None:
        """Recipes run."""


@pytest.fixture(scope="module")
def lowered() -> ModuleOp:
    found = compile_model(Request(model=str(PHASED), target="h800", level="kernels")).lowered
    assert found is not None
    return found


def tables_of(sequences: int, query: int) -> list[Tensor]:
    """Nothing runs that reads them; the host adds lengths of contexts up."""
    int32, tokens = torch.int32, sequences * query
    sizes = [(tokens,), (sequences + 1,), (sequences, 2), (sequences,)]
    return [torch.zeros(tokens, dtype=torch.int64), *(torch.ones(size, dtype=int32) for size in sizes)]


@pytest.mark.parametrize(("name", "query"), [("decode", 1), ("prefill", 9)])
def test_steps_of_a_program_launch_what_they_would(lowered: ModuleOp, name: str, query: int, tmp_path: Path) -> None:
    gpu = device(tmp_path, variants_of(lowered, 132, pdl=True), pdl=True)
    entry = load_program(emit_kernels_program(lowered)["program.py"])["ENTRIES"][name]
    space, params = Space(CPU, entry.workspace), DeviceParams(Uninitialised(), CPU)
    for sequences in (3, 5):
        for _ in range(2):
            caches = [device_cache(spec, 8, CPU) for spec in entry.caches]
            tables = tables_of(sequences, query)

            def step(tables: list[Tensor] = tables, caches: list[LatentCache] = caches) -> None:
                space.start()
                space.tables |= {id(table): (table, table) for table in tables}
                entry.function(gpu, space, params, *tables, *caches)

            gpu.replays, replays = None, gpu.replays
            plain = launched(gpu, step)
            gpu.replays = replays
            assert all(launched(gpu, step) == plain for _ in range(3))
            assert len(plain) > 50
    assert len(gpu.replays.recorded) > 20 and not any(one is None for one in gpu.replays.recorded.values())


RUN_EVERY_TIME = {
    "expanded_attention.expanded_attention": "sets a counter to zero",
    "logfmt.logfmt_decode": "is of no program",
    "logfmt.logfmt_encode": "is of no program",
    "rope_table.rope_table": "launches with a table of its own",
}
"""Launchers that are not replayed."""


def test_all_other_launchers_of_kernels_are_replayed() -> None:
    files = [file.stem for file in Path(launchers.__path__[0]).glob("*.py") if file.stem != "extern"]
    plain = set[str]()
    for stem in files:
        module = import_module(f"{launchers.__name__}.{stem}")
        for name, function in vars(module).items():
            if isfunction(function) and function.__module__ == module.__name__:
                *_, last = signature(function).parameters.values()
                called = next(iter(signature(function).parameters)) == "gpu" and last.kind is last.KEYWORD_ONLY
                if called and name != "launch" and not hasattr(function, "__wrapped__"):
                    plain.add(f"{stem}.{name}")
    assert plain == {*RUN_EVERY_TIME, "quantize.quantize_static"}, "the last is called by a launcher"
