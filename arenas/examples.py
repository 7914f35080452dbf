"""Finished conversations of every role of a game, between its scripted players: examples to show a model."""

from __future__ import annotations

from ..agents.models.scripted_thoughts import remembered
from ..agents.policy import Policy
from ..agents.scripted import scripted, scripted_names
from ..envs.registry import Game
from ..envs.types import Episode, Message
from ..sandbox.verifier import Verifier
from .match import Match, play

FIRST_SEED = 10**9
"""Of the games that examples come from: far from the seeds that anything else is played with."""


async def examples(
    game: Game, verifier: Verifier | None = None, count: int = 2
) -> dict[str, tuple[Message, ...]]:
    """For each role, `count` conversations of its best-paid seats: prompts and replies, without rules.

    Replies begin with scripted thoughts, which `Shown` takes out for players that do not think.

    They come from games of their own, so nothing in them belongs to a game that is then played.
    """
    player = usual(game)

    found: dict[str, tuple[Message, ...]] = dict.fromkeys(game.roles, ())
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        episode = await play(
            Match(game, dict.fromkeys(game.seats, player), seed), verifier=verifier
        )
        for role in game.roles:
            found[role] += _conversation(game, episode, role)
    return found


def usual(game: Game) -> Policy:
    """The player to seat where none is named: the game's `sample`, else its first own one, else random."""
    own = [name for name in scripted_names(game) if name in game.oracles]
    return scripted("sample" if "sample" in own else own[0] if own else "random", game)


def _conversation(game: Game, episode: Episode, role: str) -> tuple[Message, ...]:
    """What the best-paid seat of the role saw and said; empty if it was never asked."""
    seats = sorted(
        {turn.seat for turn in episode.turns if turn.role == role},
        key=lambda seat: (-episode.payoff.get(seat, 0.0), seat),
    )
    if not seats:
        return ()

    # a seat's last prompt holds all that it saw before
    last = [turn for turn in episode.turns if turn.seat == seats[0]][-1]
    seen = (*last.prompt, Message("self", last.reply.text))
    said = tuple([message for message in seen if message.speaker != "system"])
    return remembered(game.id, role, said)
