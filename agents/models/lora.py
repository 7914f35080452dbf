"""LoRA adapters over one base model: an opponent costs an adapter, not a second model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from ..language.transformer import Transformer
from .names import ModelError
from .weights import quiet, weights_in

_BASE = "__base__"
"""What PEFT calls the model without any adapter, in `adapter_names`."""


def with_adapter(policy: Transformer, folder: Path, name: str) -> Transformer:
    """A policy that acts with the folder's adapter on the model of `policy`, which itself acts as before.

    The base's weights are shared. `name` is new to the model: adapters are published under new names
    and never changed in place. Raises ModelError for a folder without an adapter that fits, or a name
    that is taken. Where `policy` has no adapter yet, ask for its twins (`with_sampling`) afterwards.
    """
    from peft import PeftModel

    model: Any = policy.model
    if name in getattr(model, "peft_config", {}):
        raise ModelError(
            f"the model already has an adapter {name!r}; publish this one under a new name"
        )

    # before the model is touched: a damaged adapter leaves it as it was
    weights = weights_in(folder).hash
    # peft ends training mode, in which a learner may be: its step would go on without dropout, gradient
    # checkpoints and TRL's metrics
    training = model.training

    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft warns of every second adapter
            if isinstance(model, PeftModel):
                model.load_adapter(str(folder), adapter_name=name, is_trainable=False)
            else:
                # PEFT puts its layers into the model in place, so from now on `policy`
                # has to say that it acts without an adapter
                model = PeftModel.from_pretrained(model, str(folder), adapter_name=name)
                policy.model, policy.adapter = model, _BASE
    except Exception as fault:  # whatever peft makes of a missing, damaged or foreign adapter
        first = (str(fault).strip().splitlines() or [""])[0][:200]
        raise ModelError(f"{folder} holds no adapter for {policy.ref.name} ({first})") from fault
    finally:
        policy.model.train(training)

    twin = policy.twin()
    twin.adapter = name
    twin.publish(weights, name=name)
    return twin


def drop_adapter(policy: Transformer) -> None:
    """Free the memory of the policy's adapter; the policy can act no more."""
    policy.model.delete_adapter(policy.adapter)
