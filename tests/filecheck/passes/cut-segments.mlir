// RUN: dsv3c opt %s -p cut-segments --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p cut-segments --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p cut-segments --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// A dense layer: projections, what needs the cache up to the value that everything later goes through, the rest.
// CHECK:      func.func private @layer.attention_0(%h: tensor<?x32xbf16, ["T"]>) -> (tensor<?x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>) attributes {segment = "attention-0"} {
// CHECK-NEXT:   %w_k = weight.param "w_k"
// CHECK-NEXT:   %k = nn.linear %h, %w_k
// CHECK-NEXT:   %w_q = weight.param "w_q"
// CHECK-NEXT:   %q = nn.linear %h, %w_q
// CHECK-NEXT:   %qs = aten.view(%q)
// CHECK-NEXT:   %q4 = aten.slice.Tensor(%qs,
// CHECK-NEXT:   %qr = aten.slice.Tensor(%qs,
// CHECK-NEXT:   func.return %k, %q4, %qr :
// CHECK:      func.func private @layer.attention_1(%cache: {{.*}}, %h: {{.*}}, %k: {{.*}}, %positions: {{.*}}, %seq_offsets: {{.*}}, %block_table: {{.*}}, %context_lens: {{.*}}, %q4: {{.*}}, %qr: {{.*}}) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) attributes {segment = "attention-1"} {
// CHECK-NEXT:   %next = mla.append %h, %k to %cache
// CHECK-NEXT:   %context, %rope = mla.gather %next
// CHECK-NEXT:   %w_kv = weight.param "w_kv"
// CHECK-NEXT:   %kvf = nn.linear %context, %w_kv
// CHECK-NEXT:   %kv = aten.view(%kvf)
// CHECK-NEXT:   %mixed = mla.expanded_attention %q4, %qr, %kv, %rope
// CHECK-NEXT:   %o16 = aten.view(%mixed)
// CHECK-NEXT:   %w_o = weight.param "w_o"
// CHECK-NEXT:   %o = nn.linear %o16, %w_o
// CHECK-NEXT:   %z = aten.add.Tensor(%h, %o)
// CHECK-NEXT:   func.return %next, %z :
// CHECK:      func.func private @layer.mlp(%z: tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]> attributes {segment = "mlp"} {
// CHECK-NEXT:   %w_up = weight.param "w_up"
// CHECK-NEXT:   %u = nn.linear %z, %w_up
// CHECK-NEXT:   %s = aten.silu(%u)
// CHECK-NEXT:   %r = aten.add.Tensor(%z, %s)
// CHECK-NEXT:   func.return %r :
// CHECK:      func.func private @layer(
// CHECK-NEXT:   %k, %q4, %qr = func.call @layer.attention_0(%h) {prefix = ""} :
// CHECK-NEXT:   %next, %z = func.call @layer.attention_1(%cache, %h, %k, %positions, %seq_offsets, %block_table, %context_lens, %q4, %qr) {prefix = ""} :
// CHECK-NEXT:   %r = func.call @layer.mlp(%z) {prefix = ""} :
// CHECK-NEXT:   func.return %r, %next :
// CHECK:      func.func @prefill(
// CHECK-NEXT:   func.call @layer(
// REMARK: cut-segments: fired: func.func: @layer: attention-0, attention-1, mlp; segments = 3
// LOC: func.func private @layer.attention_0(
// LOC: } loc("{{.*}}.mlir":[[F:\d+]]:0)
// LOC: func.call @layer.mlp({{.*}} loc(fused["{{.*}}.mlir":[[U:\d+]]:0, "{{.*}}.mlir":{{\d+}}:0, "{{.*}}.mlir":{{\d+}}:0])
// LOC: } loc("{{.*}}.mlir":[[F]]:0)
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_up = weight.param "w_up" : tensor<32x32xbf16>
    %u = nn.linear %z, %w_up : tensor<?x32xbf16, ["T"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %s = aten.silu(%u) : tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%z, %s) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Experts over ranks, the ops in another order than the segments: communication is alone, what only the experts need
