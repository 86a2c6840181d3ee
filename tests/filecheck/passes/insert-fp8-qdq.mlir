// RUN: dsv3c opt %s -p insert-fp8-qdq --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p insert-fp8-qdq --split-input-file --verify-diagnostics --allow-unapplied
// RUN: dsv3c opt %s -p insert-fp8-qdq --split-input-file --allow-unapplied --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p insert-fp8-qdq --split-input-file --allow-unapplied --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: dsv3c opt %s -p 'insert-fp8-qdq{recipe=per-tensor}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=WHOLE
// RUN: dsv3c opt %s -p 'insert-fp8-qdq{recipe=mxfp8}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=MX
// RUN: dsv3c opt %s -p 'insert-fp8-qdq{recipe=bf16}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=NONE

// Activations per token and 128 columns, weights per 128x128; what reads one value shares what was made of it.
// CHECK:       builtin.module attributes {dsv3c.facts = ["quantised", "raised"]}
// CHECK-LABEL: @linears(
// CHECK-NEXT:    %[[A:\w+]] = weight.param "a.weight" : tensor<256x384xbf16>
// CHECK-NEXT:    %[[B:\w+]] = weight.param "b.weight" : tensor<192x384xbf16>
// CHECK-NEXT:    %bias = weight.param "b.bias" : tensor<192xbf16>
// CHECK-NEXT:    %[[AQ:\w+]] = scaled.quantize %[[A]] quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<256x384xbf16> -> !scaled.tensor<tensor<256x384xf8E4M3FN>, 128x128, f32>
// CHECK-NEXT:    %[[AD:\w+]] = scaled.dequantize %[[AQ]] : !scaled.tensor<tensor<256x384xf8E4M3FN>, 128x128, f32> -> tensor<256x384xf32>
// CHECK-NEXT:    %[[XQ:\w+]] = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %[[XD:\w+]] = scaled.dequantize %[[XQ]] : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x384xf32, ["T"]>
// CHECK-NEXT:    %[[YA:\w+]] = nn.linear %[[XD]], %[[AD]] : tensor<?x384xf32, ["T"]>, tensor<256x384xf32> -> tensor<?x256xbf16, ["T"]>
// CHECK-NEXT:    %[[BQ:\w+]] = scaled.quantize %[[B]] quantizer
// CHECK-NEXT:    %[[BD:\w+]] = scaled.dequantize %[[BQ]] :
// CHECK-NEXT:    %[[YB:\w+]] = nn.linear %[[XD]], %[[BD]] bias %bias : tensor<192xbf16>, : tensor<?x384xf32, ["T"]>, tensor<192x384xf32> -> tensor<?x192xbf16, ["T"]>
// CHECK-NEXT:    %[[YC:\w+]] = nn.linear %[[XD]], %[[AD]] : tensor<?x384xf32, ["T"]>, tensor<256x384xf32> -> tensor<?x256xbf16, ["T"]>
// CHECK-NEXT:    "test.op"(%[[YA]], %[[YB]], %[[YC]]) :
// LOC-LABEL: @linears(
// LOC:         weight.param "a.weight" {{.*}} loc("{{.*}}.mlir":[[W:\d+]]:0)
// LOC:         scaled.quantize %a {{.*}} loc("{{.*}}.mlir":[[L:\d+]]:0)
// LOC-NEXT:    scaled.dequantize {{.*}} loc("{{.*}}.mlir":[[L]]:0)
// LOC-NEXT:    scaled.quantize %x {{.*}} loc("{{.*}}.mlir":[[L]]:0)
// LOC-NEXT:    scaled.dequantize {{.*}} loc("{{.*}}.mlir":[[L]]:0)
// LOC-NEXT:    nn.linear {{.*}} loc("{{.*}}.mlir":[[L]]:0)
// REMARK:      fired: @linears: nn.linear: linear: f8E4M3FN 1x128 f32 times f8E4M3FN 128x128 f32, weight quantised here; rule = 1
// WHOLE-LABEL: @linears(
// WHOLE:         scaled.quantize %a quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none", saturate> : tensor<256x384xbf16> -> !scaled.tensor<tensor<256x384xf8E4M3FN>, *x*, f32>
// WHOLE:         scaled.quantize %x quantizer {{.*}} -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, *x*, f32>
// MX-LABEL:    @linears(
// MX:            scaled.quantize %a quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2", saturate> : tensor<256x384xbf16> -> !scaled.tensor<tensor<256x384xf8E4M3FN>, 1x32, f8E8M0FNU>
// MX:            scaled.quantize %x quantizer {{.*}} -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x32, f8E8M0FNU>
// NONE-LABEL:  @linears(
// NONE-NOT:      scaled.
// NONE:          func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @linears(%x: tensor<?x384xbf16, ["T"]>) {
    %a = weight.param "a.weight" : tensor<256x384xbf16>
    %b = weight.param "b.weight" : tensor<192x384xbf16>
    %bias = weight.param "b.bias" : tensor<192xbf16>
    %ya = nn.linear %x, %a : tensor<?x384xbf16, ["T"]>, tensor<256x384xbf16> -> tensor<?x256xbf16, ["T"]>
    %yb = nn.linear %x, %b bias %bias : tensor<192xbf16>, : tensor<?x384xbf16, ["T"]>, tensor<192x384xbf16> -> tensor<?x192xbf16, ["T"]>
    %yc = nn.linear %x, %a : tensor<?x384xbf16, ["T"]>, tensor<256x384xbf16> -> tensor<?x256xbf16, ["T"]>
    "test.op"(%ya, %yb, %yc) : (tensor<?x256xbf16, ["T"]>, tensor<?x192xbf16, ["T"]>, tensor<?x256xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// What has no name gives none.
// CHECK-LABEL: @unnamed(
// CHECK:         %w_dq = scaled.dequantize
// CHECK-NEXT:    %{{\d+}} = scaled.quantize %{{\d+}} quantizer
// CHECK-NEXT:    %{{\d+}} = scaled.dequantize
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @unnamed() {
    %0 = "test.op"() : () -> tensor<4x128xbf16>
    %w = weight.param "a.weight" : tensor<256x128xbf16>
    %2 = nn.linear %0, %w : tensor<4x128xbf16>, tensor<256x128xbf16> -> tensor<4x256xbf16>
    "test.op"(%2) : (tensor<4x256xbf16>) -> ()
    func.return
  }
}

