"""Programs that can be executed: an artifact or a module in text form, its weights, and whether they fit in memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.artifact import entries, load_artifact
from dsv3c.backends.reference.by_expert import readable_by_expert
from dsv3c.backends.reference.params import check_weights, header_of, param_ops, required_headers
from dsv3c.backends.reference.weights import RandomWeights, SafetensorsWeights, Weights, WeightsError
from dsv3c.compilation.reading import read_text
from dsv3c.compilation.variants import phases_of, takes, variant_for
from dsv3c.frontend.sources import is_text
from dsv3c.ir.context import CompileContext, make_context
from dsv3c.ir.dialects.comm import meshes_of
from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.spelling import guess
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

GIB = 2**30


class MemoryShort(Dsv3cError):
    """A program whose weights do not fit into the memory of this machine."""


@dataclass(frozen=True)
class Program:
    """A verified module and where it came from."""

    path: Path
    ctx: CompileContext
    module: ModuleOp
    checkpoint: Path | None
    """The checkpoint an artifact was compiled with."""

    def entries(self) -> dict[str, func.FuncOp]:
        """The functions a user runs, by name."""
        return {function.sym_name.data: function for function in entries(self.module)}

    def weights(self, entry: str | None, *, folder: Path | None, seed: int) -> Weights:
        """The checkpoint given, else the artifact's own, else random values from ``seed``.

        Raises WeightsError for a checkpoint that does not fit.
        """
        folder = folder if folder is not None else self.checkpoint
        if folder is None:
            return RandomWeights(seed, required_headers(self.module, entry))
        if not folder.exists():
            raise WeightsError(f"there is no checkpoint {folder}", hint="give its folder with --weights DIR")
        weights = SafetensorsWeights(folder)
        check_weights(self.module, weights, entry)
        return weights


def read_program(path: Path) -> Program:
    """An artifact's module, or a ``.mlir`` file, verified.

    Raises UsageError for anything else, ArtifactError for a damaged artifact, IRError for text that is no valid module.
    """
    if is_text(str(path)):
        ctx = make_context()
        module = parse_module(ctx, read_text(path), str(path))
        verify_module(module)
        return Program(path, ctx, module, None)
    if path.is_file() or not path.exists():
        raise UsageError(
            f"{path} is not a program" if path.exists() else f"there is no program {path}",
            hint="give a folder written by `dsv3c compile MODEL -o OUT`, or a .mlir file",
        )
    artifact = load_artifact(path)
    ctx = make_context()
    module = artifact.module(ctx)
    verify_module(module)
    return Program(path, ctx, module, artifact.checkpoint())


def choose_entry(program: Program, name: str | None, *, lengths: Sequence[int]) -> str:
    """The entry of that name, or its variant for prompts of these lengths (tokens).

    Without a name ``main``, else the phase that takes the longest of them.

    Raises UsageError for a name that is none.
    """
    known = program.entries()
    if name is None:
        phases, longest = phases_of(program.module), max(lengths, default=0)
        fitting = [entry for entry, phase in phases.items() if entry == phase.name and takes(phase, [longest])]
        found = next(iter([*(["main"] if "main" in known else []), *fitting, *known]), None)
        if found is None:
            raise UsageError(f"{program.path} has no function that is not private")
        return found
    if name not in known:
        raise UsageError(f"there is no entry {name!r}", hint=f"{guess(name, known)}entries: {', '.join(known)}")
    return variant_for(program.module, name, lengths)


def parameter_bytes(module: ModuleOp, entry: str, *, experts: bool = True) -> dict[str, int]:
    """Bytes of the parameters that ``entry`` uses, by prefix of the call; the entry's own under an empty one.

    ``experts``: also of those that could be read expert by expert.
    """
    found, seen = dict[str, int](), set[tuple[int, str]]()
    for op, prefix in param_ops(module, entry):
        if (id(op), prefix) not in seen and (experts or not readable_by_expert(op)):
            seen.add((id(op), prefix))
            sizes, dtype = header_of(op.value)
            count = dtype.itemsize
            for size in sizes:
                count *= size
            found[prefix] = found.get(prefix, 0) + count
    return found


def available_bytes() -> int | None:
    """Memory this process may still take (bytes): what the kernel says, or the container's limit; None if unknown."""
    found = list[int]()
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        if "MemAvailable" in fields:
            found.append(int(fields["MemAvailable"].split()[0]) * 1024)
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and (text := limit.read_text().strip()).isdigit():
        found.append(max(0, int(text) - int(used.read_text())))
    return min(found, default=None)


def check_memory(module: ModuleOp, entry: str, *, copies: int = 1, expert_memory: int | None = None) -> None:
    """Raise MemoryShort when the weights of ``entry`` do not fit: what is needed, what is there, which layers fit.

    ``copies``: times their size that is needed.  ``expert_memory``: bytes that experts may take; None: they are all
    there.  All ranks of a mesh run in one process, each with its own weights.
    """
    available = available_bytes()
    times = copies * prod(mesh.ranks for mesh in meshes_of(module).values())
    sizes = parameter_bytes(module, entry, experts=expert_memory is None)
    by_prefix = {prefix: times * size for prefix, size in sizes.items()}
    by_prefix[""] = by_prefix.get("", 0) + (expert_memory or 0)
    needed = sum(by_prefix.values())
    if available is None or needed <= available:
        return
    own = by_prefix.pop("", 0)
    fitting, total = 0, own
    for size in by_prefix.values():
        total += size
        if total > available:
            break
        fitting += 1
    if fitting:
        size = own + sum(list(by_prefix.values())[:fitting])
        advice = f"compile fewer layers, e.g. `--layers 0:{fitting}` ({size / GIB:.1f} GiB)"
    else:
        advice = "compile fewer layers with `--layers A:B`, or a smaller model"
    raise MemoryShort(
        f"the weights of @{entry} take {needed / GIB:.1f} GiB; this machine has {available / GIB:.1f} GiB available",
        hint=advice,
    )
