// RUN: dsv3c opt %s -p fold-weights --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p fold-weights --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p fold-weights --split-input-file --print-debuginfo | filecheck %s --check-prefix=LOC
// RUN: dsv3c opt %s -p fold-weights --split-input-file --allow-unapplied --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

// REMARK:      fired: @quantized: scaled.quantize: parameter 'a.weight:f8E4M3FN 128x128'; bytes_read = 65552
// REMARK:      unprofitable: @quantized: scaled.dequantize: every step would read more than the weights; bytes_read = 262144, weight_bytes = 65552
// REMARK:      fired: @shared: scaled.quantize: parameter 'w:f8E4M3FN *x*'; bytes_read = 516
// REMARK-NEXT: fired: @shared: scaled.quantize: parameter 'w:f8E4M3FN *x*'; bytes_read = 516
// REMARK-NEXT: fired: @shared: scaled.quantize: parameter 'w:f8E4M3FN *x* #2'; bytes_read = 516
// REMARK-NEXT: fired: @shared: scaled.quantize: parameter 'w:f8E4M3FN *x* #3'; bytes_read = 516
// REMARK:      fired: @halves: aten.reshape: parameter 'w:reshape'; bytes_read = 2048
// REMARK-NEXT: fired: @halves: aten.slice.Tensor: parameter 'w:reshape:slice'; bytes_read = 1024
// REMARK-NOT:  @negative_unread
// REMARK-NOT:  @negative_not_of_weights_alone

// A quantised weight: data and scales are the parameter; to dequantise it ahead of time would undo the saving.
// CHECK-LABEL: @quantized(
// CHECK-NEXT:    %[[Q:\w+]] = weight.param "a.weight:f8E4M3FN 128x128" : !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32> {
// CHECK-NEXT:      %[[S:\w+]] = weight.stored "a.weight" : tensor<256x256xbf16>
// CHECK-NEXT:      %[[R:\w+]] = scaled.quantize %[[S]] quantizer <amax_floor 1.000000e-04, apply "reciprocal", round_scale "none"> :
// CHECK-NEXT:      weight.yield %[[R]] : !scaled.tensor
// CHECK-NEXT:    }
// CHECK-NEXT:    %[[D:\w+]] = scaled.dequantize %[[Q]] :
// CHECK-NEXT:    func.return %[[D]] :
// What is new has the weight's line.
// LOC-LABEL: @quantized(
// LOC:         weight.stored "a.weight" : tensor<256x256xbf16> loc("{{.*}}.mlir":[[L:\d+]]:0)
// LOC-NEXT:    scaled.quantize {{.*}} loc("{{.*}}.mlir":[[L]]:0)
func.func @quantized() -> tensor<256x256xf32> {
  %w = weight.param "a.weight" : tensor<256x256xbf16>
  %q = scaled.quantize %w quantizer <amax_floor 1.0e-4, apply "reciprocal", round_scale "none"> : tensor<256x256xbf16> -> !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32>
  // expected-remark @below {{unprofitable: @quantized: scaled.dequantize: every step would read more than the weights; bytes_read = 262144, weight_bytes = 65552}}
  %d = scaled.dequantize %q : !scaled.tensor<tensor<256x256xf8E4M3FN>, 128x128, f32> -> tensor<256x256xf32>
  func.return %d : tensor<256x256xf32>
}

// -----
// A recipe goes on; the weight itself stays where something else reads it.
// CHECK-LABEL: @recipe_goes_on(
// CHECK:         %[[W:\w+]] = weight.param "w" : tensor<8x64xbf16> {
// CHECK:         %[[Q:\w+]] = weight.param "w:f8E5M2 1x32 f8E8M0FNU" : {{.*}} {
// CHECK-NEXT:      %[[A:\w+]] = weight.stored "w8" : tensor<8x64xf8E4M3FN>
// CHECK-NEXT:      %[[S:\w+]] = weight.stored "s" : tensor<1x1xf32>
// CHECK-NEXT:      %[[D:\w+]] = weight.dequantize %[[A]], %[[S]] block
// CHECK-NEXT:      %[[R:\w+]] = scaled.quantize %[[D]] quantizer
// CHECK-NEXT:      weight.yield %[[R]]
// CHECK:         "test.op"(%[[W]], %[[Q]]) :
func.func @recipe_goes_on() {
  %w = weight.param "w" : tensor<8x64xbf16> {
    %a = weight.stored "w8" : tensor<8x64xf8E4M3FN>
    %s = weight.stored "s" : tensor<1x1xf32>
    %d = weight.dequantize %a, %s block [128, 128] : tensor<8x64xf8E4M3FN>, tensor<1x1xf32> -> tensor<8x64xbf16>
    weight.yield %d : tensor<8x64xbf16>
  }
  %q = scaled.quantize %w quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<8x64xbf16> -> !scaled.tensor<tensor<8x64xf8E5M2>, 1x32, f8E8M0FNU>
  "test.op"(%w, %q) : (tensor<8x64xbf16>, !scaled.tensor<tensor<8x64xf8E5M2>, 1x32, f8E8M0FNU>) -> ()
  func.return
}

