"""Kernels compiled ahead of time, without a GPU: variants in, binaries with their figures out.

Child processes compile, each many kernels; limits of the target that a kernel breaks are errors.  What was compiled
before is taken from the cache.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import IO, Any

from dsv3c.backends.triton import GLUON_KERNELS, KERNELS
from dsv3c.backends.triton.compilation.kernel_cache import KernelCache, entry_name
from dsv3c.backends.triton.compilation.resources import Resources, broken_limits
from dsv3c.backends.triton.runtime.gpu import GLUON, TRITON, Variant
from dsv3c.backends.triton.runtime.records import Box
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.targets import Target

WORKER = "dsv3c.backends.triton.compilation.compile_worker"
SHOWN = 5
"""Kernels that one error names."""
ARCHS = ("sm_90a", "sm_100a", "gfx942")
"""What kernels can be compiled for."""
Done = Callable[["CompiledKernel"], None]
"""Is told of every kernel when it is there, from several threads."""


class CompileError(Dsv3cError):
    """A kernel cannot be compiled, or takes more than the target has."""


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel's binary and what is known of it."""

    variant: Variant
    arch: str
    compiler: str
    """``triton 3.9.0``"""
    toolkit: str
    """Version of the CUDA toolkit whose assembler made the binary; empty for AMD."""
    entry: str
    """The function's name in the binary."""
    binary: bytes
    assembly: str
    """PTX, or AMDGCN."""
    abi: tuple[tuple[str, str], ...]
    """Parameters of the binary in order: name and type; Triton's two pointers last."""
    boxes: Mapping[str, Box]
    """Parameter that is a descriptor -> what its copies move."""
    num_warps: int
    """Of a block: those asked for, and those that a warp-specialised kernel adds."""
    shared_bytes: int
    """Dynamic shared memory per block."""
    global_scratch_bytes: int
    profile_scratch_bytes: int
    allowed_spill_bytes: int
    resources: Resources
    seconds: float
    """That compiling took, now or when it was done."""
    cached: bool

    @property
    def key(self) -> str:
        """Of the variant."""
        return self.variant.key

    @staticmethod
    def read(variant: Variant, arch: str, fields: Mapping[str, Any], *, cached: bool) -> "CompiledKernel":
        """From a worker's answer, or the cache.  Raises KeyError and TypeError for what is neither."""
        values: dict[str, Any] = {name: fields[name] for name in CompiledKernel.__dataclass_fields__ if name in fields}
        values["abi"] = tuple((str(name), str(kind)) for name, kind in fields["abi"])
        values["boxes"] = {name: Box.read(box) for name, box in fields["boxes"].items()}
        values["resources"] = Resources.read(fields["resources"])
        return CompiledKernel(variant=variant, arch=arch, cached=cached, **values)


def compile_variants(
    variants: Sequence[Variant],
    target: Target,
    *,
    cache: KernelCache | None,
    jobs: int | None = None,
    package: str = KERNELS,
    done: Done | None = None,
    limits: bool = True,
) -> list[CompiledKernel]:
    """Compile every variant once; the kernels in the order of ``variants``.

    ``cache``: None compiles everything anew; ``jobs``: processes at a time (one per core); ``package``: where kernel
    files are; ``limits``: a kernel that breaks one is an error.

    Raises CompileError naming the kernels, their configurations and the numbers, UsageError for a target that kernels
    cannot be compiled for.
    """
    wanted = list(dict.fromkeys(variants))
    batch = compiled_batch(wanted, target, cache=cache, jobs=jobs, package=package, done=done)
    check(wanted, batch.found, batch.failed, target, limits)
    return [batch.found[variant] for variant in wanted]


def compile_candidates(
    variants: Sequence[Variant],
    target: Target,
    *,
    cache: KernelCache | None,
    jobs: int | None = None,
    package: str = KERNELS,
    done: Done | None = None,
) -> tuple[dict[Variant, CompiledKernel], dict[Variant, str]]:
    """As ``compile_variants``, where some may fail: the kernels that can be used, and why the others cannot."""
    wanted = list(dict.fromkeys(variants))
    batch = compiled_batch(wanted, target, cache=cache, jobs=jobs, package=package, done=done)
    reasons = problems(wanted, batch.found, batch.failed, target, limits=True)
    return {variant: batch.found[variant] for variant in wanted if variant not in reasons}, reasons


def compiled_batch(
    wanted: Sequence[Variant],
    target: Target,
    *,
    cache: KernelCache | None,
    jobs: int | None,
    package: str,
    done: Done | None,
) -> "Batch":
    """Every variant compiled, or the reason why it cannot be.  Raises UsageError as ``compile_variants``."""
    if target.arch not in ARCHS:
        raise UsageError(
            f"kernels cannot be compiled for {target.name} ({target.arch or 'no arch'})",
            hint=f"they can for {', '.join(ARCHS)}",
        )
    batch = Batch(target.arch, package, cache, done or (lambda _: None))
    for variant in wanted:
        batch.look_up(variant)
    run_threads(batch.compile_missing, min(jobs or available_cores(), batch.missing.qsize()))
    return batch


