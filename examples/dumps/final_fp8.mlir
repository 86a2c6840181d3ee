builtin.module attributes {dsv3c.model = "tiny", dsv3c.semantics = "deepseek", dsv3c.facts = ["phased", "quantised", "raised"]} {
  dsv3c.symbol @T min 0 max 4096 hint 128
  dsv3c.symbol @N min 0 max 128 hint 128
  dsv3c.symbol @P min 1 max 80 hint 64
  dsv3c.symbol @C min 0 max 655360 hint 524288
  dsv3c.symbol @pages min 1 hint 8192
  func.func private @prefill.layer0(%embed_tokens: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %embed_tokens, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %context, %context_rope = mla.gather %cache_1, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x256xbf16, ["C"]>, tensor<?x64xbf16, ["C"]>
    %kv_b_proj_weight_q = weight.param "self_attn.kv_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %kv_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<1024x256xbf16> -> !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_b_proj_weight_q_1 : !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32>
    }
    %context_q = scaled.quantize %context quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["C"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["C"]>, 1x128, f32>
    %kv_b_proj = scaled.mm %context_q, %kv_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["C"]>, 1x128, f32>, !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32> -> tensor<?x1024xbf16, ["C"]>
    %kv = aten.reshape(%kv_b_proj) : tensor<?x4x256xbf16, ["C"]>
    %attention = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x128xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, tensor<?x4x256xbf16, ["C"]>, tensor<?x64xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%embed_tokens, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q_2 = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %gate_proj_weight_q = weight.param "mlp.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.gate_proj.weight" : tensor<576x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<576x384xbf16> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rms_norm_q_2, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.up_proj.weight" : tensor<576x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<576x384xbf16> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rms_norm_q_2, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.down_proj.weight" : tensor<384x576xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x576xbf16> -> !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x576xbf16, ["T"]>, tensor<?x576xbf16, ["T"]> -> !scaled.tensor<tensor<?x576xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x576xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%add, %down_proj) : tensor<?x384xbf16, ["T"]>
    func.return %add_1, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @prefill.layer1(%hidden: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %hidden, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %context, %context_rope = mla.gather %cache_1, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x256xbf16, ["C"]>, tensor<?x64xbf16, ["C"]>
    %kv_b_proj_weight_q = weight.param "self_attn.kv_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %kv_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<1024x256xbf16> -> !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_b_proj_weight_q_1 : !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32>
    }
    %context_q = scaled.quantize %context quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["C"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["C"]>, 1x128, f32>
    %kv_b_proj = scaled.mm %context_q, %kv_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["C"]>, 1x128, f32>, !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32> -> tensor<?x1024xbf16, ["C"]>
    %kv = aten.reshape(%kv_b_proj) : tensor<?x4x256xbf16, ["C"]>
    %attention = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x128xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, tensor<?x4x256xbf16, ["C"]>, tensor<?x64xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%hidden, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rows_q, %rms_norm = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %rms_norm, %gate_weight : tensor<?x384xbf16, ["T"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["T"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]>
    %rows, %slots, %expert_of = moe.permute %rows_q by %route_ids experts 16 layout "contiguous" alignment 1 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xi64, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %experts_gate_up_proj_q = weight.param "mlp.experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      %experts_gate_up_proj_q_1 = scaled.quantize %2 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x384xbf16> -> !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_gate_up_proj_q_1 : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
    }
    %gate_up_rows = scaled.grouped_mm %rows, %experts_gate_up_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %gate_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, end = 192) : tensor<?x192xbf16, ["4*T"]>
    %up_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, start = 192) : tensor<?x192xbf16, ["4*T"]>
    %experts_down_proj_q = weight.param "mlp.experts.down_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      %experts_down_proj_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x192xbf16> -> !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_down_proj_q_1 : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
    }
    %hidden_rows_q = scaled.swiglu %gate_rows, %up_rows by %expert_of : tensor<?xi32, ["4*T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["4*T"]>, tensor<?x192xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>
    %down_rows = scaled.grouped_mm %hidden_rows_q, %experts_down_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %experts = moe.unpermute %down_rows at %slots weights %route_weights ids %route_ids combine_in bf16 order "expert" : tensor<?x384xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x384xbf16, ["T"]>
    %gate_proj_weight_q = weight.param "mlp.shared_experts.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rows_q, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.shared_experts.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rows_q, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.shared_experts.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x192xbf16> -> !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%experts, %down_proj) : tensor<?x384xbf16, ["T"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x384xbf16, ["T"]>
    func.return %add_2, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func @prefill(%input_ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache0: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache1: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache2: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache3: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache4: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache5: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) attributes {phase = {name = "prefill", min_query = 248 : i64, max_query = 4096 : i64, tokens = 4096 : i64, sequences = 1 : i64, context = 4096 : i64}} {
    %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %input_ids, %embed_tokens_weight : tensor<?xi64, ["T"]>, tensor<1000x384xbf16> -> tensor<?x384xbf16, ["T"]>
    %hidden, %cache0_1 = func.call @prefill.layer0(%embed_tokens, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache0) {prefix = "model.layers.0"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_1, %cache1_1 = func.call @prefill.layer0(%hidden, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache1) {prefix = "model.layers.1"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_2, %cache2_1 = func.call @prefill.layer1(%hidden_1, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache2) {prefix = "model.layers.2"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_3, %cache3_1 = func.call @prefill.layer1(%hidden_2, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache3) {prefix = "model.layers.3"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_4, %cache4_1 = func.call @prefill.layer1(%hidden_3, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache4) {prefix = "model.layers.4"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_5, %cache5_1 = func.call @prefill.layer1(%hidden_4, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache5) {prefix = "model.layers.5"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %norm_weight = weight.param "model.norm.weight" : tensor<384xbf16>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %hidden_6 = nn.last_tokens %hidden_5, %seq_offsets : tensor<?x384xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x384xbf16, ["N"]>
    %rms_norm = nn.rms_norm %hidden_6, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["N"]>, tensor<384xbf16>
    %lm_head = nn.linear %rms_norm, %lm_head_weight : tensor<?x384xbf16, ["N"]>, tensor<1000x384xbf16> -> tensor<?x1000xbf16, ["N"]>
    func.return %lm_head, %cache0_1, %cache1_1, %cache2_1, %cache3_1, %cache4_1, %cache5_1 : tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func @prefill.short(%input_ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache0: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache1: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache2: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache3: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache4: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache5: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) attributes {phase = {name = "prefill.short", min_query = 1 : i64, max_query = 247 : i64, tokens = 247 : i64, sequences = 1 : i64, context = 4096 : i64}} {
    %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %input_ids, %embed_tokens_weight : tensor<?xi64, ["T"]>, tensor<1000x384xbf16> -> tensor<?x384xbf16, ["T"]>
    %hidden, %cache0_1 = func.call @prefill.short.layer0(%embed_tokens, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache0) {prefix = "model.layers.0"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_1, %cache1_1 = func.call @prefill.short.layer0(%hidden, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache1) {prefix = "model.layers.1"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_2, %cache2_1 = func.call @prefill.short.layer1(%hidden_1, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache2) {prefix = "model.layers.2"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_3, %cache3_1 = func.call @prefill.short.layer1(%hidden_2, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache3) {prefix = "model.layers.3"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_4, %cache4_1 = func.call @prefill.short.layer1(%hidden_3, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache4) {prefix = "model.layers.4"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_5, %cache5_1 = func.call @prefill.short.layer1(%hidden_4, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache5) {prefix = "model.layers.5"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %norm_weight = weight.param "model.norm.weight" : tensor<384xbf16>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %hidden_6 = nn.last_tokens %hidden_5, %seq_offsets : tensor<?x384xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x384xbf16, ["N"]>
    %rms_norm = nn.rms_norm %hidden_6, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["N"]>, tensor<384xbf16>
    %lm_head = nn.linear %rms_norm, %lm_head_weight : tensor<?x384xbf16, ["N"]>, tensor<1000x384xbf16> -> tensor<?x1000xbf16, ["N"]>
    func.return %lm_head, %cache0_1, %cache1_1, %cache2_1, %cache3_1, %cache4_1, %cache5_1 : tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @prefill.short.layer1(%hidden: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %hidden, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %w_uk = weight.param "self_attn.kv_b_proj.weight:absorbed_k" : tensor<4x256x128xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %slice_1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 0, end = 128) : tensor<4x128x256xbf16>
      %1 = aten.permute(%slice_1, dims = [0, 2, 1]) : tensor<4x256x128xbf16>
      weight.yield %1 : tensor<4x256x128xbf16>
    }
    %q_latent = nn.head_linear %q_nope, %w_uk : tensor<?x4x128xbf16, ["T"]>, tensor<4x256x128xbf16> -> tensor<?x4x256xbf16, ["T"]>
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache_1 at %positions, %seq_offsets, %block_table, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x256xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x256xbf16, ["T"]>
    %w_uv = weight.param "self_attn.kv_b_proj.weight:absorbed_v" : tensor<4x128x256xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 128, end = 256) : tensor<4x128x256xbf16>
      weight.yield %1 : tensor<4x128x256xbf16>
    }
    %attention = nn.head_linear %o_latent, %w_uv : tensor<?x4x256xbf16, ["T"]>, tensor<4x128x256xbf16> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%hidden, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rows_q, %rms_norm = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %rms_norm, %gate_weight : tensor<?x384xbf16, ["T"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["T"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]>
    %rows, %slots, %expert_of = moe.permute %rows_q by %route_ids experts 16 layout "contiguous" alignment 1 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xi64, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %experts_gate_up_proj_q = weight.param "mlp.experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      %experts_gate_up_proj_q_1 = scaled.quantize %2 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x384xbf16> -> !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_gate_up_proj_q_1 : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
    }
    %gate_up_rows = scaled.grouped_mm %rows, %experts_gate_up_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %gate_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, end = 192) : tensor<?x192xbf16, ["4*T"]>
    %up_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, start = 192) : tensor<?x192xbf16, ["4*T"]>
    %experts_down_proj_q = weight.param "mlp.experts.down_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      %experts_down_proj_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x192xbf16> -> !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_down_proj_q_1 : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
    }
    %hidden_rows_q = scaled.swiglu %gate_rows, %up_rows by %expert_of : tensor<?xi32, ["4*T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["4*T"]>, tensor<?x192xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>
    %down_rows = scaled.grouped_mm %hidden_rows_q, %experts_down_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %experts = moe.unpermute %down_rows at %slots weights %route_weights ids %route_ids combine_in bf16 order "expert" : tensor<?x384xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x384xbf16, ["T"]>
    %gate_proj_weight_q = weight.param "mlp.shared_experts.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rows_q, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.shared_experts.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rows_q, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.shared_experts.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x192xbf16> -> !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%experts, %down_proj) : tensor<?x384xbf16, ["T"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x384xbf16, ["T"]>
    func.return %add_2, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @prefill.short.layer0(%embed_tokens: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %embed_tokens, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %w_uk = weight.param "self_attn.kv_b_proj.weight:absorbed_k" : tensor<4x256x128xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %slice_1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 0, end = 128) : tensor<4x128x256xbf16>
      %1 = aten.permute(%slice_1, dims = [0, 2, 1]) : tensor<4x256x128xbf16>
      weight.yield %1 : tensor<4x256x128xbf16>
    }
    %q_latent = nn.head_linear %q_nope, %w_uk : tensor<?x4x128xbf16, ["T"]>, tensor<4x256x128xbf16> -> tensor<?x4x256xbf16, ["T"]>
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache_1 at %positions, %seq_offsets, %block_table, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x256xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x256xbf16, ["T"]>
    %w_uv = weight.param "self_attn.kv_b_proj.weight:absorbed_v" : tensor<4x128x256xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 128, end = 256) : tensor<4x128x256xbf16>
      weight.yield %1 : tensor<4x128x256xbf16>
    }
    %attention = nn.head_linear %o_latent, %w_uv : tensor<?x4x256xbf16, ["T"]>, tensor<4x128x256xbf16> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%embed_tokens, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q_2 = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %gate_proj_weight_q = weight.param "mlp.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.gate_proj.weight" : tensor<576x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<576x384xbf16> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rms_norm_q_2, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.up_proj.weight" : tensor<576x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<576x384xbf16> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rms_norm_q_2, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.down_proj.weight" : tensor<384x576xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x576xbf16> -> !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x576xbf16, ["T"]>, tensor<?x576xbf16, ["T"]> -> !scaled.tensor<tensor<?x576xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x576xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%add, %down_proj) : tensor<?x384xbf16, ["T"]>
    func.return %add_1, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @prefill.layer2(%embed_tokens: tensor<?x384xbf16, ["T"]>, %hidden: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %enorm_weight = weight.param "enorm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %embed_tokens, %enorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %hnorm_weight = weight.param "hnorm.weight" : tensor<384xbf16>
    %rms_norm_1 = nn.rms_norm %hidden, %hnorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %cat = aten.cat([%rms_norm, %rms_norm_1], dim = -1) : tensor<?x768xbf16, ["T"]>
    %eh_proj_weight_q = weight.param "eh_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "eh_proj.weight" : tensor<384x768xbf16>
      %eh_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x768xbf16> -> !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32>
      weight.yield %eh_proj_weight_q_1 : !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32>
    }
    %cat_q = scaled.quantize %cat quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x768xbf16, ["T"]> -> !scaled.tensor<tensor<?x768xf8E4M3FN, ["T"]>, 1x128, f32>
    %eh_proj = scaled.mm %cat_q, %eh_proj_weight_q promote 128 : !scaled.tensor<tensor<?x768xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %eh_proj, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %context, %context_rope = mla.gather %cache_1, %context_lens, %block_table : !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["N"]>, tensor<?x?xi32, ["N", "P"]> -> tensor<?x256xbf16, ["C"]>, tensor<?x64xbf16, ["C"]>
    %kv_b_proj_weight_q = weight.param "self_attn.kv_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %kv_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<1024x256xbf16> -> !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_b_proj_weight_q_1 : !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32>
    }
    %context_q = scaled.quantize %context quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["C"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["C"]>, 1x128, f32>
    %kv_b_proj = scaled.mm %context_q, %kv_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["C"]>, 1x128, f32>, !scaled.tensor<tensor<1024x256xf8E4M3FN>, 128x128, f32> -> tensor<?x1024xbf16, ["C"]>
    %kv = aten.reshape(%kv_b_proj) : tensor<?x4x256xbf16, ["C"]>
    %attention = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at %positions, %seq_offsets, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x128xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, tensor<?x4x256xbf16, ["C"]>, tensor<?x64xbf16, ["C"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?xi32, ["N"]> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%eh_proj, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rows_q, %rms_norm_2 = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %rms_norm_2, %gate_weight : tensor<?x384xbf16, ["T"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["T"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]>
    %rows, %slots, %expert_of = moe.permute %rows_q by %route_ids experts 16 layout "contiguous" alignment 1 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xi64, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %experts_gate_up_proj_q = weight.param "mlp.experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      %experts_gate_up_proj_q_1 = scaled.quantize %2 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x384xbf16> -> !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_gate_up_proj_q_1 : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
    }
    %gate_up_rows = scaled.grouped_mm %rows, %experts_gate_up_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %gate_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, end = 192) : tensor<?x192xbf16, ["4*T"]>
    %up_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, start = 192) : tensor<?x192xbf16, ["4*T"]>
    %experts_down_proj_q = weight.param "mlp.experts.down_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      %experts_down_proj_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x192xbf16> -> !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_down_proj_q_1 : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
    }
    %hidden_rows_q = scaled.swiglu %gate_rows, %up_rows by %expert_of : tensor<?xi32, ["4*T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["4*T"]>, tensor<?x192xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>
    %down_rows = scaled.grouped_mm %hidden_rows_q, %experts_down_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %experts = moe.unpermute %down_rows at %slots weights %route_weights ids %route_ids combine_in bf16 order "expert" : tensor<?x384xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x384xbf16, ["T"]>
    %gate_proj_weight_q = weight.param "mlp.shared_experts.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rows_q, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.shared_experts.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rows_q, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.shared_experts.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x192xbf16> -> !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%experts, %down_proj) : tensor<?x384xbf16, ["T"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x384xbf16, ["T"]>
    %norm_weight = weight.param "shared_head.norm.weight" : tensor<384xbf16>
    %rms_norm_3 = nn.rms_norm %add_2, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    func.return %rms_norm_3, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func @mtp_prefill(%hidden: tensor<?x384xbf16, ["T"]>, %next_ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) attributes {phase = {name = "prefill", min_query = 248 : i64, max_query = 4096 : i64, tokens = 4096 : i64, sequences = 1 : i64, context = 4096 : i64}} {
    %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %next_ids, %embed_tokens_weight : tensor<?xi64, ["T"]>, tensor<1000x384xbf16> -> tensor<?x384xbf16, ["T"]>
    %hidden_1, %cache_1 = func.call @prefill.layer2(%embed_tokens, %hidden, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "model.layers.6"} : (tensor<?x384xbf16, ["T"]>, tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %hidden_2 = nn.last_tokens %hidden_1, %seq_offsets : tensor<?x384xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x384xbf16, ["N"]>
    %lm_head = nn.linear %hidden_2, %lm_head_weight : tensor<?x384xbf16, ["N"]>, tensor<1000x384xbf16> -> tensor<?x1000xbf16, ["N"]>
    func.return %lm_head, %cache_1 : tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func @mtp_prefill.short(%hidden: tensor<?x384xbf16, ["T"]>, %next_ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) attributes {phase = {name = "prefill.short", min_query = 1 : i64, max_query = 247 : i64, tokens = 247 : i64, sequences = 1 : i64, context = 4096 : i64}} {
    %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %next_ids, %embed_tokens_weight : tensor<?xi64, ["T"]>, tensor<1000x384xbf16> -> tensor<?x384xbf16, ["T"]>
    %hidden_1, %cache_1 = func.call @mtp_prefill.short.prefill.layer2(%embed_tokens, %hidden, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "model.layers.6"} : (tensor<?x384xbf16, ["T"]>, tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %hidden_2 = nn.last_tokens %hidden_1, %seq_offsets : tensor<?x384xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x384xbf16, ["N"]>
    %lm_head = nn.linear %hidden_2, %lm_head_weight : tensor<?x384xbf16, ["N"]>, tensor<1000x384xbf16> -> tensor<?x1000xbf16, ["N"]>
    func.return %lm_head, %cache_1 : tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @mtp_prefill.short.prefill.layer2(%embed_tokens: tensor<?x384xbf16, ["T"]>, %hidden: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %enorm_weight = weight.param "enorm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %embed_tokens, %enorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %hnorm_weight = weight.param "hnorm.weight" : tensor<384xbf16>
    %rms_norm_1 = nn.rms_norm %hidden, %hnorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %cat = aten.cat([%rms_norm, %rms_norm_1], dim = -1) : tensor<?x768xbf16, ["T"]>
    %eh_proj_weight_q = weight.param "eh_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "eh_proj.weight" : tensor<384x768xbf16>
      %eh_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x768xbf16> -> !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32>
      weight.yield %eh_proj_weight_q_1 : !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32>
    }
    %cat_q = scaled.quantize %cat quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x768xbf16, ["T"]> -> !scaled.tensor<tensor<?x768xf8E4M3FN, ["T"]>, 1x128, f32>
    %eh_proj = scaled.mm %cat_q, %eh_proj_weight_q promote 128 : !scaled.tensor<tensor<?x768xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %eh_proj, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %w_uk = weight.param "self_attn.kv_b_proj.weight:absorbed_k" : tensor<4x256x128xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %slice_1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 0, end = 128) : tensor<4x128x256xbf16>
      %1 = aten.permute(%slice_1, dims = [0, 2, 1]) : tensor<4x256x128xbf16>
      weight.yield %1 : tensor<4x256x128xbf16>
    }
    %q_latent = nn.head_linear %q_nope, %w_uk : tensor<?x4x128xbf16, ["T"]>, tensor<4x256x128xbf16> -> tensor<?x4x256xbf16, ["T"]>
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache_1 at %positions, %seq_offsets, %block_table, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x256xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x256xbf16, ["T"]>
    %w_uv = weight.param "self_attn.kv_b_proj.weight:absorbed_v" : tensor<4x128x256xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 128, end = 256) : tensor<4x128x256xbf16>
      weight.yield %1 : tensor<4x128x256xbf16>
    }
    %attention = nn.head_linear %o_latent, %w_uv : tensor<?x4x256xbf16, ["T"]>, tensor<4x128x256xbf16> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%eh_proj, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rows_q, %rms_norm_2 = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %rms_norm_2, %gate_weight : tensor<?x384xbf16, ["T"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["T"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]>
    %rows, %slots, %expert_of = moe.permute %rows_q by %route_ids experts 16 layout "contiguous" alignment 1 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xi64, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %experts_gate_up_proj_q = weight.param "mlp.experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      %experts_gate_up_proj_q_1 = scaled.quantize %2 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x384xbf16> -> !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_gate_up_proj_q_1 : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
    }
    %gate_up_rows = scaled.grouped_mm %rows, %experts_gate_up_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %gate_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, end = 192) : tensor<?x192xbf16, ["4*T"]>
    %up_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, start = 192) : tensor<?x192xbf16, ["4*T"]>
    %experts_down_proj_q = weight.param "mlp.experts.down_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      %experts_down_proj_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x192xbf16> -> !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_down_proj_q_1 : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
    }
    %hidden_rows_q = scaled.swiglu %gate_rows, %up_rows by %expert_of : tensor<?xi32, ["4*T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["4*T"]>, tensor<?x192xbf16, ["4*T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>
    %down_rows = scaled.grouped_mm %hidden_rows_q, %experts_down_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x192xf8E4M3FN, ["4*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["4*T"]> -> tensor<?x384xbf16, ["4*T"]>
    %experts = moe.unpermute %down_rows at %slots weights %route_weights ids %route_ids combine_in bf16 order "expert" : tensor<?x384xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x384xbf16, ["T"]>
    %gate_proj_weight_q = weight.param "mlp.shared_experts.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rows_q, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.shared_experts.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rows_q, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.shared_experts.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x192xbf16> -> !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%experts, %down_proj) : tensor<?x384xbf16, ["T"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x384xbf16, ["T"]>
    %norm_weight = weight.param "shared_head.norm.weight" : tensor<384xbf16>
    %rms_norm_3 = nn.rms_norm %add_2, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    func.return %rms_norm_3, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @decode.layer0(%embed_tokens: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %embed_tokens, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %w_uk = weight.param "self_attn.kv_b_proj.weight:absorbed_k" : tensor<4x256x128xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %slice_1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 0, end = 128) : tensor<4x128x256xbf16>
      %1 = aten.permute(%slice_1, dims = [0, 2, 1]) : tensor<4x256x128xbf16>
      weight.yield %1 : tensor<4x256x128xbf16>
    }
    %q_latent = nn.head_linear %q_nope, %w_uk : tensor<?x4x128xbf16, ["T"]>, tensor<4x256x128xbf16> -> tensor<?x4x256xbf16, ["T"]>
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache_1 at %positions, %seq_offsets, %block_table, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x256xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x256xbf16, ["T"]>
    %w_uv = weight.param "self_attn.kv_b_proj.weight:absorbed_v" : tensor<4x128x256xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 128, end = 256) : tensor<4x128x256xbf16>
      weight.yield %1 : tensor<4x128x256xbf16>
    }
    %attention = nn.head_linear %o_latent, %w_uv : tensor<?x4x256xbf16, ["T"]>, tensor<4x128x256xbf16> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%embed_tokens, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q_2 = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %gate_proj_weight_q = weight.param "mlp.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.gate_proj.weight" : tensor<576x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<576x384xbf16> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rms_norm_q_2, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.up_proj.weight" : tensor<576x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<576x384xbf16> -> !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rms_norm_q_2, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x576xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.down_proj.weight" : tensor<384x576xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x576xbf16> -> !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x576xbf16, ["T"]>, tensor<?x576xbf16, ["T"]> -> !scaled.tensor<tensor<?x576xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x576xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x576xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%add, %down_proj) : tensor<?x384xbf16, ["T"]>
    func.return %add_1, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @decode.layer1(%hidden: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %hidden, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %w_uk = weight.param "self_attn.kv_b_proj.weight:absorbed_k" : tensor<4x256x128xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %slice_1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 0, end = 128) : tensor<4x128x256xbf16>
      %1 = aten.permute(%slice_1, dims = [0, 2, 1]) : tensor<4x256x128xbf16>
      weight.yield %1 : tensor<4x256x128xbf16>
    }
    %q_latent = nn.head_linear %q_nope, %w_uk : tensor<?x4x128xbf16, ["T"]>, tensor<4x256x128xbf16> -> tensor<?x4x256xbf16, ["T"]>
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache_1 at %positions, %seq_offsets, %block_table, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x256xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x256xbf16, ["T"]>
    %w_uv = weight.param "self_attn.kv_b_proj.weight:absorbed_v" : tensor<4x128x256xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 128, end = 256) : tensor<4x128x256xbf16>
      weight.yield %1 : tensor<4x128x256xbf16>
    }
    %attention = nn.head_linear %o_latent, %w_uv : tensor<?x4x256xbf16, ["T"]>, tensor<4x128x256xbf16> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%hidden, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rows_q, %rms_norm = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %rms_norm, %gate_weight : tensor<?x384xbf16, ["T"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["T"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]>
    %rows, %slots, %expert_of = moe.permute %rows_q by %route_ids experts 16 layout "masked" alignment 1 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xi64, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["16*T"]>, 1x128, f32>, tensor<?xi32, ["16*T"]>, tensor<?xi32, ["16*T"]>
    %experts_gate_up_proj_q = weight.param "mlp.experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      %experts_gate_up_proj_q_1 = scaled.quantize %2 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x384xbf16> -> !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_gate_up_proj_q_1 : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
    }
    %gate_up_rows = scaled.grouped_mm %rows, %experts_gate_up_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["16*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["16*T"]> -> tensor<?x384xbf16, ["16*T"]>
    %gate_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, end = 192) : tensor<?x192xbf16, ["16*T"]>
    %up_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, start = 192) : tensor<?x192xbf16, ["16*T"]>
    %experts_down_proj_q = weight.param "mlp.experts.down_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      %experts_down_proj_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x192xbf16> -> !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_down_proj_q_1 : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
    }
    %hidden_rows_q = scaled.swiglu %gate_rows, %up_rows by %expert_of : tensor<?xi32, ["16*T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["16*T"]>, tensor<?x192xbf16, ["16*T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["16*T"]>, 1x128, f32>
    %down_rows = scaled.grouped_mm %hidden_rows_q, %experts_down_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x192xf8E4M3FN, ["16*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["16*T"]> -> tensor<?x384xbf16, ["16*T"]>
    %experts = moe.unpermute %down_rows at %slots weights %route_weights ids %route_ids combine_in bf16 order "expert" : tensor<?x384xbf16, ["16*T"]>, tensor<?xi32, ["16*T"]>, tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x384xbf16, ["T"]>
    %gate_proj_weight_q = weight.param "mlp.shared_experts.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rows_q, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.shared_experts.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rows_q, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.shared_experts.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x192xbf16> -> !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%experts, %down_proj) : tensor<?x384xbf16, ["T"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x384xbf16, ["T"]>
    func.return %add_2, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func @decode(%input_ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache0: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache1: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache2: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache3: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache4: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, %cache5: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64, capturable}} {
    %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %input_ids, %embed_tokens_weight : tensor<?xi64, ["T"]>, tensor<1000x384xbf16> -> tensor<?x384xbf16, ["T"]>
    %hidden, %cache0_1 = func.call @decode.layer0(%embed_tokens, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache0) {prefix = "model.layers.0"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_1, %cache1_1 = func.call @decode.layer0(%hidden, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache1) {prefix = "model.layers.1"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_2, %cache2_1 = func.call @decode.layer1(%hidden_1, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache2) {prefix = "model.layers.2"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_3, %cache3_1 = func.call @decode.layer1(%hidden_2, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache3) {prefix = "model.layers.3"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_4, %cache4_1 = func.call @decode.layer1(%hidden_3, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache4) {prefix = "model.layers.4"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %hidden_5, %cache5_1 = func.call @decode.layer1(%hidden_4, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache5) {prefix = "model.layers.5"} : (tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %norm_weight = weight.param "model.norm.weight" : tensor<384xbf16>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %hidden_6 = nn.last_tokens %hidden_5, %seq_offsets : tensor<?x384xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x384xbf16, ["N"]>
    %rms_norm = nn.rms_norm %hidden_6, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["N"]>, tensor<384xbf16>
    %lm_head = nn.linear %rms_norm, %lm_head_weight : tensor<?x384xbf16, ["N"]>, tensor<1000x384xbf16> -> tensor<?x1000xbf16, ["N"]>
    func.return %lm_head, %cache0_1, %cache1_1, %cache2_1, %cache3_1, %cache4_1, %cache5_1 : tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func private @decode.layer2(%embed_tokens: tensor<?x384xbf16, ["T"]>, %hidden: tensor<?x384xbf16, ["T"]>, %cos: tensor<?x32xf32, ["T"]>, %sin: tensor<?x32xf32, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) {
    %enorm_weight = weight.param "enorm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %embed_tokens, %enorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %hnorm_weight = weight.param "hnorm.weight" : tensor<384xbf16>
    %rms_norm_1 = nn.rms_norm %hidden, %hnorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %cat = aten.cat([%rms_norm, %rms_norm_1], dim = -1) : tensor<?x768xbf16, ["T"]>
    %eh_proj_weight_q = weight.param "eh_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "eh_proj.weight" : tensor<384x768xbf16>
      %eh_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x768xbf16> -> !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32>
      weight.yield %eh_proj_weight_q_1 : !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32>
    }
    %cat_q = scaled.quantize %cat quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x768xbf16, ["T"]> -> !scaled.tensor<tensor<?x768xf8E4M3FN, ["T"]>, 1x128, f32>
    %eh_proj = scaled.mm %cat_q, %eh_proj_weight_q promote 128 : !scaled.tensor<tensor<?x768xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x768xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_q = scaled.rms_norm %eh_proj, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_a_proj_weight_q = weight.param "self_attn.q_a_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
      %q_a_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %q_a_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %q_a_proj = scaled.mm %rms_norm_q, %q_a_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_q_1 = scaled.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<192xbf16> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %q_b_proj_weight_q = weight.param "self_attn.q_b_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
      %q_b_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<768x192xbf16> -> !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
      weight.yield %q_b_proj_weight_q_1 : !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32>
    }
    %q_b_proj = scaled.mm %rms_norm_q_1, %q_b_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<768x192xf8E4M3FN>, 128x128, f32> -> tensor<?x768xbf16, ["T"]>
    %reshape = aten.reshape(%q_b_proj) : tensor<?x4x192xbf16, ["T"]>
    %q_b_proj_1 = aten.slice.Tensor(%reshape, dim = 2, start = 128, end = 192) : tensor<?x4x64xbf16, ["T"]>
    %q_nope = aten.slice.Tensor(%reshape, dim = 2, start = 0, end = 128) : tensor<?x4x128xbf16, ["T"]>
    %kv_a_proj_with_mqa_weight_q = weight.param "self_attn.kv_a_proj_with_mqa.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
      %kv_a_proj_with_mqa_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<320x384xbf16> -> !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
      weight.yield %kv_a_proj_with_mqa_weight_q_1 : !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32>
    }
    %kv_a_proj_with_mqa = scaled.mm %rms_norm_q, %kv_a_proj_with_mqa_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<320x384xf8E4M3FN>, 128x128, f32> -> tensor<?x320xbf16, ["T"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 0, end = 256) : tensor<?x256xbf16, ["T"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 1, start = 256, end = 320) : tensor<?x64xbf16, ["T"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %q_rope = nn.rope %q_b_proj_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x4x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %cache_1 = mla.rope_append %slice, %kv_a_proj_with_mqa_1, %cos, %sin to %cache at %positions, %seq_offsets, %block_table pairs "interleaved" out "interleaved" compute "f32" eps 1.000000e-06 weight_in "f32" norm %kv_a_layernorm_weight : tensor<256xbf16> : tensor<?x256xbf16, ["T"]>, tensor<?x64xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]> -> !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
    %w_uk = weight.param "self_attn.kv_b_proj.weight:absorbed_k" : tensor<4x256x128xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %slice_1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 0, end = 128) : tensor<4x128x256xbf16>
      %1 = aten.permute(%slice_1, dims = [0, 2, 1]) : tensor<4x256x128xbf16>
      weight.yield %1 : tensor<4x256x128xbf16>
    }
    %q_latent = nn.head_linear %q_nope, %w_uk : tensor<?x4x128xbf16, ["T"]>, tensor<4x256x128xbf16> -> tensor<?x4x256xbf16, ["T"]>
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache_1 at %positions, %seq_offsets, %block_table, %context_lens scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x4x256xbf16, ["T"]>, tensor<?x4x64xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]> -> tensor<?x4x256xbf16, ["T"]>
    %w_uv = weight.param "self_attn.kv_b_proj.weight:absorbed_v" : tensor<4x128x256xbf16> {
      %0 = weight.stored "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
      %reshape_1 = aten.reshape(%0) : tensor<4x256x256xbf16>
      %1 = aten.slice.Tensor(%reshape_1, dim = 1, start = 128, end = 256) : tensor<4x128x256xbf16>
      weight.yield %1 : tensor<4x128x256xbf16>
    }
    %attention = nn.head_linear %o_latent, %w_uv : tensor<?x4x256xbf16, ["T"]>, tensor<4x128x256xbf16> -> tensor<?x4x128xbf16, ["T"]>
    %reshape_1 = aten.reshape(%attention) : tensor<?x512xbf16, ["T"]>
    %o_proj_weight_q = weight.param "self_attn.o_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "self_attn.o_proj.weight" : tensor<384x512xbf16>
      %o_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x512xbf16> -> !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
      weight.yield %o_proj_weight_q_1 : !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32>
    }
    %reshape_q = scaled.quantize %reshape_1 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x512xbf16, ["T"]> -> !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>
    %o_proj = scaled.mm %reshape_q, %o_proj_weight_q promote 128 : !scaled.tensor<tensor<?x512xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x512xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add = aten.add.Tensor(%eh_proj, %o_proj) : tensor<?x384xbf16, ["T"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rows_q, %rms_norm_2 = scaled.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x384xbf16, ["T"]>, tensor<384xbf16> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x384xbf16, ["T"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %rms_norm_2, %gate_weight : tensor<?x384xbf16, ["T"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["T"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["T"]> -> tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]>
    %rows, %slots, %expert_of = moe.permute %rows_q by %route_ids experts 16 layout "masked" alignment 1 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xi64, ["T"]> -> !scaled.tensor<tensor<?x384xf8E4M3FN, ["16*T"]>, 1x128, f32>, tensor<?xi32, ["16*T"]>, tensor<?xi32, ["16*T"]>
    %experts_gate_up_proj_q = weight.param "mlp.experts.gate_up_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      %experts_gate_up_proj_q_1 = scaled.quantize %2 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x384xbf16> -> !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_gate_up_proj_q_1 : !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>
    }
    %gate_up_rows = scaled.grouped_mm %rows, %experts_gate_up_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x384xf8E4M3FN, ["16*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x384xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["16*T"]> -> tensor<?x384xbf16, ["16*T"]>
    %gate_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, end = 192) : tensor<?x192xbf16, ["16*T"]>
    %up_rows = aten.slice.Tensor(%gate_up_rows, dim = -1, start = 192) : tensor<?x192xbf16, ["16*T"]>
    %experts_down_proj_q = weight.param "mlp.experts.down_proj:f8E4M3FN 1x128x128" : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      %experts_down_proj_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<16x384x192xbf16> -> !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
      weight.yield %experts_down_proj_q_1 : !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>
    }
    %hidden_rows_q = scaled.swiglu %gate_rows, %up_rows by %expert_of : tensor<?xi32, ["16*T"]>, intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["16*T"]>, tensor<?x192xbf16, ["16*T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["16*T"]>, 1x128, f32>
    %down_rows = scaled.grouped_mm %hidden_rows_q, %experts_down_proj_q, %expert_of promote 128 skips_padding : !scaled.tensor<tensor<?x192xf8E4M3FN, ["16*T"]>, 1x128, f32>, !scaled.tensor<tensor<16x384x192xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["16*T"]> -> tensor<?x384xbf16, ["16*T"]>
    %experts = moe.unpermute %down_rows at %slots weights %route_weights ids %route_ids combine_in bf16 order "expert" : tensor<?x384xbf16, ["16*T"]>, tensor<?xi32, ["16*T"]>, tensor<?x4xbf16, ["T"]>, tensor<?x4xi64, ["T"]> -> tensor<?x384xbf16, ["T"]>
    %gate_proj_weight_q = weight.param "mlp.shared_experts.gate_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
      %gate_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %gate_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %gate_proj = scaled.mm %rows_q, %gate_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %up_proj_weight_q = weight.param "mlp.shared_experts.up_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
      %up_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<192x384xbf16> -> !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
      weight.yield %up_proj_weight_q_1 : !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32>
    }
    %up_proj = scaled.mm %rows_q, %up_proj_weight_q promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<192x384xf8E4M3FN>, 128x128, f32> -> tensor<?x192xbf16, ["T"]>
    %down_proj_weight_q = weight.param "mlp.shared_experts.down_proj.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> {
      %0 = weight.stored "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
      %down_proj_weight_q_1 = scaled.quantize %0 quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> : tensor<384x192xbf16> -> !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
      weight.yield %down_proj_weight_q_1 : !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32>
    }
    %swiglu_q = scaled.swiglu %gate_proj, %up_proj intermediate "input" rounded_to bf16 quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "none"> : tensor<?x192xbf16, ["T"]>, tensor<?x192xbf16, ["T"]> -> !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>
    %down_proj = scaled.mm %swiglu_q, %down_proj_weight_q promote 128 : !scaled.tensor<tensor<?x192xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<384x192xf8E4M3FN>, 128x128, f32> -> tensor<?x384xbf16, ["T"]>
    %add_1 = aten.add.Tensor(%experts, %down_proj) : tensor<?x384xbf16, ["T"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x384xbf16, ["T"]>
    %norm_weight = weight.param "shared_head.norm.weight" : tensor<384xbf16>
    %rms_norm_3 = nn.rms_norm %add_2, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    func.return %rms_norm_3, %cache_1 : tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
  func.func @mtp_decode(%hidden: tensor<?x384xbf16, ["T"]>, %next_ids: tensor<?xi64, ["T"]>, %positions: tensor<?xi32, ["T"]>, %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>, %context_lens: tensor<?xi32, ["N"]>, %cache: !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64, capturable}} {
    %cos, %sin = nn.rope_table %positions inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<?xi32, ["T"]> -> tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %next_ids, %embed_tokens_weight : tensor<?xi64, ["T"]>, tensor<1000x384xbf16> -> tensor<?x384xbf16, ["T"]>
    %hidden_1, %cache_1 = func.call @decode.layer2(%embed_tokens, %hidden, %cos, %sin, %positions, %seq_offsets, %block_table, %context_lens, %cache) {prefix = "model.layers.6"} : (tensor<?x384xbf16, ["T"]>, tensor<?x384xbf16, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?x32xf32, ["T"]>, tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>, tensor<?xi32, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>) -> (tensor<?x384xbf16, ["T"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>)
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %hidden_2 = nn.last_tokens %hidden_1, %seq_offsets : tensor<?x384xbf16, ["T"]>, tensor<?xi32, ["N + 1"]> -> tensor<?x384xbf16, ["N"]>
    %lm_head = nn.linear %hidden_2, %lm_head_weight : tensor<?x384xbf16, ["N"]>, tensor<1000x384xbf16> -> tensor<?x1000xbf16, ["N"]>
    func.return %lm_head, %cache_1 : tensor<?x1000xbf16, ["N"]>, !mla.cache<"pages" x 64, latent 256 x bf16, rope 64 x bf16>
  }
}
