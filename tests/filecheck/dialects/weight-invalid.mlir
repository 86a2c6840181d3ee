// RUN: dsv3c opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: a parameter needs a name
%w = weight.param "" : tensor<8x4xbf16>

// -----
// CHECK: parameter w has a shape that is not static
dsv3c.symbol @T min 1
%w = weight.param "w" : tensor<?x4xbf16, ["T"]>

// -----
// CHECK: the recipe of w does not end in weight.yield
%w = weight.param "w" : tensor<8x4xbf16> {
  "test.termop"() : () -> ()
}

// -----
// CHECK: the recipe of w yields tensor<4x8xbf16>, not tensor<8x4xbf16>
%w = weight.param "w" : tensor<8x4xbf16> {
  %s = weight.stored "s" : tensor<4x8xbf16>
  weight.yield %s : tensor<4x8xbf16>
}

// -----
// CHECK: weight.stored outside of a recipe
%w = weight.stored "w" : tensor<8x4xbf16>

// -----
// CHECK: weight.stored_each outside of a recipe
%w = weight.stored_each "w.{}" count 8 : tensor<8x4xbf16>

// -----
// CHECK: 'w' needs exactly one {} for the index
%w = weight.param "w" : tensor<8x4xbf16> {
  %s = weight.stored_each "w" count 8 : tensor<8x4xbf16>
  weight.yield %s : tensor<8x4xbf16>
}

// -----
// CHECK: count 4 is not the first size of tensor<8x4xbf16>
%w = weight.param "w" : tensor<8x4xbf16> {
  %s = weight.stored_each "w.{}" count 4 : tensor<8x4xbf16>
  weight.yield %s : tensor<8x4xbf16>
}

// -----
// CHECK: block must be two positive sizes, not [128]
%w = weight.param "w" : tensor<576x384xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<5x3xf32>
  %d = weight.dequantize %q, %s block [128] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<576x384xbf16>
  weight.yield %d : tensor<576x384xbf16>
}

// -----
// CHECK: block must be two positive sizes, not [128, 0]
%w = weight.param "w" : tensor<576x384xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<5x3xf32>
  %d = weight.dequantize %q, %s block [128, 0] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<576x384xbf16>
  weight.yield %d : tensor<576x384xbf16>
}

// -----
// CHECK: result tensor<384x576xbf16> has another shape than tensor<576x384xf8E4M3FN>
%w = weight.param "w" : tensor<384x576xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<5x3xf32>
  %d = weight.dequantize %q, %s block [128, 128] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<384x576xbf16>
  weight.yield %d : tensor<384x576xbf16>
}

// -----
// The last block of rows is partial, and still has a scale.
// CHECK: scale grid [4, 3] of [576, 384] must be [5, 3]: block [128, 128]
%w = weight.param "w" : tensor<576x384xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<4x3xf32>
  %d = weight.dequantize %q, %s block [128, 128] : tensor<576x384xf8E4M3FN>, tensor<4x3xf32> -> tensor<576x384xbf16>
  weight.yield %d : tensor<576x384xbf16>
}

// -----
// CHECK: weight.yield outside of a recipe
func.func @yield_in_a_function(%w: tensor<8x4xbf16>) {
  weight.yield %w : tensor<8x4xbf16>
}

// -----
// CHECK: elements of type tensor<2xf32> in a value of type tensor<3xf32>
%c = "weight.constant"() <{elements = dense<[1.0, 0.5]> : tensor<2xf32>}> : () -> tensor<3xf32>
