// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 1 max 128
dsv3c.symbol @T min 1 max 4096
dsv3c.symbol @N min 1 max 32
dsv3c.symbol @M min 0 max 32
dsv3c.symbol @P min 1

// CHECK-LABEL: @products
func.func @products(%x: tensor<?x?x8xbf16, ["B", "S"]>, %w: tensor<4x8xbf16>, %b: tensor<4xbf16>, %h: tensor<?x2x8xbf16, ["T"]>, %wh: tensor<2x3x8xbf16>) {
  // CHECK-NEXT: %y = nn.linear %x, %w : tensor<?x?x8xbf16, ["B", "S"]>, tensor<4x8xbf16> -> tensor<?x?x4xbf16, ["B", "S"]>
  %y = nn.linear %x, %w : tensor<?x?x8xbf16, ["B", "S"]>, tensor<4x8xbf16> -> tensor<?x?x4xbf16, ["B", "S"]>
  // CHECK-NEXT: %z = nn.linear %x, %w bias %b : tensor<4xbf16>, : tensor<?x?x8xbf16, ["B", "S"]>, tensor<4x8xbf16> -> tensor<?x?x4xf32, ["B", "S"]>
  %z = nn.linear %x, %w bias %b : tensor<4xbf16>, : tensor<?x?x8xbf16, ["B", "S"]>, tensor<4x8xbf16> -> tensor<?x?x4xf32, ["B", "S"]>
  // CHECK-NEXT: %v = nn.head_linear %h, %wh : tensor<?x2x8xbf16, ["T"]>, tensor<2x3x8xbf16> -> tensor<?x2x3xbf16, ["T"]>
  %v = nn.head_linear %h, %wh : tensor<?x2x8xbf16, ["T"]>, tensor<2x3x8xbf16> -> tensor<?x2x3xbf16, ["T"]>
  func.return
}

// CHECK-LABEL: @rows
func.func @rows(%ids: tensor<?x?xi64, ["B", "S"]>, %table: tensor<1000x8xbf16>, %h: tensor<?x8xbf16, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>) {
  // CHECK-NEXT: %x = nn.embedding %ids, %table : tensor<?x?xi64, ["B", "S"]>, tensor<1000x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
  %x = nn.embedding %ids, %table : tensor<?x?xi64, ["B", "S"]>, tensor<1000x8xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
  // CHECK-NEXT: %last = nn.last_tokens %h, %offsets : tensor<?x8xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x8xbf16, ["N"]>
  %last = nn.last_tokens %h, %offsets : tensor<?x8xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x8xbf16, ["N"]>
  func.return
}

// CHECK-LABEL: @norm_and_swiglu
func.func @norm_and_swiglu(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<8xbf16>) {
  // CHECK-NEXT: %y = nn.rms_norm %x, %w eps 1.000000e-06 weight_in "input" : tensor<?x8xbf16, ["T"]>, tensor<8xbf16>
  %y = nn.rms_norm %x, %w eps 1.000000e-06 weight_in "input" : tensor<?x8xbf16, ["T"]>, tensor<8xbf16>
  // CHECK-NEXT: %z = nn.rms_norm %y, %w eps 1.000000e-05 weight_in "f32" : tensor<?x8xbf16, ["T"]>, tensor<8xbf16>
  %z = nn.rms_norm %y, %w eps 1.000000e-05 weight_in "f32" : tensor<?x8xbf16, ["T"]>, tensor<8xbf16>
  // CHECK-NEXT: %s = nn.swiglu %y, %z intermediate "input" : tensor<?x8xbf16, ["T"]>
  %s = nn.swiglu %y, %z intermediate "input" : tensor<?x8xbf16, ["T"]>
  func.return
}

