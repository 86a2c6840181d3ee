// RUN: dsv3c opt %s -p fuse-rms-norm-quant --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p fuse-rms-norm-quant --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p 'fuse-rms-norm-quant{relaxed-rounding=true}' --split-input-file | filecheck %s --check-prefix=RELAXED
// RUN: dsv3c opt %s -p fuse-rms-norm-quant --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p fuse-rms-norm-quant --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// Nothing else reads the normalised rows.
// CHECK-LABEL: @norm(
// CHECK-NEXT:    %q = scaled.rms_norm %x, %w eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]>, tensor<256xbf16> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    "test.op"(%q) :
// RELAXED-LABEL: @norm(
// RELAXED:       scaled.rms_norm {{.*}} intermediate f32 quantizer
// REMARK: fuse-rms-norm-quant: fired: @norm: scaled.quantize{{$}}
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @norm(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16>
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// A router reads the rows, before they are quantised and after: they are kept, and stand where the norm stood.
// CHECK-LABEL: @kept(
// CHECK-NEXT:    %q, %y = scaled.rms_norm %x, %w eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]>, tensor<256xbf16> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x256xbf16, ["T"]>
// CHECK-NEXT:    "test.op"(%y) :
// CHECK-NEXT:    "test.op"(%q, %y) :
// REMARK: fuse-rms-norm-quant: fired: @kept: scaled.quantize: the norm's result is also read as it is
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @kept(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16>
    "test.op"(%y) : (tensor<?x256xbf16, ["T"]>) -> ()
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q, %y) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x256xbf16, ["T"]>) -> ()
    func.return
  }
}

// -----
// A static scale is known before any row is.
// CHECK-LABEL: @static(
// CHECK-NEXT:    scaled.rms_norm {{.*}} static 3.000000e-01> : tensor<?x256xbf16, ["T"]>, tensor<256xbf16> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @static(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16>
    %q = scaled.quantize %y quantizer <apply "divide", round_scale "none", static 0.3> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_scale_of_several_rows(
// CHECK-NEXT:    nn.rms_norm
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_scale_of_several_rows(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16>
    // expected-remark @below {{granule *x*: a scale is known only after several rows are}}
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>) -> ()
    func.return
  }
}

// -----
// The first quantiser is fused, the second reads the rows that are kept for it.
// CHECK-LABEL: @negative_quantised_twice(
// CHECK-NEXT:    %q, %y = scaled.rms_norm
// CHECK-NEXT:    %p = scaled.quantize %y
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_quantised_twice(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16>
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{the norm is quantised as !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> already}}
    %p = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q, %p) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// No norm, nothing to say.
// CHECK-LABEL: @negative_no_norm(
// CHECK-NEXT:    scaled.quantize %x
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_no_norm(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}

// -----
// CHECK-LABEL: @negative_scale_of_four_rows(
// CHECK-NEXT:    nn.rms_norm
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_scale_of_four_rows(%x: tensor<?x8x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x8x256xbf16, ["T"]>, tensor<256xbf16>
    // expected-remark @below {{granule 1x4x128: a scale is known only after several rows are}}
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x8x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x8x256xf8E4M3FN, ["T"]>, 1x4x128, f32>
    "test.op"(%q) : (!scaled.tensor<tensor<?x8x256xf8E4M3FN, ["T"]>, 1x4x128, f32>) -> ()
    func.return
  }
}

// -----
// The fused op is where both were.
// LOC-LABEL: @located(
// LOC:         scaled.rms_norm {{.*}} loc(fused["model.py":7:0, "model.py":9:0])
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @located(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<256xbf16>) {
    %y = nn.rms_norm %x, %w eps 1.0e-06 weight_in "f32" : tensor<?x256xbf16, ["T"]>, tensor<256xbf16> loc("model.py":7:0)
    %q = scaled.quantize %y quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> loc("model.py":9:0)
    "test.op"(%q) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) -> ()
    func.return
  }
}
