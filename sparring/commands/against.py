"""What `sparring exploit --against PLAYER` says: exactly what comes of a policy's games with one player."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sparring.agents.policy import Policy
    from sparring.arenas.exact_meeting import Meeting
    from sparring.envs.registry import Game
    from sparring.training.config import Config

ANYBODY = "anybody"
"""No player: all who make legal moves."""
Met: TypeAlias = "Mapping[tuple[str, str], Meeting]"
"""By seat, and by whether moves are drawn (`sampled`) or the likeliest is made (`likeliest`)."""


def meetings(game: Game, policy: Policy, against: str | None, config: Config) -> Met:
    """The policy in each seat against the player; empty where none is named. Raises MeetingError."""
    if against is None:
        return {}
    from sparring.agents.seats import seat
    from sparring.arenas.exact_meeting import meeting
    from sparring.training.players.learner import sampling

    other = None if against == ANYBODY else seat(against, game, sampling=sampling(config))
    return {
        (place, how): meeting(game, place, policy, other, likeliest=how == "likeliest")
        for place in game.seats
        for how in ("sampled", "likeliest")
    }


def told(against: str | None, met: Met) -> list[str]:
    """The lines for a reader."""
    lines = [f"against {against}, over every line of play ◆ (exact):"]
    for (place, how), found in met.items():
        moves = "its likeliest moves" if how == "likeliest" else "moves as it draws them"
        lines.append(
            f"  as {place}, {moves}: wins {found.won:.4f}, loses {found.lost:.4f}, "
            f"at worst {found.lost_at_worst:.4f}; "
            f"is paid {found.value:+.4f}, at worst {found.worst:+.4f}"
        )
    lines.append("  (at worst: the other takes, of the moves that it might make, what is worst)")
    return lines


def as_data(met: Met) -> list[dict[str, Any]] | None:
    """The same for `--json`."""
    if not met:
        return None
    return [
        {
            "moves": how,
            **asdict(found),
            "outcomes": [[paid, odds] for paid, odds in sorted(found.outcomes.items())],
            "value": found.value,
            "lost": found.lost,
        }
        for (_, how), found in met.items()
    ]
