// RUN: dsv3c opt %s -p bucket-tokens --split-input-file --allow-unapplied | filecheck %s
// RUN: dsv3c opt %s -p bucket-tokens --split-input-file --allow-unapplied --verify-diagnostics
// RUN: dsv3c opt %s -p 'bucket-tokens{layout=contiguous alignment=8}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=ALIGNED
// RUN: dsv3c opt %s -p 'bucket-tokens{layout=masked}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=MASKED
// RUN: dsv3c opt %s -p 'bucket-tokens{layout=dense}' --split-input-file --allow-unapplied | filecheck %s --check-prefix=DENSE
// RUN: dsv3c opt %s -p 'bucket-tokens{layout=contiguous alignment=8}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=REASON
// RUN: dsv3c opt %s -p bucket-tokens --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=CPU
// RUN: dsv3c opt %s -p 'bucket-tokens{layout=masked}' --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=DISTINCT
// RUN: not dsv3c opt %s -p 'bucket-tokens{layout=sorted}' --split-input-file 2>&1 | filecheck %s --check-prefix=LAYOUT
// RUN: not dsv3c opt %s -p 'bucket-tokens{alignment=-1}' --split-input-file 2>&1 | filecheck %s --check-prefix=NEGATIVE
// RUN: not dsv3c opt %s -p 'bucket-tokens{layout=masked alignment=1}' --split-input-file 2>&1 | filecheck %s --check-prefix=USELESS
// RUN: not dsv3c opt %s -p 'bucket-tokens{layout=dense alignment=8}' --split-input-file 2>&1 | filecheck %s --check-prefix=DENSER
// RUN: dsv3c opt %s -p bucket-tokens --split-input-file --allow-unapplied --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: dsv3c opt %s -p bucket-tokens --target h800 --split-input-file --allow-unapplied --remarks 2>&1 | filecheck %s --check-prefix=H800

// LAYOUT: error: bucket-tokens: layout must be one of auto, contiguous, masked, dense, not 'sorted'
// NEGATIVE: error: bucket-tokens: alignment must be at least 1 row, or 0, not -1
// USELESS: error: bucket-tokens: alignment is of contiguous rows; masked rows have none
// DENSER: error: bucket-tokens: alignment is of contiguous rows; dense rows have none

