// RUN: dsv3c opt %s -p raise-swiglu | filecheck %s
// RUN: dsv3c opt %s -p raise-swiglu --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

dsv3c.symbol @S min 1

// CHECK-LABEL: func.func @in_input
// CHECK-SAME: (%[[G:.*]]: tensor<?x8xbf16, ["S"]>, %[[U:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: %[[A:.*]] = nn.swiglu %[[G]], %[[U]] intermediate "input" : tensor<?x8xbf16, ["S"]>
// CHECK-NEXT: %[[B:.*]] = nn.swiglu %[[G]], %[[U]] intermediate "input" : tensor<?x8xbf16, ["S"]>
// CHECK-NEXT: "test.op"(%[[A]], %[[B]])
// REMARK: fired: @in_input: aten.silu
func.func @in_input(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) {
  %s = aten.silu(%g) : tensor<?x8xbf16, ["S"]>
  %a = aten.mul.Tensor(%s, %u) : tensor<?x8xbf16, ["S"]>
  %t = aten.silu(%g) : tensor<?x8xbf16, ["S"]>
  %b = aten.mul.Tensor(%u, %t) : tensor<?x8xbf16, ["S"]>
  "test.op"(%a, %b) : (tensor<?x8xbf16, ["S"]>, tensor<?x8xbf16, ["S"]>) -> ()
  func.return
}

