"""From ops to calls of their meanings, one line per op; importing the package registers all of them."""

from dsv3c.backends.reference.adapters import aten, comm, mla, moe, nn, scaled, weight

__all__ = ["aten", "comm", "mla", "moe", "nn", "scaled", "weight"]
