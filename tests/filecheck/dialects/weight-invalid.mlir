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

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    // expected-error @below {{a group and a placement go together}}
    %w = weight.stored_each "e.{}" count 5 group "ep" : tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    // expected-error @below {{a group and a placement go together}}
    %w = weight.stored_each "e.{}" count 5 placement <0:5, 1> : tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<4x64x32xbf16> {
    // expected-error @below {{tensor<4x64x32xbf16> does not hold one rank's share of 6 physical experts}}
    %w = weight.stored_each "e.{}" count 5 group "ep" placement <0:5, 1> : tensor<4x64x32xbf16>
    weight.yield %w : tensor<4x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<0x64x32xbf16> {
    // expected-error @below {{tensor<0x64x32xbf16> does not hold one rank's share of 6 physical experts}}
    %w = weight.stored_each "e.{}" count 5 group "ep" placement <0:5, 1> : tensor<0x64x32xbf16>
    weight.yield %w : tensor<0x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    // expected-error @below {{the placement names expert 5 of 5}}
    %w = weight.stored_each "e.{}" count 5 group "ep" placement <0:6> : tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    // expected-error @below {{weight.stored_each: there is no group @ep}}
    %w = weight.stored_each "e.{}" count 5 group "ep" placement <0:5, 1> : tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 2 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    // expected-error @below {{weight.stored_each places experts on 2 ranks, @ep has 4}}
    %w = weight.stored_each "e.{}" count 5 group "ep" placement <0:5, 1> : tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %all = weight.param "e" : tensor<5x64x32xbf16>
  // expected-error @below {{weight.shard outside of a recipe}}
  %w = weight.shard %all group "ep" placement <0:5, 1> : tensor<5x64x32xbf16> -> tensor<3x64x32xbf16>
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<bf16> {
    %all = weight.stored "e" : tensor<bf16>
    // expected-error @below {{weight.shard deals out the first size of a tensor, not tensor<bf16>}}
    %w = weight.shard %all group "ep" placement <0:5, 1> : tensor<bf16> -> tensor<bf16>
    weight.yield %w : tensor<bf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
dsv3c.symbol @T min 0
func.func @f() {
  %p = weight.param "p" : tensor<3x4xbf16> {
    %all = weight.stored "e" : tensor<?x4xbf16, ["T"]>
    // expected-error @below {{weight.shard deals out the first size of a tensor, not tensor<?x4xbf16, ["T"]>}}
    %w = weight.shard %all group "ep" placement <0:5, 1> : tensor<?x4xbf16, ["T"]> -> tensor<3x4xbf16>
    weight.yield %w : tensor<3x4xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<4x64x32xbf16> {
    %all = weight.stored "e" : tensor<5x64x32xbf16>
    // expected-error @below {{tensor<4x64x32xbf16> does not hold one rank's share of 6 physical experts}}
    %w = weight.shard %all group "ep" placement <0:5, 1> : tensor<5x64x32xbf16> -> tensor<4x64x32xbf16>
    weight.yield %w : tensor<4x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    %all = weight.stored "e" : tensor<5x64x32xbf16>
    // expected-error @below {{the placement names expert 7 of 5}}
    %w = weight.shard %all group "ep" placement <0:5, 7> : tensor<5x64x32xbf16> -> tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : tensor<3x64x16xbf16> {
    %all = weight.stored "e" : tensor<5x64x32xbf16>
    // expected-error @below {{the shard must have type tensor<3x64x32xbf16>, not tensor<3x64x16xbf16>}}
    %w = weight.shard %all group "ep" placement <0:5, 1> : tensor<5x64x32xbf16> -> tensor<3x64x16xbf16>
    weight.yield %w : tensor<3x64x16xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 1
func.func @f() {
  %p = weight.param "p" : tensor<3x64x32xbf16> {
    %all = weight.stored "e" : tensor<5x64x32xbf16>
    // expected-error @below {{weight.shard places experts on 2 ranks, @ep has 1}}
    %w = weight.shard %all group "ep" placement <0:5, 1> : tensor<5x64x32xbf16> -> tensor<3x64x32xbf16>
    weight.yield %w : tensor<3x64x32xbf16>
  }
  func.return
}

// -----
comm.mesh @ep nodes 1 gpus 2
func.func @f() {
  %p = weight.param "p" : !scaled.tensor<tensor<2x64xf8E4M3FN>, 2x32, f32> {
    %d = weight.stored "d" : tensor<6x64xf8E4M3FN>
    %s = weight.stored "s" : tensor<3x2xf32>
    %all = scaled.assemble %d, %s : tensor<6x64xf8E4M3FN>, tensor<3x2xf32> -> !scaled.tensor<tensor<6x64xf8E4M3FN>, 2x32, f32>
    // expected-error @below {{a scale must not reach over experts}}
    %w = weight.shard %all group "ep" placement <0:6> : !scaled.tensor<tensor<6x64xf8E4M3FN>, 2x32, f32> -> !scaled.tensor<tensor<2x64xf8E4M3FN>, 2x32, f32>
    weight.yield %w : !scaled.tensor<tensor<2x64xf8E4M3FN>, 2x32, f32>
  }
  func.return
}
