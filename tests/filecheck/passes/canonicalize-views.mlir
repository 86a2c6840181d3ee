// RUN: dsv3c opt %s -p canonicalize-views | filecheck %s
// RUN: dsv3c opt %s -p canonicalize-views,canonicalize-views | filecheck %s
// RUN: dsv3c opt %s -p canonicalize-views --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p canonicalize-views,dce | filecheck %s --check-prefix=DCE

dsv3c.symbol @B min 1
dsv3c.symbol @S min 2

// Scatters in any order, dims from either end; what was in the buffer does not matter.
// CHECK-LABEL: func.func @scatters
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x128xbf16, ["B"]>, %[[Y:.*]]: tensor<?x4x64xbf16, ["B"]>)
// CHECK: %[[CAT:.*]] = aten.cat([%[[X]], %[[Y]]], dim = 2)
// CHECK-NEXT: func.return %[[CAT]]
// REMARK: aten.slice_scatter: concatenation; parts = 2
func.func @scatters(%x: tensor<?x4x128xbf16, ["B"]>, %y: tensor<?x4x64xbf16, ["B"]>) -> tensor<?x4x192xbf16, ["B"]> {
  %empty = aten.new_empty(%x) : tensor<?x4x192xbf16, ["B"]>
  %unread = aten.slice.Tensor(%empty, dim = 2, end = 128) : tensor<?x4x128xbf16, ["B"]>
  %a = aten.slice_scatter(%empty, %y, dim = 2, start = 128) : tensor<?x4x192xbf16, ["B"]>
  %b = aten.slice_scatter(%a, %x, dim = -1, end = 128) : tensor<?x4x192xbf16, ["B"]>
  func.return %b : tensor<?x4x192xbf16, ["B"]>
}

// A part that is written twice has the later value.
// CHECK-LABEL: func.func @written_twice
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %[[Z:.*]]: tensor<4xf32>)
// CHECK: aten.cat([%[[X]], %[[Z]]], dim = 0)
func.func @written_twice(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>) -> tensor<8xf32> {
  %empty = aten.empty.memory_format() : tensor<8xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<8xf32>
  %b = aten.slice_scatter(%a, %y, start = 4) : tensor<8xf32>
  %c = aten.slice_scatter(%b, %z, start = 4) : tensor<8xf32>
  func.return %c : tensor<8xf32>
}

// CHECK-LABEL: func.func @negative_gap
// CHECK: aten.slice_scatter
// CHECK: %[[LAST:.*]] = aten.slice_scatter
// CHECK: func.return %[[LAST]]
// REMARK: @negative_gap: aten.slice_scatter: the slices written do not tile dim 0: some of the buffer below shows
func.func @negative_gap(%x: tensor<4xf32>) -> tensor<9xf32> {
  %empty = aten.empty.memory_format() : tensor<9xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<9xf32>
  %b = aten.slice_scatter(%a, %x, start = 5) : tensor<9xf32>
  func.return %b : tensor<9xf32>
}

// CHECK-LABEL: func.func @negative_short
// CHECK-COUNT-2: aten.slice_scatter
// REMARK: @negative_short: aten.slice_scatter: the slices written do not tile dim 0: some of the buffer below shows
func.func @negative_short(%x: tensor<4xf32>) -> tensor<9xf32> {
  %empty = aten.empty.memory_format() : tensor<9xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<9xf32>
  %b = aten.slice_scatter(%a, %x, start = 4, end = 8) : tensor<9xf32>
  func.return %b : tensor<9xf32>
}

// CHECK-LABEL: func.func @negative_overlap
// CHECK-COUNT-3: aten.slice_scatter
// REMARK: @negative_overlap: aten.slice_scatter: the slices written do not tile dim 0: some of the buffer below shows
func.func @negative_overlap(%x: tensor<4xf32>) -> tensor<8xf32> {
  %empty = aten.empty.memory_format() : tensor<8xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<8xf32>
  %b = aten.slice_scatter(%a, %x, start = 4) : tensor<8xf32>
  %c = aten.slice_scatter(%b, %x, start = 2, end = 6) : tensor<8xf32>
  func.return %c : tensor<8xf32>
}

// CHECK-LABEL: func.func @negative_step
// CHECK-COUNT-2: aten.slice_scatter
// REMARK: @negative_step: aten.slice_scatter: the slices written have a step
func.func @negative_step(%x: tensor<4xf32>) -> tensor<8xf32> {
  %empty = aten.empty.memory_format() : tensor<8xf32>
  %a = aten.slice_scatter(%empty, %x, step = 2) : tensor<8xf32>
  %b = aten.slice_scatter(%a, %x, start = 4) : tensor<8xf32>
  func.return %b : tensor<8xf32>
}

// CHECK-LABEL: func.func @negative_converts
// CHECK-COUNT-2: aten.slice_scatter
// REMARK: @negative_converts: aten.slice_scatter: a part is converted as it is written
func.func @negative_converts(%x: tensor<4xf32>, %y: tensor<4xbf16>) -> tensor<8xf32> {
  %empty = aten.empty.memory_format() : tensor<8xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<8xf32>
  %b = aten.slice_scatter(%a, %y, start = 4) : tensor<8xf32>
  func.return %b : tensor<8xf32>
}

