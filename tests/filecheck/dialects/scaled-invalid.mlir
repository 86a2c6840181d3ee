// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

// The type: formats.
// expected-error @below {{scaled data holds one of f8E4M3FN, f8E4M3FNUZ, f8E5M2, f4E2M1FN, not f8E3M4}}
func.func @type(%q: !scaled.tensor<tensor<4x256xf8E3M4>, 1x128, f32>) {
  func.return
}

// -----
// expected-error @below {{scaled data holds one of f8E4M3FN, f8E4M3FNUZ, f8E5M2, f4E2M1FN, not bf16}}
func.func @type(%q: !scaled.tensor<tensor<4x256xbf16>, 1x128, f32>) {
  func.return
}

// -----
// expected-error @below {{scales are f32 or f8E8M0FNU (powers of two), not bf16}}
func.func @type(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, bf16>) {
  func.return
}

// -----
// expected-error @below {{a scaled tensor has at least one dim}}
func.func @type(%q: !scaled.tensor<tensor<f8E4M3FN>, *, f32>) {
  func.return
}

// -----
// The type: one granule per dim, never inferred.
// expected-error @below {{granule 1x128 is not one of 3 dims: tensor<2x4x256xf8E4M3FN>}}
func.func @type(%q: !scaled.tensor<tensor<2x4x256xf8E4M3FN>, 1x128, f32>) {
  func.return
}

// -----
// expected-error @below {{granule 128 is not one of 2 dims: tensor<4x256xf8E4M3FN>}}
func.func @type(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 128, f32>) {
  func.return
}

// -----
// expected-error @below {{a granule is a positive number, or * for the whole dim}}
func.func @type(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 0x128, f32>) {
  func.return
}

// -----
// The type: layouts.
// expected-error @below {{scale layout must be one of row, mn_major, packed, not 'k_major'}}
func.func @type(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32, k_major>) {
  func.return
}

// -----
// expected-error @below {{layout mn_major transposes two dims of scales; tensor<256xf8E4M3FN> has 1}}
func.func @type(%q: !scaled.tensor<tensor<256xf8E4M3FN>, 128, f32, mn_major>) {
  func.return
}

// -----
// expected-error @below {{packed scales are four f8E8M0FNU in an i32, not f32}}
func.func @type(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32, packed>) {
  func.return
}

// -----
// The sizes of the data are named and declared like any.
func.func @f() {
  // expected-error @below {{size T of !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> is not declared}}
  %q = "test.op"() : () -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
  func.return
}

// -----
func.func @f() {
  // expected-error @below {{every ? needs one size name, in order}}
  %q = "test.op"() : () -> !scaled.tensor<tensor<?x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
// The quantiser.
// expected-error @below {{apply must be one of divide, reciprocal, not 'multiply'}}
func.func @quantizer() attributes {how = #scaled.quantizer<amax_floor 1.0e-4, apply "multiply", round_scale "none">} {
  func.return
}

// -----
// expected-error @below {{round_scale must be one of none, pow2, not 'up'}}
func.func @quantizer() attributes {how = #scaled.quantizer<amax_floor 1.0e-4, apply "divide", round_scale "up">} {
  func.return
}

// -----
// Static and dynamic at once, and neither.
// expected-error @below {{a static scale has no amax floor}}
func.func @quantizer() attributes {how = #scaled.quantizer<amax_floor 1.0e-4, apply "divide", round_scale "none", static 0.5>} {
  func.return
}

// -----
// expected-error @below {{a quantiser has an amax floor or a static scale}}
func.func @quantizer() attributes {how = #scaled.quantizer<apply "divide", round_scale "none">} {
  func.return
}

// -----
// A row of zeros would be divided by zero.
// expected-error @below {{amax floor and static scale must be positive, not 0.0}}
func.func @quantizer() attributes {how = #scaled.quantizer<amax_floor 0.0, apply "divide", round_scale "none">} {
  func.return
}

// -----
// expected-error @below {{amax floor and static scale must be positive, not -0.5}}
func.func @quantizer() attributes {how = #scaled.quantizer<apply "divide", round_scale "none", static -0.5>} {
  func.return
}

// -----
// expected-error @below {{static scale 0.3 is not a power of two}}
func.func @quantizer() attributes {how = #scaled.quantizer<apply "divide", round_scale "pow2", static 0.3>} {
  func.return
}

// -----
func.func @f(%x: tensor<4x256xf32>) {
  // expected-error @below {{a static scale is one number for the whole tensor; granule 1x128 has many}}
  %q = scaled.quantize %x quantizer <apply "divide", round_scale "none", static 0.5> : tensor<4x256xf32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
// ue8m0 scales of a quantiser that does not round to powers of two.
func.func @f(%x: tensor<4x256xf32>) {
  // expected-error @below {{f8E8M0FNU scales are powers of two; the quantiser must say round_scale "pow2", not "none"}}
  %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xf32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>
  func.return
}

// -----
// Quantise and dequantise.
func.func @f(%x: tensor<4x256xi32>) {
  // expected-error @below {{x must hold floating point, not i32}}
  %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xi32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xf32>) {
  // expected-error @below {{q must be [4, 256], not [256, 4]}}
  %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xf32> -> !scaled.tensor<tensor<256x4xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{y must be [4, 256], not [4, 128]}}
  %y = scaled.dequantize %q : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> tensor<4x128xf32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{y must hold floating point, not f8E4M3FN}}
  %y = scaled.dequantize %q : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> tensor<4x256xf8E4M3FN>
  func.return
}

