// RUN: dsv3c opt %s -p merge-projections --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p merge-projections --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p merge-projections --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: dsv3c opt %s -p 'merge-projections{block-rows=1}' --split-input-file | filecheck %s --check-prefix=ANY

// The weight whose rows do not fill blocks of 128 goes last, whatever the order in the program.
// CHECK-LABEL: @unaligned_last(
// CHECK:         %[[W:\w+]] = weight.param "b.weight+a.weight" : tensor<228x32xbf16> {
// CHECK-NEXT:      %[[B:\w+]] = weight.stored "b.weight" : tensor<128x32xbf16>
// CHECK-NEXT:      %[[A:\w+]] = weight.stored "a.weight" : tensor<100x32xbf16>
// CHECK-NEXT:      %[[C:\w+]] = aten.cat([%[[B]], %[[A]]]) : tensor<228x32xbf16>
// CHECK-NEXT:      weight.yield %[[C]] : tensor<228x32xbf16>
// CHECK:         %[[Y:\w+]] = nn.linear %x, %[[W]] :
// CHECK-NEXT:    %[[YB:\w+]] = aten.slice.Tensor(%[[Y]], dim = -1, end = 128) : tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    %[[YA:\w+]] = aten.slice.Tensor(%[[Y]], dim = -1, start = 128) : tensor<?x100xbf16, ["T"]>
// CHECK-NEXT:    func.return %[[YA]], %[[YB]] :
// What is new carries the lines of both weights; what was stored keeps its own.
// LOC-LABEL: @unaligned_last(
// LOC:         weight.stored "b.weight" : tensor<128x32xbf16> loc("{{.*}}.mlir":[[BL:\d+]]:0)
// LOC-NEXT:    weight.stored "a.weight" : tensor<100x32xbf16> loc("{{.*}}.mlir":[[AL:\d+]]:0)
// LOC-NEXT:    aten.cat({{.*}}) : tensor<228x32xbf16> loc(fused["{{.*}}.mlir":[[BL]]:0, "{{.*}}.mlir":[[AL]]:0])
dsv3c.symbol @T min 1
func.func @unaligned_last(%x: tensor<?x32xbf16, ["T"]>) -> (tensor<?x100xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
  %a = weight.param "a.weight" : tensor<100x32xbf16>
  %ya = nn.linear %x, %a : tensor<?x32xbf16, ["T"]>, tensor<100x32xbf16> -> tensor<?x100xbf16, ["T"]>
  %b = weight.param "b.weight" : tensor<128x32xbf16>
  %yb = nn.linear %x, %b : tensor<?x32xbf16, ["T"]>, tensor<128x32xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %ya, %yb : tensor<?x100xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
}

// -----
// Three parts keep their order; the middle one is cut on both sides; a recipe that exists is continued.
// CHECK-LABEL: @three_with_recipe(
// CHECK:         %[[W:\w+]] = weight.param "a+b+c" : tensor<512x8xbf16> {
// CHECK-NEXT:      %[[A:\w+]] = weight.stored "a" : tensor<128x8xbf16>
// CHECK-NEXT:      %[[BQ:\w+]] = weight.stored "b8" : tensor<256x8xf8E4M3FN>
// CHECK-NEXT:      %[[BS:\w+]] = weight.stored "b8_scale_inv" : tensor<2x1xf32>
// CHECK-NEXT:      %[[B:\w+]] = weight.dequantize %[[BQ]], %[[BS]] block
// CHECK-NEXT:      %[[C:\w+]] = weight.stored "c" : tensor<128x8xbf16>
// CHECK-NEXT:      %[[M:\w+]] = aten.cat([%[[A]], %[[B]], %[[C]]]) : tensor<512x8xbf16>
// CHECK-NEXT:      weight.yield %[[M]] :
// CHECK:         %[[Y:\w+]] = nn.linear %x, %[[W]] :
// CHECK-NEXT:    %[[YA:\w+]] = aten.slice.Tensor(%[[Y]], dim = -1, end = 128) :
// CHECK-NEXT:    %[[YB:\w+]] = aten.slice.Tensor(%[[Y]], dim = -1, start = 128, end = 384) :
// CHECK-NEXT:    %[[YC:\w+]] = aten.slice.Tensor(%[[Y]], dim = -1, start = 384) :
// CHECK-NEXT:    func.return %[[YA]], %[[YB]], %[[YC]] :
dsv3c.symbol @T min 1
func.func @three_with_recipe(%x: tensor<?x8xbf16, ["T"]>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x256xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
  %a = weight.param "a" : tensor<128x8xbf16>
  %b = weight.param "b" : tensor<256x8xbf16> {
    %q = weight.stored "b8" : tensor<256x8xf8E4M3FN>
    %s = weight.stored "b8_scale_inv" : tensor<2x1xf32>
    %d = weight.dequantize %q, %s block [128 : i64, 128 : i64] : tensor<256x8xf8E4M3FN>, tensor<2x1xf32> -> tensor<256x8xbf16>
    weight.yield %d : tensor<256x8xbf16>
  }
  %c = weight.param "c" : tensor<128x8xbf16>
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<256x8xbf16> -> tensor<?x256xbf16, ["T"]>
  %yc = nn.linear %x, %c : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %ya, %yb, %yc : tensor<?x128xbf16, ["T"]>, tensor<?x256xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
}

