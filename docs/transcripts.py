"""Run the commands of the transcripts in README.md and docs/ again, and put what they print under them.

python docs/transcripts.py [TEXT]   only the blocks whose commands hold TEXT

A transcript is a block that is fenced as ``console``: a line ``$ command``, then its output.  Commands run in the root
of the repository and write to ``build/``.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[str]:
    """The commands of a block."""
    return (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))


def run(command: str) -> str:
    """What a command prints, without blanks at the ends of lines.  Raises an error where it, or its pipe, fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    if any(line.startswith("error:") for line in lines):
        raise RuntimeError("\n".join([command, *lines]))
    return "".join(f"{line}\n" for line in lines)


def again(block: str) -> str:
    """The block with fresh outputs."""
    return "".join(f"$ {command}\n{run(command)}" for command in commands(block))


def main() -> None:
    """Rewrite the pages."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""

    def fresh(match: re.Match[str]) -> str:
        if not any(wanted in command for command in commands(match[1])):
            return match[0]
        return f"```console\n{again(match[1])}```"

    for page in PAGES:
        page.write_text(BLOCK.sub(fresh, page.read_text()))


if __name__ == "__main__":
    main()
