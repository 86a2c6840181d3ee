// RUN: dsv3c opt %s --split-input-file --verify-diagnostics
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{1 inputs, but 2 names for them}}
  %y = kernel.call "a.b" reads ["x", "z"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{1 outputs, but 0 names for them}}
  %y = kernel.call "a.b" reads ["x"] %x writes [] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{launcher 'ab' is not file.function}}
  %y = kernel.call "ab" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{the launcher is given 'x' twice}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <x 1> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{a kernel has at least one configuration}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{a configuration does not say num_stages}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{block of a configuration is no integer}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1, block 1.5>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{the last configuration must be for any number of rows}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1, up_to 8>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{up_to must ascend, not [16, 8]}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1, up_to 16>, #kernel.literals<num_warps 4, num_stages 1, up_to 8>, #kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{in_place: no output is named 'z'}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> in_place <z "x"> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{in_place: no input is named 'z'}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> in_place <y "z"> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{offsets are given for x; what needs memory: y}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> offsets <x 0> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{offsets are given for y; what needs memory: none}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> in_place <y "x"> offsets <y 0> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{scratch s is not an element type and sizes, as in ["f32", "T", 128]}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> scratch <s ["f33", 4]> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @yield(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{kernel.yield outside of kernel.call}}
  kernel.yield %x : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{the body of kernel.call does not end in kernel.yield}}
  %y = kernel.call "a.b" reads ["x"] %x writes ["y"] configs [#kernel.literals<num_warps 4, num_stages 1>] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{function 'not a name' is no Python name}}
  %y = kernel.extern "lib" function "not a name" from "lib" of "vendor" launcher "a.b" reads ["x"] %x writes ["y"] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{package 'lib/part' is no Python name}}
  %y = kernel.extern "lib" function "f" from "lib/part" of "vendor" launcher "a.b" reads ["x"] %x writes ["y"] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{library '' is no Python name}}
  %y = kernel.extern "" function "f" from "lib" of "vendor" launcher "a.b" reads ["x"] %x writes ["y"] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{where lib comes from is not said}}
  %y = kernel.extern "lib" function "f" from "lib" of "" launcher "a.b" reads ["x"] %x writes ["y"] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}

// -----
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{1 inputs, but 0 names for them}}
  %y = kernel.extern "lib" function "f" from "lib" of "vendor" launcher "a.b" reads [] %x writes ["y"] parameters <none> : tensor<4xf32> -> tensor<4xf32> {
  ^bb0(%a: tensor<4xf32>):
    %b = aten.neg(%a) : tensor<4xf32>
    kernel.yield %b : tensor<4xf32>
  }
  func.return %y : tensor<4xf32>
}
