// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

func.func @fused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{arguments of the body must be tensor<4xf32>, not tensor<5xf32>}}
  %y = moe.fused %x : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<5xf32>):
    %b = aten.slice.Tensor(%a, dim = 0, end = 4) : tensor<4xf32>
    moe.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @fused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{arguments of the body must be tensor<4xf32>, not none}}
  %y = moe.fused %x : tensor<4xf32> -> tensor<4xf32> {
    %b = aten.ones(size = [4]) : tensor<4xf32>
    moe.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @fused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{yielded values of the body must be tensor<4xf32>, not tensor<2xf32>}}
  %y = moe.fused %x : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.slice.Tensor(%a, dim = 0, end = 2) : tensor<2xf32>
    moe.yield %b : tensor<2xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @fused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{the body of moe.fused does not end in moe.yield}}
  %y = moe.fused %x : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @fused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{the body of moe.fused holds no op}}
  %y = moe.fused %x : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    moe.yield %a : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func private @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  func.return %x : tensor<4xf32>
}
func.func @fused(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{the body of moe.fused calls a function: a kernel cannot}}
  %y = moe.fused %x : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = func.call @other(%a) {prefix = ""} : (tensor<4xf32>) -> tensor<4xf32>
    moe.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @yield(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{moe.yield outside of moe.fused}}
  moe.yield %x : tensor<4xf32>
}
