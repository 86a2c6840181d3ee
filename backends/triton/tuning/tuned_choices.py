"""Measured configurations in place of a rule's: which tables speak of a call, and which of their rows hold here.

A row holds where the device is one of the target's, Triton's version the same but for its last number, the kernel's
sources unchanged and the multiprocessors as many.  A row that does not hold is left alone, and the remark says why.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from xdsl.ir import Operation, SSAValue

from dsv3c.backends.triton import GLUON_KERNELS, KERNELS, LAUNCHERS
from dsv3c.backends.triton.choices.base import Choice, Config, MeasuredConfig, Rejected, Rule, Selection, type_text
from dsv3c.backends.triton.tuning.tuned_tables import Row, TunedTable, parse_table
from dsv3c.ir.dialects.kernel_launch import literal_text
from dsv3c.ir.errors import UsageError
from dsv3c.ir.targets import Target

SHIPPED, NONE = "shipped", "none"
"""What tables are asked for beside a user's own file: those that come with dsv3c, or none at all."""
FOLDER = Path(__file__).with_name("tables")
"""Of the shipped tables; it need not be there."""


@dataclass(frozen=True)
class Tuned:
    """Tables that calls are looked up in, a user's own before those shipped."""

    tables: tuple[TunedTable, ...]
    target: Target
    triton: str | None
    """Version that kernels are compiled by; None: it is not installed."""
    digests: dict[str, str] = field(default_factory=dict[str, str])
    """Kernel -> digest of its sources, as far as asked for."""

    def choose(self, rule: Rule, op: Operation, at: Selection, answer: Choice) -> tuple[Choice, dict[str, str]]:
        """The answer with what was measured, and what a remark says of it.

        Raises UsageError for a row with a configuration that is no candidate of the call.
        """
        if answer.candidates is None:
            return answer, {}
        taken, ignored = self.rows_for(answer, at)
        reasons = {f"not {item.candidate}": item.reason for item in ignored}
        if not taken:
            return answer, {"configs": "by rule", **reasons}
        for bound, row in taken.items():
            check_candidate(answer, bound, row)
        chosen = rule(op, dataclasses.replace(at, measured=taken))
        assert isinstance(chosen, Choice) and chosen.launcher == answer.launcher
        texts = [f"{row.us:.3g} us {bound_text(bound)} ({row.where})" for bound, row in sorted(taken.items())]
        return chosen, {"configs": f"measured: {'; '.join(texts)}", **reasons}

    def rows_for(self, choice: Choice, at: Selection) -> tuple[dict[int, MeasuredConfig], list[Rejected]]:
        """Bound -> the row that holds for a call, and rows of it that do not."""
        shape = shape_of(choice)
        taken, ignored = dict[int, MeasuredConfig](), dict[str, str]()
        for table in self.tables:
            for number, row in table.rows_for(choice.launcher, shape):
                reason = self.why_not(table, row, at)
                if reason is not None:
                    ignored.setdefault(table.file, reason)
                else:
                    measured = MeasuredConfig(row.config, row.us[1], f"{table.file}, row {number}")
                    taken.setdefault(row.up_to, measured)
        return taken, [Rejected(file, reason) for file, reason in ignored.items()]

    def why_not(self, table: TunedTable, row: Row, at: Selection) -> str | None:
        """Why a row does not hold here; None where it does."""
        session = table.session(row)
        if (reason := other_device(table, self.target)) is not None:
            return reason
        if self.triton is None or release(session.triton) != release(self.triton):
            here = f"this is {self.triton}" if self.triton is not None else "it is not installed here"
            return f"measured with Triton {session.triton}; {here}"
        if session.multiprocessors != at.num_sms:
            return f"measured on {session.multiprocessors} multiprocessors; the kernel may fill {at.num_sms}"
        if row.config.get("gluon", 0) and not at.gluon:
            return "its kernel is in Gluon, which is not taken here"
        if row.kernel not in self.digests:
            self.digests[row.kernel] = source_digest(row.kernel)
        return None if row.source == self.digests[row.kernel] else "the kernel's sources changed since it was measured"


def other_device(table: TunedTable, target: Target) -> str | None:
    """Why a table is not of a target's devices; None where it is."""
    if table.device in target.device_names:
        return None
    known = ", ".join(target.device_names) or "none, by its file"
    return f"measured on {table.device}; devices of target {target.name}: {known}"


