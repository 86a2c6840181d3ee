"""Write a lowered module as Python: one function per function, one call of a launcher per kernel.

The program needs torch, cuda-bindings and the files written beside it: neither Triton nor the compiler.  Memory of
results comes from the plan, views are torch's, recipes of parameters and the engine are those of programs for the CPU.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module, resources
from pathlib import PurePath

from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.ir import Operation, SSAValue

from dsv3c.backends.reference import emitter as reference
from dsv3c.backends.reference.adapters.comm import require_one_rank
from dsv3c.backends.reference.bindings import named_sizes, sizes_brought
from dsv3c.backends.reference.call import adapter_of
from dsv3c.backends.reference.dtypes import DTYPES, dtype_of
from dsv3c.backends.reference.emitted_entries import entry_text
from dsv3c.backends.reference.emitter import Body, Program, argument_sizes, binding, bound_sizes, size_refs
from dsv3c.backends.reference.python_text import Names, literal_text, wrapped
from dsv3c.backends.triton import LAUNCHERS
from dsv3c.backends.triton.batch_invariance import BATCH_INVARIANT
from dsv3c.backends.triton.emission.captures import capture_text
from dsv3c.backends.triton.emission.emitted_host import emit_exchange, emit_part
from dsv3c.backends.triton.emission.emitted_kernels import kernel_lines
from dsv3c.backends.triton.emission.emitted_streams import EmittedStreams
from dsv3c.backends.triton.emission.externs import extern_lines
from dsv3c.backends.triton.memory.resident import weight_bytes
from dsv3c.backends.triton.memory.streams import step_part
from dsv3c.backends.triton.runtime.gpu import Variant
from dsv3c.ir.dialects import comm
from dsv3c.ir.dialects.comm import meshes_of
from dsv3c.ir.dialects.kernel import KernelCallOp, LaunchOp, LiteralsAttr
from dsv3c.ir.dialects.mla import GatherOp
from dsv3c.ir.dialects.units import outer
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.errors import IRError, at
from dsv3c.ir.functions import (
    call_prefix,
    call_sites,
    callee_name,
    functions,
    parent_function,
    parent_module,
    topological,
)
from dsv3c.ir.scaled_type import ScaledType
from dsv3c.ir.sizes import Size, symbols_of
from dsv3c.ir.types import element_type, shape
from dsv3c.ir.views import RULES as VIEWS

DEVICE = "dsv3c.backends.triton.runtime"
WORKSPACE, FRAME, PLANNED = "workspace", "frame", "planned"
"""Attributes that plan-memory leaves: bytes a function takes, where in its caller's memory a callee's begins, and the
largest sizes that memory is planned for."""
COPIED = {LAUNCHERS: "launchers", DEVICE: "device"}
"""Packages that a program brings along -> their import names in it."""
RESERVED = (
    *reference.RESERVED,
    *("gpu", "space", "Gpu", "Frame", "run_kernels", "Path", "Extern", "EXTERNS", "Capture", "KERNELS"),
)
MAX_LINE = 120
CONTEXT = ("gpu: Gpu", "space: Frame", "p: Params")
"""First parameters of every function."""

HEAD = '''"""{title}

Written by dsv3c; every line is one kernel or one view, the comment above it the source line it came from.
    python program.py --tokens 1,2,3 --max-new-tokens 8 [--weights CHECKPOINT | --seed N]
