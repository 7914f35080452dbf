"""What self-play costs beside bare generation: tokens a second of both, on one engine, in one run.

    python benchmarks/rollouts.py [--model tiny] [--engine transformers|vllm] [--at-once 256] [--games 512]
    python benchmarks/rollouts.py --model smollm2-135m --games 16 --at-once 16 --game code-deduction-v0

`self-play` plays games with the model in every seat. `bare` hands the engine every prompt of those games
in one call, with the same seeds and hence the same replies: no game, no waiting for a turn, the batches
its own best ones, the prompts encoded before. `same calls` repeats the calls of self-play one by one, which
parts what games cost from what their rounds cost. `outside` is the time of a turn that was not the engine's.
`reuse` is the share of prompt tokens that the same seat had read or said before. With `--proposer sample`
a game of proposer and solvers gets its tasks from its own scripted player, so that programs are run: no
small model writes one within a few tokens, and then no verdict is awaited.
Memory is what Python's own objects take for a game in flight, beyond model and cache. TextArena's loop plays
one game at a time through its HFLocalAgent, as its users write it. Seconds are of CPU where the engine
computes in this process (`--clock wall` for all others), so a busy machine does not stretch them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import io
import logging
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from sparring.agents.models.load import load_model
from sparring.agents.models.weights import find_model, quiet
from sparring.agents.policy import Policy, Request, Sampling
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import Game, find
from sparring.envs.types import Episode, PolicyRef, Reply
from sparring.sandbox.choose import open_verifier
from sparring.training.watch.measure import prefix_share

PEERS = {"tic-tac-toe-v0": "TicTacToe-v0", "kuhn-poker-v0": "KuhnPoker-v0-short"}
SCALES = (1, 8, 64, 256, 512)


class Metered:
    """A policy that passes requests on, keeps them, and adds up the time in which a call is under way."""

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        self.policy = policy
        self.clock = clock
        self.streams = getattr(policy, "streams", False)
        self.calls: list[Sequence[Request]] = []
        self.tokens = 0
        self.seconds = 0.0
        self._under_way = 0
        self._since = 0.0

    @property
    def ref(self) -> PolicyRef:
        return self.policy.ref

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        self.calls.append(requests)
        if not self._under_way:
            self._since = self.clock()
        self._under_way += 1
        replies = await answered(self.policy, requests)
        self._under_way -= 1
        if not self._under_way:
            self.seconds += self.clock() - self._since
        self.tokens += sum(len(reply.tokens) for reply in replies)
        return replies


async def answered(policy: Policy, requests: Sequence[Request]) -> list[Reply]:
    """The replies, where none failed."""
    replies = await policy.act(requests)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return [reply for reply in replies if isinstance(reply, Reply)]


class Played:
    """One measurement of self-play."""

    def __init__(
        self,
        game: Game,
        policy: Policy,
        games: int,
        at_once: int,
        clock: Callable[[], float],
        proposer: Policy | None = None,
    ) -> None:
        self.metered = Metered(policy, clock)
        seats: dict[str, Policy] = dict.fromkeys(game.seats, self.metered)
        if proposer and "proposer" in seats:
            seats["proposer"] = proposer
        matches = [Match(game, seats, seed) for seed in range(games)]
        throughput = self.metered.streams

        async def run() -> tuple[float, list[Episode]]:
            verifier = open_verifier("local") if game.id.startswith("code") else None
            try:
                start = clock()
                done = await play_all(
                    matches, at_once=at_once, verifier=verifier, deterministic=not throughput
                )
                return clock() - start, done
            finally:
                if verifier:
                    await verifier.close()

        gc.collect()
        self.seconds, episodes = asyncio.run(run())
        self.turns = sum(len(episode.turns) for episode in episodes)
        self.verdicts = sum(len(episode.verdicts) for episode in episodes)
        self.reuse = prefix_share(episodes) or 0.0
        self.rate = self.metered.tokens / self.seconds
        self.outside = (self.seconds - self.metered.seconds) / self.turns


def bare(policy: Policy, calls: Sequence[Sequence[Request]], clock: Callable[[], float]) -> float:
    """Tokens a second of the engine for these calls, one after the other."""

    async def run() -> float:
        start, tokens = clock(), 0
        for requests in calls:
            tokens += sum(len(reply.tokens) for reply in await answered(policy, requests))
        return tokens / (clock() - start)

    gc.collect()
    return asyncio.run(run())


class Still:
    """Answers as it is told to, and looks at Python's memory while all games are in flight."""

    ref = PolicyRef("still")
    streams = False

    def __init__(self) -> None:
        self.most = 0

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        gc.collect()
        self.most = max(self.most, tracemalloc.get_traced_memory()[0])
        return [Reply((r.choices or ("?",))[r.key.seed % len(r.choices or "?")]) for r in requests]