// A program without a cache, its tokens in two dims: compact rows on a CPU, gate and up rows cut apart.
// CHECK-LABEL: @sequences
// CHECK:         %[[W:\w+]], %[[IDS:\w+]] = moe.gate
// CHECK-NEXT:    %[[ROWS:\w+]], %[[SLOTS:\w+]], %[[OF:\w+]] = moe.permute %x by %[[IDS]] experts 4 layout "contiguous" alignment 1 : tensor<?x?x8xbf16, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]> -> tensor<?x8xbf16, ["2*B*S"]>, tensor<?xi32, ["2*B*S"]>, tensor<?xi32, ["2*B*S"]>
// CHECK-NEXT:    %[[GU:\w+]] = moe.grouped_mm %[[ROWS]], %gate_up by %[[OF]] : tensor<?x8xbf16, ["2*B*S"]>, tensor<4x12x8xbf16>, tensor<?xi32, ["2*B*S"]> -> tensor<?x12xbf16, ["2*B*S"]>
// CHECK-NEXT:    %[[G:\w+]] = aten.slice.Tensor(%[[GU]], dim = -1, end = 6) : tensor<?x6xbf16, ["2*B*S"]>
// CHECK-NEXT:    %[[U:\w+]] = aten.slice.Tensor(%[[GU]], dim = -1, start = 6) : tensor<?x6xbf16, ["2*B*S"]>
// CHECK-NEXT:    %[[H:\w+]] = nn.swiglu %[[G]], %[[U]] intermediate "f32" : tensor<?x6xbf16, ["2*B*S"]>
// CHECK-NEXT:    %[[D:\w+]] = moe.grouped_mm %[[H]], %down by %[[OF]] : tensor<?x6xbf16, ["2*B*S"]>, tensor<4x8x6xbf16>, tensor<?xi32, ["2*B*S"]> -> tensor<?x8xbf16, ["2*B*S"]>
// CHECK-NEXT:    %[[Y:\w+]] = moe.unpermute %[[D]] at %[[SLOTS]] weights %[[W]] ids %[[IDS]] combine_in f32 order "slot" : tensor<?x8xbf16, ["2*B*S"]>, tensor<?xi32, ["2*B*S"]>, tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]> -> tensor<?x?x8xbf16, ["B", "S"]>
// CHECK-NEXT:    func.return %[[Y]] :
// Names for people.
// CHECK-LABEL: @names
// CHECK: %rows, %slots, %expert_of = moe.permute
// CHECK: %gate_up_rows = moe.grouped_mm
// CHECK: %gate_rows = aten.slice.Tensor
// CHECK: %up_rows = aten.slice.Tensor
// CHECK: %hidden_rows = nn.swiglu
// CHECK: %down_rows = moe.grouped_mm
// CHECK: %mixed = moe.unpermute
// ALIGNED-LABEL: @sequences
// ALIGNED: moe.permute {{.*}} experts 4 layout "contiguous" alignment 8 : {{.*}} -> tensor<?x8xbf16, ["2*B*S + 28"]>, tensor<?xi32, ["2*B*S + 28"]>, tensor<?xi32, ["2*B*S + 28"]>
// MASKED-LABEL: @sequences
// MASKED: moe.permute {{.*}} experts 4 layout "masked" alignment 1 : {{.*}} -> tensor<?x8xbf16, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>
// DENSE-LABEL: @sequences
// DENSE: moe.permute {{.*}} experts 4 layout "dense" alignment 1 : {{.*}} -> tensor<?x8xbf16, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>, tensor<?xi32, ["4*B*S"]>
// LOC-LABEL: @sequences
// LOC: moe.permute {{.*}} loc("{{.*}}":[[L:\d+]]:0)
// LOC-NEXT: moe.grouped_mm {{.*}} loc("{{.*}}":[[L]]:0)
// LOC-NEXT: aten.slice.Tensor{{.*}} loc("{{.*}}":[[L]]:0)
// LOC-NEXT: aten.slice.Tensor{{.*}} loc("{{.*}}":[[L]]:0)
// LOC-NEXT: nn.swiglu {{.*}} loc("{{.*}}":[[L]]:0)
// LOC-NEXT: moe.grouped_mm {{.*}} loc("{{.*}}":[[L]]:0)
// LOC-NEXT: moe.unpermute {{.*}} loc("{{.*}}":[[L]]:0)
// The hints are 2 x 16 tokens.
// H800: bucket-tokens: fired: @sequences: moe.experts: masked rows are cheapest for 1..379 tokens, by floor time on h800; layout = masked, tokens = 32, rows = 128, padding_rows = 64.0, padding_share = 0.5, contiguous_flops = 165640, contiguous_bytes = 80480, masked_flops = 23296, masked_bytes = 18048, dense_flops = 41728, dense_bytes = 22400
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1 max 16 hint 2
  dsv3c.symbol @S min 1 max 4096 hint 16
  func.func @sequences(%x: tensor<?x?x8xbf16, ["B", "S"]>, %logits: tensor<?x?x4xf32, ["B", "S"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x?x4xf32, ["B", "S"]> -> tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: contiguous (alignment 1) rows are cheapest for 1..65536 tokens, by FLOPs; layout = contiguous (alignment 1), tokens = 32, rows = 64, padding_rows = 0.0, padding_share = 0.0, contiguous_flops = 21376, contiguous_bytes = 13440, masked_flops = 23296, masked_bytes = 18048, dense_flops = 41728, dense_bytes = 22400
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "f32" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xi64, ["B", "S"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
    func.return %y : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @names(%x: tensor<?x8xbf16, ["S"]>, %logits: tensor<?x4xf32, ["S"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["S"]> {
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x4xf32, ["S"]> -> tensor<?x2xf32, ["S"]>, tensor<?x2xi64, ["S"]>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: contiguous (alignment 1) rows are cheapest for 1..4096 tokens, by FLOPs; layout = contiguous (alignment 1), tokens = 16
    %mixed = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "f32" : tensor<?x8xbf16, ["S"]>, tensor<?x2xf32, ["S"]>, tensor<?x2xi64, ["S"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16> -> tensor<?x8xbf16, ["S"]>
    func.return %mixed : tensor<?x8xbf16, ["S"]>
  }
}

// -----
// Gate and up apart: a product for each.  The ids may be reshaped on the way.
// CHECK-LABEL: @apart
// CHECK:         %[[ROWS:\w+]], %[[SLOTS:\w+]], %[[OF:\w+]] = moe.permute %x by %flat experts 4 layout "contiguous" alignment 1 : tensor<6x8xf32>, tensor<6x2xi64> -> tensor<12x8xf32>, tensor<12xi32>, tensor<12xi32>
// CHECK-NEXT:    %[[G:\w+]] = moe.grouped_mm %[[ROWS]], %gate by %[[OF]] : tensor<12x8xf32>, tensor<4x6x8xf32>, tensor<12xi32> -> tensor<12x6xf32>
// CHECK-NEXT:    %[[U:\w+]] = moe.grouped_mm %[[ROWS]], %up by %[[OF]] : tensor<12x8xf32>, tensor<4x6x8xf32>, tensor<12xi32> -> tensor<12x6xf32>
// CHECK-NEXT:    %[[H:\w+]] = nn.swiglu %[[G]], %[[U]] intermediate "input" : tensor<12x6xf32>
// CHECK-NEXT:    %[[D:\w+]] = moe.grouped_mm %[[H]], %down by %[[OF]] : tensor<12x6xf32>, tensor<4x8x6xf32>, tensor<12xi32> -> tensor<12x8xf32>
// CHECK-NEXT:    %[[Y:\w+]] = moe.unpermute %[[D]] at %[[SLOTS]] weights %weights ids %flat combine_in bf16 order "expert" : tensor<12x8xf32>, tensor<12xi32>, tensor<6x2xf32>, tensor<6x2xi64> -> tensor<6x8xf32>
// MASKED-LABEL:  @apart
// MASKED:        moe.permute {{.*}} layout "masked" {{.*}} -> tensor<24x8xf32>, tensor<24xi32>, tensor<24xi32>
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @apart(%x: tensor<6x8xf32>, %logits: tensor<2x3x4xf32>, %weights: tensor<6x2xf32>, %gate: tensor<4x6x8xf32>, %up: tensor<4x6x8xf32>, %down: tensor<4x8x6xf32>) -> tensor<6x8xf32> {
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<2x3x4xf32> -> tensor<2x3x2xf32>, tensor<2x3x2xi64>
    %flat = aten.view(%ids) : tensor<6x2xi64>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: contiguous (alignment 1) rows are cheapest for 6 tokens, by FLOPs; layout = contiguous (alignment 1), tokens = 6, rows = 12, padding_rows = 0.0, padding_share = 0.0, contiguous_flops = 4008, contiguous_bytes = 6828
    %y = moe.experts %x, %weights, %flat gate %gate up %up : tensor<4x6x8xf32> down %down combine_in bf16 order "expert" intermediate "input" : tensor<6x8xf32>, tensor<6x2xf32>, tensor<6x2xi64>, tensor<4x6x8xf32>, tensor<4x8x6xf32> -> tensor<6x8xf32>
    func.return %y : tensor<6x8xf32>
  }
}

// -----
// A captured phase has room for all tokens at every expert, in the functions it calls as well; a phase that is not
// captured compares.
// CHECK-LABEL: @decode.layer
// CHECK: moe.permute {{.*}} layout "masked" alignment 1 : {{.*}} -> tensor<?x8xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
// CHECK-LABEL: @prefill.layer
// CHECK: moe.permute {{.*}} layout "contiguous" alignment 1
// H800: bucket-tokens: fired: @decode.layer: moe.experts: masked rows are cheapest for 1..4096 tokens, by floor time on h800; decode is captured as a device graph, launched without counts of rows; layout = masked, tokens = 8, rows = 32, padding_rows = 16.0, padding_share = 0.5, masked_flops = 5824, masked_bytes = 5372, dense_flops = 10432, dense_bytes = 6464
// H800: bucket-tokens: fired: @prefill.layer: moe.experts: contiguous (alignment 128) rows are cheapest for 380..4096 tokens, by floor time on h800; layout = contiguous (alignment 128), tokens = 1000, rows = 2508, padding_rows = 157.9, padding_share = 0.0732, contiguous_flops = 728709, contiguous_bytes = 432464,
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 16
  func.func private @decode.layer(%x: tensor<?x8xbf16, ["T"]>, %logits: tensor<?x4xf32, ["T"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]> {
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x4xf32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: masked rows are cheapest for 1..4096 tokens, by FLOPs; decode is captured as a device graph, launched without counts of rows; layout = masked, tokens = 8, rows = 32
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
    func.return %y : tensor<?x8xbf16, ["T"]>
  }
  func.func private @prefill.layer(%x: tensor<?x8xbf16, ["T"]>, %logits: tensor<?x4xf32, ["T"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]> {
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x4xf32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: contiguous (alignment 1) rows are cheapest for 1..4096 tokens, by FLOPs; layout = contiguous (alignment 1), tokens = 1000, rows = 2000
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16> -> tensor<?x8xbf16, ["T"]>
    func.return %y : tensor<?x8xbf16, ["T"]>
  }
  func.func private @between(%x: tensor<?x8xbf16, ["T"]>, %logits: tensor<?x4xf32, ["T"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]> {
    %y = func.call @decode.layer(%x, %logits, %gate_up, %down) {prefix = ""} : (tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]>
    func.return %y : tensor<?x8xbf16, ["T"]>
  }
  func.func @decode(%x: tensor<?x8xbf16, ["T"]>, %logits: tensor<?x4xf32, ["T"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64, capturable}} {
    %y = func.call @between(%x, %logits, %gate_up, %down) {prefix = ""} : (tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]>
    func.return %y : tensor<?x8xbf16, ["T"]>
  }
  func.func @prefill(%x: tensor<?x8xbf16, ["T"]>, %logits: tensor<?x4xf32, ["T"]>, %gate_up: tensor<4x12x8xbf16>, %down: tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]> attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 1000 : i64, tokens = 1000 : i64, sequences = 1 : i64, context = 1000 : i64}} {
    %y = func.call @prefill.layer(%x, %logits, %gate_up, %down) {prefix = ""} : (tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<4x12x8xbf16>, tensor<4x8x6xbf16>) -> tensor<?x8xbf16, ["T"]>
    func.return %y : tensor<?x8xbf16, ["T"]>
  }
}

// -----
// Rows laid out by counts cannot be had in a captured phase.
// REASON: bucket-tokens: blocked: @negative_captured: moe.experts: contiguous rows are laid out by counts: verify is captured as a device graph, launched without counts of rows
// DISTINCT: bucket-tokens: blocked: @negative_repeated: moe.experts: masked rows have no bound: ids come from no moe.gate or comm.dispatch, a token may repeat one
// ALIGNED-LABEL: @negative_captured
// ALIGNED-NOT:   moe.permute
// ALIGNED:       moe.experts
// ALIGNED:       func.return
// CHECK-LABEL:   @negative_captured
// CHECK:         moe.permute
// DENSE-LABEL:   @negative_captured
// DENSE:         moe.permute {{.*}} layout "dense"
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  func.func @negative_captured(%x: tensor<6x8xf32>, %logits: tensor<6x4xf32>, %gate_up: tensor<4x12x8xf32>, %down: tensor<4x8x6xf32>) -> tensor<6x8xf32> attributes {phase = {name = "verify", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64, capturable}} {
    %w, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<6x4xf32> -> tensor<6x2xf32>, tensor<6x2xi64>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: masked rows are cheapest for 6 tokens, by FLOPs; verify is captured as a device graph, launched without counts of rows; layout = masked
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<6x8xf32>, tensor<6x2xf32>, tensor<6x2xi64>, tensor<4x12x8xf32>, tensor<4x8x6xf32> -> tensor<6x8xf32>
    func.return %y : tensor<6x8xf32>
  }
}

// -----
// Nothing says that the ids of a token differ: an expert may get more rows than there are tokens.
// REASON: bucket-tokens: fired: @negative_repeated: moe.experts: contiguous (alignment 8) rows; layout = contiguous (alignment 8), tokens = 6, rows = 40, padding_rows = 19.5, padding_share = 0.619,
// MASKED-LABEL: @negative_repeated
// MASKED-NOT:   moe.permute
// MASKED:       moe.experts
// MASKED:       func.return
// DENSE-LABEL:  @negative_repeated
// DENSE-NOT:    moe.permute
// DENSE:        moe.experts
// DENSE:        func.return
// CHECK-LABEL:  @negative_repeated
// CHECK:        moe.permute {{.*}} layout "contiguous"
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @negative_repeated(%x: tensor<6x8xf32>, %w: tensor<6x2xf32>, %ids: tensor<6x2xi64>, %gate_up: tensor<4x12x8xf32>, %down: tensor<4x8x6xf32>) -> tensor<6x8xf32> {
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: contiguous (alignment 1) rows; other layouts have no bound: ids come from no moe.gate or comm.dispatch, a token may repeat one; layout = contiguous (alignment 1), tokens = 6, rows = 12, padding_rows = 0.0, padding_share = 0.0, contiguous_flops = 4008, contiguous_bytes = 6396
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<6x8xf32>, tensor<6x2xf32>, tensor<6x2xi64>, tensor<4x12x8xf32>, tensor<4x8x6xf32> -> tensor<6x8xf32>
    func.return %y : tensor<6x8xf32>
  }
}

// -----
// Two experts per token, rearranged so that a row of ids holds those of two tokens.
// MASKED-LABEL: @negative_rearranged
// MASKED-NOT:   moe.permute
// MASKED:       func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  func.func @negative_rearranged(%x: tensor<2x8xf32>, %logits: tensor<2x4xf32>, %w: tensor<2x2xf32>, %gate_up: tensor<4x12x8xf32>, %down: tensor<4x8x6xf32>) -> tensor<2x8xf32> {
    %weights, %ids = moe.gate %logits top_k 2 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<2x4xf32> -> tensor<2x2xf32>, tensor<2x2xi64>
    %turned = aten.t(%ids) : tensor<2x2xi64>
    // CPU: bucket-tokens: fired: {{.*}}: moe.experts: contiguous (alignment 1) rows; other layouts have no bound: ids come from no moe.gate or comm.dispatch
    %y = moe.experts %x, %w, %turned gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<2x8xf32>, tensor<2x2xf32>, tensor<2x2xi64>, tensor<4x12x8xf32>, tensor<4x8x6xf32> -> tensor<2x8xf32>
    func.return %y : tensor<2x8xf32>
  }
}

