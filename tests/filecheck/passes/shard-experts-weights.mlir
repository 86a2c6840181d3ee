// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file | filecheck %s

// Recipes of weights, dealt out: ops that treat experts one by one are recomputed on a rank's own.
// Dequantised experts: data and scales are those of the rank.
// CHECK-LABEL: @dequantised(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[Q:\w+]] = weight.stored_each "e.{}" count 8 group "ep" placement <0:8> : tensor<2x16x4xf8E4M3FN>
// CHECK-NEXT:        %[[S:\w+]] = weight.stored_each "s.{}" count 8 group "ep" placement <0:8> : tensor<2x1x1xf32>
// CHECK-NEXT:        %[[V:\w+]] = weight.dequantize %[[Q]], %[[S]] block [128 : i64, 128 : i64] : tensor<2x16x4xf8E4M3FN>, tensor<2x1x1xf32> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[V]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @dequantised(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %q = weight.stored_each "e.{}" count 8 : tensor<8x16x4xf8E4M3FN>
      %s = weight.stored_each "s.{}" count 8 : tensor<8x1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<8x16x4xf8E4M3FN>, tensor<8x1x1xf32> -> tensor<8x16x4xbf16>
      weight.yield %d : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Views and casts that keep rows apart; one value that is read twice is dealt out once.
// CHECK-LABEL: @views(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[E:\w+]] = weight.stored_each "e.{}" count 8 group "ep" placement <0:8> : tensor<2x4x32xf32>
// CHECK-NEXT:        %[[C:\w+]] = aten._to_copy(%[[E]], dtype = bf16) : tensor<2x4x32xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.view(%[[C]]) : tensor<2x2x2x32xbf16>
// CHECK-NEXT:        %[[R:\w+]] = aten.reshape(%[[V]]) : tensor<2x4x32xbf16>
// CHECK-NEXT:        %[[A:\w+]] = aten.slice.Tensor(%[[R]], dim = -1, end = 8) : tensor<2x4x8xbf16>
// CHECK-NEXT:        %[[B:\w+]] = aten.slice.Tensor(%[[R]], dim = 2, start = 24) : tensor<2x4x8xbf16>
// CHECK-NEXT:        %[[J:\w+]] = aten.cat([%[[A]], %[[B]]], dim = -1) : tensor<2x4x16xbf16>
// CHECK-NEXT:        %[[P:\w+]] = aten.permute(%[[J]], dims = [0, 2, 1]) : tensor<2x16x4xbf16>
// CHECK-NEXT:        %[[T:\w+]] = aten.transpose.int(%[[P]], dim0 = 1, dim1 = 2) : tensor<2x4x16xbf16>
// CHECK-NEXT:        %[[T2:\w+]] = aten.transpose.int(%[[T]], dim0 = -1, dim1 = -2) : tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[T2]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @views(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %e = weight.stored_each "e.{}" count 8 : tensor<8x4x32xf32>
      %c = aten._to_copy(%e, dtype = bf16) : tensor<8x4x32xbf16>
      %v = aten.view(%c) : tensor<8x2x2x32xbf16>
      %r = aten.reshape(%v) : tensor<8x4x32xbf16>
      %a = aten.slice.Tensor(%r, dim = -1, end = 8) : tensor<8x4x8xbf16>
      %b = aten.slice.Tensor(%r, dim = 2, start = 24) : tensor<8x4x8xbf16>
      %j = aten.cat([%a, %b], dim = -1) : tensor<8x4x16xbf16>
      %p = aten.permute(%j, dims = [0, 2, 1]) : tensor<8x16x4xbf16>
      %t = aten.transpose.int(%p, dim0 = 1, dim1 = 2) : tensor<8x4x16xbf16>
      %t2 = aten.transpose.int(%t, dim0 = -1, dim1 = -2) : tensor<8x16x4xbf16>
      weight.yield %t2 : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Experts joined along their own dim: ranks run one program, so each takes as many of a part as any of them holds there
// (two, also of a part of which it holds none), and chooses its own.
// CHECK-LABEL: @cat_of_experts(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[A:\w+]] = weight.stored_each "a.{}" count 4 group "ep" placement <0:4, 0, 0, 0, 0> : tensor<2x16x4xbf16>
// CHECK-NEXT:        %[[B:\w+]] = weight.stored_each "b.{}" count 4 group "ep" placement <0, 0, 0, 0, 0:4> : tensor<2x16x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.cat([%[[A]], %[[B]]]) : tensor<4x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:2, 0:4, 2:4> : tensor<4x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @cat_of_experts(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %a = weight.stored_each "a.{}" count 4 : tensor<4x16x4xbf16>
      %b = weight.stored_each "b.{}" count 4 : tensor<4x16x4xbf16>
      %c = aten.cat([%a, %b]) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Some experts of more.