// -----
// The last block of 576 rows is half full, and has a scale all the same.
func.func @f(%d: tensor<576x7168xf8E4M3FN>, %s: tensor<4x56xf32>) {
  // expected-error @below {{scale grid [4, 56] of [576, 7168] must be [5, 56]: granule 128x128}}
  %q = scaled.assemble %d, %s : tensor<576x7168xf8E4M3FN>, tensor<4x56xf32> -> !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32>
  func.return
}

// -----
// A grid that was transposed without its data.
func.func @f(%d: tensor<576x7168xf8E4M3FN>, %s: tensor<56x5xf32>) {
  // expected-error @below {{scale grid [56, 5] of [576, 7168] must be [5, 56]: granule 128x128}}
  %q = scaled.assemble %d, %s : tensor<576x7168xf8E4M3FN>, tensor<56x5xf32> -> !scaled.tensor<tensor<576x7168xf8E4M3FN>, 128x128, f32>
  func.return
}

// -----
// The same of a square matrix: its shape does not tell, the granule does.
func.func @f(%d: tensor<128x128xf8E4M3FN>, %s: tensor<1x128xf32>) {
  // expected-error @below {{scale grid [1, 128] of [128, 128] must be [128, 1]: granule 1x128}}
  %q = scaled.assemble %d, %s : tensor<128x128xf8E4M3FN>, tensor<1x128xf32> -> !scaled.tensor<tensor<128x128xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%d: tensor<4x256xf8E4M3FN>, %s: tensor<1xf32>) {
  // expected-error @below {{scale grid [1] of [4, 256] must be [1, 1]: granule *x*}}
  %q = scaled.assemble %d, %s : tensor<4x256xf8E4M3FN>, tensor<1xf32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, *x*, f32>
  func.return
}

// -----
func.func @f(%d: tensor<4x256xf8E4M3FN>, %s: tensor<4x2xf32>) {
  // expected-error @below {{the scales are f32; q's type says f8E8M0FNU}}
  %q = scaled.assemble %d, %s : tensor<4x256xf8E4M3FN>, tensor<4x2xf32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>
  func.return
}

