// RUN: dsv3c opt %s -p split-microbatches --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p split-microbatches --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p 'split-microbatches{phases=decode}' --split-input-file | filecheck %s --check-prefix=SOME
// RUN: not dsv3c opt %s -p 'split-microbatches{phases=train}' --split-input-file 2>&1 | filecheck %s --check-prefix=PHASE
// RUN: not dsv3c opt %s -p 'split-microbatches{microbatches=3}' --split-input-file 2>&1 | filecheck %s --check-prefix=NUMBER
// RUN: dsv3c opt %s -p split-microbatches --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// PHASE: error: unknown phase 'train'
// PHASE-NEXT: phases: prefill, decode, verify
// NUMBER: error: split-microbatches: microbatches must be 2, not 3

// Two layers: tables, rows of tokens and caches of each part; sizes of a layer's own are symbols per micro-batch.
// CHECK:      dsv3c.symbol @T min 0 max 4096 hint 128
// CHECK-NEXT: dsv3c.symbol @N min 0 max 8 hint 4
// CHECK-NEXT: dsv3c.symbol @P min 1 max 4
// CHECK-NEXT: dsv3c.symbol @C min 0 max 512
// CHECK-NEXT: dsv3c.symbol @pages min 1
// CHECK-NEXT: dsv3c.symbol @N_0 min 0 max 8 hint 4
// CHECK-NEXT: dsv3c.symbol @N_1 min 0 max 8 hint 4
// CHECK-NEXT: dsv3c.symbol @C_0 min 0 max 512
// CHECK-NEXT: dsv3c.symbol @C_1 min 0 max 512
// CHECK-NEXT: func.func private @prefill.layer.mb0(
// CHECK-SAME:   %h: tensor<?x32xbf16, ["(T + 1)//2"]>, %positions: tensor<?xi32, ["(T + 1)//2"]>, %seq_offsets: tensor<?xi32, ["N_0 + 1"]>, %block_table: tensor<?x?xi32, ["N_0", "P"]>, %context_lens: tensor<?xi32, ["N_0"]>, %scale: tensor<32xbf16>, %cache:
// CHECK-SAME:   -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["(T + 1)//2"]>) {
// CHECK-NEXT:   %w = weight.param "w" : tensor<8x32xbf16> {
// CHECK-NEXT:     %0 = weight.stored "w" : tensor<8x32xbf16>
// CHECK-NEXT:     weight.yield %0 :
// CHECK-NEXT:   }
// CHECK-NEXT:   %k = nn.linear %h, %w : tensor<?x32xbf16, ["(T + 1)//2"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["(T + 1)//2"]>
// CHECK-NEXT:   %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table :
// CHECK-NEXT:   %context, %rope = mla.gather %next, %context_lens, %block_table : {{.*}} -> tensor<?x32xbf16, ["C_0"]>, tensor<?x8xbf16, ["C_0"]>
// CHECK-NEXT:   %first = aten.narrow(%h, dim = 0, start = 0, length = "(T + 1)//2") : tensor<?x32xbf16, ["(T + 1)//2"]>
// CHECK-NEXT:   %rows = aten.constant_pad_nd(%first, pad = [0, 0, 0, "(T + 1)//2 + 8"], value = "2*((T + 1)//2)") : tensor<?x32xbf16, ["2*((T + 1)//2) + 8"]>
// CHECK-NEXT:   "test.op"(%rows, %context) {as = tensor<?x32xbf16, ["T"]>}
// CHECK-NEXT:   aten.einsum(equation = "tk,nk->tn", [%h, %w]) : tensor<?x8xbf16, ["(T + 1)//2"]>
// CHECK-NEXT:   scaled.quantize %h {{.*}} -> !scaled.tensor<tensor<?x32xf8E4M3FN, ["(T + 1)//2"]>, 1x32, f32>
// CHECK-NEXT:   func.return %next, %h :
// CHECK:      func.func private @prefill.layer.mb1(
// CHECK-SAME:   %h: tensor<?x32xbf16, ["T//2"]>,
// CHECK:        mla.gather {{.*}} -> tensor<?x32xbf16, ["C_1"]>, tensor<?x8xbf16, ["C_1"]>
// CHECK-NEXT:   aten.narrow({{.*}} length = "T//2")
// CHECK-NEXT:   aten.constant_pad_nd({{.*}} pad = [0, 0, 0, "T//2 + 8"], value = "2*(T//2)")
// CHECK-NOT:  func.func private
// CHECK:      func.func @prefill(
// CHECK:        %h = nn.embedding
// CHECK-NEXT:   %[[O0:\w+]], %[[B0:\w+]], %[[L0:\w+]] = nn.step_part %seq_offsets, %block_table, %context_lens first "0" count "(T + 1)//2" keep "present" : {{.*}} -> tensor<?xi32, ["N_0 + 1"]>, tensor<?x?xi32, ["N_0", "P"]>, tensor<?xi32, ["N_0"]>
// CHECK-NEXT:   %[[O1:\w+]], %[[B1:\w+]], %[[L1:\w+]] = nn.step_part %seq_offsets, %block_table, %context_lens first "(T + 1)//2" count "T//2" keep "present" : {{.*}} -> tensor<?xi32, ["N_1 + 1"]>, tensor<?x?xi32, ["N_1", "P"]>, tensor<?xi32, ["N_1"]>
// CHECK-NEXT:   %h_mb0 = aten.slice.Tensor(%h, end = "(T + 1)//2") : tensor<?x32xbf16, ["(T + 1)//2"]>
// CHECK-NEXT:   %h_mb1 = aten.slice.Tensor(%h, start = "(T + 1)//2") : tensor<?x32xbf16, ["T//2"]>
// CHECK-NEXT:   %positions_mb0 = aten.slice.Tensor(%positions, end = "(T + 1)//2") : tensor<?xi32, ["(T + 1)//2"]>
// CHECK-NEXT:   %positions_mb1 = aten.slice.Tensor(%positions, start = "(T + 1)//2") : tensor<?xi32, ["T//2"]>
// CHECK-NEXT:   %c0_mb0, %h1_mb0 = func.call @prefill.layer.mb0(%h_mb0, %positions_mb0, %[[O0]], %[[B0]], %[[L0]], %scale, %cache0) {prefix = "layers.0", microbatch = 0 : i64} :
// CHECK-NEXT:   %c0, %h1_mb1 = func.call @prefill.layer.mb1(%h_mb1, %positions_mb1, %[[O1]], %[[B1]], %[[L1]], %scale, %c0_mb0) {prefix = "layers.0", microbatch = 1 : i64} :
// CHECK-NEXT:   %c1_mb0, %h2_mb0 = func.call @prefill.layer.mb0(%h1_mb0, %positions_mb0, %[[O0]], %[[B0]], %[[L0]], %scale, %cache1) {prefix = "layers.0", microbatch = 0 : i64} :
// CHECK-NEXT:   %c1, %h2_mb1 = func.call @prefill.layer.mb1(%h1_mb1, %positions_mb1, %[[O1]], %[[B1]], %[[L1]], %scale, %c1_mb0) {prefix = "layers.0", microbatch = 1 : i64} :
// CHECK-NEXT:   %h2 = aten.cat([%h2_mb0, %h2_mb1]) : tensor<?x32xbf16, ["T"]>
// CHECK-NEXT:   %last = nn.last_tokens %h2, %seq_offsets
// CHECK-NEXT:   func.return %last, %c0, %c1 :
// REMARK: split-microbatches: fired: func.func: 2 layers in micro-batches of (T + 1)//2 and T//2 tokens; sequences N_0, N_1; layers = 2
// SOME-LABEL: func.func private @prefill.layer(
// SOME:         func.call @prefill.layer(
// SOME-NEXT:    func.call @prefill.layer(
// LOC: nn.step_part {{.*}} loc("{{.*}}.mlir":[[C:\d+]]:0)
// LOC: aten.slice.Tensor{{.*}} loc("{{.*}}.mlir":[[C]]:0)
// LOC: func.call @prefill.layer.mb0{{.*}} loc("{{.*}}.mlir":[[C]]:0)
// LOC: aten.cat
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @prefill.layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %scale: tensor<32xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    %first = aten.narrow(%h, dim = 0, start = 0, length = "T") : tensor<?x32xbf16, ["T"]>
    %rows = aten.constant_pad_nd(%first, pad = [0, 0, 0, "T + 8"], value = "2*T") : tensor<?x32xbf16, ["2*T + 8"]>
    "test.op"(%rows, %context) {as = tensor<?x32xbf16, ["T"]>} : (tensor<?x32xbf16, ["2*T + 8"]>, tensor<?x32xbf16, ["C"]>) -> ()
    %mixed = aten.einsum([%h, %w], equation = "tk,nk->tn") : tensor<?x8xbf16, ["T"]>
    %scaled = scaled.quantize %h quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x32xbf16, ["T"]> -> !scaled.tensor<tensor<?x32xf8E4M3FN, ["T"]>, 1x32, f32>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @prefill(%ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %scale: tensor<32xbf16>, %cache0: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %cache1: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %table = weight.param "embed" : tensor<50x32xbf16>
    %h = nn.embedding %ids, %table : tensor<?xi64, ["T"]>, tensor<50x32xbf16> -> tensor<?x32xbf16, ["T"]>
    %c0, %h1 = func.call @prefill.layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %scale, %cache0) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, tensor<32xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    %c1, %h2 = func.call @prefill.layer(%h1, %positions, %seq_offsets, %block_table, %context_lens, %scale, %cache1) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, tensor<32xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    %last = nn.last_tokens %h2, %seq_offsets : tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x32xbf16, ["N"]>
    func.return %last, %c0, %c1 : tensor<?x32xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// One token per sequence: half of the sequences.  Capturable otherwise: all rows are kept.  One function for several
