// RUN: dsv3c opt %s -p plan-memory --target h800 --verify-diagnostics

module attributes {dsv3c.facts = ["lowered", "phased", "raised"]} {
dsv3c.symbol @T min 0 hint 128
func.func @negative_unbounded(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> attributes {phase = {name = "negative_unbounded", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // expected-error @below {{plan-memory: kernel.call: T has no upper bound}}
  %a = kernel.call "a.first" reads ["x0"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  func.return %a : tensor<?x8xf32, ["T"]>
}
}
