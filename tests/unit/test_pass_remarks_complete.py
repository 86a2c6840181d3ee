"""Every site a pass refuses in its FileCheck file is expected there, once; it says nothing about any other."""

from pathlib import Path

import pytest
from roundtrip import chunks

import dsv3c
from dsv3c.compilation.diagnostics import EXPECTED

FOLDER = Path(__file__).parents[1] / "filecheck" / "passes"
TARGETS = {"assign-layouts": "b200"}
PASSES = (
    "assign-layouts",
    "fuse-qdq",
    "fuse-rms-norm-quant",
    "fuse-rope-cache-append",
    "fuse-swiglu-quant",
    "quantize-kv-cache",
)


@pytest.mark.parametrize("name", PASSES)
def test_refusals_are_those_that_are_expected(name: str) -> None:
    for chunk in chunks((FOLDER / f"{name}.mlir").read_text()):
        outcomes = dsv3c.opt(chunk, name, target=TARGETS.get(name, "cpu")).outcomes
        refused = [str(item) for item in outcomes if item.kind.value != "fired"]
        expected = [match["text"] for match in EXPECTED.finditer(chunk)]
        assert len(refused) == len(expected), f"{refused}\nexpected: {expected}\n{chunk}"
