"""Small programs at the edges of the importer: what is outlined, what is made functional, what is refused and how."""

import pytest
import torch
from torch import Tensor, nn
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.frontend.captured import Captured, Symbol
from dsv3c.frontend.exporting import export_entry
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.weight import ConstantOp, ParamOp
from dsv3c.ir.errors import ImportFailure
from dsv3c.ir.functions import calls, functions
from dsv3c.ir.text import parse_module, print_module
from dsv3c.ir.verify import verify_module

SYMBOLS = (Symbol("B", 2, 64, 2),)


def captured(model: nn.Module, *inputs: Tensor) -> Captured:
    inputs = inputs or (torch.randn(2, 8),)
    entry = export_entry(model.eval(), inputs, {}, {"x": {0: "B"}}, SYMBOLS)
    return Captured("case", "user", {"main": entry}, SYMBOLS, dict(model.named_buffers()))


def imported(model: nn.Module, *inputs: Tensor) -> ModuleOp:
    module = import_program(make_context(), captured(model, *inputs))
    verify_module(module)
    for generic in (False, True):
        for locations in (False, True):
            text = print_module(module, generic=generic, locations=locations)
            assert parse_module(make_context(), text).is_structurally_equivalent(module)
    return module


def check_bits(model: nn.Module) -> ModuleOp:
    module = imported(model)
    state = StateDictWeights({name: value.detach() for name, value in model.state_dict(keep_vars=True).items()})
    for batch in (2, 5):
        x = torch.randn(batch, 8)
        with torch.no_grad():
            expected = model(x.clone())
        assert torch.equal(Executor(module, state, "torch").run("main", x)[0], expected)
    return module


def called(module: ModuleOp) -> list[str]:
    return [call.callee.root_reference.data for call in calls(module)]


class Block(nn.Module):
    def __init__(self, scale: float = 1.0, *, writes: bool = False, constant: float | None = None):
        super().__init__()
        self.linear, self.scale, self.writes = nn.Linear(8, 8), scale, writes
        if constant is not None:
            self.register_buffer("shift", torch.full((8,), constant), persistent=False)
        self.shifts = constant is not None

    def forward(self, x: Tensor) -> Tensor:
        if self.writes:
            x.add_(1)
        y = self.linear(x) * self.scale
        with torch.enable_grad():  # captured as a submodule, for export runs without gradients
            y = y + x.sum()
        return x + y + self.shift if self.shifts else x + y


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList([Block() for _ in range(4)])

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([expert(x) for expert in self.experts]).sum(0)


class Stack(nn.Module):
    def __init__(self, *layers: nn.Module, rounds: int = 1):
        super().__init__()
        self.layers, self.rounds = nn.ModuleList(layers), rounds

    def forward(self, x: Tensor) -> Tensor:
        x = x * 2
        for _ in range(self.rounds):
            for layer in self.layers:
                x = layer(x)
        return x


def tied() -> tuple[Block, Block]:
    first, second = Block(), Block()
    second.linear.weight = first.linear.weight
    return first, second


SHARED = Block()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Stack(Block(), Block(), Block()), ["layer0"] * 3),
        (Stack(Block(1.0), Block(1.5), Block(1.0)), ["layer0", "layer1", "layer0"]),
        (
            Stack(SHARED, SHARED, SHARED),
            ["layer0", "layer0", "layer1"],
        ),  # export names a shared weight after its last use
        (Stack(Block(), Block(), rounds=2), ["layer0"] * 4),
        (Stack(*tied()), ["layer0", "layer1"]),
        (Stack(Experts(), Experts()), ["layer0"] * 2),
        (Stack(Block(constant=1.0), Block(constant=1.0), Block(constant=2.0)), ["layer0", "layer0", "layer1"]),
    ],
    ids=[
        "equal",
        "a literal differs",
        "one module thrice",
        "two rounds",
        "tied weights",
        "experts",
        "a buffer differs",
    ],
)
def test_layers_become_functions(model: nn.Module, expected: list[str]) -> None:
    module = check_bits(model)
    assert called(module) == expected
    assert all(functions(module)[name].sym_visibility is not None for name in set(expected))


def test_parameters_are_relative_to_the_prefix_of_the_call() -> None:
    module = imported(Stack(Block(), Block()))
    params = [op.key.data for op in functions(module)["layer0"].walk() if isinstance(op, ParamOp)]
    assert params == ["linear.weight", "linear.bias"]
    assert [str(call.attributes["prefix"]) for call in calls(module)] == ['"layers.0"', '"layers.1"']


def test_a_weight_from_outside_the_layer_is_an_argument() -> None:
    module = imported(Stack(*tied()))
    assert sorted(len(call.arguments) for call in calls(module)) == [1, 2]


def test_constants_keep_their_exact_values() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("factor", torch.tensor([1 / 3] * 8), persistent=False)

        def forward(self, x: Tensor) -> Tensor:
            return x * self.factor + torch.tensor(0.1) + torch.tensor([True] * 8)

    constants = [op for op in check_bits(Scaled()).walk() if isinstance(op, ConstantOp)]
    assert len(constants) == 3


