// RUN: dsv3c opt %s -p 'shard-experts{ep=4 nnodes=2 redundant=4}' --split-input-file --remarks 2>&1 | filecheck %s
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 redundant=4}' --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=NODE

// What a gate's choice of groups says about the nodes of a token; of one node nothing is said.
// NODE-NOT: nodes_per_token
// Each group on one node, replicas beside their originals.
// CHECK: shard-experts: fired: @groups_on_nodes: moe.experts: 8 experts on 4 ranks: copies expert, receive bounded, order slot; experts_per_rank = 3, ranks_per_token = 2.29
// CHECK-NEXT: shard-experts: fired: @groups_on_nodes: moe.experts: a token reaches the nodes of 2 of 4 groups; nodes_per_token = 1.67, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @groups_on_nodes(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Groups that lie across nodes limit nothing by themselves: 2 of 3 groups of 4 experts, the second on both.
// CHECK: blocked: @negative_straddling: moe.experts: the experts of group 1 lie on the nodes 0, 1; nodes_per_token = 1.71, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_straddling(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x12xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 3 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x12xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<12x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 12 : tensor<12x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 12 : tensor<12x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<12x8x16xbf16>
      weight.yield %c : tensor<12x8x16xbf16>
    }
    %down = weight.param "down" : tensor<12x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<12x8x16xbf16>, tensor<12x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A gate that keeps all groups.
// CHECK: blocked: @negative_all_groups: moe.experts: the gate keeps 4 of 4 groups: it limits nothing; nodes_per_token = 1.86, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_all_groups(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 4 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A gate whose masked experts can win.
// CHECK: blocked: @negative_mask_zero: moe.experts: the gate masks with zero, and choices with a bias may be below: masked experts can be chosen; nodes_per_token = 1.86, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_mask_zero(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "zero" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Without a bias all choices are positive.
// CHECK: fired: @mask_zero_without_bias: moe.experts: a token reaches the nodes of 2 of 4 groups; nodes_per_token = 1.67, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @mask_zero_without_bias(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "zero" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A bias with choices masked for good, as in DeepSeek-V3.
// CHECK: fired: @biased: moe.experts: a token reaches the nodes of 2 of 4 groups; nodes_per_token = 1.67, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @biased(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %bias: tensor<8xf32>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits bias %bias : tensor<8xf32>, top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Ids that come from elsewhere.
// CHECK: blocked: @negative_no_gate: moe.experts: the ids do not come from a moe.gate: any of a token's experts may lie on any node; nodes_per_token = 1.86, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_no_gate(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Experts that every token takes are on nodes of their own beside those of the groups kept.
// CHECK: fired: @certain: moe.experts: a token reaches the nodes of 2 of 4 groups, and those of 4 it always takes; nodes_per_token = 1.98, nodes_at_most = 2
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @certain(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %ws, %all = moe.append_choice %w, %ids first 8 count 4 : tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]> -> tensor<?x7xf32, ["T"]>, tensor<?x7xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<12x8x16xbf16>
    %down = weight.param "down" : tensor<12x16x4xbf16>
    %y = moe.experts %x, %ws, %all gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x7xf32, ["T"]>, tensor<?x7xi64, ["T"]>, tensor<12x8x16xbf16>, tensor<12x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}
