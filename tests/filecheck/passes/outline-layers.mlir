// RUN: dsv3c opt %s -p outline-layers --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p outline-layers --split-input-file --allow-unapplied --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p outline-layers --split-input-file --allow-unapplied --print-debuginfo | filecheck %s --check-prefix=LOCATION

// An op without a path belongs to the layer around it; what the layers share is an argument.
// CHECK-LABEL: func.func private @layer0
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>, %[[C:.*]]: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
// CHECK-NEXT: %[[W:.*]] = weight.param "w" : tensor<8x8xf32>
// CHECK-NEXT: %[[L:.*]] = nn.linear %[[X]], %[[W]]
// CHECK-NEXT: %[[S:.*]] = aten.silu(%[[L]])
// CHECK-NEXT: %[[Y:.*]] = aten.mul.Tensor(%[[S]], %[[C]])
// CHECK-NEXT: func.return %[[Y]]
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK-NEXT: %[[C:.*]] = aten.silu(%[[X]])
// CHECK-NEXT: %[[A:.*]] = func.call @layer0(%[[X]], %[[C]]) {prefix = "model.layers.0"}
// CHECK-NEXT: %[[B:.*]] = func.call @layer0(%[[A]], %[[C]]) {prefix = "model.layers.1"}
// CHECK-NEXT: %[[R:.*]] = aten.silu(%[[B]])
// CHECK-NEXT: func.return %[[R]]
// REMARK: fired: @main: nn.linear: model.layers.0 is a call of @layer0; ops = 3
// REMARK: fired: @main: nn.linear: model.layers.1 is a call of @layer0; ops = 3
// LOCATION-LABEL: func.func private @layer0
// LOCATION: nn.linear {{.*}}loc("mlp"("m.py":3:0))
// LOCATION-LABEL: func.func @main
// LOCATION: func.call @layer0({{.*}}loc("model.layers.0"(unknown))
dsv3c.symbol @S min 1
func.func @main(%x: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %c = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("model.rotary")
  %w0 = weight.param "model.layers.0.w" : tensor<8x8xf32>
  %l0 = "nn.linear"(%x, %w0) : (tensor<?x8xf32, ["S"]>, tensor<8x8xf32>) -> tensor<?x8xf32, ["S"]> loc("model.layers.0.mlp"("m.py":3:0))
  %s0 = "aten.silu"(%l0) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]>
  %a = "aten.mul.Tensor"(%s0, %c) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("model.layers.0.mlp"("m.py":4:0))
  %w1 = weight.param "model.layers.1.w" : tensor<8x8xf32>
  %l1 = "nn.linear"(%a, %w1) : (tensor<?x8xf32, ["S"]>, tensor<8x8xf32>) -> tensor<?x8xf32, ["S"]> loc("model.layers.1.mlp"("m.py":3:0))
  %s1 = "aten.silu"(%l1) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]>
  %b = "aten.mul.Tensor"(%s1, %c) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("model.layers.1.mlp"("m.py":4:0))
  %r = "aten.silu"(%b) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("model.norm")
  func.return %r : tensor<?x8xf32, ["S"]>
}

// -----

// Recipes are renamed too; two results; a layer of another kind has a function of its own if it has an equal.
// CHECK-LABEL: func.func private @layer0
// CHECK: weight.param "w" : tensor<8x8xf32> {
// CHECK-NEXT: weight.stored "u"
// CHECK-NEXT: weight.stored_each "v.{}"
// CHECK: func.return %{{.*}}, %{{.*}} : tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>
// CHECK-LABEL: func.func private @layer1
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]], %[[B:.*]] = func.call @layer0(%{{.*}}) {prefix = "h.0"}
// CHECK-NEXT: %[[C:.*]] = func.call @layer1(%[[A]]) {prefix = "h.1"}
// CHECK-NEXT: %[[D:.*]], %[[E:.*]] = func.call @layer0(%[[C]]) {prefix = "h.2"}
// CHECK-NEXT: %[[F:.*]] = func.call @layer1(%[[D]]) {prefix = "h.3"}
// CHECK-NEXT: func.return %[[B]], %[[E]], %[[F]]
dsv3c.symbol @S min 1
func.func @main(%x: tensor<?x8xf32, ["S"]>) -> (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) {
  %w0 = weight.param "h.0.w" : tensor<8x8xf32> {
    %u = weight.stored "h.0.u" : tensor<6x8xf32>
    %v = weight.stored_each "h.0.v.{}" count 2 : tensor<2x8xf32>
    %j = aten.cat([%u, %v]) : tensor<8x8xf32>
    weight.yield %j : tensor<8x8xf32>
  }
  %a = "nn.linear"(%x, %w0) : (tensor<?x8xf32, ["S"]>, tensor<8x8xf32>) -> tensor<?x8xf32, ["S"]> loc("h.0")
  %b = "aten.silu"(%a) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.0.act")
  %c = "aten.silu"(%a) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.1")
  %w2 = weight.param "h.2.w" : tensor<8x8xf32> {
    %u = weight.stored "h.2.u" : tensor<6x8xf32>
    %v = weight.stored_each "h.2.v.{}" count 2 : tensor<2x8xf32>
    %j = aten.cat([%u, %v]) : tensor<8x8xf32>
    weight.yield %j : tensor<8x8xf32>
  }
  %d = "nn.linear"(%c, %w2) : (tensor<?x8xf32, ["S"]>, tensor<8x8xf32>) -> tensor<?x8xf32, ["S"]> loc("h.2")
  %e = "aten.silu"(%d) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.2.act")
  %f = "aten.silu"(%d) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.3")
  func.return %b, %e, %f : tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>
}

