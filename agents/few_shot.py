"""A policy whose prompts begin with a few finished conversations of its role.

Small models follow a form far better when they have seen it than when it is only described.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from ..envs.types import Message, PolicyRef
from .policy import Policy, Request, Response, Wrapper, thinking_of
from .prompts import CLOSE, OPEN
from .wording import PromptsError


class Shown(Wrapper):
    """`policy` with `examples` between the rules and the game so far.

    `examples` maps a role to messages, without rules; own replies in them may begin with a thought. A role
    that the policy is asked to think in is shown the thoughts; any other is not. Raises PromptsError for a
    policy whose prompts leave earlier replies out.
    """

    def __init__(self, policy: Policy, examples: Mapping[str, Sequence[Message]]) -> None:
        super().__init__(policy)
        thinking = thinking_of(policy)
        if thinking.prompts and thinking.prompts.shortens:
            raise PromptsError(
                f"examples are earlier replies, which the prompts of {policy.ref.name} leave out (history); "
                "show none, or leave history out"
            )
        self._examples = {
            role: tuple(messages if thinking.of(role).mode == "asked" else map(_said, messages))
            for role, messages in examples.items()
        }
        self._digest = sha256(repr(sorted(self._examples.items())).encode()).hexdigest()[:8]

    @property
    def ref(self) -> PolicyRef:
        inner = self._inner.ref
        return PolicyRef(inner.name, f"{inner.id}/shown/{self._digest}")

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        return await self._inner.act([self.with_examples(request) for request in requests])

    @property
    def inner(self) -> Policy:
        """The policy that is shown them."""
        return self._inner

    def with_examples(self, request: Request) -> Request:
        """The request with the examples in its view."""
        told = [message for message in request.messages if message.speaker == "system"]
        since = [message for message in request.messages if message.speaker != "system"]
        return request._replace(messages=(*told, *self._examples.get(request.role, ()), *since))


def _said(message: Message) -> Message:
    """The message without its thought."""
    if message.speaker != "self" or not message.text.startswith(OPEN):
        return message
    return message._replace(text=message.text.partition(f"{CLOSE}\n\n")[2])
