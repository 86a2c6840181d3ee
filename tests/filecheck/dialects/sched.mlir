// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

// Two micro-batches of four equal layers: each layer starts 40 us after the one before.
// CHECK-LABEL: sched.timetable @decode target "h800" sms 132 point {T = 128 : i64} {
// CHECK-NEXT:    sched.stream "compute" kind "compute" sms 132
// CHECK-NEXT:    sched.stream "comm" kind "comm" sms 0 rank 1
// CHECK-NEXT:    sched.buffer "low-latency" live 2
// CHECK-NEXT:    sched.segment "attention" layers 0 to 4 kind "compute" sms 132 us [10, 10.125]
// CHECK-NEXT:    sched.segment "dispatch" layers 0 to 4 kind "comm" sms 0 us [5.5, 5.5] group "ep" holds {{\[\[}}"low-latency", "experts"], ["other", ""]] fuses ["send", "receive"]
// CHECK-NEXT:    sched.depends "dispatch" on "attention" kind "data"
// CHECK-NEXT:    sched.depends "attention" on "dispatch" kind "cache" layers_back 1 microbatches_back -1 layers 1 to 3 microbatch 1
// CHECK-NEXT:  } prologue {
// CHECK-NEXT:    sched.slot "attention" layer 0 microbatch 0 stream "compute" start 0 end 10
// CHECK-NEXT:  } body repeat 3 layers 1 us 40 {
// CHECK-NEXT:    sched.slot "dispatch" layer 0 microbatch 1 stream "comm" start 12.5 end 18
// CHECK-NEXT:  } epilogue {
// CHECK-NEXT:    sched.slot "dispatch" layer 3 microbatch 0 stream "comm" start -1200000.125 end nan
// CHECK-NEXT:    sched.slot "dispatch" layer 3 microbatch 1 stream "comm" start -inf end inf
// CHECK-NEXT:  }
sched.timetable @decode target "h800" sms 132 point {T = 128} {
  sched.stream "compute" kind "compute" sms 132
  sched.stream "comm" kind "comm" sms 0 rank 1
  sched.buffer "low-latency" live 2
  sched.segment "attention" layers 0 to 4 kind "compute" sms 132 us [10, 10.125]
  sched.segment "dispatch" layers 0 to 4 kind "comm" sms 0 us [5.5, 5.5] group "ep" holds [["low-latency", "experts"], ["other", ""]] fuses ["send", "receive"]
  sched.depends "dispatch" on "attention" kind "data"
  sched.depends "attention" on "dispatch" kind "cache" layers_back 1 microbatches_back -1 layers 1 to 3 microbatch 1
} prologue {
  sched.slot "attention" layer 0 microbatch 0 stream "compute" start 0 end 10
} body repeat 3 layers 1 us 40 {
  sched.slot "dispatch" layer 0 microbatch 1 stream "comm" start 12.5 end 18.0
} epilogue {
  sched.slot "dispatch" layer 3 microbatch 0 stream "comm" start -1200000.125 end nan
  sched.slot "dispatch" layer 3 microbatch 1 stream "comm" start -inf end inf
}

// -----
// Without a body, and with nothing at the end.
// CHECK-LABEL: sched.timetable @prefill target "cpu" sms 0 point {} {
// CHECK-NEXT:    sched.stream "compute" kind "compute" sms 0
// CHECK-NEXT:  } prologue {
// CHECK-NEXT:    sched.slot "layer" layer 0 microbatch 0 stream "compute" start 0.001 end 3
// CHECK-NEXT:  } attributes {note = "kept"}
sched.timetable @prefill target "cpu" sms 0 point {} {
  sched.stream "compute" kind "compute" sms 0
} prologue {
  sched.slot "layer" layer 0 microbatch 0 stream "compute" start 0.001 end 3
} attributes {note = "kept"}

// -----
// The generic form is MLIR's.
// RUN: dsv3c opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC
// GENERIC: "sched.slot"() <{segment = "layer", layer = 7 : i64, microbatch = 1 : i64, stream = "compute", start = 2.500000e+00 : f64, end = 3.000000e+00 : f64}> : () -> ()
sched.timetable @prefill target "cpu" sms 0 point {} {
  sched.stream "compute" kind "compute" sms 0
} prologue {
  sched.slot "layer" layer 7 microbatch 1 stream "compute" start 2.5 end 3
}