// Another dim is no part of the chain.
// CHECK-LABEL: func.func @negative_other_dim
// CHECK-COUNT-2: aten.slice_scatter
// REMARK: @negative_other_dim: aten.slice_scatter: the slices written do not tile dim 1: some of the buffer below shows
func.func @negative_other_dim(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> tensor<4x8xf32> {
  %empty = aten.empty.memory_format() : tensor<4x8xf32>
  %row = aten.cat([%x, %x], dim = 1) : tensor<4x8xf32>
  %a = aten.slice_scatter(%empty, %row, dim = 0) : tensor<4x8xf32>
  %b = aten.slice_scatter(%a, %y, dim = 1, start = 4) : tensor<4x8xf32>
  func.return %b : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @other_dim_below
// CHECK-SAME: (%{{.*}}: tensor<2x8xf32>, %[[Y:.*]]: tensor<8x4xf32>)
// CHECK: aten.cat([%[[Y]], %[[Y]]], dim = 1)
func.func @other_dim_below(%x: tensor<2x8xf32>, %y: tensor<8x4xf32>) -> tensor<8x8xf32> {
  %empty = aten.empty.memory_format() : tensor<8x8xf32>
  %a = aten.slice_scatter(%empty, %x, dim = 0, start = 2, end = 4) : tensor<8x8xf32>
  %b = aten.slice_scatter(%a, %y, dim = 1, end = 4) : tensor<8x8xf32>
  %c = aten.slice_scatter(%b, %y, dim = 1, start = 4) : tensor<8x8xf32>
  func.return %c : tensor<8x8xf32>
}

// A buffer is read between two writes, and what was filled is a part of another: each chain for itself.
// CHECK-LABEL: func.func @nested
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>)
// CHECK: %[[A:.*]] = aten.slice_scatter
// CHECK: %[[B:.*]] = aten.cat([%[[X]], %[[X]]], dim = 0) : tensor<8xf32>
// CHECK: %[[C:.*]] = aten.cat([%[[B]], %[[B]]], dim = 0) : tensor<16xf32>
// CHECK: %[[S:.*]] = aten.slice.Tensor(%[[C]], dim = 0, start = 2, end = 6)
// CHECK: "test.op"(%[[A]], %[[S]])
// REMARK-NOT: @nested: aten.slice_scatter: the slices
func.func @nested(%x: tensor<4xf32>) {
  %empty = aten.empty.memory_format() : tensor<8xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<8xf32>
  %b = aten.slice_scatter(%a, %x, start = 4) : tensor<8xf32>
  %other = aten.empty.memory_format() : tensor<16xf32>
  %c = aten.slice_scatter(%other, %b, end = 8) : tensor<16xf32>
  %d = aten.slice_scatter(%c, %b, start = 8) : tensor<16xf32>
  %s = aten.slice.Tensor(%d, dim = 0, start = 2, end = 6) : tensor<4xf32>
  "test.op"(%a, %s) : (tensor<8xf32>, tensor<4xf32>) -> ()
  func.return
}

// A scatter nobody reads is no site.
// CHECK-LABEL: func.func @unread_scatter
// CHECK: aten.slice_scatter
// REMARK-NOT: @unread_scatter
func.func @unread_scatter(%x: tensor<4xf32>) {
  %empty = aten.empty.memory_format() : tensor<8xf32>
  %a = aten.slice_scatter(%empty, %x, end = 4) : tensor<8xf32>
  %s = aten.slice.Tensor(%a, end = 4) : tensor<4xf32>
  func.return
}

// Heads of a projection, their first and last part, the odd elements of the last: cut before the order changes.
// CHECK-LABEL: func.func @heads
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x768xf32, ["B", "S"]>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<?x?x4x192xf32, ["B", "S"]>
// CHECK-NEXT: %[[N:.*]] = aten.slice.Tensor(%[[R]], dim = 3, start = 0, end = 128) : tensor<?x?x4x128xf32, ["B", "S"]>
// CHECK-NEXT: %[[NT:.*]] = aten.permute(%[[N]], dims = [0, 2, 1, 3]) : tensor<?x4x?x128xf32, ["B", "S"]>
// CHECK-NEXT: %[[O:.*]] = aten.slice.Tensor(%[[R]], dim = 3, start = 129, end = 192, step = 2) : tensor<?x?x4x32xf32, ["B", "S"]>
// CHECK-NEXT: %[[OT:.*]] = aten.permute(%[[O]], dims = [0, 2, 1, 3]) : tensor<?x4x?x32xf32, ["B", "S"]>
// CHECK-NEXT: "test.op"(%[[NT]], %[[OT]])
// REMARK: @heads: aten.split_with_sizes: is %x[0][2 step 192 x 4][1][2 x 128]; ops_before = 3, ops_after = 3
func.func @heads(%x: tensor<?x?x768xf32, ["B", "S"]>) {
  %v = aten.view(%x) : tensor<?x?x4x192xf32, ["B", "S"]>
  %t = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x4x?x192xf32, ["B", "S"]>
  %n, %r = aten.split_with_sizes(%t, split_sizes = [128, 64], dim = -1) : tensor<?x4x?x128xf32, ["B", "S"]>, tensor<?x4x?x64xf32, ["B", "S"]>
  %o = aten.slice.Tensor(%r, dim = 3, start = 1, step = 2) : tensor<?x4x?x32xf32, ["B", "S"]>
  "test.op"(%n, %o) : (tensor<?x4x?x128xf32, ["B", "S"]>, tensor<?x4x?x32xf32, ["B", "S"]>) -> ()
  func.return
}

// The same in another spelling gives the same text.
// CHECK-LABEL: func.func @heads_sliced_first
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x768xf32, ["B", "S"]>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<?x?x4x192xf32, ["B", "S"]>
// CHECK-NEXT: %[[N:.*]] = aten.slice.Tensor(%[[R]], dim = 3, start = 0, end = 128)
// CHECK-NEXT: %[[NT:.*]] = aten.permute(%[[N]], dims = [0, 2, 1, 3])
// CHECK-NEXT: "test.op"(%[[NT]])
func.func @heads_sliced_first(%x: tensor<?x?x768xf32, ["B", "S"]>) {
  %v = aten.unflatten.int(%x, dim = -1, sizes = [4, 192]) : tensor<?x?x4x192xf32, ["B", "S"]>
  %n = aten.narrow(%v, dim = 3, start = 0, length = 128) : tensor<?x?x4x128xf32, ["B", "S"]>
  %t = aten.swapaxes(%n, axis0 = -2, axis1 = 1) : tensor<?x4x?x128xf32, ["B", "S"]>
  %c = aten.contiguous(%t) : tensor<?x4x?x128xf32, ["B", "S"]>
  "test.op"(%c) : (tensor<?x4x?x128xf32, ["B", "S"]>) -> ()
  func.return
}

// Dims of size 1 go with the split.
// CHECK-LABEL: func.func @ones
// CHECK-SAME: (%[[X:.*]]: tensor<?x1x?x1024xf32, ["B", "S"]>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<?x?x4x256xf32, ["B", "S"]>
// CHECK-NEXT: %[[S:.*]] = aten.slice.Tensor(%[[R]], dim = 3, start = 128, end = 256)
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[S]], dims = [0, 2, 1, 3]) : tensor<?x4x?x128xf32, ["B", "S"]>
// CHECK-NEXT: "test.op"(%[[T]])
func.func @ones(%x: tensor<?x1x?x1024xf32, ["B", "S"]>) {
  %v = aten.view(%x) : tensor<?x?x4x256xf32, ["B", "S"]>
  %t = aten.transpose.int(%v, dim0 = 1, dim1 = 2) : tensor<?x4x?x256xf32, ["B", "S"]>
  %a, %b = aten.chunk(%t, chunks = 2, dim = -1) : tensor<?x4x?x128xf32, ["B", "S"]>, tensor<?x4x?x128xf32, ["B", "S"]>
  "test.op"(%b) : (tensor<?x4x?x128xf32, ["B", "S"]>) -> ()
  func.return
}

