// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<6x4xi64>) {
  // expected-error @below {{ids [6, 4] are not for x's tokens [5]}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<6x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi32>) {
  // expected-error @below {{ids must hold i64, not i32}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi32> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{there must be an expert, not 0}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 0 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{layout must be one of contiguous, masked, dense, not 'sorted'}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "sorted" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{alignment must be at least one row, not 0}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 0 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{only groups of the contiguous layout are aligned: alignment must be 1, not 8}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "masked" alignment 8 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{slots must be [M], not [20, 1]}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20x1xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{20 rows are no whole number for each of 16 experts}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "masked" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
// T*k + E*(alignment - 1)
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{slots must be [36], not [20]}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 2 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
// E*T
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{slots must be [80], not [20]}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "dense" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{expert_of must be [20], not [19]}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<19xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{slots must hold i32, not i64}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi64>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{expert_of must hold i32, not i64}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xf32>, tensor<20xi32>, tensor<20xi64>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{rows must be tensor<20x8xf32>, not tensor<20x8xbf16>}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<20x8xbf16>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: tensor<5x8xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{rows must be tensor<20x8xf32>, not tensor<19x8xf32>}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : tensor<5x8xf32>, tensor<5x4xi64> -> tensor<19x8xf32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: !scaled.tensor<tensor<5x256xf8E4M3FN>, 5x128, f32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{rows that share a scale cannot be moved apart}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : !scaled.tensor<tensor<5x256xf8E4M3FN>, 5x128, f32>, tensor<5x4xi64> -> !scaled.tensor<tensor<20x256xf8E4M3FN>, 5x128, f32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: !scaled.tensor<tensor<5x256xf8E4M3FN>, *x128, f32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{rows that share a scale cannot be moved apart}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : !scaled.tensor<tensor<5x256xf8E4M3FN>, *x128, f32>, tensor<5x4xi64> -> !scaled.tensor<tensor<20x256xf8E4M3FN>, *x128, f32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @permute(%x: !scaled.tensor<tensor<5x256xf8E4M3FN>, 1x128, f32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{rows must be !scaled.tensor<tensor<20x256xf8E4M3FN>, 1x128, f32>, not !scaled.tensor<tensor<20x256xf8E4M3FN>, 1x64, f32>}}
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 16 layout "contiguous" alignment 1 : !scaled.tensor<tensor<5x256xf8E4M3FN>, 1x128, f32>, tensor<5x4xi64> -> !scaled.tensor<tensor<20x256xf8E4M3FN>, 1x64, f32>, tensor<20xi32>, tensor<20xi32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xi32>, %w: tensor<3x6x8xf32>, %of: tensor<5xi32>) {
  // expected-error @below {{x must hold floating point, not i32}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xi32>, tensor<3x6x8xf32>, tensor<5xi32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<3x6x8xi32>, %of: tensor<5xi32>) {
  // expected-error @below {{w must hold floating point, not i32}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<3x6x8xi32>, tensor<5xi32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<3x6x8xf32>, %of: tensor<5xi32>) {
  // expected-error @below {{y must hold floating point, not i32}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<3x6x8xf32>, tensor<5xi32> -> tensor<5x6xi32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x1x8xf32>, %w: tensor<3x6x8xf32>, %of: tensor<5xi32>) {
  // expected-error @below {{x must be [M, K], not [5, 1, 8]}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x1x8xf32>, tensor<3x6x8xf32>, tensor<5xi32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<6x8xf32>, %of: tensor<5xi32>) {
  // expected-error @below {{w must be [E, N, K], not [6, 8]}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<6x8xf32>, tensor<5xi32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<3x8x6xf32>, %of: tensor<5xi32>) {
  // expected-error @below {{w [3, 8, 6] does not end in K = 8, the last size of x [5, 8]}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<3x8x6xf32>, tensor<5xi32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<3x6x8xf32>, %of: tensor<4xi32>) {
  // expected-error @below {{expert_of must be [5], not [4]}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<3x6x8xf32>, tensor<4xi32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<3x6x8xf32>, %of: tensor<5xi64>) {
  // expected-error @below {{expert_of must hold i32, not i64}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<3x6x8xf32>, tensor<5xi64> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @grouped_mm(%x: tensor<5x8xf32>, %w: tensor<3x6x8xf32>, %of: tensor<5xi32>) {
  // expected-error @below {{y must be [5, 6], not [5, 8]}}
  %y = moe.grouped_mm %x, %w by %of : tensor<5x8xf32>, tensor<3x6x8xf32>, tensor<5xi32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xi32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{y must hold floating point, not i32}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xi32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x1x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{y must be [M, D], not [20, 1, 8]}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x1x8xf32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<19xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{slots must be [20], not [19]}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xf32>, tensor<19xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi64>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{slots must hold i32, not i64}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xf32>, tensor<20xi64>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x3xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{weights must be [5, 4], not [5, 3]}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xf32>, tensor<20xi32>, tensor<5x3xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi32>) {
  // expected-error @below {{ids must hold i64, not i32}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xf32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{order must be one of slot, expert, not 'rank'}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "rank" : tensor<20x8xf32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{combine_in must be a floating point type, not i32}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in i32 order "slot" : tensor<20x8xf32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{out must be [5, 8], not [5, 6]}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xf32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @unpermute(%y: tensor<20x8xf32>, %slots: tensor<20xi32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{out must hold y's elements f32, not bf16}}
  %out = moe.unpermute %y at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<20x8xf32>, tensor<20xi32>, tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x8xbf16>
  func.return
}
