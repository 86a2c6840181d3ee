"""What watches a pipeline: dumps of the module between passes."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from dsv3c.compilation.driver import PassRun
from dsv3c.ir.text import print_module
from dsv3c.passes.base import Pass


@dataclass
class PrintIR:
    """Prints the module to standard error, under mlir-opt's banner."""

    names_before: frozenset[str] = frozenset()
    names_after: frozenset[str] = frozenset()
    before_all: bool = False
    after_all: bool = False
    after_change: bool = False
    module: ModuleOp | None = None
    text: str = ""

    def start(self, module: ModuleOp) -> None:
        """Remember the module, and its text where changes are asked for."""
        self.module = module
        self.text = print_module(module) if self.after_change else ""

    def before(self, item: Pass) -> None:
        """Print if asked."""
        if self.module is not None and (self.before_all or item.name in self.names_before):
            self.dump(f"Before {item.spec()}", print_module(self.module))

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        """Print if asked, or if the text changed and changes are asked for."""
        wanted = self.after_all or item.name in self.names_after
        if not (wanted or self.after_change):
            return
        text = print_module(module)
        if wanted or text != self.text:
            self.dump(f"After {run.spec}", text)
        self.text = text

    def dump(self, title: str, text: str) -> None:
        """One banner and the module."""
        print(f"// -----// IR Dump {title} //----- //\n{text}", file=sys.stderr)


@dataclass
class TreeDir:
    """Writes the module after each pass to ``DIR/NN_pass.mlir``; ``00_input.mlir`` is the start."""

    folder: Path
    only_changes: bool = False
    text: str = ""
    locations: bool = False

    def start(self, module: ModuleOp) -> None:
        """Write the input."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.text = print_module(module, locations=self.locations)
        (self.folder / "00_input.mlir").write_text(self.text)

    def before(self, item: Pass) -> None:
        """Nothing is written before a pass."""

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        """Write the result, unless it is unchanged and only changes are asked for."""
        text = print_module(module, locations=self.locations)
        if text != self.text or not self.only_changes:
            (self.folder / f"{run.index + 1:02}_{run.name}.mlir").write_text(text)
        self.text = text


@dataclass
class Announce:
    """Tells somebody which pass is running."""

    tell: Callable[[str], None]

    def start(self, module: ModuleOp) -> None:
        """The first pass is announced when it starts."""

    def before(self, item: Pass) -> None:
        """The pass about to run."""
        self.tell(item.name)

    def after(self, run: PassRun, item: Pass, module: ModuleOp) -> None:
        """Nothing: the next pass is announced when it starts."""


@contextmanager
def progress(what: str) -> Generator[Callable[[str], None], None, None]:
    """A line on the terminal that says what is being done; silent when standard error is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(what) as status:
        yield lambda step: status.update(f"{what}: {step}")
