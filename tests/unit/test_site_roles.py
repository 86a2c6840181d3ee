"""Roles of products, by what they read and what reads them."""

from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.nn import LinearOp
from dsv3c.ir.functions import functions
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module
from dsv3c.passes.site_roles import role_of

ACT = 'tensor<?x128xbf16, ["T"]>'
SQUARE = "tensor<128x128xbf16>"
LINEAR = f"{ACT}, {SQUARE} -> {ACT}"
GATE = 'top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : '
EXPERTS = (
    'gate %g down %d combine_in bf16 order "slot" intermediate "input" : '
    f'{ACT}, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8x128x128xbf16>, tensor<8x128x64xbf16> -> {ACT}'
)


def roles(body: str, arguments: str = f"%x: {ACT}", results: str = "", more: str = "") -> list[str]:
    """The roles of the linears of a function with parameters %w (square) and %n (a norm's)."""
    module = parse_module(
        make_context(),
        f"""dsv3c.symbol @T min 1
        {more}
        func.func @main({arguments}) {f"-> ({results})" if results else ""} {{
          %w = weight.param "w" : {SQUARE}
          %n = weight.param "n" : tensor<128xbf16>
          {body}
        }}""",
    )
    verify_module(module)
    return [role_of(op) for op in functions(module)["main"].walk() if isinstance(op, LinearOp)]


def test_a_returned_linear_behind_a_norm_makes_logits() -> None:
    norm = f'%h = nn.rms_norm %x, %n eps 1.0e-06 weight_in "f32" : {ACT}, tensor<128xbf16>\n'
    linear = f"%y = nn.linear %h, %w : {LINEAR}\n"
    assert roles(f"{norm}{linear} func.return %y : {ACT}", results=ACT) == ["head"]
    end = """%z = aten._to_copy(%y, dtype = f32) : tensor<?x128xf32, ["T"]>
      %v = aten.view(%z) : tensor<?x2x64xf32, ["T"]>"""
    kind = 'tensor<?x2x64xf32, ["T"]>'
    assert roles(f"{norm}{linear}{end} func.return %v : {kind}", results=kind) == ["head"]
    assert roles(f'{norm}{linear} "test.op"(%y) : ({ACT}) -> () func.return') == ["linear"]
    assert roles(f'{norm}{linear}{end} "test.op"(%v) : ({kind}) -> () func.return') == ["linear"]
    half = 'tensor<?x64xbf16, ["T"]>'
    split = f"%a, %b = aten.split_with_sizes(%y, split_sizes = [64, 64], dim = 1) : {half}, {half}"
    assert roles(f"{norm}{linear}{split} func.return %b : {half}", results=half) == ["head"]
    added = f"%z = aten.add.Tensor(%y, %x) : {ACT} func.return %z : {ACT}"
    assert roles(f"{norm}{linear}{added}", results=ACT) == ["linear"]


def test_the_last_tokens_of_a_norm_are_the_norms() -> None:
    body = f"""%h = nn.rms_norm %x, %n eps 1.0e-06 weight_in "f32" : {ACT}, tensor<128xbf16>
      %l = nn.last_tokens %h, %o : {ACT}, tensor<?xi32, ["N + 1"]> -> tensor<?x128xbf16, ["N"]>
      %y = nn.linear %l, %w : tensor<?x128xbf16, ["N"]>, {SQUARE} -> tensor<?x128xbf16, ["N"]>
      func.return %y : tensor<?x128xbf16, ["N"]>"""
    arguments = f'%x: {ACT}, %o: tensor<?xi32, ["N + 1"]>'
    assert roles(body, arguments, 'tensor<?x128xbf16, ["N"]>', "dsv3c.symbol @N min 1") == ["head"]


def test_a_model_that_looks_up_ids_ends_in_its_head() -> None:
    body = f"""%t = weight.param "t" : tensor<50x128xbf16>
      %e = nn.embedding %ids, %t : tensor<?xi64, ["T"]>, tensor<50x128xbf16> -> {ACT}
      %y = nn.linear %e, %w : {LINEAR}
      func.return %y : {ACT}"""
    assert roles(body, '%ids: tensor<?xi64, ["T"]>', ACT) == ["head"]


