"""A causal model behind an engine that batches by itself: token ids in, token ids and log-probs out."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from ...envs.errors import SparringError
from ...envs.seeds import bits
from ...envs.types import PolicyRef
from ..language.chat_template import Dialect
from ..language.choices import Scored, Scores
from ..language.replies import choose, code_version, ended, too_long
from ..language.shared_prefixes import Tokens
from ..language.thoughts import Part, answering, first, joined, then
from ..policy import FREE, ConstraintError, Key, Request, Response, Sampling
from ..thinking import Thinking

_MOST_TOKENS = 100
"""vLLM gives the log-probabilities of at most 128 named tokens at once."""


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
class Look:
    """A question for log-probabilities: of each of `tokens` as the next one after `prompt`."""

    prompt: Tokens
    tokens: Tokens
    temperature: float
    top_p: float
    adapter: str | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The ids sampled, the stop included, and their log-probabilities under the settings of the draw."""

    tokens: Tokens
    logprobs: tuple[float, ...]


class EngineError(SparringError, RuntimeError):
    """An engine is gone, or refuses what it was asked for."""


class TokenEngine(Protocol):
    """What draws tokens. Everything but `draw` blocks until it is done, and may be called from any thread.

    Equal draws give equal tokens where the engine lays them out alike; another layout changes rounding.
    """

    name: str
    context: int

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        """One answer per draw, in order; a fault in the place of a draw that could not be made."""
        ...

    def look(self, looks: Sequence[Look]) -> Sequence[Mapping[int, float]]:
        """Log-probabilities under the settings of each look, by token."""
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
        engine: TokenEngine,
        dialect: Dialect,
        *,
        name: str,
        weights: str,
        adapter: str | None = None,
        sampling: Sampling = FREE,
    ) -> None:
        self.engine = engine
        self.dialect = dialect
        self.weights = weights
        self.adapter = adapter
        self.sampling = sampling

        # the engine and its version are in the id: another engine rounds otherwise
        parts = (
            engine.name,
            weights,
            dialect.id,
            sampling,
            dialect.thinking.keep,
            code_version(Path(__file__)),
        )
        self.ref = PolicyRef(name, sha256(repr(parts).encode()).hexdigest()[:16])

    def twin(
        self,
        *,
        name: str = "",
        weights: str = "",
        adapter: str | None = None,
        sampling: Sampling | None = None,
        thinking: Thinking | None = None,
    ) -> Hosted:
        """Another policy on the same engine; what is not given is as here."""
        dialect = self.dialect
        if thinking is not None and thinking != dialect.thinking:
            dialect = dialect.with_thinking(thinking)
        # made anew and not copied, so that the id covers what changed
        return Hosted(
            self.engine,
            dialect,
            name=name or self.ref.name,
            weights=weights or self.weights,
            adapter=adapter or self.adapter,
            sampling=sampling or self.sampling,
        )

    @property
    def _room(self) -> int:
        """Tokens for a prompt and a choice: the engine draws one token more, which has to fit too."""
        return self.engine.context - 1

    def with_sampling(self, sampling: Sampling) -> Hosted:
        """The same weights under other settings."""
        return self.twin(sampling=sampling)

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        """One answer per request, in order; ContextError for a prompt beyond the model's context."""
        answers: dict[int, Response] = {}
        free: list[int] = []
        held: list[int] = []
        for i, request in enumerate(requests):
            if fault := self.dialect.refusal(request, self.engine.context, self.ref.name):
                answers[i] = fault
                continue
            sampling = request.sampling or self.sampling
            (held if sampling.constrained and request.choices else free).append(i)

        # in a thread: `look` blocks, and the loop has other games to serve
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
        """Likelihoods of whole replies, given by prompt, under these settings.

        The engine is asked once for all: for every beginning of a reply, how likely it goes on or ends.
        Raises ConstraintError for greedy settings, and ContextError.
        """
        if sampling.temperature == 0:
            raise ConstraintError(f"{self.engine.name} scores replies at a temperature above 0")

        # the tree of each prompt's replies: which tokens go on, or end, from every node
        following = defaultdict[tuple[Tokens, Tokens], set[int]](set)
        for prompt, replies in wanted:
            if fault := too_long(prompt, replies, self._room, self.ref.name):
                raise fault
            for reply in replies:
                for before, token in _steps(reply):
                    following[prompt, before].add(token)
                # every stop is asked for: any of them ends a reply in play
                following[prompt, reply].update(self.dialect.stops)
        costs = self._costs(following, sampling)

        found: dict[Tokens, dict[Tokens, Scored]] = {}
        for prompt, replies in wanted:
            for reply in replies:
                said = [costs[prompt, before][token] for before, token in _steps(reply)]
                last = costs[prompt, reply]
                total = math.fsum(said) + _log_sum([last[stop] for stop in self.dialect.stops])
                scored = Scored(reply, (*said, last[self.dialect.end]), total)
                found.setdefault(prompt, {})[reply] = scored
        return found

    def _costs(
        self, following: Mapping[tuple[Tokens, Tokens], set[int]], sampling: Sampling
    ) -> dict[tuple[Tokens, Tokens], dict[int, float]]:
        """Log-probabilities of what may follow each (prompt, beginning of a reply)."""
        looks: list[Look] = []
        places: list[tuple[Tokens, Tokens]] = []
        temperature, top_p = sampling.temperature, sampling.top_p
        for place, tokens in following.items():
            ranked = sorted(tokens)
            for start in range(0, len(ranked), _MOST_TOKENS):
                some = tuple(ranked[start : start + _MOST_TOKENS])
                looks.append(Look(place[0] + place[1], some, temperature, top_p, self.adapter))
                places.append(place)

        costs: dict[tuple[Tokens, Tokens], dict[int, float]] = {}
        for place, seen in zip(places, self.engine.look(looks), strict=True):
            costs.setdefault(place, {}).update(seen)
        return costs

    async def _speak(self, requests: Sequence[Request]) -> Sequence[Response]:
        """Replies drawn freely; equal sets of requests reach the engine in one order."""
        prompts = [self.dialect.encode(r.role, r.messages) for r in requests]
        dialects = [self.dialect.of(r.role) for r in requests]
        parts = await self._said(requests, prompts, dialects)
        said = zip(dialects, prompts, parts, strict=True)
        return [p if isinstance(p, Exception) else ended(d, q, *p) for d, q, p in said]

    async def _said(
        self, requests: Sequence[Request], prompts: Sequence[Tokens], dialects: Sequence[Dialect]
    ) -> list[Part | Exception]:
        """Whole replies; one that begins with a thought is drawn up to its budget, closed, and drawn on."""
        context = self.engine.context
        limits = [(request.sampling or self.sampling).max_tokens for request in requests]
        rooms = [
            first(dialect, prompt, context) if dialect.thinks else min(most, context - len(prompt))
            for dialect, prompt, most in zip(dialects, prompts, limits, strict=True)
        ]
        draws = [self._draw(*each) for each in zip(requests, prompts, rooms, strict=True)]
        parts = await self._parts(draws)

        onward: dict[int, Draw] = {}
        for i, part in enumerate(parts):
            if isinstance(part, Exception) or not dialects[i].thinks:
                continue
            so_far, more = then(dialects[i], prompts[i], part, limits[i], context)
            parts[i] = so_far
            if more:
                request = requests[i]._replace(key=answering(requests[i].key))
                onward[i] = self._draw(request, prompts[i] + so_far.tokens, more)

        further = await self._parts([*onward.values()]) if onward else []
        for i, more in zip(onward, further, strict=True):
            begun = parts[i]
            if isinstance(more, Exception) or isinstance(begun, Exception):
                parts[i] = more
            else:
                parts[i] = joined(begun, more.tokens, more.logprobs)
        return parts

    async def _parts(self, draws: Sequence[Draw]) -> list[Part | Exception]:
        """What the engine draws; equal sets of draws reach it in one order."""
        order = sorted(range(len(draws)), key=lambda i: (draws[i].prompt, draws[i].seed))
        drawn = await self.engine.draw([draws[i] for i in order])
        said = dict(zip(order, drawn, strict=True))
        return [self._part(draw, said[i]) for i, draw in enumerate(draws)]

    def _draw(self, request: Request, prompt: Tokens, tokens: int) -> Draw:
        sampling = request.sampling or self.sampling
        return Draw(
            prompt,
            sampling.temperature,
            sampling.top_p,
            tokens,
            _seed(request.key),
            tuple(sorted(self.dialect.stops)),
            self.adapter,
        )

    def _part(self, draw: Draw, drawn: Drawn | Exception) -> Part | Exception:
        if isinstance(drawn, Exception):
            return drawn
        if not drawn.tokens:
            return EngineError(f"{self.engine.name} answered {self.ref.name} with no token at all")
        tokens, logprobs = drawn.tokens, drawn.logprobs
        if draw.temperature == 0:  # greedy: the token taken has all the mass
            logprobs = (0.0,) * len(tokens)
        return Part(tokens, logprobs)

    def _choose(self, requests: Sequence[Request]) -> list[Response]:
        """Replies drawn among the choices of each request. Raises ConstraintError."""
        groups: dict[tuple[Sampling, Dialect], list[int]] = {}
        for i, request in enumerate(requests):
            own = self.dialect.of(request.role)
            groups.setdefault((request.sampling or self.sampling, own), []).append(i)

        answers: dict[int, Response] = {}
        for (sampling, own), members in groups.items():
            said = self._chosen([requests[i] for i in members], sampling, own)
            answers.update(zip(members, said, strict=True))
        return [answers[i] for i in range(len(requests))]

    def _chosen(
        self, requests: Sequence[Request], sampling: Sampling, own: Dialect
    ) -> list[Response]:
        """Replies among choices, under one setting."""
        prompts = [own.encode(request.role, request.messages) for request in requests]
        return choose(
            own,
            requests,
            prompts,
            self.scores,
            sampling,
            room=self._room,
            who=self.ref.name,
        )


def _steps(reply: Tokens) -> Iterator[tuple[Tokens, int]]:
    """Each token of a reply, with the tokens before it."""
    for depth, token in enumerate(reply):
        yield reply[:depth], token


def _seed(key: Key) -> int:
    """63 bits of noise for one reply, which depend on every part of its key."""
    return bits(key.name, 63)


def _log_sum(logs: Sequence[float]) -> float:
    best = max(logs)
    if best == -math.inf:
        return best
    return best + math.log(math.fsum([math.exp(log - best) for log in logs]))
