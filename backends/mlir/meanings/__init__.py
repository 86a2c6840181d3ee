"""Meanings in a form that torch.export captures: no loop and no size depends on data; sums in f32, rounded once.

Each stands for the function of that name in ``dsv3c.backends.reference.meanings``, takes its arguments, and computes
the same but for the order and width of sums.
"""

from collections.abc import Callable
from typing import Any

import torch

from dsv3c.backends.mlir.meanings import dense, rows, scaled, views
from dsv3c.backends.reference.meanings import aten as reference_aten
from dsv3c.backends.reference.meanings import mla as reference_mla
from dsv3c.backends.reference.meanings import moe as reference_moe
from dsv3c.backends.reference.meanings import moe_rows as reference_rows
from dsv3c.backends.reference.meanings import nn as reference_nn
from dsv3c.backends.reference.meanings import scaled as reference_scaled
from dsv3c.backends.reference.meanings import scaled_views as reference_views
from dsv3c.backends.reference.meanings import weight as reference_weight

Meaning = Callable[..., Any]
EXPORTED: dict[Meaning, Meaning] = {
    reference_aten.reshape: views.reshape,
    torch.ops.aten.reshape.default: views.reshape,
    reference_views.reshape: scaled.reshape,
    reference_nn.linear: dense.linear,
    reference_nn.head_linear: dense.head_linear,
    reference_nn.rms_norm: dense.rms_norm,
    reference_nn.rope_table: dense.rope_table,
    reference_nn.swiglu: dense.swiglu,
    reference_nn.attention: dense.attention,
    reference_mla.attention: dense.mla_attention,
    reference_moe.gate: rows.gate,
    reference_moe.experts: rows.experts,
    reference_rows.permute: rows.permute,
    reference_rows.grouped_mm: rows.grouped_mm,
    reference_rows.unpermute: rows.unpermute,
    reference_scaled.quantize: scaled.quantize,
    reference_scaled.dequantize: scaled.dequantize,
    reference_scaled.mm: scaled.mm,
    reference_scaled.grouped_mm: scaled.grouped_mm,
    reference_scaled.rms_norm: scaled.rms_norm,
    reference_scaled.swiglu: scaled.swiglu,
}
"""Reference meaning -> the one that is exported; a meaning that is absent is exported as it is, or refused."""
AS_THEY_ARE: frozenset[Meaning] = frozenset(
    {
        reference_aten.view_dtype,
        reference_nn.embedding,
        reference_nn.last_tokens,
        reference_nn.rope,
        reference_moe.append_choice,
        reference_scaled.assemble,
        reference_scaled.relayout,
        reference_views.slice_dim,
        reference_weight.constant,
        reference_weight.dequantize,
    }
)
"""Meanings without loops and addresses that depend on data."""