// -----
// Rows of three dims; experts have a grid each.
// CHECK-LABEL: @dims(
// CHECK:         scaled.quantize %x quantizer {{.*}} -> !scaled.tensor<tensor<?x?x128xf8E4M3FN, ["B", "S"]>, 1x1x128, f32>
// CHECK:         nn.linear {{.*}} -> tensor<?x?x256xf32, ["B", "S"]>
// CHECK:         scaled.quantize %w quantizer {{.*}} -> !scaled.tensor<tensor<4x64x128xf8E4M3FN>, 1x128x128, f32>
// CHECK:         scaled.quantize %rows quantizer {{.*}} -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["M"]>, 1x128, f32>
// CHECK:         moe.grouped_mm %rows_dq, %w_dq by %expert_of : tensor<?x128xf32, ["M"]>, tensor<4x64x128xf32>, tensor<?xi32, ["M"]> -> tensor<?x64xbf16, ["M"]>
// REMARK:      fired: @dims: moe.grouped_mm: experts: f8E4M3FN 1x128 f32 times
// WHOLE-LABEL: @dims(
// WHOLE:         -> !scaled.tensor<tensor<?x?x128xf8E4M3FN, ["B", "S"]>, *x*x*, f32>
// WHOLE:         -> !scaled.tensor<tensor<4x64x128xf8E4M3FN>, 1x*x*, f32>
// MX-LABEL:    @dims(
// MX:            -> !scaled.tensor<tensor<4x64x128xf8E4M3FN>, 1x1x32, f8E8M0FNU>
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 1
  dsv3c.symbol @M min 1
  func.func @dims(%x: tensor<?x?x128xf32, ["B", "S"]>, %rows: tensor<?x128xbf16, ["M"]>, %expert_of: tensor<?xi32, ["M"]>) {
    %a = weight.param "a.weight" : tensor<256x128xf32>
    %w = weight.param "experts.down_proj" : tensor<4x64x128xbf16>
    %y = nn.linear %x, %a : tensor<?x?x128xf32, ["B", "S"]>, tensor<256x128xf32> -> tensor<?x?x256xf32, ["B", "S"]>
    %z = moe.grouped_mm %rows, %w by %expert_of : tensor<?x128xbf16, ["M"]>, tensor<4x64x128xbf16>, tensor<?xi32, ["M"]> -> tensor<?x64xbf16, ["M"]>
    "test.op"(%y, %z) : (tensor<?x?x256xf32, ["B", "S"]>, tensor<?x64xbf16, ["M"]>) -> ()
    func.return
  }
}

