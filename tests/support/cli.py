"""The command line in process, and a small module in text form to give it."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from dsv3c.cli import main

TEXT = """
dsv3c.symbol @B min 1 max 4096 hint 1
dsv3c.symbol @S min 2 max 64 hint 16
func.func private @layer0(%x: tensor<?x?x8xf32, ["B", "S"]>) -> tensor<?x?x8xf32, ["B", "S"]> {
  %w = weight.param "mlp.weight" : tensor<8x8xf32>
  %y = aten.linear(%x, %w) : tensor<?x?x8xf32, ["B", "S"]>
  func.return %y : tensor<?x?x8xf32, ["B", "S"]>
}
func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?x10xf32, ["B", "S"]> {
  %t = weight.param "embed.weight" : tensor<10x8xf32>
  %x = aten.embedding(%t, %ids) : tensor<?x?x8xf32, ["B", "S"]>
  %y = func.call @layer0(%x) {prefix = "layers.0"} :
      (tensor<?x?x8xf32, ["B", "S"]>) -> tensor<?x?x8xf32, ["B", "S"]>
  %z = func.call @layer0(%y) {prefix = "layers.1"} :
      (tensor<?x?x8xf32, ["B", "S"]>) -> tensor<?x?x8xf32, ["B", "S"]>
  %h = weight.param "head.weight" : tensor<10x8xf32>
  %l = aten.linear(%z, %h) : tensor<?x?x10xf32, ["B", "S"]>
  func.return %l : tensor<?x?x10xf32, ["B", "S"]>
}
"""
LENIENT = ("--allow-unapplied", "--allow-unraised")
"""Accept passes that do nothing to ``TEXT``, and that its products stay as they are."""
NAMES = {"layers.0.mlp.weight": (8, 8), "layers.1.mlp.weight": (8, 8), "embed.weight": (10, 8), "head.weight": (10, 8)}
"""Stored tensors that ``TEXT`` needs."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


def dsv3c(*arguments: object) -> Done:
    """Run a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return Done(status, out.getvalue(), err.getvalue())


def refused(*arguments: object, status: int, says: Sequence[str]) -> Done:
    """A command that must fail with one paragraph that holds every text of ``says``."""
    done = dsv3c(*arguments)
    assert done.status == status, done
    assert done.err.startswith("error: "), done.err
    assert "Traceback" not in done.err
    assert "\n\n" not in done.err, "one paragraph"
    for text in says:
        assert text in done.err, done.err
    return done
