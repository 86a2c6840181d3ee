"""The operating point: the sizes a program is made for, from flags, a workload file and the model itself."""

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, cast

from dsv3c.ir.errors import UsageError
from dsv3c.ir.spelling import guess

Logits = Literal["last", "all"]
LOGITS: tuple[Logits, ...] = ("last", "all")
PHASES = ("prefill", "decode", "verify")


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """Sizes of one deployment.  Limits become ranges of symbols, the others the values cost choices are made for."""

    phases: tuple[str, ...] = ("prefill", "decode")
    """Kinds of steps to make functions for: prefill, decode, verify."""
    max_tokens: int = 4096
    """New tokens in one step, at most."""
    max_batch: int = 128
    """Sequences in one step, at most."""
    context: int = 4096
    """Tokens in the cache per sequence that cost choices are made for."""
    max_context: int = 163840
    """Tokens in the cache per sequence, at most."""
    page_size: int = 64
    """Token rows per cache page."""
    verify_tokens: int = 2
    """New tokens per sequence of the verify phase, at most (drafted tokens + 1)."""
    logits: Logits = "last"
    """Of every sequence's last token, or of every token."""
    speculative: bool = False
    """Phases, with one that verifies, for multi-token prediction: they also give the hidden states it drafts from."""

    def __post_init__(self) -> None:
        """Raises UsageError for sizes that contradict each other, and speculation without a phase that verifies."""
        for name, value in self.sizes().items():
            if value < 1:
                raise UsageError(f"{flag(name)} {value}: must be at least 1")
        if self.logits not in LOGITS:
            raise UsageError(f"--logits must be last or all, not {self.logits!r}")
        if self.context > self.max_context:
            raise UsageError(
                f"--context {self.context} is more than --max-context {self.max_context}",
                hint="lower the one or raise the other",
            )
        for phase in self.phases:
            if phase not in PHASES:
                raise UsageError(f"unknown phase {phase!r}", hint=f"{guess(phase, PHASES)}phases: {', '.join(PHASES)}")
        if self.speculative and "verify" not in self.phases:
            raise UsageError(
                f"--speculative needs the phase verify; asked for are {', '.join(self.phases)}",
                hint="leave --phases out, or add verify",
            )
        if not self.phases:
            raise UsageError("no phase is asked for", hint=f"phases: {', '.join(PHASES)}")

    def sizes(self) -> dict[str, int]:
        """The fields that are numbers."""
        numbers = {name: value for name, value in asdict(self).items() if isinstance(value, int)}
        return {name: value for name, value in numbers.items() if not isinstance(value, bool)}

    def symbols(self) -> dict[str, int]:
        """Values of the symbols of phased functions: tokens, sequences, context tokens, pages per sequence."""
        return {
            "T": self.max_tokens,
            "N": self.max_batch,
            "C": self.max_batch * self.context,
            "P": -(-self.context // self.page_size),
        }

    def pass_options(self) -> str:
        """The options of ``specialize-phases``, as pipeline text."""
        sizes = [f"{name.replace('_', '-')}={value}" for name, value in self.sizes().items()]
        flags = ["speculative=true"] if self.speculative else []
        return " ".join([f"phases={','.join(self.phases)}", f"logits={self.logits}", *sizes, *flags])

    def __str__(self) -> str:
        return (
            f"{', '.join(self.phases)}; up to {self.max_tokens} tokens and {self.max_batch} sequences per step, "
            f"context {self.context} (at most {self.max_context}), pages of {self.page_size}, {self.logits} logits"
            f"{', hidden states for drafts' if self.speculative else ''}"
        )


def flag(name: str) -> str:
    """``max_tokens`` -> ``--max-tokens``."""
    return f"--{name.replace('_', '-')}"


def point_of(given: dict[str, object], *, longest: int | None) -> OperatingPoint:
    """The operating point of the values that were given; ``longest`` is the model's own limit of positions.

    Raises UsageError for an unknown field and for a context that the model does not have.
    """
    values = dict(given)
    for name in values:
        check_name(name, name)
    if longest is not None:
        asked = values.setdefault("max_context", longest)
        if isinstance(asked, int) and asked > longest:
            raise UsageError(
                f"--max-context {asked} is more than the model's {longest} positions", hint="lower --max-context"
            )
        values.setdefault("context", min(longest, OperatingPoint.context))
    if values.get("speculative"):
        values.setdefault("phases", PHASES)
    return OperatingPoint(**values)  # pyright: ignore[reportArgumentType]


def point_of_any(given: dict[str, object]) -> OperatingPoint:
    """An operating point for a model that nothing is known of.  Raises UsageError for values that suit no model."""
    values: dict[str, object] = {"context": 1, **given}
    values.setdefault("max_context", values["context"])
    return point_of(values, longest=None)


def read_workload(file: Path) -> dict[str, object]:
    """The fields of a workload file (TOML).  Raises UsageError naming the file and the wrong key or value."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"workload file {file} does not exist") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not valid TOML: {error}", where=str(file)) from error
    values = dict[str, object]()
    for key, value in data.items():
        name = key.replace("-", "_")
        check_name(name, key, where=str(file))
        values[name] = checked(name, value, file)
    return values


def check_name(name: str, given: str, *, where: str = "") -> None:
    """Raise UsageError for a field that the operating point does not have."""
    known = [field.name for field in fields(OperatingPoint)]
    if name not in known:
        hint = f"{guess(name, known)}known: {', '.join(known)}"
        raise UsageError(f"the operating point has no {given!r}", where=where, hint=hint)


def checked(name: str, value: object, file: Path) -> object:
    """The value of a workload's key, if it has the right type."""
    if name == "phases":
        names = cast(list[object], value) if isinstance(value, list) else [value]
        if all(isinstance(item, str) for item in names):
            return tuple(names)
    elif name == "speculative":
        if isinstance(value, bool):
            return value
    elif isinstance(value, str if name == "logits" else int) and not isinstance(value, bool):
        return value
    raise UsageError(f"{name} = {value!r} has the wrong type", where=str(file), hint="sizes are whole numbers")
