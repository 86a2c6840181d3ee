// RUN: dsv3c opt %s -p specialize-phases --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p specialize-phases --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p 'specialize-phases{phases=verify logits=all page-size=16 max-tokens=100 max-batch=8 context=50 max-context=200 verify-tokens=3}' --split-input-file | filecheck %s --check-prefix=VERIFY
// RUN: dsv3c opt %s -p 'specialize-phases{phases=decode}' --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: not dsv3c opt %s -p 'specialize-phases{phases=decoding}' --split-input-file 2>&1 | filecheck %s --check-prefix=PHASE
// RUN: not dsv3c opt %s -p 'specialize-phases{logits=none}' --split-input-file 2>&1 | filecheck %s --check-prefix=LOGITS
// RUN: not dsv3c opt %s -p 'specialize-phases{max-context=100}' --split-input-file 2>&1 | filecheck %s --check-prefix=BEYOND
// RUN: not dsv3c opt %s -p 'specialize-phases{page-size=0}' --split-input-file 2>&1 | filecheck %s --check-prefix=SIZE
// RUN: dsv3c opt %s -p 'specialize-phases{phases=decode context=100 max-context=100 max-tokens=1 max-batch=1 page-size=1 verify-tokens=1}' --split-input-file | filecheck %s --check-prefix=LEAST

// PHASE: error: unknown phase 'decoding'
// PHASE-NEXT: phases: prefill, decode, verify
// LOGITS: error: specialize-phases: logits must be last or all, not 'none'
// BEYOND: error: specialize-phases: context 4096 is more than max-context 100
// BEYOND-NEXT: lower the one or raise the other
// SIZE: error: specialize-phases: page-size must be positive, not 0
// LEAST: dsv3c.symbol @T min 0 max 1 hint 1
// LEAST-NEXT: dsv3c.symbol @N min 0 max 1 hint 1
// LEAST-NEXT: dsv3c.symbol @P min 1 max 100 hint 100
// LEAST-NEXT: dsv3c.symbol @C min 0 max 100 hint 100

