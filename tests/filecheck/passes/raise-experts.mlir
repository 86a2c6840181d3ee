// RUN: dsv3c opt %s -p raise-experts,dce | filecheck %s
// RUN: dsv3c opt %s -p raise-experts --verify-diagnostics
// RUN: dsv3c opt %s -p raise-experts --stats 2>&1 | filecheck %s --check-prefix=STATS
// STATS: {{^}}raise-experts {{ +}}23 {{ +}}116 {{ +}}0

dsv3c.symbol @T min 1 max 4096
dsv3c.symbol @M min 1 max 4096

// CHECK-LABEL: func.func @hf_grouped_mm(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @hf_grouped_mm(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @hf_fallback_f32(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xf32, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xf32>, tensor<6x8x4xf32> -> tensor<?x8xf32, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @hf_fallback_f32(%x: tensor<?x8xf32, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xf32>, %down: tensor<6x8x4xf32>) -> tensor<?x8xf32, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xf32, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xf32>
  %a1 = transformers.grouped_mm_fallback(%rows, %wt1, %o) : tensor<?x8xf32, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xf32, ["2*T"]>, tensor<?x4xf32, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xf32, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xf32, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xf32>
  %y = transformers.grouped_mm_fallback(%a, %wt2, %o) : tensor<?x8xf32, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  func.return %sum : tensor<?x8xf32, ["T"]>
}

// CHECK-LABEL: func.func @argsort_one_hot(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @argsort_one_hot(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %ip = aten.argsort(%p) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @deepseek_expert_order(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in bf16 order "expert" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @deepseek_expert_order(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @zeros_like_something_else(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in bf16 order "expert" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @zeros_like_something_else(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %other: tensor<1xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%other) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @deepseek_f32(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "expert" intermediate "input" : tensor<?x8xf32, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xf32>, tensor<6x8x4xf32> -> tensor<?x8xf32, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @deepseek_f32(%x: tensor<?x8xf32, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xf32>, %down: tensor<6x8x4xf32>) -> tensor<?x8xf32, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xf32, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xf32>
  %a1 = dsv3c_models.grouped_mm(%rows, %wt1, %o) : tensor<?x8xf32, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xf32, ["2*T"]>, tensor<?x4xf32, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xf32, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xf32, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xf32>
  %y = dsv3c_models.grouped_mm(%a, %wt2, %o) : tensor<?x8xf32, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xf32, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xf32, ["T"]>
  func.return %r : tensor<?x8xf32, ["T"]>
}