@dataclass(frozen=True)
class Batch:
    """What is compiled at a time, by several threads with a worker each."""

    arch: str
    package: str
    cache: KernelCache | None
    done: Done
    missing: SimpleQueue[Variant] = field(default_factory=SimpleQueue[Variant])
    found: dict[Variant, CompiledKernel] = field(default_factory=dict[Variant, CompiledKernel])
    failed: dict[Variant, str] = field(default_factory=dict[Variant, str])
    names: dict[Variant, str] = field(default_factory=dict[Variant, str])
    """In the cache."""

    def look_up(self, variant: Variant) -> None:
        """Take a kernel from the cache, or have it compiled.

        Names are made here, by one thread: they need parsed sources, and CPython 3.11 cannot make syntax trees in two
        threads at a time ("AST constructor recursion depth mismatch").
        """
        fields = None
        if self.cache is not None:
            self.names[variant] = entry_name(variant, self.arch, package_of(variant, self.package))
            fields = self.cache.load(self.names[variant])
        if fields is None:
            self.missing.put(variant)
        else:
            self.found[variant] = CompiledKernel.read(variant, self.arch, fields, cached=True)
            self.done(self.found[variant])

    def compile_missing(self) -> None:
        """Compile what is left with one worker, or with its successor if a kernel ends it."""
        for variant, answer in answers(self.missing, self.arch, self.package):
            if "error" in answer:
                self.failed[variant] = answer["error"]
                continue
            answer["binary"] = base64.b64decode(answer["binary"])
            if self.cache is not None:
                self.cache.store(self.names[variant], answer)
            self.found[variant] = CompiledKernel.read(variant, self.arch, answer, cached=False)
            self.done(self.found[variant])


def package_of(variant: Variant, package: str) -> str:
    """Where a variant's file is; ``package``: of plain kernels."""
    if variant.language != GLUON:
        return package
    return GLUON_KERNELS if package == KERNELS else f"{package}.gluon"


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_threads(work: Callable[[], None], count: int) -> None:
    """Run ``work`` in so many threads; the first error that one raises is raised here."""
    errors = SimpleQueue[BaseException]()

    def guarded() -> None:
        """What a thread runs."""
        try:
            work()
        except BaseException as error:  # raised again by the caller
            errors.put(error)

    threads = [threading.Thread(target=guarded, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not errors.empty():
        raise errors.get()


def answers(missing: SimpleQueue[Variant], arch: str, package: str) -> Iterator[tuple[Variant, dict[str, Any]]]:
    """Take variants from the queue until it is empty, and have them compiled in a process."""
    while not missing.empty():
        with worker() as (process, log):
            assert process.stdin is not None and process.stdout is not None
            while process.poll() is None:
                try:
                    variant = missing.get_nowait()
                except Empty:
                    break
                try:
                    process.stdin.write(json.dumps(request(variant, arch, package_of(variant, package))) + "\n")
                    process.stdin.flush()
                    line = process.stdout.readline()
                except BrokenPipeError:
                    line = ""
                if line:
                    yield variant, json.loads(line)
                    continue
                log.seek(0)
                yield variant, {"error": f"the compiler ended with status {process.wait()}: {last_lines(log.read())}"}


@contextmanager
def worker() -> Generator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process that compiles kernels, and what it writes to stderr."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+", errors="replace") as log:
        environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
        environment |= {
            "PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path),
            # Kernels are kept in our own cache: Triton's would hold them twice, and hide a damaged file.
            "TRITON_CACHE_DIR": scratch,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        try:
            yield process, log
        finally:
            assert process.stdin is not None and process.stdout is not None
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                pipe.close()


def request(variant: Variant, arch: str, package: str) -> dict[str, Any]:
    """What a worker is asked for a variant."""
    file, _, function = variant.kernel.rpartition(".")
    return {
        "module": f"{package}.{file}",
        "function": function,
        "language": variant.language,
        "signature": variant.signature,
        "divisible": variant.divisible,
        "constants": dict(variant.constants),
        "num_warps": variant.num_warps,
        "num_stages": variant.num_stages,
        "arch": arch,
    }


def last_lines(text: str, count: int = 5) -> str:
    """The end of what a process wrote."""
    return " / ".join(text.strip().splitlines()[-count:]) or "it wrote nothing"


def check(
    wanted: Sequence[Variant],
    found: Mapping[Variant, CompiledKernel],
    failed: Mapping[Variant, str],
    target: Target,
    limits: bool,
) -> None:
    """Raise CompileError for kernels that were not compiled, and for those that break a limit of the target."""
    reasons = problems(wanted, found, failed, target, limits=limits)
    if reasons:
        lines = [f"{described(variant)}: {reason}" for variant, reason in reasons.items()]
        more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
        raise CompileError(
            f"{len(lines)} of {len(wanted)} kernels cannot be used on {target.name}:\n"
            + "\n".join(f"    {line}" for line in [*lines[:SHOWN], *more]),
            hint="choose smaller tiles or fewer stages; a kernel file may state ALLOWED_SPILLS with a reason",
        )


def problems(
    wanted: Sequence[Variant],
    found: Mapping[Variant, CompiledKernel],
    failed: Mapping[Variant, str],
    target: Target,
    *,
    limits: bool,
) -> dict[Variant, str]:
    """Why kernels cannot be used; ``limits``: also those that break one of the target."""
    shared_limit = int(target.fact("shared_memory_bytes_per_block"))
    reasons = dict(failed)
    for variant in wanted:
        if variant in failed or not limits:
            continue
        kernel = found[variant]
        broken = broken_limits(
            kernel.resources,
            shared_bytes=kernel.shared_bytes,
            shared_limit=shared_limit,
            allowed_spill_bytes=kernel.allowed_spill_bytes,
        )
        if broken:
            reasons[variant] = "; ".join(broken)
    return {variant: reasons[variant] for variant in wanted if variant in reasons}


def described(variant: Variant) -> str:
    """``scaled_mm.scaled_mm_kernel (BLOCK_M = 64, ..., 4 warps, 3 stages)``"""
    language = [] if variant.language == TRITON else [variant.language]
    constants = [*language, *(f"{name} = {value}" for name, value in variant.constants)]
    return f"{variant.kernel} ({', '.join([*constants, f'{variant.num_warps} warps', f'{variant.num_stages} stages'])})"
