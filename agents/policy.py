"""What sits in a seat: the contract every policy keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from ..envs.errors import SparringError
from ..envs.types import Message, PolicyRef, Reply
from .thinking import OFF, Thinking


@dataclass(frozen=True, slots=True)
class Sampling:
    """How replies are drawn. `temperature=0` is greedy; `max_tokens` bounds one reply.

    `constrained` draws the reply from the choices of a request that lists some, each as likely as the
    model's own distribution over whole replies (end of turn included) has it among them. `top_p` and
    `max_tokens` have no say in that, and greedy means the likeliest choice. A policy that cannot do it
    raises ConstraintError.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 64
    constrained: bool = False


FREE = Sampling()
"""The settings under which behaviour and learner agree: temperature 1, the whole vocabulary."""


class Key(NamedTuple):
    """Names the sampling noise of one reply: same key and same request, same reply.

    `ask` counts that seat's asks, retries included. Legs of a rated pair share a replicate; copies of
    a game in training do not.
    """

    # a tuple and no dataclass: one is made for every ask, at a third of the price
    seed: int
    replicate: int
    seat: str
    ask: int

    @property
    def name(self) -> str:
        """The key as a text, from which noise is derived (`envs/seeds.py`)."""
        return f"{self.seed}/{self.replicate}/{self.seat}/{self.ask}"


class Request(NamedTuple):
    """One seat's turn, as a policy sees it. `messages` is the seat's view, ending in the prompt.

    `sampling=None` leaves the settings to the policy.
    """

    seat: str
    role: str
    messages: tuple[Message, ...]
    choices: tuple[str, ...] | None
    key: Key
    sampling: Sampling | None = None


class ConstraintError(SparringError, ValueError):
    """A reply was to be held to choices, and the policy or the request does not allow that."""


class QuotaError(RuntimeError):
    """An engine refuses to go on for now: a rate limit or a budget is used up."""


class ContextError(SparringError, ValueError):
    """A prompt is longer than the model can read."""


Response: TypeAlias = Reply | Exception
"""What a policy gives for one request: a reply, or a fault of this request and no other."""


class Policy(Protocol):
    """Answers requests. Same requests in the same order give the same replies.

    A request that cannot be answered (its prompt is too long, say) has its fault in the place of a reply,
    and ends its own game only. `act` raises QuotaError at the end of a quota; whatever else it raises is
    a fault of the engine, and ends all games that asked.
    """

    @property
    def ref(self) -> PolicyRef: ...

    @property
    def streams(self) -> bool:
        """Whether the policy batches by itself, as a server does.

        It may then be asked again before it has answered, so rollouts that need not be
        deterministic hand it each game as it comes.
        """
        ...

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        """One response per request, in the order of the requests."""
        ...


def streams(policy: Policy) -> bool:
    """Whether the policy streams; False for a user's class that was written without the member."""
    return getattr(policy, "streams", False)


class Wrapper:
    """A policy around another: everything that a subclass does not change is the inner policy's."""

    def __init__(self, inner: Policy) -> None:
        self._inner = inner

    @property
    def inner(self) -> Policy:
        """The policy that it is around."""
        return self._inner

    @property
    def ref(self) -> PolicyRef:
        return self._inner.ref

    @property
    def streams(self) -> bool:
        return streams(self._inner)

    @property
    def thinking(self) -> Thinking:
        return thinking_of(self._inner)

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        return await self._inner.act(requests)


def thinking_of(policy: Policy) -> Thinking:
    """How the policy thinks before it moves; `OFF` for one without a say in it."""
    found: Thinking = getattr(getattr(policy, "dialect", policy), "thinking", OFF)
    return found


class Renamed(Wrapper):
    """A policy under another reference: the same play, another name."""

    def __init__(self, inner: Policy, ref: PolicyRef) -> None:
        super().__init__(inner)
        self._ref = ref

    @property
    def ref(self) -> PolicyRef:
        return self._ref
