"""Ranks in lockstep: what they refuse, what programs of one rank refuse, and running a sharded program from outside."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch
from cli import dsv3c as command
from phased_engine import engine_on
from phased_program import phased_text
from xdsl.dialects.builtin import ModuleOp

import dsv3c
from dsv3c.backends.reference.alike import AlikeExecutor, executor_for
from dsv3c.backends.reference.emitter import emit_program
from dsv3c.backends.reference.executor import ExecutionError, Executor
from dsv3c.backends.reference.lockstep import LockstepExecutor
from dsv3c.backends.reference.params import required_headers
from dsv3c.backends.reference.runtime.generate import GenerateOptions, generate
from dsv3c.backends.reference.runtime.paging import SequenceState
from dsv3c.backends.reference.weights import RandomWeights, StateDictWeights
from dsv3c.ir.context import make_context
from dsv3c.ir.errors import IRError, UsageError
from dsv3c.ir.text import parse_module
from dsv3c.ir.verify import verify_module

HEADER = "dsv3c.symbol @T min 0\ndsv3c.symbol @R min 0\ncomm.mesh @ep nodes {nodes} gpus {gpus}\n"
EXCHANGE = """
func.func @f(%x: tensor<?x4xf32, ["T"]>, %w: tensor<?x2xf32, ["T"]>, %ids: tensor<?x2xi64, ["T"]>)
    -> (tensor<?x4xf32, ["T"]>, tensor<?x1xi64, ["{rows}"]>, tensor<?x2xi32, ["{rows}"]>) {{
  %t = comm.start : !comm.token<"ep">
  %p = comm.placement {placement} : tensor<{size}xi32>
  {sync}
  %rows, %rw, %ri, %src, %t2 = comm.dispatch %x, %w, %ids placement %p after %t1 {counts} copies "expert"
    experts_per_rank {per_rank} : tensor<?x4xf32, ["T"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>,
    tensor<{size}xi32>, !comm.token<"ep"> -> tensor<?x4xf32, ["{rows}"]>, tensor<?x1xf32, ["{rows}"]>,
    tensor<?x1xi64, ["{rows}"]>, tensor<?x2xi32, ["{rows}"]>
  %y, %t3 = comm.combine %rows, %src, %w, %ids after %t2 order "slot" combine_in f32 payload "f32"
    : tensor<?x4xf32, ["{rows}"]>, tensor<?x2xi32, ["{rows}"]>, tensor<?x2xf32, ["T"]>, tensor<?x2xi64, ["T"]>,
      !comm.token<"ep"> -> tensor<?x4xf32, ["T"]>
  func.return %y, %ri, %src : tensor<?x4xf32, ["T"]>, tensor<?x1xi64, ["{rows}"]>, tensor<?x2xi32, ["{rows}"]>
}}
"""


def module_of(text: str) -> ModuleOp:
    module = parse_module(make_context(), text, "test")
    verify_module(module)
    return module


def exchange(*, ranks: int, counted: bool, placement: str = "<0:4>", size: int = 4, nodes: int = 1) -> ModuleOp:
    """Tokens are sent to their experts and come back as they are."""
    per_rank = size // ranks
    counts = f"counts %c : tensor<{ranks}xi32>" if counted else ""
    rows = "R" if counted else f"{ranks * min(2, per_rank)}*T"
    sync = (
        f'%c, %t1 = comm.sync_counts %ids placement %p after %t copies "expert" experts_per_rank {per_rank} '
        f': tensor<?x2xi64, ["T"]>, tensor<{size}xi32>, !comm.token<"ep"> -> tensor<{ranks}xi32>'
    )
    text = EXCHANGE.format(
        rows=rows, placement=placement, size=size, per_rank=per_rank, counts=counts, sync=sync if counted else ""
    )
    header = HEADER.format(nodes=nodes, gpus=ranks // nodes)
    return module_of(header + (text if counted else text.replace("after %t1", "after %t")))


def tokens(rank: int, count: int, ids: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = torch.arange(4 * count).view(count, 4).float() + 100 * rank
    return x, torch.tensor([0.25, 0.75]).repeat(count, 1), torch.tensor(ids, dtype=torch.int64).view(count, 2)


@pytest.mark.parametrize("counted", [False, True])
def test_rows_come_by_source_rank_and_slot(counted: bool) -> None:
    executor = LockstepExecutor(exchange(ranks=2, counted=counted), StateDictWeights({}))
    first = tokens(0, 2, [[0, 3], [2, 3]])
    second = tokens(1, 2, [[1, 0], [3, -1]])
    (y0, ids0, src0), (y1, ids1, src1) = executor.run("f", [first, second])
    assert torch.equal(y0, first[0])
    assert torch.equal(y1, second[0] * torch.tensor([[1.0], [0.25]]))
    pad = ([[-1]], [[-1, -1]])
    rows = [([[0]], [[0, 0]]), *([pad] * 3), ([[1]], [[1, 0]]), ([[0]], [[1, 1]]), *([pad] * 2)]
    rows = [row for row in rows if not counted or row is not pad]
    assert ids0.tolist() == [row[0][0] for row in rows]
    assert src0.tolist() == [row[1][0] for row in rows]
    other = [([[1]], [[0, 1]]), ([[0]], [[0, 2]]), ([[1]], [[0, 3]]), pad, ([[1]], [[1, 2]]), *([pad] * 3)]
    other = [row for row in other if not counted or row is not pad]
    assert ids1.tolist() == [row[0][0] for row in other]
    assert src1.tolist() == [row[1][0] for row in other]


def test_a_counted_receive_takes_different_numbers_of_tokens_and_none() -> None:
    executor = LockstepExecutor(exchange(ranks=2, counted=True), StateDictWeights({}))
    first, second = tokens(0, 3, [[0, 3], [2, 3], [1, 0]]), tokens(1, 0, [])
    (y0, _, _), (y1, _, _) = executor.run("f", [first, second])
    assert torch.equal(y0, first[0])
    assert y1.shape == (0, 4)


def test_a_bounded_receive_needs_equally_many_tokens() -> None:
    executor = LockstepExecutor(exchange(ranks=2, counted=False), StateDictWeights({}))
    with pytest.raises(ExecutionError, match=r"equally many tokens on all ranks, not \[1, 2\]"):
        executor.run("f", [tokens(0, 2, [[0, 1], [2, 3]]), tokens(1, 1, [[0, 1]])])


def test_a_choice_that_occurs_twice_has_no_room() -> None:
    executor = LockstepExecutor(exchange(ranks=4, counted=False), StateDictWeights({}))
    inputs = [tokens(rank, 1, [[rank, rank]]) for rank in range(4)]
    with pytest.raises(
        ExecutionError, match="2 rows came from one rank, and there is room for 1: a choice occurs twice"
    ):
        executor.run("f", inputs)


def test_an_expert_without_a_place_is_an_error() -> None:
    executor = LockstepExecutor(exchange(ranks=2, counted=True), StateDictWeights({}))
    with pytest.raises(ExecutionError, match="expert 7 is placed on no rank"):
        executor.run("f", [tokens(0, 1, [[0, 7]]), tokens(1, 1, [[0, 1]])])


def test_replicas_take_turns_over_ranks_tokens_and_slots() -> None:
    module = exchange(ranks=2, counted=True, placement="<0:4, 0, 1>", size=6)
    executor = LockstepExecutor(module, StateDictWeights({}))
    ids = [[0, 1], [0, 1], [2, 0], [3, 3]]
    (_, _, src0), (_, _, _) = executor.run("f", [tokens(0, 4, ids), tokens(1, 4, ids)])
    by_rank: dict[int, list[int]] = {0: [], 1: []}
    for source, slot in src0.tolist():
        by_rank[source].append(slot)
    places = {0: [0, 4], 1: [1, 5], 2: [2], 3: [3]}
    for source in range(2):
        expected = [
            2 * t + j
            for t, row in enumerate(ids)
            for j, expert in enumerate(row)
            if places[expert][(23333 * source + t + j) % len(places[expert])] < 3
        ]
        assert by_rank[source] == expected


def test_wrong_numbers_of_ranks_are_told() -> None:
    module = exchange(ranks=2, counted=True)
    with pytest.raises(UsageError, match="@ep has 2 ranks, not 4"):
        LockstepExecutor(module, StateDictWeights({}), 4)
    with pytest.raises(UsageError, match="arguments of 1 ranks, and @ep has 2"):
        LockstepExecutor(module, StateDictWeights({}), 2).run("f", [tokens(0, 1, [[0, 1]])])
    with pytest.raises(UsageError, match=r"one comm\.mesh; the module has none"):
        LockstepExecutor(module_of("func.func @f() { func.return }"), StateDictWeights({}))
    two = module_of("comm.mesh @a nodes 1 gpus 2\ncomm.mesh @b nodes 1 gpus 2\nfunc.func @f() { func.return }")
    with pytest.raises(UsageError, match=r"one comm\.mesh; the module has @a, @b"):
        LockstepExecutor(two, StateDictWeights({}))


def test_one_process_refuses_several_ranks_and_names_the_runner() -> None:
    module = exchange(ranks=2, counted=False)
    with pytest.raises(IRError, match=r"comm.dispatch is among the 2 ranks of @ep.*\n.*LockstepExecutor"):
        Executor(module, StateDictWeights({})).run("f", *tokens(0, 1, [[0, 1]]))
    with pytest.raises(IRError, match=r"comm.mesh is among the 2 ranks of @ep.*\n.*LockstepExecutor"):
        emit_program(module)


def phased_module(element: Literal["bf16", "f32"]) -> str:
    """The two-layer program in text, 4 experts; decode is captured."""
    before, name, decode = phased_text(element).partition("func.func @decode(")
    decode = decode.replace("context = 1 : i64}", "context = 1 : i64, capturable}")
    return f'builtin.module attributes {{dsv3c.facts = ["phased", "raised"]}} {{{before}{name}{decode}}}'


def sharded(options: str) -> ModuleOp:
    """Its experts over ranks."""
    return dsv3c.opt(module_of(phased_module("f32")), f"shard-experts{{{options}}}").op


def logits(module: ModuleOp) -> torch.Tensor:
    executor = executor_for(module, RandomWeights(0, required_headers(module)))
    engine = engine_on(executor, torch.float32)
    state = SequenceState([1, 2, 3, 4, 5])
    engine.run("prefill", [state], [4])
    [row] = engine.run("decode", [state], [1])
    return row


@pytest.mark.parametrize("options", ["ep=1", "ep=2", "ep=4 nnodes=2", "ep=2 redundant=2"])
def test_ranks_alike_stand_in_for_one_device(options: str) -> None:
    module = sharded(options)
    kind = Executor if options == "ep=1" else AlikeExecutor
    assert isinstance(executor_for(module, RandomWeights(0, required_headers(module))), kind)
    assert torch.equal(logits(module), logits(sharded("ep=1")))


def test_ranks_that_disagree_are_told() -> None:
    module = exchange(ranks=2, counted=True)
    executor = AlikeExecutor(module, StateDictWeights({}))
    with pytest.raises(ExecutionError, match="rank 1 computed another result of @f than rank 0"):
        executor.run("f", *tokens(0, 1, [[0, 3]]))  # the rows of the two ranks are returned


def test_a_program_of_one_rank_is_emitted_and_reads_its_own_experts(tmp_path: Path) -> None:
    module = sharded("ep=1")
    files = emit_program(module)
    assert "comm.dispatch_alone(" in files["program.py"]
    assert "meanings/comm.py" in files and "meanings/logfmt.py" in files
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    command = [sys.executable, "program.py", "--tokens", "1,2,3,4,5", "--max-new-tokens", "2", "--seed", "0"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    engine = engine_on(Executor(module, RandomWeights(0, required_headers(module))), torch.float32)
    [tokens_made] = generate(engine, [[1, 2, 3, 4, 5]], GenerateOptions(max_new_tokens=2))
    assert made.stdout.strip() == ",".join(map(str, tokens_made))


def test_the_command_line_runs_all_ranks_and_says_what_they_sent(tmp_path: Path) -> None:
    path = tmp_path / "sharded.mlir"
    path.write_text(str(sharded("ep=4 nnodes=2")))
    done = command("run", str(path), "--entry", "decode", "--tokens", "3", "--seed", "1")
    assert done.status == 0, done.err
    assert "each of 4 ranks ran these inputs; all of them together sent" in done.out
    # two layers, two choices of each of four equal tokens
    assert sum(int(line.split()[2]) for line in done.out.splitlines() if "comm.dispatch" in line) == 16
    made = command("generate", str(path), "--tokens", "1,2,3", "--max-new-tokens", "2")
    path.write_text(str(sharded("ep=1")))
    alone = command("generate", str(path), "--tokens", "1,2,3", "--max-new-tokens", "2")
    assert made.status == 0 and made.out == alone.out


@pytest.mark.parametrize("order", ["source", "node_rank"])
def test_sharding_is_checked_by_running_it(tmp_path: Path, order: str) -> None:
    path = tmp_path / "phased.mlir"
    path.write_text(phased_module("bf16"))
    passes = f"shard-experts{{ep=4 nnodes=2 order={order}}}"
    done = command("opt", str(path), "-p", passes, "--verify-numerics", "-o", str(tmp_path / "out.mlir"))
    assert done.status == 0, done.err
    policy = "bitwise/reference ok" if order == "source" else "reassociates      ok"
    assert policy in done.err
