// RUN: dsv3c opt %s -p fuse-qdq --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p fuse-qdq --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p 'fuse-qdq{promote=256}' --split-input-file | filecheck %s --check-prefix=WIDE
// RUN: dsv3c opt %s -p 'fuse-qdq{promote=-1}' --split-input-file | filecheck %s --check-prefix=NEVER
// RUN: not dsv3c opt %s -p 'fuse-qdq{promote=-2}' --split-input-file 2>&1 | filecheck %s --check-prefix=PROMOTE
// RUN: dsv3c opt %s -p fuse-qdq --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p fuse-qdq --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// PROMOTE: error: fuse-qdq: promote must be a number of elements, 0 or -1, not -2

// Two products of one activation: quantised once, both multiply 8-bit factors; what was dequantised is gone.
// CHECK-LABEL: @products(
// CHECK-NEXT:    %[[Q:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %[[Y:\w+]] = scaled.mm %[[Q]], %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    %[[Z:\w+]] = scaled.mm %[[Q]], %v bias %b : tensor<128xbf16>, promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xf32, ["T"]>
// CHECK-NEXT:    func.return %[[Y]], %[[Z]] :
// WIDE-LABEL:  @products(
// WIDE:          scaled.mm {{.*}} promote 256 :
// NEVER-LABEL: @products(
// NEVER-NOT:     promote
// NEVER:         func.return
// REMARK: fuse-qdq: fired: @products: scaled.quantize: quantised once for all its readers
// REMARK: fuse-qdq: fired: @products: nn.linear: f8E4M3FN x f8E4M3FN
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @products(%x: tensor<?x256xbf16, ["T"]>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>, %v: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>, %b: tensor<128xbf16>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xf32, ["T"]>) {
    %q0 = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %d0 = scaled.dequantize %q0 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<128x256xf32>
    %y = nn.linear %d0, %wd : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]>
    %q1 = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %d1 = scaled.dequantize %q1 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    %vd = scaled.dequantize %v : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<128x256xf32>
    %z = nn.linear %d1, %vd bias %b : tensor<128xbf16>, : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xf32, ["T"]>
    func.return %y, %z : tensor<?x128xbf16, ["T"]>, tensor<?x128xf32, ["T"]>
  }
}

// -----
// One scale per tensor: nothing says how often to promote.
// CHECK-LABEL: @per_tensor(
// CHECK:         scaled.mm %{{\w+}}, %w : !scaled
// WIDE-LABEL:  @per_tensor(
// WIDE:          scaled.mm {{.*}} promote 256 :
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @per_tensor(%x: tensor<?x256xbf16, ["T"]>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, *x*, f32>) -> tensor<?x128xbf16, ["T"]> {
    %q0 = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    %d0 = scaled.dequantize %q0 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32> -> tensor<?x256xf32, ["T"]>
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, *x*, f32> -> tensor<128x256xf32>
    %y = nn.linear %d0, %wd : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}

// -----
// The rows of experts are quantised where the shared expert's input is: 8-bit rows are moved.
// CHECK-LABEL: @experts(
// CHECK-NEXT:    %[[Q:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %[[Y:\w+]] = scaled.mm %[[Q]], %w promote 128 :
// CHECK-NEXT:    %rows, %slots, %expert_of = moe.permute %[[Q]] by %ids experts 4 layout "contiguous" alignment 4 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x2xi64, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
// CHECK-NEXT:    %g = scaled.grouped_mm %rows, %e, %expert_of promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["2*T + 12"]> -> tensor<?x128xbf16, ["2*T + 12"]>
// CHECK-NEXT:    func.return %[[Y]], %g, %slots :
// REMARK: fuse-qdq: fired: @experts: scaled.quantize: above moe.permute, which moves f8E4M3FN rows and their scales
// REMARK: fuse-qdq: fired: @experts: scaled.quantize: quantised once for all its readers
// REMARK: fuse-qdq: fired: @experts: moe.grouped_mm: f8E4M3FN x f8E4M3FN
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @experts(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>, %e: !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>) {
    %q0 = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %d0 = scaled.dequantize %q0 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<128x256xf32>
    %y = nn.linear %d0, %wd : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]>
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x256xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>
    %d1 = scaled.dequantize %q1 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32> -> tensor<?x256xf32, ["2*T + 12"]>
    %ed = scaled.dequantize %e : !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32> -> tensor<4x128x256xf32>
    %g = moe.grouped_mm %d1, %ed by %expert_of : tensor<?x256xf32, ["2*T + 12"]>, tensor<4x128x256xf32>, tensor<?xi32, ["2*T + 12"]> -> tensor<?x128xbf16, ["2*T + 12"]>
    func.return %y, %g, %slots : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
  }
}

