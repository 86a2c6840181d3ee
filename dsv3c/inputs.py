"""Arguments for one execution of an entry: the tokens given or random ones, tables and caches that fit them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerType, ModuleOp, TensorType
from xdsl.ir import Attribute, Operation, SSAValue

from dsv3c.backends.reference.dtypes import dtype_of
from dsv3c.backends.reference.executor import Value
from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, StepTables, step_tables
from dsv3c.compilation.variants import check_queries
from dsv3c.ir.dialects.core import symbols_of
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.dialects.nn import EmbeddingOp
from dsv3c.ir.errors import UsageError
from dsv3c.ir.functions import functions
from dsv3c.ir.sizes import evaluate
from dsv3c.ir.sizes import symbols_of as names_in
from dsv3c.ir.types import shape, sizes_of
from dsv3c.passes.phases import CONTEXT, POOL_PAGES, SEQUENCES, TABLE_PAGES, TOKENS, Phase, phase_of
from dsv3c.runtime import make_cache

EMBEDDINGS = ("aten.embedding",)


@dataclass(frozen=True)
class InputOptions:
    """What one execution is fed."""

    batch: int = 1
    """Sequences."""
    length: int = 16
    """Tokens per sequence; for a phase: in the cache after the step."""
    tokens: tuple[tuple[int, ...], ...] = ()
    """Token ids of each sequence, in place of random ones: ``batch`` and ``length`` are theirs."""
    seed: int = 0
    new_tokens: int | None = None
    """Of a phase: new tokens per sequence, at most; None: as many as the phase takes."""

    def lengths(self) -> list[int]:
        """Tokens of each sequence."""
        return [len(row) for row in self.tokens] or [self.length] * self.batch


def entry_inputs(module: ModuleOp, entry: str, options: InputOptions) -> list[Value]:
    """Arguments for ``entry``.

    Raises UsageError for token ids outside of the vocabulary, sequences that a cache-free entry cannot hold side by
    side, and sizes outside of their ranges.
    """
    function = functions(module)[entry]
    if min(options.lengths(), default=0) < 1:
        raise UsageError("a sequence must have at least one token", hint="--batch and --seq are at least 1")
    phase = phase_of(function)
    maker = PhaseInputs(function, options, phase) if phase is not None else DenseInputs(function, options, module)
    return [maker.make(argument) for argument in function.body.block.args]


@dataclass
class InputMaker:
    """Makes arguments one by one."""

    function: func.FuncOp
    options: InputOptions
    generator: torch.Generator = field(init=False)
    sizes: dict[str, int] = field(init=False, default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.options.seed)

    def make(self, argument: SSAValue) -> Value:
        """The value of one argument."""
        raise NotImplementedError

    def random(self, argument: SSAValue) -> Tensor:
        """Normal numbers, or integers where indices are asked for."""
        kind = argument.type
        assert isinstance(kind, TensorType)
        dims = [evaluate(size, self.sizes) for size in sizes_of(kind)]
        dtype = dtype_of(kind.element_type)
        if dtype.is_floating_point:
            return torch.randn(dims, generator=self.generator).to(dtype)
        bound = vocabulary(self.function, argument) if dtype in (torch.int64, torch.int32) else 2
        return torch.randint(0, bound, dims, generator=self.generator).to(dtype)

    def check_tokens(self, argument: SSAValue) -> None:
        """Raise UsageError for a token id that the embedding does not have."""
        size = vocabulary(self.function, argument)
        for token in (token for row in self.options.tokens for token in row):
            if not 0 <= token < size:
                raise UsageError(f"token id {token} is not in the vocabulary", hint=f"ids are 0..{size - 1}")


class DenseInputs(InputMaker):
    """For a cache-free entry: integer matrices [B, S] are tokens, other tensors random."""

    def __init__(self, function: func.FuncOp, options: InputOptions, module: ModuleOp) -> None:
        super().__init__(function, options)
        lengths = options.lengths()
        if len(set(lengths)) != 1:
            raise UsageError(
                f"@{function.sym_name.data} takes sequences of one length, not of {sorted(set(lengths))}",
                hint="give tokens of equal length, or run a phased module",
            )
        asked = [len(lengths), lengths[0]]
        for argument in function.body.block.args:
            for dim, size in enumerate(shape(argument) if isinstance(argument.type, TensorType) else ()):
                if isinstance(size, str) and size.isidentifier() and dim < 2:
                    self.sizes.setdefault(size, asked[dim])
        for name, symbol in symbols_of(module).items():
            low, high = symbol.bounds()
            value = self.sizes.setdefault(name, low)
            if value < low or (high is not None and value > high):
                raise UsageError(
                    f"{name} = {value} is outside of {low}..{'' if high is None else high}",
                    hint="--batch and --seq choose the sizes",
                )

    def make(self, argument: SSAValue) -> Value:
        """Tokens where tokens are taken and given, else random values."""
        if self.options.tokens and is_token_ids(argument):
            self.check_tokens(argument)
            return torch.tensor(self.options.tokens).to(dtype_of(tensor(argument).element_type))
        return self.random(argument)


class PhaseInputs(InputMaker):
    """For an entry over a paged cache: the last tokens of each sequence are new, those before are in the cache."""

    tables: StepTables

    def __init__(self, function: func.FuncOp, options: InputOptions, phase: Phase) -> None:
        super().__init__(function, options)
        arguments = function.body.block.args
        rows = options.tokens or self.random_rows(arguments)
        most = phase.max_query if options.new_tokens is None else min(phase.max_query, options.new_tokens)
        queries = [min(len(row), most) for row in rows]
        module = function.parent_op()
        assert isinstance(module, ModuleOp)
        check_queries(module, function.sym_name.data, queries)
        self.cached = [len(row) - query for row, query in zip(rows, queries, strict=True)]
        caches = [argument.type for argument in arguments if isinstance(argument.type, CacheType)]
        page_size = caches[0].page_size.data if caches else max(map(len, rows))
        pages = sum(-(-len(row) // page_size) for row in rows)
        pool = PagePool(pages, page_size)
        states = [SequenceState(list(row), cached) for row, cached in zip(rows, self.cached, strict=True)]
        for state in states:
            pool.reserve(state, len(state.tokens))
        self.tables = step_tables(states, queries)
        width = self.tables.block_table.shape[1]
        self.sizes = {TOKENS: sum(queries), SEQUENCES: len(rows), TABLE_PAGES: width, POOL_PAGES: pages}
        self.sizes[CONTEXT] = sum(map(len, rows))

    def random_rows(self, arguments: Sequence[SSAValue]) -> list[list[int]]:
        """Random token ids for every sequence."""
        ids = next((argument for argument in arguments if is_token_ids(argument)), None)
        bound = vocabulary(self.function, ids) if ids is not None else 2
        return [
            torch.randint(0, bound, (length,), generator=self.generator).tolist() for length in self.options.lengths()
        ]

    def make(self, argument: SSAValue) -> Value:
        """Tables by name, tokens, caches with random rows where something is cached before the step."""
        if isinstance(argument.type, CacheType):
            cache = make_cache(argument.type, self.sizes[POOL_PAGES])
            if any(self.cached):
                for part in (cache.latent, cache.rope):
                    part.copy_(torch.randn(part.shape, generator=self.generator))
                if cache.scale is not None:
                    cache.scale.fill_(1.0)
            assert isinstance(cache, LatentCache)
            return cache
        if (table := getattr(self.tables, argument.name_hint or "", None)) is not None:
            return table
        if is_token_ids(argument):
            self.check_tokens(argument)
            return self.tables.tokens
        return self.random(argument)


def tensor(argument: SSAValue) -> TensorType[Attribute]:
    """The argument's type."""
    assert isinstance(argument.type, TensorType)
    return argument.type


