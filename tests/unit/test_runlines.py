"""The runner of FileCheck files fails where it should."""

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from runlines import RunLineError, execute, problems, run_lines

Main = Callable[[list[str]], int | None]


@pytest.fixture
def use_main(monkeypatch: pytest.MonkeyPatch) -> Callable[[Main], None]:
    """Puts a function in the place of the command line."""

    def use(main: Main) -> None:
        module = types.ModuleType("dsv3c.cli")
        module.main = main
        monkeypatch.setitem(sys.modules, "dsv3c.cli", module)

    return use


def echo(args: list[str]) -> int:
    """Prints its last argument's file or stdin, complains on stderr about ``--bad`` and fails."""
    text = Path(args[1]).read_text() if len(args) > 1 and not args[1].startswith("-") else sys.stdin.read()
    print(text.upper() if "--upper" in args else text, end="")
    if "--bad" in args:
        print("something is bad", file=sys.stderr)
        return 1
    return 0


def write(folder: Path, *lines: str) -> Path:
    path = folder / "x.mlir"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(path: Path) -> None:
    for line in run_lines(path.read_text()):
        execute(line, path, path.with_suffix(".tmp"))


def test_matching_text_passes(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(echo)
    run(write(tmp_path, "// RUN: dsv3c opt %s | filecheck %s", "// CHECK: a b", "a b"))


def test_missing_text_fails(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(lambda args: print("nothing"))
    with pytest.raises(RunLineError, match="a b"):
        run(write(tmp_path, "// RUN: dsv3c opt %s | filecheck %s", "// CHECK: a b"))


def test_no_output_fails(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(lambda args: 0)
    with pytest.raises(RunLineError, match="is empty"):
        run(write(tmp_path, "// RUN: dsv3c opt %s | filecheck %s", "// CHECK: a b"))


def test_a_pipe_feeds_the_next_command(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(echo)
    line = "// RUN: dsv3c opt %s | dsv3c opt --upper - | filecheck %s --check-prefix=UP"
    run(write(tmp_path, line, "// UP: {{^}}A B", "a b"))


def test_failing_command_fails(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(echo)
    with pytest.raises(RunLineError, match="exit code 1, wanted exit code 0"):
        run(write(tmp_path, "// RUN: dsv3c opt %s --bad | filecheck %s", "// CHECK: a b", "a b"))


def test_not_wants_a_failure_and_can_read_stderr(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(echo)
    run(write(tmp_path, "// RUN: not dsv3c opt %s --bad 2>&1 | filecheck %s", "// CHECK: {{^}}something is bad"))
    with pytest.raises(RunLineError, match="wanted another exit code than 0"):
        run(write(tmp_path, "// RUN: not dsv3c opt %s 2>&1 | filecheck %s", "// CHECK: RUN"))


def test_stderr_is_apart_without_a_merge(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(echo)
    with pytest.raises(RunLineError):
        run(write(tmp_path, "// RUN: not dsv3c opt %s --bad | filecheck %s", "// CHECK: {{^}}something is bad"))


def test_a_crash_is_no_failure_that_not_accepts(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    def crash(args: list[str]) -> int:
        raise KeyError("ours")

    use_main(crash)
    with pytest.raises(KeyError):
        run(write(tmp_path, "// RUN: not dsv3c opt %s 2>&1 | filecheck %s", "// CHECK: ours"))


def test_system_exit_is_an_exit_code(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    use_main(lambda args: sys.exit("message"))
    run(write(tmp_path, "// RUN: not dsv3c opt %s --verify-diagnostics"))


def test_a_file_can_be_written_and_checked(tmp_path: Path, use_main: Callable[[Main], None]) -> None:
    def remarks(args: list[str]) -> None:
        Path(args[2].removeprefix("--remarks=")).write_text("remark\n")

    use_main(remarks)
    line = "// RUN: dsv3c opt %s --remarks=%t && filecheck %s --input-file %t"
    run(write(tmp_path, line, "// CHECK: remark"))


def test_lines_go_on_after_a_backslash() -> None:
    text = "// RUN: dsv3c opt %s \\\n// RUN:   --upper | filecheck %s\n// RUN: dsv3c opt -"
    assert run_lines(text) == ["dsv3c opt %s --upper | filecheck %s", "dsv3c opt -"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("module {}", "no RUN line"),
        ("// RUN: dsv3c opt %s", "checks nothing"),
        ("// RUN: dsv3c opt %s --verify-diagnostics", "no expected-error"),
        ("// RUN: dsv3c opt %s | filecheck %s\n// CHECK-NEXTT: x", "no RUN line reads the prefix CHECK-NEXTT"),
        ("// RUN: dsv3c opt %s | filecheck %s --check-prefix=A\n// A: x\n// CHECK: x", "prefix CHECK"),
    ],
)
def test_files_that_test_nothing_are_found(text: str, complaint: str) -> None:
    assert any(complaint in problem for problem in problems(text))


@pytest.mark.parametrize(
    "text",
    [
        "// RUN: dsv3c opt %s -p absorb-mla{mode=always} | filecheck %s",
        "// RUN: cat %s | filecheck %s",
        "// RUN: dsv3c opt %s | filecheck %s --no-such-option",
        "// RUN: dsv3c opt %s > out | filecheck %s",
    ],
)
def test_lines_a_shell_reads_otherwise_are_refused(text: str) -> None:
    with pytest.raises(RunLineError):
        problems(text)


def test_quoted_pass_options_are_taken() -> None:
    text = "// RUN: dsv3c opt %s -p 'absorb-mla{mode=always},cse' --split-input-file | filecheck %s"
    assert problems(text + "\n// CHECK-DAG: x\n// CHECK-COUNT-2: y\n// CHECK{LITERAL}: [[") == []