// -----
// Two equal quantisers of the rows move together; tokens may have several dims.
// CHECK-LABEL: @rows_of_sequences(
// CHECK-NEXT:    %[[Q:\w+]] = scaled.quantize %x {{.*}} -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
// CHECK-NEXT:    %rows, %slots, %expert_of = moe.permute %[[Q]] by {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>, {{.*}}
// CHECK-NEXT:    "test.op"(%rows, %rows) : (
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @B min 1 max 4096
  dsv3c.symbol @T min 1 max 4096
  func.func @rows_of_sequences(%x: tensor<?x?x256xbf16, ["B", "T"]>, %ids: tensor<?x?x2xi64, ["B", "T"]>) {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x?x256xbf16, ["B", "T"]>, tensor<?x?x2xi64, ["B", "T"]> -> tensor<?x256xbf16, ["2*B*T + 12"]>, tensor<?xi32, ["2*B*T + 12"]>, tensor<?xi32, ["2*B*T + 12"]>
    %q0 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*B*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*B*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>
    "test.op"(%q0, %q1) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// Above the permutation and above dispatch: 8-bit rows and scales travel.
// CHECK-LABEL: @dispatched(
// CHECK-NEXT:    %[[Q:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %recv, %rw, %ri, %src, %t1 = comm.dispatch %[[Q]], %weights, %ids placement %p after %t copies "rank" experts_per_rank 2 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["4*T"]>, 1x128, f32>,
// CHECK-NEXT:    %rows, %slots, %expert_of = moe.permute %recv by %ri {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["8*T + 6"]>, 1x128, f32>,
// CHECK-NEXT:    %g = scaled.grouped_mm %rows, %e, %expert_of
// CHECK-NEXT:    func.return %g, %t1 :
// REMARK: fuse-qdq: fired: @dispatched: scaled.quantize: above comm.dispatch, which moves f8E4M3FN rows and their scales
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  comm.mesh @ep nodes 1 gpus 4
  dsv3c.symbol @T min 1 max 4096
  func.func @dispatched(%x: tensor<?x256xbf16, ["T"]>, %weights: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %p: tensor<8xi32>, %e: !scaled.tensor<tensor<2x128x256xf8E4M3FN>, 1x128x128, f32>, %t: !comm.token<"ep">) -> (tensor<?x128xbf16, ["8*T + 6"]>, !comm.token<"ep">) {
    %recv, %rw, %ri, %src, %t1 = comm.dispatch %x, %weights, %ids placement %p after %t copies "rank" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["4*T"]>, tensor<?x2xf32, ["4*T"]>, tensor<?x2xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    %rows, %slots, %expert_of = moe.permute %recv by %ri experts 2 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["4*T"]>, tensor<?x2xi64, ["4*T"]> -> tensor<?x256xbf16, ["8*T + 6"]>, tensor<?xi32, ["8*T + 6"]>, tensor<?xi32, ["8*T + 6"]>
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["8*T + 6"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["8*T + 6"]>, 1x128, f32>
    %d1 = scaled.dequantize %q1 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["8*T + 6"]>, 1x128, f32> -> tensor<?x256xf32, ["8*T + 6"]>
    %ed = scaled.dequantize %e : !scaled.tensor<tensor<2x128x256xf8E4M3FN>, 1x128x128, f32> -> tensor<2x128x256xf32>
    %g = moe.grouped_mm %d1, %ed by %expert_of : tensor<?x256xf32, ["8*T + 6"]>, tensor<2x128x256xf32>, tensor<?xi32, ["8*T + 6"]> -> tensor<?x128xbf16, ["8*T + 6"]>
    func.return %g, %t1 : tensor<?x128xbf16, ["8*T + 6"]>, !comm.token<"ep">
  }
}

// -----
// One activation as [B, T, D] and as [B * T, D]: quantised once, regrouped with its scales.
// CHECK-LABEL: @reshaped(
// CHECK-NEXT:    %v = aten.view(%x) :
// CHECK-NEXT:    %[[Q:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x?x256xbf16, ["B", "T"]> -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
// CHECK-NEXT:    %[[R:\w+]] = scaled.reshape %[[Q]] : !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>
// CHECK-NEXT:    "test.op"(%[[Q]], %[[R]]) : (
// REMARK: fuse-qdq: fired: @reshaped: scaled.quantize: above aten.view: a view of !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @B min 1 max 4096
  dsv3c.symbol @T min 1 max 4096
  func.func @reshaped(%x: tensor<?x?x256xbf16, ["B", "T"]>) {
    %v = aten.view(%x) : tensor<?x256xbf16, ["B*T"]>
    %q1 = scaled.quantize %v quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["B*T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>
    %q0 = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x?x256xbf16, ["B", "T"]> -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
    "test.op"(%q0, %q1) : (!scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// Nobody else quantises it, but a norm can do it at once.
// CHECK-LABEL: @below_a_norm(
// CHECK-NEXT:    %n = nn.rms_norm %x, %nw
// CHECK-NEXT:    %v = aten.view(%n)
// CHECK-NEXT:    %[[Q:\w+]] = scaled.quantize %n
// CHECK-NEXT:    %[[R:\w+]] = scaled.reshape %[[Q]]
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @B min 1 max 4096
  dsv3c.symbol @T min 1 max 4096
  func.func @below_a_norm(%x: tensor<?x?x256xbf16, ["B", "T"]>, %nw: tensor<256xbf16>) {
    %n = nn.rms_norm %x, %nw eps 1.0e-06 weight_in "input" : tensor<?x?x256xbf16, ["B", "T"]>, tensor<256xbf16>
    %v = aten.view(%n) : tensor<?x256xbf16, ["B*T"]>
    %q1 = scaled.quantize %v quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["B*T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>
    "test.op"(%q1) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// Two parts, both quantised alike: the whole is quantised, the parts are cut with their scales.
// CHECK-LABEL: @sliced(
// CHECK:         %[[Q:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %[[A:\w+]] = scaled.slice %[[Q]] dim 1 start 0 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %[[B:\w+]] = scaled.slice %[[Q]] dim 1 start 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    "test.op"(%[[A]], %[[B]]) : (
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @sliced(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.slice.Tensor(%x, dim = 1, start = 0, end = 128) : tensor<?x128xbf16, ["T"]>
    %b = aten.slice.Tensor(%x, dim = 1, start = 128, end = 256) : tensor<?x128xbf16, ["T"]>
    %qa = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>
    %qb = scaled.quantize %b quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%qa, %qb) : (!scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// What was dequantised is the 8-bit value again: with scales of powers of two even after a rounding to bf16, with a
// static scale, and across the rows that were moved since.
// CHECK-LABEL: @again(
// CHECK-NEXT:    %[[A:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2">
// CHECK-NEXT:    %[[S:\w+]] = scaled.quantize %x quantizer <apply "divide", round_scale "none", static 3.000000e-01>
// CHECK-NEXT:    %rows, %slots, %expert_of = moe.permute %[[A]]
// CHECK-NEXT:    "test.op"(%[[A]], %[[A]], %[[S]], %rows) : (
// REMARK: fuse-qdq: fired: @again: scaled.quantize: the value is !scaled.tensor<{{.*}}> already
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @again(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %a = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    %a2 = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %h = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xbf16, ["T"]>
    %a3 = scaled.quantize %h quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{the value is quantised as !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> too: two quantisations stay}}
    %s = scaled.quantize %x quantizer <apply "divide", round_scale "none", static 0.3> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    %sf = scaled.dequantize %s : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32> -> tensor<?x256xf32, ["T"]>
    %s2 = scaled.quantize %sf quantizer <apply "divide", round_scale "none", static 0.3> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    %rows, %slots, %expert_of = moe.permute %a by %ids experts 4 layout "contiguous" alignment 4 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x2xi64, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    %rf = scaled.dequantize %rows : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32> -> tensor<?x256xf32, ["2*T + 12"]>
    %r2 = scaled.quantize %rf quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf32, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>
    "test.op"(%a2, %a3, %s2, %r2) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_one_factor(
// CHECK:         nn.linear
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_one_factor(%x: tensor<?x256xf32, ["T"]>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>) {
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<128x256xf32>
    // expected-remark @below {{only one factor is 8-bit: x is not}}
    %y = nn.linear %x, %wd : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_plain_weight(
// CHECK:         nn.linear
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_plain_weight(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %w: tensor<128x256xf32>) {
    %xd = scaled.dequantize %x : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    // expected-remark @below {{only one factor is 8-bit: w is not}}
    %y = nn.linear %xd, %w : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_rounded(
// CHECK:         nn.linear
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_rounded(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>) {
    %xd = scaled.dequantize %x : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xbf16, ["T"]>
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<128x256xbf16>
    // expected-remark @below {{x is rounded to bf16 before the product}}
    %y = nn.linear %xd, %wd : tensor<?x256xbf16, ["T"]>, tensor<128x256xbf16> -> tensor<?x128xbf16, ["T"]>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_rounded_weight(
// CHECK:         moe.grouped_mm
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_rounded_weight(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, %e: !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>, %expert_of: tensor<?xi32, ["2*T + 12"]>) {
    %xd = scaled.dequantize %x : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32> -> tensor<?x256xf32, ["2*T + 12"]>
    %ed = scaled.dequantize %e : !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32> -> tensor<4x128x256xbf16>
    // expected-remark @below {{w is rounded to bf16 before the product}}
    %g = moe.grouped_mm %xd, %ed by %expert_of : tensor<?x256xf32, ["2*T + 12"]>, tensor<4x128x256xbf16>, tensor<?xi32, ["2*T + 12"]> -> tensor<?x128xbf16, ["2*T + 12"]>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_granules(
// CHECK:         nn.linear
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_granules(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x64, f32>) {
    %xd = scaled.dequantize %x : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x64, f32> -> tensor<128x256xf32>
    // expected-remark @below {{granules disagree along K: x has 1x128, w 128x64}}
    %y = nn.linear %xd, %wd : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_read_otherwise(
// CHECK:         moe.permute %x
// CHECK:         scaled.quantize %rows
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_read_otherwise(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x256xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    // expected-remark @below {{the rows that moe.permute moves are also read by test.op}}
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>
    "test.op"(%q1, %rows) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, tensor<?x256xbf16, ["2*T + 12"]>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_quantised_otherwise(
// CHECK:         moe.permute %x
// CHECK:         scaled.quantize %rows
// CHECK:         scaled.quantize %rows
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_quantised_otherwise(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x256xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    // expected-remark @below {{the rows that moe.permute moves are also read by scaled.quantize}}
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>
    // expected-remark @+2 {{the rows that moe.permute moves are also read by scaled.quantize}}
    // expected-remark @below {{the value is quantised as !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32> too: two quantisations stay}}
    %q2 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x64, f32>
    "test.op"(%q1, %q2) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x64, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_shared_scales(
// CHECK:         moe.permute %x
// CHECK:         scaled.quantize %rows
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_shared_scales(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x256xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    // expected-remark @below {{granule 128x128: a scale belongs to several rows, which are moved apart}}
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 128x128, f32>
    "test.op"(%q1) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 128x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_laid_out(
// CHECK:         moe.permute %x
// CHECK:         scaled.quantize %rows
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_laid_out(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x256xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    // expected-remark @below {{scales laid out as mn_major stay behind moe.permute}}
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32, mn_major>
    "test.op"(%q1) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32, mn_major>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_other_type(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_other_type(%x: tensor<?x256xbf16, ["T"]>) {
    %a = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    // expected-remark @below {{it was dequantised from !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> and is quantised as !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x64, f32>}}
    %b = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x64, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x64, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_unknown_quantiser(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_unknown_quantiser(%a: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) {
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    // expected-remark @below {{what quantised it first is not known}}
    %b = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_other_quantiser(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_other_quantiser(%x: tensor<?x256xbf16, ["T"]>) {
    %a = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    // expected-remark @below {{is quantised again by #scaled.quantizer<amax_floor 1.000000e-04, apply "divide", round_scale "none">}}
    %b = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_rounded_between(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_rounded_between(%x: tensor<?x256xbf16, ["T"]>) {
    %a = scaled.quantize %x quantizer <apply "divide", round_scale "none", static 0.3> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32> -> tensor<?x256xbf16, ["T"]>
    // expected-remark @below {{it was rounded to bf16 in between}}
    %b = scaled.quantize %f quantizer <apply "divide", round_scale "none", static 0.3> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_rounded_to_f16(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_rounded_to_f16(%x: tensor<?x256xbf16, ["T"]>) {
    %a = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf16, ["T"]>
    // expected-remark @below {{it was rounded to f16 in between}}
    %b = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_scales_of_any_size(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_scales_of_any_size(%x: tensor<?x256xbf16, ["T"]>) {
    %a = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    // expected-remark @below {{its scales are no powers of two: those of the rounded values may differ in the last bit}}
    %b = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_two_quantisers(
// CHECK:         scaled.quantize
// CHECK:         scaled.quantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_two_quantisers(%x: tensor<?x256xbf16, ["T"]>) {
    %a = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{the value is quantised as !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> too: two quantisations stay}}
    %b = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%a, %b) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_no_product(
// CHECK:         scaled.dequantize
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_no_product(%a: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) {
    // expected-remark @below {{dequantised for test.op, which takes no scaled value}}
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    "test.op"(%f) : (tensor<?x256xf32, ["T"]>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_cut_block(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_cut_block(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.slice.Tensor(%x, dim = 1, start = 96) : tensor<?x160xbf16, ["T"]>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{blocks of scales do not survive the view: a part starts at 96, inside a block of 128 along dim 1}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x160xbf16, ["T"]> -> !scaled.tensor<tensor<?x160xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<?x160xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_part_with_its_own_scale(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_part_with_its_own_scale(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.slice.Tensor(%x, dim = 1, start = 0, end = 128) : tensor<?x128xbf16, ["T"]>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x*, f32>
    // expected-remark @below {{a part of !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x*, f32> has other blocks than !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x*, f32>}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x*, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x*, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x*, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_every_other(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_every_other(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.slice.Tensor(%x, dim = 1, step = 2) : tensor<?x128xbf16, ["T"]>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{scaled values are cut in one piece}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_last_row(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_last_row(%x: tensor<129x256xbf16>) {
    %a = aten.slice.Tensor(%x, dim = 0, start = 128) : tensor<1x256xbf16>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<129x256xbf16> -> !scaled.tensor<tensor<129x256xf8E4M3FN>, 128x128, f32>
    // expected-remark @below {{has other blocks than}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<1x256xbf16> -> !scaled.tensor<tensor<1x256xf8E4M3FN>, 128x128, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<1x256xf8E4M3FN>, 128x128, f32>, !scaled.tensor<tensor<129x256xf8E4M3FN>, 128x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_named_part(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  dsv3c.symbol @B min 1 max 4096
  func.func @negative_named_part(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.slice.Tensor(%x, dim = 0, start = "B") : tensor<?x256xbf16, ["-B + T"]>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{where aten.slice.Tensor starts depends on named sizes}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["-B + T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["-B + T"]>, 1x128, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["-B + T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_transposed(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_transposed(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.transpose.int(%x, dim0 = 0, dim1 = 1) : tensor<256x?xbf16, ["T"]>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{there is no aten.transpose.int of scaled values}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<256x?xbf16, ["T"]> -> !scaled.tensor<tensor<256x?xf8E4M3FN, ["T"]>, 128x1, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<256x?xf8E4M3FN, ["T"]>, 128x1, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_regrouped_across_blocks(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_regrouped_across_blocks(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.view(%x) : tensor<?x4x64xbf16, ["T"]>
    %w = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{blocks of scales do not survive the view}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x4x64xbf16, ["T"]> -> !scaled.tensor<tensor<?x4x64xf8E4M3FN, ["T"]>, 1x4x32, f32>
    "test.op"(%b, %w) : (!scaled.tensor<tensor<?x4x64xf8E4M3FN, ["T"]>, 1x4x32, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_concatenation(
// CHECK:         aten.cat
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_concatenation(%x: tensor<?x96xbf16, ["T"]>, %nw: tensor<96xbf16>) {
    %n = nn.rms_norm %x, %nw eps 1.0e-06 weight_in "input" : tensor<?x96xbf16, ["T"]>, tensor<96xbf16>
    %c = aten.cat([%n, %x], dim = 1) : tensor<?x192xbf16, ["T"]>
    // expected-remark @below {{a part of 96 ends inside a block of 128 along dim 1}}
    %b = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_whole_concatenation(
// CHECK:         aten.cat
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_whole_concatenation(%x: tensor<?x256xbf16, ["T"]>, %nw: tensor<256xbf16>) {
    %n = nn.rms_norm %x, %nw eps 1.0e-06 weight_in "input" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16>
    %c = aten.cat([%x, %n], dim = 1) : tensor<?x512xbf16, ["T"]>
    // expected-remark @below {{scaled values are not concatenated}}
    %b = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// Neither a norm nor an equal quantiser above the view: it stays, and nothing is worth a remark.
// CHECK-LABEL: @negative_nothing_above(
// CHECK:         scaled.quantize %v
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @B min 1 max 4096
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_nothing_above(%x: tensor<?x?x256xbf16, ["B", "T"]>) {
    %v = aten.view(%x) : tensor<?x256xbf16, ["B*T"]>
    %b = scaled.quantize %v quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["B*T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>
    %s = aten.add.Tensor(%x, %x) : tensor<?x?x256xbf16, ["B", "T"]>
    %c = scaled.quantize %s quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x?x256xbf16, ["B", "T"]> -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
    "test.op"(%x) : (tensor<?x?x256xbf16, ["B", "T"]>) -> ()
    %d = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x?x256xbf16, ["B", "T"]> -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
    "test.op"(%b, %c, %d) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>, !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>, !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>) -> ()
    func.return
  }
}

// -----
// A plain product, and quantisers below ops that are no views of one value.
// CHECK-LABEL: @negative_plain(
// CHECK:         nn.linear %s, %w
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_plain(%x: tensor<?x256xbf16, ["T"]>, %y: tensor<?x256xbf16, ["T"]>, %w: tensor<128x256xbf16>) {
    %s = aten.add.Tensor(%x, %y) : tensor<?x256xbf16, ["T"]>
    %z = nn.linear %s, %w : tensor<?x256xbf16, ["T"]>, tensor<128x256xbf16> -> tensor<?x128xbf16, ["T"]>
    %a = scaled.quantize %s quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{the value is quantised as !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> too: two quantisations stay}}
    %b = scaled.quantize %s quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x64, f32>
    %c = aten.cat([%x, %y], dim = 1) : tensor<?x512xbf16, ["T"]>
    %d = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%a, %b, %d) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x64, f32>, !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_named_step(
// CHECK:         scaled.quantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  dsv3c.symbol @K min 1 max 4096
  func.func @negative_named_step(%x: tensor<?x256xbf16, ["T"]>) {
    %a = aten.slice.Tensor(%x, dim = 1, step = "K") : tensor<?x?xbf16, ["T", "K"]>
    // expected-remark @below {{where aten.slice.Tensor starts depends on named sizes}}
    %p = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x?xbf16, ["T", "K"]> -> !scaled.tensor<tensor<?x?xf8E4M3FN, ["T", "K"]>, 1x128, f32>
    // expected-remark @+2 {{where aten.slice.Tensor starts depends on named sizes}}
    // expected-remark @below {{two quantisations stay}}
    %b = scaled.quantize %a quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x?xbf16, ["T", "K"]> -> !scaled.tensor<tensor<?x?xf8E4M3FN, ["T", "K"]>, 1x64, f32>
    "test.op"(%p, %b) : (!scaled.tensor<tensor<?x?xf8E4M3FN, ["T", "K"]>, 1x128, f32>, !scaled.tensor<tensor<?x?xf8E4M3FN, ["T", "K"]>, 1x64, f32>) -> ()
    func.return
  }
}

// -----
// Weights are no rows.
// CHECK-LABEL: @negative_weights_of_rows(
// CHECK:         scaled.quantize %rw
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  comm.mesh @ep nodes 1 gpus 4
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_weights_of_rows(%x: tensor<?x256xbf16, ["T"]>, %weights: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %p: tensor<8xi32>, %t: !comm.token<"ep">) {
    %recv, %rw, %ri, %src, %t1 = comm.dispatch %x, %weights, %ids placement %p after %t copies "rank" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["4*T"]>, tensor<?x2xf32, ["4*T"]>, tensor<?x2xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    %b = scaled.quantize %rw quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x2xf32, ["4*T"]> -> !scaled.tensor<tensor<?x2xf8E4M3FN, ["4*T"]>, 1x2, f32>
    "test.op"(%b) : (!scaled.tensor<tensor<?x2xf8E4M3FN, ["4*T"]>, 1x2, f32>) -> ()
    func.return
  }
}

// -----
// What is refused is refused once, though the stage runs again after what fires.
// CHECK-LABEL: @negative_once(
// CHECK:         scaled.dequantize %a
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_once(%x: tensor<?x256xbf16, ["T"]>, %a: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %y: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %f = scaled.dequantize %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    // expected-remark @below {{what quantised it first is not known}}
    %b = scaled.quantize %f quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %rows, %slots, %expert_of = moe.permute %y by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x256xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x256xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    // expected-remark @below {{are also read by test.op}}
    %q1 = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["2*T + 12"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>
    %p = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %pd = scaled.dequantize %p : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]>
    %p2 = scaled.quantize %pd quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xf32, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%b, %q1, %rows, %p2) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, tensor<?x256xbf16, ["2*T + 12"]>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// The fused product is where its parts were.
// LOC-LABEL: @located(
// LOC:         scaled.mm {{.*}} loc(fused["model.py":3:0, "model.py":5:0, "model.py":7:0])
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @located(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>) -> tensor<?x128xbf16, ["T"]> {
    %xd = scaled.dequantize %x : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x256xf32, ["T"]> loc("model.py":3:0)
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<128x256xf32> loc("model.py":5:0)
    %y = nn.linear %xd, %wd : tensor<?x256xf32, ["T"]>, tensor<128x256xf32> -> tensor<?x128xbf16, ["T"]> loc("model.py":7:0)
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}
