// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

// expected-error @below {{cache pages 'P+1' must be written 'P + 1'}}
func.func @f(%cache: !mla.cache<"P+1" x 64, latent 32 x bf16, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache pages: malformed size expression}}
func.func @f(%cache: !mla.cache<"P +" x 64, latent 32 x bf16, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache page size must be positive, not 0}}
func.func @f(%cache: !mla.cache<"9" x 0, latent 32 x bf16, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache latent must be positive, not 0}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 0 x bf16, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache rope must be positive, not 0}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 0 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache rows hold floating point, not i32}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x i32>) {
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<2x5x4x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<2x5x8xbf16>) {
  // expected-error @below {{q_nope [5, 4, 16], q_rope [2, 5, 4, 8], kv [2, 5, 4, 28] need rank 4}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<2x5x4x8xbf16>, tensor<2x5x4x28xbf16>, tensor<2x5x8xbf16> -> tensor<2x5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<2x5x4x16xbf16>, %r: tensor<2x5x3x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<2x5x8xbf16>) {
  // expected-error @below {{batch, sequence, heads differ: [2, 5, 4, 16], [2, 5, 3, 8], [2, 5, 4, 28]}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores f32 probs f32 : tensor<2x5x4x16xbf16>, tensor<2x5x3x8xbf16>, tensor<2x5x4x28xbf16>, tensor<2x5x8xbf16> -> tensor<2x5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<2x5x4x16xbf16>, %r: tensor<2x5x4x8xbf16>, %kv: tensor<2x6x4x28xbf16>, %k: tensor<2x5x8xbf16>) {
  // expected-error @below {{batch, sequence, heads differ: [2, 5, 4, 16], [2, 5, 4, 8], [2, 6, 4, 28]}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores f32 probs f32 : tensor<2x5x4x16xbf16>, tensor<2x5x4x8xbf16>, tensor<2x6x4x28xbf16>, tensor<2x5x8xbf16> -> tensor<2x5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<2x5x4x16xbf16>, %r: tensor<2x5x4x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<2x5x4xbf16>) {
  // expected-error @below {{k_rope must be [2, 5, 8], not [2, 5, 4]}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores f32 probs f32 : tensor<2x5x4x16xbf16>, tensor<2x5x4x8xbf16>, tensor<2x5x4x28xbf16>, tensor<2x5x4xbf16> -> tensor<2x5x4x12xbf16>
  func.return
}

