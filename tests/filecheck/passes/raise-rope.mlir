// RUN: dsv3c opt %s -p raise-rope | filecheck %s
// RUN: dsv3c opt %s -p raise-rope --verify-diagnostics

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 1 max 128

// CHECK-LABEL: func.func @members(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %[[X]], %cos, %sin pairs "interleaved" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @members(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Any order of the factors and of the two terms of the sum; the joined dim counted from the start.
// CHECK-LABEL: func.func @commuted(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK: %[[R:\w+]] = nn.rope %[[X]], %cos, %sin pairs "interleaved" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @commuted(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%c, %e) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%s, %o) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%c, %o) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = 3) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Values at hand are read where they are: no new views of x, cos and sin.
// CHECK-LABEL: func.func @at_hand(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: nn.rope %v, %cos, %sin pairs "interleaved" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
func.func @at_hand(%q: tensor<?x?x16xbf16, ["B", "S"]>, %cs: tensor<?x4xbf16, ["S"]>, %sn: tensor<?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %cos = aten.view(%cs) : tensor<1x?x4xbf16, ["S"]>
  %sin = aten.view(%sn) : tensor<1x?x4xbf16, ["S"]>
  %v = aten.view(%q) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %x = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Cosine and sine cut out of one tensor: members are told from tables by their shape.
// CHECK-LABEL: func.func @tables_of_one_tensor(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK: nn.rope %[[X]], %{{\w+}}, %{{\w+}} pairs "interleaved" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
func.func @tables_of_one_tensor(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cs: tensor<1x1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.slice.Tensor(%cs, dim = 3, start = 0, end = 4) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.slice.Tensor(%cs, dim = 3, start = 4, end = 8) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%c, %e) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%s, %o) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%c, %o) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%s, %e) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Halves as members.
// CHECK-LABEL: func.func @halves(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK: %[[R:\w+]] = nn.rope %[[X]], %cos, %sin pairs "half" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @halves(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// One key for all heads loses the head dim.
// CHECK-LABEL: func.func @shared_key(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[R:\w+]] = nn.rope %k, %cos, %sin pairs "interleaved" out "half" compute "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.reshape(%[[R]]) : tensor<?x1x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @shared_key(%k: tensor<?x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x1x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %x = aten.unsqueeze(%k, dim = 1) : tensor<?x1x?x8xbf16, ["B", "S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x1x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x1x?x8xbf16, ["B", "S"]>
}

// Heads next to last already; tables of lower rank are broadcast from the left.
// CHECK-LABEL: func.func @heads_last(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[C:\w+]] = aten.reshape(%cos) : tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[S:\w+]] = aten.reshape(%sin) : tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %x, %[[C]], %[[S]] pairs "interleaved" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: func.return %[[R]] :
func.func @heads_last(%x: tensor<?x?x2x8xbf16, ["B", "S"]>, %cos: tensor<?x4xbf16, ["S"]>, %sin: tensor<?x4xbf16, ["S"]>) -> tensor<?x?x2x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<?x1x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<?x1x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x?x2x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x?x2x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x?x2x8xbf16, ["B", "S"]>
}

// No heads at all: the batch stays broadcast.
// CHECK-LABEL: func.func @no_heads(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[R:\w+]] = nn.rope %k, %c, %s pairs "interleaved" out "half" compute "input" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: func.return %[[R]] :
func.func @no_heads(%k: tensor<?x?x8xbf16, ["B", "S"]>, %c: tensor<1x?x4xbf16, ["S"]>, %s: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
  %e = aten.slice.Tensor(%k, dim = 2, start = 0, step = 2) : tensor<?x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%k, dim = 2, start = 1, step = 2) : tensor<?x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x?x8xbf16, ["B", "S"]>
}

