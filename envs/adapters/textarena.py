"""TextArena's games, by its own ids. Moves are free text; what is legal is for TextArena to say.

    find("textarena/KuhnPoker-v0-short")
    find("textarena/LiarsDice-v0", players=4)

A game takes the options that TextArena registers for it, and `players`. The variants `…-train` and
`…-raw` of an id differ in how TextArena words and repeats observations; here a seat is shown what is new
to it, and the table keeps the rest, so all three play alike but for the brackets that `-raw` insists on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..registry import GameError, MissingLibraryError, Score, Sum, game
from ..script import Script, ask, randomness
from ..seeds import bits
from ..types import Message, Value
from ..values import check
from .extras import folder, load, release

if TYPE_CHECKING:
    from .textarena_game import Arena

ENDLESS = 500
"""A game ends after so many moves, or four times TextArena's own limit of turns, which counts otherwise."""

_HEADING = re.compile(r"^# *([\w ]+?) *[\[(](\d+)(?:-(\d+))? Players?[\])]")
_ID = re.compile(r'^register(?:_with_versions)?\(id="([^"]+)"')
_MOVE = re.compile(r"\[[^\[\]\n]{1,60}\]")
_WORDS = re.compile(r": (\w+(?:, \w+)+)")
_LISTED = re.compile(r"available|valid|legal|possible", re.IGNORECASE)
MOST = 15
"""The largest number of players that TextArena names for any game."""

OWN_REWARDS: Mapping[str, tuple[float, float]] = {
    "Set": (-20.0, 20.0),
    "UsedCarNegotiation": (0.0, 1.0),
}
"""Payoff ranges of the games that do not pay 1 to a winner, −1 to a loser and shares in between."""

_SWAPPED = "TextArena gives reason and penalty of a refused move in the wrong order; here it is a failed try"
CAVEATS: Mapping[str, str] = {
    "Bandit": "TextArena pays 0 for the right button",
    "CharacterConclave": "TextArena breaks on every move, so that every game is a forfeit",
    "Countdown": _SWAPPED,
    "Cryptarithm": _SWAPPED,
    "KuhnPoker": "the pot stays at the two antes whatever is bet, so that betting is free; "
    "kuhn-poker-v0 and openspiel/kuhn_poker pay by the pot",
    "Minesweeper": "stepping on a mine is refused and may be tried again, like an illegal move",
    "Slitherlink": _SWAPPED,
}


def names() -> Mapping[str, str]:
    """Every id of TextArena without its variants, with how many play where the library says it.

    Read from the text of its registrations: importing them takes seconds.
    """
    found: dict[str, str] = {}
    players = ""
    for line in (
        (folder("textarena", "textarena") / "envs" / "__init__.py").read_text().splitlines()
    ):
        # The count of players stands in a comment above each group of registrations; a comment that starts
        # with a capital begins a group without a count.
        if line.startswith("# ") and not _HEADING.match(line):
            players = "" if line[2:3].isupper() else players

        if heading := _HEADING.match(line):
            few, many = heading[2], heading[3]
            players = (
                f"{few} to {many} players" if many else f"{few} player{'' if few == '1' else 's'}"
            )

        if id := _ID.match(line):
            found[id[1]] = players
    return dict(sorted(found.items()))


def declare(id: str, name: str) -> bool:
    """Register TextArena's game of this id; False if there is none."""
    spec = load("textarena.envs.registration", "textarena").ENV_REGISTRY.get(name)
    if spec is None:
        return False
    # Options that are no plain values stay as TextArena registers them.
    defaults = {key: value for key, value in spec.kwargs.items() if _fits(value)}
    # Ranges and caveats are kept by the package of the game, which all its ids share.
    source = spec.entry_point.rpartition(".env:")[0].rpartition(".")[2]

    def script(**parameters: Value) -> Script:
        return (yield from _script(name, parameters))

    def fact(read: Callable[[Seen], Any]) -> Callable[..., Any]:
        # Each fact waits for the parameters: TextArena says nothing before a game is set
        # up.
        return lambda **parameters: read(_seen(name, parameters))

    about = names().get(re.sub(r"-(train|raw)$", "", name), "")
    script.__doc__ = (
        f"TextArena's {name}{f' ({about})' if about else ''}; its rules stand in the first prompt."
    )
    game(
        id,
        roles=fact(lambda seen: {f"player_{seat}": 1 for seat in range(seen.players)}),
        max_turns=fact(lambda seen: seen.max_turns),
        payoff_range=OWN_REWARDS.get(source, (-1.0, 1.0)),
        sum=fact(lambda seen: _sum(seen, source)),
        score=fact(lambda seen: _score(seen, source)),
        oracles={"sample": sample},
        family="textarena",
        provider=release("textarena", "TextArena"),
        caveats=(CAVEATS[source],) if source in CAVEATS else (),
        parameters={"players": 0, **defaults},
    )(script)
    return True


