"""The segment graph of an entry: instances, and what holds between them; before and after layers are flattened."""

import pytest
from roundtrip import parse
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.errors import IRError
from dsv3c.ir.functions import functions
from dsv3c.ir.segments import Dependency, SegmentGraph, segment_graph
from dsv3c.ir.verify import verify_module
from dsv3c.passes.flatten_layers import flatten_layers

X = 'tensor<?x8xbf16, ["T"]>'
IDS = 'tensor<?x2xi64, ["T"]>'
W = 'tensor<?x2xbf16, ["T"]>'
R = 'tensor<?x8xbf16, ["4*T"]>'
RI = 'tensor<?x1xi64, ["4*T"]>'
RW = 'tensor<?x1xbf16, ["4*T"]>'
RS = 'tensor<?x2xi32, ["4*T"]>'
TABLES = 'tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>'
CACHE = '!mla.cache<"pages" x 4, latent 8 x bf16, rope 8 x bf16>'
TOKEN = '!comm.token<"ep">'
HEADER = "comm.mesh @ep nodes 1 gpus 2\n" + "".join(
    f"dsv3c.symbol @{name} min 0\n" for name in ("T", "N", "P", "pages")
)
ARGUMENTS = ", ".join(
    f"%{name}: {kind}" for name, kind in zip(("p", "o", "b"), TABLES.replace(">, ", ">;").split(";"), strict=True)
)

LAYER = f"""
func.func private @a(%x: {X}, {ARGUMENTS}, %c: {CACHE}) -> ({X}, {CACHE}) attributes {{segment = "attention-1"}} {{
  %n = mla.append %x, %x to %c at %p, %o, %b : {X}, {X}, {CACHE}, {TABLES} -> {CACHE}
  func.return %x, %n : {X}, {CACHE}
}}
func.func private @d(%x: {X}, %w: {W}, %i: {IDS}, %t: {TOKEN}) -> ({R}, {RS}, {TOKEN})
    attributes {{segment = "dispatch"}} {{
  %pl = comm.placement <0:4> : tensor<4xi32>
  %r, %rw, %ri, %s, %u = comm.dispatch %x, %w, %i placement %pl after %t copies "expert" experts_per_rank 2
    : {X}, {W}, {IDS}, tensor<4xi32>, {TOKEN} -> {R}, {RW}, {RI}, {RS}
  func.return %r, %s, %u : {R}, {RS}, {TOKEN}
}}
func.func private @c(%r: {R}, %s: {RS}, %w: {W}, %i: {IDS}, %t: {TOKEN}) -> ({X}, {TOKEN})
    attributes {{segment = "combine"}} {{
  %y, %u = comm.combine %r, %s, %w, %i after %t order "slot" combine_in f32 payload "bf16"
    : {R}, {RS}, {W}, {IDS}, {TOKEN} -> {X}
  func.return %y, %u : {X}, {TOKEN}
}}
func.func private @layer(%x: {X}, %w: {W}, %i: {IDS}, {ARGUMENTS}, %c: {CACHE}, %t: {TOKEN})
    -> ({X}, {CACHE}, {TOKEN}) {{
  %h, %n = func.call @a(%x, %p, %o, %b, %c) {{prefix = ""}} : ({X}, {TABLES}, {CACHE}) -> ({X}, {CACHE})
  %r, %s, %t1 = func.call @d(%h, %w, %i, %t) {{prefix = ""}} : ({X}, {W}, {IDS}, {TOKEN}) -> ({R}, {RS}, {TOKEN})
  %y, %t2 = func.call @c(%r, %s, %w, %i, %t1) {{prefix = "moe"}} : ({R}, {RS}, {W}, {IDS}, {TOKEN}) -> ({X}, {TOKEN})
  func.return %y, %n, %t2 : {X}, {CACHE}, {TOKEN}
}}
func.func private @peek(%c: {CACHE}, %x: {X}) -> {X} {{
  func.return %x : {X}
}}
"""
ALL = "%w, %i, %p, %o, %b"
KINDS = f"{X}, {W}, {IDS}, {TABLES}, {CACHE}, {TOKEN}"


def layer(results: str, x: str, cache: str, token: str, attributes: str) -> str:
    return (
        f"{results} = func.call @layer({x}, {ALL}, {cache}, {token}) {{{attributes}}} : ({KINDS}) "
        f"-> ({X}, {CACHE}, {TOKEN})"
    )