// CHECK-LABEL: @negative_slice_of_experts(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[A:\w+]] = weight.stored_each "a.{}" count 9 : tensor<9x16x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.slice.Tensor(%[[A]], dim = -3, end = 8) : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_slice_of_experts(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %a = weight.stored_each "a.{}" count 9 : tensor<9x16x4xbf16>
      %c = aten.slice.Tensor(%a, dim = -3, end = 8) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A view that deals rows out anew.
// CHECK-LABEL: @negative_view_of_experts(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[A:\w+]] = weight.stored_each "a.{}" count 4 : tensor<4x32x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.view(%[[A]]) : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_view_of_experts(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %a = weight.stored_each "a.{}" count 4 : tensor<4x32x4xbf16>
      %c = aten.view(%a) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Experts that come second.
// CHECK-LABEL: @negative_permuted_experts(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[A:\w+]] = weight.stored_each "a.{}" count 16 : tensor<16x8x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.permute(%[[A]], dims = [1, 0, 2]) : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_permuted_experts(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %a = weight.stored_each "a.{}" count 16 : tensor<16x8x4xbf16>
      %c = aten.permute(%a, dims = [1, 0, 2]) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// The same as a transposition.
// CHECK-LABEL: @negative_transposed_experts(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[A:\w+]] = weight.stored_each "a.{}" count 16 : tensor<16x8x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.transpose.int(%[[A]], dim0 = 1, dim1 = -3) : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_transposed_experts(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %a = weight.stored_each "a.{}" count 16 : tensor<16x8x4xbf16>
      %c = aten.transpose.int(%a, dim0 = 1, dim1 = -3) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// An op that nobody said to treat experts one by one.
// CHECK-LABEL: @negative_unknown_op(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[A:\w+]] = weight.stored_each "a.{}" count 8 : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[V:\w+]] = aten.softmax.int(%[[A]], dim = 0) : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_unknown_op(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %a = weight.stored_each "a.{}" count 8 : tensor<8x16x4xbf16>
      %c = aten.softmax.int(%a, dim = 0) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// The same where every expert is one row of the matrix.
// CHECK-LABEL: @negative_dequantised_rows(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[Q:\w+]] = weight.stored "q" : tensor<8x64xf8E4M3FN>
// CHECK-NEXT:        %[[S:\w+]] = weight.stored "s" : tensor<1x1xf32>
// CHECK-NEXT:        %[[V:\w+]] = weight.dequantize %[[Q]], %[[S]] block {{.*}} -> tensor<8x64xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x64xbf16> -> tensor<2x64xbf16>
// CHECK-NEXT:        %[[R:\w+]] = aten.view(%[[OWN]]) : tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[R]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_dequantised_rows(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %q = weight.stored "q" : tensor<8x64xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<8x64xf8E4M3FN>, tensor<1x1xf32> -> tensor<8x64xbf16>
      %c = aten.view(%d) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// One of two results.
// CHECK-LABEL: @negative_split(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[E:\w+]] = weight.stored "e" : tensor<8x16x8xbf16>
// CHECK-NEXT:        %[[A:\w+]], %[[V:\w+]] = aten.split_with_sizes(%[[E]], split_sizes = [4, 4], dim = 2) :
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_split(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %e = weight.stored "e" : tensor<8x16x8xbf16>
      %a, %b = aten.split_with_sizes(%e, split_sizes = [4, 4], dim = 2) : tensor<8x16x4xbf16>, tensor<8x16x4xbf16>
      weight.yield %b : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A scale may reach over the rows of two experts that are stored as one matrix.
// CHECK-LABEL: @negative_dequantised_matrix(
// CHECK:           weight.param "down.shard"
// CHECK-NEXT:        %[[Q:\w+]] = weight.stored "q" : tensor<128x4xf8E4M3FN>
// CHECK-NEXT:        %[[S:\w+]] = weight.stored "s" : tensor<1x1xf32>
// CHECK-NEXT:        %[[D:\w+]] = weight.dequantize %[[Q]], %[[S]] block
// CHECK-NEXT:        %[[V:\w+]] = aten.view(%[[D]]) : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[V]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_dequantised_matrix(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16> {
      %q = weight.stored "q" : tensor<128x4xf8E4M3FN>
      %s = weight.stored "s" : tensor<1x1xf32>
      %d = weight.dequantize %q, %s block [128, 128] : tensor<128x4xf8E4M3FN>, tensor<1x1xf32> -> tensor<128x4xbf16>
      %c = aten.view(%d) : tensor<8x16x4xbf16>
      weight.yield %c : tensor<8x16x4xbf16>
    }
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}
