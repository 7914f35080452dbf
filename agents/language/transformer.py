"""A causal language model in a seat: batched sampling with the log-probabilities it sampled under."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from ...envs.types import Finish, PolicyRef, Reply
from ..policy import FREE, ConstraintError, ContextError, Key, Request, Response, Sampling
from .chat_template import Dialect
from .choices import Scores, draw_choice, score
from .sampling import draw, logprobs, uniforms
from .shared_prefixes import Branches, Tokens, batches

_SMALL = 10_000_000
_FEW = 8
"""So many replies to a prompt may be scored before fewer prompts share a batch."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How much goes through the model at once: rows, and tokens of prompts with their padding."""

    rows: int = 64
    tokens: int = 16_384


BATCHING = Batching()


class Transformer:
    """A policy over any causal model of transformers.

    Identical sequences are computed once: equal prompts share a row until their samples differ. A reply
    depends on its prompt, its key and, by rounding only, on the batch it is computed in; equal sets of
    requests give equal batches, whatever their order. `weights` names what the model holds (a hash, or
    a run's step): give every change a new name by `publish`. The model may be one that is being trained;
    it is put into evaluation mode while it acts. Not safe under concurrent changes of the weights.
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
        keep_thoughts: bool = False,
    ) -> None:
        self.model = model
        self.dialect = dialect
        self.sampling = sampling
        self.batching = batching
        self.keep_thoughts = keep_thoughts
        self.adapter: str | None = None
        self._lock = threading.Lock()
        self._small = sum(p.numel() for p in model.parameters()) < _SMALL
        self.publish(weights, name=name)

    @property
    def ref(self) -> PolicyRef:
        return self._ref

    @property
    def context(self) -> int:
        """The most tokens the model reads, prompt and reply together."""
        return int(getattr(self.model.config, "max_position_embeddings", 1 << 30))

    def publish(self, weights: str, *, name: str | None = None) -> None:
        """Say that the model now holds other weights."""
        self.weights = weights
        parts = (weights, self.dialect.id, self.sampling, self.keep_thoughts, code_version())
        digest = sha256(repr(parts).encode()).hexdigest()[:16]
        self._ref = PolicyRef(self._ref.name if name is None else name, digest)

    def load(self, state: Mapping[str, Any], weights: str) -> None:
        """Take on other values of these parameters, by name. Raises KeyError for one the model lacks."""
        own = dict(self.model.named_parameters())
        with self._lock, torch.no_grad():
            for name, value in state.items():
                own[name].copy_(torch.as_tensor(value))
        self.publish(weights)

    def twin(self) -> Transformer:
        """A policy of its own over the same model; one of them acts at a time."""
        twin = object.__new__(Transformer)
        twin.__dict__.update(self.__dict__)
        return twin

    def branches(self, prompts: Sequence[tuple[int, ...]]) -> Branches:
        """These prompts read by the model; inside `acting` only."""
        return Branches(self.model, prompts, self.dialect.pad, self.adapter)

    def with_sampling(self, sampling: Sampling) -> Transformer:
        """The same model under other settings; the weights are shared."""
        twin = self.twin()
        twin.sampling = sampling
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
        replies = iter(
            self.reply([r for r, fault in zip(requests, faults, strict=True) if not fault])
        )
        return [fault or next(replies) for fault in faults]

    def reply(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies to requests that can all be answered. Raises ContextError."""
        prompts = self.prompts(requests)
        replies: dict[int, Reply] = {}
        groups: dict[tuple[Sampling, bool], list[int]] = {}
        for i, request in enumerate(requests):
            sampling = request.sampling or self.sampling
            groups.setdefault(
                (sampling, sampling.constrained and bool(request.choices)), []
            ).append(i)
        for (sampling, chosen), members in groups.items():
            some = [requests[i] for i in members]
            answer = self._choose if chosen else self._speak
            said = answer(some, [prompts[i] for i in members], sampling)
            replies.update(zip(members, said, strict=True))
        return [replies[i] for i in range(len(requests))]

    def scores(self, wanted: Sequence[tuple[Tokens, set[Tokens]]], sampling: Sampling) -> Scores:
        """Likelihoods of whole replies, given by prompt, under these settings. Raises ContextError."""
        replies: dict[Tokens, set[Tokens]] = {}
        for prompt, some in wanted:
            replies.setdefault(prompt, set()).update(some)
        self._check_room(replies)
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

    def prompts(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
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
            training = self.model.training
            if training:
                self.model.eval()
            try:
                yield
            finally:
                if training:
                    self.model.train()

    def _speak(
        self, requests: list[Request], prompts: list[Tokens], sampling: Sampling
    ) -> list[Reply]:
        """Replies drawn freely, under one setting."""
        replies: dict[int, Reply] = {}
        with self.acting():
            for batch in batches(prompts, self.batching.rows, self.batching.tokens):
                row_of = {prompt: row for row, prompt in enumerate(batch)}
                members = [i for i, prompt in enumerate(prompts) if prompt in row_of]
                rows = [row_of[prompts[i]] for i in members]
                keys = [requests[i].key for i in members]
                replies.update(zip(members, self._sample(batch, rows, keys, sampling), strict=True))
        return [replies[i] for i in range(len(requests))]

    def _choose(
        self, requests: list[Request], prompts: list[Tokens], sampling: Sampling
    ) -> list[Reply]:
        """Replies drawn among the choices of each request. Raises ConstraintError."""
        if self.dialect.thinks:
            raise ConstraintError(
                f"{self.ref.name} thinks before it moves: its reply cannot be held to the choices; "
                "load it with thinks=False"
            )
        spelt = [[self.dialect.choice(c) for c in dict.fromkeys(r.choices or ())] for r in requests]
        greedy = sampling.temperature == 0
        settings = replace(sampling, top_p=1.0, temperature=sampling.temperature or 1.0)
        scores = self.scores(
            [(p, {*some}) for p, some in zip(prompts, spelt, strict=True)], settings
        )
        replies: list[Reply] = []
        for request, prompt, some in zip(requests, prompts, spelt, strict=True):
            found = [scores[prompt][tokens] for tokens in some]
            try:
                chosen, logps = draw_choice(found, next(uniforms(request.key)), greedy=greedy)
            except ValueError as fault:
                raise ConstraintError(
                    f"{self.ref.name}, asked for {request.choices}: {fault}"
                ) from fault
            tokens = (*chosen.tokens, self.dialect.end)
            text = self.dialect.read(tokens).text
            free = chosen.logprobs
            replies.append(Reply(text, "", tokens, logps, "stop", prompt, None, free))
        return replies

    def _check_room(self, replies: dict[Tokens, set[Tokens]]) -> None:
        for prompt, some in replies.items():
            longest = max([len(reply) for reply in some], default=0)
            if len(prompt) + longest > self.context:
                raise ContextError(
                    f"a choice of {longest} tokens does not fit behind a prompt of {len(prompt)}; "
                    f"{self.ref.name} reads at most {self.context}"
                )

    def _sample(
        self, batch: list[tuple[int, ...]], rows: list[int], keys: list[Key], sampling: Sampling
    ) -> list[Reply]:
        """Replies to requests on rows of one batch of distinct prompts."""
        device = self.model.device
        room = [min(sampling.max_tokens, self.context - len(prompt)) for prompt in batch]
        noise = [uniforms(key) for key in keys]
        branches = self.branches(batch)
        paths = [_Path(row, (), ()) for row in range(len(batch))]
        live = torch.arange(len(rows), device=device)
        branch_of = torch.tensor(rows, device=device)
        replies: list[Any] = [None] * len(rows)
        while len(live):
            logp = logprobs(branches.logits, sampling)
            drawn = [next(noise[i]) for i in live.tolist()]
            tokens = draw(logp, branch_of, torch.tensor(drawn, dtype=torch.float64, device=device))
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
            ended = {i: self._finish(batch, path) for i, path in enumerate(children) if done[i]}
            for i, child in zip(live.tolist(), child_of.tolist(), strict=True):
                if child in ended:
                    replies[i] = ended[child]
            going = torch.tensor([not d for d in done], device=device)
            if not going.any():
                break
            staying = going[child_of]
            live = live[staying]
            branch_of = (going.cumsum(0) - 1)[child_of[staying]]
            branches.extend(parents[going], tokens[going])
            paths = [path for path, d in zip(children, done, strict=True) if not d]
        return replies

    def _finish(self, batch: list[tuple[int, ...]], path: _Path) -> Reply:
        """A finished path as a reply; equal paths share one."""
        spoken = self.dialect.read(path.tokens)
        finish: Finish = "stop" if path.tokens[-1] in self.dialect.stops else "length"
        memory = (
            f"<think>{spoken.thought}</think>{spoken.text}"
            if spoken.thought and self.keep_thoughts
            else None
        )
        return Reply(
            spoken.text, spoken.thought, path.tokens, path.logprobs, finish, batch[path.row], memory
        )


@dataclass(frozen=True, slots=True)
class _Path:
    """What one branch has said since its prompt, the batch's row `row`."""

    row: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]

    def then(self, token: int, logprob: float) -> _Path:
        return replace(self, tokens=(*self.tokens, token), logprobs=(*self.logprobs, logprob))


@lru_cache(1)
def code_version() -> str:
    """A hash of the code that turns a view into a reply."""
    here = Path(__file__).parent
    files = (here.parent / "prompts.py", *sorted(here.glob("*.py")))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
