"""Prompts in the user's hands: a TOML file that replaces what a model is told beside the game's own messages.

    role = "You play {role}."                  # opens the system message; ours: "Role: {role}"
    rules = "{rules}\\n\\nBe brief."             # {rules} are the game's own
    think = "Think in <think> … </think>."     # of a model that is asked to think
    form = "Answer with one word."             # closes the system message; ours: nothing
    history = 0                                # earlier replies that a prompt still shows; ours: all

    [games.kuhn-poker-v0]                      # the same keys, for one game …
    [games.kuhn-poker-v0.first]                # … and for one role of it
    [models."smollm2-135m"]                    # … and for one model, with games of its own

What is said of less stands before what is said of more: a model's own words before a role's, a role's before
its game's, a game's before those for all.

`history` counts a seat's own replies: what came before the last so many of them is left out, rules excepted.
With 0 a prompt is what was said since the seat's last reply, which suits games whose every prompt tells the
whole state.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from ..envs.errors import SparringError, Unknown
from ..envs.registry import Game, find
from ..envs.types import Message

KEYS = ("role", "rules", "think", "form")
HISTORY = "history"
Said: TypeAlias = tuple[tuple[str, str | int], ...]
"""What a table says, by its keys."""
_ROLE = "Role: {role}"


class PromptsError(SparringError, ValueError):
    """A file of prompts that cannot be read, or that says something else than prompts."""


class UnknownPromptError(Unknown, PromptsError):
    """A file of prompts names what there is not."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the file says for one model, game and role; an empty name: for all."""

    model: str
    game: str
    role: str
    said: Said


@dataclass(frozen=True, slots=True)
class Prompts:
    """A file of prompts.

    words: what it says, the general before the particular. rulings: ids of games by their rules, with which
    a view is known to be of a game. model: whose prompts these are (None: not settled).
    """

    words: tuple[Words, ...]
    rulings: tuple[tuple[str, str], ...] = ()
    model: str | None = None

    def of(self, model: str) -> Prompts:
        """The prompts of this model; those that are settled stay as they are."""
        return self if self.model is not None else replace(self, model=model)

    @property
    def shortens(self) -> bool:
        """Whether some prompt shows less than the whole talk."""
        return any(key == HISTORY for words in self.words for key, _ in words.said)

    def system(self, role: str, rules: str, think: str) -> str:
        """The system message of a role that is told these rules, and to `think` (empty: it is not asked)."""
        ours = {"role": _ROLE, "rules": "{rules}", "think": think, "form": ""}
        found = ours | self._said(role, rules)

        # none is asked to think whose thoughts are off
        found["think"] = found["think"] if think else ""
        filled = (found[key].replace("{role}", role) for key in KEYS)
        return "\n\n".join(text for text in (t.replace("{rules}", rules) for t in filled) if text)

    def seen(self, role: str, rules: str, view: Sequence[Message]) -> Sequence[Message]:
        """What a prompt of the role shows of its view: what it is told at first, and the end of the talk."""
        history = self._said(role, rules).get(HISTORY)
        own = [place for place, message in enumerate(view) if message.speaker == "self"]
        if history is None or len(own) <= history:
            return view
        # the first message behind the last reply that is left out
        first = own[len(own) - history - 1] + 1
        told = [message for message in view[:first] if message.speaker in ("system", "tools")]
        return (*told, *view[first:])

    def _said(self, role: str, rules: str) -> dict[str, Any]:
        """What the file says to a role that is told these rules."""
        game = dict(self.rulings).get(rules, "")
        found: dict[str, Any] = {}
        for words in self.words:
            asked = zip(
                (words.model, words.game, words.role), (self.model, game, role), strict=True
            )
            if all(name in ("", own) for name, own in asked):
                found.update(words.said)
        return found


def read_prompts(path: str | Path, games: Iterable[Game] = ()) -> Prompts:
    """The prompts of a file. `games` are those that will be played, with their parameters.

    Raises PromptsError, and UnknownGameError for a game that there is not.
    """
    try:
        data = tomllib.loads(Path(path).read_text())
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "it is no text"
        raise PromptsError(f"cannot read the prompts {str(path)!r}: {reason}") from fault
    except tomllib.TOMLDecodeError as fault:
        raise PromptsError(f"the prompts {str(path)!r} are no TOML: {fault}") from fault

    words = [Words("", "", "", _said(data, str(path), ("games", "models")))]
    words += _games(_table(data, "games", str(path)), "", str(path))
    for model, own in _table(data, "models", str(path)).items():
        inner = _mapping(own, f"models.{model}", str(path))
        words.append(Words(model, "", "", _said(inner, f"{path}: models.{model}", ("games",))))
        words += _games(_table(inner, "games", str(path)), model, str(path))

    named = dict.fromkeys(each.game for each in words if each.game)
    known = [*(find(id) for id in named), *(game for game in games if game.id in named)]
    rulings = {
        rules: game.id
        for game in known
        for role in game.roles
        if (rules := game.rules.get(role, ""))
    }
    return Prompts(tuple(words), tuple(rulings.items()))


def _games(tables: Mapping[str, Any], model: str, path: str) -> list[Words]:
    """What a table of games says, each game before its roles."""
    words: list[Words] = []
    for id, own in tables.items():
        roles, where = find(id).roles, f"{path}: games.{id}"
        inner = _mapping(own, f"games.{id}", path)
        words.append(Words(model, id, "", _said(inner, where, roles)))
        words += [
            Words(model, id, role, _said(_table(inner, role, path), f"{where}.{role}"))
            for role in roles
            if role in inner
        ]
    return words


def _said(data: Mapping[str, Any], where: str, tables: Iterable[str] = ()) -> Said:
    """What a table says itself; `tables` are names that it may hold beside that."""
    known = (*KEYS, HISTORY)
    for key, value in data.items():
        if key not in (*known, *tables):
            raise UnknownPromptError("prompt", key, (*known, *tables), where=f" in {where}")
        if key in KEYS and not isinstance(value, str):
            raise PromptsError(f"{where}: {key} is a text, not {value!r}")
        # true and false are numbers in Python
        if key == HISTORY and (type(value) is not int or value < 0):
            raise PromptsError(f"{where}: history is a number of replies, 0 or more, not {value!r}")
    return tuple((key, value) for key, value in data.items() if key in known)


def _table(data: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    return _mapping(data.get(name, {}), name, path)


def _mapping(value: object, name: str, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PromptsError(f"{path}: {name} is a table of prompts, not {value!r}")
    return cast("dict[str, Any]", value)
