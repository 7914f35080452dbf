"""What training a model takes in memory: computed from its shape, not measured. Imports nothing heavy.

Counted are weights, gradients, Adam's two moments, the magnet, what a forward pass keeps for the backward
pass, and logits. Left out are the allocator's gaps, kernels' workspaces and the libraries themselves: leave a
fifth free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..agents.models.quantised import QUANTISED
from ..envs.errors import SparringError, Unknown

GIGA = 10**9
_BYTES: Mapping[str, float] = {
    "float32": 4,
    "bfloat16": 2,
    "8bit": 1,
    # blocks of 64 have scales of 8 bits, and 256 of those one of 32
    "4bit": 1 / 2 + 1 / 64 + 4 / (64 * 256),
}
"""Bytes of a weight by how it is held."""
_TILE = 3 * 4 * (1 << 24)
"""Bytes of logits, their logarithms and gradients that are held at once (`scoring.py`)."""


class ShapeError(SparringError, ValueError):
    """Memory cannot be computed for what was asked."""


class UnknownShapeError(Unknown, ShapeError):
    """No model of this name has a shape that is known here."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder as Llama, Qwen2 and Qwen3 are: what its memory depends on.

    inner: width of the MLP. heads, shared: attention heads of queries, and of keys and values; head: the
    width of one. tied: embedding and head are one matrix. biases: of queries, keys and values. normed:
    queries and keys are normed.
    """

    layers: int
    hidden: int
    inner: int
    heads: int
    shared: int
    head: int
    vocabulary: int
    tied: bool = True
    biases: bool = False
    normed: bool = False

    @property
    def matrices(self) -> tuple[tuple[int, int], ...]:
        """The linear maps of a layer, in and out: those of queries, keys, values, output and the MLP."""
        wide, narrow = self.heads * self.head, self.shared * self.head
        up = (self.hidden, self.inner)
        attention = ((self.hidden, wide), (self.hidden, narrow), (self.hidden, narrow))
        return (*attention, (wide, self.hidden), up, up, (self.inner, self.hidden))

    @property
    def parameters(self) -> int:
        """How many parameters the model has."""
        layer = sum(a * b for a, b in self.matrices) + 2 * self.hidden
        layer += (self.heads + 2 * self.shared) * self.head if self.biases else 0
        layer += 2 * self.head if self.normed else 0
        words = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return self.layers * layer + words + self.hidden

    def adapters(self, rank: int) -> int:
        """Parameters of LoRA of this rank on all linear maps of the layers."""
        return self.layers * sum(rank * (a + b) for a, b in self.matrices)

    @property
    def kept(self) -> int:
        """Numbers that one layer keeps for each token until its backward pass.

        Inputs of the two norms and of what follows each (4 hidden, and twice as much for norms that are
        computed in float32), queries, keys and values before and after rotation, what attention gives, and
        the MLP's four.
        """
        wide, narrow = self.heads * self.head, self.shared * self.head
        return 8 * self.hidden + 3 * wide + 3 * narrow + 4 * self.inner


KNOWN: Mapping[str, Shape] = {
    "smollm2-135m": Shape(30, 576, 1536, 9, 3, 64, 49_152),
    "Qwen/Qwen2.5-0.5B": Shape(24, 896, 4864, 14, 2, 64, 151_936, biases=True),
    "Qwen/Qwen3-4B": Shape(36, 2560, 9728, 32, 8, 128, 151_936, normed=True),
    "Qwen/Qwen3-8B": Shape(36, 4096, 12_288, 32, 8, 128, 151_936, tied=False, normed=True),
}
"""Shapes as their config.json say them."""


def shape(name: str) -> Shape:
    """The shape of a known model, or of a folder with a config.json. Raises ShapeError."""
    if name in KNOWN:
        return KNOWN[name]
    file = Path(name) / "config.json"
    if not file.is_file():
        otherwise = f"; there are {', '.join(KNOWN)}, or a folder with a config.json"
        raise UnknownShapeError("model", name, KNOWN, otherwise=otherwise)

    try:
        said: Mapping[str, Any] = json.loads(file.read_text())
        heads = int(said["num_attention_heads"])
        return Shape(
            int(said["num_hidden_layers"]),
            int(said["hidden_size"]),
            int(said["intermediate_size"]),
            heads,
            int(said.get("num_key_value_heads") or heads),
            int(said.get("head_dim") or int(said["hidden_size"]) // heads),
            int(said["vocab_size"]),
            tied=bool(said.get("tie_word_embeddings", False)),
            biases=said.get("model_type") == "qwen2" or bool(said.get("attention_bias", False)),
            normed=said.get("model_type") == "qwen3",
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as fault:
        raise ShapeError(f"{file} is not of a model whose memory is known here: {fault}") from fault


def held(model: Shape, dtype: str) -> int:
    """Bytes of a model's weights in `dtype`; where that is quantised, all but the layers' maps is float32."""
    if dtype not in QUANTISED:
        return int(model.parameters * _BYTES[dtype])
    maps = model.layers * sum(a * b for a, b in model.matrices)
    # int8 has a float32 scale for each row
    scales = model.layers * sum(b for _, b in model.matrices) * 4 if dtype == "8bit" else 0
    return int(maps * _BYTES[dtype]) + scales + (model.parameters - maps) * 4


def needs(
    model: Shape,
    *,
    lora: int = 0,
    dtype: str = "bfloat16",
    tokens: int = 16_384,
    checkpointing: bool = True,
    magnet: bool = True,
    copies: int = 0,
) -> dict[str, int]:
    """Bytes of each part of what training takes on one device, computed.

    Whole models (`lora` = 0) are float32 and compute in bfloat16 (`update.bf16`); the base of adapters of
    rank `lora` is held in `dtype` (`update.dtype`). `tokens` go through the model at once
    (`update.tokens_at_once`). `copies`: further bfloat16 copies of the weights, as an engine of vLLM holds
    one. Player and magnet share the learner's base.
    """
    if dtype not in _BYTES:
        raise UnknownShapeError("type of weights", dtype, _BYTES)
    whole = model.parameters
    trained = model.adapters(lora) if lora else whole
    kept = model.kept * tokens * 2
    # only each layer's input is kept, and one layer at a time is computed again
    activations = (
        model.layers * model.hidden * tokens * 2 + kept if checkpointing else model.layers * kept
    )
    found = {
        "weights": held(model, dtype) if lora else whole * 4,
        # what mixed precision computes with, besides the float32 weights
        "bfloat16 copies": 0 if lora else whole * 2,
        "adapters": trained * 4 if lora else 0,
        "gradients": trained * 4,
        "Adam": trained * 8,
        "magnet": trained * 4 if magnet else 0,
        "activations": activations,
        "logits": _TILE,
        "engine": copies * whole * 2,
    }
    return found | {"all": sum(found.values())}
