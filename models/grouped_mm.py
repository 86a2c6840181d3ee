"""Grouped matrix product in any dtype, in a form that ``torch.export`` accepts."""

import torch
import torch.nn.functional as F
from torch import Tensor

_SCHEMA = "(Tensor input, Tensor weight, Tensor offs) -> Tensor"


@torch.library.custom_op("dsv3c_models::grouped_mm", mutates_args=(), schema=_SCHEMA)
def _traceable_grouped_mm(input: Tensor, weight: Tensor, offs: Tensor) -> Tensor:
    return F.grouped_mm(input, weight, offs=offs)


@_traceable_grouped_mm.register_fake
def _(input: Tensor, weight: Tensor, offs: Tensor) -> Tensor:
    assert input.dim() == 2 and weight.dim() == 3 and input.shape[1] == weight.shape[1], (input.shape, weight.shape)
    assert offs.shape == weight.shape[:1], offs.shape
    return input.new_empty(input.shape[0], weight.shape[2])


def grouped_mm(x_MK: Tensor, weight_EKN: Tensor, offsets_E: Tensor) -> Tensor:
    """Row m times ``weight[e]`` for the first e with ``m < offsets[e]``: ``[M, K], [E, K, N], [E] i32 -> [M, N]``.

    PyTorch's own operator has a shape rule for bf16 alone (torch 2.13, ``meta_grouped_mm``); other dtypes pass through
    ``dsv3c_models::grouped_mm``, which is the same product. To be removed when that rule covers f32.
    """
    if weight_EKN.dtype == torch.bfloat16:
        return F.grouped_mm(x_MK, weight_EKN, offs=offsets_E)
    return torch.ops.dsv3c_models.grouped_mm(x_MK, weight_EKN, offsets_E)
