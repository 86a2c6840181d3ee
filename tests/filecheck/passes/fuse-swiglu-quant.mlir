// RUN: dsv3c opt %s -p fuse-swiglu-quant --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p fuse-swiglu-quant --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p 'fuse-swiglu-quant{relaxed-rounding=true}' --split-input-file | filecheck %s --check-prefix=RELAXED
// RUN: dsv3c opt %s -p fuse-swiglu-quant --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p fuse-swiglu-quant --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// CHECK-LABEL: @gated(
// CHECK-NEXT:    %q = scaled.swiglu %gate, %up intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]>, tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    "test.op"(%q) :
// RELAXED-LABEL: @gated(
// RELAXED:       scaled.swiglu %gate, %up intermediate "f32" rounded_to f32 quantizer
// LOC:           scaled.swiglu {{.*}} loc(fused["{{.*}}.mlir":[[L:\d+]]:0, "{{.*}}.mlir"
// REMARK: fuse-swiglu-quant: fired: @gated: scaled.quantize{{$}}
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @gated(%gate: tensor<?x256xbf16, ["T"]>, %up: tensor<?x256xbf16, ["T"]>) {
    %y = nn.swiglu %gate, %up intermediate "input" : tensor<?x256xbf16, ["T"]>
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// Gate and up are parts of one merged product.
// CHECK-LABEL: @merged(
// CHECK-NEXT:    %g = aten.slice.Tensor(%gu, dim = -1, start = 0, end = 256)
// CHECK-NEXT:    %u = aten.slice.Tensor(%gu, dim = -1, start = 256, end = 512)
// CHECK-NEXT:    %q = scaled.swiglu %g, %u intermediate "f32"
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @merged(%gu: tensor<?x512xbf16, ["T"]>) {
    %g = aten.slice.Tensor(%gu, dim = -1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %u = aten.slice.Tensor(%gu, dim = -1, start = 256, end = 512) : tensor<?x256xbf16, ["T"]>
    %y = nn.swiglu %g, %u intermediate "f32" : tensor<?x256xbf16, ["T"]>
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_read_otherwise(
// CHECK-NEXT:    nn.swiglu
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_read_otherwise(%gate: tensor<?x256xbf16, ["T"]>, %up: tensor<?x256xbf16, ["T"]>) {
    %y = nn.swiglu %gate, %up intermediate "input" : tensor<?x256xbf16, ["T"]>
    // expected-remark @below {{test.op reads the activation as well}}
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q, %y) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x256xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_scale_of_several_rows(
// CHECK-NEXT:    nn.swiglu
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_scale_of_several_rows(%gate: tensor<?x256xbf16, ["T"]>, %up: tensor<?x256xbf16, ["T"]>) {
    %y = nn.swiglu %gate, %up intermediate "input" : tensor<?x256xbf16, ["T"]>
    // expected-remark @below {{granule *x*: a scale is known only after several rows are}}
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_no_activation(
// CHECK-NEXT:    scaled.quantize %gate
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_no_activation(%gate: tensor<?x256xbf16, ["T"]>, %up: tensor<?x256xbf16, ["T"]>) {
    %q = scaled.quantize %gate quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}