// CHECK-LABEL: func.func @index_add_f32(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "expert" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @index_add_f32(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %z = aten.zeros() : tensor<?x8xf32, ["T"]>
  %ia = aten.index_add(%z, dim = 0, %t, %yw) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%ia, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @counts_of_sorted_ids(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @counts_of_sorted_ids(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %si = aten.index.Tensor(%fi, [%p]) : tensor<?xi64, ["2*T"]>
  %fl = aten.to.dtype(%si, dtype = f32) : tensor<?xf32, ["2*T"]>
  %h = aten.histc(%fl, bins = 6, max = 5) : tensor<6xf32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @bincount(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @bincount(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %h = aten.bincount(%fi, minlength = 6) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @one_hot_of_pairs(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @one_hot_of_pairs(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%ids, num_classes = 6) : tensor<?x2x6xi64, ["T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0, -2]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @raised_swiglu(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @raised_swiglu(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %a = nn.swiglu %g, %u intermediate "f32" : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @up_first_in_product(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @up_first_in_product(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%u, %s) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @parameters(
// CHECK-NEXT: %[[G:\w+]] = weight.param "gate_up" :
// CHECK-NEXT: %[[D:\w+]] = weight.param "down" :
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %[[G]] down %[[D]] combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @parameters(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x8xbf16, ["T"]> {
  %gate_up = weight.param "gate_up" : tensor<6x8x8xbf16>
  %down = weight.param "down" : tensor<6x8x4xbf16>
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @separate_gate_and_up(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate up %up : tensor<6x4x8xbf16> down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x4x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @separate_gate_and_up(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x4x8xbf16>, %up: tensor<6x4x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %u = aten._grouped_mm(%rows, %wt3, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// DeepSeek-V2's spelling: back in order first, weighted in f32 then.
// CHECK-LABEL: func.func @weights_after_unsort(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @weights_after_unsort(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%w, dim = -1) : tensor<?x2x1xf32, ["T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%y, [%ip]) : tensor<?x8xbf16, ["2*T"]>
  %v0 = aten.view(%us) : tensor<?x2x8xbf16, ["T"]>
  %v1 = aten.to.dtype(%v0, dtype = f32) : tensor<?x2x8xf32, ["T"]>
  %v = aten.mul.Tensor(%wc, %v1) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [-2]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @put_back(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @put_back(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.new_empty(%y) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index_put(%em, [%p], %yw) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// Ids and weights that were never [T, k] are viewed as such.
// CHECK-LABEL: func.func @flat_operands(
// CHECK: %[[FW:\w+]] = aten.relu(%w)
// CHECK-NEXT: %[[FI:\w+]] = aten.relu(%ids)
// CHECK-NEXT: %[[I:\w+]] = aten.view(%[[FI]]) : tensor<?x2xi64, ["T"]>
// CHECK-NEXT: %[[W:\w+]] = aten.view(%[[FW]]) : tensor<?x2xf32, ["T"]>
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %[[W]], %[[I]] gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @flat_operands(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?xf32, ["2*T"]>, %ids: tensor<?xi64, ["2*T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.relu(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.relu(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @hf_batched_mm(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @hf_batched_mm(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @broadcast_rows(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @broadcast_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %x1 = aten.unsqueeze(%x, dim = 1) : tensor<?x1x8xbf16, ["T"]>
  %xe = aten.expand(%x1) : tensor<?x2x8xbf16, ["T"]>
  %rows = aten.reshape(%xe) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @broadcast_rows_of_a_view(
// CHECK-NEXT: %[[X:\w+]] = aten.view(%xx)
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %[[X]], %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @broadcast_rows_of_a_view(%xx: tensor<1x?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %x0 = aten.view(%xx) : tensor<?x8xbf16, ["T"]>
  %x1 = aten.unsqueeze(%x0, dim = 1) : tensor<?x1x8xbf16, ["T"]>
  %xe = aten.expand(%x1) : tensor<?x2x8xbf16, ["T"]>
  %rows = aten.reshape(%xe) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @broadcast_rows_of_an_op(
// CHECK-NEXT: %[[X:\w+]] = aten.relu(%xx)
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %[[X]], %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @broadcast_rows_of_an_op(%xx: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %x = aten.relu(%xx) : tensor<?x8xbf16, ["T"]>
  %x1 = aten.unsqueeze(%x, dim = 1) : tensor<?x1x8xbf16, ["T"]>
  %xe = aten.expand(%x1) : tensor<?x2x8xbf16, ["T"]>
  %rows = aten.reshape(%xe) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @columns_throughout(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @columns_throughout(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %g, %u = aten.chunk(%b1, chunks = 2, dim = 1) : tensor<?x4x1xbf16, ["2*T"]>, tensor<?x4x1xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4x1xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4x1xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %b2 = aten.bmm(%wg2, %a) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_activation(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_activation(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.gelu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the last product's rows come from aten.mul.Tensor, not from silu(gate) * up}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_no_product(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_no_product(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %a = aten.relu(%g) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the last product's rows come from aten.relu, not from silu(gate) * up}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_part_of_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_part_of_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x2xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a0 = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.slice.Tensor(%a0, dim = 1, end = 2) : tensor<?x2xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x2x8xbf16>
  // expected-remark @below {{the last product reads a part of what the experts compute}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_up_then_gate(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_up_then_gate(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %u, %g = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are not the first and second half of one product}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_gate_twice(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_gate_twice(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %g) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are not the first and second half of one product}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_up_twice(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_up_twice(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%u) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are not the first and second half of one product}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_gate_is_up(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_gate_is_up(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x4x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x4xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %g) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are not the first and second half of one product}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_interleaved(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_interleaved(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g = aten.slice.Tensor(%a1, dim = 1, step = 2) : tensor<?x4xbf16, ["2*T"]>
  %u = aten.slice.Tensor(%a1, dim = 1, start = 1, step = 2) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are not the first and second half of one product}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_gate_is_argument(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_gate_is_argument(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %ga: tensor<?x4xbf16, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%ga) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up come from an argument, not from products per expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_up_is_no_product(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_up_is_no_product(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %ur = aten.relu(%u) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %ur) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up come from aten._grouped_mm and aten.relu, not from products per expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_gate_is_no_product(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_gate_is_no_product(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %gr = aten.relu(%g) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%gr) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up come from aten.relu and aten._grouped_mm, not from products per expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_down_has_bias(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_down_has_bias(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %bias: tensor<6x8xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{a product of the experts has a bias or another result type}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o, bias = %bias) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_gate_has_bias(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_gate_has_bias(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %bias: tensor<6x8xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o, bias = %bias) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{a product of the experts has a bias or another result type}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_wide_result(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_wide_result(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{a product of the experts has a bias or another result type}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o, out_dtype = f32) : tensor<?x8xf32, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_up_has_bias(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_up_has_bias(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x4x8xbf16>, %up: tensor<6x4x8xbf16>, %down: tensor<6x8x4xbf16>, %bias: tensor<6x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %u = aten._grouped_mm(%rows, %wt3, offs = %o, bias = %bias) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{a product of the experts has a bias or another result type}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_weight_not_transposed(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_weight_not_transposed(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x4x8xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  // expected-remark @below {{expert weights are not stored as [experts, outputs, inputs]}}
  %y = aten._grouped_mm(%a, %down, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_gathered_weight_transposed(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_gathered_weight_transposed(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["2*T"]>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %wg1 = aten.index.Tensor(%wt1, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{expert weights are not stored as [experts, outputs, inputs]}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_part_of_gate(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_part_of_gate(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x4x8xbf16>, %up: tensor<6x4x8xbf16>, %down: tensor<6x8x2xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %u = aten._grouped_mm(%rows, %wt3, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %g2 = aten.slice.Tensor(%g, dim = 1, end = 2) : tensor<?x2xbf16, ["2*T"]>
  %u2 = aten.slice.Tensor(%u, dim = 1, end = 2) : tensor<?x2xbf16, ["2*T"]>
  %s = aten.silu(%g2) : tensor<?x2xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u2) : tensor<?x2xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x2x8xbf16>
  // expected-remark @below {{gate and up are parts of two products}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_part_of_gate_only(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_part_of_gate_only(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x8x8xbf16>, %up: tensor<6x4x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x8xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %g8 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %u = aten._grouped_mm(%rows, %wt3, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %g = aten.slice.Tensor(%g8, dim = 1, end = 4) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are parts of two products}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_part_of_up(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_part_of_up(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x4x8xbf16>, %up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x8xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %u8 = aten._grouped_mm(%rows, %wt3, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %u = aten.slice.Tensor(%u8, dim = 1, end = 4) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are parts of two products}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_other_rows_for_up(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_other_rows_for_up(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x4x8xbf16>, %up: tensor<6x4x8xbf16>, %down: tensor<6x8x4xbf16>, %rows2: tensor<?x8xbf16, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %u = aten._grouped_mm(%rows2, %wt3, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are computed for different rows}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_other_ends_for_up(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_other_ends_for_up(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate: tensor<6x4x8xbf16>, %up: tensor<6x4x8xbf16>, %down: tensor<6x8x4xbf16>, %o2: tensor<6xi32>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %wt3 = aten.transpose.int(%up, dim0 = 1, dim1 = 2) : tensor<6x8x4xbf16>
  %g = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x4xbf16, ["2*T"]>
  %u = aten._grouped_mm(%rows, %wt3, offs = %o2) : tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{gate and up are computed for different rows}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_other_ends_for_down(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_other_ends_for_down(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %o2: tensor<6xi32>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the products of the experts select experts in different ways}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o2) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_ids_and_ends(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_ids_and_ends(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{the products of the experts select experts in different ways}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_ends_as_ids(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_ends_as_ids(%x: tensor<3x8xbf16>, %w: tensor<3x2xf32>, %ids: tensor<3x2xi64>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<3x8xbf16> {
  %fw = aten.reshape(%w) : tensor<6xf32>
  %fi = aten.reshape(%ids) : tensor<6xi64>
  %sv, %p = aten.sort(%fi) : tensor<6xi64>, tensor<6xi64>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<6xi64>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<6x8xbf16>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<6xf32>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<6xi32>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<6x8xbf16>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<6x4xbf16>, tensor<6x4xbf16>
  %s = aten.silu(%g) : tensor<6x4xbf16>
  %a = aten.mul.Tensor(%s, %u) : tensor<6x4xbf16>
  %wg2 = aten.index.Tensor(%down, [%o]) : tensor<6x8x4xbf16>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<6x4x1xbf16>
  // expected-remark @below {{the products of the experts select experts in different ways}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<6x8x1xbf16>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<6x1xf32>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<6x8xbf16>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<6x8xf32>
  %em = aten.empty_like(%p) : tensor<6xi64>
  %ar = aten.arange(end = 6) : tensor<6xi64>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<6xi64>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<6x8xf32>
  %v = aten.view(%us) : tensor<3x2x8xf32>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<3x8xf32>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<3x8xbf16>
  func.return %r : tensor<3x8xbf16>
}

// CHECK-LABEL: func.func @negative_rows_from_elsewhere(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_from_elsewhere(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %xm: tensor<?x8xbf16, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %rows = aten.relu(%xm) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  // expected-remark @below {{the last product's rows come from aten.relu, not from silu(gate) * up}}
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows come from aten.relu, not from tokens sorted by expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_rows_selected_otherwise(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_selected_otherwise(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index_select(%x, dim = 0, %t) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  // expected-remark @below {{the last product's rows come from aten.index_select, not from silu(gate) * up}}
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows come from aten.index_select, not from tokens sorted by expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_rows_are_argument(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_are_argument(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %xm: tensor<?x8xbf16, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%xm, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows come from an argument, not from tokens sorted by expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_part_of_picked_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_part_of_picked_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x4xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows0 = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %rows = aten.slice.Tensor(%rows0, dim = 1, end = 4) : tensor<?x4xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows come from aten.index.Tensor, not from tokens sorted by expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_columns_picked(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_columns_picked(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [none, %t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows come from aten.index.Tensor, not from tokens sorted by expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_elements_picked(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_elements_picked(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t, %t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows come from aten.index.Tensor, not from tokens sorted by expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_tokens_not_divided(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_tokens_not_divided(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.remainder.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the tokens of the rows are not the sorted places divided by the choices per token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_tokens_divided_by_float(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_tokens_divided_by_float(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2.0) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the tokens of the rows are not the sorted places divided by the choices per token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_sorted_descending(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sorted_descending(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi, descending = true) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows are not sorted by ascending expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_sorted_values_divided(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sorted_values_divided(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%sv, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows are not sorted by ascending expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_places_not_sorted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_places_not_sorted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %q = aten.relu(%p) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%q, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows are not sorted by ascending expert}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_too_few_ids(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_too_few_ids(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 3) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{there are not 3 expert ids for each token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_ends_not_summed(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_ends_not_summed(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.relu(%h) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the ends of the experts' rows come from aten.relu, not from a running sum}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_ends_are_argument(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_ends_are_argument(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %oo: tensor<6xi32>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %oo) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the ends of the experts' rows come from an argument, not from a running sum}}
  %y = aten._grouped_mm(%a, %wt2, offs = %oo) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_fewer_bins(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_fewer_bins(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 3, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.histc}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_bins_from_one(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_bins_from_one(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, min = 1, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.histc}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_bins_up_to_six(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_bins_up_to_six(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 6) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.histc}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_weighted_count(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_weighted_count(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %h = aten.bincount(%fi, weights = %fi, minlength = 6) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.bincount}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_count_of_seven(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_count_of_seven(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %h7 = aten.bincount(%fi, minlength = 7) : tensor<7xi64>
  %cs = aten.cumsum(%h7, dim = 0) : tensor<7xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<7xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.bincount}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_counted_otherwise(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_counted_otherwise(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %hh: tensor<6xi32>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.relu(%hh) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.relu}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_counts_are_argument(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_counts_are_argument(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %hh: tensor<6xi32>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%hh, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: an argument}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_sum_of_no_one_hot(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sum_of_no_one_hot(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %hh: tensor<?x6xi64, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.relu(%hh) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.sum.dim_IntList}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_one_hot_of_seven(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_one_hot_of_seven(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 7) : tensor<?x7xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<7xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<7xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<7xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.sum.dim_IntList}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_one_hot_summed_per_row(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_one_hot_summed_per_row(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [1]) : tensor<?xi64, ["2*T"]>
  %cs = aten.cumsum(%h, dim = 0) : tensor<?xi64, ["2*T"]>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<?xi32, ["2*T"]>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.sum.dim_IntList}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_one_hot_summed_entirely(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_one_hot_summed_entirely(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows of each of the 6 experts are not counted: aten.sum.dim_IntList}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_other_ids_counted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_other_ids_counted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %fj: tensor<?xi64, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fj, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{other ids are counted than those the rows are sorted by}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_places_counted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_places_counted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%p, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{other ids are counted than those the rows are sorted by}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_picked_ids_counted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_picked_ids_counted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %si = aten.index.Tensor(%fi, [%t]) : tensor<?xi64, ["2*T"]>
  %oh = aten.one_hot(%si, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{other ids are counted than those the rows are sorted by}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_ids_in_bf16(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_ids_in_bf16(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = bf16) : tensor<?xbf16, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{other ids are counted than those the rows are sorted by}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_repeated_over_columns(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_repeated_over_columns(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 1) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{the sum is not over the choices of each token}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_tiled_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_tiled_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %x1 = aten.unsqueeze(%x, dim = 0) : tensor<1x?x8xbf16, ["T"]>
  %xe = aten.expand(%x1) : tensor<2x?x8xbf16, ["T"]>
  %rows = aten.reshape(%xe) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{the experts' rows come from an argument, not from each token, repeated}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_part_of_repeats(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_part_of_repeats(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x4xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows0 = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["2*T"]>
  %rows = aten.slice.Tensor(%rows0, dim = 1, end = 4) : tensor<?x4xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{the experts' rows come from aten.repeat_interleave.self_int, not from each token, repeated}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_rows_without_number(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_without_number(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.relu(%w) : tensor<?xf32, ["M"]>
  %fi = aten.relu(%ids) : tensor<?xi64, ["M"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["M"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["M"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["M"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["M"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["M"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["M"]>, tensor<?x4xbf16, ["M"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["M"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["M"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["M"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["M"]>
  // expected-remark @below {{there is no fixed number of rows per token}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["M"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["M"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["M"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["M"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_rows_read_twice(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_read_twice(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> (tensor<?x8xbf16, ["T"]>, tensor<?x8xbf16, ["2*T"]>) {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are read 2 times}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r, %y : tensor<?x8xbf16, ["T"]>, tensor<?x8xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_rows_not_read(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_not_read(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %ym: tensor<?x8xbf16, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are read 0 times}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yn = aten.relu(%ym) : tensor<?x8xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%yn, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_unknown_step(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_unknown_step(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{aten.relu is no step from the experts' rows to their sum}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yr = aten.relu(%y) : tensor<?x8xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%yr, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_returned_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_returned_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["2*T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{func.return is no step from the experts' rows to their sum}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  func.return %y : tensor<?x8xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_taken_apart(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_taken_apart(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<8x?xbf16, ["2*T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{aten.transpose.int takes the experts' rows apart}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yt = aten.transpose.int(%y, dim0 = 0, dim1 = 1) : tensor<8x?xbf16, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  func.return %yt : tensor<8x?xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_rows_dropped(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rows_dropped(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{aten.slice.Tensor takes the experts' rows apart}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yt = aten.slice.Tensor(%y, end = "T") : tensor<?x8xbf16, ["T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  func.return %yt : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_columns_taken_apart(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_columns_taken_apart(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x4x2xbf16, ["2*T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{aten.view takes the experts' rows apart}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yt = aten.view(%y) : tensor<?x4x2xbf16, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  func.return %yt : tensor<?x4x2xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_converted_between(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_converted_between(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{weighted rows are converted before they are added up}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw0 = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %yw1 = aten.to.dtype(%yw0, dtype = bf16) : tensor<?x8xbf16, ["2*T"]>
  %yw = aten.to.dtype(%yw1, dtype = f32) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_integer_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_integer_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{weighted rows are converted before they are added up}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yi = aten.to.dtype(%y, dtype = i64) : tensor<?x8xi64, ["2*T"]>
  %yw = aten.mul.Tensor(%yi, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_weighted_twice(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_weighted_twice(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are multiplied twice}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw0 = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%yw0, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_weight_per_column(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_weight_per_column(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %col: tensor<8xf32>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are not multiplied with one weight per row}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %col) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_product_in_third_type(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_product_in_third_type(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows and weights are multiplied in f64}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf64, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf64, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf64, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf64, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_rounded_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_rounded_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the rows are rounded to f16 before they are weighted}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yh = aten.to.dtype(%y, dtype = f16) : tensor<?x8xf16, ["2*T"]>
  %yw = aten.mul.Tensor(%yh, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @rows_widened_before_weights(
// CHECK-NEXT: %[[Y:\w+]] = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<6x8x8xbf16>, tensor<6x8x4xbf16> -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @rows_widened_before_weights(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yh = aten.to.dtype(%y, dtype = f32) : tensor<?x8xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%yh, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_unsorted_weights(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_unsorted_weights(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the weights are not sorted as the rows are}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_weights_in_other_order(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_weights_in_other_order(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%t]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the weights are not sorted as the rows are}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_weights_of_more_pairs(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_weights_of_more_pairs(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.relu(%w) : tensor<?xf32, ["M"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the weights are not sorted as the rows are}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_unsorted_twice(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_unsorted_twice(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{rows are picked from the experts' rows}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%fi]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_columns_unsorted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_columns_unsorted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are picked from the experts' rows}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [none, %ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_fewer_rows_unsorted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_fewer_rows_unsorted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are picked from the experts' rows}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip0 = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %ip = aten.slice.Tensor(%ip0, end = "T") : tensor<?xi64, ["T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["T"]>
  %v = aten.view(%us) : tensor<?x1x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_sorted_again(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sorted_again(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.sort, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%p]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_other_order(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_other_order(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.floor_divide.Scalar, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%t]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_descending(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_descending(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.argsort, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %ip = aten.argsort(%p, descending = true) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_of_ids(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_of_ids(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.argsort, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %ip = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_values_of_sorted_places(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_values_of_sorted_places(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.sort, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %ip, %ipp = aten.sort(%p) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_accumulated(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_accumulated(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.index_put, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar, accumulate = true) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_put_in_columns(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_put_in_columns(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.index_put, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [none, %p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_put_in_two(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_put_in_two(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.index_put, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p, %p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_put_elsewhere(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_put_elsewhere(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.index_put, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%t], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_of_no_arange(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_of_no_arange(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.index_put, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.relu(%p) : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_inverse_of_one_number(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_inverse_of_one_number(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{rows are put in the order of aten.index_put, not back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = 1) : tensor<1xi64>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_put_in_columns(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_put_in_columns(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are put somewhere else than into one buffer, row by row}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.new_empty(%y) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index_put(%em, [none, %p], %yw) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_put_in_elements(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_put_in_elements(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are put somewhere else than into one buffer, row by row}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.new_empty(%y) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index_put(%em, [%p, %p], %yw) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_put_into_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_put_into_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %e0: tensor<?x8xf32, ["2*T"]>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are put somewhere else than into one buffer, row by row}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.relu(%e0) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index_put(%yw, [%p], %em) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_put_back_twice(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_put_back_twice(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are put somewhere else than into one buffer, row by row}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.new_empty(%y) : tensor<?x8xf32, ["2*T"]>
  %us0 = aten.index_put(%em, [%p], %yw) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index_put(%em, [%p], %us0) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_put_elsewhere(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_put_elsewhere(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are not put back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.new_empty(%y) : tensor<?x8xf32, ["2*T"]>
  %us = aten.index_put(%em, [%t], %yw) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_put_into_larger_buffer(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_put_into_larger_buffer(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["2*T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are not put back in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.new_empty(%y) : tensor<?x8xf32, ["4*T"]>
  %us = aten.index_put(%em, [%p], %yw) : tensor<?x8xf32, ["4*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["2*T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["2*T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["2*T"]>
  func.return %r : tensor<?x8xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_index_add_bf16(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_index_add_bf16(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{index_add does not say how often sums in bf16 are rounded; use index_put}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_add(%z, dim = 0, %t2, %yw) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_index_add_columns(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_index_add_columns(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{index_add does not add whole rows, sorted by expert, to their tokens}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %z = aten.zeros() : tensor<?x8xf32, ["T"]>
  %ia = aten.index_add(%z, dim = 1, %t, %yw) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%ia, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_index_add_scaled(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_index_add_scaled(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{index_add does not add whole rows, sorted by expert, to their tokens}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %z = aten.zeros() : tensor<?x8xf32, ["T"]>
  %ia = aten.index_add(%z, dim = 0, %t, %yw, alpha = 2) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%ia, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_index_add_to_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_index_add_to_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>, %z0: tensor<?x8xf32, ["2*T"]>) -> tensor<?x8xbf16, ["2*T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{index_add does not add whole rows, sorted by expert, to their tokens}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %z = aten.relu(%z0) : tensor<?x8xf32, ["2*T"]>
  %ia = aten.index_add(%yw, dim = 0, %t, %z) : tensor<?x8xf32, ["2*T"]>
  %r = aten.to.dtype(%ia, dtype = bf16) : tensor<?x8xbf16, ["2*T"]>
  func.return %r : tensor<?x8xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_index_add_in_slots(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_index_add_in_slots(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %rows = aten.repeat_interleave.self_int(%x, repeats = 2, dim = 0) : tensor<?x8xbf16, ["2*T"]>
  %wg1 = aten.index.Tensor(%gate_up, [%fi]) : tensor<?x8x8xbf16, ["2*T"]>
  %col = aten.unsqueeze(%rows, dim = -1) : tensor<?x8x1xbf16, ["2*T"]>
  %b1 = aten.bmm(%wg1, %col) : tensor<?x8x1xbf16, ["2*T"]>
  %a1 = aten.squeeze.dim(%b1, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wg2 = aten.index.Tensor(%down, [%fi]) : tensor<?x8x4xbf16, ["2*T"]>
  %ac = aten.unsqueeze(%a, dim = -1) : tensor<?x4x1xbf16, ["2*T"]>
  // expected-remark @below {{index_add does not add whole rows, sorted by expert, to their tokens}}
  %b2 = aten.bmm(%wg2, %ac) : tensor<?x8x1xbf16, ["2*T"]>
  %y = aten.squeeze.dim(%b2, dim = -1) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%fw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %z = aten.zeros() : tensor<?x8xf32, ["T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%ar, other = 2) : tensor<?xi64, ["2*T"]>
  %ia = aten.index_add(%z, dim = 0, %t, %yw) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%ia, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_added_unweighted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_unweighted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added up before they are weighted}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%y) : tensor<?x8xbf16, ["T"]>
  %r = aten.index_put(%z, [%t], %y, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_added_to_ones(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_to_ones(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added to aten.new_ones, not to a row of zeros per token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_ones(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_added_to_residual(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_to_residual(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added to an argument, not to a row of zeros per token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%x, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_added_to_more_rows(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_to_more_rows(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["2*T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added to aten.new_zeros, not to a row of zeros per token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["2*T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["2*T"]>
  func.return %r : tensor<?x8xbf16, ["2*T"]>
}

// CHECK-LABEL: func.func @negative_added_by_place(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_by_place(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added to other tokens than theirs}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%p], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_added_by_other_number(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_by_other_number(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added to other tokens than theirs}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%p, other = 3) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_added_by_ids(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_added_by_ids(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xbf16, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %p = aten.argsort(%fi) : tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xbf16, ["2*T"]>
  %oh = aten.one_hot(%fi, num_classes = 6) : tensor<?x6xi64, ["2*T"]>
  %h = aten.sum.dim_IntList(%oh, dim = [0]) : tensor<6xi64>
  %cs = aten.cumsum(%h, dim = 0) : tensor<6xi64>
  %o = aten.to.dtype(%cs, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added to other tokens than theirs}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xbf16, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xbf16, ["2*T"]>
  %z = aten.new_zeros(%yw) : tensor<?x8xbf16, ["T"]>
  %t2 = aten.floor_divide.Scalar(%fi, other = 2) : tensor<?xi64, ["2*T"]>
  %r = aten.index_put(%z, [%t2], %yw, accumulate = true) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_summed_unweighted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_summed_unweighted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added up before they are weighted and in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%y, [%ip]) : tensor<?x8xbf16, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xbf16, ["T"]>
  %r = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_summed_sorted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_summed_sorted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the experts' rows are added up before they are weighted and in (token, choice) order}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%yw) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_summed_over_columns(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_summed_over_columns(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x2xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the sum is not over the choices of each token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [2]) : tensor<?x2xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x2xbf16, ["T"]>
  func.return %r : tensor<?x2xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_summed_over_other_groups(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_summed_over_other_groups(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<2x8xbf16> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the sum is not over the choices of each token}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<2x?x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<2x8xf32>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<2x8xbf16>
  func.return %r : tensor<2x8xbf16>
}

// CHECK-LABEL: func.func @negative_sum_keeps_dim(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sum_keeps_dim(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x1x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the sum keeps the dim or is made in another type than the weighted rows}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1], keepdim = true) : tensor<?x1x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x1x8xbf16, ["T"]>
  func.return %r : tensor<?x1x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_sum_in_f64(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sum_in_f64(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xbf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the sum keeps the dim or is made in another type than the weighted rows}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1], dtype = f64) : tensor<?x8xf64, ["T"]>
  %r = aten.to.dtype(%sum, dtype = bf16) : tensor<?x8xbf16, ["T"]>
  func.return %r : tensor<?x8xbf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_sum_not_converted(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sum_not_converted(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xf32, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the sum is not converted back to the tokens' type}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  func.return %sum : tensor<?x8xf32, ["T"]>
}

// CHECK-LABEL: func.func @negative_sum_in_f16(
// CHECK-NOT: moe.experts
// CHECK: func.return
func.func @negative_sum_in_f16(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %gate_up: tensor<6x8x8xbf16>, %down: tensor<6x8x4xbf16>) -> tensor<?x8xf16, ["T"]> {
  %fw = aten.reshape(%w) : tensor<?xf32, ["2*T"]>
  %fi = aten.reshape(%ids) : tensor<?xi64, ["2*T"]>
  %sv, %p = aten.sort(%fi) : tensor<?xi64, ["2*T"]>, tensor<?xi64, ["2*T"]>
  %t = aten.floor_divide.Scalar(%p, other = 2) : tensor<?xi64, ["2*T"]>
  %rows = aten.index.Tensor(%x, [%t]) : tensor<?x8xbf16, ["2*T"]>
  %sw = aten.index.Tensor(%fw, [%p]) : tensor<?xf32, ["2*T"]>
  %ci = aten.to.dtype(%sv, dtype = i32) : tensor<?xi32, ["2*T"]>
  %h = aten.histc(%ci, bins = 6, max = 5) : tensor<6xi32>
  %o = aten.cumsum(%h, dim = 0, dtype = i32) : tensor<6xi32>
  %wt1 = aten.transpose.int(%gate_up, dim0 = -2, dim1 = -1) : tensor<6x8x8xbf16>
  %a1 = aten._grouped_mm(%rows, %wt1, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %g, %u = aten.chunk(%a1, chunks = 2, dim = -1) : tensor<?x4xbf16, ["2*T"]>, tensor<?x4xbf16, ["2*T"]>
  %s = aten.silu(%g) : tensor<?x4xbf16, ["2*T"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x4xbf16, ["2*T"]>
  %wt2 = aten.transpose.int(%down, dim0 = -2, dim1 = -1) : tensor<6x4x8xbf16>
  // expected-remark @below {{the sum is not converted back to the tokens' type}}
  %y = aten._grouped_mm(%a, %wt2, offs = %o) : tensor<?x8xbf16, ["2*T"]>
  %wc = aten.unsqueeze(%sw, dim = -1) : tensor<?x1xf32, ["2*T"]>
  %yw = aten.mul.Tensor(%y, %wc) : tensor<?x8xf32, ["2*T"]>
  %em = aten.empty_like(%p) : tensor<?xi64, ["2*T"]>
  %ar = aten.arange(end = "2*T") : tensor<?xi64, ["2*T"]>
  %ip = aten.index_put(%em, [%p], %ar) : tensor<?xi64, ["2*T"]>
  %us = aten.index.Tensor(%yw, [%ip]) : tensor<?x8xf32, ["2*T"]>
  %v = aten.view(%us) : tensor<?x2x8xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1]) : tensor<?x8xf32, ["T"]>
  %r = aten.to.dtype(%sum, dtype = f16) : tensor<?x8xf16, ["T"]>
  func.return %r : tensor<?x8xf16, ["T"]>
}

// CHECK-LABEL: func.func @negative_plain_bmm(
// CHECK-NEXT: %{{.*}} = aten.bmm
func.func @negative_plain_bmm(%q: tensor<2x3x4xbf16>, %k: tensor<2x4x1xbf16>) -> tensor<2x3x1xbf16> {
  %y = aten.bmm(%q, %k) : tensor<2x3x1xbf16>
  func.return %y : tensor<2x3x1xbf16>
}

// CHECK-LABEL: func.func @negative_gathered_bmm_of_matrices(
// CHECK: aten.bmm
func.func @negative_gathered_bmm_of_matrices(%w: tensor<6x3x4xbf16>, %i: tensor<2xi64>, %k: tensor<2x4x5xbf16>) -> tensor<2x3x5xbf16> {
  %g = aten.index.Tensor(%w, [%i]) : tensor<2x3x4xbf16>
  %a = aten.relu(%k) : tensor<2x4x5xbf16>
  %y = aten.bmm(%g, %a) : tensor<2x3x5xbf16>
  func.return %y : tensor<2x3x5xbf16>
}

// CHECK-LABEL: func.func @negative_batched_grouped_mm(
// CHECK: aten._grouped_mm
func.func @negative_batched_grouped_mm(%w: tensor<6x4x3xbf16>, %k: tensor<6x5x4xbf16>) -> tensor<6x5x3xbf16> {
  %a = aten.relu(%k) : tensor<6x5x4xbf16>
  %y = aten._grouped_mm(%a, %w) : tensor<6x5x3xbf16>
  func.return %y : tensor<6x5x3xbf16>
}

// CHECK-LABEL: func.func @negative_grouped_without_ends(
// CHECK: aten._grouped_mm
func.func @negative_grouped_without_ends(%w: tensor<6x4x3xbf16>, %k: tensor<5x4xbf16>) -> tensor<5x3xbf16> {
  %a = aten.relu(%k) : tensor<5x4xbf16>
  %y = aten._grouped_mm(%a, %w) : tensor<5x3xbf16>
  func.return %y : tensor<5x3xbf16>
}

// CHECK-LABEL: func.func @negative_grouped_columns(
// CHECK: aten._grouped_mm
func.func @negative_grouped_columns(%w: tensor<4x3xbf16>, %k: tensor<5x4xbf16>, %o: tensor<6xi32>) -> tensor<6x5x3xbf16> {
  %a = aten.relu(%k) : tensor<5x4xbf16>
  %y = aten._grouped_mm(%a, %w, offs = %o) : tensor<6x5x3xbf16>
  func.return %y : tensor<6x5x3xbf16>
}

// CHECK-LABEL: func.func @negative_grouped_matrices_and_rows(
// CHECK: aten._grouped_mm
func.func @negative_grouped_matrices_and_rows(%w: tensor<6x4x3xbf16>, %k: tensor<6x5x4xbf16>, %o: tensor<6xi32>) -> tensor<5x3xbf16> {
  %a = aten.relu(%k) : tensor<6x5x4xbf16>
  %y = aten._grouped_mm(%a, %w, offs = %o) : tensor<5x3xbf16>
  func.return %y : tensor<5x3xbf16>
}
