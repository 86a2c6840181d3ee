"""Kernels on a CPU: Triton's interpreter behind the interface that launchers use, with exact casts.

Triton's interpreter rounds f32 to bfloat16 towards zero, and f32 to 8-bit floats without the carry into the exponent
and without saturation, and multiplies the bits of bfloat16 operands as integers (``_convert_float`` and ``create_dot``
of triton/runtime/interpreter.py, 3.6 to 3.9).  Its casts are replaced by PyTorch's, which round to nearest, ties to
even, as the hardware's ``cvt.rn`` does.  Its fused multiply-add rounds twice (until 3.9).  To be removed when upstream
rounds.
"""

import importlib
import os
from collections.abc import Mapping
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from dsv3c.backends.triton import KERNELS
from dsv3c.backends.triton.runtime.gpu import Argument, Config, Constant, InOrder, plain

SWITCH = "TRITON_INTERPRET"
"""Triton reads it when a kernel is defined."""
BITS = {1: torch.uint8, 2: torch.uint16, 4: torch.float32, 8: torch.float64}
"""How the interpreter keeps numbers of so many bytes."""
NUM_SMS = 8
"""Multiprocessors that the interpreter claims to have: enough for a persistent grid to wrap around."""


class InterpreterGpu(InOrder):
    """Runs every launch in Triton's interpreter, on tensors in the CPU's memory."""

    def __init__(self, num_sms: int = NUM_SMS) -> None:
        self.num_sms = num_sms

    def launch(
        self,
        kernel: str,
        grid: tuple[int, int, int],
        arguments: Mapping[str, Argument],
        constants: Mapping[str, Constant],
        config: Config,
    ) -> None:
        """See ``Gpu``; ``config`` changes nothing here."""
        file, _, function = kernel.rpartition(".")
        run: Any = getattr(interpreted(file), function)
        run[grid](**{name: plain(argument) for name, argument in arguments.items()}, **constants)


@cache
def interpreted(file: str) -> ModuleType:
    """The module of a kernel file with its functions interpreted.

    Raises RuntimeError in a process that has loaded kernels to compile them: a function is one or the other.
    """
    install_casts()
    install_index()
    install_library()
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        module = importlib.import_module(f"{KERNELS}.{file}")
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
    from triton.runtime.interpreter import InterpretedFunction

    found = [value for name, value in vars(module).items() if name.endswith("_kernel")]
    if not all(isinstance(value, InterpretedFunction) for value in found):
        raise RuntimeError(f"{file} was loaded to be compiled; interpret it in another process")
    return module


@cache
def install_index() -> None:
    """Bounds of loops as Triton 3.7 takes them: in 3.6 they are arrays of one element, which numpy 2.4 refuses."""
    import triton.runtime.interpreter as upstream

    patch = upstream._patch_lang_tensor  # pyright: ignore[reportPrivateUsage]

    def patched(tensor: Any, scope: Any) -> None:
        """Triton's own patches, and the index."""
        patch(tensor, scope)
        scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.squeeze()))

    upstream._patch_lang_tensor = patched  # pyright: ignore[reportPrivateUsage]


@cache
def install_library() -> None:
    """Interpret Triton's own device functions (``tl.sum``, ``tl.max``), which it defined when it was imported."""
    import triton.language as tl
    from triton.runtime.interpreter import InterpretedFunction
    from triton.runtime.jit import JITFunction

    importlib.import_module("triton.experimental.gluon")  # imported late, it would find what it does not expect
    made = dict[int, Any]()
    for module in (tl.standard, tl):
        for name, value in list(vars(module).items()):
            if isinstance(value, JITFunction):
                kept: Any = value
                setattr(module, name, made.setdefault(id(kept), InterpretedFunction(kept.fn)))


@cache
def install_casts() -> None:
    """Replace the interpreter's conversions between floating-point types by exact ones, in casts and in products."""
    import triton.language as tl
    import triton.runtime.interpreter as upstream

    np: Any = upstream.np  # what the interpreter computes with
    types = {
        tl.float8e4nv: torch.float8_e4m3fn,
        tl.float8e4b8: torch.float8_e4m3fnuz,
        tl.float8e5: torch.float8_e5m2,
        tl.float8e5b16: torch.float8_e5m2fnuz,
        tl.bfloat16: torch.bfloat16,
        tl.float16: torch.float16,
        tl.float32: torch.float32,
        tl.float64: torch.float64,
    }

    def convert(values: Any, source: Any, target: Any, rounding: Any = None) -> Any:
        """Bits of ``source`` in, bits of ``target`` out, as the interpreter keeps them."""
        given = torch.from_numpy(np.array(values, copy=True)).view(types[source])
        wide, kind = given.to(torch.float64 if types[source] == torch.float64 else torch.float32), types[target]
        if kind.itemsize == 1:  # cvt.rn.satfinite: what is too large becomes the largest
            wide = wide.clamp(torch.finfo(kind).min, torch.finfo(kind).max)
        made = wide.to(kind)
        return made.view(BITS[made.dtype.itemsize]).numpy()

    def widened(handle: Any) -> Any:
        """An operand of a product in f32, or as it is where it is wider."""
        element = handle.dtype.scalar
        narrow = element.primitive_bitwidth < 32
        return convert(handle.data, element, tl.float32).view(np.float32) if narrow else handle.data

    def dot(self: Any, a: Any, b: Any, d: Any, input_precision: Any, max_num_imprecise_acc: Any) -> Any:
        """Products of exact operands, summed in the accumulator's type."""
        product = np.matmul(widened(a), widened(b), dtype=d.data.dtype)
        return upstream.TensorHandle(product + d.data, d.dtype.scalar)

    def fma(self: Any, x: Any, y: Any, z: Any) -> Any:
        """``x * y + z`` of f32 numbers: the product is exact in f64, and so is a sum that is exact in f32."""
        wide = x.data.astype(np.float64) * y.data + z.data
        return upstream.TensorHandle(wide.astype(z.data.dtype), z.dtype.scalar)

    def assembly(self: Any, text: str, constraints: str, values: Any, types: Any, pure: bool, pack: int) -> Any:
        """What an instruction of the device computes."""
        with np.errstate(divide="ignore"):
            made = instructions[text](*(value.data for value in values))
        result = upstream.TensorHandle(made, types[0].scalar)
        return SimpleNamespace(get_result=lambda index: result)

    instructions = {"lg2.approx.ftz.f32 $0, $1;": np.log2}
    builder: Any = upstream.InterpreterBuilder
    builder.create_inline_asm = assembly
    upstream._convert_float = convert  # pyright: ignore[reportPrivateUsage]
    upstream.InterpreterBuilder.create_dot = dot
    if not hasattr(getattr(upstream, "_interpreter", None), "fma_fp32"):
        upstream.InterpreterBuilder.create_fma = fma
