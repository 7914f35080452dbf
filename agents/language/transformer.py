"""A causal language model in a seat: batched sampling with the log-probabilities it sampled under."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch

from ...envs.types import PolicyRef, Reply
from ..policy import FREE, ContextError, Key, Request, Response, Sampling
from ..thinking import Thinking
from .chat_template import Dialect
from .choices import Scores, score, score_forest, shares
from .forest import suits
from .kept import Kept, Place, stamp
from .replies import choose, code_version, ended, too_long
from .sampling import draw, logprobs, uniforms
from .shared_prefixes import Branches, Tokens, batches
from .thoughts import Part, Path, answering, first, joined, then

_SMALL = 10_000_000
_AT_ONCE = 100_000
"""Tokens of prompts and replies that share a forest; the distinct ones among them are far fewer."""
_LOGITS = 1 << 25
_FEW = 8
"""So many replies to a prompt may be scored before fewer prompts share a batch."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How much goes through the model at once: rows, and tokens of prompts with their padding."""

    rows: int = 64
    tokens: int = 16_384
    kept: int = 1 << 28
    """Bytes of keys and values that are kept from turn to turn."""


BATCHING = Batching()


class Transformer:
    """A policy over any causal model of transformers.

    Identical sequences are computed once: equal prompts share a row until their samples differ. A reply
    depends on its prompt, its key and, by rounding only, on the batch it is computed in; equal sets of
    requests give equal batches, whatever their order. `weights` names what the model holds (a hash, or
    a run's step): give every change a new name by `publish`. The model may be one that is being trained;
    it is put into evaluation mode while it acts. `context` is the most tokens that it reads, prompt and
    reply together. Not safe under concurrent changes of the weights.
    """

    streams = False

    def __init__(
        self,
        model: Any,
        dialect: Dialect,
        *,
        name: str,
        weights: str,
        sampling: Sampling = FREE,
        batching: Batching = BATCHING,
    ) -> None:
        self.model = model
        self.dialect = dialect
        self.sampling = sampling
        self.batching = batching
        # asked for at every request, and a model's settings answer slowly
        self.context = int(getattr(model.config, "max_position_embeddings", 1 << 30))

        self.adapter: str | None = None
        self._lock = threading.Lock()

        self._small = sum(p.numel() for p in model.parameters()) < _SMALL
        self.publish(weights, name=name)

    @property
    def ref(self) -> PolicyRef:
        return self._ref

    def publish(self, weights: str, *, name: str | None = None) -> None:
        """Say that the model now holds other weights."""
        self.weights = weights
        # a twin that names other weights keeps what it has read apart
        self._kept = Kept(self.batching.kept)
        parts = (
            weights,
            self.dialect.id,
            self.sampling,
            self.dialect.thinking.keep,
            code_version(),
        )
        digest = sha256(repr(parts).encode()).hexdigest()[:16]
        self._ref = PolicyRef(self._ref.name if name is None else name, digest)

    def load(self, state: Mapping[str, Any], weights: str) -> None:
        """Take on other values of these parameters, by name. Raises KeyError for one the model lacks."""
        # copied in place: the optimiser and the twins hold the same tensors
        own = dict(self.model.named_parameters())
        with self._lock, torch.no_grad():
            for name, value in state.items():
                own[name].copy_(torch.as_tensor(value))
        self.publish(weights)

    def twin(self) -> Transformer:
        """A policy of its own over the same model; one of them acts at a time."""
        # the lock is shared too, so twins take turns at the model
        twin = object.__new__(Transformer)
        twin.__dict__.update(self.__dict__)
        return twin

    def branches(self, prompts: Sequence[Tokens], known: Sequence[Place] = ()) -> Branches:
        """These prompts read by the model, from where they are known; inside `acting` only."""
        return Branches(self.model, prompts, self.dialect.pad, self.adapter, known)

    def with_sampling(self, sampling: Sampling, thinking: Thinking | None = None) -> Transformer:
        """The same model under other settings; the weights are shared."""
        twin = self.twin()
        twin.sampling = sampling
        if thinking not in (None, self.dialect.thinking):
            twin.dialect = self.dialect.with_thinking(thinking)
        twin.publish(self.weights)
        return twin

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        """One answer per request, in order; ContextError for a prompt beyond the model's context."""
        if self._small:  # a hop to a thread would cost more than the model
            return self.answers(requests)
        return await asyncio.to_thread(self.answers, requests)

    def answers(self, requests: Sequence[Request]) -> list[Response]:
        """`act` without the event loop."""
        faults = [self._refusal(request) for request in requests]
        # a prompt that does not fit is left out, and spares the others of its batch
        fine = [r for r, fault in zip(requests, faults, strict=True) if not fault]
        prompts = [self.dialect.encode(request.role, request.messages) for request in fine]
        replies = iter(self._responses(fine, prompts))
        return [fault or next(replies) for fault in faults]

    def reply(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies to requests that can all be answered. Raises ContextError and ConstraintError."""
        replies: list[Reply] = []
        for response in self._responses(requests, self.prompts(requests)):
            if isinstance(response, Exception):
                raise response
            replies.append(response)
        return replies

    def _responses(self, requests: Sequence[Request], prompts: Sequence[Tokens]) -> list[Response]:
        """Responses to requests whose prompts fit, grouped by what draws them."""
        replies: dict[int, Response] = {}

        groups: dict[tuple[Sampling, bool, Dialect], list[int]] = {}
        for i, request in enumerate(requests):
            sampling = request.sampling or self.sampling
            held = sampling.constrained and bool(request.choices)
            groups.setdefault((sampling, held, self.dialect.of(request.role)), []).append(i)

        for (sampling, held, own), members in groups.items():
            draw, some = self._choose if held else self._speak, [requests[i] for i in members]
            said = draw(some, [prompts[i] for i in members], sampling, own)
            replies.update(zip(members, said, strict=True))
        return [replies[i] for i in range(len(requests))]

    def scores(self, wanted: Sequence[tuple[Tokens, set[Tokens]]], sampling: Sampling) -> Scores:
        """Likelihoods of whole replies, given by prompt, under these settings. Raises ContextError."""
        replies: dict[Tokens, set[Tokens]] = {}
        for prompt, some in wanted:
            replies.setdefault(prompt, set()).update(some)
        for prompt, some in replies.items():
            if fault := too_long(prompt, some, self.context, self.ref.name):
                raise fault

        # PEFT takes an adapter for each row, and a row of a forest holds many
        if self.adapter is None and suits(self.model):
            return self._forest_scores(replies, sampling)

        # many replies a prompt make many rows of its tree: fewer prompts share a batch then
        most = max([len(some) for some in replies.values()], default=1)
        rows = max(1, self.batching.rows * _FEW // max(most, _FEW))
        found: dict[Tokens, Any] = {}
        with self.acting():
            for batch in batches([*replies], rows, self.batching.tokens):
                found |= score(
                    self.branches(batch),
                    batch,
                    [replies[prompt] for prompt in batch],
                    stops=self.dialect.stops,
                    end=self.dialect.end,
                    sampling=sampling,
                )
        return found

    def _forest_scores(self, replies: Mapping[Tokens, set[Tokens]], sampling: Sampling) -> Scores:
        """Likelihoods of these replies; prompts that begin alike share a forest."""
        found: dict[Tokens, Any] = {}
        with self.acting():
            words = self.model.config.get_text_config().vocab_size
            for some in shares(replies, _AT_ONCE, _LOGITS // words):
                found |= score_forest(
                    self.model,
                    {prompt: replies[prompt] for prompt in some},
                    stops=self.dialect.stops,
                    end=self.dialect.end,
                    sampling=sampling,
                )
        return found

    def prompts(self, requests: Sequence[Request]) -> list[Tokens]:
        """The token ids each request's view becomes. Raises ContextError."""
        for request in requests:
            if fault := self._refusal(request):
                raise fault
        return [self.dialect.encode(request.role, request.messages) for request in requests]

    def _refusal(self, request: Request) -> ContextError | None:
        return self.dialect.refusal(request, self.context, self.ref.name)

    @contextmanager
    def acting(self) -> Generator[None]:
        """The model in evaluation mode, without gradients, used by one thread at a time."""
        with self._lock, torch.inference_mode():
            # the model may be in the middle of its training: dropout is off while it plays
            training = self.model.training
            if training:
                self.model.eval()
            try:
                yield
            finally:
                if training:
                    self.model.train()

    def _speak(
        self, requests: list[Request], prompts: list[Tokens], sampling: Sampling, own: Dialect
    ) -> list[Reply]:
        """Replies drawn freely, under one setting."""
        keys = [request.key for request in requests]
        if own.thinks:
            parts = self.thoughts(prompts, keys, sampling, own)
        else:
            rooms = {p: min(sampling.max_tokens, self.context - len(p)) for p in prompts}
            parts = self._draw(prompts, keys, rooms, sampling)

        # equal replies share one, which is made once
        made = {
            (prompt, part): ended(own, prompt, *part)
            for prompt, part in dict.fromkeys(zip(prompts, parts, strict=True))
        }
        return [made[pair] for pair in zip(prompts, parts, strict=True)]

    def thoughts(
        self, prompts: list[Tokens], keys: list[Key], sampling: Sampling, dialect: Dialect
    ) -> list[Part]:
        """Replies that begin with a thought: drawn up to its budget, closed, and drawn on."""
        rooms = {prompt: first(dialect, prompt, self.context) for prompt in prompts}
        begun = self._draw(prompts, keys, rooms, sampling)
        nexts = [
            then(dialect, prompt, part, sampling.max_tokens, self.context)
            for prompt, part in zip(prompts, begun, strict=True)
        ]

        parts = [step.part for step in nexts]
        going = [i for i, step in enumerate(nexts) if step.more]
        onward = [prompts[i] + parts[i].tokens for i in going]
        rooms = {p: nexts[i].more for p, i in zip(onward, going, strict=True)}
        drawn = self._draw(onward, [answering(keys[i]) for i in going], rooms, sampling)
        for i, more in zip(going, drawn, strict=True):
            parts[i] = joined(parts[i], more.tokens, more.logprobs)
        return parts

    def _draw(
        self,
        prompts: Sequence[Tokens],
        keys: Sequence[Key],
        rooms: Mapping[Tokens, int],
        sampling: Sampling,
    ) -> list[Part]:
        """What is said behind each prompt, of at most so many tokens."""
        members_of: dict[Tokens, list[int]] = {}
        for i, prompt in enumerate(prompts):
            members_of.setdefault(prompt, []).append(i)

        parts: dict[int, Part] = {}
        with self.acting():
            known = self._known(keys, members_of)
            new = [prompt for prompt in members_of if prompt not in known]
            cut = [
                # prompts that go on from a turn before are read apart: they have little to read
                *batches(new, self.batching.rows, self.batching.tokens),
                *batches(known, self.batching.rows, self.batching.tokens),
            ]
            for batch in cut:
                # requests with the same prompt share a row until their samples differ
                members = [(i, row) for row, prompt in enumerate(batch) for i in members_of[prompt]]
                members.sort()
                branches = self.branches(batch, [known[p] for p in batch if p in known])
                self._kept.add(branches.block(), batch, [(keys[i][:3], row) for i, row in members])

                rows, own = [row for _, row in members], [keys[i] for i, _ in members]
                room = [rooms[prompt] for prompt in batch]
                said = self._sample(branches, rows, room, own, sampling)
                parts.update(zip([i for i, _ in members], said, strict=True))
        return [parts[i] for i in range(len(prompts))]

    def _known(
        self, keys: Sequence[Key], members_of: Mapping[Tokens, list[int]]
    ) -> dict[Tokens, Place]:
        """Where those prompts lie that go on from the last turn of their seat."""
        kept = self._kept.at((stamp(self.model), self.adapter))
        found: dict[Tokens, Place] = {}
        for prompt, members in members_of.items():
            places = (kept.find(keys[i][:3], prompt) for i in members)
            place = next(filter(None, places), None)
            if place:
                found[prompt] = place
        return found

    def _choose(
        self, requests: list[Request], prompts: list[Tokens], sampling: Sampling, own: Dialect
    ) -> list[Response]:
        """Replies drawn among the choices of each request. Raises ConstraintError."""
        return choose(
            own,
            requests,
            prompts,
            self.scores,
            sampling,
            room=self.context,
            who=self.ref.name,
        )

    def _sample(
        self,
        branches: Branches,
        rows: list[int],
        room: list[int],
        keys: list[Key],
        sampling: Sampling,
    ) -> list[Part]:
        """What is said on rows of the prompts that `branches` have read, with `room` tokens a row."""
        device = self.model.device
        noise = [uniforms(key) for key in keys]

        paths = [Path(row, (), ()) for row in range(len(room))]

        # `live` are the requests not yet answered, `branch_of` the branch each one is on:
        # requests that have said the same so far share a branch
        live = torch.arange(len(rows), device=device)
        branch_of = torch.tensor(rows, device=device)
        parts: list[Any] = [None] * len(rows)

        while len(live):
            logp = logprobs(branches.logits, sampling)
            # one number a request, in its own order: what others draw does not shift it
            drawn = [next(noise[i]) for i in live.tolist()]
            tokens = draw(logp, branch_of, torch.tensor(drawn, dtype=torch.float64, device=device))

            # a branch and its token are one number: `unique` finds the distinct children,
            # and which of them each request went to
            width = logp.shape[1]
            codes, child_of = torch.unique(branch_of * width + tokens, return_inverse=True)
            parents, tokens = codes // width, codes % width
            costs = logp[parents, tokens].tolist()

            children = [
                paths[parent].then(token, cost)
                for parent, token, cost in zip(
                    parents.tolist(), tokens.tolist(), costs, strict=True
                )
            ]

            done = [
                path.tokens[-1] in self.dialect.stops or len(path.tokens) >= room[path.row]
                for path in children
            ]
            whole = {i: Part(p.tokens, p.logprobs) for i, p in enumerate(children) if done[i]}
            for i, child in zip(live.tolist(), child_of.tolist(), strict=True):
                if child in whole:
                    parts[i] = whole[child]

            going = torch.tensor([not d for d in done], device=device)
            if not going.any():
                break

            # the children that go on are numbered anew, without gaps
            staying = going[child_of]
            live = live[staying]
            branch_of = (going.cumsum(0) - 1)[child_of[staying]]
            branches.extend(parents[going], tokens[going])
            paths = [path for path, d in zip(children, done, strict=True) if not d]
        return parts
