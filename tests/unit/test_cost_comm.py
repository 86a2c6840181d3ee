"""Costs of exchanges against the link model, written out: bytes per link, rows received, routing in groups."""

from itertools import combinations

import pytest
from xdsl.dialects import test
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import make_context
from dsv3c.ir.cost import CostClass, Env, entry_cost
from dsv3c.ir.cost_model import Cost
from dsv3c.ir.cost_rules_comm import KINDS, are_aligned, copies_of, received_rows
from dsv3c.ir.definitions import choices_of, definition
from dsv3c.ir.dialects import comm, moe
from dsv3c.ir.dialects.comm_types import PlacementAttr
from dsv3c.ir.dialects.moe_choices import AppendChoiceOp
from dsv3c.ir.expected_places import expected_places
from dsv3c.ir.expected_rows import Routing as ExpectedRows
from dsv3c.ir.expected_rows import routing_of
from dsv3c.ir.expected_sizes import with_expected_rows
from dsv3c.ir.links import Copies, CopyKind, Mesh, Routing, copies_per_token
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

T, D, K, RANKS = 10, 256, 3, 4
ENV = Env(sizes={"T": T})
MESH = Mesh(nodes=2, gpus=2)
LIMITED = Routing(num_experts=16, top_k=K, num_groups=4, top_groups=2)
FREE = Routing(num_experts=16, top_k=K)
TOKEN = '!comm.token<"ep">'
WEIGHTS, IDS = 'tensor<?x3xbf16, ["T"]>', 'tensor<?x3xi64, ["T"]>'
PLAIN, SCALED = 'tensor<?x256xbf16, ["T"]>', '!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>'
GATE = (
    '%gw, %gi = moe.gate %l top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 '
    f': tensor<?x16xf32, ["T"]> -> {WEIGHTS}, {IDS}'
)