// They stay where the view has as many.
// CHECK-LABEL: func.func @ones_stay
// CHECK-SAME: (%[[X:.*]]: tensor<1x?x768xf32, ["S"]>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<1x?x4x192xf32, ["S"]>
// CHECK-NEXT: %[[S:.*]] = aten.slice.Tensor(%[[R]], dim = 3, start = 0, end = 128) : tensor<1x?x4x128xf32, ["S"]>
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[S]], dims = [2, 1, 3, 0]) : tensor<4x?x128x1xf32, ["S"]>
// CHECK-NEXT: "test.op"(%[[T]])
func.func @ones_stay(%x: tensor<1x?x768xf32, ["S"]>) {
  %v = aten.view(%x) : tensor<?x4x192xf32, ["S"]>
  %t = aten.transpose.int(%v, dim0 = 0, dim1 = 1) : tensor<4x?x192xf32, ["S"]>
  %s = aten.slice.Tensor(%t, dim = 2, end = 128) : tensor<4x?x128xf32, ["S"]>
  %u = aten.unsqueeze(%s, dim = 3) : tensor<4x?x128x1xf32, ["S"]>
  "test.op"(%u) : (tensor<4x?x128x1xf32, ["S"]>) -> ()
  func.return
}

// A whole dim out of order, ones in front.
// CHECK-LABEL: func.func @ones_in_front
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x3xf32>)
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[X]], dims = [0, 2, 1]) : tensor<1x3x2xf32>
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[T]]) : tensor<3x2xf32>
// CHECK-NEXT: "test.op"(%[[R]])
func.func @ones_in_front(%x: tensor<1x2x3xf32>) {
  %s = aten.squeeze.dim(%x, dim = 0) : tensor<2x3xf32>
  %t = aten.t(%s) : tensor<3x2xf32>
  "test.op"(%t) : (tensor<3x2xf32>) -> ()
  func.return
}

// Three runs of one dim.
// CHECK-LABEL: func.func @three_levels
// CHECK-SAME: (%[[X:.*]]: tensor<4096xf32>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<4x16x64xf32>
// CHECK-NEXT: %[[A:.*]] = aten.slice.Tensor(%[[R]], dim = 0, start = 1, end = 3) : tensor<2x16x64xf32>
// CHECK-NEXT: %[[B:.*]] = aten.slice.Tensor(%[[A]], dim = 1, start = 8, end = 16) : tensor<2x8x64xf32>
// CHECK-NEXT: %[[C:.*]] = aten.slice.Tensor(%[[B]], dim = 2, start = 32, end = 64) : tensor<2x8x32xf32>
// CHECK-NEXT: %[[D:.*]] = aten.permute(%[[C]], dims = [1, 0, 2]) : tensor<8x2x32xf32>
// CHECK-NEXT: "test.op"(%[[D]])
func.func @three_levels(%x: tensor<4096xf32>) {
  %v = aten.view(%x) : tensor<4x16x64xf32>
  %t = aten.permute(%v, dims = [1, 0, 2]) : tensor<16x4x64xf32>
  %a = aten.slice.Tensor(%t, dim = 0, start = 8) : tensor<8x4x64xf32>
  %b = aten.slice.Tensor(%a, dim = 1, start = 1, end = 3) : tensor<8x2x64xf32>
  %c = aten.slice.Tensor(%b, dim = 2, start = 32) : tensor<8x2x32xf32>
  "test.op"(%c) : (tensor<8x2x32xf32>) -> ()
  func.return
}