def entry(body: str, returned: str) -> ModuleOp:
    text = f"""{HEADER}{LAYER}
    func.func @step(%x: {X}, %w: {W}, %i: {IDS}, {ARGUMENTS}, %c: {CACHE}) -> {X} {{
      %t = comm.start : {TOKEN}
      {body}
      func.return {returned} : {X}
    }}"""
    module = parse(text)
    verify_module(module)
    return module


def two_layers() -> ModuleOp:
    """Two layers in two micro-batches; the first one's parts are added up on the way to the second."""
    return entry(
        "\n".join(
            [
                layer("%y0, %c0, %t0", "%x", "%c", "%t", 'prefix = "layers.0", microbatch = 0 : i64'),
                layer("%y1, %c1, %t1", "%x", "%c0", "%t0", 'prefix = "layers.0", microbatch = 1 : i64'),
                f"%sum = aten.add.Tensor(%y0, %y1) : {X}",
                layer("%z0, %c2, %t2", "%sum", "%c1", "%t1", 'prefix = "layers.1", microbatch = 0 : i64'),
            ]
        ),
        "%z0",
    )


def pairs(graph: SegmentGraph, kind: str) -> set[tuple[str, str]]:
    return {(item.producer, item.consumer) for item in graph.dependencies if item.kind == kind}


def test_instances_are_the_segments_of_every_layer_and_micro_batch() -> None:
    graph = segment_graph(two_layers(), "step")
    assert graph.entry == "step"
    assert [
        (item.name, item.segment, item.function, item.layer, item.microbatch, item.prefix, item.communicates)
        for item in graph.instances
    ] == [
        ("layer0.attention-1.mb0", "attention-1", "a", 0, 0, "layers.0", False),
        ("layer0.dispatch.mb0", "dispatch", "d", 0, 0, "layers.0", True),
        ("layer0.combine.mb0", "combine", "c", 0, 0, "layers.0.moe", True),
        ("layer0.attention-1.mb1", "attention-1", "a", 0, 1, "layers.0", False),
        ("layer0.dispatch.mb1", "dispatch", "d", 0, 1, "layers.0", True),
        ("layer0.combine.mb1", "combine", "c", 0, 1, "layers.0.moe", True),
        ("layer1.attention-1.mb0", "attention-1", "a", 1, 0, "layers.1", False),
        ("layer1.dispatch.mb0", "dispatch", "d", 1, 0, "layers.1", True),
        ("layer1.combine.mb0", "combine", "c", 1, 0, "layers.1.moe", True),
    ]
    assert graph.by_name()["layer1.dispatch.mb0"] is graph.instances[7]


def test_values_caches_and_tokens_make_dependencies() -> None:
    graph = segment_graph(two_layers(), "step")
    names = [item.name for item in graph.instances]
    a0, d0, c0, a1, d1, c1, a2, d2, c2 = names
    assert pairs(graph, "value") == {(a0, d0), (d0, c0), (a1, d1), (d1, c1), (c0, a2), (c1, a2), (a2, d2), (d2, c2)}
    assert pairs(graph, "cache") == {(a0, a1), (a1, a2)}
    assert pairs(graph, "order") == {(d0, c0), (c0, d1), (d1, c1), (c1, d2), (d2, c2)}
    assert {item.group for item in graph.dependencies if item.kind == "order"} == {"ep"}
    assert {item.group for item in graph.dependencies if item.kind != "order"} == {""}
    assert list(graph.dependencies) == sorted(
        graph.dependencies, key=lambda item: (item.consumer, item.producer, item.kind)
    )


def test_flat_entries_have_the_same_graph() -> None:
    module = two_layers()
    before = segment_graph(module, "step")
    assert flatten_layers(module) == 3
    verify_module(module)
    assert segment_graph(module, "step") == before
    assert sorted(functions(module)) == ["a", "c", "d", "peek", "step"]
    assert flatten_layers(module) == 0
    assert segment_graph(module, "step") == before


def test_an_entry_of_nothing_but_segments_stays() -> None:
    text = f"""{HEADER}{LAYER}
    func.func @step(%x: {X}, {ARGUMENTS}, %c: {CACHE}) -> ({X}, {CACHE}) {{
      %h, %n = func.call @a(%x, %p, %o, %b, %c) {{prefix = "", layer = 0 : i64}} : ({X}, {TABLES}, {CACHE})
        -> ({X}, {CACHE})
      func.return %h, %n : {X}, {CACHE}
    }}"""
    module = parse(text)
    assert flatten_layers(module) == 0
    assert "step" in functions(module)


