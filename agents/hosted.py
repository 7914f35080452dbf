"""A causal model behind an engine that batches by itself: token ids in, token ids and log-probabilities out."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from ..envs.types import Finish, PolicyRef, Reply
from .choices import Scored, Scores, draw_choice
from .dialect import Dialect
from .policy import FREE, Answer, ConstraintError, Key, Request, Sampling
from .sampling import uniforms

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """One reply to sample: after `prompt`, until one of `stops` or `tokens` of them; `seed` is its noise."""

    prompt: Tokens
    temperature: float
    top_p: float
    tokens: int
    seed: int
    stops: Tokens
    adapter: str | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The ids sampled, the stop included, and their log-probabilities under the settings of the draw."""

    tokens: Tokens
    logprobs: tuple[float, ...]


class EngineError(RuntimeError):
    """An engine is gone, or refuses what it was asked for."""


class Engine(Protocol):
    """What draws tokens. Everything but `draw` blocks until it is done, and may be called from any thread.

    Equal draws give equal tokens where the engine lays them out alike; another layout changes rounding.
    """

    name: str
    context: int

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        """One answer per draw, in order; a fault in the place of a draw that could not be made."""
        ...

    def score(self, texts: Sequence[Tokens], adapter: str | None) -> Sequence[tuple[float, ...]]:
        """Log-probability of each token of each text but its first, at temperature 1."""
        ...

    def load(self, adapter: str, folder: Path) -> None:
        """Take in a LoRA adapter under a name that was never used before. Games may be running."""
        ...

    def retire(self, adapter: str) -> None:
        """Forget an adapter. Draws that still name it are refused."""
        ...

    def replace(self, folder: Path) -> None:
        """Take in all weights of a folder in place of the present ones. No draw may be under way."""
        ...


