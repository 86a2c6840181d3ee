// RUN: dsv3c opt %s -p raise-linear | filecheck %s
// RUN: dsv3c opt %s -p raise-linear --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

dsv3c.symbol @S min 1

// CHECK-LABEL: func.func @linear
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK: %[[W:.*]] = weight.param "w"
// CHECK: %[[B:.*]] = weight.param "b"
// CHECK: nn.linear %[[X]], %[[W]] : tensor<?x8xbf16, ["S"]>, tensor<4x8xbf16> -> tensor<?x4xbf16, ["S"]>
// CHECK: nn.linear %[[X]], %[[W]] bias %[[B]] : tensor<4xbf16>, : tensor<?x8xbf16, ["S"]>, tensor<4x8xbf16> -> tensor<?x4xbf16, ["S"]>
// CHECK-NOT: aten
// REMARK: raise-linear: fired: @linear: aten.linear
func.func @linear(%x: tensor<?x8xbf16, ["S"]>) {
  %w = weight.param "w" : tensor<4x8xbf16>
  %b = weight.param "b" : tensor<4xbf16>
  %y = aten.linear(%x, %w) : tensor<?x4xbf16, ["S"]>
  %z = aten.linear(%x, %w, bias = %b) : tensor<?x4xbf16, ["S"]>
  "test.op"(%y, %z) : (tensor<?x4xbf16, ["S"]>, tensor<?x4xbf16, ["S"]>) -> ()
  func.return
}

// The stored weight is found through the transposition, or turned.
// CHECK-LABEL: func.func @products
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK: %[[W:.*]] = weight.param "w"
// CHECK: %[[V:.*]] = weight.param "v"
// CHECK: %[[B:.*]] = weight.param "b"
// CHECK: %[[P:.*]] = nn.linear %[[X]], %[[W]] :
// CHECK: %[[T:.*]] = aten.permute(%[[V]], dims = [1, 0]) : tensor<4x8xf32>
// CHECK-NEXT: %[[Q:.*]] = nn.linear %[[X]], %[[T]] :
// CHECK: %[[R:.*]] = nn.linear %[[X]], %[[W]] bias %[[B]] :
// CHECK: "test.op"(%[[P]], %[[Q]], %[[R]])
func.func @products(%x: tensor<?x8xf32, ["S"]>) {
  %w = weight.param "w" : tensor<4x8xf32>
  %v = weight.param "v" : tensor<8x4xf32>
  %b = weight.param "b" : tensor<4xf32>
  %t = aten.transpose.int(%w, dim0 = 0, dim1 = 1) : tensor<8x4xf32>
  %p = aten.matmul(%x, %t) : tensor<?x4xf32, ["S"]>
  %q = aten.mm(%x, %v) : tensor<?x4xf32, ["S"]>
  %r = aten.addmm(%b, %x, %t) : tensor<?x4xf32, ["S"]>
  "test.op"(%p, %q, %r) : (tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @einsums
// CHECK-SAME: (%[[X:.*]]: tensor<2x?x8xf32, ["S"]>, %[[W:.*]]: tensor<4x8xf32>, %[[V:.*]]: tensor<8x4xf32>)
// CHECK-NEXT: %[[P:.*]] = nn.linear %[[X]], %[[W]] :
// CHECK-NEXT: %[[Q:.*]] = nn.linear %[[X]], %[[W]] :
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[V]], dims = [1, 0])
// CHECK-NEXT: %[[R:.*]] = nn.linear %[[X]], %[[T]] :
// CHECK-NEXT: "test.op"(%[[P]], %[[Q]], %[[R]])
func.func @einsums(%x: tensor<2x?x8xf32, ["S"]>, %w: tensor<4x8xf32>, %v: tensor<8x4xf32>) {
  %p = aten.einsum([%x, %w], equation = "bsd, od -> bso") : tensor<2x?x4xf32, ["S"]>
  %q = aten.einsum([%w, %x], equation = "od,...d->...o") : tensor<2x?x4xf32, ["S"]>
  %r = aten.einsum([%x, %v], equation = "bsd,do->bso") : tensor<2x?x4xf32, ["S"]>
  "test.op"(%p, %q, %r) : (tensor<2x?x4xf32, ["S"]>, tensor<2x?x4xf32, ["S"]>, tensor<2x?x4xf32, ["S"]>) -> ()
  func.return
}