"""

import sys
from pathlib import Path

import torch

from device.entries import Entry, run_kernels
{externs}from device.gpu import Gpu
{captures}from device.space import Frame
{imports}from runtime.params import Params
'''
EXTERN_IMPORT = "from device.externs import Extern\n"
CAPTURE_IMPORT = "from device.graphs import Capture\n"


def emit_kernels_program(module: ModuleOp, variants: Sequence[Variant] = ()) -> dict[str, str]:
    """File name -> text of a program that runs every entry of a lowered module on a device.

    ``variants``: of the kernels that it calls, for it to look for them before it starts.
    ``program.py``, ``launchers/``, ``device/``, ``meanings/``, ``runtime/``.  Raises ``IRError`` for an op that no
    kernel runs, and for a module of several ranks.
    """
    for mesh in meshes_of(module).values():
        require_one_rank(mesh)
    copied = reference.copied_files() | copied_files()
    imported = (file.stem for file in map(PurePath, copied) if file.parts[0] in ("meanings", "launchers"))
    program = Program(Names({*RESERVED, *imported}))
    launchers = set[str]()
    order = topological(module)
    for function in order:
        program.function_names[function.sym_name.data] = program.names.fresh(function.sym_name.data)
    for function in order:
        emit_function(program, function, launchers)
    entered = [function for function in order if not call_sites(function)]
    externs = extern_lines(module)
    kernels = kernel_lines(variants)
    constants = [f"weights={weight_bytes(module)}"]
    constants += (["externs=EXTERNS"] if externs else []) + (["kernels=KERNELS"] if kernels else [])
    entries = [kernel_entry(program, function, constants) for function in entered]
    imports = "".join(
        import_text(package, sorted(files))
        for package, files in (("launchers", launchers), ("meanings", program.meanings))
        if files
    )
    if program.by_expert:
        imports += "from runtime.experts import by_expert\n"
    if any("CacheSpec(" in entry for entry in entries):
        imports += "from runtime.generate import CacheSpec\n"
    title = f"{', '.join(function.sym_name.data for function in entered)}: a dsv3c program of kernels."
    captures = CAPTURE_IMPORT if any("=Capture(" in entry for entry in entries) else ""
    parts = [
        HEAD.format(title=title, imports=imports, externs=EXTERN_IMPORT if externs else "", captures=captures),
        *externs,
        *kernels,
        *program.constant_lines,
        *program.lines,
    ]
    parts += ["", "", "ENTRIES = {", *entries, "}", "", 'if __name__ == "__main__":']
    parts += ["    sys.exit(run_kernels(ENTRIES, Path(__file__).parent))", ""]
    return {"program.py": "\n".join(parts)} | copied


def import_text(package: str, files: list[str]) -> str:
    """``from package import ...`` on one line, or one name a line."""
    line = f"from {package} import {', '.join(files)}\n"
    if len(line) <= MAX_LINE + 1:
        return line
    return "".join([f"from {package} import (\n", *(f"    {file},\n" for file in files), ")\n"])


def kernel_entry(program: Program, function: func.FuncOp, constants: Sequence[str]) -> str:
    """An item of ``ENTRIES``; ``constants``: arguments that all entries have."""
    planned = function.attributes.get(WORKSPACE)
    others = [f"workspace={planned.value.data}"] if isinstance(planned, IntegerAttr) else []
    others += constants
    others += ["batch_invariant=True"] if BATCH_INVARIANT in function.attributes else []
    captured = capture_text(function)
    others += [f"capture={captured}"] if captured is not None else []
    name = program.function_names[function.sym_name.data]
    return entry_text(name, function, launches=num_launches(function), others=others)


def num_launches(function: func.FuncOp) -> int:
    """Launchers that one run of a function calls, callees included."""
    found = 0
    for op in function.body.block.ops:
        if isinstance(op, LaunchOp):
            found += 1
        elif isinstance(op, func.CallOp):
            found += num_launches(callee_of(op))
    return found


def callee_of(op: func.CallOp) -> func.FuncOp:
    """The function that is called."""
    return functions(parent_module(op))[callee_name(op)]


def emit_function(program: Program, function: func.FuncOp, launchers: set[str]) -> None:
    """One function: sizes as arguments where it is called, from its arguments' shapes where it is an entry."""
    name, block = function.sym_name.data, function.body.block
    needed = needed_sizes(program, function)
    body = Body(program, Names({*program.names.taken, *needed}))
    parameters = [body.name(argument) for argument in block.args]
    introduced = frozenset[str]().union(*(named_sizes(result.type) for op in block.ops for result in op.results))
    given = [symbol for symbol in needed if symbol not in introduced - argument_sizes(block)]
    called = bool(call_sites(function))
    program.function_sizes[name] = given if called else []
    if called:
        parameters = [*given, *parameters]
    else:
        body.lines += [f"    {symbol} = {text}" for symbol, text in bound_sizes(body, block, set(given), function)]
        body.lines += limit_lines(function, given)
    known = set(given)
    streams = EmittedStreams(body, function)
    for position, op in enumerate(block.ops):
        streams.begin(position)
        emit_op(body, op, launchers, known)
        streams.end(position)
        known -= sizes_brought(op)
        for result in op.results:
            for symbol in sorted(named_sizes(result.type) - known):
                if symbol in needed:
                    lines = binding(symbol, result, body.values[result], known)
                    body.lines += [f"{body.indent}{text}" for text in lines]
                    known.add(symbol)
    head = wrapped(f"def {program.function_names[name]}", [*CONTEXT, *parameters], ":", "")
    program.lines += ["", "", *head, *body.lines]


