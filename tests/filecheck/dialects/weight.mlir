// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

// CHECK-LABEL: @parameters
func.func @parameters() {
  // CHECK-NEXT: %stored = weight.param "self_attn.o_proj.weight" : tensor<8x4xbf16>{{$}}
  %stored = weight.param "self_attn.o_proj.weight" : tensor<8x4xbf16>
  // CHECK-NEXT: %made = weight.param "mlp.gate_up" : tensor<4x16x8xbf16> {
  %made = weight.param "mlp.gate_up" : tensor<4x16x8xbf16> {
    // CHECK-NEXT: %gate = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 4 : tensor<4x8x8xbf16>
    %gate = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 4 : tensor<4x8x8xbf16>
    // CHECK-NEXT: %up = weight.stored "mlp.up" : tensor<4x8x8xbf16>
    %up = weight.stored "mlp.up" : tensor<4x8x8xbf16>
    // CHECK-NEXT: %both = aten.cat([%gate, %up], dim = 1) : tensor<4x16x8xbf16>
    %both = aten.cat([%gate, %up], dim = 1) : tensor<4x16x8xbf16>
    // CHECK-NEXT: weight.yield %both : tensor<4x16x8xbf16>
    weight.yield %both : tensor<4x16x8xbf16>
  }
  func.return
}

// -----
// 576 rows are four and a half blocks of 128.
// CHECK-LABEL: @quantized
func.func @quantized() {
  %kv_a = weight.param "self_attn.kv_a.weight" : tensor<576x384xbf16> {
    %q = weight.stored "self_attn.kv_a.weight" : tensor<576x384xf8E4M3FN>
    %s = weight.stored "self_attn.kv_a.weight_scale_inv" : tensor<5x3xf32>
    // CHECK: %w = weight.dequantize %q, %s block [128 : i64, 128 : i64] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<576x384xbf16>
    %w = weight.dequantize %q, %s block [128, 128] : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> tensor<576x384xbf16>
    weight.yield %w : tensor<576x384xbf16>
  }
  func.return
}

// -----
// A parameter may be data with its scales.
// CHECK-LABEL: @scaled
func.func @scaled() {
  // CHECK-NEXT: %w = weight.param "self_attn.kv_a.weight" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
  %w = weight.param "self_attn.kv_a.weight" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
    %d = weight.stored "self_attn.kv_a.weight" : tensor<576x384xf8E4M3FN>
    %s = weight.stored "self_attn.kv_a.weight_scale_inv" : tensor<5x3xf32>
    %q = scaled.assemble %d, %s : tensor<576x384xf8E4M3FN>, tensor<5x3xf32> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    // CHECK: weight.yield %q : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    weight.yield %q : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
  }
  func.return
}

// -----
// CHECK-LABEL: @constants
func.func @constants() {
  // CHECK-NEXT: %frequencies = weight.constant dense<[1.000000e+00, 5.000000e-01]> : tensor<2xf32>
  %frequencies = weight.constant dense<[1.0, 0.5]> : tensor<2xf32>
  // CHECK-NEXT: %scalar = weight.constant dense<3> : tensor<i64> attributes {note = "lifted"}
  %scalar = weight.constant dense<3> : tensor<i64> attributes {note = "lifted"}
  func.return
}

// -----
// Physical experts 0..4 and a second expert 1 on two ranks.
comm.mesh @ep nodes 1 gpus 2
// CHECK-LABEL: @sharded
func.func @sharded() {
  %up = weight.param "mlp.experts.up" : tensor<3x64x32xbf16> {
    // CHECK: %each = weight.stored_each "mlp.experts.{}.up_proj.weight" count 5 group "ep" placement <0:5, 1> : tensor<3x64x32xbf16>
    %each = weight.stored_each "mlp.experts.{}.up_proj.weight" count 5 group "ep" placement <0:5, 1> : tensor<3x64x32xbf16>
    weight.yield %each : tensor<3x64x32xbf16>
  }
  %down = weight.param "mlp.experts.down" : tensor<3x32x64xbf16> {
    %all = weight.stored "mlp.experts.down" : tensor<5x32x64xbf16>
    // CHECK: %own = weight.shard %all group "ep" placement <0:5, 1> : tensor<5x32x64xbf16> -> tensor<3x32x64xbf16>
    %own = weight.shard %all group "ep" placement <0:5, 1> : tensor<5x32x64xbf16> -> tensor<3x32x64xbf16>
    weight.yield %own : tensor<3x32x64xbf16>
  }
  %scaled = weight.param "mlp.experts.down8" : !scaled.tensor<tensor<3x32x64xf8E4M3FN>, 1x32x32, f32> {
    %d = weight.stored "mlp.experts.down8" : tensor<5x32x64xf8E4M3FN>
    %s = weight.stored "mlp.experts.down8_scale_inv" : tensor<5x1x2xf32>
    %q = scaled.assemble %d, %s : tensor<5x32x64xf8E4M3FN>, tensor<5x1x2xf32> -> !scaled.tensor<tensor<5x32x64xf8E4M3FN>, 1x32x32, f32>
    // CHECK: %own8 = weight.shard %q group "ep" placement <0:5, 1> : !scaled.tensor<tensor<5x32x64xf8E4M3FN>, 1x32x32, f32> -> !scaled.tensor<tensor<3x32x64xf8E4M3FN>, 1x32x32, f32>
    %own8 = weight.shard %q group "ep" placement <0:5, 1> : !scaled.tensor<tensor<5x32x64xf8E4M3FN>, 1x32x32, f32> -> !scaled.tensor<tensor<3x32x64xf8E4M3FN>, 1x32x32, f32>
    weight.yield %own8 : !scaled.tensor<tensor<3x32x64xf8E4M3FN>, 1x32x32, f32>
  }
  func.return
}
