// RUN: dsv3c opt %s --split-input-file --verify-diagnostics

// expected-error @below {{symbol T: range 8..4 is empty or negative}}
dsv3c.symbol @T min 8 max 4

// -----
// expected-error @below {{symbol T: hint 5 is outside 1..4}}
dsv3c.symbol @T min 1 max 4 hint 5

// -----
// expected-error @below {{symbol T: multiple_of must be positive}}
dsv3c.symbol @T min 1 multiple_of 0

// -----
// Zero is a bound like any other.
// expected-error @below {{symbol T: hint 5 is outside 0..0}}
dsv3c.symbol @T min 0 max 0 hint 5

// -----
// expected-error @below {{symbol T: hint 0 is outside 1..4}}
dsv3c.symbol @T min 1 max 4 hint 0
