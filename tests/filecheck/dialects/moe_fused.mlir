// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @T min 1 max 4096

// CHECK-LABEL: @fused
func.func @fused(%x: tensor<?x8xbf16, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>) -> tensor<?x8xbf16, ["T"]> {
  // CHECK-NEXT: %y = moe.fused %x, %w, %ids : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x8xbf16, ["T"]> {
  // CHECK-NEXT: ^{{\w+}}(%[[X:\w+]]: tensor<?x8xbf16, ["T"]>, %[[W:\w+]]: tensor<?x2xf32, ["T"]>, %[[I:\w+]]: tensor<?x2xi64, ["T"]>):
  // CHECK-NEXT:   %rows, %slots, %expert_of = moe.permute %[[X]] by %[[I]] experts 4 layout "dense" alignment 1 :
  // CHECK-NEXT:   %out = moe.unpermute %rows at %slots weights %[[W]] ids %[[I]] combine_in f32 order "slot" :
  // CHECK-NEXT:   moe.yield %out : tensor<?x8xbf16, ["T"]>
  // CHECK-NEXT: }
  // CHECK-NEXT: func.return %y :
  %y = moe.fused %x, %w, %ids : tensor<?x8xbf16, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x8xbf16, ["T"]> {
  ^bb0(%a: tensor<?x8xbf16, ["T"]>, %b: tensor<?x2xf32, ["T"]>, %c: tensor<?x2xi64, ["T"]>):
    %rows, %slots, %expert_of = moe.permute %a by %c experts 4 layout "dense" alignment 1 : tensor<?x8xbf16, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x8xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?xi32, ["4*T"]>
    %out = moe.unpermute %rows at %slots weights %b ids %c combine_in f32 order "slot" : tensor<?x8xbf16, ["4*T"]>, tensor<?xi32, ["4*T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]> -> tensor<?x8xbf16, ["T"]>
    moe.yield %out : tensor<?x8xbf16, ["T"]>
  }
  func.return %y : tensor<?x8xbf16, ["T"]>
}
