// RUN: dsv3c opt %s -p 'specialize-phases{phases=prefill,verify speculative=true}' --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p 'specialize-phases{phases=prefill,verify speculative=true}' --split-input-file --verify-diagnostics
// RUN: dsv3c opt %s -p 'specialize-phases{phases=prefill,verify}' --split-input-file | filecheck %s --check-prefix=PLAIN

// Every phase of the model gives, after the logits, what its head reads of every token; verify has every token's logits.
// The module that drafts is what it would be without.
// CHECK:      func.func @prefill(%ids: {{.*}} -> (tensor<?x100xbf16, ["N"]>, tensor<?x32xbf16, ["T"]>) attributes {phase = {name = "prefill", {{.*}} context = 4096 : i64, hidden}} {
// CHECK:      %[[X:\w+]] = nn.rms_norm %{{\w+}}, %{{\w+}} eps {{.*}} : tensor<?x32xbf16, ["T"]>,
// CHECK:      %[[LAST:\w+]] = nn.last_tokens %[[X]], %seq_offsets : {{.*}} -> tensor<?x32xbf16, ["N"]>
// CHECK-NEXT: %[[L:\w+]] = nn.linear %[[LAST]], %{{\w+}} : {{.*}} -> tensor<?x100xbf16, ["N"]>
// CHECK-NEXT: func.return %[[L]], %[[X]] : tensor<?x100xbf16, ["N"]>, tensor<?x32xbf16, ["T"]>
// CHECK:      func.func @mtp_prefill(%hidden: {{.*}} -> tensor<?x100xbf16, ["N"]> attributes {phase = {name = "prefill", {{.*}} context = 4096 : i64}} {
// CHECK:      func.func @verify({{.*}} -> (tensor<?x100xbf16, ["T"]>, tensor<?x32xbf16, ["T"]>) attributes {phase = {name = "verify", {{.*}} capturable, hidden}} {
// CHECK-NOT:  nn.last_tokens
// CHECK:      func.func @mtp_verify(%hidden: {{.*}} -> tensor<?x100xbf16, ["N"]> attributes {phase = {name = "verify", {{.*}} capturable}} {
// CHECK:      nn.last_tokens

// PLAIN:      func.func @prefill({{.*}} -> tensor<?x100xbf16, ["N"]> attributes
// PLAIN:      %[[LAST:\w+]] = nn.last_tokens
// PLAIN-NEXT: nn.rms_norm %[[LAST]]
// PLAIN:      func.func @verify({{.*}} -> tensor<?x100xbf16, ["N"]> attributes
// PLAIN-NOT:  hidden}
builtin.module attributes {dsv3c.facts = ["raised"]} {
dsv3c.symbol @B min 1
dsv3c.symbol @S min 2
func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x100xbf16, ["B", "S"]> {
  %e = weight.param "model.embed.weight" : tensor<100x32xbf16>
  %h = nn.embedding %ids, %e : tensor<?x?xi64, ["B", "S"]>, tensor<100x32xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %n = weight.param "model.norm.weight" : tensor<32xbf16>
  %x = nn.rms_norm %h, %n eps 1.0e-06 weight_in "input" : tensor<?x?x32xbf16, ["B", "S"]>, tensor<32xbf16>
  %w = weight.param "lm_head.weight" : tensor<100x32xbf16>
  %l = nn.linear %x, %w : tensor<?x?x32xbf16, ["B", "S"]>, tensor<100x32xbf16> -> tensor<?x?x100xbf16, ["B", "S"]>
  func.return %l : tensor<?x?x100xbf16, ["B", "S"]>
}
func.func @mtp(%hidden: tensor<?x?x32xbf16, ["B", "S"]>, %next_ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x100xbf16, ["B", "S"]> {
  %e = weight.param "model.embed.weight" : tensor<100x32xbf16>
  %h = nn.embedding %next_ids, %e : tensor<?x?xi64, ["B", "S"]>, tensor<100x32xbf16> -> tensor<?x?x32xbf16, ["B", "S"]>
  %x = aten.add.Tensor(%hidden, %h) : tensor<?x?x32xbf16, ["B", "S"]>
  %w = weight.param "lm_head.weight" : tensor<100x32xbf16>
  %l = nn.linear %x, %w : tensor<?x?x32xbf16, ["B", "S"]>, tensor<100x32xbf16> -> tensor<?x?x100xbf16, ["B", "S"]>
  func.return %l : tensor<?x?x100xbf16, ["B", "S"]>
}
}

// -----
// CHECK-LABEL: func.func @main(
builtin.module attributes {dsv3c.facts = ["raised"]} {
dsv3c.symbol @B min 1
dsv3c.symbol @S min 2
func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
  %x = aten.silu(%h) : tensor<?x?x8xbf16, ["B", "S"]>
  // expected-remark @below {{hidden states are what a linear head reads, and the result is not one linear's}}
  func.return %x : tensor<?x?x8xbf16, ["B", "S"]>
}
func.func @mtp(%hidden: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
  func.return %hidden : tensor<?x?x8xbf16, ["B", "S"]>
}
}

// -----
// Two products: which of them has the logits is not known.
// CHECK-LABEL: func.func @main(
// CHECK-NOT:     func.func @prefill
builtin.module attributes {dsv3c.facts = ["raised"]} {
dsv3c.symbol @B min 1
dsv3c.symbol @S min 2
func.func @main(%h: tensor<?x?x8xbf16, ["B", "S"]>) -> (tensor<?x?x16xbf16, ["B", "S"]>, tensor<?x?x16xbf16, ["B", "S"]>) {
  %w = weight.param "a.weight" : tensor<16x8xbf16>
  %x = nn.linear %h, %w : tensor<?x?x8xbf16, ["B", "S"]>, tensor<16x8xbf16> -> tensor<?x?x16xbf16, ["B", "S"]>
  // expected-remark @below {{hidden states are what a linear head reads, and the result is not one linear's}}
  func.return %x, %x : tensor<?x?x16xbf16, ["B", "S"]>, tensor<?x?x16xbf16, ["B", "S"]>
}
func.func @mtp(%hidden: tensor<?x?x8xbf16, ["B", "S"]>) -> tensor<?x?x8xbf16, ["B", "S"]> {
  func.return %hidden : tensor<?x?x8xbf16, ["B", "S"]>
}
}