// In f32, members stacked, one rounding at the end.
// CHECK-LABEL: func.func @stacked(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %[[X]], %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xf32, ["S"]>, tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @stacked(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = bf16) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Converted after slicing.
// CHECK-LABEL: func.func @converted_members(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %[[X]], %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xf32, ["S"]>, tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @converted_members(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %eb = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %ob = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %e = aten.to.dtype(%eb, dtype = f32) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.to.dtype(%ob, dtype = f32) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = bf16) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Repeated over heads between the stack and the rounding.
// CHECK-LABEL: func.func @stacked_and_repeated(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[R:\w+]] = nn.rope %{{\w+}}, %cos, %sin pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x8xbf16, ["B", "S"]>, tensor<1x?x4xf32, ["S"]>, tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[O:\w+]] = aten.reshape(%[[R]]) : tensor<?x1x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.expand(%[[O]]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @stacked_and_repeated(%x: tensor<?x1x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x1x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x1x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x1x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x1x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x1x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x1x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x1x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x1x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x1x?x4xf32, ["B", "S"]>
  %st = aten.stack([%first, %second], dim = 4) : tensor<?x1x?x4x2xf32, ["B", "S"]>
  %rp = aten.expand(%st) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%rp, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = bf16) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// An f32 model: nothing is converted, every product is rounded to the input's type.
// CHECK-LABEL: func.func @in_f32(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: nn.rope %{{\w+}}, %cos, %sin pairs "interleaved" out "interleaved" compute "input"
func.func @in_f32(%x32: tensor<?x2x?x8xf32, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %fl : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @rotate_half(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[COS:\w+]] = aten.cos(%{{\w+}}) : tensor<1x?x8xbf16, ["S"]>
// CHECK: %[[SIN:\w+]] = aten.sin(%{{\w+}}) : tensor<1x?x8xbf16, ["S"]>
// CHECK: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[C:\w+]] = aten.slice.Tensor(%[[COS]], dim = 2, start = 0, end = 4) : tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[S:\w+]] = aten.slice.Tensor(%[[SIN]], dim = 2, start = 0, end = 4) : tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %[[X]], %[[C]], %[[S]] pairs "half" out "half" compute "input" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xbf16, ["S"]>, tensor<1x?x4xbf16, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @rotate_half(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Terms and factors the other way round, after the views that put interleaved pairs into halves.
// CHECK-LABEL: func.func @deinterleaved(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[X:\w+]] = aten.permute(%w, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK: %[[R:\w+]] = nn.rope %[[X]], %{{\w+}}, %{{\w+}} pairs "interleaved" out "half" compute "input"
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @deinterleaved(%w: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %v = aten.view(%w) : tensor<?x2x?x4x2xbf16, ["B", "S"]>
  %t = aten.transpose.int(%v, dim0 = 4, dim1 = 3) : tensor<?x2x?x2x4xbf16, ["B", "S"]>
  %x = aten.reshape(%t) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%c, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%s, %rh) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%q, %p) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Tables made by the caller.