class Hosted:
    """A policy over an engine: its base model, or one of the adapters that it holds.

    `streams`: the engine merges what is asked while it works, so rollouts need not wait for each other.
    Replies held to choices are drawn from the exact distribution over them, as `Transformer` does.
    """

    streams = True

    def __init__(
        self,
        engine: Engine,
        dialect: Dialect,
        *,
        name: str,
        weights: str,
        adapter: str | None = None,
        sampling: Sampling = FREE,
        keep_thoughts: bool = False,
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self.weights = weights
        self.adapter = adapter
        self.sampling = sampling
        self.keep_thoughts = keep_thoughts
        parts = (engine.name, weights, dialect.id, sampling, keep_thoughts, _code_version())
        self.ref = PolicyRef(name, sha256(repr(parts).encode()).hexdigest()[:16])

    def twin(
        self, *, name: str = "", weights: str = "", adapter: str | None = None, sampling: Sampling | None = None
    ) -> Hosted:
        """Another policy on the same engine; what is not given is as here."""
        return Hosted(
            self.engine,
            self.dialect,
            name=name or self.ref.name,
            weights=weights or self.weights,
            adapter=adapter or self.adapter,
            sampling=sampling or self.sampling,
            keep_thoughts=self.keep_thoughts,
        )

    def with_sampling(self, sampling: Sampling) -> Hosted:
        """The same weights under other settings."""
        return self.twin(sampling=sampling)

    def adopt(self, folder: Path, name: str, weights: str) -> Hosted:
        """Load the folder's adapter under a new name; the policy that acts with it."""
        self.engine.load(name, folder)
        return self.twin(name=name, weights=weights, adapter=name)

    async def act(self, requests: Sequence[Request]) -> Sequence[Answer]:
        """One answer per request, in order; ContextError for a prompt beyond the model's context."""
        answers: dict[int, Answer] = {}
        free: list[int] = []
        held: list[int] = []
        for i, request in enumerate(requests):
            if fault := self.dialect.refusal(request, self.engine.context, self.ref.name):
                answers[i] = fault
                continue
            sampling = request.sampling or self.sampling
            (held if sampling.constrained and request.choices else free).append(i)
        if held:
            chosen = await asyncio.to_thread(self._choose, [requests[i] for i in held])
            answers.update(zip(held, chosen, strict=True))
        if free:
            drawn = await self._speak([requests[i] for i in free])
            answers.update(zip(free, drawn, strict=True))
        return [answers[i] for i in range(len(requests))]

    def prompts(self, requests: Sequence[Request]) -> list[Tokens]:
        """The token ids each request's view becomes. Raises ContextError."""
        for request in requests:
            if fault := self.dialect.refusal(request, self.engine.context, self.ref.name):
                raise fault
        return [self.dialect.encode(request.role, request.messages) for request in requests]

    def scores(self, wanted: Sequence[tuple[Tokens, set[Tokens]]], sampling: Sampling) -> Scores:
        """Likelihoods of whole replies, given by prompt. Raises ConstraintError for settings but FREE's.

        One text per reply and token that ends a turn; they share the engine's batches.
        """
        if sampling.temperature != 1 or sampling.top_p < 1:
            raise ConstraintError(
                f"{self.engine.name} scores replies at temperature 1 and top_p 1 only; got {sampling}"
            )
        pairs = dict.fromkeys((prompt, reply) for prompt, replies in wanted for reply in sorted(replies))
        ends = [self.dialect.end, *sorted(self.dialect.stops - {self.dialect.end})]
        texts = [(*prompt, *reply, end) for prompt, reply in pairs for end in ends]
        rows = iter(self.engine.score(texts, self.adapter))
        found: dict[Tokens, dict[Tokens, Scored]] = {}
        for prompt, reply in pairs:
            costs = [next(rows)[len(prompt) - 1 :] for _ in ends]
            last = [row[-1] for row in costs]
            total = math.fsum(costs[0][:-1]) + max(last) + _log_sum([c - max(last) for c in last])
            found.setdefault(prompt, {})[reply] = Scored(reply, costs[0], total)
        return found

    async def _speak(self, requests: Sequence[Request]) -> Sequence[Answer]:
        """Replies drawn freely; equal sets of requests reach the engine in one order."""
        draws = [self._draw(request) for request in requests]
        order = sorted(range(len(draws)), key=lambda i: (draws[i].prompt, draws[i].seed))
        drawn = await self.engine.draw([draws[i] for i in order])
        said = dict(zip(order, drawn, strict=True))
        return [self._reply(draw, said[i]) for i, draw in enumerate(draws)]

    def _draw(self, request: Request) -> Draw:
        prompt = self.dialect.encode(request.role, request.messages)
        sampling = request.sampling or self.sampling
        return Draw(
            prompt,
            sampling.temperature,
            sampling.top_p,
            min(sampling.max_tokens, self.engine.context - len(prompt)),
            _seed(request.key),
            tuple(sorted(self.dialect.stops)),
            self.adapter,
        )

    def _reply(self, draw: Draw, drawn: Drawn | Exception) -> Answer:
        if isinstance(drawn, Exception):
            return drawn
        if not drawn.tokens:
            return EngineError(f"{self.engine.name} answered {self.ref.name} with no token at all")
        tokens, logprobs = drawn.tokens, drawn.logprobs
        if draw.temperature == 0:  # greedy: the token taken has all the mass
            logprobs = (0.0,) * len(tokens)
        spoken = self.dialect.read(tokens)
        finish: Finish = "stop" if tokens[-1] in self.dialect.stops else "length"
        memory = (
            f"<think>{spoken.thought}</think>{spoken.text}" if spoken.thought and self.keep_thoughts else None
        )
        return Reply(spoken.text, spoken.thought, tokens, logprobs, finish, draw.prompt, memory)

    def _choose(self, requests: Sequence[Request]) -> list[Answer]:
        if self.dialect.thinks:
            raise ConstraintError(f"{self.ref.name} thinks before it moves: it cannot be held to the choices")
        prompts = [self.dialect.encode(request.role, request.messages) for request in requests]
        spelt = [[self.dialect.choice(c) for c in dict.fromkeys(r.choices or ())] for r in requests]
        settings = replace((requests[0].sampling or self.sampling), temperature=1.0, top_p=1.0)
        scores = self.scores([(p, {*some}) for p, some in zip(prompts, spelt, strict=True)], settings)
        return [
            self._chosen(request, prompt, [scores[prompt][tokens] for tokens in some])
            for request, prompt, some in zip(requests, prompts, spelt, strict=True)
        ]

    def _chosen(self, request: Request, prompt: Tokens, found: list[Scored]) -> Answer:
        sampling = request.sampling or self.sampling
        if sampling.temperature not in (0, 1):
            return ConstraintError(
                f"{self.engine.name} holds replies to choices at temperature 0 or 1; got {sampling.temperature}"
            )
        noise = next(uniforms(request.key))
        try:
            chosen, logps = draw_choice(found, noise, greedy=sampling.temperature == 0)
        except ValueError as fault:
            return ConstraintError(f"{self.ref.name}, asked for {request.choices}: {fault}")
        tokens = (*chosen.tokens, self.dialect.end)
        text = self.dialect.read(tokens).text
        return Reply(text, "", tokens, logps, "stop", prompt, None, chosen.logprobs)


def _seed(key: Key) -> int:
    """63 bits of noise for one reply, which depend on every part of its key."""
    name = f"{key.seed}/{key.replicate}/{key.seat}/{key.ask}"
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 1


def _log_sum(logs: Sequence[float]) -> float:
    return math.log(math.fsum(map(math.exp, logs)))


def _code_version() -> str:
    here = Path(__file__).parent
    names = ("prompts.py", "dialect.py", "choices.py", "hosted.py")
    return sha256(b"".join((here / name).read_bytes() for name in names)).hexdigest()[:16]