// entries; a token of communication goes through both parts of a layer, and an op between layers has whole rows.
// CHECK: func.func private @layer.mb0({{.*}} %seq_offsets: tensor<?xi32, ["(N + 1)//2 + 1"]>
// CHECK: func.func private @layer.mb1({{.*}} %seq_offsets: tensor<?xi32, ["N//2 + 1"]>
// CHECK: func.func private @layer.mb0.1({{.*}} %seq_offsets: tensor<?xi32, ["N + 1"]>
// CHECK: func.func private @layer.mb1.1({{.*}} %seq_offsets: tensor<?xi32, ["N + 1"]>
// CHECK: func.func private @layer.mb0.2({{.*}} %seq_offsets: tensor<?xi32, ["N_0 + 1"]>
// CHECK: func.func private @layer.mb1.2({{.*}} %seq_offsets: tensor<?xi32, ["N_1 + 1"]>
// CHECK-NOT: func.func private
// CHECK-LABEL: func.func @decode(
// CHECK-NEXT:   %t = comm.start
// CHECK-NEXT:   nn.step_part {{.*}} first "0" count "(T + 1)//2" keep "present" : {{.*}} -> tensor<?xi32, ["(N + 1)//2 + 1"]>, tensor<?x?xi32, ["(N + 1)//2", "P"]>, tensor<?xi32, ["(N + 1)//2"]>
// CHECK-NEXT:   nn.step_part {{.*}} first "(T + 1)//2" count "T//2" keep "present" : {{.*}} -> tensor<?xi32, ["N//2 + 1"]>, tensor<?x?xi32, ["N//2", "P"]>, tensor<?xi32, ["N//2"]>
// CHECK-COUNT-4: aten.slice.Tensor
// CHECK-NEXT:   %c_mb0, %[[Y0:[0-9]+]], %[[T0:\w+]] = func.call @layer.mb0({{.*}}, %cache, %t)
// CHECK-NEXT:   %c, %[[Y1:[0-9]+]], %[[T1:\w+]] = func.call @layer.mb1({{.*}}, %c_mb0, %[[T0]])
// CHECK-NEXT:   %[[Y:[0-9]+]] = aten.cat([%[[Y0]], %[[Y1]]])
// CHECK-NEXT:   %z = nn.swiglu %[[Y]], %h
// CHECK-NEXT:   %z_mb0 = aten.slice.Tensor(%z, end = "(T + 1)//2")
// CHECK-NEXT:   %z_mb1 = aten.slice.Tensor(%z, start = "(T + 1)//2")
// CHECK-NEXT:   %d_mb0, %u_mb0, %[[T2:\w+]] = func.call @layer.mb0(%z_mb0, {{.*}}, %c, %[[T1]])
// CHECK-NEXT:   %d, %u_mb1, %{{.*}} = func.call @layer.mb1(%z_mb1, {{.*}}, %d_mb0, %[[T2]])
// CHECK-NEXT:   %u = aten.cat([%u_mb0, %u_mb1])
// CHECK-NEXT:   func.return %u, %d :
// CHECK-LABEL: func.func @verify(
// CHECK:        nn.step_part {{.*}} first "0" count "(T + 1)//2" keep "all" : {{.*}} -> tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
// CHECK-NEXT:   nn.step_part {{.*}} first "(T + 1)//2" count "T//2" keep "all" : {{.*}} -> tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
// CHECK:        func.call @layer.mb0.1(
// CHECK-LABEL: func.func @prefill(
// CHECK:        func.call @layer.mb1.2(
// REMARK: 2 layers in micro-batches of (T + 1)//2 and T//2 tokens; sequences (N + 1)//2, N//2; layers = 2
// REMARK-NEXT: 2 layers in micro-batches of (T + 1)//2 and T//2 tokens; sequences N, N; layers = 2
// REMARK-NEXT: 2 layers in micro-batches of (T + 1)//2 and T//2 tokens; sequences N_0, N_1; layers = 2
// SOME-LABEL: func.func private @layer(
// SOME-LABEL: func.func @decode(
// SOME:         func.call @layer.mb0(
// SOME-LABEL: func.func @verify(
// SOME:         func.call @layer(
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  comm.mesh @ep nodes 1 gpus 2
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %t: !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">
  }
  func.func @decode(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %c, %0, %t1 = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">)
    %z = nn.swiglu %0, %h intermediate "input" : tensor<?x32xbf16, ["T"]>
    %d, %u, %t2 = func.call @layer(%z, %positions, %seq_offsets, %block_table, %context_lens, %c, %t1) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">)
    func.return %u, %d : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @verify(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "verify", min_query = 1 : i64, max_query = 2 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %c, %0, %t1 = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">)
    %z = nn.swiglu %0, %h intermediate "input" : tensor<?x32xbf16, ["T"]>
    %d, %u, %t2 = func.call @layer(%z, %positions, %seq_offsets, %block_table, %context_lens, %c, %t1) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">)
    func.return %u, %d : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill.short", min_query = 1 : i64, max_query = 7 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %c, %0, %t1 = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache, %t) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">)
    %z = nn.swiglu %0, %h intermediate "input" : tensor<?x32xbf16, ["T"]>
    %d, %u, %t2 = func.call @layer(%z, %positions, %seq_offsets, %block_table, %context_lens, %c, %t1) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, !comm.token<"ep">) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, !comm.token<"ep">)
    func.return %u, %d : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// What a layer calls is copied with it, and the layer's own sizes are the same in both.
