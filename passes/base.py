"""The only two things a pass may be: a list of patterns, or an explicit walk over the module.

A pass is a frozen dataclass with a kebab-case ``name``; its options are typed fields with a docstring and a unit.
``requires`` and ``ensures`` are facts of the module; the pipeline checks the first and records the second.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import (
    GreedyRewritePatternApplier,
    PatternRewriter,
    PatternRewriteWalker,
    RewritePattern,
)

from dsv3c.ir.context import CompileContext

Numerics = Literal["bitwise", "reassociates", "quantises"]


@dataclass(frozen=True)
class Pass(ModulePass):
    """An explicit walk: subclasses implement ``run``."""

    requires: ClassVar[frozenset[str]] = frozenset()
    """Facts the module must state before."""
    ensures: ClassVar[frozenset[str]] = frozenset()
    """Facts the module states after."""
    numerics: ClassVar[Numerics] = "bitwise"
    """``bitwise``: the pass moves or names, results keep their bits; ``reassociates``: the numerics policy applies;
    ``quantises``: values get fewer bits, and with quantisation off the policy for reassociation applies."""

    cleans_up: ClassVar[bool] = False
    """Tidies whatever is there: finding nothing to do is a good result, even when the pass was asked for by name."""

    @abstractmethod
    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Rewrite ``module`` in place: valid IR in, valid IR out; report every candidate site to ``ctx``."""

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        """xDSL's entry point; files outcomes under this pass."""
        assert isinstance(ctx, CompileContext)
        before = ctx.current_pass
        ctx.current_pass, ctx.current_pattern = self.name, ""
        try:
            self.run(ctx, op)
        finally:
            ctx.current_pass = before


@dataclass
class Named(RewritePattern):
    """Runs ``pattern`` with its name set, so that its outcomes are filed under it."""

    ctx: CompileContext
    pattern: RewritePattern
    name: str

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter, /) -> None:
        """Delegate."""
        self.ctx.current_pattern = self.name
        self.pattern.match_and_rewrite(op, rewriter)


@dataclass(frozen=True)
class RewritePass(Pass):
    """A pass that is a list of patterns.

    Patterns look at whole idioms, so one walk is the rule; ``recursive`` passes repeat until nothing fires.  Dead ops
    stay where they are: deleting them is the pass ``dce``, which counts what it deletes.
    """

    recursive: ClassVar[bool] = False

    @abstractmethod
    def patterns(self, ctx: CompileContext) -> Sequence[RewritePattern]:
        """The patterns, most specific first: the first that changes something at an op ends the turn."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Apply the patterns to every op."""
        patterns = self.patterns(ctx)
        several = len(patterns) > 1
        named: list[RewritePattern] = [
            Named(ctx, pattern, type(pattern).__name__ if several else self.name) for pattern in patterns
        ]
        applier = GreedyRewritePatternApplier(named, dce_enabled=False)
        PatternRewriteWalker(applier, apply_recursively=self.recursive).rewrite_module(module)