// -----
// Equal results share a parameter, whichever op made them; other quantisers make others of the same name, numbered.
// CHECK-LABEL: @shared(
// CHECK-NEXT:    %[[A:\w+]] = weight.param "w:f8E4M3FN *x*" :
// CHECK:           scaled.quantize {{.*}} apply "divide"
// CHECK:         %[[B:\w+]] = weight.param "w:f8E4M3FN *x* #2" :
// CHECK:           scaled.quantize {{.*}} apply "reciprocal"
// CHECK:         %[[C:\w+]] = weight.param "w:f8E4M3FN *x* #3" :
// CHECK:           scaled.quantize {{.*}} saturate
// CHECK:         "test.op"(%[[A]], %[[A]], %[[B]], %[[C]]) :
func.func @shared() {
  %w = weight.param "w" : tensor<8x64xbf16>
  %again = weight.param "w" : tensor<8x64xbf16>
  %a = scaled.quantize %w quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<8x64xbf16> -> !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>
  %b = scaled.quantize %again quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<8x64xbf16> -> !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>
  %c = scaled.quantize %w quantizer <amax_floor 1.0e-4, apply "reciprocal", round_scale "none"> : tensor<8x64xbf16> -> !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>
  %d = scaled.quantize %w quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none", saturate> : tensor<8x64xbf16> -> !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>
  "test.op"(%a, %b, %c, %d) : (!scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>, !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>, !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>, !scaled.tensor<tensor<8x64xf8E4M3FN>, *x*, f32>) -> ()
  func.return
}

// -----
// What made an operand goes along, although it would not be worth it by itself.
// CHECK-LABEL: @two_weights(
// CHECK-NEXT:    %[[Q:\w+]] = weight.param "a+b:cat:f8E4M3FN 1x64" :
// CHECK-NEXT:      %[[A:\w+]] = weight.stored "a"
// CHECK-NEXT:      %[[B:\w+]] = weight.stored "b"
// CHECK-NEXT:      %[[C:\w+]] = aten.cat([%[[A]], %[[B]], %[[A]]]) : tensor<24x64xbf16>
// CHECK-NEXT:      %[[R:\w+]] = scaled.quantize %[[C]] quantizer
// CHECK-NEXT:      weight.yield %[[R]]
// CHECK-NEXT:    }
// CHECK-NEXT:    "test.op"(%[[Q]]) :
// CHECK-NEXT:    func.return
func.func @two_weights() {
  %a = weight.param "a" : tensor<8x64xbf16>
  %b = weight.param "b" : tensor<8x64xbf16>
  // expected-remark @below {{aten.cat: every step would read more than the weights; bytes_read = 3072, weight_bytes = 2048}}
  %c = aten.cat([%a, %b, %a]) : tensor<24x64xbf16>
  %q = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<24x64xbf16> -> !scaled.tensor<tensor<24x64xf8E4M3FN>, 1x64, f32>
  "test.op"(%q) : (!scaled.tensor<tensor<24x64xf8E4M3FN>, 1x64, f32>) -> ()
  func.return
}

