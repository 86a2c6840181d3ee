// RUN: dsv3c opt %s -p raise-attention --evaluate | filecheck %s
// RUN: dsv3c opt %s -p raise-attention --evaluate --verify-diagnostics

// Heads 2, rows of K without position 4, rotary rows 4, rows of V 6, latent 8.

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 2 max 64
dsv3c.symbol @C min 2 max 64

// CHECK-LABEL: func.func @latent(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @latent(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @default_scale(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 0.35355339059327373 scores f32 probs f32 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @default_scale(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// Transposed before they are joined.
// CHECK-LABEL: func.func @transposed_before(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @transposed_before(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qnt = aten.permute(%qn, dims = [0, 2, 1, 3]) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %qrt = aten.permute(%qr, dims = [0, 2, 1, 3]) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %knt = aten.permute(%kn, dims = [0, 2, 1, 3]) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %ket = aten.permute(%ke, dims = [0, 2, 1, 3]) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %qt = aten.cat([%qnt, %qrt], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.cat([%knt, %ket], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.permute(%v, dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// An up-projection over [B, 1, S] is done again over [B, S].
// CHECK-LABEL: func.func @other_leading_dims(
// CHECK: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK: nn.linear %{{\w+}}, %wu : tensor<?x1x?x8xbf16, ["B", "S"]>
// CHECK: %[[U:\w+]] = nn.linear %[[N]], %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
// CHECK-NEXT: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK: mla.attention %{{\w+}}, %{{\w+}}, %[[KV]],
func.func @other_leading_dims(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %n1 = aten.view(%n) : tensor<?x1x?x8xbf16, ["B", "S"]>
  %u = nn.linear %n1, %wu : tensor<?x1x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x1x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// Masks found to be causal.
// CHECK-LABEL: func.func @seen_mask(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @seen_mask(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %tril = aten.tril(%ones) : tensor<?x?xi1, ["S", "S"]>
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, attn_mask = %tril, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @added_mask(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @added_mask(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, attn_mask = %triu, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @products(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores bf16 probs bf16 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @products(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @products_mask_first(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 2.500000e-01 scores bf16 probs bf16 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @products_mask_first(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.div.Scalar(%p, other = 4.000000e+00) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%triu, %sc) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = 3, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// The product not scaled; scores widened before the mask; dropout that does nothing.
// CHECK-LABEL: func.func @not_scaled(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 1.000000e+00 scores bf16 probs bf16 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @not_scaled(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %tril = aten.tril(%ones) : tensor<?x?xi1, ["S", "S"]>
  %tr = aten.bitwise_not(%tril) : tensor<?x?xi1, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.to.dtype(%p, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %tr, value = 0xfff0000000000000 : f64) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %dr = aten.dropout(%pr, p = 0.1, train = false) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%dr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @hidden_mask(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %vt = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores bf16 probs bf16 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @hidden_mask(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%qt, %kt]) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.3895313892515355e+38) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhtd->bhsd", [%pr, %vt]) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// Dims in another order and with other letters; k before q, v before the probabilities; a mask for queries, all heads, keys.
// CHECK-LABEL: func.func @sequence_first(
// CHECK-DAG: %[[QR:\w+]] = nn.rope %qp, %c, %s
// CHECK-DAG: %[[KR:\w+]] = nn.rope %kp, %c, %s
// CHECK-DAG: %[[N:\w+]] = nn.rms_norm %l, %g
// CHECK-DAG: %[[U:\w+]] = nn.linear %[[N]], %wu :
// CHECK: %kc = aten
// CHECK: %[[KV:\w+]] = aten.reshape(%[[U]]) : tensor<?x?x2x10xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QH:\w+]] = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[QN:\w+]] = aten.slice.Tensor(%[[QH]], dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
// CHECK-NEXT: %[[A:\w+]] = mla.attention %[[QN]], %[[QR]], %[[KV]], %[[KR]] scale 3.000000e-01 scores bf16 probs bf16 : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<?x?x2x10xbf16, ["B", "S"]>, tensor<?x?x4xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[A]] :
func.func @sequence_first(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x2x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %mm = aten.unsqueeze(%triu, dim = 1) : tensor<?x1x?xbf16, ["S", "S"]>
  %p = aten.einsum(equation = "zkyx,zqyx->zqyk", [%kc, %qc]) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %mm) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x?x2x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bthe,bsht->bshe", [%v, %pr]) : tensor<?x?x2x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x?x2x6xbf16, ["B", "S"]>
}

// Not MLA: generic attention, and a remark.
// CHECK-LABEL: func.func @negative_no_structure(
// CHECK: %[[Q:\w+]] = aten.permute(%q, dims = [0, 2, 1, 3])
// CHECK: %[[K:\w+]] = aten.permute(%k, dims = [0, 2, 1, 3])
// CHECK: %[[V:\w+]] = aten.permute(%v, dims = [0, 2, 1, 3])
// CHECK-NEXT: nn.attention %[[Q]], %[[K]], %[[V]] scale 3.000000e-01 scores f32 probs f32
func.func @negative_no_structure(%q: tensor<?x2x?x8xbf16, ["B", "S"]>, %k: tensor<?x2x?x8xbf16, ["B", "S"]>, %v: tensor<?x2x?x6xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  // expected-remark @below {{@negative_no_structure: aten.scaled_dot_product_attention: not multi-head latent attention: K is not a part without position joined to a rotary part}}
  %o = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true, scale = 0.3) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// q, k, v found before their transposition; fewer heads of k and v.
// CHECK-LABEL: func.func @negative_grouped(
// CHECK: nn.attention %q, %k, %v scale 3.000000e-01 scores f32 probs f32
func.func @negative_grouped(%q: tensor<?x?x2x8xbf16, ["B", "S"]>, %k: tensor<?x?x1x8xbf16, ["B", "S"]>, %v: tensor<?x?x1x6xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %qt = aten.transpose.int(%q, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%k, dim0 = 1, dim1 = 2) : tensor<?x1x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x1x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_grouped: aten.scaled_dot_product_attention: not multi-head latent attention: K is not a part without position joined}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 0.3, enable_gqa = true) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_q_not_joined(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_q_not_joined(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %z: tensor<?x?x2x8xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%z, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_q_not_joined: aten.scaled_dot_product_attention: not multi-head latent attention: Q is not a part without position joined to a rotary part}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_three_parts(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_three_parts(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %z: tensor<?x?x2x2xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%z, %z, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_three_parts: aten.scaled_dot_product_attention: not multi-head latent attention: K is not a part}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_joined_along_heads(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_joined_along_heads(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %z: tensor<?x?x1x8xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%z, %z], dim = 2) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_joined_along_heads: aten.scaled_dot_product_attention: not multi-head latent attention: K is not a part}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_split_differently(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_split_differently(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %y: tensor<?x?x2x6xbf16, ["B", "S"]>, %z: tensor<?x?x2x2xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%y, %z], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_split_differently: aten.scaled_dot_product_attention: not multi-head latent attention: Q and K split their rows differently}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_two_linears(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_two_linears(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %wv: tensor<12x8xbf16>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %vl = nn.linear %n, %wv : tensor<?x?x8xbf16, ["B", "S"]>, tensor<12x8xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %v = aten.reshape(%vl) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_two_linears: aten.scaled_dot_product_attention: not multi-head latent attention: K and V are not cut out of one linear of the latent}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_no_linear(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_no_linear(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %z: tensor<?x?x20xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%z) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_no_linear: aten.scaled_dot_product_attention: not multi-head latent attention: K and V are not cut out of one linear of the latent}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_bias(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_bias(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %b: tensor<20xbf16>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu bias %b : tensor<20xbf16>, : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_bias: aten.scaled_dot_product_attention: not multi-head latent attention: the up-projection of K and V has a bias}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_rows_left_over(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_rows_left_over(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<24x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<24x8xbf16> -> tensor<?x?x24xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x12xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_rows_left_over: aten.scaled_dot_product_attention: not multi-head latent attention: the rows of K and V are not all of the up-projection}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_heads_reordered(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_heads_reordered(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %uo = aten.reshape(%u) : tensor<?x?x10x2xbf16, ["B", "S"]>
  %up = aten.permute(%uo, dims = [0, 1, 3, 2]) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%up, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_heads_reordered: aten.scaled_dot_product_attention: not multi-head latent attention: K and V number their heads differently}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_values_first(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_values_first(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 6, end = 10) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 6) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_values_first: aten.scaled_dot_product_attention: not multi-head latent attention: the up-projection's rows are not, head after head, those of K and then those of V}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_rows_overlap(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_rows_overlap(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 3, end = 9) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_rows_overlap: aten.scaled_dot_product_attention: not multi-head latent attention: the up-projection's rows are not}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_k_rows_shifted(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_k_rows_shifted(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 2, end = 6) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_k_rows_shifted: aten.scaled_dot_product_attention: not multi-head latent attention: the up-projection's rows are not}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_latent_is_a_projection(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_latent_is_a_projection(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %wl: tensor<8x16xbf16>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.linear %h, %wl : tensor<?x?x16xbf16, ["B", "S"]>, tensor<8x16xbf16> -> tensor<?x?x8xbf16, ["B", "S"]>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_latent_is_a_projection: aten.scaled_dot_product_attention: not multi-head latent attention: the operand of the up-projection is not the normalised latent}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_latent_overlaps(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_latent_overlaps(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 1, end = 9) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_latent_overlaps: aten.scaled_dot_product_attention: not multi-head latent attention: the down-projection's rows are not those}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_key_per_head(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_key_per_head(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %kx = aten.slice.Tensor(%qh, dim = 3, start = 2, end = 6) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %ke = nn.rope %kx, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_key_per_head: aten.scaled_dot_product_attention: not multi-head latent attention: the rotary part of K is not one vector for all heads}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_q_not_rotated(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_q_not_rotated(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qp], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_q_not_rotated: aten.scaled_dot_product_attention: not multi-head latent attention: the rotary parts of Q and K are not both rotated}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_k_not_rotated(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_k_not_rotated(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kp) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_k_not_rotated: aten.scaled_dot_product_attention: not multi-head latent attention: the rotary parts of Q and K are not both rotated}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_part_of_q_rotation(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_part_of_q_rotation(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %c4 = aten.cat([%c, %c], dim = 2) : tensor<1x?x4xbf16, ["S"]>
  %qw = nn.rope %qh, %c4, %c4 pairs "half" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
  %qr = aten.slice.Tensor(%qw, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_part_of_q_rotation: aten.scaled_dot_product_attention: not multi-head latent attention: the rotary parts of Q and K are not the whole results of their rotations}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_part_of_k_rotation(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_part_of_k_rotation(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %c4 = aten.cat([%c, %c], dim = 2) : tensor<1x?x4xbf16, ["S"]>
  %kw = nn.rope %l, %c4, %c4 pairs "half" out "half" compute "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
  %kr = aten.slice.Tensor(%kw, dim = 2, start = 4, end = 8) : tensor<?x?x4xbf16, ["B", "S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_part_of_k_rotation: aten.scaled_dot_product_attention: not multi-head latent attention: the rotary parts of Q and K are not the whole results of their rotations}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_other_pairs(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_other_pairs(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_other_pairs: aten.scaled_dot_product_attention: not multi-head latent attention: Q and K are rotated differently}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_other_cos(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_other_cos(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %s, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_other_cos: aten.scaled_dot_product_attention: not multi-head latent attention: Q and K are rotated differently}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_other_sin(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_other_sin(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %c pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_other_sin: aten.scaled_dot_product_attention: not multi-head latent attention: Q and K are rotated differently}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_not_normalised(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_not_normalised(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %l, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_not_normalised: aten.scaled_dot_product_attention: not multi-head latent attention: the operand of the up-projection is not the normalised latent}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_part_of_the_norm(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_part_of_the_norm(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<12xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n0 = nn.rms_norm %a, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x12xbf16, ["B", "S"]>, tensor<12xbf16>
  %n = aten.slice.Tensor(%n0, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_part_of_the_norm: aten.scaled_dot_product_attention: not multi-head latent attention: the operand of the up-projection is not the normalised latent}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_key_of_another_linear(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_key_of_another_linear(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %a2 = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a2, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_key_of_another_linear: aten.scaled_dot_product_attention: not multi-head latent attention: the latent and the rotary key are not cut out of one linear}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_latent_of_no_linear(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_latent_of_no_linear(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %z: tensor<?x?x12xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%z, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%z, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_latent_of_no_linear: aten.scaled_dot_product_attention: not multi-head latent attention: the latent and the rotary key are not cut out of one linear}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_key_first(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_key_first(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 4, end = 12) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 0, end = 4) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_key_first: aten.scaled_dot_product_attention: not multi-head latent attention: the down-projection's rows are not those of the latent and then those of the rotary key}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_key_overlaps(
// CHECK-NOT: mla.attention
// CHECK: %[[A:\w+]] = nn.attention %{{\w+}}, %{{\w+}}, %{{\w+}} scale 3.000000e-01 scores f32 probs f32 : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<?x?x2x6xbf16, ["B", "S"]> -> tensor<?x?x2x6xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @negative_key_overlaps(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 6, end = 10) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_key_overlaps: aten.scaled_dot_product_attention: not multi-head latent attention: the down-projection's rows are not those}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// No attention we know: nothing changes.
// CHECK-LABEL: func.func @negative_rank_three(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_rank_three(%q: tensor<2x?x8xbf16, ["S"]>, %k: tensor<2x?x8xbf16, ["S"]>, %v: tensor<2x?x6xbf16, ["S"]>) -> tensor<2x?x6xbf16, ["S"]> {
  // expected-remark @below {{@negative_rank_three: aten.scaled_dot_product_attention: queries have rank 3}}
  %o = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true) : tensor<2x?x6xbf16, ["S"]>
  func.return %o : tensor<2x?x6xbf16, ["S"]>
}

// CHECK-LABEL: func.func @negative_dropout(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_dropout(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_dropout: aten.scaled_dot_product_attention: attention with dropout is for training}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, dropout_p = 0.1, is_causal = true, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_no_mask(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_no_mask(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_no_mask: aten.scaled_dot_product_attention: no causal mask: every position sees all others}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_mask_not_causal(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_mask_not_causal(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %tril = aten.tril(%ones) : tensor<?x?xi1, ["S", "S"]>
  // expected-remark @below {{@negative_mask_not_causal: aten.scaled_dot_product_attention: the mask is not known to be causal: it is not the lower triangle}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, attn_mask = %ones, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_mask_of_input(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_mask_of_input(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %tril: tensor<?x?xi1, ["S", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_mask_of_input: aten.scaled_dot_product_attention: the mask is not known to be causal: it depends on the input %tril}}
  %o = aten.scaled_dot_product_attention(%qt, %kt, %vt, attn_mask = %tril, scale = 3.000000e-01) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_more_keys(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_more_keys(%q: tensor<?x2x?x8xbf16, ["B", "S"]>, %k: tensor<?x2x?x8xbf16, ["B", "C"]>, %v: tensor<?x2x?x6xbf16, ["B", "C"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  // expected-remark @below {{@negative_more_keys: aten.scaled_dot_product_attention: there are not as many keys as queries}}
  %o = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true, scale = 0.3) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_two_types(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_two_types(%q: tensor<?x2x?x8xbf16, ["B", "S"]>, %k: tensor<?x2x?x8xbf16, ["B", "S"]>, %v: tensor<?x2x?x6xf32, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  // expected-remark @below {{@negative_two_types: aten.scaled_dot_product_attention: q, k, v and the result differ in type: bf16, f32}}
  %o = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true, scale = 0.3) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_softmax_over_queries(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_softmax_over_queries(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_softmax_over_queries: aten.softmax.int: the softmax is not over the keys}}
  %sm = aten.softmax.int(%m, dim = 2, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_products_without_mask(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_products_without_mask(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_products_without_mask: aten.softmax.int: no causal mask}}
  %sm = aten.softmax.int(%sc, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_scaled_mask(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_scaled_mask(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu, alpha = 2) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_scaled_mask: aten.softmax.int: the mask is scaled as it is added}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_low_fill(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_low_fill(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -1.000000e+02) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_low_fill: aten.softmax.int: hidden scores become -100.0, which a softmax may see}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_trained_with_dropout(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_trained_with_dropout(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_trained_with_dropout: aten.softmax.int: attention with dropout is for training}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %dr = aten.dropout(%pr, p = 0.1, train = true) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%dr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_scaled_in_f32(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_scaled_in_f32(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %p32 = aten.to.dtype(%p, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p32, other = 0.3) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_scaled_in_f32: aten.softmax.int: scores are rounded to bf16 before they are scaled in f32}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_mask_per_head(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_mask_per_head(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %mm: tensor<?x2x?xbf16, ["S", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %p = aten.einsum(equation = "bshd,bthd->bsht", [%qc, %kc]) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %mm) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_mask_per_head: aten.softmax.int: the mask is not one number for each query and key}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x?x2x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x?x2x?xbf16, ["B", "S", "S"]>
  %o0 = aten.einsum(equation = "bsht,bthe->bshe", [%pr, %v]) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %o = aten.permute(%o0, dims = [0, 2, 1, 3]) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_heads_summed(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_heads_summed(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bgtd->bgst", [%qt, %kt]) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_heads_summed: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_values_by_query(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_values_by_query(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_values_by_query: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhse->bhte", [%pr, %vt]) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_three_factors(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_three_factors(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd,st->bhst", [%qt, %kt, %triu]) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  // expected-remark @below {{@negative_three_factors: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_probs_read_twice(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_probs_read_twice(%h: tensor<?x?x16xbf16, ["B", "S"]>, %wq: tensor<16x16xbf16>, %wa: tensor<12x16xbf16>, %g: tensor<8xbf16>, %wu: tensor<20x8xbf16>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %q = nn.linear %h, %wq : tensor<?x?x16xbf16, ["B", "S"]>, tensor<16x16xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  %qh = aten.reshape(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qn = aten.slice.Tensor(%qh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qp = aten.slice.Tensor(%qh, dim = 3, start = 4, end = 8) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qr = nn.rope %qp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x2x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %a = nn.linear %h, %wa : tensor<?x?x16xbf16, ["B", "S"]>, tensor<12x16xbf16> -> tensor<?x?x12xbf16, ["B", "S"]>
  %l = aten.slice.Tensor(%a, dim = 2, start = 0, end = 8) : tensor<?x?x8xbf16, ["B", "S"]>
  %kp = aten.slice.Tensor(%a, dim = 2, start = 8, end = 12) : tensor<?x?x4xbf16, ["B", "S"]>
  %n = nn.rms_norm %l, %g eps 1.000000e-06 weight_in "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<8xbf16>
  %kr = nn.rope %kp, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %u = nn.linear %n, %wu : tensor<?x?x8xbf16, ["B", "S"]>, tensor<20x8xbf16> -> tensor<?x?x20xbf16, ["B", "S"]>
  %uh = aten.reshape(%u) : tensor<?x?x2x10xbf16, ["B", "S"]>
  %kn = aten.slice.Tensor(%uh, dim = 3, start = 0, end = 4) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %v = aten.slice.Tensor(%uh, dim = 3, start = 4, end = 10) : tensor<?x?x2x6xbf16, ["B", "S"]>
  %k1 = aten.reshape(%kr) : tensor<?x?x1x4xbf16, ["B", "S"]>
  %ke = aten.expand(%k1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %qc = aten.cat([%qn, %qr], dim = 3) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %kc = aten.cat([%kn, %ke], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %qt = aten.transpose.int(%qc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %kt = aten.transpose.int(%kc, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %vt = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x6xbf16, ["B", "S"]>
  %full = aten.full(fill_value = 0xfff0000000000000 : f64, dtype = bf16) : tensor<?x?xbf16, ["S", "S"]>
  %triu = aten.triu(%full, diagonal = 1) : tensor<?x?xbf16, ["S", "S"]>
  %ktt = aten.transpose.int(%kt, dim0 = 2, dim1 = 3) : tensor<?x2x8x?xbf16, ["B", "S"]>
  %p = aten.matmul(%qt, %ktt) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 3.000000e-01) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %m = aten.add.Tensor(%sc, %triu) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %pr = aten.to.dtype(%sm, dtype = bf16) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %again = aten.neg(%pr) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%pr, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_softmax_of_no_product(
// CHECK-NOT: nn.attention
// CHECK-NOT: mla.attention
// CHECK: func.return
func.func @negative_softmax_of_no_product(%x: tensor<?x2x?x?xbf16, ["B", "S", "S"]>, %vt: tensor<?x2x?x6xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %sm = aten.softmax.int(%x, dim = -1) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %o = aten.matmul(%sm, %vt) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}
