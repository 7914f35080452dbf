"""Continuous batching: requests join the batch of a model as they come, and leave it as they end.

`Transformer.act` draws one batch to its end, which suits games that wait for each other. A server's requests
come at any time: here each step reads the prompts that wait, adds their rows to those in progress, and draws
one token of every row. Noise is keyed as in `act`, so the same request gives the same reply in whatever
company, to rounding.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import torch

from ..policy import Key, Sampling
from .sampling import draw, logprobs, uniforms
from .shared_prefixes import Branches, Tokens
from .transformer import Transformer


@dataclass(frozen=True, slots=True)
class Step:
    """One drawn token of one reply.

    `logprob` is that of the distribution that it was drawn from, `raw` that of the model as it is
    (temperature 1, all tokens), and `likeliest` are the ids and raw log-probabilities of the best tokens.
    """

    token: int
    logprob: float
    raw: float
    likeliest: tuple[tuple[int, float], ...] = ()
    last: bool = False


@dataclass(eq=False)
class Draft:
    """A reply to be drawn. `heard` gets every step, or the fault that ended the reply, in the batch's thread.

    `stops` are the tokens that end it, `likeliest` how many tokens each step tells besides the drawn one.
    """

    prompt: Tokens
    key: Key
    sampling: Sampling
    stops: frozenset[int]
    heard: Callable[[Step | Exception], None]
    adapter: str | None = None
    likeliest: int = 0
    said: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Draw no further; the row leaves the batch at the next step."""
        self.cancelled.set()


class Continuous:
    """A model with a thread of its own that answers drafts as they come. Close it when done.

    `rows` replies are drawn at once; more wait in the order in which they came.
    """

    def __init__(self, policy: Transformer, rows: int = 64) -> None:
        self.policy = policy
        self._rows = rows
        self._waiting: queue.SimpleQueue[Draft | None] = queue.SimpleQueue()
        self._live: list[Draft] = []
        self._noise: list[Iterator[float]] = []
        self._branches: Branches | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="sparring-batch", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; drafts in progress get a fault."""
        self._closing = True
        self._waiting.put(None)
        self._thread.join()

    @property
    def busy(self) -> int:
        """Replies in progress and waiting."""
        return len(self._live) + self._waiting.qsize()

    @contextmanager
    def paused(self) -> Generator[None]:
        """No step is under way inside, so that an adapter can be put into the model."""
        with self.policy.acting(), torch.inference_mode(False):
            yield

    def submit(self, draft: Draft) -> None:
        """Have a reply drawn. Its prompt must leave room for at least one token."""
        self._waiting.put(draft)

    def _run(self) -> None:
        while not self._closing:
            admitted = self._admitted()
            try:
                with self.policy.acting():
                    if admitted:
                        self._read(admitted)
                    if self._branches is not None:
                        self._step(self._branches)
            except Exception as fault:
                # The batch is lost and with it the replies in it; the next ones begin anew.
                self._fail([*self._live, *(d for d in admitted if d not in self._live)], fault)
                self._live, self._noise, self._branches = [], [], None

        self._fail(self._live, RuntimeError("the server is closing"))
        while not self._waiting.empty():
            if (draft := self._waiting.get()) is not None:
                self._fail([draft], RuntimeError("the server is closing"))

    def _admitted(self) -> list[Draft]:
        """Drafts that begin now; waits for one where nothing is in progress."""
        found: list[Draft] = []
        tokens = 0

        while len(self._live) + len(found) < self._rows and tokens < self.policy.batching.tokens:
            try:
                draft = self._waiting.get(block=not self._live and not found)
            except queue.Empty:
                break
            if draft is None:
                break
            if not draft.cancelled.is_set():
                found.append(draft)
                tokens += len(draft.prompt)
        return found

    def _read(self, drafts: Sequence[Draft]) -> None:
        """Read the prompts, and add their rows to those in progress."""
        groups: dict[str | None, list[Draft]] = {}
        for draft in drafts:
            groups.setdefault(draft.adapter, []).append(draft)

        # Rows of other adapters share no beginning of their prompts, so each group is read by itself.
        for adapter, group in groups.items():
            fresh = Branches(
                self.policy.model, [d.prompt for d in group], self.policy.dialect.pad, adapter
            )
            if self._branches is None:
                self._branches = fresh
            else:
                self._branches.join(fresh)
            self._live += group
            self._noise += [uniforms(draft.key) for draft in group]

    def _step(self, branches: Branches) -> None:
        """Draw one token of every row, tell it, and go on with the rows that have not ended."""
        logits = branches.logits.float()
        drawn_from = torch.empty_like(logits)
        for sampling in {draft.sampling for draft in self._live}:
            rows = [i for i, draft in enumerate(self._live) if draft.sampling == sampling]
            drawn_from[rows] = logprobs(logits[rows], sampling)

        count = len(self._live)
        device = logits.device
        noise = torch.tensor([next(n) for n in self._noise], dtype=torch.float64, device=device)
        tokens = draw(drawn_from, torch.arange(count, device=device), noise)

        raw = logits.log_softmax(-1)
        most = max(draft.likeliest for draft in self._live)
        best = raw.topk(min(most, raw.shape[1])) if most else None
        drawn, said = tokens.tolist(), drawn_from.gather(-1, tokens[:, None])[:, 0].tolist()
        plain = raw.gather(-1, tokens[:, None])[:, 0].tolist()

        going: list[int] = []
        for i, draft in enumerate(self._live):
            draft.said += 1
            room = self.policy.context - len(draft.prompt)
            last = drawn[i] in draft.stops or draft.said >= min(draft.sampling.max_tokens, room)
            likeliest: tuple[tuple[int, float], ...] = ()
            if best is not None and draft.likeliest:
                ids, values = best.indices[i].tolist(), best.values[i].tolist()
                likeliest = tuple(zip(ids, values, strict=True))[: draft.likeliest]
            draft.heard(Step(drawn[i], said[i], plain[i], likeliest, last))
            if not (last or draft.cancelled.is_set()):
                going.append(i)

        self._live = [self._live[i] for i in going]
        self._noise = [self._noise[i] for i in going]
        if not going:
            self._branches = None
            return
        parents = torch.tensor(going, device=device)
        branches.extend(parents, tokens[parents])

    @staticmethod
    def _fail(drafts: Sequence[Draft], fault: Exception) -> None:
        for draft in drafts:
            draft.heard(fault)
