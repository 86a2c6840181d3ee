// RUN: dsv3c opt %s -p raise-rms-norm | filecheck %s
// RUN: dsv3c opt %s -p raise-rms-norm --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK

dsv3c.symbol @S min 1

// The weight after the rounding, as in Hugging Face's models.
// CHECK-LABEL: func.func @weight_in_input
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: %[[W:.*]] = weight.param "w"
// CHECK-NEXT: %[[Y:.*]] = nn.rms_norm %[[X]], %[[W]] eps 1.000000e-06 weight_in "input" : tensor<?x8xbf16, ["S"]>, tensor<8xbf16>
// CHECK-NEXT: return %[[Y]]
// REMARK: fired: @weight_in_input: aten.rsqrt
func.func @weight_in_input(%x: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %w = weight.param "w" : tensor<8xbf16>
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %square = aten.pow.Tensor_Scalar(%x32, exponent = 2) : tensor<?x8xf32, ["S"]>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<?x1xf32, ["S"]>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<?x1xf32, ["S"]>
  %rstd = aten.rsqrt(%shifted) : tensor<?x1xf32, ["S"]>
  %scaled = aten.mul.Tensor(%x32, %rstd) : tensor<?x8xf32, ["S"]>
  %narrow = aten.to.dtype(%scaled, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  %y = aten.mul.Tensor(%w, %narrow) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// The weight before it: widened, first or second, the square as a product; the input widened twice.
// CHECK-LABEL: func.func @weight_in_f32
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>)
// CHECK-NEXT: %[[W:.*]] = weight.param "w"
// CHECK-NEXT: %[[Y:.*]] = nn.rms_norm %[[X]], %[[W]] eps 2.000000e+00 weight_in "f32" : tensor<?x8xbf16, ["S"]>, tensor<8xbf16>
// CHECK-NEXT: return %[[Y]]
func.func @weight_in_f32(%x: tensor<?x8xbf16, ["S"]>) -> tensor<?x8xbf16, ["S"]> {
  %w = weight.param "w" : tensor<8xbf16>
  %x32 = aten._to_copy(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %square = aten.mul.Tensor(%x32, %x32) : tensor<?x8xf32, ["S"]>
  %mean = aten.mean.dim(%square, dim = [1], keepdim = true) : tensor<?x1xf32, ["S"]>
  %shifted = aten.add.Scalar(%mean, other = 2) : tensor<?x1xf32, ["S"]>
  %rstd = aten.pow.Tensor_Scalar(%shifted, exponent = -0.5) : tensor<?x1xf32, ["S"]>
  %again = aten.to.dtype(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %scaled = aten.mul.Tensor(%rstd, %again) : tensor<?x8xf32, ["S"]>
  %w32 = aten.to.dtype(%w, dtype = f32) : tensor<8xf32>
  %weighted = aten.mul.Tensor(%scaled, %w32) : tensor<?x8xf32, ["S"]>
  %y = aten.to.dtype(%weighted, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// bf16 * f32 is multiplied in f32 without a conversion; a weight in f32 stays so.
// CHECK-LABEL: func.func @promoted
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>, %[[W:.*]]: tensor<8xf32>)
// CHECK-NOT: aten.rsqrt
// CHECK: nn.rms_norm %[[X]], %[[W]] eps 1.000000e-06 weight_in "f32" : tensor<?x8xbf16, ["S"]>, tensor<8xf32>
func.func @promoted(%x: tensor<?x8xbf16, ["S"]>, %w: tensor<8xf32>) -> tensor<?x8xbf16, ["S"]> {
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<?x8xf32, ["S"]>
  %square = aten.square(%x32) : tensor<?x8xf32, ["S"]>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<?x1xf32, ["S"]>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<?x1xf32, ["S"]>
  %rstd = aten.rsqrt(%shifted) : tensor<?x1xf32, ["S"]>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<?x8xf32, ["S"]>
  %weighted = aten.mul.Tensor(%w, %scaled) : tensor<?x8xf32, ["S"]>
  %y = aten.to.dtype(%weighted, dtype = bf16) : tensor<?x8xbf16, ["S"]>
  func.return %y : tensor<?x8xbf16, ["S"]>
}

// In f32 there is nothing to convert; what reads the mean besides the norm keeps it.
// CHECK-LABEL: func.func @in_f32
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>, %[[W:.*]]: tensor<8xf32>)
// CHECK: %[[M:.*]] = aten.mean.dim
// CHECK-NEXT: %[[Y:.*]] = nn.rms_norm %[[X]], %[[W]] eps 1.000000e-06 weight_in "input" : tensor<?x8xf32, ["S"]>, tensor<8xf32>
// CHECK-NEXT: "test.op"(%[[Y]], %[[M]])
func.func @in_f32(%x: tensor<?x8xf32, ["S"]>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2.000000e+00) : tensor<?x8xf32, ["S"]>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<?x1xf32, ["S"]>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<?x1xf32, ["S"]>
  %rstd = aten.rsqrt(%shifted) : tensor<?x1xf32, ["S"]>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<?x8xf32, ["S"]>
  "test.op"(%y, %mean) : (tensor<?x8xf32, ["S"]>, tensor<?x1xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @divided
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32, ["S"]>, %[[W:.*]]: tensor<8xf32>)
// CHECK-NEXT: nn.rms_norm %[[X]], %[[W]] eps 1.000000e-06 weight_in "input"
func.func @divided(%x: tensor<?x8xf32, ["S"]>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<?x8xf32, ["S"]>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<?x1xf32, ["S"]>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<?x1xf32, ["S"]>
  %root = aten.sqrt(%shifted) : tensor<?x1xf32, ["S"]>
  %scaled = aten.div.Tensor(%x, %root) : tensor<?x8xf32, ["S"]>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<?x8xf32, ["S"]>
  "test.op"(%y) : (tensor<?x8xf32, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @fused
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xbf16, ["S"]>, %[[W:.*]]: tensor<8xbf16>)
// CHECK-NEXT: %[[Y:.*]] = nn.rms_norm %[[X]], %[[W]] eps 1.000000e-05 weight_in "f32" : tensor<?x8xbf16, ["S"]>, tensor<8xbf16>
// CHECK-NEXT: %[[Z:.*]] = nn.rms_norm %[[X]], %[[W]] eps 1.1920928955078125e-07 weight_in "f32"
// CHECK-NEXT: "test.op"(%[[Y]], %[[Z]])
func.func @fused(%x: tensor<?x8xbf16, ["S"]>, %w: tensor<8xbf16>) {
  %y = aten.rms_norm(%x, normalized_shape = [8], weight = %w, eps = 1.000000e-05) : tensor<?x8xbf16, ["S"]>
  %z = aten.rms_norm(%x, normalized_shape = [8], weight = %w) : tensor<?x8xbf16, ["S"]>
  "test.op"(%y, %z) : (tensor<?x8xbf16, ["S"]>, tensor<?x8xbf16, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_fused
// CHECK-COUNT-3: aten.rms_norm
// REMARK: @negative_fused: aten.rms_norm: no weight is applied
// REMARK: @negative_fused: aten.rms_norm: it normalises over 2 dims, not over the last one
// REMARK: @negative_fused: aten.rms_norm: it is computed in f64, not in f32
func.func @negative_fused(%x: tensor<?x8xbf16, ["S"]>, %z: tensor<?x4x8xbf16, ["S"]>, %v: tensor<4x8xbf16>, %d: tensor<?x8xf64, ["S"]>, %e: tensor<8xf64>) {
  %a = aten.rms_norm(%x, normalized_shape = [8], eps = 1.000000e-05) : tensor<?x8xbf16, ["S"]>
  %b = aten.rms_norm(%z, normalized_shape = [4, 8], weight = %v) : tensor<?x4x8xbf16, ["S"]>
  %c = aten.rms_norm(%d, normalized_shape = [8], weight = %e) : tensor<?x8xf64, ["S"]>
  "test.op"(%a, %b, %c) : (tensor<?x8xbf16, ["S"]>, tensor<?x4x8xbf16, ["S"]>, tensor<?x8xf64, ["S"]>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_nothing_added(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_nothing_added: aten.rsqrt: no number is added to what the root is taken of
func.func @negative_nothing_added(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%mean) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_alpha(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_alpha: aten.rsqrt: no number is added to what the root is taken of
func.func @negative_alpha(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06, alpha = 2) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_named_eps(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_named_eps: aten.rsqrt: no number is added to what the root is taken of
func.func @negative_named_eps(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = "S") : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_sum(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_sum: aten.rsqrt: the root is not taken of a mean over the last dim
func.func @negative_sum(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.sum.dim_IntList(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_first_dim(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_first_dim: aten.rsqrt: the root is not taken of a mean over the last dim
func.func @negative_first_dim(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [0], keepdim = true) : tensor<1x8xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<1x8xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<1x8xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_both_dims(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_both_dims: aten.rsqrt: the root is not taken of a mean over the last dim
func.func @negative_both_dims(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [0, -1], keepdim = true) : tensor<1x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<1x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<1x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_lost_dim(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_lost_dim: aten.rsqrt: the mean loses its dim
func.func @negative_lost_dim(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1]) : tensor<8xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_cube(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_cube: aten.rsqrt: the mean is not one of squares
func.func @negative_cube(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 3) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_product(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_product: aten.rsqrt: the mean is not one of squares
func.func @negative_product(%x: tensor<8x8xf32>, %z: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.mul.Tensor(%x, %z) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_no_square(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_no_square: aten.rsqrt: the mean is not one of squares
func.func @negative_no_square(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %mean = aten.mean.dim(%x, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_other_scaled(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_other_scaled: aten.rsqrt: the root does not scale the value that was squared, in f32
func.func @negative_other_scaled(%x: tensor<8x8xf32>, %z: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%z, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_root_read_twice(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_root_read_twice: aten.rsqrt: the root does not scale anything, or not only that
func.func @negative_root_read_twice(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y, %rstd) : (tensor<8x8xf32>, tensor<8x1xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_divided_by(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.sqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_divided_by: aten.sqrt: the root does not scale anything, or not only that
func.func @negative_divided_by(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.sqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.div.Tensor(%rstd, %x) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_times_root(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.sqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_times_root: aten.sqrt: the root does not scale anything, or not only that
func.func @negative_times_root(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.sqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_scaled_read_twice(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_scaled_read_twice: aten.rsqrt: no weight is applied
func.func @negative_scaled_read_twice(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y, %scaled) : (tensor<8x8xf32>, tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_no_weight(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_no_weight: aten.rsqrt: no weight is applied
func.func @negative_no_weight(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  "test.op"(%scaled) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_weight_per_row(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_weight_per_row: aten.rsqrt: what the scaled row is multiplied with is not one number for each column
func.func @negative_weight_per_row(%x: tensor<8x8xf32>, %w: tensor<8x1xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_wide_weight(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_wide_weight: aten.rsqrt: the product with the weight is f64, which is not the input's type
func.func @negative_wide_weight(%x: tensor<8x8xf32>, %w: tensor<8xf64>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf64>
  "test.op"(%y) : (tensor<8x8xf64>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_in_f64(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_in_f64: aten.rsqrt: the mean of squares is computed in f64, not in f32
func.func @negative_in_f64(%x: tensor<8x8xf64>, %w: tensor<8xf64>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf64>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf64>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf64>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf64>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf64>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf64>
  "test.op"(%y) : (tensor<8x8xf64>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_in_bf16(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_in_bf16: aten.rsqrt: the mean of squares is computed in bf16, not in f32
func.func @negative_in_bf16(%x: tensor<8x8xbf16>, %w: tensor<8xbf16>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xbf16>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xbf16>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xbf16>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xbf16>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xbf16>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xbf16>
  "test.op"(%y) : (tensor<8x8xbf16>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_squares_in_bf16(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_squares_in_bf16: aten.rsqrt: the mean of squares is computed in bf16, not in f32
func.func @negative_squares_in_bf16(%x: tensor<8x8xbf16>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xbf16>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true, dtype = f32) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_mean_in_f64(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_mean_in_f64: aten.rsqrt: the mean of squares is computed in f64, not in f32
func.func @negative_mean_in_f64(%x: tensor<8x8xf32>, %w: tensor<8xf32>) {
  %square = aten.pow.Tensor_Scalar(%x, exponent = 2) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true, dtype = f64) : tensor<8x1xf64>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf64>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf64>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xf64>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf64>
  "test.op"(%y) : (tensor<8x8xf64>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_scaled_in_bf16(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_scaled_in_bf16: aten.rsqrt: the root does not scale the value that was squared, in f32
func.func @negative_scaled_in_bf16(%x: tensor<8x8xbf16>, %w: tensor<8xbf16>) {
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<8x8xf32>
  %square = aten.square(%x32) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x, %rstd) : tensor<8x8xbf16>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xbf16>
  "test.op"(%y) : (tensor<8x8xbf16>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_other_type(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_other_type: aten.rsqrt: the scaled row is rounded to f16, which is not the input's type
func.func @negative_other_type(%x: tensor<8x8xbf16>, %w: tensor<8xf16>) {
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<8x8xf32>
  %square = aten.square(%x32) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x32, %rstd) : tensor<8x8xf32>
  %narrow = aten.to.dtype(%scaled, dtype = f16) : tensor<8x8xf16>
  %y = aten.mul.Tensor(%w, %narrow) : tensor<8x8xf16>
  "test.op"(%y) : (tensor<8x8xf16>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_f32_weight(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_f32_weight: aten.rsqrt: the product with the weight is f32, which is not the input's type
func.func @negative_f32_weight(%x: tensor<8x8xbf16>, %w: tensor<8xf32>) {
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<8x8xf32>
  %square = aten.square(%x32) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x32, %rstd) : tensor<8x8xf32>
  %narrow = aten.to.dtype(%scaled, dtype = bf16) : tensor<8x8xbf16>
  %y = aten.mul.Tensor(%w, %narrow) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_stays_f32(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_stays_f32: aten.rsqrt: the product with the weight is not rounded to the input's type
func.func @negative_stays_f32(%x: tensor<8x8xbf16>, %w: tensor<8xf32>) {
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<8x8xf32>
  %square = aten.square(%x32) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x32, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}

// CHECK-LABEL: func.func @negative_rounded_to_f16(
// CHECK-NOT: nn.rms_norm
// CHECK: aten.rsqrt
// CHECK-NOT: nn.rms_norm
// REMARK: blocked: @negative_rounded_to_f16: aten.rsqrt: the product with the weight is not rounded to the input's type
func.func @negative_rounded_to_f16(%x: tensor<8x8xbf16>, %w: tensor<8xf32>) {
  %x32 = aten.to.dtype(%x, dtype = f32) : tensor<8x8xf32>
  %square = aten.square(%x32) : tensor<8x8xf32>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<8x1xf32>
  %shifted = aten.add.Scalar(%mean, other = 1.000000e-06) : tensor<8x1xf32>
  %rstd = aten.rsqrt(%shifted) : tensor<8x1xf32>
  %scaled = aten.mul.Tensor(%x32, %rstd) : tensor<8x8xf32>
  %y = aten.mul.Tensor(%w, %scaled) : tensor<8x8xf32>
  %z = aten.to.dtype(%y, dtype = f16) : tensor<8x8xf16>
  "test.op"(%z) : (tensor<8x8xf16>) -> ()
  func.return
}

// Another power is no root.
// CHECK-LABEL: func.func @negative_power
// CHECK: aten.pow.Tensor_Scalar
// REMARK-NOT: @negative_power
func.func @negative_power(%x: tensor<8x8xf32>) {
  %y = aten.pow.Tensor_Scalar(%x, exponent = 0.5) : tensor<8x8xf32>
  "test.op"(%y) : (tensor<8x8xf32>) -> ()
  func.return
}