class Program(nn.Module):
    """One of the branches below as a module."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:  # noqa: C901
        match self.name:
            case "write to a slice":
                y = x * 2
                y[:, :4].copy_(x[:, 4:])
                return y
            case "write to a column":
                y = x * 2
                y[:, 3] = x[:, 4]
                return y
            case "write that broadcasts and converts":
                y = x * 2
                y[:, 1:3] = torch.arange(2)
                return y
            case "write to a copy of the input":
                y = x.clone()
                y.add_(1)
                return x + y
            case "two names of one tensor":
                y = x + 1
                z = y.add_(1)
                y.mul_(2)
                return z + y
            case "write to a result of a write":
                y = x + 1
                z = y.add_(1)
                z.mul_(2)
                return y
            case "masked and filled":
                y = x + 1
                y.masked_fill_(x > 0, 3.0)
                return y.zero_() + x
            case "new tensors":
                return torch.full((8,), 0.5) + torch.zeros(x.shape[0], 8) + torch.ones_like(x) + x.new_zeros(8)
            case "size arithmetic":
                return x.reshape(2 * x.shape[0], 4).sum(1).view(-1, 2).repeat(1, 4) * x.shape[0]
            case "number in place of a tensor":
                return torch.maximum(x, torch.tensor(0.0)) + torch.hypot(x, x)
            case _:
                raise ValueError(self.name)


class Refused(nn.Module):
    """As ``Program``: what cannot be imported."""

    def __init__(self, name: str):
        super().__init__()
        self.name = name
        self.register_buffer("cache", torch.zeros(64, 8))

    def forward(self, x: Tensor) -> Tensor:
        match self.name:
            case "view read after a write":
                y = x + 1
                view = y.view(-1)
                y.mul_(2)
                return view + 1
            case "write through a reshaped view":
                y = x + 1
                y.view(-1).mul_(2)
                return y
            case "write to the input":
                return x.add_(1)
            case "write to a buffer":
                self.cache.add_(1)
                return x + self.cache[0]
            case "write to a slice of a buffer":
                self.cache[:2].copy_(x[:2])
                return x + 1
            case "sizes that depend on data":
                return x[x[:, 0] > 0].sum(0)
            case "autocast":
                with torch.autocast("cpu"):
                    return x @ x.T
            case "branch":
                return torch.cond(x.sum() > 0, lambda t: t + 1, lambda t: t - 1, (x,))
            case _:
                raise ValueError(self.name)


@pytest.mark.parametrize(
    "name",
    [
        "write to a slice",
        "write to a column",
        "write that broadcasts and converts",
        "write to a copy of the input",
        "two names of one tensor",
        "write to a result of a write",
        "masked and filled",
        "new tensors",
        "size arithmetic",
        "number in place of a tensor",
    ],
)
def test_writes_are_made_functional(name: str) -> None:
    module = check_bits(Program(name))
    assert not [op.name for op in module.walk() if getattr(op, "SCHEMA", None) and op.SCHEMA.mutates]


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("view read after a write", "y.mul_(2)", "may see this write"),
        ("write through a reshaped view", "y.view(-1).mul_(2)", "writes through aten.view"),
        ("write to the input", "return x.add_(1)", "comes from outside of the program"),
        ("write to a buffer", "self.cache.add_(1)", "dsv3c adds its own paged cache"),
        ("write to a slice of a buffer", "self.cache[:2].copy_(x[:2])", "dsv3c adds its own paged cache"),
        ("sizes that depend on data", "return x[x[:, 0] > 0].sum(0)", "grouped_mm"),
        ("autocast", "return x @ x.T", "autocast"),
        ("branch", "", "torch.where"),
    ],
)
def test_refusals_name_the_line_and_the_edit(name: str, line: str, reason: str) -> None:
    with pytest.raises(ImportFailure) as failure:
        imported(Refused(name))
    assert "test_importer.py:" in failure.value.where
    assert failure.value.hint
    text = str(failure.value)
    assert line in text
    assert reason in text


def test_a_layer_that_writes_its_input_is_refused() -> None:
    with pytest.raises(ImportFailure, match=r"writes into .*, which comes from outside of layers\.0: x\.add_\(1\)"):
        imported(Stack(Block(writes=True), Block(writes=True)))


@pytest.mark.parametrize(
    ("buffer", "reason"), [(torch.zeros(5000), "5,000 elements"), (torch.zeros(8, device="meta"), "no values")]
)
def test_non_persistent_buffers_that_cannot_be_written_down(buffer: Tensor, reason: str) -> None:
    class Table(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("table", buffer, persistent=False)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.table[:8]

    with pytest.raises(ImportFailure, match=reason):
        imported(Table(), torch.randn(2, 8, device=buffer.device))


def test_locations_are_those_of_helper_functions() -> None:
    def helper(x: Tensor) -> Tensor:
        return x.sin()

    class Helped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return helper(x)

    sine = next(op for op in imported(Helped()).walk() if op.name == "aten.sin")
    assert f'test_importer.py":{helper.__code__.co_firstlineno + 1}:0' in str(sine.location)
