"""What an FX node says about itself: the operator's name, the module and the user's line it came from, views.

``torch.export`` stores the module path and a text stack trace on every node; here they become MLIR locations
(``loc("model.layers.3.self_attn"("model.py":463:0))``).
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from torch.fx import GraphModule, Node
from xdsl.dialects.builtin import UNKNOWN_LOC, FileLineColLoc, IntAttr, LocationAttr, NameLoc, StringAttr

from dsv3c.ir.errors import ImportFailure
from dsv3c.ir.locations import describe

FRAME = re.compile(r'File "([^"]+)", line (\d+)')
CALL_NUMBER = re.compile(r"@\d+")
"""``layers.0@1`` is the second call of one module."""
LAYER = re.compile(r"(?:[A-Za-z_]\w*\.)*\d+(?=\.|$)")
ASSERTS = (
    "aten._assert_",
    "aten.sym_constrain_range",
    "aten._assert_async",
)
"""Checks that export writes for itself: they compute nothing."""
SIZE_VALUES = ("SymInt", "SymFloat", "SymBool", "int", "bool", "float")


def module_path(node: Node) -> str:
    """The innermost module: ``model.layers.3.self_attn.q_a_proj``; empty outside of any module."""
    return innermost(module_stack(node))


def module_stack(node: Node) -> tuple[str, ...]:
    """Paths of the modules around a node, outermost first, call numbers kept."""
    stack = node.meta.get("nn_module_stack")
    if not stack:
        return ()
    return tuple([path for path, _ in stack.values() if not path.startswith("_empty_nn_module_stack")])


@cache  # the hundred nodes of one module share their stack
def innermost(stack: tuple[str, ...]) -> str:
    """The last path of a stack, without call numbers; empty for no stack."""
    return CALL_NUMBER.sub("", stack[-1]) if stack else ""


def layer_of(node: Node) -> tuple[str, str]:
    """The outermost numbered module and which call of it: ``("model.layers.7", "@1")``; empty texts outside layers."""
    return layer_of_stack(module_stack(node))


@cache
def layer_of_stack(stack: tuple[str, ...]) -> tuple[str, str]:
    """``layer_of`` by module stack."""
    match = LAYER.match(innermost(stack))
    if match is None:
        return "", ""
    entry = next((path for path in stack if CALL_NUMBER.sub("", path) == match[0]), match[0])
    return match[0], entry.removeprefix(match[0])


def location(node: Node, path: str) -> LocationAttr:
    """The user's line, inside the module ``path`` if that is not empty."""
    line = user_line(node.meta.get("stack_trace") or "")
    return NameLoc(StringAttr(path), line) if path else line


def where(node: Node) -> str:
    """The node's place as errors write it."""
    return describe(location(node, module_path(node)))


def quote(node: Node) -> str:
    """The user's source line itself, stripped; empty when the file cannot be read."""
    frame = next(user_frames(node.meta.get("stack_trace") or ""), None)
    return source_line(*frame) if frame else ""


def source_line(file: str, line: int) -> str:
    """One line of a file, stripped; empty when there is none."""
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def user_frames(stack_trace: str) -> Iterator[tuple[str, int]]:
    """Frames outside of PyTorch, innermost first: a Linear is reported where it is called, not in linear.py."""
    return ((file, int(line)) for file, line in reversed(FRAME.findall(stack_trace)) if is_user_file(file))


def is_user_file(file: str) -> bool:
    """Whether a source file belongs to the model: not PyTorch, not a generated one."""
    return not (file.startswith("<") or "/torch/" in f"/{file}".replace("\\", "/"))


@cache
def user_line(stack_trace: str) -> LocationAttr:
    """The innermost user frame as a location; unknown when there is none."""
    for file, line in user_frames(stack_trace):
        return FileLineColLoc(StringAttr(short_path(file)), IntAttr(line), IntAttr(0))
    return UNKNOWN_LOC


def short_path(file: str) -> str:
    """Installed packages from the package name, own files from the working directory: dumps compare across machines."""
    _, installed, tail = file.replace("\\", "/").rpartition("site-packages/")
    path = Path(tail if installed else file)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@cache  # an overload composes its text at every call
def target_text(target: object) -> str:
    """A node's target as torch writes it: ``aten.linear.default``."""
    return str(target)


