// RUN: dsv3c opt %s -p plan-memory --target h800 --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p plan-memory --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

// 1,000 rows of 8 x f32 are 32,000 bytes, which is 125 * 256.
module attributes {dsv3c.facts = ["lowered", "phased", "raised"]} {
dsv3c.symbol @T min 0 max 1000 hint 128

// REMARK: plan-memory: fired: func.func: @layer; workspace_bytes = 64256
// CHECK-LABEL: func.func private @layer
// CHECK-SAME: workspace = 64256 : i64
func.func private @layer(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> {
  // CHECK: "a.first" {{.*}} offsets <y 0>
  %a = kernel.call "a.first" reads ["x0"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  // Scratch is in use while its call runs: beside what that reads and writes.
  // CHECK: "a.second" {{.*}} offsets <y 32000, partial 64000>
  %b = kernel.call "a.second" reads ["x0"] %a writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> scratch <partial ["f32", 1]> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  // What nobody reads any more makes room; the input is the caller's.
  // CHECK: "a.third" {{.*}} offsets <y 0>
  %c = kernel.call "a.third" reads ["x0", "x1"] %b, %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]>, tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>, %i1: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  func.return %c : tensor<?x8xf32, ["T"]>
}

// REMARK: plan-memory: fired: func.func: @twice; workspace_bytes = 96256
// REMARK: plan-memory: fired: func.func: @twice: 0.0 GB; weight_bytes = 0, cache_bytes = 0, workspace_bytes = 96256
// CHECK-LABEL: func.func @twice
// CHECK-SAME: workspace = 96256 : i64
func.func @twice(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> attributes {phase = {name = "twice", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // The first layer leaves its result at 0; the second has its frame behind it.
  // CHECK: func.call @layer({{.*}}frame = 0 : i64
  %h = func.call @layer(%x) {prefix = ""} : (tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]>
  // CHECK: func.call @layer({{.*}}frame = 32000 : i64
  %i = func.call @layer(%h) {prefix = ""} : (tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]>
  func.return %i : tensor<?x8xf32, ["T"]>
}

// Nothing that is read later is overwritten, also not through a view, nor what is written in place.
// CHECK-LABEL: func.func @negative_views_keep_their_data
// CHECK-SAME: workspace = 96000 : i64
func.func @negative_views_keep_their_data(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x4xf32, ["T"]> attributes {phase = {name = "negative_views_keep_their_data", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK: "a.first" {{.*}} offsets <y 0>
  %a = kernel.call "a.first" reads ["x0"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  %part = aten.slice.Tensor(%a, dim = 1, start = 0, end = 4) : tensor<?x4xf32, ["T"]>
  // CHECK: "a.second" {{.*}} offsets <y 32000>
  %b = kernel.call "a.second" reads ["x0"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  // CHECK: "a.third" {{.*}} in_place <y "x0"> offsets <none>
  %c = kernel.call "a.third" reads ["x0"] %b writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> in_place <y "x0"> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  // CHECK: "a.fourth" {{.*}} offsets <y 64000>
  %d = kernel.call "a.fourth" reads ["x0"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  // CHECK: "a.fifth" {{.*}} offsets <y 64000>
  %e = kernel.call "a.fifth" reads ["x0"] %c writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  func.return %part : tensor<?x4xf32, ["T"]>
}
}

// -----

// Two streams: an op that has ended by itself makes no room, an op that was waited for does.
module attributes {dsv3c.facts = ["lowered", "phased", "raised"]} {
dsv3c.symbol @T min 0 max 1000 hint 128
func.func private @work(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> {
  %a = kernel.call "a.only" reads ["x0"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<?x8xf32, ["T"]> -> tensor<?x8xf32, ["T"]> {
  ^bb0(%i0: tensor<?x8xf32, ["T"]>):
    %o = aten.neg(%i0) : tensor<?x8xf32, ["T"]>
    kernel.yield %o : tensor<?x8xf32, ["T"]>
  }
  func.return %a : tensor<?x8xf32, ["T"]>
}
// CHECK-LABEL: func.func @streams
func.func @streams(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> attributes {phase = {name = "streams", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK: func.call @work({{.*}}frame = 0 : i64
  %a = func.call @work(%x) {prefix = "", stream = "compute"} : (tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]>
  // Reads %a on the other stream, which nobody waits for before the next op.
  // CHECK: func.call @work({{.*}}frame = 32000 : i64
  %b = func.call @work(%a) {prefix = "", stream = "comm"} : (tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]>
  // CHECK: func.call @work({{.*}}frame = 64000 : i64
  %c = func.call @work(%x) {prefix = "", stream = "compute"} : (tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]>
  // Waits for the other stream: %a may go.
  // CHECK: func.call @work({{.*}}frame = 0 : i64
  %d = func.call @work(%b) {prefix = "", stream = "compute"} : (tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]>
  func.return %d : tensor<?x8xf32, ["T"]>
}
}

// -----

// 90 GB of caches are more than the device has.
module attributes {dsv3c.facts = ["lowered", "phased", "raised"]} {
dsv3c.symbol @N min 0 max 1000 hint 128
dsv3c.symbol @P min 1 max 1000 hint 64
dsv3c.symbol @pages min 1 hint 1000000
// REMARK: plan-memory: blocked: func.func: @negative_too_large: 92.2 GB do not fit in the 84.9 GB of h800: more ranks (--ep), {{.*}}; weight_bytes = 0, cache_bytes = 92160000000, workspace_bytes = 0
// CHECK-LABEL: func.func @negative_too_large
func.func @negative_too_large(%block_table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 512 x bf16, rope 208 x bf16>) -> !mla.cache<"pages" x 64, latent 512 x bf16, rope 208 x bf16> attributes {phase = {name = "negative_too_large", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  func.return %cache : !mla.cache<"pages" x 64, latent 512 x bf16, rope 208 x bf16>
}
}
