// RUN: dsv3c opt %s -p cse | filecheck %s
// RUN: dsv3c opt %s -p cse --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p cse --print-debuginfo | filecheck %s --check-prefix=LOCATION

dsv3c.symbol @S min 1

// Merged operands make what reads them equal; several results, operands in lists.
// CHECK-LABEL: func.func @merged
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK-NEXT: %[[A:.*]] = aten.silu(%[[X]])
// CHECK-NEXT: %[[L:.*]], %[[R:.*]] = aten.chunk(%[[A]], chunks = 2, dim = 1)
// CHECK-NEXT: %[[C:.*]] = aten.cat([%[[L]], %[[R]]], dim = 1)
// CHECK-NEXT: "test.op"(%[[C]], %[[C]])
// REMARK: @merged: merged 1 aten.cat; merged = 1
// REMARK-NEXT: @merged: merged 1 aten.chunk; merged = 1
// REMARK-NEXT: @merged: merged 2 aten.silu; merged = 2
func.func @merged(%x: tensor<?x8xf32, ["S"]>) {
  %a = aten.silu(%x) : tensor<?x8xf32, ["S"]>
  %b = aten.silu(%x) : tensor<?x8xf32, ["S"]>
  %l, %r = aten.chunk(%a, chunks = 2, dim = 1) : tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>
  %m, %s = aten.chunk(%b, chunks = 2, dim = 1) : tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>
  %c = aten.cat([%l, %r], dim = 1) : tensor<?x8xf32, ["S"]>
  %d = aten.cat([%m, %s], dim = 1) : tensor<?x8xf32, ["S"]>
  %e = aten.silu(%x) : tensor<?x8xf32, ["S"]>
  "test.op"(%c, %d) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// Parameters by name, and by recipe.
// CHECK-LABEL: func.func @params
// CHECK: %[[V:.*]] = weight.param "v" : tensor<4xf32>
// CHECK-NEXT: %[[W:.*]] = weight.param "w" : tensor<4xf32>
// CHECK-NEXT: %[[A:.*]] = weight.param "w" : tensor<4xf32> {
// CHECK: %[[B:.*]] = weight.param "w" : tensor<4xf32> {
// CHECK: %[[C:.*]] = weight.param "w" : tensor<8xf32>
// CHECK-NEXT: "test.op"(%[[V]], %[[W]], %[[W]], %[[A]], %[[A]], %[[B]], %[[C]])
func.func @params() {
  %v = weight.param "v" : tensor<4xf32>
  %w0 = weight.param "w" : tensor<4xf32>
  %w1 = weight.param "w" : tensor<4xf32>
  %a0 = weight.param "w" : tensor<4xf32> {
    %s = weight.stored "a" : tensor<4xf32>
    weight.yield %s : tensor<4xf32>
  }
  %a1 = weight.param "w" : tensor<4xf32> {
    %named = weight.stored "a" : tensor<4xf32>
    weight.yield %named : tensor<4xf32>
  }
  %b = weight.param "w" : tensor<4xf32> {
    %s = weight.stored "b" : tensor<4xf32>
    weight.yield %s : tensor<4xf32>
  }
  %c = weight.param "w" : tensor<8xf32>
  "test.op"(%v, %w0, %w1, %a0, %a1, %b, %c) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<8xf32>) -> ()
  func.return
}

// Recipes whose operands change places differ.
// CHECK-LABEL: func.func @negative_recipes
// CHECK: %[[A:.*]] = weight.param
// CHECK: %[[B:.*]] = weight.param
// CHECK: "test.op"(%[[A]], %[[B]])
func.func @negative_recipes() {
  %a = weight.param "w" : tensor<8xf32> {
    %s = weight.stored "a" : tensor<4xf32>
    %t = weight.stored "b" : tensor<4xf32>
    %c = aten.cat([%s, %t]) : tensor<8xf32>
    weight.yield %c : tensor<8xf32>
  }
  %b = weight.param "w" : tensor<8xf32> {
    %s = weight.stored "a" : tensor<4xf32>
    %t = weight.stored "b" : tensor<4xf32>
    %c = aten.cat([%t, %s]) : tensor<8xf32>
    weight.yield %c : tensor<8xf32>
  }
  "test.op"(%a, %b) : (tensor<8xf32>, tensor<8xf32>) -> ()
  func.return
}

// Inside a recipe as well.
// CHECK-LABEL: func.func @recipe
// CHECK: %[[A:.*]] = weight.stored "a"
// CHECK-NEXT: aten.cat([%[[A]], %[[A]]])
func.func @recipe() -> tensor<8xf32> {
  %w = weight.param "w" : tensor<8xf32> {
    %a = weight.stored "a" : tensor<4xf32>
    %b = weight.stored "a" : tensor<4xf32>
    %c = aten.cat([%a, %b]) : tensor<8xf32>
    weight.yield %c : tensor<8xf32>
  }
  func.return %w : tensor<8xf32>
}