// A run of neighbours is cut before it is split; the dim need not be a multiple.
// CHECK-LABEL: func.func @dense_part
// CHECK-SAME: (%[[X:.*]]: tensor<?x1000xf32, ["S"]>)
// CHECK-NEXT: %[[S:.*]] = aten.slice.Tensor(%[[X]], dim = 1, start = 100, end = 612) : tensor<?x512xf32, ["S"]>
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[S]]) : tensor<?x8x64xf32, ["S"]>
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[R]], dims = [1, 0, 2]) : tensor<8x?x64xf32, ["S"]>
// CHECK-NEXT: "test.op"(%[[T]])
func.func @dense_part(%x: tensor<?x1000xf32, ["S"]>) {
  %s = aten.slice.Tensor(%x, dim = 1, start = 100, end = 612) : tensor<?x512xf32, ["S"]>
  %v = aten.view(%s) : tensor<?x8x64xf32, ["S"]>
  %t = aten.transpose.int(%v, dim0 = 0, dim1 = 1) : tensor<8x?x64xf32, ["S"]>
  "test.op"(%t) : (tensor<8x?x64xf32, ["S"]>) -> ()
  func.return
}

// Sizes that are names.
// CHECK-LABEL: func.func @symbols
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x384xf32, ["B", "S"]>)
// CHECK-NEXT: %[[L:.*]] = aten.select.int(%[[X]], dim = 1, index = "S - 1") : tensor<?x384xf32, ["B"]>
// CHECK-NEXT: %[[N:.*]] = aten.slice.Tensor(%[[X]], dim = 1, start = 1, end = "S") : tensor<?x?x384xf32, ["B", "S - 1"]>
// CHECK-NEXT: %[[F:.*]] = aten.reshape(%[[X]]) : tensor<?x384xf32, ["B*S"]>
// CHECK-NEXT: "test.op"(%[[L]], %[[N]], %[[F]])
func.func @symbols(%x: tensor<?x?x384xf32, ["B", "S"]>) {
  %s = aten.select.int(%x, dim = 1, index = -1) : tensor<?x384xf32, ["B"]>
  %n = aten.slice.Tensor(%x, dim = 1, start = 1) : tensor<?x?x384xf32, ["B", "S - 1"]>
  %f = aten.flatten.using_ints(%x, end_dim = 1) : tensor<?x384xf32, ["B*S"]>
  "test.op"(%s, %n, %f) : (tensor<?x384xf32, ["B"]>, tensor<?x?x384xf32, ["B", "S - 1"]>, tensor<?x384xf32, ["B*S"]>) -> ()
  func.return
}

// A named dim cut to a number, and a dim cut from a named position.
// CHECK-LABEL: func.func @mixed_sizes
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32, ["S"]>, %[[Y:.*]]: tensor<100xf32>)
// CHECK-NEXT: %[[A:.*]] = aten.slice.Tensor(%[[X]], dim = 0, start = 0, end = 2) : tensor<2xf32>
// CHECK-NEXT: %[[B:.*]] = aten.slice.Tensor(%[[Y]], dim = 0, start = "S", end = "S + 4") : tensor<4xf32>
// CHECK-NEXT: "test.op"(%[[A]], %[[B]])
func.func @mixed_sizes(%x: tensor<?xf32, ["S"]>, %y: tensor<100xf32>) {
  %a = aten.narrow(%x, dim = 0, start = 0, length = 2) : tensor<2xf32>
  %b = aten.narrow(%y, dim = 0, start = "S", length = 4) : tensor<4xf32>
  "test.op"(%a, %b) : (tensor<2xf32>, tensor<4xf32>) -> ()
  func.return
}

// Other groups of the same elements are one reshape.
// CHECK-LABEL: func.func @regrouped
// CHECK-SAME: (%[[X:.*]]: tensor<6x8xf32>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<2x24xf32>
// CHECK-NEXT: "test.op"(%[[R]])
func.func @regrouped(%x: tensor<6x8xf32>) {
  %r = aten.view(%x) : tensor<2x24xf32>
  "test.op"(%r) : (tensor<2x24xf32>) -> ()
  func.return
}

