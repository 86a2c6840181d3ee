builtin.module attributes {dsv3c.model = "tiny", dsv3c.semantics = "deepseek"} {
  dsv3c.symbol @B min 1 max 4096 hint 1
  dsv3c.symbol @S min 1 max 5120 hint 4096
  func.func private @layer0(%embed_tokens: tensor<?x?x384xbf16, ["B", "S"]>, %mul: tensor<1x?x32xf32, ["S"]>, %mul_1: tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]> {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm = aten.rms_norm(%embed_tokens, normalized_shape = [384], weight = %input_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %q_a_proj_weight = weight.param "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
    %q_a_proj = aten.linear(%rms_norm, %q_a_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_1 = aten.rms_norm(%q_a_proj, normalized_shape = [192], weight = %q_a_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x192xbf16, ["B", "S"]>
    %q_b_proj_weight = weight.param "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
    %q_b_proj = aten.linear(%rms_norm_1, %q_b_proj_weight) : tensor<?x?x768xbf16, ["B", "S"]>
    %view = aten.view(%q_b_proj) : tensor<?x?x4x192xbf16, ["B", "S"]>
    %transpose = aten.transpose.int(%view, dim0 = 1, dim1 = 2) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %split_with_sizes, %split_with_sizes_1 = aten.split_with_sizes(%transpose, split_sizes = [128, 64], dim = -1) : tensor<?x4x?x128xbf16, ["B", "S"]>, tensor<?x4x?x64xbf16, ["B", "S"]>
    %kv_a_proj_with_mqa_weight = weight.param "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
    %kv_a_proj_with_mqa = aten.linear(%rms_norm, %kv_a_proj_with_mqa_weight) : tensor<?x?x320xbf16, ["B", "S"]>
    %split_with_sizes_2, %split_with_sizes_3 = aten.split_with_sizes(%kv_a_proj_with_mqa, split_sizes = [256, 64], dim = -1) : tensor<?x?x256xbf16, ["B", "S"]>, tensor<?x?x64xbf16, ["B", "S"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %rms_norm_2 = aten.rms_norm(%split_with_sizes_2, normalized_shape = [256], weight = %kv_a_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x256xbf16, ["B", "S"]>
    %unsqueeze = aten.unsqueeze(%mul, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %unsqueeze_1 = aten.unsqueeze(%mul_1, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %slice = aten.slice.Tensor(%split_with_sizes_1, dim = 3, start = 0, step = 2) : tensor<?x4x?x32xbf16, ["B", "S"]>
    %to = aten.to.dtype(%slice, dtype = f32) : tensor<?x4x?x32xf32, ["B", "S"]>
    %slice_1 = aten.slice.Tensor(%split_with_sizes_1, dim = 3, start = 1, step = 2) : tensor<?x4x?x32xbf16, ["B", "S"]>
    %to_1 = aten.to.dtype(%slice_1, dtype = f32) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_2 = aten.mul.Tensor(%to, %unsqueeze) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_3 = aten.mul.Tensor(%to_1, %unsqueeze_1) : tensor<?x4x?x32xf32, ["B", "S"]>
    %sub = aten.sub.Tensor(%mul_2, %mul_3) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_4 = aten.mul.Tensor(%to, %unsqueeze_1) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_5 = aten.mul.Tensor(%to_1, %unsqueeze) : tensor<?x4x?x32xf32, ["B", "S"]>
    %add = aten.add.Tensor(%mul_4, %mul_5) : tensor<?x4x?x32xf32, ["B", "S"]>
    %stack = aten.stack([%sub, %add], dim = -1) : tensor<?x4x?x32x2xf32, ["B", "S"]>
    %flatten = aten.flatten.using_ints(%stack, start_dim = 3) : tensor<?x4x?x64xf32, ["B", "S"]>
    %to_2 = aten.to.dtype(%flatten, dtype = bf16) : tensor<?x4x?x64xbf16, ["B", "S"]>
    %unsqueeze_2 = aten.unsqueeze(%split_with_sizes_3, dim = 1) : tensor<?x1x?x64xbf16, ["B", "S"]>
    %unsqueeze_3 = aten.unsqueeze(%mul, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %unsqueeze_4 = aten.unsqueeze(%mul_1, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %slice_2 = aten.slice.Tensor(%unsqueeze_2, dim = 3, start = 0, step = 2) : tensor<?x1x?x32xbf16, ["B", "S"]>
    %to_3 = aten.to.dtype(%slice_2, dtype = f32) : tensor<?x1x?x32xf32, ["B", "S"]>
    %slice_3 = aten.slice.Tensor(%unsqueeze_2, dim = 3, start = 1, step = 2) : tensor<?x1x?x32xbf16, ["B", "S"]>
    %to_4 = aten.to.dtype(%slice_3, dtype = f32) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_6 = aten.mul.Tensor(%to_3, %unsqueeze_3) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_7 = aten.mul.Tensor(%to_4, %unsqueeze_4) : tensor<?x1x?x32xf32, ["B", "S"]>
    %sub_1 = aten.sub.Tensor(%mul_6, %mul_7) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_8 = aten.mul.Tensor(%to_3, %unsqueeze_4) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_9 = aten.mul.Tensor(%to_4, %unsqueeze_3) : tensor<?x1x?x32xf32, ["B", "S"]>
    %add_1 = aten.add.Tensor(%mul_8, %mul_9) : tensor<?x1x?x32xf32, ["B", "S"]>
    %stack_1 = aten.stack([%sub_1, %add_1], dim = -1) : tensor<?x1x?x32x2xf32, ["B", "S"]>
    %flatten_1 = aten.flatten.using_ints(%stack_1, start_dim = 3) : tensor<?x1x?x64xf32, ["B", "S"]>
    %to_5 = aten.to.dtype(%flatten_1, dtype = bf16) : tensor<?x1x?x64xbf16, ["B", "S"]>
    %cat = aten.cat([%split_with_sizes, %to_2], dim = -1) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %kv_b_proj_weight = weight.param "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
    %kv_b_proj = aten.linear(%rms_norm_2, %kv_b_proj_weight) : tensor<?x?x1024xbf16, ["B", "S"]>
    %view_1 = aten.view(%kv_b_proj) : tensor<?x?x4x256xbf16, ["B", "S"]>
    %transpose_1 = aten.transpose.int(%view_1, dim0 = 1, dim1 = 2) : tensor<?x4x?x256xbf16, ["B", "S"]>
    %split_with_sizes_4, %split_with_sizes_5 = aten.split_with_sizes(%transpose_1, split_sizes = [128, 128], dim = -1) : tensor<?x4x?x128xbf16, ["B", "S"]>, tensor<?x4x?x128xbf16, ["B", "S"]>
    %expand = aten.expand(%to_5) : tensor<?x4x?x64xbf16, ["B", "S"]>
    %cat_1 = aten.cat([%split_with_sizes_4, %expand], dim = -1) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %einsum = aten.einsum(equation = "bhsd,bhtd->bhst", [%cat, %cat_1]) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %mul_10 = aten.mul.Scalar(%einsum, other = 0.13523377886088009) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
    %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
    %add_2 = aten.add.Tensor(%mul_10, %triu) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %softmax = aten.softmax.int(%add_2, dim = -1, dtype = f32) : tensor<?x4x?x?xf32, ["B", "S", "S"]>
    %to_6 = aten.to.dtype(%softmax, dtype = bf16) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %einsum_1 = aten.einsum(equation = "bhst,bhtd->bhsd", [%to_6, %split_with_sizes_5]) : tensor<?x4x?x128xbf16, ["B", "S"]>
    %transpose_2 = aten.transpose.int(%einsum_1, dim0 = 1, dim1 = 2) : tensor<?x?x4x128xbf16, ["B", "S"]>
    %reshape = aten.reshape(%transpose_2) : tensor<?x?x512xbf16, ["B", "S"]>
    %o_proj_weight = weight.param "self_attn.o_proj.weight" : tensor<384x512xbf16>
    %o_proj = aten.linear(%reshape, %o_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_3 = aten.add.Tensor(%embed_tokens, %o_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_3 = aten.rms_norm(%add_3, normalized_shape = [384], weight = %post_attention_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %gate_proj_weight = weight.param "mlp.gate_proj.weight" : tensor<576x384xbf16>
    %gate_proj = aten.linear(%rms_norm_3, %gate_proj_weight) : tensor<?x?x576xbf16, ["B", "S"]>
    %silu = aten.silu(%gate_proj) : tensor<?x?x576xbf16, ["B", "S"]>
    %up_proj_weight = weight.param "mlp.up_proj.weight" : tensor<576x384xbf16>
    %up_proj = aten.linear(%rms_norm_3, %up_proj_weight) : tensor<?x?x576xbf16, ["B", "S"]>
    %mul_11 = aten.mul.Tensor(%silu, %up_proj) : tensor<?x?x576xbf16, ["B", "S"]>
    %down_proj_weight = weight.param "mlp.down_proj.weight" : tensor<384x576xbf16>
    %down_proj = aten.linear(%mul_11, %down_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_4 = aten.add.Tensor(%add_3, %down_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    func.return %add_4 : tensor<?x?x384xbf16, ["B", "S"]>
  }
  func.func private @layer1(%hidden: tensor<?x?x384xbf16, ["B", "S"]>, %mul: tensor<1x?x32xf32, ["S"]>, %mul_1: tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]> {
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm = aten.rms_norm(%hidden, normalized_shape = [384], weight = %input_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %q_a_proj_weight = weight.param "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
    %q_a_proj = aten.linear(%rms_norm, %q_a_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_1 = aten.rms_norm(%q_a_proj, normalized_shape = [192], weight = %q_a_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x192xbf16, ["B", "S"]>
    %q_b_proj_weight = weight.param "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
    %q_b_proj = aten.linear(%rms_norm_1, %q_b_proj_weight) : tensor<?x?x768xbf16, ["B", "S"]>
    %view = aten.view(%q_b_proj) : tensor<?x?x4x192xbf16, ["B", "S"]>
    %transpose = aten.transpose.int(%view, dim0 = 1, dim1 = 2) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %split_with_sizes, %split_with_sizes_1 = aten.split_with_sizes(%transpose, split_sizes = [128, 64], dim = -1) : tensor<?x4x?x128xbf16, ["B", "S"]>, tensor<?x4x?x64xbf16, ["B", "S"]>
    %kv_a_proj_with_mqa_weight = weight.param "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
    %kv_a_proj_with_mqa = aten.linear(%rms_norm, %kv_a_proj_with_mqa_weight) : tensor<?x?x320xbf16, ["B", "S"]>
    %split_with_sizes_2, %split_with_sizes_3 = aten.split_with_sizes(%kv_a_proj_with_mqa, split_sizes = [256, 64], dim = -1) : tensor<?x?x256xbf16, ["B", "S"]>, tensor<?x?x64xbf16, ["B", "S"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %rms_norm_2 = aten.rms_norm(%split_with_sizes_2, normalized_shape = [256], weight = %kv_a_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x256xbf16, ["B", "S"]>
    %unsqueeze = aten.unsqueeze(%mul, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %unsqueeze_1 = aten.unsqueeze(%mul_1, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %slice = aten.slice.Tensor(%split_with_sizes_1, dim = 3, start = 0, step = 2) : tensor<?x4x?x32xbf16, ["B", "S"]>
    %to = aten.to.dtype(%slice, dtype = f32) : tensor<?x4x?x32xf32, ["B", "S"]>
    %slice_1 = aten.slice.Tensor(%split_with_sizes_1, dim = 3, start = 1, step = 2) : tensor<?x4x?x32xbf16, ["B", "S"]>
    %to_1 = aten.to.dtype(%slice_1, dtype = f32) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_2 = aten.mul.Tensor(%to, %unsqueeze) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_3 = aten.mul.Tensor(%to_1, %unsqueeze_1) : tensor<?x4x?x32xf32, ["B", "S"]>
    %sub = aten.sub.Tensor(%mul_2, %mul_3) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_4 = aten.mul.Tensor(%to, %unsqueeze_1) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_5 = aten.mul.Tensor(%to_1, %unsqueeze) : tensor<?x4x?x32xf32, ["B", "S"]>
    %add = aten.add.Tensor(%mul_4, %mul_5) : tensor<?x4x?x32xf32, ["B", "S"]>
    %stack = aten.stack([%sub, %add], dim = -1) : tensor<?x4x?x32x2xf32, ["B", "S"]>
    %flatten = aten.flatten.using_ints(%stack, start_dim = 3) : tensor<?x4x?x64xf32, ["B", "S"]>
    %to_2 = aten.to.dtype(%flatten, dtype = bf16) : tensor<?x4x?x64xbf16, ["B", "S"]>
    %unsqueeze_2 = aten.unsqueeze(%split_with_sizes_3, dim = 1) : tensor<?x1x?x64xbf16, ["B", "S"]>
    %unsqueeze_3 = aten.unsqueeze(%mul, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %unsqueeze_4 = aten.unsqueeze(%mul_1, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %slice_2 = aten.slice.Tensor(%unsqueeze_2, dim = 3, start = 0, step = 2) : tensor<?x1x?x32xbf16, ["B", "S"]>
    %to_3 = aten.to.dtype(%slice_2, dtype = f32) : tensor<?x1x?x32xf32, ["B", "S"]>
    %slice_3 = aten.slice.Tensor(%unsqueeze_2, dim = 3, start = 1, step = 2) : tensor<?x1x?x32xbf16, ["B", "S"]>
    %to_4 = aten.to.dtype(%slice_3, dtype = f32) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_6 = aten.mul.Tensor(%to_3, %unsqueeze_3) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_7 = aten.mul.Tensor(%to_4, %unsqueeze_4) : tensor<?x1x?x32xf32, ["B", "S"]>
    %sub_1 = aten.sub.Tensor(%mul_6, %mul_7) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_8 = aten.mul.Tensor(%to_3, %unsqueeze_4) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_9 = aten.mul.Tensor(%to_4, %unsqueeze_3) : tensor<?x1x?x32xf32, ["B", "S"]>
    %add_1 = aten.add.Tensor(%mul_8, %mul_9) : tensor<?x1x?x32xf32, ["B", "S"]>
    %stack_1 = aten.stack([%sub_1, %add_1], dim = -1) : tensor<?x1x?x32x2xf32, ["B", "S"]>
    %flatten_1 = aten.flatten.using_ints(%stack_1, start_dim = 3) : tensor<?x1x?x64xf32, ["B", "S"]>
    %to_5 = aten.to.dtype(%flatten_1, dtype = bf16) : tensor<?x1x?x64xbf16, ["B", "S"]>
    %cat = aten.cat([%split_with_sizes, %to_2], dim = -1) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %kv_b_proj_weight = weight.param "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
    %kv_b_proj = aten.linear(%rms_norm_2, %kv_b_proj_weight) : tensor<?x?x1024xbf16, ["B", "S"]>
    %view_1 = aten.view(%kv_b_proj) : tensor<?x?x4x256xbf16, ["B", "S"]>
    %transpose_1 = aten.transpose.int(%view_1, dim0 = 1, dim1 = 2) : tensor<?x4x?x256xbf16, ["B", "S"]>
    %split_with_sizes_4, %split_with_sizes_5 = aten.split_with_sizes(%transpose_1, split_sizes = [128, 128], dim = -1) : tensor<?x4x?x128xbf16, ["B", "S"]>, tensor<?x4x?x128xbf16, ["B", "S"]>
    %expand = aten.expand(%to_5) : tensor<?x4x?x64xbf16, ["B", "S"]>
    %cat_1 = aten.cat([%split_with_sizes_4, %expand], dim = -1) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %einsum = aten.einsum(equation = "bhsd,bhtd->bhst", [%cat, %cat_1]) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %mul_10 = aten.mul.Scalar(%einsum, other = 0.13523377886088009) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
    %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
    %add_2 = aten.add.Tensor(%mul_10, %triu) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %softmax = aten.softmax.int(%add_2, dim = -1, dtype = f32) : tensor<?x4x?x?xf32, ["B", "S", "S"]>
    %to_6 = aten.to.dtype(%softmax, dtype = bf16) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %einsum_1 = aten.einsum(equation = "bhst,bhtd->bhsd", [%to_6, %split_with_sizes_5]) : tensor<?x4x?x128xbf16, ["B", "S"]>
    %transpose_2 = aten.transpose.int(%einsum_1, dim0 = 1, dim1 = 2) : tensor<?x?x4x128xbf16, ["B", "S"]>
    %reshape = aten.reshape(%transpose_2) : tensor<?x?x512xbf16, ["B", "S"]>
    %o_proj_weight = weight.param "self_attn.o_proj.weight" : tensor<384x512xbf16>
    %o_proj = aten.linear(%reshape, %o_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_3 = aten.add.Tensor(%hidden, %o_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_3 = aten.rms_norm(%add_3, normalized_shape = [384], weight = %post_attention_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %view_2 = aten.view(%rms_norm_3) : tensor<?x384xbf16, ["B*S"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = aten.linear(%view_2, %gate_weight) : tensor<?x16xbf16, ["B*S"]>
    %sigmoid = aten.sigmoid(%gate) : tensor<?x16xbf16, ["B*S"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %add_4 = aten.add.Tensor(%sigmoid, %gate_e_score_correction_bias) : tensor<?x16xf32, ["B*S"]>
    %view_3 = aten.view(%add_4) : tensor<?x4x4xf32, ["B*S"]>
    %topk, %topk_1 = aten.topk(%view_3, k = 2) : tensor<?x4x2xf32, ["B*S"]>, tensor<?x4x2xi64, ["B*S"]>
    %sum = aten.sum.dim_IntList(%topk, dim = [-1]) : tensor<?x4xf32, ["B*S"]>
    %topk_2, %topk_3 = aten.topk(%sum, k = 2, sorted = false) : tensor<?x2xf32, ["B*S"]>, tensor<?x2xi64, ["B*S"]>
    %zeros_like = aten.zeros_like(%sum) : tensor<?x4xf32, ["B*S"]>
    %scatter = aten.scatter.value(%zeros_like, dim = 1, %topk_3, value = 1) : tensor<?x4xf32, ["B*S"]>
    %to_7 = aten.to.dtype(%scatter, dtype = i1) : tensor<?x4xi1, ["B*S"]>
    %unsqueeze_5 = aten.unsqueeze(%to_7, dim = -1) : tensor<?x4x1xi1, ["B*S"]>
    %bitwise_not = aten.bitwise_not(%unsqueeze_5) : tensor<?x4x1xi1, ["B*S"]>
    %masked_fill = aten.masked_fill.Scalar(%view_3, %bitwise_not, value = 0xfff0000000000000 : f64) : tensor<?x4x4xf32, ["B*S"]>
    %flatten_2 = aten.flatten.using_ints(%masked_fill, start_dim = 1) : tensor<?x16xf32, ["B*S"]>
    %topk_4, %topk_5 = aten.topk(%flatten_2, k = 4) : tensor<?x4xf32, ["B*S"]>, tensor<?x4xi64, ["B*S"]>
    %gather = aten.gather(%sigmoid, dim = 1, %topk_5) : tensor<?x4xbf16, ["B*S"]>
    %sum_1 = aten.sum.dim_IntList(%gather, dim = [-1], keepdim = true) : tensor<?x1xbf16, ["B*S"]>
    %div = aten.div.Tensor(%gather, %sum_1) : tensor<?x4xbf16, ["B*S"]>
    %mul_11 = aten.mul.Scalar(%div, other = 2.500000e+00) : tensor<?x4xbf16, ["B*S"]>
    %reshape_1 = aten.reshape(%topk_5) : tensor<?xi64, ["4*B*S"]>
    %argsort = aten.argsort(%reshape_1) : tensor<?xi64, ["4*B*S"]>
    %one_hot = aten.one_hot(%reshape_1, num_classes = 16) : tensor<?x16xi64, ["4*B*S"]>
    %sum_2 = aten.sum.dim_IntList(%one_hot, dim = [0]) : tensor<16xi64>
    %cumsum = aten.cumsum(%sum_2, dim = 0) : tensor<16xi64>
    %to_8 = aten.to.dtype(%cumsum, dtype = i32) : tensor<16xi32>
    %floor_divide = aten.floor_divide.Scalar(%argsort, other = 4) : tensor<?xi64, ["4*B*S"]>
    %index = aten.index.Tensor(%view_2, [%floor_divide]) : tensor<?x384xbf16, ["4*B*S"]>
    %experts_gate_up_proj = weight.param "mlp.experts.gate_up_proj" : tensor<16x384x384xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      weight.yield %2 : tensor<16x384x384xbf16>
    }
    %transpose_3 = aten.transpose.int(%experts_gate_up_proj, dim0 = -2, dim1 = -1) : tensor<16x384x384xbf16>
    %grouped_mm = aten._grouped_mm(%index, %transpose_3, offs = %to_8) : tensor<?x384xbf16, ["4*B*S"]>
    %chunk, %chunk_1 = aten.chunk(%grouped_mm, chunks = 2, dim = -1) : tensor<?x192xbf16, ["4*B*S"]>, tensor<?x192xbf16, ["4*B*S"]>
    %silu = aten.silu(%chunk) : tensor<?x192xbf16, ["4*B*S"]>
    %mul_12 = aten.mul.Tensor(%silu, %chunk_1) : tensor<?x192xbf16, ["4*B*S"]>
    %experts_down_proj = weight.param "mlp.experts.down_proj" : tensor<16x384x192xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      weight.yield %0 : tensor<16x384x192xbf16>
    }
    %transpose_4 = aten.transpose.int(%experts_down_proj, dim0 = -2, dim1 = -1) : tensor<16x192x384xbf16>
    %grouped_mm_1 = aten._grouped_mm(%mul_12, %transpose_4, offs = %to_8) : tensor<?x384xbf16, ["4*B*S"]>
    %reshape_2 = aten.reshape(%mul_11) : tensor<?xbf16, ["4*B*S"]>
    %index_1 = aten.index.Tensor(%reshape_2, [%argsort]) : tensor<?xbf16, ["4*B*S"]>
    %unsqueeze_6 = aten.unsqueeze(%index_1, dim = -1) : tensor<?x1xbf16, ["4*B*S"]>
    %mul_13 = aten.mul.Tensor(%grouped_mm_1, %unsqueeze_6) : tensor<?x384xbf16, ["4*B*S"]>
    %new_zeros = aten.new_zeros(%mul_13) : tensor<?x384xbf16, ["B*S"]>
    %floor_divide_1 = aten.floor_divide.Scalar(%argsort, other = 4) : tensor<?xi64, ["4*B*S"]>
    %index_put = aten.index_put(%new_zeros, [%floor_divide_1], %mul_13, accumulate = true) : tensor<?x384xbf16, ["B*S"]>
    %view_4 = aten.view(%index_put) : tensor<?x?x384xbf16, ["B", "S"]>
    %gate_proj_weight = weight.param "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
    %gate_proj = aten.linear(%rms_norm_3, %gate_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %silu_1 = aten.silu(%gate_proj) : tensor<?x?x192xbf16, ["B", "S"]>
    %up_proj_weight = weight.param "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
    %up_proj = aten.linear(%rms_norm_3, %up_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %mul_14 = aten.mul.Tensor(%silu_1, %up_proj) : tensor<?x?x192xbf16, ["B", "S"]>
    %down_proj_weight = weight.param "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
    %down_proj = aten.linear(%mul_14, %down_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_5 = aten.add.Tensor(%view_4, %down_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_6 = aten.add.Tensor(%add_3, %add_5) : tensor<?x?x384xbf16, ["B", "S"]>
    func.return %add_6 : tensor<?x?x384xbf16, ["B", "S"]>
  }
  func.func private @layer2(%embed_tokens: tensor<?x?x384xbf16, ["B", "S"]>, %hidden: tensor<?x?x384xbf16, ["B", "S"]>, %mul: tensor<1x?x32xf32, ["S"]>, %mul_1: tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]> {
    %enorm_weight = weight.param "enorm.weight" : tensor<384xbf16>
    %rms_norm = aten.rms_norm(%embed_tokens, normalized_shape = [384], weight = %enorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %hnorm_weight = weight.param "hnorm.weight" : tensor<384xbf16>
    %rms_norm_1 = aten.rms_norm(%hidden, normalized_shape = [384], weight = %hnorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %cat = aten.cat([%rms_norm, %rms_norm_1], dim = -1) : tensor<?x?x768xbf16, ["B", "S"]>
    %eh_proj_weight = weight.param "eh_proj.weight" : tensor<384x768xbf16>
    %eh_proj = aten.linear(%cat, %eh_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %input_layernorm_weight = weight.param "input_layernorm.weight" : tensor<384xbf16>
    %rms_norm_2 = aten.rms_norm(%eh_proj, normalized_shape = [384], weight = %input_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %q_a_proj_weight = weight.param "self_attn.q_a_proj.weight" : tensor<192x384xbf16>
    %q_a_proj = aten.linear(%rms_norm_2, %q_a_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %q_a_layernorm_weight = weight.param "self_attn.q_a_layernorm.weight" : tensor<192xbf16>
    %rms_norm_3 = aten.rms_norm(%q_a_proj, normalized_shape = [192], weight = %q_a_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x192xbf16, ["B", "S"]>
    %q_b_proj_weight = weight.param "self_attn.q_b_proj.weight" : tensor<768x192xbf16>
    %q_b_proj = aten.linear(%rms_norm_3, %q_b_proj_weight) : tensor<?x?x768xbf16, ["B", "S"]>
    %view = aten.view(%q_b_proj) : tensor<?x?x4x192xbf16, ["B", "S"]>
    %transpose = aten.transpose.int(%view, dim0 = 1, dim1 = 2) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %split_with_sizes, %split_with_sizes_1 = aten.split_with_sizes(%transpose, split_sizes = [128, 64], dim = -1) : tensor<?x4x?x128xbf16, ["B", "S"]>, tensor<?x4x?x64xbf16, ["B", "S"]>
    %kv_a_proj_with_mqa_weight = weight.param "self_attn.kv_a_proj_with_mqa.weight" : tensor<320x384xbf16>
    %kv_a_proj_with_mqa = aten.linear(%rms_norm_2, %kv_a_proj_with_mqa_weight) : tensor<?x?x320xbf16, ["B", "S"]>
    %split_with_sizes_2, %split_with_sizes_3 = aten.split_with_sizes(%kv_a_proj_with_mqa, split_sizes = [256, 64], dim = -1) : tensor<?x?x256xbf16, ["B", "S"]>, tensor<?x?x64xbf16, ["B", "S"]>
    %kv_a_layernorm_weight = weight.param "self_attn.kv_a_layernorm.weight" : tensor<256xbf16>
    %rms_norm_4 = aten.rms_norm(%split_with_sizes_2, normalized_shape = [256], weight = %kv_a_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x256xbf16, ["B", "S"]>
    %unsqueeze = aten.unsqueeze(%mul, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %unsqueeze_1 = aten.unsqueeze(%mul_1, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %slice = aten.slice.Tensor(%split_with_sizes_1, dim = 3, start = 0, step = 2) : tensor<?x4x?x32xbf16, ["B", "S"]>
    %to = aten.to.dtype(%slice, dtype = f32) : tensor<?x4x?x32xf32, ["B", "S"]>
    %slice_1 = aten.slice.Tensor(%split_with_sizes_1, dim = 3, start = 1, step = 2) : tensor<?x4x?x32xbf16, ["B", "S"]>
    %to_1 = aten.to.dtype(%slice_1, dtype = f32) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_2 = aten.mul.Tensor(%to, %unsqueeze) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_3 = aten.mul.Tensor(%to_1, %unsqueeze_1) : tensor<?x4x?x32xf32, ["B", "S"]>
    %sub = aten.sub.Tensor(%mul_2, %mul_3) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_4 = aten.mul.Tensor(%to, %unsqueeze_1) : tensor<?x4x?x32xf32, ["B", "S"]>
    %mul_5 = aten.mul.Tensor(%to_1, %unsqueeze) : tensor<?x4x?x32xf32, ["B", "S"]>
    %add = aten.add.Tensor(%mul_4, %mul_5) : tensor<?x4x?x32xf32, ["B", "S"]>
    %stack = aten.stack([%sub, %add], dim = -1) : tensor<?x4x?x32x2xf32, ["B", "S"]>
    %flatten = aten.flatten.using_ints(%stack, start_dim = 3) : tensor<?x4x?x64xf32, ["B", "S"]>
    %to_2 = aten.to.dtype(%flatten, dtype = bf16) : tensor<?x4x?x64xbf16, ["B", "S"]>
    %unsqueeze_2 = aten.unsqueeze(%split_with_sizes_3, dim = 1) : tensor<?x1x?x64xbf16, ["B", "S"]>
    %unsqueeze_3 = aten.unsqueeze(%mul, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %unsqueeze_4 = aten.unsqueeze(%mul_1, dim = 1) : tensor<1x1x?x32xf32, ["S"]>
    %slice_2 = aten.slice.Tensor(%unsqueeze_2, dim = 3, start = 0, step = 2) : tensor<?x1x?x32xbf16, ["B", "S"]>
    %to_3 = aten.to.dtype(%slice_2, dtype = f32) : tensor<?x1x?x32xf32, ["B", "S"]>
    %slice_3 = aten.slice.Tensor(%unsqueeze_2, dim = 3, start = 1, step = 2) : tensor<?x1x?x32xbf16, ["B", "S"]>
    %to_4 = aten.to.dtype(%slice_3, dtype = f32) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_6 = aten.mul.Tensor(%to_3, %unsqueeze_3) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_7 = aten.mul.Tensor(%to_4, %unsqueeze_4) : tensor<?x1x?x32xf32, ["B", "S"]>
    %sub_1 = aten.sub.Tensor(%mul_6, %mul_7) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_8 = aten.mul.Tensor(%to_3, %unsqueeze_4) : tensor<?x1x?x32xf32, ["B", "S"]>
    %mul_9 = aten.mul.Tensor(%to_4, %unsqueeze_3) : tensor<?x1x?x32xf32, ["B", "S"]>
    %add_1 = aten.add.Tensor(%mul_8, %mul_9) : tensor<?x1x?x32xf32, ["B", "S"]>
    %stack_1 = aten.stack([%sub_1, %add_1], dim = -1) : tensor<?x1x?x32x2xf32, ["B", "S"]>
    %flatten_1 = aten.flatten.using_ints(%stack_1, start_dim = 3) : tensor<?x1x?x64xf32, ["B", "S"]>
    %to_5 = aten.to.dtype(%flatten_1, dtype = bf16) : tensor<?x1x?x64xbf16, ["B", "S"]>
    %cat_1 = aten.cat([%split_with_sizes, %to_2], dim = -1) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %kv_b_proj_weight = weight.param "self_attn.kv_b_proj.weight" : tensor<1024x256xbf16>
    %kv_b_proj = aten.linear(%rms_norm_4, %kv_b_proj_weight) : tensor<?x?x1024xbf16, ["B", "S"]>
    %view_1 = aten.view(%kv_b_proj) : tensor<?x?x4x256xbf16, ["B", "S"]>
    %transpose_1 = aten.transpose.int(%view_1, dim0 = 1, dim1 = 2) : tensor<?x4x?x256xbf16, ["B", "S"]>
    %split_with_sizes_4, %split_with_sizes_5 = aten.split_with_sizes(%transpose_1, split_sizes = [128, 128], dim = -1) : tensor<?x4x?x128xbf16, ["B", "S"]>, tensor<?x4x?x128xbf16, ["B", "S"]>
    %expand = aten.expand(%to_5) : tensor<?x4x?x64xbf16, ["B", "S"]>
    %cat_2 = aten.cat([%split_with_sizes_4, %expand], dim = -1) : tensor<?x4x?x192xbf16, ["B", "S"]>
    %einsum = aten.einsum(equation = "bhsd,bhtd->bhst", [%cat_1, %cat_2]) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %mul_10 = aten.mul.Scalar(%einsum, other = 0.13523377886088009) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
    %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
    %add_2 = aten.add.Tensor(%mul_10, %triu) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %softmax = aten.softmax.int(%add_2, dim = -1, dtype = f32) : tensor<?x4x?x?xf32, ["B", "S", "S"]>
    %to_6 = aten.to.dtype(%softmax, dtype = bf16) : tensor<?x4x?x?xbf16, ["B", "S", "S"]>
    %einsum_1 = aten.einsum(equation = "bhst,bhtd->bhsd", [%to_6, %split_with_sizes_5]) : tensor<?x4x?x128xbf16, ["B", "S"]>
    %transpose_2 = aten.transpose.int(%einsum_1, dim0 = 1, dim1 = 2) : tensor<?x?x4x128xbf16, ["B", "S"]>
    %reshape = aten.reshape(%transpose_2) : tensor<?x?x512xbf16, ["B", "S"]>
    %o_proj_weight = weight.param "self_attn.o_proj.weight" : tensor<384x512xbf16>
    %o_proj = aten.linear(%reshape, %o_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_3 = aten.add.Tensor(%eh_proj, %o_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %post_attention_layernorm_weight = weight.param "post_attention_layernorm.weight" : tensor<384xbf16>
    %rms_norm_5 = aten.rms_norm(%add_3, normalized_shape = [384], weight = %post_attention_layernorm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %view_2 = aten.view(%rms_norm_5) : tensor<?x384xbf16, ["B*S"]>
    %gate_weight = weight.param "mlp.gate.weight" : tensor<16x384xbf16>
    %gate = aten.linear(%view_2, %gate_weight) : tensor<?x16xbf16, ["B*S"]>
    %sigmoid = aten.sigmoid(%gate) : tensor<?x16xbf16, ["B*S"]>
    %gate_e_score_correction_bias = weight.param "mlp.gate.e_score_correction_bias" : tensor<16xf32>
    %add_4 = aten.add.Tensor(%sigmoid, %gate_e_score_correction_bias) : tensor<?x16xf32, ["B*S"]>
    %view_3 = aten.view(%add_4) : tensor<?x4x4xf32, ["B*S"]>
    %topk, %topk_1 = aten.topk(%view_3, k = 2) : tensor<?x4x2xf32, ["B*S"]>, tensor<?x4x2xi64, ["B*S"]>
    %sum = aten.sum.dim_IntList(%topk, dim = [-1]) : tensor<?x4xf32, ["B*S"]>
    %topk_2, %topk_3 = aten.topk(%sum, k = 2, sorted = false) : tensor<?x2xf32, ["B*S"]>, tensor<?x2xi64, ["B*S"]>
    %zeros_like = aten.zeros_like(%sum) : tensor<?x4xf32, ["B*S"]>
    %scatter = aten.scatter.value(%zeros_like, dim = 1, %topk_3, value = 1) : tensor<?x4xf32, ["B*S"]>
    %to_7 = aten.to.dtype(%scatter, dtype = i1) : tensor<?x4xi1, ["B*S"]>
    %unsqueeze_5 = aten.unsqueeze(%to_7, dim = -1) : tensor<?x4x1xi1, ["B*S"]>
    %bitwise_not = aten.bitwise_not(%unsqueeze_5) : tensor<?x4x1xi1, ["B*S"]>
    %masked_fill = aten.masked_fill.Scalar(%view_3, %bitwise_not, value = 0xfff0000000000000 : f64) : tensor<?x4x4xf32, ["B*S"]>
    %flatten_2 = aten.flatten.using_ints(%masked_fill, start_dim = 1) : tensor<?x16xf32, ["B*S"]>
    %topk_4, %topk_5 = aten.topk(%flatten_2, k = 4) : tensor<?x4xf32, ["B*S"]>, tensor<?x4xi64, ["B*S"]>
    %gather = aten.gather(%sigmoid, dim = 1, %topk_5) : tensor<?x4xbf16, ["B*S"]>
    %sum_1 = aten.sum.dim_IntList(%gather, dim = [-1], keepdim = true) : tensor<?x1xbf16, ["B*S"]>
    %div = aten.div.Tensor(%gather, %sum_1) : tensor<?x4xbf16, ["B*S"]>
    %mul_11 = aten.mul.Scalar(%div, other = 2.500000e+00) : tensor<?x4xbf16, ["B*S"]>
    %reshape_1 = aten.reshape(%topk_5) : tensor<?xi64, ["4*B*S"]>
    %argsort = aten.argsort(%reshape_1) : tensor<?xi64, ["4*B*S"]>
    %one_hot = aten.one_hot(%reshape_1, num_classes = 16) : tensor<?x16xi64, ["4*B*S"]>
    %sum_2 = aten.sum.dim_IntList(%one_hot, dim = [0]) : tensor<16xi64>
    %cumsum = aten.cumsum(%sum_2, dim = 0) : tensor<16xi64>
    %to_8 = aten.to.dtype(%cumsum, dtype = i32) : tensor<16xi32>
    %floor_divide = aten.floor_divide.Scalar(%argsort, other = 4) : tensor<?xi64, ["4*B*S"]>
    %index = aten.index.Tensor(%view_2, [%floor_divide]) : tensor<?x384xbf16, ["4*B*S"]>
    %experts_gate_up_proj = weight.param "mlp.experts.gate_up_proj" : tensor<16x384x384xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.gate_proj.weight" count 16 : tensor<16x192x384xbf16>
      %1 = weight.stored_each "mlp.experts.{}.up_proj.weight" count 16 : tensor<16x192x384xbf16>
      %2 = aten.cat([%0, %1], dim = 1) : tensor<16x384x384xbf16>
      weight.yield %2 : tensor<16x384x384xbf16>
    }
    %transpose_3 = aten.transpose.int(%experts_gate_up_proj, dim0 = -2, dim1 = -1) : tensor<16x384x384xbf16>
    %grouped_mm = aten._grouped_mm(%index, %transpose_3, offs = %to_8) : tensor<?x384xbf16, ["4*B*S"]>
    %chunk, %chunk_1 = aten.chunk(%grouped_mm, chunks = 2, dim = -1) : tensor<?x192xbf16, ["4*B*S"]>, tensor<?x192xbf16, ["4*B*S"]>
    %silu = aten.silu(%chunk) : tensor<?x192xbf16, ["4*B*S"]>
    %mul_12 = aten.mul.Tensor(%silu, %chunk_1) : tensor<?x192xbf16, ["4*B*S"]>
    %experts_down_proj = weight.param "mlp.experts.down_proj" : tensor<16x384x192xbf16> {
      %0 = weight.stored_each "mlp.experts.{}.down_proj.weight" count 16 : tensor<16x384x192xbf16>
      weight.yield %0 : tensor<16x384x192xbf16>
    }
    %transpose_4 = aten.transpose.int(%experts_down_proj, dim0 = -2, dim1 = -1) : tensor<16x192x384xbf16>
    %grouped_mm_1 = aten._grouped_mm(%mul_12, %transpose_4, offs = %to_8) : tensor<?x384xbf16, ["4*B*S"]>
    %reshape_2 = aten.reshape(%mul_11) : tensor<?xbf16, ["4*B*S"]>
    %index_1 = aten.index.Tensor(%reshape_2, [%argsort]) : tensor<?xbf16, ["4*B*S"]>
    %unsqueeze_6 = aten.unsqueeze(%index_1, dim = -1) : tensor<?x1xbf16, ["4*B*S"]>
    %mul_13 = aten.mul.Tensor(%grouped_mm_1, %unsqueeze_6) : tensor<?x384xbf16, ["4*B*S"]>
    %new_zeros = aten.new_zeros(%mul_13) : tensor<?x384xbf16, ["B*S"]>
    %floor_divide_1 = aten.floor_divide.Scalar(%argsort, other = 4) : tensor<?xi64, ["4*B*S"]>
    %index_put = aten.index_put(%new_zeros, [%floor_divide_1], %mul_13, accumulate = true) : tensor<?x384xbf16, ["B*S"]>
    %view_4 = aten.view(%index_put) : tensor<?x?x384xbf16, ["B", "S"]>
    %gate_proj_weight = weight.param "mlp.shared_experts.gate_proj.weight" : tensor<192x384xbf16>
    %gate_proj = aten.linear(%rms_norm_5, %gate_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %silu_1 = aten.silu(%gate_proj) : tensor<?x?x192xbf16, ["B", "S"]>
    %up_proj_weight = weight.param "mlp.shared_experts.up_proj.weight" : tensor<192x384xbf16>
    %up_proj = aten.linear(%rms_norm_5, %up_proj_weight) : tensor<?x?x192xbf16, ["B", "S"]>
    %mul_14 = aten.mul.Tensor(%silu_1, %up_proj) : tensor<?x?x192xbf16, ["B", "S"]>
    %down_proj_weight = weight.param "mlp.shared_experts.down_proj.weight" : tensor<384x192xbf16>
    %down_proj = aten.linear(%mul_14, %down_proj_weight) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_5 = aten.add.Tensor(%view_4, %down_proj) : tensor<?x?x384xbf16, ["B", "S"]>
    %add_6 = aten.add.Tensor(%add_3, %add_5) : tensor<?x?x384xbf16, ["B", "S"]>
    %norm_weight = weight.param "shared_head.norm.weight" : tensor<384xbf16>
    %rms_norm_6 = aten.rms_norm(%add_6, normalized_shape = [384], weight = %norm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    func.return %rms_norm_6 : tensor<?x?x384xbf16, ["B", "S"]>
  }
  func.func @main(%input_ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x1000xbf16, ["B", "S"]> {
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = aten.embedding(%embed_tokens_weight, %input_ids) : tensor<?x?x384xbf16, ["B", "S"]>
    %arange = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
    %unsqueeze = aten.unsqueeze(%arange, dim = 0) : tensor<1x?xi64, ["S"]>
    %unsqueeze_1 = aten.unsqueeze(%unsqueeze, dim = 2) : tensor<1x?x1xi64, ["S"]>
    %to = aten.to.dtype(%unsqueeze_1, dtype = f32) : tensor<1x?x1xf32, ["S"]>
    %rotary_emb_inv_freq = weight.constant dense<[1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06]> : tensor<32xf32>
    %mul = aten.mul.Tensor(%to, %rotary_emb_inv_freq) : tensor<1x?x32xf32, ["S"]>
    %cos = aten.cos(%mul) : tensor<1x?x32xf32, ["S"]>
    %mul_1 = aten.mul.Scalar(%cos, other = 1.000000e+00) : tensor<1x?x32xf32, ["S"]>
    %sin = aten.sin(%mul) : tensor<1x?x32xf32, ["S"]>
    %mul_2 = aten.mul.Scalar(%sin, other = 1.000000e+00) : tensor<1x?x32xf32, ["S"]>
    %hidden = func.call @layer0(%embed_tokens, %mul_1, %mul_2) {prefix = "model.layers.0"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_1 = func.call @layer0(%hidden, %mul_1, %mul_2) {prefix = "model.layers.1"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_2 = func.call @layer1(%hidden_1, %mul_1, %mul_2) {prefix = "model.layers.2"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_3 = func.call @layer1(%hidden_2, %mul_1, %mul_2) {prefix = "model.layers.3"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_4 = func.call @layer1(%hidden_3, %mul_1, %mul_2) {prefix = "model.layers.4"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %hidden_5 = func.call @layer1(%hidden_4, %mul_1, %mul_2) {prefix = "model.layers.5"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %norm_weight = weight.param "model.norm.weight" : tensor<384xbf16>
    %rms_norm = aten.rms_norm(%hidden_5, normalized_shape = [384], weight = %norm_weight, eps = 1.000000e-06) : tensor<?x?x384xbf16, ["B", "S"]>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %lm_head = aten.linear(%rms_norm, %lm_head_weight) : tensor<?x?x1000xbf16, ["B", "S"]>
    func.return %lm_head : tensor<?x?x1000xbf16, ["B", "S"]>
  }
  func.func @mtp(%hidden: tensor<?x?x384xbf16, ["B", "S"]>, %next_ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x1000xbf16, ["B", "S"]> {
    %embed_tokens_weight = weight.param "model.embed_tokens.weight" : tensor<1000x384xbf16>
    %embed_tokens = aten.embedding(%embed_tokens_weight, %next_ids) : tensor<?x?x384xbf16, ["B", "S"]>
    %arange = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
    %unsqueeze = aten.unsqueeze(%arange, dim = 0) : tensor<1x?xi64, ["S"]>
    %unsqueeze_1 = aten.unsqueeze(%unsqueeze, dim = 2) : tensor<1x?x1xi64, ["S"]>
    %to = aten.to.dtype(%unsqueeze_1, dtype = f32) : tensor<1x?x1xf32, ["S"]>
    %rotary_emb_inv_freq = weight.constant dense<[1.000000e+00, 0.683426321, 0.462653548, 0.309563577, 0.204110637, 0.132042378, 0.0832558051, 0.0506132022, 0.0290909074, 0.0151683139, 0.00639024051, 0.00105424121, 0.000790569466, 0.000592843397, 0.000444569858, 0.000333380362, 0.000249999983, 0.000187473561, 0.000140585325, 0.000105424122, 7.90569466e-05, 5.92843462e-05, 4.44569851e-05, 3.33380376e-05, 2.50000012e-05, 1.87473543e-05, 1.40585325e-05, 1.05424124e-05, 7.90569447e-06, 5.9284348e-06, 4.44569832e-06, 3.33380376e-06]> : tensor<32xf32>
    %mul = aten.mul.Tensor(%to, %rotary_emb_inv_freq) : tensor<1x?x32xf32, ["S"]>
    %cos = aten.cos(%mul) : tensor<1x?x32xf32, ["S"]>
    %mul_1 = aten.mul.Scalar(%cos, other = 1.000000e+00) : tensor<1x?x32xf32, ["S"]>
    %sin = aten.sin(%mul) : tensor<1x?x32xf32, ["S"]>
    %mul_2 = aten.mul.Scalar(%sin, other = 1.000000e+00) : tensor<1x?x32xf32, ["S"]>
    %hidden_1 = func.call @layer2(%embed_tokens, %hidden, %mul_1, %mul_2) {prefix = "model.layers.6"} : (tensor<?x?x384xbf16, ["B", "S"]>, tensor<?x?x384xbf16, ["B", "S"]>, tensor<1x?x32xf32, ["S"]>, tensor<1x?x32xf32, ["S"]>) -> tensor<?x?x384xbf16, ["B", "S"]>
    %lm_head_weight = weight.param "lm_head.weight" : tensor<1000x384xbf16>
    %lm_head = aten.linear(%hidden_1, %lm_head_weight) : tensor<?x?x1000xbf16, ["B", "S"]>
    func.return %lm_head : tensor<?x?x1000xbf16, ["B", "S"]>
  }
}
