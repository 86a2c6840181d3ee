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

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Token ids, ``special`` with those the tokenizer puts around a text.  Raises UsageError without any."""
        ids = cast(list[int], self.inner.encode(text, add_special_tokens=special).ids)
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
    if not folder.exists():
        raise UsageError(f"{option} needs a tokenizer, and there is no checkpoint {folder}", hint=instead)
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
    """The tokens that end a text, as the checkpoint states them; none where it does not.

    ``generation_config.json`` goes before ``config.json``: that of a chat model also ends at the end of a turn.
    """
    files = [folder / name for name in ("generation_config.json", "config.json")] if folder is not None else []
    for file in files:
        if not file.is_file():
            continue
        try:
            stated = json.loads(file.read_text("utf-8")).get("eos_token_id")
        except (ValueError, AttributeError) as error:
            raise UsageError(f"not a configuration: {error}", where=str(file), hint="copy the file again") from error
        if stated is not None:
            return frozenset([stated] if isinstance(stated, int) else stated)
    return frozenset()


@dataclass
class Stream:
    """Writes one sequence's text while it is made, holding back bytes that are no whole character yet."""

    tokenizer: Tokenizer
    write: Callable[[str], None]
    ids: list[int]
    """The prompt at first."""
    skip_prompt: bool = False
    """Write what comes after the prompt alone."""
    written: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if self.skip_prompt:
            self.written = self.tokenizer.decode(self.ids)
        else:
            self.flush()

    def add(self, token: int) -> None:
        """One more token."""
        self.ids.append(token)
        self.flush()

    def flush(self) -> None:
        """Write what is certain."""
        text = self.tokenizer.decode(self.ids)
        if not text.endswith("\ufffd"):
            self.end(text)

    def end(self, text: str | None = None) -> None:
        """Write all there is, a character that stayed incomplete included."""
        text = self.tokenizer.decode(self.ids) if text is None else text
        self.write(text[len(self.written) :])
        self.written = text