def check_candidate(choice: Choice, bound: int, row: MeasuredConfig) -> None:
    """Raise UsageError for a row that no measurement of today's candidates could have given."""
    assert choice.candidates is not None
    candidates = choice.candidates.configs
    if bound not in candidates:
        raise UsageError(
            f"{choice.launcher} has no configurations {bound_text(bound)}",
            where=row.where,
            hint=f"it has them {', '.join(map(bound_text, candidates))}",
        )
    if not any(same_config(row.config, config) for config in candidates[bound]):
        raise UsageError(
            f"{config_text(row.config)} is no candidate of {choice.launcher} {bound_text(bound)}",
            where=row.where,
            hint="`dsv3c tune --dry-run` lists the candidates; measure again",
        )


def same_config(one: Config, other: Config) -> bool:
    """Whether configurations are the same, whatever rows they are for; an option left out is 0."""
    return all(one.get(name, 0) == other.get(name, 0) for name in {*one, *other} - {"up_to"})


def config_text(config: Config) -> str:
    """``block_m=64 block_n=128``."""
    return " ".join(f"{name}={value}" for name, value in config.items() if name != "up_to")


def bound_text(bound: int) -> str:
    """``up to 64 rows``."""
    return f"up to {bound} row{'s' if bound > 1 else ''}" if bound else "for any rows"


def shape_of(choice: Choice) -> dict[str, str]:
    """What a call is but for its rows: types by keyword, parameters without factors in floating point, other sizes."""
    assert choice.candidates is not None
    values: dict[str, SSAValue | None] = {**choice.operands, **choice.results}
    shape = {name: type_text(value) for name, value in values.items() if value is not None}
    literals = {name: item for name, item in choice.parameters.items() if not isinstance(item, float)}
    parameters = [f"{name} {literal_text(item)}" for name, item in literals.items()]
    sizes = [f"{name} {size}" for name, size in choice.candidates.sizes.items()]
    return shape | {"parameters": ", ".join(parameters), "sizes": ", ".join(sizes)}


def release(text: str) -> tuple[str, ...]:
    """``3.9.1`` -> its first two numbers."""
    return tuple(text.split(".")[:2])


def source_digest(kernel: str) -> str:
    """Of the files that a launcher's kernels come from, plain and in Gluon, and of the launcher's own."""
    from dsv3c.backends.triton.compilation.kernel_cache import digest, source_files

    file = kernel.partition(".")[0]
    packages = [package for package in (KERNELS, GLUON_KERNELS) if find_spec(f"{package}.{file}") is not None]
    paths = [path for package in packages for path in source_files(package, file)]
    launcher = find_spec(f"{LAUNCHERS}.{file}")
    if launcher is not None and launcher.origin is not None:
        paths.append(Path(launcher.origin))
    found = [digest(path) for path in paths]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


@cache
def shipped_tables() -> tuple[TunedTable, ...]:
    """The tables that come with dsv3c.  Raises UsageError for one that cannot be read."""
    files = sorted(FOLDER.glob("*.toml")) if FOLDER.is_dir() else []
    return tuple(parse_table(file.read_text("utf-8"), file.name) for file in files)


def read_table(file: Path) -> TunedTable:
    """A user's table.  Raises UsageError for a file that is not there, and for what is none."""
    try:
        return parse_table(file.read_text("utf-8"), str(file))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UsageError(f"there is no table {file}", hint="`dsv3c tune` writes one on a GPU") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not text: {error}") from error


def triton_version() -> str | None:
    """Of the Triton that is installed; None without."""
    try:
        return version("triton")
    except PackageNotFoundError:
        return None


def tables_asked_for(asked: str) -> tuple[TunedTable, ...]:
    """``shipped``, ``none``, or a file before those shipped.  Raises UsageError for a file that cannot be read."""
    if asked == NONE:
        return ()
    return (*(() if asked == SHIPPED else (read_table(Path(asked)),)), *shipped_tables())


def tuned_for(asked: str, target: Target) -> Tuned:
    """The tables of a compile."""
    return Tuned(tables_asked_for(asked), target, triton_version())


def unused(asked: str, target: Target, remarks: Sequence[Mapping[str, object]]) -> str | None:
    """Why a user's own table was not used anywhere; None where it was.  ``remarks``: of the calls' choices."""
    if asked in (SHIPPED, NONE):
        return None
    if any(f"({asked}, row " in str(numbers.get("configs", "")) for numbers in remarks):
        return None
    reason = other_device(read_table(Path(asked)), target)
    found = {str(numbers[f"not {asked}"]) for numbers in remarks if f"not {asked}" in numbers}
    return reason or next(iter(sorted(found)), "it has no row of a call of this program")
