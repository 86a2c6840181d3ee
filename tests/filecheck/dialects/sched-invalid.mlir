// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

// expected-error @below {{sched.stream outside of a timetable}}
sched.stream "compute" kind "compute" sms 132

// -----
// expected-error @below {{sched.buffer outside of a timetable}}
sched.buffer "low-latency" live 2

// -----
// expected-error @below {{sched.segment outside of a timetable}}
sched.segment "attention" layers 0 to 4 kind "compute" sms 132 us [10]

// -----
// expected-error @below {{sched.depends outside of a timetable}}
sched.depends "dispatch" on "attention" kind "data"

// -----
// expected-error @below {{sched.slot outside of a timetable}}
sched.slot "attention" layer 0 microbatch 0 stream "compute" start 0 end 10

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{kind must be one of compute, comm, not 'copy'}}
  sched.stream "copy" kind "copy" sms 0
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{sms must not be negative, not -1}}
  sched.stream "compute" kind "compute" sms -1
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{rank must not be negative}}
  sched.stream "compute" kind "compute" sms 1 rank -1
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{live must be positive, not 0}}
  sched.buffer "low-latency" live 0
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{layers 4 to 4 are none}}
  sched.segment "attention" layers 4 to 4 kind "compute" sms 132 us [10]
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{layers -1 to 4 are none}}
  sched.segment "attention" layers -1 to 4 kind "compute" sms 132 us [10]
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{us needs a duration for every micro-batch}}
  sched.segment "attention" layers 0 to 4 kind "compute" sms 132 us []
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{kind must be one of compute, comm, not 'attention'}}
  sched.segment "attention" layers 0 to 4 kind "attention" sms 132 us [10]
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{sms must not be negative, not -132}}
  sched.segment "attention" layers 0 to 4 kind "compute" sms -132 us [10]
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{holds lists pairs of a buffer and the segment that gives it back}}
  sched.segment "attention" layers 0 to 4 kind "compute" sms 132 us [10] holds [["low-latency"]]
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{kind must be one of data, cache, order, not 'token'}}
  sched.depends "dispatch" on "attention" kind "token"
}

// -----
sched.timetable @decode target "h800" sms 132 point {} {
  // expected-error @below {{layers need a first and an end}}
  "sched.depends"() <{consumer = "a", producer = "b", kind = "data", first_layer = 1 : i64}> : () -> ()
}

// -----
// expected-error @below {{a timetable declares its streams and segments}}
"sched.timetable"() <{entry = @decode, target = "h800", sms = 132 : i64, point = {}}> ({}, {}, {}, {}) : () -> ()

// -----
// expected-error @below {{sched.slot among the declarations}}
sched.timetable @decode target "h800" sms 132 point {} {
  sched.slot "attention" layer 0 microbatch 0 stream "compute" start 0 end 10
}

// -----
// expected-error @below {{sched.stream among the slots}}
sched.timetable @decode target "h800" sms 132 point {} {
  sched.stream "compute" kind "compute" sms 1
} prologue {
  sched.stream "other" kind "compute" sms 1
}

// -----
// expected-error @below {{a body has repeat, layers and us}}
"sched.timetable"() <{entry = @decode, target = "h800", sms = 132 : i64, point = {}, repeat = 2 : i64}> ({
  "sched.stream"() <{stream = "compute", kind = "compute", sms = 1 : i64}> : () -> ()
}, {}, {}, {}) : () -> ()

// -----
// expected-error @below {{a body has repeat, layers and us}}
"sched.timetable"() <{entry = @decode, target = "h800", sms = 132 : i64, point = {}}> ({
  "sched.stream"() <{stream = "compute", kind = "compute", sms = 1 : i64}> : () -> ()
}, {}, {
  "sched.slot"() <{segment = "layer", layer = 7 : i64, microbatch = 1 : i64, stream = "compute", start = 2.5 : f64, end = 3.0 : f64}> : () -> ()
}, {}) : () -> ()
