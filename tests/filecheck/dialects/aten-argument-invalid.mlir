// RUN: not dsv3c opt %s 2>&1 | filecheck %s

// CHECK: aten.mul.Tensor has no argument scale
func.func @f(%x: tensor<4xf32>) {
  %y = aten.mul.Tensor(%x, %x, scale = 2) : tensor<4xf32>
  func.return
}
