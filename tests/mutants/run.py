"""Makes wrong versions of every rewrite and runs its tests on each; a version that passes is a survivor.

    python tests/mutants/run.py [MODULE ...] [--list] [--jobs N] [--timeout SECONDS]

MODULE is a file of passes/ without its ending (default: all).  A mutant is tested by the FileCheck file of its
pass - for a module that passes share, by those of every pass that imports it - and by the tests that tests.toml
names.  allowed.toml lists the survivors that change nothing, each with its reason.  Exit code 1: there are
survivors outside that list, or entries in it that no longer survive.
"""

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import os
import resource
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from math import ceil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PASSES = ROOT / "passes"
FILECHECK = ROOT / "tests" / "filecheck" / "passes"
NOT_MUTATED = {"__init__", "base", "registry"}
# base.py and registry.py rewrite nothing.

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from mutations import Mutant, mutants  # noqa: E402
from runlines import execute, run_lines  # noqa: E402

SURVIVED, KILLED = 0, 1
WALL = 20
# Times the limit of processor time: for what waits instead of computing.


class MutantLoader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves one module from a changed tree; every importer gets the changed one."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self.name = f"dsv3c.passes.{module}"
        self.file = str(PASSES / f"{module}.py")
        self.tree = tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self, origin=self.file) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.file
        exec(compile(self.tree, self.file, "exec"), module.__dict__)


@dataclass
class Tests:
    """What runs on each mutant of a module: FileCheck files first, they are quick."""

    filecheck: list[Path] = field(default_factory=list[Path])
    pytest: list[str] = field(default_factory=list[str])


def modules() -> list[str]:
    """The files of passes/ that are mutated."""
    return sorted(path.stem for path in PASSES.glob("*.py") if path.stem not in NOT_MUTATED)


def imports_of(module: str) -> set[str]:
    """The modules of passes/ that one of them imports itself."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((PASSES / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dsv3c.passes"):
            parts = (node.module or "").split(".")[2:]
            found.update(parts[:1] or [alias.name for alias in node.names])
    return found - NOT_MUTATED


def users_of(module: str) -> set[str]:
    """The module itself and all that import it, directly or not."""
    users = {module}
    while more := {other for other in modules() if imports_of(other) & users} - users:
        users |= more
    return users


def tests_of(module: str) -> Tests:
    """FileCheck files by name, the rest from tests.toml."""
    table = tomllib.loads((HERE / "tests.toml").read_text())
    users = [module, *sorted(users_of(module) - {module})]
    files = [path for user in users if (path := FILECHECK / f"{user.replace('_', '-')}.mlir").exists()]
    return Tests(files, sorted({test for user in users for test in table.get(user, [])}))


def passes_its_tests(tests: Tests) -> bool:
    """Whether everything passes; an exception is a failure."""
    with tempfile.TemporaryDirectory() as folder:
        for path in tests.filecheck:
            for line in run_lines(path.read_text()):
                execute(line, path, Path(folder, "t"))
    if tests.pytest:
        import pytest

        options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT)]
        return pytest.main([*options, *(str(ROOT / test) for test in tests.pytest)]) == 0
    return True


def start(module: str, tree: ast.Module, tests: Tests, timeout_s: float) -> int:
    """Fork a process that tests one version of a module; its exit code is SURVIVED or KILLED.

    The kernel ends it after ``timeout_s`` of processor time, which other load on the machine does not use up.
    """
    pid = os.fork()
    if pid:
        return pid
    code = KILLED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(timeout_s), ceil(timeout_s)))
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        sys.meta_path.insert(0, MutantLoader(module, tree))
        code = SURVIVED if passes_its_tests(tests) else KILLED
    except BaseException:
        code = KILLED
    finally:
        os._exit(code)


def results(
    module: str, todo: list[Mutant], tests: Tests, jobs: int, timeout_s: float
) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant and whether it survived, as they finish; one that takes too long (it loops) did not."""
    running: dict[int, tuple[Mutant, float]] = {}
    waiting = list(reversed(todo))
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            running[start(module, mutant.tree, tests, timeout_s)] = mutant, time.monotonic()
        for pid, (mutant, started) in list(running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done and time.monotonic() - started > WALL * timeout_s:
                os.kill(pid, signal.SIGKILL)
                done, status = os.waitpid(pid, 0)
            if done:
                del running[pid]
                yield mutant, os.WIFEXITED(status) and os.WEXITSTATUS(status) == SURVIVED
        time.sleep(0.005)


def preload() -> None:
    """Import what no mutant changes once, before the forks: third parties, and our ir."""
    import filecheck.matcher
    import pytest
    import torch
    import xdsl.dialects.func

    del filecheck, pytest, torch, xdsl
    for path in sorted((ROOT / "ir").rglob("*.py")):
        if path.stem != "__init__":
            importlib.import_module("dsv3c." + ".".join(path.relative_to(ROOT).with_suffix("").parts))
    wrong = [name for name in sys.modules if name.startswith("dsv3c.passes") or name.startswith("dsv3c.cli")]
    assert not wrong, f"these are loaded before they could be mutated: {wrong}"


def check(module: str, allowed: dict[str, str], jobs: int, timeout_s: float) -> list[str]:
    """Test all mutants of a module, print the survivors, and return what is wrong."""
    tests = tests_of(module)
    if not tests.filecheck and not tests.pytest:
        return [f"{module}: no tests found"]
    source = (PASSES / f"{module}.py").read_text()
    baseline = Mutant("unchanged", 0, ast.parse(source))
    if not next(iter(results(module, [baseline], tests, 1, timeout_s)))[1]:
        return [f"{module}: its tests fail without any change"]
    started = time.monotonic()
    todo = mutants(source)
    survivors = {mutant.key: mutant for mutant, survived in results(module, todo, tests, jobs, timeout_s) if survived}
    seconds = time.monotonic() - started
    print(f"{module}: {len(todo)} mutants, {len(survivors)} survived ({seconds:.0f} s)", flush=True)
    problems = [f"passes/{module}.py:{m.line}: {key}" for key, m in survivors.items() if key not in allowed]
    for key, reason in allowed.items():
        if key in survivors:
            print(f"  allowed: {key}\n    {reason}")
        else:
            problems.append(f"{module}: allowed.toml lists what does not survive: {key}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--list", action="store_true", help="print the mutants, run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS", help="processor time per mutant")
    options = parser.parse_args()
    chosen = options.modules or modules()
    if unknown := set(chosen) - set(modules()):
        parser.error(f"not in passes/: {', '.join(sorted(unknown))}")
    if options.list:
        for module in chosen:
            for mutant in mutants((PASSES / f"{module}.py").read_text()):
                print(f"passes/{module}.py:{mutant.line}: {mutant.key}")
        return 0
    preload()
    allowed = tomllib.loads((HERE / "allowed.toml").read_text())
    problems = [f"allowed.toml: no module {name}" for name in set(allowed) - set(modules())]
    for module in chosen:
        problems += check(module, allowed.get(module, {}), options.jobs, options.timeout)
    print("\n".join(["", "SURVIVORS AND OTHER PROBLEMS", *problems]) if problems else "no survivors")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
