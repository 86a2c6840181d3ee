// RUN: dsv3c opt %s -p canonicalize,dce | filecheck %s
// RUN: dsv3c opt %s -p canonicalize --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

dsv3c.symbol @S min 2

// CHECK-LABEL: func.func @conversions
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: "test.op"(%[[X]], %[[X]])
// REMARK: @conversions: aten.to.dtype: no conversion
func.func @conversions(%x: tensor<?x8xbf16, ["S"]>) {
  %a = aten.to.dtype(%x, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %b = aten.to.dtype(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %c = aten.type_as(%b, %x) : tensor<?x8xbf16, ["S"]>
  "test.op"(%a, %c) : (tensor<?x8xbf16, ["S"]>, tensor<?x8xbf16, ["S"]>) -> ()
  func.return
}

// What stands in for an op keeps its name; without one it takes the op's, or its own where that only repeats the op.
// CHECK-LABEL: func.func @names
// CHECK-SAME: (%x: tensor<4xf32>, %given: tensor<4xf32>, %mul: tensor<4xf32>)
// CHECK-NEXT: %silu = aten.silu(%x)
// CHECK-NEXT: %relu = aten.relu(%x)
// CHECK-NEXT: "test.op"(%x, %given, %mul, %silu, %relu)
func.func @names(%x: tensor<4xf32>, %0: tensor<4xf32>, %1: tensor<4xf32>) {
  %y = aten.mul.Scalar(%x, other = 1) : tensor<4xf32>
  %given = aten.mul.Scalar(%0, other = 1) : tensor<4xf32>
  %mul = aten.mul.Scalar(%1, other = 1) : tensor<4xf32>
  %2 = aten.silu(%x) : tensor<4xf32>
  %mul_1 = aten.mul.Scalar(%2, other = 1) : tensor<4xf32>
  %relu = aten.relu(%x) : tensor<4xf32>
  %mul_2 = aten.mul.Scalar(%relu, other = 1) : tensor<4xf32>
  "test.op"(%y, %given, %mul, %mul_1, %mul_2) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> ()
  func.return
}

// Rounding is no identity, nor is widening what was rounded.
// CHECK-LABEL: func.func @negative_conversions
// CHECK-COUNT-3: aten.to.dtype
// REMARK-NOT: @negative_conversions
func.func @negative_conversions(%x: tensor<4xf32>, %h: tensor<4xf16>) {
  %a = aten.to.dtype(%x, dtype = bf16) : tensor<4xbf16>
  %b = aten.to.dtype(%a, dtype = f32) : tensor<4xf32>
  %c = aten.to.dtype(%h, dtype = bf16) : tensor<4xbf16>
  "test.op"(%b, %c) : (tensor<4xf32>, tensor<4xbf16>) -> ()
  func.return
}

// CHECK-LABEL: func.func @scalars
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[I:.*]]: tensor<4xi64>)
// CHECK-NEXT: "test.op"(%[[X]], %[[X]], %[[X]], %[[I]], %[[I]])
// REMARK: @scalars: aten.mul.Scalar: neutral scalar
func.func @scalars(%x: tensor<4xf32>, %i: tensor<4xi64>) {
  %a = aten.mul.Scalar(%x, other = 1.000000e+00) : tensor<4xf32>
  %b = aten.div.Scalar(%x, other = 1) : tensor<4xf32>
  %c = aten.sub.Scalar(%x, other = 0) : tensor<4xf32>
  %d = aten.add.Scalar(%i, other = 0) : tensor<4xi64>
  %e = aten.sub.Scalar(%i, other = 0) : tensor<4xi64>
  "test.op"(%a, %b, %c, %d, %e) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi64>) -> ()
  func.return
}

