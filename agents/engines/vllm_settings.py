"""What vLLM is told wherever we start it: its environment, and what a CPU needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "SPARRING_PUNICA": "1",
}
IN_PROCESS: Mapping[str, str] = {
    **_ENVIRONMENT,
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
AS_SERVER: Mapping[str, str] = {
    **_ENVIRONMENT,
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
    "VLLM_SERVER_DEV_MODE": "1",
}
"""What vLLM reads before it is imported, where the user has not set it. Without `nobind` it pins its thread
to one core, and any other work there halves its speed."""

ON_CPU: Mapping[str, Any] = {
    "enforce_eager": True,
    "enable_chunked_prefill": False,
    "block_size": 32,
}
"""Whole prompts: where a step of the engine has no room for all of one, vLLM 0.30 turns that request's noise
back by an offset, which generators on a CPU do not have, and the engine ends. Small blocks: the prefix cache
holds whole ones, and 128 tokens, a CPU's default, are more than many a turn."""


def flags(settings: Mapping[str, Any]) -> list[str]:
    """Settings of the engine as a server's command line has them."""
    found: list[str] = []
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            found.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            found += [f"--{flag}", str(value)]
    return found


def lora(adapters: int, rank: int) -> dict[str, Any]:
    """Settings for so many adapters in one batch, of rank `rank` at most; empty for none."""
    if not adapters:
        return {}
    return {
        "enable_lora": True,
        "max_loras": adapters,
        "max_lora_rank": rank,
        # past selves stay in memory beyond those that act at once
        "max_cpu_loras": max(64, adapters),
    }
