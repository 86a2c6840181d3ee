"""The process that compiles kernels, many in turn: a request per line in, an answer per line out (JSON).

Started as ``python -m dsv3c.backends.triton.compilation.compile_worker``.  It is a process of its own because Triton
either interprets or compiles the kernels of a process, and because a kernel can take the compiler down with it.
"""

import base64
import contextlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dsv3c.backends.triton.compilation.resources import Resources, amd_resources, cuda_resources
from dsv3c.backends.triton.runtime.records import GLOBAL_SCRATCH, PROFILE_SCRATCH, TENSOR_MAP

ARCHS: dict[str, tuple[str, int | str, int]] = {
    "sm_90a": ("cuda", 90, 32),
    "sm_100a": ("cuda", 100, 32),
    "gfx942": ("hip", "gfx942", 64),
}
"""Of a target -> Triton's name of the platform, its name of the device, and the threads of a warp."""
BINARIES = {"cuda": ("cubin", "ptx"), "hip": ("hsaco", "amdgcn")}
"""Platform -> the binary and the assembly before it."""
ABSENT, CONSTANT = "None", "constexpr"
TRAILING = ((GLOBAL_SCRATCH, "*i8"), (PROFILE_SCRATCH, "*i8"))
"""What Triton 3.6 to 3.9 append to every kernel's parameters."""
PTX_ENTRY = re.compile(r"\.visible \.entry \w+\(([^)]*)\)")
PTX_PARAMETER = re.compile(r"\.param (?:\.align \d+ )?\.(\w+)")
PTX_TYPES = {"i32": "u32", "i64": "u64", "fp32": "f32", TENSOR_MAP: "b8"}
DESCRIPTOR = re.compile(r"tensordesc<(\w+)\[([\d, ]+)\](?::(\d+))?>")
GCN_ARGUMENTS = re.compile(r"^    \.args:\n(.*?)^    \.\w", re.MULTILINE | re.DOTALL)
GCN_ARGUMENT = re.compile(r"\.size:\s+(\d+)\s+\.value_kind:\s+(\w+)")
HIDDEN = "hidden_"
"""Kinds of arguments that the runtime of an AMD GPU adds itself."""
POINTER_BYTES, NUMBER_BYTES = 8, 4


def main() -> None:
    """Answer requests until the input ends.  What compilers print goes to stderr: stdout has answers only."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        try:
            answer = compile_kernel(request)
        except Exception as error:  # whatever a kernel makes Triton raise is the answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps({**answer, "seconds": time.perf_counter() - start}) + "\n")
        answers.flush()


def compile_kernel(request: Mapping[str, Any]) -> dict[str, Any]:
    """Compile one kernel.

    Request: ``module``, ``function``, ``signature``, ``divisible``, ``constants``, ``num_warps``, ``num_stages``,
    ``arch``, ``language``.  A kernel file may state ``FP_FUSION = True`` (products and sums may be contracted into one
    rounding; else every operation rounds as written), ``ALLOWED_SPILLS = {function: (bytes, reason)}`` and
    ``MAX_REGISTERS = {function: registers per thread}``.
    Raises what Triton raises, and ValueError for a binary that takes other parameters than expected.
    """
    import triton
    from triton import knobs
    from triton.backends.compiler import GPUTarget

    module: Any = importlib.import_module(request["module"])
    function: Any = getattr(module, request["function"])
    platform, device, warp = ARCHS[request["arch"]]
    signature, constants, attributes = arguments_of(function, request)
    target = GPUTarget(platform, device, warp)
    options = {
        "num_warps": request["num_warps"],
        "num_stages": request["num_stages"],
        "enable_fp_fusion": getattr(module, "FP_FUSION", False),
    }
    if registers := getattr(module, "MAX_REGISTERS", {}).get(request["function"]):
        options["maxnreg"] = registers
    knobs.nvidia.dump_ptxas_log = True
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        source: Any = source_class(request["language"])(function, signature, constexprs=constants, attrs=attributes)
        compiled: Any = triton.compile(source, target=target, options=options)
    binary, assembly = BINARIES[platform]
    metadata, text = compiled.metadata, compiled.asm[assembly]
    abi = [parameter for name, kind in signature.items() for parameter in parameters(name, kind)] + list(TRAILING)
    described = [name for name, kind in signature.items() if kind.startswith("tensordesc")]
    check_parameters(abi, text, platform)
    resources, toolkit = figures(compiled.asm, log.getvalue(), platform, device)
    return {
        "entry": metadata.name,
        "abi": abi,
        "boxes": boxes(described, metadata),
        "num_warps": metadata.num_warps,
        "shared_bytes": metadata.shared,
        # Triton 3.6 and 3.7 give kernels for AMD a null pointer there, and state no size
        "global_scratch_bytes": getattr(metadata, "global_scratch_size", 0),
        "profile_scratch_bytes": metadata.profile_scratch_size,
        "allowed_spill_bytes": getattr(module, "ALLOWED_SPILLS", {}).get(request["function"], (0, ""))[0],
        "resources": asdict(resources),
        "compiler": f"triton {triton.__version__}",
        "toolkit": toolkit,
        "assembly": text,
        "binary": base64.b64encode(compiled.asm[binary]).decode(),
    }


def arguments_of(
    function: Any, request: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Any], dict[tuple[int, ...], list[list[Any]]]]:
    """Types of all parameters, values of the constant ones, and attributes by position, as Triton takes them.

    Raises ValueError for parameters that the launch gives and the kernel has not, or the other way round.
    """
    given, constants = dict(request["signature"]), dict(request["constants"])
    defaults = {p.name: p.default for p in function.params if p.has_default}
    names = list(function.arg_names)
    if unknown := sorted({*given, *constants} - set(names)):
        raise ValueError(f"the launch gives {', '.join(unknown)}, which the kernel does not have")
    for name in names:
        if name not in given and name not in constants:
            if name not in defaults:
                raise ValueError(f"the launch does not give {name}")
            constants[name] = defaults[name]
    signature = {name: CONSTANT if given.get(name, ABSENT) == ABSENT else with_layout(given[name]) for name in names}
    constants |= {name: None for name, kind in given.items() if kind == ABSENT}
    divisible: list[list[Any]] = [["tt.divisibility", 16]]
    attributes: dict[tuple[int, ...], list[list[Any]]] = {
        (names.index(name),): divisible for name in request["divisible"]
    }
    return signature, constants, attributes


def source_class(language: str) -> Any:
    """What Triton makes a program of a function of this language with."""
    if language == "gluon":
        from triton.experimental.gluon._runtime import GluonASTSource

        return GluonASTSource
    from triton.compiler import ASTSource

    return ASTSource


def with_layout(kind: str) -> str:
    """A descriptor's type with the layout of its blocks in shared memory, as Triton writes it; others unchanged."""
    if (found := DESCRIPTOR.fullmatch(kind)) is None:
        return kind
    tl, gl = (importlib.import_module(name) for name in ("triton.language", "triton.experimental.gluon.language"))
    element, sizes, swizzle = found.groups()
    block, dtype = [int(size) for size in sizes.split(",")], tl.str_to_ty("*" + element, None).element_ty
    layout: Any
    if swizzle is None:
        layout = gl.NVMMASharedLayout.get_default_for(block, dtype)
    else:
        layout = gl.NVMMASharedLayout(
            swizzle_byte_width=int(swizzle), element_bitwidth=dtype.primitive_bitwidth, rank=len(block)
        )
    return f"tensordesc<{element}[{sizes}],{layout!r}>"


