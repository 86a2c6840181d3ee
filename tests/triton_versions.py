"""``make triton-versions``: do all kernels compile within their limits with every Triton they are written for?

Installs each version into a folder of its own and runs the gates and the interpreter's tests with it; the environment
that calls it stays as it is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

VERSIONS = ("3.6.0", "3.7.0", "3.8.0", "3.9.0")
TESTS = Path(__file__).parent
GATES = (TESTS / "kernels" / "test_gates.py", TESTS / "unit" / "test_gluon_descriptors.py")
KERNELS = (TESTS / "kernels",)


def install(version: str, folder: Path) -> None:
    """Unpack one version of Triton into a folder.  Raises CalledProcessError where there is none."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(folder), f"triton=={version}"], check=True)


def passes(folder: Path, tests: Sequence[Path]) -> bool:
    """Whether tests pass with the Triton of a folder."""
    path = os.pathsep.join(part for part in (str(folder), os.environ.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-m", "pytest", "-q", "-n", str(os.cpu_count() or 1), *map(str, tests)]
    return subprocess.run(command, cwd=TESTS.parent, env=os.environ | {"PYTHONPATH": path}).returncode == 0


def main() -> int:
    """0 where every version passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="VERSION", help="default: %(default)s")
    parser.add_argument("--all", action="store_true", help="every test of every kernel, not the gates alone")
    arguments = parser.parse_args()
    failed = list[str]()
    for version in arguments.versions:
        with tempfile.TemporaryDirectory() as folder:
            install(version, Path(folder))
            print(f"triton-versions: {version}", flush=True)
            if not passes(Path(folder), KERNELS if arguments.all else GATES):
                failed.append(version)
    print(f"triton-versions: {', '.join(failed)} failed" if failed else "triton-versions: all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