func.func @calls(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %y = func.call @rotate_half_called(%x, %d, %d) {prefix = "a"} : (tensor<?x2x?x8xbf16, ["B", "S"]>, tensor<1x?x8xbf16, ["S"]>, tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]>
  %z = func.call @negative_one_caller_differs(%x, %d, %d) {prefix = "a"} : (tensor<?x2x?x8xbf16, ["B", "S"]>, tensor<1x?x8xbf16, ["S"]>, tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %z : tensor<?x2x?x8xbf16, ["B", "S"]>
}
func.func @calls_differently(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %d: tensor<1x?x8xbf16, ["S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %dd = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %z = func.call @negative_one_caller_differs(%x, %dd, %d) {prefix = "a"} : (tensor<?x2x?x8xbf16, ["B", "S"]>, tensor<1x?x8xbf16, ["S"]>, tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %z : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @rotate_half_called(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: nn.rope
func.func @rotate_half_called(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cd: tensor<1x?x8xbf16, ["S"]>, %sd: tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_one_caller_differs(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_one_caller_differs(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cd: tensor<1x?x8xbf16, ["S"]>, %sd: tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_one_caller_differs: aten.cat: the two halves of cos and of sin are not shown to be equal}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_entry_tables(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_entry_tables(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cd: tensor<1x?x8xbf16, ["S"]>, %sd: tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_entry_tables: aten.cat: the two halves of cos and of sin are not shown}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_other_halves(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_other_halves(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>, %g: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %g], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_other_halves: aten.cat: the two halves}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_sin_of_other_halves(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_sin_of_other_halves(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>, %g: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %d2 = aten.cat([%f, %g], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d2) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_sin_of_other_halves: aten.cat: the two halves}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_cos_of_other_halves(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_cos_of_other_halves(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>, %g: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %d2 = aten.cat([%f, %g], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d2) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_cos_of_other_halves: aten.cat: the two halves}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_not_negated(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_not_negated(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.abs(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_halves_of_another(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_halves_of_another(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>, %z: tensor<?x2x?x8xbf16, ["B", "S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%z, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_halves_swapped(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_halves_swapped(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_scaled_sum(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_scaled_sum(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q, alpha = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_half_used_twice(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_half_used_twice(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %again = aten.add.Tensor(%y, %rh) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %again : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_not_a_sum_of_products(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_not_a_sum_of_products(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.div.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_product_not_added(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_product_not_added(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.sub.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @complex(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[REAL:\w+]] = aten.view_as_real(%cis) : tensor<1x?x4x2xf32, ["S"]>
// CHECK-NEXT: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[C:\w+]] = aten.select.int(%[[REAL]], dim = 3, index = 0) : tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[S:\w+]] = aten.select.int(%[[REAL]], dim = 3, index = 1) : tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %[[X]], %[[C]], %[[S]] pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xf32, ["S"]>, tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @complex(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%z, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.type_as(%fl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @complex_commuted(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.view_as_complex
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: %[[REAL:\w+]] = aten.view_as_real(%cis) : tensor<1x?x4x2xf32, ["S"]>
// CHECK-NEXT: %[[X:\w+]] = aten.permute(%x, dims = [0, 2, 1, 3]) : tensor<?x?x2x8xbf16, ["B", "S"]>
// CHECK-NEXT: %[[C:\w+]] = aten.select.int(%[[REAL]], dim = 3, index = 0) : tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[S:\w+]] = aten.select.int(%[[REAL]], dim = 3, index = 1) : tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[R:\w+]] = nn.rope %[[X]], %[[C]], %[[S]] pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x2x8xbf16, ["B", "S"]>, tensor<1x?x4xf32, ["S"]>, tensor<1x?x4xf32, ["S"]>
// CHECK-NEXT: %[[Y:\w+]] = aten.permute(%[[R]], dims = [0, 2, 1, 3]) : tensor<?x2x?x8xbf16, ["B", "S"]>
// CHECK-NEXT: func.return %[[Y]] :
func.func @complex_commuted(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%c, %z) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.type_as(%fl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// Both factors are pairs: the one of the product's shape is rotated.
// CHECK-LABEL: func.func @complex_table_of_pairs(
// CHECK-NOT: aten.mul.Tensor
// CHECK-NOT: aten.neg
// CHECK-NOT: aten.sub.Tensor
// CHECK-NOT: aten.stack
// CHECK: nn.rope %{{\w+}}, %{{\w+}}, %{{\w+}} pairs "interleaved" out "interleaved" compute "f32" : tensor<?x?x2x8xbf16, ["B", "S"]>
func.func @complex_table_of_pairs(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %tab: tensor<1x1x?x4x2xf32, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.view_as_complex(%tab) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%c, %z) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.type_as(%fl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// One table for two rotations.
// CHECK-LABEL: func.func @complex_twice(
// CHECK: aten.view_as_real
// CHECK-NOT: aten.view_as_real
// CHECK: func.return
func.func @complex_twice(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>, %other: tensor<?x2x?x8xbf16, ["B", "S"]>) -> (tensor<?x2x?x8xbf16, ["B", "S"]>, tensor<?x2x?x8xbf16, ["B", "S"]>) {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%z, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.type_as(%fl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %a32 = aten.to.dtype(%other, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %av = aten.reshape(%a32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %az = aten.view_as_complex(%av) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %am = aten.mul.Tensor(%az, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %ar = aten.view_as_real(%am) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %afl = aten.flatten.using_ints(%ar, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %ay = aten.type_as(%afl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y, %ay : tensor<?x2x?x8xbf16, ["B", "S"]>, tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_complex_sum(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_complex_sum(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.add.Tensor(%z, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.type_as(%fl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_complex_not_flattened(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_complex_not_flattened(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?x4x2xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%z, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  // expected-remark @below {{@negative_complex_not_flattened: aten.view_as_real: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.type_as(%fl, %x) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %r : tensor<?x2x?x4x2xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_complex_flattened_further(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_complex_flattened_further(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?xf32, ["B", "8*S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %v = aten.reshape(%x32) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%z, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  // expected-remark @below {{@negative_complex_flattened_further: aten.view_as_real: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 2) : tensor<?x2x?xf32, ["B", "8*S"]>
  func.return %fl : tensor<?x2x?xf32, ["B", "8*S"]>
}

// CHECK-LABEL: func.func @negative_complex_of_far_apart(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_complex_of_far_apart(%v: tensor<?x2x?x4x2xf32, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %z = aten.view_as_complex(%v) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%z, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  // expected-remark @below {{@negative_complex_of_far_apart: aten.view_as_real: the complex numbers are not pairs of neighbours of one tensor}}
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%r, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %fl : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_complex_scaled_in_place_of_rotated(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_complex_scaled_in_place_of_rotated(%x: tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>, %cis: tensor<1x?x4xcomplex<f32>, ["S"]>) -> tensor<?x2x?x4x2xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cis, dim = 1) : tensor<1x1x?x4xcomplex<f32>, ["S"]>
  %m = aten.mul.Tensor(%x, %c) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %r = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  func.return %r : tensor<?x2x?x4x2xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_scaled_difference(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_scaled_difference(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1, alpha = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_scaled_members_sum(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_scaled_members_sum(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3, alpha = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_sums_of_quotients(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_sums_of_quotients(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.div.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_sums_of_quotients_left(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_sums_of_quotients_left(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.div.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_reflection(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_reflection(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_same_member_twice(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_same_member_twice(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_wrong_tables(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_wrong_tables(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_members_of_two_tensors(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_members_of_two_tensors(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>, %z: tensor<?x2x?x8xbf16, ["B", "S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%z, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_members_neither_interleave_nor_adjoin(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_members_neither_interleave_nor_adjoin(%w: tensor<?x2x?x16xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%w, dim = 3, start = 0, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%w, dim = 3, start = 8, end = 12) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_first_term_of_the_sum(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_first_term_of_the_sum(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_second_term_of_the_sum(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_second_term_of_the_sum(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_members_too_close(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_members_too_close(%w: tensor<?x2x?x16xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%w, dim = 3, start = 0, step = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%w, dim = 3, start = 1, step = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_second_member_of_another_step(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_second_member_of_another_step(%w: tensor<?x2x?x16xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%w, dim = 3, start = 0, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%w, dim = 3, start = 4, end = 12, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_cos_in_another_type(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_cos_in_another_type(%x32: tensor<?x2x?x8xf32, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_cos_in_another_type: aten.stack: cos in bf16 and sin in f32 rotate a tensor in f32}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %fl : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_narrowed_to_f32(
// CHECK-NOT: compute "f32"
// CHECK: func.return
func.func @negative_narrowed_to_f32(%x: tensor<?x2x?x8xf64, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xf64, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = f64) : tensor<?x2x?x8xf64, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xf64, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_widened_to_f64(
// CHECK-NOT: compute "f32"
// CHECK: func.return
func.func @negative_widened_to_f64(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf64, ["S"]>, %sin: tensor<1x?x4xf64, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf64, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf64, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f64) : tensor<?x2x?x8xf64, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf64, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf64, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf64, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf64, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf64, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf64, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf64, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf64, ["B", "S"]>
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf64, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf64, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = bf16) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_members_of_different_steps(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_members_of_different_steps(%w: tensor<?x2x?x16xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%w, dim = 3, start = 0, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%w, dim = 3, start = 1, end = 9, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_three_parts(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_three_parts(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x12xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second, %e], dim = -1) : tensor<?x2x?x12xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x12xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_joined_along_heads(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_joined_along_heads(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x4x?x4xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_joined_along_heads: aten.cat: the rotated members are joined along another dim than the last}}
  %y = aten.cat([%first, %second], dim = 1) : tensor<?x4x?x4xbf16, ["B", "S"]>
  func.return %y : tensor<?x4x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_stacked_not_flattened(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_stacked_not_flattened(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x4x2xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_stacked_not_flattened: aten.stack: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  func.return %st : tensor<?x2x?x4x2xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_stacked_flattened_further(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_stacked_flattened_further(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?xf32, ["B", "8*S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_stacked_flattened_further: aten.stack: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 2) : tensor<?x2x?xf32, ["B", "8*S"]>
  func.return %fl : tensor<?x2x?xf32, ["B", "8*S"]>
}

// CHECK-LABEL: func.func @negative_rounded_part_is_unknown(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_rounded_part_is_unknown(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x4x2xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_rounded_part_is_unknown: aten.stack: what is rounded back is no plain part of the rotation}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.slice.Tensor(%st, dim = 3, start = 0, end = 3) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = bf16) : tensor<?x2x?x4x2xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x4x2xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_read_in_f32_too(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_read_in_f32_too(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_read_in_f32_too: aten.stack: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = bf16) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %z = aten.neg(%fl) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_stays_in_f32(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_stays_in_f32(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_stays_in_f32: aten.stack: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %fl : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_rounded_to_another_type(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_rounded_to_another_type(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_rounded_to_another_type: aten.stack: the rotation of bf16 is not rounded back to bf16 by one cast}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  %y = aten.to.dtype(%fl, dtype = f16) : tensor<?x2x?x8xf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_tables_in_another_type(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_tables_in_another_type(%x32: tensor<?x2x?x8xf32, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_tables_in_another_type: aten.stack: cos in bf16 and sin in bf16 rotate a tensor in f32}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %fl : tensor<?x2x?x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_tables_in_two_types(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_tables_in_two_types(%x32: tensor<?x2x?x8xf32, ["B", "S"]>, %cos: tensor<1x?x4xf32, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xf32, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  // expected-remark @below {{@negative_tables_in_two_types: aten.stack: cos in f32 and sin in bf16 rotate a tensor in f32}}
  %st = aten.stack([%first, %second], dim = -1) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %fl = aten.flatten.using_ints(%st, start_dim = 3) : tensor<?x2x?x8xf32, ["B", "S"]>
  func.return %fl : tensor<?x2x?x8xf32, ["B", "S"]>
}

// Heads of 8 in 16 of 20 columns, cut before the transposition: no chain from the 20 columns makes them.
// CHECK-LABEL: func.func @negative_part_without_chain(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_part_without_chain(%w: tensor<?x?x20xbf16, ["B", "S"]>, %cos: tensor<1x?x2xbf16, ["S"]>, %sin: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x2x?x4xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x2xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x2xbf16, ["S"]>
  %w16 = aten.slice.Tensor(%w, dim = 2, start = 0, end = 16) : tensor<?x?x16xbf16, ["B", "S"]>
  %v = aten.reshape(%w16) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %t = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %x = aten.slice.Tensor(%t, dim = 3, start = 4, end = 8) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x2xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_part_without_chain: aten.cat: no views of their tensors make %w[0][2 step 8 x 2][1][2 x 4 + 4], %cos}}
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_cos_without_chain(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_cos_without_chain(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %w: tensor<1x?x20xbf16, ["S"]>, %sin: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %w16 = aten.slice.Tensor(%w, dim = 2, start = 0, end = 16) : tensor<1x?x16xbf16, ["S"]>
  %v = aten.reshape(%w16) : tensor<1x?x2x8xbf16, ["S"]>
  %cut = aten.slice.Tensor(%v, dim = 3, start = 0, end = 2) : tensor<1x?x2x2xbf16, ["S"]>
  %c = aten.reshape(%cut) : tensor<1x1x?x4xbf16, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_cos_without_chain: aten.cat: no views of their tensors make %x}}
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_sin_without_chain(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_sin_without_chain(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %cos: tensor<1x?x4xbf16, ["S"]>, %w: tensor<1x?x20xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<1x1x?x4xbf16, ["S"]>
  %w16 = aten.slice.Tensor(%w, dim = 2, start = 0, end = 16) : tensor<1x?x16xbf16, ["S"]>
  %v = aten.reshape(%w16) : tensor<1x?x2x8xbf16, ["S"]>
  %cut = aten.slice.Tensor(%v, dim = 3, start = 0, end = 2) : tensor<1x?x2x2xbf16, ["S"]>
  %s = aten.reshape(%cut) : tensor<1x1x?x4xbf16, ["S"]>
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_sin_without_chain: aten.cat: no views of their tensors make %x}}
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_one_pair(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_one_pair(%x: tensor<?x2x?x2xbf16, ["B", "S"]>, %c: tensor<1x1x?x1xbf16, ["S"]>, %s: tensor<1x1x?x1xbf16, ["S"]>) -> tensor<?x2x?x2xbf16, ["B", "S"]> {
  %e = aten.slice.Tensor(%x, dim = 3, end = 1) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 1) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x2xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x2xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_first_member_at_a_symbol(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_first_member_at_a_symbol(%x: tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>, %c: tensor<1x1x?x4xbf16, ["S"]>, %s: tensor<1x1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %e = aten.slice.Tensor(%x, dim = 3, start = "S", end = "4 + S") : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = 0, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_second_member_at_a_symbol(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_second_member_at_a_symbol(%x: tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>, %c: tensor<1x1x?x4xbf16, ["S"]>, %s: tensor<1x1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %e = aten.slice.Tensor(%x, dim = 3, start = 0, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %o = aten.slice.Tensor(%x, dim = 3, start = "S", end = "4 + S") : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @widened_after_deinterleaving(
// CHECK: nn.rope %v32, %{{\w+}}, %{{\w+}} pairs "half" out "half" compute "input"
func.func @widened_after_deinterleaving(%w: tensor<?x?x2x4x2xbf16, ["B", "S"]>, %cos: tensor<?x4xf32, ["S"]>, %sin: tensor<?x4xf32, ["S"]>) -> tensor<?x?x2x8xf32, ["B", "S"]> {
  %tr = aten.transpose.int(%w, dim0 = 3, dim1 = 4) : tensor<?x?x2x2x4xbf16, ["B", "S"]>
  %r = aten.reshape(%tr) : tensor<?x?x16xbf16, ["B", "S"]>
  %x32 = aten.to.dtype(%r, dtype = f32) : tensor<?x?x16xf32, ["B", "S"]>
  %v32 = aten.reshape(%x32) : tensor<?x?x2x8xf32, ["B", "S"]>
  %c = aten.unsqueeze(%cos, dim = 1) : tensor<?x1x4xf32, ["S"]>
  %s = aten.unsqueeze(%sin, dim = 1) : tensor<?x1x4xf32, ["S"]>
  %e = aten.slice.Tensor(%v32, dim = 3, end = 4) : tensor<?x?x2x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%v32, dim = 3, start = 4) : tensor<?x?x2x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x?x2x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x?x2x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x?x2x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x?x2x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x?x2x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x?x2x4xf32, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x?x2x8xf32, ["B", "S"]>
  func.return %y : tensor<?x?x2x8xf32, ["B", "S"]>
}

// CHECK-LABEL: func.func @one_position(
// CHECK: nn.rope %x, %c, %s pairs "interleaved" out "half" compute "input" : tensor<1x8xbf16>
func.func @one_position(%x: tensor<1x8xbf16>, %c: tensor<1x4xbf16>, %s: tensor<1x4xbf16>) -> tensor<1x8xbf16> {
  %e = aten.slice.Tensor(%x, dim = 1, start = 0, step = 2) : tensor<1x4xbf16>
  %o = aten.slice.Tensor(%x, dim = 1, start = 1, step = 2) : tensor<1x4xbf16>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<1x4xbf16>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<1x4xbf16>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<1x4xbf16>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<1x4xbf16>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<1x4xbf16>
  %second = aten.add.Tensor(%p2, %p3) : tensor<1x4xbf16>
  %y = aten.cat([%first, %second], dim = -1) : tensor<1x8xbf16>
  func.return %y : tensor<1x8xbf16>
}

// CHECK-LABEL: func.func @converted_at_hand(
// CHECK: nn.rope %v, %{{\w+}}, %{{\w+}} pairs "interleaved" out "half" compute "f32"
func.func @converted_at_hand(%w: tensor<?x?x16xbf16, ["B", "S"]>, %c: tensor<1x1x?x4xf32, ["S"]>, %s: tensor<1x1x?x4xf32, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %v = aten.reshape(%w) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %x = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x2x?x8xf32, ["B", "S"]>
  %e = aten.slice.Tensor(%x32, dim = 3, start = 0, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%x32, dim = 3, start = 1, step = 2) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p0 = aten.mul.Tensor(%e, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p1 = aten.mul.Tensor(%o, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %first = aten.sub.Tensor(%p0, %p1) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p2 = aten.mul.Tensor(%o, %c) : tensor<?x2x?x4xf32, ["B", "S"]>
  %p3 = aten.mul.Tensor(%e, %s) : tensor<?x2x?x4xf32, ["B", "S"]>
  %second = aten.add.Tensor(%p2, %p3) : tensor<?x2x?x4xf32, ["B", "S"]>
  %y = aten.cat([%first, %second], dim = -1) : tensor<?x2x?x8xf32, ["B", "S"]>
  %z = aten.to.dtype(%y, dtype = bf16) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %z : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_tables_repeated_over_the_batch(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_tables_repeated_over_the_batch(%x: tensor<2x2x?x8xbf16, ["S"]>, %f: tensor<1x?x8xbf16, ["S"]>) -> tensor<2x2x?x8xbf16, ["S"]> {
  %d = aten.cat([%f, %f], dim = 0) : tensor<2x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<2x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<2x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<2x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<2x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<2x2x?x4xbf16, ["S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4, end = 8) : tensor<2x2x?x4xbf16, ["S"]>
  %n = aten.neg(%x2) : tensor<2x2x?x4xbf16, ["S"]>
  // expected-remark @below {{@negative_tables_repeated_over_the_batch: aten.cat: the two halves of cos and of sin are not shown to be equal}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<2x2x?x8xbf16, ["S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<2x2x?x8xbf16, ["S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<2x2x?x8xbf16, ["S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<2x2x?x8xbf16, ["S"]>
  func.return %y : tensor<2x2x?x8xbf16, ["S"]>
}

// CHECK-LABEL: func.func @negative_half_of_doubled_tables(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_half_of_doubled_tables(%x: tensor<?x2x?x8xbf16, ["B", "S"]>, %f: tensor<1x?x8xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x16xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x16xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x16xbf16, ["S"]>
  %ch = aten.slice.Tensor(%cd, dim = 2, end = 8) : tensor<1x?x8xbf16, ["S"]>
  %sh = aten.slice.Tensor(%sd, dim = 2, end = 8) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%ch, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sh, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4, end = 8) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  // expected-remark @below {{@negative_half_of_doubled_tables: aten.cat: the two halves of cos and of sin are not shown to be equal}}
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_half_of_three_parts(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_half_of_three_parts(%x: tensor<?x2x?x12xbf16, ["B", "S"]>, %f: tensor<1x?x6xbf16, ["S"]>) -> tensor<?x2x?x12xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x12xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x12xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x12xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x12xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x12xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4, end = 8) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1, %x1], dim = -1) : tensor<?x2x?x12xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x12xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x12xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x12xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x12xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_halves_of_one_pair(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_halves_of_one_pair(%x: tensor<?x2x?x2xbf16, ["B", "S"]>, %f: tensor<1x?x1xbf16, ["S"]>) -> tensor<?x2x?x2xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x2xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x2xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x2xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x2xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x2xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 1) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 1, end = 2) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x1xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x2xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x2xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x2xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_tables_per_head(
// CHECK-NOT: nn.rope
// CHECK: func.return
func.func @negative_tables_per_head(%x: tensor<?x1x?x8xbf16, ["B", "S"]>, %f: tensor<1x2x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x2x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x2x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x2x?x8xbf16, ["S"]>
  %c = aten.reshape(%cd) : tensor<1x2x?x8xbf16, ["S"]>
  %s = aten.reshape(%sd) : tensor<1x2x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4, end = 8) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x1x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x1x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @rotate_half_at_hand(
// CHECK: nn.rope %v,
func.func @rotate_half_at_hand(%w: tensor<?x?x16xbf16, ["B", "S"]>, %f: tensor<1x?x4xbf16, ["S"]>) -> tensor<?x2x?x8xbf16, ["B", "S"]> {
  %v = aten.reshape(%w) : tensor<?x?x2x8xbf16, ["B", "S"]>
  %x = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x8xbf16, ["S"]>
  %cd = aten.cos(%d) : tensor<1x?x8xbf16, ["S"]>
  %sd = aten.sin(%d) : tensor<1x?x8xbf16, ["S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x8xbf16, ["S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, end = 4) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = 4, end = 8) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x4xbf16, ["B", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x8xbf16, ["B", "S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x8xbf16, ["B", "S"]>
  func.return %y : tensor<?x2x?x8xbf16, ["B", "S"]>
}

// The pairs are at hand before their transposition; a later use of the complex table is not read.
// CHECK-LABEL: func.func @complex_at_hand(
// CHECK: aten.view_as_real(%cis)
// CHECK: nn.rope %v,
// CHECK: %later = aten.view_as_real(%cis)
func.func @complex_at_hand(%w: tensor<?x?x16xf32, ["B", "S"]>, %cis: tensor<1x1x?x4xcomplex<f32>, ["S"]>) -> (tensor<?x2x?x4x2xf32, ["B", "S"]>, tensor<1x1x?x4x2xf32, ["S"]>) {
  %v = aten.reshape(%w) : tensor<?x?x2x8xf32, ["B", "S"]>
  %x = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x2x?x8xf32, ["B", "S"]>
  %xp = aten.reshape(%x) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %xc = aten.view_as_complex(%xp) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %m = aten.mul.Tensor(%xc, %cis) : tensor<?x2x?x4xcomplex<f32>, ["B", "S"]>
  %y = aten.view_as_real(%m) : tensor<?x2x?x4x2xf32, ["B", "S"]>
  %later = aten.view_as_real(%cis) : tensor<1x1x?x4x2xf32, ["S"]>
  func.return %y, %later : tensor<?x2x?x4x2xf32, ["B", "S"]>, tensor<1x1x?x4x2xf32, ["S"]>
}

// A head size that is a symbol is nothing nn.rope takes.
// CHECK-LABEL: func.func @negative_symbolic_head(
// CHECK-NOT: nn.rope
// CHECK: aten.cat([%{{\w+}}, %{{\w+}}], dim = -1) : tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>
func.func @negative_symbolic_head(%x: tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>, %f: tensor<1x?x?xbf16, ["S", "S"]>) -> tensor<?x2x?x?xbf16, ["B", "S", "2*S"]> {
  %d = aten.cat([%f, %f], dim = -1) : tensor<1x?x?xbf16, ["S", "2*S"]>
  %cd = aten.cos(%d) : tensor<1x?x?xbf16, ["S", "2*S"]>
  %sd = aten.sin(%d) : tensor<1x?x?xbf16, ["S", "2*S"]>
  %c = aten.unsqueeze(%cd, dim = 1) : tensor<1x1x?x?xbf16, ["S", "2*S"]>
  %s = aten.unsqueeze(%sd, dim = 1) : tensor<1x1x?x?xbf16, ["S", "2*S"]>
  %x1 = aten.slice.Tensor(%x, dim = 3, start = 0, end = "S") : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %x2 = aten.slice.Tensor(%x, dim = 3, start = "S") : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %n = aten.neg(%x2) : tensor<?x2x?x?xbf16, ["B", "S", "S"]>
  %rh = aten.cat([%n, %x1], dim = -1) : tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>
  %p = aten.mul.Tensor(%x, %c) : tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>
  %q = aten.mul.Tensor(%rh, %s) : tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>
  %y = aten.add.Tensor(%p, %q) : tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>
  func.return %y : tensor<?x2x?x?xbf16, ["B", "S", "2*S"]>
}