// -----
func.func @f(%d: tensor<4x256xf8E5M2>, %s: tensor<4x2xf32>) {
  // expected-error @below {{data is tensor<4x256xf8E5M2>; q holds tensor<4x256xf8E4M3FN>}}
  %q = scaled.assemble %d, %s : tensor<4x256xf8E5M2>, tensor<4x2xf32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
// Relayout.
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{relayout changes the scales' place only}}
  %r = scaled.relayout %q : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x64, f32, mn_major>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{relayout changes the scales' place only}}
  %r = scaled.relayout %q : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<256x4xf8E4M3FN>, 1x128, f32, mn_major>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{f32 scales do not fit into f8E8M0FNU: quantise with powers of two instead}}
  %r = scaled.relayout %q : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>
  func.return
}

// -----
// Products.
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>) {
  // expected-error @below {{w must be [N, K], not [2, 8, 256]}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x384xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{x [4, 256] and w [8, 384] differ in K}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x384xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
// Blocks of K that are not the same blocks: the sums would mix scales.
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x64, f32>) {
  // expected-error @below {{granules disagree along K: x has 1x128, w 128x64}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x64, f32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x*, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{granules disagree along K: x has 1x*, w 128x128}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x*, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
// Quantised along the other dim, of a square matrix.
func.func @f(%x: !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x1, f32>, %w: !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{granules disagree along K: x has 128x1, w 128x128}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x1, f32>, !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32> -> tensor<256x256xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{x has f8E8M0FNU scales, w f32: relayout one of them}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{promote 96 is neither a multiple of the granule 128 along K nor a part of it}}
  %y = scaled.mm %x, %w promote 96 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{promote must be positive, not 0}}
  %y = scaled.mm %x, %w promote 0 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{y must be [4, 8], not [8, 4]}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<8x4xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>) {
  // expected-error @below {{y must hold floating point, not f8E4M3FN}}
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf8E4M3FN>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>, %b: tensor<4xf32>) {
  // expected-error @below {{bias must be [8], not [4]}}
  %y = scaled.mm %x, %w bias %b : tensor<4xf32>, promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>, %b: tensor<8xi32>) {
  // expected-error @below {{bias must hold floating point, not i32}}
  %y = scaled.mm %x, %w bias %b : tensor<8xi32>, promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32> -> tensor<4x8xf32>
  func.return
}

// -----
// Grouped products.
func.func @f(%x: !scaled.tensor<tensor<1x4x256xf8E4M3FN>, 1x1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{x must be [M, K], not [1, 4, 256]}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<1x4x256xf8E4M3FN>, 1x1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, tensor<4xi32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{w must be [E, N, K], not [8, 256]}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<8x256xf8E4M3FN>, 128x128, f32>, tensor<4xi32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x128xf8E4M3FN>, 1x128x128, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{x [4, 256] and w [2, 8, 128] differ in K}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x128xf8E4M3FN>, 1x128x128, f32>, tensor<4xi32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x32, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{granules disagree along K: x has 1x128, w 1x128x32}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x32, f32>, tensor<4xi32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{promote 80 is neither a multiple of the granule 128 along K nor a part of it}}
  %y = scaled.grouped_mm %x, %w, %e promote 80 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, tensor<4xi32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, %e: tensor<5xi32>) {
  // expected-error @below {{expert_of must be [4], not [5]}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, tensor<5xi32> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, %e: tensor<4xi64>) {
  // expected-error @below {{expert_of must hold i32, not i64}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, tensor<4xi64> -> tensor<4x8xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{y must be [4, 8], not [4, 2]}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, tensor<4xi32> -> tensor<4x2xf32>
  func.return
}

// -----
func.func @f(%x: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, %w: !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, %e: tensor<4xi32>) {
  // expected-error @below {{y must hold floating point, not i32}}
  %y = scaled.grouped_mm %x, %w, %e promote 128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<2x8x256xf8E4M3FN>, 1x128x128, f32>, tensor<4xi32> -> tensor<4x8xi32>
  func.return
}

// -----
// Fused quantisers.
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<4xbf16>) {
  // expected-error @below {{weight must be [256], not [4]}}
  %q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xi32>, %w: tensor<256xbf16>) {
  // expected-error @below {{x must hold floating point, not i32}}
  %q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xi32>, tensor<256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{weight_in must be one of input, f32, not 'bf16'}}
  %q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "bf16" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{eps must not be negative}}
  %q = scaled.rms_norm %x, %w eps -1.0 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{intermediate must be floating point, not i32}}
  %q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "input" intermediate i32 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{q must be [4, 256], not [2, 256]}}
  %q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<256xbf16> -> !scaled.tensor<tensor<2x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
