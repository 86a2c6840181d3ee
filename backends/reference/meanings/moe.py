"""Meanings of the ``moe`` dialect.

Shape suffixes: T tokens, D hidden, E experts, G groups, k choices per token, M = T*k rows, I expert width.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from dsv3c.backends.reference.meanings.arithmetic import WIDE, follows_torch, softmax, wide, wide_columns
from dsv3c.backends.reference.meanings.by_expert import ByExpert
from dsv3c.backends.reference.meanings.nn import swiglu


def choose(x: Tensor, count: int, *, any_order: bool) -> Tensor:
    """Indices of the largest over the last dim, largest first and ties lowest index first.

    With ``any_order`` PyTorch may leave them unordered, and the torch fidelity follows it.
    """
    if follows_torch():
        return torch.topk(x, k=count, dim=-1, sorted=not any_order)[1]
    return torch.sort(x, dim=-1, descending=True, stable=True)[1][..., :count]


def gate(
    logits: Tensor,
    bias: Tensor | None = None,
    *,
    top_k: int,
    scoring: str,
    groups: int,
    keep: int,
    group_score: str,
    mask: str,
    renormalize: float | None,
    scale: float,
    scores_in: torch.dtype,
    masked_weights: bool,
    any_order: bool,
    dtype: torch.dtype,
    chosen: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Group-limited top-k routing: logits [*, E], bias [E] -> weights [*, k] in ``dtype``, ids [*, k] i64.

    The choice is by score + bias; the weights are scores without the bias (masked choices with ``masked_weights``),
    divided by their sum plus ``renormalize`` unless that is None, times ``scale``.  Scores and every step of the
    weights are rounded to ``scores_in``.  ``chosen`` [*, k] are ids to take in place of the best.
    """
    scores = gate_scores(logits.to(scores_in), scoring)
    choice = scores if bias is None else scores + bias
    if groups > 1:
        choice = limit_to_groups(choice, groups=groups, keep=keep, group_score=group_score, mask=mask)
    ids = choose(choice, top_k, any_order=any_order) if chosen is None else chosen.view(*logits.shape[:-1], top_k)
    weights = (choice if masked_weights else scores).gather(-1, ids)
    if renormalize is not None:
        total = (weights if follows_torch() else wide(weights)).sum(dim=-1, keepdim=True).to(weights.dtype)
        weights = weights / (total + renormalize)
    return (weights * scale).to(dtype), ids


def gate_scores(logits: Tensor, scoring: str) -> Tensor:
    """Sigmoid or softmax of the logits, rounded to their type."""
    if follows_torch():
        return logits.sigmoid() if scoring == "sigmoid" else logits.softmax(dim=-1)
    x = wide(logits)
    return (1 / (1 + torch.exp(-x)) if scoring == "sigmoid" else softmax(x)).to(logits.dtype)


def limit_to_groups(choice: Tensor, *, groups: int, keep: int, group_score: str, mask: str) -> Tensor:
    """Choices outside the ``keep`` best groups become -inf or 0: [*, E] -> [*, E]."""
    grouped = choice.unflatten(-1, (groups, -1))
    # a sum of two does not depend on their order
    best = grouped.topk(2, dim=-1)[0].sum(dim=-1) if group_score == "top2_sum" else grouped.amax(dim=-1)
    kept = torch.zeros_like(best, dtype=torch.bool).scatter(-1, choose(best, keep, any_order=True), True)
    fill = float("-inf") if mask == "-inf" else 0.0
    return grouped.masked_fill(~kept.unsqueeze(-1), fill).flatten(-2)


def append_choice(weights: Tensor, ids: Tensor, *, first: int, count: int) -> tuple[Tensor, Tensor]:
    """Experts ``first`` and on with weight 1, behind every token's choices: [*, k] twice -> [*, k + count] twice."""
    more = torch.arange(first, first + count).expand(*ids.shape[:-1], count)
    return torch.cat([weights, torch.ones_like(more, dtype=weights.dtype)], dim=-1), torch.cat([ids, more], dim=-1)


