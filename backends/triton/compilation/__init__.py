"""Kernels compiled ahead of time, without a GPU: processes that compile, a cache on disk, files of an artifact."""