// Other numbers, -0 + 0 = 0, results of another type.
// CHECK-LABEL: func.func @negative_scalars
// CHECK-NEXT: aten.mul.Scalar(%{{.*}}, other = 2.0
// CHECK-NEXT: aten.add.Scalar(%{{.*}}, other = 0)
// CHECK-NEXT: aten.mul.Scalar(%{{.*}}, other = 1.0
// CHECK-NEXT: aten.div.Scalar(%{{.*}}, other = 1)
// CHECK-NEXT: aten.pow.Tensor_Scalar
func.func @negative_scalars(%x: tensor<4xf32>, %i: tensor<4xi64>) {
  %a = aten.mul.Scalar(%x, other = 2.000000e+00) : tensor<4xf32>
  %b = aten.add.Scalar(%x, other = 0) : tensor<4xf32>
  %c = aten.mul.Scalar(%i, other = 1.000000e+00) : tensor<4xf32>
  %d = aten.div.Scalar(%i, other = 1) : tensor<4xf32>
  %e = aten.pow.Tensor_Scalar(%x, exponent = 1) : tensor<4xf32>
  "test.op"(%a, %b, %c, %d, %e) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> ()
  func.return
}

// All of a value, in order; one operand.
// CHECK-LABEL: func.func @joined
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK-NEXT: "test.op"(%[[X]], %[[X]])
// REMARK: @joined: aten.cat: is %x[0][1]
func.func @joined(%x: tensor<?x8xf32, ["S"]>) {
  %a, %b, %c = aten.split_with_sizes(%x, split_sizes = [1, 4, 3], dim = -1) : tensor<?x1xf32, ["S"]>, tensor<?x4xf32, ["S"]>, tensor<?x3xf32, ["S"]>
  %d = aten.cat([%a, %b, %c], dim = -1) : tensor<?x8xf32, ["S"]>
  %e = aten.cat([%x], dim = 1) : tensor<?x8xf32, ["S"]>
  "test.op"(%d, %e) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// One operand, of one row.
// CHECK-LABEL: func.func @one_row
// CHECK-SAME: (%[[X:.*]]: tensor<1x8xf32>)
// CHECK-NEXT: "test.op"(%[[X]])
func.func @one_row(%x: tensor<1x8xf32>) {
  %a = aten.cat([%x]) : tensor<1x8xf32>
  "test.op"(%a) : (tensor<1x8xf32>) -> ()
  func.return
}

// What is joined, or a part of, a value that the canonical form cannot cut.
// CHECK-LABEL: func.func @negative_no_chain
// CHECK: aten.cat([%{{.*}}, %{{.*}}], dim = 1)
// CHECK: %[[C:.*]] = aten.cat([%{{.*}}, %{{.*}}], dim = 0)
// CHECK: aten.slice.Tensor(%[[C]], dim = 0, start = 0, end = 4)
func.func @negative_no_chain(%x: tensor<300xf32>, %y: tensor<4x16xf32>) {
  %s = aten.slice.Tensor(%x, dim = 0, start = 0, end = 256) : tensor<256xf32>
  %v = aten.reshape(%s) : tensor<4x64xf32>
  %a = aten.slice.Tensor(%v, dim = 1, start = 0, end = 16) : tensor<4x16xf32>
  %b = aten.slice.Tensor(%v, dim = 1, start = 16, end = 32) : tensor<4x16xf32>
  %0 = aten.cat([%a, %b], dim = 1) : tensor<4x32xf32>
  %c = aten.cat([%a, %y], dim = 0) : tensor<8x16xf32>
  %1 = aten.slice.Tensor(%c, dim = 0, start = 0, end = 4) : tensor<4x16xf32>
  "test.op"(%0, %1) : (tensor<4x32xf32>, tensor<4x16xf32>) -> ()
  func.return
}

// Positions in the other dims stay.
// CHECK-LABEL: func.func @part_and_columns
// CHECK-SAME: (%{{.*}}: tensor<4x8xf32>, %[[Y:.*]]: tensor<2x8xf32>)
// CHECK-NEXT: %[[A:.*]] = aten.slice.Tensor(%[[Y]], dim = 1, start = 3, end = 5) : tensor<2x2xf32>
// CHECK-NEXT: "test.op"(%[[A]])
func.func @part_and_columns(%x: tensor<4x8xf32>, %y: tensor<2x8xf32>) {
  %c = aten.cat([%x, %y]) : tensor<6x8xf32>
  %a = aten.slice.Tensor(%c, start = 4) : tensor<2x8xf32>
  %b = aten.slice.Tensor(%a, dim = 1, start = 3, end = 5) : tensor<2x2xf32>
  "test.op"(%b) : (tensor<2x2xf32>) -> ()
  func.return
}

// Some of it, turned, with a step.
// CHECK-LABEL: func.func @joined_part
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK-NEXT: %[[S:.*]] = aten.slice.Tensor(%[[X]], dim = 1, start = 1, end = 8, step = 2) : tensor<?x4xf32, ["S"]>
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[S]], dims = [1, 0]) : tensor<4x?xf32, ["S"]>
// CHECK-NEXT: "test.op"(%[[T]])
func.func @joined_part(%x: tensor<?x8xf32, ["S"]>) {
  %t = aten.t(%x) : tensor<8x?xf32, ["S"]>
  %a = aten.slice.Tensor(%t, start = 1, end = 2) : tensor<1x?xf32, ["S"]>
  %b = aten.slice.Tensor(%t, start = 3, end = 6, step = 2) : tensor<2x?xf32, ["S"]>
  %c = aten.slice.Tensor(%t, start = 7) : tensor<1x?xf32, ["S"]>
  %d = aten.cat([%a, %b, %c]) : tensor<4x?xf32, ["S"]>
  "test.op"(%d) : (tensor<4x?xf32, ["S"]>) -> ()
  func.return
}