// Square on all sides: only the letters tell.
// CHECK-LABEL: func.func @negative_einsums
// CHECK-NOT: nn.linear
// CHECK-COUNT-8: aten.einsum
// REMARK-NOT: @negative_einsums
func.func @negative_einsums(%x: tensor<?x4xf32, ["S"]>, %w: tensor<4x4xf32>) {
  %a = aten.einsum([%x, %w], equation = "sd,od->os") : tensor<4x?xf32, ["S"]>
  %b = aten.einsum([%w, %w], equation = "ds,od->so") : tensor<4x4xf32>
  %c = aten.einsum([%w, %w], equation = "sd,sd->sd") : tensor<4x4xf32>
  %d = aten.einsum([%w, %w], equation = "sd,ed->so") : tensor<4x4xf32>
  %e = aten.einsum([%w], equation = "sd->ds") : tensor<4x4xf32>
  %f = aten.einsum([%w, %w], equation = "sd,ds->ss") : tensor<4x4xf32>
  %g = aten.einsum([%x, %w, %w], equation = "sd,od,pd->so") : tensor<?x4xf32, ["S"]>
  %y = aten.view(%x) : tensor<?x1x4xf32, ["S"]>
  %h = aten.einsum([%y, %w], equation = "bsd,od->sbo") : tensor<1x?x4xf32, ["S"]>
  "test.op"(%h, %a, %b, %c, %d, %e, %f, %g) : (tensor<1x?x4xf32, ["S"]>, tensor<4x?xf32, ["S"]>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<?x4xf32, ["S"]>) -> ()
  func.return
}

// Both operands were widened: the product reads them as they were.
// CHECK-LABEL: func.func @widened
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: %[[W:.*]] = weight.param
// CHECK-NEXT: %[[Y:.*]] = nn.linear %[[X]], %[[W]] : tensor<?x8xbf16, ["S"]>, tensor<4x8xbf16> -> tensor<?x4xf32, ["S"]>
// CHECK-NEXT: return %[[Y]]
func.func @widened(%x: tensor<?x8xbf16, ["S"]>) -> tensor<?x4xf32, ["S"]> {
  %w = weight.param "gate.weight" : tensor<4x8xbf16>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %w32 = aten.to.dtype(%w, dtype = f32) : tensor<4x8xf32>
  %y = aten.linear(%x32, %w32) : tensor<?x4xf32, ["S"]>
  func.return %y : tensor<?x4xf32, ["S"]>
}

