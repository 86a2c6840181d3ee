"""The Triton backend: programs as calls of named kernels, compiled ahead of time and launched without Triton."""
