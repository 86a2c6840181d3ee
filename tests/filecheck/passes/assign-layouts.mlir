// RUN: dsv3c opt %s -p assign-layouts --target h800 --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p assign-layouts --target b200 --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p assign-layouts --target b200 --split-input-file | filecheck %s --check-prefix=B200
// RUN: dsv3c opt %s -p assign-layouts --target b200 --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=WHY
// RUN: dsv3c opt %s -p assign-layouts --split-input-file | filecheck %s --check-prefix=CPU
// RUN: dsv3c opt %s -p assign-layouts --target h800 --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p assign-layouts --split-input-file --remarks 2>&1 | filecheck %s --check-prefix=UNKNOWN

// UNKNOWN: assign-layouts: blocked: @produced: scaled.mm: target cpu does not state which scales it reads
// UNKNOWN-NEXT: assign-layouts: blocked: @powers_of_two: scaled.mm
// Whatever quantises writes its scales column by column; weights stay as they are.
// CHECK-LABEL: @produced(
// CHECK:         %n, %nk = scaled.rms_norm {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, tensor<?x256xbf16, ["T"]>
// CHECK-NEXT:    %a = scaled.swiglu {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    %q = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    scaled.mm %n, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    scaled.mm %n, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    scaled.mm %a, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    func.return
// CPU-LABEL:   @produced(
// CPU-NOT:       mn_major
// CPU-NOT:       packed
// CPU:           func.return
// REMARK: assign-layouts: fired: @produced: scaled.mm: produced: x f32 mn_major; relayouts = 0
// Scales of any size cannot become powers of two: nothing changes for such a target.
// B200-LABEL:  @produced(
// B200-NOT:      f8E8M0FNU
// B200:          func.return
// WHY: assign-layouts: blocked: @produced: scaled.mm: x of scaled.mm has f32 scales that may be no powers of two, and the target reads f8E8M0FNU: without their mantissas they are wrong by up to 2x; quantise with scales of powers of two (recipe deepseek-v3.1)
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @produced(%x: tensor<?x256xbf16, ["T"]>, %nw: tensor<256xbf16>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
    %w = weight.param "w:f8E4M3FN 128x128" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> {
      %s = weight.stored "w" : tensor<128x256xbf16>
      %sq = scaled.quantize %s quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
      weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
    }
    %n, %nk = scaled.rms_norm %x, %nw eps 1.0e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]>, tensor<256xbf16> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x256xbf16, ["T"]>
    %a = scaled.swiglu %x, %nk intermediate "input" rounded_to bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]>, tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %y = scaled.mm %n, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %z = scaled.mm %n, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %u = scaled.mm %a, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %v = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y, %z, %u, %v : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
  }
}

// -----
// Powers of two: packed where the target reads them so, written as f32 where it reads f32 - by what quantises, weights
// in their recipes.
// CHECK-LABEL: @powers_of_two(
// CHECK-NEXT:    %w = weight.param "w:f8E4M3FN 128x128 f32 row" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> {
// CHECK-NEXT:      %s = weight.stored "w"
// CHECK-NEXT:      %sq = scaled.quantize %s quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
// CHECK-NEXT:      weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
// CHECK:         %q = scaled.quantize %x quantizer <amax_floor 1.000000e-04, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// REMARK: assign-layouts: fired: @powers_of_two: scaled.mm: produced: x f32 mn_major, w f32 row; relayouts = 0
// B200-LABEL:  @powers_of_two(
// B200-NEXT:     %w = weight.param "w:f8E4M3FN 128x128 f8E8M0FNU packed" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed> {
// B200:            scaled.quantize {{.*}} -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed>
// B200-NEXT:       weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed>
// B200:          %q = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>
// B200-NEXT:     scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed> -> tensor<?x128xbf16, ["T"]>
// WHY: assign-layouts: fired: @powers_of_two: scaled.mm: produced: x f8E8M0FNU packed, w f8E8M0FNU packed; relayouts = 0
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @powers_of_two(%x: tensor<?x256xbf16, ["T"]>) -> tensor<?x128xbf16, ["T"]> {
    %w = weight.param "w:f8E4M3FN 128x128" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> {
      %s = weight.stored "w" : tensor<128x256xbf16>
      %sq = scaled.quantize %s quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU>
      weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU>
    }
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}

