"""Executes the RUN lines of FileCheck files in this process: 35 ms instead of 500 ms for each.

A RUN line is a line a shell takes as it stands, in this subset::

    // RUN: [not] dsv3c VERB ARGS [2>&1] {| dsv3c VERB ARGS} [| filecheck %s [--check-prefix=X]]

``%s`` is the file, ``%t`` a file of its own in a fresh folder, `` && `` joins commands, a line ending
in a backslash goes on in the next RUN line.  Every command must exit with 0, and one after ``not``
with another number: a traceback is neither.
"""

import contextlib
import io
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filecheck.finput import FInput
from filecheck.matcher import Matcher
from filecheck.options import Options, parse_argv_options
from filecheck.parser import Parser, pattern_for_opts

RUN_LINE = re.compile(r"^\s*//\s*RUN:(.*)$")
# Outside quotes a shell would change these, or this runner would read them in another way than a shell.
NEEDS_QUOTES = re.compile(r"[{}*?$;<>()`!\[\]~#]")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
CHECK_LINE = re.compile(r"^\s*//\s*([A-Z][A-Z0-9_-]*?)(-(?:NEXT|SAME|NOT|DAG|LABEL|EMPTY|COUNT-\d+))?(?:\{LITERAL\})?:")
EXPECTED = re.compile(r"//\s*expected-(error|remark)\b")


class RunLineError(Exception):
    """A RUN line that does not say something this runner understands, or one that fails."""


@dataclass(frozen=True)
class Command:
    """One command of a RUN line, between two pipes."""

    program: str
    args: tuple[str, ...]
    must_fail: bool = False
    merge_stderr: bool = False


def run_lines(text: str) -> list[str]:
    """The RUN lines of a file, continued lines joined."""
    lines: list[str] = []
    goes_on = False
    for line in text.splitlines():
        if match := RUN_LINE.match(line):
            body = match[1].strip()
            if goes_on:
                lines[-1] = lines[-1][:-1].rstrip() + " " + body
            else:
                lines.append(body)
            goes_on = body.endswith("\\")
    if goes_on:
        raise RunLineError("the last RUN line ends in a backslash")
    return lines


def parse_command(text: str) -> Command:
    """``[not] dsv3c ... [2>&1]`` or ``filecheck ...``, with ``%s`` and ``%t`` still in it."""
    merge_stderr = text.rstrip().endswith("2>&1")
    text = text.rstrip().removesuffix("2>&1")
    if bad := NEEDS_QUOTES.search(QUOTED.sub("", text)):
        raise RunLineError(f"quote {bad[0]!r}, a shell would act on it: {text.strip()}")
    words = shlex.split(text)
    must_fail = words[:1] == ["not"]
    words = words[must_fail:]
    if not words or words[0] not in ("dsv3c", "filecheck"):
        raise RunLineError(f"a RUN line runs dsv3c and filecheck, not: {text.strip()}")
    return Command(words[0], tuple(words[1:]), must_fail, merge_stderr)


def parse_pipelines(line: str) -> list[list[Command]]:
    """The commands of one RUN line: pipelines joined by ``&&``."""
    split = [part.split(" | ") for part in line.split(" && ")]
    return [[parse_command(command) for command in part] for part in split]


def check_prefixes(line: str) -> list[str]:
    """The prefixes with which a RUN line reads its file; empty when nothing is checked."""
    prefixes: list[str] = []
    for pipeline in parse_pipelines(line):
        for command in pipeline:
            if command.program == "filecheck":
                prefixes += filecheck_options(command.args).check_prefixes
    return prefixes


def filecheck_options(args: Sequence[str]) -> Options:
    """FileCheck's options; an unknown one is an error."""
    try:
        return parse_argv_options(["filecheck", *args])
    except RuntimeError as error:
        raise RunLineError(f"filecheck: {error}") from error


def problems(text: str) -> list[str]:
    """Why this file could pass without testing what it says: no RUN line, or checks nobody reads."""
    lines = run_lines(text)
    if not lines:
        return ["no RUN line"]
    found: list[str] = []
    used = {"RUN", "COM"}
    for line in lines:
        prefixes = check_prefixes(line)
        used.update(prefixes)
        if not prefixes and "--verify-diagnostics" not in line:
            found.append(f"this RUN line checks nothing, give it filecheck or --verify-diagnostics: {line}")
        if "--verify-diagnostics" in line and not EXPECTED.search(text):
            found.append("--verify-diagnostics, but no expected-error and no expected-remark")
    for number, line in enumerate(text.splitlines(), 1):
        if (match := CHECK_LINE.match(line)) and match[1] not in used:
            found.append(f"line {number}: no RUN line reads the prefix {match[1]}")
    return found


def execute(line: str, path: Path, temp: Path) -> None:
    """Run one RUN line of the file ``path``; ``temp`` is what ``%t`` stands for.

    Raises RunLineError with the commands, what they printed, and what FileCheck missed.
    """
    for pipeline in parse_pipelines(line):
        output, log = "", ""
        for command in pipeline:
            args = [arg.replace("%s", str(path)).replace("%t", str(temp)) for arg in command.args]
            run = run_filecheck if command.program == "filecheck" else run_dsv3c
            code, output, errors = run(args, output, command.merge_stderr)
            log += f"$ {command.program} {shlex.join(args)}\n{output}{errors}"
            if command.must_fail == (code == 0):
                wanted = "another exit code than 0" if command.must_fail else "exit code 0"
                raise RunLineError(f"RUN: {line}\nexit code {code}, wanted {wanted}\n{log}")


def run_dsv3c(args: Sequence[str], stdin: str, merge_stderr: bool) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``dsv3c ARGS``; an exception inside goes through."""
    from dsv3c.cli import main

    out = io.StringIO()
    err = out if merge_stderr else io.StringIO()
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(list(args))
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        sys.stdin = before
    return int(code or 0), out.getvalue(), "" if merge_stderr else err.getvalue()


def run_filecheck(args: Sequence[str], stdin: str, _merge_stderr: bool) -> tuple[int, str, str]:
    """FileCheck on ``stdin``, or on ``--input-file``; what it complains about comes as stderr."""
    options = filecheck_options(args)
    text = stdin if options.input_file == "-" else Path(options.input_file).read_text()
    complaints = io.StringIO()
    with open(options.match_filename) as checks:
        parser = Parser(options, checks, *pattern_for_opts(options))
        matcher = Matcher(options, FInput("input", text), parser)
        matcher.stderr = complaints
        code = matcher.run()
    return code, "", complaints.getvalue()
