// RUN: dsv3c opt %s -p schedule-overlap --target h800 --split-input-file | filecheck %s
// RUN: dsv3c opt %s -p schedule-overlap --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=REMARK
// RUN: dsv3c opt %s -p 'schedule-overlap{cross-layer=false}' --target h800 --split-input-file | filecheck %s --check-prefix=APART
// RUN: dsv3c opt %s -p 'schedule-overlap{cross-layer=false}' --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=FORBIDDEN
// RUN: dsv3c opt %s -p 'schedule-overlap{mega-kernel=true}' --target h800 --split-input-file | filecheck %s --check-prefix=MEGA
// RUN: dsv3c opt %s -p 'schedule-overlap{mega-kernel=true}' --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=INSIDE
// RUN: dsv3c opt %s -p 'schedule-overlap{comm-sms=20}' --target h800 --split-input-file | filecheck %s --check-prefix=SMS
// RUN: dsv3c opt %s -p 'schedule-overlap{live-buffers=1}' --target h800 --split-input-file | filecheck %s --check-prefix=ONE
// RUN: dsv3c opt %s -p 'schedule-overlap{live-buffers=1}' --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=SCARCE
// RUN: dsv3c opt %s -p 'schedule-overlap{live-buffers=0}' --target h800 --split-input-file | filecheck %s --check-prefix=ANY
// RUN: dsv3c opt %s -p 'schedule-overlap{comm-sms=132}' --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=NONE
// RUN: dsv3c opt %s -p schedule-overlap --target cpu --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=CPU
// RUN: dsv3c opt %s -p schedule-overlap --target b200 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=UNSTATED
// RUN: dsv3c opt %s -p schedule-overlap,schedule-overlap --target h800 --split-input-file --remarks -o %t 2>&1 | filecheck %s --check-prefix=TWICE