// is with them, the shared expert neither waits for communication nor is waited for by it.
// CHECK:      func.func private @layer.attention_0(
// CHECK:      func.func private @layer.attention_1(
// CHECK:        %z = aten.add.Tensor(%h, %o)
// CHECK-NEXT:   %w_gate = weight.param "w_gate"
// CHECK-NEXT:   %logits = nn.linear %z, %w_gate
// CHECK-NEXT:   %weights, %ids = moe.gate %logits
// CHECK-NEXT:   func.return %next, %z, %weights, %ids :
// CHECK:      func.func private @layer.dispatch(%z: {{.*}}, %weights: {{.*}}, %ids: {{.*}}, %t: !comm.token<"ep">) -> ({{.*}}) attributes {segment = "dispatch"} {
// CHECK-NEXT:   %place = comm.placement <0:8>
// CHECK-NEXT:   %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t
// CHECK-NEXT:   func.return %rows, %rw, %ri, %src, %t1 :
// CHECK:      func.func private @layer.experts(%h: {{.*}}, %rows: {{.*}}, %rw: {{.*}}, %ri: {{.*}}) -> tensor<?x32xbf16, ["4*T"]> attributes {segment = "experts"} {
// CHECK-NEXT:   %half = aten.mul.Scalar(%h,
// CHECK-NEXT:   %wide = aten.cat([%half, %half, %half, %half])
// CHECK-NEXT:   %g = weight.param "gate"
// CHECK-NEXT:   %d = weight.param "down"
// CHECK-NEXT:   %e = moe.experts %rows, %rw, %ri
// CHECK-NEXT:   %y = aten.add.Tensor(%e, %wide)
// CHECK-NEXT:   func.return %y :
// CHECK:      func.func private @layer.shared(%z: tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]> attributes {segment = "shared"} {
// CHECK-NEXT:   %w_s = weight.param "w_s"
// CHECK-NEXT:   %sh = nn.linear %z, %w_s
// CHECK-NEXT:   func.return %sh :
// CHECK:      func.func private @layer.combine(%y: {{.*}}, %src: {{.*}}, %weights: {{.*}}, %ids: {{.*}}, %t1: !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !comm.token<"ep">) attributes {segment = "combine"} {
// CHECK-NEXT:   %back, %t2 = comm.combine %y,
// CHECK-NEXT:   func.return %back, %t2 :
// CHECK:      func.func private @layer.residual(%back: {{.*}}, %sh: {{.*}}, %z: {{.*}}) -> tensor<?x32xbf16, ["T"]> attributes {segment = "residual"} {
// CHECK-NEXT:   %zs = aten.add.Tensor(%back, %sh)
// CHECK-NEXT:   %r = aten.add.Tensor(%z, %zs)
// CHECK-NEXT:   func.return %r :
// CHECK:      func.func private @layer(
// CHECK-NEXT:   %k, %q4, %qr = func.call @layer.attention_0(%h)
// CHECK-NEXT:   %next, %z, %weights, %ids = func.call @layer.attention_1(
// CHECK-NEXT:   %rows, %rw, %ri, %src, %t1 = func.call @layer.dispatch(%z, %weights, %ids, %t)
// CHECK-NEXT:   %y = func.call @layer.experts(%h, %rows, %rw, %ri)
// CHECK-NEXT:   %sh = func.call @layer.shared(%z)
// CHECK-NEXT:   %back, %t2 = func.call @layer.combine(%y, %src, %weights, %ids, %t1)
// CHECK-NEXT:   %r = func.call @layer.residual(%back, %sh, %z)
// CHECK-NEXT:   func.return %r, %next, %t2 :
// REMARK: @layer: attention-0, attention-1, dispatch, experts, shared, combine, residual; segments = 7
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_s = weight.param "w_s" : tensor<32x32xbf16>
    %sh = nn.linear %z, %w_s : tensor<?x32xbf16, ["T"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %place = comm.placement <0:8> : tensor<8xi32>
    %half = aten.mul.Scalar(%h, other = 0.5) : tensor<?x32xbf16, ["T"]>
    %wide = aten.cat([%half, %half, %half, %half]) : tensor<?x32xbf16, ["4*T"]>
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %e = moe.experts %rows, %rw, %ri gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["4*T"]>
    %y = aten.add.Tensor(%e, %wide) : tensor<?x32xbf16, ["4*T"]>
    %back, %t2 = comm.combine %y, %src, %weights, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    %zs = aten.add.Tensor(%back, %sh) : tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%z, %zs) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next, %t2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Counted rows: the counts are exchanged in the dispatch.  What two segments read of a parameter is in both.
