// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

dsv3c.symbol @E min 16 max 256
func.func @gate(%logits: tensor<5x?xf32, ["E"]>) {
  // expected-error @below {{the number of experts must be static: [5, E]}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 1 keep 1 group_score "max" mask "-inf" scale 1.0 : tensor<5x?xf32, ["E"]> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{3 groups do not divide 16 experts}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 3 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{keep 5 is not in 1..4}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 5 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{top_k 9 of 8 kept experts}}
  %w, %ids = moe.gate %logits top_k 9 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x9xf32>, tensor<5x9xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{scoring must be one of sigmoid, softmax, not 'relu'}}
  %w, %ids = moe.gate %logits top_k 4 scoring "relu" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{group_score must be one of top2_sum, max, not 'mean'}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "mean" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{mask must be one of -inf, zero, not 'none'}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "none" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{top2_sum needs two experts per group}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 16 keep 8 group_score "top2_sum" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>, %bias: tensor<4xf32>) {
  // expected-error @below {{bias must be [16], not [4]}}
  %w, %ids = moe.gate %logits bias %bias : tensor<4xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{weights must be [5, 4], not [5, 3]}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x3xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{ids must be [5, 4], not [5, 3]}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x3xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{ids must hold i64, not i32}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<8x6xf32>) {
  // expected-error @below {{down must be [E, D, I], not [8, 6]}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x12x8xf32>, tensor<8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
// Without an up operand, gate holds both.
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x6x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{gate must be [16, 12, 8], not [16, 6, 8]}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x6x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x6x8xf32>, %u: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{up must be [16, 6, 8], not [16, 12, 8]}}
  %y = moe.experts %x, %w, %ids gate %g up %u : tensor<16x12x8xf32> down %d combine_in f32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x6x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x6xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{x [5, 6] does not end in D = 8}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<5x6xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x6xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<6x4xf32>, %ids: tensor<6x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{weights [6, 4] are not for x's tokens}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<6x4xf32>, tensor<6x4xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x3xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{ids must be [5, 4], not [5, 3]}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x3xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{order must be one of slot, expert, not 'rank'}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "rank" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{intermediate must be one of input, f32, not 'bf16'}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "bf16" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{combine_in must be a floating point type, not i32}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in i32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xf32>
  func.return
}

// -----
func.func @experts(%x: tensor<5x8xf32>, %w: tensor<5x4xf32>, %ids: tensor<5x4xi64>, %g: tensor<16x12x8xf32>, %d: tensor<16x8x6xf32>) {
  // expected-error @below {{y must have x's type tensor<5x8xf32>, not tensor<5x8xbf16>}}
  %y = moe.experts %x, %w, %ids gate %g down %d combine_in f32 order "slot" intermediate "input" : tensor<5x8xf32>, tensor<5x4xf32>, tensor<5x4xi64>, tensor<16x12x8xf32>, tensor<16x8x6xf32> -> tensor<5x8xbf16>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{scores_in must be a floating point type, not i32}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 scores_in i32 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}

// -----
func.func @gate(%logits: tensor<5x16xf32>) {
  // expected-error @below {{scores_in f32 is written by leaving it out}}
  %w, %ids = moe.gate %logits top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "max" mask "-inf" scale 1.0 scores_in f32 : tensor<5x16xf32> -> tensor<5x4xf32>, tensor<5x4xi64>
  func.return
}
