"""The tiny model at each level, as text: ``python examples/dumps/make.py`` writes the .mlir files beside it."""

from pathlib import Path

from dsv3c.compilation.compiler import compile_model
from dsv3c.compilation.request import Request

HERE = Path(__file__).parent


def dumps() -> dict[str, str]:
    """File name -> text: captured, raised, phased, final; then in FP8: right after quantisers are put in, and final."""
    stages = compile_model(Request(model="tiny", target="cpu"), keep_stages=True).stages
    raised = [stage for stage in stages if "phased" not in stage.facts]
    phased = [stage for stage in stages if "phased" in stage.facts]
    chosen = {"captured": stages[0], "raised": raised[-1], "phased": phased[0], "final": phased[-1]}
    eight = compile_model(Request(model="tiny", target="cpu", plan={"recipe": "deepseek-v3"}), keep_stages=True).stages
    chosen |= {"quantised": next(stage for stage in eight if "quantised" in stage.facts), "final_fp8": eight[-1]}
    return {f"{level}.mlir": stage.text for level, stage in chosen.items()}


if __name__ == "__main__":
    for name, text in dumps().items():
        (HERE / name).write_text(text, "utf-8")
        print(f"{name:<14} {text.count(chr(10)):>5} lines")
