"""A device whose times are made up, and the calls of the tiny model that ``dsv3c tune`` would measure on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant
from dsv3c.commands.tune import session_of
from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request
from dsv3c.ir.dialects.kernel import KernelCallOp
from dsv3c.ir.targets import load_target
from dsv3c.ir.text import print_module
from dsv3c.ir.types import element_type, shape
from dsv3c.measuring.benchmark_record import Device
from dsv3c.measuring.stopwatch import HostClock
from dsv3c.measuring.tuning import Case, cases_in
from dsv3c.measuring.tuning_run import Meter, Site, sites_of
from dsv3c.programs import read_program

PHASED = Path(__file__).parents[2] / "examples" / "dumps" / "phased.mlir"
H800 = load_target("h800")
DEVICE = Device("NVIDIA H100 80GB HBM3", {"multiprocessors": "132", "driver_version": "580.1", "clocks.sm": "1980 MHz"})
KERNEL = "scaled_mm.scaled_mm"
KERNELS = (
    "absorbed_attention.absorbed_attention", "expanded_attention.expanded_attention", "head_linear.head_linear",
    "linear.linear", "scaled_grouped_mm.scaled_grouped_mm", "scaled_mm.scaled_mm",
)  # fmt: skip
Found = tuple[list[Site], dict[str, list[Case]]]


def plan_tiny(folder: Path) -> Path:
    """The tiny model, planned for a device with kernels."""
    file = folder / "planned.mlir"
    file.write_text(print_module(compile_model(Request(model=str(PHASED), target="h800")).module))
    return file


def found_in(planned: Path) -> Found:
    """Every case, with its layouts, and the cases by kernel."""
    lowered, cases = cases_in(read_program(planned).module, H800)
    by_kernel = dict[str, list[Case]]()
    for case in cases:
        by_kernel.setdefault(case.kernel, []).append(case)
    return sites_of(lowered, cases, 132), by_kernel


class Clock(HostClock):
    """Goes on when something is launched."""

    def __init__(self) -> None:
        self.now, self.leads = 0.0, 0

    def lead(self, seconds: float) -> None:
        self.leads += 1
        self.now += seconds

    def mark(self) -> float:
        return self.now


class Made(RecordingGpu):
    """Writes ones, in a time that depends on the configuration; some configurations do other things."""

    def __init__(self, clock: Clock, *, others: Mapping[int, str] | None = None) -> None:
        super().__init__(132)
        self.clock, self.others, self.launched = clock, others or {}, list[Config]()

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        super().launch(kernel, grid, arguments, constants, config)
        self.launched.append(config)
        self.clock.now += 1e-6 * (config["block_m"] + 10 * config["num_stages"])
        match self.others.get(config["block_m"]):
            case "wrong":
                value = 2.0
            case "raises":
                raise RuntimeError("no such kernel")
            case "nothing":
                return
            case _:
                value = 1.0
        y = arguments["y_ptr"]
        tensor = y if isinstance(y, Tensor) else y.tensor  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
        tensor[...] = torch.where(torch.arange(tensor.shape[1]) % 2 == 0, value, 1.0).to(tensor.dtype)


def ones(op: KernelCallOp, given: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """What ``Made`` writes, as the meaning of a product."""
    (y,) = op.outputs
    return {"y": torch.ones(*given["x"].shape[:-1], shape(y)[-1], dtype=dtype_of(element_type(y)), device=device)}  # pyright: ignore[reportArgumentType, reportCallIssue]


def meter(
    gpu: Any, clock: Any, *, rounds: int = 3, flush: Callable[[], None] = lambda: None, means: Any = ones
) -> Meter:
    return Meter(gpu, torch.device("cpu"), clock, flush, lambda: None, rounds, meaning=means)


def some(sites: Sequence[Site], kernel: str = KERNEL, count: int = 1) -> list[Site]:
    """The first cases of a kernel, with what is made up here: plain candidates that one kernel runs."""
    chosen = [site for site in sites if site.case.kernel == kernel][:count]
    return [
        replace(
            site,
            case=replace(
                site.case, candidates=[item for item in site.case.candidates if is_plain(item.config)], by_rule=0
            ),
        )
        for site in chosen
    ]


def is_plain(config: Config) -> bool:
    """Whether a configuration is in plain Triton, and its sums are not split."""
    return not config.get("gluon", 0) and config.get("split_k", 1) == 1 and config.get("splits", 1) == 1


def session(**facts: str) -> Any:
    kernel: Any = SimpleNamespace(toolkit="13.0")
    return session_of(Device(DEVICE.name, {**DEVICE.facts, **facts}), H800, [kernel], 3)
