"""``select-kernels``: ops become calls of kernels.

Before::

    %y = scaled.mm %q, %w promote 128 : ...

After::

    %y = kernel.call "scaled_mm.scaled_mm" reads ["x", "w"] %q, %w writes ["y"] configs [...] parameters <promote 128> {
    ^bb0(%q_1: ..., %w_1: ...):
      %y_1 = scaled.mm %q_1, %w_1 promote 128 : ...
      kernel.yield %y_1
    }

The body is what the call means: nothing about the program's values changes.  Which kernel, with which configurations,
is answered by the rules in ``choices/``, from the ops, the ranges of the symbols, the target and the multiprocessors
that its segment may fill (``num-sms``, 0: all of the target).  A rule may take neighbouring ops into one call (a
residual addition into a norm).  Where ``extern`` asks for vendors' libraries, an op that one of them runs becomes a
``kernel.extern``; those that are not taken are rejected candidates of the remark.  Where a table of measured
configurations (``tuned``) speaks of a call, its configurations take the places of the rule's.  Units such as
``moe.fused`` that no kernel runs as a whole are opened first.

It leaves alone what moves no data (views, parameters), calls, and communication, which the host starts.  An op that no
kernel runs is blocked with the reason.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import ClassVar

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue

from dsv3c.backends.triton import choices
from dsv3c.backends.triton.batch_invariance import Key, check_batch_invariant, key_of_choice, varying
from dsv3c.backends.triton.choices.base import KERNELS, Choice, Refused, Rejected, Rule, Scratch, Selection
from dsv3c.backends.triton.choices.extern_base import NONE, ExternChoice, asked_for, extern_for
from dsv3c.backends.triton.tuning.tuned_choices import NONE as NO_TABLE
from dsv3c.backends.triton.tuning.tuned_choices import SHIPPED, Tuned, tuned_for
from dsv3c.ir.context import CompileContext
from dsv3c.ir.dialects import comm
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.kernel import ExternOp, KernelCallOp, KernelYieldOp, LaunchOp, Literal
from dsv3c.ir.dialects.nn import StepPartOp
from dsv3c.ir.dialects.units import UnitOp, body_of, inputs_of
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.entry_ranges import entry_queries, entry_ranges
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.rules import RuleTable
from dsv3c.ir.targets import Target
from dsv3c.ir.views import RULES as VIEWS
from dsv3c.ir.views import view_of
from dsv3c.passes.base import Pass

NOT_LOWERED = (ParamOp, ConstantOp, LaunchOp, func.CallOp, func.ReturnOp, StepPartOp, *comm.Comm.operations)
"""Ops that move no data, calls, and what the host does: tables of a part of a step, starting communication."""
MAY_COPY = {"aten.clone", "aten.contiguous", "aten.flatten.using_ints", "aten.reshape", "aten.reshape_as"}
"""Views where the strides allow one, copies elsewhere."""
Watch = Callable[[Operation, Rule, Selection, Choice], Callable[[LaunchOp], None] | None]
"""(op, its rule, what the rule was asked, its answer) -> what is to be told of the call that was made, or None."""


@dataclass(frozen=True)
class Asks:
    """What is chosen from beside the rules of our kernels."""

    extern: Sequence[str]
    """Libraries, the preferred one first."""
    tuned: Tuned
    watch: Watch | None = None
    """Is told of every choice of a kernel of ours before its ops are replaced; what it gives, of the call."""
    batch_invariant: bool = False
    """See ``Selection``."""
    plain: frozenset[Key] = frozenset()
    """Calls that take no twin in Gluon."""


@dataclass(frozen=True)
class SelectKernelsPass(Pass):
    """See the module."""

    name = "select-kernels"
    requires: ClassVar[frozenset[str]] = frozenset({"phased"})
    ensures: ClassVar[frozenset[str]] = frozenset({"lowered"})

    num_sms: int = 0
    """Multiprocessors that a kernel may fill; 0: all of the target's (count)."""
    gluon: bool = True
    """Take kernels' twins in Gluon where the target runs them."""
    extern: tuple[str, ...] | str = NONE
    """Vendors' libraries to call where they run an op, the preferred one first: cublaslt, deep_gemm, flash_mla."""
    tuned: str = SHIPPED
    """Tables of measured configurations: those shipped, ``none``, or a file whose rows go before theirs."""
    batch_invariant: bool = False
    """One configuration for all rows, in all phases: a token's bits do not depend on its batch.  What was measured for
    some number of rows is then not used."""

    def run(self, ctx: CompileContext, module: ModuleOp) -> None:
        """Every op of every function."""
        tuned = NO_TABLE if self.batch_invariant else self.tuned
        asks = Asks(asked_for(self.extern), tuned_for(tuned, target_of(ctx)), batch_invariant=self.batch_invariant)
        if self.batch_invariant and self.gluon:
            asks = dataclasses.replace(asks, plain=self.not_in_gluon(ctx, module, asks))
        select(ctx, module, asks, num_sms=self.num_sms, gluon=self.gluon)
        if self.batch_invariant:
            check_batch_invariant(module)

    def not_in_gluon(self, ctx: CompileContext, module: ModuleOp, asks: Asks) -> frozenset[Key]:
        """What a twin in Gluon would compute in some phases only, as it does not read the rows of others."""
        trial, count = module.clone(), len(ctx.outcomes.items)
        select(ctx, trial, asks, num_sms=self.num_sms, gluon=True)
        del ctx.outcomes.items[count:]
        return varying(trial)


