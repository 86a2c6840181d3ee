// RUN: dsv3c opt %s -p raise-gate | filecheck %s
// RUN: dsv3c opt %s -p raise-gate --verify-diagnostics
// RUN: dsv3c opt %s -p raise-gate --stats 2>&1 | filecheck %s --check-prefix=STATS
// RUN: dsv3c opt %s -p raise-gate | filecheck %s --check-prefix=NAMES
// NAMES: %route_weights, %route_ids = moe.gate %logits
// STATS: {{^}}raise-gate {{ +}}28 {{ +}}49 {{ +}}0

dsv3c.symbol @T min 1 max 4096
dsv3c.symbol @B min 1 max 64
dsv3c.symbol @S min 1 max 64
dsv3c.symbol @E min 8 max 256
dsv3c.symbol @k min 1 max 8

// CHECK-LABEL: func.func @v3(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @v3(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// The mask is applied to [T, groups, experts per group]; top-k is sorted.
// CHECK-LABEL: func.func @mask_broadcast_over_groups(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @mask_broadcast_over_groups(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %bo = aten.to.dtype(%m, dtype = i1) : tensor<?x4xi1, ["T"]>
  %u = aten.unsqueeze(%bo, dim = -1) : tensor<?x4x1xi1, ["T"]>
  %n = aten.bitwise_not(%u) : tensor<?x4x1xi1, ["T"]>
  %mf = aten.masked_fill.Scalar(%g, %n, value = 0xfff0000000000000 : f64) : tensor<?x4x2xf32, ["T"]>
  %f = aten.flatten.using_ints(%mf, start_dim = 1) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @bias_first(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @bias_first(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %bv = aten.view(%bias) : tensor<1x8xf32>
  %c = aten.add.Tensor(%bv, %s) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// DeepSeek's spelling: true where a group is dropped.
// CHECK-LABEL: func.func @ones_lose_kept(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @ones_lose_kept(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.new_ones(%gs) : tensor<?x4xi1, ["T"]>
  %m = aten.scatter.value(%z, dim = -1, %gi, value = false) : tensor<?x4xi1, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xi1, ["T"]>
  %mf = aten.masked_fill.Scalar(%g, %u, value = 0xfff0000000000000 : f64) : tensor<?x4x2xf32, ["T"]>
  %f = aten.flatten.using_ints(%mf, start_dim = 1) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @where_keeps(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @where_keeps(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %f = aten.where.ScalarOther(%bo, %c, other = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @where_logical_not(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "zero" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @where_logical_not(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %n1 = aten.logical_not(%r) : tensor<?x8xi1, ["T"]>
  %n = aten.logical_not(%n1) : tensor<?x8xi1, ["T"]>
  %f = aten.where.ScalarOther(%n, %c, other = 0.0) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @v2_groups(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits top_k 3 scoring "softmax" groups 4 keep 2 group_score "max" mask "zero" scale 1.600000e+01 masked_weights any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @v2_groups(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.softmax.int(%logits, dim = -1, dtype = f32) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%s) : tensor<?x4x2xf32, ["T"]>
  %gs, %gsi = aten.max.dim(%g, dim = -1) : tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%s, %n, value = 0.0) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w = aten.mul.Scalar(%v, other = 16.0) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// The kept groups hold enough experts: no masked one is chosen, values and scores agree.
// CHECK-LABEL: func.func @v2_groups_minus_inf(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits top_k 3 scoring "softmax" groups 4 keep 2 group_score "max" mask "-inf" scale 1.600000e+01 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @v2_groups_minus_inf(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.softmax.int(%logits, dim = -1, dtype = f32) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%s) : tensor<?x4x2xf32, ["T"]>
  %gs = aten.amax(%g, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%s, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w = aten.mul.Scalar(%v, other = 16.0) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @every_group_kept(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @every_group_kept(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 4, sorted = false) : tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @greedy(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits top_k 3 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.000000e+00 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @greedy(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.softmax.int(%logits, dim = -1, dtype = f32) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%s, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @renormalised_and_cast(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits top_k 3 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" renormalize 0.000000e+00 scale 1.000000e+00 : tensor<?x8xf32, ["T"]> -> tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @renormalised_and_cast(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.softmax.int(%logits, dim = -1, dtype = f32) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%s, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %sum = aten.sum.dim_IntList(%v, dim = [1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%v, %sum) : tensor<?x3xf32, ["T"]>
  %w = aten.to.dtype(%d, dtype = bf16) : tensor<?x3xbf16, ["T"]>
  func.return %w, %ids : tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>
}

// Scores and weights in bf16, choices in f32.
// CHECK-LABEL: func.func @scores_in_bf16(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 any_order : tensor<?x8xbf16, ["T"]> -> tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @scores_in_bf16(%logits: tensor<?x8xbf16, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xbf16, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xbf16, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xbf16, ["T"]>
  %d = aten.div.Tensor(%w0, %sum) : tensor<?x3xbf16, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xbf16, ["T"]>
  func.return %w, %ids : tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @leading_dims(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.000000e+00 : tensor<?x?x8xf32, ["B", "S"]> -> tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @leading_dims(%logits: tensor<?x?x8xf32, ["B", "S"]>, %bias: tensor<8xf32>) -> (tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x?x8xf32, ["B", "S"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x?x8xf32, ["B", "S"]>
  %v, %ids = aten.topk(%c, k = 3, dim = 2) : tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>
  %w = aten.gather(%s, dim = -1, %ids) : tensor<?x?x3xf32, ["B", "S"]>
  func.return %w, %ids : tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>
}

// What no attribute describes stays behind the gate.
// CHECK-LABEL: func.func @clamped_sum(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]],
// CHECK-NEXT: %[[C:\w+]] = aten.clamp(%[[S]],
// CHECK-NEXT: %[[D:\w+]] = aten.div.Tensor(%[[W]], %[[C]])
func.func @clamped_sum(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.clamp(%sum, min = 1.0e-9) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @divided_by_weight(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]],
// CHECK: aten.div.Tensor(%{{.*}}, %[[W]])
func.func @divided_by_weight(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d0 = aten.div.Tensor(%ep, %w0) : tensor<?x3xf32, ["T"]>
  %d = aten.mul.Scalar(%d0, other = 1.0) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @sum_over_tokens(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]], dim = [0],
func.func @sum_over_tokens(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [0], keepdim = true) : tensor<1x3xf32>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<1x3xf32>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @sum_without_dim(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]], dim = [-1]) :
func.func @sum_without_dim(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1]) : tensor<?xf32, ["T"]>
  %ep0 = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?xf32, ["T"]>
  %ep = aten.view(%ep0) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// Without keepdim, three sums broadcast over three choices.
// CHECK-LABEL: func.func @three_tokens_summed_wrongly(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<3x8xf32> -> tensor<3x3xf32>, tensor<3x3xi64>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]], dim = [-1]) :
func.func @three_tokens_summed_wrongly(%logits: tensor<3x8xf32>, %bias: tensor<8xf32>) -> (tensor<3x3xf32>, tensor<3x3xi64>) {
  %s = aten.sigmoid(%logits) : tensor<3x8xf32>
  %c = aten.add.Tensor(%s, %bias) : tensor<3x8xf32>
  %g = aten.view(%c) : tensor<3x4x2xf32>
  %b, %bi = aten.topk(%g, k = 2) : tensor<3x4x2xf32>, tensor<3x4x2xi64>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<3x4xf32>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<3x2xf32>, tensor<3x2xi64>
  %z = aten.zeros_like(%gs) : tensor<3x4xf32>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<3x4xf32>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<3x4x1xf32>
  %e = aten.expand(%u) : tensor<3x4x2xf32>
  %r = aten.reshape(%e) : tensor<3x8xf32>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<3x8xi1>
  %n = aten.bitwise_not(%bo) : tensor<3x8xi1>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<3x8xf32>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<3x3xf32>, tensor<3x3xi64>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<3x3xf32>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1]) : tensor<3xf32>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<3xf32>
  %d = aten.div.Tensor(%w0, %ep) : tensor<3x3xf32>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<3x3xf32>
  func.return %w, %ids : tensor<3x3xf32>, tensor<3x3xi64>
}

// CHECK-LABEL: func.func @scaled_eps(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]],
// CHECK-NEXT: %[[E:\w+]] = aten.add.Scalar(%[[S]], other = 1.000000e-20, alpha = 2)
func.func @scaled_eps(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20, alpha = 2) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @weights_read_twice(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]],
func.func @weights_read_twice(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Tensor(%d, %w0) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @sum_in_wider_type(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 scores_in bf16 any_order : tensor<?x8xbf16, ["T"]> -> tensor<?x3xbf16, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]],
func.func @sum_in_wider_type(%logits: tensor<?x8xbf16, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xbf16, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xbf16, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true, dtype = f32) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @cast_to_integer(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[C:\w+]] = aten.to.dtype(%[[W]], dtype = i64)
func.func @cast_to_integer(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xi64, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.to.dtype(%d, dtype = i64) : tensor<?x3xi64, ["T"]>
  func.return %w, %ids : tensor<?x3xi64, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @scores_read_elsewhere(
// CHECK-NEXT: %[[SC:\w+]] = aten.sigmoid(%logits)
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]], %[[SC]] :
func.func @scores_read_elsewhere(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<?x8xf32, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids, %s : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<?x8xf32, ["T"]>
}

// CHECK-LABEL: func.func @scaled_by_a_size(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[C:\w+]] = aten.mul.Scalar(%[[W]], other = "T")
func.func @scaled_by_a_size(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = "T") : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @group_scores_read_elsewhere(
// CHECK: %[[GS:\w+]], %{{.*}} = aten.max.dim(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits top_k 3 scoring "softmax" groups 4 keep 2 group_score "max" mask "zero" scale 1.600000e+01 masked_weights any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]], %[[GS]] :
func.func @group_scores_read_elsewhere(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<?x4xf32, ["T"]>) {
  %s = aten.softmax.int(%logits, dim = -1, dtype = f32) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%s) : tensor<?x4x2xf32, ["T"]>
  %gs, %gsi = aten.max.dim(%g, dim = -1) : tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%s, %n, value = 0.0) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w = aten.mul.Scalar(%v, other = 16.0) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids, %gs : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<?x4xf32, ["T"]>
}

// CHECK-LABEL: func.func @squared(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[D:\w+]] = aten.mul.Tensor(%[[W]], %[[W]])
func.func @squared(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %d = aten.mul.Tensor(%w0, %w0) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @summed_over_two_dims(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" scale 1.000000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
// CHECK-NEXT: %[[S:\w+]] = aten.sum.dim_IntList(%[[W]], dim = [-1, 0],
func.func @summed_over_two_dims(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum0 = aten.sum.dim_IntList(%w0, dim = [-1, 0], keepdim = true) : tensor<1x1xf32>
  %ep = aten.add.Scalar(%sum0, other = 1.0e-20) : tensor<1x1xf32>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// Indices that nobody reads choose no experts: no remark.
// CHECK-LABEL: func.func @negative_values_only(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_values_only(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> tensor<?x3xf32, ["T"]> {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v : tensor<?x3xf32, ["T"]>
}

// CHECK-LABEL: func.func @negative_smallest(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_smallest(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{top-k picks the smallest}}
  %v, %ids = aten.topk(%f, k = 3, largest = false, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_symbolic_k(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_symbolic_k(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x?xf32, ["T", "k"]>, tensor<?x?xi64, ["T", "k"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{top-k picks k, not a fixed number}}
  %v, %ids = aten.topk(%f, k = "k") : tensor<?x?xf32, ["T", "k"]>, tensor<?x?xi64, ["T", "k"]>
  %w = aten.gather(%s, dim = 1, %ids) : tensor<?x?xf32, ["T", "k"]>
  func.return %w, %ids : tensor<?x?xf32, ["T", "k"]>, tensor<?x?xi64, ["T", "k"]>
}

// CHECK-LABEL: func.func @negative_over_tokens(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_over_tokens(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<3x8xf32>, tensor<3x8xi64>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{top-k is not over the last dim}}
  %v, %ids = aten.topk(%c, k = 3, dim = 0) : tensor<3x8xf32>, tensor<3x8xi64>
  %w = aten.gather(%s, dim = 0, %ids) : tensor<3x8xf32>
  func.return %w, %ids : tensor<3x8xf32>, tensor<3x8xi64>
}

// CHECK-LABEL: func.func @negative_sampling(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_sampling(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.relu(%logits) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{choices come from aten.relu, not from a sigmoid or softmax}}
  %v, %ids = aten.topk(%s, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_top_k_of_argument(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_top_k_of_argument(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  // expected-remark @below {{choices come from an argument, not from a sigmoid or softmax}}
  %v, %ids = aten.topk(%logits, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_softmax_over_tokens(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_softmax_over_tokens(%logits: tensor<?x8xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.softmax.int(%logits, dim = 0, dtype = f32) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{softmax is not over the experts}}
  %v, %ids = aten.topk(%s, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_experts_not_fixed(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_experts_not_fixed(%logits: tensor<?x?xf32, ["T", "E"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x?xf32, ["T", "E"]>
  // expected-remark @below {{the number of experts, E, is not fixed}}
  %v, %ids = aten.topk(%s, k = 3) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_bias_per_token(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_bias_per_token(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<?x1xf32, ["T"]>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{what is added to the scores is not one bias per expert}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_scaled_bias(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_scaled_bias(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias, alpha = 2) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{what is added to the scores is not one bias per expert}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_two_scores(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_two_scores(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %s2 = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %s2) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{choices are the sum of something else than scores and a bias}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_no_scores(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_no_scores(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%logits, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{choices are the sum of something else than scores and a bias}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_reshaped(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_reshaped(%logits: tensor<?x8xf32, ["B*S"]>, %bias: tensor<8xf32>) -> (tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["B*S"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["B*S"]>
  %cc = aten.view(%c) : tensor<?x?x8xf32, ["B", "S"]>
  // expected-remark @below {{scores and choices differ in shape}}
  %v, %ids = aten.topk(%cc, k = 3) : tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>
  %ss = aten.view(%s) : tensor<?x?x8xf32, ["B", "S"]>
  %w = aten.gather(%ss, dim = -1, %ids) : tensor<?x?x3xf32, ["B", "S"]>
  func.return %w, %ids : tensor<?x?x3xf32, ["B", "S"]>, tensor<?x?x3xi64, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_too_many(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_too_many(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x5xf32, ["T"]>, tensor<?x5xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{top-k picks more experts than the kept groups hold}}
  %v, %ids = aten.topk(%f, k = 5, sorted = false) : tensor<?x5xf32, ["T"]>, tensor<?x5xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x5xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x5xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x5xf32, ["T"]>
  func.return %w, %ids : tensor<?x5xf32, ["T"]>, tensor<?x5xi64, ["T"]>
}

// CHECK-LABEL: func.func @as_many_as_kept(
// CHECK-NEXT: %[[W:\w+]], %[[I:\w+]] = moe.gate %logits bias %bias : tensor<8xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 1.000000e-20 scale 2.500000e+00 any_order : tensor<?x8xf32, ["T"]> -> tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
// CHECK-NEXT: func.return %[[W]], %[[I]] :
func.func @as_many_as_kept(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  %v, %ids = aten.topk(%f, k = 4, sorted = false) : tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x4xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x4xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x4xf32, ["T"]>
  func.return %w, %ids : tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_finite_mask(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_finite_mask(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = -1.0e30) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups that are not kept get -1e+30, neither -inf nor 0}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_per_expert(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_per_expert(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %e = aten.repeat(%m, repeats = [1, 2]) : tensor<?x8xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask of groups comes from aten.repeat, not from a scatter}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_transposed(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_transposed(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = 1) : tensor<?x1x4xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x2x4xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask is not one value per group}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_part(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_part(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m0 = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %m = aten.slice.Tensor(%m0, dim = 1, end = 1) : tensor<?x1xf32, ["T"]>
  %e = aten.expand(%m) : tensor<?x8xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask is not one value per group}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_bits_of_integers(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_bits_of_integers(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %ri = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %r64 = aten.to.dtype(%ri, dtype = i64) : tensor<?x8xi64, ["T"]>
  %n64 = aten.bitwise_not(%r64) : tensor<?x8xi64, ["T"]>
  %n = aten.to.dtype(%n64, dtype = i1) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask passes through aten.bitwise_not to i64}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_over_tokens(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_over_tokens(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 0, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask is not scattered over groups}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_on_top_of_another(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_on_top_of_another(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.relu(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask starts from aten.relu, not from zeros or ones}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_drops_kept(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_drops_kept(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %bo, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask does not drop the groups that were not chosen}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_where_drops_kept(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_where_drops_kept(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.where.ScalarOther(%n, %c, other = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask does not drop the groups that were not chosen}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_mask_keeps_all(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_mask_keeps_all(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 0) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask does not drop the groups that were not chosen}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_from_argsort(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_from_argsort(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gi = aten.argsort(%gs) : tensor<?x4xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the groups that are kept come from aten.argsort, not from a top-k}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_are_values(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_are_values(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  // expected-remark @below {{choices come from aten.sum.dim_IntList, not from a sigmoid or softmax}}
  %gv, %gx = aten.topk(%gs, k = 2) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %gi = aten.relu(%gx) : tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the groups that are kept come from aten.relu, not from a top-k}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_are_top_k_values(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_are_top_k_values(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gi, %gx = aten.topk(%gs, k = 2) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the groups that are kept come from aten.topk, not from a top-k}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_over_tokens(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_over_tokens(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, dim = 0) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{top-k is not over the last dim}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_group_top_k_reshaped(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_group_top_k_reshaped(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gr = aten.view(%gs) : tensor<?x2x2xf32, ["T"]>
  // expected-remark @below {{choices come from aten.sum.dim_IntList, not from a sigmoid or softmax}}
  %gv, %gi0 = aten.topk(%gr, k = 1) : tensor<?x2x1xf32, ["T"]>, tensor<?x2x1xi64, ["T"]>
  %gi = aten.view(%gi0) : tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the groups that are kept come from aten.view, not from a top-k}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_more_mask_than_groups(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_more_mask_than_groups(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros() : tensor<?x8xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%m, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask has another shape than the groups' scores}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_scores_of_groups_reshaped(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_scores_of_groups_reshaped(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs0 = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gs = aten.view(%gs0) : tensor<?x2xf32, ["2*T"]>
  %gv, %gi = aten.topk(%gs, k = 1) : tensor<?x1xf32, ["2*T"]>, tensor<?x1xi64, ["2*T"]>
  %z = aten.zeros_like(%gs) : tensor<?x2xf32, ["2*T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x2xf32, ["2*T"]>
  %u = aten.view(%m) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the mask has another shape than the groups' scores}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_across_halves(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_across_halves(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x2x2xf32, ["2*T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x2x2xf32, ["2*T"]>, tensor<?x2x2xi64, ["2*T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x2xf32, ["2*T"]>
  %gv, %gi = aten.topk(%gs, k = 1) : tensor<?x1xf32, ["2*T"]>, tensor<?x1xi64, ["2*T"]>
  %z = aten.zeros_like(%gs) : tensor<?x2xf32, ["2*T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x2xf32, ["2*T"]>
  %u = aten.view(%m) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are not parts of one token's experts}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_by_mean(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_by_mean(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.mean.dim(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are scored by aten.mean.dim, neither the sum of the best two nor the best}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_by_place(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_by_place(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %gmax, %gs = aten.max.dim(%g, dim = -1) : tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are scored by aten.max.dim, neither the sum of the best two nor the best}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_over_groups(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_over_groups(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x2x4xf32, ["T"]>
  %gs = aten.amax(%g, dim = [1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are not scored over their experts}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_in_f64(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_in_f64(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1], dtype = f64) : tensor<?x4xf64, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf64, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are scored in f64, choices are in f32}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_by_all(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_by_all(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %gs = aten.sum.dim_IntList(%g, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are scored by a sum of something else than their two best choices}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_by_one(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_by_one(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 1) : tensor<?x4x1xf32, ["T"]>, tensor<?x4x1xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are scored by a sum of something else than their two best choices}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_by_ids(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_by_ids(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  // expected-remark @below {{scores and choices differ in shape}}
  %bv, %b = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1], dtype = f32) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are scored by a sum of something else than their two best choices}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_groups_scored_without_bias(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_groups_scored_without_bias(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%s) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{groups are not scored by the choices}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_values_and_gather(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_values_and_gather(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the top-k's values and gathered scores are both read}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Tensor(%d, %v) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_biased_weights(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_biased_weights(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the weights contain the bias}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %v, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_no_weights(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_no_weights(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> tensor<?x3xi64, ["T"]> {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the scores of the chosen experts are read 0 times}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  func.return %ids : tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_two_gathers(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_two_gathers(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the scores of the chosen experts are read 2 times}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %w1 = aten.gather(%c, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_gather_over_tokens(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_gather_over_tokens(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{scores are not gathered over the experts}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%s, dim = 0, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_gather_choices(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_gather_choices(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> (tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{weights are gathered from aten.add.Tensor, not from the scores}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%c, dim = 1, %ids) : tensor<?x3xf32, ["T"]>
  %sum = aten.sum.dim_IntList(%w0, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %ep = aten.add.Scalar(%sum, other = 1.0e-20) : tensor<?x1xf32, ["T"]>
  %d = aten.div.Tensor(%w0, %ep) : tensor<?x3xf32, ["T"]>
  %w = aten.mul.Scalar(%d, other = 2.5) : tensor<?x3xf32, ["T"]>
  func.return %w, %ids : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
}

// CHECK-LABEL: func.func @negative_ids_gathered_from(
// CHECK-NOT: moe.gate
// CHECK: aten.topk
// CHECK-NOT: moe.gate
// CHECK: func.return
func.func @negative_ids_gathered_from(%logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>, %bi0: tensor<?x3xi64, ["T"]>) -> (tensor<?x3xi64, ["T"]>, tensor<?x3xi64, ["T"]>) {
  %s = aten.sigmoid(%logits) : tensor<?x8xf32, ["T"]>
  %c = aten.add.Tensor(%s, %bias) : tensor<?x8xf32, ["T"]>
  %g = aten.view(%c) : tensor<?x4x2xf32, ["T"]>
  %b, %bi = aten.topk(%g, k = 2) : tensor<?x4x2xf32, ["T"]>, tensor<?x4x2xi64, ["T"]>
  %gs = aten.sum.dim_IntList(%b, dim = [-1]) : tensor<?x4xf32, ["T"]>
  %gv, %gi = aten.topk(%gs, k = 2, sorted = false) : tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
  %z = aten.zeros_like(%gs) : tensor<?x4xf32, ["T"]>
  %m = aten.scatter.value(%z, dim = 1, %gi, value = 1) : tensor<?x4xf32, ["T"]>
  %u = aten.unsqueeze(%m, dim = -1) : tensor<?x4x1xf32, ["T"]>
  %e = aten.expand(%u) : tensor<?x4x2xf32, ["T"]>
  %r = aten.reshape(%e) : tensor<?x8xf32, ["T"]>
  %bo = aten.to.dtype(%r, dtype = i1) : tensor<?x8xi1, ["T"]>
  %n = aten.bitwise_not(%bo) : tensor<?x8xi1, ["T"]>
  %f = aten.masked_fill.Scalar(%c, %n, value = 0xfff0000000000000 : f64) : tensor<?x8xf32, ["T"]>
  // expected-remark @below {{the scores of the chosen experts are read 0 times}}
  %v, %ids = aten.topk(%f, k = 3, sorted = false) : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
  %w0 = aten.gather(%ids, dim = 1, %bi0) : tensor<?x3xi64, ["T"]>
  func.return %w0, %ids : tensor<?x3xi64, ["T"]>, tensor<?x3xi64, ["T"]>
}
