"""Rows of tables in Triton's interpreter."""

import pytest
import torch
from kernel_references import run_checked
from row_values import rows

from dsv3c.backends.triton.interpreter import InterpreterGpu
from dsv3c.backends.triton.launchers.embedding import embedding, last_tokens

CONFIGS = [{"block_m": 4, "block_n": 128, "num_warps": 4, "num_stages": 1}]


@pytest.mark.parametrize("ids", [[], [3], [0, 49, 7, 7, 1]])
@pytest.mark.parametrize("kind", [torch.int64, torch.int32])
def test_embedding(ids: list[int], kind: torch.dtype) -> None:
    outputs = {"y": torch.empty(len(ids), 200, dtype=torch.bfloat16)}
    run_checked(
        embedding, "embedding.embedding", InterpreterGpu(), outputs, ids=torch.tensor(ids, dtype=kind),
        table=rows(50, 200), configs=CONFIGS,
    )  # fmt: skip


def test_embedding_of_batches() -> None:
    outputs = {"y": torch.empty(2, 3, 64)}
    run_checked(
        embedding, "embedding.embedding", InterpreterGpu(), outputs, ids=torch.tensor([[1, 2, 3], [4, 0, 4]]),
        table=rows(5, 64, torch.float32), configs=CONFIGS,
    )  # fmt: skip


@pytest.mark.parametrize("offsets", [[0], [0, 7], [0, 1, 4, 7], [0, 3, 3, 7], [0, 0, 7]])
def test_last_tokens(offsets: list[int]) -> None:
    outputs = {"y": torch.empty(len(offsets) - 1, 200, dtype=torch.bfloat16)}
    run_checked(
        last_tokens, "embedding.last_tokens", InterpreterGpu(), outputs, h=rows(7, 260)[:, 60:],
        seq_offsets=torch.tensor(offsets, dtype=torch.int32), configs=CONFIGS,
    )  # fmt: skip
