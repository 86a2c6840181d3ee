"""Kernels in Gluon for tests of ahead-of-time compilation."""
