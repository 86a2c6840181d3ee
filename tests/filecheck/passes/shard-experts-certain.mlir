// RUN: dsv3c opt %s -p 'shard-experts{ep=4 nnodes=2 redundant=3}' --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 nnodes=2 redundant=3}' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p 'shard-experts{ep=3}' --split-input-file | filecheck %s --check-prefix=THREE
// RUN: dsv3c opt %s -p 'shard-experts{ep=1}' --split-input-file | filecheck %s --check-prefix=ONE

// An expert that every token takes, stored as one, behind 8 that are chosen: last on every rank.  No rank reads another's.
// CHECK-LABEL: @decode(
// CHECK:           weight.param "gate_up.shard" : tensor<3x8x16xbf16> {
// CHECK-NEXT:        %[[S:\w+]] = weight.stored "shared" : tensor<1x8x16xbf16>
// CHECK-NEXT:        %[[E:\w+]] = weight.stored_each "experts.{}.gate_up" count 8 group "ep" placement <0:8> : tensor<2x8x16xbf16>
// CHECK-NEXT:        %[[C:\w+]] = aten.cat([%[[E]], %[[S]]]) : tensor<3x8x16xbf16>
// CHECK-NEXT:        weight.yield %[[C]] :
// CHECK-NEXT:      }
// CHECK:           comm.placement <0:2, 8, 2:4, 8, 4:6, 8, 6:9> : tensor<12xi32>
// CHECK:           comm.dispatch {{.*}} experts_per_rank 3 :
// Choices of 2 groups, each on one node, and of one more that lies on both: 11/6 nodes of a token, half of them its own.
// REMARK: shard-experts: fired: @decode: moe.experts: 9 experts on 4 ranks: {{.*}}; experts_per_rank = 3, ranks_per_token = 2.5, scale_out_copies_per_token = 2.0, with_order_node_rank = 0.92
// REMARK-NEXT: shard-experts: fired: @decode: moe.experts: a token reaches the nodes of 2 of 4 groups, and those of 1 it always takes; nodes_per_token = 1.83, nodes_at_most = 2
// Three ranks, one of which holds the expert: each reads it, and as many others as the rest hold, and takes what is its own.
// THREE-LABEL: @decode(
// THREE:         weight.param "gate_up.shard" : tensor<3x8x16xbf16> {
// THREE-NEXT:      %[[S:\w+]] = weight.stored "shared" : tensor<1x8x16xbf16>
// THREE-NEXT:      %[[E:\w+]] = weight.stored_each "experts.{}.gate_up" count 8 group "ep" placement <0:8, 7> : tensor<3x8x16xbf16>
// THREE-NEXT:      %[[C:\w+]] = aten.cat([%[[E]], %[[S]]]) : tensor<4x8x16xbf16>
// THREE-NEXT:      %[[OWN:\w+]] = weight.shard %[[C]] group "ep" placement <0:3, 0:3, 0:2, 3> : tensor<4x8x16xbf16> -> tensor<3x8x16xbf16>
// THREE-NEXT:      weight.yield %[[OWN]] :
// THREE:         comm.placement <0:9> :
// One rank holds everything.
// ONE-LABEL: @decode(
// ONE:           weight.param "gate_up.shard" : tensor<9x8x16xbf16> {
// ONE-NEXT:        %[[S:\w+]] = weight.stored "shared" : tensor<1x8x16xbf16>
// ONE-NEXT:        %[[E:\w+]] = weight.stored_each
// ONE-NEXT:        %[[C:\w+]] = aten.cat([%[[E]], %[[S]]]) : tensor<9x8x16xbf16>
// ONE-NEXT:        weight.yield %[[C]] :
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @decode(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %all, %more = moe.append_choice %w, %ids first 8 count 1 : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]> -> tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<9x8x16xbf16> {
      %e = weight.stored_each "experts.{}.gate_up" count 8 : tensor<8x8x16xbf16>
      %s = weight.stored "shared" : tensor<1x8x16xbf16>
      %c = aten.cat([%e, %s]) : tensor<9x8x16xbf16>
      weight.yield %c : tensor<9x8x16xbf16>
    }
    %down = weight.param "down" : tensor<9x16x4xbf16>
    %y = moe.experts %x, %all, %more gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<9x8x16xbf16>, tensor<9x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}
