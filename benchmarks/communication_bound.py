"""What expert parallelism allows at most, by the link model, beside the figures of arXiv 2505.09343, section 2.3.2.

    python benchmarks/communication_bound.py [POINT.toml]

The point states every assumption (``examples/communication_bound.toml`` has the paper's); link rates are the targets'.
"""

import argparse
from pathlib import Path

from dsv3c.ir.links import LinkClass, as_table, exchange_bound, link_of, read_exchange_point
from dsv3c.ir.targets import load_target
from dsv3c.reports.tables import columns

PAPER = Path(__file__).parents[1] / "examples" / "communication_bound.toml"
LINKS: list[tuple[str, LinkClass]] = [("h800", "scale_out"), ("gb200", "scale_up")]
"""The paper's two systems: CX7 InfiniBand at 50 GB/s, and NVL72 at 900 GB/s."""
PUBLISHED = {
    # us per dispatch and combine, us per layer, ms per step, tokens per second
    "h800": ("120.96", "241.92", "14.76", "67"),
    "gb200": ("6.72", "13.44", "0.82", "1200"),
}


def report(file: Path) -> str:
    point = read_exchange_point(file)
    rows = [("link", "GB/s", "us per exchange", "us per layer", "ms per step", "token/s")]
    for target, link_class in LINKS:
        link = link_of(load_target(target), link_class)
        bound = exchange_bound(point, link)
        ours = (f"{bound.exchange_s * 1e6:.2f}", f"{bound.layer_s * 1e6:.2f}", f"{bound.step_s * 1e3:.2f}")
        rows.append((f"{target} {link_class}", f"{link.bytes_per_s / 1e9:.0f}", *ours, f"{bound.tokens_per_s:.1f}"))
        if file == PAPER:
            rows.append(("  the paper", "", *PUBLISHED[target]))
    return "\n".join([*columns(as_table(point)), "", *columns(rows)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("point", nargs="?", type=Path, default=PAPER, help="a TOML file of assumptions")
    print(report(parser.parse_args().point))
