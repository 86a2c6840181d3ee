// RUN: dsv3c opt %s -p raise-rope-tables --evaluate | filecheck %s
// RUN: dsv3c opt %s -p raise-rope-tables --evaluate --verify-diagnostics

dsv3c.symbol @B min 1 max 8
dsv3c.symbol @S min 2 max 64

// One table for all layers, made first thing in the entry, and handed through every call; twice for two scalings.
// CHECK-LABEL: func.func private @inner(
// CHECK-SAME: %x: tensor<?x?x4xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %cos: tensor<1x?x2xbf16, ["S"]>, %sin: tensor<1x?x2xbf16, ["S"]>)
// CHECK-NEXT: %y = nn.rope %x, %cos, %sin pairs
// CHECK-NEXT: %z = nn.rope %y, %cos, %sin pairs
func.func private @inner(%x: tensor<?x?x4xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  %z = nn.rope %y, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %z : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %x: tensor<?x?x4xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>, %cos: tensor<1x?x2xbf16, ["S"]>, %sin: tensor<1x?x2xbf16, ["S"]>)
// CHECK-NEXT: %y = func.call @inner(%x, %c, %s, %cos, %sin) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
func.func private @layer(%x: tensor<?x?x4xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %y = func.call @inner(%x, %c, %s) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @main(
// CHECK-NEXT: %[[P:\w+]] = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
// CHECK-NEXT: %[[Q:\w+]] = aten.reshape(%[[P]]) : tensor<1x?xi64, ["S"]>
// CHECK-NEXT: %[[COS:\w+]], %[[SIN:\w+]] = nn.rope_table %[[Q]] inv_freq [1.000000e+00, 2.500000e-01] scaling 1.000000e+00 : tensor<1x?xi64, ["S"]> -> tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
// CHECK-NOT: nn.rope_table
// CHECK: func.call @layer(%x, %{{\w+}}, %{{\w+}}, %[[COS]], %[[SIN]])
// CHECK-NEXT: func.call @layer(%y, %{{\w+}}, %{{\w+}}, %[[COS]], %[[SIN]])
// CHECK-NEXT: func.return
func.func @main(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %y = func.call @layer(%x, %c, %s) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
  %z = func.call @layer(%y, %c, %s) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
  func.return %z : tensor<?x?x4xbf16, ["B", "S"]>
}

// A second entry makes its own.
// CHECK-LABEL: func.func @mtp(
// CHECK: %[[COS:\w+]], %[[SIN:\w+]] = nn.rope_table
// CHECK: func.call @layer(%x, %{{\w+}}, %{{\w+}}, %[[COS]], %[[SIN]])
func.func @mtp(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %y = func.call @layer(%x, %c, %s) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// Scaled, not rounded, over [S] alone, beside one of another scaling.
// CHECK-LABEL: func.func @scaled(
// CHECK: nn.rope_table %[[P:\w+]] inv_freq [1.000000e+00, 2.500000e-01] scaling 1.000000e+00 : tensor<?xi64, ["S"]> -> tensor<?x2xf32, ["S"]>, tensor<?x2xf32, ["S"]>
// CHECK: %[[P:\w+]] = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
// CHECK-NEXT: %[[COS:\w+]], %[[SIN:\w+]] = nn.rope_table %[[P]] inv_freq [1.000000e+00, 2.500000e-01] scaling 5.000000e-01 : tensor<?xi64, ["S"]> -> tensor<?x2xf32, ["S"]>, tensor<?x2xf32, ["S"]>
// CHECK: nn.rope %x, %[[COS]], %[[SIN]] pairs
func.func @scaled(%x: tensor<?x4xf32, ["S"]>) -> tensor<?x4xf32, ["S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c0 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s0 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.mul.Scalar(%c0, other = 0.5) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.mul.Scalar(%s0, other = 0.5) : tensor<1x?x2xf32, ["S"]>
  %c = aten.reshape(%c32) : tensor<?x2xf32, ["S"]>
  %s = aten.reshape(%s32) : tensor<?x2xf32, ["S"]>
  %oa = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %ob = aten.reshape(%oa) : tensor<1x?x1xi64, ["S"]>
  %oe = aten.to.dtype(%ob, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %of = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %og = aten.mul.Tensor(%oe, %of) : tensor<1x?x2xf32, ["S"]>
  %oc32 = aten.cos(%og) : tensor<1x?x2xf32, ["S"]>
  %os32 = aten.sin(%og) : tensor<1x?x2xf32, ["S"]>
  %oc = aten.reshape(%oc32) : tensor<?x2xf32, ["S"]>
  %os = aten.reshape(%os32) : tensor<?x2xf32, ["S"]>
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x4xf32, ["S"]>, tensor<?x2xf32, ["S"]>, tensor<?x2xf32, ["S"]>
  %z = nn.rope %y, %oc, %os pairs "half" out "half" compute "input" : tensor<?x4xf32, ["S"]>, tensor<?x2xf32, ["S"]>, tensor<?x2xf32, ["S"]>
  func.return %z : tensor<?x4xf32, ["S"]>
}

// Tables repeated for every sequence.
// CHECK-LABEL: func.func @repeated(
// CHECK: nn.rope_table %{{\w+}} inv_freq [1.000000e+00, 2.500000e-01] scaling 1.000000e+00 : tensor<1x?xi64, ["S"]> -> tensor<1x?x2xf32, ["S"]>, tensor<1x?x2xf32, ["S"]>
// CHECK: nn.rope %x, %cos, %sin pairs {{.*}} : tensor<?x?x4xf32, ["B", "S"]>, tensor<1x?x2xf32, ["S"]>, tensor<1x?x2xf32, ["S"]>
func.func @repeated(%x: tensor<?x?x4xf32, ["B", "S"]>) -> tensor<?x?x4xf32, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.expand(%c32) : tensor<?x?x2xf32, ["B", "S"]>
  %s = aten.expand(%s32) : tensor<?x?x2xf32, ["B", "S"]>
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xf32, ["B", "S"]>, tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xf32, ["B", "S"]>
  func.return %y : tensor<?x?x4xf32, ["B", "S"]>
}

// Raised before: nothing to do.
// CHECK-LABEL: func.func @raised(
// CHECK-COUNT-1: nn.rope_table
// CHECK-NOT: nn.rope_table
// CHECK: func.return
func.func @raised(%x: tensor<?x4xf32, ["S"]>) -> tensor<?x4xf32, ["S"]> {
  %p = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %c, %s = nn.rope_table %p inv_freq [1.0, 0.25] scaling 1.0 : tensor<?xi64, ["S"]> -> tensor<?x2xf32, ["S"]>, tensor<?x2xf32, ["S"]>
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x4xf32, ["S"]>, tensor<?x2xf32, ["S"]>, tensor<?x2xf32, ["S"]>
  func.return %y : tensor<?x4xf32, ["S"]>
}

// CHECK-LABEL: func.func @negative_input(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %s pairs
func.func @negative_input(%x: tensor<?x?x4xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  // expected-remark @below {{@negative_input: nn.rope: its tables are not recognised: it depends on the input %c of @negative_input}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_no_frequencies(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %s pairs
func.func @negative_no_frequencies(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[[1.0, 0.25]]> : tensor<1x2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  // expected-remark @below {{@negative_no_frequencies: nn.rope: its tables are not recognised: no frequencies and scaling among its constants give these tables}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_sine_first(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %s, %c pairs
func.func @negative_sine_first(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  // expected-remark @below {{@negative_sine_first: nn.rope: its tables are not recognised: no frequencies and scaling}}
  %y = nn.rope %x, %s, %c pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_sine_of_another(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %os pairs
func.func @negative_sine_of_another(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %oa = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %ob = aten.reshape(%oa) : tensor<1x?x1xi64, ["S"]>
  %oe = aten.to.dtype(%ob, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %of = weight.constant dense<[1.0, 0.5]> : tensor<2xf32>
  %og = aten.mul.Tensor(%oe, %of) : tensor<1x?x2xf32, ["S"]>
  %oc32 = aten.cos(%og) : tensor<1x?x2xf32, ["S"]>
  %os32 = aten.sin(%og) : tensor<1x?x2xf32, ["S"]>
  %oc = aten.to.dtype(%oc32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %os = aten.to.dtype(%os32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  // expected-remark @below {{@negative_sine_of_another: nn.rope: its tables are not recognised: no frequencies and scaling}}
  %y = nn.rope %x, %c, %os pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_two_scalings(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %os pairs
func.func @negative_two_scalings(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %oa = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %ob = aten.reshape(%oa) : tensor<1x?x1xi64, ["S"]>
  %oe = aten.to.dtype(%ob, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %of = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %og = aten.mul.Tensor(%oe, %of) : tensor<1x?x2xf32, ["S"]>
  %oc0 = aten.cos(%og) : tensor<1x?x2xf32, ["S"]>
  %os0 = aten.sin(%og) : tensor<1x?x2xf32, ["S"]>
  %oc32 = aten.mul.Scalar(%oc0, other = 0.5) : tensor<1x?x2xf32, ["S"]>
  %os32 = aten.mul.Scalar(%os0, other = 0.5) : tensor<1x?x2xf32, ["S"]>
  %oc = aten.to.dtype(%oc32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %os = aten.to.dtype(%os32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  // expected-remark @below {{@negative_two_scalings: nn.rope: its tables are not recognised: no frequencies and scaling}}
  %y = nn.rope %x, %c, %os pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_positions_from_one(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %s pairs
func.func @negative_positions_from_one(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange.start(start = 1, end = "S + 1", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  // expected-remark @below {{@negative_positions_from_one: nn.rope: its tables are not recognised: no frequencies and scaling}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}

// CHECK-LABEL: func.func @negative_static_length(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %s pairs
func.func @negative_static_length(%x: tensor<?x8x4xbf16, ["B"]>) -> tensor<?x8x4xbf16, ["B"]> {
  %a = aten.arange(end = 8, dtype = i64) : tensor<8xi64>
  %b = aten.reshape(%a) : tensor<1x8x1xi64>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x8x1xf32>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x8x2xf32>
  %c32 = aten.cos(%g) : tensor<1x8x2xf32>
  %s32 = aten.sin(%g) : tensor<1x8x2xf32>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x8x2xbf16>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x8x2xbf16>
  // expected-remark @below {{@negative_static_length: nn.rope: its tables are not recognised: it has no dim of positions}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x8x4xbf16, ["B"]>, tensor<1x8x2xbf16>, tensor<1x8x2xbf16>
  func.return %y : tensor<?x8x4xbf16, ["B"]>
}

// CHECK-LABEL: func.func @negative_rows_of_sequences(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %s pairs
func.func @negative_rows_of_sequences(%x: tensor<?x?x4xf32, ["B", "S"]>) -> tensor<?x?x4xf32, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %n = aten.arange(end = "B", dtype = f32) : tensor<?xf32, ["B"]>
  %m = aten.reshape(%n) : tensor<?x1x1xf32, ["B"]>
  %c = aten.mul.Tensor(%m, %c32) : tensor<?x?x2xf32, ["B", "S"]>
  %s = aten.mul.Tensor(%m, %s32) : tensor<?x?x2xf32, ["B", "S"]>
  // expected-remark @below {{@negative_rows_of_sequences: nn.rope: its tables are not recognised: rows differ between sequences}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xf32, ["B", "S"]>, tensor<?x?x2xf32, ["B", "S"]>, tensor<?x?x2xf32, ["B", "S"]>
  func.return %y : tensor<?x?x4xf32, ["B", "S"]>
}

// Calls that pass different tables.

// CHECK-LABEL: func.func @negative_calls_differ(
// CHECK-NOT: nn.rope_table
// CHECK: nn.rope %x, %c, %s pairs
func.func @negative_calls_differ(%x: tensor<?x?x4xbf16, ["B", "S"]>, %c: tensor<1x?x2xbf16, ["S"]>, %s: tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  // expected-remark @below {{@negative_calls_differ: nn.rope: its tables are not recognised: the calls of @negative_calls_differ pass different values for it}}
  %y = nn.rope %x, %c, %s pairs "half" out "half" compute "input" : tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>
  func.return %y : tensor<?x?x4xbf16, ["B", "S"]>
}
func.func @caller(%x: tensor<?x?x4xbf16, ["B", "S"]>) -> tensor<?x?x4xbf16, ["B", "S"]> {
  %a = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %b = aten.reshape(%a) : tensor<1x?x1xi64, ["S"]>
  %e = aten.to.dtype(%b, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %f = weight.constant dense<[1.0, 0.25]> : tensor<2xf32>
  %g = aten.mul.Tensor(%e, %f) : tensor<1x?x2xf32, ["S"]>
  %c32 = aten.cos(%g) : tensor<1x?x2xf32, ["S"]>
  %s32 = aten.sin(%g) : tensor<1x?x2xf32, ["S"]>
  %c = aten.to.dtype(%c32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %s = aten.to.dtype(%s32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %oa = aten.arange(end = "S", dtype = i64) : tensor<?xi64, ["S"]>
  %ob = aten.reshape(%oa) : tensor<1x?x1xi64, ["S"]>
  %oe = aten.to.dtype(%ob, dtype = f32) : tensor<1x?x1xf32, ["S"]>
  %of = weight.constant dense<[1.0, 0.5]> : tensor<2xf32>
  %og = aten.mul.Tensor(%oe, %of) : tensor<1x?x2xf32, ["S"]>
  %oc32 = aten.cos(%og) : tensor<1x?x2xf32, ["S"]>
  %os32 = aten.sin(%og) : tensor<1x?x2xf32, ["S"]>
  %oc = aten.to.dtype(%oc32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %os = aten.to.dtype(%os32, dtype = bf16) : tensor<1x?x2xbf16, ["S"]>
  %y = func.call @negative_calls_differ(%x, %c, %s) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
  %z = func.call @negative_calls_differ(%y, %oc, %os) {prefix = "layer"} : (tensor<?x?x4xbf16, ["B", "S"]>, tensor<1x?x2xbf16, ["S"]>, tensor<1x?x2xbf16, ["S"]>) -> tensor<?x?x4xbf16, ["B", "S"]>
  func.return %z : tensor<?x?x4xbf16, ["B", "S"]>
}