// -----
// A weight that something else reads as well keeps its parameter.
// CHECK-LABEL: @shared_weight(
// CHECK-DAG:     %[[A:\w+]] = weight.param "a" : tensor<128x8xbf16>
// CHECK-DAG:     weight.param "a+b" : tensor<256x8xbf16>
// CHECK:         func.return %{{.*}}, %{{.*}}, %[[A]] :
dsv3c.symbol @T min 1
func.func @shared_weight(%x: tensor<?x8xbf16, ["T"]>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<128x8xbf16>) {
  %a = weight.param "a" : tensor<128x8xbf16>
  %b = weight.param "b" : tensor<128x8xbf16>
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %ya, %yb, %a : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<128x8xbf16>
}

// -----
// Gate rows stay before up rows of every expert: they are joined along dim 1.
// CHECK-LABEL: @experts(
// CHECK:         %[[W:\w+]] = weight.param "gate+up" : tensor<4x32x8xbf16> {
// CHECK-NEXT:      %[[G:\w+]] = weight.stored "gate" : tensor<4x16x8xbf16>
// CHECK-NEXT:      %[[U:\w+]] = weight.stored "up" : tensor<4x16x8xbf16>
// CHECK-NEXT:      aten.cat([%[[G]], %[[U]]], dim = 1) : tensor<4x32x8xbf16>
// CHECK:         moe.experts %x, %w, %ids gate %[[W]] down %{{\w+}} combine_in f32 order "expert" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x8xbf16>, tensor<4x8x16xbf16>
dsv3c.symbol @T min 1
func.func @experts(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x8xbf16, ["T"]> {
  %g = weight.param "gate" : tensor<4x16x8xbf16>
  %u = weight.param "up" : tensor<4x16x8xbf16>
  %d = weight.param "down" : tensor<4x8x16xbf16>
  %y = moe.experts %x, %w, %ids gate %g up %u : tensor<4x16x8xbf16> down %d combine_in f32 order "expert" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x16x8xbf16>, tensor<4x8x16xbf16> -> tensor<?x8xbf16, ["T"]>
  func.return %y : tensor<?x8xbf16, ["T"]>
}

// -----
// Two weights that do not fill blocks: a quantisation block would reach over both.
// CHECK-LABEL: @negative_two_unaligned(
// CHECK-COUNT-2: nn.linear
// CHECK-NOT:     aten.slice
// CHECK:         func.return
// ANY-LABEL: @negative_two_unaligned(
// ANY:         weight.param "a+b" : tensor<200x8xbf16>
dsv3c.symbol @T min 1
func.func @negative_two_unaligned(%x: tensor<?x8xbf16, ["T"]>) -> (tensor<?x100xbf16, ["T"]>, tensor<?x100xbf16, ["T"]>) {
  %a = weight.param "a" : tensor<100x8xbf16>
  %b = weight.param "b" : tensor<100x8xbf16>
  // expected-remark @below {{rows 100, 100: more than one weight has rows that do not fill blocks of 128}}
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<100x8xbf16> -> tensor<?x100xbf16, ["T"]>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<100x8xbf16> -> tensor<?x100xbf16, ["T"]>
  func.return %ya, %yb : tensor<?x100xbf16, ["T"]>, tensor<?x100xbf16, ["T"]>
}

// -----
// CHECK-LABEL: @negative_bias(
// CHECK-COUNT-2: nn.linear
// CHECK-NOT:     aten.slice
dsv3c.symbol @T min 1
func.func @negative_bias(%x: tensor<?x8xbf16, ["T"]>, %c: tensor<128xbf16>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
  %a = weight.param "a" : tensor<128x8xbf16>
  %b = weight.param "b" : tensor<128x8xbf16>
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  // expected-remark @below {{a linear with a bias is not merged}}
  %yb = nn.linear %x, %b bias %c : tensor<128xbf16>, : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %ya, %yb : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
}

// -----
// A weight that is an argument, or computed, has no recipe to continue.
// CHECK-LABEL: @negative_no_parameter(
// CHECK-COUNT-2: nn.linear
// CHECK-NOT:     aten.slice
dsv3c.symbol @T min 1
func.func @negative_no_parameter(%x: tensor<?x8xbf16, ["T"]>, %b: tensor<128x8xbf16>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
  %a = weight.param "a" : tensor<128x8xbf16>
  // expected-remark @below {{a weight is no parameter of this function}}
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %ya, %yb : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
}

// -----
// Other inputs, and one weight read twice, are no candidates.
// CHECK-LABEL: @negative_other_inputs(
// CHECK-COUNT-3: nn.linear
// CHECK-NOT:     aten.slice
dsv3c.symbol @T min 1
func.func @negative_other_inputs(%x: tensor<?x8xbf16, ["T"]>, %z: tensor<?x8xbf16, ["T"]>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
  %a = weight.param "a" : tensor<128x8xbf16>
  %b = weight.param "b" : tensor<128x8xbf16>
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %yb = nn.linear %z, %b : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %yc = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %ya, %yb, %yc : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
}

// -----
// A router reads the same row as the shared expert; its logits stay apart, and the others merge.
// CHECK-LABEL: @negative_router(
// CHECK:         weight.param "b+c" : tensor<256x8xbf16>
// CHECK:         %[[R:\w+]] = weight.param "router" : tensor<128x8xbf16>
// CHECK:         %[[L:\w+]] = nn.linear %x, %[[R]] :
// CHECK:         %[[F:\w+]] = aten.to.dtype(%[[L]], dtype = f32) :
// CHECK:         moe.gate %[[F]] top_k
dsv3c.symbol @T min 1
func.func @negative_router(%x: tensor<?x8xbf16, ["T"]>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x2xf32, ["T"]>) {
  %b = weight.param "b" : tensor<128x8xbf16>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %r = weight.param "router" : tensor<128x8xbf16>
  // expected-remark @below {{a router's logits stay apart: its weight is not quantised}}
  %l = nn.linear %x, %r : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %f = aten.to.dtype(%l, dtype = f32) : tensor<?x128xf32, ["T"]>
  %w, %ids = "moe.gate"(%f) <{top_k = 2 : i64, scoring = "sigmoid", groups = 1 : i64, keep = 1 : i64, group_score = "max", mask = "-inf", scale = 1.0 : f64}> : (tensor<?x128xf32, ["T"]>) -> (tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>)
  %c = weight.param "c" : tensor<128x8xbf16>
  %yc = nn.linear %x, %c : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %yb, %yc, %w : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x2xf32, ["T"]>
}

// -----
// CHECK-LABEL: @negative_experts_no_parameter(
// CHECK:         moe.experts %x, %w, %ids gate %g up %{{\w+}} : tensor<4x16x8xbf16> down
dsv3c.symbol @T min 1
func.func @negative_experts_no_parameter(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %g: tensor<4x16x8xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %u = weight.param "up" : tensor<4x16x8xbf16>
  %d = weight.param "down" : tensor<4x8x16xbf16>
  // expected-remark @below {{gate or up is no parameter of this function}}
  %y = moe.experts %x, %w, %ids gate %g up %u : tensor<4x16x8xbf16> down %d combine_in f32 order "expert" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x16x8xbf16>, tensor<4x8x16xbf16> -> tensor<?x8xbf16, ["T"]>
  func.return %y : tensor<?x8xbf16, ["T"]>
}

// -----
// With the router apart there is nothing left to merge with.  The logits have another reader too.
// CHECK-LABEL: @negative_router_and_one(
// CHECK-NEXT:    %[[B:\w+]] = weight.param "b" :
// CHECK-NEXT:    nn.linear %x, %[[B]] :
// CHECK-NEXT:    weight.param "router" :
dsv3c.symbol @T min 1
func.func @negative_router_and_one(%x: tensor<?x8xbf16, ["T"]>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>) {
  %b = weight.param "b" : tensor<128x8xbf16>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %r = weight.param "router" : tensor<128x8xbf16>
  // expected-remark @below {{a router's logits stay apart}}
  %l = nn.linear %x, %r : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %w, %ids = moe.gate %l top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x128xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
  func.return %yb, %l, %w : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>
}

// -----
// A conversion alone makes no router.
// CHECK-LABEL: @converted(
// CHECK:         weight.param "a+b" : tensor<256x8xbf16>
dsv3c.symbol @T min 1
func.func @converted(%x: tensor<?x8xbf16, ["T"]>) -> (tensor<?x128xf32, ["T"]>, tensor<?x128xbf16, ["T"]>) {
  %a = weight.param "a" : tensor<128x8xbf16>
  %b = weight.param "b" : tensor<128x8xbf16>
  %ya = nn.linear %x, %a : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  %f = aten.to.dtype(%ya, dtype = f32) : tensor<?x128xf32, ["T"]>
  %yb = nn.linear %x, %b : tensor<?x8xbf16, ["T"]>, tensor<128x8xbf16> -> tensor<?x128xbf16, ["T"]>
  func.return %f, %yb : tensor<?x128xf32, ["T"]>, tensor<?x128xbf16, ["T"]>
}

// -----
// Experts whose gate and up are one weight are left as they are.
// CHECK-LABEL: @negative_experts_merged(
// CHECK:         moe.experts %x, %w, %ids gate %{{\w+}} down
// CHECK-NOT:     aten.cat
dsv3c.symbol @T min 1
func.func @negative_experts_merged(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x8xbf16, ["T"]> {
  %g = weight.param "gate_up" : tensor<4x32x8xbf16>
  %d = weight.param "down" : tensor<4x8x16xbf16>
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x8xbf16>, tensor<4x8x16xbf16> -> tensor<?x8xbf16, ["T"]>
  func.return %y : tensor<?x8xbf16, ["T"]>
}
