"""How long a trainer takes to hand its weights to vLLM: adapter files, and all weights.

    python benchmarks/sync.py [--engine vllm|server|URL] [--model tiny] [--model smollm2-135m] [--rank 8]

`adapter` writes the learner's adapter to files, loads it under a new name and retires the last one, as
training does before every step; `whole` writes and reloads every weight. Median of `--times`, wall seconds.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from statistics import median

from sparring.agents.engines.hosts import Host, open_host
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import quiet
from sparring.envs.registry import find
from sparring.training.players.learner import OnEngine


def learner(model: str, rank: int) -> Transformer:
    """The named model, with an adapter to train where `rank` is not 0."""
    from peft import LoraConfig, get_peft_model

    policy = load_model(model, find("kuhn-poker-v0"))
    if rank:
        settings = LoraConfig(r=rank, target_modules="all-linear", task_type="CAUSAL_LM")
        policy.model = get_peft_model(policy.model, settings)
    return policy


def seconds(host: Host, policy: Transformer, times: int) -> float:
    """The median of so many syncs, each with weights of a new name; the first one warms up."""
    player, taken = OnEngine(host, policy), list[float]()
    for step in range(times + 1):
        policy.publish(f"step {step}", name="learner")
        began = time.perf_counter()
        player.sync(policy)
        taken.append(time.perf_counter() - began)
    player.close()
    return median(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", default="vllm")
    parser.add_argument("--model", action="append", help="default: tiny and smollm2-135m")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    with quiet():
        for model in given.model or ("tiny", "smollm2-135m"):
            with open_host(given.engine, model, find("kuhn-poker-v0"), context=1024) as host:
                adapter = seconds(host, learner(model, given.rank), given.times)
                whole = seconds(host, learner(model, 0), given.times)
            print(
                f"{model} on {given.engine}: adapter of rank {given.rank} {1000 * adapter:.0f} ms, ",
                end="",
            )
            print(f"whole {1000 * whole:.0f} ms", flush=True)


if __name__ == "__main__":
    main()
