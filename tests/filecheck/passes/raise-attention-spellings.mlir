// RUN: dsv3c opt %s -p raise-attention --evaluate | filecheck %s
// RUN: dsv3c opt %s -p raise-attention --evaluate --verify-diagnostics

// Which products around a softmax are those of attention, and what may stand between them.

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 2 max 64

// CHECK-LABEL: func.func @conversions_everywhere(
// CHECK-NEXT: %ones
// CHECK-NEXT: %hid
// CHECK-NEXT: %[[Q:\w+]] = aten.permute(%q, dims = [0, 2, 1, 3])
// CHECK-NEXT: %[[K:\w+]] = aten.permute(%k, dims = [0, 2, 1, 3])
// CHECK-NEXT: %[[V:\w+]] = aten.permute(%v, dims = [0, 2, 1, 3])
// CHECK-NEXT: %[[A:\w+]] = nn.attention %[[Q]], %[[K]], %[[V]] scale 2.500000e-01 scores f32 probs f32
// CHECK-NEXT: %[[O:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3])
// CHECK-NEXT: func.return %[[O]] :
func.func @conversions_everywhere(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd, bhtd -> bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %a = aten.to.dtype(%p, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %a2 = aten.to.dtype(%a, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%a2, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %b = aten.to.dtype(%sc, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %b2 = aten.to.dtype(%b, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%b2, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %c = aten.to.dtype(%m, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %c2 = aten.to.dtype(%c, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sm = aten.softmax.int(%c2, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %d = aten.to.dtype(%sm, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %dr = aten.dropout(%d, p = 0.0, train = true) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %e = aten.to.dtype(%dr, dtype = f32) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.matmul(%e, %v) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @mask_of_four_dims(
// CHECK-NEXT: %ones
// CHECK-NEXT: %hid
// CHECK-NEXT: %[[Q:\w+]] = aten.permute(%q, dims = [0, 2, 1, 3])
// CHECK-NEXT: %[[K:\w+]] = aten.permute(%k, dims = [0, 2, 1, 3])
// CHECK-NEXT: %[[V:\w+]] = aten.permute(%v, dims = [0, 2, 1, 3])
// CHECK-NEXT: %[[A:\w+]] = nn.attention %[[Q]], %[[K]], %[[V]] scale 2.500000e-01 scores f32 probs f32
// CHECK-NEXT: %[[O:\w+]] = aten.permute(%[[A]], dims = [0, 2, 1, 3])
// CHECK-NEXT: func.return %[[O]] :
func.func @mask_of_four_dims(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<1x1x?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<1x1x?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.matmul(%sm, %v) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negated_mask_between(
// CHECK: nn.attention %q, %k, %v scale 2.500000e-01 scores f32 probs f32
// CHECK-NEXT: func.return
func.func @negated_mask_between(%q: tensor<?x?x2x8xf32, ["B", "S"]>, %k: tensor<?x?x2x8xf32, ["B", "S"]>, %v: tensor<?x?x2x8xf32, ["B", "S"]>) -> tensor<?x?x2x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %seen = aten.tril(%ones) : tensor<?x?xi1, ["S", "S"]>
  %mm = aten.unsqueeze(%seen, dim = 1) : tensor<?x1x?xi1, ["S", "S"]>
  %hid = aten.bitwise_not(%mm) : tensor<?x1x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bshd,bthd->bsht", [%q, %k]) : tensor<?x?x2x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x?x2x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x?x2x?xf32, ["B", "S", "S"]>
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x?x2x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bsht,bthe->bshe", [%sm, %v]) : tensor<?x?x2x8xf32, ["B", "S"]>
  func.return %o : tensor<?x?x2x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_other_heads_of_k_summed(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_other_heads_of_k_summed(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bxtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_other_heads_of_k_summed: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_head_size_of_one_operand(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_head_size_of_one_operand(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>, %x: tensor<?x2x?x?xf32, ["B", "S", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhtd,bhst->bhst", [%k, %x]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_head_size_of_one_operand: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_queries_by_key(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_queries_by_key(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x?x?x8xf32, ["B", "S", "S"]>, %y: tensor<?x?x?x8xf32, ["B", "S", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bstd,bhtd->bhst", [%y, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_queries_by_key: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bste->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_rows_of_k_summed(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_rows_of_k_summed(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhte->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_rows_of_k_summed: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_diagonal_of_q(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_diagonal_of_q(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>, %y: tensor<?x2x?x8x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsdd,bhtd->bhst", [%y, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_diagonal_of_q: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_diagonal_of_k(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_diagonal_of_k(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>, %y: tensor<?x2x?x8x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtdd->bhst", [%q, %y]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_diagonal_of_k: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_values_of_three_factors(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_values_of_three_factors(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>, %z: tensor<8xf32>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_values_of_three_factors: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte,e->bhse", [%sm, %v, %z]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_no_values(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_no_values(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>, %x: tensor<?x2x?x?xf32, ["B", "S", "S"]>) -> tensor<?x2x?x?xf32, ["B", "S", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_no_values: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhst->bhst", [%sm, %x]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  func.return %o : tensor<?x2x?x?xf32, ["B", "S", "S"]>
}

// CHECK-LABEL: func.func @negative_values_read_by_query(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_values_read_by_query(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_values_read_by_query: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhse->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_queries_summed(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_queries_summed(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_queries_summed: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhte", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_products_of_rank_three(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_products_of_rank_three(%q: tensor<?x?x8xf32, ["B", "S"]>, %k: tensor<?x?x8xf32, ["B", "S"]>, %v: tensor<?x?x8xf32, ["B", "S"]>) -> tensor<?x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bsd,btd->bst", [%q, %k]) : tensor<?x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_products_of_rank_three: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bst,bte->bse", [%sm, %v]) : tensor<?x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_matmuls_of_rank_three(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_matmuls_of_rank_three(%q: tensor<?x?x8xf32, ["B", "S"]>, %k: tensor<?x8x?xf32, ["B", "S"]>, %v: tensor<?x?x8xf32, ["B", "S"]>) -> tensor<?x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.matmul(%q, %k) : tensor<?x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_matmuls_of_rank_three: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x?x?xf32, ["B", "S", "S"]>
  %o = aten.matmul(%sm, %v) : tensor<?x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_one_sequence_of_keys(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_one_sequence_of_keys(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<2x8x?xf32, ["S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.matmul(%q, %k) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = -3.4028234663852886e+38) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_one_sequence_of_keys: aten.softmax.int: the products around the softmax are not those of attention}}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_filled_with_a_truth(
// CHECK-NOT: nn.attention
// CHECK: func.return
func.func @negative_filled_with_a_truth(%q: tensor<?x2x?x8xf32, ["B", "S"]>, %k: tensor<?x2x?x8xf32, ["B", "S"]>, %v: tensor<?x2x?x8xf32, ["B", "S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %ones = aten.ones(dtype = i1) : tensor<?x?xi1, ["S", "S"]>
  %hid = aten.triu(%ones, diagonal = 1) : tensor<?x?xi1, ["S", "S"]>
  %p = aten.einsum(equation = "bhsd,bhtd->bhst", [%q, %k]) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %sc = aten.mul.Scalar(%p, other = 0.25) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %m = aten.masked_fill.Scalar(%sc, %hid, value = true) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  // expected-remark @below {{@negative_filled_with_a_truth: aten.softmax.int: hidden scores become }}
  %sm = aten.softmax.int(%m, dim = -1) : tensor<?x2x?x?xf32, ["B", "S", "S"]>
  %o = aten.einsum(equation = "bhst,bhte->bhse", [%sm, %v]) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %o : tensor<?x2x?x8xf32, ["B", "S"]>
}
