"""What a compilation carries along: dialects, the target, the operating point, outcomes and the evaluator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module

from xdsl.context import Context
from xdsl.dialects import builtin, func
from xdsl.dialects.test import Test
from xdsl.ir import Dialect, Operation

from dsv3c.ir.dialects.aten import aten_dialect, op_class, schema_table
from dsv3c.ir.dialects.aten_schema import parse_schema
from dsv3c.ir.durations import DurationsFactory
from dsv3c.ir.errors import at
from dsv3c.ir.evaluator import Evaluator
from dsv3c.ir.functions import parent_function
from dsv3c.ir.outcomes import Kind, Outcome, Outcomes
from dsv3c.ir.targets import Target

DIALECTS: dict[str, tuple[str, str]] = {
    "comm": ("dsv3c.ir.dialects.comm", "Comm"),
    "dsv3c": ("dsv3c.ir.dialects.core", "Core"),
    "kernel": ("dsv3c.ir.dialects.kernel", "Kernel"),
    "mla": ("dsv3c.ir.dialects.mla", "Mla"),
    "moe": ("dsv3c.ir.dialects.moe", "Moe"),
    "nn": ("dsv3c.ir.dialects.nn", "Nn"),
    "scaled": ("dsv3c.ir.dialects.scaled", "Scaled"),
    "sched": ("dsv3c.ir.dialects.sched", "Sched"),
    "weight": ("dsv3c.ir.dialects.weight", "Weight"),
}
"""Our hand-written dialects: name -> (module, object).  ``aten`` is made from PyTorch's schema table instead."""

DEFAULT_TARGET = "cpu"


def load_dialect(name: str) -> Dialect:
    """The dialect object of ``name``; raises KeyError for a name that is not ours."""
    module, attribute = DIALECTS[name]
    dialect = getattr(import_module(module), attribute)
    assert isinstance(dialect, Dialect)
    return dialect


@dataclass
class CompileContext(Context):
    """xDSL's context plus what passes read (target, evaluator, operating point) and write (outcomes)."""

    schemas: dict[str, str] = field(default_factory=schema_table)
    """Op name -> schema text: classes are made when a name is first asked for (3,100 overloads, a model uses 60)."""
    target: Target | None = None
    """Facts of the hardware; None where no pass may ask (parsing only)."""
    operating_point: Mapping[str, int] = field(default_factory=dict[str, int])
    """Values the cost choices are made for: tokens, sequences, context tokens per sequence, by symbol name."""
    durations: DurationsFactory | None = None
    """What functions take, for schedules; None: their floors."""
    evaluator: Evaluator | None = None
    """Answers questions about size-only values; None in a torch-free run."""
    outcomes: Outcomes = field(default_factory=Outcomes)
    withheld: set[str] = field(default_factory=set[str])
    """Facts the running pass found it cannot establish: a blocked pass adds what it would have ensured."""
    current_pass: str = ""
    """Name of the pass being applied: outcomes are filed under it."""
    current_pattern: str = ""

    def _get_known_op(self, name: str) -> type[Operation] | None:
        if name not in self._loaded_ops and name in self.schemas:
            self.load_op(op_class(parse_schema(self.schemas[name])))
        return super()._get_known_op(name)

    def fired(self, op: Operation, what: str = "", **numbers: float | int | str) -> None:
        """Record a rewrite; call it while ``op`` (the anchor of the match) is still in the module."""
        self._record(Kind.FIRED, op, what, numbers)

    def blocked(self, op: Operation, reason: str, **numbers: float | int | str) -> None:
        """Record that ``op`` looked rewritable and which condition failed first."""
        self._record(Kind.BLOCKED, op, reason, numbers)

    def unprofitable(self, op: Operation, reason: str, **numbers: float | int | str) -> None:
        """Record that a legal rewrite was not worth it, with the numbers compared."""
        self._record(Kind.UNPROFITABLE, op, reason, numbers)

    def _record(self, kind: Kind, op: Operation, reason: str, numbers: Mapping[str, float | int | str]) -> None:
        function = parent_function(op)
        self.outcomes.add(
            Outcome(
                kind=kind,
                pass_name=self.current_pass,
                pattern=self.current_pattern or self.current_pass,
                op=op.name,
                function=function.sym_name.data if function and function is not op else "",
                where=at(op),
                reason=reason,
                numbers=numbers,
            )
        )


def make_context(
    *,
    target: Target | None = None,
    extra_dialects: Mapping[str, Callable[[], Dialect]] | None = None,
) -> CompileContext:
    """A context that knows builtin, func, test and all our dialects, loaded when text first mentions them."""
    ctx = CompileContext(target=target)
    for dialect in (builtin.Builtin, func.Func):
        ctx.load_dialect(dialect)
    ctx.register_dialect("test", lambda: Test)
    ctx.register_dialect("aten", aten_dialect)
    for name in DIALECTS:
        ctx.register_dialect(name, lambda name=name: load_dialect(name))
    for name, factory in (extra_dialects or {}).items():
        ctx.register_dialect(name, factory)
    return ctx
