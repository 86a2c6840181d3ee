"""Whole models in FP8, bit for bit: the compiled program against PyTorch's own model with its products exchanged.

The products are those of ``fp8_oracle``, written from DeepSeek's and DeepGEMM's formulas without our code.
"""

from dataclasses import replace

import fp8_oracle
import pytest
import torch
from patched_models import Product, absorb, patch
from routes import Made, Route, hf, own
from torch import Tensor
from xdsl.dialects.builtin import ModuleOp

from dsv3c.backends.reference.executor import Executor
from dsv3c.backends.reference.runtime.paging import PagePool, SequenceState, step_tables
from dsv3c.backends.reference.weights import StateDictWeights
from dsv3c.checking.metrics import difference
from dsv3c.compilation.driver import Driver
from dsv3c.compilation.evaluator import TorchEvaluator
from dsv3c.compilation.pipelines import LOWER, RAISE, parse_passes
from dsv3c.compilation.plan import FUSE
from dsv3c.frontend.importer import import_program
from dsv3c.ir.context import make_context
from dsv3c.ir.dialects.mla_cache import CacheType
from dsv3c.ir.functions import functions
from dsv3c.ir.targets import load_target
from dsv3c.models.configs import load_config
from dsv3c.runtime import make_cache

NARROW = replace(load_config("tiny"), num_hidden_layers=3, first_k_dense_replace=1, vocab_size=100, num_mtp_layers=0)
"""One dense and two MoE layers in the real widths: 3 and 1.5 blocks of K, 2.5 blocks of rows."""
DEEPSEEK, OURS, TRANSFORMERS = own(NARROW, "deepseek", "bf16"), own(NARROW, "hf", "bf16"), hf(NARROW, "bf16")
CASES = (
    (DEEPSEEK, "deepseek-v3"),
    (DEEPSEEK, "mxfp8"),
    (OURS, "deepseek-v3"),
    (TRANSFORMERS, "deepseek-v3.1"),
)
SIZES = ((1, 1), (1, 33))
PHASE = "specialize-phases{phases=prefill page-size=16 context=64 max-context=64 max-tokens=64 max-batch=1 logits=all}"


def compiled(source: Made, passes: list[str]) -> ModuleOp:
    """The captured model after these passes."""
    ctx = make_context(target=load_target("cpu"))
    ctx.evaluator = TorchEvaluator()
    module = import_program(ctx, source.captured)
    Driver(ctx, allow_unapplied=True).run(module, parse_passes(",".join(passes)))
    return module


def quantised(recipe: str) -> list[str]:
    """The passes that make a bf16 program one of a recipe."""
    return ["bucket-tokens", f'insert-fp8-qdq{{recipe="{recipe}"}}', *FUSE, "cse", "dce"]


def with_recipe(recipe: str) -> Product:
    """The oracle's product of a recipe."""
    return lambda x, w: fp8_oracle.linear(x, w, recipe)


def tokens(batch: int, length: int) -> Tensor:
    return torch.randint(100, (batch, length), generator=torch.Generator().manual_seed(7 * batch + length))


@pytest.mark.parametrize(("route", "recipe"), CASES, ids=str)
def test_unabsorbed_equals_the_patched_model_bit_for_bit(route: Route, recipe: str) -> None:
    source = route.make()
    program = compiled(source, [*RAISE, *quantised(recipe)])
    executor = Executor(program, StateDictWeights(source.state), "torch")
    model = source.models["main"]
    patched = patch(model, with_recipe(recipe))
    assert sum(name.endswith("experts") for name in patched) == 2
    for batch, length in SIZES:
        ids = tokens(batch, length)
        with torch.no_grad():
            result = model(ids)
        expected = result if isinstance(result, Tensor) else result.logits
        [logits] = executor.run("main", ids)
        assert isinstance(logits, Tensor)
        assert difference([(logits, expected)]).bitwise, str(difference([(logits, expected)]))


def prefill(module: ModuleOp, state: dict[str, Tensor], ids: Tensor) -> Tensor:
    """Logits [T, V] of one sequence in one step."""
    kinds = [kind for kind in functions(module)["prefill"].function_type.inputs if isinstance(kind, CacheType)]
    pool, sequence = PagePool(4, 16), SequenceState([0] * len(ids))
    pool.reserve(sequence, len(ids))
    tables = step_tables([sequence], [len(ids)]).arguments()[1:]
    executor = Executor(module, StateDictWeights(state), "torch")
    logits = executor.run("prefill", ids, *tables, *[make_cache(kind, 4) for kind in kinds])[0]
    assert isinstance(logits, Tensor)
    return logits


@pytest.mark.parametrize("recipe", ["deepseek-v3", "deepseek-v3.1"])
def test_absorbed_equals_the_absorbed_formula_bit_for_bit(recipe: str) -> None:
    source = DEEPSEEK.make()
    lower = [name if name != "absorb-mla" else "absorb-mla{mode=always}" for name in LOWER]
    program = compiled(source, [*RAISE, PHASE, *lower, *quantised(recipe)])
    assert any(op.name == "mla.absorbed_attention" for op in program.walk())
    model = source.models["main"]
    absorb(model)
    patch(model, with_recipe(recipe))
    for length in (1, 33):
        ids = tokens(1, length)
        with torch.no_grad():
            expected = model(ids)[0]
        found = difference([(prefill(program, dict(source.state), ids[0]), expected)])
        assert found.bitwise, str(found)


def test_a_product_that_is_not_quantised_is_seen() -> None:
    """The comparison can fail: one Linear left as it was changes the bits."""
    source = DEEPSEEK.make()
    program = compiled(source, [*RAISE, *quantised("deepseek-v3")])
    model = source.models["main"]
    patch(model, with_recipe("deepseek-v3"), kept=("lm_head", "o_proj"))
    ids = tokens(1, 33)
    with torch.no_grad():
        expected = model(ids)
    [logits] = Executor(program, StateDictWeights(source.state), "torch").run("main", ids)
    assert isinstance(logits, Tensor)
    assert not difference([(logits, expected)]).bitwise