// A name that only repeats the op is not kept.
// CHECK-LABEL: func.func @names
// CHECK-NEXT: %swiglu = nn.swiglu
// CHECK-NEXT: %hidden = nn.swiglu
func.func @names(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) {
  %silu = aten.silu(%g) : tensor<?x8xbf16, ["S"]>
  %mul = aten.mul.Tensor(%silu, %u) : tensor<?x8xbf16, ["S"]>
  %s = aten.silu(%g) : tensor<?x8xbf16, ["S"]>
  %hidden = aten.mul.Tensor(%s, %u) : tensor<?x8xbf16, ["S"]>
  "test.op"(%mul, %hidden) : (tensor<?x8xbf16, ["S"]>, tensor<?x8xbf16, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @in_f32
// CHECK-SAME: (%[[G:.*]]: tensor<?x8xbf16, ["S"]>, %[[U:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: %[[A:.*]] = nn.swiglu %[[G]], %[[U]] intermediate "f32" : tensor<?x8xbf16, ["S"]>
// CHECK-NEXT: %[[B:.*]] = nn.swiglu %[[G]], %[[U]] intermediate "f32" : tensor<?x8xbf16, ["S"]>
// CHECK-NEXT: "test.op"(%[[A]], %[[B]])
func.func @in_f32(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %u32 = aten.to.dtype(%u, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s = aten.silu(%g32) : tensor<?x8xf32, ["S"]>
  %p = aten.mul.Tensor(%s, %u32) : tensor<?x8xf32, ["S"]>
  %a = aten.to.dtype(%p, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %h32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %t = aten.silu(%h32) : tensor<?x8xf32, ["S"]>
  %q = aten.mul.Tensor(%u, %t) : tensor<?x8xf32, ["S"]>
  %b = aten.to.dtype(%q, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  "test.op"(%a, %b) : (tensor<?x8xbf16, ["S"]>, tensor<?x8xbf16, ["S"]>) -> ()
  func.return
}

// One op widened both.
// CHECK-LABEL: func.func @gate_is_up
// CHECK-SAME: (%[[G:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: %[[A:.*]] = nn.swiglu %[[G]], %[[G]] intermediate "f32" : tensor<?x8xbf16, ["S"]>
// CHECK-NEXT: "test.op"(%[[A]])
func.func @gate_is_up(%g: tensor<?x8xbf16, ["S"]>) {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s = aten.silu(%g32) : tensor<?x8xf32, ["S"]>
  %p = aten.mul.Tensor(%s, %g32) : tensor<?x8xf32, ["S"]>
  %a = aten.to.dtype(%p, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  "test.op"(%a) : (tensor<?x8xbf16, ["S"]>) -> ()
  func.return
}

// SiLU in f32, rounded: what SiLU in bf16 does.
// CHECK-LABEL: func.func @rounded
// CHECK-SAME: (%[[G:.*]]: tensor<?x8xbf16, ["S"]>, %[[U:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: nn.swiglu %[[G]], %[[U]] intermediate "input" : tensor<?x8xbf16, ["S"]>
func.func @rounded(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s32 = aten.silu(%g32) : tensor<?x8xf32, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %y = aten.mul.Tensor(%s, %u) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// Gate and up as halves; what reads the half besides SiLU does not matter.
// CHECK-LABEL: func.func @halves
// CHECK: %[[G:.*]], %[[U:.*]] = aten.chunk
// CHECK-NEXT: %[[Y:.*]] = nn.swiglu %[[G]], %[[U]] intermediate "input"
// CHECK-NEXT: "test.op"(%[[Y]], %[[G]])
func.func @halves(%x: tensor<?x16xf32, ["S"]>) {
  %g, %u = aten.chunk(%x, chunks = 2, dim = -1) : tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>
  %s = aten.silu(%g) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  "test.op"(%y, %g) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @sigmoid
// CHECK-SAME: (%[[G:.*]]: tensor<?x8xf32, ["S"]>, %[[U:.*]]: tensor<?x8xf32, ["S"]>)
// CHECK-NEXT: nn.swiglu %[[G]], %[[U]] intermediate "input" : tensor<?x8xf32, ["S"]>
// REMARK: fired: @sigmoid: aten.sigmoid
func.func @sigmoid(%g: tensor<?x8xf32, ["S"]>, %u: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %s = aten.sigmoid(%g) : tensor<?x8xf32, ["S"]>
  %t = aten.mul.Tensor(%g, %s) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%t, %u) : tensor<?x8xf32, ["S"]>
  func.return %y : tensor<?x8xf32, ["S"]>
}

// CHECK-LABEL: func.func @sigmoid_widened
// CHECK-SAME: (%[[G:.*]]: tensor<?x8xbf16, ["S"]>, %[[U:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: nn.swiglu %[[G]], %[[U]] intermediate "input" : tensor<?x8xbf16, ["S"]>
func.func @sigmoid_widened(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s = aten.sigmoid(%g32) : tensor<?x8xf32, ["S"]>
  %t = aten.mul.Tensor(%s, %g) : tensor<?x8xf32, ["S"]>
  %n = aten.to.dtype(%t, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %y = aten.mul.Tensor(%n, %u) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// CHECK-LABEL: func.func @negative_sigmoid_in_bf16
// CHECK: aten.sigmoid
// REMARK: blocked: @negative_sigmoid_in_bf16: aten.sigmoid: the sigmoid is rounded to bf16 before the product
func.func @negative_sigmoid_in_bf16(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %s = aten.sigmoid(%g) : tensor<?x8xbf16, ["S"]>
  %t = aten.mul.Tensor(%s, %g) : tensor<?x8xbf16, ["S"]>
  %y = aten.mul.Tensor(%t, %u) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// Sigmoids of routers and gates of attention are no sites.
// CHECK-LABEL: func.func @negative_other_sigmoids
// CHECK-COUNT-2: aten.sigmoid
// REMARK-NOT: @negative_other_sigmoids
func.func @negative_other_sigmoids(%g: tensor<?x8xf32, ["S"]>, %u: tensor<?x8xf32, ["S"]>) {
  %s = aten.sigmoid(%g) : tensor<?x8xf32, ["S"]>
  %t = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%t, %u) : tensor<?x8xf32, ["S"]>
  %z = aten.sigmoid(%g) : tensor<?x8xf32, ["S"]>
  "test.op"(%y, %z) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_other_function
// CHECK-NOT: nn.swiglu
// REMARK-NOT: @negative_other_function
func.func @negative_other_function(%g: tensor<?x8xf32, ["S"]>, %u: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %s = aten.tanh(%g) : tensor<?x8xf32, ["S"]>
  %t = aten.mul.Tensor(%g, %s) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%t, %u) : tensor<?x8xf32, ["S"]>
  func.return %y : tensor<?x8xf32, ["S"]>
}

// CHECK-LABEL: func.func @negative_no_product
// CHECK: aten.silu
// REMARK: blocked: @negative_no_product: aten.silu: what SiLU gives is not multiplied with one value, or read elsewhere
func.func @negative_no_product(%g: tensor<?x8xf32, ["S"]>, %u: tensor<?x8xf32, ["S"]>) {
  %s = aten.silu(%g) : tensor<?x8xf32, ["S"]>
  %y = aten.add.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  "test.op"(%y) : (tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_read_elsewhere
// CHECK: aten.silu
// REMARK: blocked: @negative_read_elsewhere: aten.silu: what SiLU gives is not multiplied with one value, or read elsewhere
func.func @negative_read_elsewhere(%g: tensor<?x8xf32, ["S"]>, %u: tensor<?x8xf32, ["S"]>) {
  %s = aten.silu(%g) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  "test.op"(%y, %s) : (tensor<?x8xf32, ["S"]>, tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_shape
// CHECK: aten.silu
// REMARK: blocked: @negative_shape: aten.silu: gate and up differ in shape
func.func @negative_shape(%g: tensor<?x8xf32, ["S"]>, %u: tensor<8xf32>) -> tensor<?x8xf32, ["S"]> {
  %s = aten.silu(%g) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  func.return %y : tensor<?x8xf32, ["S"]>
}

// CHECK-LABEL: func.func @negative_type
// CHECK: aten.silu
// REMARK: blocked: @negative_type: aten.silu: the gate holds bf16, up f32
func.func @negative_type(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xf32, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %s = aten.silu(%g) : tensor<?x8xbf16, ["S"]>
  %y = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  func.return %y : tensor<?x8xf32, ["S"]>
}

// CHECK-LABEL: func.func @negative_wide_type
// CHECK: aten.silu
// REMARK: blocked: @negative_wide_type: aten.silu: the gate holds bf16, up f32
func.func @negative_wide_type(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xf32, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s = aten.silu(%g32) : tensor<?x8xf32, ["S"]>
  %p = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  %y = aten.to.dtype(%p, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// CHECK-LABEL: func.func @negative_stays_wide
// CHECK: aten.silu
// REMARK: blocked: @negative_stays_wide: aten.silu: the product is not rounded to the gate's type
func.func @negative_stays_wide(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xf32, ["S"]> {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s = aten.silu(%g32) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  func.return %y : tensor<?x8xf32, ["S"]>
}

// CHECK-LABEL: func.func @negative_rounded_to_f16
// CHECK: aten.silu
// REMARK: blocked: @negative_rounded_to_f16: aten.silu: the product is not rounded to the gate's type
func.func @negative_rounded_to_f16(%g: tensor<?x8xbf16, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xf16, ["S"]> {
  %g32 = aten.to.dtype(%g, dtype = f32) : tensor<?x8xf32, ["S"]>
  %s = aten.silu(%g32) : tensor<?x8xf32, ["S"]>
  %p = aten.mul.Tensor(%s, %u) : tensor<?x8xf32, ["S"]>
  %y = aten.to.dtype(%p, dtype = f16) : tensor<?x8xf16, ["S"]>
  func.return %y : tensor<?x8xf16, ["S"]>
}

// Rounded to a type that is not the gate's.
// CHECK-LABEL: func.func @negative_other_rounding
// CHECK: aten.silu
// REMARK: blocked: @negative_other_rounding: aten.silu: what SiLU gives is not multiplied with one value, or read elsewhere
func.func @negative_other_rounding(%g: tensor<?x8xf32, ["S"]>, %u: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %s = aten.silu(%g) : tensor<?x8xf32, ["S"]>
  %n = aten.to.dtype(%s, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %y = aten.mul.Tensor(%n, %u) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}
