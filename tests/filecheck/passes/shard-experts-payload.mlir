// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=OWN
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 payload=bf16}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=BF16
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 payload=logfmt10}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=LOG10
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 payload=logfmt8}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=LOG8
// RUN: not dsv3c opt %s -p 'shard-experts{payload=f8E4M3FN}' --split-input-file 2>&1 | filecheck %s --check-prefix=NAME
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 nnodes=2}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=SOURCE
// RUN: dsv3c opt %s -p 'shard-experts{ep=4 nnodes=2 order=node_rank}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=SUMS
// RUN: dsv3c opt %s -p 'shard-experts{ep=4}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=SUMS

// NAME: error: shard-experts: payload must be one of own, bf16, f16, f32, f64, logfmt10, logfmt8, not 'f8E4M3FN'

// 3 choices of 8, half of which lie on the other node; in partial sums one message to the other node, where it is reached:
// 2 - 2 * C(4, 3) / C(8, 3) nodes of a token, half of which are not its own.
// SOURCE: shard-experts: fired: @narrow: moe.experts: 8 experts on 4 ranks: copies expert, receive bounded, order slot; experts_per_rank = 2, ranks_per_token = 2.57, scale_out_copies_per_token = 1.5, with_order_node_rank = 0.93{{$}}
// SUMS: shard-experts: fired: @narrow: moe.experts: {{.*}}ranks_per_token = 2.57{{$}}

// OWN-LABEL: @narrow(
// OWN: comm.combine {{.*}} payload "bf16"
// BF16-LABEL: @narrow(
// BF16: comm.combine {{.*}} payload "bf16"
// LOG10-LABEL: @narrow(
// LOG10: comm.combine {{.*}} payload "logfmt10"
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @narrow(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x256xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %gu = weight.param "gate_up" : tensor<8x8x256xbf16>
    %down = weight.param "down" : tensor<8x256x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x256xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x256xbf16>, tensor<8x256x4xbf16> -> tensor<?x256xbf16, ["T"]>
    func.return %y : tensor<?x256xbf16, ["T"]>
  }
}

// -----
// OWN-LABEL: @wide(
// OWN: comm.combine {{.*}} payload "f32"
// BF16-LABEL: @wide(
// BF16: comm.combine {{.*}} payload "bf16"
// LOG10-LABEL: @wide(
// LOG10: comm.combine {{.*}} payload "logfmt10"
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @wide(%x: tensor<?x128xf32, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x128xf32, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %gu = weight.param "gate_up" : tensor<8x8x128xf32>
    %down = weight.param "down" : tensor<8x128x4xf32>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x128xf32, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x128xf32>, tensor<8x128x4xf32> -> tensor<?x128xf32, ["T"]>
    func.return %y : tensor<?x128xf32, ["T"]>
  }
}

// -----
// LogFMT shares a range among 128 channels; other payloads do not.
// OWN-LABEL: @negative_no_whole_groups(
// OWN: comm.combine
// BF16-LABEL: @negative_no_whole_groups(
// BF16: comm.combine {{.*}} payload "bf16"
// LOG10-LABEL: @negative_no_whole_groups(
// LOG10-NOT: comm.
// LOG8: shard-experts: blocked: @negative_no_whole_groups: moe.experts: logfmt8 works on groups of 128 channels; 192 is no multiple
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 64
  func.func @negative_no_whole_groups(%x: tensor<?x192xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x3xi64, ["T"]>) -> tensor<?x192xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 256 : i64, capturable}} {
    %gu = weight.param "gate_up" : tensor<8x8x192xbf16>
    %down = weight.param "down" : tensor<8x192x4xbf16>
    %y = moe.experts %x, %w, %ids gate %gu down %down combine_in f32 order "slot" intermediate "input" : tensor<?x192xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x3xi64, ["T"]>, tensor<8x8x192xbf16>, tensor<8x192x4xbf16> -> tensor<?x192xbf16, ["T"]>
    func.return %y : tensor<?x192xbf16, ["T"]>
  }
}
