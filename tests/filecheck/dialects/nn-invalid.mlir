// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

func.func @linear(%x: tensor<2x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{weight must be [N, K], not [8]}}
  %y = nn.linear %x, %w : tensor<2x8xf32>, tensor<8xf32> -> tensor<2x8xf32>
  func.return
}

// -----
func.func @linear(%x: tensor<2x8xf32>, %w: tensor<4x6xf32>) {
  // expected-error @below {{x [2, 8] and weight [4, 6] differ in K}}
  %y = nn.linear %x, %w : tensor<2x8xf32>, tensor<4x6xf32> -> tensor<2x4xf32>
  func.return
}

// -----
func.func @linear(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{y must be [2, 4], not [2, 5]}}
  %y = nn.linear %x, %w : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x5xf32>
  func.return
}

// -----
func.func @linear(%x: tensor<2x8xf32>, %w: tensor<4x8xbf16>) {
  // expected-error @below {{x holds f32, weight bf16}}
  %y = nn.linear %x, %w : tensor<2x8xf32>, tensor<4x8xbf16> -> tensor<2x4xf32>
  func.return
}

// -----
func.func @linear(%x: tensor<2x8xf32>, %w: tensor<4x8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{bias must be [4], not [8]}}
  %y = nn.linear %x, %w bias %b : tensor<8xf32>, : tensor<2x8xf32>, tensor<4x8xf32> -> tensor<2x4xf32>
  func.return
}

// -----
func.func @head_linear(%x: tensor<5x2x8xf32>, %w: tensor<3x8xf32>) {
  // expected-error @below {{weight must be [H, N, K], not [3, 8]}}
  %y = nn.head_linear %x, %w : tensor<5x2x8xf32>, tensor<3x8xf32> -> tensor<5x2x3xf32>
  func.return
}

// -----
func.func @head_linear(%x: tensor<5x2x8xf32>, %w: tensor<4x3x8xf32>) {
  // expected-error @below {{x must end in [H = 4, K = 8], not [5, 2, 8]}}
  %y = nn.head_linear %x, %w : tensor<5x2x8xf32>, tensor<4x3x8xf32> -> tensor<5x2x3xf32>
  func.return
}

// -----
func.func @head_linear(%x: tensor<5x2x8xf32>, %w: tensor<2x3x8xf32>) {
  // expected-error @below {{y must be [5, 2, 3], not [5, 3, 2]}}
  %y = nn.head_linear %x, %w : tensor<5x2x8xf32>, tensor<2x3x8xf32> -> tensor<5x3x2xf32>
  func.return
}

// -----
func.func @embedding(%ids: tensor<5xi64>, %table: tensor<100xf32>) {
  // expected-error @below {{table must be [V, D], not [100]}}
  %y = nn.embedding %ids, %table : tensor<5xi64>, tensor<100xf32> -> tensor<5xf32>
  func.return
}

// -----
func.func @embedding(%ids: tensor<5xi64>, %table: tensor<100x8xf32>) {
  // expected-error @below {{y must be [5, 8], not [8, 5]}}
  %y = nn.embedding %ids, %table : tensor<5xi64>, tensor<100x8xf32> -> tensor<8x5xf32>
  func.return
}

// -----
func.func @rms_norm(%x: tensor<4x8xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{weight must be [8], not [4]}}
  %y = nn.rms_norm %x, %w eps 1.0e-6 weight_in "f32" : tensor<4x8xf32>, tensor<4xf32>
  func.return
}

// -----
func.func @rms_norm(%x: tensor<4x8xi32>, %w: tensor<8xf32>) {
  // expected-error @below {{x must hold floating point, not i32}}
  %y = nn.rms_norm %x, %w eps 1.0e-6 weight_in "f32" : tensor<4x8xi32>, tensor<8xf32>
  func.return
}

// -----
func.func @rms_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{weight_in must be one of input, f32, not 'bf16'}}
  %y = nn.rms_norm %x, %w eps 1.0e-6 weight_in "bf16" : tensor<4x8xf32>, tensor<8xf32>
  func.return
}

// -----
func.func @rms_norm(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{eps must not be negative}}
  %y = nn.rms_norm %x, %w eps -1.0e-6 weight_in "f32" : tensor<4x8xf32>, tensor<8xf32>
  func.return
}

// -----
func.func @rope_table(%p: tensor<5xi32>) {
  // expected-error @below {{cos must be [5, 2], not [5, 4]}}
  %cos, %sin = nn.rope_table %p inv_freq [1.0, 0.01] scaling 1.0 : tensor<5xi32> -> tensor<5x4xf32>, tensor<5x2xf32>
  func.return
}

// -----
func.func @rope_table(%p: tensor<5xi32>) {
  // expected-error @below {{sin must be [5, 2], not [5]}}
  %cos, %sin = nn.rope_table %p inv_freq [1.0, 0.01] scaling 1.0 : tensor<5xi32> -> tensor<5x2xf32>, tensor<5xf32>
  func.return
}

