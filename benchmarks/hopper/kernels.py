"""Our kernels: which ones the cases launch, compiled ahead of time, loaded by the runtime of artifacts."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.hopper.case import Case, meta_place
from benchmarks.hopper.choices import NotAvailable
from benchmarks.hopper.data import Place
from benchmarks.hopper.imports import first_line
from dsv3c.backends.triton.compilation.aot import CompiledKernel, CompileError, compile_variants
from dsv3c.backends.triton.compilation.kernel_cache import default_cache
from dsv3c.backends.triton.compilation.kernel_files import write_kernels
from dsv3c.backends.triton.recording import RecordingGpu
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant, Static, Variant
from dsv3c.ir.targets import Target

Compile = Callable[[Sequence[Variant], Target], list[CompiledKernel]]


def compiled(variants: Sequence[Variant], target: Target) -> list[CompiledKernel]:
    """By child processes, from the cache where they were compiled before."""
    return compile_variants(variants, target, cache=default_cache())


class Noting(RecordingGpu):
    """Notes every launch with its grid and numbers: two forms that launch the same are timed once."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.num_sms, pdl=place.pdl)
        self.launches = list[tuple[object, ...]]()

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``; nothing is computed."""
        super().launch(kernel, grid, arguments, constants, config)
        numbers = tuple(value for value in arguments.values() if isinstance(value, int | float | Static))
        options = tuple(sorted((name, value) for name, value in config.items() if name != "up_to"))
        self.launches.append((kernel, grid, numbers, tuple(sorted(constants.items())), options))


@dataclass
class Plan:
    """What the cases need, and what of it is not to be had."""

    variants: dict[Variant, None] = field(default_factory=dict[Variant, None])
    missing: dict[str, str] = field(default_factory=dict[str, str])
    """Case, or case and form -> why it cannot run."""
    same: dict[str, str] = field(default_factory=dict[str, str])
    """Case and form -> an earlier form of the case that launches the same."""
    figures: dict[str, dict[str, object]] = field(default_factory=dict[str, dict[str, object]])
    """Key of a kernel -> registers, spills, shared memory."""
    needs: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict[tuple[str, str], tuple[str, ...]])
    """(case, form) -> keys of its kernels."""


def planned(cases: Sequence[Case], place: Place) -> Plan:
    """Launch every case on tensors without data, and note what is launched."""
    plan, without = Plan(), meta_place(place)
    for case in cases:
        if case.measured is not None:
            continue
        try:
            problem = case.build(without)
        except NotAvailable as error:
            plan.missing[case.name] = str(error)
            continue
        seen = dict[str, list[tuple[object, ...]]]()
        for form in problem.calls:
            gpu = Noting(place)
            try:
                problem.launch(gpu, form, without)
            except (NotAvailable, TypeError, ValueError, RuntimeError, KeyError) as error:
                plan.missing[f"{case.name} {form}"] = f"the launcher cannot be called: {first_line(error)}"
                continue
            twin = next((other for other, launches in seen.items() if launches == gpu.launches), None)
            if twin is not None:
                plan.same[f"{case.name} {form}"] = twin
                continue
            seen[form] = gpu.launches
            plan.needs[case.name, form] = tuple(variant.key for variant in gpu.variants)
            plan.variants |= dict.fromkeys(gpu.variants)
    return plan


def compile_plan(plan: Plan, target: Target, folder: Path, compile_all: Compile = compiled) -> None:
    """Compile what a plan needs and write it where the runtime reads it; kernels that fail are noted, not raised."""
    wanted = list(plan.variants)
    print(f"compiling {len(wanted)} kernels for {target.name}", file=sys.stderr, flush=True)
    made = list(each_or_why(wanted, target, compile_all))
    failed = {variant.key: why for variant, why in made if isinstance(why, str)}
    kernels = [kernel for _, kernel in made if isinstance(kernel, CompiledKernel)]
    plan.figures |= {
        kernel.key: {
            "kernel": kernel.variant.kernel,
            "language": kernel.variant.language,
            "registers": kernel.resources.registers,
            "spill_bytes": kernel.resources.spill_bytes,
            "shared_bytes": kernel.shared_bytes,
            "num_warps": kernel.num_warps,
        }
        for kernel in kernels
    }
    for (case, form), keys in plan.needs.items():
        why = next((failed[key] for key in keys if key in failed), None)
        if why is not None:
            plan.missing[f"{case} {form}"] = why
    if kernels:
        folder.mkdir(parents=True, exist_ok=True)
        write_kernels(folder, kernels)


def each_or_why(
    variants: Sequence[Variant], target: Target, compile_all: Compile
) -> Iterator[tuple[Variant, CompiledKernel | str]]:
    """Every kernel, or why it cannot be used: all at once, and where one fails, one by one."""
    try:
        yield from zip(variants, compile_all(variants, target), strict=True)
        return
    except CompileError:
        pass  # which of them: those that succeeded are in the cache
    for variant in variants:
        try:
            yield variant, compile_all([variant], target)[0]
        except CompileError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.startswith("    ")]
            yield variant, lines[0] if lines else first_line(error)
