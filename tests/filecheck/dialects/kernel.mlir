// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @T min 1 max 4096

// CHECK-LABEL: @calls
func.func @calls(%x: tensor<?x4xbf16, ["T"]>, %w: tensor<4xbf16>) -> tensor<?x4xbf16, ["T"]> {
  // CHECK-NEXT: %y = kernel.call "rms_norm.rms_norm" reads ["x", "weight"] %x, %w writes ["y"] configs [#kernel.literals<up_to 64, num_warps 4, num_stages 1>, #kernel.literals<num_warps 8, num_stages 1>] parameters <eps 1.0e-06, weight_in "f32", keep true, granule [1, [128]], bias none> scratch <partial ["f32", "4*T", 4]> offsets <y 0, partial 32768> : tensor<?x4xbf16, ["T"]>, tensor<4xbf16> -> tensor<?x4xbf16, ["T"]> {
  // CHECK-NEXT: ^{{.*}}(%x_1: tensor<?x4xbf16, ["T"]>, %w_1: tensor<4xbf16>):
  %y = kernel.call "rms_norm.rms_norm" reads ["x", "weight"] %x, %w writes ["y"] configs [#kernel.literals<up_to 64, num_warps 4, num_stages 1>, #kernel.literals<num_warps 8, num_stages 1>] parameters <eps 1.0e-6, weight_in "f32", keep true, granule [1, [128]], bias none> scratch <partial ["f32", "4*T", 4]> offsets <y 0, partial 32768> : tensor<?x4xbf16, ["T"]>, tensor<4xbf16> -> tensor<?x4xbf16, ["T"]> {
  ^bb0(%x_1: tensor<?x4xbf16, ["T"]>, %w_1: tensor<4xbf16>):
    // CHECK-NEXT: %z = nn.rms_norm
    %z = nn.rms_norm %x_1, %w_1 eps 1.0e-6 weight_in "f32" : tensor<?x4xbf16, ["T"]>, tensor<4xbf16>
    // CHECK-NEXT: kernel.yield %z
    kernel.yield %z : tensor<?x4xbf16, ["T"]>
  }
  // Without parameters, in the memory of an operand.
  // CHECK: %v = kernel.call "elementwise.negate" reads ["x"] %y writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> in_place <y "x"> : tensor<?x4xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]> {
  %v = kernel.call "elementwise.negate" reads ["x"] %y writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> in_place <y "x"> : tensor<?x4xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]> {
  ^bb0(%y_1: tensor<?x4xbf16, ["T"]>):
    %u = aten.neg(%y_1) : tensor<?x4xbf16, ["T"]>
    kernel.yield %u : tensor<?x4xbf16, ["T"]>
  }
  func.return %v : tensor<?x4xbf16, ["T"]>
}

// A vendor's library, marked as what it is.
// CHECK-LABEL: @extern
func.func @extern(%x: tensor<?x4xbf16, ["T"]>, %w: tensor<8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  // CHECK-NEXT: %y = kernel.extern "cublaslt" function "linear" from "torch.nn.functional" of "NVIDIA cuBLASLt, through PyTorch" launcher "extern.cublaslt_linear" reads ["x", "weight"] %x, %w writes ["y"] parameters <none> scratch <scales ["f32", "T"]> offsets <y 0, scales 65536> : tensor<?x4xbf16, ["T"]>, tensor<8x4xbf16> -> tensor<?x8xbf16, ["T"]> {
  // CHECK-NEXT: ^{{.*}}(%x_1: tensor<?x4xbf16, ["T"]>, %w_1: tensor<8x4xbf16>):
  %y = kernel.extern "cublaslt" function "linear" from "torch.nn.functional" of "NVIDIA cuBLASLt, through PyTorch" launcher "extern.cublaslt_linear" reads ["x", "weight"] %x, %w writes ["y"] parameters <none> scratch <scales ["f32", "T"]> offsets <y 0, scales 65536> : tensor<?x4xbf16, ["T"]>, tensor<8x4xbf16> -> tensor<?x8xbf16, ["T"]> {
  ^bb0(%x_1: tensor<?x4xbf16, ["T"]>, %w_1: tensor<8x4xbf16>):
    // CHECK-NEXT: %z = nn.linear
    %z = nn.linear %x_1, %w_1 : tensor<?x4xbf16, ["T"]>, tensor<8x4xbf16> -> tensor<?x8xbf16, ["T"]>
    // CHECK-NEXT: kernel.yield %z
    kernel.yield %z : tensor<?x8xbf16, ["T"]>
  }
  func.return %y : tensor<?x8xbf16, ["T"]>
}
