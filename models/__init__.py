"""DeepSeek-V3-class models as ordinary PyTorch, and their configurations."""