// -----

// CHECK-LABEL: func.func @negative_differ
// CHECK-NOT: func.call
// REMARK: blocked: @negative_differ: nn.linear: model.layers.0 has no equal; it parts from model.layers.1 at aten.mul.Tensor
// REMARK: blocked: @negative_differ: nn.linear: model.layers.1 has no equal; it parts from model.layers.0 at aten.add.Tensor
dsv3c.symbol @S min 1
func.func @negative_differ(%x: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %c = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]>
  %w0 = weight.param "model.layers.0.w" : tensor<8x8xf32>
  %l0 = "nn.linear"(%x, %w0) : (tensor<?x8xf32, ["S"]>, tensor<8x8xf32>) -> tensor<?x8xf32, ["S"]> loc("model.layers.0.mlp"("m.py":3:0))
  %s0 = "aten.silu"(%l0) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]>
  %a = "aten.mul.Tensor"(%s0, %c) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("model.layers.0.mlp"("m.py":4:0))
  %w1 = weight.param "model.layers.1.w" : tensor<8x8xf32>
  %l1 = "nn.linear"(%a, %w1) : (tensor<?x8xf32, ["S"]>, tensor<8x8xf32>) -> tensor<?x8xf32, ["S"]> loc("model.layers.1.mlp"("m.py":3:0))
  %s1 = "aten.silu"(%l1) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]>
  %b = "aten.add.Tensor"(%s1, %c) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("model.layers.1.mlp"("m.py":4:0))
  func.return %b : tensor<?x8xf32, ["S"]>
}

// -----

// CHECK-LABEL: func.func @negative_shorter
// CHECK-NOT: func.call
// REMARK: blocked: @negative_shorter: aten.silu: h.0 has no equal; it has 1 ops, h.1 has 2
// REMARK: blocked: @negative_shorter: aten.silu: h.1 has no equal; it has 2 ops, h.0 has 1
dsv3c.symbol @S min 1
func.func @negative_shorter(%x: tensor<?x8xf32, ["S"]>) -> (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) {
  %a = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.0")
  %b = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.1")
  %c = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.1")
  "test.op"(%a, %b, %c) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> ()
  func.return %a, %b : tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>
}

// -----

// Ops of the first layer after ops of the second.
// CHECK-LABEL: func.func @negative_scattered
// CHECK-NOT: func.call
// REMARK: blocked: @negative_scattered: aten.silu: the ops of h.0 are scattered: others stand between them
// REMARK-NOT: @negative_scattered
dsv3c.symbol @S min 1
func.func @negative_scattered(%x: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %a = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.0")
  %b = "aten.silu"(%a) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.1")
  %c = "aten.silu"(%b) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.0")
  func.return %c : tensor<?x8xf32, ["S"]>
}

// -----

