"""Tokenizers of checkpoints, where a text ends, and writing text while it is made."""

import sys
from pathlib import Path

import pytest

from dsv3c.ir.errors import UsageError
from dsv3c.text import Stream, end_tokens, read_tokenizer

TRAINED = Path(__file__).resolve().parents[2] / "examples" / "trained"


def test_text_comes_back_without_special_tokens() -> None:
    tokenizer = read_tokenizer(TRAINED)
    ids = tokenizer.encode("The router picks four experts: 2 plus 2.")
    assert tokenizer.decode([*ids, 0]) == "The router picks four experts: 2 plus 2."
    assert read_tokenizer(TRAINED / "model.safetensors").encode("A") == tokenizer.encode("A")


def test_a_stream_writes_whole_characters_only() -> None:
    tokenizer = read_tokenizer(TRAINED)
    text = "caf\u00e9 \u20ac5"
    ids, written = tokenizer.encode(text), list[str]()
    assert len(ids) > len(text)  # characters of several tokens
    stream = Stream(tokenizer, written.append, ids[:1])
    for token in ids[1:]:
        stream.add(token)
    assert "".join(written) == text
    assert not any("\ufffd" in piece for piece in written)


def test_the_configuration_says_where_a_text_ends(tmp_path: Path) -> None:
    assert end_tokens(TRAINED) == {0}
    assert end_tokens(None) == end_tokens(tmp_path) == frozenset()
    config = tmp_path / "config.json"
    for stated, expected in (("7", {7}), ("[7, 9]", {7, 9}), ("null", set[int]())):
        config.write_text(f'{{"eos_token_id": {stated}}}')
        assert end_tokens(tmp_path) == expected
    config.write_text("{")
    with pytest.raises(UsageError, match="not a configuration"):
        end_tokens(tmp_path)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no checkpoint is given"):
        read_tokenizer(None)
    with pytest.raises(UsageError, match=r"holds no tokenizer\.json"):
        read_tokenizer(tmp_path)
    with pytest.raises(UsageError, match="there is no checkpoint nowhere"):
        read_tokenizer(Path("nowhere"))
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        read_tokenizer(tmp_path)
    with pytest.raises(UsageError, match="no tokens"):
        read_tokenizer(TRAINED).encode("")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UsageError, match="package tokenizers"):
        read_tokenizer(TRAINED)
