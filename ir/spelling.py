"""What a misspelt word was meant to be: the hint of every error about an unknown name."""

from collections.abc import Iterable
from difflib import get_close_matches


def guess(word: str, known: Iterable[str], *, sigil: str = "") -> str:
    """``did you mean head? `` where a known word is near, nothing where none is: it begins a hint.

    ``sigil``: what is written before such names, and not in ``word``: ``did you mean @head? ``.
    """
    close = get_close_matches(word, list(known), n=1)
    return f"did you mean {sigil}{close[0]}? " if close else ""