// -----
// What kv holds beside K's rows is V's.
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<2x5x4x16xbf16>, %r: tensor<2x5x4x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<2x5x8xbf16>) {
  // expected-error @below {{o must be [2, 5, 4, 12], not [2, 5, 4, 16]}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores f32 probs f32 : tensor<2x5x4x16xbf16>, tensor<2x5x4x8xbf16>, tensor<2x5x4x28xbf16>, tensor<2x5x8xbf16> -> tensor<2x5x4x16xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<2x5x4x16xbf16>, %r: tensor<2x5x4x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<2x5x8xbf16>) {
  // expected-error @below {{scores must be a floating point type, not i32}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores i32 probs f32 : tensor<2x5x4x16xbf16>, tensor<2x5x4x8xbf16>, tensor<2x5x4x28xbf16>, tensor<2x5x8xbf16> -> tensor<2x5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<2x5x4x16xbf16>, %r: tensor<2x5x4x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<2x5x8xbf16>) {
  // expected-error @below {{probs must be a floating point type, not i32}}
  %o = mla.attention %q, %r, %kv, %k scale 0.125 scores f32 probs i32 : tensor<2x5x4x16xbf16>, tensor<2x5x4x8xbf16>, tensor<2x5x4x28xbf16>, tensor<2x5x8xbf16> -> tensor<2x5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{an append does not change the cache's type}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 32, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x16xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{latent must be [5, 32], not [5, 16]}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x16xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
// As many rows as positions.
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<6xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{latent must be [6, 32], not [5, 32]}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<6xi32>, tensor<4xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x16xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{k_rope must be [5, 8], not [5, 16]}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x16xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xf32>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{latent must hold bf16}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xf32>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xf32>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{k_rope must hold bf16}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xf32>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi64>) {
  // expected-error @below {{block_table must hold i32, not i64}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi64> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3xi32>) {
  // expected-error @below {{block_table must have rank 2, not [3]}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<3xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{seq_offsets must be [4], not [3]}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<3xi32>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%c: tensor<5x32xbf16>, %k: tensor<5x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi64>, %t: tensor<3x7xi32>) {
  // expected-error @below {{seq_offsets must hold i32, not i64}}
  %n = mla.append %c, %k to %cache at %p, %s, %t : tensor<5x32xbf16>, tensor<5x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi64>, tensor<3x7xi32> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %l: tensor<3xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{latent must be [50, 32], not [50, 16]}}
  %c, %k = mla.gather %cache, %l, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<3x7xi32> -> tensor<50x16xbf16>, tensor<50x8xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %l: tensor<3xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{k_rope must be [50, 8], not [60, 8]}}
  %c, %k = mla.gather %cache, %l, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<3x7xi32> -> tensor<50x32xbf16>, tensor<60x8xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %l: tensor<3xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{latent must hold bf16}}
  %c, %k = mla.gather %cache, %l, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<3x7xi32> -> tensor<50x32xf32>, tensor<50x8xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %l: tensor<3xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{k_rope must hold bf16}}
  %c, %k = mla.gather %cache, %l, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<3x7xi32> -> tensor<50x32xbf16>, tensor<50x8xf32>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %l: tensor<3x1xi32>, %t: tensor<3x7xi32>) {
  // expected-error @below {{context_lens must have rank 1, not [3, 1]}}
  %c, %k = mla.gather %cache, %l, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3x1xi32>, tensor<3x7xi32> -> tensor<50x32xbf16>, tensor<50x8xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %l: tensor<3xi32>, %t: tensor<4x7xi32>) {
  // expected-error @below {{block_table [4, 7] is not for N = 3 sequences}}
  %c, %k = mla.gather %cache, %l, %t : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<4x7xi32> -> tensor<50x32xbf16>, tensor<50x8xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<2x5x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{q_nope [5, 4, 16], q_rope [5, 4, 8], kv [2, 5, 4, 28] need rank 3}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<2x5x4x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<6x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{tokens or heads differ: [5, 4, 16], [6, 4, 8]}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<6x4x8xbf16>, tensor<50x4x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x3x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{kv has 3 heads, q 4}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x3x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<5x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{k_rope must be [50, 8], not [5, 8]}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x4x28xbf16>, tensor<5x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<50xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{positions must be [5], not [50]}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x4x28xbf16>, tensor<50x8xbf16>, tensor<50xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{o must be [5, 4, 12], not [5, 4, 16]}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x4x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x16xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<3xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{seq_offsets must be [4], not [3]}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x4x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<3xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{scores must be a floating point type, not i32}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores i32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x4x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %kv: tensor<50x4x28xbf16>, %k: tensor<50x8xbf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{probs must be a floating point type, not i32}}
  %o = mla.expanded_attention %q, %r, %kv, %k at %p, %s, %l scale 0.125 scores f32 probs i32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, tensor<50x4x28xbf16>, tensor<50x8xbf16>, tensor<5xi32>, tensor<4xi32>, tensor<3xi32> -> tensor<5x4x12xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<1x5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{q_latent [1, 5, 4, 32] and q_rope [5, 4, 8] need rank 3}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<1x5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x3x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{tokens or heads differ: [5, 4, 32], [5, 3, 8]}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x32xbf16>, tensor<5x3x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x16xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{q_latent ends in 16, the cache's latent is 32}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x16xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x16xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{q_rope ends in 16, the cache's rope is 8}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x32xbf16>, tensor<5x4x16xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<6xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{positions must be [5], not [6]}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<6xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{o must have q_latent's type tensor<5x4x32xbf16>}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xf32>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<4x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{block_table [4, 7] is not for N = 3 sequences}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<4x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<5xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{seq_offsets must be [4], not [5]}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs f32 : tensor<5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<5xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{scores must be a floating point type, not i32}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores i32 probs f32 : tensor<5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
dsv3c.symbol @pages min 1 max 2048
func.func @f(%q: tensor<5x4x32xbf16>, %r: tensor<5x4x8xbf16>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<5xi32>, %s: tensor<4xi32>, %t: tensor<3x7xi32>, %l: tensor<3xi32>) {
  // expected-error @below {{probs must be a floating point type, not i32}}
  %o = mla.absorbed_attention %q, %r, %cache at %p, %s, %t, %l scale 0.125 scores f32 probs i32 : tensor<5x4x32xbf16>, tensor<5x4x8xbf16>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<5xi32>, tensor<4xi32>, tensor<3x7xi32>, tensor<3xi32> -> tensor<5x4x32xbf16>
  func.return
}

// -----
// expected-error @below {{cache rows hold floating point, not i32}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x i32, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache rows hold floating point, not f8E4M3FN}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache scale granule must be positive, not 0}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 0 x f32, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{cache scales are f32, not f8E8M0FNU}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f8E8M0FNU, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{a latent with scales is 8-bit floating point, not bf16}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x bf16 scale 16 x f32, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{a latent of 30 bytes puts f32 scales at no multiple of 4 bytes in the rows}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 30 x f8E4M3FN scale 16 x f32, rope 8 x bf16>) {
  func.return
}

