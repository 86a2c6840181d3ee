"""All passes by name: those of ``passes/``, and those that backends bring."""

from collections.abc import Mapping
from importlib import import_module

from dsv3c.passes import registry
from dsv3c.passes.base import Pass

BACKEND_PASSES: dict[str, tuple[str, str]] = {
    "plan-memory": ("dsv3c.backends.triton.memory.plan_memory", "PlanMemoryPass"),
    "select-kernels": ("dsv3c.backends.triton.select_kernels", "SelectKernelsPass"),
}
"""Name -> (module, class)."""
KNOWN = sorted({*registry.PASSES, *BACKEND_PASSES})
"""Names of the passes that come with dsv3c."""


def load_pass(name: str, extra: Mapping[str, type[Pass]] | None = None) -> type[Pass]:
    """The pass class of a name; ``extra``: a plug-in's.  Raises UsageError with the nearest names for unknown ones."""
    if name not in BACKEND_PASSES:
        return registry.load_pass(name, extra, elsewhere=tuple(BACKEND_PASSES))
    module, attribute = BACKEND_PASSES[name]
    cls = getattr(import_module(module), attribute)
    assert issubclass(cls, Pass) and cls.name == name, f"{cls.__name__} is no pass {name}"
    return cls
