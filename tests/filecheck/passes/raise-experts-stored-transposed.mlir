// RUN: dsv3c opt %s -p raise-experts --split-input-file | filecheck %s

// Matrices stored as [experts, inputs, outputs] are transposed by a recipe; those stored as [experts, outputs, inputs]
// stay as they are.

// CHECK-LABEL: func.func @stored_transposed(
// CHECK: %down = weight.param "down" : tensor<6x10x4xbf16>
// CHECK-NOT: weight.param "down
// CHECK: %[[GATE_UP:gate_up[^ ]*]] = weight.param "gate_up:transposed" : tensor<6x8x10xbf16> {
// CHECK-NEXT: %[[STORED:.*]] = weight.stored "gate_up" : tensor<6x10x8xbf16>
// CHECK-NEXT: %[[TURNED:.*]] = aten.permute(%[[STORED]], dims = [0, 2, 1]) : tensor<6x8x10xbf16>
// CHECK-NEXT: weight.yield %[[TURNED]]
// CHECK-NEXT: }
// CHECK-NEXT: moe.experts %{{[^ ]+}}, %{{[^ ]+}}, %{{[^ ]+}} gate %[[GATE_UP]] down %down
// CHECK-SAME: tensor<6x8x10xbf16>, tensor<6x10x4xbf16>
builtin.module {
  dsv3c.symbol @T min 1
  func.func @stored_transposed(%x: tensor<?x10xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x10xbf16, ["T"]> {
    %gate_up = weight.param "gate_up" : tensor<6x10x8xbf16>
    %down = weight.param "down" : tensor<6x10x4xbf16>
    %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
    %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
    %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
    %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
    %rows = aten.index.Tensor(%x, [%t]) : tensor<?x10xbf16, ["2*T"]>
    %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
    %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
    %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
    %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
    %a1 = aten._grouped_mm(%rows, %gate_up, offs = %o) : tensor<?x8xbf16, ["2*T"]>
    %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
    %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
    %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
    %dt = aten.transpose.int(%down, dim0 = 1, dim1 = 2) : tensor<6x4x10xbf16>
    %y = aten._grouped_mm(%a, %dt, offs = %o) : tensor<?x10xbf16, ["2*T"]>
    %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
    %yw = aten.mul.Tensor(%y, %wc) : tensor<?x10xf32, ["2*T"]>
    %back = aten.argsort(%p) : tensor<?xi64, ["2*T"]>
    %us = aten.index.Tensor(%yw, [%back]) : tensor<?x10xf32, ["2*T"]>
    %v = aten.view(%us) : tensor<?x2x10xf32, ["T"]>
    %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x10xf32, ["T"]>
    %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x10xbf16, ["T"]>
    func.return %r : tensor<?x10xbf16, ["T"]>
  }
}

// -----

// CHECK-LABEL: func.func @all_stored_transposed(
// CHECK: %[[GATE:gate[^ ]*]] = weight.param "gate:transposed" : tensor<6x4x10xbf16>
// CHECK: %[[UP:up[^ ]*]] = weight.param "up:transposed" : tensor<6x4x10xbf16>
// CHECK: %[[DOWN:down[^ ]*]] = weight.param "down:transposed" : tensor<6x10x4xbf16>
// CHECK: moe.experts %{{[^ ]+}}, %{{[^ ]+}}, %{{[^ ]+}} gate %[[GATE]] up %[[UP]] : tensor<6x4x10xbf16> down %[[DOWN]]
// CHECK-SAME: tensor<6x4x10xbf16>, tensor<6x10x4xbf16>
builtin.module {
  dsv3c.symbol @T min 1
  func.func @all_stored_transposed(%x: tensor<?x10xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x10xbf16, ["T"]> {
    %gate = weight.param "gate" : tensor<6x10x4xbf16>
    %up = weight.param "up" : tensor<6x10x4xbf16>
    %down = weight.param "down" : tensor<6x4x10xbf16>
    %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
    %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
    %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
    %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
    %rows = aten.index.Tensor(%x, [%t]) : tensor<?x10xbf16, ["2*T"]>
    %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
    %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
    %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
    %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
    %g = aten._grouped_mm(%rows, %gate, offs = %o) : tensor<?x4xbf16, ["2*T"]>
    %u = aten._grouped_mm(%rows, %up, offs = %o) : tensor<?x4xbf16, ["2*T"]>
    %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
    %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
    %y = aten._grouped_mm(%a, %down, offs = %o) : tensor<?x10xbf16, ["2*T"]>
    %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
    %yw = aten.mul.Tensor(%y, %wc) : tensor<?x10xf32, ["2*T"]>
    %back = aten.argsort(%p) : tensor<?xi64, ["2*T"]>
    %us = aten.index.Tensor(%yw, [%back]) : tensor<?x10xf32, ["2*T"]>
    %v = aten.view(%us) : tensor<?x2x10xf32, ["T"]>
    %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x10xf32, ["T"]>
    %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x10xbf16, ["T"]>
    func.return %r : tensor<?x10xbf16, ["T"]>
  }
}