// Published order of decode, layer by layer: the shared expert of one micro-batch and the projections of the other run
// under dispatch, the experts alone, the attention core of the other under combine; then the roles change.  Calls stand
// in the order in which they start, and the token goes from one exchange to the next in that order.
// CHECK-LABEL: @decode(
// CHECK-NEXT:    %[[Q0_0:\w+]] = func.call @attention_0(%x0) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[H0_0:\w+]] = func.call @attention_1(%[[Q0_0]]) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[S0_0:\w+]] = func.call @shared(%[[H0_0]]) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[T0:\w+]] = comm.start
// CHECK-NEXT:    %[[D0_0:\w+]], %[[TD0_0:\w+]] = func.call @dispatch(%[[H0_0]], %[[T0]]) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "comm"}
// CHECK-NEXT:    %[[Q0_1:\w+]] = func.call @attention_0(%x1) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[E0_0:\w+]] = func.call @experts(%[[D0_0]]) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[C0_0:\w+]], %[[TC0_0:\w+]] = func.call @combine(%[[E0_0]], %[[TD0_0]]) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "comm"}
// CHECK-NEXT:    %[[H0_1:\w+]] = func.call @attention_1(%[[Q0_1]]) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[R0_0:\w+]] = func.call @residual(%[[S0_0]], %[[C0_0]]) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[D0_1:\w+]], %[[TD0_1:\w+]] = func.call @dispatch(%[[H0_1]], %[[TC0_0]]) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "comm"}
// CHECK-NEXT:    %[[S0_1:\w+]] = func.call @shared(%[[H0_1]]) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[Q1_0:\w+]] = func.call @attention_0(%[[R0_0]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[E0_1:\w+]] = func.call @experts(%[[D0_1]]) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[C0_1:\w+]], %[[TC0_1:\w+]] = func.call @combine(%[[E0_1]], %[[TD0_1]]) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "comm"}
// CHECK-NEXT:    %[[H1_0:\w+]] = func.call @attention_1(%[[Q1_0]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[R0_1:\w+]] = func.call @residual(%[[S0_1]], %[[C0_1]]) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute"}
// CHECK-NEXT:    %[[D1_0:\w+]], %[[TD1_0:\w+]] = func.call @dispatch(%[[H1_0]], %[[TC0_1]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "comm"}
// CHECK-NEXT:    %[[S1_0:\w+]] = func.call @shared(%[[H1_0]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[Q1_1:\w+]] = func.call @attention_0(%[[R0_1]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[E1_0:\w+]] = func.call @experts(%[[D1_0]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[C1_0:\w+]], %[[TC1_0:\w+]] = func.call @combine(%[[E1_0]], %[[TD1_0]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "comm"}
// CHECK-NEXT:    %[[H1_1:\w+]] = func.call @attention_1(%[[Q1_1]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[R1_0:\w+]] = func.call @residual(%[[S1_0]], %[[C1_0]]) {prefix = "layers.1", microbatch = 0 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[D1_1:\w+]], %[[TD1_1:\w+]] = func.call @dispatch(%[[H1_1]], %[[TC1_0]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "comm"}
// CHECK-NEXT:    %[[S1_1:\w+]] = func.call @shared(%[[H1_1]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[E1_1:\w+]] = func.call @experts(%[[D1_1]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    %[[C1_1:\w+]], %[[TC1_1:\w+]] = func.call @combine(%[[E1_1]], %[[TD1_1]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "comm"}
// CHECK-NEXT:    %[[R1_1:\w+]] = func.call @residual(%[[S1_1]], %[[C1_1]]) {prefix = "layers.1", microbatch = 1 : i64, layer = 1 : i64, stream = "compute"}
// CHECK-NEXT:    func.return %[[R1_0]], %[[R1_1]] :
// CHECK-NEXT:  }
// CHECK-NEXT:  sched.timetable @decode target "h800" sms 132 point {N = 4 : i64, T = 8 : i64, context = 1000 : i64} {
// CHECK-NEXT:  sched.stream "compute" kind "compute" sms 132
// CHECK-NEXT:  sched.stream "comm" kind "comm" sms 0
// CHECK-NEXT:  sched.buffer "low-latency" live 2
// CHECK-NEXT:  sched.segment "attention-0" layers 0 to 2 kind "compute" sms 132 us [80, 80]
// CHECK-NEXT:  sched.segment "attention-1" layers 0 to 2 kind "compute" sms 132 us [190, 190]
// CHECK-NEXT:  sched.segment "dispatch" layers 0 to 2 kind "comm" sms 0 us [100, 100] group "ep" holds {{\[\[}}"low-latency", "experts"]]
// CHECK-NEXT:  sched.segment "experts" layers 0 to 2 kind "compute" sms 132 us [100, 100]
// CHECK-NEXT:  sched.segment "shared" layers 0 to 2 kind "compute" sms 132 us [20, 20]
// CHECK-NEXT:  sched.segment "combine" layers 0 to 2 kind "comm" sms 0 us [190, 190] group "ep" holds {{\[\[}}"low-latency", ""]]
// CHECK-NEXT:  sched.segment "residual" layers 0 to 2 kind "compute" sms 132 us [0.5, 0.5]
// CHECK-NEXT:  sched.depends "attention-0" on "residual" kind "data" layers_back 1
// CHECK-NEXT:  sched.depends "attention-1" on "attention-0" kind "data"
// CHECK-NEXT:  sched.depends "dispatch" on "attention-1" kind "data"
// CHECK-NEXT:  sched.depends "experts" on "dispatch" kind "data"
// CHECK-NEXT:  sched.depends "shared" on "attention-1" kind "data"
// CHECK-NEXT:  sched.depends "combine" on "experts" kind "data"
// CHECK-NEXT:  sched.depends "residual" on "shared" kind "data"
// CHECK-NEXT:  sched.depends "residual" on "combine" kind "data"
// CHECK-NEXT:  } prologue {
// CHECK-NEXT:  sched.slot "attention-0" layer 0 microbatch 0 stream "compute" start 0 end 80
// CHECK-NEXT:  sched.slot "attention-1" layer 0 microbatch 0 stream "compute" start 80 end 270
// REMARK: schedule-overlap: fired: func.func: @decode: two streams: 269.5 of 1160.0 us of communication exposed: residual waits for combine (once, 190.0 us), experts waits for dispatch (once, 79.5 us); without cross-layer overlap 479.0 us are exposed, 209.5 us more: attention-0 waits for residual of the other micro-batch of the layer before (asked for) (once, 189.5 us); makespan_us = 1831.5, serial_us = 2722.0, communication_us = 1160.0, exposed_us = 269.5, lower_bound_us = 1562.0, overlapped_us = 1831.5, without_cross_layer_us = 2041.0, exposed_without_cross_layer_us = 479.0, one_piece_us = 2642.0, mega_kernel_us = 2322.0
// Apart: no segment of layer 1 starts before both micro-batches have left layer 0.
// APART-LABEL: sched.timetable @decode
// APART: sched.depends "attention-0" on "residual" kind "order" layers_back 1 microbatches_back -1
// APART: sched.depends "attention-0" on "residual" kind "order" layers_back 1 microbatches_back 1
// APART: sched.slot "combine" layer 0 microbatch 1 stream "comm" start 830 end 1020
// APART-NEXT: sched.slot "residual" layer 0 microbatch 1 stream "compute" start 1020 end 1020.5
// FORBIDDEN: schedule-overlap: fired: func.func: @decode: two streams: 479.0 of 1160.0 us of communication exposed: residual waits for combine (3 times, 289.5 us), attention-0 waits for residual of the other micro-batch of the layer before (asked for) (once, 189.5 us); cross-layer overlap is forbidden: it would leave 269.5 us exposed, 209.5 us less; makespan_us = 2041.0, serial_us = 2722.0, communication_us = 1160.0, exposed_us = 479.0, lower_bound_us = 1562.0, overlapped_us = 2041.0, with_cross_layer_us = 1831.5, exposed_with_cross_layer_us = 269.5, one_piece_us = 2642.0, mega_kernel_us = 2322.0
// INSIDE: schedule-overlap: fired: func.func: @decode: two streams: 269.5 of 1160.0 us of communication exposed: residual waits for combine (once, 190.0 us), experts waits for dispatch (once, 79.5 us); without cross-layer overlap 479.0 us are exposed, 209.5 us more: attention-0 waits for residual of the other micro-batch of the layer before (asked for) (once, 189.5 us); makespan_us = 1831.5, serial_us = 2722.0, communication_us = 1160.0, exposed_us = 269.5, lower_bound_us = 1562.0, overlapped_us = 1831.5, without_cross_layer_us = 2041.0, exposed_without_cross_layer_us = 479.0, one_piece_us = 2642.0, mega_kernel_us = 2322.0
// MEGA-LABEL: sched.timetable @decode
// MEGA: sched.stream "comm"
// SMS: sched.stream "compute" kind "compute" sms 112
// SMS: sched.stream "comm" kind "comm" sms 20
// SMS: sched.segment "experts" layers 0 to 2 kind "compute" sms 112 us [100, 100]
// SMS: sched.segment "combine" layers 0 to 2 kind "comm" sms 20 us [190, 190] group "ep" holds [["low-latency", ""]]
// ONE: sched.buffer "low-latency" live 1
// ONE: sched.slot "dispatch" layer 0 microbatch 0 stream "comm" start 270 end 370
// ONE: sched.slot "combine" layer 0 microbatch 0 stream "comm" start 470 end 660
// ONE: sched.slot "dispatch" layer 0 microbatch 1 stream "comm" start 660 end 760
// ANY-LABEL: sched.timetable @decode
// ANY-NOT: sched.buffer
// ANY-NOT: holds
// ANY: sched.slot
// NONE: schedule-overlap: blocked: func.func: @decode: communication would hold 132 of 132 multiprocessors: none are left to compute
// CPU: schedule-overlap: blocked: func.func: @decode: target cpu does not state num_compute_units
// UNSTATED: schedule-overlap: blocked: func.func: @decode: target b200 does not state low_latency_communication_compute_units: give comm-sms
// TWICE: schedule-overlap: fired: func.func: @decode: two streams
// TWICE: schedule-overlap: blocked: func.func: @decode has a timetable already
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_0(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 80.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 190.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 100.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 100.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @shared(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "shared", us = 20.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @combine(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "combine", us = 190.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @residual(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "residual", us = 0.5} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %q = func.call @attention_0(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @attention_1(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%rows) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = func.call @shared(%h) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %z, %t2 = func.call @combine(%y, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %r = func.call @residual(%s, %z) {prefix = ""} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %r, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @decode(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {microbatch = 0 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y0_1, %t2 = func.call @layer(%x1, %t1) {microbatch = 1 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_0, %t3 = func.call @layer(%y0_0, %t2) {microbatch = 0 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_1, %t4 = func.call @layer(%y0_1, %t3) {microbatch = 1 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y1_0, %y1_1 : tensor<4x8xf32>, tensor<4x8xf32>
  }
}

// -----
// Prefill is no device graph: communication holds 24 multiprocessors and has no buffers to count; experts of one
// micro-batch run under the exchanges of the other.
// CHECK-LABEL: sched.timetable @prefill target "h800" sms 132 point {N = 4 : i64, T = 8 : i64, context = 1000 : i64} {
// CHECK-NEXT:    sched.stream "compute" kind "compute" sms 108
// CHECK-NEXT:    sched.stream "comm" kind "comm" sms 24
// CHECK-NEXT:    sched.segment "attention-0" layers 0 to 2 kind "compute" sms 108 us [500, 500]
// CHECK-NEXT:    sched.segment "attention-1" layers 0 to 2 kind "compute" sms 108 us [1100, 1100]
// CHECK-NEXT:    sched.segment "dispatch" layers 0 to 2 kind "comm" sms 24 us [900, 900] group "ep"
// CHECK-NEXT:    sched.segment "experts" layers 0 to 2 kind "compute" sms 108 us [1300, 1300]
// CHECK-NEXT:    sched.segment "shared" layers 0 to 2 kind "compute" sms 108 us [300, 300]
// CHECK-NEXT:    sched.segment "combine" layers 0 to 2 kind "comm" sms 24 us [1500, 1500] group "ep"
// CHECK-NEXT:    sched.segment "residual" layers 0 to 2 kind "compute" sms 108 us [1, 1]
// CHECK:       } prologue {
// CHECK-NEXT:    sched.slot "attention-0" layer 0 microbatch 0 stream "compute" start 0 end 500
// CHECK-NEXT:    sched.slot "attention-0" layer 0 microbatch 1 stream "compute" start 500 end 1000
// CHECK-NEXT:    sched.slot "attention-1" layer 0 microbatch 0 stream "compute" start 1000 end 2100
// CHECK-NEXT:    sched.slot "dispatch" layer 0 microbatch 0 stream "comm" start 2100 end 3000
// CHECK-NEXT:    sched.slot "attention-1" layer 0 microbatch 1 stream "compute" start 2100 end 3200
// CHECK-NEXT:    sched.slot "dispatch" layer 0 microbatch 1 stream "comm" start 3200 end 4100
// CHECK-NEXT:    sched.slot "experts" layer 0 microbatch 0 stream "compute" start 3200 end 4500
// CHECK-NEXT:    sched.slot "experts" layer 0 microbatch 1 stream "compute" start 4500 end 5800
// CHECK-NEXT:    sched.slot "combine" layer 0 microbatch 0 stream "comm" start 4500 end 6000
// CHECK-NEXT:    sched.slot "shared" layer 0 microbatch 0 stream "compute" start 5800 end 6100
// CHECK-NEXT:    sched.slot "combine" layer 0 microbatch 1 stream "comm" start 6000 end 7500
// CHECK-NEXT:    sched.slot "shared" layer 0 microbatch 1 stream "compute" start 6100 end 6400
// CHECK-NEXT:    sched.slot "residual" layer 0 microbatch 0 stream "compute" start 6400 end 6401
// CHECK-NEXT:    sched.slot "attention-0" layer 1 microbatch 0 stream "compute" start 6401 end 6901
// CHECK-NEXT:    sched.slot "attention-1" layer 1 microbatch 0 stream "compute" start 6901 end 8001
// CHECK-NEXT:    sched.slot "residual" layer 0 microbatch 1 stream "compute" start 8001 end 8002
// CHECK-NEXT:    sched.slot "dispatch" layer 1 microbatch 0 stream "comm" start 8001 end 8901
// CHECK-NEXT:    sched.slot "attention-0" layer 1 microbatch 1 stream "compute" start 8002 end 8502
// CHECK-NEXT:    sched.slot "attention-1" layer 1 microbatch 1 stream "compute" start 8502 end 9602
// CHECK-NEXT:    sched.slot "dispatch" layer 1 microbatch 1 stream "comm" start 9602 end 10502
// CHECK-NEXT:    sched.slot "experts" layer 1 microbatch 0 stream "compute" start 9602 end 10902
// CHECK-NEXT:    sched.slot "experts" layer 1 microbatch 1 stream "compute" start 10902 end 12202
// CHECK-NEXT:    sched.slot "combine" layer 1 microbatch 0 stream "comm" start 10902 end 12402
// CHECK-NEXT:    sched.slot "shared" layer 1 microbatch 0 stream "compute" start 12202 end 12502
// CHECK-NEXT:    sched.slot "combine" layer 1 microbatch 1 stream "comm" start 12402 end 13902
// CHECK-NEXT:    sched.slot "shared" layer 1 microbatch 1 stream "compute" start 12502 end 12802
// CHECK-NEXT:    sched.slot "residual" layer 1 microbatch 0 stream "compute" start 12802 end 12803
// CHECK-NEXT:    sched.slot "residual" layer 1 microbatch 1 stream "compute" start 13902 end 13903
// CHECK-NEXT:  }
// REMARK: schedule-overlap: fired: func.func: @prefill: two streams: 1099.0 of 9600.0 us of communication exposed: residual waits for combine (once, 1099.0 us); without cross-layer overlap 2198.0 us are exposed, 1099.0 us more: attention-0 waits for residual of the other micro-batch of the layer before (asked for) (once, 1099.0 us); makespan_us = 13903.0, serial_us = 22404.0, communication_us = 9600.0, exposed_us = 1099.0, lower_bound_us = 12804.0, overlapped_us = 13903.0, without_cross_layer_us = 15002.0, exposed_without_cross_layer_us = 2198.0, one_piece_us = 21204.0, mega_kernel_us = 17204.0
// UNSTATED: schedule-overlap: blocked: func.func: @prefill: target b200 does not state communication_compute_units: give comm-sms
// ANY-LABEL: sched.timetable @prefill
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_0(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 500.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 1100.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 900.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 1300.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @shared(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "shared", us = 300.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @combine(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "combine", us = 1500.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @residual(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "residual", us = 1.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %q = func.call @attention_0(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @attention_1(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%rows) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = func.call @shared(%h) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %z, %t2 = func.call @combine(%y, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %r = func.call @residual(%s, %z) {prefix = ""} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %r, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @prefill(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {phase = {name = "prefill", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {microbatch = 0 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y0_1, %t2 = func.call @layer(%x1, %t1) {microbatch = 1 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_0, %t3 = func.call @layer(%y0_0, %t2) {microbatch = 0 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_1, %t4 = func.call @layer(%y0_1, %t3) {microbatch = 1 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y1_0, %y1_1 : tensor<4x8xf32>, tensor<4x8xf32>
  }
}

// -----
// Layers that follow the same pattern are written once.
// CHECK-LABEL: sched.timetable @steady
// CHECK:       } prologue {
// CHECK-NEXT:    sched.slot "attention-0" layer 0 microbatch 0 stream "compute" start 0 end 80
// CHECK-NEXT:    sched.slot "attention-1" layer 0 microbatch 0 stream "compute" start 80 end 270
// CHECK-NEXT:    sched.slot "shared" layer 0 microbatch 0 stream "compute" start 270 end 290
// CHECK-NEXT:    sched.slot "dispatch" layer 0 microbatch 0 stream "comm" start 270 end 370
// CHECK-NEXT:    } body repeat 5 layers 1 us 781 {
// CHECK-NEXT:    sched.slot "attention-0" layer 0 microbatch 1 stream "compute" start 290 end 370
// CHECK-NEXT:    sched.slot "experts" layer 0 microbatch 0 stream "compute" start 370 end 470
// CHECK-NEXT:    sched.slot "combine" layer 0 microbatch 0 stream "comm" start 470 end 660
// CHECK-NEXT:    sched.slot "attention-1" layer 0 microbatch 1 stream "compute" start 470 end 660
// CHECK-NEXT:    sched.slot "residual" layer 0 microbatch 0 stream "compute" start 660 end 660.5
// CHECK-NEXT:    sched.slot "dispatch" layer 0 microbatch 1 stream "comm" start 660 end 760
// CHECK-NEXT:    sched.slot "shared" layer 0 microbatch 1 stream "compute" start 660.5 end 680.5
// CHECK-NEXT:    sched.slot "attention-0" layer 1 microbatch 0 stream "compute" start 680.5 end 760.5
// CHECK-NEXT:    sched.slot "experts" layer 0 microbatch 1 stream "compute" start 760.5 end 860.5
// CHECK-NEXT:    sched.slot "combine" layer 0 microbatch 1 stream "comm" start 860.5 end 1050.5
// CHECK-NEXT:    sched.slot "attention-1" layer 1 microbatch 0 stream "compute" start 860.5 end 1050.5
// CHECK-NEXT:    sched.slot "residual" layer 0 microbatch 1 stream "compute" start 1050.5 end 1051
// CHECK-NEXT:    sched.slot "dispatch" layer 1 microbatch 0 stream "comm" start 1050.5 end 1150.5
// CHECK-NEXT:    sched.slot "shared" layer 1 microbatch 0 stream "compute" start 1051 end 1071
// CHECK-NEXT:    } epilogue {
// CHECK-NEXT:    sched.slot "attention-0" layer 5 microbatch 1 stream "compute" start 4195 end 4275
// CHECK-NEXT:    sched.slot "experts" layer 5 microbatch 0 stream "compute" start 4275 end 4375
// CHECK-NEXT:    sched.slot "combine" layer 5 microbatch 0 stream "comm" start 4375 end 4565
// CHECK-NEXT:    sched.slot "attention-1" layer 5 microbatch 1 stream "compute" start 4375 end 4565
// CHECK-NEXT:    sched.slot "residual" layer 5 microbatch 0 stream "compute" start 4565 end 4565.5
// CHECK-NEXT:    sched.slot "dispatch" layer 5 microbatch 1 stream "comm" start 4565 end 4665
// CHECK-NEXT:    sched.slot "shared" layer 5 microbatch 1 stream "compute" start 4565.5 end 4585.5
// CHECK-NEXT:    sched.slot "experts" layer 5 microbatch 1 stream "compute" start 4665 end 4765
// CHECK-NEXT:    sched.slot "combine" layer 5 microbatch 1 stream "comm" start 4765 end 4955
// CHECK-NEXT:    sched.slot "residual" layer 5 microbatch 1 stream "compute" start 4955 end 4955.5
// CHECK-NEXT:  }
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_0(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 80.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 190.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 100.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 100.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @shared(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "shared", us = 20.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @combine(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "combine", us = 190.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @residual(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "residual", us = 0.5} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %q = func.call @attention_0(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @attention_1(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%rows) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = func.call @shared(%h) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %z, %t2 = func.call @combine(%y, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %r = func.call @residual(%s, %z) {prefix = ""} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %r, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @steady(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {microbatch = 0 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y0_1, %t2 = func.call @layer(%x1, %t1) {microbatch = 1 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_0, %t3 = func.call @layer(%y0_0, %t2) {microbatch = 0 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_1, %t4 = func.call @layer(%y0_1, %t3) {microbatch = 1 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y2_0, %t5 = func.call @layer(%y1_0, %t4) {microbatch = 0 : i64, prefix = "layers.2"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y2_1, %t6 = func.call @layer(%y1_1, %t5) {microbatch = 1 : i64, prefix = "layers.2"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y3_0, %t7 = func.call @layer(%y2_0, %t6) {microbatch = 0 : i64, prefix = "layers.3"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y3_1, %t8 = func.call @layer(%y2_1, %t7) {microbatch = 1 : i64, prefix = "layers.3"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y4_0, %t9 = func.call @layer(%y3_0, %t8) {microbatch = 0 : i64, prefix = "layers.4"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y4_1, %t10 = func.call @layer(%y3_1, %t9) {microbatch = 1 : i64, prefix = "layers.4"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y5_0, %t11 = func.call @layer(%y4_0, %t10) {microbatch = 0 : i64, prefix = "layers.5"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y5_1, %t12 = func.call @layer(%y4_1, %t11) {microbatch = 1 : i64, prefix = "layers.5"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y5_0, %y5_1 : tensor<4x8xf32>, tensor<4x8xf32>
  }
}

// -----
// One kernel for dispatch, experts and combine takes as long as the longer of its two halves: here less than two streams.
// MEGA-LABEL: func.func @fused(
// MEGA: func.call @dispatch({{.*}}) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute", kernel = "mega-moe"} :
// MEGA-NEXT: func.call @experts({{.*}}) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute", kernel = "mega-moe"} :
// MEGA-NEXT: func.call @combine({{.*}}) {prefix = "layers.0", microbatch = 0 : i64, layer = 0 : i64, stream = "compute", kernel = "mega-moe"} :
// MEGA-NEXT: func.call @dispatch({{.*}}) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute", kernel = "mega-moe"} :
// MEGA-NEXT: func.call @experts({{.*}}) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute", kernel = "mega-moe"} :
// MEGA-NEXT: func.call @combine({{.*}}) {prefix = "layers.0", microbatch = 1 : i64, layer = 0 : i64, stream = "compute", kernel = "mega-moe"} :
// MEGA: sched.timetable @fused target "h800" sms 132 point {N = 4 : i64, T = 8 : i64, context = 1000 : i64} {
// MEGA-NEXT: sched.stream "compute" kind "compute" sms 132
// MEGA-NEXT: sched.stream "comm" kind "comm" sms 0
// MEGA-NEXT: sched.segment "attention-0" layers 0 to 1 kind "compute" sms 132 us [10, 10]
// MEGA-NEXT: sched.segment "attention-1" layers 0 to 1 kind "compute" sms 132 us [10, 10]
// MEGA-NEXT: sched.segment "shared" layers 0 to 1 kind "compute" sms 132 us [20, 20]
// MEGA-NEXT: sched.segment "residual" layers 0 to 1 kind "compute" sms 132 us [0.5, 0.5]
// MEGA-NEXT: sched.segment "mega-moe" layers 0 to 1 kind "compute" sms 132 us [300, 300] group "ep" fuses ["dispatch", "experts", "combine"]
// MEGA-NEXT: sched.depends "attention-1" on "attention-0" kind "data"
// MEGA-NEXT: sched.depends "mega-moe" on "attention-1" kind "data"
// MEGA-NEXT: sched.depends "shared" on "attention-1" kind "data"
// MEGA-NEXT: sched.depends "residual" on "shared" kind "data"
// MEGA-NEXT: sched.depends "residual" on "mega-moe" kind "data"
// MEGA-NEXT: } prologue {
// MEGA-NEXT: sched.slot "attention-0" layer 0 microbatch 0 stream "compute" start 0 end 10
// MEGA-NEXT: sched.slot "attention-0" layer 0 microbatch 1 stream "compute" start 10 end 20
// MEGA-NEXT: sched.slot "attention-1" layer 0 microbatch 0 stream "compute" start 20 end 30
// MEGA-NEXT: sched.slot "attention-1" layer 0 microbatch 1 stream "compute" start 30 end 40
// MEGA-NEXT: sched.slot "mega-moe" layer 0 microbatch 0 stream "compute" start 40 end 340
// MEGA-NEXT: sched.slot "mega-moe" layer 0 microbatch 1 stream "compute" start 340 end 640
// MEGA-NEXT: sched.slot "shared" layer 0 microbatch 0 stream "compute" start 640 end 660
// MEGA-NEXT: sched.slot "shared" layer 0 microbatch 1 stream "compute" start 660 end 680
// MEGA-NEXT: sched.slot "residual" layer 0 microbatch 0 stream "compute" start 680 end 680.5
// MEGA-NEXT: sched.slot "residual" layer 0 microbatch 1 stream "compute" start 680.5 end 681
// MEGA-NEXT: }
// INSIDE: schedule-overlap: fired: func.func: @fused: mega-kernel: communication runs inside of the kernel, under the experts' own products; makespan_us = 681.0, serial_us = 1181.0, communication_us = 0.0, exposed_us = 0.0, lower_bound_us = 681.0, overlapped_us = 870.5, without_cross_layer_us = 870.5, exposed_without_cross_layer_us = 189.5, one_piece_us = 1141.0, mega_kernel_us = 681.0
// REMARK: schedule-overlap: fired: func.func: @fused: two streams: 189.5 of 500.0 us of communication exposed: residual waits for combine (once, 99.5 us), experts waits for dispatch (once, 90.0 us); without cross-layer overlap 189.5 us are exposed, 0.0 us more; makespan_us = 870.5, serial_us = 1181.0, communication_us = 500.0, exposed_us = 189.5, lower_bound_us = 681.0, overlapped_us = 870.5, without_cross_layer_us = 870.5, exposed_without_cross_layer_us = 189.5, one_piece_us = 1141.0, mega_kernel_us = 681.0
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_0(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 10.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 10.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 150.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 300.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @shared(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "shared", us = 20.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @combine(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "combine", us = 100.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @residual(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "residual", us = 0.5} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %q = func.call @attention_0(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @attention_1(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%rows) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = func.call @shared(%h) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %z, %t2 = func.call @combine(%y, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %r = func.call @residual(%s, %z) {prefix = ""} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %r, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @fused(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {microbatch = 0 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y0_1, %t2 = func.call @layer(%x1, %t1) {microbatch = 1 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y0_0, %y0_1 : tensor<4x8xf32>, tensor<4x8xf32>
  }
}

// -----
// One micro-batch, and no shared expert to speak of: two streams take what one takes.
// REMARK: schedule-overlap: unprofitable: func.func: @negative_nothing_runs_under_it: one after the other takes 660.0 us, two streams take 660.0 us with 132 of 132 multiprocessors for computation; makespan_us = 660.0, serial_us = 660.0, communication_us = 290.0, exposed_us = 290.0, lower_bound_us = 660.0, overlapped_us = 660.0, without_cross_layer_us = 660.0, exposed_without_cross_layer_us = 290.0, mega_kernel_us = 560.0
// CHECK-LABEL: sched.timetable @negative_nothing_runs_under_it
// CHECK:       } prologue {
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_0(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 80.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 190.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 100.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 100.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @shared(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "shared", us = 0.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @combine(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "combine", us = 190.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @residual(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "residual", us = 0.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %q = func.call @attention_0(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @attention_1(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%rows) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = func.call @shared(%h) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %z, %t2 = func.call @combine(%y, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %r = func.call @residual(%s, %z) {prefix = ""} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %r, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @negative_nothing_runs_under_it(%x0: tensor<4x8xf32>) -> (tensor<4x8xf32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y0_0 : tensor<4x8xf32>
  }
}

// -----
// REMARK: schedule-overlap: blocked: func.func: @negative_nothing_communicates: nothing communicates, there is nothing to overlap
// CHECK-LABEL: func.func @negative_nothing_communicates(
// CHECK-NEXT:    %y = func.call @plain(%x) {prefix = "layers.0"}
// CHECK-NOT:   sched.timetable
builtin.module attributes {dsv3c.facts = ["phased"]} {
  func.func private @a(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 5.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @b(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 6.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @plain(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    %q = func.call @a(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @b(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %h : tensor<4x8xf32>
  }
  func.func @negative_nothing_communicates(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %y = func.call @plain(%x) {prefix = "layers.0"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %y : tensor<4x8xf32>
  }
}

// -----
// REMARK: schedule-overlap: blocked: @negative_communicates_outside: test.op: test.op communicates outside of the segments
// CHECK-LABEL: func.func @negative_communicates_outside(
// CHECK-NEXT:    comm.start
// CHECK-NEXT:    func.call @layer(
// CHECK-NOT:   sched.timetable
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_0(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-0", us = 80.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 190.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 100.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 100.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @shared(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "shared", us = 20.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @combine(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "combine", us = 190.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @residual(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "residual", us = 0.5} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %q = func.call @attention_0(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %h = func.call @attention_1(%q) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%rows) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %s = func.call @shared(%h) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %z, %t2 = func.call @combine(%y, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %r = func.call @residual(%s, %z) {prefix = ""} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %r, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @negative_communicates_outside(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {microbatch = 0 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y0_1, %t2 = func.call @layer(%x1, %t1) {microbatch = 1 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_0, %t3 = func.call @layer(%y0_0, %t2) {microbatch = 0 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y1_1, %t4 = func.call @layer(%y0_1, %t3) {microbatch = 1 : i64, prefix = "layers.1"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %z, %t5 = "test.op"(%y1_1, %t4) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y1_0, %z : tensor<4x8xf32>, tensor<4x8xf32>
  }
}

// -----
// The dispatched rows are held until the experts have read them, and the relay needs a buffer before that.
// CHECK-LABEL: func.func @negative_too_few_buffers(
// ONE-LABEL: func.func @negative_too_few_buffers(
// ONE-NOT:   sched.timetable
// SCARCE: schedule-overlap: blocked: func.func: @negative_too_few_buffers: 1 low-latency buffers do not suffice for its calls
builtin.module attributes {dsv3c.facts = ["phased"]} {
  comm.mesh @ep nodes 1 gpus 2
  func.func private @attention_1(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "attention-1", us = 10.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @dispatch(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "dispatch", us = 5.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @relay(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) attributes {segment = "relay", us = 5.0} {
    %y, %u = "test.op"(%x, %t) : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y, %u : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func private @experts(%x0: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {segment = "experts", us = 10.0} {
    func.return %x0 : tensor<4x8xf32>
  }
  func.func private @layer(%x: tensor<4x8xf32>, %t: !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">) {
    %h = func.call @attention_1(%x) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %rows, %t1 = func.call @dispatch(%h, %t) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %far, %t2 = func.call @relay(%rows, %t1) {prefix = ""} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y = func.call @experts(%far) {prefix = ""} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    func.return %y, %t2 : tensor<4x8xf32>, !comm.token<"ep">
  }
  func.func @negative_too_few_buffers(%x0: tensor<4x8xf32>, %x1: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) attributes {phase = {name = "decode", min_query = 1 : i64, max_query = 1 : i64, tokens = 8 : i64, sequences = 4 : i64, context = 1000 : i64, capturable}} {
    %t = comm.start : !comm.token<"ep">
    %y0_0, %t1 = func.call @layer(%x0, %t) {microbatch = 0 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    %y0_1, %t2 = func.call @layer(%x1, %t1) {microbatch = 1 : i64, prefix = "layers.0"} : (tensor<4x8xf32>, !comm.token<"ep">) -> (tensor<4x8xf32>, !comm.token<"ep">)
    func.return %y0_0, %y0_1 : tensor<4x8xf32>, tensor<4x8xf32>
  }
}
