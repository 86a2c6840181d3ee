// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 copies=expert}' --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file --allow-unapplied --verify-diagnostics
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 nnodes=2 order=node_rank}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=NODES
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 order=rank redundant=4}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=RANK
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 copies=rank order=rank}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=BOUNDRANK
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 copies=node order=rank}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=BYNODE
// RUN: dsv3c opt %s -p shard-experts --split-input-file --allow-unapplied | filecheck %s --check-prefix=ONE
// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file --allow-unapplied --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: not dsv3c opt %s -p 'shard-experts{ep=0}' --split-input-file 2>&1 | filecheck %s --check-prefix=NORANKS
// RUN: not dsv3c opt %s -p 'shard-experts{nnodes=0}' --split-input-file 2>&1 | filecheck %s --check-prefix=NONODES
// RUN: not dsv3c opt %s -p 'shard-experts{redundant=-1}' --split-input-file 2>&1 | filecheck %s --check-prefix=FEWER
// RUN: not dsv3c opt %s -p 'shard-experts{copies=all}' --split-input-file 2>&1 | filecheck %s --check-prefix=COPIES
// RUN: not dsv3c opt %s -p 'shard-experts{order=slot}' --split-input-file 2>&1 | filecheck %s --check-prefix=ORDER
// RUN: not dsv3c opt %s -p 'shard-experts{ep=4 nnodes=3}' --split-input-file 2>&1 | filecheck %s --check-prefix=UNEVEN
// RUN: not dsv3c opt %s -p 'shard-experts{copies=rank}' --split-input-file 2>&1 | filecheck %s --check-prefix=PARTIAL
// RUN: not dsv3c opt %s -p 'shard-experts{copies=node}' --split-input-file 2>&1 | filecheck %s --check-prefix=PARTIAL
// RUN: not dsv3c opt %s -p 'shard-experts{copies=expert order=rank}' --split-input-file 2>&1 | filecheck %s --check-prefix=ALONE
// RUN: not dsv3c opt %s -p 'shard-experts{ep=3}' --split-input-file 2>&1 | filecheck %s --check-prefix=THREE

// NORANKS: error: shard-experts: ep must be at least 1, not 0
// NONODES: error: shard-experts: nnodes must be at least 1, not 0
// FEWER: error: shard-experts: redundant must be at least 0, not -1
// COPIES: error: shard-experts: copies must be one of auto, expert, rank, node, not 'all'
// ORDER: error: shard-experts: order must be one of source, rank, node_rank, not 'slot'
// UNEVEN: error: shard-experts: 4 ranks are not equally many on 3 nodes
// PARTIAL: error: shard-experts: with copies={{rank|node}} ranks send partial sums, which is not the source's order
// PARTIAL-NEXT: give order=rank or order=node_rank, or copies=expert
// ALONE: error: shard-experts: with copies=expert no rank adds anything: order=rank has no meaning
// ALONE-NEXT: leave order out, or give copies=rank or copies=node
// THREE: error: 8 experts and 0 replicas are not equally many on 3 ranks
// THREE-NEXT: nearest: redundant=1

