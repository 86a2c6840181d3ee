// RUN: dsv3c opt %s --split-input-file --verify-diagnostics | filecheck %s

// CHECK: property 'exponent' expected
func.func @f(%x: tensor<4xf32>) {
  %y = aten.pow.Tensor_Scalar(%x) : tensor<4xf32>
  func.return
}

// -----
// CHECK: "first" should be of base attribute integer
func.func @f(%x: tensor<4xf32>) {
  %y = aten.cat([%x, %x], dim = "first") : tensor<8xf32>
  func.return
}