// -----
// Stored quantised: the parts of a merged weight are joined as they are, data and scales; nothing is quantised again.
// CHECK-LABEL: @stored(
// CHECK-NEXT:    %[[W:\w+]] = weight.param "a.weight+b.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<356x384xf8E4M3FN>, 128x128, f32> {
// CHECK-NEXT:      %[[A:\w+]] = weight.stored "a.weight" : tensor<256x384xf8E4M3FN>
// CHECK-NEXT:      %[[SA:\w+]] = weight.stored "a.weight_scale_inv" : tensor<2x3xf32>
// CHECK-NEXT:      %[[B:\w+]] = weight.stored "b.weight" : tensor<100x384xf8E4M3FN>
// CHECK-NEXT:      %[[SB:\w+]] = weight.stored "b.weight_scale_inv" : tensor<1x3xf32>
// CHECK-NEXT:      %[[D:\w+]] = aten.cat([%[[A]], %[[B]]]) : tensor<356x384xf8E4M3FN>
// CHECK-NEXT:      %[[S:\w+]] = aten.cat([%[[SA]], %[[SB]]]) : tensor<3x3xf32>
// CHECK-NEXT:      %[[Q:\w+]] = scaled.assemble %[[D]], %[[S]] : tensor<356x384xf8E4M3FN>, tensor<3x3xf32> -> !scaled.tensor<tensor<356x384xf8E4M3FN>, 128x128, f32>
// CHECK-NEXT:      weight.yield %[[Q]] :
// CHECK-NEXT:    }
// CHECK-NEXT:    %[[WD:\w+]] = scaled.dequantize %[[W]] : !scaled.tensor<tensor<356x384xf8E4M3FN>, 128x128, f32> -> tensor<356x384xf32>
// CHECK-NEXT:    scaled.quantize %x quantizer
// CHECK-NEXT:    scaled.dequantize
// CHECK-NEXT:    nn.linear %{{\w+}}, %[[WD]] :
// CHECK-NEXT:    nn.linear %{{\w+}}, %[[WD]] :
// REMARK:      fired: @stored: nn.linear: linear: f8E4M3FN 1x128 f32 times f8E4M3FN 128x128 f32, weight as stored; rule = 1
// REMARK-NEXT: fired: @stored: nn.linear: linear: f8E4M3FN 1x128 f32 times f8E4M3FN 128x128 f32, weight as stored; rule = 1
// LOC-LABEL: @stored(
// LOC:         weight.stored "b.weight" {{.*}} loc("{{.*}}.mlir":[[B:\d+]]:0)
// LOC:         aten.cat({{.*}} loc("{{.*}}.mlir":[[P:\d+]]:0)
// LOC:         scaled.assemble {{.*}} loc("{{.*}}.mlir":[[P]]:0)
// LOC-NOT:     } loc("{{.*}}.mlir":[[B]]:0)
// LOC:         } loc("{{.*}}.mlir":[[P]]:0)
// A grid that the recipe does not ask for is no help.
// WHOLE-LABEL: @stored(
// WHOLE:         %w = weight.param "a.weight+b.weight" : tensor<356x384xbf16> {
// WHOLE:         scaled.quantize %w quantizer
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @stored(%x: tensor<?x384xbf16, ["T"]>) {
    %w = weight.param "a.weight+b.weight" : tensor<356x384xbf16> {
      %a = weight.stored "a.weight" : tensor<256x384xf8E4M3FN>
      %sa = weight.stored "a.weight_scale_inv" : tensor<2x3xf32>
      %da = weight.dequantize %a, %sa block [128, 128] : tensor<256x384xf8E4M3FN>, tensor<2x3xf32> -> tensor<256x384xbf16>
      %b = weight.stored "b.weight" : tensor<100x384xf8E4M3FN>
      %sb = weight.stored "b.weight_scale_inv" : tensor<1x3xf32>
      %db = weight.dequantize %b, %sb block [128, 128] : tensor<100x384xf8E4M3FN>, tensor<1x3xf32> -> tensor<100x384xbf16>
      %c = aten.cat([%da, %db]) : tensor<356x384xbf16>
      weight.yield %c : tensor<356x384xbf16>
    }
    %y = nn.linear %x, %w : tensor<?x384xbf16, ["T"]>, tensor<356x384xbf16> -> tensor<?x356xbf16, ["T"]>
    %z = nn.linear %x, %w : tensor<?x384xbf16, ["T"]>, tensor<356x384xbf16> -> tensor<?x356xbf16, ["T"]>
    "test.op"(%y, %z) : (tensor<?x356xbf16, ["T"]>, tensor<?x356xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// Experts, one by one, gate and up joined along their rows.
// CHECK-LABEL: @stored_experts(
// CHECK-NEXT:    weight.param "experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<4x256x128xf8E4M3FN>, 1x128x128, f32> {
// CHECK-NEXT:      %[[G:\w+]] = weight.stored_each "experts.{}.gate.weight" count 4 : tensor<4x128x128xf8E4M3FN>
// CHECK-NEXT:      %[[SG:\w+]] = weight.stored_each "experts.{}.gate.weight_scale_inv" count 4 : tensor<4x1x1xf32>
// CHECK-NEXT:      %[[U:\w+]] = weight.stored_each "experts.{}.up.weight" count 4
// CHECK-NEXT:      %[[SU:\w+]] = weight.stored_each "experts.{}.up.weight_scale_inv" count 4
// CHECK-NEXT:      %[[D:\w+]] = aten.cat([%[[G]], %[[U]]], dim = 1) : tensor<4x256x128xf8E4M3FN>
// CHECK-NEXT:      %[[S:\w+]] = aten.cat([%[[SG]], %[[SU]]], dim = 1) : tensor<4x2x1xf32>
// CHECK-NEXT:      scaled.assemble %[[D]], %[[S]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @M min 1
  func.func @stored_experts(%rows: tensor<?x128xbf16, ["M"]>, %expert_of: tensor<?xi32, ["M"]>) {
    %w = weight.param "experts.gate_up_proj" : tensor<4x256x128xbf16> {
      %g = weight.stored_each "experts.{}.gate.weight" count 4 : tensor<4x128x128xf8E4M3FN>
      %sg = weight.stored_each "experts.{}.gate.weight_scale_inv" count 4 : tensor<4x1x1xf32>
      %dg = weight.dequantize %g, %sg block [128, 128] : tensor<4x128x128xf8E4M3FN>, tensor<4x1x1xf32> -> tensor<4x128x128xbf16>
      %u = weight.stored_each "experts.{}.up.weight" count 4 : tensor<4x128x128xf8E4M3FN>
      %su = weight.stored_each "experts.{}.up.weight_scale_inv" count 4 : tensor<4x1x1xf32>
      %du = weight.dequantize %u, %su block [128, 128] : tensor<4x128x128xf8E4M3FN>, tensor<4x1x1xf32> -> tensor<4x128x128xbf16>
      %c = aten.cat([%dg, %du], dim = -2) : tensor<4x256x128xbf16>
      weight.yield %c : tensor<4x256x128xbf16>
    }
    %z = moe.grouped_mm %rows, %w by %expert_of : tensor<?x128xbf16, ["M"]>, tensor<4x256x128xbf16>, tensor<?xi32, ["M"]> -> tensor<?x256xbf16, ["M"]>
    "test.op"(%z) : (tensor<?x256xbf16, ["M"]>) -> ()
    func.return
  }
}

// -----
// Cut, transposed and regrouped where blocks stay whole.  The parameter stays for what else reads it.
// CHECK-LABEL: @stored_views(
// CHECK:         weight.param "w" : tensor<128x256xbf16> {
// CHECK:         weight.param "w:f8E4M3FN 128x128" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> {
// CHECK-NEXT:      %[[W:\w+]] = weight.stored "w8" : tensor<384x512xf8E4M3FN>
// CHECK-NEXT:      %[[S:\w+]] = weight.stored "s" : tensor<3x4xf32>
// CHECK-NEXT:      %[[A:\w+]] = aten.slice.Tensor(%[[W]], start = 128) : tensor<256x512xf8E4M3FN>
// CHECK-NEXT:      %[[SA:\w+]] = aten.slice.Tensor(%[[S]], dim = 0, start = 1, end = 3) : tensor<2x4xf32>
// CHECK-NEXT:      %[[B:\w+]] = aten.slice.Tensor(%[[A]], dim = -1, start = -256, end = -128) : tensor<256x128xf8E4M3FN>
// CHECK-NEXT:      %[[SB:\w+]] = aten.slice.Tensor(%[[SA]], dim = 1, start = 2, end = 3) : tensor<2x1xf32>
// CHECK-NEXT:      %[[C:\w+]] = aten.transpose.int(%[[B]], dim0 = 0, dim1 = 1) : tensor<128x256xf8E4M3FN>
// CHECK-NEXT:      %[[SC:\w+]] = aten.transpose.int(%[[SB]], dim0 = 0, dim1 = 1) : tensor<1x2xf32>
// CHECK-NEXT:      %[[D:\w+]] = aten.view(%[[C]]) : tensor<128x2x128xf8E4M3FN>
// CHECK-NEXT:      %[[SD:\w+]] = aten.reshape(%[[SC]]) : tensor<1x2x1xf32>
// CHECK-NEXT:      %[[E:\w+]] = aten.reshape(%[[D]]) : tensor<128x256xf8E4M3FN>
// CHECK-NEXT:      %[[SE:\w+]] = aten.reshape(%[[SD]]) : tensor<1x2xf32>
// CHECK-NEXT:      scaled.assemble %[[E]], %[[SE]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @stored_views(%x: tensor<?x256xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<128x256xbf16> {
      %q = weight.stored "w8" : tensor<384x512xf8E4M3FN>
      %s = weight.stored "s" : tensor<3x4xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<384x512xf8E4M3FN>, tensor<3x4xf32> -> tensor<384x512xbf16>
      %a = aten.slice.Tensor(%d, start = 128) : tensor<256x512xbf16>
      %b = aten.slice.Tensor(%a, dim = -1, start = -256, end = -128) : tensor<256x128xbf16>
      %c = aten.transpose.int(%b, dim0 = 0, dim1 = 1) : tensor<128x256xbf16>
      %e = aten.view(%c) : tensor<128x2x128xbf16>
      %f = aten.reshape(%e) : tensor<128x256xbf16>
      weight.yield %f : tensor<128x256xbf16>
    }
    %y = nn.linear %x, %w : tensor<?x256xbf16, ["T"]>, tensor<128x256xbf16> -> tensor<?x128xbf16, ["T"]>
    "test.op"(%y, %w) : (tensor<?x128xbf16, ["T"]>, tensor<128x256xbf16>) -> ()
    func.return
  }
}

