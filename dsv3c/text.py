"""Text to token ids and back, with a checkpoint's own ``tokenizer.json``."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from dsv3c.ir.errors import UsageError

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Tokenizer:
    """A checkpoint's tokenizer."""

    inner: Any
    """``tokenizers.Tokenizer``, whose types are not published."""

    def encode(self, text: str) -> list[int]:
        """Token ids.  Raises UsageError for text without any."""
        ids = cast(list[int], self.inner.encode(text).ids)
        if not ids:
            raise UsageError("the prompt has no tokens", hint="give some text with --prompt")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, without special tokens."""
        return str(self.inner.decode(list(ids), skip_special_tokens=True))


def read_tokenizer(
    folder: Path | None, *, option: str = "--prompt", instead: str = "give token ids with --tokens 1,2,3 instead"
) -> Tokenizer:
    """The tokenizer of a checkpoint folder; ``option`` is what needs it, ``instead`` what to give in its place.

    Raises UsageError, saying what to install or give, without the package, the folder or a readable file.
    """
    if folder is None:
        raise UsageError(f"{option} needs a tokenizer, and no checkpoint is given", hint=f"--weights DIR, or {instead}")
    file = (folder if folder.is_dir() else folder.parent) / TOKENIZER
    if not file.is_file():
        raise UsageError(f"{option} needs a tokenizer, and {folder} holds no {TOKENIZER}", hint=instead)
    try:
        from tokenizers import Tokenizer as Inner
    except ImportError as error:
        raise UsageError(
            f"{option} needs the package tokenizers", hint=f"pip install 'dsv3c[hf]', or {instead}"
        ) from error
    try:
        return Tokenizer(Inner.from_file(str(file)))
    except Exception as error:  # the package raises bare Exception
        raise UsageError(f"the tokenizer cannot be read: {error}", where=str(file), hint=instead) from error


def end_tokens(folder: Path | None) -> frozenset[int]:
    """The tokens that end a text, as the checkpoint's ``config.json`` states them; none where there is no such file."""
    file = folder / "config.json" if folder is not None else None
    if file is None or not file.is_file():
        return frozenset()
    try:
        stated = json.loads(file.read_text("utf-8")).get("eos_token_id")
    except (ValueError, AttributeError) as error:
        raise UsageError(f"not a configuration: {error}", where=str(file), hint="copy the file again") from error
    return frozenset([stated] if isinstance(stated, int) else stated or [])


@dataclass
class Stream:
    """Writes one sequence's text while it is made, holding back bytes that are no whole character yet."""

    tokenizer: Tokenizer
    write: Callable[[str], None]
    ids: list[int]
    """The prompt at first."""
    written: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self.flush()

    def add(self, token: int) -> None:
        """One more token."""
        self.ids.append(token)
        self.flush()

    def flush(self) -> None:
        """Write what is certain."""
        text = self.tokenizer.decode(self.ids)
        if not text.endswith("\ufffd"):
            self.write(text[len(self.written) :])
            self.written = text