def program(
    x: str = PLAIN, copies: str = "expert", order: str = "slot", payload: str = "bf16", *, counted: bool = False
) -> ModuleOp:
    """A layer whose gate, dispatch and combine are in functions of their own, as after cutting segments."""
    room = "R" if counted else f"{RANKS * (K if copies == 'expert' else 1)}*T"
    choices = 1 if copies == "expert" else K
    rows = x.replace('"T"', f'"{room}"')
    meta = f'tensor<?x{choices}xbf16, ["{room}"]>, tensor<?x{choices}xi64, ["{room}"]>, tensor<?x2xi32, ["{room}"]>'
    y, sources = PLAIN.replace('"T"', f'"{room}"'), f'tensor<?x2xi32, ["{room}"]>'
    sync = (
        f'%c, %t1 = comm.sync_counts %ids placement %p after %t copies "{copies}" experts_per_rank 4 '
        f": {IDS}, tensor<16xi32>, {TOKEN} -> tensor<4xi32>"
        if counted
        else ""
    )
    after, counts = ("%t1", "counts %c : tensor<4xi32> ") if counted else ("%t", "")
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 0
        dsv3c.symbol @R min 0
        comm.mesh @ep nodes 2 gpus 2
        func.func private @gate(%l: tensor<?x16xf32, ["T"]>) -> ({WEIGHTS}, {IDS}) {{
          {GATE}
          func.return %gw, %gi : {WEIGHTS}, {IDS}
        }}
        func.func private @dispatch(%x: {x}, %w: {WEIGHTS}, %ids: {IDS}, %p: tensor<16xi32>, %t: {TOKEN}) -> ({rows}, {meta}, {TOKEN}) {{
          {sync}
          %rows, %rw, %ri, %src, %t2 = comm.dispatch %x, %w, %ids placement %p after {after} {counts}copies "{copies}" experts_per_rank 4 : {x}, {WEIGHTS}, {IDS}, tensor<16xi32>, {TOKEN} -> {rows}, {meta}
          func.return %rows, %rw, %ri, %src, %t2 : {rows}, {meta}, {TOKEN}
        }}
        func.func private @combine(%y: {y}, %src: {sources}, %w: {WEIGHTS}, %ids: {IDS}, %t: {TOKEN}) -> {PLAIN} {{
          %out, %t3 = comm.combine %y, %src, %w, %ids after %t order "{order}" combine_in f32 payload "{payload}" : {y}, {sources}, {WEIGHTS}, {IDS}, {TOKEN} -> {PLAIN}
          func.return %out : {PLAIN}
        }}
        func.func @main(%x: {x}, %l: tensor<?x16xf32, ["T"]>, %y: {y}) -> {PLAIN} {{
          %t = comm.start : {TOKEN}
          %p = comm.placement <0:16> : tensor<16xi32>
          %w, %ids = func.call @gate(%l) : (tensor<?x16xf32, ["T"]>) -> ({WEIGHTS}, {IDS})
          %rows, %rw, %ri, %src, %t2 = func.call @dispatch(%x, %w, %ids, %p, %t) : ({x}, {WEIGHTS}, {IDS}, tensor<16xi32>, {TOKEN}) -> ({rows}, {meta}, {TOKEN})
          %out = func.call @combine(%y, %src, %w, %ids, %t2) : ({y}, {sources}, {WEIGHTS}, {IDS}, {TOKEN}) -> {PLAIN}
          func.return %out : {PLAIN}
        }}""",  # noqa: E501
    )
    verify_module(module)
    return module


def costs(module: ModuleOp) -> tuple[Cost, Cost]:
    totals = entry_cost(module, "main", ENV)
    assert not totals.uncosted
    return totals.of(CostClass.DISPATCH), totals.of(CostClass.COMBINE)


def dispatch_of(module: ModuleOp) -> comm.DispatchOp:
    return next(op for op in module.walk() if isinstance(op, comm.DispatchOp))


def all_copies(copies: Copies) -> float:
    return copies.local + copies.scale_up + copies.scale_out


@pytest.mark.parametrize(
    ("copies", "order"), [("expert", "slot"), ("expert", "expert"), ("rank", "rank"), ("node", "node_rank")]
)
@pytest.mark.parametrize(("x", "message"), [(PLAIN, 2 * D + 16), (SCALED, D + 2 * 4 + 16)], ids=["bf16", "fp8"])
def test_bytes_on_links(copies: CopyKind, order: str, x: str, message: int) -> None:
    dispatch, combine = costs(program(x, copies, order))
    sent = copies_per_token(MESH, LIMITED, copies)
    assert dispatch.scale_up_bytes == pytest.approx(T * sent.scale_up * message)
    assert dispatch.scale_out_bytes == pytest.approx(T * sent.scale_out * message)
    assert combine.scale_up_bytes == pytest.approx(T * sent.scale_up * 2 * D)
    assert combine.scale_out_bytes == pytest.approx(T * sent.scale_out * 2 * D)
    for cost in (dispatch, combine):
        assert (cost.scale_up_messages, cost.scale_out_messages) == (1, 1)
    assert combine.link_bytes == combine.scale_up_bytes + combine.scale_out_bytes
    assert combine.messages == 2


@pytest.mark.parametrize(("nodes", "gpus", "messages"), [(1, 4, (1, 0)), (4, 1, (0, 1)), (2, 2, (1, 1))])
def test_links_that_carry_nothing_wait_for_no_message(nodes: int, gpus: int, messages: tuple[int, int]) -> None:
    module = program()
    mesh = next(op for op in module.walk() if isinstance(op, comm.MeshOp))
    mesh.properties |= comm.MeshOp("ep", nodes, gpus).properties
    for cost in costs(module):
        assert (cost.scale_up_messages, cost.scale_out_messages) == messages


@pytest.mark.parametrize(("payload", "size"), [("logfmt10", 320 + 8), ("logfmt8", 256 + 8), ("f32", 1024)])
def test_bytes_of_a_payload(payload: str, size: int) -> None:
    _, combine = costs(program(payload=payload))
    assert combine.scale_out_bytes == pytest.approx(T * K / 2 * size)


@pytest.mark.parametrize(("copies", "order"), [("expert", "slot"), ("rank", "rank"), ("node", "node_rank")])
def test_memory_of_the_rows_that_arrive(copies: CopyKind, order: str) -> None:
    """A rank receives what it sends on average: of a node's forwarded rows, one per rank of the experts."""
    module = program(SCALED, copies, order)
    kind: CopyKind = "expert" if copies == "expert" else "rank"
    rows = T * all_copies(copies_per_token(MESH, LIMITED, kind))
    assert received_rows(dispatch_of(module), ENV) == pytest.approx(rows)
    held = with_expected_rows(module, ENV).number(f"{RANKS * (K if copies == 'expert' else 1)}*T")
    assert held - 1 < rows <= held
    dispatch, combine = costs(module)
    choices = 1 if copies == "expert" else K
    assert dispatch.activation_bytes_read == T * (D + 8 + K * (2 + 8)) + 16 * 4
    assert dispatch.activation_bytes_written == pytest.approx(rows * (D + 8 + choices * (2 + 8) + 8))
    assert combine.activation_bytes_read == pytest.approx(rows * 2 * D + held * 8 + T * K * (2 + 8))
    assert combine.activation_bytes_written == T * 2 * D
    sent = all_copies(copies_per_token(MESH, LIMITED, copies))
    assert combine.flops == pytest.approx(2 * T * sent * D)
    assert (combine.dtype, dispatch.flops) == ("", 0)