// -----
func.func @rope_table(%p: tensor<5xi32>) {
  // expected-error @below {{cos and sin must have one type}}
  %cos, %sin = nn.rope_table %p inv_freq [1.0, 0.01] scaling 1.0 : tensor<5xi32> -> tensor<5x2xf32>, tensor<5x2xbf16>
  func.return
}

// -----
func.func @rope_table(%p: tensor<5xi32>) {
  // expected-error @below {{cos must hold floating point, not i32}}
  %cos, %sin = nn.rope_table %p inv_freq [1.0, 0.01] scaling 1.0 : tensor<5xi32> -> tensor<5x2xi32>, tensor<5x2xi32>
  func.return
}

// -----
func.func @rope(%x: tensor<5x4xf32>, %c: tensor<5x2xf32>) {
  // expected-error @below {{pairs must be one of interleaved, half, not 'even'}}
  %y = nn.rope %x, %c, %c pairs "even" out "half" compute "f32" : tensor<5x4xf32>, tensor<5x2xf32>, tensor<5x2xf32>
  func.return
}

// -----
func.func @rope(%x: tensor<5x4xf32>, %c: tensor<5x2xf32>) {
  // expected-error @below {{out must be one of interleaved, half, not 'even'}}
  %y = nn.rope %x, %c, %c pairs "half" out "even" compute "f32" : tensor<5x4xf32>, tensor<5x2xf32>, tensor<5x2xf32>
  func.return
}

// -----
func.func @rope(%x: tensor<5x4xf32>, %c: tensor<5x2xf32>) {
  // expected-error @below {{compute must be one of input, f32, not 'f16'}}
  %y = nn.rope %x, %c, %c pairs "half" out "half" compute "f16" : tensor<5x4xf32>, tensor<5x2xf32>, tensor<5x2xf32>
  func.return
}

// -----
func.func @rope(%x: tensor<5x4xf32>, %c: tensor<5x2xf32>, %s: tensor<5x2xbf16>) {
  // expected-error @below {{cos and sin differ in type: tensor<5x2xf32>, tensor<5x2xbf16>}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "f32" : tensor<5x4xf32>, tensor<5x2xf32>, tensor<5x2xbf16>
  func.return
}

// -----
func.func @rope(%x: tensor<5x4xf32>, %c: tensor<5x4xf32>) {
  // expected-error @below {{the tables must end in half of the head size: x [5, 4], cos [5, 4]}}
  %y = nn.rope %x, %c, %c pairs "half" out "half" compute "f32" : tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>
  func.return
}

// -----
func.func @rope(%x: tensor<5x5xf32>, %c: tensor<5x2xf32>) {
  // expected-error @below {{the tables must end in half of the head size: x [5, 5], cos [5, 2]}}
  %y = nn.rope %x, %c, %c pairs "half" out "half" compute "f32" : tensor<5x5xf32>, tensor<5x2xf32>, tensor<5x2xf32>
  func.return
}

// -----
func.func @rope(%x: tensor<5x3x4xf32>, %c: tensor<6x2xf32>) {
  // expected-error @below {{cos [6, 2] does not have the tokens of x [5, 3, 4]}}
  %y = nn.rope %x, %c, %c pairs "half" out "half" compute "f32" : tensor<5x3x4xf32>, tensor<6x2xf32>, tensor<6x2xf32>
  func.return
}

// -----
// Two dims of x would have no table.
func.func @rope(%x: tensor<5x6x3x4xf32>, %c: tensor<5x2xf32>) {
  // expected-error @below {{cos [5, 2] does not have the tokens of x [5, 6, 3, 4]}}
  %y = nn.rope %x, %c, %c pairs "half" out "half" compute "f32" : tensor<5x6x3x4xf32>, tensor<5x2xf32>, tensor<5x2xf32>
  func.return
}

// -----
func.func @swiglu(%g: tensor<5x4xi32>) {
  // expected-error @below {{gate must hold floating point, not i32}}
  %y = nn.swiglu %g, %g intermediate "f32" : tensor<5x4xi32>
  func.return
}

// -----
func.func @swiglu(%g: tensor<5x4xf32>) {
  // expected-error @below {{intermediate must be one of input, f32, not 'bf16'}}
  %y = nn.swiglu %g, %g intermediate "bf16" : tensor<5x4xf32>
  func.return
}

// -----
func.func @swiglu(%g: tensor<5x4xf32>, %e: tensor<5xi64>) {
  // expected-error @below {{expert_of must hold i32, not i64}}
  %y = nn.swiglu %g, %g by %e : tensor<5xi64>, intermediate "f32" : tensor<5x4xf32>
  func.return
}

// -----
func.func @swiglu(%g: tensor<5x4xf32>, %e: tensor<4xi32>) {
  // expected-error @below {{expert_of must be [5], not [4]}}
  %y = nn.swiglu %g, %g by %e : tensor<4xi32>, intermediate "f32" : tensor<5x4xf32>
  func.return
}

