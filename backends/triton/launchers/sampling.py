"""Sampling on the device.  N sequences, V vocabulary.

Only greedy: temperature, top-k and top-p draw on the host, with a generator per sequence
(``backends/reference/runtime/sampling.py``), so that what a sequence draws does not depend on its batch.
"""

from torch import Tensor

from dsv3c.backends.triton.runtime.gpu import Configs, Gpu, Static, choose
from dsv3c.backends.triton.runtime.replays import replayed


@replayed
def argmax(gpu: Gpu, *, logits: Tensor, ids: Tensor, configs: Configs) -> None:
    """``ids[n] = argmax(logits[n])``, the lowest index of equal logits: logits [N, V], ids [N] i64."""
    if ids.numel() == 0:
        return
    config = choose(configs, ids.shape[0])
    gpu.launch(
        "sampling.argmax_kernel",
        (ids.shape[0], 1, 1),
        {
            "logits_ptr": logits,
            "ids_ptr": ids,
            "columns": Static(logits.shape[1]),
            "logits_stride": Static(logits.stride(0)),
        },
        {"BLOCK_N": config["block_n"]},
        config,
    )