def test_counted_rows_have_the_number_expected() -> None:
    module = program(SCALED, "rank", "rank", counted=True)
    env = with_expected_rows(module, ENV)
    rows = T * all_copies(copies_per_token(MESH, LIMITED, "rank"))
    assert env.sizes["R"] == env.number("R") == -(-rows // 1)
    assert env.number("3*R + 1") == 3 * env.sizes["R"] + 1
    dispatch, _ = costs(module)
    bounded, _ = costs(program(SCALED, "rank", "rank"))
    # the counts: 4 bytes to the other rank of the node, and to the two of the other node
    assert dispatch.scale_up_bytes == pytest.approx(bounded.scale_up_bytes + 4)
    assert dispatch.scale_out_bytes == pytest.approx(bounded.scale_out_bytes + 8)
    assert dispatch.scale_out_messages == 2
    assert dispatch.activation_bytes_read == bounded.activation_bytes_read + T * K * 8 + 16 * 4 + 16


def test_sizes_expected_already_stay() -> None:
    env = Env(sizes={"T": T}, expected={"12*T": 1})
    assert with_expected_rows(program(), env) is env
    assert env.number("12*T") == 1


def test_functions_at_other_sizes_are_passed_over() -> None:
    assert with_expected_rows(program(), Env(sizes={"S": 1})).expected == {}


def with_placement(experts: list[int]) -> ModuleOp:
    module = program(copies="node", order="node_rank")
    placement = next(op for op in module.walk() if isinstance(op, comm.PlacementOp))
    placement.properties["experts"] = PlacementAttr.make(experts)
    return module


def distinct(placement: list[int], place: int) -> float:
    """Mean number of places of 3 experts in 2 of 4 groups, every one of them counted."""
    found = list[int]()
    for groups in combinations(range(4), 2):
        allowed = [expert for expert in range(16) if expert // 4 in groups]
        found += [len({placement.index(expert) // place for expert in chosen}) for chosen in combinations(allowed, K)]
    return sum(found) / len(found)


@pytest.mark.parametrize(
    "placement",
    [
        [*range(16)],
        [*range(15, -1, -1)],
        [expert for start in range(4) for expert in range(start, 16, 4)],  # every rank has one of every group
        [0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],  # a group on two ranks
    ],
)
def test_copies_by_where_the_experts_of_the_gate_s_groups_are(placement: list[int]) -> None:
    op = dispatch_of(with_placement(placement))
    ranks, nodes = distinct(placement, 4), distinct(placement, 8)
    assert all_copies(copies_of(op, "rank")) == pytest.approx(ranks)
    node = copies_of(op, "node")
    assert (node.scale_out, node.scale_up) == (pytest.approx(nodes / 2), pytest.approx(ranks / 2))
    assert copies_of(op, "expert") == copies_per_token(MESH, FREE, "expert")


def test_copies_with_replicas() -> None:
    """Two of every expert, one on each node: a token takes either."""
    placement = [*range(8), *range(8)]
    op = dispatch_of(with_placement(placement))
    ranks = expected_places(placement, 4, top_k=K, groups=4, keep=2)
    assert all_copies(copies_of(op, "rank")) == pytest.approx(ranks)
    assert copies_of(op, "node").scale_out == pytest.approx(
        expected_places(placement, 2, top_k=K, groups=4, keep=2) / 2
    )


@pytest.mark.parametrize(
    ("groups", "places", "expected"),
    [(4, (2, 4), True), (4, (8, 2), True), (4, (3,), False), (8, (4, 6), False), (1, (5, 7), True)],
)
def test_groups_and_places_that_lie_inside_each_other(groups: int, places: tuple[int, ...], expected: bool) -> None:
    assert are_aligned(groups, *places) is expected


def test_without_a_gate_in_sight_nothing_is_limited() -> None:
    rows = PLAIN.replace('"T"', '"12*T"')
    meta = 'tensor<?x1xbf16, ["12*T"]>, tensor<?x1xi64, ["12*T"]>, tensor<?x2xi32, ["12*T"]>'
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 0
        comm.mesh @ep nodes 2 gpus 2
        func.func @main(%x: {PLAIN}, %w: {WEIGHTS}, %ids: {IDS}, %y: {rows}, %src: tensor<?x2xi32, ["12*T"]>) -> {PLAIN} {{
          %t = comm.start : {TOKEN}
          %p = comm.placement <0:16> : tensor<16xi32>
          %rows, %rw, %ri, %s, %t2 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 4 : {PLAIN}, {WEIGHTS}, {IDS}, tensor<16xi32>, {TOKEN} -> {rows}, {meta}
          %out, %t3 = comm.combine %y, %src, %w, %ids after %t2 order "slot" combine_in f32 payload "bf16" : {rows}, tensor<?x2xi32, ["12*T"]>, {WEIGHTS}, {IDS}, {TOKEN} -> {PLAIN}
          func.return %out : {PLAIN}
        }}""",  # noqa: E501
    )
    verify_module(module)
    for kind in KINDS:
        assert copies_of(dispatch_of(module), kind) == copies_per_token(MESH, FREE, kind)
    assert "comm.combine" in entry_cost(module, "main", ENV).uncosted


def test_without_a_placement_in_sight_every_rank_holds_as_many() -> None:
    module = program(copies="rank", order="rank")
    placement = next(op for op in module.walk() if isinstance(op, comm.PlacementOp))
    given = test.TestOp.create(result_types=[placement.value.type])
    placement.parent_block().insert_op_before(given, placement)  # pyright: ignore
    placement.value.replace_all_uses_with(given.results[0])
    assert copies_of(dispatch_of(module), "rank") == copies_per_token(MESH, FREE, "rank")


def test_rows_of_experts_here_come_from_all_ranks() -> None:
    module = program(copies="rank", order="rank")
    dispatch = dispatch_of(module)
    assert routing_of(dispatch.row_ids, 4, ENV) == ExpectedRows(T * RANKS, K / 16, 4)
    assert routing_of(dispatch.row_ids, 4, ENV).rows == T * K


def with_certain(placement: list[int]) -> ModuleOp:
    """The program with two choices of the gate and one more that every token makes, in place of three."""
    module = with_placement(placement)
    dispatch, gate = dispatch_of(module), next(op for op in module.walk() if isinstance(op, moe.GateOp))
    first = max(placement)
    chosen = moe.GateOp(
        gate.logits, None, top_k=K - 1, scoring="sigmoid", groups=4, keep=2, renormalize=None, scale=1.0,
        element=gate.weights.type.element_type,  # pyright: ignore
    )  # fmt: skip
    appended = AppendChoiceOp(chosen.weights, chosen.ids, first=first, count=1)
    gate.parent_block().insert_ops_before([chosen, appended], gate)  # pyright: ignore
    gate.weights.replace_all_uses_with(appended.all_weights)
    gate.ids.replace_all_uses_with(appended.all_ids)
    gate.detach()
    assert choices_of(dispatch.ids) == (chosen.ids, 1)
    return module


def test_a_choice_of_every_token_among_others() -> None:
    """12 experts and one more, which each of 4 ranks holds."""
    placement = [*range(3), 12, *range(3, 6), 12, *range(6, 9), 12, *range(9, 12), 12]
    dispatch = dispatch_of(with_certain(placement))
    routing = routing_of(dispatch.row_ids, 4, ENV)
    assert routing == ExpectedRows(T * RANKS, (K - 1) / 12, 4, heavy=1.0, heavy_chance=1 / 4)
    assert routing.rows == pytest.approx(T * K)
    assert routing_of(dispatch.ids, 13, ENV) == ExpectedRows(T, (K - 1) / 12, 13, heavy=1.0)
    expected = expected_places(placement, 4, top_k=K - 1, groups=4, keep=2, certain=1)
    assert all_copies(copies_of(dispatch, "rank")) == pytest.approx(expected)
    assert copies_of(dispatch, "node").scale_out == pytest.approx(
        expected_places(placement, 2, top_k=K - 1, groups=4, keep=2, certain=1) / 2
    )
    assert all_copies(copies_of(dispatch, "expert")) == K


def test_definition_follows_calls_and_views() -> None:
    module = program()
    combine = next(op for op in module.walk() if isinstance(op, comm.CombineOp))
    assert definition(combine.sources) is dispatch_of(module).sources
    assert isinstance(definition(combine.ids).owner, moe.GateOp)
    assert isinstance(definition(dispatch_of(module).placement).owner, comm.PlacementOp)
    argument = definition(combine.y)
    assert argument.owner.parent_op() is not None  # the entry's own argument
    passed = parse_module(
        make_context(),
        """func.func private @same(%a: tensor<4x2xf32>, %b: tensor<4x2xf32>) -> tensor<8xf32> {
          %v = aten.reshape(%b) : tensor<8xf32>
          func.return %v : tensor<8xf32>
        }
        func.func @main(%a: tensor<4x2xf32>, %b: tensor<4x2xf32>) -> tensor<8xf32> {
          %s = aten.add.Tensor(%a, %b) : tensor<4x2xf32>
          %x = func.call @same(%s, %a) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<8xf32>
          %y = func.call @same(%a, %s) : (tensor<4x2xf32>, tensor<4x2xf32>) -> tensor<8xf32>
          func.return %y : tensor<8xf32>
        }""",
    )
    last = list(passed.walk())[-1]
    assert definition(last.operands[0]).name_hint == "s"
