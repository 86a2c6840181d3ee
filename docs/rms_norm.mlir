// RMSNorm over named tokens, as torch.export writes the model's five lines of Python.
dsv3c.symbol @T min 1 max 4096
func.func @norm(%x: tensor<?x384xbf16, ["T"]>) -> tensor<?x384xbf16, ["T"]> {
  %w = weight.param "norm.weight" : tensor<384xbf16>
  %wide = aten.to.dtype(%x, dtype = f32) : tensor<?x384xf32, ["T"]>
  %square = aten.pow.Tensor_Scalar(%wide, exponent = 2) : tensor<?x384xf32, ["T"]>
  %mean = aten.mean.dim(%square, dim = [-1], keepdim = true) : tensor<?x1xf32, ["T"]>
  %shifted = aten.add.Scalar(%mean, other = 1.0e-06) : tensor<?x1xf32, ["T"]>
  %rstd = aten.rsqrt(%shifted) : tensor<?x1xf32, ["T"]>
  %scaled = aten.mul.Tensor(%wide, %rstd) : tensor<?x384xf32, ["T"]>
  %narrow = aten.to.dtype(%scaled, dtype = bf16) : tensor<?x384xbf16, ["T"]>
  %y = aten.mul.Tensor(%w, %narrow) : tensor<?x384xbf16, ["T"]>
  func.return %y : tensor<?x384xbf16, ["T"]>
}