// Name, operands and their order, properties, attributes, types.
// CHECK-LABEL: func.func @negative_differ
// CHECK-COUNT-2: aten.sub.Tensor
// CHECK: aten.add.Tensor
// CHECK-COUNT-2: aten.slice.Tensor
// CHECK-COUNT-2: aten.silu
// CHECK-COUNT-2: aten.view
// REMARK-NOT: @negative_differ
func.func @negative_differ(%x: tensor<4xf32>, %y: tensor<4xf32>) {
  %a = aten.sub.Tensor(%x, %y) : tensor<4xf32>
  %b = aten.sub.Tensor(%y, %x) : tensor<4xf32>
  %c = aten.add.Tensor(%x, %y) : tensor<4xf32>
  %d = aten.slice.Tensor(%x, start = 0, end = 2) : tensor<2xf32>
  %e = aten.slice.Tensor(%x, start = 1, end = 3) : tensor<2xf32>
  %f = aten.silu(%x) attributes {mark = 1} : tensor<4xf32>
  %g = aten.silu(%x) attributes {mark = 2} : tensor<4xf32>
  %h = aten.view(%x) : tensor<2x2xf32>
  %i = aten.view(%x) : tensor<4x1xf32>
  "test.op"(%a, %b, %c, %d, %e, %f, %g, %h, %i) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<4xf32>, tensor<4xf32>, tensor<2x2xf32>, tensor<4x1xf32>) -> ()
  func.return
}

// Effects, calls, and random numbers by generator, name and argument.
// CHECK-LABEL: func.func @negative_no_values
// CHECK-COUNT-2: "test.op"
// CHECK-COUNT-2: func.call
// CHECK-COUNT-2: aten.bernoulli
// CHECK-COUNT-2: aten.rand
// CHECK-COUNT-2: aten.native_dropout
// CHECK-COUNT-2: aten.scaled_dot_product_attention
// CHECK-COUNT-2: aten.add_.Tensor
// REMARK-NOT: @negative_no_values
func.func @negative_no_values(%x: tensor<1x4x4xf32>) {
  %a = "test.op"(%x) : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %b = "test.op"(%x) : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %c = func.call @callee(%x) : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %d = func.call @callee(%x) : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  %e = aten.bernoulli(%x) : tensor<1x4x4xf32>
  %f = aten.bernoulli(%x) : tensor<1x4x4xf32>
  %g = aten.rand() : tensor<4xf32>
  %h = aten.rand() : tensor<4xf32>
  %i, %i1 = aten.native_dropout(%x, p = 0.5, train = true) : tensor<1x4x4xf32>, tensor<1x4x4xi1>
  %j, %j1 = aten.native_dropout(%x, p = 0.5, train = true) : tensor<1x4x4xf32>, tensor<1x4x4xi1>
  %k = aten.scaled_dot_product_attention(%x, %x, %x, dropout_p = 0.5) : tensor<1x4x4xf32>
  %l = aten.scaled_dot_product_attention(%x, %x, %x, dropout_p = 0.5) : tensor<1x4x4xf32>
  %m = aten.add_.Tensor(%x, %x) : tensor<1x4x4xf32>
  %n = aten.add_.Tensor(%x, %x) : tensor<1x4x4xf32>
  func.return
}

// A function for itself.
// CHECK-LABEL: func.func private @callee
// CHECK-NEXT: aten.silu
// CHECK-NEXT: aten.silu
func.func private @callee(%x: tensor<1x4x4xf32>) -> tensor<1x4x4xf32> {
  %a = aten.silu(%x) : tensor<1x4x4xf32>
  %b = aten.silu(%a) : tensor<1x4x4xf32>
  func.return %b : tensor<1x4x4xf32>
}

// The first name that says more than the op.
// CHECK-LABEL: func.func @names
// CHECK-NEXT: %named = aten.silu
// CHECK-NEXT: %first = aten.tanh
// CHECK-NEXT: %other = aten.exp
// CHECK-NEXT: "test.op"(%named, %named, %first, %first, %other, %other)
func.func @names(%x: tensor<4xf32>) {
  %silu = aten.silu(%x) : tensor<4xf32>
  %named = aten.silu(%x) : tensor<4xf32>
  %first = aten.tanh(%x) : tensor<4xf32>
  %second = aten.tanh(%x) : tensor<4xf32>
  %0 = aten.exp(%x) : tensor<4xf32>
  %other = aten.exp(%x) : tensor<4xf32>
  "test.op"(%silu, %named, %first, %second, %0, %other) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> ()
  func.return
}

// LOCATION-LABEL: func.func @located
// LOCATION: aten.silu(%{{.*}}) {{.*}}loc(fused["a.py":1:0, "b.py":2:0])
func.func @located(%x: tensor<4xf32>) {
  %a = "aten.silu"(%x) : (tensor<4xf32>) -> tensor<4xf32> loc("a.py":1:0)
  %b = "aten.silu"(%x) : (tensor<4xf32>) -> tensor<4xf32> loc("b.py":2:0)
  "test.op"(%a, %b) : (tensor<4xf32>, tensor<4xf32>) -> ()
  func.return
}
