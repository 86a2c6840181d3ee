"""specialize-phases: the sizes it accepts."""

import pytest
from roundtrip import parse

from dsv3c.ir.context import make_context
from dsv3c.ir.errors import UsageError
from dsv3c.passes.specialize_phases import SpecializePhasesPass


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("name", ["page_size", "max_tokens", "max_batch", "context", "max_context", "verify_tokens"])
def test_sizes_must_be_positive(name: str, value: int) -> None:
    said = f"specialize-phases: {name.replace('_', '-')} must be positive, not {value}"
    with pytest.raises(UsageError, match=f"^{said}"):
        SpecializePhasesPass(**{name: value}).plan()


def test_the_largest_context_is_accepted() -> None:
    assert [phase.context for phase in SpecializePhasesPass(context=7, max_context=7).plan()] == [7, 7]


def test_speculation_needs_a_module_that_drafts() -> None:
    with pytest.raises(UsageError, match="no @mtp drafts tokens to verify") as caught:
        SpecializePhasesPass(speculative=True).run(make_context(), parse("func.func @main() { func.return }"))
    assert "all of its layers" in caught.value.hint