// -----
// f32 scales that a recipe rounds to powers of two are powers of two.
// B200-LABEL:  @recipe_of_powers(
// B200-NEXT:     %w = weight.param "w:f8E4M3FN 128x128 f8E8M0FNU packed" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed> {
// B200:          scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed> -> tensor<?x128xbf16, ["T"]>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @recipe_of_powers(%x: tensor<?x256xbf16, ["T"]>) -> tensor<?x128xbf16, ["T"]> {
    %w = weight.param "w:f8E4M3FN 128x128" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> {
      %s = weight.stored "w" : tensor<128x256xbf16>
      %sq = scaled.quantize %s quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
      weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
    }
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}

// -----
// One weight of two has mantissas: neither product changes, they share the activation.
// B200-LABEL:  @negative_one_of_two(
// B200-NOT:      f8E8M0FNU
// B200:          func.return
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_one_of_two(%x: tensor<?x256xbf16, ["T"]>, %v: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>, %c: tensor<128x256xbf16>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
    %u = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{w of scaled.mm has f32 scales that may be no powers of two}}
    %y = scaled.mm %q, %u promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    // expected-remark @below {{w of scaled.mm has f32 scales that may be no powers of two}}
    %z = scaled.mm %q, %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y, %z : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
  }
}

// -----
// f32 scales of powers of two become what they are, through views and moved rows; the view needs them row by row, so
// what is made of it is laid out anew, once for two products.
// CHECK-LABEL: @viewed(
// CHECK:         %q = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
// CHECK-NEXT:    %v = scaled.reshape %q : !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>
// CHECK-NEXT:    %rows, %slots, %expert_of = moe.permute %v {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>,
// CHECK-NEXT:    %[[R:\w+]] = scaled.relayout %rows : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    scaled.grouped_mm %[[R]], %e, %expert_of
// CHECK-NEXT:    scaled.grouped_mm %[[R]], %e, %expert_of
// REMARK: assign-layouts: fired: @viewed: scaled.grouped_mm: relayouts = 1
// REMARK: assign-layouts: fired: @viewed: scaled.grouped_mm: relayouts = 0
// B200-LABEL:  @viewed(
// B200:          %q = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f8E8M0FNU>
// B200-NEXT:     %v = scaled.reshape %q : !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f8E8M0FNU> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f8E8M0FNU>
// B200-NEXT:     %rows, %slots, %expert_of = moe.permute %v {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f8E8M0FNU>,
// B200-NEXT:     %[[R:\w+]] = scaled.relayout %rows : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f8E8M0FNU> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f8E8M0FNU, packed>
// B200-NEXT:     scaled.grouped_mm %[[R]], %e, %expert_of
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @B min 1 max 4096
  dsv3c.symbol @T min 1 max 4096
  func.func @viewed(%x: tensor<?x?x256xbf16, ["B", "T"]>, %ids: tensor<?x2xi64, ["B*T"]>, %c: tensor<4x128x256xbf16>) -> (tensor<?x128xbf16, ["2*B*T + 12"]>, tensor<?x128xbf16, ["2*B*T + 12"]>) {
    %e = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<4x128x256xbf16> -> !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x?x256xbf16, ["B", "T"]> -> !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32>
    %v = scaled.reshape %q : !scaled.tensor<tensor<?x?x256xf8E4M3FN, ["B", "T"]>, 1x1x128, f32> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>
    %rows, %slots, %expert_of = moe.permute %v by %ids experts 4 layout "contiguous" alignment 4 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["B*T"]>, 1x128, f32>, tensor<?x2xi64, ["B*T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>, tensor<?xi32, ["2*B*T + 12"]>, tensor<?xi32, ["2*B*T + 12"]>
    %g = scaled.grouped_mm %rows, %e, %expert_of promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>, !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["2*B*T + 12"]> -> tensor<?x128xbf16, ["2*B*T + 12"]>
    %h = scaled.grouped_mm %rows, %e, %expert_of promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*B*T + 12"]>, 1x128, f32>, !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["2*B*T + 12"]> -> tensor<?x128xbf16, ["2*B*T + 12"]>
    func.return %g, %h : tensor<?x128xbf16, ["2*B*T + 12"]>, tensor<?x128xbf16, ["2*B*T + 12"]>
  }
}