def select(ctx: CompileContext, module: ModuleOp, asks: Asks, *, num_sms: int = 0, gluon: bool = True) -> None:
    """Ops of every function become calls; options as those of the pass."""
    target, rules = target_of(ctx), kernel_rules()
    ranges, hints = entry_ranges(module), {**symbol_hints(module), **ctx.operating_point}
    gluon = gluon and target.warpgroup_products
    queries, num_sms = entry_queries(module), num_sms or int(target.fact("num_compute_units"))
    for name, function in functions(module).items():
        at = Selection(
            target,
            ranges[name],
            hints,
            num_sms,
            gluon=gluon,
            queries=queries[name],
            batch_invariant=asks.batch_invariant,
        )
        block = function.body.block
        open_units(ctx, block, rules)
        for op in reversed(list(block.ops)):
            # a call of several ops has erased the earlier ones
            if op.parent is block and needs_kernel(op):
                lower(ctx, op, rules.find(op), at, asks)


def symbol_hints(module: ModuleOp) -> dict[str, int]:
    """The value of every symbol that choices are made for: its hint, or its smallest."""
    symbols = symbols_of(module)
    return {name: op.hint.value.data if op.hint is not None else op.bounds()[0] for name, op in symbols.items()}


def target_of(ctx: CompileContext) -> Target:
    """The target.  Raises UsageError where it is no device that runs kernels."""
    if ctx.target is None or ctx.target.kind != "gpu":
        raise UsageError(
            f"select-kernels: {ctx.target.name if ctx.target else 'no target'} runs no kernels",
            hint="give --target with a GPU; `dsv3c targets` lists them",
        )
    return ctx.target


@cache
def kernel_rules() -> RuleTable[Rule]:
    """The rules of every file in ``choices/``."""
    for info in iter_modules(choices.__path__, choices.__name__ + "."):
        import_module(info.name)
    return KERNELS


def needs_kernel(op: Operation) -> bool:
    """Whether an op moves data: not what is a view, a parameter, a call, or another's to start."""
    if isinstance(op, NOT_LOWERED):
        return False
    if op.name in MAY_COPY:
        return any(view_of(result).base is result for result in op.results)
    return op.name not in VIEWS


def lower(ctx: CompileContext, op: Operation, rule: Rule | None, at: Selection, asks: Asks) -> None:
    """One op, and those its kernel takes along: the rules' answers, guards, build, replace."""
    answer = rule(op, at) if rule is not None else Refused(f"no kernel runs {op.name}")
    if rule is not None and isinstance(answer, Choice) and asks.plain and key_of_choice(answer) in asks.plain:
        at = dataclasses.replace(at, gluon=False)
        answer = rule(op, at)
    extern, externs = extern_for(op, at, asks.extern)
    if extern is not None:
        return lower_extern(ctx, op, extern, [not_ours(answer, extern), *externs])
    if isinstance(answer, Refused):
        return ctx.blocked(op, answer.reason)
    assert rule is not None
    ops = list(answer.ops) or [op]
    if used_before(op, ops):
        at = dataclasses.replace(at, alone=True)
        answer = rule(op, at)
        assert isinstance(answer, Choice), f"the rule of {op.name} needs its neighbours"
        ops = [op]
    assert ops[-1] is op, f"the rule of {op.name} ends in another op"
    answer, measured = asks.tuned.choose(rule, op, at, answer)
    check(op, ops, answer)
    what = f"{answer.launcher} with {show_configs(answer)}"
    ctx.fired(op, what, **measured, **shown([*answer.rejected, *externs]))
    made = asks.watch(op, rule, at, answer) if asks.watch is not None else None
    call = replace(ops, answer)
    if made is not None:
        made(call)
    return None


def lower_extern(ctx: CompileContext, op: Operation, answer: ExternChoice, rejected: Sequence[Rejected]) -> None:
    """One op as a call of a library."""
    check(op, [op], answer)
    ctx.fired(op, f"{answer.function} of {answer.library.name} ({answer.library.source})", **shown(rejected))
    replace([op], answer)


