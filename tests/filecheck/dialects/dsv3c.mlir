// RUN: dsv3c opt %s --print-op-generic | dsv3c opt - | filecheck %s

// CHECK: module attributes {dsv3c.facts = ["raised"]}
module attributes {dsv3c.facts = ["raised"]} {
  // CHECK-NEXT: dsv3c.symbol @B min 1{{$}}
  dsv3c.symbol @B min 1
  // CHECK-NEXT: dsv3c.symbol @T min 0 max 4096 hint 128{{$}}
  dsv3c.symbol @T min 0 max 4096 hint 128
  // CHECK-NEXT: dsv3c.symbol @P min 64 max 640 hint 128 multiple_of 64{{$}}
  dsv3c.symbol @P min 64 max 640 hint 128 multiple_of 64
  // CHECK-NEXT: func.func @sizes(%x: tensor<?x?x8xf32, ["B", "T + 1"]>)
  func.func @sizes(%x: tensor<?x?x8xf32, ["B", "T + 1"]>) {
    func.return
  }
}