// Two layers share a function per phase; the entry takes a cache for each and gives back its new version.
// CHECK: builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
// CHECK-NEXT: dsv3c.symbol @T min 0 max 4096 hint 128
// CHECK-NEXT: dsv3c.symbol @N min 0 max 128 hint 128
// CHECK-NEXT: dsv3c.symbol @P min 1 max 2560 hint 64
// CHECK-NEXT: dsv3c.symbol @C min 0 max 20971520 hint 524288
// CHECK-NEXT: dsv3c.symbol @pages min 1 hint 8192
// CHECK-NEXT: func.func private @prefill.layer0(%h: tensor<?x32xbf16, ["T"]>, %c: tensor<?x2xbf16, ["T"]>, %s: tensor<?x2xbf16, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 16 x bf16, rope 4 x bf16>) -> (tensor<?x32xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 16 x bf16, rope 4 x bf16>) {
// CHECK:      %[[QN:\w+]] = aten.slice.Tensor(%{{\w+}}, dim = -1, end = 8) : tensor<?x2x8xbf16, ["T"]>
// CHECK-NEXT: %[[QR0:\w+]] = aten.slice.Tensor(%{{\w+}}, dim = -1, start = 8) : tensor<?x2x4xbf16, ["T"]>
// CHECK-NEXT: %[[QR:\w+]] = nn.rope %[[QR0]], %c, %s pairs
// CHECK:      %[[KR:\w+]] = nn.rope %{{\w+}}, %c, %s pairs
// CHECK:      %[[LAT:\w+]] = nn.rms_norm
// CHECK:      %[[WB:\w+]] = weight.param "kv_b.weight"
// CHECK:      %[[UPD:\w+]] = mla.append %[[LAT]], %[[KR]] to %cache at %positions, %seq_offsets, %block_table :
// CHECK-NEXT: %[[CTX:\w+]], %[[CR:\w+]] = mla.gather %[[UPD]], %context_lens, %block_table : {{.*}} -> tensor<?x16xbf16, ["C"]>, tensor<?x4xbf16, ["C"]>
// CHECK-NEXT: %[[KVF:\w+]] = nn.linear %[[CTX]], %[[WB]] :
// CHECK-NEXT: %[[KV:\w+]] = aten.view(%[[KVF]]) : tensor<?x2x16xbf16, ["C"]>
// CHECK-NEXT: %[[O:\w+]] = mla.expanded_attention %[[QN]], %[[QR]], %[[KV]], %[[CR]] at %positions, %seq_offsets, %context_lens scale 2.500000e-01 scores f32 probs f32 :
// CHECK-NEXT: aten.view(%[[O]]) : tensor<?x16xbf16, ["T"]>
// CHECK:      func.return %{{\w+}}, %[[UPD]] :
// CHECK:      func.func @prefill(%ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: {{.*}}, %block_table: {{.*}}, %context_lens: {{.*}}, %cache0: {{.*}}, %cache1: {{.*}}) -> (tensor<?x100xbf16, ["N"]>, !mla.cache<{{.*}}>, !mla.cache<{{.*}}>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 4096 : i64, tokens = 4096 : i64, sequences = 1 : i64, context = 4096 : i64}} {
// CHECK:      %[[H:\w+]] = nn.embedding %ids
// CHECK-NEXT: %[[COS:\w+]], %[[SIN:\w+]] = nn.rope_table %positions inv_freq
// CHECK-NEXT: %[[A:\w+]], %[[C0:\w+]] = func.call @prefill.layer0(%[[H]], %[[COS]], %[[SIN]], %positions, %seq_offsets, %block_table, %context_lens, %cache0) {prefix = "model.layers.0"}
// CHECK-NEXT: %[[B:\w+]], %[[C1:\w+]] = func.call @prefill.layer0(%[[A]], %[[COS]], %[[SIN]], %positions, %seq_offsets, %block_table, %context_lens, %cache1) {prefix = "model.layers.1"}
// CHECK:      %[[LAST:\w+]] = nn.last_tokens %[[B]], %seq_offsets : tensor<?x32xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x32xbf16, ["N"]>
// CHECK-NEXT: %[[X:\w+]] = nn.rms_norm %[[LAST]],
// CHECK-NEXT: %[[L:\w+]] = nn.linear %[[X]],
// CHECK-NEXT: func.return %[[L]], %[[C0]], %[[C1]] :
// CHECK:      func.func private @decode.layer0(
// CHECK:      func.func @decode(
// CHECK-SAME:   phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64, capturable}
// CHECK-NOT:  @main
// VERIFY: dsv3c.symbol @T min 0 max 100 hint 8
// VERIFY-NEXT: dsv3c.symbol @N min 0 max 8 hint 8
// VERIFY-NEXT: dsv3c.symbol @P min 1 max 13 hint 4
// VERIFY-NEXT: dsv3c.symbol @C min 0 max 1600 hint 400
// VERIFY-NEXT: dsv3c.symbol @pages min 1 hint 32
// VERIFY:      func.func @verify(
// VERIFY-SAME:   !mla.cache<"pages" x 16, latent 16 x bf16, rope 4 x bf16>
// VERIFY-SAME:   -> (tensor<?x100xbf16, ["T"]>,
// VERIFY-SAME:   phase = {name = "verify", min_query = 1 : i64, max_query = 3 : i64, tokens = 24 : i64, sequences = 8 : i64, context = 50 : i64, capturable}
// VERIFY-NOT:  nn.last_tokens
// VERIFY:      func.return
builtin.module attributes {dsv3c.facts = ["raised"]} {
dsv3c.symbol @B min 1
dsv3c.symbol @S min 2
func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x100xbf16, ["B", "S"]> {
  %e = weight.param "model.embed.weight" : tensor<100x32xbf16>
  %h = nn.embedding %ids, %e : tensor<?x?xi64, ["B", "S"]>, tensor<100x32xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %p = aten.arange(end = "S") : tensor<?xi64, ["S"]>
  %cos, %sin = nn.rope_table %p inv_freq [1.0, 0.5] scaling 1.0 : tensor<?xi64, ["S"]> -> tensor<?x2xbf16, ["S"]>, tensor<?x2xbf16, ["S"]>
  %c = aten.view(%cos) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.view(%sin) : tensor<1x?x2xbf16, ["S"]>
  %a = func.call @layer0(%h, %c, %s) {prefix = "model.layers.0"} : (tensor<?x?x32xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]>
  %b = func.call @layer0(%a, %c, %s) {prefix = "model.layers.1"} : (tensor<?x?x32xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]>
  %n = weight.param "model.norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %b, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %w = weight.param "lm_head.weight" : tensor<100x32xbf16>
  %l = nn.linear %x, %w : tensor<?x?x32xbf16, ["B", "S"]>, tensor<100x32xbf16> -> tensor<?x?x100xbf16, ["B", "S"]>
  func.return %l : tensor<?x?x100xbf16, ["B", "S"]>
}
func.func private @layer0(%h: tensor<?x?x32xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]> {
  %n = weight.param "norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %h, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %wq = weight.param "q.weight" : tensor<24x32xbf16>
  %q = nn.linear %x, %wq : tensor<?x?x32xbf16, ["B", "S"]>, tensor<24x32xbf16> -> tensor<?x?x24xbf16, ["B", "S"]>
  %q4 = aten.view(%q) : tensor<?x?x2x12xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%q4, dim = 3, end = 8) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qr0 = aten.slice.Tensor(%q4, dim = 3, start = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %wa = weight.param "kv_a.weight" : tensor<20x32xbf16>
  %kva = nn.linear %x, %wa : tensor<?x?x32xbf16, ["B", "S"]>, tensor<20x32xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %lat0 = aten.slice.Tensor(%kva, dim = 2, end = 16) : tensor<?x?x16xbf16, ["B", "S"]>
  %kr0 = aten.slice.Tensor(%kva, dim = 2, start = 16) : tensor<?x?x4xbf16, ["B", "S"]>
  %kr = nn.rope %kr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %ln = weight.param "kv_norm.weight" : tensor<16xbf16>
  %lat = nn.rms_norm %lat0, %ln eps 1.0e-06 weight_in "input" : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16xbf16>
  %wb = weight.param "kv_b.weight" : tensor<32x16xbf16>
  %kvf = nn.linear %lat, %wb : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %kv = aten.view(%kvf) : tensor<?x?x2x16xbf16, ["B", "S"]>
  %o = mla.attention %qn, %qr, %kv, %kr scale 0.25 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x16xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x8xbf16, ["B", "S"]>
  %of = aten.view(%o) : tensor<?x?x16xbf16, ["B", "S"]>
  %wo = weight.param "o.weight" : tensor<32x16xbf16>
  %y = nn.linear %of, %wo : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %r = aten.add.Tensor(%h, %y) : tensor<?x?x32xbf16, ["B", "S"]>
  func.return %r : tensor<?x?x32xbf16, ["B", "S"]>
}
}