// Of chains of one length: an element is selected, dims of size 1 go with the split.
// CHECK-LABEL: func.func @ties
// CHECK-SAME: (%[[X:.*]]: tensor<2x5x3xf32>, %[[Y:.*]]: tensor<1x?x768xf32, ["S"]>)
// CHECK-NEXT: %[[A:.*]] = aten.select.int(%[[X]], dim = 1, index = 4) : tensor<2x3xf32>
// CHECK-NEXT: %[[B:.*]] = aten.reshape(%[[A]]) : tensor<6xf32>
// CHECK-NEXT: %[[C:.*]] = aten.reshape(%[[Y]]) : tensor<?x4x192xf32, ["S"]>
// CHECK-NEXT: %[[D:.*]] = aten.slice.Tensor(%[[C]], dim = 2, start = 0, end = 128)
// CHECK-NEXT: %[[E:.*]] = aten.reshape(%[[D]]) : tensor<1x1x?x4x128xf32, ["S"]>
// CHECK-NEXT: "test.op"(%[[B]], %[[E]])
func.func @ties(%x: tensor<2x5x3xf32>, %y: tensor<1x?x768xf32, ["S"]>) {
  %a = aten.narrow(%x, dim = 1, start = 4, length = 1) : tensor<2x1x3xf32>
  %b = aten.flatten.using_ints(%a) : tensor<6xf32>
  %c = aten.unsqueeze(%y, dim = 0) : tensor<1x1x?x768xf32, ["S"]>
  %d = aten.view(%c) : tensor<1x1x?x4x192xf32, ["S"]>
  %e = aten.slice.Tensor(%d, dim = -1, end = 128) : tensor<1x1x?x4x128xf32, ["S"]>
  "test.op"(%b, %e) : (tensor<6xf32>, tensor<1x1x?x4x128xf32, ["S"]>) -> ()
  func.return
}

// A step alone; a step that is split; runs of which some are neighbours.
// CHECK-LABEL: func.func @steps
// CHECK-SAME: (%[[X:.*]]: tensor<8xf32>, %[[Y:.*]]: tensor<128xf32>)
// CHECK-NEXT: %[[A:.*]] = aten.slice.Tensor(%[[X]], dim = 0, start = 1, end = 8, step = 2) : tensor<4xf32>
// CHECK-NEXT: %[[B:.*]] = aten.reshape(%[[X]]) : tensor<2x4xf32>
// CHECK-NEXT: %[[C:.*]] = aten.slice.Tensor(%[[B]], dim = 1, start = 1, end = 4, step = 2) : tensor<2x2xf32>
// CHECK-NEXT: %[[D:.*]] = aten.permute(%[[C]], dims = [1, 0]) : tensor<2x2xf32>
// CHECK-NEXT: %[[E:.*]] = aten.reshape(%[[Y]]) : tensor<2x4x16xf32>
// CHECK-NEXT: %[[F:.*]] = aten.slice.Tensor(%[[E]], dim = 2, start = 0, end = 8) : tensor<2x4x8xf32>
// CHECK-NEXT: %[[G:.*]] = aten.permute(%[[F]], dims = [1, 0, 2]) : tensor<4x2x8xf32>
// CHECK-NEXT: "test.op"(%[[A]], %[[D]], %[[G]])
func.func @steps(%x: tensor<8xf32>, %y: tensor<128xf32>) {
  %a = aten.slice.Tensor(%x, dim = -1, start = 1, step = 2) : tensor<4xf32>
  %b = aten.view(%a) : tensor<2x2xf32>
  %c = aten.t(%b) : tensor<2x2xf32>
  %d = aten.view(%y) : tensor<2x4x16xf32>
  %e = aten.slice.Tensor(%d, dim = 2, end = 8) : tensor<2x4x8xf32>
  %f = aten.transpose.int(%e, dim0 = 0, dim1 = 1) : tensor<4x2x8xf32>
  "test.op"(%a, %c, %f) : (tensor<4xf32>, tensor<2x2xf32>, tensor<4x2x8xf32>) -> ()
  func.return
}

// A number inside of a named step, from a later multiple of it.
// CHECK-LABEL: func.func @numbers_in_symbols
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32, ["24*S"]>, %[[Y:.*]]: tensor<?xf32, ["6*S"]>)
// CHECK-NEXT: %[[A:.*]] = aten.reshape(%[[X]]) : tensor<3x?xf32, ["8*S"]>
// CHECK-NEXT: %[[B:.*]] = aten.slice.Tensor(%[[A]], dim = 1, start = 0, end = 8) : tensor<3x8xf32>
// CHECK-NEXT: %[[C:.*]] = aten.permute(%[[B]], dims = [1, 0]) : tensor<8x3xf32>
// CHECK-NEXT: %[[D:.*]] = aten.reshape(%[[Y]]) : tensor<3x?xf32, ["2*S"]>
// CHECK-NEXT: %[[E:.*]] = aten.slice.Tensor(%[[D]], dim = 0, start = 1, end = 3) : tensor<2x?xf32, ["2*S"]>
// CHECK-NEXT: %[[F:.*]] = aten.slice.Tensor(%[[E]], dim = 1, start = 0, end = "S") : tensor<2x?xf32, ["S"]>
// CHECK-NEXT: "test.op"(%[[C]], %[[F]])
func.func @numbers_in_symbols(%x: tensor<?xf32, ["24*S"]>, %y: tensor<?xf32, ["6*S"]>) {
  %a = aten.view(%x) : tensor<3x?x8xf32, ["S"]>
  %b = aten.select.int(%a, dim = 1, index = 0) : tensor<3x8xf32>
  %c = aten.t(%b) : tensor<8x3xf32>
  %d = aten.view(%y) : tensor<3x2x?xf32, ["S"]>
  %e = aten.select.int(%d, dim = 1, index = 0) : tensor<3x?xf32, ["S"]>
  %f = aten.slice.Tensor(%e, start = 1) : tensor<2x?xf32, ["S"]>
  "test.op"(%c, %f) : (tensor<8x3xf32>, tensor<2x?xf32, ["S"]>) -> ()
  func.return
}

