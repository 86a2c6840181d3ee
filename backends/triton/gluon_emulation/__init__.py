"""Gluon kernels on a CPU: their numbers, and the protocol by which their partitions share memory."""
