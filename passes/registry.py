"""Passes by name, imported when asked for; plug-ins add theirs."""

from collections.abc import Mapping, Sequence
from importlib import import_module

from dsv3c.ir.errors import UsageError
from dsv3c.ir.spelling import guess
from dsv3c.passes.base import Pass

PASSES: dict[str, str] = {
    "absorb-mla": "AbsorbMlaPass",
    "assign-layouts": "AssignLayoutsPass",
    "bucket-tokens": "BucketTokensPass",
    "canonicalize": "CanonicalizePass",
    "canonicalize-views": "CanonicalizeViewsPass",
    "cse": "CsePass",
    "cut-segments": "CutSegmentsPass",
    "dce": "DcePass",
    "fold-weights": "FoldWeightsPass",
    "fuse-qdq": "FuseQdqPass",
    "fuse-rms-norm-quant": "FuseRmsNormQuantPass",
    "fuse-rope-cache-append": "FuseRopeCacheAppendPass",
    "fuse-swiglu-quant": "FuseSwigluQuantPass",
    "insert-fp8-qdq": "InsertFp8QdqPass",
    "merge-projections": "MergeProjectionsPass",
    "outline-layers": "OutlineLayersPass",
    "quantize-kv-cache": "QuantizeKvCachePass",
    "raise-attention": "RaiseAttentionPass",
    "raise-experts": "RaiseExpertsPass",
    "raise-gate": "RaiseGatePass",
    "raise-linear": "RaiseLinearPass",
    "raise-rms-norm": "RaiseRmsNormPass",
    "raise-rope": "RaiseRopePass",
    "raise-rope-tables": "RaiseRopeTablesPass",
    "raise-swiglu": "RaiseSwigluPass",
    "route-shared-expert": "RouteSharedExpertPass",
    "schedule-overlap": "ScheduleOverlapPass",
    "shard-experts": "ShardExpertsPass",
    "skip-padding": "SkipPaddingPass",
    "specialize-phases": "SpecializePhasesPass",
    "split-microbatches": "SplitMicrobatchesPass",
}
"""Name -> class; the file is the name in snake_case."""


def load_pass(name: str, extra: Mapping[str, type[Pass]] | None = None, elsewhere: Sequence[str] = ()) -> type[Pass]:
    """The pass class of ``name``.  Raises UsageError with the nearest names for an unknown one.

    ``elsewhere``: names that the caller knows where to find.
    """
    if extra and name in extra:
        return extra[name]
    if name not in PASSES:
        known: list[str] = sorted({*PASSES, *elsewhere, *(extra or ())})
        raise UsageError(f"unknown pass {name!r}", hint=f"{guess(name, known)}known passes: {', '.join(known)}")
    cls = getattr(import_module(f"dsv3c.passes.{name.replace('-', '_')}"), PASSES[name])
    assert issubclass(cls, Pass)
    assert cls.name == name, f"{cls.__name__} calls itself {cls.name}"
    return cls
