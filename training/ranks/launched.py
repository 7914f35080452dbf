"""Whether torchrun or accelerate started several of this process, and what such a run cannot do. Light."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from ...envs.errors import SparringError
from ..config import Config, ConfigError, settled

if TYPE_CHECKING:
    from .ranks import Ranks

_TOLD_SECONDS = 5.0
"""How long the launcher may take to say whether another process has told of a fault."""
_FSDP = "ACCELERATE_USE_FSDP"
"""What accelerate's launcher says where the trained weights shall lie in shares."""
_SHARDED = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_PARALLELISM_CONFIG": "a parallelism configuration",
}
"""What accelerate's launcher says of a model whose weights no process has whole."""

_OF_MPI = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")
"""How many processes mpirun started, by its kinds."""


def processes() -> int:
    """How many processes the launcher started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def first() -> bool:
    """Whether this process is the first of them, or alone."""
    return os.environ.get("RANK", "0") == "0"


@cache
def ranks() -> Ranks | None:
    """The processes of this run, joined at the first call; None where this one is alone."""
    if processes() == 1:
        return None
    # Torch loads slowly, and a run of one process needs none of it here.
    from accelerate import PartialState

    from .ranks import Ranks, talking

    sharded = _set(_FSDP)
    # Cut by us: accelerate would cut the one module that plays as well.
    os.environ.pop(_FSDP, None)
    with talking():
        PartialState()
        return Ranks(sharded=sharded)


def check_launch(config: Config) -> None:
    """Raises ConfigError for what several processes cannot train together."""
    count = processes()
    if count == 1:
        _check_alone()
        return
    began = f"{count} processes train together (WORLD_SIZE), and"
    for name, sharded in _SHARDED.items():
        if _set(name):
            raise ConfigError(
                f"{began} {sharded} leaves none of them the whole weights that it plays with; use FSDP, or "
                "launch without it (with update.lora a process holds the base once and no more)"
            )
    if _set(_FSDP):
        _check_shares(config)

    rollout = settled(config).rollout
    if rollout.ahead:
        raise ConfigError(
            f"{began} rollout.ahead = {rollout.ahead} would start a player for each; set it to 0"
        )
    if rollout.workers or rollout.engine != "transformers":
        name = "rollout.workers" if rollout.workers else f"rollout.engine = {rollout.engine}"
        raise ConfigError(
            f"{began} {name} would get weights from each; play with the trained model itself "
            "(rollout.engine = transformers, rollout.workers = 0), or start one process"
        )
    if config.credits.estimator == "critic":
        raise ConfigError(f"{began} a critic's histories are kept by one; start one process")
    if config.opponents.mode in ("league", "psro"):
        raise ConfigError(
            f"{began} a {config.opponents.mode} is kept by one; use opponents.mode = past, or start one "
            "process"
        )
    if config.population.listed:
        raise ConfigError(f"{began} a population's lineage is kept by one; start one process")


def _check_shares(config: Config) -> None:
    """Raises ConfigError for what cannot be trained in shares."""
    began = "FSDP cuts the weights that are trained into shares, and"
    if _set("FSDP_OFFLOAD_PARAMS"):
        raise ConfigError(f"{began} keeps them on their devices; set fsdp_offload_params: false")
    if config.update.lora:
        raise ConfigError(
            f"{began} with update.lora = {config.update.lora} those are few, and the base would be held "
            "twice; launch without FSDP, or set update.lora = 0"
        )
    if config.update.forest == "on":
        raise ConfigError(
            "update.forest = on scores rows in several passes, and with FSDP all processes make as many; use "
            "auto or off"
        )
    if config.update.kl_exact:
        raise ConfigError(
            f"{began} update.kl_exact computes with the magnet's in their place; set it to false"
        )
    if config.cast:
        raise ConfigError(f"{began} of one learner; launch without FSDP, or leave out the cast")


def _set(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes")


def _check_alone() -> None:
    """Raises ConfigError for a launcher that meant several processes, of which none knows of the others."""
    if "WORLD_SIZE" in os.environ:
        return
    # Accelerate names their meeting place, and with MULTI_CPU leaves starting them to mpirun.
    if "ACCELERATE_MIXED_PRECISION" in os.environ and "MASTER_PORT" in os.environ:
        raise ConfigError(
            "accelerate launch was to start several processes, and started one (distributed_type MULTI_CPU "
            "leaves that to mpirun); use torchrun --nproc-per-node N -m sparring train …, or "
            "num_processes: 1"
        )
    for name in _OF_MPI:
        if int(os.environ.get(name) or 1) > 1:
            raise ConfigError(
                f"{name} = {os.environ[name]}: mpirun started several processes, and each would train a run "
                "of its own; use torchrun --nproc-per-node N -m sparring train …"
            )


@contextmanager
def told_once() -> Generator[None]:
    """Of several processes let the first that fails say why; the others end without a word."""
    try:
        yield
    except (SparringError, OSError):
        if processes() > 1 and not _first_to_tell():
            raise SystemExit(2) from None
        raise


def _first_to_tell() -> bool:
    """Whether no other process has told of a fault; the launcher's store outlives them all."""
    from datetime import timedelta

    import torch.distributed as dist

    try:
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        patience = timedelta(seconds=_TOLD_SECONDS)
        # Public by torch's own documentation, though its typing says otherwise.
        store = dist.TCPStore(address, port, is_master=False, timeout=patience)  # pyright: ignore[reportPrivateImportUsage]
        again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        return store.add(f"sparring/told/{again}", 1) == 1
    # The store went with the first process: whoever is left tells.
    except (RuntimeError, KeyError, ValueError):
        return True
