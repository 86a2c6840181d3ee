"""Run a module of linalg or StableHLO with IREE: an MLIR compiler and runtime that knows nothing of ours."""

from collections.abc import Sequence

import iree.compiler
import iree.runtime
import numpy
import torch
from torch import Tensor

ELEMENTS = {
    torch.float32: iree.runtime.HalElementType.FLOAT_32,
    torch.bfloat16: iree.runtime.HalElementType.BFLOAT_16,
    torch.float8_e4m3fn: iree.runtime.HalElementType.FLOAT_8_E4M3_FN,
    torch.float8_e8m0fnu: iree.runtime.HalElementType.FLOAT_8_E8M0_FNU,
    torch.int64: iree.runtime.HalElementType.SINT_64,
}
DTYPES = {int(element): dtype for dtype, element in ELEMENTS.items()}
DRIVER = "local-sync"
QUICK = ("--iree-llvmcpu-debug-symbols=false", "--iree-llvmcpu-disable-distribution")
"""Nobody debugs the machine code, and one thread runs it."""


class Compiled:
    """A module compiled for the CPU."""

    def __init__(self, text: str) -> None:
        binary = iree.compiler.compile_str(
            text,
            target_backends=["llvm-cpu"],
            extra_args=["--iree-llvmcpu-target-cpu=generic", "--iree-opt-level=O0", *QUICK],
        )
        self.config = iree.runtime.Config(DRIVER)
        self.module = iree.runtime.VmModule.copy_buffer(self.config.vm_instance, binary)
        self.context = iree.runtime.VmContext(
            self.config.vm_instance, modules=[*self.config.default_vm_modules, self.module]
        )

    def __call__(self, name: str, args: Sequence[Tensor]) -> Tensor:
        """The one result of a function."""
        given, made = iree.runtime.VmVariantList(len(args)), iree.runtime.VmVariantList(1)
        for tensor in args:
            given.push_ref(self.buffer(tensor))
        self.context.invoke(self.module.lookup_function(name), given, made)
        view = made.get_as_object(0, iree.runtime.HalBufferView)
        raw = torch.from_numpy(view.get_buffer().map().asarray([view.byte_length], numpy.dtype("uint8")).copy())
        return raw.view(DTYPES[view.element_type]).reshape(tuple(view.shape))

    def buffer(self, tensor: Tensor) -> iree.runtime.HalBufferView:
        """A tensor as IREE takes it: its bytes, sizes and element type."""
        raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
        buffer = self.config.device.allocator.allocate_buffer_copy(
            memory_type=iree.runtime.MemoryType.DEVICE_LOCAL,
            allowed_usage=iree.runtime.BufferUsage.DEFAULT | iree.runtime.BufferUsage.MAPPING,
            device=self.config.device,
            buffer=raw,
        )
        return iree.runtime.HalBufferView(buffer, list(tensor.shape), ELEMENTS[tensor.dtype])
