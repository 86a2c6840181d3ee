// RUN: dsv3c opt %s -p 'bucket-tokens{fuse=true}' --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p 'bucket-tokens{fuse=true}' --split-input-file --allow-unapplied --verify-diagnostics
// RUN: dsv3c opt %s -p 'bucket-tokens{fuse=true}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p bucket-tokens --split-input-file --allow-unapplied | filecheck %s --check-prefix=APART
// RUN: dsv3c opt %s -p 'bucket-tokens{fuse=true}' --split-input-file --allow-unapplied --print-debuginfo | filecheck %s --check-prefix=LOC

// From permute to unpermute; weights are inputs, their parameters stay outside.
// CHECK-LABEL: @experts
// CHECK:         %[[GU:\w+]] = weight.param "gate_up"
// CHECK-NEXT:    %[[DOWN:\w+]] = weight.param "down"
// CHECK-NEXT:    %[[W:\w+]], %[[IDS:\w+]] = moe.gate
// CHECK-NEXT:    %mixed = moe.fused %x, %[[IDS]], %[[GU]], %[[DOWN]], %[[W]] : tensor<?x8xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16>, tensor<?x2xf32, ["T"]> -> tensor<?x8xbf16, ["T"]> {
// CHECK-NEXT:    ^{{\w+}}(%[[X1:\w+]]: tensor<?x8xbf16, ["T"]>, %[[IDS1:\w+]]: tensor<?x2xi64, ["T"]>, %[[GU1:\w+]]: tensor<4x12x8xbf16>, %[[DOWN1:\w+]]: tensor<4x8x6xbf16>, %[[W1:\w+]]: tensor<?x2xf32, ["T"]>):
// CHECK-NEXT:      %[[ROWS:\w+]], %[[SLOTS:\w+]], %[[OF:\w+]] = moe.permute %[[X1]] by %[[IDS1]] experts 4 layout "contiguous" alignment 1 :
// CHECK-NEXT:      %[[H:\w+]] = moe.grouped_mm %[[ROWS]], %[[GU1]] by %[[OF]] :
// CHECK-NEXT:      %[[G:\w+]] = aten.slice.Tensor(%[[H]], dim = -1, end = 6)
// CHECK-NEXT:      %[[U:\w+]] = aten.slice.Tensor(%[[H]], dim = -1, start = 6)
// CHECK-NEXT:      %[[S:\w+]] = nn.swiglu %[[G]], %[[U]]
// CHECK-NEXT:      %[[D:\w+]] = moe.grouped_mm %[[S]], %[[DOWN1]] by %[[OF]] :
// CHECK-NEXT:      %[[Y:\w+]] = moe.unpermute %[[D]] at %[[SLOTS]] weights %[[W1]] ids %[[IDS1]] combine_in f32 order "slot" :
// CHECK-NEXT:      moe.yield %[[Y]] : tensor<?x8xbf16, ["T"]>
// CHECK-NEXT:    }
// CHECK-NEXT:    func.return %mixed :
// APART-LABEL: @experts
// APART-NOT:   moe.fused
// APART:       moe.unpermute
// APART-LABEL: @made_before
// APART-NOT:   moe.fused
// APART:       func.return
// LOC-LABEL: @experts
// LOC: moe.permute {{.*}} loc("{{.*}}":[[L:\d+]]:0)
// LOC: moe.unpermute {{.*}} loc("{{.*}}":[[L]]:0)
// REMARK: bucket-tokens: fired: @experts: moe.unpermute: 7 ops in one moe.fused; activation_bytes = 6144, fused_activation_bytes = 896
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096 hint 16
  func.func @experts(%x: tensor<?x8xbf16, ["T"]>, %logits: tensor<?x4xf32, ["T"]>) -> tensor<?x8xbf16, ["T"]> {
    %gate_up = weight.param "gate_up" : tensor<4x12x8xbf16>
    %down = weight.param "down" : tensor<4x8x6xbf16>
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x4xf32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
    %mixed = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
    func.return %mixed : tensor<?x8xbf16, ["T"]>
  }
}

// -----
// A chain that was there before; what lies beside the way stays outside.
// CHECK-LABEL: @made_before
// CHECK:         %double = aten.add.Tensor(%x, %x)
// CHECK-NEXT:    %beside = aten.neg(%tall)
// CHECK-NEXT:    %y = moe.fused %double, %ids, %beside, %w :
// CHECK-NEXT:    ^{{\w+}}(%[[X1:double\w*]]: {{.*}}, %[[IDS1:ids\w*]]: {{.*}}, %[[B1:beside\w*]]: {{.*}}, %[[W1:w\w*]]: {{.*}}):
// CHECK-NEXT:      %[[ROWS:\w+]], %[[SLOTS:\w+]], %{{\w+}} = moe.permute %[[X1]] by %[[IDS1]] experts 4 layout "contiguous" alignment 1 :
// CHECK-NEXT:      %[[MORE:\w+]] = aten.add.Tensor(%[[ROWS]], %[[B1]]) : tensor<8x8xf32>
// CHECK-NEXT:      %[[OUT:\w+]] = moe.unpermute %[[MORE]] at %[[SLOTS]] weights %[[W1]] ids %[[IDS1]] combine_in f32 order "slot" :
// CHECK-NEXT:      moe.yield %[[OUT]] : tensor<4x8xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    %after = aten.neg(%y)
// CHECK-NEXT:    func.return %after
// REMARK: bucket-tokens: fired: @made_before: moe.unpermute: 3 ops in one moe.fused; activation_bytes = 1792, fused_activation_bytes = 608
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @made_before(%x: tensor<4x8xf32>, %tall: tensor<8x8xf32>, %w: tensor<4x2xf32>, %ids: tensor<4x2xi64>) -> tensor<4x8xf32> {
    %double = aten.add.Tensor(%x, %x) : tensor<4x8xf32>
    %rows, %slots, %expert_of = moe.permute %double by %ids experts 4 layout "contiguous" alignment 1 : tensor<4x8xf32>, tensor<4x2xi64> -> tensor<8x8xf32>, tensor<8xi32>, tensor<8xi32>
    %beside = aten.neg(%tall) : tensor<8x8xf32>
    %more = aten.add.Tensor(%rows, %beside) : tensor<8x8xf32>
    %y = moe.unpermute %more at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<8x8xf32>, tensor<8xi32>, tensor<4x2xf32>, tensor<4x2xi64> -> tensor<4x8xf32>
    %after = aten.neg(%y) : tensor<4x8xf32>
    func.return %after : tensor<4x8xf32>
  }
}

