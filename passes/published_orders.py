"""Orders that DeepSeek published for overlapping two micro-batches, as phases: where in its layer a segment stands.

Sorting by ``layer + phase`` gives the order of a stream; how long things take is not said.  A phase of 1 or more is
beside the next layer of the other micro-batch.  Compared with the figures, the micro-batches of prefill change names:
a sequence may lie in both, and then its first part attends first.

Source: deepseek-ai/profile-data and the open-infra-index, day 6 (inference system overview).
"""

from collections.abc import Mapping, Sequence

from dsv3c.ir.timetable import Instance

Phases = Mapping[tuple[str, int], float]

DECODE: Phases = {
    # shared expert and the other's projections under dispatch, experts alone, the other's core under combine; then
    # the roles swap
    ("attention-0", 0): -0.45,
    ("attention-1", 0): -0.3,
    ("mlp", 0): -0.29,
    ("dispatch", 0): 0.0,
    ("shared", 0): 0.0,
    ("attention-0", 1): 0.05,
    ("experts", 0): 0.1,
    ("combine", 0): 0.2,
    ("attention-1", 1): 0.2,
    ("mlp", 1): 0.21,
    ("residual", 0): 0.45,
    ("dispatch", 1): 0.5,
    ("shared", 1): 0.5,
    ("experts", 1): 0.6,
    ("combine", 1): 0.7,
    ("residual", 1): 0.95,
}
PREFILL: Phases = {
    # attention under the other's combine, then under dispatch; both experts under the other's exchanges
    ("attention-0", 0): 0.0,
    ("attention-1", 0): 0.02,
    ("mlp", 0): 0.03,
    ("dispatch", 0): 0.15,
    ("attention-0", 1): 0.2,
    ("attention-1", 1): 0.22,
    ("mlp", 1): 0.23,
    ("dispatch", 1): 0.4,
    ("experts", 0): 0.4,
    ("experts", 1): 0.6,
    ("combine", 0): 0.7,
    ("shared", 0): 0.8,
    ("residual", 0): 0.98,
    ("combine", 1): 1.0,
    ("shared", 1): 1.15,
    ("residual", 1): 1.17,
}
PUBLISHED = (DECODE, PREFILL)


def places(instances: Sequence[Instance], phases: Phases) -> list[float] | None:
    """``layer + phase`` of every instance; None where the order does not know one of the segments."""
    if any((item.segment, item.microbatch) not in phases for item in instances):
        return None
    return [item.layer + phases[item.segment, item.microbatch] for item in instances]
