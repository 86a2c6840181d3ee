"""The program as linalg or StableHLO, through torch-mlir: an exit to other compilers."""
