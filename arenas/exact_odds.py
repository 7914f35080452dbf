"""How likely a policy makes each move, where it can say so: players by rule, and language models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from ..agents.policy import Policy
from ..agents.scripted import UnansweredError
from ..envs.exact import InfoSet, Odds, ViewKey
from ..envs.types import Message


@runtime_checkable
class _Open(Protocol):
    """A policy that says how likely it takes each choice."""

    def odds(self, seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]) -> Odds: ...


def odds_at(
    policy: Policy, infosets: Sequence[InfoSet]
) -> tuple[Mapping[ViewKey, Odds], Mapping[ViewKey, float]] | None:
    """Odds among the choices at each view, and how likely a free sample is one; None where not known."""
    if isinstance(policy, _Open):
        try:
            odds = {i.key: policy.odds(i.seat, i.messages, i.choices) for i in infosets}
        # a player by rule may say what is none of the choices, or know no answer
        except (ValueError, UnansweredError):
            return None
        return odds, dict.fromkeys(odds, 1.0)

    # torch is imported for models alone
    from ..agents.language.exact import ExactError, behaviour
    from ..agents.language.transformer import Transformer

    if not isinstance(policy, Transformer):
        return None
    try:
        return behaviour(policy, infosets)
    except ExactError:
        return None
