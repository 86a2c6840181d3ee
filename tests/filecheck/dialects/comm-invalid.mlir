// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

// expected-error @below {{nodes must be positive, not 0}}
comm.mesh @ep nodes 0 gpus 4

// -----
// expected-error @below {{gpus must be positive, not 0}}
comm.mesh @ep nodes 1 gpus 0

// -----
func.func @f() {
  // expected-error @below {{a placement must be [3], not [4]}}
  %p = comm.placement <0:3> : tensor<4xi32>
  func.return
}

// -----
func.func @f() {
  // expected-error @below {{a placement holds i32, not i64}}
  %p = comm.placement <0:3> : tensor<3xi64>
  func.return
}

// -----
func.func @f() {
  // expected-error @below {{a placement holds at least one expert}}
  %p = comm.placement <1:1> : tensor<0xi32>
  func.return
}

// -----
func.func @f() {
  // expected-error @below {{experts are numbered from 0: -1}}
  %p = comm.placement <0, -1> : tensor<2xi32>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{x [T] and ids [T, 4] need rank 2}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["R"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{ids [R, 4] are not for x's tokens [T, 256]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["R"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{weights must be [T, 4], not [T, 3]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x3xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xi32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{weights must hold floating point, not i32}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xi32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xi32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 128x128, f32>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{a scale of x must not reach over tokens}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : !scaled.tensor<tensor<?x256xf8E4M3FN, ["T"]>, 128x128, f32>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> !scaled.tensor<tensor<?x256xf8E4M3FN, ["16*T"]>, 128x128, f32>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{copies must be one of expert, rank, node, not 'all'}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "all" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi32, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{ids must hold i64, not i32}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi32, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi64>, %t: !comm.token<"ep">) {
  // expected-error @below {{placement must hold i32, not i64}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi64>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<?xi32, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{placement must be [P] with P a number, not [T]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<?xi32, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<8x2xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{placement must be [P] with P a number, not [8, 2]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<8x2xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{16 physical experts are not ranks of experts_per_rank = 3}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 3 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{16 physical experts are not ranks of experts_per_rank = 0}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 0 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x?xf32, ["T", "R"]>, %ids: tensor<?x?xi64, ["T", "R"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{the number of choices must be static: [T, R]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x?xf32, ["T", "R"]>, tensor<?x?xi64, ["T", "R"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{bounded rows must be 16*T, not 32*T}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["32*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">, %c: tensor<4xi32>) {
  // expected-error @below {{counts must be [8], not [4]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t counts %c : tensor<4xi32> copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["R"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">, %c: tensor<8xi64>) {
  // expected-error @below {{counts must hold i32, not i64}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t counts %c : tensor<8xi64> copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["R"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">, %c: tensor<8xi32>) {
  // expected-error @below {{counted rows need a symbol of their own, not 16*T}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t counts %c : tensor<8xi32> copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">, %c: tensor<8xi32>) {
  // expected-error @below {{counted rows need a symbol of their own, not 64}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t counts %c : tensor<8xi32> copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<64x256xbf16>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{rows must have type tensor<?x256xbf16, ["16*T"]>, not tensor<?x128xbf16, ["16*T"]>}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x128xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{row_weights must be [16*T, 1], not [16*T, 4]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x4xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{row_weights must hold f32}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xbf16, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{row_ids must be [16*T, 1], not [T, 1]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{row_ids must hold i64, not i32}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi32, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{sources must be [16*T, 2], not [16*T, 1]}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x1xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{sources must hold i32, not i64}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi64, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%ids: tensor<?xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{ids must be [T, k], not [T]}}
  %c, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{copies must be one of expert, rank, node, not 'all'}}
  %c, %t1 = comm.sync_counts %ids placement %p after %t copies "all" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{counts must be [8], not [16]}}
  %c, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<16xi32>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{counts must hold i32, not i64}}
  %c, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi64>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{y [R] and ids [T, 4] need rank 2}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xi32, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{y must hold floating point, not i32}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x256xi32, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xi32, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{sources must be [R, 2], not [T, 2]}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x3xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{weights must be [T, 4], not [T, 3]}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x3xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi32, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{ids must hold i64, not i32}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi32, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{combine_in must be a floating point type, not i32}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in i32 payload "bf16" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{order must be one of slot, expert, rank, node_rank, not 'any'}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "any" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{payload must be one of bf16, f16, f32, f64, logfmt10, logfmt8, not 'fp8'}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "fp8" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x256xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{out must have type tensor<?x256xbf16, ["T"]>, not tensor<?x256xf32, ["T"]>}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xf32, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x192xbf16, ["R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{logfmt8 works on groups of 128 channels; 192 is no multiple}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "logfmt8" : tensor<?x192xbf16, ["R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x192xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%y: tensor<?x?xbf16, ["R", "R"]>, %src: tensor<?x2xi32, ["R"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %t: !comm.token<"ep">) {
  // expected-error @below {{logfmt10 works on groups of 128 channels; R is no multiple}}
  %out, %t1 = comm.combine %y, %src, %w, %ids after %t order "slot" combine_in f32 payload "logfmt10" : tensor<?x?xbf16, ["R", "R"]>, tensor<?x2xi32, ["R"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x?xbf16, ["T", "R"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  // expected-error @below {{order 'rank' does not fit rows sent per expert}}
  %out, %t2 = comm.combine %rows, %src, %w, %ids after %t1 order "rank" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["16*T"]>, tensor<?x2xi32, ["16*T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
    %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "node" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["8*T"]>, tensor<?x4xf32, ["8*T"]>, tensor<?x4xi64, ["8*T"]>, tensor<?x2xi32, ["8*T"]>
  // expected-error @below {{order 'slot' does not fit rows sent per node}}
  %out, %t2 = comm.combine %rows, %src, %w, %ids after %t1 order "slot" combine_in f32 payload "bf16" : tensor<?x256xbf16, ["8*T"]>, tensor<?x2xi32, ["8*T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, !comm.token<"ep"> -> tensor<?x256xbf16, ["T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{comm.sync_counts: two users of one !comm.token<"ep">}}
  %c1, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  %c2, %t2 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) -> !comm.token<"ep"> {
  %c1, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  // expected-error @below {{func.return reads a token that comm.sync_counts has replaced}}
  func.return %t : !comm.token<"ep">
}

// -----
func.func @f() {
  // expected-error @below {{comm.start: there is no group @ep}}
  %t = comm.start : !comm.token<"ep">
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 1 gpus 4
func.func @f(%x: tensor<?x256xbf16, ["T"]>, %w: tensor<?x4xf32, ["T"]>, %ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{comm.dispatch places experts on 8 ranks, @ep has 4}}
  %rows, %rw, %ri, %src, %t1 = comm.dispatch %x, %w, %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x256xbf16, ["T"]>, tensor<?x4xf32, ["T"]>, tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<?x256xbf16, ["16*T"]>, tensor<?x1xf32, ["16*T"]>, tensor<?x1xi64, ["16*T"]>, tensor<?x2xi32, ["16*T"]>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 1 gpus 4
func.func @f(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) {
  // expected-error @below {{comm.sync_counts places experts on 8 ranks, @ep has 4}}
  %c, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f() {
  // expected-error @below {{@f has two first tokens of @ep: two orders}}
  %a = comm.start : !comm.token<"ep">
  %b = comm.start : !comm.token<"ep">
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func @f(%t: !comm.token<"ep">) {
  // expected-error @below {{@f has two first tokens of @ep: two orders}}
  %a = comm.start : !comm.token<"ep">
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func private @g() {
  // expected-error @below {{@g is called and starts the order of @ep anew}}
  %a = comm.start : !comm.token<"ep">
  func.return
}
func.func @f() {
  func.call @g() : () -> ()
  func.return
}

// -----
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func private @g(%t: !comm.token<"ep">) {
  func.return
}
func.func @f(%t: !comm.token<"ep">) {
  // expected-error @below {{func.call: two users of one !comm.token<"ep">}}
  func.call @g(%t) : (!comm.token<"ep">) -> ()
  func.call @g(%t) : (!comm.token<"ep">) -> ()
  func.return
}

// -----
builtin.module attributes {dsv3c.facts = ["sharded"]} {
dsv3c.symbol @T min 0
dsv3c.symbol @R min 0
comm.mesh @ep nodes 2 gpus 4
func.func private @layer(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>, %t: !comm.token<"ep">) -> !comm.token<"ep"> {
  // expected-error @below {{comm.sync_counts in @layer, which a capturable phase runs: the host would wait for sizes}}
  %c1, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank 2 : tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep"> -> tensor<8xi32>
  func.return %t1 : !comm.token<"ep">
}
func.func @decode(%ids: tensor<?x4xi64, ["T"]>, %p: tensor<16xi32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 1 : i64, sequences = 1 : i64, context = 1 : i64, capturable}} {
  %t = comm.start : !comm.token<"ep">
  %t1 = func.call @layer(%ids, %p, %t) : (tensor<?x4xi64, ["T"]>, tensor<16xi32>, !comm.token<"ep">) -> !comm.token<"ep">
  func.return
}
}

