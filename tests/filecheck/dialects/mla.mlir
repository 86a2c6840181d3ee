// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 1 max 128
dsv3c.symbol @T min 1 max 4096
dsv3c.symbol @N min 1 max 32
dsv3c.symbol @P min 1 max 64
dsv3c.symbol @C min 1 max 65536
dsv3c.symbol @pages min 1 max 2048

// CHECK-LABEL: @dense
func.func @dense(%q: tensor<?x?x4x16xbf16, ["B", "S"]>, %qr: tensor<?x?x4x8xbf16, ["B", "S"]>, %kv: tensor<?x?x4x28xbf16, ["B", "S"]>, %kr: tensor<?x?x8xbf16, ["B", "S"]>) {
  // CHECK-NEXT: %o = mla.attention %q, %qr, %kv, %kr scale 1.250000e-01 scores f32 probs f32 : tensor<?x?x4x16xbf16, ["B", "S"]>, tensor<?x?x4x8xbf16, ["B", "S"]>, tensor<?x?x4x28xbf16, ["B", "S"]>, tensor<?x?x8xbf16, ["B", "S"]> -> tensor<?x?x4x12xbf16, ["B", "S"]>
  %o = mla.attention %q, %qr, %kv, %kr scale 0.125 scores f32 probs f32 : tensor<?x?x4x16xbf16, ["B", "S"]>, tensor<?x?x4x8xbf16, ["B", "S"]>, tensor<?x?x4x28xbf16, ["B", "S"]>, tensor<?x?x8xbf16, ["B", "S"]> -> tensor<?x?x4x12xbf16, ["B", "S"]>
  func.return
}

// CHECK-LABEL: @cache
func.func @cache(%latent: tensor<?x32xbf16, ["T"]>, %kr: tensor<?x8xbf16, ["T"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %lens: tensor<?xi32, ["N"]>) {
  // CHECK-NEXT: %next = mla.append %latent, %kr to %cache at %positions, %offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  %next = mla.append %latent, %kr to %cache at %positions, %offsets, %block_table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  // CHECK-NEXT: %c, %k = mla.gather %next, %lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
  %c, %k = mla.gather %next, %lens, %block_table : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x32xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>
  func.return
}

// CHECK-LABEL: @ragged
func.func @ragged(%q: tensor<?x4x16xbf16, ["T"]>, %qr: tensor<?x4x8xbf16, ["T"]>, %kv: tensor<?x4x28xbf16, ["C"]>, %kr: tensor<?x8xbf16, ["C"]>, %ql: tensor<?x4x32xbf16, ["T"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %lens: tensor<?xi32, ["N"]>) {
  // CHECK-NEXT: %o = mla.expanded_attention %q, %qr, %kv, %kr at %positions, %offsets, %lens scale 1.250000e-01 scores f32 probs f32 : tensor<?x4x16xbf16, ["T"]>, tensor<?x4x8xbf16, ["T"]>, tensor<?x4x28xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x4x12xbf16, ["T"]>
  %o = mla.expanded_attention %q, %qr, %kv, %kr at %positions, %offsets, %lens scale 0.125 scores f32 probs f32 : tensor<?x4x16xbf16, ["T"]>, tensor<?x4x8xbf16, ["T"]>, tensor<?x4x28xbf16, ["C"]>, tensor<?x8xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x4x12xbf16, ["T"]>
  // CHECK-NEXT: %a = mla.absorbed_attention %ql, %qr, %cache at %positions, %offsets, %block_table, %lens scale 1.250000e-01 scores bf16 probs bf16 : tensor<?x4x32xbf16, ["T"]>, tensor<?x4x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x32xbf16, ["T"]>
  %a = mla.absorbed_attention %ql, %qr, %cache at %positions, %offsets, %block_table, %lens scale 0.125 scores bf16 probs bf16 : tensor<?x4x32xbf16, ["T"]>, tensor<?x4x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x32xbf16, ["T"]>
  func.return
}

// CHECK-LABEL: @scaled_cache
func.func @scaled_cache(%latent: tensor<?x512xbf16, ["T"]>, %kr: tensor<?x64xbf16, ["T"]>, %cache: !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %lens: tensor<?xi32, ["N"]>, %ql: tensor<?x4x512xbf16, ["T"]>, %qr: tensor<?x4x64xbf16, ["T"]>) {
  // CHECK-NEXT: %next = mla.append %latent, %kr to %cache at %positions, %offsets, %block_table quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2"> : tensor<?x512xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>
  %next = mla.append %latent, %kr to %cache at %positions, %offsets, %block_table quantizer <amax_floor 1.0e-04, apply "divide", round_scale "pow2"> : tensor<?x512xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>
  // CHECK-NEXT: %c, %k = mla.gather %next, %lens, %block_table : !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x512xf32, ["C"]>, tensor<?x64xbf16, ["C"]>
  %c, %k = mla.gather %next, %lens, %block_table : !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x512xf32, ["C"]>, tensor<?x64xbf16, ["C"]>
  // CHECK-NEXT: %a = mla.absorbed_attention %ql, %qr, %next at
  %a = mla.absorbed_attention %ql, %qr, %next at %positions, %offsets, %block_table, %lens scale 0.125 scores bf16 probs bf16 : tensor<?x4x512xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x512xbf16, ["T"]>
  func.return
}

// CHECK-LABEL: @rows
func.func @rows(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) {
  // CHECK-NEXT: %r = mla.rope_append %c, %k, %cos, %sin to %cache at %positions, %offsets, %table pairs "interleaved" out "half" compute "f32" eps 1.000000e-06 weight_in "f32" norm %w : tensor<32xbf16> : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %positions, %offsets, %table pairs "interleaved" out "half" compute "f32" eps 1.000000e-06 weight_in "f32" norm %w : tensor<32xbf16> : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  // CHECK-NEXT: %s = mla.rope_append %c, %k, %cos, %sin to %r at %positions, %offsets, %table pairs "half" out "half" compute "input" : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  %s = mla.rope_append %c, %k, %cos, %sin to %r at %positions, %offsets, %table pairs "half" out "half" compute "input" : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}
