"""A player that now and then moves evenly at random, so that rare positions come up."""

from __future__ import annotations

from collections.abc import Sequence

from ...agents.policy import Policy, Request, Response, Wrapper
from ...envs.seeds import fraction
from ...envs.types import Reply


class Exploring(Wrapper):
    """With the chance `share` a move that was listed, each as likely, in place of the inner policy's reply.

    Such a reply has no tokens, so nobody is trained on it. Who explores, and where, is keyed as the noise
    of replies is. A request without choices is always answered by the inner policy.
    """

    def __init__(self, inner: Policy, share: float) -> None:
        super().__init__(inner)
        self._share = share

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        drawn = [self._drawn(request) for request in requests]
        asked = [request for request, own in zip(requests, drawn, strict=True) if own is None]
        said = iter(await self._inner.act(asked) if asked else ())
        return [next(said) if own is None else own for own in drawn]

    def _drawn(self, request: Request) -> Reply | None:
        """A move at random, where one is due."""
        if not request.choices:
            return None
        place = fraction(f"explore/{request.key.name}")
        if place >= self._share:
            return None
        # what is left of the draw is even below the share
        return Reply(request.choices[int(place / self._share * len(request.choices))])