// Rows of experts, some of them padding.
// CHECK-LABEL: @swiglu_by_expert
func.func @swiglu_by_expert(%g: tensor<?x8xbf16, ["T"]>, %e: tensor<?xi32, ["T"]>) {
  // CHECK-NEXT: %s = nn.swiglu %g, %g by %e : tensor<?xi32, ["T"]>, intermediate "f32" : tensor<?x8xbf16, ["T"]>
  %s = nn.swiglu %g, %g by %e : tensor<?xi32, ["T"]>, intermediate "f32" : tensor<?x8xbf16, ["T"]>
  func.return
}

// The tables of all batches are one where their leading size is 1.
// CHECK-LABEL: @rope
func.func @rope(%positions: tensor<?xi32, ["T"]>, %x: tensor<?x2x4xbf16, ["T"]>, %k: tensor<?x4xbf16, ["T"]>, %d: tensor<?x?x2x4xbf16, ["B", "S"]>, %one: tensor<1x?x2xbf16, ["S"]>) {
  // CHECK-NEXT: %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 1.000000e-02] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xf32, ["T"]>
  %cos, %sin = nn.rope_table %positions inv_freq [1.0, 0.01] scaling 1.0 : tensor<?xi32, ["T"]> -> tensor<?x2xf32, ["T"]>, tensor<?x2xf32, ["T"]>
  // CHECK-NEXT: %y = nn.rope %x, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x2x4xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xf32, ["T"]>
  %y = nn.rope %x, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x2x4xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xf32, ["T"]>
  // CHECK-NEXT: %z = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32"
  %z = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "f32" : tensor<?x4xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xf32, ["T"]>
  // CHECK-NEXT: %e = nn.rope %d, %one, %one pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %e = nn.rope %d, %one, %one pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return
}

// Four query heads share two key heads.
// CHECK-LABEL: @attention
func.func @attention(%q: tensor<?x?x4x8xbf16, ["B", "S"]>, %k: tensor<?x?x2x8xbf16, ["B", "S"]>, %v: tensor<?x?x2x6xbf16, ["B", "S"]>) {
  // CHECK-NEXT: %o = nn.attention %q, %k, %v scale 3.535000e-01 scores bf16 probs f32 : tensor<?x?x4x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x4x6xbf16, ["B", "S"]>
  %o = nn.attention %q, %k, %v scale 0.3535 scores bf16 probs f32 : tensor<?x?x4x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x4x6xbf16, ["B", "S"]>
  func.return
}

// The second half of a step: rows of every sequence kept, of those present, and of half of them by promise.
// CHECK-LABEL: @step_part
func.func @step_part(%offsets: tensor<?xi32, ["N + 1"]>, %pages: tensor<?x?xi32, ["N", "P"]>, %lens: tensor<?xi32, ["N"]>) {
  // CHECK-NEXT: %o, %t, %l = nn.step_part %offsets, %pages, %lens first "(T + 1)//2" count "T//2" keep "all" : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "(T + 1)//2" count "T//2" keep "all" : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>
  // CHECK-NEXT: %{{.*}}, %{{.*}}, %{{.*}} = nn.step_part %offsets, %pages, %lens first "0" count "4" keep "present" : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?xi32, ["M + 1"]>, tensor<?x?xi32, ["M", "P"]>, tensor<?xi32, ["M"]>
  %o1, %t1, %l1 = nn.step_part %offsets, %pages, %lens first "0" count "4" keep "present" : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?xi32, ["M + 1"]>, tensor<?x?xi32, ["M", "P"]>, tensor<?xi32, ["M"]>
  // CHECK-NEXT: keep "present" {{.*}} -> tensor<?xi32, ["N//2 + 1"]>, tensor<?x?xi32, ["N//2", "P"]>, tensor<?xi32, ["N//2"]>
  %o2, %t2, %l2 = nn.step_part %offsets, %pages, %lens first "(T + 1)//2" count "T//2" keep "present" : tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?xi32, ["N//2 + 1"]>, tensor<?x?xi32, ["N//2", "P"]>, tensor<?xi32, ["N//2"]>
  func.return
}
