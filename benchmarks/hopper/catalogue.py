"""All cases, and those of a size for the interpreter."""

from collections.abc import Iterator

from benchmarks.hopper import (
    cases_attention,
    cases_experts,
    cases_gemm,
    cases_layer,
    cases_logfmt,
    cases_rows,
    cases_training,
)
from benchmarks.hopper.case import Case

FILES = (cases_gemm, cases_attention, cases_rows, cases_experts, cases_training, cases_logfmt, cases_layer)


def every_case() -> Iterator[Case]:
    """At the sizes of DeepSeek-V3."""
    for file in FILES:
        yield from file.cases()


def small_cases() -> Iterator[Case]:
    """At small sizes."""
    for file in FILES:
        yield from file.small_cases()