def is_token_ids(argument: SSAValue) -> bool:
    """An integer tensor whose leading dims have names: [B, S] or [T]."""
    if not isinstance(argument.type, TensorType) or not isinstance(argument.type.element_type, IntegerType):
        return False
    lead = shape(argument)
    return 1 <= len(lead) <= 2 and all(isinstance(size, str) and names_in(size) for size in lead)


def vocabulary(function: func.FuncOp, ids: SSAValue) -> int:
    """How many token ids there are: rows of the table they index, else the width of the entry's first result."""
    waiting, seen = [ids], set[SSAValue]()
    while waiting:
        value = waiting.pop()
        seen.add(value)
        for use in value.uses:
            op = use.operation
            if isinstance(op, EmbeddingOp) or op.name in EMBEDDINGS:
                rows = shape(table_of(op))[0]
                assert isinstance(rows, int)
                return rows
            waiting += [r for r in op.results if r not in seen and len(op.operands) == 1]
    kind = function.function_type.outputs.data[0]
    assert isinstance(kind, TensorType)
    width = sizes_of(kind)[-1]
    return width if isinstance(width, int) else 2


def table_of(op: Operation) -> SSAValue:
    """The table that an embedding reads: its operand that is a float matrix."""
    return next(value for value in op.operands if dtype_of(tensor(value).element_type).is_floating_point)
