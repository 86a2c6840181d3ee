// RUN: dsv3c opt %s -p select-kernels --target h800 | filecheck %s
// RUN: dsv3c opt %s -p select-kernels --target h800 --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p 'select-kernels{num-sms=100}' --target h800 | filecheck %s
// RUN: not dsv3c opt %s -p select-kernels 2>&1 | filecheck %s --check-prefix=NO-GPU
// NO-GPU: select-kernels: cpu runs no kernels

module attributes {dsv3c.facts = ["phased", "raised"]} {
dsv3c.symbol @T min 0 max 4096 hint 128
dsv3c.symbol @N min 0 max 128 hint 128

// One token per sequence: the configurations are those that 128 rows reach, not 4096.
// REMARK: select-kernels: fired: @product: scaled.mm: scaled_mm.scaled_mm with {{.*}} up to 16 rows; {{.*}}
// CHECK-LABEL: func.func @product
func.func @product(%positions: tensor<?xi32, ["T"]>, %context_lens: tensor<?xi32, ["N"]>, %x: !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, %w: !scaled.tensor<tensor<24576x384xf8E4M3FN>, 128x128, f32>) -> tensor<?x96xbf16, ["T"]> attributes {phase = {name = "product", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %y = kernel.call "scaled_mm.scaled_mm" reads ["x", "w"] %x, %w writes ["y"] configs [#kernel.literals<up_to 16, {{.*}}
  // CHECK-NEXT: ^{{.*}}(%[[X:[a-z0-9_]+]]: {{.*}}, %[[W:[a-z0-9_]+]]: {{.*}}):
  // CHECK-NEXT:   %[[Y:[a-z0-9_]+]] = scaled.mm %[[X]], %[[W]] promote 128
  // CHECK-NEXT:   kernel.yield %[[Y]]
  // CHECK-NEXT: }
  %y = scaled.mm %x, %w promote 128 : !scaled.tensor<tensor<?x384xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<24576x384xf8E4M3FN>, 128x128, f32> -> tensor<?x24576xbf16, ["T"]>
  // A view moves nothing.
  // CHECK-NEXT: %part = aten.slice.Tensor(%y, dim = 1, start = 0, end = 96)
  %part = aten.slice.Tensor(%y, dim = 1, start = 0, end = 96) : tensor<?x96xbf16, ["T"]>
  // CHECK-NEXT: func.return %part
  func.return %part : tensor<?x96xbf16, ["T"]>
}

// Nobody has written a kernel for it.
// REMARK: select-kernels: blocked: @negative_no_kernel: aten.atan: no kernel runs aten.atan
// CHECK-LABEL: func.func @negative_no_kernel
func.func @negative_no_kernel(%x: tensor<?x8xf32, ["T"]>) -> tensor<?x8xf32, ["T"]> attributes {phase = {name = "negative_no_kernel", min_query = 1 : i64, max_query = 1 : i64, tokens = 128 : i64, sequences = 128 : i64, context = 4096 : i64}} {
  // CHECK-NEXT: %y = aten.atan(%x)
  %y = aten.atan(%x) : tensor<?x8xf32, ["T"]>
  func.return %y : tensor<?x8xf32, ["T"]>
}
}
