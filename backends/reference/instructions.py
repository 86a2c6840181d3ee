"""The steps that a function is compiled into, but for those that call others: they read and write numbered slots."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from xdsl.ir import Operation

from dsv3c.backends.reference.bindings import Sizes
from dsv3c.backends.reference.params import Params
from dsv3c.ir.dialects.scaled import DequantizeOp, QuantizeOp
from dsv3c.ir.dialects.weight import ParamOp


@dataclass(slots=True)
class Frame:
    """One activation of a function."""

    slots: list[Any]
    sizes: Sizes
    prefix: str


@dataclass(slots=True, kw_only=True)
class Instruction:
    """One step; ``frees`` are the slots whose last use this is."""

    op: Operation
    outs: tuple[int, ...]
    frees: tuple[int, ...] = ()

    def execute(self, frame: Frame) -> None:
        """Read and write slots of the frame."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class Evaluate(Instruction):
    """Call a meaning whose arguments are all in slots."""

    meaning: Callable[..., Any]
    args: tuple[int, ...]
    kwargs: dict[str, Any]

    def execute(self, frame: Frame) -> None:
        """Call, then store the result or results."""
        slots = frame.slots
        store(slots, self.outs, self.meaning(*[slots[index] for index in self.args], **self.kwargs))


Builder = Callable[[Frame], Any]


@dataclass(slots=True, kw_only=True)
class EvaluateBuilt(Instruction):
    """Call a meaning with arguments that contain sizes or lists of values."""

    meaning: Callable[..., Any]
    args: tuple[Builder, ...]
    kwargs: dict[str, Builder]

    def execute(self, frame: Frame) -> None:
        """Build the arguments, call, store."""
        args = [build(frame) for build in self.args]
        kwargs = {name: build(frame) for name, build in self.kwargs.items()}
        store(frame.slots, self.outs, self.meaning(*args, **kwargs))


@dataclass(slots=True, kw_only=True)
class LoadParam(Instruction):
    """Read a parameter under the frame's prefix."""

    param: ParamOp
    params: Params

    def execute(self, frame: Frame) -> None:
        """From the parameter store."""
        frame.slots[self.outs[0]] = self.params.get(self.param, frame.prefix)


@dataclass(slots=True, kw_only=True)
class EvaluateOnce(Instruction):
    """Call a meaning of one parameter, or of what was made of one, and keep what it gives."""

    meaning: Callable[..., Any]
    arg: int
    kwargs: dict[str, Any]
    params: Params

    def execute(self, frame: Frame) -> None:
        """From the parameter store, if it is there."""
        given = frame.slots[self.arg]
        frame.slots[self.outs[0]] = self.params.derived(
            self.op, frame.prefix, lambda: self.meaning(given, **self.kwargs)
        )


def is_of_params(op: Operation) -> bool:
    """Whether an op quantises a parameter, or dequantises one: the same in every step."""
    while isinstance(op, QuantizeOp | DequantizeOp):
        made = op.operands[0].owner
        if isinstance(made, ParamOp):
            return True
        if not isinstance(made, Operation):
            return False
        op = made
    return False


def store(slots: list[Any], outs: tuple[int, ...], result: Any) -> None:
    """Put one result, or a sequence of them, into their slots."""
    if len(outs) == 1 and not isinstance(result, tuple | list):
        slots[outs[0]] = result
        return
    for index, value in zip(outs, result, strict=True):
        slots[index] = value