// -----
// CHECK-LABEL: @negative_sizes
// CHECK-NOT:   moe.permute
// CHECK:       func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @E min 1 max 16
  dsv3c.symbol @D min 1 max 16
  dsv3c.symbol @k min 1 max 16
  func.func @negative_sizes(%x: tensor<6x8xf32>, %w: tensor<6x2xf32>, %ids: tensor<6x2xi64>, %gate_up: tensor<?x12x8xf32, ["E"]>, %down: tensor<?x8x6xf32, ["E"]>) -> tensor<6x8xf32> {
    // expected-remark @below {{experts, their sizes and the choices per token must be numbers}}
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<6x8xf32>, tensor<6x2xf32>, tensor<6x2xi64>, tensor<?x12x8xf32, ["E"]>, tensor<?x8x6xf32, ["E"]> -> tensor<6x8xf32>
    func.return %y : tensor<6x8xf32>
  }
  func.func @negative_choices(%x: tensor<6x8xf32>, %w: tensor<6x?xf32, ["k"]>, %ids: tensor<6x?xi64, ["k"]>, %gate_up: tensor<4x12x8xf32>, %down: tensor<4x8x6xf32>) -> tensor<6x8xf32> {
    // expected-remark @below {{experts, their sizes and the choices per token must be numbers}}
    %y = moe.experts %x, %w, %ids gate %gate_up down %down combine_in f32 order "slot" intermediate "input" : tensor<6x8xf32>, tensor<6x?xf32, ["k"]>, tensor<6x?xi64, ["k"]>, tensor<4x12x8xf32>, tensor<4x8x6xf32> -> tensor<6x8xf32>
    func.return %y : tensor<6x8xf32>
  }
}
