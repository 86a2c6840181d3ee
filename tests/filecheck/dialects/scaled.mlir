// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @T min 1 max 4096

// The recipe of DeepSeek-V3: 1x128 activations, 128x128 weights, whose last block of 576 rows is half full.
// CHECK-LABEL: @linear
func.func @linear(%x: tensor<?x7168xbf16, ["T"]>, %w: tensor<576x7168xf8E4M3FN>, %s: tensor<5x56xf32>, %bias: tensor<576xf32>) {
  // CHECK-NEXT: %xq = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>
  %xq = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>
  // CHECK-NEXT: %wq = scaled.assemble %w, %s : tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32>
  %wq = scaled.assemble %w, %s : tensor<576x7168xf8E4M3FN>, tensor<5x56xf32> -> !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32>
  // CHECK-NEXT: %wd = scaled.dequantize %wq : !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32> -> tensor<576x7168xbf16>
  %wd = scaled.dequantize %wq : !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32> -> tensor<576x7168xbf16>
  // CHECK-NEXT: %y = scaled.mm %xq, %wq promote 128 : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
  %y = scaled.mm %xq, %wq promote 128 : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
  // CHECK-NEXT: %z = scaled.mm %xq, %wq bias %bias : tensor<576xf32>, : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32> -> tensor<?x576xf32, ["T"]>
  %z = scaled.mm %xq, %wq bias %bias : tensor<576xf32>, : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32> -> tensor<?x576xf32, ["T"]>
  // CHECK-NEXT: %m = scaled.relayout %xq : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
  %m = scaled.relayout %xq : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
  func.return
}

// The recipe of DeepSeek-V3.1, DeepGEMM's quantiser, and scales as Blackwell reads them.
// CHECK-LABEL: @powers_of_two
func.func @powers_of_two(%x: tensor<?x7168xbf16, ["T"]>) {
  // CHECK-NEXT: %q = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "pow2", saturate> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>
  %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "reciprocal", round_scale "pow2", saturate> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>
  // CHECK-NEXT: %r = scaled.relayout %q : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>
  %r = scaled.relayout %q : !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x128, f32>
  // CHECK-NEXT: %mx = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2"> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x32, f8E8M0FNU>
  %mx = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf8E4M3FN, ["T"]>, 1x32, f8E8M0FNU>
  // CHECK-NEXT: %mxfp4 = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2"> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf4E2M1FN, ["T"]>, 1x32, f8E8M0FNU>
  %mxfp4 = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x7168xbf16, ["T"]> -> !scaled.tensor<tensor<?x7168xf4E2M1FN, ["T"]>, 1x32, f8E8M0FNU>
  func.return
}

// CHECK-LABEL: @per_tensor
func.func @per_tensor(%x: tensor<?x384xbf16, ["T"]>, %w: tensor<192x384xf32>) {
  // CHECK-NEXT: %xq = scaled.quantize %x quantizer <apply "divide", round_scale "none", saturate, static 1.250000e-02> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FNUZ, ["T"]>, *x*, f32>
  %xq = scaled.quantize %x quantizer <apply "divide", round_scale "none", saturate, static 0.0125> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FNUZ, ["T"]>, *x*, f32>
  // CHECK-NEXT: %wq = scaled.quantize %w quantizer <apply "divide", round_scale "pow2", static 2.500000e-01> : tensor<192x384xf32> -> !scaled.tensor<tensor<192x384xf8E4M3FNUZ>, *x*, f32>
  %wq = scaled.quantize %w quantizer <apply "divide", round_scale "pow2", static 2.5e-1> : tensor<192x384xf32> -> !scaled.tensor<tensor<192x384xf8E4M3FNUZ>, *x*, f32>
  // CHECK-NEXT: %y = scaled.mm %xq, %wq promote 96 : !scaled.tensor<tensor<?x384xf8E4M3FNUZ, ["T"]>, *x*, f32>, !scaled.tensor<tensor<192x384xf8E4M3FNUZ>, *x*, f32> -> tensor<?x192xf32, ["T"]>
  %y = scaled.mm %xq, %wq promote 96 : !scaled.tensor<tensor<?x384xf8E4M3FNUZ, ["T"]>, *x*, f32>, !scaled.tensor<tensor<192x384xf8E4M3FNUZ>, *x*, f32> -> tensor<?x192xf32, ["T"]>
  // CHECK-NEXT: %rows = scaled.quantize %x quantizer <amax_floor 1.000000e-12, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E5M2, ["T"]>, 1x*, f32>
  %rows = scaled.quantize %x quantizer <amax_floor 1.0e-12, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E5M2, ["T"]>, 1x*, f32>
  // CHECK-NEXT: %columns = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 128x1, f32>
  %columns = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 128x1, f32>
  func.return
}

