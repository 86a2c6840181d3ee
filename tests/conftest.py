"""For every test: one thread, so that sums keep one order and the workers do not fight for the cores."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
# The tests run without a network: an attempt to reach a model hub fails at once and says so.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden``: write what the golden tests compare with."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files with what is computed now")
