// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @B min 1 max 16
dsv3c.symbol @S min 1 max 128
dsv3c.symbol @T min 1 max 4096

// CHECK-LABEL: @contiguous
func.func @contiguous(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %gate_up: tensor<16x12x8xbf16>, %down: tensor<16x8x6xf32>) {
  // CHECK-NEXT: %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 128 : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["4*T + 2032"]>, tensor<?xi32, ["4*T + 2032"]>, tensor<?xi32, ["4*T + 2032"]>
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 128 : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["4*T + 2032"]>, tensor<?xi32, ["4*T + 2032"]>, tensor<?xi32, ["4*T + 2032"]>
  // CHECK-NEXT: %hidden = moe.grouped_mm %rows, %gate_up by %expert_of : tensor<?x8xbf16, ["4*T + 2032"]>, tensor<16x12x8xbf16>, tensor<?xi32, ["4*T + 2032"]> -> tensor<?x12xbf16, ["4*T + 2032"]>
  %hidden = moe.grouped_mm %rows, %gate_up by %expert_of : tensor<?x8xbf16, ["4*T + 2032"]>, tensor<16x12x8xbf16>, tensor<?xi32, ["4*T + 2032"]> -> tensor<?x12xbf16, ["4*T + 2032"]>
  // The result's type is its own.
  // CHECK-NEXT: %y = moe.grouped_mm %rows, %gate_up by %expert_of : tensor<?x8xbf16, ["4*T + 2032"]>, tensor<16x12x8xbf16>, tensor<?xi32, ["4*T + 2032"]> -> tensor<?x12xf32, ["4*T + 2032"]>
  %y = moe.grouped_mm %rows, %gate_up by %expert_of : tensor<?x8xbf16, ["4*T + 2032"]>, tensor<16x12x8xbf16>, tensor<?xi32, ["4*T + 2032"]> -> tensor<?x12xf32, ["4*T + 2032"]>
  // CHECK-NEXT: %out = moe.unpermute %rows at %slots weights %w ids %ids combine_in bf16 order "expert" : tensor<?x8xbf16, ["4*T + 2032"]>, tensor<?xi32, ["4*T + 2032"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["T"]>
  %out = moe.unpermute %rows at %slots weights %w ids %ids combine_in bf16 order "expert" : tensor<?x8xbf16, ["4*T + 2032"]>, tensor<?xi32, ["4*T + 2032"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["T"]>
  func.return
}

// CHECK-LABEL: @masked
func.func @masked(%x: tensor<?x8xbf16, ["T"]>, %ids: tensor<?x4xi64, ["T"]>) {
  // CHECK-NEXT: %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "masked" alignment 1 : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["16*T"]>, tensor<?xi32, ["16*T"]>, tensor<?xi32, ["16*T"]>
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "masked" alignment 1 : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["16*T"]>, tensor<?xi32, ["16*T"]>, tensor<?xi32, ["16*T"]>
  // A capacity of 256 rows.
  // CHECK-NEXT: %bounded, %s, %e = moe.permute %x by %ids experts 16 layout "masked" alignment 1 : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<4096x8xbf16>, tensor<4096xi32>, tensor<4096xi32>
  %bounded, %s, %e = moe.permute %x by %ids experts 16 layout "masked" alignment 1 : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<4096x8xbf16>, tensor<4096xi32>, tensor<4096xi32>
  func.return
}

// CHECK-LABEL: @padding_is_skipped
func.func @padding_is_skipped(%x: tensor<?x8xbf16, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %w: tensor<16x12x8xbf16>) {
  // CHECK-NEXT: %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "masked" alignment 1 skips_padding : tensor<?x8xbf16, ["T"]>
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "masked" alignment 1 skips_padding : tensor<?x8xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x8xbf16, ["16*T"]>, tensor<?xi32, ["16*T"]>, tensor<?xi32, ["16*T"]>
  // CHECK-NEXT: %y = moe.grouped_mm %rows, %w by %expert_of skips_padding : tensor<?x8xbf16, ["16*T"]>
  %y = moe.grouped_mm %rows, %w by %expert_of skips_padding : tensor<?x8xbf16, ["16*T"]>, tensor<16x12x8xbf16>, tensor<?xi32, ["16*T"]> -> tensor<?x12xbf16, ["16*T"]>
  func.return
}

// CHECK-LABEL: @dense_of_sequences
func.func @dense_of_sequences(%x: tensor<?x?x8xf32, ["B", "S"]>, %w: tensor<?x?x2xf32, ["B", "S"]>, %ids: tensor<?x?x2xi64, ["B", "S"]>) {
  // CHECK-NEXT: %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "dense" alignment 1 : tensor<?x?x8xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]> -> tensor<?x8xf32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "dense" alignment 1 : tensor<?x?x8xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]> -> tensor<?x8xf32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>
  // CHECK-NEXT: %out = moe.unpermute %rows at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<?x8xf32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>, tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]> -> tensor<?x?x8xf32, ["B", "S"]>
  %out = moe.unpermute %rows at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<?x8xf32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>, tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]> -> tensor<?x?x8xf32, ["B", "S"]>
  func.return
}

// CHECK-LABEL: @scaled
func.func @scaled(%x: !scaled.tensor<tensor<?x?x512xf8E4M3FN, ["B", "S"]>, 1x1x128, f32>, %ids: tensor<?x?x2xi64, ["B", "S"]>) {
  // CHECK-NEXT: %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "dense" alignment 1 : !scaled.tensor<tensor<?x?x512xf8E4M3FN, ["B", "S"]>, 1x1x128, f32>, tensor<?x?x2xi64, ["B", "S"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["4*B*S"]>, 1x128, f32>, tensor<?xi32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "dense" alignment 1 : !scaled.tensor<tensor<?x?x512xf8E4M3FN, ["B", "S"]>, 1x1x128, f32>, tensor<?x?x2xi64, ["B", "S"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["4*B*S"]>, 1x128, f32>, tensor<?xi32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>
  func.return
}
