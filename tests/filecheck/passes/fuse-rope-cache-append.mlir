// RUN: dsv3c opt %s -p fuse-rope-cache-append --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p fuse-rope-cache-append --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p fuse-rope-cache-append --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p fuse-rope-cache-append --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC

// CHECK-LABEL: @row(
// CHECK-NEXT:    %new = mla.rope_append %c, %k, %cos, %sin to %cache at %positions, %offsets, %table pairs "interleaved" out "half" compute "f32" eps 1.000000e-06 weight_in "f32" norm %w : tensor<32xbf16> : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
// CHECK-NEXT:    func.return %new :
// REMARK: fuse-rope-cache-append: fired: @row: mla.append: norm, rotation and append
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @row(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>
    %new = mla.append %n, %kr to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A latent that something else reads keeps its norm; so does one without a norm.
// CHECK-LABEL: @normed_elsewhere(
// CHECK-NEXT:    %n = nn.rms_norm
// CHECK-NEXT:    "test.op"(%n)
// CHECK-NEXT:    %new = mla.rope_append %n, %k, %cos, %sin to %cache at %positions, %offsets, %table pairs "interleaved" out "half" compute "f32" : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
// REMARK: fuse-rope-cache-append: fired: @normed_elsewhere: mla.append: rotation and append; the norm stays, test.op reads its result
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @normed_elsewhere(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
    "test.op"(%n) : (tensor<?x32xbf16, ["T"]>) -> ()
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>
    %new = mla.append %n, %kr to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @no_norm(
// CHECK-NEXT:    mla.rope_append %c, %k,
// REMARK: fuse-rope-cache-append: fired: @no_norm: mla.append: rotation and append{{$}}
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @no_norm(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>
    %new = mla.append %c, %kr to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// A quantised cache.
// CHECK-LABEL: @quantised(
// CHECK-NEXT:    mla.rope_append {{.*}} weight_in "f32" quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2"> norm %w : tensor<32xbf16> :
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @quantised(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>
    %new = mla.append %n, %kr to %cache at %positions, %offsets, %table quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>
    func.return %new : !mla.cache<"pages" x 64, latent 32 x f8E4M3FN scale 16 x f32, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_no_rotation(
// CHECK:         mla.append
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @negative_no_rotation(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
    // expected-remark @below {{the key is the result of an argument and not of nn.rope}}
    %new = mla.append %n, %k to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_read_otherwise(
// CHECK:         nn.rope
// CHECK:         mla.append
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @negative_read_otherwise(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]>
    // expected-remark @below {{test.op reads the rotated key as well}}
    %new = mla.append %n, %kr to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    "test.op"(%kr) : (tensor<?x8xbf16, ["T"]>) -> ()
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// CHECK-LABEL: @negative_one_rotation_for_all(
// CHECK:         nn.rope
// CHECK:         mla.append
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @negative_one_rotation_for_all(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<4xf32>, %sin: tensor<4xf32>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16>
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<4xf32>, tensor<4xf32>
    // expected-remark @below {{all tokens are rotated by the same angles: the tables have no tokens}}
    %new = mla.append %n, %kr to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}

// -----
// The fused op is where all three were.
// LOC-LABEL: @located(
// LOC:         mla.rope_append {{.*}} loc(fused["model.py":5:0, "model.py":7:0, "model.py":9:0])
builtin.module attributes {dsv3c.facts = ["phased", "raised"]} {
  dsv3c.symbol @T min 0
  dsv3c.symbol @N min 0
  dsv3c.symbol @P min 1
  dsv3c.symbol @pages min 1
  func.func @located(%c: tensor<?x32xbf16, ["T"]>, %k: tensor<?x8xbf16, ["T"]>, %w: tensor<32xbf16>, %cos: tensor<?x4xf32, ["T"]>, %sin: tensor<?x4xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x?xi32, ["N", "P"]>, %cache: !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>) -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> attributes {phase = {name = "decode"}} {
    %n = nn.rms_norm %c, %w eps 1.0e-06 weight_in "f32" : tensor<?x32xbf16, ["T"]>, tensor<32xbf16> loc("model.py":5:0)
    %kr = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x8xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xf32, ["T"]> loc("model.py":7:0)
    %new = mla.append %n, %kr to %cache at %positions, %offsets, %table : tensor<?x32xbf16, ["T"]>, tensor<?x8xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16> loc("model.py":9:0)
    func.return %new : !mla.cache<"pages" x 64, latent 32 x bf16, rope 8 x bf16>
  }
}