// -----
// Rows are moved with their scales in the layout they were produced in.
// CHECK-LABEL: @moved(
// CHECK:         %q = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    %rows, %slots, %expert_of = moe.permute %q by %ids {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32, mn_major>,
// CHECK-NEXT:    scaled.grouped_mm %rows, %e, %expert_of
// REMARK: assign-layouts: fired: @moved: scaled.grouped_mm: produced: x f32 mn_major; relayouts = 0
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @moved(%x: tensor<?x256xbf16, ["T"]>, %ids: tensor<?x2xi64, ["T"]>, %e: !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>) -> tensor<?x128xbf16, ["2*T + 12"]> {
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %rows, %slots, %expert_of = moe.permute %q by %ids experts 4 layout "contiguous" alignment 4 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x2xi64, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, tensor<?xi32, ["2*T + 12"]>, tensor<?xi32, ["2*T + 12"]>
    // expected-remark @below {{x of scaled.grouped_mm has f32 scales that may be no powers of two}}
    %g = scaled.grouped_mm %rows, %e, %expert_of promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["2*T + 12"]>, 1x128, f32>, !scaled.tensor<tensor<4x128x256xf8E4M3FN>, 1x128x128, f32>, tensor<?xi32, ["2*T + 12"]> -> tensor<?x128xbf16, ["2*T + 12"]>
    func.return %g : tensor<?x128xbf16, ["2*T + 12"]>
  }
}

// -----
// Scales that come from outside, or are read by something else as they are, are laid out anew; ue8m0 is f32 exactly.
// CHECK-LABEL: @from_outside(
// CHECK-NEXT:    %q = scaled.quantize %x {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// CHECK-NEXT:    %[[A:\w+]] = scaled.relayout %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    %[[W:\w+]] = scaled.relayout %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
// CHECK-NEXT:    %y = scaled.mm %[[A]], %[[W]] promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    %[[Q:\w+]] = scaled.relayout %q : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>
// CHECK-NEXT:    %z = scaled.mm %[[Q]], %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// CHECK-NEXT:    func.return %y, %z, %q :
// REMARK: assign-layouts: fired: @from_outside: scaled.mm: relayouts = 2
// REMARK: assign-layouts: fired: @from_outside: scaled.mm: relayouts = 1
// A target of powers of two reads the first pair after a relayout; the second quantiser feeds a reader of f32 scales.
// B200-LABEL:  @from_outside(
// B200:          %[[A:\w+]] = scaled.relayout %a : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>
// B200-NEXT:     %[[W:\w+]] = scaled.relayout %w : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed>
// B200-NEXT:     %y = scaled.mm %[[A]], %[[W]]
// B200-NEXT:     %z = scaled.mm %q, %v
// WHY: assign-layouts: blocked: @from_outside: scaled.mm: x of scaled.mm is read by func.return too, which takes f32 scales
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @from_outside(%a: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU>, %v: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>, %x: tensor<?x256xbf16, ["T"]>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>) {
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %y = scaled.mm %a, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> tensor<?x128xbf16, ["T"]>
    // expected-remark @below {{x of scaled.mm is read by func.return too, which takes f32 scales}}
    %z = scaled.mm %q, %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y, %z, %q : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
  }
}

// -----
// Stored scales are laid out when they are loaded.
// CHECK-LABEL: @stored(
// CHECK-NEXT:    %w = weight.param "w f32 row" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> {
// CHECK:           %sq = scaled.assemble {{.*}} -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU>
// CHECK-NEXT:      %[[R:\w+]] = scaled.relayout %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
// CHECK-NEXT:      weight.yield %[[R]] : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
// B200-LABEL:  @stored(
// B200:            %[[R:\w+]] = scaled.relayout %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed>
// B200-NEXT:       weight.yield %[[R]] : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @stored(%x: tensor<?x256xbf16, ["T"]>) -> tensor<?x128xbf16, ["T"]> {
    %w = weight.param "w" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> {
      %d = weight.stored "w" : tensor<128x256xf8E4M3FN>
      %i = weight.stored "w_scale_inv" : tensor<1x2xf8E8M0FNU>
      %sq = scaled.assemble %d, %i : tensor<128x256xf8E4M3FN>, tensor<1x2xf8E8M0FNU> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU>
      weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU>
    }
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}

