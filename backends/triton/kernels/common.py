"""Device functions that kernels of several families share."""

import triton
import triton.language as tl


@triton.jit
def rounded(x: tl.tensor, KIND: tl.constexpr) -> tl.tensor:
    """f32 numbers rounded to ``KIND`` (an MLIR name of an element type), in f32."""
    if KIND == "bf16":
        return x.to(tl.bfloat16).to(tl.float32)
    elif KIND == "f16":
        return x.to(tl.float16).to(tl.float32)
    else:
        tl.static_assert(KIND == "f32", "numbers are rounded to bf16, f16 or f32")
        return x


@triton.jit
def sequence_of(seq_offsets_ptr: tl.tensor, num_sequences: tl.tensor, t: tl.tensor) -> tl.tensor:
    """The sequence of token t: how many sequences end at or before it; ``num_sequences`` for a token behind all."""
    i = tl.arange(0, 128)
    passed = tl.zeros((128,), tl.int32)  # added up behind the loop: a sum in it is one for every copy that is unrolled
    for start in range(0, num_sequences, 128):
        end = tl.load(seq_offsets_ptr + 1 + start + i, mask=start + i < num_sequences, other=0x7FFFFFFF)
        passed += (end <= t).to(tl.int32)
    return tl.sum(passed)


@triton.jit
def after_predecessor(PDL: tl.constexpr) -> None:
    """The first statement of a kernel that may be started before the one before it in its stream has ended.

    Waits until that has ended and its memory is to be seen, then lets the one behind be started.  Before it a kernel
    neither reads nor writes memory; every program waits, so that what ends later ends after all that is before it.
    PDL is a constant: kernels that are compiled without it hold no such instruction.
    """
    if PDL:
        tl.extra.cuda.gdc_wait()
        tl.extra.cuda.gdc_launch_dependents()
