"""The GPU at hand: whether it is one that is measured here, what it is called, its clocks, and its own best rates."""

import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from benchmarks.hopper.peers_gemm import tensor_wise, whole
from benchmarks.hopper.timing import Clock, CudaClock, Limits, Timing, interleaved
from dsv3c.ir.errors import Dsv3cError
from dsv3c.ir.targets import Target, shipped_targets

CAPABILITY = (9, 0)
"""Of Hopper."""
CLOCKS = ("clocks.sm", "clocks.mem", "temperature.gpu", "power.draw")
"""What nvidia-smi is asked for: MHz, MHz, degrees, W."""
REASONS = "clocks_event_reasons.active"
"""Why clocks are held, a bit mask; older versions do not know it."""
PACKAGES = ("dsv3c", "torch", "triton", "xdsl", "cuda-bindings", "transformers")
SMOKE = "--smoke checks everything at small sizes on the CPU"
COPIED = 1 << 31
"""Bytes of the copy whose bandwidth is the reference."""
SIDE = 8192
"""Of the square products whose rates are the references."""


class NoGpu(Dsv3cError):
    """Why nothing can be measured here."""


@dataclass(frozen=True)
class Device:
    """What is measured on."""

    name: str
    target: str
    """The target whose kernels run on it."""
    capability: tuple[int, int]
    num_sms: int
    memory_bytes: int
    l2_bytes: int
    driver: str
    cuda: str
    """That PyTorch was built for."""

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        return asdict(self)

    @property
    def slug(self) -> str:
        """``nvidia-h100-80gb-hbm3``"""
        return "-".join(self.name.lower().split())


def find_device() -> Device:
    """The current CUDA device.  Raises NoGpu where it is none, or no Hopper."""
    if not torch.backends.cuda.is_built():
        raise NoGpu(f"PyTorch {torch.__version__} is built without CUDA", hint=SMOKE)
    if not torch.cuda.is_available():
        raise NoGpu("there is no CUDA GPU", hint=SMOKE)
    found = torch.cuda.get_device_properties(0)
    capability = torch.cuda.get_device_capability(0)
    if capability != CAPABILITY:
        raise NoGpu(
            f"{found.name} has compute capability {capability[0]}.{capability[1]}; 9.0 (Hopper) is measured here",
            hint=SMOKE,
        )
    return Device(
        found.name,
        target_for(found.name).name,
        capability,
        found.multi_processor_count,
        found.total_memory,
        int(getattr(found, "L2_cache_size", 50 << 20)),
        smi("driver_version").get("driver_version", "unknown"),
        str(torch.version.cuda),
    )


def target_for(name: str) -> Target:
    """The shipped target that a device's name fits.  Raises NoGpu where none does."""
    targets = [target for target in shipped_targets().values() if target.arch == "sm_90a"]
    words = name.lower().split()
    for target in targets:  # drivers call some devices of two targets the same: the target that the name says first
        if target.name in words:
            return target
    for target in targets:
        if name in target.device_names:
            return target
    raise NoGpu(f"no target is for {name}", hint=f"targets of this kind: {', '.join(item.name for item in targets)}")


def smi(*fields: str) -> dict[str, str]:
    """What nvidia-smi says of the first device; nothing where it is not there or does not answer."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    command = [program, "--id=0", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    values = [value.strip() for value in done.stdout.strip().split(",")]
    return dict(zip(fields, values, strict=True)) if done.returncode == 0 and len(values) == len(fields) else {}


def clocks() -> dict[str, str]:
    """Clocks, temperature and power as they are now."""
    return smi(*CLOCKS) | smi(REASONS)


def versions() -> dict[str, str]:
    """Of Python and the packages that matter."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@dataclass(frozen=True)
class Reference:
    """A rate of the device's own, measured."""

    what: str
    amount: float
    """Bytes or operations of one run."""
    timing: Timing

    @property
    def per_s(self) -> float:
        """By the median."""
        return self.amount / self.timing.median

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        timing = self.timing
        return {
            "what": self.what,
            "per_s": self.per_s,
            "low": self.amount / timing.high,
            "high": self.amount / timing.low,
            "runs": timing.runs,
            "seconds": timing.as_json(),
        }


def references(clock: Clock, device: torch.device, limits: Limits) -> dict[str, Reference]:
    """The bandwidth of a large copy (bytes read and written), the rates of square products of random numbers."""
    made = {"copy_bytes_per_s": copy_reference(clock, device, limits)}
    x, w = (torch.randn(SIDE, SIDE, device=device).bfloat16() for _ in range(2))
    (left, scale_x), (right, scale_w) = whole(x), whole(w)
    y = torch.empty_like(x)
    products: dict[str, Any] = {
        "bf16": lambda: torch.mm(x, w.t(), out=y),
        "f8E4M3FN": lambda: tensor_wise(left, right.t(), scale_x, scale_w),
    }
    found, _ = interleaved(products, clock, limits)
    for name, timing in found.items():
        made[f"{name}_flops_per_s"] = Reference(f"cuBLAS, {SIDE}^3, random numbers", 2.0 * SIDE**3, timing)
    return made


def copy_reference(clock: Clock, device: torch.device, limits: Limits) -> Reference:
    """The bandwidth of a large copy."""
    source = torch.randint(-128, 127, (COPIED,), dtype=torch.int8, device=device)
    copy = torch.empty_like(source)
    found, _ = interleaved({"copy": lambda: copy.copy_(source)}, clock, limits)
    return Reference("copy of 2 GiB, read and written", 2 * COPIED, found["copy"])


def cuda_clock(device: Device) -> CudaClock:
    """The clock of the current device."""
    return CudaClock(torch.device("cuda", 0), device.l2_bytes)
