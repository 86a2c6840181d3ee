// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @T min 1 max 4096

// CHECK-LABEL: @gates
func.func @gates(%logits: tensor<?x16xf32, ["T"]>, %bias: tensor<16xf32>) {
  // CHECK-NEXT: %w, %ids = moe.gate %logits bias %bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 : tensor<?x16xf32, ["T"]> -> tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  %w, %ids = moe.gate %logits bias %bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.0e-20 scale 2.5 : tensor<?x16xf32, ["T"]> -> tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  // CHECK-NEXT: %v, %top = moe.gate %logits top_k 6 scoring "softmax" groups 1 keep 1 group_score "max" mask "zero" scale 1.000000e+00 : tensor<?x16xf32, ["T"]> -> tensor<?x6xbf16, ["T"]>, tensor<?x6xi64, ["T"]>
  %v, %top = moe.gate %logits top_k 6 scoring "softmax" groups 1 keep 1 group_score "max" mask "zero" scale 1.0 : tensor<?x16xf32, ["T"]> -> tensor<?x6xbf16, ["T"]>, tensor<?x6xi64, ["T"]>
  // A divisor of exactly the sum is not the same as none.
  // CHECK-NEXT: %u, %best = moe.gate %logits top_k 1 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" renormalize 0.000000e+00 scale 1.000000e+00
  %u, %best = moe.gate %logits top_k 1 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" renormalize 0.0 scale 1.0 : tensor<?x16xf32, ["T"]> -> tensor<?x1xf32, ["T"]>, tensor<?x1xi64, ["T"]>
  // CHECK-NEXT: %t, %some = moe.gate %logits top_k 2 scoring "softmax" groups 4 keep 2 group_score "max" mask "zero" scale 1.600000e+01 scores_in bf16 masked_weights any_order : tensor<?x16xf32, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
  %t, %some = moe.gate %logits top_k 2 scoring "softmax" groups 4 keep 2 group_score "max" mask "zero" scale 16.0 scores_in bf16 masked_weights any_order : tensor<?x16xf32, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
  func.return
}

// CHECK-LABEL: @experts
func.func @experts(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %gate_up: tensor<16x12x8xbf16>, %gate: tensor<16x6x8xbf16>, %up: tensor<16x6x8xbf16>, %down: tensor<16x8x6xbf16>) {
  // CHECK-NEXT: %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16x12x8xbf16>, tensor<16x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
  %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16x12x8xbf16>, tensor<16x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
  // CHECK-NEXT: %z = moe.experts %x, %w, %ids gate %gate up %up : tensor<16x6x8xbf16> down %down combine_in bf16 order "expert" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16x6x8xbf16>, tensor<16x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
  %z = moe.experts %x, %w, %ids gate %gate up %up : tensor<16x6x8xbf16> down %down combine_in bf16 order "expert" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16x6x8xbf16>, tensor<16x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
  func.return
}
