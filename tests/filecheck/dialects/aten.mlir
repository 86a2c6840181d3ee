// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 1 max 128

// Arguments with their default are not written.
// CHECK-LABEL: @arguments
func.func @arguments(%x: tensor<?x?x8xbf16, ["B", "S"]>, %w: tensor<8xbf16>) {
  // CHECK-NEXT: %m = aten.mean.dim(%x, dim = [-1], keepdim = true) : tensor<?x?x1xbf16, ["B", "S"]>
  %m = aten.mean.dim(%x, dim = [-1], keepdim = true) : tensor<?x?x1xbf16, ["B", "S"]>
  // CHECK-NEXT: %a = aten.add.Tensor(%x, %m) : tensor<?x?x8xbf16, ["B", "S"]>
  %a = aten.add.Tensor(%x, %m) : tensor<?x?x8xbf16, ["B", "S"]>
  // CHECK-NEXT: %p = aten.pow.Tensor_Scalar(%a, exponent = 2) : tensor<?x?x8xbf16, ["B", "S"]>
  %p = aten.pow.Tensor_Scalar(%a, exponent = 2) : tensor<?x?x8xbf16, ["B", "S"]>
  // CHECK-NEXT: %f = aten.to.dtype(%p, dtype = f32) : tensor<?x?x8xf32, ["B", "S"]>
  %f = aten.to.dtype(%p, dtype = f32) : tensor<?x?x8xf32, ["B", "S"]>
  // CHECK-NEXT: %s = aten.slice.Tensor(%f, dim = 1, start = 0, end = "S") : tensor<?x?x8xf32, ["B", "S"]>
  %s = aten.slice.Tensor(%f, dim = 1, start = 0, end = "S") : tensor<?x?x8xf32, ["B", "S"]>
  // CHECK-NEXT: %v = aten.view(%s) : tensor<?x8xf32, ["B*S"]>
  %v = aten.view(%s) : tensor<?x8xf32, ["B*S"]>
  // CHECK-NEXT: %l = aten.linear(%x, %w, bias = %w) : tensor<?x?xbf16, ["B", "S"]>
  %l = aten.linear(%x, %w, bias = %w) : tensor<?x?xbf16, ["B", "S"]>
  func.return
}

// CHECK-LABEL: @lists
func.func @lists(%x: tensor<4x8xf32>, %i: tensor<3xi64>) {
  // CHECK-NEXT: %c = aten.cat([%x, %x], dim = 1) : tensor<4x16xf32>
  %c = aten.cat([%x, %x], dim = 1) : tensor<4x16xf32>
  // CHECK-NEXT: %p0, %p1 = aten.split.Tensor(%x, split_size = 4, dim = 1) : tensor<4x4xf32>, tensor<4x4xf32>
  %p0, %p1 = aten.split.Tensor(%x, split_size = 4, dim = 1) : tensor<4x4xf32>, tensor<4x4xf32>
  // CHECK-NEXT: %g = aten.index.Tensor(%x, [none, %i]) : tensor<4x3xf32>
  %g = aten.index.Tensor(%x, [none, %i]) : tensor<4x3xf32>
  // CHECK-NEXT: %values, %indices = aten.topk(%x, k = 2, dim = -1, sorted = false) : tensor<4x2xf32>, tensor<4x2xi64>
  %values, %indices = aten.topk(%x, k = 2, dim = -1, sorted = false) : tensor<4x2xf32>, tensor<4x2xi64>
  func.return
}
