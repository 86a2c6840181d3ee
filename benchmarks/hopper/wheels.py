"""What a machine without a package index needs beside PyTorch and Triton: downloaded here, carried there.

The peers' versions are those whose shared libraries find every symbol they need in PyTorch 2.11 for CUDA 13.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

OURS = ("xdsl==0.74.0", "immutabledict==4.3.1", "ordered-set==4.1.0", "typing-extensions", "rich", "safetensors")
"""What dsv3c itself imports beside PyTorch; those that are there already do no harm."""
PEERS = ("tokenspeed-deepgemm==2.5.0.post20260424", "tokenspeed-flashmla==1.0.0.post20260429")
"""Import names deep_gemm and flash_mla.  DeepGEMM compiles its kernels where it runs: it needs nvcc."""
OTHERS = ("sgl-deep-gemm==0.1.0", "apache-tvm-ffi==0.1.9", "sgl-flash-mla==1.0.0")
"""Other builds of the same libraries, of the same import names: carry one of each."""
MINORS = (39, 35, 34, 31, 28, 27, 24, 17)
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in MINORS), "manylinux2014_x86_64", "manylinux1_x86_64")
"""pip takes a wheel of exactly these names."""
Run = Callable[[Sequence[str]], int]


def pip(arguments: Sequence[str]) -> int:
    """pip of this interpreter; its exit status."""
    return subprocess.run([sys.executable, "-m", "pip", *arguments], check=False).returncode


def command(package: str, folder: Path, python: str) -> list[str]:
    """The download of one package for a Linux machine with that Python."""
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    return [
        "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", python, "--implementation", "cp",
        *platforms, "-d", str(folder), package,
    ]  # fmt: skip


def download(folder: Path, python: str, run: Run = pip) -> int:
    """All wheels; 1 where one of ours is missing.  A peer that is missing is one that is not measured."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [package for package in (*OURS, *PEERS) if run(command(package, folder, python))]
    for package in missing:
        print(f"could not be downloaded: {package}", file=sys.stderr)
    found = sorted(path for path in folder.iterdir() if path.suffix == ".whl")
    total = sum(path.stat().st_size for path in found)
    print(f"{len(found)} wheels, {total / 2**20:.0f} MiB, in {folder}")
    return 1 if any(package in OURS for package in missing) else 0
