"""Rows that lie so far apart that 32 bits do not count the elements between them: caches, experts' rows, logits.

Tests of other files run again on such rows, in memory that is only reserved.  A kernel that counts in 32 bits reads or
writes before the first row, where there is memory too: it gets other numbers, and poison stays where its results go.
"""

import mmap
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from kernel_references import run_checked
from torch import Tensor

from dsv3c.backends.reference.meanings.mla import LatentCache
from dsv3c.backends.reference.meanings.scaled import Scaled
from tests.kernels import (
    test_absorbed_attention,
    test_cache,
    test_elementwise,
    test_embedding,
    test_expanded_attention,
    test_gate,
    test_grouped_mm,
    test_head_linear,
    test_linear,
    test_permute,
    test_quantize,
    test_rms_norm,
    test_rope,
    test_sampling,
    test_scaled_mm,
    test_swiglu,
    test_unpermute,
)

BF16, F32 = torch.bfloat16, torch.float32
FAR = 3 << 30
"""Elements from the first row to the last, at least: 32 bits do not count those of the last third."""
UNIT = 128
"""Elements, of which the distance of two rows is a multiple."""
NORESERVE = 0x4000
"""Linux: memory that is not touched takes none."""
LEAST_ROWS = 3
"""Two would be further apart than a stride in 32 bits says."""
CASES: Mapping[str, tuple[Any, Callable[[], object]]] = {
    "add": (test_elementwise, lambda: test_elementwise.test_add((9, 384), BF16)),
    "cast": (test_elementwise, lambda: test_elementwise.test_cat_of_columns(5)),
    "embedding": (test_embedding, lambda: test_embedding.test_embedding([1, 0, 6, 3], torch.int64)),
    "last_tokens": (test_embedding, lambda: test_embedding.test_last_tokens([0, 3, 5, 7])),
    "gate": (test_gate, test_gate.test_all_experts_of_deepseek_v3),
    "append_choice": (test_gate, lambda: test_gate.test_choices_are_appended(9)),
    "grouped_mm": (test_grouped_mm, lambda: test_grouped_mm.test_data_of_every_kind("normal")),
    "head_linear": (test_head_linear, lambda: test_head_linear.check_heads(140, 3, 48, 64)),
    "linear": (test_linear, lambda: test_linear.check_linear((140, 140, 320))),
    "permute": (test_permute, lambda: test_permute.test_plain_rows("masked")),
    "permute, scaled": (test_permute, lambda: test_permute.test_scaled_rows("contiguous", 0.2)),
    "unpermute": (test_unpermute, test_unpermute.test_nine_choices_of_many_experts),
    "quantize": (test_quantize, lambda: test_quantize.test_activations((9, 384), "divide", "row")),
    "quantize blocks": (test_quantize, lambda: test_quantize.test_other_granules((128, 128))),
    "quantize whole": (test_quantize, lambda: test_quantize.test_one_scale_for_all(9, "none")),
    "dequantize": (test_quantize, lambda: test_quantize.test_dequantize((1, 128), "bf16")),
    "rms_norm": (test_rms_norm, lambda: test_rms_norm.test_the_sum_of_two_values(5, True, "input")),
    "rms_norm_quantize": (test_rms_norm, lambda: test_rms_norm.test_quantised_rows_of_a_sum(True, True, "input")),
    "rope": (test_rope, test_rope.test_f32_heads),
    "argmax": (test_sampling, lambda: test_sampling.test_random_logits((5, 300), F32)),
    "scaled_mm": (test_scaled_mm, lambda: test_scaled_mm.check_mm((140, 192, 384))),
    "swiglu": (test_swiglu, lambda: test_swiglu.test_halves_of_a_product((9, 384), "bf16")),
    "swiglu_quantize": (test_swiglu, lambda: test_swiglu.test_quantised((9, 384), "bf16", "row")),
    "append": (test_cache, lambda: test_cache.test_rows_of_several_sequences_are_appended(BF16)),
    "append, scaled": (test_cache, lambda: test_cache.test_quantised_rows({})),
    "gather": (test_cache, lambda: test_cache.test_rows_are_gathered([3, 9, 1])),
    "absorbed_attention": (test_absorbed_attention, lambda: test_absorbed_attention.run(
        test_absorbed_attention.DECODE, heads=3, rank=32, rope=16)),
    "expanded_attention": (test_expanded_attention, lambda: test_expanded_attention.run(
        test_expanded_attention.CHUNKED, heads=2, nope=32, rope=16, values=32)),
}  # fmt: skip
"""Kernel -> where its test is, and the test.  Offsets in a tile have 32 bits: products get more rows than two have."""


class Far:
    """Moves operands and results of one launch."""

    def __init__(self) -> None:
        self.moved = dict[tuple[object, ...], tuple[Tensor, Tensor]]()

    def tensor(self, near: Tensor) -> Tensor:
        """The same numbers, its first dim far apart; what has few rows stays, and so do tables."""
        if near.dim() < 2 or near.shape[0] < LEAST_ROWS or not near.is_floating_point():
            return near
        key = near.data_ptr(), near.dtype, near.shape, near.stride()
        if key not in self.moved:
            self.moved[key] = near, self.apart(near)
            copy_bits(near, self.moved[key][1])
        return self.moved[key][1]

    def back(self) -> None:
        """Results where the test looks for them."""
        for near, far in self.moved.values():
            copy_bits(far, near)

    def apart(self, near: Tensor) -> Tensor:
        """Memory of the kind, with as much before it as behind."""
        rows, size = near.shape[0], near.dtype.itemsize
        stride = -(-FAR // (rows - 1) // UNIT) * UNIT + UNIT
        memory = mmap.mmap(
            -1, (FAR + (rows + 1) * stride) * size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE
        )
        return torch.frombuffer(memory, dtype=near.dtype).as_strided(near.shape, (stride, *near.stride()[1:]), FAR)

    def value(self, near: Any) -> Any:
        """An argument of a launcher."""
        match near:
            case Tensor():
                return self.tensor(near)
            case Scaled():
                return replace(near, data=self.tensor(near.data))
            case LatentCache():
                scale = None if near.scale is None else self.tensor(near.scale)
                return replace(near, latent=self.tensor(near.latent), rope=self.tensor(near.rope), scale=scale)
            case _:
                return near


def copy_bits(source: Tensor, target: Tensor) -> None:
    """Numbers of 8 bits too."""
    if source.dtype.itemsize == 1:
        source, target = source.view(torch.uint8), target.view(torch.uint8)
    target.copy_(source)


@pytest.mark.parametrize("name", CASES)
def test_rows_that_are_far_apart(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, run = CASES[name]
    counts = list[int]()

    def checked(
        launcher: Callable[..., None], kernel: str, gpu: object, outputs: Mapping[str, Any], **given: Any
    ) -> None:
        far = Far()
        moved = {key: far.value(value) for key, value in given.items()}
        run_checked(launcher, kernel, gpu, {key: far.value(value) for key, value in outputs.items()}, **moved)
        far.back()
        counts.append(len(far.moved))

    monkeypatch.setattr(module, "run_checked", checked)
    run()
    assert max(counts) > 0