def memory(game: Game, count: int) -> float:
    """Kilobytes of Python's memory for a game in flight, at most; finished episodes are not kept."""
    still = Still()
    seats = dict.fromkeys(game.seats, still)
    asyncio.run(play_all([Match(game, seats, seed) for seed in range(4)]))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    asyncio.run(play_all((Match(game, seats, seed) for seed in range(count)), at_once=count))
    tracemalloc.stop()
    return (still.most - before) / count / 1024


def textarena_loop(
    id: str, folder: str, games: int, longest: int, clock: Callable[[], float]
) -> float:
    """Tokens a second of TextArena's own loop, one game at a time."""
    import textarena

    with contextlib.redirect_stdout(io.StringIO()):
        agent: Any = textarena.agents.HFLocalAgent(
            folder, device="cpu", max_new_tokens=longest, hf_kwargs={}
        )
    tokens, start = 0, clock()
    for seed in range(games):
        env = textarena.make(id)
        env.reset(num_players=2, seed=seed)
        done = False
        while not done:
            _, observation = env.get_observation()
            said = agent(observation)
            tokens += len(agent.tokenizer.encode(said, add_special_tokens=False)) + 1
            done, _ = env.step(action=said)
        env.close()
    return tokens / (clock() - start)


def measure(
    given: argparse.Namespace, id: str, clock: Callable[[], float], closing: contextlib.ExitStack
) -> None:
    game = find(id, **({"attempts": 3} if id.startswith("code") else {}))
    policy = opened(given, game, closing)
    proposer = (
        scripted("sample", game)
        if given.proposer == "sample" and "sample" in game.oracles
        else None
    )
    Played(game, policy, min(8, given.games), 8, clock, proposer)  # warm
    played = Played(game, policy, given.games, given.at_once, clock, proposer)
    calls = played.metered.calls
    whole = bare(policy, [[request for call in calls for request in call]], clock)
    streams = played.metered.streams  # each game asks for itself: one by one its calls mean nothing
    same = 0.0 if streams else bare(policy, calls, clock)
    print(
        f"{id} with {given.model} on {given.engine}: {given.games} games, {given.at_once} at once, "
        f"{played.turns} turns, {played.metered.tokens} tokens, {len(calls)} calls, "
        f"{played.verdicts} verdicts\n"
        f"  self-play   {played.rate:>9,.0f} tokens/s\n"
        f"  bare        {whole:>9,.0f} tokens/s  self-play / bare {played.rate / whole:.2f} (aim ≥ 0.9)\n"
        + (
            "  outside     cannot be told: some request is always with the engine\n"
            if streams
            else f"  same calls  {same:>9,.0f} tokens/s  self-play / same {played.rate / same:.2f}\n"
            f"  outside     {1e6 * played.outside:>9,.0f} µs a turn (aim < 200)\n"
        )
        + f"  reuse       {played.reuse:>9.0%} of prompt tokens\n"
        f"  memory      {memory(game, given.at_once):>9,.1f} KiB a game in flight",
        flush=True,
    )
    if given.scaling:
        line = [
            f"{n}: {Played(game, policy, max(n, 32), n, clock, proposer).rate:,.0f}"
            for n in SCALES
            if n <= given.scaling
        ]
        print(f"  scaling     {' · '.join(line)} tokens/s by games at once", flush=True)
    if id in PEERS and given.peer:
        folder = str(find_model(given.model, game).folder)
        theirs = textarena_loop(PEERS[id], folder, given.peer, given.tokens, clock)
        print(
            f"  TextArena   {theirs:>9,.0f} tokens/s  self-play is {played.rate / theirs:.1f}×",
            flush=True,
        )


def opened(given: argparse.Namespace, game: Game, closing: contextlib.ExitStack) -> Policy:
    sampling = Sampling(max_tokens=given.tokens)
    if given.engine == "transformers":
        return load_model(given.model, game, sampling=sampling)
    from sparring.agents.engines.hosts import open_host

    return closing.enter_context(open_host(given.engine, given.model, game)).base.with_sampling(
        sampling
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--engine", default="transformers")
    parser.add_argument(
        "--game", action="append", help="default: tic-tac-toe, Kuhn poker, code-deduction"
    )
    parser.add_argument("--games", type=int, default=1024)
    parser.add_argument("--at-once", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=16, help="longest reply")
    parser.add_argument(
        "--scaling", type=int, default=0, help="measure also up to so many games at once"
    )
    parser.add_argument("--peer", type=int, default=0, help="games of TextArena's loop to measure")
    parser.add_argument("--proposer", choices=("model", "sample"), default="model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("cpu", "wall"))
    given = parser.parse_args()
    if given.engine == "transformers":
        import torch

        torch.set_num_threads(given.threads)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    inside = given.engine == "transformers"
    clock = (
        time.process_time
        if (given.clock or ("cpu" if inside else "wall")) == "cpu"
        else time.perf_counter
    )
    gc.collect()
    gc.freeze()  # as training does: what torch and transformers hold is not walked again and again
    with quiet(), contextlib.ExitStack() as closing:
        for id in given.game or ("tic-tac-toe-v0", "kuhn-poker-v0", "code-deduction-v0"):
            measure(given, id, clock, closing)


if __name__ == "__main__":
    main()
