"""The same Llama with wider attention heads, for engines whose kernels want at least so many numbers a head.

The numbers of a head are spread out and zeros put between them. Rotary position gives pair i of a head of d
numbers the frequency θ^(−2i/d), which is that of pair i·w/d in a head of w; queries are scaled by √(w/d),
since scores are divided by √w. So logits are equal, to rounding.
"""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..models.cache import cached
from ..models.names import ModelError
from ..models.weights import ADAPTER, Weights

NARROWEST = 32
"""vLLM's attention on CPUs takes heads of 32 numbers and more."""


def widened(model: Weights) -> Path:
    """The model's folder, or one of the same model with heads of `NARROWEST`. Raises ModelError."""
    folder = model.folder
    head = head_size(folder)
    if head >= NARROWEST:
        return folder
    config = json.loads((folder / "config.json").read_text())

    # scaled positions have other frequencies than the spread pairs would get
    if config.get("model_type") != "llama" or NARROWEST % head or _scaled(config):
        raise ModelError(
            f"vLLM needs heads of {NARROWEST} numbers or more; {folder} has {head}, and only plain Llamas "
            "can be widened"
        )

    # this file's own code is in the name: a model that older code widened is not found
    digest = sha256(f"{model.hash} {_code()}".encode()).hexdigest()[:12]
    return cached(f"wide-{digest}", lambda place: widen(folder, place))


def head_size(folder: Path) -> int:
    """How many numbers an attention head of the folder's model has."""
    config = json.loads((folder / "config.json").read_text())
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def widen(folder: Path, place: Path, head: int = 0) -> None:
    """Write the folder's model, or its adapter of a model with heads of `head` numbers, into `place`."""
    adapter = (folder / ADAPTER).exists()
    head = head or head_size(folder)
    place.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        if file.suffix == ".safetensors":
            tensors = {name: _wide(name, value, head) for name, value in load_file(file).items()}
            save_file(tensors, place / file.name, metadata={"format": "pt"})
        elif file.is_file() and file.suffix in (".json", ".jinja", ".model", ".txt"):
            shutil.copy(file, place)

    if not adapter:
        config = json.loads((place / "config.json").read_text()) | {"head_dim": NARROWEST}
        (place / "config.json").write_text(json.dumps(config))


def _wide(name: str, value: torch.Tensor, head: int) -> torch.Tensor:
    """A tensor with its heads spread out: rows of q, k and v, columns of o; of LoRA, B and A of these."""
    # o reads heads, so its columns are spread; what it writes is the model's own width
    if "o_proj" in name and not name.endswith(("lora_B.weight", "bias")):
        return _spread(value.T, head).T.contiguous()
    # A of q, k and v reads the model's width, which does not change
    parts = name.endswith(("lora_A.weight",))
    if parts or not any(part in name for part in ("q_proj", "k_proj", "v_proj")):
        return value

    # queries alone, since a score is a product of query and key
    scale = (NARROWEST / head) ** 0.5 if "q_proj" in name else 1.0
    return _spread(value, head) * scale


def _spread(value: torch.Tensor, head: int) -> torch.Tensor:
    """Rows (H·head, …) at their places among (H·NARROWEST, …): halves apart, every so many-th row."""
    # Llama rotates number i with number i + d/2, so the halves have to stay halves
    half, step = head // 2, NARROWEST // head
    index = torch.arange(len(value))
    within = index % head
    place = index // head * NARROWEST + within // half * (NARROWEST // 2) + within % half * step
    wide = value.new_zeros((len(value) // head * NARROWEST, *value.shape[1:]))
    wide[place] = value
    return wide


def _scaled(config: dict[str, Any]) -> bool:
    """Whether positions are rotated in another than the plain way."""
    rope: dict[str, Any] = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return rope.get("rope_type", "default") != "default"


def _code() -> str:
    return sha256(Path(__file__).read_bytes()).hexdigest()
