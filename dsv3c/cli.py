"""The command line: one verb per module in ``dsv3c.commands``, imported when it is used.

Exit status: 0 ok, 1 the compile failed, 2 wrong usage.  A traceback only with ``--debug``.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

from dsv3c.ir.errors import Dsv3cError, UsageError
from dsv3c.ir.spelling import guess

VERBS: dict[str, str] = {
    "compile": "capture a model, lower it and write an artifact",
    "opt": "apply passes to a module in text form",
    "run": "execute an artifact or a module once and print what comes out",
    "generate": "generate tokens with an artifact or a module",
    "pack": "write the parameters of an artifact as its program loads them, one file per rank",
    "bench": "measure an artifact's steps and kernels on the device that is there, beside their floors",
    "tune": "measure the candidates of kernels on the GPU that is there, and keep the fastest for later compiles",
    "eval": "compare precision recipes and cache formats by how well a text is predicted",
    "compare": "execute two modules on the same inputs and compare the results",
    "explain": "say why a rewrite fired, was blocked or was not worth it",
    "timetable": "print, draw or check when each part of a step runs, or write it as a trace",
    "targets": "list targets and what works for each, or print one",
    "recipes": "list precision recipes, or print one with its sources",
    "passes": "list passes, or describe one with its options",
    "doctor": "report the environment, the extras, and what keeps a model from being captured",
}


OPTIONAL = {"torch": "pip install torch", "transformers": "pip install 'dsv3c[hf]'", "rich": "pip install rich"}
"""Packages that some verbs need, and how to get them; ``opt`` and the verbs that list need none of them."""
INVALID_CHOICE = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that every error has one form."""

    def error(self, message: str) -> NoReturn:
        """A usage error, with the nearest verb or option where one is close."""
        raise UsageError(message + self.suggestion(message), hint=f"`{self.prog} --help` lists what it takes")

    def suggestion(self, message: str) -> str:
        """``; did you mean --stats?`` for a misspelt option or choice."""
        if choice := INVALID_CHOICE.search(message):
            word, known = choice[1], re.findall(r"'([^']*)'", choice[2])
        elif message.startswith("unrecognized arguments:"):
            word = message.split(":", 1)[1].split()[0].split("=")[0]
            known = [option for action in self._actions for option in action.option_strings]
        else:
            return ""
        return f"; {found}" if (found := guess(word, known).strip()) else ""


def build_parser(verb: str) -> Parser:
    """The parser of one verb."""
    module = import_module(f"dsv3c.commands.{verb}")
    parser = Parser(prog=f"dsv3c {verb}", description=VERBS[verb], allow_abbrev=False)
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    module.add_arguments(parser)
    return parser


def usage() -> str:
    """The overview that ``dsv3c --help`` prints."""
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {text}" for verb, text in VERBS.items()]
    return "\n".join(
        [
            "usage: dsv3c VERB ...",
            "",
            "A compiler toolkit for DeepSeek-V3-class models: PyTorch in, readable IR, a program that runs out.",
            "",
            *lines,
            "",
            "`dsv3c VERB --help` describes a verb.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        return dispatch(arguments)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            raise
        known = as_known(error, arguments[0] if arguments else "")
        print(f"error: {known}", file=sys.stderr)
        return known.exit_code


def as_known(error: Exception, verb: str) -> Dsv3cError:
    """The error in the one form errors have: our own as they are, absent packages, files, and our mistakes."""
    match error:
        case Dsv3cError():
            return error
        case ModuleNotFoundError(name=str(name)) if name.partition(".")[0] in OPTIONAL:
            package = name.partition(".")[0]
            return UsageError(f"`dsv3c {verb}` needs {package}, which is not installed", hint=OPTIONAL[package])
        case MemoryError():
            return Dsv3cError("out of memory", hint="a part of the model takes less: --layers A:B")
        case OSError(filename=str(name), strerror=str(reason)):
            return Dsv3cError(f"{name}: {reason}")
        case _:
            what = " ".join(f"{type(error).__name__}: {error}".split())
            return Dsv3cError(
                f"dsv3c itself failed: {what}", hint="this is a mistake in dsv3c; --debug shows where it happened"
            )


def dispatch(arguments: list[str]) -> int:
    """Find the verb and run it."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"dsv3c {version('dsv3c')}")
        return 0
    verb = arguments[0]
    if verb not in VERBS:
        raise UsageError(f"unknown verb {verb!r}", hint=f"{guess(verb, VERBS)}verbs: {', '.join(VERBS)}")
    parser = build_parser(verb)
    parsed = parser.parse_args(arguments[1:])
    status = import_module(f"dsv3c.commands.{verb}").run(parsed)
    assert isinstance(status, int)
    return status


if __name__ == "__main__":
    sys.exit(main())