// -----
func.func @swiglu(%g: tensor<5x2x4xf32>, %e: tensor<5xi32>) {
  // expected-error @below {{rows with experts must be [M, I], not [5, 2, 4]}}
  %y = nn.swiglu %g, %g by %e : tensor<5xi32>, intermediate "f32" : tensor<5x2x4xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<5x4x8xf32>) {
  // expected-error @below {{q, k, v must have rank 4: [5, 4, 8], [5, 4, 8], [5, 4, 8]}}
  %o = nn.attention %q, %q, %q scale 1.0 scores f32 probs f32 : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4x8xf32> -> tensor<5x4x8xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<2x5x4x8xf32>, %k: tensor<2x6x4x8xf32>) {
  // expected-error @below {{q, k, v differ in batch or sequence: [2, 5, 4, 8], [2, 6, 4, 8], [2, 6, 4, 8]}}
  %o = nn.attention %q, %k, %k scale 1.0 scores f32 probs f32 : tensor<2x5x4x8xf32>, tensor<2x6x4x8xf32>, tensor<2x6x4x8xf32> -> tensor<2x5x4x8xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<2x5x4x8xf32>, %k: tensor<2x5x4x6xf32>) {
  // expected-error @below {{head sizes do not fit: [2, 5, 4, 8], [2, 5, 4, 6], [2, 5, 4, 6]}}
  %o = nn.attention %q, %k, %k scale 1.0 scores f32 probs f32 : tensor<2x5x4x8xf32>, tensor<2x5x4x6xf32>, tensor<2x5x4x6xf32> -> tensor<2x5x4x6xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<2x5x4x8xf32>, %k: tensor<2x5x3x8xf32>) {
  // expected-error @below {{3 key heads do not divide 4 heads}}
  %o = nn.attention %q, %k, %k scale 1.0 scores f32 probs f32 : tensor<2x5x4x8xf32>, tensor<2x5x3x8xf32>, tensor<2x5x3x8xf32> -> tensor<2x5x4x8xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<2x5x4x8xf32>, %v: tensor<2x5x4x6xf32>) {
  // expected-error @below {{o must be [2, 5, 4, 6], not [2, 5, 4, 8]}}
  %o = nn.attention %q, %q, %v scale 1.0 scores f32 probs f32 : tensor<2x5x4x8xf32>, tensor<2x5x4x8xf32>, tensor<2x5x4x6xf32> -> tensor<2x5x4x8xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<2x5x4x8xf32>) {
  // expected-error @below {{scores must be a floating point type, not i32}}
  %o = nn.attention %q, %q, %q scale 1.0 scores i32 probs f32 : tensor<2x5x4x8xf32>, tensor<2x5x4x8xf32>, tensor<2x5x4x8xf32> -> tensor<2x5x4x8xf32>
  func.return
}

// -----
func.func @attention(%q: tensor<2x5x4x8xf32>) {
  // expected-error @below {{probs must be a floating point type, not i32}}
  %o = nn.attention %q, %q, %q scale 1.0 scores f32 probs i32 : tensor<2x5x4x8xf32>, tensor<2x5x4x8xf32>, tensor<2x5x4x8xf32> -> tensor<2x5x4x8xf32>
  func.return
}

// -----
func.func @last_tokens(%h: tensor<5x8xf32>, %offsets: tensor<4xi32>) {
  // expected-error @below {{y [3, 6] and h [5, 8] differ in their rows}}
  %y = nn.last_tokens %h, %offsets : tensor<5x8xf32>, tensor<4xi32> -> tensor<3x6xf32>
  func.return
}

// -----
func.func @last_tokens(%h: tensor<5x8xf32>, %offsets: tensor<3xi32>) {
  // expected-error @below {{seq_offsets must be [4], not [3]}}
  %y = nn.last_tokens %h, %offsets : tensor<5x8xf32>, tensor<3xi32> -> tensor<3x8xf32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{keep must be one of all, present, not}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "some" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{first: malformed size expression}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1 +" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{count "T + T" must be written "2*T"}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "T + T" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi64>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{seq_offsets must hold i32, not i64}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi64>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{lens must hold i32, not i64}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi64>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3x1xi32>) {
  // expected-error @below {{context_lens must be [N], not [3, 1]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3x1xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{lens must be [M], not [3, 1]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3x1xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{block_table must be [N, P], not [3]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<3xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{seq_offsets must be [4], not [3]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<3xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<4x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{block_table must be [3, 2], not [4, 2]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<4x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{offsets must be [4], not [3]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<3xi32>, tensor<3x2xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{table must be [3, 2], not [3, 1]}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<4xi32>, tensor<3x1xi32>, tensor<3xi32>
  func.return
}

// -----
func.func @step_part(%offsets: tensor<4xi32>, %pages: tensor<3x2xi32>, %lens: tensor<3xi32>) {
  // expected-error @below {{all 3 sequences are kept, not 2}}
  %o, %t, %l = nn.step_part %offsets, %pages, %lens first "1" count "2" keep "all" : tensor<4xi32>, tensor<3x2xi32>, tensor<3xi32> -> tensor<3xi32>, tensor<2x2xi32>, tensor<2xi32>
  func.return
}
