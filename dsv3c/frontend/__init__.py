"""Models from PyTorch: found, captured by torch.export, imported into the IR."""
