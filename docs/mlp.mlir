// A gated MLP behind its norm, over named tokens: what raising leaves of it.
builtin.module attributes {dsv3c.facts = ["raised"]} {
  dsv3c.symbol @T min 1 max 4096
  func.func @mlp(%x: tensor<?x384xbf16, ["T"]>) -> tensor<?x384xbf16, ["T"]> {
    %g = weight.param "norm.weight" : tensor<384xbf16>
    %n = nn.rms_norm %x, %g eps 1.000000e-06 weight_in "input" : tensor<?x384xbf16, ["T"]>, tensor<384xbf16>
    %w1 = weight.param "gate_proj.weight" : tensor<576x384xbf16>
    %gate = nn.linear %n, %w1 : tensor<?x384xbf16, ["T"]>, tensor<576x384xbf16> -> tensor<?x576xbf16, ["T"]>
    %w3 = weight.param "up_proj.weight" : tensor<576x384xbf16>
    %up = nn.linear %n, %w3 : tensor<?x384xbf16, ["T"]>, tensor<576x384xbf16> -> tensor<?x576xbf16, ["T"]>
    %h = nn.swiglu %gate, %up intermediate "input" : tensor<?x576xbf16, ["T"]>
    %w2 = weight.param "down_proj.weight" : tensor<384x576xbf16>
    %d = nn.linear %h, %w2 : tensor<?x576xbf16, ["T"]>, tensor<384x576xbf16> -> tensor<?x384xbf16, ["T"]>
    %y = aten.add.Tensor(%x, %d) : tensor<?x384xbf16, ["T"]>
    func.return %y : tensor<?x384xbf16, ["T"]>
  }
}
