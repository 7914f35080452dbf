"""Games played again from their stored answers, to their end or to where other players take over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .registry import Game
from .script import Recall
from .table import Answer, Buffer, Table, TableError
from .types import Episode, Value


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