// Which of two runs is the inner one is open; where in a run a named position is, too.
// CHECK-LABEL: func.func @negative_named
// CHECK-COUNT-2: aten.view
// REMARK: @negative_named: aten.slice.Tensor: no chain of cuts, splits and permutations gives %x[0 step S x 3][0 x (S - 1)]
// REMARK: @negative_named: aten.narrow: no chain of cuts, splits and permutations gives %y[0 step 16 x 4][0 x 2 + S]
func.func @negative_named(%x: tensor<?xf32, ["3*S"]>, %y: tensor<64xf32>) {
  %a = aten.view(%x) : tensor<3x?xf32, ["S"]>
  %b = aten.slice.Tensor(%a, dim = 1, end = -1) : tensor<3x?xf32, ["S - 1"]>
  %c = aten.view(%y) : tensor<4x16xf32>
  %d = aten.narrow(%c, dim = 1, start = "S", length = 2) : tensor<4x2xf32>
  "test.op"(%b, %d) : (tensor<3x?xf32, ["S - 1"]>, tensor<4x2xf32>) -> ()
  func.return
}

// A named dim that is split and cut in its inner part.
// CHECK-LABEL: func.func @split_symbols
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["6*S"]>)
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[X]]) : tensor<3x?x8xf32, ["2*S"]>
// CHECK-NEXT: %[[P:.*]] = aten.slice.Tensor(%[[R]], dim = 1, start = 0, end = "S") : tensor<3x?x8xf32, ["S"]>
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[P]], dims = [1, 0, 2]) : tensor<?x3x8xf32, ["S"]>
// CHECK-NEXT: "test.op"(%[[T]])
func.func @split_symbols(%x: tensor<?x8xf32, ["6*S"]>) {
  %v = aten.view(%x) : tensor<3x2x?x8xf32, ["S"]>
  %p = aten.select.int(%v, dim = 1, index = 0) : tensor<3x?x8xf32, ["S"]>
  %t = aten.transpose.int(%p, dim0 = -3, dim1 = -2) : tensor<?x3x8xf32, ["S"]>
  "test.op"(%t) : (tensor<?x3x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_named_offset
// CHECK: aten.view
// REMARK: @negative_named_offset: aten.transpose.int: no chain of cuts, splits and permutations gives %x[0 x S][0 step 2*S x 3 + S][1]
func.func @negative_named_offset(%x: tensor<?x8xf32, ["6*S"]>) {
  %v = aten.view(%x) : tensor<3x2x?x8xf32, ["S"]>
  %p = aten.select.int(%v, dim = 1, index = 1) : tensor<3x?x8xf32, ["S"]>
  %t = aten.transpose.int(%p, dim0 = -3, dim1 = -2) : tensor<?x3x8xf32, ["S"]>
  "test.op"(%t) : (tensor<?x3x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_named_step
// CHECK: aten.view
// CHECK-NEXT: aten.select.int
// REMARK: @negative_named_step: aten.select.int: no chain of cuts, splits and permutations gives %x[0 step S x B + (S - 1)][1]
func.func @negative_named_step(%x: tensor<?x384xf32, ["B*S"]>) {
  %v = aten.view(%x) : tensor<?x?x384xf32, ["B", "S"]>
  %s = aten.select.int(%v, dim = 1, index = -1) : tensor<?x384xf32, ["B"]>
  "test.op"(%s) : (tensor<?x384xf32, ["B"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_not_divisible
// CHECK: aten.slice.Tensor
// CHECK-NEXT: aten.view
// CHECK-NEXT: aten.slice.Tensor
// REMARK: @negative_not_divisible: aten.slice.Tensor: no chain of cuts, splits and permutations gives %x[0 step 64 x 4][0 x 32]
func.func @negative_not_divisible(%x: tensor<300xf32>) {
  %s = aten.slice.Tensor(%x, end = 256) : tensor<256xf32>
  %v = aten.view(%s) : tensor<4x64xf32>
  %t = aten.slice.Tensor(%v, dim = 1, end = 32) : tensor<4x32xf32>
  "test.op"(%t) : (tensor<4x32xf32>) -> ()
  func.return
}

// A gap: the slice is a view, the reshape of it is a value of its own.
// CHECK-LABEL: func.func @negative_not_strided
// CHECK: %[[S:.*]] = aten.slice.Tensor(%{{.*}}, dim = 1, start = 1, end = 3)
// CHECK: aten.reshape(%[[S]])
// REMARK: @negative_not_strided: aten.slice.Tensor: is %x[0][1 x 2 + 1]; ops_before = 2, ops_after = 1
// REMARK: @negative_not_strided: aten.reshape: the elements it takes are not evenly spaced in what it reads
func.func @negative_not_strided(%x: tensor<3x4xf32>) {
  %s = aten.narrow(%x, dim = 1, start = 1, length = 2) : tensor<3x2xf32>
  %t = aten.slice.Tensor(%s, dim = 1, start = 0) : tensor<3x2xf32>
  %r = aten.reshape(%t) : tensor<2x3xf32>
  "test.op"(%r) : (tensor<2x3xf32>) -> ()
  func.return
}

// Repetition: alone, in new leading dims, of a dim of size 1, of every element.
// CHECK-LABEL: func.func @repeated
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32, ["S"]>, %[[Y:.*]]: tensor<?x1x?x64xf32, ["B", "S"]>)
// CHECK-NEXT: %[[A:.*]] = aten.expand(%[[X]]) : tensor<?x?x4xf32, ["B", "S"]>
// CHECK-NEXT: %[[B:.*]] = aten.reshape(%[[X]]) : tensor<?x4x1xf32, ["S"]>
// CHECK-NEXT: %[[C:.*]] = aten.expand(%[[B]]) : tensor<?x4x2xf32, ["S"]>
// CHECK-NEXT: %[[D:.*]] = aten.reshape(%[[C]]) : tensor<?x8xf32, ["S"]>
// CHECK-NEXT: %[[E:.*]] = aten.expand(%[[Y]]) : tensor<?x4x?x64xf32, ["B", "S"]>
// CHECK-NEXT: "test.op"(%[[A]], %[[D]], %[[E]])
func.func @repeated(%x: tensor<?x4xf32, ["S"]>, %y: tensor<?x1x?x64xf32, ["B", "S"]>) {
  %u = aten.unsqueeze(%x, dim = 0) : tensor<1x?x4xf32, ["S"]>
  %a = aten.expand(%u) : tensor<?x?x4xf32, ["B", "S"]>
  %b = aten.unsqueeze(%x, dim = -1) : tensor<?x4x1xf32, ["S"]>
  %c = aten.expand(%b) : tensor<?x4x2xf32, ["S"]>
  %d = aten.reshape(%c) : tensor<?x8xf32, ["S"]>
  %e = aten.expand(%y) : tensor<?x4x?x64xf32, ["B", "S"]>
  "test.op"(%a, %d, %e) : (tensor<?x?x4xf32, ["B", "S"]>, tensor<?x8xf32, ["S"]>, tensor<?x4x?x64xf32, ["B", "S"]>) -> ()
  func.return
}

// A new dim of size 1 in front of repeated ones needs a reshape; so does a repeated dim in the middle.
// CHECK-LABEL: func.func @repeated_inside
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[A:.*]] = aten.reshape(%[[X]]) : tensor<4x1xf32>
// CHECK-NEXT: %[[B:.*]] = aten.expand(%[[A]]) : tensor<4x4xf32>
// CHECK-NEXT: "test.op"(%[[B]])
func.func @repeated_inside(%x: tensor<4xf32>) {
  %a = aten.unsqueeze(%x, dim = 1) : tensor<4x1xf32>
  %b = aten.expand(%a) : tensor<4x4xf32>
  "test.op"(%b) : (tensor<4x4xf32>) -> ()
  func.return
}

// A dim of size 1 in another place than the new dims in front.
// CHECK-LABEL: func.func @repeated_moved
// CHECK-SAME: (%[[X:.*]]: tensor<1x4xf32>)
// CHECK-NEXT: %[[A:.*]] = aten.reshape(%[[X]]) : tensor<1x4x1xf32>
// CHECK-NEXT: %[[B:.*]] = aten.expand(%[[A]]) : tensor<2x4x3xf32>
// CHECK-NEXT: "test.op"(%[[B]])
func.func @repeated_moved(%x: tensor<1x4xf32>) {
  %t = aten.t(%x) : tensor<4x1xf32>
  %e = aten.expand(%t) : tensor<2x4x3xf32>
  "test.op"(%e) : (tensor<2x4x3xf32>) -> ()
  func.return
}

// One element, with its dim and without.
// CHECK-LABEL: func.func @element
// CHECK-SAME: (%[[X:.*]]: tensor<2x5x3xf32>)
// CHECK-NEXT: %[[A:.*]] = aten.slice.Tensor(%[[X]], dim = 1, start = 4, end = 5) : tensor<2x1x3xf32>
// CHECK-NEXT: %[[B:.*]] = aten.select.int(%[[X]], dim = 1, index = 4) : tensor<2x3xf32>
// CHECK-NEXT: "test.op"(%[[A]], %[[B]])
func.func @element(%x: tensor<2x5x3xf32>) {
  %a = aten.narrow(%x, dim = -2, start = 4, length = 1) : tensor<2x1x3xf32>
  %b = aten.squeeze.dim(%a, dim = 1) : tensor<2x3xf32>
  "test.op"(%a, %b) : (tensor<2x1x3xf32>, tensor<2x3xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @memory_only
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: func.return %[[X]], %[[X]]
func.func @memory_only(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %c = aten.contiguous(%x) : tensor<2x3xf32>
  %t = aten.t(%c) : tensor<3x2xf32>
  %u = aten.t(%t) : tensor<2x3xf32>
  func.return %c, %u : tensor<2x3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @negative_longer
// CHECK-NEXT: %[[V:.*]] = aten.view
// CHECK-NEXT: %[[U:.*]] = aten.permute(%[[V]], dims = [1, 2, 0])
// CHECK-NEXT: "test.op"(%[[U]])
// REMARK: @negative_longer: aten.permute: the canonical chain is longer; ops_now = 2, ops_canonical = 3
// REMARK-NOT: @negative_longer
func.func @negative_longer(%x: tensor<2x15xf32>) {
  %v = aten.view(%x) : tensor<6x5x1xf32>
  %u = aten.permute(%v, dims = [1, 2, 0]) : tensor<5x1x6xf32>
  "test.op"(%u) : (tensor<5x1x6xf32>) -> ()
  "test.op"(%u) : (tensor<5x1x6xf32>) -> ()
  func.return
}

// What is canonical stays where it is, and is no site.
// CHECK-LABEL: func.func @negative_canonical
// CHECK-NEXT: "test.op"()
// CHECK-NEXT: aten.slice.Tensor(%{{.*}}, dim = 0, start = 0, end = 4)
// REMARK-NOT: @negative_canonical
func.func @negative_canonical(%x: tensor<8xf32>) {
  "test.op"() : () -> ()
  %a = aten.slice.Tensor(%x, dim = 0, start = 0, end = 4) : tensor<4xf32>
  "test.op"(%a) : (tensor<4xf32>) -> ()
  func.return
}

// Two readers are one site; chains stand after the op that owns the data, in the order of their readers.
// CHECK-LABEL: func.func @shared
// CHECK-NEXT: %[[Y:.*]] = aten.silu
// CHECK-NEXT: %[[A:.*]] = aten.permute(%[[Y]], dims = [1, 0])
// CHECK-NEXT: %[[B:.*]] = aten.slice.Tensor(%[[Y]], dim = 0, start = 0, end = 2)
// CHECK-NEXT: "test.op"(%[[A]])
// CHECK-NEXT: "test.op"(%[[B]], %[[A]])
// REMARK-COUNT-2: @shared
// REMARK-NOT: @shared
func.func @shared(%x: tensor<4x2xf32>) {
  %y = aten.silu(%x) : tensor<4x2xf32>
  %b = aten.slice.Tensor(%y, end = 2) : tensor<2x2xf32>
  %a = aten.t(%y) : tensor<2x4xf32>
  "test.op"(%a) : (tensor<2x4xf32>) -> ()
  "test.op"(%b, %a) : (tensor<2x2xf32>, tensor<2x4xf32>) -> ()
  func.return
}

// A name is kept unless it only repeats the op; what has two names has the first.
// CHECK-LABEL: func.func @names
// CHECK-NEXT: %reshape = aten.reshape(%x) : tensor<2x4xf32>
// CHECK-NEXT: %q = aten.permute(%reshape, dims = [1, 0]) : tensor<4x2xf32>
// CHECK-NEXT: "test.op"(%reshape, %q, %q)
func.func @names(%x: tensor<8xf32>) {
  %view = aten.view(%x) : tensor<2x4xf32>
  %q = aten.t(%view) : tensor<4x2xf32>
  %again = aten.unflatten.int(%x, dim = 0, sizes = [2, 4]) : tensor<2x4xf32>
  %k = aten.t(%again) : tensor<4x2xf32>
  "test.op"(%view, %q, %k) : (tensor<2x4xf32>, tensor<4x2xf32>, tensor<4x2xf32>) -> ()
  func.return
}

// Recipes are no different.
// CHECK-LABEL: func.func @recipe
// CHECK-NEXT: weight.param "a"
// CHECK-NEXT: %[[S:.*]] = weight.stored "b"
// CHECK-NEXT: %[[T:.*]] = aten.permute(%[[S]], dims = [1, 0])
// CHECK-NEXT: weight.yield %[[T]]
func.func @recipe() -> tensor<2x4xf32> {
  %w = weight.param "a" : tensor<2x4xf32> {
    %s = weight.stored "b" : tensor<4x2xf32>
    %t = aten.t(%s) : tensor<2x4xf32>
    weight.yield %t : tensor<2x4xf32>
  }
  func.return %w : tensor<2x4xf32>
}

// A chain that is built and given up is no reader: what it looks at goes with its last real one.
// CHECK-LABEL: func.func @given_up
// CHECK-SAME: (%[[X:.*]]: tensor<8xf32>)
// CHECK-NEXT: %[[SAME:.*]] = aten.silu(%[[X]])
// CHECK-NEXT: %[[SHARED:.*]] = aten.silu(%[[X]])
// CHECK-NEXT: %[[R:.*]] = aten.reshape(%[[SHARED]]) : tensor<2x4xf32>
// CHECK: aten.reshape(%[[SAME]]) : tensor<2x4xf32>
// DCE-LABEL: func.func @given_up
// DCE-NEXT: func.return
func.func @given_up(%x: tensor<8xf32>) {
  %same = aten.silu(%x) : tensor<8xf32>
  %shared = aten.silu(%x) : tensor<8xf32>
  %a = aten.reshape(%same) : tensor<2x4xf32>
  %b = aten.view(%shared) : tensor<2x4xf32>
  %c = aten.t(%b) : tensor<4x2xf32>
  %read_a = aten.silu(%a) : tensor<2x4xf32>
  %read_b = aten.silu(%b) : tensor<2x4xf32>
  %read_c = aten.silu(%c) : tensor<4x2xf32>
  func.return
}

// The same for a chain that is given up because it is longer.
// DCE-LABEL: func.func @given_up_longer
// DCE-NEXT: func.return
func.func @given_up_longer(%x: tensor<2x15xf32>) {
  %a = aten.silu(%x) : tensor<2x15xf32>
  %v = aten.view(%a) : tensor<6x5x1xf32>
  %u = aten.permute(%v, dims = [1, 2, 0]) : tensor<5x1x6xf32>
  %read = aten.silu(%u) : tensor<5x1x6xf32>
  func.return
}
