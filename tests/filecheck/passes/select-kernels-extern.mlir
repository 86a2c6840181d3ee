// RUN: dsv3c opt %s -p 'select-kernels{extern=cublaslt}' --target h800 | filecheck %s --check-prefix=CUBLASLT
// RUN: dsv3c opt %s -p 'select-kernels{extern=deep_gemm,flash_mla}' --target h800 | filecheck %s
// RUN: dsv3c opt %s -p 'select-kernels{extern=deep_gemm,flash_mla}' --target h800 --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p select-kernels --target h800 --remarks -o %t 2>&1 | filecheck %s --check-prefix=NONE
// RUN: dsv3c opt %s -p select-kernels --target h800 | filecheck %s --check-prefix=OURS
// RUN: dsv3c opt %s -p 'select-kernels{extern=deep_gemm}' --target b200 --remarks -o %t 2>&1 | filecheck %s --check-prefix=B200
// RUN: not dsv3c opt %s -p 'select-kernels{extern=deepgemm}' --target h800 2>&1 | filecheck %s --check-prefix=UNKNOWN
// UNKNOWN: there is no library 'deepgemm' to call
// UNKNOWN: did you mean deep_gemm? there are cublaslt, deep_gemm, flash_mla

// Nothing is asked for: nothing is called, and the remark says what could be.
// OURS-NOT: kernel.extern
// NONE: select-kernels: fired: @product: scaled.mm: scaled_mm.scaled_mm with {{.*}}not cublaslt{{.*}}not asked for{{.*}}not deep_gemm{{.*}}not asked for

