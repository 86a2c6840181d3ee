"""Building transformers' models from the fields of a config.json."""

from typing import Any, cast

import torch

from dsv3c.frontend.hf_models import build_hf
from dsv3c.models.configs import load_config, to_hf


def test_what_a_config_says_about_its_cache_does_not_matter() -> None:
    config = load_config("tiny")
    fields = to_hf(config) | {"use_cache": True, "attn_implementation": "eager"}
    model = cast(Any, build_hf(fields, config, torch.bfloat16, "grouped_mm"))
    assert model.config.use_cache is False
    assert model.config._attn_implementation == "sdpa"
