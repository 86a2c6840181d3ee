"""Gluon kernels on a CPU: their numbers, and the protocol by which their partitions share memory.

A function behind ``@gluon.jit`` is ordinary Python.  It is run with other functions under Gluon's names: blocks are
PyTorch tensors, partitions are threads of which one runs at a time, and what is asynchronous on the device completes
at some later moment, which a seed decides.  Nothing is compiled, so that Gluon's own checks are not made; a kernel is
compiled as well, in another test.

What is modelled:

- scalars and blocks with Triton's types, promotion (integers wrap, ``//`` and ``%`` go towards zero) and exact casts
  (to nearest, ties to even; 8-bit floats saturate); Gluon's rules for layouts of operands, new dims and reductions;
- pointers: an address outside the tensor that was passed is an error, a masked lane without ``other`` is poison;
- descriptors and boxes: zeros from outside a tensor, nothing stored there, alignment, swizzle of buffer and descriptor;
- shared memory full of NaN, views of it, its size; every access is checked against the accesses before it: reads of
  what is not known to be complete, writes over what may still be read, stores from registers that are not fenced
  before the copy engine or the tensor cores see them.  Known means through barriers, not through luck (memory.py);
- barriers with counts, expected bytes and phases as the hardware has them; too many arrivals are an error;
- copies: loads and stores complete later, in any order; a store has read its buffer when it was waited for;
- products of a warp group: operands in shared memory are read when the product is waited for, the sum may not be used
  before; layouts of operands; products are exact, sums are f32;
- partitions: chosen anew at every barrier, copy, product and fence, some slower than others; when all wait and no copy
  is under way, the error says who waits for which barrier in which phase; what a program leaves unfinished is an error;
- programs of a grid: in an order that the seed decides, a few at a time, which take turns as partitions do.

What is not: time; registers, and whether a layout can be compiled; the threads of a partition (the compiler
synchronises them); the order of accesses of global memory; the tensor cores' narrower sums of 8-bit products;
approximate ``exp2`` and the like; clusters and multicast; inline assembly.  Runs over some seeds are a test, not a
proof; but accesses that nothing puts in order are found in every run that makes them.
"""
