// RUN: dsv3c opt %s -p raise-attention --evaluate --remarks 2>&1 | filecheck %s --check-prefix=FIRED
// RUN: dsv3c opt %s -p raise-attention | filecheck %s
// RUN: dsv3c opt %s -p raise-attention --verify-diagnostics

// What is said of the mask, with and without an evaluator.

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 2 max 64

// FIRED-DAG: remark: {{.*}}: raise-attention: fired: @causal_itself: aten.scaled_dot_product_attention: nn.attention{{$}}
// CHECK-LABEL: func.func @causal_itself(
// CHECK: nn.attention
func.func @causal_itself(%q: tensor<?x2x?x8xbf16, ["B", "S"]>, %k: tensor<?x2x?x8xbf16, ["B", "S"]>, %v: tensor<?x2x?x6xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %o = aten.scaled_dot_product_attention(%q, %k, %v, is_causal = true, scale = 0.3) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}

// FIRED-DAG: remark: {{.*}}: raise-attention: fired: @negative_without_evaluator: aten.scaled_dot_product_attention: nn.attention; causal mask: equal for S = 2, 7, 33{{$}}
// CHECK-LABEL: func.func @negative_without_evaluator(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_without_evaluator(%q: tensor<?x2x?x8xbf16, ["B", "S"]>, %k: tensor<?x2x?x8xbf16, ["B", "S"]>, %v: tensor<?x2x?x6xbf16, ["B", "S"]>) -> tensor<?x2x?x6xbf16, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %tril = aten.tril(%ones) : tensor<?x?xi1, ["S", "S"]>
  // expected-remark @below {{@negative_without_evaluator: aten.scaled_dot_product_attention: the mask is not known to be causal: needs evaluation of size-only values}}
  %o = aten.scaled_dot_product_attention(%q, %k, %v, attn_mask = %tril, scale = 0.3) : tensor<?x2x?x6xbf16, ["B", "S"]>
  func.return %o : tensor<?x2x?x6xbf16, ["B", "S"]>
}
