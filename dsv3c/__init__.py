"""The dsv3c application: command line, driver, capture and import, artifacts."""

from pathlib import Path

if not (Path(__file__).parent / "ir").is_dir():
    # A source tree: ir, passes, backends and models stand beside this folder, not inside it.
    __path__.append(str(Path(__file__).resolve().parents[1]))
