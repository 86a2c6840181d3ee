"""Ask why a rewrite did not fire: a model with ordinary attention compiles, and the remarks say what is not MLA."""

import sys
from pathlib import Path

from dsv3c.cli import main

HERE = Path(__file__).parent


def run() -> int:
    """``dsv3c explain`` on a model without a latent, for the pass that looks for one."""
    model = str(HERE / "plain_model.py")
    for arguments in (["explain", model, "--pass", "raise-attention"], ["explain", model, "--kind", "blocked"]):
        print("$ dsv3c", *arguments, flush=True)
        if status := main(arguments):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(run())
