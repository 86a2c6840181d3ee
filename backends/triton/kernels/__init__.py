"""Triton kernels, one file each: what runs on the device."""