def test_layers_in_a_function_of_layers_are_flattened_there() -> None:
    call = layer("%y, %n, %u", "%x", "%c", "%t", 'prefix = "l"')
    outer = f"""func.func private @outer(%x: {X}, %w: {W}, %i: {IDS}, {ARGUMENTS}, %c: {CACHE}, %t: {TOKEN})
        -> ({X}, {CACHE}, {TOKEN}) {{
      {call}
      func.return %y, %n, %u : {X}, {CACHE}, {TOKEN}
    }}"""
    module = parse(
        f"""{HEADER}{LAYER}{outer}
    func.func @step(%x: {X}, %w: {W}, %i: {IDS}, {ARGUMENTS}, %c: {CACHE}) -> {X} {{
      %t = comm.start : {TOKEN}
      {call.replace("@layer", "@outer")}
      func.return %y : {X}
    }}"""
    )
    before = segment_graph(module, "step")
    assert flatten_layers(module) == 1
    verify_module(module)
    assert {"outer", "step"} <= functions(module).keys() and "layer" not in functions(module)
    assert segment_graph(module, "step") == before


def test_a_version_is_overwritten_after_its_last_reader() -> None:
    peek = f'%v = func.call @peek(%c, %x) {{prefix = "", layer = 7 : i64}} : ({CACHE}, {X}) -> {X}'
    module = entry(peek + "\n" + layer("%y, %n, %u", "%v", "%c", "%t", 'layer = 8 : i64, prefix = "l"'), "%y")
    graph = segment_graph(module, "step")
    assert [item.name for item in graph.instances][:2] == ["layer7.layer", "layer8.attention-1"]
    assert pairs(graph, "cache") == {("layer7.layer", "layer8.attention-1")}
    assert pairs(graph, "value") >= {("layer7.layer", "layer8.attention-1")}
    assert not graph.instances[0].communicates and graph.instances[0].microbatch == 0
    read_after = entry(
        layer("%y, %n, %u", "%x", "%c", "%t", 'prefix = "l"') + "\n" + peek.replace("%c,", "%n,").replace("%x)", "%y)"),
        "%v",
    )
    assert pairs(segment_graph(read_after, "step"), "cache") == {("layer0.attention-1", "layer7.layer")}


def test_whole_layers_are_numbered_in_order() -> None:
    calls = "\n".join(
        f'%v{n + 1} = func.call @peek(%c, %v{n}) {{prefix = "l.{n}"}} : ({CACHE}, {X}) -> {X}' for n in range(2)
    )
    module = entry(f"%v0 = aten.silu(%x) : {X}\n{calls}", "%v2")
    assert [(item.name, item.prefix) for item in segment_graph(module, "step").instances] == [
        ("layer0.layer", "l.0"),
        ("layer1.layer", "l.1"),
    ]
    assert Dependency("layer0.layer", "layer1.layer", "value") in segment_graph(module, "step").dependencies


def test_a_layer_runs_a_segment_once() -> None:
    twice = "\n".join(
        f'%v{n}, %n{n} = func.call @a(%x, %p, %o, %b, {cache}) {{prefix = "", layer = 0 : i64}} '
        f": ({X}, {TABLES}, {CACHE}) -> ({X}, {CACHE})"
        for n, cache in enumerate(("%c", "%n0"))
    )
    with pytest.raises(IRError, match=r"layer0\.attention-1 runs twice in one step"):
        segment_graph(entry(twice, "%v1"), "step")


def test_flattening_keeps_what_is_no_list_of_segments() -> None:
    peek = f'%v = func.call @peek(%c, %x) {{prefix = "p"}} : ({CACHE}, {X}) -> {X}'
    module = entry(peek + "\n" + layer("%y, %n, %u", "%v", "%c", "%t", 'prefix = "l"'), "%y")
    before = segment_graph(module, "step")
    assert flatten_layers(module) == 1
    assert segment_graph(module, "step") == before
    assert "peek" in functions(module) and "layer" not in functions(module)
    calls = [op for op in functions(module)["step"].body.block.ops if isinstance(op, func.CallOp)]
    assert [(call.callee.root_reference.data, call.results[0].name_hint) for call in calls] == [
        ("peek", "v"),
        ("a", "h"),
        ("d", "r"),
        ("c", "y"),
    ]


def test_a_function_that_also_computes_is_not_flattened() -> None:
    module = two_layers()
    body = functions(module)["layer"].body.block
    relu = parse(f"func.func @f(%x: {X}) -> {X} {{\n%r = aten.silu(%x) : {X}\nfunc.return %r : {X}\n}}")
    added = functions(relu)["f"].body.block.first_op
    assert added is not None
    body.insert_op_before(added.clone({added.operands[0]: body.args[0]}), body.first_op)  # pyright: ignore
    assert flatten_layers(module) == 0
    assert "layer" in functions(module)
