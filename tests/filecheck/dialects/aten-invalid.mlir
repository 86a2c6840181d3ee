// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{property 'exponent' expected}}
  %y = aten.pow.Tensor_Scalar(%x) : tensor<4xf32>
  func.return
}

// -----
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{"first" should be of base attribute integer}}
  %y = aten.cat([%x, %x], dim = "first") : tensor<8xf32>
  func.return
}

// -----
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{aten.mul.Tensor has no argument scale}}
  %y = aten.mul.Tensor(%x, %x, scale = 2) : tensor<4xf32>
  func.return
}

// -----
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{%z is used before its definition}}
  %y = aten.mul.Tensor(%x, %z) : tensor<4xf32>
  %z = aten.mul.Tensor(%x, %x) : tensor<4xf32>
  func.return
}

// -----
func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{aten.no_such_operator.default is not registered}}
  %y = aten.no_such_operator.default(%x) : tensor<4xf32>
  func.return
}