// -----
// A part that is used twice is stored once; cut from the start.
// CHECK-LABEL: @stored_once(
// CHECK-NEXT:    weight.param "w:f8E4M3FN 128x128" : {{.*}} {
// CHECK-NEXT:      %[[W:\w+]] = weight.stored "w8" : tensor<256x128xf8E4M3FN>
// CHECK-NEXT:      %[[S:\w+]] = weight.stored "s" : tensor<2x1xf32>
// CHECK-NEXT:      %[[A:\w+]] = aten.slice.Tensor(%[[W]], end = 128) : tensor<128x128xf8E4M3FN>
// CHECK-NEXT:      %[[SA:\w+]] = aten.slice.Tensor(%[[S]], dim = 0, start = 0, end = 1) : tensor<1x1xf32>
// CHECK-NEXT:      %[[D:\w+]] = aten.cat([%[[A]], %[[W]]]) : tensor<384x128xf8E4M3FN>
// CHECK-NEXT:      %[[SD:\w+]] = aten.cat([%[[SA]], %[[S]]]) : tensor<3x1xf32>
// CHECK-NEXT:      scaled.assemble %[[D]], %[[SD]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @stored_once(%x: tensor<?x128xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<384x128xbf16> {
      %q = weight.stored "w8" : tensor<256x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<2x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<256x128xf8E4M3FN>, tensor<2x1xf32> -> tensor<256x128xbf16>
      %a = aten.slice.Tensor(%d, end = 128) : tensor<128x128xbf16>
      %c = aten.cat([%a, %d]) : tensor<384x128xbf16>
      weight.yield %c : tensor<384x128xbf16>
    }
    %y = nn.linear %x, %w : tensor<?x128xbf16, ["T"]>, tensor<384x128xbf16> -> tensor<?x384xbf16, ["T"]>
    "test.op"(%y) : (tensor<?x384xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// A view of the parameter in the body is taken on what is stored, too.
// CHECK-LABEL: @stored_transposed(
// CHECK:         weight.param "w:f8E4M3FN 128x128" : !scaled.tensor<tensor<256x128xf8E4M3FN>, 128x128, f32> {
// CHECK-NEXT:      %[[W:\w+]] = weight.stored "w8" : tensor<128x256xf8E4M3FN>
// CHECK-NEXT:      %[[S:\w+]] = weight.stored "s" : tensor<1x2xf32>
// CHECK-NEXT:      %[[A:\w+]] = aten.t(%[[W]]) : tensor<256x128xf8E4M3FN>
// CHECK-NEXT:      %[[SA:\w+]] = aten.t(%[[S]]) : tensor<2x1xf32>
// CHECK-NEXT:      scaled.assemble %[[A]], %[[SA]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @stored_transposed(%x: tensor<?x128xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<128x256xbf16> {
      %q = weight.stored "w8" : tensor<128x256xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x2xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x256xf8E4M3FN>, tensor<1x2xf32> -> tensor<128x256xbf16>
      weight.yield %d : tensor<128x256xbf16>
    }
    %t = aten.t(%w) : tensor<256x128xbf16>
    %y = nn.linear %x, %t : tensor<?x128xbf16, ["T"]>, tensor<256x128xbf16> -> tensor<?x256xbf16, ["T"]>
    "test.op"(%y) : (tensor<?x256xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// A block must not reach over two projections: the weight is dequantised and quantised again.
// CHECK-LABEL: @stored_unaligned(
// CHECK-NEXT:    %[[W:\w+]] = weight.param "a+b" : tensor<228x128xbf16> {
// CHECK:         scaled.quantize %[[W]] quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> :
// REMARK:      fired: @stored_unaligned: nn.linear: linear: f8E4M3FN 1x128 f32 times f8E4M3FN 128x128 f32, weight dequantised and quantised again: a part of 100 ends inside a block of 128 along dim 0; rule = 1
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @stored_unaligned(%x: tensor<?x128xbf16, ["T"]>) {
    %w = weight.param "a+b" : tensor<228x128xbf16> {
      %a = weight.stored "a" : tensor<100x128xf8E4M3FN>
      %sa = weight.stored "sa" : tensor<1x1xf32>
      %da = weight.dequantize %a, %sa block [128, 128] : tensor<100x128xf8E4M3FN>, tensor<1x1xf32> -> tensor<100x128xbf16>
      %b = weight.stored "b" : tensor<128x128xf8E4M3FN>
      %sb = weight.stored "sb" : tensor<1x1xf32>
      %db = weight.dequantize %b, %sb block [128, 128] : tensor<128x128xf8E4M3FN>, tensor<1x1xf32> -> tensor<128x128xbf16>
      %c = aten.cat([%da, %db]) : tensor<228x128xbf16>
      weight.yield %c : tensor<228x128xbf16>
    }
    %y = nn.linear %x, %w : tensor<?x128xbf16, ["T"]>, tensor<228x128xbf16> -> tensor<?x228xbf16, ["T"]>
    "test.op"(%y) : (tensor<?x228xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// What else keeps stored data from being used, one reason each.
// REMARK:      @stored_otherwise: {{.*}}quantised again: stored as f8E4M3FN 64x128 f32, wanted as f8E4M3FN 128x128 f32;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: b is stored as bf16;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: its recipe computes aten.neg;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: a part starts at 64, inside a block of 128 along dim 0;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: no scaled type has f8E4M3 data and f32 scales;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: no scaled type has f8E4M3FN data and bf16 scales;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: its recipe computes aten.expand;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: its recipe takes a part of it that aten.slice.Tensor does not state in numbers;
// REMARK-NEXT: @stored_otherwise: {{.*}}quantised again: its recipe takes a part of it that aten.view does not state in numbers;
// REMARK-NEXT: @stored_otherwise: {{.*}}, weight quantised here;
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @stored_otherwise(%x: tensor<?x128xbf16, ["T"]>) {
    %grid = weight.param "grid" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<128x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<2x1xf32>
      %d = weight.dequantize %q, %s block [64, 128] : tensor<128x128xf8E4M3FN>, tensor<2x1xf32> -> tensor<128x128xbf16>
      weight.yield %d : tensor<128x128xbf16>
    }
    %mixed = weight.param "mixed" : tensor<256x128xbf16> {
      %q = weight.stored "q" : tensor<128x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x128xf8E4M3FN>, tensor<1x1xf32> -> tensor<128x128xbf16>
      %b = weight.stored "b" : tensor<128x128xbf16>
      %c = aten.cat([%d, %b]) : tensor<256x128xbf16>
      weight.yield %c : tensor<256x128xbf16>
    }
    %computed = weight.param "computed" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<128x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x128xf8E4M3FN>, tensor<1x1xf32> -> tensor<128x128xbf16>
      %n = aten.neg(%d) : tensor<128x128xbf16>
      weight.yield %n : tensor<128x128xbf16>
    }
    %cut = weight.param "cut" : tensor<64x128xbf16> {
      %q = weight.stored "q" : tensor<128x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x128xf8E4M3FN>, tensor<1x1xf32> -> tensor<128x128xbf16>
      %h = aten.slice.Tensor(%d, start = 64) : tensor<64x128xbf16>
      weight.yield %h : tensor<64x128xbf16>
    }
    %format = weight.param "format" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<128x128xf8E4M3>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x128xf8E4M3>, tensor<1x1xf32> -> tensor<128x128xbf16>
      weight.yield %d : tensor<128x128xbf16>
    }
    %scales = weight.param "scales" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<128x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xbf16>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x128xf8E4M3FN>, tensor<1x1xbf16> -> tensor<128x128xbf16>
      weight.yield %d : tensor<128x128xbf16>
    }
    %short = weight.param "short" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<256x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<2x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<256x128xf8E4M3FN>, tensor<2x1xf32> -> tensor<256x128xbf16>
      %h = aten.slice.Tensor(%d, end = 200) : tensor<128x128xbf16>
      weight.yield %h : tensor<128x128xbf16>
    }
    %fewer = weight.param "fewer" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<256x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<2x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<256x128xf8E4M3FN>, tensor<2x1xf32> -> tensor<256x128xbf16>
      %h = aten.view(%d) : tensor<128x128xbf16>
      weight.yield %h : tensor<128x128xbf16>
    }
    %wide = weight.param "wide" : tensor<128x128xbf16> {
      %b = weight.stored "b" : tensor<128x128xbf16>
      weight.yield %b : tensor<128x128xbf16>
    }
    %repeated = weight.param "repeated" : tensor<128x128xbf16> {
      %q = weight.stored "q" : tensor<1x128xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<1x128xf8E4M3FN>, tensor<1x1xf32> -> tensor<1x128xbf16>
      %e = aten.expand(%d) : tensor<128x128xbf16>
      weight.yield %e : tensor<128x128xbf16>
    }
    %a = nn.linear %x, %grid : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %b = nn.linear %x, %mixed : tensor<?x128xbf16, ["T"]>, tensor<256x128xbf16> -> tensor<?x256xbf16, ["T"]>
    %c = nn.linear %x, %computed : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %d = nn.linear %x, %cut : tensor<?x128xbf16, ["T"]>, tensor<64x128xbf16> -> tensor<?x64xbf16, ["T"]>
    %e = nn.linear %x, %format : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %s = nn.linear %x, %scales : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %f = nn.linear %x, %repeated : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %g = nn.linear %x, %short : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %h = nn.linear %x, %fewer : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %i = nn.linear %x, %wide : tensor<?x128xbf16, ["T"]>, tensor<128x128xbf16> -> tensor<?x128xbf16, ["T"]>
    "test.op"(%a, %b, %c, %d, %e, %f) : (tensor<?x128xbf16, ["T"]>, tensor<?x256xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// What the recipe keeps says so: what feeds a gate, makes logits, attends in the latent space, is looked up.
// CHECK-LABEL: @negative_kept(
// CHECK-NOT:     scaled.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @negative_kept(%ids: tensor<?xi64, ["T"]>, %q: tensor<?x4x32xbf16, ["T"]>) -> (tensor<?x1000xf32, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>) {
    %table = weight.param "model.embed.weight" : tensor<1000x128xbf16>
    // expected-remark @below {{unprofitable: @negative_kept: nn.embedding: deepseek-v3 keeps embedding in bf16; rule = 2}}
    %x = nn.embedding %ids, %table : tensor<?xi64, ["T"]>, tensor<1000x128xbf16> -> tensor<?x128xbf16, ["T"]>
    %uk = weight.param "model.layers.0.kv_b.weight:absorbed_k" : tensor<4x64x32xbf16>
    // expected-remark @below {{deepseek-v3 keeps absorbed in bf16; rule = 2}}
    %latent = nn.head_linear %q, %uk : tensor<?x4x32xbf16, ["T"]>, tensor<4x64x32xbf16> -> tensor<?x4x64xbf16, ["T"]>
    %gate = weight.param "model.layers.0.gate.weight" : tensor<8x128xf32>
    %wide = aten._to_copy(%x, dtype = f32) : tensor<?x128xf32, ["T"]>
    // expected-remark @below {{deepseek-v3 keeps router in f32; rule = 2}}
    %scores = nn.linear %wide, %gate : tensor<?x128xf32, ["T"]>, tensor<8x128xf32> -> tensor<?x8xf32, ["T"]>
    %w, %i = moe.gate %scores top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %head = weight.param "lm_head.weight" : tensor<1000x128xbf16>
    // expected-remark @below {{deepseek-v3 keeps head in bf16; rule = 2}}
    %logits = nn.linear %x, %head : tensor<?x128xbf16, ["T"]>, tensor<1000x128xbf16> -> tensor<?x1000xbf16, ["T"]>
    %out = aten._to_copy(%logits, dtype = f32) : tensor<?x1000xf32, ["T"]>
    func.return %out, %w, %latent : tensor<?x1000xf32, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>
  }
}