// One layer, or none: nothing is equal to anything.
// CHECK-LABEL: func.func @negative_alone
// CHECK-NOT: func.call
// REMARK-NOT: @negative_alone
dsv3c.symbol @S min 1
func.func @negative_alone(%x: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %a = "aten.silu"(%x) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("h.0")
  %b = "aten.silu"(%a) : (tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> loc("norm.v2")
  func.return %b : tensor<?x8xf32, ["S"]>
}

// -----

// A parameter from elsewhere, or read elsewhere, or with a recipe from elsewhere, is an argument.
// CHECK-LABEL: func.func private @layer0
// CHECK-LABEL: func.func private @layer1
// CHECK-SAME: (%[[X:[^:]*]]: tensor<8xf32>, %[[W:[^:]*]]: tensor<8xf32>) -> tensor<8xf32> {
// CHECK-NEXT: aten.mul.Tensor(%[[X]], %[[W]])
// CHECK-LABEL: func.func @main
// CHECK: %[[T:.*]] = weight.param "tied"
// CHECK: %[[R:.*]] = weight.param "h.1.w"
// CHECK: %[[E:.*]] = weight.param "h.2.w"
// CHECK: %[[A:.*]] = func.call @layer1(%{{.*}}, %[[T]]) {prefix = "h.0"}
// CHECK: %[[B:.*]] = func.call @layer1(%[[A]], %[[R]]) {prefix = "h.1"}
// CHECK: %[[C:.*]] = func.call @layer1(%[[B]], %[[E]]) {prefix = "h.2"}
func.func private @layer0(%a: tensor<8xf32>) -> tensor<8xf32> {
  func.return %a : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %t = weight.param "tied" : tensor<8xf32>
  %r = weight.param "h.1.w" : tensor<8xf32>
  %e = weight.param "h.2.w" : tensor<8xf32> {
    %s = weight.stored "h.1.w" : tensor<8xf32>
    weight.yield %s : tensor<8xf32>
  }
  %y = func.call @layer0(%r) {prefix = "z"} : (tensor<8xf32>) -> tensor<8xf32>
  %a = "aten.mul.Tensor"(%x, %t) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc("h.0")
  %b = "aten.mul.Tensor"(%a, %r) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc("h.1")
  %c = "aten.mul.Tensor"(%b, %e) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc("h.2")
  func.return %c, %y : tensor<8xf32>, tensor<8xf32>
}

// -----

// Scattered layers do not keep others from it; what is called is left; a parameter between the ops is read twice.
// CHECK-LABEL: func.func private @called
// CHECK-NOT: func.call
// CHECK-LABEL: func.func private @layer0
// CHECK-NEXT: aten.silu
// CHECK-NEXT: %[[W:.*]] = weight.param "w"
// CHECK-NEXT: aten.mul.Tensor(%{{.*}}, %[[W]])
// CHECK-NEXT: aten.add.Tensor(%{{.*}}, %[[W]])
// CHECK-NEXT: func.return
// CHECK-LABEL: func.func @main
// CHECK-COUNT-2: func.call @layer0
// LOCATION-LABEL: func.func private @called
// LOCATION-LABEL: func.func private @layer0
// LOCATION: aten.silu{{.*}} loc("m.py":1:0)
// LOCATION: aten.mul.Tensor{{.*}} loc(fused["mlp"("m.py":2:0), "act"("m.py":3:0)])
func.func private @called(%x: tensor<8xf32>) -> tensor<8xf32> {
  %a = "aten.silu"(%x) : (tensor<8xf32>) -> tensor<8xf32> loc("h.8")
  %b = "aten.silu"(%a) : (tensor<8xf32>) -> tensor<8xf32> loc("h.9")
  func.return %b : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %a = "aten.tanh"(%x) : (tensor<8xf32>) -> tensor<8xf32> loc("h.0")
  %s1 = "aten.silu"(%a) : (tensor<8xf32>) -> tensor<8xf32> loc("h.1"("m.py":1:0))
  %w1 = weight.param "h.1.w" : tensor<8xf32>
  %m1 = "aten.mul.Tensor"(%s1, %w1) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc(fused["h.1.mlp"("m.py":2:0), "h.1.act"("m.py":3:0)])
  %b1 = "aten.add.Tensor"(%m1, %w1) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc("h.1")
  %s2 = "aten.silu"(%b1) : (tensor<8xf32>) -> tensor<8xf32> loc("h.2"("m.py":1:0))
  %w2 = weight.param "h.2.w" : tensor<8xf32>
  %m2 = "aten.mul.Tensor"(%s2, %w2) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc(fused["h.2.mlp"("m.py":2:0), "h.2.act"("m.py":3:0)])
  %b2 = "aten.add.Tensor"(%m2, %w2) : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32> loc("h.2")
  %c = "aten.tanh"(%b2) : (tensor<8xf32>) -> tensor<8xf32> loc("h.0")
  %d = func.call @called(%c) {prefix = "z"} : (tensor<8xf32>) -> tensor<8xf32>
  func.return %c, %d : tensor<8xf32>, tensor<8xf32>
}

// -----

// One input read twice, or two inputs.
// CHECK-LABEL: func.func @negative_sharing
// CHECK-NOT: func.call
func.func @negative_sharing(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %a = "aten.silu"(%x) : (tensor<8xf32>) -> tensor<8xf32> loc("h.0")
  %b = "aten.silu"(%x) : (tensor<8xf32>) -> tensor<8xf32> loc("h.0")
  %c = "aten.silu"(%x) : (tensor<8xf32>) -> tensor<8xf32> loc("h.1")
  %d = "aten.silu"(%y) : (tensor<8xf32>) -> tensor<8xf32> loc("h.1")
  func.return %a, %b, %c, %d : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