// -----
// What treats tokens one by one: dims counted from the end, tokens collapsed in views, broadcasts over trailing dims.
// CHECK-LABEL: func.func @prefill(%h: tensor<?x8xbf16, ["T"]>, %positions:
// CHECK-NEXT: %[[W:\w+]] = weight.param "w" : tensor<8xbf16>
// CHECK-NEXT: %[[A:\w+]] = aten.mul.Tensor(%h, %[[W]]) : tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: %[[B:\w+]] = aten.cat([%[[A]], %h], dim = -1) : tensor<?x16xbf16, ["T"]>
// CHECK-NEXT: %[[E:\w+]] = aten.view(%[[B]]) : tensor<?x2x8xbf16, ["T"]>
// CHECK-NEXT: %[[P:\w+]] = aten.permute(%[[E]], dims = [0, 2, 1]) : tensor<?x8x2xbf16, ["T"]>
// CHECK-NEXT: %[[T:\w+]] = aten.transpose.int(%[[P]], dim0 = -2, dim1 = -1) : tensor<?x2x8xbf16, ["T"]>
// CHECK-NEXT: %[[M:\w+]] = aten.mean.dim(%[[T]], dim = [-2, -1]) : tensor<?xbf16, ["T"]>
// CHECK-NEXT: aten.neg(%[[M]]) : tensor<?xbf16, ["T"]>
// CHECK-NEXT: %[[U:\w+]] = aten.view(%[[T]]) : tensor<?x2x8x1xbf16, ["T"]>
// CHECK-NEXT: %[[X:\w+]] = aten.expand(%[[U]]) : tensor<?x2x8x4xbf16, ["T"]>
// CHECK-NEXT: %[[K:\w+]] = aten.stack([%[[T]], %[[T]]], dim = -1) : tensor<?x2x8x2xbf16, ["T"]>
// CHECK-NEXT: %[[V:\w+]] = aten.view(%[[T]]) : tensor<?x8xbf16, ["2*T"]>
// CHECK-NEXT: %[[S:\w+]] = nn.last_tokens %h, %seq_offsets : tensor<?x8xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x8xbf16, ["N"]>
// CHECK-NEXT: %[[Z:\w+]] = aten.silu(%[[S]]) : tensor<?x8xbf16, ["N"]>
// CHECK-NEXT: func.return %[[Z]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %w = weight.param "w" : tensor<8xbf16>
    %a = aten.mul.Tensor(%h, %w) : tensor<?x?x8xbf16, ["B", "S"]>
    %b = aten.cat([%a, %h], dim = 2) : tensor<?x?x16xbf16, ["B", "S"]>
    %flat = aten.view(%b) : tensor<?x16xbf16, ["B*S"]>
    %c = aten.view(%flat) : tensor<?x?x2x8xbf16, ["B", "S"]>
    %p = aten.permute(%c, dims = [0, 1, 3, 2]) : tensor<?x?x8x2xbf16, ["B", "S"]>
    %q = aten.transpose.int(%p, dim0 = 2, dim1 = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
    %m = aten.mean.dim(%q, dim = [2, -1]) : tensor<?x?xbf16, ["B", "S"]>
    %mf = aten.view(%m) : tensor<?xbf16, ["B*S"]>
    %mn = aten.neg(%mf) : tensor<?xbf16, ["B*S"]>
    %u = aten.unsqueeze(%q, dim = 4) : tensor<?x?x2x8x1xbf16, ["B", "S"]>
    %e = aten.expand(%u) : tensor<?x?x2x8x4xbf16, ["B", "S"]>
    %k = aten.stack([%q, %q], dim = 4) : tensor<?x?x2x8x2xbf16, ["B", "S"]>
    %rows = aten.view(%q) : tensor<?x8xbf16, ["2*B*S"]>
    %z = aten.silu(%h) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %z : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// Values without tokens are copied; a tail that something else reads starts after it; positions may come with start and step.
// CHECK-LABEL: func.func @prefill(%ids: tensor<?xi64, ["T"]>, %positions:
// CHECK-NEXT: %[[E:\w+]] = weight.param "e" : tensor<9x8xbf16>
// CHECK-NEXT: %[[D:\w+]] = aten.slice.Tensor(%[[E]], dim = 0, end = 5) : tensor<5x8xbf16>
// CHECK-NEXT: %[[DD:\w+]] = aten.add.Tensor(%[[D]], %[[D]]) : tensor<5x8xbf16>
// CHECK-NEXT: aten.permute(%[[DD]], dims = [1, 0]) : tensor<8x5xbf16>
// CHECK-NEXT: %[[SC:\w+]] = weight.constant
// CHECK-NEXT: aten.neg(%[[SC]]) : tensor<f32>
// CHECK-NEXT: %[[PE:\w+]] = nn.embedding %positions, %[[E]] : tensor<?xi32, ["T"]>
// CHECK-NEXT: %[[H:\w+]] = nn.embedding %ids, %[[D]] :
// CHECK-NEXT: %[[A:\w+]] = aten.add.Tensor(%[[H]], %[[PE]]) : tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: %[[N:\w+]] = aten.neg(%[[A]]) : tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: %[[G:\w+]] = aten.mul.Tensor(%[[N]], %[[N]]) : tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: %[[L:\w+]] = nn.last_tokens %[[G]], %seq_offsets :
// CHECK-NEXT: func.return %[[L]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %e = weight.param "e" : tensor<9x8xbf16>
    %d = aten.slice.Tensor(%e, dim = 0, end = 5) : tensor<5x8xbf16>
    %dd = aten.add.Tensor(%d, %d) : tensor<5x8xbf16>
    %ddt = aten.permute(%dd, dims = [1, 0]) : tensor<8x5xbf16>
    %sc = weight.constant dense<2.0> : tensor<f32>
    %scn = aten.neg(%sc) : tensor<f32>
    %pos = aten.arange.start_step(start = 0, end = "S", step = 1) : tensor<?xi64, ["S"]>
    %row = aten.unsqueeze(%pos, dim = 0) : tensor<1x?xi64, ["S"]>
    %pe = nn.embedding %row, %e : tensor<1x?xi64, ["S"]>, tensor<9x8xbf16> -> tensor<1x?x8xbf16, ["S"]>
    %x = nn.embedding %ids, %d : tensor<?x?xi64, ["B", "S"]>, tensor<5x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
    %a = aten.add.Tensor(%x, %pe) : tensor<?x?x8xbf16, ["B", "S"]>
    %n = aten.neg(%a) : tensor<?x?x8xbf16, ["B", "S"]>
    %g = aten.mul.Tensor(%n, %n) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %g : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// Arithmetic on positions is made in the type it was captured in.
// CHECK-LABEL: func.func @prefill(%ids: tensor<?xi64, ["T"]>, %positions:
// CHECK: %[[I:\w+]] = aten.to.dtype(%positions, dtype = i64) : tensor<?xi64, ["T"]>
// CHECK-NEXT: %[[M:\w+]] = aten.mul.Scalar(%[[I]], other = 2) : tensor<?xi64, ["T"]>
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?xi64, ["B", "S"]> {
    %pos = aten.arange(end = "S") : tensor<?xi64, ["S"]>
    %row = aten.view(%pos) : tensor<1x?xi64, ["S"]>
    %m = aten.mul.Scalar(%row, other = 2) : tensor<1x?xi64, ["S"]>
    %n = aten.add.Tensor(%ids, %m) : tensor<?x?xi64, ["B", "S"]>
    func.return %n : tensor<?x?xi64, ["B", "S"]>
  }
}

