"""Who takes part: policies by id, and the A/A control, one entrant under two names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..agents.policy import Policy, Renamed
from ..envs.errors import SparringError
from ..envs.types import PolicyRef

CONTROL: Final = "/control"
"""Ends the id under which an entrant plays a second time, as A/A control."""


class EntrantError(SparringError, ValueError):
    """An entrant cannot take part: it has no id, shares one, or could not be loaded."""


def control_of(policy: Policy) -> Renamed:
    """The entrant's A/A control: the same play under a second name."""
    return Renamed(policy, PolicyRef(f"{policy.ref.name}′", policy.ref.id + CONTROL))


def known(entrants: Iterable[Policy], *, control: bool = False) -> dict[str, Policy]:
    """The entrants by id; `control` adds the first one a second time. Raises EntrantError for a shared id."""
    taking = list(entrants)
    if control and taking:
        taking.append(control_of(taking[0]))

    by_id: dict[str, Policy] = {}
    for policy in taking:
        ref = policy.ref
        if not ref.id:
            raise EntrantError(
                f"{ref.name!r} has no id; an entrant needs one that changes with its behaviour"
            )
        # rows of two entrants with one id could not be told apart
        if ref.id in by_id:
            other = by_id[ref.id].ref.name
            raise EntrantError(
                f"{other!r} and {ref.name!r} are the same player; name it once, and use the A/A control of a "
                "tournament to rate a player against itself"
            )
        by_id[ref.id] = policy
    return by_id
