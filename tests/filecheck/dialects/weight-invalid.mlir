// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

// expected-error @below {{a parameter needs a name}}
%w = weight.param "" : tensor<8x4xbf16>

// -----
dsv3c.symbol @T min 1
// expected-error @below {{parameter w has a shape that is not static}}
%w = weight.param "w" : tensor<?x4xbf16, ["T"]>

// -----
// expected-error @below {{the recipe of w does not end in weight.yield}}
%w = weight.param "w" : tensor<8x4xbf16> {
  "test.termop"() : () -> ()
}

// -----
// expected-error @below {{the recipe of w yields tensor<4x8xbf16>, not tensor<8x4xbf16>}}
%w = weight.param "w" : tensor<8x4xbf16> {
  %s = weight.stored "s" : tensor<4x8xbf16>
  weight.yield %s : tensor<4x8xbf16>
}

// -----
// expected-error @below {{weight.stored outside of a recipe}}
%w = weight.stored "w" : tensor<8x4xbf16>

// -----
// expected-error @below {{weight.stored_each outside of a recipe}}
%w = weight.stored_each "w.{}" count 8 : tensor<8x4xbf16>

// -----
%w = weight.param "w" : tensor<8x4xbf16> {
  // expected-error @below {{'w' needs exactly one {} for the index}}
  %s = weight.stored_each "w" count 8 : tensor<8x4xbf16>
  weight.yield %s : tensor<8x4xbf16>
}

// -----
%w = weight.param "w" : tensor<8x4xbf16> {
  // expected-error @below {{count 4 is not the first size of tensor<8x4xbf16>}}
  %s = weight.stored_each "w.{}" count 4 : tensor<8x4xbf16>
  weight.yield %s : tensor<8x4xbf16>
}

// -----
%w = weight.param "w" : tensor<576x384xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<5x3xf32>
  // expected-error @below {{block must be two positive sizes, not [128]}}
  %d = weight.dequantize %q, %s block [128] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<576x384xbf16>
  weight.yield %d : tensor<576x384xbf16>
}

// -----
%w = weight.param "w" : tensor<576x384xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<5x3xf32>
  // expected-error @below {{block must be two positive sizes, not [128, 0]}}
  %d = weight.dequantize %q, %s block [128, 0] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<576x384xbf16>
  weight.yield %d : tensor<576x384xbf16>
}

// -----
%w = weight.param "w" : tensor<384x576xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<5x3xf32>
  // expected-error @below {{result tensor<384x576xbf16> has another shape than tensor<576x384xf8E4M3FN>}}
  %d = weight.dequantize %q, %s block [128, 128] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<384x576xbf16>
  weight.yield %d : tensor<384x576xbf16>
}

// -----
// The last block of rows is partial, and still has a scale.
%w = weight.param "w" : tensor<576x384xbf16> {
  %q = weight.stored "q" : tensor<576x384xf8E4M3FN>
  %s = weight.stored "s" : tensor<4x3xf32>
  // expected-error @below {{scale grid [4, 3] of [576, 384] must be [5, 3]: block [128, 128]}}
  %d = weight.dequantize %q, %s block [128, 128] : tensor<576x384xf8E4M3FN>, tensor<4x3xf32> -> tensor<576x384xbf16>
  weight.yield %d : tensor<576x384xbf16>
}

// -----
// expected-error @below {{w is !scaled.tensor<tensor<4x4xf8E4M3FN>, *x*, f32>, which no stored tensor is: give a recipe}}
%w = weight.param "w" : !scaled.tensor<tensor<4x4xf8E4M3FN>, *x*, f32>

// -----
func.func @yield_in_a_function(%w: tensor<8x4xbf16>) {
  // expected-error @below {{weight.yield outside of a recipe}}
  weight.yield %w : tensor<8x4xbf16>
}

// -----
// expected-error @below {{elements of type tensor<2xf32> in a value of type tensor<3xf32>}}
%c = "weight.constant"() <{elements = dense<[1.0, 0.5]> : tensor<2xf32>}> : () -> tensor<3xf32>