// CHECK:      func.func private @prefill.layer.a.mb0({{.*}} -> (tensor<?x32xbf16, ["C_0"]>, {{.*}} attributes {segment = "attention-1"} {
// CHECK:      func.func private @prefill.layer.a.mb1({{.*}} -> (tensor<?x32xbf16, ["C_1"]>, {{.*}} attributes {segment = "attention-1"} {
// CHECK:      func.func private @prefill.layer.c.mb0({{.*}} {
// CHECK-NEXT:   mla.gather {{.*}} -> tensor<?x32xbf16, ["D_0"]>
// CHECK:      func.func private @prefill.layer.c.mb1({{.*}} {
// CHECK:      func.func private @prefill.layer.b.mb0(%context: tensor<?x32xbf16, ["C_0"]>) attributes {segment = "mlp"} {
// CHECK:      func.func private @prefill.layer.b.mb1(%context: tensor<?x32xbf16, ["C_1"]>)
// CHECK:      func.func private @prefill.layer.mb0(
// CHECK-NEXT:   %context, %next = func.call @prefill.layer.a.mb0(%h,
// CHECK-NEXT:   func.call @prefill.layer.c.mb0(
// CHECK-NEXT:   func.call @prefill.layer.b.mb0(%context) {prefix = ""} : (tensor<?x32xbf16, ["C_0"]>) -> ()
// CHECK:      func.func private @prefill.layer.mb1(
// CHECK-NOT:  func.func private
// CHECK:      func.func @prefill(
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  dsv3c.symbol @D min 0
  func.func private @prefill.layer.a(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["C"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {segment = "attention-1"} {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %context, %rope = mla.gather %next, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
    func.return %context, %next : tensor<?x32xbf16, ["C"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func private @prefill.layer.c(%positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %rows, %rope = mla.gather %cache, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["D"]>, tensor<?x8xbf16, ["D"]>
    func.return
  }
  func.func private @prefill.layer.b(%context: tensor<?x32xbf16, ["C"]>) attributes {segment = "mlp"} {
    "test.op"(%context) : (tensor<?x32xbf16, ["C"]>) -> ()
    func.return
  }
  func.func private @prefill.layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    %context, %next = func.call @prefill.layer.a(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = ""} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["C"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.call @prefill.layer.c(%positions, %seq_offsets, %block_table, %context_lens, %next) {prefix = ""} : (tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> ()
    func.call @prefill.layer.b(%context) {prefix = ""} : (tensor<?x32xbf16, ["C"]>) -> ()
    func.return %h, %next : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @prefill(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %y, %c = func.call @prefill.layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// No function over a cache is called.
// CHECK-LABEL: func.func @negative_no_layer(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: it calls no function with a cache: there is no layer to split
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @head(%h: tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]> {
    func.return %h : tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_no_layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %y = func.call @head(%h) {prefix = ""} : (tensor<?x32xbf16, ["T"]>) -> tensor<?x32xbf16, ["T"]>
    func.return %y, %cache : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// The pass ran before, or a part of it: one layer states a micro-batch.
// CHECK-LABEL: func.func @negative_split_already(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer is split already
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_split_already(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    %c2, %y2 = func.call @layer(%y, %positions, %seq_offsets, %block_table, %context_lens, %c) {prefix = "layers.0", microbatch = 0 : i64} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y2, %c2 : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Two arguments could be the context lengths.
// CHECK-LABEL: func.func @negative_tables(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: 2 of its arguments are context_lens, tensor<?xi32, ["N"]>
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_tables(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %other: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// The block table is no argument.
// CHECK-LABEL: func.func @negative_no_block_table(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: 0 of its arguments are block_table, tensor<?x?xi32, ["N", "P"]>
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
    func.return %h, %cache : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
  func.func @negative_no_block_table(%h: tensor<?x32xbf16, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %y, %c = func.call @layer(%h, %cache) {prefix = ""} : (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A layer takes what is no row per token.
// CHECK-LABEL: func.func @negative_mask(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer takes tensor<?x?xbf16, ["T", "T"]>, which is neither rows of tokens nor a table of the step
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %mask: tensor<?x?xbf16, ["T", "T"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_mask(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %mask: tensor<?x?xbf16, ["T", "T"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %mask, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, tensor<?x?xbf16, ["T", "T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A layer takes a row per sequence that is no table.
// CHECK-LABEL: func.func @negative_state(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer takes tensor<?x32xbf16, ["N"]>, which is neither
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %state: tensor<?x32xbf16, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_state(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %state: tensor<?x32xbf16, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %state, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, tensor<?x32xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// Rows of tokens that are as long as there are sequences.
// CHECK-LABEL: func.func @negative_row_per_sequence(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer takes tensor<?x?xbf16, ["T", "N"]>, which is neither
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %rows: tensor<?x?xbf16, ["T", "N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_row_per_sequence(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %rows: tensor<?x?xbf16, ["T", "N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %rows, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, tensor<?x?xbf16, ["T", "N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A layer takes scaled rows.
// CHECK-LABEL: func.func @negative_scaled(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer takes !scaled.tensor<tensor<?x32xf8E4M3FN, ["T"]>, 1x32, f32>, which is neither
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %q: !scaled.tensor<tensor<?x32xf8E4M3FN, ["T"]>, 1x32, f32>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_scaled(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %q: !scaled.tensor<tensor<?x32xf8E4M3FN, ["T"]>, 1x32, f32>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %q, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !scaled.tensor<tensor<?x32xf8E4M3FN, ["T"]>, 1x32, f32>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A layer gives what is no row per token.
// CHECK-LABEL: func.func @negative_result(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer gives tensor<32xbf16>, which is not rows of tokens
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, tensor<32xbf16>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    %v = weight.param "v" : tensor<32xbf16>
    func.return %next, %h, %v : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
  }
  func.func @negative_result(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y, %v = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>, tensor<32xbf16>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A layer keeps its cache.
// CHECK-LABEL: func.func @negative_cache(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: the layer does not give back the caches and tokens it takes, in their order
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %h : tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_cache(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> tensor<?x32xbf16, ["T"]>
    func.return %y, %cache : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A layer numbers the tokens of the step, in a function that it calls.
// CHECK-LABEL: func.func @negative_arange(
// CHECK-NOT:     nn.step_part
// CHECK:         func.return
// REMARK: split-microbatches: blocked: {{.*}}: aten.arange makes rows of tokens from none: it may number those of the whole step
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 8 hint 4
  dsv3c.symbol @P min 1 max 4
  dsv3c.symbol @C min 0 max 512
  dsv3c.symbol @pages min 1
  func.func private @numbers() {
    //ARANGE
    %n = aten.arange(end = "T") : tensor<?xi64, ["T"]>
    "test.op"(%n) : (tensor<?xi64, ["T"]>) -> ()
    func.return
  }
  func.func private @layer(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>) {
    %w = weight.param "w" : tensor<8x32xbf16> {
      %0 = weight.stored "w" : tensor<8x32xbf16>
      weight.yield %0 : tensor<8x32xbf16>
    }
    %k = nn.linear %h, %w : tensor<?x32xbf16, ["T"]>, tensor<8x32xbf16> -> tensor<?x8xbf16, ["T"]>
    %next = mla.append %h, %k to %cache at %positions, %seq_offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.call @numbers() {prefix = ""} : () -> ()
    func.return %next, %h : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>
  }
  func.func @negative_arange(%h: tensor<?x32xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 128 : i64, sequences = 4 : i64, context = 128 : i64}} {
    %c, %y = func.call @layer(%h, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "layers.0"} : (tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> (!mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?x32xbf16, ["T"]>)
    func.return %y, %c : tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}
