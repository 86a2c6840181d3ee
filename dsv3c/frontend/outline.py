"""Cut the captured graph at its layers before any op is made: equal layers become one function.

A layer is the outermost numbered module of a node (``model.layers.7``).  Two layers are equal when their nodes agree
one by one in operator, literals, result types and in where each operand comes from (an earlier node, an input of the
layer, or a parameter of the same relative name).  Activations, masks and position tables are inputs, so sharing them
across layers does not matter - but the pattern of sharing does: a layer that reads one input twice is not one that
reads two inputs.  A parameter from outside the layer (tied weights) is an input like any other.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from torch.fx import Node

from dsv3c.frontend.fx_graph import is_assert, is_size, layer_of, target_text


class Leaves(Protocol):
    """What the importer knows about nodes: identities, types and which values need no argument."""

    def root(self, node: Node) -> Node:
        """The node that ``node`` stands for (arguments of inlined submodules)."""
        ...

    def describe(self, node: Node) -> Hashable:
        """A hashable account of a node's value: its type, with sizes by name."""
        ...

    def local(self, node: Node, layer: str) -> Hashable:
        """What a leaf is inside of ``layer``: its relative name or its constant value; None if it must be passed in."""
        ...


@dataclass(frozen=True)
class Run:
    """Consecutive nodes of one layer; ``path`` is empty for what stands between layers."""

    path: str
    nodes: tuple[Node, ...]
    inputs: tuple[Node, ...]
    """Values from outside, by first use, without the layer's own parameters."""
    outputs: tuple[Node, ...]
    """Values read outside, by definition."""
    key: tuple[Hashable, ...]
    """Equal for equal layers."""


def runs(nodes: Iterable[Node], leaves: Leaves) -> Iterator[Run]:
    """The program in pieces: one per consecutive stretch of nodes of one layer, or of none."""
    for (path, _), group in groupby(nodes, layer_of):
        yield cut(path, tuple(group), leaves)


def cut(path: str, nodes: tuple[Node, ...], leaves: Leaves) -> Run:
    """Find what a stretch of nodes reads and leaves behind, and what makes it equal to another one."""
    numbers = {node: index for index, node in enumerate(nodes)}
    inputs = dict[Node, int]()
    reference = reference_in(path, numbers, inputs, leaves)
    rows = tuple(
        (
            target_text(node.target),
            reference(node.args),
            reference(tuple(node.kwargs.items())),
            leaves.describe(node),
        )
        for node in nodes
    )
    outputs = tuple(node for node in nodes if is_read_outside(node, numbers, leaves))
    return Run(path, nodes, tuple(inputs), outputs, (rows, tuple(numbers[node] for node in outputs)))


def reference_in(
    path: str, numbers: dict[Node, int], inputs: dict[Node, int], leaves: Leaves
) -> Callable[[object], Hashable]:
    """A function that describes an argument of a node relative to its run; inputs are numbered as they are met."""

    def reference(given: object) -> Hashable:
        if isinstance(given, Node):
            given = leaves.root(given)
            if is_size(given):
                return leaves.describe(given)
            if given in numbers:
                return ("node", numbers[given])
            if path and (local := leaves.local(given, path)) is not None:
                return ("local", local)
            return ("input", inputs.setdefault(given, len(inputs)), leaves.describe(given))
        if isinstance(given, list | tuple):
            return tuple(reference(element) for element in given)
        return (type(given), str(given))  # str: 0.0 and -0.0, 1 and True and 1.0 differ

    return reference


def is_read_outside(node: Node, inside: Mapping[Node, int], leaves: Leaves) -> bool:
    """Whether a node's value is needed after its run; checks and size arithmetic do not count."""
    return any(user not in inside and not is_size(user) and not is_assert(user) for user in readers(node, leaves))


def readers(node: Node, leaves: Leaves) -> Iterator[Node]:
    """Who reads a node's value, also through nodes that only stand for it."""
    for user in node.users:
        if leaves.root(user) is leaves.root(node) and user is not node:
            yield from readers(user, leaves)
        else:
            yield user
