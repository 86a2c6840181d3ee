"""From a planned program to one of kernels: choose them, plan memory, say what no kernel runs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.triton.choices.extern_base import NONE, asked_for
from dsv3c.backends.triton.select_kernels import needs_kernel
from dsv3c.backends.triton.tuning.tuned_choices import NONE as NO_TABLE
from dsv3c.backends.triton.tuning.tuned_choices import SHIPPED, tables_asked_for, unused
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.pipelines import parse_passes
from dsv3c.ir.dialects.core import facts_of
from dsv3c.ir.dialects.kernel import ExternOp
from dsv3c.ir.errors import PassError, UsageError, at
from dsv3c.ir.functions import functions
from dsv3c.ir.outcomes import Kind, Outcome
from dsv3c.ir.targets import Target

if TYPE_CHECKING:
    from dsv3c.backends.triton.compilation.aot import CompiledKernel
    from dsv3c.backends.triton.compilation.kernel_cache import KernelCache

SELECT = "select-kernels"
KERNEL_PASSES = f"{SELECT},plan-memory"
"""What follows the pipeline where kernels are wanted, as text; see ``KernelOptions``."""
KERNELS = "kernels"
"""Among a target's ``backends``: kernels for it can be compiled and launched."""
COMPILE_ONLY = "kernels-compile-only"
"""Among a target's ``backends``: kernels for it can be compiled; nothing launches them."""


def has_kernels(target: Target | None) -> bool:
    """Whether kernels can be compiled for a target."""
    return target is not None and bool({KERNELS, COMPILE_ONLY} & {*target.backends})


def has_programs(target: Target | None) -> bool:
    """Whether programs launch the kernels of a target."""
    return target is not None and KERNELS in target.backends


def wants_kernels(target: Target, level: str, asked: bool) -> bool:
    """Whether a program is lowered to kernels.  Raises UsageError where they are the level and there are none."""
    if level == KERNELS and not has_kernels(target):
        raise UsageError(f"there are no kernels for {target.name}", hint="`dsv3c targets` says what works for which")
    return has_kernels(target) and (asked or level in (KERNELS, "program"))


def program_files(
    module: ModuleOp, lowered: ModuleOp | None, kernels: Sequence["CompiledKernel"] = ()
) -> dict[str, str]:
    """The program: file name -> text, ``program.py`` among them; of kernels where there is a lowered module.

    ``kernels``: those it calls, where they were compiled.

    Raises IRError for what the program cannot run.
    """
    if lowered is None:
        from dsv3c.backends.reference.emitter import emit_program

        return emit_program(module)
    from dsv3c.backends.triton.emission.emitter import emit_kernels_program

    return emit_kernels_program(lowered, [kernel.variant for kernel in kernels])


@dataclass(frozen=True, kw_only=True)
class KernelOptions:
    """How kernels are chosen."""

    extern: tuple[str, ...] = ()
    """Vendors' libraries to call where they run an op, the preferred one first."""
    gluon: bool = True
    """Kernels' twins in Gluon are taken where the target runs them."""
    tuned: str = SHIPPED
    """Tables of measured configurations: those shipped, none, or a file before them."""
    batch_invariant: bool = False
    """One configuration for all rows, in all phases: a token's bits do not depend on its batch."""
    pdl: bool = True
    """Kernels may be started before the one before them has ended, where the target lets them."""

    def check(self, target: Target, level: str, asked: bool) -> None:
        """Raise UsageError for libraries that nobody knows, a table that cannot be read, choices without kernels.

        Also for choices by rows beside ``batch_invariant``.
        """
        asked_for(self.extern or NONE)
        tables_asked_for(self.tuned)
        by_rows = [f"--extern {','.join(self.extern)}"] if self.extern else []
        by_rows += [f"--tuned {self.tuned}"] if self.tuned not in (SHIPPED, NO_TABLE) else []
        if self.batch_invariant and by_rows:
            raise UsageError(
                f"--batch-invariant and {by_rows[0]}: what is chosen by the rows of a step depends on the batch",
                hint="leave one of them out",
            )
        if self.options and not wants_kernels(target, level, asked):
            raise UsageError(
                f"{', '.join(self.options.values())}: no kernels are chosen here",
                hint="give -o OUT or --emit kernels, and a target with kernels (`dsv3c targets`)",
            )

    @property
    def options(self) -> dict[str, str]:
        """Options of ``select-kernels`` as text -> the options of the command line that they come from."""
        found = dict[str, str]()
        if self.extern:
            libraries = ",".join(self.extern)
            found[f"extern={libraries}"] = f"--extern {libraries}"
        if not self.gluon:
            found["gluon=false"] = "--no-gluon"
        if self.tuned != SHIPPED:
            found[f"tuned={json.dumps(self.tuned)}"] = f"--tuned {self.tuned}"
        if self.batch_invariant:
            found["batch-invariant=true"] = "--batch-invariant"
        return found

    @property
    def passes(self) -> str:
        """``KERNEL_PASSES`` with these options."""
        return KERNEL_PASSES.replace(SELECT, f"{SELECT}{{{' '.join(self.options)}}}") if self.options else KERNEL_PASSES