// -----
// A fused norm whose quantiser keeps mantissas: the fusion does not make its scales powers of two.  Both products share
// the activation, so neither changes; the third has nothing to do with them.
// B200-LABEL:  @negative_mantissas(
// B200:          %n = scaled.rms_norm {{.*}} round_scale "none"> : {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// B200-NEXT:     %p = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>
// B200-NEXT:     scaled.mm %n, %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// B200-NEXT:     scaled.mm %n, %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// B200-NEXT:     scaled.mm %p, %u promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f8E8M0FNU, packed>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f8E8M0FNU, packed> -> tensor<?x128xbf16, ["T"]>
// WHY: assign-layouts: blocked: @negative_mantissas: scaled.mm: x of scaled.mm has f32 scales
// WHY: assign-layouts: blocked: @negative_mantissas: scaled.mm: x of scaled.mm has f32 scales
// WHY: assign-layouts: fired: @negative_mantissas: scaled.mm
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_mantissas(%x: tensor<?x256xbf16, ["T"]>, %nw: tensor<256xbf16>, %c: tensor<128x256xbf16>) -> (tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>) {
    %v = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
    %u = scaled.quantize %c quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<128x256xbf16> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
    %n = scaled.rms_norm %x, %nw eps 1.0e-06 weight_in "f32" intermediate bf16 quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]>, tensor<256xbf16> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    %p = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %y = scaled.mm %n, %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %z = scaled.mm %n, %v promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    %r = scaled.mm %p, %u promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y, %z, %r : tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>, tensor<?x128xbf16, ["T"]>
  }
}

// -----
// Stored f32 scales of a checkpoint may be anything; the activation they meet stays f32 as well.
// B200-LABEL:  @negative_stored_mantissas(
// B200:          %q = scaled.quantize {{.*}} -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
// B200-NEXT:     scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
// WHY: assign-layouts: blocked: @negative_stored_mantissas: scaled.mm: w of scaled.mm has f32 scales that may be no powers of two
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_stored_mantissas(%x: tensor<?x256xbf16, ["T"]>) -> tensor<?x128xbf16, ["T"]> {
    %w = weight.param "w" : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> {
      %d = weight.stored "w" : tensor<128x256xf8E4M3FN>
      %i = weight.stored "w_scale_inv" : tensor<1x2xf32>
      %sq = scaled.assemble %d, %i : tensor<128x256xf8E4M3FN>, tensor<1x2xf32> -> !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
      weight.yield %sq : !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>
    }
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "pow2"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>
    // expected-remark @below {{w of scaled.mm has f32 scales that may be no powers of two}}
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}

// -----
// A square grid of scales: the type says which way it lies, its shape does not.
// CHECK-LABEL: @square_grid(
// CHECK:         scaled.quantize {{.*}} -> !scaled.tensor<tensor<128x16384xf8E4M3FN>, 1x128, f32, mn_major>
// CHECK-NEXT:    scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<128x16384xf8E4M3FN>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x16384xf8E4M3FN>, 128x128, f32> -> tensor<128x128xbf16>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @square_grid(%x: tensor<128x16384xbf16>, %w: !scaled.tensor<tensor<128x16384xf8E4M3FN>, 128x128, f32>) -> tensor<128x128xbf16> {
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<128x16384xbf16> -> !scaled.tensor<tensor<128x16384xf8E4M3FN>, 1x128, f32>
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<128x16384xf8E4M3FN>, 1x128, f32>, !scaled.tensor<tensor<128x16384xf8E4M3FN>, 128x128, f32> -> tensor<128x128xbf16>
    func.return %y : tensor<128x128xbf16>
  }
}

// -----
// One scale for the whole of K has no layout.
// CHECK-LABEL: @negative_one_scale(
// CHECK:         scaled.mm %q, %w : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, *x*, f32> -> tensor<?x128xbf16, ["T"]>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_one_scale(%x: tensor<?x256xbf16, ["T"]>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, *x*, f32>) -> tensor<?x128xbf16, ["T"]> {
    %q = scaled.quantize %x quantizer <amax_floor 1.0e-4, apply "divide", round_scale "none"> : tensor<?x256xbf16, ["T"]> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>
    %y = scaled.mm %q, %w : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, *x*, f32>, !scaled.tensor<tensor<128x256xf8E4M3FN>, *x*, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}

// -----
// As the target wants it already: nothing to do.
// CHECK-LABEL: @negative_laid_out(
// CHECK-NEXT:    scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
builtin.module attributes {dsv3c.facts = ["quantised", "raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @negative_laid_out(%q: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, %w: !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32>) -> tensor<?x128xbf16, ["T"]> {
    // expected-remark @below {{x of scaled.mm has f32 scales that may be no powers of two}}
    %y = scaled.mm %q, %w promote 128 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32, mn_major>, !scaled.tensor<tensor<128x256xf8E4M3FN>, 128x128, f32> -> tensor<?x128xbf16, ["T"]>
    func.return %y : tensor<?x128xbf16, ["T"]>
  }
}