@dataclass(frozen=True, slots=True)
class Seen:
    """What an environment shows once it is set up; TextArena declares none of it."""

    players: int
    max_turns: int
    kind: str


_known: dict[str, Seen] = {}


def _seen(name: str, parameters: Mapping[str, Value]) -> Seen:
    """The game set up once, with as many players as asked for, or as few as it takes (`players=0`).

    Raises GameError with TextArena's reason where it cannot be set up.
    """
    key = repr((name, sorted(parameters.items())))
    if key not in _known:
        _known[key] = _set_up(name, parameters)
    return _known[key]


def _set_up(name: str, parameters: Mapping[str, Value]) -> Seen:
    wanted = cast(int, parameters["players"])
    reason = ""

    # TextArena declares no numbers of players: the smallest that it accepts is found by trying.
    for players in [wanted] if wanted else range(_fewest(name), MOST + 1):
        try:
            arena = _arena(name, players, parameters, 0)
        except MissingLibraryError:
            raise
        except Exception as fault:  # whatever it is, it is the reason to give
            reason = (
                f"{type(fault).__name__}: {' '.join(str(fault).replace('*', ' ').split())[:200]}"
            )
            # A number of players is refused by one of these; more players mend no other
            # fault.
            if not isinstance(fault, (AssertionError, ValueError)):
                break
            continue

        kind = type(arena.state).__name__
        # Some games set up for one player that are not games for one: the search goes on.
        if wanted or players > 1 or kind == "SinglePlayerState":
            limit = cast("int | None", getattr(arena.state, "max_turns", None))
            return Seen(players, max(ENDLESS, 4 * (limit or 0)), kind)

    count = wanted or f"up to {MOST}"
    raise GameError(
        f"TextArena does not set up {name} for {count} players ({reason or 'it gives no reason'})"
    )


def _fewest(name: str) -> int:
    stated = re.match(r"\d+", names().get(re.sub(r"-(train|raw)$", "", name), ""))
    return int(stated[0]) if stated else 1


def _arena(name: str, players: int, parameters: Mapping[str, Value], seed: int) -> Arena:
    from .textarena_game import Arena

    options = {key: value for key, value in parameters.items() if key != "players"}
    return Arena(name, players, options, seed)


def _script(name: str, parameters: Mapping[str, Value]) -> Script:
    rng = yield from randomness()
    # The seed is a chance move of ours, so that the same game can be played again.
    arena = _arena(name, _seen(name, parameters).players, parameters, rng.getrandbits(31))
    while not arena.over:
        # The move is made by the parser, so that a refusal counts as a failed try.
        yield from ask(f"player_{arena.seat}", arena.news(), parse=arena.take)
    return arena.payoff()


def _fits(value: Any) -> bool:
    """Whether a registered option can be a parameter of ours."""
    try:
        check(value)
    except ValueError:
        return False
    return True


def _sum(seen: Seen, source: str) -> Sum:
    return "zero" if seen.kind == "TwoPlayerState" and source not in OWN_REWARDS else "general"


def _score(seen: Seen, source: str) -> Score | None:
    if seen.players < 2:
        return None
    return "win" if _sum(seen, source) == "zero" else "payoff"


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """A move in brackets that the game has shown: of the last list of legal moves, else of all texts.

    Of the latter, those with a number come first (`[0 3]` is an example of `[pile quantity]`); where nothing
    stands in brackets, one of the first words that are listed.
    """
    shown = [message.text for message in view if message.speaker == "game"]
    # Only the last message: earlier lists name moves that are legal no more.
    lines = [line for text in shown[-1:] for line in text.splitlines() if _LISTED.search(line)]
    everything = "\n".join(shown)

    found = _MOVE.findall(everything)
    moves = (
        _MOVE.findall("\n".join(lines))
        or [move for move in found if re.search(r"\d", move)]
        or found
    )
    moves = moves or [
        f"[{word}]" for words in _WORDS.findall(everything)[:1] for word in words.split(", ")
    ]
    moves = moves or ["[0]"]

    # The draw is keyed by the view, so that the same game is played again alike.
    return moves[bits("\n".join(message.text for message in view), 48) % len(moves)]
