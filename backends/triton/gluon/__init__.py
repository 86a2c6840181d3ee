"""Twins of the kernels in ``kernels/`` in Gluon, for Hopper: the same functions, parameters and grids, faster."""