// -----
// What is read on the way stays for who reads it, and for its other results.
// CHECK-LABEL: @read_on_the_way(
// CHECK-NEXT:    %[[W:\w+]] = weight.param "w" : tensor<64xf32>
// CHECK-NEXT:    %[[T:\w+]], %{{\w+}} = aten.sort(%[[W]]) :
// CHECK-NEXT:    %[[P:\w+]] = weight.param "w:sort:slice" : tensor<8xi64> {
// CHECK:         "test.op"(%[[T]], %[[P]]) :
func.func @read_on_the_way() {
  %w = weight.param "w" : tensor<64xf32>
  // expected-remark @below {{aten.sort: every step would read more than the weights; bytes_read = 768, weight_bytes = 256}}
  %b, %j = aten.sort(%w) : tensor<64xf32>, tensor<64xi64>
  %s = aten.slice.Tensor(%j, end = 8) : tensor<8xi64>
  "test.op"(%b, %s) : (tensor<64xf32>, tensor<8xi64>) -> ()
  func.return
}

// -----
// Views that take the place of the weight are cut from it when it is loaded.
// CHECK-LABEL: @halves(
// CHECK-NEXT:    %[[A:\w+]] = weight.param "w:reshape:slice" : tensor<4x2x64xbf16> {
// CHECK-NEXT:      %[[W:\w+]] = weight.stored "w" : tensor<16x64xbf16>
// CHECK-NEXT:      %[[R:\w+]] = aten.reshape(%[[W]]) : tensor<4x4x64xbf16>
// CHECK-NEXT:      %[[H:\w+]] = aten.slice.Tensor(%[[R]], dim = 1, end = 2) :
// CHECK-NEXT:      weight.yield %[[H]] :
// CHECK:         %[[B:\w+]] = weight.param "w:reshape:slice #2" : tensor<4x2x64xbf16> {
// CHECK:           aten.slice.Tensor({{.*}}, dim = 1, start = 2) :
// CHECK:         "test.op"(%[[A]], %[[B]]) :
func.func @halves() {
  %w = weight.param "w" : tensor<16x64xbf16>
  %r = aten.reshape(%w) : tensor<4x4x64xbf16>
  %a = aten.slice.Tensor(%r, dim = 1, end = 2) : tensor<4x2x64xbf16>
  %b = aten.slice.Tensor(%r, dim = 1, start = 2) : tensor<4x2x64xbf16>
  "test.op"(%a, %b) : (tensor<4x2x64xbf16>, tensor<4x2x64xbf16>) -> ()
  func.return
}

// -----
// Of several results those that are read; constants may take part.
// CHECK-LABEL: @results(
// CHECK-NEXT:    %[[I:\w+]] = weight.param "w:add:max" : tensor<8xi64> {
// CHECK-NEXT:      %[[W:\w+]] = weight.stored "w" : tensor<8x64xf32>
// CHECK-NEXT:      %[[C:\w+]] = weight.constant dense<1.000000e+00> : tensor<64xf32>
// CHECK-NEXT:      %[[A:\w+]] = aten.add.Tensor(%[[W]], %[[C]]) : tensor<8x64xf32>
// CHECK-NEXT:      %{{\w+}}, %[[M:\w+]] = aten.max.dim(%[[A]], dim = 1) :
// CHECK-NEXT:      weight.yield %[[M]] : tensor<8xi64>
// CHECK-NEXT:    }
// CHECK-NEXT:    "test.op"(%[[I]]) :
func.func @results() {
  %w = weight.param "w" : tensor<8x64xf32>
  %c = weight.constant dense<1.0> : tensor<64xf32>
  %s = aten.add.Tensor(%w, %c) : tensor<8x64xf32>
  %values, %indices = aten.max.dim(%s, dim = 1) : tensor<8xf32>, tensor<8xi64>
  "test.op"(%indices) : (tensor<8xi64>) -> ()
  func.return
}

// -----
// What is read by nothing is left to dce.
// CHECK-LABEL: @negative_unread(
// CHECK-NEXT:    weight.param "w" : tensor<8x64xf32>
// CHECK-NEXT:    aten.neg(
// CHECK-NEXT:    func.return
func.func @negative_unread() {
  %w = weight.param "w" : tensor<8x64xf32>
  %s = aten.neg(%w) : tensor<8x64xf32>
  func.return
}

