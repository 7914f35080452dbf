"""What sits in a seat: the contract every policy keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..envs.types import Message, PolicyRef, Reply


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn. `temperature=0` is greedy; `max_tokens` bounds one reply."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 64


FREE = Sampling()
"""The settings under which behaviour and learner agree: temperature 1, the whole vocabulary."""


class Key(NamedTuple):
    """Names the sampling noise of one reply: same key and same request, same reply.

    `ask` counts that seat's asks, retries included. Legs of a rated pair share a replicate; copies of
    a game in training do not.
    """

    seed: int
    replicate: int
    seat: str
    ask: int


@dataclass(frozen=True, slots=True)
class Request:
    """One seat's turn, as a policy sees it. `messages` is the seat's view, ending in the prompt.

    `sampling=None` leaves the settings to the policy.
    """

    seat: str
    role: str
    messages: tuple[Message, ...]
    choices: tuple[str, ...] | None
    key: Key
    sampling: Sampling | None = None


class QuotaError(RuntimeError):
    """An engine refuses to go on for now: a rate limit or a budget is used up."""


class Policy(Protocol):
    """Answers requests. Same requests in the same order give the same replies.

    `act` raises QuotaError at the end of a quota; whatever else it raises is a fault of the engine.
    """

    @property
    def ref(self) -> PolicyRef: ...

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """One reply per request, in the order of the requests."""
        ...
