// RUN: dsv3c opt %s -p dce --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p dce --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

// Chains that nothing reads, last op first; what has an effect stays with what it reads.
// CHECK-LABEL: func.func @ops
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %{{.*}}: tensor<4xf32>)
// CHECK-NEXT: %[[S:.*]] = aten.silu
// CHECK-NEXT: "test.op"(%[[S]])
// CHECK-NEXT: %[[C:.*]], %{{.*}} = aten.chunk
// CHECK-NEXT: aten.add_.Tensor
// CHECK-NEXT: func.return %[[C]]
// REMARK: @ops: erased 1 aten.t; erased = 1
// REMARK-NEXT: @ops: erased 2 aten.view; erased = 2
// REMARK-NEXT: @ops: erased 1 weight.param; erased = 1
func.func @ops(%x: tensor<4x8xf32>, %unread: tensor<4xf32>) -> tensor<2x8xf32> {
  %w = weight.param "w" : tensor<4x8xf32>
  %s = aten.silu(%x) : tensor<4x8xf32>
  %v = aten.view(%w) : tensor<32xf32>
  %u = aten.view(%v) : tensor<8x4xf32>
  %t = aten.t(%u) : tensor<4x8xf32>
  %r = "test.op"(%s) : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %a, %b = aten.chunk(%x, chunks = 2) : tensor<2x8xf32>, tensor<2x8xf32>
  %c = aten.add_.Tensor(%x, %x) : tensor<4x8xf32>
  func.return %a : tensor<2x8xf32>
}

// -----

// CHECK-LABEL: func.func @recipe
// CHECK-NEXT: weight.param "w"
// CHECK-NEXT: weight.stored "a"
// CHECK-NEXT: weight.yield
// CHECK-NEXT: }
// REMARK: @recipe: erased 1 weight.stored; erased = 1
func.func @recipe() -> tensor<4xf32> {
  %w = weight.param "w" : tensor<4xf32> {
    %a = weight.stored "a" : tensor<4xf32>
    %b = weight.stored "b" : tensor<4xf32>
    weight.yield %a : tensor<4xf32>
  }
  func.return %w : tensor<4xf32>
}

// -----

// Arguments and results of private functions, through two calls; the call keeps its prefix.
// CHECK-LABEL: func.func private @inner
// CHECK-SAME: (%[[B:.*]]: tensor<4xf32>) -> tensor<4xf32> {
// CHECK-NEXT: func.return %[[B]] : tensor<4xf32>
// CHECK-LABEL: func.func private @outer
// CHECK-SAME: (%[[P:.*]]: tensor<4xf32>, %[[Q:.*]]: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
// CHECK-NEXT: %[[D:.*]] = func.call @inner(%[[Q]]) {prefix = "b"} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK-NEXT: func.return %[[P]], %[[D]]
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[Y:.*]]: tensor<4xf32>, %{{.*}}: tensor<8xf32>)
// CHECK-NEXT: %[[M:.*]], %[[N:.*]] = func.call @outer(%[[X]], %[[Y]]) {prefix = "a"} : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-NEXT: func.return %[[M]], %[[N]]
// REMARK: removed result 1 of @outer
// REMARK-NEXT: removed result 0 of @inner
// REMARK-NEXT: removed argument %a of @inner
// REMARK-NEXT: removed argument %r of @outer
func.func private @inner(%a: tensor<8xf32>, %b: tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>) {
  func.return %a, %b : tensor<8xf32>, tensor<4xf32>
}
func.func private @outer(%p: tensor<4xf32>, %r: tensor<8xf32>, %q: tensor<4xf32>) -> (tensor<4xf32>, tensor<8xf32>, tensor<4xf32>) {
  %c, %d = func.call @inner(%r, %q) {prefix = "b"} : (tensor<8xf32>, tensor<4xf32>) -> (tensor<8xf32>, tensor<4xf32>)
  func.return %p, %c, %d : tensor<4xf32>, tensor<8xf32>, tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %m, %o, %n = func.call @outer(%x, %z, %y) {prefix = "a"} : (tensor<4xf32>, tensor<8xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<8xf32>, tensor<4xf32>)
  func.return %m, %n : tensor<4xf32>, tensor<4xf32>
}

// -----