def uncalled(lowered: ModuleOp | None, extern: Sequence[str]) -> list[str]:
    """A warning for every library that was asked for and runs nothing."""
    if lowered is None:
        return []
    called = {op.library.data for op in lowered.walk() if isinstance(op, ExternOp)}
    idle = [name for name in extern if name not in called]
    return [f"--extern {name}: it runs no op of this program; the remarks say why" for name in idle]


def unused_table(options: KernelOptions, target: Target, outcomes: Sequence[Outcome]) -> list[str]:
    """A warning for a user's own table that says nothing of any kernel that was chosen."""
    chosen = [item.numbers for item in outcomes if item.pass_name == SELECT]
    reason = unused(options.tuned, target, chosen)
    return [f"--tuned {options.tuned}: nothing of it is used: {reason}"] if reason is not None else []


def lower_to_kernels(driver: Driver, module: ModuleOp, options: KernelOptions) -> ModuleOp:
    """A copy of a phased module as calls of kernels with memory planned; ``module`` stays as it is.

    Raises PassError for a module without phases, and naming the first op that no kernel runs.
    """
    if "phased" not in facts_of(module):
        raise PassError(
            "kernels are launched by phases, and this program has none",
            hint="specialize-phases says why in the remarks; --kernels none writes what there is",
        )
    lowered = module.clone()
    for item in parse_passes(options.passes):
        first = len(driver.ctx.outcomes.items)
        driver.run_one(lowered, item)
        if item.name == SELECT:
            check_all_run(lowered, driver.ctx.outcomes.items[first:])
    return lowered


def compile_kernels(
    lowered: ModuleOp,
    target: Target,
    progress: Callable[[str], None],
    cache: "KernelCache | None" = None,
    *,
    pdl: bool = True,
) -> list["CompiledKernel"]:
    """Compile every kernel that a lowered module launches, or take it from the cache (default: the user's).

    ``pdl``: for programmatic dependent launch where the target has it.
    Raises CompileError for one that cannot be compiled or breaks a limit of the target, IRError for a launcher that
    cannot be called as the program would.
    """
    from dsv3c.backends.triton.compilation.aot import compile_variants
    from dsv3c.backends.triton.compilation.kernel_cache import default_cache
    from dsv3c.backends.triton.variants import variants_of

    variants = variants_of(lowered, int(target.fact("num_compute_units")), pdl=pdl and target.programmatic_launch)
    ready = count(1)
    return compile_variants(
        variants,
        target,
        cache=cache or default_cache(),
        done=lambda _: progress(f"kernel {next(ready)} of {len(variants)}"),
    )


def check_all_run(module: ModuleOp, outcomes: Sequence[Outcome]) -> None:
    """Raise PassError for the first op that no kernel runs, with the reason."""
    left = [op for function in functions(module).values() for op in function.body.block.ops if needs_kernel(op)]
    if not left:
        return
    blocked = [item for item in outcomes if item.kind is Kind.BLOCKED and item.op == left[0].name]
    reason = next((item.reason for item in blocked if item.where == at(left[0])), "no reason was given")
    others = ", ".join(sorted({op.name for op in left}))
    raise PassError(
        f"no kernel for this target runs {left[0].name}: {reason} (left: {others})",
        where=at(left[0]),
        hint="--kernels none writes the plan without kernels; --target cpu runs it",
    )
