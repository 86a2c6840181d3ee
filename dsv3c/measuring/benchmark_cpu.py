"""A step on the CPU: the reference runs it, and tells the time after every op."""

from collections.abc import Callable
from time import perf_counter

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation

from dsv3c.backends.reference.executor import Executor, Value
from dsv3c.backends.reference.instructions import is_of_params
from dsv3c.backends.reference.launches import NOT_RUN
from dsv3c.backends.reference.weights import Weights
from dsv3c.measuring.benchmark import Run


class ReferenceRunner:
    """An entry of a module on the reference.  Parameters are read once, by the first run."""

    kernel = "op"
    graph: Callable[[], None] | str = "there are none on a CPU"

    def __init__(self, module: ModuleOp, weights: Weights, entry: str, arguments: list[Value]) -> None:
        self.entry, self.arguments = entry, arguments
        self.plain = Executor(module, weights)
        self.watched = Executor(module, weights, observer=self.observe)
        self.watched.params = self.plain.params
        self.seen = list[tuple[Operation, float]]()
        self.last = 0.0

    def step(self) -> None:
        """See ``Runner``."""
        self.plain.run(self.entry, *self.arguments)

    def kernels(self) -> Run:
        """See ``Runner``: the time of an op is that since the op before, what calls it included."""
        self.seen = []
        self.last = perf_counter()
        self.watched.run(self.entry, *self.arguments)
        return self.seen

    def observe(self, op: Operation, results: object) -> None:
        """An op ended; parameters and calls of functions are no kernels."""
        if not isinstance(op, (*NOT_RUN, func.CallOp)) and not is_of_params(op):
            self.seen.append((op, perf_counter() - self.last))
        self.last = perf_counter()

    def name(self, op: Operation) -> str:
        """See ``Runner``."""
        return op.name
