"""What a seat was shown, as a board or as cards. A text in no known form has none, and is read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from sparring.envs.types import Message

Board: TypeAlias = dict[str, Any]
"""`kind`: squares, columns, chess or cards; the rest is what that kind shows.

squares: `rows` of marks, and `moves` of the same shape: what to say to take a square, or None.
columns: `rows` of marks, and a move for each column.
chess:   `rows` of pieces by FEN's letters, from rank 8 down; `white`: the seat's side;
         `moves`: [from, to, move].
cards:   `hand`, `open` and `facts`; of reference poker also `pot`: chips of the seat and of the other.
"""
_CARD: Final = re.compile(r"[JQK][sh]?")
_FEN: Final = re.compile(r"((?:[prnbqkPRNBQK1-8]{1,8}/){7}[prnbqkPRNBQK1-8]{1,8}) ([wb]) ")
_UCI: Final = re.compile(r"([a-h][1-8])([a-h][1-8])[qrbn]?")
_MOVES: Final = ("check", "bet", "call", "raise", "fold")
_TABLE: Final = ("hand", "public card", "public cards", "my chips", "all chips", "pot", "stakes")


def board(game: str, messages: Sequence[Message], choices: Sequence[str]) -> Board | None:
    """The newest position that the seat was shown."""
    if game in ("kuhn-poker-v0", "leduc-poker-v0"):
        return _poker(messages, leduc=game.startswith("leduc"))
    shown = next((m.text for m in reversed(messages) if m.speaker not in ("self", "system")), "")
    return _chess(shown, choices) or _marks(shown, choices) or _cards(shown)


def _marks(text: str, choices: Sequence[str]) -> Board | None:
    """Tic-tac-toe and connect four, of ours, PettingZoo's and OpenSpiel's."""
    lines = text.split("\n")
    spaced = [line.split() for line in lines[:3]]
    if len(spaced) == 3 and all(
        len(row) == 3 and all(re.fullmatch(r"[0-9XOxo.]", cell) for cell in row) for row in spaced
    ):
        return _squares(
            [[cell if cell in "XOxo" else "" for cell in row] for row in spaced], spaced, choices
        )

    if all(re.fullmatch(r"[.xo]{3}", row) for row in lines[:3]) and len(lines) >= 3:
        rows = [[cell.strip(".") for cell in row] for row in lines[:3]]
        named = [[f"({r},{c})" for c in range(3)] for r in range(3)]
        return _squares(rows, named, choices)
    if len(lines) >= 6 and all(re.fullmatch(r"[.xo]{7}", row) for row in lines[:6]):
        rows = [[cell.strip(".") for cell in row] for row in lines[:6]]
        by_column = {choice.lstrip("xo"): choice for choice in choices}
        return {"kind": "columns", "rows": rows, "moves": [by_column.get(str(c)) for c in range(7)]}
    return None


def _squares(
    rows: list[list[str]], named: Sequence[Sequence[str]], choices: Sequence[str]
) -> Board:
    by_name = {choice.lstrip("xo"): choice for choice in choices}
    moves = [[by_name.get(name) for name in row] for row in named]
    return {"kind": "squares", "rows": rows, "moves": moves}


def _chess(text: str, choices: Sequence[str]) -> Board | None:
    found = _FEN.search(text)
    if not found:
        return None
    rows = [
        [piece for char in rank for piece in ([""] * int(char) if char.isdigit() else [char])]
        for rank in found[1].split("/")
    ]
    if any(len(row) != 8 for row in rows):
        return None
    # written from square to square; other spellings are chosen from a list
    moves = [[m[1], m[2], m[0]] for m in map(_UCI.fullmatch, choices) if m]
    # who is asked is to move
    return {"kind": "chess", "rows": rows, "white": found[2] == "w", "moves": moves}


def _cards(text: str) -> Board | None:
    """RLCard's games: lines of what is known, one of which is the hand."""
    facts = {
        name: value
        for name, colon, value in (line.partition(": ") for line in text.split("\n"))
        if colon and name in _TABLE
    }
    if "hand" not in facts:
        return None
    hand = [_turned(card) for card in facts.pop("hand").split()]
    opened = facts.pop("public cards", facts.pop("public card", "none"))
    return {
        "kind": "cards",
        "hand": hand,
        "open": [] if opened == "none" else [_turned(card) for card in opened.split()],
        "facts": [[name, value] for name, value in facts.items()],
        "pot": None,
    }


def _turned(card: str) -> str:
    """RLCard writes the suit first: SJ is the jack of spades."""
    return card[1:] + card[0].lower() if card[0] in "SHDC" and len(card) > 1 else card


def _poker(messages: Sequence[Message], *, leduc: bool) -> Board | None:
    """Kuhn and Leduc poker: the cards, and the chips of both, counted from the moves."""
    cards: list[str] = []
    chips = {True: 1, False: 1}
    said: list[str] = []
    for own, word in _words(messages):
        if _CARD.fullmatch(word):
            cards.append(word)
            continue
        # a bet adds 1 in Kuhn poker; in Leduc 2, and 4 once a card lies open
        stake = (4 if len(cards) > 1 else 2) if leduc else 1
        if word in ("bet", "raise"):
            chips[own] = chips[not own] + stake
        elif word == "call":
            chips[own] = chips[not own]
        said.append(f"{'you' if own else 'other'}: {word}")
    if not cards:
        return None
    return {
        "kind": "cards",
        "hand": cards[:1],
        "open": cards[1:2],
        "facts": [["moves", " · ".join(said)]] if said else [],
        "pot": [chips[True], chips[False]],
    }


def _words(messages: Sequence[Message]) -> Iterator[tuple[bool, str]]:
    """(whether the seat itself said it, word) of every card and move, in order."""
    for message in messages:
        if message.speaker == "system":
            continue
        for text in message.text.split("\n"):
            # what is asked names moves that nobody has made
            if text.endswith("?"):
                continue
            for word in text.split():
                if word in _MOVES or (message.speaker != "self" and _CARD.fullmatch(word)):
                    yield message.speaker == "self", word