// Out of order, with a gap, of two values, of two steps, of other rows, of nothing but single elements or repetitions.
// CHECK-LABEL: func.func @negative_joined
// CHECK-COUNT-7: aten.cat
// REMARK-NOT: @negative_joined: aten.cat
func.func @negative_joined(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) {
  %a = aten.slice.Tensor(%x, dim = 1, start = 0, end = 4) : tensor<4x4xf32>
  %b = aten.slice.Tensor(%x, dim = 1, start = 4, end = 8) : tensor<4x4xf32>
  %c = aten.slice.Tensor(%x, dim = 1, start = 5, end = 8) : tensor<4x3xf32>
  %d = aten.slice.Tensor(%y, dim = 1, start = 4, end = 8) : tensor<4x4xf32>
  %e = aten.slice.Tensor(%x, dim = 1, start = 4, end = 8, step = 2) : tensor<4x2xf32>
  %f = aten.slice.Tensor(%a, dim = 0, start = 0, end = 2) : tensor<2x4xf32>
  %g = aten.slice.Tensor(%b, dim = 0, start = 1, end = 3) : tensor<2x4xf32>
  %h = aten.slice.Tensor(%x, dim = 1, start = 0, end = 1) : tensor<4x1xf32>
  %i = aten.expand(%h) : tensor<4x4xf32>
  %0 = aten.cat([%b, %a], dim = 1) : tensor<4x8xf32>
  %1 = aten.cat([%a, %c], dim = 1) : tensor<4x7xf32>
  %2 = aten.cat([%a, %d], dim = 1) : tensor<4x8xf32>
  %3 = aten.cat([%a, %e], dim = 1) : tensor<4x6xf32>
  %4 = aten.cat([%f, %g], dim = 1) : tensor<2x8xf32>
  %5 = aten.cat([%h, %h], dim = 1) : tensor<4x2xf32>
  %6 = aten.cat([%i, %i], dim = 1) : tensor<4x8xf32>
  "test.op"(%0, %1, %2, %3, %4, %5, %6) : (tensor<4x8xf32>, tensor<4x7xf32>, tensor<4x8xf32>, tensor<4x6xf32>, tensor<2x8xf32>, tensor<4x2xf32>, tensor<4x8xf32>) -> ()
  func.return
}