module attributes {dsv3c.facts = ["phased", "raised"]} {
dsv3c.symbol @T min 0 max 4096 hint 128
dsv3c.symbol @N min 0 max 128 hint 128

// B200: select-kernels: fired: @product: scaled.mm: scaled_mm.scaled_mm {{.*}}not deep_gemm = b200 is sm_100a; called for sm_90a
// REMARK: select-kernels: fired: @product: scaled.mm: fp8_gemm_nt of deep_gemm (github.com/deepseek-ai/DeepGEMM){{.*}}not scaled_mm.scaled_mm{{.*}}deep_gemm was asked for{{.*}}not cublaslt
// CHECK-LABEL: func.func @product
// CUBLASLT-LABEL: func.func @product
func.func @product(%x: !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, %w: !scaled.tensor<tensor<256x512xf8E4M3FN>, 128x128, f32>) -> tensor<?x256xbf16, ["T"]> attributes {phase = {name = "product", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %y = kernel.extern "deep_gemm" function "fp8_gemm_nt" from "deep_gemm" of "github.com/deepseek-ai/DeepGEMM" launcher "extern.deep_gemm_fp8_gemm_nt" reads ["x", "w"] %x, %w writes ["y"] parameters <none> scratch <scales ["f32", 4, "T + 3"]>
  // CUBLASLT-NEXT: %y = kernel.extern "cublaslt" function "scaled_mm" from "torch.nn.functional" of "NVIDIA cuBLASLt, through PyTorch" launcher "extern.cublaslt_scaled_mm" reads ["x", "w"] %x, %w writes ["y"] parameters <recipe ["BlockWise1x128", "BlockWise128x128"], fast_accum false> scratch <scales ["f32", 4, "T"]>
  // CHECK-NEXT: ^{{.*}}(%[[X:[a-z0-9_]+]]: {{.*}}, %[[W:[a-z0-9_]+]]: {{.*}}):
  // CHECK-NEXT:   %[[Y:[a-z0-9_]+]] = scaled.mm %[[X]], %[[W]] promote 128
  // CHECK-NEXT:   kernel.yield %[[Y]]
  // CHECK-NEXT: }
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<256x512xf8E4M3FN>, 128x128, f32> -> tensor<?x256xbf16, ["T"]>
  func.return %y : tensor<?x256xbf16, ["T"]>
}

// A scale per row, one per row of the weight: cuBLASLt's, not DeepGEMM's.
// REMARK: select-kernels: fired: @rows: scaled.mm: scaled_mm.scaled_mm {{.*}}not deep_gemm = granule 1x* of x, not 1x128
// CHECK-LABEL: func.func @rows
// CUBLASLT-LABEL: func.func @rows
func.func @rows(%x: !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x*, f32>, %w: !scaled.tensor<tensor<256x512xf8E4M3FN>, 1x*, f32>) -> tensor<?x256xbf16, ["T"]> attributes {phase = {name = "rows", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %y = kernel.call "scaled_mm.scaled_mm"
  // CUBLASLT-NEXT: %y = kernel.extern "cublaslt" function "scaled_mm" {{.*}} parameters <recipe ["RowWise", "RowWise"], fast_accum true> :
  %y = scaled.mm %x, %w : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x*, f32>, !scaled.tensor<tensor<256x512xf8E4M3FN>, 1x*, f32> -> tensor<?x256xbf16, ["T"]>
  func.return %y : tensor<?x256xbf16, ["T"]>
}

// CHECK-LABEL: func.func @linear
// CUBLASLT-LABEL: func.func @linear
func.func @linear(%x: tensor<?x512xbf16, ["T"]>, %w: tensor<256x512xbf16>) -> tensor<?x256xbf16, ["T"]> attributes {phase = {name = "linear", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %y = kernel.call "linear.linear"
  // CUBLASLT-NEXT: %y = kernel.extern "cublaslt" function "linear" from "torch.nn.functional" {{.*}} launcher "extern.cublaslt_linear" reads ["x", "weight"] %x, %w writes ["y"] parameters <none> :
  %y = nn.linear %x, %w : tensor<?x512xbf16, ["T"]>, tensor<256x512xbf16> -> tensor<?x256xbf16, ["T"]>
  func.return %y : tensor<?x256xbf16, ["T"]>
}

// Its result is of another type than its operands: PyTorch has no such product.
// CUBLASLT-LABEL: func.func @negative_other_types
func.func @negative_other_types(%x: tensor<?x512xbf16, ["T"]>, %w: tensor<256x512xbf16>) -> tensor<?x256xf32, ["T"]> attributes {phase = {name = "negative_other_types", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CUBLASLT-NEXT: %y = kernel.call "linear.linear"
  %y = nn.linear %x, %w : tensor<?x512xbf16, ["T"]>, tensor<256x512xbf16> -> tensor<?x256xf32, ["T"]>
  func.return %y : tensor<?x256xf32, ["T"]>
}

// K of three blocks: w's scales have no stride that cuBLASLt reads in all versions of PyTorch.
// CUBLASLT-LABEL: func.func @negative_inner
func.func @negative_inner(%x: !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, %w: !scaled.tensor<tensor<256x384xf8E4M3FN>, 128x128, f32>) -> tensor<?x256xbf16, ["T"]> attributes {phase = {name = "negative_inner", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CUBLASLT-NEXT: %y = kernel.call "scaled_mm.scaled_mm"
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<256x384xf8E4M3FN>, 128x128, f32> -> tensor<?x256xbf16, ["T"]>
  func.return %y : tensor<?x256xbf16, ["T"]>
}

// CHECK-LABEL: func.func @contiguous
func.func @contiguous(%x: tensor<?x512xbf16, ["T"]>, %ids: tensor<?x8xi64, ["T"]>, %w: !scaled.tensor<tensor<4x256x512xf8E4M3FN>, 1x128x128, f32>) -> tensor<?x256xbf16, ["8*T + 508"]> attributes {phase = {name = "contiguous", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 128 : tensor<?x512xbf16, ["T"]>, tensor<?x8xi64, ["T"]> -> tensor<?x512xbf16, ["8*T + 508"]>, tensor<?xi32, ["8*T + 508"]>, tensor<?xi32, ["8*T + 508"]>
  %q = scaled.quantize %rows quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["8*T + 508"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["8*T + 508"]>, 1x128, f32, mn_major>
  // CHECK: %y = kernel.extern "deep_gemm" function "m_grouped_fp8_gemm_nt_contiguous" {{.*}} reads ["x", "w", "expert_of"] {{.*}} parameters <none> scratch <scales ["f32", 4, "8*T + 511"]>
  %y = scaled.grouped_mm %q, %w, %expert_of promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["8*T + 508"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<4x256x512xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["8*T + 508"]> -> tensor<?x256xbf16, ["8*T + 508"]>
  func.return %y : tensor<?x256xbf16, ["8*T + 508"]>
}

// CHECK-LABEL: func.func @masked
func.func @masked(%x: tensor<?x512xbf16, ["T"]>, %ids: tensor<?x8xi64, ["T"]>, %w: !scaled.tensor<tensor<4x256x512xf8E4M3FN>, 1x128x128, f32>) -> tensor<?x256xbf16, ["32*T"]> attributes {phase = {name = "masked", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "masked" alignment 1 : tensor<?x512xbf16, ["T"]>, tensor<?x8xi64, ["T"]> -> tensor<?x512xbf16, ["32*T"]>, tensor<?xi32, ["32*T"]>, tensor<?xi32, ["32*T"]>
  %q = scaled.quantize %rows quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["32*T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["32*T"]>, 1x128, f32, mn_major>
  // CHECK: %y = kernel.extern "deep_gemm" function "m_grouped_fp8_gemm_nt_masked" {{.*}} parameters <expected 128> scratch <scales ["f32", 4, "32*T + 12"], counts ["i32", 4]>
  %y = scaled.grouped_mm %q, %w, %expert_of promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["32*T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<4x256x512xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["32*T"]> -> tensor<?x256xbf16, ["32*T"]>
  func.return %y : tensor<?x256xbf16, ["32*T"]>
}

// REMARK: @negative_alignment: scaled.grouped_mm: scaled_grouped_mm.scaled_grouped_mm {{.*}}not deep_gemm = experts start at multiples of 16 rows, not of 128
// CHECK-LABEL: func.func @negative_alignment
func.func @negative_alignment(%x: tensor<?x512xbf16, ["T"]>, %ids: tensor<?x8xi64, ["T"]>, %w: !scaled.tensor<tensor<4x256x512xf8E4M3FN>, 1x128x128, f32>) -> tensor<?x256xbf16, ["8*T + 60"]> attributes {phase = {name = "negative_alignment", min_query = 1 : i64, max_query = 32 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  %rows, %slots, %expert_of = moe.permute %x by %ids experts 4 layout "contiguous" alignment 16 : tensor<?x512xbf16, ["T"]>, tensor<?x8xi64, ["T"]> -> tensor<?x512xbf16, ["8*T + 60"]>, tensor<?xi32, ["8*T + 60"]>, tensor<?xi32, ["8*T + 60"]>
  %q = scaled.quantize %rows quantizer <amax_floor 1.0e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["8*T + 60"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["8*T + 60"]>, 1x128, f32, mn_major>
  // CHECK: %y = kernel.call "scaled_grouped_mm.scaled_grouped_mm"
  %y = scaled.grouped_mm %q, %w, %expert_of promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["8*T + 60"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<4x256x512xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["8*T + 60"]> -> tensor<?x256xbf16, ["8*T + 60"]>
  func.return %y : tensor<?x256xbf16, ["8*T + 60"]>
}

// CHECK-LABEL: func.func @decode
func.func @decode(%ql: tensor<?x64x512xbf16, ["T"]>, %qr: tensor<?x64x64xbf16, ["T"]>, %cache: !mla.cache<"100" x 64, latent 512 x bf16, rope 64 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x64xi32, ["N"]>, %lens: tensor<?xi32, ["N"]>) -> tensor<?x64x512xbf16, ["T"]> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %a = kernel.extern "flash_mla" function "flash_mla_with_kvcache" from "flash_mla" of "github.com/deepseek-ai/FlashMLA" launcher "extern.flash_mla_with_kvcache" reads ["q_latent", "q_rope", "cache", "positions", "seq_offsets", "block_table", "context_lens"] {{.*}} parameters <scale 0.125, queries 1> scratch <query ["bf16", "T", 64, 576]>
  %a = mla.absorbed_attention %ql, %qr, %cache at %positions, %offsets, %table, %lens scale 0.125 scores f32 probs f32 : tensor<?x64x512xbf16, ["T"]>, tensor<?x64x64xbf16, ["T"]>, !mla.cache<"100" x 64, latent 512 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x64xi32, ["N"]>, tensor<?xi32, ["N"]> -> tensor<?x64x512xbf16, ["T"]>
  func.return %a : tensor<?x64x512xbf16, ["T"]>
}

// REMARK: @negative_ragged: mla.absorbed_attention: absorbed_attention.absorbed_attention {{.*}}not flash_mla = sequences bring 1 to 4 tokens, not equally many
// CHECK-LABEL: func.func @negative_ragged
func.func @negative_ragged(%ql: tensor<?x64x512xbf16, ["T"]>, %qr: tensor<?x64x64xbf16, ["T"]>, %cache: !mla.cache<"100" x 64, latent 512 x bf16, rope 64 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x64xi32, ["N"]>, %lens: tensor<?xi32, ["N"]>) -> tensor<?x64x512xbf16, ["T"]> attributes {phase = {name = "negative_ragged", min_query = 1 : i64, max_query = 4 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %a = kernel.call "absorbed_attention.absorbed_attention"
  %a = mla.absorbed_attention %ql, %qr, %cache at %positions, %offsets, %table, %lens scale 0.125 scores f32 probs f32 : tensor<?x64x512xbf16, ["T"]>, tensor<?x64x64xbf16, ["T"]>, !mla.cache<"100" x 64, latent 512 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x64xi32, ["N"]>, tensor<?xi32, ["N"]> -> tensor<?x64x512xbf16, ["T"]>
  func.return %a : tensor<?x64x512xbf16, ["T"]>
}

// REMARK: @negative_scaled_cache: mla.absorbed_attention: absorbed_attention.absorbed_attention {{.*}}not flash_mla = a cache with scales (rows of 656 bytes) is read by sparse attention only
// CHECK-LABEL: func.func @negative_scaled_cache
func.func @negative_scaled_cache(%ql: tensor<?x64x512xbf16, ["T"]>, %qr: tensor<?x64x64xbf16, ["T"]>, %cache: !mla.cache<"100" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x64xi32, ["N"]>, %lens: tensor<?xi32, ["N"]>) -> tensor<?x64x512xbf16, ["T"]> attributes {phase = {name = "negative_scaled_cache", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %a = kernel.call "absorbed_attention.absorbed_attention"
  %a = mla.absorbed_attention %ql, %qr, %cache at %positions, %offsets, %table, %lens scale 0.125 scores f32 probs f32 : tensor<?x64x512xbf16, ["T"]>, tensor<?x64x64xbf16, ["T"]>, !mla.cache<"100" x 64, latent 512 x f8E4M3FN scale 128 x f32, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x64xi32, ["N"]>, tensor<?xi32, ["N"]> -> tensor<?x64x512xbf16, ["T"]>
  func.return %a : tensor<?x64x512xbf16, ["T"]>
}

// REMARK: @negative_page: mla.absorbed_attention: absorbed_attention.absorbed_attention {{.*}}not flash_mla = pages of 128 rows, not 64
// CHECK-LABEL: func.func @negative_page
func.func @negative_page(%ql: tensor<?x64x512xbf16, ["T"]>, %qr: tensor<?x64x64xbf16, ["T"]>, %cache: !mla.cache<"100" x 128, latent 512 x bf16, rope 64 x bf16>, %positions: tensor<?xi32, ["T"]>, %offsets: tensor<?xi32, ["N + 1"]>, %table: tensor<?x64xi32, ["N"]>, %lens: tensor<?xi32, ["N"]>) -> tensor<?x64x512xbf16, ["T"]> attributes {phase = {name = "negative_page", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %a = kernel.call "absorbed_attention.absorbed_attention"
  %a = mla.absorbed_attention %ql, %qr, %cache at %positions, %offsets, %table, %lens scale 0.125 scores f32 probs f32 : tensor<?x64x512xbf16, ["T"]>, tensor<?x64x64xbf16, ["T"]>, !mla.cache<"100" x 128, latent 512 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x64xi32, ["N"]>, tensor<?xi32, ["N"]> -> tensor<?x64x512xbf16, ["T"]>
  func.return %a : tensor<?x64x512xbf16, ["T"]>
}
}
