"""A kernel's Python functions with emulated functions in the place of Gluon's.

A function behind ``@gluon.jit`` is ordinary Python: it is run with other globals.  Functions that it calls, and those
that these call, are treated alike.
"""

import builtins
import inspect
import sys
from collections.abc import Callable, Mapping
from types import CellType, FunctionType, ModuleType
from typing import Any

import triton.language as tl
from triton.runtime.jit import ConstexprFunction

from dsv3c.backends.triton.gluon_emulation.errors import EmulationError, Unknown
from dsv3c.backends.triton.gluon_emulation.language import LANGUAGE, MODULES, OF_SHIM, SHIM
from dsv3c.backends.triton.gluon_emulation.values import Value

BUILTIN = "__triton_builtin__"
"""Triton marks its own functions with it."""


class Emulated:
    """Functions and modules of one launch, each translated once."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}
        self.kept: list[Any] = []
        self.known: dict[int, Any] = {}
        for module, table in MODULES:
            for name, function in table.items():
                if hasattr(module, name):
                    self.known[id(getattr(module, name))] = function
        for name, function in OF_SHIM.items():
            if SHIM in sys.modules and hasattr(sys.modules[SHIM], name):
                self.known[id(getattr(sys.modules[SHIM], name))] = function

    def of(self, given: Any, name: str) -> Any:
        """What a kernel gets for what it finds under ``name``."""
        if id(given) in self.known:
            return self.known[id(given)]
        if isinstance(given, tl.constexpr):
            return self.of(given.value, name)
        if isinstance(given, ModuleType):
            return self.module(given)
        if isinstance(given, ConstexprFunction):
            return given.fn
        if hasattr(given, "fn") and isinstance(given.fn, FunctionType):
            return self.function(given)
        if callable(given) and hasattr(given, BUILTIN):
            return unknown(name)
        return given

    def module(self, module: ModuleType) -> Any:
        """A module of Triton, or the shim, with emulated functions; others as they are."""
        triton = module.__name__.split(".")[0] == "triton" or module.__name__.startswith("dsv3c.backends.triton.")
        return Names(module, self) if triton else module

    def function(self, jit: Any) -> "Late":
        """A function behind ``@gluon.jit`` or ``@triton.jit``."""
        if id(jit) not in self.made:
            self.kept.append(jit)
            self.made[id(jit)] = Late(jit.fn, self)
        return self.made[id(jit)]


class Names:
    """A module as a kernel sees it."""

    def __init__(self, module: ModuleType, emulated: Emulated) -> None:
        self._module = module
        self._emulated = emulated

    def __getattr__(self, name: str) -> Any:
        for module, table in MODULES:
            if module is self._module and name in table:
                return table[name]
        if not hasattr(self._module, name):
            raise Unknown(f"the emulator does not know {self._module.__name__}.{name}")
        return self._emulated.of(getattr(self._module, name), f"{self._module.__name__}.{name}")


class Late:
    """A kernel's function; its globals are translated when it is first called."""

    def __init__(self, function: FunctionType, emulated: Emulated) -> None:
        self.original = function
        self.emulated = emulated
        self.ready: Callable[..., Any] | None = None
        self.__name__ = function.__name__
        self.signature = inspect.signature(function)
        self.constants = [
            name for name, parameter in self.signature.parameters.items() if is_constant(parameter.annotation)
        ]

    def check(self, arguments: Mapping[str, Any], constants: Mapping[str, Any]) -> None:
        """Raises EmulationError where a launch's arguments are not the function's parameters."""
        given, wanted = {*arguments, *constants}, self.signature.parameters
        missing = [name for name, each in wanted.items() if name not in given and each.default is each.empty]
        unknown_ones = sorted(given - {*wanted})
        mixed = sorted({*self.constants} & {*arguments})
        if missing or unknown_ones or mixed:
            raise EmulationError(
                f"{self.__name__} was launched without {missing}; it takes no {unknown_ones}; "
                f"{mixed} are constants, not arguments"
            )

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Run it; constants may not be what is only known at run time."""
        if self.constants:
            try:
                bound = self.signature.bind(*given, **named).arguments
            except TypeError as error:
                raise EmulationError(f"{self.__name__}: {error}") from error
            for name in self.constants:
                if isinstance(bound.get(name), Value):
                    raise EmulationError(f"{self.__name__}: {name} is a constant; it was passed {bound[name]!r}")
        if self.ready is None:
            self.ready = self.translated()
        return self.ready(*given, **named)

    def translated(self) -> Callable[..., Any]:
        """The function with emulated names."""
        function = self.original
        names = {name: self.emulated.of(value, name) for name, value in function.__globals__.items()}
        names["__builtins__"] = {
            **vars(builtins),
            "range": LANGUAGE["range"],
            "max": either("maximum", max),
            "min": either("minimum", min),
        }
        cells = tuple(
            CellType(self.emulated.of(cell.cell_contents, name))
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        )
        made = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
        made.__kwdefaults__ = function.__kwdefaults__
        return made


def is_constant(annotation: Any) -> bool:
    """Whether a parameter is a constant of the compilation."""
    return annotation is tl.constexpr or (isinstance(annotation, str) and annotation.endswith("constexpr"))


def either(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """``max`` and ``min``: of values the elementwise function, of constants Python's."""

    def choose(*given: Any) -> Any:
        return LANGUAGE[name](*given) if any(isinstance(each, Value) for each in given) else plain(*given)

    return choose


def unknown(name: str) -> Callable[..., Any]:
    """For a function of Triton that is not emulated."""

    def fail(*given: Any, **named: Any) -> Any:
        raise Unknown(f"the emulator does not know {name}")

    return fail
