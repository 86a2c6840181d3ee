"""Hardware facts as data: one frozen record per target, read from a TOML file, each fact with its unit and source.

Passes ask the record; nobody compares names.  A user adds a target with a file of the same form.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, cast

from dsv3c.ir.data_files import load, shipped_texts
from dsv3c.ir.errors import UsageError

SCALE_LAYOUTS = ("row", "mn_major", "packed")
CHOICES = {
    "scale_type": ("f32", "f8E8M0FNU"),
    "scale_layout": SCALE_LAYOUTS,
    "weight_scale_layout": SCALE_LAYOUTS,
}
"""Facts that are one of a few words."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One device a program can be planned for.  Rates are dense peaks, per second; a missing fact is None."""

    name: str
    description: str
    kind: str
    """``gpu`` or ``cpu``."""
    arch: str
    """What the kernel compiler calls it (``sm_90a``, ``gfx942``); empty for a CPU."""
    backends: tuple[str, ...]
    """What works today, of: plan, reference, kernels."""
    recipe: str = "bf16"
    """Precision recipe of a compile that names none."""
    device_names: tuple[str, ...] = ()
    """What drivers call devices whose measured times are this target's: those that differ in links only, too."""
    num_compute_units: int | None = None
    """Streaming multiprocessors, compute units or cores."""
    shared_memory_bytes_per_block: int | None = None
    memory_bytes: int | None = None
    memory_bytes_per_s: float | None = None
    cache_bytes_per_s: float | None = None
    """From the cache that all compute units share to all of them together."""
    scale_up_bytes_per_s: float | None = None
    """One direction, to all peers of the scale-up domain (NVLink, Infinity Fabric) together."""
    scale_out_bytes_per_s: float | None = None
    """One direction, per device, of the network interface."""
    scale_up_achieved_bytes_per_s: float | None = None
    """What transfers of experts' tokens get of ``scale_up_bytes_per_s``."""
    scale_out_achieved_bytes_per_s: float | None = None
    """What they get of ``scale_out_bytes_per_s``."""
    scale_up_latency_s: float | None = None
    """From sending a message of 64 bytes to having it, between two devices of a scale-up domain."""
    scale_out_latency_s: float | None = None
    """The same through the network, of two devices on one leaf switch."""
    scale_up_devices: int | None = None
    """Devices of one scale-up domain (a node, a rack)."""
    communication_compute_units: int | None = None
    """Compute units that dispatch and combine hold while they run beside other kernels."""
    low_latency_communication_compute_units: int | None = None
    """The same of the low-latency kind that decode uses."""
    training_communication_compute_units: int | None = None
    """The same in training."""
    warpgroup_products: bool = False
    """Four warps multiply tiles in shared memory together (wgmma) while others copy them there (Hopper)."""
    programmatic_launch: bool = False
    """A kernel may be started before the one before it in its stream has ended, and wait for that itself."""
    group_alignment: tuple[int, ...] | None = None
    """Multiples of rows at which grouped matrix products let an expert's rows start (their tiles' heights), ascending.
    """
    scale_type: str | None = None
    """Element type of the scales that block-scaled products read: ``f32``, or ``f8E8M0FNU`` (powers of two)."""
    scale_layout: str | None = None
    """How the scales of an activation lie: ``row``, ``mn_major`` or ``packed`` (see ``ir/scaled_type.py``)."""
    weight_scale_layout: str | None = None
    """How those of a weight lie."""
    dense_flops_per_s: Mapping[str, float]
    """Peak matrix rate by operand type (``bf16``, ``f8E4M3FN``), without sparsity."""
    sources: Mapping[str, str]
    """Fact -> where it is published."""

    def states_rates(self, dtype: str) -> bool:
        """Whether floors can be computed for work on operands of ``dtype``."""
        return self.memory_bytes_per_s is not None and dtype in self.dense_flops_per_s

    def fact(self, name: str) -> float:
        """A number the target must state.  Raises UsageError naming the fact when its file does not."""
        value = getattr(self, name)
        if value is None:
            raise UsageError(f"target {self.name} does not state {name}", hint="add it to its file, with a source")
        return value

    def flops_per_s(self, dtype: str) -> float:
        """Peak rate for operands of ``dtype``.  Raises UsageError when the target's file does not state it."""
        if dtype not in self.dense_flops_per_s:
            raise UsageError(
                f"target {self.name} states no matrix rate for {dtype}",
                hint=f"it states {', '.join(self.dense_flops_per_s) or 'none'}; add it to its file, with a source",
            )
        return self.dense_flops_per_s[dtype]

    def floor_s(self, *, flops: float, dtype: str, memory_bytes: float) -> float | None:
        """No kernel doing this much work finishes sooner (seconds); None where the target states no rates."""
        if self.memory_bytes_per_s is None or not self.dense_flops_per_s:
            return None
        return max(flops / self.flops_per_s(dtype), memory_bytes / self.memory_bytes_per_s)


@cache
def shipped_targets() -> dict[str, Target]:
    """The targets that come with dsv3c, by name."""
    found = [parse_target(text, f"{name}.toml") for name, text in shipped_texts("target_data").items()]
    return {target.name: target for target in found}


def load_target(name: str) -> Target:
    """A shipped target by name, or a user's by path.  Raises UsageError for neither."""
    hint = "`dsv3c targets` lists the shipped ones"
    return load(name, shipped_targets(), parse_target, what="target", file="target file", hint=hint)


def parse_target(text: str, where: str) -> Target:
    """Read one target file.  Raises UsageError naming the file and the wrong or missing key."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not valid TOML: {error}", where=where) from error
    known = {field.name: field for field in fields(Target)}
    if unknown := sorted(data.keys() - known.keys()):
        raise UsageError(f"unknown key {unknown[0]!r}", where=where, hint=f"known keys: {', '.join(known)}")
    required = {"name", "description", "kind", "arch", "backends", "dense_flops_per_s", "sources"}
    if absent := sorted(required - data.keys()):
        raise UsageError(f"key {absent[0]!r} is missing", where=where, hint="every target states it")
    if unsourced := sorted(data.keys() - required - data["sources"].keys()):
        raise UsageError(
            f"fact {unsourced[0]!r} has no entry in [sources]", where=where, hint="say where it is published"
        )
    if len(stated := CHOICES.keys() & data.keys()) not in (0, len(CHOICES)):
        raise UsageError(
            f"{', '.join(sorted(stated))} alone does not say what scaled products read",
            where=where,
            hint=f"state all of {', '.join(CHOICES)}, or none",
        )
    for name, known_choices in CHOICES.items():
        if name in data and data[name] not in known_choices:
            raise UsageError(
                f"{name} = {data[name]!r} is not known", where=where, hint=f"one of {', '.join(known_choices)}"
            )
    values: dict[str, Any] = {
        key: tuple(cast(list[object], value)) if isinstance(value, list) else value for key, value in data.items()
    }
    return Target(**values)
