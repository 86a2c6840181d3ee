// RUN: dsv3c opt %s -p absorb-mla --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p absorb-mla --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p 'absorb-mla{mode=always}' --split-input-file | filecheck %s --check-prefix=ALWAYS
// RUN: dsv3c opt %s -p 'absorb-mla{mode=never}' --split-input-file | filecheck %s --check-prefix=NEVER
// RUN: dsv3c opt %s -p 'absorb-mla{variants=false}' --split-input-file | filecheck %s --check-prefix=ONE
// RUN: not dsv3c opt %s -p 'absorb-mla{mode=sometimes}' --split-input-file 2>&1 | filecheck %s --check-prefix=MODE
// RUN: dsv3c opt %s -p absorb-mla --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: dsv3c opt %s -p absorb-mla --target h800 --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK

// One new token per sequence: absorbed, with both products per head and the weight cut and transposed in recipes.
// CHECK-LABEL: @decode(
// CHECK:         %[[UPD:\w+]] = mla.append
// CHECK:         %[[UK:\w+]] = weight.param "kv_b.weight:absorbed_k" : tensor<2x32x16xbf16> {
// CHECK-NEXT:      %[[W:\w+]] = weight.stored "kv_b.weight" : tensor<80x32xbf16>
// CHECK-NEXT:      %[[H:\w+]] = aten.view(%[[W]]) : tensor<2x40x32xbf16>
// CHECK-NEXT:      %[[K:\w+]] = aten.slice.Tensor(%[[H]], dim = 1, end = 16) : tensor<2x16x32xbf16>
// CHECK-NEXT:      %[[KT:\w+]] = aten.transpose.int(%[[K]], dim0 = 1, dim1 = 2) : tensor<2x32x16xbf16>
// CHECK-NEXT:      weight.yield %[[KT]] :
// CHECK:         %[[QL:\w+]] = nn.head_linear %q_nope, %[[UK]] : tensor<?x2x16xbf16, ["T"]>, tensor<2x32x16xbf16> -> tensor<?x2x32xbf16, ["T"]>
// CHECK-NEXT:    %[[OL:\w+]] = mla.absorbed_attention %[[QL]], %q_rope, %[[UPD]] at %positions, %seq_offsets, %block_table, %context_lens scale 1.250000e-01 scores f32 probs bf16 :
// CHECK-NEXT:    %[[UV:\w+]] = weight.param "kv_b.weight:absorbed_v" : tensor<2x24x32xbf16> {
// CHECK-NEXT:      %[[W2:\w+]] = weight.stored "kv_b.weight" : tensor<80x32xbf16>
// CHECK-NEXT:      %[[H2:\w+]] = aten.view(%[[W2]]) : tensor<2x40x32xbf16>
// CHECK-NEXT:      %[[V:\w+]] = aten.slice.Tensor(%[[H2]], dim = 1, start = 16) : tensor<2x24x32xbf16>
// CHECK-NEXT:      weight.yield %[[V]] :
// CHECK:         %[[O:\w+]] = nn.head_linear %[[OL]], %[[UV]] : tensor<?x2x32xbf16, ["T"]>, tensor<2x24x32xbf16> -> tensor<?x2x24xbf16, ["T"]>
// CHECK-NEXT:    func.return %[[O]], %[[UPD]] :
// MODE: error: absorb-mla: mode must be one of auto, always, never, not 'sometimes'
// NEVER-LABEL: @decode(
// NEVER-NOT:     mla.absorbed_attention
// NEVER:         mla.expanded_attention
// NEVER:         func.return
// LOC: nn.linear {{.*}} loc("{{.*}}.mlir":[[L:\d+]]:0)
// LOC: nn.head_linear {{.*}} loc(fused["{{.*}}.mlir":[[A:\d+]]:0, "{{.*}}.mlir":[[L]]:0])
// LOC-NEXT: mla.absorbed_attention {{.*}} loc(fused["{{.*}}.mlir":[[A]]:0, "{{.*}}.mlir":[[L]]:0])
// LOC-COUNT-1: nn.head_linear {{.*}} loc(fused["{{.*}}.mlir":[[A]]:0, "{{.*}}.mlir":[[L]]:0])
// REMARK: absorb-mla: fired: @decode: mla.expanded_attention: absorbed is cheaper for every query length (1..1), at 1000 tokens of context, by floor time on h800; absorbed_flops = 2344960.0, expanded_flops = 42496000.0, absorbed_bytes = 649216, expanded_bytes = 3461120, query_tokens = 1, context_tokens = 1000, sequences = 8
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @decode(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Only long prompts: expanded is cheaper for every query length of the entry, and there is no second variant.
// CHECK-LABEL: @prefill(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// CHECK-NOT:     mla.absorbed_attention
// ALWAYS-LABEL: @prefill(
// ALWAYS-NOT:    mla.expanded_attention
// ALWAYS:        mla.absorbed_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @prefill(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 900 : i64, max_query = 1000 : i64, tokens = 1000 : i64, sequences = 1 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{absorbed is cheaper up to 51 new tokens per sequence, expanded from 52 to 1000, at 1000 tokens of context, by FLOPs; absorbed_flops = 149264000.0, expanded_flops = 101216000.0}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Query lengths on both sides: a second entry for the short ones, with the functions it calls.
// CHECK-LABEL: func.func private @prefill.layer0(
// CHECK:         mla.expanded_attention
// CHECK-LABEL: func.func @prefill(
// CHECK-SAME:      phase = {name = "prefill", min_query = 52 : i64, max_query = 1000 : i64, tokens = 1000 : i64, sequences = 1 : i64, context = 1000 : i64}
// CHECK:         func.call @prefill.layer0(
// CHECK-SAME:    {prefix = "model.layers.3"}
// CHECK-LABEL: func.func @prefill.short(
// CHECK-SAME:      phase = {name = "prefill.short", min_query = 1 : i64, max_query = 51 : i64, tokens = 51 : i64, sequences = 1 : i64, context = 1000 : i64}
// CHECK:         func.call @prefill.short.layer0(
// CHECK-SAME:    {prefix = "model.layers.3"}
// CHECK-NEXT:    func.call @prefill.short.layer0(
// CHECK-SAME:    {prefix = "model.layers.4"}
// CHECK-NEXT:    func.call @prefill.short.helper(
// CHECK-LABEL: func.func private @prefill.short.helper(
// CHECK-NOT:     mla.expanded_attention
// CHECK:         mla.absorbed_attention
// CHECK-LABEL: func.func private @prefill.short.layer0(
// CHECK-NOT:     mla.expanded_attention
// CHECK:         mla.absorbed_attention
// CHECK-LABEL: func.func private @helper(
// CHECK:         mla.expanded_attention
// ONE-LABEL: func.func private @prefill.layer0(
// ONE-LABEL: func.func @prefill(
// ONE-SAME:      phase = {name = "prefill", min_query = 1 : i64, max_query = 1000 : i64
// ONE-NOT:     @prefill.short
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func private @prefill.layer0(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)  {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 1000 : i64, tokens = 1000 : i64, sequences = 1 : i64, context = 1000 : i64}} {
    %y, %c = func.call @prefill.layer0(%q_nope, %q_rope, %latent, %k_rope, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "model.layers.3"} : (tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    %y2, %c2 = func.call @prefill.layer0(%q_nope, %q_rope, %latent, %k_rope, %positions, %seq_offsets, %block_table, %context_lens, %c) {prefix = "model.layers.4"} : (tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    %y3, %c3 = func.call @helper(%q_nope, %q_rope, %latent, %k_rope, %positions, %seq_offsets, %block_table, %context_lens, %c2) {prefix = "model.layers.5"} : (tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %y3, %c3 : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func private @helper(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)  {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// The range starts where the choice changes: the variant takes exactly that one length.
// CHECK-LABEL: func.func @edge(
// CHECK-SAME:      min_query = 52 : i64, max_query = 1000
// CHECK-LABEL: func.func @edge.short(
// CHECK-SAME:      min_query = 51 : i64, max_query = 51
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @edge(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "edge", min_query = 51 : i64, max_query = 1000 : i64, tokens = 1000 : i64, sequences = 1 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// With one token of context there is nothing to save.
// CHECK-LABEL: func.func @negative_no_context(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_no_context(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_no_context", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{expanded is cheaper for every query length (1..1), at 1 tokens of context, by FLOPs}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A linear of the gathered keys, of the same size as the latents.
// CHECK-LABEL: @negative_of_keys(
// CHECK:         mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_of_keys(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x8xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 8 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 8 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_of_keys", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x8xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x8xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 8 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 8 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 8 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x8xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context_rope, %kv_b : tensor<?x8xbf16, ["C"]>, tensor<80x8xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{the up-projection does not read the cache's latents}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 8 x bf16, rope 8 x bf16>
  }
}

// -----
// Attention in f64: no target states a rate for it, FLOPs decide.
// CHECK-LABEL: @f64(
// CHECK:         mla.absorbed_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @f64(%q_nope: tensor<?x2x16xf64, ["T"]>, %q_rope: tensor<?x2x8xf64, ["T"]>, %latent: tensor<?x32xf64, ["T"]>, %k_rope: tensor<?x8xf64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x f64, rope 8 x f64>) -> (tensor<?x2x24xf64, ["T"]>, !mla.cache<"pages" x 64, latent 32 x f64, rope 8 x f64>) attributes {phase = {name = "f64", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xf64>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xf64, ["T"]>, tensor<?x8xf64, ["T"]>, !mla.cache<"pages" x 64, latent 32 x f64, rope 8 x f64>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x f64, rope 8 x f64>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x f64, rope 8 x f64>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xf64, ["C"]>, tensor<?x8xf64, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xf64, ["C"]>, tensor<80x32xf64> -> tensor<?x80xf64, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xf64, ["C"]>
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f64 probs f64 : tensor<?x2x16xf64, ["T"]>, tensor<?x2x8xf64, ["T"]>, tensor<?x2x40xf64, ["C"]>, tensor<?x8xf64, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xf64, ["T"]>
    func.return %o, %updated : tensor<?x2x24xf64, ["T"]>, !mla.cache<"pages" x 64, latent 32 x f64, rope 8 x f64>
  }
}

// -----
// CHECK-LABEL: @negative_no_linear(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_no_linear(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_no_linear(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_no_linear", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %flat = "test.op"() : () -> tensor<?x80xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%flat) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{K and V are not computed by a linear from the context}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_bias(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_bias(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_bias(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %bias: tensor<80xbf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_bias", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b bias %bias : tensor<80xbf16>, : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{the up-projection has a bias}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_heads_reordered(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_heads_reordered(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_heads_reordered(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_heads_reordered", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv0 = aten.view(%up) : tensor<?x40x2xbf16, ["C"]>
    %kv = aten.transpose.int(%kv0, dim0 = 1, dim1 = 2) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{kv is not the up-projection's rows dealt out to heads in order}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_not_from_cache(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_not_from_cache(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_not_from_cache(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %other: tensor<?x32xbf16, ["C"]>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_not_from_cache", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %other, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{the up-projection does not read the cache's latents}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_other_rope(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_other_rope(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_other_rope(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %other: tensor<?x8xbf16, ["C"]>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_other_rope", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{the rotated keys are not those of the same cache rows}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %other at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_other_lens(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_other_lens(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_other_lens(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %other: tensor<?xi32, ["N"]>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_other_lens", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{the attention counts its context by another table than the gather}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %other scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_no_parameter(
// CHECK:         mla.expanded_attention
// CHECK:         func.return
// ALWAYS-LABEL: @negative_no_parameter(
// ALWAYS:        mla.expanded_attention
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @negative_no_parameter(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %kv_b: tensor<80x32xbf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "negative_no_parameter", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 8 : i64, context = 1000 : i64}} {
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{the up-projection's weight is no parameter}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Planned before, with another break-even: the variant that is there stays, no second one is made.
// CHECK-LABEL: func.func @again(
// CHECK-SAME:      min_query = 1 : i64, max_query = 1000
// CHECK:         mla.expanded_attention
// CHECK-LABEL: func.func @again.short(
// CHECK-SAME:      min_query = 1 : i64, max_query = 20
// CHECK:         mla.absorbed_attention
// CHECK-NOT:     @again.short
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @C min 0
  dsv3c.symbol @pages min 1
  func.func @again(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "again", min_query = 1 : i64, max_query = 1000 : i64, tokens = 1000 : i64, sequences = 1 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    // expected-remark @below {{by FLOPs; @again.short is there already}}
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @again.short(%q_nope: tensor<?x2x16xbf16, ["T"]>, %q_rope: tensor<?x2x8xbf16, ["T"]>, %latent: tensor<?x32xbf16, ["T"]>, %k_rope: tensor<?x8xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "again.short", min_query = 1 : i64, max_query = 20 : i64, tokens = 20 : i64, sequences = 1 : i64, context = 1000 : i64}} {
    %kv_b = weight.param "kv_b.weight" : tensor<80x32xbf16>
    %updated = mla.append %latent, %k_rope to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %context_rope = mla.gather %updated, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %up = nn.linear %context, %kv_b : tensor<?x32xbf16, ["C"]>, tensor<80x32xbf16> -> tensor<?x80xbf16, ["C"]>
    %kv = aten.view(%up) : tensor<?x2x40xbf16, ["C"]>
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.125 scores f32 probs bf16 : tensor<?x2x16xbf16, ["T"]>, tensor<?x2x8xbf16, ["T"]>, tensor<?x2x40xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x2x24xbf16, ["T"]>
    func.return %o, %updated : tensor<?x2x24xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}