// -----
// expected-error @below {{a rope of 6 bytes puts f32 scales at no multiple of 4 bytes in the rows}}
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 3 x bf16>) {
  func.return
}

// -----
func.func @f(%latent: tensor<3x32xbf16>, %kr: tensor<3x8xbf16>, %cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>) {
  // expected-error @below {{the cache's latent has scales: state the quantizer that finds them}}
  %n = mla.append %latent, %kr to %cache at %p, %o, %t : tensor<3x32xbf16>, tensor<3x8xbf16>, !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%latent: tensor<3x32xbf16>, %kr: tensor<3x8xbf16>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>) {
  // expected-error @below {{the cache's latent has no scales: nothing is quantised}}
  %n = mla.append %latent, %kr to %cache at %p, %o, %t quantizer <amax_floor 1.0e-04, apply "divide", round_scale "pow2"> : tensor<3x32xbf16>, tensor<3x8xbf16>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%latent: tensor<3x32xbf16>, %kr: tensor<3x8xbf16>, %cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>) {
  // expected-error @below {{every tile of a cached latent has its own scale, not a static one}}
  %n = mla.append %latent, %kr to %cache at %p, %o, %t quantizer <apply "divide", round_scale "none", static 0.5> : tensor<3x32xbf16>, tensor<3x8xbf16>, !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%latent: tensor<3x32xi32>, %kr: tensor<3x8xbf16>, %cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>) {
  // expected-error @below {{latent must hold floating point, not i32}}
  %n = mla.append %latent, %kr to %cache at %p, %o, %t quantizer <amax_floor 1.0e-04, apply "divide", round_scale "pow2"> : tensor<3x32xi32>, tensor<3x8xbf16>, !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%cache: !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, %lens: tensor<1xi32>, %t: tensor<1x2xi32>) {
  // expected-error @below {{latent must hold floating point, not f8E4M3FN}}
  %c, %k = mla.gather %cache, %lens, %t : !mla.cache<"9" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, tensor<1xi32>, tensor<1x2xi32> -> tensor<5x32xf8E4M3FN>, tensor<5x8xbf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{an append does not change the cache's type}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"8" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x16xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{latent must be [3, 32], not [3, 16]}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x16xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xf32>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{latent must hold bf16}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xf32>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<2x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{k must be [3, 8], not [2, 8]}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<2x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{k must hold bf16}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xbf16>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{cos and sin differ in type}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xbf16>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x8xf32>, %sin: tensor<3x8xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{cos [3, 8] does not have the tokens and half the size of k [3, 8]}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x8xf32>, tensor<3x8xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<2x4xf32>, %sin: tensor<2x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{cos [2, 4] does not have the tokens and half the size of k [3, 8]}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<2x4xf32>, tensor<2x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{pairs must be one of}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "odd" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{out must be one of}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "odd" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{compute must be one of}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "bf16" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi64>, %w: tensor<32xbf16>) {
  // expected-error @below {{block_table must hold i32}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi64> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{nothing is quantised}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{a norm has a weight, eps and weight_in}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" eps 1.0e-6 weight_in "f32" : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{a norm has a weight, eps and weight_in}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" eps 1.0e-6 norm %w : tensor<32xbf16> : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{a norm has a weight, eps and weight_in}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" weight_in "f32" norm %w : tensor<32xbf16> : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<8xbf16>) {
  // expected-error @below {{weight must be [32], not [8]}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" eps 1.0e-6 weight_in "f32" norm %w : tensor<8xbf16> : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{weight_in must be one of}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" eps 1.0e-6 weight_in "bf16" norm %w : tensor<32xbf16> : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}

// -----
func.func @f(%c: tensor<3x32xbf16>, %k: tensor<3x8xbf16>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>, %cache: !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, %p: tensor<3xi32>, %o: tensor<2xi32>, %t: tensor<1x2xi32>, %w: tensor<32xbf16>) {
  // expected-error @below {{eps must not be negative}}
  %r = mla.rope_append %c, %k, %cos, %sin to %cache at %p, %o, %t pairs "half" out "half" compute "f32" eps -1.0 weight_in "f32" norm %w : tensor<32xbf16> : tensor<3x32xbf16>, tensor<3x8xbf16>, tensor<3x4xf32>, tensor<3x4xf32>, !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<3xi32>, tensor<2xi32>, tensor<1x2xi32> -> !mla.cache<"9" x 64, latent 32 x bf16, rope 8 x bf16>
  func.return
}
