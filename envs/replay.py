"""Games played again from their stored answers, to their end or to where other players take over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from .registry import Game
from .script import Recall
from .table import Answer, Buffer, Table, TableError, draw, keyed
from .types import Episode, Reply, Value

KEPT: Final = 1024
"""Courses of a game that are remembered; long conversations seldom go the same way twice."""
_Course: TypeAlias = tuple[tuple[int, ...], tuple[Reply, ...]]


def replay(game: Game, seed: int, answers: Sequence[Answer], *, open_chance: bool = False) -> Table:
    """A table brought to where these answers lead."""
    table = Table(game, seed, open_chance=open_chance)
    for answer in answers:
        table.answer(answer)
    return table


def replay_episode(
    game: Game, episode: Episode, turns: int | None = None, *, buffer: Buffer | None = None
) -> Table:
    """Play an episode again from its stored answers, without a model or a verifier.

    With `turns`, only so many: the table then waits for the reply after them, and recalls what the episode
    did not from the `buffer` (None: the game's own seeds). Raises TableError when the game no longer
    accepts the answers, or when a simultaneous move would be cut in two.
    """
    # only draws are not answered: the seed gives the same ones again
    further = buffer or (_nothing_more if turns is None else _seeds)
    table = Table(game, episode.seed, buffer=_recorded(episode, further))
    stop = len(episode.turns) if turns is None else turns
    replies, verdicts = iter(episode.turns[:stop]), iter(episode.verdicts)

    try:
        while table.ending is None:
            if table.jobs:
                table.answer([next(verdicts) for _ in table.jobs])
            elif turns is not None and len(table.turns) == turns:
                break
            else:
                table.answer([next(replies).reply for _ in table.asks])
    except StopIteration:
        raise TableError(
            f"{game.id} asks for more than the episode holds; has the game changed?"
            if turns is None
            else f"no game of {game.id} can begin after {turns} turns: several seats move together there"
        ) from None
    return table


class Replays:
    """What episodes of one game pay when they are played again, the same course of it once.

    A script knows nothing but its draws and its answers. So where an episode holds those of one that was
    played again before, it pays the same; that its own seed draws them is worked out for each.
    """

    def __init__(self, game: Game) -> None:
        self._game = game
        self._known: dict[_Course, tuple[Sequence[Sequence[float]], Mapping[str, float]]] = {}

    def payoff(self, episode: Episode) -> Mapping[str, float]:
        """The payoff by the rules as they are now; empty after an error.

        Raises TableError as `replay_episode` does.
        """
        course = episode.chances, tuple([turn.reply for turn in episode.turns])
        alone = not episode.verdicts and not episode.recalls
        known = self._known.get(course) if alone else None
        if known and _draws(episode, known[0]):
            return known[1]

        table = replay_episode(self._game, episode)
        weights = [one for one in table.drawn if one is not None]
        # a generator that was handed out may have been asked for anything
        whole = len(weights) == len(table.drawn) == len(episode.chances)
        if alone and whole and len(self._known) < KEPT:
            self._known[course] = weights, table.payoff
        return table.payoff


def _draws(episode: Episode, weights: Sequence[Sequence[float]]) -> bool:
    """Whether the episode's seed draws what it says."""
    return all(
        draw(one, keyed(episode.seed, number)) == index
        for number, (one, index) in enumerate(zip(weights, episode.chances, strict=True))
    )


def _recorded(episode: Episode, further: Buffer) -> Buffer:
    """What the episode recalled, in its order, and then what `further` gives."""
    recalls: Iterator[tuple[Value, ...]] = iter(episode.recalls)

    def recalled(wish: Recall) -> Sequence[Value]:
        given = next(recalls, None)
        return further(wish) if given is None else given

    return recalled


def _seeds(wish: Recall) -> Sequence[Value]:
    return wish.seeds


def _nothing_more(_: Recall) -> Sequence[Value]:
    raise TableError("the game recalls more than the episode holds")
