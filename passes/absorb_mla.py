"""``absorb-mla``: attend in the latent space where that is cheaper.

Before::

    %context, %context_rope = mla.gather %cache, ...
    %kv = nn.linear %context, %kv_b
    %o = mla.expanded_attention %q_nope, %q_rope, %kv, %context_rope at ...

After::

    %w_uk = weight.param "kv_b_proj.weight:absorbed_k" { rows of K per head, transposed }
    %w_uv = weight.param "kv_b_proj.weight:absorbed_v" { rows of V per head }
    %q_latent = nn.head_linear %q_nope, %w_uk
    %o_latent = mla.absorbed_attention %q_latent, %q_rope, %cache at ...
    %o = nn.head_linear %o_latent, %w_uv

Saves expanding the whole context at every step; costs attention over r + dr instead of dn + dr elements per key.  The
products with W_UK and W_UV stay on the activation side: pre-multiplying them into q_b and o would need H * r columns.
Source: DeepSeek-V2 (arXiv 2405.04434, section 2.1.2).

``mode=auto`` compares both for the phase's step and states the query length up to which absorbed is cheaper; an entry
whose query lengths lie on both sides becomes two variants, ``@prefill.short`` (absorbed) beside ``@prefill``.
"""

from dataclasses import dataclass
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp

from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects.mla import ExpandedAttentionOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import callee_name, functions
from dsv3c.passes.absorption import Absorption, Mismatch, match, replace_by_absorbed
from dsv3c.passes.absorption_cost import Choice, choose
from dsv3c.passes.base import Pass
from dsv3c.passes.phases import Phase, phase_of
from dsv3c.passes.variants import clone_entry

MODES = ("auto", "always", "never")
SHORT = "short"
"""End of the name of an entry's variant for short queries."""


@dataclass(frozen=True)
class AbsorbMlaPass(Pass):
    """Replace expanded by absorbed attention where it is cheaper, or as told."""

    name = "absorb-mla"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})
    numerics = "reassociates"

    mode: str = "auto"
    """``auto``: by cost, per phase; ``always``; ``never``."""
    variants: bool = True
    """With ``auto``: make a second variant of an entry whose query lengths lie on both sides of the choice."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every entry on its own: phases share no functions."""
        if self.mode not in MODES:
            raise UsageError(f"absorb-mla: mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        for entry in list(functions(module).values()):
            phase = phase_of(entry)
            if phase is not None:
                self.entry(ctx, module, entry, phase)

    def entry(self, ctx: CompileContext, module: ModuleOp, entry: func.FuncOp, phase: Phase) -> None:
        """Decide for one phase and rewrite its attentions."""
        sites = attentions(module, entry)
        found = list[Absorption]()
        for op in sites:
            try:
                found.append(match(op))
            except Mismatch as mismatch:
                ctx.blocked(op, str(mismatch))
        if not found:
            return
        assert ctx.target is not None, "absorb-mla asks the target"
        choice = choose(ctx.target, found[0].sizes, phase)
        if self.mode == "always":
            self.absorb(ctx, found, choice)
        elif self.mode == "never":
            for absorption in found:
                ctx.unprofitable(absorption.attention, "absorb-mla{mode=never}", **choice.numbers)
        elif phase.max_query <= choice.break_even_query:
            self.absorb(ctx, found, choice)
        else:
            self.keep(ctx, module, entry, phase, found, choice)

    def absorb(self, ctx: CompileContext, found: list[Absorption], choice: Choice) -> None:
        """Rewrite every site."""
        for absorption in found:
            ctx.fired(absorption.attention, choice.reason, **choice.numbers)
            replace_by_absorbed(ctx, absorption)

    def keep(
        self,
        ctx: CompileContext,
        module: ModuleOp,
        entry: func.FuncOp,
        phase: Phase,
        found: list[Absorption],
        choice: Choice,
    ) -> None:
        """Stay expanded; where short queries of the same entry are cheaper absorbed, add a variant for them.

        An entry that has one already keeps it: the program was planned before.
        """
        name = f"{entry.sym_name.data}.{SHORT}"
        there = name in functions(module)
        reason = f"{choice.reason}; @{name} is there already" if there else choice.reason
        for absorption in found:
            ctx.unprofitable(absorption.attention, reason, **choice.numbers)
        if there or not self.variants or choice.break_even_query < phase.min_query:
            return
        short, long = phase.split(choice.break_even_query)
        variant = clone_entry(module, entry, SHORT)
        variant.attributes["phase"] = short.attribute()
        entry.attributes["phase"] = long.attribute()
        self.absorb(ctx, [match(op) for op in attentions(module, variant)], choice)


def attentions(module: ModuleOp, entry: func.FuncOp) -> list[ExpandedAttentionOp]:
    """The expanded attentions an entry reaches, each once."""
    table, seen, found = functions(module), set[str](), list[ExpandedAttentionOp]()

    def visit(function: func.FuncOp) -> None:
        if function.sym_name.data in seen:
            return
        seen.add(function.sym_name.data)
        for op in function.body.block.ops:
            if isinstance(op, ExpandedAttentionOp):
                found.append(op)
            elif isinstance(op, func.CallOp):
                visit(table[callee_name(op)])

    visit(entry)
    return found
