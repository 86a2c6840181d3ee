// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

dsv3c.symbol @T min 0 max 4096
dsv3c.symbol @R min 0
// CHECK: comm.mesh @ep nodes 2 gpus 4
comm.mesh @ep nodes 2 gpus 4

// CHECK-LABEL: @bounded
func.func @bounded(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>) {
  // CHECK-NEXT: %t = comm.start : !comm.token<"ep">
  %t = comm.start : !comm.token<"ep">
  // CHECK-NEXT: %p = comm.placement <0:7, 3, 7:14, 9> : tensor<16xi32>
  %p = comm.placement <0, 1:3, 3:7, 3, 7, 8:14, 9> : tensor<16xi32>
  // CHECK-NEXT: %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  // CHECK-NEXT: %out, %t2 = comm.combine %rows, %src, %w, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["16*T"]>, tensor<?x2xi32, ["16*T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  %out, %t2 = comm.combine %rows, %src, %w, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["16*T"]>, tensor<?x2xi32, ["16*T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  // CHECK-NEXT: %more, %mw, %mi, %ms, %t3 = comm.dispatch {{.*}} copies "rank" {{.*}} -> tensor<?x256xbf16, ["8*T"]>, tensor<?x4xf32, ["8*T"]>, tensor<?x4xi64, ["8*T"]>, tensor<?x2xi32, ["8*T"]>
  %more, %mw, %mi, %ms, %t3 = comm.dispatch %x, %w, %ids placement %p after %t2 copies "rank" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["8*T"]>, tensor<?x4xf32, ["8*T"]>, tensor<?x4xi64, ["8*T"]>, tensor<?x2xi32, ["8*T"]>
  // CHECK-NEXT: comm.combine {{.*}} order "rank" combine_in bf16 payload "logfmt10"
  %sum, %t4 = comm.combine %more, %ms, %w, %ids after %t3 order "rank" combine_in bf16 payload "logfmt10" : tensor<?x256xbf16, ["8*T"]>, tensor<?x2xi32, ["8*T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// Eight-bit rows with their scales; the layer takes the token and hands it on.
// CHECK-LABEL: @counted
func.func private @counted(%q: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) -> !comm.token<"ep"> {
  // CHECK-NEXT: %c, %t1 = comm.sync_counts %ids placement %p after %t copies "node" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  %c, %t1 = comm.sync_counts %ids placement %p after %t copies "node" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  // CHECK-NEXT: %rows, %rw, %ri, %src, %t2 = comm.dispatch %q, %w, %ids placement %p after %t1 counts %c : tensor<8xi32> copies "node" experts_per_rank 2 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["R"]>, 1x128, f32>, tensor<?x4xf32, ["R"]>, tensor<?x4xi64, ["R"]>, tensor<?x2xi32, ["R"]>
  %rows, %rw, %ri, %src, %t2 = comm.dispatch %q, %w, %ids placement %p after %t1 counts %c : tensor<8xi32> copies "node" experts_per_rank 2 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["R"]>, 1x128, f32>, tensor<?x4xf32, ["R"]>, tensor<?x4xi64, ["R"]>, tensor<?x2xi32, ["R"]>
  func.return %t2 : !comm.token<"ep">
}

// CHECK-LABEL: @entry
func.func @entry(%q: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>) {
  %t = comm.start : !comm.token<"ep">
  // CHECK: %t1 = func.call @counted(%q, %w, %ids, %p, %t)
  %t1 = func.call @counted(%q, %w, %ids, %p, %t) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep">) -> !comm.token<"ep">
  // CHECK-NEXT: %t2 = func.call @counted(%q, %w, %ids, %p, %t1)
  %t2 = func.call @counted(%q, %w, %ids, %p, %t1) : (!scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 1x128, f32>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep">) -> !comm.token<"ep">
  func.return
}