// A part of one operand, seen through what the operand is a view of; the other part; two steps later.
// CHECK-LABEL: func.func @part_of_cat
// CHECK-SAME: (%[[X:.*]]: tensor<2x?x8xf32, ["S"]>, %[[Y:.*]]: tensor<?x2x4xf32, ["S"]>)
// CHECK-DAG: %[[T:.*]] = aten.permute(%[[X]], dims = [1, 0, 2]) : tensor<?x2x8xf32, ["S"]>
// CHECK-DAG: %[[S:.*]] = aten.slice.Tensor(%[[X]], dim = 2, start = 1, end = 3) : tensor<2x?x2xf32, ["S"]>
// CHECK-DAG: %[[P:.*]] = aten.permute(%[[S]], dims = [1, 0, 2]) : tensor<?x2x2xf32, ["S"]>
// CHECK-DAG: %[[U:.*]] = aten.slice.Tensor(%[[Y]], dim = 2, start = 2, end = 4) : tensor<?x2x2xf32, ["S"]>
// CHECK: "test.op"(%[[T]], %[[Y]], %[[P]], %[[U]])
// REMARK: @part_of_cat: aten.slice.Tensor: is %x[1][0][2]
func.func @part_of_cat(%x: tensor<2x?x8xf32, ["S"]>, %y: tensor<?x2x4xf32, ["S"]>) {
  %t = aten.transpose.int(%x, dim0 = 0, dim1 = 1) : tensor<?x2x8xf32, ["S"]>
  %c = aten.cat([%t, %y], dim = 2) : tensor<?x2x12xf32, ["S"]>
  %a = aten.slice.Tensor(%c, dim = 2, start = 0, end = 8) : tensor<?x2x8xf32, ["S"]>
  %b = aten.slice.Tensor(%c, dim = 2, start = 8, end = 12) : tensor<?x2x4xf32, ["S"]>
  %d = aten.slice.Tensor(%a, dim = 2, start = 1, end = 3) : tensor<?x2x2xf32, ["S"]>
  %e = aten.slice.Tensor(%c, dim = 2, start = 10, end = 12) : tensor<?x2x2xf32, ["S"]>
  "test.op"(%a, %b, %d, %e) : (tensor<?x2x8xf32, ["S"]>, tensor<?x2x4xf32, ["S"]>, tensor<?x2x2xf32, ["S"]>, tensor<?x2x2xf32, ["S"]>) -> ()
  func.return
}