// -----
// A second entry keeps its name as a prefix of the phase; two results of last tokens.
// CHECK-LABEL: func.func @mtp_prefill(%h: tensor<?x8xbf16, ["T"]>, %ids: tensor<?xi64, ["T"]>, %positions:
// CHECK: %[[A:\w+]] = nn.last_tokens %{{\w+}}, %seq_offsets : tensor<?x8xbf16, ["T"]>
// CHECK: %[[B:\w+]] = nn.last_tokens %{{\w+}}, %seq_offsets : tensor<?x8xbf16, ["T"]>
// CHECK: func.return %{{\w+}}, %{{\w+}} : tensor<?x8xbf16, ["N"]>, tensor<?x8xbf16, ["N"]>
// CHECK-LABEL: func.func @mtp_decode(
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @mtp(%h: tensor<?x?x8xbf16, ["B", "S"]>, %ids: tensor<?x?xi64, ["B", "S"]>) -> (tensor<?x?x8xbf16, ["B", "S"]>, tensor<?x?x8xbf16, ["B", "S"]>) {
    %e = weight.param "e" : tensor<9x8xbf16>
    %x = nn.embedding %ids, %e : tensor<?x?xi64, ["B", "S"]>, tensor<9x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
    %a = aten.add.Tensor(%x, %h) : tensor<?x?x8xbf16, ["B", "S"]>
    %n = aten.neg(%a) : tensor<?x?x8xbf16, ["B", "S"]>
    %m = aten.exp(%h) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %n, %m : tensor<?x?x8xbf16, ["B", "S"]>, tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// A function without attention takes no tables; a value that is returned twice over is selected once it is complete.
// CHECK-LABEL: func.func private @prefill.mlp(%h: tensor<?x8xbf16, ["T"]>) -> tensor<?x8xbf16, ["T"]>
// CHECK-LABEL: func.func @prefill(%h: tensor<?x8xbf16, ["T"]>, %positions:
// CHECK-NEXT: %[[Y:\w+]] = func.call @prefill.mlp(%h) {prefix = "mlp"} : (tensor<?x8xbf16, ["T"]>) -> tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: %[[A:\w+]] = aten.exp(%[[Y]]) : tensor<?x8xbf16, ["T"]>
// CHECK-NEXT: %[[LA:\w+]] = nn.last_tokens %[[A]],
// CHECK-NEXT: %[[B:\w+]] = aten.silu(%[[LA]]) : tensor<?x8xbf16, ["N"]>
// CHECK-NEXT: func.return %[[LA]], %[[B]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> (tensor<?x?x8xbf16, ["B", "S"]>, tensor<?x?x8xbf16, ["B", "S"]>) {
    %y = func.call @mlp(%h) {prefix = "mlp"} : (tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]>
    %a = aten.exp(%y) : tensor<?x?x8xbf16, ["B", "S"]>
    %b = aten.silu(%a) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %a, %b : tensor<?x?x8xbf16, ["B", "S"]>, tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func private @mlp(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %r = aten.neg(%h) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %r : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// The last op is a call: it sees every token.
// CHECK-LABEL: func.func @prefill(%h: tensor<?x8xbf16, ["T"]>, %positions:
// CHECK-NEXT: %[[Y:\w+]] = func.call @prefill.mlp(%h)
// CHECK-NEXT: %[[L:\w+]] = nn.last_tokens %[[Y]],
// CHECK-NEXT: func.return %[[L]] :
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %y = func.call @mlp(%h) {prefix = "mlp"} : (tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]>
    func.return %y : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func private @mlp(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %r = aten.neg(%h) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %r : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, slice batch.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{aten.slice.Tensor works along dim 0, which numbers the tokens}}
    %r = aten.slice.Tensor(%h, dim = 0, start = 1) : tensor<?x?x8xbf16, ["B - 1", "S"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_slice_batch(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, arange of other.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{aten.arange has no token rule}}
    %r = aten.arange(end = 5) : tensor<5xi64>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_arange_of_other(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, no rule.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{aten.roll has no token rule: it may mix tokens of different positions or sequences}}
    %r = aten.roll(%h, shifts = [1], dims = [1]) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_no_rule(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, slice tokens.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{aten.slice.Tensor works along dim 1, which numbers the tokens}}
    %r0 = aten.slice.Tensor(%h, dim = 1, start = 1) : tensor<?x?x8xbf16, ["B", "S - 1"]>
    %r = aten.cat([%r0, %r0], dim = 2) : tensor<?x?x16xbf16, ["B", "S - 1"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_slice_tokens(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, mean tokens.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{aten.mean.dim works along dim -2, which numbers the tokens}}
    %r = aten.mean.dim(%h, dim = [-2]) : tensor<?x8xbf16, ["B"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_mean_tokens(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, permute tokens.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{the permutation moves a token dim}}
    %r = aten.permute(%h, dims = [1, 0, 2]) : tensor<?x?x8xbf16, ["S", "B"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_permute_tokens(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, transpose tokens.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{aten.transpose.int works along dim 1, which numbers the tokens}}
    %r = aten.transpose.int(%h, dim0 = 1, dim1 = 2) : tensor<?x8x?xbf16, ["B", "S"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_transpose_tokens(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase =
// Case: negative, two token dims.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    // expected-remark @below {{does not number its tokens in its leading dims}}
    %r0 = aten.unsqueeze(%h, dim = 0) : tensor<1x?x?x8xbf16, ["B", "S"]>
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
  func.func @negative_two_token_dims(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_per_batch(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
    // expected-remark @below {{does not number its tokens in its leading dims}}
  func.func @negative_per_batch(%h: tensor<?x?x8xbf16, ["B", "S"]>, %g: tensor<?x8xbf16, ["B"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_four_rows(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
    // expected-remark @below {{does not number its tokens in its leading dims}}
  func.func @negative_four_rows(%h: tensor<?x?x8xbf16, ["B", "S"]>, %g: tensor<4x?xbf16, ["S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_square(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
    // expected-remark @below {{does not number its tokens in its leading dims}}
  func.func @negative_square(%h: tensor<?x?x8xbf16, ["B", "S"]>, %g: tensor<?x?x?xbf16, ["B", "S", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    func.return %h : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_static_sequence(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
    // expected-remark @below {{the sequence length is the number 7: capture it as a named dim}}
  func.func @negative_static_sequence(%h: tensor<?x7x8xbf16, ["B"]>) -> tensor<?x7x8xbf16, ["B"]> {
    func.return %h : tensor<?x7x8xbf16, ["B"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_no_tokens(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
    // expected-remark @below {{no argument is [batch, sequence, ...]}}
  func.func @negative_no_tokens(%h: tensor<?xbf16, ["S"]>) -> tensor<?xbf16, ["S"]> {
    func.return %h : tensor<?xbf16, ["S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_row_table(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @negative_row_table(%h: tensor<?x?x8xbf16, ["B", "S"]>, %z: tensor<5x8xbf16>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %w = weight.param "w" : tensor<1x8xbf16>
    // expected-remark @below {{operand tensor<1x8xbf16> is not a token value and reaches into the token dims}}
    %r = aten.add.Tensor(%h, %w) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %r : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_view_makes_tokens(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @negative_view_makes_tokens(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %w = weight.param "w" : tensor<8xbf16>
    // expected-remark @below {{tensor<8xbf16> has no tokens, tensor<?x?x8xbf16, ["B", "S"]> has}}
    %r = aten.view(%w) : tensor<?x?x8xbf16, ["B", "S"]>
    func.return %r : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// Positions that do not count from 0 in steps of 1 are no positions of a sequence.
// CHECK-LABEL: func.func @negative_shifted_positions(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @negative_shifted_positions(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %e = weight.param "e" : tensor<9x8xbf16>
    // expected-remark @below {{aten.arange.start_step has no token rule}}
    %p = aten.arange.start_step(start = 0, end = "S", step = 2) : tensor<?xi64, ["S"]>
    %x = nn.embedding %ids, %e : tensor<?x?xi64, ["B", "S"]>, tensor<9x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
    func.return %x : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// CHECK-LABEL: func.func @negative_offset_positions(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func @negative_offset_positions(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
    %e = weight.param "e" : tensor<9x8xbf16>
    // expected-remark @below {{aten.arange.start has no token rule}}
    %p = aten.arange.start(start = 1, end = "S") : tensor<?xi64, ["S - 1"]>
    %x = nn.embedding %ids, %e : tensor<?x?xi64, ["B", "S"]>, tensor<9x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
    func.return %x : tensor<?x?x8xbf16, ["B", "S"]>
  }
}

// -----
// The parts of attention are where it was, the up-projection of the context where the projection was.
// LOC-LABEL: func.func @located_decode(
// LOC:         mla.append {{.*}} loc("m.py":5:0)
// LOC-NEXT:    mla.gather {{.*}} loc("m.py":5:0)
// LOC-NEXT:    nn.linear {{.*}} loc("m.py":3:0)
// LOC-NEXT:    aten.view({{.*}} loc("m.py":3:0)
// LOC-NEXT:    mla.expanded_attention {{.*}} loc("m.py":5:0)
// CHECK-LABEL: func.func @located_prefill(
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
func.func @located(%h: tensor<?x?x32xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]> {
  %n = weight.param "norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %h, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %wq = weight.param "q.weight" : tensor<24x32xbf16>
  %q = nn.linear %x, %wq : tensor<?x?x32xbf16, ["B", "S"]>, tensor<24x32xbf16> -> tensor<?x?x24xbf16, ["B", "S"]>
  %q4 = aten.view(%q) : tensor<?x?x2x12xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%q4, dim = 3, end = 8) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qr0 = aten.slice.Tensor(%q4, dim = 3, start = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %wa = weight.param "kv_a.weight" : tensor<20x32xbf16>
  %kva = nn.linear %x, %wa : tensor<?x?x32xbf16, ["B", "S"]>, tensor<20x32xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %lat0 = aten.slice.Tensor(%kva, dim = 2, end = 16) : tensor<?x?x16xbf16, ["B", "S"]>
  %kr0 = aten.slice.Tensor(%kva, dim = 2, start = 16) : tensor<?x?x4xbf16, ["B", "S"]>
  %kr = nn.rope %kr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %ln = weight.param "kv_norm.weight" : tensor<16xbf16>
  %lat = nn.rms_norm %lat0, %ln eps 1.0e-06 weight_in "input" : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16xbf16>
  %wb = weight.param "kv_b.weight" : tensor<32x16xbf16>
  %kvf = nn.linear %lat, %wb : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]> loc("m.py":3:0)
  %kv = aten.view(%kvf) : tensor<?x?x2x16xbf16, ["B", "S"]>
  %o = mla.attention %qn, %qr, %kv, %kr scale 0.25 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x16xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x8xbf16, ["B", "S"]> loc("m.py":5:0)
  %of = aten.view(%o) : tensor<?x?x16xbf16, ["B", "S"]>
  %wo = weight.param "o.weight" : tensor<32x16xbf16>
  %y = nn.linear %of, %wo : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %r = aten.add.Tensor(%h, %y) : tensor<?x?x32xbf16, ["B", "S"]>
  func.return %r : tensor<?x?x32xbf16, ["B", "S"]>
}
}

// -----
// CHECK-LABEL: func.func @negative_kv_of_other_op(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
func.func @negative_kv_of_other_op(%h: tensor<?x?x32xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]> {
  %n = weight.param "norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %h, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %wq = weight.param "q.weight" : tensor<24x32xbf16>
  %q = nn.linear %x, %wq : tensor<?x?x32xbf16, ["B", "S"]>, tensor<24x32xbf16> -> tensor<?x?x24xbf16, ["B", "S"]>
  %q4 = aten.view(%q) : tensor<?x?x2x12xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%q4, dim = 3, end = 8) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qr0 = aten.slice.Tensor(%q4, dim = 3, start = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %wa = weight.param "kv_a.weight" : tensor<20x32xbf16>
  %kva = nn.linear %x, %wa : tensor<?x?x32xbf16, ["B", "S"]>, tensor<20x32xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %lat0 = aten.slice.Tensor(%kva, dim = 2, end = 16) : tensor<?x?x16xbf16, ["B", "S"]>
  %kr0 = aten.slice.Tensor(%kva, dim = 2, start = 16) : tensor<?x?x4xbf16, ["B", "S"]>
  %kr = nn.rope %kr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %ln = weight.param "kv_norm.weight" : tensor<16xbf16>
  %lat = nn.rms_norm %lat0, %ln eps 1.0e-06 weight_in "input" : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16xbf16>
  %wb = weight.param "kv_b.weight" : tensor<32x16xbf16>
  %kvf = nn.linear %lat, %wb : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %kvn = aten.neg(%kvf) : tensor<?x?x32xbf16, ["B", "S"]>
  %kv = aten.view(%kvn) : tensor<?x?x2x16xbf16, ["B", "S"]>
  // expected-remark @below {{kv is not computed by one linear without bias from the latent}}
  %o = mla.attention %qn, %qr, %kv, %kr scale 0.25 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x16xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x8xbf16, ["B", "S"]>
  %of = aten.view(%o) : tensor<?x?x16xbf16, ["B", "S"]>
  %wo = weight.param "o.weight" : tensor<32x16xbf16>
  %y = nn.linear %of, %wo : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %r = aten.add.Tensor(%h, %y) : tensor<?x?x32xbf16, ["B", "S"]>
  func.return %r : tensor<?x?x32xbf16, ["B", "S"]>
}
}

// -----
// CHECK-LABEL: func.func @negative_kv_bias(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
func.func @negative_kv_bias(%h: tensor<?x?x32xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]> {
  %n = weight.param "norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %h, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %wq = weight.param "q.weight" : tensor<24x32xbf16>
  %q = nn.linear %x, %wq : tensor<?x?x32xbf16, ["B", "S"]>, tensor<24x32xbf16> -> tensor<?x?x24xbf16, ["B", "S"]>
  %q4 = aten.view(%q) : tensor<?x?x2x12xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%q4, dim = 3, end = 8) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qr0 = aten.slice.Tensor(%q4, dim = 3, start = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %wa = weight.param "kv_a.weight" : tensor<20x32xbf16>
  %kva = nn.linear %x, %wa : tensor<?x?x32xbf16, ["B", "S"]>, tensor<20x32xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %lat0 = aten.slice.Tensor(%kva, dim = 2, end = 16) : tensor<?x?x16xbf16, ["B", "S"]>
  %kr0 = aten.slice.Tensor(%kva, dim = 2, start = 16) : tensor<?x?x4xbf16, ["B", "S"]>
  %kr = nn.rope %kr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %ln = weight.param "kv_norm.weight" : tensor<16xbf16>
  %lat = nn.rms_norm %lat0, %ln eps 1.0e-06 weight_in "input" : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16xbf16>
  %wb = weight.param "kv_b.weight" : tensor<32x16xbf16>
  %bb = weight.param "kv_b.bias" : tensor<32xbf16>
  %kvf = nn.linear %lat, %wb bias %bb : tensor<32xbf16>, : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %kv = aten.view(%kvf) : tensor<?x?x2x16xbf16, ["B", "S"]>
  // expected-remark @below {{kv is not computed by one linear without bias from the latent}}
  %o = mla.attention %qn, %qr, %kv, %kr scale 0.25 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x16xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x8xbf16, ["B", "S"]>
  %of = aten.view(%o) : tensor<?x?x16xbf16, ["B", "S"]>
  %wo = weight.param "o.weight" : tensor<32x16xbf16>
  %y = nn.linear %of, %wo : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %r = aten.add.Tensor(%h, %y) : tensor<?x?x32xbf16, ["B", "S"]>
  func.return %r : tensor<?x?x32xbf16, ["B", "S"]>
}
}

// -----
// CHECK-LABEL: func.func @negative_kv_heads_reordered(
// CHECK-NOT: phase =
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
func.func @negative_kv_heads_reordered(%h: tensor<?x?x32xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x32xbf16, ["B", "S"]> {
  %n = weight.param "norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %h, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %wq = weight.param "q.weight" : tensor<24x32xbf16>
  %q = nn.linear %x, %wq : tensor<?x?x32xbf16, ["B", "S"]>, tensor<24x32xbf16> -> tensor<?x?x24xbf16, ["B", "S"]>
  %q4 = aten.view(%q) : tensor<?x?x2x12xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%q4, dim = 3, end = 8) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qr0 = aten.slice.Tensor(%q4, dim = 3, start = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %wa = weight.param "kv_a.weight" : tensor<20x32xbf16>
  %kva = nn.linear %x, %wa : tensor<?x?x32xbf16, ["B", "S"]>, tensor<20x32xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %lat0 = aten.slice.Tensor(%kva, dim = 2, end = 16) : tensor<?x?x16xbf16, ["B", "S"]>
  %kr0 = aten.slice.Tensor(%kva, dim = 2, start = 16) : tensor<?x?x4xbf16, ["B", "S"]>
  %kr = nn.rope %kr0, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %ln = weight.param "kv_norm.weight" : tensor<16xbf16>
  %lat = nn.rms_norm %lat0, %ln eps 1.0e-06 weight_in "input" : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16xbf16>
  %wb = weight.param "kv_b.weight" : tensor<32x16xbf16>
  %kvf = nn.linear %lat, %wb : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %kv0 = aten.view(%kvf) : tensor<?x?x16x2xbf16, ["B", "S"]>
  %kv = aten.transpose.int(%kv0, dim0 = 2, dim1 = 3) : tensor<?x?x2x16xbf16, ["B", "S"]>
  // expected-remark @below {{kv is not the up-projection's rows dealt out to heads in order}}
  %o = mla.attention %qn, %qr, %kv, %kr scale 0.25 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x16xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x8xbf16, ["B", "S"]>
  %of = aten.view(%o) : tensor<?x?x16xbf16, ["B", "S"]>
  %wo = weight.param "o.weight" : tensor<32x16xbf16>
  %y = nn.linear %of, %wo : tensor<?x?x16xbf16, ["B", "S"]>, tensor<32x16xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %r = aten.add.Tensor(%h, %y) : tensor<?x?x32xbf16, ["B", "S"]>
  func.return %r : tensor<?x?x32xbf16, ["B", "S"]>
}
}

// -----

// The remark is at the attention, although the permutation before it has no rule either.
// CHECK-LABEL: func.func private @negative_generic_attention(
// CHECK: nn.attention
// CHECK-LABEL: func.func @main(
// CHECK-NOT: phase
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1
  dsv3c.symbol @S min 2
  func.func private @negative_generic_attention(%q: tensor<?x?x2x8xbf16, ["B", "S"]>) -> tensor<?x?x2x8xbf16, ["B", "S"]> {
    %qt = aten.permute(%q, dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
    %k = aten.permute(%qt, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
    // expected-remark @below {{attention with keys and values of its own per head has no latent to cache}}
    %o = nn.attention %q, %k, %k scale 1.0 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]> -> tensor<?x?x2x8xbf16, ["B", "S"]>
    func.return %o : tensor<?x?x2x8xbf16, ["B", "S"]>
  }
  func.func @main(%q: tensor<?x?x2x8xbf16, ["B", "S"]>) -> tensor<?x?x2x8xbf16, ["B", "S"]> {
    %o = func.call @negative_generic_attention(%q) {prefix = "layers.0"} : (tensor<?x?x2x8xbf16, ["B", "S"]>) -> tensor<?x?x2x8xbf16, ["B", "S"]>
    func.return %o : tensor<?x?x2x8xbf16, ["B", "S"]>
  }
}