// A fused quantiser keeps the contract of powers of two.
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{the quantiser must say round_scale "pow2", not "none"}}
  %q = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>
  func.return
}

// -----
func.func @f(%x: tensor<4x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @below {{y must have x's type tensor<4x256xbf16>, not tensor<4x256xf32>}}
  %q, %y = scaled.rms_norm %x, %w eps 1.0e-6 weight_in "input" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>, tensor<4x256xf32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xi32>, %u: tensor<4x256xbf16>) {
  // expected-error @below {{gate must hold floating point, not i32}}
  %q = scaled.swiglu %g, %u intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xi32>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xf32>) {
  // expected-error @below {{gate tensor<4x256xbf16> and up tensor<4x256xf32> must have one type}}
  %q = scaled.swiglu %g, %u intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xf32> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>) {
  // expected-error @below {{intermediate must be one of input, f32, not 'bf16'}}
  %q = scaled.swiglu %g, %u intermediate "bf16" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>) {
  // expected-error @below {{rounded_to must be floating point, not f8E4M3FN}}
  %q = scaled.swiglu %g, %u intermediate "input" rounded_to f8E4M3FN quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>) {
  // expected-error @below {{q must be [4, 256], not [256, 4]}}
  %q = scaled.swiglu %g, %u intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<256x4xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>) {
  // expected-error @below {{the quantiser must say round_scale "pow2", not "none"}}
  %q = scaled.swiglu %g, %u intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f8E8M0FNU>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>) {
  // expected-error @below {{a static scale is one number for the whole tensor; granule 1x128 has many}}
  %q = scaled.swiglu %g, %u intermediate "input" rounded_to bf16 quantizer <apply "divide", round_scale "none", static 0.5> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{the view is !scaled.tensor<tensor<4x2x128xf8E4M3FN>, 1x1x128, f32>, not}}
  %r = scaled.reshape %q : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x2x128xf8E4M3FN>, 1x2x64, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x192xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{blocks of scales do not survive: }}
  %r = scaled.reshape %q : !scaled.tensor<tensor<4x192xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x2x96xf8E4M3FN>, 1x1x96, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{there is no dim 2 of 2}}
  %r = scaled.slice %q dim 2 start 0 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x128xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{there is no dim -1 of 2}}
  %r = scaled.slice %q dim -1 start 0 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x128xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{a slice keeps the rank 2}}
  %r = scaled.slice %q dim 1 start 0 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<128xf8E4M3FN>, 128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{elements 256 .. 256 + 128 are not inside 256}}
  %r = scaled.slice %q dim 1 start 256 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x128xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{elements -128 .. -128 + 128 are not inside 256}}
  %r = scaled.slice %q dim 1 start -128 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x128xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{blocks of scales do not survive: a part starts at 64, inside a block of 128 along dim 1}}
  %r = scaled.slice %q dim 1 start 64 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x128xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%q: !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>) {
  // expected-error @below {{the view is}}
  %r = scaled.slice %q dim 1 start 0 : !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32> -> !scaled.tensor<tensor<4x128xf8E4M3FN>, 1x64, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>, %e: tensor<3xi32>) {
  // expected-error @below {{expert_of must be [4], not [3]}}
  %q = scaled.swiglu %g, %u by %e : tensor<3xi32>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 1x128, f32>
  func.return
}

// -----
func.func @f(%g: tensor<4x256xbf16>, %u: tensor<4x256xbf16>, %e: tensor<4xi32>) {
  // expected-error @below {{rows with experts need scales of their own, not granule 128x128}}
  %q = scaled.swiglu %g, %u by %e : tensor<4xi32>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<4x256xbf16>, tensor<4x256xbf16> -> !scaled.tensor<tensor<4x256xf8E4M3FN>, 128x128, f32>
  func.return
}