def needed_sizes(program: Program, function: func.FuncOp) -> list[str]:
    """The symbols whose values a function uses: for the memory of results, in views, or in a callee; sorted."""
    found = set[str]()
    for op in function.body.block.ops:
        found.update(symbol for size in used_sizes(program, op) for symbol in symbols_of(size))
    return sorted(found)


def used_sizes(program: Program, op: Operation) -> Iterator[str]:
    """The sizes that are written where an op is called."""
    match op:
        case func.CallOp():
            yield from program.function_sizes[callee_name(op)]
        case LaunchOp() if step_part(op) is None:
            sizes: list[Size] = [size for _, sizes in op.scratch_shapes.values() for size in sizes]
            for name, output in zip(op.write_names, op.outputs, strict=True):
                if name not in op.aliases:
                    sizes += shape(output)
            yield from (size for size in sizes if isinstance(size, str))
        case func.ReturnOp() | ParamOp() | ConstantOp():
            pass
        case _:
            inner = step_part(op) or op
            adapter = adapter_of(inner)
            call = adapter(inner) if adapter is not None else None
            for argument in (*call.args, *call.kwargs.values()) if call is not None else ():
                yield from size_refs(argument)


def emit_op(body: Body, op: Operation, launchers: set[str], known: set[str]) -> None:
    """The lines of one op."""
    match op:
        case func.CallOp():
            emit_call(body, op)
        case ConstantOp():
            body.constant(op)
            body.values[op.value] = f"space.constant({body.values[op.value]})"
        case func.ReturnOp() | ParamOp():
            reference.emit_op(body, op)
        case _ if (part := step_part(op)) is not None:
            body.place(op)
            emit_part(body, op, part)
        case comm.StartOp() | comm.PlacementOp():
            body.place(op)
            body.call(op)
        case comm.SyncCountsOp() | comm.DispatchOp() | comm.CombineOp():
            body.place(op)
            emit_exchange(body, op)
        case LaunchOp():
            body.place(op)
            emit_kernel(body, op, launchers, known)
        case _ if op.name in VIEWS:
            body.place(op)
            body.call(op)
        case _:
            raise IRError(f"no kernel runs {op.name}", where=at(op), hint="select-kernels says why: see the remarks")


def emit_call(body: Body, op: func.CallOp) -> None:
    """A call of another function, in a frame of its own."""
    body.place(op)
    program, callee, prefix = body.program, callee_name(op), call_prefix(op)
    frame = op.attributes.get(FRAME)
    space = f"space.frame({frame.value.data})" if isinstance(frame, IntegerAttr) else "space"
    items = ["gpu", space, f"p.at({literal_text(prefix)})" if prefix else "p", *program.function_sizes[callee]]
    body.assign(op, program.function_names[callee], items + [body.values[operand] for operand in op.operands])


def emit_kernel(body: Body, op: LaunchOp, launchers: set[str], known: set[str]) -> None:
    """Sizes that the step's tables bring, memory for results and scratch, and the call."""
    for inner in op.ops:
        if isinstance(inner, GatherOp):
            emit_total(body, inner, known)
    file, _, function = op.launcher.data.partition(".")
    launchers.add(file)
    takes = keywords_of(file, function)
    items = ["gpu"]
    items += [f"{name}={body.values[value]}" for name, value in zip(op.read_names, op.inputs, strict=True)]
    places = op.places or {}
    for name, output in zip(op.write_names, op.outputs, strict=True):
        if name in op.aliases:
            body.values[output] = body.values[op.inputs[op.read_names.index(op.aliases[name])]]
        else:
            emit_memory(body, body.name(output), output, places.get(name))
        if name in takes:
            items.append(f"{name}={body.values[output]}")
    for name, (element, sizes) in op.scratch_shapes.items():
        items.append(f"{name}=space.tensor({', '.join(tensor_items(sizes, dtype_text(element), places.get(name)))})")
    if isinstance(op, KernelCallOp):
        configs = [[f"{name}={value}" for name, value in config.as_dict().items()] for config in op.configs]
        items.append(f"configs={configs_constant(body.program, function, configs)}")
    items += [f"{name}={body.argument(value, name)}" for name, value in op.parameters.as_dict().items()]
    body.lines += wrapped(f"{file}.{function}", items, "", "    ")


