// legal
// Four layers, folded: every layer starts 36 us after the one before, and its last combine runs beside the next.
sched.timetable @decode target "h800" sms 132 point {T = 128 : i64} {
  sched.stream "compute" kind "compute" sms 108
  sched.stream "comm" kind "comm" sms 24
  sched.buffer "low-latency" live 2
  sched.segment "attention" layers 0 to 4 kind "compute" sms 108 us [10, 10]
  sched.segment "dispatch" layers 0 to 4 kind "comm" sms 24 us [5, 5] group "ep" holds [["low-latency", "experts"]]
  sched.segment "experts" layers 0 to 4 kind "compute" sms 108 us [8, 8]
  sched.segment "combine" layers 0 to 4 kind "comm" sms 24 us [5, 5] group "ep" holds [["low-latency", ""]]
  sched.depends "dispatch" on "attention" kind "data"
  sched.depends "experts" on "dispatch" kind "data"
  sched.depends "combine" on "experts" kind "data"
  sched.depends "attention" on "combine" kind "data" layers_back 1
  sched.depends "attention" on "attention" kind "cache" microbatches_back 1
  sched.depends "combine" on "dispatch" kind "order" microbatches_back -1 microbatch 0
} prologue {
  sched.slot "attention" layer 0 microbatch 0 stream "compute" start 0 end 10
  sched.slot "dispatch" layer 0 microbatch 0 stream "comm" start 10 end 15
  sched.slot "attention" layer 0 microbatch 1 stream "compute" start 10 end 20
  sched.slot "dispatch" layer 0 microbatch 1 stream "comm" start 20 end 25
  sched.slot "experts" layer 0 microbatch 0 stream "compute" start 20 end 28
  sched.slot "combine" layer 0 microbatch 0 stream "comm" start 28 end 33
  sched.slot "experts" layer 0 microbatch 1 stream "compute" start 28 end 36
} body repeat 3 layers 1 us 36 {
  sched.slot "combine" layer 0 microbatch 1 stream "comm" start 36 end 41
  sched.slot "attention" layer 1 microbatch 0 stream "compute" start 36 end 46
  sched.slot "dispatch" layer 1 microbatch 0 stream "comm" start 46 end 51
  sched.slot "attention" layer 1 microbatch 1 stream "compute" start 46 end 56
  sched.slot "dispatch" layer 1 microbatch 1 stream "comm" start 56 end 61
  sched.slot "experts" layer 1 microbatch 0 stream "compute" start 56 end 64
  sched.slot "combine" layer 1 microbatch 0 stream "comm" start 64 end 69
  sched.slot "experts" layer 1 microbatch 1 stream "compute" start 64 end 72
} epilogue {
  sched.slot "combine" layer 3 microbatch 1 stream "comm" start 144 end 149
}