// A captured phase receives a bounded number of rows: 4 ranks, T tokens, at most 2 of 3 choices on one rank of 2 experts.
// The token is started by the entry, taken and returned by the layer, whose weights hold the rank's experts alone.
// CHECK-LABEL: builtin.module attributes {dsv3c.facts = ["phased", "raised", "sharded"]}
// CHECK-NEXT:    dsv3c.symbol @T min 0 max 64
// CHECK-NEXT:    comm.mesh @ep nodes 1 gpus 4
// CHECK-NEXT:    func.func private @decode.layer(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %token: !comm.token<"ep">) -> (tensor<?x16xbf16, ["T"]>, !comm.token<"ep">) {
// CHECK-NEXT:      %w, %ids = moe.gate
// CHECK-NEXT:      %[[GU:\w+]] = weight.param "gate_up.shard" : tensor<2x8x16xbf16> {
// CHECK-NEXT:        %[[G:\w+]] = weight.stored_each "experts.{}.gate" count 8 group "ep" placement <0:8> : tensor<2x4x16xbf16>
// CHECK-NEXT:        %[[U:\w+]] = weight.stored_each "experts.{}.up" count 8 group "ep" placement <0:8> : tensor<2x4x16xbf16>
// CHECK-NEXT:        %[[C:\w+]] = aten.cat([%[[G]], %[[U]]], dim = 1) : tensor<2x8x16xbf16>
// CHECK-NEXT:        weight.yield %[[C]] :
// CHECK-NEXT:      }
// CHECK-NEXT:      %[[D:\w+]] = weight.param "down.shard" : tensor<2x16x4xbf16> {
// CHECK-NEXT:        %[[ALL:\w+]] = weight.stored "down" : tensor<8x16x4xbf16>
// CHECK-NEXT:        %[[OWN:\w+]] = weight.shard %[[ALL]] group "ep" placement <0:8> : tensor<8x16x4xbf16> -> tensor<2x16x4xbf16>
// CHECK-NEXT:        weight.yield %[[OWN]] :
// CHECK-NEXT:      }
// CHECK-NEXT:      %placement = comm.placement <0:8> : tensor<8xi32>
// CHECK-NEXT:      %rows, %row_weights, %row_ids, %sources, %token_1 = comm.dispatch %x, %w, %ids placement %placement after %token copies "expert" experts_per_rank 2 : {{.*}} -> tensor<?x16xbf16, ["8*T"]>, tensor<?x1xf32, ["8*T"]>, tensor<?x1xi64, ["8*T"]>, tensor<?x2xi32, ["8*T"]>
// CHECK-NEXT:      %local = moe.experts %rows, %row_weights, %row_ids gate %[[GU]] down %[[D]] combine_in f32 order "slot" intermediate "input" :
// CHECK-NEXT:      %y, %token_2 = comm.combine %local, %sources, %w, %ids after %token_1 order "slot" combine_in f32 payload "bf16" :
// CHECK-NEXT:      func.return %y, %token_2 : tensor<?x16xbf16, ["T"]>, !comm.token<"ep">
// CHECK:         func.func @decode(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes
// CHECK-NEXT:      %token = comm.start : !comm.token<"ep">
// CHECK-NEXT:      %a, %token_1 = func.call @decode.layer(%x, %logits, %token) {prefix = "layers.0"} :
// CHECK-NEXT:      %b = aten.add.Tensor(%a, %x) :
// CHECK-NEXT:      %y, %token_2 = func.call @decode.layer(%b, %logits, %token_1) {prefix = "layers.1", note = "kept"} :
// CHECK-NEXT:      func.return %y : tensor<?x16xbf16, ["T"]>
// The layer of a captured phase weights at the source whatever the order asked for; a replica lies beside the next rank's.
// RANK-LABEL: @decode.layer(
// RANK:          comm.placement <0:3, 2:5, 4:7, 6:8, 0> : tensor<12xi32>
// RANK:          comm.dispatch {{.*}} copies "expert" experts_per_rank 3 : {{.*}} -> tensor<?x16xbf16, ["12*T"]>, tensor<?x1xf32, ["12*T"]>
// RANK:          comm.combine {{.*}} order "slot" combine_in f32 payload "bf16"
// BOUNDRANK-LABEL: @decode.layer(
// BOUNDRANK:     comm.dispatch {{.*}} copies "rank" experts_per_rank 2 : {{.*}} -> tensor<?x16xbf16, ["4*T"]>, tensor<?x3xf32, ["4*T"]>, tensor<?x3xi64, ["4*T"]>
// BOUNDRANK:     comm.combine {{.*}} order "rank" combine_in f32 payload "bf16"
// NODES-LABEL: @decode.layer(
// NODES:         comm.dispatch {{.*}} copies "expert"
// NODES:         comm.combine {{.*}} order "slot"
// BYNODE-LABEL: @decode.layer(
// BYNODE:        comm.dispatch {{.*}} copies "node" experts_per_rank 2 : {{.*}} -> tensor<?x16xbf16, ["4*T"]>
// BYNODE:        comm.combine {{.*}} order "rank"
// ONE-LABEL: builtin.module
// ONE:           comm.mesh @ep nodes 1 gpus 1
// ONE:           comm.dispatch {{.*}} experts_per_rank 8 : {{.*}} -> tensor<?x16xbf16, ["3*T"]>
// LOC-LABEL: @decode.layer(
// LOC:         moe.gate {{.*}} loc("{{.*}}.mlir":[[G:\d+]]:0)
// LOC:         weight.stored_each "experts.{}.gate" {{.*}} loc("{{.*}}.mlir":[[S:\d+]]:0)
// LOC:         comm.placement {{.*}} loc("{{.*}}.mlir":[[E:\d+]]:0)
// LOC-NEXT:    comm.dispatch {{.*}} loc("{{.*}}.mlir":[[E]]:0)
// LOC-NEXT:    moe.experts {{.*}} loc("{{.*}}.mlir":[[E]]:0)
// LOC-NEXT:    comm.combine {{.*}} loc("{{.*}}.mlir":[[E]]:0)
// LOC:         @decode(
// LOC-NEXT:    comm.start {{.*}} loc("{{.*}}.mlir":[[F:\d+]]:0)
// LOC-NEXT:    func.call @decode.layer{{.*}} loc("{{.*}}.mlir":[[K:\d+]]:0)
// REMARK: shard-experts: fired: @decode.layer: moe.experts: 8 experts on 4 ranks: copies expert, receive bounded, order slot; experts_per_rank = 2, ranks_per_token = 2.0
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func private @decode.layer(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
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
  func.func @decode(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %a = func.call @decode.layer(%x, %logits) {prefix = "layers.0"} : (tensor<?x16xbf16, ["T"]>, tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]>
    %b = aten.add.Tensor(%a, %x) : tensor<?x16xbf16, ["T"]>
    %y = func.call @decode.layer(%b, %logits) {prefix = "layers.1", note = "kept"} : (tensor<?x16xbf16, ["T"]>, tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Any other phase asks for the counts first; the rows have a size of their own, of at most 4 ranks * 64 tokens * 2.
// CHECK-LABEL: builtin.module
// CHECK:         comm.mesh @ep nodes 1 gpus 4
// CHECK-NEXT:    dsv3c.symbol @R min 0 max 512
// CHECK:         func.func private @prefill.dense(%x: tensor<?x16xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
// CHECK-LABEL: @prefill.layer(
// CHECK:           %counts, %token_1 = comm.sync_counts %ids placement %placement after %token copies "expert" experts_per_rank 2 : tensor<?x3xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<4xi32>
// CHECK-NEXT:      %rows, %row_weights, %row_ids, %sources, %token_2 = comm.dispatch %x, %w, %ids placement %placement after %token_1 counts %counts : tensor<4xi32> copies "expert" experts_per_rank 2 : {{.*}} -> tensor<?x16xbf16, ["R"]>, tensor<?x1xf32, ["R"]>, tensor<?x1xi64, ["R"]>, tensor<?x2xi32, ["R"]>
// CHECK-NEXT:      %local = moe.experts %rows, %row_weights, %row_ids
// CHECK-NEXT:      %y, %token_3 = comm.combine %local, %sources, %w, %ids after %token_2 order "slot"
// CHECK-NEXT:      func.return %y, %token_3 :
// A layer without experts stays as it is.
// CHECK-LABEL: @prefill(
// CHECK-NEXT:      %token = comm.start : !comm.token<"ep">
// CHECK-NEXT:      %a, %token_1 = func.call @prefill.layer(%x, %logits, %token)
// CHECK-NEXT:      %b = func.call @prefill.dense(%a) {prefix = "layers.2"} :
// CHECK-NEXT:      %y, %token_2 = func.call @prefill.layer(%b, %logits, %token_1)
// NODES-LABEL: builtin.module
// NODES:         comm.mesh @ep nodes 2 gpus 2
// NODES-NEXT:    dsv3c.symbol @R min 0 max 256
// NODES:           comm.sync_counts {{.*}} copies "node"
// NODES-NEXT:      comm.dispatch {{.*}} copies "node" experts_per_rank 2 : {{.*}} -> tensor<?x16xbf16, ["R"]>, tensor<?x3xf32, ["R"]>, tensor<?x3xi64, ["R"]>, tensor<?x2xi32, ["R"]>
// NODES-NEXT:      moe.experts
// NODES-NEXT:      comm.combine {{.*}} order "node_rank" combine_in f32 payload "bf16"
// RANK-LABEL: @prefill.layer(
// RANK:          comm.dispatch {{.*}} copies "rank" experts_per_rank 3
// RANK:          comm.combine {{.*}} order "rank"
// REMARK: shard-experts: fired: @prefill.layer: moe.experts: 8 experts on 4 ranks: copies expert, receive counted, order slot; experts_per_rank = 2, ranks_per_token = 2.0
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func private @prefill.dense(%x: tensor<?x16xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
    %y = aten.add.Tensor(%x, %x) : tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
  func.func private @prefill.layer(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> {
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
  func.func @prefill(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 64 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64}} {
    %a = func.call @prefill.layer(%x, %logits) {prefix = "layers.0"} : (tensor<?x16xbf16, ["T"]>, tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]>
    %b = func.call @prefill.dense(%a) {prefix = "layers.2"} : (tensor<?x16xbf16, ["T"]>) -> tensor<?x16xbf16, ["T"]>
    %y = func.call @prefill.layer(%b, %logits) {prefix = "layers.1", note = "kept"} : (tensor<?x16xbf16, ["T"]>, tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Gate and up apart; two receives of one function have two sizes, beside the program's own R; T has no bound, nor have they.
// CHECK-LABEL: builtin.module
// CHECK:         comm.mesh
// CHECK-NEXT:    dsv3c.symbol @R1 min 0{{$}}
// CHECK-NEXT:    dsv3c.symbol @R2 min 0{{$}}
// CHECK-LABEL: @prefill(
// CHECK:           %[[G:\w+]] = weight.param "gate.shard"
// CHECK:           %[[U:\w+]] = weight.param "up.shard"
// CHECK:           %[[D:\w+]] = weight.param "down.shard"
// CHECK:           comm.dispatch %x, {{.*}} -> tensor<?x16xbf16, ["R1"]>
// CHECK-NEXT:      %local = moe.experts {{.*}} gate %[[G]] up %[[U]] : tensor<2x4x16xbf16> down %[[D]] combine_in bf16 order "expert"
// CHECK-NEXT:      %a, %token_{{\d}} = comm.combine {{.*}} order "expert" combine_in bf16
// CHECK:           comm.dispatch %a, {{.*}} -> tensor<?x16xbf16, ["R2"]>
// CHECK-NOT:       weight.param "gate"
// CHECK:           func.return %y :
// REMARK-COUNT-2: shard-experts: fired: @prefill: moe.experts
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @R min 1
  func.func @prefill(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 64 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %g = weight.param "gate" : tensor<8x4x16xbf16>
    %u = weight.param "up" : tensor<8x4x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %a = moe.experts %x, %w, %ids gate %g up %u : tensor<8x4x16xbf16> down %down combine_in bf16 order "expert" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x4x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %y = moe.experts %a, %w, %ids gate %g up %u : tensor<8x4x16xbf16> down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x4x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    %z = weight.param "z" : tensor<8x16x4xbf16>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A weight that comes as an argument.
// CHECK-LABEL: @negative_weight_argument(
// CHECK-NOT:     comm.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_weight_argument(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %down: tensor<8x16x4xbf16>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16>
    // expected-remark @below {{blocked: @negative_weight_argument: moe.experts: a weight is no parameter of this function: a rank cannot read its experts alone}}
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_gate_argument(
// CHECK-NOT:     comm.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_gate_argument(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %g: tensor<8x4x16xbf16>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %u = weight.param "up" : tensor<8x4x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16>
    // expected-remark @below {{a weight is no parameter of this function}}
    %y = moe.experts %x, %w, %ids gate %g up %u : tensor<8x4x16xbf16> down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x4x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// CHECK-LABEL: @negative_up_argument(
// CHECK-NOT:     comm.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_up_argument(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %u: tensor<8x4x16xbf16>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %g = weight.param "gate" : tensor<8x4x16xbf16>
    %down = weight.param "down" : tensor<8x16x4xbf16>
    // expected-remark @below {{a weight is no parameter of this function}}
    %y = moe.experts %x, %w, %ids gate %g up %u : tensor<8x4x16xbf16> down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x4x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// Tokens in two dims.
// CHECK-LABEL: @negative_two_dims(
// CHECK-NOT:     comm.
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_two_dims(%x: tensor<?x?x16xbf16, ["T", "T"]>, %w: tensor<?x?x3xf32, ["T", "T"]>, %ids: tensor<?x?x3xi64, ["T", "T"]>) -> tensor<?x?x16xbf16, ["T", "T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    // expected-remark @below {{x is not [T, D] but has 3 dims: ranks exchange rows of tokens}}
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x?x16xbf16, ["T", "T"]>, tensor<?x?x3xf32, ["T", "T"]>, tensor<?x?x3xi64, ["T", "T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x?x16xbf16, ["T", "T"]>
    func.return %y : tensor<?x?x16xbf16, ["T", "T"]>
  }
}

// -----
// The experts of a program with a mesh are dealt out already.
// CHECK-LABEL: @negative_has_mesh(
// CHECK-NOT:     comm.dispatch
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  comm.mesh @ep nodes 1 gpus 4
  func.func @negative_has_mesh(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    // expected-remark @below {{the module has a comm.mesh already: its experts are dealt out}}
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// One site of two: the fact does not hold.
// CHECK-LABEL: builtin.module attributes {dsv3c.facts = ["phased", "raised"]}
// CHECK-LABEL: @negative_one_of_two(
// CHECK:         comm.dispatch
// CHECK:         moe.experts
// CHECK:         comm.combine
// CHECK:         moe.experts %a, %w, %ids gate %gu down %other
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_one_of_two(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>, %other: tensor<8x16x4xbf16>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 3 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xf32, ["T"]> -> tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>
    %gu = weight.param "gate_up" : tensor<8x8x16xbf16> {
      %g = weight.stored_each "experts.{}.gate" count 8 : tensor<8x4x16xbf16>
      %u = weight.stored_each "experts.{}.up" count 8 : tensor<8x4x16xbf16>
      %c = aten.cat([%g, %u], dim = 1) : tensor<8x8x16xbf16>
      weight.yield %c : tensor<8x8x16xbf16>
    }
    %down = weight.param "down" : tensor<8x16x4xbf16>
    %a = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    // expected-remark @below {{a weight is no parameter of this function}}
    %y = moe.experts %a, %w, %ids gate %gu down %other combine_in f32 order "slot" intermediate "input" : tensor<?x16xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x16xbf16>, tensor<8x16x4xbf16> -> tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}

// -----
// A program without routed experts has nothing to exchange: it is sharded as it is.
// CHECK-LABEL: builtin.module attributes {dsv3c.facts = ["phased", "raised", "sharded"]}
// CHECK-NEXT:    dsv3c.symbol @T min 0 max 64
// CHECK-NEXT:    func.func @negative_no_experts(
// CHECK-NEXT:      %y = aten.add.Tensor(%x, %x)
// CHECK-NEXT:      func.return %y
// REMARK: shard-experts: blocked: builtin.module: there is no moe.experts: ranks have nothing to exchange
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_no_experts(%x: tensor<?x16xbf16, ["T"]>, %logits: tensor<?x8xf32, ["T"]>) -> tensor<?x16xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %y = aten.add.Tensor(%x, %x) : tensor<?x16xbf16, ["T"]>
    func.return %y : tensor<?x16xbf16, ["T"]>
  }
}
