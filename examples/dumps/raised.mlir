builtin.module attributes {dsv3c.model = "tiny", dsv3c.semantics = "deepseek", dsv3c.facts = ["raised"]} {
  dsv3c.symbol @B min 1 max 4096 hint 1
  dsv3c.symbol @S min 1 max 5120 hint 4096
  func.func private @layer0(%embed_tokens: tensor<?x?x384xbf16, ["B", "S"]>, %cos: tensor<1x?x32xf32, ["S"]>, %sin: tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]> {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %embed_tokens, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %q_a_proj_weight = weight.param "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
    %q_a_proj = nn.linear %rms_norm, %q_a_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_1 = nn.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x192xbf16, ["B", "S"]>, tensor<192xbf16>
    %q_b_proj_weight = weight.param "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
    %q_b_proj = nn.linear %rms_norm_1, %q_b_proj_weight : tensor<?x?x192xbf16, ["B", "S"]>, tensor<768x192xbf16> -> tensor<?x?x768xbf16, ["B", "S"]>
    %q_b_proj_1 = aten.reshape(%q_b_proj) : tensor<?x?x4x192xbf16, ["B", "S"]>
    %q_nope = aten.slice.Tensor(%q_b_proj_1, dim = 3, start = 0, end = 128) : tensor<?x?x4x128xbf16, ["B", "S"]>
    %kv_a_proj_with_mqa_weight = weight.param "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
    %kv_a_proj_with_mqa = nn.linear %rms_norm, %kv_a_proj_with_mqa_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<320x384xbf16> -> tensor<?x?x320xbf16, ["B", "S"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 2, start = 0, end = 256) : tensor<?x?x256xbf16, ["B", "S"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %latent = nn.rms_norm %slice, %kv_a_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x256xbf16, ["B", "S"]>, tensor<256xbf16>
    %q_b_proj_2 = aten.slice.Tensor(%q_b_proj_1, dim = 3, start = 128, end = 192) : tensor<?x?x4x64xbf16, ["B", "S"]>
    %q_rope = nn.rope %q_b_proj_2, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x4x64xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 2, start = 256, end = 320) : tensor<?x?x64xbf16, ["B", "S"]>
    %k_rope = nn.rope %kv_a_proj_with_mqa_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x64xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %kv_b_proj_weight = weight.param "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
    %kv_b_proj = nn.linear %latent, %kv_b_proj_weight : tensor<?x?x256xbf16, ["B", "S"]>, tensor<1024x256xbf16> -> tensor<?x?x1024xbf16, ["B", "S"]>
    %kv = aten.reshape(%kv_b_proj) : tensor<?x?x4x256xbf16, ["B", "S"]>
    %attention = mla.attention %q_nope, %q_rope, %kv, %k_rope scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x?x4x128xbf16, ["B", "S"]>, tensor<?x?x4x64xbf16, ["B", "S"]>, tensor<?x?x4x256xbf16, ["B", "S"]>, tensor<?x?x64xbf16, ["B", "S"]> -> tensor<?x?x4x128xbf16, ["B", "S"]>
    %reshape = aten.reshape(%attention) : tensor<?x?x512xbf16, ["B", "S"]>
    %o_proj_weight = weight.param "self_attn.o_proj.weight" : tensor<384x512xbf16>
    %o_proj = nn.linear %reshape, %o_proj_weight : tensor<?x?x512xbf16, ["B", "S"]>, tensor<384x512xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %add = aten.add.Tensor(%embed_tokens, %o_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_2 = nn.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %gate_proj_weight = weight.param "mlp.gate_proj.weight" : tensor<576x384xbf16>
    %gate_proj = nn.linear %rms_norm_2, %gate_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<576x384xbf16> -> tensor<?x?x576xbf16, ["B", "S"]>
    %up_proj_weight = weight.param "mlp.up_proj.weight" : tensor<576x384xbf16>
    %up_proj = nn.linear %rms_norm_2, %up_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<576x384xbf16> -> tensor<?x?x576xbf16, ["B", "S"]>
    %swiglu = nn.swiglu %gate_proj, %up_proj intermediate "input" : tensor<?x?x576xbf16, ["B", "S"]>
    %down_proj_weight = weight.param "mlp.down_proj.weight" : tensor<384x576xbf16>
    %down_proj = nn.linear %swiglu, %down_proj_weight : tensor<?x?x576xbf16, ["B", "S"]>, tensor<384x576xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %add_1 = aten.add.Tensor(%add, %down_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    func.return %add_1 : tensor<?x?x384xbf16, ["B", "S"]>
  }
  func.func private @layer1(%hidden: tensor<?x?x384xbf16, ["B", "S"]>, %cos: tensor<1x?x32xf32, ["S"]>, %sin: tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]> {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %hidden, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %q_a_proj_weight = weight.param "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
    %q_a_proj = nn.linear %rms_norm, %q_a_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_1 = nn.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x192xbf16, ["B", "S"]>, tensor<192xbf16>
    %q_b_proj_weight = weight.param "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
    %q_b_proj = nn.linear %rms_norm_1, %q_b_proj_weight : tensor<?x?x192xbf16, ["B", "S"]>, tensor<768x192xbf16> -> tensor<?x?x768xbf16, ["B", "S"]>
    %q_b_proj_1 = aten.reshape(%q_b_proj) : tensor<?x?x4x192xbf16, ["B", "S"]>
    %q_nope = aten.slice.Tensor(%q_b_proj_1, dim = 3, start = 0, end = 128) : tensor<?x?x4x128xbf16, ["B", "S"]>
    %kv_a_proj_with_mqa_weight = weight.param "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
    %kv_a_proj_with_mqa = nn.linear %rms_norm, %kv_a_proj_with_mqa_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<320x384xbf16> -> tensor<?x?x320xbf16, ["B", "S"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 2, start = 0, end = 256) : tensor<?x?x256xbf16, ["B", "S"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %latent = nn.rms_norm %slice, %kv_a_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x256xbf16, ["B", "S"]>, tensor<256xbf16>
    %q_b_proj_2 = aten.slice.Tensor(%q_b_proj_1, dim = 3, start = 128, end = 192) : tensor<?x?x4x64xbf16, ["B", "S"]>
    %q_rope = nn.rope %q_b_proj_2, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x4x64xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 2, start = 256, end = 320) : tensor<?x?x64xbf16, ["B", "S"]>
    %k_rope = nn.rope %kv_a_proj_with_mqa_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x64xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %kv_b_proj_weight = weight.param "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
    %kv_b_proj = nn.linear %latent, %kv_b_proj_weight : tensor<?x?x256xbf16, ["B", "S"]>, tensor<1024x256xbf16> -> tensor<?x?x1024xbf16, ["B", "S"]>
    %kv = aten.reshape(%kv_b_proj) : tensor<?x?x4x256xbf16, ["B", "S"]>
    %attention = mla.attention %q_nope, %q_rope, %kv, %k_rope scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x?x4x128xbf16, ["B", "S"]>, tensor<?x?x4x64xbf16, ["B", "S"]>, tensor<?x?x4x256xbf16, ["B", "S"]>, tensor<?x?x64xbf16, ["B", "S"]> -> tensor<?x?x4x128xbf16, ["B", "S"]>
    %reshape = aten.reshape(%attention) : tensor<?x?x512xbf16, ["B", "S"]>
    %o_proj_weight = weight.param "self_attn.o_proj.weight" : tensor<384x512xbf16>
    %o_proj = nn.linear %reshape, %o_proj_weight : tensor<?x?x512xbf16, ["B", "S"]>, tensor<384x512xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %add = aten.add.Tensor(%hidden, %o_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_2 = nn.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %reshape_1 = aten.reshape(%rms_norm_2) : tensor<?x384xbf16, ["B*S"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %reshape_1, %gate_weight : tensor<?x384xbf16, ["B*S"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["B*S"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["B*S"]> -> tensor<?x4xbf16, ["B*S"]>, tensor<?x4xi64, ["B*S"]>
    %experts_gate_up_proj = weight.param "mlp.experts.gate_up_proj" : tensor<16x384x384xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      weight.yield %2 : tensor<16x384x384xbf16>
    }
    %experts_down_proj = weight.param "mlp.experts.down_proj" : tensor<16x384x192xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      weight.yield %0 : tensor<16x384x192xbf16>
    }
    %experts = moe.experts %reshape_1, %route_weights, %route_ids gate %experts_gate_up_proj down %experts_down_proj combine_in bf16 order "expert" intermediate "input" : tensor<?x384xbf16, ["B*S"]>, tensor<?x4xbf16, ["B*S"]>, tensor<?x4xi64, ["B*S"]>, tensor<16x384x384xbf16>, tensor<16x384x192xbf16> -> tensor<?x384xbf16, ["B*S"]>
    %reshape_2 = aten.reshape(%experts) : tensor<?x?x384xbf16, ["B", "S"]>
    %gate_proj_weight = weight.param "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
    %gate_proj = nn.linear %rms_norm_2, %gate_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %up_proj_weight = weight.param "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
    %up_proj = nn.linear %rms_norm_2, %up_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %swiglu = nn.swiglu %gate_proj, %up_proj intermediate "input" : tensor<?x?x192xbf16, ["B", "S"]>
    %down_proj_weight = weight.param "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
    %down_proj = nn.linear %swiglu, %down_proj_weight : tensor<?x?x192xbf16, ["B", "S"]>, tensor<384x192xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %add_1 = aten.add.Tensor(%reshape_2, %down_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x?x384xbf16, ["B", "S"]>
    func.return %add_2 : tensor<?x?x384xbf16, ["B", "S"]>
  }
  func.func private @layer2(%embed_tokens: tensor<?x?x384xbf16, ["B", "S"]>, %hidden: tensor<?x?x384xbf16, ["B", "S"]>, %cos: tensor<1x?x32xf32, ["S"]>, %sin: tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]> {
    %enorm_weight = weight.param "enorm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %embed_tokens, %enorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %hnorm_weight = weight.param "hnorm.weight" : tensor<384xbf16>
    %rms_norm_1 = nn.rms_norm %hidden, %hnorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %cat = aten.cat([%rms_norm, %rms_norm_1], dim = -1) : tensor<?x?x768xbf16, ["B", "S"]>
    %eh_proj_weight = weight.param "eh_proj.weight" : tensor<384x768xbf16>
    %eh_proj = nn.linear %cat, %eh_proj_weight : tensor<?x?x768xbf16, ["B", "S"]>, tensor<384x768xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_2 = nn.rms_norm %eh_proj, %input_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %q_a_proj_weight = weight.param "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
    %q_a_proj = nn.linear %rms_norm_2, %q_a_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_3 = nn.rms_norm %q_a_proj, %q_a_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x192xbf16, ["B", "S"]>, tensor<192xbf16>
    %q_b_proj_weight = weight.param "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
    %q_b_proj = nn.linear %rms_norm_3, %q_b_proj_weight : tensor<?x?x192xbf16, ["B", "S"]>, tensor<768x192xbf16> -> tensor<?x?x768xbf16, ["B", "S"]>
    %q_b_proj_1 = aten.reshape(%q_b_proj) : tensor<?x?x4x192xbf16, ["B", "S"]>
    %q_nope = aten.slice.Tensor(%q_b_proj_1, dim = 3, start = 0, end = 128) : tensor<?x?x4x128xbf16, ["B", "S"]>
    %kv_a_proj_with_mqa_weight = weight.param "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
    %kv_a_proj_with_mqa = nn.linear %rms_norm_2, %kv_a_proj_with_mqa_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<320x384xbf16> -> tensor<?x?x320xbf16, ["B", "S"]>
    %slice = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 2, start = 0, end = 256) : tensor<?x?x256xbf16, ["B", "S"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %latent = nn.rms_norm %slice, %kv_a_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x256xbf16, ["B", "S"]>, tensor<256xbf16>
    %q_b_proj_2 = aten.slice.Tensor(%q_b_proj_1, dim = 3, start = 128, end = 192) : tensor<?x?x4x64xbf16, ["B", "S"]>
    %q_rope = nn.rope %q_b_proj_2, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x4x64xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %kv_a_proj_with_mqa_1 = aten.slice.Tensor(%kv_a_proj_with_mqa, dim = 2, start = 256, end = 320) : tensor<?x?x64xbf16, ["B", "S"]>
    %k_rope = nn.rope %kv_a_proj_with_mqa_1, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x64xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %kv_b_proj_weight = weight.param "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
    %kv_b_proj = nn.linear %latent, %kv_b_proj_weight : tensor<?x?x256xbf16, ["B", "S"]>, tensor<1024x256xbf16> -> tensor<?x?x1024xbf16, ["B", "S"]>
    %kv = aten.reshape(%kv_b_proj) : tensor<?x?x4x256xbf16, ["B", "S"]>
    %attention = mla.attention %q_nope, %q_rope, %kv, %k_rope scale 0.13523377886088009 scores bf16 probs bf16 : tensor<?x?x4x128xbf16, ["B", "S"]>, tensor<?x?x4x64xbf16, ["B", "S"]>, tensor<?x?x4x256xbf16, ["B", "S"]>, tensor<?x?x64xbf16, ["B", "S"]> -> tensor<?x?x4x128xbf16, ["B", "S"]>
    %reshape = aten.reshape(%attention) : tensor<?x?x512xbf16, ["B", "S"]>
    %o_proj_weight = weight.param "self_attn.o_proj.weight" : tensor<384x512xbf16>
    %o_proj = nn.linear %reshape, %o_proj_weight : tensor<?x?x512xbf16, ["B", "S"]>, tensor<384x512xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %add = aten.add.Tensor(%eh_proj, %o_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_4 = nn.rms_norm %add, %post_attention_layernorm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %reshape_1 = aten.reshape(%rms_norm_4) : tensor<?x384xbf16, ["B*S"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = nn.linear %reshape_1, %gate_weight : tensor<?x384xbf16, ["B*S"]>, tensor<16x384xbf16> -> tensor<?x16xbf16, ["B*S"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %route_weights, %route_ids = moe.gate %gate bias %gate_e_score_correction_bias : tensor<16xf32>, top_k 4 scoring "sigmoid" groups 4 keep 2 group_score "top2_sum" mask "-inf" renormalize 0.000000e+00 scale 2.500000e+00 scores_in bf16 : tensor<?x16xbf16, ["B*S"]> -> tensor<?x4xbf16, ["B*S"]>, tensor<?x4xi64, ["B*S"]>
    %experts_gate_up_proj = weight.param "mlp.experts.gate_up_proj" : tensor<16x384x384xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      weight.yield %2 : tensor<16x384x384xbf16>
    }
    %experts_down_proj = weight.param "mlp.experts.down_proj" : tensor<16x384x192xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      weight.yield %0 : tensor<16x384x192xbf16>
    }
    %experts = moe.experts %reshape_1, %route_weights, %route_ids gate %experts_gate_up_proj down %experts_down_proj combine_in bf16 order "expert" intermediate "input" : tensor<?x384xbf16, ["B*S"]>, tensor<?x4xbf16, ["B*S"]>, tensor<?x4xi64, ["B*S"]>, tensor<16x384x384xbf16>, tensor<16x384x192xbf16> -> tensor<?x384xbf16, ["B*S"]>
    %reshape_2 = aten.reshape(%experts) : tensor<?x?x384xbf16, ["B", "S"]>
    %gate_proj_weight = weight.param "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
    %gate_proj = nn.linear %rms_norm_4, %gate_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %up_proj_weight = weight.param "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
    %up_proj = nn.linear %rms_norm_4, %up_proj_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<192x384xbf16> -> tensor<?x?x192xbf16, ["B", "S"]>
    %swiglu = nn.swiglu %gate_proj, %up_proj intermediate "input" : tensor<?x?x192xbf16, ["B", "S"]>
    %down_proj_weight = weight.param "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
    %down_proj = nn.linear %swiglu, %down_proj_weight : tensor<?x?x192xbf16, ["B", "S"]>, tensor<384x192xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %add_1 = aten.add.Tensor(%reshape_2, %down_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_2 = aten.add.Tensor(%add, %add_1) : tensor<?x?x384xbf16, ["B", "S"]>
    %norm_weight = weight.param "shared_head.norm.weight" : tensor<384xbf16>
    %rms_norm_5 = nn.rms_norm %add_2, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    func.return %rms_norm_5 : tensor<?x?x384xbf16, ["B", "S"]>
  }
  func.func @main(%input_ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x1000xbf16, ["B", "S"]> {
    %positions = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
    %positions_1 = aten.reshape(%positions) : tensor<1x?xi64, ["S"]>
    %cos, %sin = nn.rope_table %positions_1 inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<1x?xi64, ["S"]> -> tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %input_ids, %embed_tokens_weight : tensor<?x?xi64, ["B", "S"]>, tensor<1000x384xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden = func.call @layer0(%embed_tokens, %cos, %sin) {prefix = "model.layers.0"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_1 = func.call @layer0(%hidden, %cos, %sin) {prefix = "model.layers.1"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_2 = func.call @layer1(%hidden_1, %cos, %sin) {prefix = "model.layers.2"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_3 = func.call @layer1(%hidden_2, %cos, %sin) {prefix = "model.layers.3"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_4 = func.call @layer1(%hidden_3, %cos, %sin) {prefix = "model.layers.4"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_5 = func.call @layer1(%hidden_4, %cos, %sin) {prefix = "model.layers.5"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %norm_weight = weight.param "model.norm.weight" : tensor<384xbf16>
    %rms_norm = nn.rms_norm %hidden_5, %norm_weight eps 1.000000e-06 weight_in "f32" : tensor<?x?x384xbf16, ["B", "S"]>, tensor<384xbf16>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %lm_head = nn.linear %rms_norm, %lm_head_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<1000x384xbf16> -> tensor<?x?x1000xbf16, ["B", "S"]>
    func.return %lm_head : tensor<?x?x1000xbf16, ["B", "S"]>
  }
  func.func @mtp(%hidden: tensor<?x?x384xbf16, ["B", "S"]>, %next_ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x1000xbf16, ["B", "S"]> {
    %positions = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
    %positions_1 = aten.reshape(%positions) : tensor<1x?xi64, ["S"]>
    %cos, %sin = nn.rope_table %positions_1 inv_freq [1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06] scaling 1.000000e+00 : tensor<1x?xi64, ["S"]> -> tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = nn.embedding %next_ids, %embed_tokens_weight : tensor<?x?xi64, ["B", "S"]>, tensor<1000x384xbf16> -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_1 = func.call @layer2(%embed_tokens, %hidden, %cos, %sin) {prefix = "model.layers.6"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %lm_head = nn.linear %hidden_1, %lm_head_weight : tensor<?x?x384xbf16, ["B", "S"]>, tensor<1000x384xbf16> -> tensor<?x?x1000xbf16, ["B", "S"]>
    func.return %lm_head : tensor<?x?x1000xbf16, ["B", "S"]>
  }
}
