// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @B min 1 max 16
dsv3c.symbol @S min 1 max 128

// CHECK-LABEL: @tokens
func.func @tokens(%w: tensor<5x4xf32>, %ids: tensor<5x4xi64>) {
  // CHECK-NEXT: %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x5xf32>, tensor<5x5xi64>
  %all_w, %all = moe.append_choice %w, %ids first 16 count 1 : tensor<5x4xf32>, tensor<5x4xi64> -> tensor<5x5xf32>, tensor<5x5xi64>
  func.return
}

// CHECK-LABEL: @sequences
func.func @sequences(%w: tensor<?x?x4xbf16, ["B", "S"]>, %ids: tensor<?x?x4xi64, ["B", "S"]>) {
  // CHECK-NEXT: %all_w, %all = moe.append_choice %w, %ids first 8 count 2 : tensor<?x?x4xbf16, ["B", "S"]>, tensor<?x?x4xi64, ["B", "S"]> -> tensor<?x?x6xbf16, ["B", "S"]>, tensor<?x?x6xi64, ["B", "S"]>
  %all_w, %all = moe.append_choice %w, %ids first 8 count 2 : tensor<?x?x4xbf16, ["B", "S"]>, tensor<?x?x4xi64, ["B", "S"]> -> tensor<?x?x6xbf16, ["B", "S"]>, tensor<?x?x6xi64, ["B", "S"]>
  func.return
}