// Across the seam, over named sizes that leave it open, of a value that is no concatenation.
// CHECK-LABEL: func.func @negative_part_of_cat
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[Y:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK: %[[C:.*]] = aten.cat([%[[X]], %[[X]]], dim = 1)
// CHECK: aten.slice.Tensor(%[[C]], dim = 1, start = 4, end = 12)
// CHECK: %[[D:.*]] = aten.cat([%[[Y]], %[[X]]], dim = 0)
// CHECK: aten.slice.Tensor(%[[D]], dim = 0, start = 1, end = 3)
// CHECK: %[[E:.*]] = aten.stack
// CHECK: aten.slice.Tensor(%[[E]]
func.func @negative_part_of_cat(%x: tensor<4x8xf32>, %y: tensor<?x8xf32, ["S"]>) {
  %c = aten.cat([%x, %x], dim = 1) : tensor<4x16xf32>
  %a = aten.slice.Tensor(%c, dim = 1, start = 4, end = 12) : tensor<4x8xf32>
  %d = aten.cat([%y, %x], dim = 0) : tensor<?x8xf32, ["S + 4"]>
  %b = aten.slice.Tensor(%d, dim = 0, start = 1, end = 3) : tensor<2x8xf32>
  %e = aten.stack([%x, %x]) : tensor<2x4x8xf32>
  %f = aten.slice.Tensor(%e, dim = 0, start = 0, end = 1) : tensor<1x4x8xf32>
  "test.op"(%a, %b, %f) : (tensor<4x8xf32>, tensor<2x8xf32>, tensor<1x4x8xf32>) -> ()
  func.return
}

// Named sizes that fit exactly.
// CHECK-LABEL: func.func @named_part_of_cat
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[Y:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK: "test.op"(%[[Y]], %[[X]])
func.func @named_part_of_cat(%x: tensor<4x8xf32>, %y: tensor<?x8xf32, ["S"]>) {
  %d = aten.cat([%y, %x], dim = 0) : tensor<?x8xf32, ["S + 4"]>
  %a = aten.slice.Tensor(%d, dim = 0, start = 0, end = "S") : tensor<?x8xf32, ["S"]>
  %b = aten.slice.Tensor(%d, dim = 0, start = "S", end = "S + 4") : tensor<4x8xf32>
  "test.op"(%a, %b) : (tensor<?x8xf32, ["S"]>, tensor<4x8xf32>) -> ()
  func.return
}

// One fold makes the next possible.
// CHECK-LABEL: func.func @repeated
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xbf16>)
// CHECK-NEXT: "test.op"(%[[X]])
func.func @repeated(%x: tensor<4x8xbf16>) {
  %t = aten.t(%x) : tensor<8x4xbf16>
  %w = aten.to.dtype(%t, dtype = f32) : tensor<8x4xf32>
  %m = aten.mul.Scalar(%w, other = 1) : tensor<8x4xf32>
  %n = aten.to.dtype(%m, dtype = bf16) : tensor<8x4xbf16>
  %u = aten.t(%n) : tensor<4x8xbf16>
  %a, %b = aten.chunk(%u, chunks = 2) : tensor<2x8xbf16>, tensor<2x8xbf16>
  %c = aten.cat([%a, %b]) : tensor<4x8xbf16>
  "test.op"(%c) : (tensor<4x8xbf16>) -> ()
  func.return
}

// A cache is no tensor, and no view of one.
// CHECK-LABEL: func.func @cache(
// CHECK-NEXT: %[[CACHE:\w+]] = "test.op"() : () -> !mla.cache<
// CHECK-NEXT: "test.op"(%[[CACHE]]) :
func.func @cache() {
  %cache = "test.op"() : () -> !mla.cache<"S" x 64, latent 8 x bf16, rope 4 x bf16>
  "test.op"(%cache) : (!mla.cache<"S" x 64, latent 8 x bf16, rope 4 x bf16>) -> ()
  func.return
}

// -----
// A cache is no tensor: it has no view.
// CHECK-LABEL: @negative_cache
// CHECK:         mla.append
dsv3c.symbol @T min 0
dsv3c.symbol @N min 0
dsv3c.symbol @P min 1
dsv3c.symbol @pages min 1
func.func @negative_cache(%c: tensor<?x16xbf16, ["T"]>, %k: tensor<?x4xbf16, ["T"]>,
    %cache: !mla.cache<"pages" x 4, latent 16 x bf16, rope 4 x bf16>, %positions: tensor<?xi32, ["T"]>,
    %seq_offsets: tensor<?xi32, ["N + 1"]>, %block_table: tensor<?x?xi32, ["N", "P"]>)
    -> !mla.cache<"pages" x 4, latent 16 x bf16, rope 4 x bf16> {
  %new = mla.append %c, %k to %cache at %positions, %seq_offsets, %block_table
    : tensor<?x16xbf16, ["T"]>, tensor<?x4xbf16, ["T"]>, !mla.cache<"pages" x 4, latent 16 x bf16, rope 4 x bf16>,
      tensor<?xi32, ["T"]>, tensor<?xi32, ["N + 1"]>, tensor<?x?xi32, ["N", "P"]>
    -> !mla.cache<"pages" x 4, latent 16 x bf16, rope 4 x bf16>
  func.return %new : !mla.cache<"pages" x 4, latent 16 x bf16, rope 4 x bf16>
}
