// RUN: dsv3c opt %s -p skip-padding --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p skip-padding --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p skip-padding,skip-padding --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p skip-padding --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// CHECK-LABEL: @experts(
// CHECK-NEXT:    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 skips_padding :
// CHECK-NEXT:    %gu = moe.grouped_mm %rows, %w by %e skips_padding :
// CHECK-NEXT:    %g = aten.slice.Tensor
// CHECK-NEXT:    %u = aten.slice.Tensor
// CHECK-NEXT:    %h = nn.swiglu %g, %u by %e : tensor<?xi32, ["4*T"]>, intermediate "input" :
// CHECK-NEXT:    %y = moe.grouped_mm %h, %d by %e skips_padding :
// CHECK-NEXT:    %out = moe.unpermute %y at %slots
// REMARK: skip-padding: fired: @experts: moe.permute: padding rows are unspecified, 3 ops skip them; ops = 3
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @experts(%x: tensor<?x64xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %wt: tensor<?x2xf32, ["T"]>, %w: tensor<4x256x64xbf16>, %d: tensor<4x64x128xbf16>) -> tensor<?x64xbf16, ["T"]> {
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x64xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x64xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %gu = moe.grouped_mm %rows, %w by %e : tensor<?x64xbf16, ["4*T"]>, tensor<4x256x64xbf16>, tensor<?xi32, ["4*T"]> -> tensor<?x256xbf16, ["4*T"]>
    %g = aten.slice.Tensor(%gu, dim = -1, end = 128) : tensor<?x128xbf16, ["4*T"]>
    %u = aten.slice.Tensor(%gu, dim = -1, start = 128, end = 256) : tensor<?x128xbf16, ["4*T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x128xbf16, ["4*T"]>
    %y = moe.grouped_mm %h, %d by %e : tensor<?x128xbf16, ["4*T"]>, tensor<4x64x128xbf16>, tensor<?xi32, ["4*T"]> -> tensor<?x64xbf16, ["4*T"]>
    %out = moe.unpermute %y at %slots weights %wt ids %ids combine_in f32 order "slot" : tensor<?x64xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x64xbf16, ["T"]>
    func.return %out : tensor<?x64xbf16, ["T"]>
  }
}

// -----
// Rows with a scale each: quantised before and between the products, with and without fusion.
// CHECK-LABEL: @quantised(
// CHECK-NEXT:    moe.permute {{.*}} skips_padding :
// CHECK-NEXT:    %gate = scaled.grouped_mm %rows, %w, %e promote 128 skips_padding :
// CHECK-NEXT:    %up = scaled.grouped_mm %rows, %w, %e promote 128 skips_padding :
// CHECK-NEXT:    %h = scaled.swiglu %gate, %up by %e : tensor<?xi32, ["4*T"]>, intermediate
// CHECK-NEXT:    %r = scaled.relayout
// CHECK-NEXT:    %y = scaled.grouped_mm %r, %d, %e promote 128 skips_padding :
// CHECK-NEXT:    %q = scaled.quantize %y
// CHECK-NEXT:    %z = scaled.dequantize %q
// CHECK-NEXT:    %half = aten.to.dtype
// CHECK-NEXT:    moe.unpermute
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @quantised(%x: !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>, %ids: tensor<?x2xi64, ["T"]>, %wt: tensor<?x2xf32, ["T"]>, %w: !scaled.tensor<tensor<4x128x128xf8E4M3FN>, 1x128x128, f32>, %d: !scaled.tensor<tensor<4x128x128xf8E4M3FN>, 1x128x128, f32>) {
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : !scaled.tensor<tensor<?x128xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x2xi64, ["T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %gate = scaled.grouped_mm %rows, %w, %e promote 128 : !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<4x128x128xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x128xbf16, ["4*T"]>
    %up = scaled.grouped_mm %rows, %w, %e promote 128 : !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<4x128x128xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x128xbf16, ["4*T"]>
    %h = scaled.swiglu %gate, %up intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["4*T"]>, tensor<?x128xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32>
    %r = scaled.relayout %h : !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32, mn_major>
    %y = scaled.grouped_mm %r, %d, %e promote 128 : !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<4x128x128xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x128xbf16, ["4*T"]>
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32>
    %z = scaled.dequantize %q : !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32> -> tensor<?x128xbf16, ["4*T"]>
    %half = aten.to.dtype(%z, dtype = f32) : tensor<?x128xf32, ["4*T"]>
    %out = moe.unpermute %half at %slots weights %wt ids %ids combine_in f32 order "slot" : tensor<?x128xf32, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xf32, ["T"]>
    func.return
  }
}

