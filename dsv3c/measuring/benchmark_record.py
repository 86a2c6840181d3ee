"""Measured times as data: where they come from, as JSON, and as a table that estimates can be made with."""

import json
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch
from xdsl.ir import Operation

from dsv3c.ir.cost_model import Env
from dsv3c.ir.dialects.units import UnitOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.measured_keys import KEYS
from dsv3c.ir.targets import Target
from dsv3c.measuring.benchmark import Bound, KernelRow, Measured

FORMAT = 1
"""Of the JSON file."""
CLOCKS = ("clocks.sm", "clocks.mem", "clocks.max.sm", "power.limit")
"""What nvidia-smi is asked for: MHz, MHz, MHz, W."""
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Device:
    """What was measured on."""

    name: str
    facts: Mapping[str, str]
    """Versions, threads, clocks: those that could be found out."""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(f'{key} {value}' for key, value in self.facts.items())})"


def cpu() -> Device:
    """This machine."""
    fields = dict[str, str]()
    if CPUINFO.is_file():
        lines = (line.partition(":") for line in CPUINFO.read_text("utf-8").splitlines())
        for key, _, value in lines:
            fields.setdefault(key.strip(), value.strip())
    facts = {"threads": str(torch.get_num_threads()), "torch": torch.__version__}
    if "cpu MHz" in fields:
        facts["MHz"] = fields["cpu MHz"]
    return Device(fields.get("model name", platform.machine()), facts)


def cuda(number: int, num_sms: int) -> Device:
    """A CUDA device, with its clocks as they are now."""
    facts = {"multiprocessors": str(num_sms), "torch": torch.__version__, "CUDA": str(torch.version.cuda)}
    return Device(
        torch.cuda.get_device_name(number), facts | clocks(str(torch.cuda.get_device_properties(number).uuid))
    )


def clocks(device: str) -> dict[str, str]:
    """Clocks, power limit and driver by nvidia-smi, which names devices by their UUID; none where it does not say."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    fields = ("driver_version", *CLOCKS)
    command = [program, f"--id=GPU-{device.removeprefix('GPU-')}", f"--query-gpu={','.join(fields)}"]
    done = subprocess.run([*command, "--format=csv,noheader"], capture_output=True, text=True, check=False)
    values = [value.strip() for value in done.stdout.strip().split(",")]
    return dict(zip(fields, values, strict=True)) if done.returncode == 0 and len(values) == len(fields) else {}


def record(
    found: Sequence[Measured], *, artifact: Path, target: Target, device: Device, weights: str
) -> dict[str, object]:
    """Everything that was measured, and on what, of what, against which rates."""
    return {
        "format": FORMAT,
        "dsv3c": version("dsv3c"),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "artifact": str(artifact.resolve()),
        "weights": weights,
        "device": {"name": device.name, **device.facts},
        "target": {
            "name": target.name,
            "memory_bytes_per_s": target.memory_bytes_per_s,
            "dense_flops_per_s": dict(target.dense_flops_per_s),
            "sources": dict(target.sources),
        },
        "steps": [step_json(one) for one in found],
    }


def record_text(fields: Mapping[str, object]) -> str:
    """The JSON file."""
    return json.dumps(fields, indent=1) + "\n"


def step_json(one: Measured) -> dict[str, object]:
    """One entry."""
    point = one.point
    sizes = {"sequences": point.sequences, "new_tokens": point.new_tokens, "context": point.context}
    return {
        "entry": point.entry,
        **sizes,
        "tokens": point.tokens,
        "seconds": seconds_json(one.steps),
        "graph": {"reason": one.graphs} if isinstance(one.graphs, str) else seconds_json(one.graphs),
        "tokens_per_s": one.tokens_per_s,
        "floor": bound_json(one.bound, one.seconds),
        f"{one.kind}s": [row_json(row) for row in one.kernels],
        "places": [row_json(row) for row in one.sites],
    }


def seconds_json(times: Sequence[float]) -> dict[str, object]:
    """The runs of a step."""
    return {"median": median(times), "min": min(times), "max": max(times), "runs": list(times)}


def row_json(row: KernelRow) -> dict[str, object]:
    """One row."""
    return {
        "name": row.name,
        "calls": row.calls,
        "seconds_per_step": row.seconds,
        "seconds_per_call": {"min": min(row.each), "max": max(row.each)},
        "floor": bound_json(row.bound, row.seconds),
    }


def bound_json(bound: Bound, measured: float) -> dict[str, object]:
    """A floor, or why there is none."""
    found: dict[str, object] = {"flops": bound.flops, "bytes": bound.num_bytes}
    if bound.seconds is None:
        return found | {"seconds": None, "reason": bound.by}
    ratio = bound.ratio(measured)
    return found | {"seconds": bound.seconds, "ratio": ratio, "bound_by": bound.by, "from": list(bound.provenance)}


def table_text(found: Sequence[tuple[Measured, Env]], *, target: Target, device: Device, name: str) -> str:
    """A table for ``dsv3c compile --measured``: kernels that hold one op whose shape tables know.

    Every measured step is a point; times are the lowest and the highest call.  Raises UsageError for a target without
    rates, whose estimates nothing could be compared with, and where no kernel can be looked up by shape.
    """
    if target.memory_bytes_per_s is None or target.num_compute_units is None:
        raise UsageError(f"--table: target {target.name} states no rates, so that no estimate can use a table")
    points = dict[tuple[str, str, tuple[tuple[str, int], ...]], dict[float, list[float]]]()
    for one, env in found:
        for row in one.sites:
            (op,) = row.ops
            keyed = keyed_op(op)
            rule = KEYS.find(keyed) if keyed is not None else None
            key = rule(keyed, env) if rule is not None else None
            if keyed is not None and key is not None and key.rows > 0:
                at = points.setdefault((keyed.name, key.dtype, tuple(key.sizes.items())), {})
                at.setdefault(key.rows, []).extend(row.each)
    if not points:
        raise UsageError("--table: no kernel of these steps is looked up by shape")
    made = datetime.now(UTC).date().isoformat()
    lines = [
        f"name = {quoted(name)}",
        f"target = {quoted(target.name)}",
        f"source = {quoted(f'dsv3c bench on {device}, {made}')}",
        f"compute_units = {target.num_compute_units}",
    ]
    for (op_name, dtype, sizes), by_rows in sorted(points.items()):
        shown = ", ".join(f"{key} = {size}" for key, size in sizes)
        lines += ["", "[[kernel]]", f"op = {quoted(op_name)}", f"dtype = {quoted(dtype)}", f"sizes = {{ {shown} }}"]
        lines += ["points = ["]
        for rows, each in sorted(by_rows.items()):
            lines.append(f"  [{rows!r}, {min(each) * 1e6:.3f}, {max(each) * 1e6:.3f}],")
        lines += ["]"]
    return "\n".join(lines) + "\n"


def keyed_op(op: Operation) -> Operation | None:
    """The op that a kernel's time can be told as: the only one it holds."""
    if not isinstance(op, UnitOp):
        return op
    return op.ops[0] if len(op.ops) == 1 else None


def quoted(text: str) -> str:
    """A TOML string: JSON's are."""
    return json.dumps(text)
