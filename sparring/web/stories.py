"""Games as plain data for a page: who was shown what, thought, said, and how it ended.

They come from a run's transcripts as text (`envs/story.py`), from a store's lines (`arenas/transcript.py`)
and from games that were played here. All text is made visible here: no control character, no override of
writing direction reaches a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from sparring.arenas.report.replays import steps, verdict_line
from sparring.arenas.report.text import line, shorten, visible
from sparring.envs.types import Episode

Game: TypeAlias = dict[str, Any]
"""`title`, `about`, `turns`, `verdicts`, `notes`, `ending`, `payoff`, `trained`; every part may be empty."""
LONGEST: Final = 6_000
_INDENT: Final = "      "
_HEAD: Final = re.compile(r"=== step (\d+), game (\d+): (.+) ===")
_HEARD: Final = re.compile(r"  (\S+) to (\S+): (.*)", re.DOTALL)
_THINKS: Final = re.compile(r"\[(\d+)\] (\S+) thinks: (.*)", re.DOTALL)
_SAYS: Final = re.compile(r"\[(\d+)\] (\S+) says(?: \((\w+)\))?: (.*)", re.DOTALL)
_CREDIT: Final = re.compile(r"    credit (.+): (\S+)")


def shown(text: str) -> str:
    """A text as a page may hold it."""
    return visible(shorten(text, LONGEST))


def blank(title: str, about: str = "") -> Game:
    return {
        "title": line(title, 120),
        "about": line(about, 200),
        "turns": [],
        "verdicts": [],
        "notes": [],
        "trained": [],
        "ending": "",
        "payoff": "",
    }


def from_text(text: str) -> Iterator[tuple[str, Game]]:
    """(key, game) of every game of a file of `transcripts/`.

    Further lines of a text stand indented by six spaces, so nothing that a player says looks like a line
    of ours.
    """
    game: Game | None = None
    key, heard = "", dict[str, list[list[str]]]()
    thoughts = dict[str, str]()
    for entry in _joined(text.split("\n")):
        if head := _HEAD.fullmatch(entry):
            if game is not None:
                yield key, game
            key = f"{head[1]}.{head[2]}"
            game, heard, thoughts = blank(f"Step {head[1]}, game {head[2]}", head[3]), {}, {}
        elif game is not None:
            _take(game, entry, heard, thoughts)
    if game is not None:
        yield key, game


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Lines with those that belong to them."""
    held: list[str] = []
    for each in lines:
        if each.startswith(_INDENT) and held:
            held.append(each.removeprefix(_INDENT))
            continue
        if held:
            yield "\n".join(held)
        held = [each]
    if held:
        yield "\n".join(held)


def _take(
    game: Game, entry: str, heard: dict[str, list[list[str]]], thoughts: dict[str, str]
) -> None:
    """One entry of a transcript. What stands there in no known form is left out."""
    if found := _SAYS.fullmatch(entry):
        _, seat, how, said = found.groups()
        turn = {
            "seat": line(seat),
            "heard": heard.pop(seat, []),
            "thought": shown(thoughts.pop(seat, "")),
            "said": shown(said),
            "how": line(how or ""),
            "credits": [],
        }
        game["turns"].append(turn)
    elif found := _THINKS.fullmatch(entry):
        thoughts[found[2]] = found[3]
    elif (found := _CREDIT.fullmatch(entry)) and game["turns"]:
        game["turns"][-1]["credits"].append([line(found[1]), line(found[2])])
    elif found := _HEARD.fullmatch(entry):
        heard.setdefault(found[2], []).append([line(found[1]), shown(found[3])])
    else:
        _close(game, entry)


def _close(game: Game, entry: str) -> None:
    kind, _, rest = entry.partition(" ")
    if kind == "verdict":
        game["verdicts"].append(shown(rest))
    elif kind == "note":
        game["notes"].append(shown(rest))
    elif kind == "trained:":
        game["trained"].append(shown(rest))
    elif kind in ("ending:", "payoff:"):
        game[kind.rstrip(":")] = shown(rest)


def from_episode(episode: Episode, title: str) -> Game:
    """A game with all that its turns hold."""
    game = blank(title, f"{episode.game.label} seed {episode.seed}")
    for step in steps(episode):
        turn = step.turn
        game["turns"].append(
            {
                "seat": line(turn.seat),
                "player": line(step.player, 60),
                "heard": [[line(m.speaker), shown(m.text)] for m in step.heard],
                "thought": shown(turn.reply.thought),
                "said": shown(turn.reply.text),
                "how": line(
                    turn.refused or (turn.reply.finish if turn.reply.finish != "stop" else "")
                ),
                "credits": [[line(name), f"{amount:+g}"] for name, amount in turn.credits.items()],
            }
        )

    game["verdicts"] = [shown(verdict_line(verdict)) for verdict in episode.verdicts]
    game["notes"] = [shown(f"{name}: {value!r}") for name, value in episode.notes]
    reason = f" ({episode.ending.reason})" if episode.ending.reason else ""
    game["ending"] = shown(f"{episode.ending.kind}{reason}")
    game["payoff"] = paid(episode.payoff)
    return game


def paid(payoff: Mapping[str, float]) -> str:
    return line(", ".join(f"{seat} {amount:+g}" for seat, amount in payoff.items()))