def not_ours(answer: Choice | Refused, extern: ExternChoice) -> Rejected:
    """Why an op that a library runs has no kernel of ours."""
    if isinstance(answer, Refused):
        return Rejected("a kernel of ours", answer.reason)
    return Rejected(answer.launcher, f"{extern.library.name} was asked for")


def shown(rejected: Sequence[Rejected]) -> dict[str, str]:
    """Candidates that were not taken, as a remark has them."""
    return {f"not {item.candidate}": item.reason for item in rejected}


def used_before(op: Operation, ops: list[Operation]) -> bool:
    """Whether others read what the ops make before the last of them, ``op``, runs."""
    users = {use.operation for inner in ops for value in inner.results for use in value.uses} - {*ops}
    return any(user.parent is op.parent and user.is_before_in_block(op) for user in users)


def show_configs(choice: Choice) -> str:
    """``128 x 128 x 128, ...``: what tells the configurations apart."""
    texts = list[str]()
    for config in choice.configs:
        bound = config.get("up_to", 0)
        values = " ".join(f"{name}={value}" for name, value in config.items() if name != "up_to")
        texts.append(f"{values} up to {bound} rows" if bound else values)
    return "; ".join(texts)


def check(op: Operation, ops: list[Operation], choice: Choice | ExternChoice) -> None:
    """A rule names every value that goes in, and every value that others read."""
    read = set(inputs_of(ops))
    named = {value for value in choice.operands.values() if value is not None}
    assert read == named, f"the rule of {op.name} reads {named - read}, and not {read - named}"
    outside = {value for inner in ops for value in inner.results for use in value.uses if use.operation not in ops}
    assert outside <= set(choice.results.values()), f"the rule of {op.name} does not write all that is read"


def replace(ops: list[Operation], choice: Choice | ExternChoice) -> LaunchOp:
    """A call in place of the ops, where the last of them stands."""
    reads = {name: value for name, value in choice.operands.items() if value is not None}
    inputs = list(dict.fromkeys(reads.values()))
    # a value that has two keywords is one input
    names = [next(name for name, value in reads.items() if value is given) for given in inputs]
    outputs = list(choice.results.values())
    call = call_of(choice, body_of(ops, inputs, outputs, KernelYieldOp), inputs, names)
    call.location = ops[-1].location
    block = ops[-1].parent
    assert block is not None
    block.insert_op_before(call, ops[-1])
    for value, made in zip(outputs, call.outputs, strict=True):
        made.name_hint = value.name_hint
        value.replace_all_uses_with(made)
    for op in reversed(ops):
        op.detach()
        op.erase()
    return call


def call_of(choice: Choice | ExternChoice, body: Region, inputs: list[SSAValue], names: list[str]) -> LaunchOp:
    """The call of a kernel of ours, or of a library."""
    writes, scratch = list(choice.results), {name: scratch_literal(needed) for name, needed in choice.scratch.items()}
    if isinstance(choice, ExternChoice):
        return ExternOp(
            choice.launcher,
            body,
            inputs,
            library=choice.library.name,
            function=choice.function,
            package=choice.package,
            source=choice.library.source,
            reads=names,
            writes=writes,
            parameters=choice.parameters,
            scratch=scratch,
        )
    return KernelCallOp(
        choice.launcher,
        body,
        inputs,
        reads=names,
        writes=writes,
        configs=choice.configs,
        parameters=choice.parameters,
        in_place=choice.in_place,
        scratch=scratch,
    )


def scratch_literal(needed: Scratch) -> Literal:
    """``["f32", "T", 128]``."""
    return (str(needed.element), *needed.sizes)


def open_units(ctx: CompileContext, block: Block, rules: RuleTable[Rule]) -> None:
    """Put the ops of units that no kernel runs as a whole in their place."""
    for op in list(block.ops):
        if isinstance(op, UnitOp) and not isinstance(op, LaunchOp) and rules.find(op) is None:
            ctx.blocked(op, f"no kernel runs {op.name} as a whole: its ops have kernels of their own")
            open_unit(block, op)


def open_unit(block: Block, unit: UnitOp) -> None:
    """Put the ops of a unit in its place."""
    outside = dict[SSAValue, SSAValue](zip(unit.body.block.args, unit.inputs, strict=True))
    for op in unit.ops:
        copy = op.clone(outside)
        copy.location = op.location
        block.insert_op_before(copy, unit)
    for value, inside in zip(unit.outputs, unit.end.values, strict=True):
        value.replace_all_uses_with(outside[inside])
    unit.detach()
    unit.erase()