// One operand, two types, a narrowing, a bias: the operands stay converted.
// CHECK-LABEL: func.func @negative_widened
// CHECK: nn.linear %{{.*}}, %{{.*}} : tensor<?x8xf32, ["S"]>, tensor<4x8xf32> -> tensor<?x4xf32, ["S"]>
// CHECK: nn.linear %{{.*}}, %{{.*}} : tensor<?x8xf32, ["S"]>, tensor<4x8xf32> -> tensor<?x4xf32, ["S"]>
// CHECK: nn.linear %{{.*}}, %{{.*}} : tensor<?x8xbf16, ["S"]>, tensor<4x8xbf16> -> tensor<?x4xbf16, ["S"]>
// CHECK: nn.linear %{{.*}}, %{{.*}} bias %{{.*}} : tensor<4xf32>, : tensor<?x8xf32, ["S"]>, tensor<4x8xf32> -> tensor<?x4xf32, ["S"]>
func.func @negative_widened(%x: tensor<?x8xbf16, ["S"]>, %z: tensor<?x8xf32, ["S"]>) {
  %w = weight.param "w" : tensor<4x8xf32>
  %h = weight.param "h" : tensor<4x8xf16>
  %v = weight.param "v" : tensor<4x8xbf16>
  %b = weight.param "b" : tensor<4xf32>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %p = aten.linear(%x32, %w) : tensor<?x4xf32, ["S"]>
  %h32 = aten.to.dtype(%h, dtype = f32) : tensor<4x8xf32>
  %q = aten.linear(%x32, %h32) : tensor<?x4xf32, ["S"]>
  %zb = aten.to.dtype(%z, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %wb = aten.to.dtype(%w, dtype = bf16) : tensor<4x8xbf16>
  %r = aten.linear(%zb, %wb) : tensor<?x4xbf16, ["S"]>
  %v32 = aten.to.dtype(%v, dtype = f32) : tensor<4x8xf32>
  %s = aten.linear(%x32, %v32, bias = %b) : tensor<?x4xf32, ["S"]>
  "test.op"(%p, %q, %r, %s) : (tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>, tensor<?x4xbf16, ["S"]>, tensor<?x4xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_activations
// CHECK: aten.matmul
// CHECK: aten.linear
// REMARK: raise-linear: blocked: @negative_activations: aten.linear: its weight is no parameter of the model
func.func @negative_activations(%x: tensor<?x8xf32, ["S"]>) {
  %t = aten.t(%x) : tensor<8x?xf32, ["S"]>
  %p = aten.matmul(%x, %t) : tensor<?x?xf32, ["S", "S"]>
  %q = aten.linear(%x, %x) : tensor<?x?xf32, ["S", "S"]>
  "test.op"(%p, %q) : (tensor<?x?xf32, ["S", "S"]>, tensor<?x?xf32, ["S", "S"]>) -> ()
  func.return
}

// An argument is a weight if every call passes one.
// CHECK-LABEL: func.func private @layer
// CHECK: nn.linear
func.func private @layer(%x: tensor<4x8xf32>, %w: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %y = aten.linear(%x, %w) : tensor<4x4xf32>
  func.return %y : tensor<4x4xf32>
}

// CHECK-LABEL: func.func private @negative_callers
// CHECK: aten.linear
// REMARK: @negative_callers: aten.linear: its weight is no parameter of the model
func.func private @negative_callers(%x: tensor<4x8xf32>, %w: tensor<4x8xf32>) -> tensor<4x4xf32> {
  %y = aten.linear(%x, %w) : tensor<4x4xf32>
  func.return %y : tensor<4x4xf32>
}

func.func @main(%x: tensor<4x8xf32>) {
  %w = weight.param "w" : tensor<4x8xf32>
  %s = aten.silu(%x) : tensor<4x8xf32>
  %a = func.call @layer(%x, %w) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %b = func.call @negative_callers(%x, %w) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  %c = func.call @negative_callers(%x, %s) : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x4xf32>
  func.return
}

// CHECK-LABEL: func.func @negative_rank
// CHECK: aten.linear
// CHECK: aten.matmul
// REMARK: @negative_rank: aten.linear: its weight has rank 1, not 2
// REMARK-NOT: @negative_rank
func.func @negative_rank(%x: tensor<?x8xf32, ["S"]>) {
  %w = weight.param "w" : tensor<8xf32>
  %y = aten.linear(%x, %w) : tensor<?xf32, ["S"]>
  %z = aten.matmul(%x, %w) : tensor<?xf32, ["S"]>
  "test.op"(%y, %z) : (tensor<?xf32, ["S"]>, tensor<?xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_addmm
// CHECK-COUNT-3: aten.addmm
// REMARK: @negative_addmm: aten.addmm: its bias differs from row to row
// REMARK: @negative_addmm: aten.addmm: product and bias are scaled before they are added
// REMARK: @negative_addmm: aten.addmm: product and bias are scaled before they are added
func.func @negative_addmm(%x: tensor<?x8xf32, ["S"]>, %c: tensor<?x4xf32, ["S"]>) {
  %w = weight.param "w" : tensor<8x4xf32>
  %b = weight.param "b" : tensor<4xf32>
  %y = aten.addmm(%c, %x, %w) : tensor<?x4xf32, ["S"]>
  %z = aten.addmm(%b, %x, %w, beta = 2) : tensor<?x4xf32, ["S"]>
  %v = aten.addmm(%b, %x, %w, alpha = 2) : tensor<?x4xf32, ["S"]>
  "test.op"(%y, %z, %v) : (tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>, tensor<?x4xf32, ["S"]>) -> ()
  func.return
}

// Every third row of a longer matrix, read in runs that the canonical form cannot cut.
// CHECK-LABEL: func.func @negative_scattered_weight
// CHECK: aten.mm
// REMARK: @negative_scattered_weight: aten.mm: no chain of cuts, splits and permutations gives the weight %w[0 x 32][0 step 64 x 4]
func.func @negative_scattered_weight(%x: tensor<?x4xf32, ["S"]>) {
  %w = weight.param "w" : tensor<300xf32>
  %s = aten.slice.Tensor(%w, end = 256) : tensor<256xf32>
  %v = aten.view(%s) : tensor<4x64xf32>
  %t = aten.slice.Tensor(%v, dim = 1, end = 32) : tensor<4x32xf32>
  %y = aten.mm(%x, %t) : tensor<?x32xf32, ["S"]>
  "test.op"(%y) : (tensor<?x32xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @embedding
// CHECK-SAME: (%[[I:.*]]: tensor<2x?xi64, ["S"]>)
// CHECK: %[[T:.*]] = weight.param
// CHECK: nn.embedding %[[I]], %[[T]] : tensor<2x?xi64, ["S"]>, tensor<16x8xbf16> -> tensor<2x?x8xbf16, ["S"]>
// REMARK: raise-linear: fired: @embedding: aten.embedding
func.func @embedding(%ids: tensor<2x?xi64, ["S"]>) -> tensor<2x?x8xbf16, ["S"]> {
  %table = weight.param "embed_tokens.weight" : tensor<16x8xbf16>
  %y = aten.embedding(%table, %ids, padding_idx = 0) : tensor<2x?x8xbf16, ["S"]>
  func.return %y : tensor<2x?x8xbf16, ["S"]>
}

// CHECK-LABEL: func.func @negative_embedding
// CHECK: aten.embedding
// REMARK: raise-linear: blocked: @negative_embedding: aten.embedding: its table is no parameter of the model
func.func @negative_embedding(%ids: tensor<2xi64>, %x: tensor<?x8xf32, ["S"]>) {
  %y = aten.embedding(%x, %ids) : tensor<2x8xf32>
  "test.op"(%y) : (tensor<2x8xf32>) -> ()
  func.return
}
