"""In-place writes made functional: ``x.f_(y)`` becomes ``x' = f(x, y)``, and later reads of x read x'.

Whole tensors and writes through one slice or select level are expressed; a write that could be seen through another
view, or outside of the function, is refused with the user's line.
"""

from collections.abc import Iterator

from torch.fx import Node
from xdsl.ir import Attribute, SSAValue

from dsv3c.frontend.fx_graph import location, module_path, op_name, quote, where
from dsv3c.frontend.import_nodes import Environment, NodeImporter, arguments
from dsv3c.frontend.import_types import Types
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.aten import AtenOp
from dsv3c.ir.dialects.aten_schema import Kind
from dsv3c.ir.errors import ImportFailure

SCATTER = {"aten.slice.Tensor": "aten.slice_scatter", "aten.select.int": "aten.select_scatter"}
"""A view that can be written through -> the operator that puts the written part back."""

EDIT_CACHE = """return attention over the whole sequence that the function is given, without the cache:
  drop the buffer and use the new keys and values directly, as in
      k, v = self.wk(x), self.wv(x)        # [B, S, ...], not self.k_cache[:B, :end]
  dsv3c adds its own paged cache in specialize-phases"""


def write(importer: NodeImporter, cls: type[AtenOp], node: Node, env: Environment) -> None:
    """Emit the functional form of a mutating node and rebind what it wrote."""
    target = node.args[0]
    assert isinstance(target, Node)
    if is_out_variant(cls):
        raise ImportFailure(
            f"{cls.name} writes into a given tensor: {quote(node)}",
            where=where(node),
            hint="use the form that returns its result",
        )
    refuse_outside_writes(env, target, node, importer.ctx)
    if op_name(node) == "aten.copy_":
        env[node] = copied(importer, node, target, env)
    else:
        importer.emit(importer.aten(functional_name(cls)), node, env)
    written = env.value(node)
    env.same[node] = target  # x.f_() is x: a later write to one is seen through the other
    update(importer, target, node, written, env)


def is_out_variant(cls: type[AtenOp]) -> bool:
    """Whether the written argument is another one than the first."""
    return any(arg.is_written for arg in cls.SCHEMA.args[1:])


def functional_name(cls: type[AtenOp]) -> str:
    """``aten.add_.Tensor`` -> ``aten.add.Tensor``."""
    return cls.name.replace("_.", ".", 1) if "_." in cls.name else cls.name.removesuffix("_")


def copied(importer: NodeImporter, node: Node, target: Node, env: Environment) -> SSAValue:
    """The value ``copy_`` leaves in its target: the source, converted and broadcast to the target's type."""
    source = env.value(node.args[1])
    wanted = importer.types.type_of(target.meta["val"], node)
    if source.type == wanted:
        return source
    given = importer.types.type_of(node.args[1].meta["val"], node)  # pyright: ignore[reportAttributeAccessIssue, reportOptionalMemberAccess]
    if given.element_type != wanted.element_type:
        converted = importer.aten("aten.to.dtype").build_from(
            {"self": source},
            {"dtype": wanted.element_type},
            [type(given)(wanted.element_type, given.shape, given.encoding)],
        )
        env.add(converted, node)
        source = converted.results[0]
    if source.type != wanted:
        expanded = importer.aten("aten.expand").build_from({"self": source}, {}, [wanted])
        env.add(expanded, node)
        source = expanded.results[0]
    return source


def refuse_outside_writes(env: Environment, target: Node, node: Node, ctx: CompileContext) -> None:
    """A write into a buffer, a parameter or an argument would outlive the call: there is no such memory here."""
    base = target
    while is_view(base, ctx) and isinstance(base.args[0], Node):
        base = base.args[0]
    base = env.root(base)
    if base.op == "placeholder" and base.name.startswith("b_"):
        raise ImportFailure(
            f"writes into the module's buffer {base.name.removeprefix('b_')}: {quote(node)}",
            where=where(node),
            hint=EDIT_CACHE,
        )
    if base in env.inputs:
        raise ImportFailure(
            f"writes into {base.name}, which comes from outside of {env.prefix or 'the program'}: {quote(node)}",
            where=where(node),
            hint="write into a copy (x = x.clone()), or use the form without the underscore",
        )


def update(importer: NodeImporter, target: Node, node: Node, written: SSAValue, env: Environment) -> None:
    """Make later reads of ``target`` see what ``node`` wrote; refuse what this cannot express."""
    ctx, target = importer.ctx, env.root(target)
    base = target.args[0] if is_view(target, ctx) else target
    base = env.root(base) if isinstance(base, Node) else base
    if not isinstance(base, Node) or is_view(base, ctx) or (base is not target and op_name(target) not in SCATTER):
        raise ImportFailure(
            f"writes through {op_name(target)}: {quote(node)}",
            where=where(node),
            hint="only whole tensors and one slice or index of them can be written: build the result with torch.cat "
            "or torch.where",
        )
    stale = [v.name for v in views(base, ctx) if v is not target and v < node and is_read_after(v, node)]
    if stale:
        raise ImportFailure(
            f"{', '.join(stale)} may see this write: {quote(node)}",
            where=where(node),
            hint="take the view after the write, or write into a clone",
        )
    if base is target:
        env[base] = written
        return
    scatter = importer.aten(SCATTER[op_name(target)])
    kept = view_arguments(importer.types, importer.aten(op_name(target)), target)
    op = scatter.build_from(
        {"self": env.value(base), "src": written}, kept, [importer.types.type_of(base.meta["val"], base)]
    )
    op.location = location(node, env.relative(module_path(node)))
    env.block.add_op(op)
    op.results[0].name_hint = "written"
    env[base] = op.results[0]
    env[target] = written


def view_arguments(types: Types, cls: type[AtenOp], view: Node) -> dict[str, Attribute]:
    """Which part a view is: dim, start, end, step or index."""
    given = [
        (arg, types.attribute(arg, value, view)) for arg, value in arguments(cls, view) if arg.kind is Kind.ATTRIBUTE
    ]
    return {arg.name: attribute for arg, attribute in given if attribute is not None}


def is_view(node: Node, ctx: CompileContext) -> bool:
    """Whether a node's result may share memory with its first argument."""
    cls = ctx.get_optional_op(op_name(node)) if node.op == "call_function" else None
    if cls is None or not issubclass(cls, AtenOp) or cls.SCHEMA.mutates or not cls.SCHEMA.args:
        return False
    return cls.SCHEMA.args[0].is_aliased


def views(base: Node, ctx: CompileContext) -> Iterator[Node]:
    """Every view of ``base``, also views of views, and views of what in-place operators give back."""
    for user in base.users:
        if user.args and user.args[0] is base:
            if is_view(user, ctx):
                yield user
            if is_view(user, ctx) or is_write(user, ctx):
                yield from views(user, ctx)


def is_write(node: Node, ctx: CompileContext) -> bool:
    """Whether a node writes into its first argument."""
    cls = ctx.get_optional_op(op_name(node)) if node.op == "call_function" else None
    return cls is not None and issubclass(cls, AtenOp) and cls.SCHEMA.mutates


def is_read_after(view: Node, written: Node) -> bool:
    """Whether somebody reads ``view`` later than ``written``, other than to overwrite it."""
    return any(user > written and not (op_name(user) == "aten.copy_" and user.args[0] is view) for user in view.users)