def parameters(name: str, kind: str) -> list[tuple[str, str]]:
    """A kernel's parameter as those of its binary: none for a constant, several for a descriptor."""
    if kind in (ABSENT, CONSTANT):
        return []
    if not kind.startswith("tensordesc"):
        return [(name, kind)]
    rank = kind.partition("]")[0].count(",") + 1
    sizes = [(f"{name}.size{dim}", "i32") for dim in range(rank)]
    return [(name, TENSOR_MAP), *sizes, *((f"{name}.stride{dim}", "i64") for dim in range(rank))]


def boxes(names: list[str], metadata: Any) -> dict[str, dict[str, Any]]:
    """What copies through each descriptor move, as the compiler decided.  Raises ValueError where it does not say."""
    made = metadata.tensordesc_meta if names else []
    if len(made) != len(names) or not all(made):
        raise ValueError(f"the compiler says nothing of {len(names)} descriptors: is this Triton newer than 3.9?")
    return {
        name: {"sizes": list(box["block_size"]), "swizzle": box["swizzle"]}
        for name, box in zip(names, made, strict=True)
    }


def check_parameters(abi: list[tuple[str, str]], assembly: str, platform: str) -> None:
    """Raise ValueError unless the binary takes the parameters of ``abi``, by the sizes in its assembly."""
    if platform == "cuda":
        entry = PTX_ENTRY.search(assembly)
        found = PTX_PARAMETER.findall(entry.group(1)) if entry else []
        wanted = ["u64" if kind.startswith("*") else PTX_TYPES[kind] for _, kind in abi]
    else:
        entry = GCN_ARGUMENTS.search(assembly)
        listed = GCN_ARGUMENT.findall(entry.group(1)) if entry else []
        found = [int(size) for size, kind in listed if not kind.startswith(HIDDEN)]
        wanted = [POINTER_BYTES if kind.startswith("*") else NUMBER_BYTES for _, kind in abi]
    if found != wanted:
        raise ValueError(f"the binary takes parameters of {found}, not of {wanted}: is this Triton newer than 3.9?")


def figures(assemblies: Mapping[str, Any], log: str, platform: str, device: int | str) -> tuple[Resources, str]:
    """Figures of a compiled kernel, and the version of the toolkit that assembled it (empty: none did)."""
    if platform == "hip":
        return amd_resources(assemblies["amdgcn"]), ""
    from triton.backends.nvidia.compiler import get_ptxas

    ptx = assemblies["ptx"]
    without_machine_code = cuda_resources(log, ptx, "")
    if not without_machine_code.matrix:
        return without_machine_code, get_ptxas(int(device)).version
    return cuda_resources(log, ptx, disassembled(assemblies["cubin"])), get_ptxas(int(device)).version


def disassembled(cubin: bytes) -> str:
    """SASS of a binary, by the disassembler that Triton brings."""
    import tempfile

    from triton import knobs

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        done = subprocess.run([knobs.nvidia.nvdisasm.path, "-c", file.name], capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
