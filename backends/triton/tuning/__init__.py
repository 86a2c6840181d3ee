"""Measured configurations: tables of them, and which row holds for a kernel's call."""
