"""The host half of every kernel: grid, arguments and constants of a launch from tensors that exist already."""
