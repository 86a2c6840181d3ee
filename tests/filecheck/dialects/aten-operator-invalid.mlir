// RUN: not dsv3c opt %s 2>&1 | filecheck %s

// CHECK: aten.no_such_operator.default
func.func @f(%x: tensor<4xf32>) {
  %y = aten.no_such_operator.default(%x) : tensor<4xf32>
  func.return
}
