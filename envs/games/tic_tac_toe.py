"""Tic-tac-toe: a draw between perfect players; its oracle is a full minimax."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from ..registry import game
from ..script import Script, ask
from ..types import Message

EMPTY = "123456789"
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


def free(board: str) -> tuple[str, ...]:
    """The numbers of the free squares."""
    return tuple(square for square in board if square.isdigit())


def won(board: str) -> bool:
    """Whether somebody has three in a row."""
    return any(board[a] == board[b] == board[c] for a, b, c in LINES)


def shown(board: str) -> str:
    """The board as three lines; free squares carry their numbers."""
    return "\n".join(" ".join(board[row : row + 3]) for row in (0, 3, 6))


@cache
def value(board: str, mark: str) -> int:
    """What the game is worth to the side that moves next, with perfect play: 1, 0 or −1."""
    if won(board):
        return -1
    other = "O" if mark == "X" else "X"
    # What is best for the one is worst for the other, hence the sign; a full board is a
    # draw.
    return max((-value(board.replace(square, mark), other) for square in free(board)), default=0)


def minimax(seat: str, messages: Sequence[Message], choices: Sequence[str]) -> Sequence[float]:
    """Every move that keeps the value of the game, with equal odds."""
    mark, other = ("X", "O") if seat == "x" else ("O", "X")
    # A board has three lines; the rules and other messages of the game have not.
    boards = [m.text for m in messages if m.speaker == "game" and m.text.count("\n") == 2]
    board = boards[-1].replace(" ", "").replace("\n", "")
    best = value(board, mark)
    return [float(-value(board.replace(choice, mark), other) == best) for choice in choices]


RULES = (
    "Tic-tac-toe; you play {}. Three in a row, column or diagonal win. Each prompt shows the board, free "
    "squares by their numbers. Answer with the number of a free square."
)


@game(
    "tic-tac-toe-v0",
    family="reference",
    roles={"x": 1, "o": 1},
    max_turns=9,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    rules={"x": RULES.format("X"), "o": RULES.format("O")},
    oracles={"minimax": minimax},
)
def tic_tac_toe() -> Script:
    """Three in a row on a board of nine squares; a draw with perfect play.

    Moves: the number of a free square. Payoff: 1 to the winner, −1 to the other, 0 for a full board.
    Source: the folk game; its oracle searches the whole tree.
    """
    board, seat, other = EMPTY, "x", "o"
    while free(board):
        square = yield from ask(seat, shown(board), choices=free(board))
        board = board.replace(square, seat.upper())
        if won(board):
            return {seat: 1, other: -1}
        seat, other = other, seat
    return {"x": 0, "o": 0}
