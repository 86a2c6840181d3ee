"""Problems to schedule: the shape of DeepSeek-V3's steps, and random ones."""

from collections.abc import Mapping, Sequence
from random import Random

from dsv3c.ir.timetable import Buffer, Dependency, Hold, Problem, Segment, Stream

COMM_SEGMENTS = ("dispatch", "combine")

CHAIN = (
    Dependency("attention-1", "attention-0"),
    Dependency("attention-1", "attention-1", "cache", microbatches_back=1),
    Dependency("dispatch", "attention-1"),
    Dependency("shared", "attention-1"),
    Dependency("experts", "dispatch"),
    Dependency("combine", "experts"),
    Dependency("attention-0", "combine", layers_back=1),
    Dependency("attention-0", "shared", layers_back=1),
)
DENSE = (Dependency("mlp", "attention-1"), Dependency("attention-0", "mlp", layers_back=1))


def step_problem(
    us: Mapping[str, float], *, layers: int, dense: int = 0, comm_sms: int, microbatches: int = 2, buffers: int = 2
) -> Problem:
    """A step of ``layers`` layers, the first ``dense`` without experts; ``us`` by segment, for one micro-batch."""
    segments = list[Segment]()
    for name, took in us.items():
        comm = name in COMM_SEGMENTS
        first, end = (0, dense) if name == "mlp" else (0, layers) if name.startswith("attention") else (dense, layers)
        holds = {"dispatch": (Hold("low-latency", "experts"),), "combine": (Hold("low-latency"),)}
        if first < end:
            segments.append(
                Segment(
                    name=name,
                    first_layer=first,
                    end_layer=end,
                    kind="comm" if comm else "compute",
                    us=(took,) * microbatches,
                    sms=comm_sms if comm else 132 - comm_sms,
                    group="ep" if comm else "",
                    holds=holds[name] if comm and buffers else (),
                )
            )
    streams = (Stream("compute", "compute", 132 - comm_sms), Stream("comm", "comm", comm_sms))
    dependencies = (*CHAIN, *(DENSE if dense else ()))
    live = (Buffer("low-latency", buffers),) if buffers else ()
    return Problem(tuple(segments), streams, dependencies, live, device_sms=132)


def random_problem(seed: int) -> Problem:
    """Any graph: up to 14 instances in up to 4 layers, several streams, groups and buffers.

    Dependencies go back in layers, or within a layer in the order of the declarations: none wait for each other.
    """
    draw = Random(seed)
    layers, microbatches = draw.randint(1, 4), draw.randint(1, 2)
    names = [f"s{index}" for index in range(draw.randint(1, max(1, 14 // (layers * microbatches))))]
    streams = [Stream(f"compute-{n}", "compute", draw.choice([40, 60])) for n in range(draw.randint(1, 2))]
    streams += [Stream(f"comm-{n}", "comm", draw.choice([0, 12])) for n in range(draw.randint(1, 2))]
    most = {kind: min(stream.sms for stream in streams if stream.kind == kind) for kind in ("compute", "comm")}
    segments = list[Segment]()
    for name in names:
        kind = draw.choice(["compute", "compute", "comm"])
        first = draw.randint(0, layers - 1)
        segments.append(
            Segment(
                name=name,
                first_layer=first,
                end_layer=draw.randint(first + 1, layers),
                kind=kind,
                us=tuple(draw.choice([0.0, 0.001, draw.randint(1, 40) / 4]) for _ in range(microbatches)),
                sms=draw.choice([0, most[kind]]),
                group=draw.choice(["", "ep", "tp"]) if kind == "comm" else "",
                holds=draw.choice([(), (), (Hold("b", draw.choice(names)),)]) if draw.random() < 0.6 else (),
            )
        )
    rules = random_dependencies(draw, names, layers)
    return Problem(
        tuple(segments), tuple(streams), rules, (Buffer("b", draw.randint(1, 3)),), draw.choice([72, 100, 144])
    )


def random_dependencies(draw: Random, names: Sequence[str], layers: int) -> tuple[Dependency, ...]:
    """Rules that cannot make a cycle: back in layers, or in the same layer to earlier names or micro-batches."""
    rules = list[Dependency]()
    for _ in range(draw.randint(0, 3 * len(names))):
        producer, consumer = sorted(draw.randrange(len(names)) for _ in range(2))
        back, microbatches_back = draw.choice([0, 0, 1, 2]), draw.choice([0, 0, 0, 1, -1])
        if back:
            producer, consumer = draw.choice([(producer, consumer), (consumer, producer)])
        elif producer == consumer:
            microbatches_back = 1
        first = draw.choice([0, 0, layers - 1])
        rules.append(
            Dependency(
                names[consumer],
                names[producer],
                draw.choice(["data", "cache", "order"]),
                back,
                microbatches_back,
                draw.choice([None, (first, layers)]),
                draw.choice([None, None, 0, 1]),
            )
        )
    return tuple(rules)
