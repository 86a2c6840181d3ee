"""README and docs: commands that exist, links that lead somewhere, pages and transcripts that the code would write."""

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dsv3c.cli import VERBS, build_parser
from dsv3c.ir.context import make_context
from dsv3c.ir.legality import CODES
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module
from dsv3c.models.configs import named_configs

ROOT = Path(__file__).parents[1]
PAGES = [path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")
SHELL_ENDS = {"|", "||", "2>", ">", "<", ">>", "2>&1", "&&", ";"}
GENERATE = runpy.run_path(str(ROOT / "docs/generate.py"))
TRANSCRIPTS = runpy.run_path(str(ROOT / "docs/transcripts.py"))


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    """The fenced blocks of some kinds."""
    return (text for kind, text in FENCE.findall((ROOT / page).read_text()) if kind in kinds)


def invocations() -> Iterator[tuple[str, list[str]]]:
    """Page, and the words of every ``dsv3c`` command in its shell blocks and transcripts."""
    for page in PAGES:
        shell = "".join(blocks(page, "sh"))
        console = [line[2:] for text in blocks(page, "console") for line in text.splitlines() if line[:2] == "$ "]
        for line in [*shell.splitlines(), *console]:
            words = shlex.split(line, comments=True)
            if words[:1] == ["dsv3c"]:
                end = next((index for index, word in enumerate(words) if word in SHELL_ENDS), len(words))
                yield str(page), words[1:end]


def cheap() -> list[str]:
    """Transcripts of ``opt`` alone."""
    found = [text for page in PAGES for text in blocks(page, "console")]
    return [text for text in found if all(line.startswith(("sed ", "dsv3c opt ")) for line in commands(text))]


def commands(text: str) -> list[str]:
    return list(TRANSCRIPTS["commands"](text))


@pytest.mark.parametrize("name", GENERATE["PAGES"])
def test_generated_pages_are_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == GENERATE["text_of"](name), "run `python docs/generate.py`"


@pytest.mark.parametrize(("page", "words"), [pytest.param(*item, id=" ".join(item[1])) for item in invocations()])
def test_commands_parse(page: str, words: list[str]) -> None:
    assert words[0] in VERBS, f"{page}: there is no verb {words[0]}"
    build_parser(words[0]).parse_args(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files(page: Path) -> None:
    targets = [target for target, _ in LINK.findall((ROOT / page).read_text()) if "://" not in target]
    assert [target for target in targets if not (ROOT / page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_transcripts_have_outputs(page: Path) -> None:
    for text in blocks(page, "console"):
        assert len(text.splitlines()) > len(commands(text)), f"run `python docs/transcripts.py`: {commands(text)}"


@pytest.mark.parametrize("text", cheap(), ids=lambda text: commands(text)[-1])
def test_cheap_transcripts_are_current(text: str) -> None:
    assert TRANSCRIPTS["again"](text) == text, "run `python docs/transcripts.py opt`"


def test_the_readme_shows_a_rewrite() -> None:
    assert any("-p raise-rms-norm" in text for text in cheap())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_modules_in_pages_are_valid(page: Path) -> None:
    for text in blocks(page, "mlir"):
        if text.startswith("builtin.module"):
            verify_module(parse_module(make_context(), text, str(page)))


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [text] = blocks(Path("README.md"), "python")
    names: dict[str, object] = {}
    exec(compile(text, "README.md", "exec"), names)
    logits, caches = names["logits"], names["caches"]
    assert isinstance(logits, torch.Tensor) and logits.shape == (1, 1000)
    assert isinstance(caches, list) and len(caches) == 3


def test_the_recipe_in_the_docs_is_the_examples() -> None:
    recipes = [text for text in blocks(Path("docs/precision.md"), "toml") if text.startswith("name = ")]
    assert recipes == [(ROOT / "examples/fp8/careful.toml").read_text()]


def test_every_code_of_the_judge_is_described() -> None:
    text = (ROOT / "docs/overlap.md").read_text()
    assert [f"| `{code}` | {says} |" for code, says in CODES.items() if f"| `{code}` | {says} |" not in text] == []


def test_every_named_configuration_is_described() -> None:
    text = (ROOT / "docs/models.md").read_text()
    assert [name for name in named_configs() if f"`{name}`" not in text] == []


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for page in PAGES for text in blocks(page, "sh") for name in re.findall(r"^make (\w+)", text, re.M)}
    assert {"demo", "test"} <= named <= targets