def emit_total(body: Body, gather: GatherOp, known: set[str]) -> None:
    """The rows that are gathered, where their number is not known yet."""
    (rows, *_) = shape(gather.results[0])
    if isinstance(rows, str) and rows.isidentifier() and rows not in known:
        given = outer(gather.context_lens)
        assert given is not None, "what a body reads is its arguments"
        body.lines.append(f"    {rows} = space.total({body.values[given]})")
        function = parent_function(gather)
        assert function is not None
        body.lines += limit_lines(function, [rows])
        known.add(rows)


def limit_lines(function: func.FuncOp, symbols: Iterable[str]) -> list[str]:
    """``space.check_planned(T=(T, 4096))``: memory is planned for so much."""
    planned = function.attributes.get(PLANNED)
    if not isinstance(planned, LiteralsAttr):
        return []
    most = planned.as_dict()
    items = [f"{symbol}=({symbol}, {most[symbol]})" for symbol in symbols if symbol in most]
    return wrapped("space.check_planned", items, "", "    ") if items else []


def emit_memory(body: Body, name: str, output: SSAValue, place: int | None) -> None:
    """``y = space.tensor((T, 192), torch.bfloat16, 4096)  # [T, 192] bf16``."""
    kind = output.type
    if isinstance(kind, ScaledType):
        items = tensor_items(kind.sizes, str(dtype_of(kind.element)), None)
        items += [literal_text(kind.granules), str(dtype_of(kind.scale))]
        items += [str(place)] if place is not None else []
        items += [f"layout={literal_text(kind.layout_name)}"] if kind.layout_name != "row" else []
        body.lines += wrapped(f"{name} = space.scaled", items, "", "    ")
        return
    items = tensor_items(shape(output), str(dtype_of(element_type(output))), place)
    body.lines += wrapped(f"{name} = space.tensor", items, "", "    ")


def tensor_items(sizes: tuple[Size, ...], dtype: str, place: int | None) -> list[str]:
    """Arguments of ``space.tensor``."""
    return [tuple_text([str(size) for size in sizes]), dtype, *([str(place)] if place is not None else [])]


def tuple_text(elements: list[str]) -> str:
    """``(a, b)`` of texts."""
    return f"({elements[0]},)" if len(elements) == 1 else f"({', '.join(elements)})"


def configs_constant(program: Program, function: str, configs: list[list[str]]) -> str:
    """The name of a constant that holds configurations, one a line."""
    text = repr(configs)
    if text not in program.constants:
        name = program.constants[text] = program.names.fresh(f"{function.upper()}_CONFIGS")
        lines = (line for config in configs for line in wrapped("dict", config, ",", "    "))
        program.constant_lines += [f"{name} = (", *lines, ")"]
    return program.constants[text]


def dtype_text(element: str) -> str:
    """torch's name of an element type that is written by its MLIR name."""
    return str(next(dtype for known, dtype in DTYPES.items() if str(known) == element))


@cache
def keywords_of(file: str, function: str) -> frozenset[str]:
    """The keywords that a launcher takes: memory that it writes in place it may take once or under both names."""
    launcher = getattr(import_module(f"{LAUNCHERS}.{file}"), function)
    return frozenset(inspect.signature(launcher).parameters)


IMPORTS = {re.compile(rf"\b{re.escape(package)}\b"): name for package, name in COPIED.items()}


def copied_files() -> dict[str, str]:
    """Launchers and their runtime as a program carries them."""
    files = dict[str, str]()
    for package, name in COPIED.items():
        for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                text = reference.IMPORT.sub("", file.read_text("utf-8"))
                for pattern, replacement in IMPORTS.items():
                    text = pattern.sub(replacement, text)
                files[f"{name}/{file.name}"] = text
    return files
