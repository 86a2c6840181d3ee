"""Conversations: the checkpoint's own chat template, what it may lack, and the answer that is printed."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from cli import dsv3c as command
from cli import refused
from transformers import PreTrainedTokenizerFast

from dsv3c.chat import ChatTemplate, read_messages, user_message
from dsv3c.ir.errors import UsageError
from dsv3c.text import Stream, end_tokens, read_tokenizer

TRAINED = Path(__file__).resolve().parents[2] / "examples" / "trained"
TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'robot' %}{{ raise_exception('no robots') }}{% endif %}"
    "{{ '<end>' }}{{ m.content }}{% endfor %}{% if add_generation_prompt %} is{% endif %}"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(TRAINED / name, tmp_path / name)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>", "chat_template": TEMPLATE}))
    return tmp_path


def test_the_template_writes_what_transformers_writes(folder: Path) -> None:
    messages = [*user_message("7 plus 8"), {"role": "assistant", "content": " is 15."}]
    template = ChatTemplate(folder)
    assert template.text(messages) == "<end>7 plus 8<end> is 15. is"
    expected = PreTrainedTokenizerFast.from_pretrained(str(folder)).apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    assert read_tokenizer(folder).encode(template.text(messages), special=False) == expected
    assert expected[0] == 0, "a special token of the template is one token"
    with pytest.raises(UsageError, match="refuses the conversation: no robots"):
        template.text([{"role": "robot", "content": "x"}])


def test_what_is_missing_is_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bare").mkdir()
    with pytest.raises(UsageError, match="no checkpoint is given"):
        ChatTemplate(None)
    with pytest.raises(UsageError, match=r"holds no tokenizer\.json"):
        ChatTemplate(tmp_path / "bare")
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(UsageError, match="has no chat template"):
        ChatTemplate(folder)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="package transformers") as caught:
        ChatTemplate(folder)
    assert "dsv3c[hf]" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a list"),
        ("{}", "not a list"),
        ('[{"role": "user"}]', "message 0"),
        ('["x"]', "0"),
    ],
)
def test_messages_are_checked(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "chat.json"
    with pytest.raises(UsageError, match="there is no file"):
        read_messages(file)
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_messages(file)
    file.write_text(json.dumps(user_message("Hi")))
    assert read_messages(file) == [{"role": "user", "content": "Hi"}]


def test_generate_prints_the_answer(folder: Path) -> None:
    chat = folder / "chat.json"
    chat.write_text(json.dumps(user_message("7 plus 8")))
    done = command("generate", folder, "--chat", "--prompt", "7 plus 8", "--messages", chat, "--max-new-tokens", "6")
    assert done.status == 0, done.err
    assert done.out.splitlines() == [" 15.", " 15."]
    assert "decoding steps" in done.err
    refused("generate", TRAINED, "--chat", "--tokens", "1", status=2, says=["--chat", "--prompt TEXT"])


def test_the_end_of_a_turn_comes_first(folder: Path) -> None:
    (folder / "generation_config.json").write_text('{"eos_token_id": [5, 6]}')
    assert end_tokens(folder) == {5, 6}
    (folder / "generation_config.json").write_text("{}")
    assert end_tokens(folder) == {0}


def test_a_stream_ends_with_all_there_is() -> None:
    tokenizer, written = read_tokenizer(TRAINED), list[str]()
    ids = tokenizer.encode("A\u20ac")
    stream = Stream(tokenizer, written.append, ids[:1], skip_prompt=True)
    for token in ids[1:-1]:
        stream.add(token)
    assert written == []
    stream.end()
    assert written == ["\ufffd"]
