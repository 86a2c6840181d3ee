"""The folders at the top level are the packages dsv3c.*: installed, editable and from the root."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
IMPORT_ALL = "import dsv3c, dsv3c.ir.dialects, dsv3c.passes, dsv3c.backends.reference, dsv3c.models"


def repository_files() -> list[str]:
    """What git has or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def folder_of(package: str) -> Path:
    """The folder that setuptools takes for ``package``: the longest mapped prefix, then the rest."""
    parts = package.split(".")
    for length in range(len(parts), 0, -1):
        if mapped := SETUPTOOLS["package-dir"].get(".".join(parts[:length])):
            return Path(mapped, *parts[length:])
    raise AssertionError(f"{package} has no folder")


def test_every_package_is_listed() -> None:
    listed = {folder_of(package) for package in SETUPTOOLS["packages"]}
    tops = {folder for folder in listed if len(folder.parts) == 1}
    present = {path.parent.relative_to(ROOT) for top in sorted(tops) for path in (ROOT / top).rglob("*.py")}
    assert listed == present, "pyproject.toml [tool.setuptools] packages and the folders differ"
    assert all((ROOT / folder / "__init__.py").exists() for folder in listed)


def test_console_script_exists() -> None:
    module, _, function = PROJECT["project"]["scripts"]["dsv3c"].partition(":")
    code = f"import {module} as m; assert callable(m.{function})"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_runs_from_the_root_without_an_install() -> None:
    code = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'Editable' not in str(f)];"
        f"{IMPORT_ALL}; print(dsv3c.ir.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == ROOT / "ir" / "__init__.py"


def test_the_editable_install_serves_another_folder(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", IMPORT_ALL], cwd=tmp_path, check=True)


@pytest.fixture(scope="module")
def wheel_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a wheel installs it.  Built from a copy: a build writes into its source."""
    source = tmp_path_factory.mktemp("source")
    tops = {folder_of(package).parts[0] for package in SETUPTOOLS["packages"]}
    for name in repository_files():
        if name.split("/")[0] in tops | {"pyproject.toml", "LICENSE", "README.md"}:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    target = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return target


def test_wheel_holds_every_module_and_data_file(wheel_folder: Path) -> None:
    tops = {folder: package for package, folder in SETUPTOOLS["package-dir"].items()}
    missing = [
        name
        for name in repository_files()
        if (top := name.split("/")[0]) in tops
        and not (wheel_folder / Path(*tops[top].split("."), *name.split("/")[1:])).exists()
    ]
    assert missing == []
    assert not (wheel_folder / "tests").exists()


def test_wheel_imports_from_another_folder_and_adds_no_names(wheel_folder: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(wheel_folder)!r}); {IMPORT_ALL};"
        "import importlib.util as u; print(dsv3c.ir.__file__, u.find_spec('dsv3c.dsv3c'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(wheel_folder / "dsv3c" / "ir" / "__init__.py"), "None"]