// CHECK:      func.func private @layer.dispatch(
// CHECK-NEXT:   %place = comm.placement
// CHECK-NEXT:   %cnt, %t0 = comm.sync_counts %ids placement %place after %t
// CHECK-NEXT:   comm.dispatch %z, %weights, %ids placement %place after %t0 counts %cnt
// CHECK:      func.func private @layer.experts(%rows: tensor<?x32xbf16, ["R"]>,
// CHECK:        moe.experts
// CHECK-NEXT:   %w_s = weight.param "w_s"
// CHECK-NEXT:   %w_t = aten.t(%w_s)
// CHECK-NEXT:   %y = nn.linear %e, %w_t
// CHECK:      func.func private @layer.shared(%z: tensor<?x32xbf16, ["T"]>)
// CHECK-NEXT:   %w_s = weight.param "w_s"
// CHECK-NEXT:   %w_t = aten.t(%w_s)
// CHECK-NEXT:   %sh = nn.linear %z, %w_t
// CHECK:      func.func private @layer(
// CHECK-NEXT:   func.call
// CHECK-COUNT-6: func.call
// CHECK-NEXT:   func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  dsv3c.symbol @R min 0
  comm.mesh @ep nodes 1 gpus 2
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_s = weight.param "w_s" : tensor<32x32xbf16>
    %w_t = aten.t(%w_s) : tensor<32x32xbf16>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %place = comm.placement <0:8> : tensor<8xi32>
    %cnt, %t0 = comm.sync_counts %ids placement %place after %t copies "expert" experts_per_rank 4 : tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<2xi32>
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t0 counts %cnt : tensor<2xi32> copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["R"]>, tensor<?x1xbf16, ["R"]>, tensor<?x1xi64, ["R"]>, tensor<?x2xi32, ["R"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %e = moe.experts %rows, %rw, %ri gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["R"]>, tensor<?x1xbf16, ["R"]>, tensor<?x1xi64, ["R"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["R"]>
    %y = nn.linear %e, %w_t : tensor<?x32xbf16, ["R"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["R"]>
    %sh = nn.linear %z, %w_t : tensor<?x32xbf16, ["T"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %back, %t2 = comm.combine %y, %src, %weights, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    %zs = aten.add.Tensor(%back, %sh) : tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%z, %zs) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next, %t2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Without communication the experts are one op, or the rows from permute to unpermute.
// CHECK:      func.func private @one.attention_1(
// CHECK:        func.return %next, %z, %weights, %ids :
// CHECK:      func.func private @one.experts(%z: {{.*}}, %weights: {{.*}}, %ids: {{.*}}) -> tensor<?x32xbf16, ["T"]> attributes {segment = "experts"} {
// CHECK-COUNT-2: weight.param
// CHECK-NEXT:   %y = moe.experts %z, %weights, %ids
// CHECK-NEXT:   func.return %y :
// CHECK:      func.func private @one.shared(
// CHECK:      func.func private @one.residual(%y: {{.*}}, %sh: {{.*}}, %z:
// CHECK:      func.func private @rows.experts(%z: {{.*}}, %ids: {{.*}}, %weights: {{.*}}) -> tensor<?x32xbf16, ["T"]> attributes {segment = "experts"} {
// CHECK-NEXT:   %rows, %slots, %of = moe.permute %z by %ids
// CHECK-NEXT:   %w1 = weight.param "w1"
// CHECK-NEXT:   %y = moe.grouped_mm %rows, %w1 by %of
// CHECK-NEXT:   %back = moe.unpermute %y at %slots
// CHECK-NEXT:   func.return %back :
// CHECK-NOT:  func.func private @rows.shared
// CHECK:      func.func private @rows.residual(%z: {{.*}}, %back:
// REMARK: @one: attention-0, attention-1, experts, shared, residual; segments = 5
// REMARK: @rows: attention-0, attention-1, experts, residual; segments = 4
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @one(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_s = weight.param "w_s" : tensor<32x32xbf16>
    %sh = nn.linear %z, %w_s : tensor<?x32xbf16, ["T"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %y = moe.experts %z, %weights, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %zs = aten.add.Tensor(%y, %sh) : tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%z, %zs) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func private @rows(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %rows, %slots, %of = moe.permute %z by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x32xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    %w1 = weight.param "w1" : tensor<4x32x32xbf16>
    %y = moe.grouped_mm %rows, %w1 by %of : tensor<?x32xbf16, ["2*T + 12"]>, tensor<4x32x32xbf16>, tensor<?xi32, ["2*T + 12"]> -> tensor<?x32xbf16, ["2*T + 12"]>
    %back = moe.unpermute %y at %slots weights %weights ids %ids combine_in f32 order "slot" : tensor<?x32xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%z, %back) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @one(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @other(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @rows(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Random numbers are drawn once, although they are drawn for a parameter and two segments read them.
// CHECK:      func.func private @noisy.shared(%z: {{.*}}) -> (tensor<32x32xbf16>, tensor<?x32xbf16, ["T"]>) attributes {segment = "shared"} {
// CHECK-NEXT:   %w_s = weight.param "w_s"
// CHECK-NEXT:   %noise = aten.rand_like(%w_s)
// CHECK-NEXT:   %sh = nn.linear %z, %noise
// CHECK-NEXT:   func.return %noise, %sh :
// CHECK:      func.func private @noisy.residual(%e: {{.*}}, %noise: tensor<32x32xbf16>,
// CHECK-NOT:    rand_like
// CHECK:      func.func private @noisy(
// CHECK:        %noise, %sh = func.call @noisy.shared(%z)
// REMARK: @noisy: attention-0, attention-1, experts, shared, residual; segments = 5
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @noisy(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %w_s = weight.param "w_s" : tensor<32x32xbf16>
    %noise = aten.rand_like(%w_s) : tensor<32x32xbf16>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %e = moe.experts %z, %weights, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %y = nn.linear %e, %noise : tensor<?x32xbf16, ["T"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %sh = nn.linear %z, %noise : tensor<?x32xbf16, ["T"]>, tensor<32x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %zs = aten.add.Tensor(%y, %sh) : tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%z, %zs) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @noisy(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Nothing carries all that follows: there is no mlp to cut off.  No projection: no attention-0; names that are taken
// get a number; what a layer returns of its arguments and parameters stays.  A function without a cache is no layer.
// CHECK:      func.func private @joined.attention_0(
// CHECK:      func.func private @joined.attention_1(
// CHECK:        %a = aten.add.Tensor(%h, %o)
// CHECK-NEXT:   %r = aten.add.Tensor(%a, %h)
// CHECK-NEXT:   func.return %next, %r :
// CHECK-NOT:  @joined.mlp
// CHECK:      func.func private @bare.attention_1.1(
// CHECK-NEXT:   %next = mla.append
// CHECK-NEXT:   func.return %next :
// CHECK:      func.func private @bare(
// CHECK-NEXT:   %v = weight.param "v"
// CHECK-NEXT:   %{{.*}}, %v1 = aten.chunk(%v,
// CHECK-NEXT:   %next = func.call @bare.attention_1.1(
// CHECK-NEXT:   func.return %h, %next, %v1 :
// CHECK:      func.func private @bare.attention_1(
// CHECK-NEXT:   aten.silu
// CHECK:      func.func @uncalled(
// CHECK:        mla.append
// REMARK: @joined: attention-0, attention-1; segments = 2
// REMARK-NEXT: @bare: attention-1; segments = 1
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @joined(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %a = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %r = aten.add.Tensor(%a, %h) : tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func private @bare(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %kr: tensor<?x8xbf16, ["T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<2xbf16>) {
    %next = mla.append %h, %kr to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %v = weight.param "v" : tensor<4xbf16>
    %v0, %v1 = aten.chunk(%v, chunks = 2) : tensor<2xbf16>, tensor<2xbf16>
    func.return %h, %next, %v1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<2xbf16>
  }
  func.func private @bare.attention_1(%h: tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]> {
    %s = aten.silu(%h) : tensor<?x32xbf16, ["T"]>
    func.return %s : tensor<?x32xbf16, ["T"]>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @joined(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @other(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %kr: tensor<?x8xbf16, ["T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %s = func.call @bare.attention_1(%h) {prefix = ""} : (tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]>
    %r, %c, %v = func.call @bare(%s, %positions, %seq_offsets, %block_table, %context_lens, %cache, %kr) {prefix = ""} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x8xbf16, ["T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<2xbf16>)
    func.return %r, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @uncalled(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %kr: tensor<?x8xbf16, ["T"]>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %next = mla.append %h, %kr to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %v = weight.param "v" : tensor<4xbf16>
    %v0, %v1 = aten.chunk(%v, chunks = 2) : tensor<2xbf16>, tensor<2xbf16>
    func.return %next : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// It is cut already.
// CHECK-LABEL: func.func private @negative_cut_already(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: the layer is cut already
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @part(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {segment = "attention-1"} {
    func.return %cache : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func private @negative_cut_already(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %next = func.call @part(%cache) {prefix = ""} : (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %h, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_cut_already(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// It calls a function that is no segment.
// CHECK-LABEL: func.func private @negative_call(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: the layer calls a function: nothing is cut there
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @part(%h: tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]> {
    func.return %h : tensor<?x32xbf16, ["T"]>
  }
  func.func private @negative_call(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %x = func.call @part(%h) {prefix = ""} : (tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]>
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    func.return %x, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_call(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// An op has an effect.
// CHECK-LABEL: func.func private @negative_effect(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: test.op has an effect that no result shows: it cannot be moved
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @negative_effect(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    "test.op"(%z) : (tensor<?x32xbf16, ["T"]>) -> ()
    func.return %z, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_effect(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Nothing works on the cache.
// CHECK-LABEL: func.func private @negative_no_attention(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: no op reads its cache: there is no attention to cut at
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @negative_no_attention(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %s = aten.silu(%h) : tensor<?x32xbf16, ["T"]>
    func.return %s, %cache : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_no_attention(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Rows are combined that were never dispatched.
// CHECK-LABEL: func.func private @negative_combine(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: 0 comm.dispatch and 1 comm.combine that are not one before the other
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @negative_combine(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">, %y0: tensor<?x32xbf16, ["4*T"]>, %src0: tensor<?x2xi32, ["4*T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %back, %t2 = comm.combine %y0, %src0, %weights, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    func.return %back, %next, %t2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %y0: tensor<?x32xbf16, ["4*T"]>, %src0: tensor<?x2xi32, ["4*T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @negative_combine(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t, %y0, %src0) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">, tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Rows are dispatched twice.
// CHECK-LABEL: func.func private @negative_two_dispatches(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: comm.dispatch: 2 comm.dispatch and 1 comm.combine that are not one before the other
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @negative_two_dispatches(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %place = comm.placement <0:8> : tensor<8xi32>
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %y = moe.experts %rows, %rw, %ri gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["4*T"]>
    %back, %t2 = comm.combine %y, %src, %weights, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    %rows2, %rw2, %ri2, %src2, %t3 = comm.dispatch %z, %weights, %ids placement %place after %t2 copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    func.return %back, %next, %t3 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @negative_two_dispatches(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Rows are combined twice.
// CHECK-LABEL: func.func private @negative_two_combines(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: comm.dispatch: 1 comm.dispatch and 2 comm.combine that are not one before the other
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @negative_two_combines(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %place = comm.placement <0:8> : tensor<8xi32>
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %y = moe.experts %rows, %rw, %ri gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["4*T"]>
    %back, %t2 = comm.combine %y, %src, %weights, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    %again, %t3 = comm.combine %y, %src, %weights, %ids after %t2 order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    func.return %back, %next, %t3 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @negative_two_combines(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Rows are dispatched and not combined.
// CHECK-LABEL: func.func private @negative_dispatch(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: comm.dispatch: 1 comm.dispatch and 0 comm.combine that are not one before the other
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @negative_dispatch(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %place = comm.placement <0:8> : tensor<8xi32>
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %y = moe.experts %rows, %rw, %ri gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["4*T"]>
    func.return %z, %next, %t1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @negative_dispatch(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Rows are combined before they are dispatched.
// CHECK-LABEL: func.func private @negative_order(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: 1 comm.dispatch and 1 comm.combine that are not one before the other
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @negative_order(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">, %y0: tensor<?x32xbf16, ["4*T"]>, %src0: tensor<?x2xi32, ["4*T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %place = comm.placement <0:8> : tensor<8xi32>
    %back, %t2 = comm.combine %y0, %src0, %weights, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x32xbf16, ["T"]>
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %z, %weights, %ids placement %place after %t2 copies "expert" experts_per_rank 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<8xi32>, !comm.token<"ep"> -> tensor<?x32xbf16, ["4*T"]>, tensor<?x1xbf16, ["4*T"]>, tensor<?x1xi64, ["4*T"]>, tensor<?x2xi32, ["4*T"]>
    func.return %back, %next, %t1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %y0: tensor<?x32xbf16, ["4*T"]>, %src0: tensor<?x2xi32, ["4*T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %r0, %r1, %r2 = func.call @negative_order(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t, %y0, %src0) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">, tensor<?x32xbf16, ["4*T"]>, tensor<?x2xi32, ["4*T"]>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">)
    func.return %r0, %r1, %r2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">
  }
}

// -----
// Rows stay permuted.
// CHECK-LABEL: func.func private @negative_permuted(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: rows are permuted to experts and not back
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @negative_permuted(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %rows, %slots, %of = moe.permute %z by %ids experts 4 layout "contiguous" alignment 4 : tensor<?x32xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x32xbf16, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    %w1 = weight.param "w1" : tensor<4x32x32xbf16>
    %y = moe.grouped_mm %rows, %w1 by %of : tensor<?x32xbf16, ["2*T + 12"]>, tensor<4x32x32xbf16>, tensor<?xi32, ["2*T + 12"]> -> tensor<?x32xbf16, ["2*T + 12"]>
    %r = aten.slice.Tensor(%y, end = "T") : tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_permuted(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// The attention is behind the experts.
// CHECK-LABEL: func.func private @negative_attention_last(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: the attention needs moe.experts: they are in the wrong order to be cut
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @negative_attention_last(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %h, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %y = moe.experts %h, %weights, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %y, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %r = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_attention_last(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// One expert layer after the other, with an op between.
// CHECK-LABEL: func.func private @negative_between(
// CHECK-NOT:     segment
// CHECK-LABEL: func.func @prefill(
// REMARK-NEXT: cut-segments: blocked: {{.*}}: aten.silu stands between two ops that begin the experts: they are no one segment
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @negative_between(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %w_k = weight.param "w_k" : tensor<8x32xbf16>
    %k = nn.linear %h, %w_k : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %w_q = weight.param "w_q" : tensor<16x32xbf16>
    %q = nn.linear %h, %w_q : tensor<?x32xbf16, ["T"]>, tensor<16x32xbf16> -> tensor<?x16xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %w_kv = weight.param "w_kv" : tensor<24x32xbf16>
    %kvf = nn.linear %context, %w_kv : tensor<?x32xbf16, ["C"]>, tensor<24x32xbf16> -> tensor<?x24xbf16, ["C"]>
    %kv = aten.view(%kvf) : tensor<?x1x24xbf16, ["C"]>
    %qs = aten.view(%q) : tensor<?x1x16xbf16, ["T"]>
    %q4 = aten.slice.Tensor(%qs, dim = 2, end = 8) : tensor<?x1x8xbf16, ["T"]>
    %qr = aten.slice.Tensor(%qs, dim = 2, start = 8) : tensor<?x1x8xbf16, ["T"]>
    %w_o = weight.param "w_o" : tensor<32x16xbf16>
    %mixed = mla.expanded_attention %q4, %qr, %kv, %rope at %positions, %seq_offsets, %context_lens scale 1.0 scores f32 probs f32 : tensor<?x1x8xbf16, ["T"]>, tensor<?x1x8xbf16, ["T"]>, tensor<?x1x24xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x1x16xbf16, ["T"]>
    %o16 = aten.view(%mixed) : tensor<?x16xbf16, ["T"]>
    %o = nn.linear %o16, %w_o : tensor<?x16xbf16, ["T"]>, tensor<32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %z = aten.add.Tensor(%h, %o) : tensor<?x32xbf16, ["T"]>
    %w_gate = weight.param "w_gate" : tensor<8x32xbf16>
    %logits = nn.linear %z, %w_gate : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %weights, %ids = moe.gate %logits top_k 2 scoring "softmax" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<?x8xbf16, ["T"]> -> tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>
    %g = weight.param "gate" : tensor<4x32x32xbf16>
    %d = weight.param "down" : tensor<4x32x16xbf16>
    %y = moe.experts %z, %weights, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    %m = aten.silu(%y) : tensor<?x32xbf16, ["T"]>
    %g2 = weight.param "gate" : tensor<4x32x32xbf16>
    %d2 = weight.param "down" : tensor<4x32x16xbf16>
    %r = moe.experts %m, %weights, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<?x32xbf16, ["T"]>, tensor<?x2xbf16, ["T"]>, tensor<?x2xi64, ["T"]>, tensor<4x32x32xbf16>, tensor<4x32x16xbf16> -> tensor<?x32xbf16, ["T"]>
    func.return %r, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %r0, %r1 = func.call @negative_between(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %r0, %r1 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}
