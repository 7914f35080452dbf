"""Static batches beside transformers' continuous batching: generated tokens a second, one model, one run.

    python benchmarks/batching.py [--requests 128] [--model tiny] [--model smollm2-135m]

The same prompts, of games in the middle, are answered by sampling at temperature 1 until the model ends
its turn, at most `--tokens` each. `ours` reads common beginnings and equal prompts once, and drops rows
that have ended; `generate` is transformers' own static batch; `generate_batch` its continuous batching
(paged cache, rows join as others leave). Samplers differ, so replies do too; each is credited with the
tokens that it made. CPU seconds, which a busy machine does not stretch.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from sparring.agents.language.shared_prefixes import batches
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import quiet
from sparring.agents.policy import Key, Request, Sampling
from sparring.envs.registry import Game, find
from sparring.envs.table import Table
from sparring.envs.types import Reply
from transformers import ContinuousBatchingConfig, GenerationConfig


def positions(game: Game, count: int) -> list[Request]:
    """Requests out of random play, each from a game of its own, at any turn."""
    rng = random.Random(0)
    found: list[Request] = []
    while len(found) < count:
        table, seen = Table(game, len(found)), []
        while asks := table.asks:
            for ask in asks:
                key = Key(len(found), 0, ask.seat, 0)
                seen.append(
                    Request(ask.seat, game.role_of[ask.seat], table.view(ask.seat), None, key)
                )
            table.answer([Reply(rng.choice(ask.choices or ("",))) for ask in asks])
        found.append(rng.choice(seen))
    return found


def ours(policy: Transformer, requests: list[Request]) -> int:
    return sum(len(reply.tokens) for reply in policy.reply(requests))


def generated(
    policy: Transformer, prompts: list[tuple[int, ...]], settings: GenerationConfig
) -> int:
    """Static batches as a user of transformers writes them: padded on the left, until the last row ends."""
    total = 0
    for batch in batches_with_repeats(prompts, policy.batching.rows, policy.batching.tokens):
        width = max(map(len, batch))
        ids = torch.tensor([[policy.dialect.pad] * (width - len(p)) + list(p) for p in batch])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in batch])
        out = policy.model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
        total += sum(length(row, policy) for row in out[:, width:].tolist())
    return total


def batches_with_repeats(prompts: list[tuple[int, ...]], rows: int, tokens: int) -> list[list[Any]]:
    """As ours are cut, equal prompts kept apart."""
    tagged = [(*prompt, -index - 1) for index, prompt in enumerate(prompts)]
    return [[p[:-1] for p in batch] for batch in batches(tagged, rows, tokens)]


def length(row: list[int], policy: Transformer) -> int:
    """Tokens up to the first that ends the turn."""
    return next((i + 1 for i, token in enumerate(row) if token in policy.dialect.stops), len(row))


def continuous(
    policy: Transformer, prompts: list[tuple[int, ...]], settings: GenerationConfig
) -> int:
    done = policy.model.generate_batch(
        [list(p) for p in prompts],
        generation_config=settings,
        continuous_batching_config=ContinuousBatchingConfig(max_batch_tokens=1024, num_blocks=256),
        progress_bar=False,
    )
    lengths = [len(output.generated_tokens) for output in done.values()]
    if len(lengths) != len(prompts):
        raise RuntimeError(f"{len(lengths)} of {len(prompts)} requests came back")
    return sum(lengths)


def rate(run: Callable[[], int]) -> tuple[float, int]:
    """Tokens a CPU second, and how many, of the better of two runs."""
    best, tokens = 0.0, 0
    for _ in range(2):
        start = time.process_time()
        made = run()
        if (speed := made / (time.process_time() - start)) > best:
            best, tokens = speed, made
    return best, tokens


def measure(name: str, game: Game, count: int, longest: int) -> None:
    policy = load_model(name, game, sampling=Sampling(max_tokens=longest))
    requests = positions(game, count)
    prompts = policy.prompts(requests)
    settings = GenerationConfig(
        max_new_tokens=longest,
        do_sample=True,
        top_k=0,
        eos_token_id=sorted(policy.dialect.stops),
        pad_token_id=policy.dialect.pad,
    )
    ways: dict[str, Callable[[], int]] = {
        "ours": lambda: ours(policy, requests),
        "generate": lambda: generated(policy, prompts, settings),
        "generate_batch": lambda: continuous(policy, prompts, settings),
    }
    print(
        f"{name} on {game.id}: {count} prompts, {len({*prompts})} distinct, mean {mean(prompts):.0f} tokens"
    )
    base = 0.0
    for way, run in ways.items():
        speed, tokens = rate(run)
        base = base or speed
        print(
            f"  {way:>15} {speed:>9,.0f} tokens/s  ({tokens:,} tokens)  ours is {base / speed:.1f}×",
            flush=True,
        )


def mean(prompts: list[tuple[int, ...]]) -> float:
    return sum(map(len, prompts)) / len(prompts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--model", action="append", help="default: tiny and smollm2-135m")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    with quiet():
        for name in given.model or ("tiny", "smollm2-135m"):
            for id in ("kuhn-poker-v0", "tic-tac-toe-v0"):
                measure(name, find(id), given.requests, given.tokens)


if __name__ == "__main__":
    main()