// -----
// Experts that were not bucketed keep the module from being quantised.
// CHECK:       builtin.module attributes {dsv3c.facts = ["raised"]}
// CHECK-LABEL: @negative_not_bucketed(
// CHECK-NOT:     scaled.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @negative_not_bucketed(%x: tensor<?x128xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %i: tensor<?x2xi64, ["T"]>) {
    %gate = weight.param "experts.gate_up_proj" : tensor<8x128x128xbf16>
    %down = weight.param "experts.down_proj" : tensor<8x128x64xbf16>
    // expected-remark @below {{blocked: @negative_not_bucketed: moe.experts: the experts' products are inside moe.experts: bucket-tokens makes them apart}}
    %y = moe.experts %x, %w, %i gate %gate down %down combine_in bf16 order "slot" intermediate "input" : tensor<?x128xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8x128x128xbf16>, tensor<8x128x64xbf16> -> tensor<?x128xbf16, ["T"]>
    "test.op"(%y) : (tensor<?x128xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_not_a_weight(
// CHECK-NOT:     scaled.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @negative_not_a_weight(%x: tensor<?x128xbf16, ["T"]>, %k: tensor<?x128xbf16, ["T"]>) {
    // expected-remark @below {{blocked: @negative_not_a_weight: nn.linear: its weight is no parameter of this function}}
    %y = nn.linear %x, %k : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]> -> tensor<?x?xbf16, ["T", "T"]>
    "test.op"(%y) : (tensor<?x?xbf16, ["T", "T"]>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_not_floating_point(
// CHECK-NOT:     scaled.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @negative_not_floating_point(%x: tensor<?x128xi8, ["T"]>) {
    %w = weight.param "w" : tensor<64x128xi8>
    // expected-remark @below {{blocked: @negative_not_floating_point: nn.linear: x holds i8: only floating point is quantised}}
    %y = nn.linear %x, %w : tensor<?x128xi8, ["T"]>, tensor<64x128xi8> -> tensor<?x64xi8, ["T"]>
    "test.op"(%y) : (tensor<?x64xi8, ["T"]>) -> ()
    func.return
  }
}

// -----
// Once is enough.
// CHECK-LABEL: @negative_quantised_already(
// CHECK-NEXT:    %[[X:\w+]] = scaled.dequantize %x :
// CHECK-NEXT:    %[[W:\w+]] = scaled.dequantize %w :
// CHECK-NEXT:    nn.linear %[[X]], %[[W]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1
  func.func @negative_quantised_already(%x: !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>, %w: !scaled.tensor<tensor<64x128xf8E4M3FN>, 128x128, f32>) {
    %xd = scaled.dequantize %x : !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32> -> tensor<?x128xf32, ["T"]>
    %wd = scaled.dequantize %w : !scaled.tensor<tensor<64x128xf8E4M3FN>, 128x128, f32> -> tensor<64x128xf32>
    // expected-remark @below {{blocked: @negative_quantised_already: nn.linear: it is quantised already}}
    %y = nn.linear %xd, %wd : tensor<?x128xf32, ["T"]>, tensor<64x128xf32> -> tensor<?x64xbf16, ["T"]>
    "test.op"(%y) : (tensor<?x64xbf16, ["T"]>) -> ()
    func.return
  }
}
