"""The list of cases with their two numbers: floors by operations and by bytes at the rates of a target."""

from benchmarks.hopper.budget import ordered
from benchmarks.hopper.catalogue import every_case
from benchmarks.hopper.table import markdown
from dsv3c.ir.targets import load_target

TARGET = "h100"


def listing(target_name: str = TARGET) -> str:
    """Every case, the most important first."""
    target = load_target(target_name)
    bandwidth = target.memory_bytes_per_s
    assert bandwidth is not None
    lines = [("case", "row", "GFLOP", "MB", "us by FLOPs", "us by bytes")]
    for case in ordered(every_case()):
        work = case.work
        lines.append(
            (
                case.name,
                case.row or "-",
                f"{work.flops / 1e9:.3g}",
                f"{work.num_bytes / 1e6:.3g}",
                f"{work.floor_by_flops(target.dense_flops_per_s) * 1e6:.1f}",
                f"{work.floor_by_bytes(bandwidth) * 1e6:.1f}",
            )
        )
    return f"floors at the data-sheet rates of {target.name}\n\n" + "\n".join(markdown(lines, right=(2, 3, 4, 5)))
