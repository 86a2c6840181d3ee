"""What a program of kernels needs to run: PyTorch and cuda-bindings, neither Triton nor the compiler."""
