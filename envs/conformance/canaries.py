"""Which text of one seat reaches another: canaries planted in replies and looked for in other views.

A canary is a word that stands nowhere else. Each reply carries one in its hidden thought, one in the text
around its form, and one inside its form; a first try that is refused carries one too. `flows` tells which
of them reached another seat. Those of a thought or of a refused try never may.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ..parse import first_tags
from ..registry import Game
from ..table import Table
from ..types import Ask, Reply

Say: TypeAlias = Callable[[Ask, Table, random.Random], Reply]
Kind: TypeAlias = Literal["thought", "refused", "around", "inside"]

_FENCE = re.compile(r"```\w*\n")
_EXACT = ("call", "step", "result", "verdict", "variants")
"""Tags of moves that hold no free text."""
# A canary has no digit, so that it is a name in code and no number to a parser.
_LETTERS = str.maketrans("0123456789", "abcdefghij")


@dataclass(frozen=True, slots=True)
class Canary:
    """A word, the seat that said it, and its place: `part` is `code`, `talk` or the name of a tag."""

    word: str
    seat: str
    kind: Kind
    part: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """Something of one role reached a seat of another, or another seat of the same role."""

    kind: Kind
    part: str
    owner: str
    seer: str


class Plants:
    """A player that moves as `say` does and plants canaries; `planted` lists those of accepted replies."""

    def __init__(self, say: Say, seed: int = 0) -> None:
        self._say = say
        self._seed = seed
        self._count = 0
        self._laid: list[Canary] = []
        self._tried: set[str] = set()

    def __call__(self, ask: Ask, table: Table, rng: random.Random) -> Reply:
        reply = self._say(ask, table, rng)
        thought = self._word(ask.seat, "thought")

        # each seat's first reply is a canary alone, where it can be refused without ending the game
        # where nothing is listed a canary may pass for a move: one seed in four risks it
        refusable = ask.choices or self._seed % 4 == 3
        if refusable and ask.seat not in self._tried and not ask.retry:
            self._tried.add(ask.seat)
            text = self._word(ask.seat, "refused").word
            return Reply(text, thought=thought.word, memory=f"{thought.word}: {text}")
        # a listed choice has no room for a word, and a second try must count
        text = reply.text if ask.choices or ask.retry else self._marked(ask.seat, reply.text)
        return replace(reply, text=text, thought=thought.word, memory=f"{thought.word}: {text}")

    def planted(self, table: Table) -> Iterator[Canary]:
        """Canaries by what became of their replies; a word inside a refused reply counts as `refused`."""
        refused = [turn.reply.text for turn in table.turns if turn.refused]
        said = [turn.reply.text for turn in table.turns if not turn.refused]
        for canary in self._laid:
            if canary.kind == "thought" or any(canary.word in text for text in said):
                # a first try that the game took for a move was said openly, and may travel
                if canary.kind != "refused":
                    yield canary
            elif any(canary.word in text for text in refused):
                yield replace(canary, kind="refused", part="")

    def _word(self, seat: str, kind: Kind, part: str = "") -> Canary:
        self._count += 1
        bare = re.sub("[^a-z0-9]", "", seat.casefold()).translate(_LETTERS)
        canary = Canary(f"zq{bare}{kind}{str(self._count).translate(_LETTERS)}zq", seat, kind, part)
        self._laid.append(canary)
        return canary

    def _marked(self, seat: str, text: str) -> str:
        """The reply with a canary in one of its parts, and another around them."""
        tags = first_tags(text)
        parts = [*(["code"] if _FENCE.search(text) else []), *(t for t in tags if t not in _EXACT)]
        # only tags of exact moves: a word inside would spoil them
        if not parts and tags:
            return f"{text}\n{self._word(seat, 'around').word}"
        if not parts:
            return f"{text} {self._word(seat, 'inside', 'talk').word}"
        # another part with every reply and seed, so that each is tried in some game
        part = parts[(self._seed + self._count) % len(parts)]
        word = self._word(seat, "inside", part).word
        return f"{_inside(text, part, word)}\n{self._word(seat, 'around').word}"


def _inside(text: str, part: str, word: str) -> str:
    """An unused name in code, a string as the last value of a tag of literals, a word of any other tag."""
    if part == "code":
        return _FENCE.sub(lambda m: f"{m[0]}{word} = 0\n", text, count=1)

    start, whole = first_tags(text)[part]
    inside = whole.removeprefix(f"<{part}>").removesuffix(f"</{part}>")
    body = inside.strip("\n").split("\n")
    last = body[-1]
    # letters alone are free text; all else is read as a literal, so the word is quoted
    if part in ("answer", "input", "inputs", "wrong") and not last.isalpha():
        body[-1] = f'"{word}"'
    elif part == "tests":
        body[-1] = f'"{word[:40]}" => 0'
    else:
        body[-1] = word

    joint = "\n" if inside.startswith("\n") else ""
    said = f"<{part}>{joint}" + "\n".join(body) + f"{joint}</{part}>"
    return text[:start] + said + text[start + len(whole) :]


def flows(table: Table, canaries: Iterable[Canary]) -> set[Flow]:
    """Which of the canaries stand in what another seat has seen."""
    game: Game = table.game
    seen = {
        seat: "\n".join(m.text for m in table.view(seat) if m.speaker != "self")
        for seat in game.seats
    }
    return {
        Flow(canary.kind, canary.part, game.role_of[canary.seat], game.role_of[seat])
        for canary in canaries
        for seat in game.seats
        if seat != canary.seat and canary.word in seen[seat]
    }