def test_a_module_by_itself_has_no_head() -> None:
    body = f"%y = nn.linear %x, %w : {LINEAR} func.return %y : {ACT}"
    assert roles(body, results=ACT) == ["linear"]


def test_logits_may_be_made_in_a_function_of_their_own() -> None:
    callee = f"""func.func private @head(%h: {ACT}) -> ({ACT}, {ACT}) {{
      %w = weight.param "w" : {SQUARE}
      %y = nn.linear %h, %w : {LINEAR}
      func.return %h, %y : {ACT}, {ACT} }}
      func.func @embed(%ids: tensor<?xi64, ["T"]>) -> {ACT} {{
      %t = weight.param "t" : tensor<50x128xbf16>
      %e = nn.embedding %ids, %t : tensor<?xi64, ["T"]>, tensor<50x128xbf16> -> {ACT}
      func.return %e : {ACT} }}"""
    for returned, role in (("%y", "head"), ("%b", "head"), ("%h", "linear"), ("%a", "linear")):
        text = f"""dsv3c.symbol @T min 1
          {callee}
          func.func @main(%x: {ACT}) -> {ACT} {{
            %h, %y = func.call @head(%x) : ({ACT}) -> ({ACT}, {ACT})
            %a, %b = func.call @head(%h) : ({ACT}) -> ({ACT}, {ACT})
            func.return {returned} : {ACT}
          }}"""
        module = parse_module(make_context(), text)
        assert [role_of(op) for op in module.walk() if isinstance(op, LinearOp)] == [role]


def experts(after: str) -> list[str]:
    """Roles of the linears of a layer with routed experts %e and the MLP of shared ones up to %s."""
    body = f"""%g = weight.param "g" : tensor<8x128x128xbf16>
      %d = weight.param "d" : tensor<8x128x64xbf16>
      %gate = weight.param "gate" : tensor<8x128xbf16>
      %scores = nn.linear %x, %gate : {ACT}, tensor<8x128xbf16> -> tensor<?x8xbf16, ["T"]>
      %flat = aten.view(%scores) : tensor<?x8xbf16, ["T"]>
      %p, %i = moe.gate %flat {GATE} tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
      %e = moe.experts %x, %p, %i {EXPERTS}
      %gate_up = weight.param "gu" : tensor<256x128xbf16>
      %gu = nn.linear %x, %gate_up : {ACT}, tensor<256x128xbf16> -> tensor<?x256xbf16, ["T"]>
      %a = aten.slice.Tensor(%gu, dim = -1, end = 128) : {ACT}
      %b = aten.slice.Tensor(%gu, dim = -1, start = 128) : {ACT}
      %h = nn.swiglu %a, %b intermediate "input" : {ACT}
      %s = nn.linear %h, %w : {LINEAR}
      {after}
      "test.op"(%z) : ({ACT}) -> ()
      func.return"""
    return roles(body)


def test_what_is_added_to_the_routed_experts_is_shared() -> None:
    assert experts(f"%z = aten.add.Tensor(%e, %s) : {ACT}") == ["router", "shared", "shared"]
    assert experts(f"%v = aten.view(%e) : {ACT} %z = aten.add.Tensor(%s, %v) : {ACT}") == ["router", "shared", "shared"]
    assert experts(f"%z = aten.add.Tensor(%x, %s) : {ACT}") == ["router", "linear", "linear"]
    assert experts(f"%z = aten.mul.Tensor(%e, %s) : {ACT}") == ["router", "linear", "linear"]
    # a residual that holds the experts' output is another matter
    assert experts(f"%r = aten.add.Tensor(%x, %e) : {ACT} %z = aten.add.Tensor(%r, %s) : {ACT}")[1:] == ["linear"] * 2
