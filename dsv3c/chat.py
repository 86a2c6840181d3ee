"""Conversations as a checkpoint's own chat template writes them (Jinja, rendered by transformers)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from dsv3c.ir.errors import UsageError
from dsv3c.text import TOKENIZER

Message = dict[str, str]
"""``{"role": "user", "content": "..."}``."""


def user_message(text: str) -> list[Message]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


def read_messages(file: Path) -> list[Message]:
    """A conversation from a JSON file: a list of objects with ``role`` and ``content``.

    Raises UsageError for a file that is absent or holds anything else.
    """
    hint = 'give a list such as [{"role": "user", "content": "Hello"}]'
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {file}", hint=hint) from error
    except ValueError as error:
        raise UsageError(f"not valid JSON: {error}", where=str(file), hint=hint) from error
    if not isinstance(data, list) or not data:
        raise UsageError("not a list of messages", where=str(file), hint=hint)
    for number, item in enumerate(cast(list[object], data)):
        fields = cast(dict[str, object], item) if isinstance(item, dict) else {}
        if not all(isinstance(fields.get(key), str) for key in ("role", "content")):
            raise UsageError(f"message {number} has no text for role and content", where=str(file), hint=hint)
    return cast(list[Message], data)


class ChatTemplate:
    """The chat template of a checkpoint folder.

    Raises UsageError, saying what to install or give, without the package, the tokenizer's files or a template.
    """

    def __init__(self, folder: Path | None) -> None:
        instead = "give the text as the model expects it with --prompt alone"
        if folder is None:
            raise UsageError("a conversation needs a chat template, and no checkpoint is given", hint="--weights DIR")
        self.folder = folder if folder.is_dir() else folder.parent
        if not (self.folder / TOKENIZER).is_file():
            raise UsageError(
                f"a conversation needs a tokenizer, and {folder} holds no {TOKENIZER}",
                hint="give token ids with --tokens 1,2,3 instead",
            )
        try:
            from transformers import PreTrainedTokenizerFast
        except ImportError as error:
            raise UsageError(
                "a chat template needs the package transformers", hint=f"pip install 'dsv3c[hf]', or {instead}"
            ) from error
        try:
            self.tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(str(self.folder), local_files_only=True)
        except Exception as error:  # whatever the package makes of damaged files
            raise UsageError(f"the tokenizer cannot be read: {error}", where=str(self.folder), hint=instead) from error
        if not self.tokenizer.chat_template:
            raise UsageError(f"the tokenizer in {self.folder} has no chat template", hint=instead)

    def text(self, messages: Sequence[Message]) -> str:
        """The conversation up to where the model answers.  Raises UsageError for what the template refuses."""
        from jinja2 import TemplateError

        try:
            return str(self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            raise UsageError(
                f"the chat template refuses the conversation: {error}",
                where=str(self.folder),
                hint="check the roles and their order",
            ) from error
