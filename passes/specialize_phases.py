"""``specialize-phases``: one cache-free program over dense sequences -> functions over ragged tokens with a cache.

Before::

    func.func @main(%ids: tensor<?x?xi64, ["B", "S"]>) -> tensor<?x?xVxbf16, ["B", "S"]>
      ... %o = mla.attention %q_nope, %q_rope, %kv, %k_rope ...

After, for every phase::

    func.func @decode(%ids: [T], %positions: [T], %seq_offsets: [N + 1], %block_table: [N, P], %context_lens: [N],
                      %cache_0, ...) -> ([N, V], caches...) attributes {phase = {...}}
      %cache' = mla.append %latent, %k_rope to %cache at ...
      %context, %context_rope = mla.gather %cache', ...
      %kv = nn.linear %context, %kv_b
      %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at ...

Saves what a cache-free program recomputes for every token.  Each op must be proved to treat tokens one by one
(``passes/ragged.py``); the first that is not blocks the phase at its own line, and the module stays as it was.  It
does not choose between expanded and absorbed attention: that is ``absorb-mla``.  Generic attention
(``nn.attention``) has no latent to cache and blocks.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.core import SymbolOp, symbols_of
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import call_sites, functions
from dsv3c.passes.base import Pass
from dsv3c.passes.phase_conversion import Specializer
from dsv3c.passes.phases import CONTEXT, POOL_PAGES, PREDICTOR, SEQUENCES, TABLE_PAGES, TOKENS, Phase
from dsv3c.passes.ragged import Blocked

SIZES = ("page_size", "max_tokens", "max_batch", "context", "max_context", "verify_tokens")
"""Options that count something, in the order they are checked in."""


@dataclass(frozen=True)
class SpecializePhasesPass(Pass):
    """One function with a paged latent cache per phase (prefill, decode, verify) out of every cache-free entry."""

    name = "specialize-phases"
    requires: ClassVar[frozenset[str]] = frozenset({"raised"})
    ensures: ClassVar[frozenset[str]] = frozenset({"phased"})
    numerics = "reassociates"

    phases: tuple[str, ...] | str = ("prefill", "decode")
    """Any of prefill (whole prompts and chunks), decode (one new token), verify (a few: speculative decoding)."""
    page_size: int = 64
    """Token rows per cache page."""
    logits: str = "last"
    """``last``: of every sequence's last token; ``all``: of every token."""
    max_tokens: int = 4096
    """New tokens in one step, at most."""
    max_batch: int = 128
    """Sequences in one step, at most."""
    context: int = 4096
    """Tokens in the cache per sequence that cost choices are made for."""
    max_context: int = 163840
    """Tokens in the cache per sequence, at most."""
    verify_tokens: int = 2
    """New tokens per sequence of the verify phase, at most (drafted tokens + 1)."""
    speculative: bool = False
    """Entries of a model with a multi-token prediction module also give the hidden states it takes, and verify gives
    the logits of every token."""

    def plan(self) -> list[Phase]:
        """The phases asked for.  Raises UsageError for an unknown name or value."""
        names = (self.phases,) if isinstance(self.phases, str) else self.phases
        if self.logits not in ("last", "all"):
            raise UsageError(f"specialize-phases: logits must be last or all, not {self.logits!r}")
        self.check_sizes()
        prompts = max(1, self.max_tokens // self.context)
        batch = self.max_batch
        known = {
            "prefill": Phase("prefill", 1, self.max_tokens, self.max_tokens, prompts, self.context, False),
            "decode": Phase("decode", 1, 1, batch, batch, self.context, True),
            "verify": Phase("verify", 1, self.verify_tokens, batch * self.verify_tokens, batch, self.context, True),
        }
        if unknown := [name for name in names if name not in known]:
            raise UsageError(f"unknown phase {unknown[0]!r}", hint=f"phases: {', '.join(known)}")
        return [known[name] for name in names]

    def check_sizes(self) -> None:
        """Raise UsageError for sizes that are not positive, and for a context beyond the largest."""
        for name in SIZES:
            if getattr(self, name) < 1:
                raise UsageError(
                    f"specialize-phases: {name.replace('_', '-')} must be positive, not {getattr(self, name)}"
                )
        if self.context > self.max_context:
            raise UsageError(
                f"specialize-phases: context {self.context} is more than max-context {self.max_context}",
                hint="lower the one or raise the other",
            )

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Convert every entry for every phase, or nothing at all."""
        plan = self.plan()
        table = functions(module)
        drafts = self.speculative and PREDICTOR in table
        if self.speculative and not drafts:
            raise UsageError(
                f"specialize-phases: no @{PREDICTOR} drafts tokens to verify",
                hint="capture a model with a multi-token prediction module, all of its layers",
            )
        entries = [function for function in table.values() if not call_sites(function)]
        made = list[func.FuncOp]()
        try:
            for phase in plan:
                specializer = Specializer(ctx, self.page_size, self.logits, phase, table, speculative=drafts)
                for entry in entries:
                    specializer.entry(entry)
                made += specializer.made.values()
        except Blocked as blocked:
            ctx.blocked(blocked.op, blocked.reason)
            ctx.withheld.update(self.ensures)
            return
        for phase in plan:
            for entry in entries:
                ctx.fired(entry, f"{phase.name}: {phase.min_query}..{phase.max_query} new tokens per sequence")
        for function in table.values():
            function.detach()
        for symbol in symbols_of(module).values():
            symbol.detach()
        module.body.block.add_ops([*self.symbols(), *made])

    def symbols(self) -> list[SymbolOp]:
        """The sizes of phased functions."""
        per_sequence = -(-self.max_context // self.page_size)
        hint = -(-self.context // self.page_size)
        return [
            SymbolOp(TOKENS, 0, self.max_tokens, min(self.max_tokens, self.max_batch)),
            SymbolOp(SEQUENCES, 0, self.max_batch, self.max_batch),
            SymbolOp(TABLE_PAGES, 1, per_sequence, min(hint, per_sequence)),
            SymbolOp(CONTEXT, 0, self.max_batch * self.max_context, self.max_batch * self.context),
            SymbolOp(POOL_PAGES, 1, None, self.max_batch * hint),
        ]
