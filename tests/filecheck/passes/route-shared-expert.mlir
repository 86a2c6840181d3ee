// RUN: dsv3c opt %s -p route-shared-expert --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p route-shared-expert --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p route-shared-expert --split-input-file --allow-unapplied --print-debuginfo | filecheck %s --check-prefix=LOC

// One more expert behind the 8, one more choice behind the 3; the shared MLP and its weights are gone.
// CHECK-LABEL: @one(
// CHECK-NEXT:      %w_1, %ids_1 = moe.append_choice %w, %ids first 8 count 1 : {{.*}} -> tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
// CHECK-NEXT:      %[[GU:\w+]] = weight.param "experts.gate_up+shared.gate+shared.up" : tensor<9x8x16xbf16> {
// CHECK-NEXT:        %[[E:\w+]] = weight.stored "experts.gate_up" : tensor<8x8x16xbf16>
// CHECK-NEXT:        %[[G:\w+]] = weight.stored "shared.gate" : tensor<4x16xbf16>
// CHECK-NEXT:        %[[U:\w+]] = weight.stored "shared.up" : tensor<4x16xbf16>
// CHECK-NEXT:        %[[G1:\w+]] = aten.view(%[[G]]) : tensor<1x4x16xbf16>
// CHECK-NEXT:        %[[U1:\w+]] = aten.view(%[[U]]) : tensor<1x4x16xbf16>
// CHECK-NEXT:        %[[S:\w+]] = aten.cat([%[[G1]], %[[U1]]], dim = 1) : tensor<1x8x16xbf16>
// CHECK-NEXT:        %[[ALL:\w+]] = aten.cat([%[[E]], %[[S]]]) : tensor<9x8x16xbf16>
// CHECK-NEXT:        weight.yield %[[ALL]] :
// CHECK-NEXT:      }
// CHECK-NEXT:      %[[D:\w+]] = weight.param "experts.down+shared.down" : tensor<9x16x4xbf16> {
// CHECK-NEXT:        %[[E:\w+]] = weight.stored "experts.down" : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[S:\w+]] = weight.stored "shared.down" : tensor<16x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.view(%[[S]]) : tensor<1x16x4xbf16>
// CHECK-NEXT:        %[[ALL:\w+]] = aten.cat([%[[E]], %[[V]]]) : tensor<9x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[ALL]] :
// CHECK-NEXT:      }
// CHECK-NEXT:      %y = moe.experts %x, %w_1, %ids_1 gate %[[GU]] down %[[D]] combine_in f32 order "slot" intermediate "input" :
// CHECK-NEXT:      func.return %y :
// REMARK: route-shared-expert: fired: @one: moe.experts: the shared expert as 1 of 9 routed ones
// LOC-LABEL: @one(
// LOC: moe.experts {{.*}} loc(fused[
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @one(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Twice the width: two experts, each with half of the columns; gate and up of the experts apart; the sum the other way.
// CHECK-LABEL: @two(
// CHECK-NEXT:      moe.append_choice %w, %ids first 8 count 2 : {{.*}} -> tensor<?x5xf32, ["T"]>, tensor<?x5xi64, ["T"]>
// CHECK-NEXT:      %[[G:\w+]] = weight.param "experts.gate+shared.gate" : tensor<10x4x16xbf16> {
// CHECK-NEXT:        %[[E:\w+]] = weight.stored "experts.gate"
// CHECK-NEXT:        %[[S:\w+]] = weight.stored "shared.gate" : tensor<8x16xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.view(%[[S]]) : tensor<2x4x16xbf16>
// CHECK-NEXT:        aten.cat([%[[E]], %[[V]]]) : tensor<10x4x16xbf16>
// CHECK:           %[[U:\w+]] = weight.param "experts.up+shared.up" : tensor<10x4x16xbf16> {
// CHECK:             %[[S:\w+]] = weight.stored "shared.up" : tensor<8x16xbf16>
// CHECK-NEXT:        aten.view(%[[S]]) : tensor<2x4x16xbf16>
// CHECK:           %[[D:\w+]] = weight.param "experts.down+shared.down" : tensor<10x16x4xbf16> {
// CHECK-NEXT:        %[[E:\w+]] = weight.stored "experts.down"
// CHECK-NEXT:        %[[S:\w+]] = weight.stored "shared.down" : tensor<16x8xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.view(%[[S]]) : tensor<16x2x4xbf16>
// CHECK-NEXT:        %[[P:\w+]] = aten.permute(%[[V]], dims = [1, 0, 2]) : tensor<2x16x4xbf16>
// CHECK-NEXT:        aten.cat([%[[E]], %[[P]]]) : tensor<10x16x4xbf16>
// CHECK:           moe.experts {{.*}} gate %[[G]] up %[[U]] : tensor<10x4x16xbf16> down %[[D]] combine_in bf16 order "expert" intermediate "f32" :
// CHECK-NOT:       nn.
// REMARK: route-shared-expert: fired: @two: moe.experts: the shared expert as 2 of 10 routed ones
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @two(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %eg = weight.param "experts.gate" : tensor<8x4x16xbf16>
    %eu = weight.param "experts.up" : tensor<8x4x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %eg up %eu : tensor<8x4x16xbf16> down %ed combine_in bf16 order "expert" intermediate "f32" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x4x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<8x16xbf16>
    %su = weight.param "shared.up" : tensor<8x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x8xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<8x16xbf16> -> tensor<?x8xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<8x16xbf16> -> tensor<?x8xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "f32" : tensor<?x8xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x8xbf16, ["T"]>, tensor<16x8xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%z, %y) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Sequences that the experts see as rows; one linear holds up, gate, and something else, which stays.
// CHECK-LABEL: @merged(
// CHECK:           %[[F:\w+]] = aten.reshape(%x) :
// CHECK:           weight.param "merged" : tensor<14x16xbf16>
// CHECK-NEXT:      nn.linear
// CHECK-NEXT:      %rest = aten.slice.Tensor
// CHECK-NEXT:      %w_1, %ids_1 = moe.append_choice
// CHECK-NEXT:      weight.param "experts.gate_up+merged" : tensor<9x8x16xbf16> {
// CHECK-NEXT:        %[[E:\w+]] = weight.stored "experts.gate_up"
// CHECK-NEXT:        %[[M:\w+]] = weight.stored "merged" : tensor<14x16xbf16>
// CHECK-NEXT:        %[[G:\w+]] = aten.slice.Tensor(%[[M]], start = 4, end = 8) : tensor<4x16xbf16>
// CHECK-NEXT:        %[[GV:\w+]] = aten.view(%[[G]]) : tensor<1x4x16xbf16>
// CHECK-NEXT:        %[[U:\w+]] = aten.slice.Tensor(%[[M]], end = 4) : tensor<4x16xbf16>
// CHECK-NEXT:        %[[UV:\w+]] = aten.view(%[[U]]) : tensor<1x4x16xbf16>
// CHECK-NEXT:        aten.cat([%[[GV]], %[[UV]]], dim = 1) : tensor<1x8x16xbf16>
// CHECK:           %y = moe.experts %[[F]], %w_1, %ids_1 gate {{.*}} -> tensor<?x16xbf16, ["B*S"]>
// CHECK-NEXT:      %[[V:\w+]] = aten.view(%y) : tensor<?x?x16xbf16, ["B", "S"]>
// CHECK-NEXT:      func.return %[[V]], %rest :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1 max 8
  dsv3c.symbol @S min 1 max 64
  func.func @merged(%x: tensor<?x?x16xbf16, ["B", "S"]>, %w: tensor<?x3xf32, ["B*S"]>, %ids: tensor<?x3xi64, ["B*S"]>) -> (tensor<?x?x16xbf16, ["B", "S"]>, tensor<?x?x6xbf16, ["B", "S"]>) {
    %f = aten.reshape(%x) : tensor<?x16xbf16, ["B*S"]>
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %f, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["B*S"]>, tensor<?x3xf32, ["B*S"]>, tensor<?x3xi64, ["B*S"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["B*S"]>
    %r = aten.reshape(%y) : tensor<?x?x16xbf16, ["B", "S"]>
    %m = weight.param "merged" : tensor<14x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %all = nn.linear %x, %m : tensor<?x?x16xbf16, ["B", "S"]>, tensor<14x16xbf16> -> tensor<?x?x14xbf16, ["B", "S"]>
    %u = aten.slice.Tensor(%all, dim = -1, end = 4) : tensor<?x?x4xbf16, ["B", "S"]>
    %g = aten.slice.Tensor(%all, dim = -1, start = 4, end = 8) : tensor<?x?x4xbf16, ["B", "S"]>
    %rest = aten.slice.Tensor(%all, dim = -1, start = 8) : tensor<?x?x6xbf16, ["B", "S"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x?x4xbf16, ["B", "S"]>
    %z = nn.linear %h, %sd : tensor<?x?x4xbf16, ["B", "S"]>, tensor<16x4xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
    %sum = aten.add.Tensor(%r, %z) : tensor<?x?x16xbf16, ["B", "S"]>
    func.return %sum, %rest : tensor<?x?x16xbf16, ["B", "S"]>, tensor<?x?x6xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: @negative_read_twice(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_read_twice: moe.experts: the experts' output is not read by one op alone
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_read_twice(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> (tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>) {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum, %y : tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_scaled_output(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_scaled_output: moe.experts: the experts' output is read by aten.mul.Scalar, not added to a shared expert's
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_scaled_output(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %m = aten.mul.Scalar(%y, other = 2.0) : tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%m, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Some columns of the experts' output.
// CHECK-LABEL: @negative_moved_output(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_moved_output: moe.experts: the experts' output is read by aten.slice.Tensor, not added to a shared expert's
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_moved_output(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x8xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %m = aten.slice.Tensor(%y, dim = 1, end = 8) : tensor<?x8xbf16, ["T"]>
    %k = aten.slice.Tensor(%z, dim = 1, end = 8) : tensor<?x8xbf16, ["T"]>
    %sum = aten.add.Tensor(%m, %k) : tensor<?x8xbf16, ["T"]>
    func.return %sum : tensor<?x8xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_returned(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_returned: moe.experts: the experts' output is read by func.return, not added to a shared expert's
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_returned(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_scaled_sum(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_scaled_sum: moe.experts: what is added is scaled
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_scaled_sum(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z, alpha = 2) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_broadcast(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_broadcast: moe.experts: tensor<1x16xbf16> is added to experts' tensor<?x16xbf16, ["T"]>
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_broadcast(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %one: tensor<1x16xbf16>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %one) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_residual(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_residual: moe.experts: an argument is added to the experts' output, no shared expert's
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_residual(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %other: tensor<?x16xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %other) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_gated(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_gated: moe.experts: aten.sigmoid is added to the experts' output, no shared expert's
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_gated(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %s = aten.sigmoid(%z) : tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %s) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_bias_of_down(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_bias_of_down: moe.experts: the shared expert has a bias
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_bias_of_down(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %b: tensor<16xbf16>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd bias %b : tensor<16xbf16>, : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_bias_of_gate(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_bias_of_gate: moe.experts: the shared expert has a bias
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_bias_of_gate(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %b: tensor<4xbf16>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg bias %b : tensor<4xbf16>, : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_bias_of_up(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_bias_of_up: moe.experts: the shared expert has a bias
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_bias_of_up(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %b: tensor<4xbf16>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su bias %b : tensor<4xbf16>, : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_other_activation(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_other_activation: moe.experts: the linear that is added reads aten.gelu, no nn.swiglu
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_other_activation(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = aten.gelu(%g) : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_shared_read_twice(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_shared_read_twice: moe.experts: the shared expert's output is read elsewhere too
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_shared_read_twice(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> (tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>) {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum, %z : tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_shared_viewed_twice(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_shared_viewed_twice: moe.experts: the shared expert's output is read elsewhere too
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_shared_viewed_twice(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> (tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>) {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %v = aten.reshape(%z) : tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %v) : tensor<?x16xbf16, ["T"]>
    func.return %sum, %z : tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_view_read_twice(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_view_read_twice: moe.experts: the shared expert's output is read elsewhere too
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_view_read_twice(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> (tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>) {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %v = aten.reshape(%z) : tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %v) : tensor<?x16xbf16, ["T"]>
    func.return %sum, %v : tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_rounding(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_rounding: moe.experts: SiLU is rounded to 'f32' in the shared expert, to 'input' in the others
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_rounding(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "f32" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_gate_no_linear(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_gate_no_linear: moe.experts: the gate of the shared expert is made by an argument, no nn.linear
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_gate_no_linear(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %o: tensor<?x4xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %o, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_up_no_linear(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_up_no_linear: moe.experts: the up of the shared expert is made by aten.neg, no nn.linear
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_up_no_linear(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %n = aten.neg(%u) : tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %n intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_every_other_column(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_every_other_column: moe.experts: the gate of the shared expert is not some columns of a linear
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_every_other_column(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<8x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g8 = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<8x16xbf16> -> tensor<?x8xbf16, ["T"]>
    %g = aten.slice.Tensor(%g8, dim = 1, step = 2) : tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_gate_of_another(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_gate_of_another: moe.experts: the gate of the shared expert reads another value than the experts
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_gate_of_another(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %other: tensor<?x16xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %other, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %other, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_up_of_another(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_up_of_another: moe.experts: the up of the shared expert reads another value than the experts
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_up_of_another(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %other: tensor<?x16xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %other, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_rounded_sum(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_rounded_sum: moe.experts: experts' outputs are rounded to bf16 before they are added, the shared one is not
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_rounded_sum(%x: tensor<?x16xf32, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xf32, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xf32>
    %ed = weight.param "experts.down" : tensor<8x16x4xf32>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in bf16 order "slot" intermediate "input" : tensor<?x16xf32, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xf32>, tensor<8x16x4xf32> -> tensor<?x16xf32, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xf32>
    %su = weight.param "shared.up" : tensor<4x16xf32>
    %sd = weight.param "shared.down" : tensor<16x4xf32>
    %g = nn.linear %x, %sg : tensor<?x16xf32, ["T"]>, tensor<4x16xf32> -> tensor<?x4xf32, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xf32, ["T"]>, tensor<4x16xf32> -> tensor<?x4xf32, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xf32, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xf32, ["T"]>, tensor<16x4xf32> -> tensor<?x16xf32, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xf32, ["T"]>
    func.return %sum : tensor<?x16xf32, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_rounded_as_wide(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_rounded_as_wide: moe.experts: experts' outputs are rounded to f16 before they are added, the shared one is not
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_rounded_as_wide(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f16 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_number_of_experts(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_number_of_experts: moe.experts: experts and their widths must be numbers
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  dsv3c.symbol @E min 1 max 64
  func.func @negative_number_of_experts(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %egu: tensor<?x8x16xbf16, ["E"]>, %ed: tensor<?x16x4xbf16, ["E"]>) -> tensor<?x16xbf16, ["T"]> {
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<?x8x16xbf16, ["E"]>, tensor<?x16x4xbf16, ["E"]> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_number_of_columns(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_number_of_columns: moe.experts: experts and their widths must be numbers
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  dsv3c.symbol @I min 1 max 64
  func.func @negative_number_of_columns(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %sg: tensor<?x16xbf16, ["I"]>, %sd: tensor<16x?xbf16, ["I"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["I"]> -> tensor<?x?xbf16, ["T", "I"]>
    %h = nn.swiglu %g, %g intermediate "input" : tensor<?x?xbf16, ["T", "I"]>
    %z = nn.linear %h, %sd : tensor<?x?xbf16, ["T", "I"]>, tensor<16x?xbf16, ["I"]> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_first_column(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_first_column: moe.experts: the gate of the shared expert is not some columns of a linear
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  dsv3c.symbol @I min 1 max 64
  func.func @negative_first_column(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %sg: tensor<?x16xbf16, ["I + 4"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %gi = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<?x16xbf16, ["I + 4"]> -> tensor<?x?xbf16, ["T", "I + 4"]>
    %g = aten.slice.Tensor(%gi, dim = 1, start = "I") : tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_width(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_width: moe.experts: the shared expert's width 6 is no multiple of the others' 4
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_width(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<6x16xbf16>
    %su = weight.param "shared.up" : tensor<6x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x6xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<6x16xbf16> -> tensor<?x6xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<6x16xbf16> -> tensor<?x6xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x6xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x6xbf16, ["T"]>, tensor<16x6xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_experts_no_params(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_experts_no_params: moe.experts: a weight is no parameter of this function: it cannot be joined to others ahead of time
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_experts_no_params(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %egu: tensor<8x8x16xbf16>) -> tensor<?x16xbf16, ["T"]> {
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_shared_no_params(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_shared_no_params: moe.experts: a weight is no parameter of this function: it cannot be joined to others ahead of time
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_shared_no_params(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>, %sd: tensor<16x4xbf16>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xbf16>
    %ed = weight.param "experts.down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_weights_of_two_types(
// CHECK-NOT: moe.append_choice
// REMARK: route-shared-expert: blocked: @negative_weights_of_two_types: moe.experts: weights of bf16 and f32 cannot be joined
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_weights_of_two_types(%x: tensor<?x16xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %egu = weight.param "experts.gate_up" : tensor<8x8x16xf32>
    %ed = weight.param "experts.down" : tensor<8x16x4xf32>
    %y = moe.experts %x, %w, %ids gate %egu down %ed combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xf32>, tensor<8x16x4xf32> -> tensor<?x16xbf16, ["T"]>
    %sg = weight.param "shared.gate" : tensor<4x16xbf16>
    %su = weight.param "shared.up" : tensor<4x16xbf16>
    %sd = weight.param "shared.down" : tensor<16x4xbf16>
    %g = nn.linear %x, %sg : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %u = nn.linear %x, %su : tensor<?x16xbf16, ["T"]>, tensor<4x16xbf16> -> tensor<?x4xbf16, ["T"]>
    %h = nn.swiglu %g, %u intermediate "input" : tensor<?x4xbf16, ["T"]>
    %z = nn.linear %h, %sd : tensor<?x4xbf16, ["T"]>, tensor<16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %sum = aten.add.Tensor(%y, %z) : tensor<?x16xbf16, ["T"]>
    func.return %sum : tensor<?x16xbf16, ["T"]>
  }
}
