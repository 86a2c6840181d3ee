"""Collects the FileCheck files: one test for each RUN line, one for the file itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from runlines import RunLineError, execute, problems, run_lines


class MlirFile(pytest.File):
    """A ``.mlir`` file whose RUN lines are tests."""

    def collect(self) -> Iterator[pytest.Item]:
        text = self.path.read_text()
        yield FileItem.from_parent(self, name="file")
        for number, line in enumerate(run_lines(text), 1):
            yield RunItem.from_parent(self, name=f"run{number}", line=line)


class RunItem(pytest.Item):
    """One RUN line."""

    def __init__(self, *, line: str, **kwargs: object) -> None:
        super().__init__(**kwargs)  # pyright: ignore[reportArgumentType]
        self.line = line

    def runtest(self) -> None:
        factory = self.config._tmp_path_factory  # pyright: ignore[reportAttributeAccessIssue]
        execute(self.line, self.path, factory.mktemp("run") / "t")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> object:
        if isinstance(excinfo.value, RunLineError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"RUN: {self.line}"


class FileItem(pytest.Item):
    """The file has a RUN line, and somebody reads each of its checks."""

    def runtest(self) -> None:
        if found := problems(self.path.read_text()):
            raise RunLineError("\n".join(found))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> object:
        if isinstance(excinfo.value, RunLineError):
            return f"{self.path}: {excinfo.value}"
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: its RUN lines"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> MlirFile | None:
    return MlirFile.from_parent(parent, path=file_path) if file_path.suffix == ".mlir" else None