def op_name(node: Node) -> str:
    """``aten.mean.dim``; the default overload has no suffix."""
    return target_text(node.target).removesuffix(".default")


def is_size(node: Node) -> bool:
    """A node whose value is a number known by name, not a tensor."""
    return type(node.meta.get("val")).__name__ in SIZE_VALUES


def is_assert(node: Node) -> bool:
    """A run-time check that export added."""
    return target_text(node.target).startswith(ASSERTS)


def flatten(graph_module: GraphModule, same: dict[Node, Node]) -> Iterator[Node]:
    """The tensor calls in order.  Grad-mode submodules are inlined: ``same`` ties their arguments and results to ours.

    Size arithmetic goes first of all: export shares it between layers, so that it sits in whichever layer came first.
    Raises ImportFailure for control flow that depends on data (``torch.cond``) and for enabled autocast.
    """
    for node in graph_module.graph.nodes:
        if node.op != "call_function" or node in same or is_size(node) or is_assert(node):
            continue
        if is_identity(node):
            source = node.args[0]
            assert isinstance(source, Node)
            same[node] = source
            continue
        if (num_settings := WRAPPERS.get(target_text(node.target))) is not None:
            refuse_autocast(graph_module, node)
            yield from inlined(graph_module, node, num_settings, same)
        elif is_higher_order(node):
            raise ImportFailure(
                f"control flow that stays in the program: {node.target}",
                where=where(node),
                hint="the captured program must be straight-line: compute both branches and select with torch.where",
            )
        else:
            yield node


def is_identity(node: Node) -> bool:
    """Whether the result *is* the first argument, memory included: conversions to the type and layout it has, dropout.

    Export lets later readers read the last such node, so that a mask would seem to come out of every layer.
    """
    name = op_name(node)
    source = node.args[0] if node.args else None
    if not isinstance(source, Node):
        return False
    match name:
        case "aten.alias" | "aten.detach" | "aten.detach_":
            return True
        case "aten.dropout":
            return node.args[2] is False
        case "aten.contiguous":
            return not node.kwargs and source.meta["val"].is_contiguous()
        case "aten.to.dtype" | "aten.to.dtype_layout" | "aten.to.device" | "aten.to.other":
            copies = node.kwargs.get("copy", False) or True in node.args[2:]
            return not copies and node.meta["val"].dtype == source.meta["val"].dtype
        case _:
            return False


def is_higher_order(node: Node) -> bool:
    """Whether an argument is a submodule (``cond``, ``while_loop``, ``map``)."""
    return any(isinstance(given, Node) and given.op == "get_attr" for given in node.args)


def inlined(owner: GraphModule, node: Node, num_settings: int, same: dict[Node, Node]) -> Iterator[Node]:
    """The nodes of a wrapped submodule, which follows ``num_settings`` settings among the node's arguments."""
    get_attr, *given = node.args[num_settings:]
    assert isinstance(get_attr, Node)
    inner = getattr(owner, str(get_attr.target))
    assert isinstance(inner, GraphModule)
    placeholders = [n for n in inner.graph.nodes if n.op == "placeholder"]
    same |= {formal: actual for formal, actual in zip(placeholders, given, strict=True) if isinstance(actual, Node)}
    yield from flatten(inner, same)
    results = inner.graph.output_node().args[0]
    assert isinstance(results, tuple | list)
    for user in node.users:
        index = user.args[1]
        assert isinstance(index, int)
        result = results[index]
        assert isinstance(result, Node)
        same[user] = result


def refuse_autocast(owner: GraphModule, node: Node) -> None:
    """Raise ImportFailure for ``wrap_with_autocast(device, dtype, enabled, ...)`` that is enabled."""
    if str(node.target) != "wrap_with_autocast" or not node.args[2]:
        return
    body = node.args[4]
    assert isinstance(body, Node)
    inner = getattr(owner, str(body.target))
    assert isinstance(inner, GraphModule)
    first = next((n for n in inner.graph.nodes if n.meta.get("stack_trace")), node)
    raise ImportFailure(
        f"autocast changes element types behind the program's back: {quote(first)}",
        where=where(first),
        hint="remove torch.autocast and write the casts as .to(dtype)",
    )


WRAPPERS = {"wrap_with_set_grad_enabled": 1, "wrap_with_autocast": 4}
"""Wrappers that do not change values (autocast only when disabled) -> number of settings before the submodule."""
