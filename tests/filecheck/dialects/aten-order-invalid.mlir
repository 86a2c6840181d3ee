// RUN: not dsv3c opt %s 2>&1 | filecheck %s

// CHECK: %z is used before its definition
func.func @f(%x: tensor<4xf32>) {
  %y = aten.mul.Tensor(%x, %z) : tensor<4xf32>
  %z = aten.mul.Tensor(%x, %x) : tensor<4xf32>
  func.return
}
