"""Bases of adapters in 4 or 8 bits, quantised as they are loaded. Imports nothing heavy.

Quantised are the linear maps of the layers: to NF4 in blocks of 64 with their scales in 8 bits (QLoRA,
Dettmers et al. 2023, 2305.14314), or to int8 by rows (LLM.int8(), Dettmers et al. 2022, 2208.07339).
Embeddings, head and norms stay float32, and so does what is computed but for int8 products.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

from .names import ModelError

QUANTISED = ("4bit", "8bit")
"""What a base may be held in beside the types of torch."""

# it warns of kernels that it can do without as it is imported, and at every int8 product of rounded inputs
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def settings(kind: str) -> Any:
    """What transformers quantises by as it loads. Raises ModelError where bitsandbytes is not installed."""
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            f"weights in {kind} need bitsandbytes; pip install 'sparring[quantised]', or take bfloat16"
        )
    import torch
    from transformers import BitsAndBytesConfig

    if kind == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )


def differentiable(model: Any) -> Any:
    """The model, whose layers keep their weights as gradients pass through them.

    On a CPU bitsandbytes packs weights anew at the first call without gradients, and gradients stop at layers
    that are packed so, without a word.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model