// -----
// A view is free, and the weight is read whole as well.
// CHECK-LABEL: @negative_view_of_a_weight_that_stays(
// CHECK-NEXT:    %[[W:\w+]] = weight.param "w" : tensor<16x64xbf16>
// CHECK-NEXT:    %[[T:\w+]] = aten.transpose.int(%[[W]], dim0 = 0, dim1 = 1) :
// CHECK-NEXT:    "test.op"(%[[W]], %[[T]]) :
func.func @negative_view_of_a_weight_that_stays() {
  %w = weight.param "w" : tensor<16x64xbf16>
  // expected-remark @below {{unprofitable: @negative_view_of_a_weight_that_stays: aten.transpose.int: a view of a weight that is read otherwise as well: both would be kept; kept_bytes = 2048}}
  %t = aten.transpose.int(%w, dim0 = 0, dim1 = 1) : tensor<64x16xbf16>
  "test.op"(%w, %t) : (tensor<16x64xbf16>, tensor<64x16xbf16>) -> ()
  func.return
}

// -----
// Views that overlap are larger together than the weight.
// CHECK-LABEL: @negative_overlapping_views(
// CHECK-NEXT:    weight.param "w" : tensor<16x64xbf16>
// CHECK-NEXT:    aten.slice.Tensor(
// CHECK-NEXT:    aten.slice.Tensor(
// CHECK-NEXT:    "test.op"(
func.func @negative_overlapping_views() {
  %w = weight.param "w" : tensor<16x64xbf16>
  // expected-remark @below {{both would be kept; kept_bytes = 1152}}
  %a = aten.slice.Tensor(%w, dim = 0, end = 9) : tensor<9x64xbf16>
  // expected-remark @below {{both would be kept}}
  %b = aten.slice.Tensor(%w, dim = 0, start = 8) : tensor<8x64xbf16>
  "test.op"(%a, %b) : (tensor<9x64xbf16>, tensor<8x64xbf16>) -> ()
  func.return
}

// -----
// CHECK-LABEL: @negative_size_known_at_run_time(
// CHECK-NEXT:    weight.param "w" : tensor<1x64xbf16>
// CHECK-NEXT:    aten.expand(
dsv3c.symbol @T min 1
func.func @negative_size_known_at_run_time() {
  %w = weight.param "w" : tensor<1x64xbf16>
  // expected-remark @below {{blocked: @negative_size_known_at_run_time: aten.expand: its size in bytes is known at run time only}}
  %e = aten.expand(%w) : tensor<?x64xbf16, ["T"]>
  "test.op"(%e) : (tensor<?x64xbf16, ["T"]>) -> ()
  func.return
}

// -----
// CHECK-LABEL: @negative_elements_without_a_size(
// CHECK-NEXT:    weight.param "w" : tensor<64x2xf32>
// CHECK-NEXT:    aten.view_as_complex(
func.func @negative_elements_without_a_size() {
  %w = weight.param "w" : tensor<64x2xf32>
  // expected-remark @below {{its size in bytes is known at run time only}}
  %c = aten.view_as_complex(%w) : tensor<64xcomplex<f32>>
  "test.op"(%c) : (tensor<64xcomplex<f32>>) -> ()
  func.return
}

// -----
// Activations, constants by themselves, random numbers, calls and unknown ops are no weights.
// CHECK-LABEL: @negative_not_of_weights_alone(
// CHECK-NEXT:    weight.param "w" : tensor<8x64xf32>
// CHECK-NEXT:    weight.constant
// CHECK-NEXT:    aten.add.Tensor(
// CHECK-NEXT:    aten.neg(
// CHECK-NEXT:    aten.rand_like(
// CHECK-NEXT:    aten.neg(
// CHECK-NEXT:    func.call @callee(
// CHECK-NEXT:    "test.op"(
func.func private @callee(%x: tensor<8x64xf32>) -> tensor<8x64xf32> {
  func.return %x : tensor<8x64xf32>
}
func.func @negative_not_of_weights_alone(%x: tensor<8x64xf32>) {
  %w = weight.param "w" : tensor<8x64xf32>
  %c = weight.constant dense<1.0> : tensor<64xf32>
  %a = aten.add.Tensor(%w, %x) : tensor<8x64xf32>
  %b = aten.neg(%c) : tensor<64xf32>
  %r = aten.rand_like(%w) : tensor<8x64xf32>
  %n = aten.neg(%r) : tensor<8x64xf32>
  %d = func.call @callee(%w) : (tensor<8x64xf32>) -> tensor<8x64xf32>
  "test.op"(%a, %b, %n, %d) : (tensor<8x64xf32>, tensor<64xf32>, tensor<8x64xf32>, tensor<8x64xf32>) -> ()
  func.return
}
