"""Prints what a policy is sent, for a person who wants to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .few_shot import Shown
from .policy import Policy, Request, Response, Wrapper


def written(policy: Policy, request: Request) -> str:
    """The chat that the policy's model is sent for this request; empty for a policy that reads none."""
    if isinstance(policy, Shown):
        return written(policy.inner, policy.with_examples(request))
    writer: Callable[[Request], str] | None = getattr(
        getattr(policy, "dialect", policy), "written", None
    )
    return writer(request) if writer else ""


class Showing(Wrapper):
    """A policy that prints every chat that it is sent, before it answers."""

    def __init__(self, policy: Policy, say: Callable[[str], object] = print) -> None:
        super().__init__(policy)
        self._say = say

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        for request in requests:
            if text := written(self._inner, request):
                self._say(f"── sent to {self.ref.name} as {request.seat}\n{text}\n──")
        return await self._inner.act(requests)
