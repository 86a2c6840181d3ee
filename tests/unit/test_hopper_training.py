"""Cases of a training step and of LogFMT in the harness: what peers are given, and that wrong results are noticed."""

import torch
from torch import Tensor

from benchmarks.hopper import cases_logfmt, cases_training
from benchmarks.hopper.case import Problem
from benchmarks.hopper.checks import Check, check_outputs
from benchmarks.hopper.data import Place, parts
from benchmarks.hopper.peers_gemm import by_expert
from dsv3c.backends.reference.meanings import logfmt
from dsv3c.ir.targets import load_target

PLACE = Place(torch.device("cpu"), load_target("h100"), 4)


def checked(problem: Problem, **found: Tensor) -> list[Check]:
    """Of outputs; what is not given is as expected."""
    expected = problem.expected()
    return check_outputs({**expected, **found}, expected, problem.policies, {})


def test_an_expert_after_the_other() -> None:
    data = torch.arange(2 * 6, dtype=torch.uint8).view(2, 6).view(torch.float8_e4m3fn)
    flat = by_expert(data, [0, 2, 2, 6]).view(torch.uint8)
    assert flat.tolist() == [0, 1, 6, 7, 2, 3, 4, 5, 8, 9, 10, 11]


def test_gradients_of_experts() -> None:
    problem = cases_training.grouped_wgrad(8, 4, [128, 0, 256]).build(PLACE)
    a, b = (parts(problem.reads[name]) for name in ("a", "b"))
    assert problem.reads["offsets"].tolist() == [0, 128, 128, 384]
    before = problem.writes["y"].clone()  # type: ignore[union-attr]
    (y,) = problem.expected().values()
    wide = [part["data"].double() * part["scale"].double().repeat_interleave(128, dim=1) for part in (a, b)]
    assert isinstance(y, Tensor) and torch.equal(y[1], before[1].double())
    torch.testing.assert_close(y[2] - before[2], wide[0][:, 128:] @ wide[1][:, 128:].t())
    assert not any(check.error for check in checked(problem, y=y.float()))
    assert all(check.error for check in checked(problem, y=y.flip(0).float()))


def test_words_of_codes() -> None:
    """Rows are sent as codes and as they are; words that nothing is in stay as they were; a code may be a neighbour."""
    problem = cases_logfmt.encode(60, 1024).build(PLACE)
    expected = problem.expected()
    words, pairs = expected["payload"], expected["pairs"]
    assert isinstance(words, Tensor) and isinstance(pairs, Tensor)
    coded = logfmt.enabled(pairs[..., 0], pairs[..., 1], 1024).squeeze(-1)
    assert coded.sum() > 50 and (~coded).sum() >= 2
    assert (words[coded, 320:] == -1).all()
    near = words.clone()
    near[coded.nonzero()[0, 0], 7] ^= 1
    assert not any(check.error for check in checked(problem, payload=near))
    written = words.clone()
    written[coded, 320:] = 0
    assert any(check.error for check in checked(problem, payload=written))


def test_columns_of_rows_that_were_quantised() -> None:
    problem = cases_training.requantized(130, 64).build(PLACE)
    q = parts(problem.expected()["q"])
    assert torch.equal(torch.exp2(torch.log2(q["scale"]).round()), q["scale"])
    assert q["data"].shape == (64, 130) and q["scale"].shape == (64, 2)