// CHECK-LABEL: @experts
func.func @experts(%x: !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, %w: !scaled.tensor<tensor<16x192x384xf8E4M3FN>, 1x128x128, f32>, %expert_of: tensor<?xi32, ["T"]>) -> tensor<?x192xbf16, ["T"]> {
  // CHECK-NEXT: %y = scaled.grouped_mm %x, %w, %expert_of promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<16x192x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["T"]> -> tensor<?x192xbf16, ["T"]>
  %y = scaled.grouped_mm %x, %w, %expert_of promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<16x192x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["T"]> -> tensor<?x192xbf16, ["T"]>
  // CHECK-NEXT: %z = scaled.grouped_mm %x, %w, %expert_of : !scaled.tensor
  %z = scaled.grouped_mm %x, %w, %expert_of : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<16x192x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["T"]> -> tensor<?x192xf32, ["T"]>
  // CHECK-NEXT: %skipped = scaled.grouped_mm %x, %w, %expert_of promote 128 skips_padding : !scaled.tensor
  %skipped = scaled.grouped_mm %x, %w, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<16x192x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["T"]> -> tensor<?x192xf32, ["T"]>
  func.return %y : tensor<?x192xbf16, ["T"]>
}

// CHECK-LABEL: @fused
func.func @fused(%x: tensor<?x384xbf16, ["T"]>, %weight: tensor<384xf32>, %gate: tensor<?x192xbf16, ["T"]>, %up: tensor<?x192xbf16, ["T"]>, %experts: tensor<?xi32, ["T"]>) {
  // CHECK-NEXT: %q, %y = scaled.rms_norm %x, %weight eps 1.000000e-06 weight_in "input" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xf32> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
  %q, %y = scaled.rms_norm %x, %weight eps 1.0e-6 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xf32> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
  // CHECK-NEXT: %alone = scaled.rms_norm %x, %weight eps 0.000000e+00 weight_in "f32" intermediate f32 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xf32> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
  %alone = scaled.rms_norm %x, %weight eps 0.0 weight_in "f32" intermediate f32 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xf32> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
  // CHECK-NEXT: %h = scaled.swiglu %gate, %up intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
  %h = scaled.swiglu %gate, %up intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
  // CHECK-NEXT: %by = scaled.swiglu %gate, %up by %experts : tensor<?xi32, ["T"]>, intermediate "input" rounded_to bf16 quantizer
  %by = scaled.swiglu %gate, %up by %experts : tensor<?xi32, ["T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
  func.return
}

// CHECK-LABEL: @views
func.func @views(%q: !scaled.tensor<tensor<?x8x256xf8E4M3FN, ["T"]>, 1x1x128, f32>) {
  // CHECK-NEXT: %r = scaled.reshape %q : !scaled.tensor<tensor<?x8x256xf8E4M3FN, ["T"]>, 1x1x128, f32> -> !scaled.tensor<tensor<?x2048xf8E4M3FN, ["T"]>, 1x128, f32>
  %r = scaled.reshape %q : !scaled.tensor<tensor<?x8x256xf8E4M3FN, ["T"]>, 1x1x128, f32> -> !scaled.tensor<tensor<?x2048xf8E4M3FN, ["T"]>, 1x128, f32>
  // CHECK-NEXT: %s = scaled.slice %r dim 1 start 1536 : !scaled.tensor<tensor<?x2048xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
  %s = scaled.slice %r dim 1 start 1536 : !scaled.tensor<tensor<?x2048xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
  func.return
}