// A result that one of two calls uses stays; a public function keeps its signature and is not removed.
// CHECK-LABEL: func.func private @twice
// CHECK-SAME: -> (tensor<4xf32>, tensor<4xf32>)
// CHECK-LABEL: func.func public @public
// CHECK-SAME: (%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<8xf32>) -> (tensor<4xf32>, tensor<8xf32>)
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]], %{{.*}} = func.call @twice
// CHECK-NEXT: %{{.*}}, %[[B:.*]] = func.call @twice
// CHECK-NEXT: %[[C:.*]], %{{.*}} = func.call @public
// CHECK-NEXT: func.return %[[A]], %[[B]], %[[C]]
// REMARK-NOT: @public
// REMARK-NOT: @twice
func.func private @twice(%a: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  func.return %a, %a : tensor<4xf32>, tensor<4xf32>
}
func.func public @public(%a: tensor<4xf32>, %b: tensor<8xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  func.return %a, %b : tensor<4xf32>, tensor<8xf32>
}
func.func @main(%x: tensor<4xf32>, %y: tensor<8xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %a, %unread = func.call @twice(%x) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %unread2, %b = func.call @twice(%x) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>)
  %c, %unread3 = func.call @public(%x, %y) : (tensor<4xf32>, tensor<8xf32>) -> (tensor<4xf32>, tensor<8xf32>)
  func.return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Calls of pure functions go, and then the functions; a call with an effect stays.
// CHECK-NOT: @leaf
// CHECK-NOT: @pure
// CHECK-LABEL: func.func private @negative_effect
// CHECK-SAME: () {
// CHECK-NEXT: "test.op"()
// CHECK-LABEL: func.func private @caller_of_effect
// CHECK-LABEL: func.func @main
// CHECK-NEXT: func.call @caller_of_effect() : () -> ()
// CHECK-NEXT: func.return
// REMARK: removed @pure, which nothing calls
// REMARK: removed @leaf, which nothing calls
// REMARK: removed result 0 of @negative_effect
// REMARK: removed argument %a of @negative_effect
// REMARK: @main: erased 1 func.call; erased = 1
func.func private @leaf(%a: tensor<4xf32>) -> tensor<4xf32> {
  func.return %a : tensor<4xf32>
}
func.func private @pure(%a: tensor<4xf32>) -> tensor<4xf32> {
  %b = func.call @leaf(%a) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %b : tensor<4xf32>
}
func.func private @negative_effect(%a: tensor<4xf32>) -> tensor<4xf32> {
  "test.op"() : () -> ()
  func.return %a : tensor<4xf32>
}
func.func private @caller_of_effect(%a: tensor<4xf32>) -> tensor<4xf32> {
  %b = func.call @negative_effect(%a) : (tensor<4xf32>) -> tensor<4xf32>
  func.return %b : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) {
  %a = func.call @pure(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = func.call @caller_of_effect(%x) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// A function whose results and arguments all go is pure, and so its call goes too.
// CHECK-NOT: @layer
// CHECK-LABEL: func.func @main
// CHECK-NEXT: func.return
func.func private @layer(%a: tensor<4xf32>) -> tensor<4xf32> {
  %b = aten.silu(%a) : tensor<4xf32>
  func.return %b : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) {
  %a = func.call @layer(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %b = func.call @layer(%a) : (tensor<4xf32>) -> tensor<4xf32>
  func.return
}

// -----

// An argument without a name has a number.
// REMARK: removed argument %1 of @unnamed
// CHECK-LABEL: func.func private @unnamed
// CHECK-SAME: (%{{.*}}: tensor<8xf32>) -> tensor<8xf32>
func.func private @unnamed(%0: tensor<8xf32>, %1: tensor<4xf32>) -> tensor<8xf32> {
  func.return %0 : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>, %y: tensor<4xf32>) -> tensor<8xf32> {
  %a = func.call @unnamed(%x, %y) : (tensor<8xf32>, tensor<4xf32>) -> tensor<8xf32>
  func.return %a : tensor<8xf32>
}

// -----

// A token that a function takes and gives back stays a result, used or not.
// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: -> (tensor<4xf32>, !comm.token<"ep">) {
// CHECK-LABEL: func.func @main
// CHECK: %{{.*}}, %{{.*}} = func.call @layer(
// REMARK: removed result 1 of @layer
comm.mesh @ep nodes 1 gpus 2
func.func private @layer(%a: tensor<4xf32>, %t: !comm.token<"ep">) -> (tensor<4xf32>, tensor<4xf32>, !comm.token<"ep">) {
  func.return %a, %a, %t : tensor<4xf32>, tensor<4xf32>, !comm.token<"ep">
}
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %t = comm.start : !comm.token<"ep">
  %a, %b, %u = func.call @layer(%x, %t) : (tensor<4xf32>, !comm.token<"ep">) -> (tensor<4xf32>, tensor<4xf32>, !comm.token<"ep">)
  func.return %a : tensor<4xf32>
}
