// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

func.func @append_choice(%w: tensor<f32>, %ids: tensor<i64>) {
  // expected-error @below {{ids need a last dim of choices}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<f32>, tensor<i64> -> tensor<5x5xf32>, tensor<5x5xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x3xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{weights must be [5, 4], not [5, 3]}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x3xf32>, tensor<5x4xi64> -> tensor<5x5xf32>, tensor<5x5xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xi32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{weights must hold floating point, not i32}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x4xi32>, tensor<5x4xi64> -> tensor<5x5xi32>, tensor<5x5xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xf32>, %ids: tensor<5x4xi32>) {
  // expected-error @below {{ids must hold i64, not i32}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x4xf32>, tensor<5x4xi32> -> tensor<5x5xf32>, tensor<5x5xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{first must be behind some expert, not 0}}
  %all_w, %all = moe.append_choice %w, %ids first 0 count 1 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x5xf32>, tensor<5x5xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{count must be at least one choice, not 0}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 0 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{all weights must be tensor<5x6xf32>, not tensor<5x5xf32>}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 2 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x5xf32>, tensor<5x6xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{all weights must be tensor<5x5xf32>, not tensor<5x5xbf16>}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x5xbf16>, tensor<5x5xi64>
  func.return
}

// -----
func.func @append_choice(%w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // expected-error @below {{all ids must be tensor<5x5xi64>, not tensor<5x6xi64>}}
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x5xf32>, tensor<5x6xi64>
  func.return
}