// -----
// One scale for all rows: zeros leave it as it is, anything else might not.
// CHECK-LABEL: @negative_one_scale_of_all_rows(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_one_scale_of_all_rows(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    // expected-remark @below {{scaled.quantize reads padding rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %q = scaled.quantize %rows quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 128x128, f32>
    func.return
  }
}

// -----
// The same in an op that gates and quantises.
// CHECK-LABEL: @negative_gated_with_a_scale_of_several_rows(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_gated_with_a_scale_of_several_rows(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    // expected-remark @below {{scaled.swiglu reads padding rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %q = scaled.swiglu %rows, %rows intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x128xbf16, ["4*T"]>, tensor<?x128xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 128x128, f32>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_leaves_the_function(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_leaves_the_function(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x128xbf16, ["4*T"]> {
    // expected-remark @below {{func.return reads padding rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    func.return %rows : tensor<?x128xbf16, ["4*T"]>
  }
}

// -----
// The default dim of a slice is the rows'.
// CHECK-LABEL: @negative_some_rows(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_some_rows(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    // expected-remark @below {{it takes some of the rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %first = aten.slice.Tensor(%rows, end = 3) : tensor<3x128xbf16>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_sum_over_rows(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_sum_over_rows(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    // expected-remark @below {{aten.sum reads padding rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %sum = aten.sum(%rows) : tensor<bf16>
    func.return
  }
}

// -----
// Experts and slots must be those of the rows.
// CHECK-LABEL: @negative_other_experts(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_other_experts(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %w: tensor<4x256x128xbf16>, %f: tensor<?xi32, ["4*T"]>) {
    // expected-remark @below {{its rows have experts of another layout}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %y = moe.grouped_mm %rows, %w by %f : tensor<?x128xbf16, ["4*T"]>, tensor<4x256x128xbf16>, tensor<?xi32, ["4*T"]> -> tensor<?x256xbf16, ["4*T"]>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_other_slots(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_other_slots(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %wt: tensor<?x2xf32, ["T"]>, %s: tensor<?xi32, ["4*T"]>) {
    // expected-remark @below {{its rows have slots of another layout}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %out = moe.unpermute %rows at %s weights %wt ids %ids combine_in f32 order "slot" : tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["T"]>
    func.return
  }
}

// -----
// A given scale is nobody's row: rows are quantised one by one, and none is left out.
// CHECK-LABEL: @given_scale(
// CHECK-NEXT:    moe.permute {{.*}} skips_padding :
// CHECK-NEXT:    scaled.swiglu %rows, %rows intermediate
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @given_scale(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %q = scaled.swiglu %rows, %rows intermediate "input" rounded_to bf16 quantizer <apply "divide", round_scale "none", static 0.5> : tensor<?x128xbf16, ["4*T"]>, tensor<?x128xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, *x*, f32>
    func.return
  }
}

// -----
// CHECK-LABEL: @columns_of_scaled_rows(
// CHECK-NEXT:    moe.permute {{.*}} skips_padding :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @columns_of_scaled_rows(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x2xi64, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %left = scaled.slice %rows dim 1 start 0 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["4*T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x128xf8E4M3FN, ["4*T"]>, 1x128, f32>
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_some_scaled_rows(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_some_scaled_rows(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %ids: tensor<?x2xi64, ["T"]>) {
    // expected-remark @below {{scaled.slice reads padding rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x2xi64, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %first = scaled.slice %rows dim 0 start 0 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["4*T"]>, 1x128, f32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
    func.return
  }
}

// -----
// Weights of a sum are read whatever its slots say.
// CHECK-LABEL: @negative_rows_as_weights(
// CHECK-NOT:     skips_padding
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_rows_as_weights(%x: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %y: tensor<?x64xbf16, ["4*T"]>, %other: tensor<?x2xi64, ["4*T"]>) {
    // expected-remark @below {{moe.unpermute reads padding rows}}
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x2xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %out = moe.unpermute %y at %slots weights %rows ids %other combine_in f32 order "slot" : tensor<?x64xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x2xbf16, ["4*T"]>, tensor<?x2xi64, ["4*T"]> -> tensor<?x64xbf16, ["4*T"]>
    func.return
  }
}

// -----
// Rows that are skipped already.
// CHECK-LABEL: @negative_skipped_already(
// REMARK-NOT: fired: @negative_skipped_already
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_skipped_already(%x: tensor<?x128xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) {
    %rows, %slots, %e = moe.permute %x by %ids experts 4 layout "masked" alignment 1 skips_padding : tensor<?x128xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x128xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    func.return
  }
}