// -----
// An op whose cost is not known, and products of two types, which one cost cannot hold: no numbers.
// REMARK: bucket-tokens: fired: @unknown_op: moe.unpermute: 3 ops in one moe.fused{{$}}
// REMARK: bucket-tokens: fired: @two_types: moe.unpermute: 4 ops in one moe.fused{{$}}
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @unknown_op(%x: tensor<4x8xf32>, %w: tensor<4x2xf32>, %ids: tensor<4x2xi64>) -> tensor<4x8xf32> {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 1 : tensor<4x8xf32>, tensor<4x2xi64> -> tensor<8x8xf32>, tensor<8xi32>, tensor<8xi32>
    %more = "test.pureop"(%rows) : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %y = moe.unpermute %more at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<8x8xf32>, tensor<8xi32>, tensor<4x2xf32>, tensor<4x2xi64> -> tensor<4x8xf32>
    func.return %y : tensor<4x8xf32>
  }
  func.func @two_types(%x: tensor<4x8xf32>, %a: tensor<4x6x8xbf16>, %b: tensor<4x8x6xf32>, %w: tensor<4x2xf32>, %ids: tensor<4x2xi64>) -> tensor<4x8xf32> {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 1 : tensor<4x8xf32>, tensor<4x2xi64> -> tensor<8x8xf32>, tensor<8xi32>, tensor<8xi32>
    %h = moe.grouped_mm %rows, %a by %expert_of : tensor<8x8xf32>, tensor<4x6x8xbf16>, tensor<8xi32> -> tensor<8x6xf32>
    %more = moe.grouped_mm %h, %b by %expert_of : tensor<8x6xf32>, tensor<4x8x6xf32>, tensor<8xi32> -> tensor<8x8xf32>
    %y = moe.unpermute %more at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<8x8xf32>, tensor<8xi32>, tensor<4x2xf32>, tensor<4x2xi64> -> tensor<4x8xf32>
    func.return %y : tensor<4x8xf32>
  }
}

// -----
// CHECK-LABEL: @negative_no_start
// CHECK-NOT:   moe.fused
// CHECK:       func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @negative_no_start(%rows: tensor<8x8xf32>, %slots: tensor<8xi32>, %w: tensor<4x2xf32>, %ids: tensor<4x2xi64>) -> tensor<4x8xf32> {
    // expected-remark @below {{its rows come from no moe.permute of this function: a unit has no start}}
    %y = moe.unpermute %rows at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<8x8xf32>, tensor<8xi32>, tensor<4x2xf32>, tensor<4x2xi64> -> tensor<4x8xf32>
    func.return %y : tensor<4x8xf32>
  }
}

// -----
// CHECK-LABEL: @negative_read_outside
// CHECK-NOT:   moe.fused
// CHECK:       func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @negative_read_outside(%x: tensor<4x8xf32>, %w: tensor<4x2xf32>, %ids: tensor<4x2xi64>) -> (tensor<4x8xf32>, tensor<8xi32>) {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 1 : tensor<4x8xf32>, tensor<4x2xi64> -> tensor<8x8xf32>, tensor<8xi32>, tensor<8xi32>
    // expected-remark @below {{func.return reads rows outside of the unit}}
    %y = moe.unpermute %rows at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<8x8xf32>, tensor<8xi32>, tensor<4x2xf32>, tensor<4x2xi64> -> tensor<4x8xf32>
    func.return %y, %expert_of : tensor<4x8xf32>, tensor<8xi32>
  }
}

// -----
// CHECK-LABEL: @negative_call
// CHECK-NOT:   moe.fused
// CHECK:       func.return %y
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @negative_call(%x: tensor<4x8xf32>, %w: tensor<4x2xf32>, %ids: tensor<4x2xi64>) -> tensor<4x8xf32> {
    %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 1 : tensor<4x8xf32>, tensor<4x2xi64> -> tensor<8x8xf32>, tensor<8xi32>, tensor<8xi32>
    %more = func.call @other(%rows) {prefix = ""} : (tensor<8x8xf32>) -> tensor<8x8xf32>
    // expected-remark @below {{a call lies between moe.permute and moe.unpermute: a kernel cannot hold it}}
    %y = moe.unpermute %more at %slots weights %w ids %ids combine_in f32 order "slot" : tensor<8x8xf32>, tensor<8xi32>, tensor<4x2xf32>, tensor<4x2xi64> -> tensor<4x8xf32>
    func.return %y : tensor<4x8xf32>
  }
  func.func private @other(%rows: tensor<8x8xf32>) -> tensor<8x8xf32> {
    %y = aten.neg(%rows) : tensor<8x8xf32>
    func.return %y : tensor<8x8xf32>
  }
}