def experts(
    x: Tensor, weights: Tensor, ids: Tensor, gate: Tensor | ByExpert, down: Tensor | ByExpert,
    up: Tensor | ByExpert | None = None, *, combine_in: torch.dtype, order: str, intermediate: str,
) -> Tensor:  # fmt: skip
    """``y_t = sum_j weights[t, j] * down_e(swiglu(gate_e x_t, up_e x_t))``, e = ids[t, j]: x [*, D] -> [*, D].

    gate [E, 2*I, D] (gate rows, then up rows) or [E, I, D] with up [E, I, D]; down [E, D, I]; weights, ids [*, k].
    Expert outputs are rounded to x's type and, weighted, to ``combine_in``; sums over slots are rounded to it once,
    sums in expert order after every addition.  A choice with id -1 contributes nothing, whatever its weight.
    """
    x_TD, ids_Tk = x.reshape(-1, x.shape[-1]), ids.reshape(-1, ids.shape[-1])
    weights_Tk = weights.reshape(ids_Tk.shape)
    order_M, counted_E = expert_order(ids_Tk.reshape(-1), down.shape[0])
    counts_E = counted_E.tolist()
    x_MD = x_TD[order_M // ids_Tk.shape[1]]
    hidden = expert_products(x_MD, gate, counts_E)
    gate_MI, up_MI = hidden.chunk(2, dim=-1) if up is None else (hidden, expert_products(x_MD, up, counts_E))
    y_MD = expert_products(swiglu(gate_MI, up_MI, intermediate=intermediate), down, counts_E)
    y_TD = combine(put_back(y_MD, order_M, ids_Tk), weights_Tk, ids_Tk, combine_in, order)
    return y_TD.to(x.dtype).view(x.shape)


def expert_order(ids_M: Tensor, num_experts: int) -> tuple[Tensor, Tensor]:
    """Indices of all ids but -1 by ascending expert, then ascending index; and how many each expert has, [E]."""
    order_M = torch.argsort(ids_M, stable=True)
    return order_M[int((ids_M < 0).sum()) :], torch.bincount(ids_M[ids_M >= 0], minlength=num_experts)


def put_back(y_MD: Tensor, slot_M: Tensor, ids_Tk: Tensor) -> Tensor:
    """Rows at their slots t*k + j, zeros where there is none: [T, k, D]."""
    y_SD = y_MD.new_zeros((ids_Tk.numel(), y_MD.shape[-1])).index_copy_(0, slot_M, y_MD)
    return y_SD.view(*ids_Tk.shape, y_MD.shape[-1])


def runs(counts_E: list[int]) -> Iterator[tuple[int, slice]]:
    """Each expert that has rows, with its rows."""
    start = 0
    for expert, count in enumerate(counts_E):
        if count:
            yield expert, slice(start, start + count)
        start += count


def expert_products(
    x_MK: Tensor, weight_ENK: Tensor | ByExpert, counts_E: list[int], *, dtype: torch.dtype | None = None
) -> Tensor:
    """Rows in expert order times their expert's matrix: [M, K], [E, N, K] -> [M, N], rounded once to ``dtype``.

    The default is x's.
    """
    y_MN = x_MK.new_empty((x_MK.shape[0], weight_ENK.shape[1]), dtype=x_MK.dtype if dtype is None else dtype)
    if follows_torch():
        for expert, rows in runs(counts_E):
            y_MN[rows] = F.linear(x_MK[rows].to(y_MN.dtype), weight_ENK[expert].to(y_MN.dtype))
        return y_MN
    kept, x64 = None if isinstance(weight_ENK, ByExpert) else WIDE.columns(weight_ENK), wide(x_MK)
    for expert, rows in runs(counts_E):
        y_MN[rows] = x64[rows] @ (wide_columns(weight_ENK[expert]) if kept is None else kept[expert])
    return y_MN


def combine(y_TkD: Tensor, weights_Tk: Tensor, ids_Tk: Tensor, dtype: torch.dtype, order: str) -> Tensor:
    """Weighted sum over the choices: products are rounded to ``dtype``; see ``experts`` for the sums."""
    weighted_TkD = y_TkD.to(dtype) * weights_Tk.to(dtype).unsqueeze(-1)
    weighted_TkD.masked_fill_((ids_Tk < 0).unsqueeze(-1), 0.0)
    if order == "slot" and follows_torch():
        return weighted_TkD.sum(dim=1)
    if order == "slot":
        return wide(weighted_TkD).sum(dim=1).to(dtype)
    by_id = torch.argsort(ids_Tk, dim=-1, stable=True)
    weighted_TkD = weighted_TkD.gather(1, by_id.unsqueeze(-1).expand(weighted_TkD.shape))
    total_TD = weighted_TkD[:, 0]
    for j in range(1, ids_Tk.shape[1]):
        total_TD = total_TD + weighted_TkD[:, j]
    return total_TD
