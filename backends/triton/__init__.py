"""The Triton backend: programs as calls of named kernels, compiled ahead of time and launched without Triton."""

KERNELS, GLUON_KERNELS = "dsv3c.backends.triton.kernels", "dsv3c.backends.triton.gluon"
"""Import names of the packages of kernels: in plain Triton, and their twins in Gluon."""
LAUNCHERS = "dsv3c.backends.triton.launchers"
"""Import name of the package of launchers."""
