"""PettingZoo's classic games: boards and cards as text, moves by name.

Its other environments show pictures and are no games for text; `envs/from_aec.py: from_aec` seats policies
in any AEC environment all the same. Needs the extra `pettingzoo` for drawing and card libraries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..registry import Score
from .extras import load, release

Show = Callable[[Any, str, Any], str]
Name = Callable[[Any, str, int], str]


@dataclass(frozen=True, slots=True)
class Classic:
    """What is true of one environment; `pays` is the largest payoff, and all are zero-sum."""

    about: str
    rules: str
    max_turns: int
    pays: float
    show: Show
    name: Name
    score: Score = "payoff"
    needs: tuple[str, ...] = ("pygame",)
    caveats: tuple[str, ...] = ()


def names() -> Mapping[str, str]:
    """The games by PettingZoo's names, and a line about each."""
    return {name: classic.about for name, classic in CLASSICS.items()}


def declare(id: str, name: str) -> bool:
    """Register PettingZoo's classic game of this name; False if there is none."""
    classic = CLASSICS.get(name)
    if classic is None:
        return False
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it greets on standard output
    for module in classic.needs:
        load(module, "pettingzoo")
    # Imported here: the names can be listed without PettingZoo's own libraries.
    from ..from_aec import from_aec

    # Their registry writes classic/chess-v6 where their modules are named chess_v6.
    theirs = "-v".join(f"classic/{name}".rsplit("_v", 1))
    from_aec(
        lambda: load("pettingzoo", "pettingzoo").make("aec", theirs),
        id,
        max_turns=classic.max_turns,
        payoff_range=(-classic.pays, classic.pays),
        sum="zero",
        score=classic.score,
        rules=f"{classic.rules} Answer with one legal move, exactly as it is written.",
        show=lambda env, agent, seen: _prompt(classic, env, agent, seen),
        name=lambda env, agent, action: classic.name(env.unwrapped, agent, action),
        about=f"PettingZoo's {name}: {classic.about}.",
        family="pettingzoo",
        provider=release("pettingzoo", "PettingZoo"),
        caveats=classic.caveats,
    )
    return True


def _prompt(classic: Classic, env: Any, agent: str, seen: Any) -> str:
    from ..from_aec import legal

    actions = legal(env, agent, seen, env.infos[agent]) or ()
    moves = ", ".join(classic.name(env.unwrapped, agent, action) for action in actions)
    return f"{classic.show(env.unwrapped, agent, seen)}\nLegal moves: {moves}"


def _connect_four(env: Any, agent: str, seen: Any) -> str:
    rows = [
        "".join(".xo"[mark] for mark in env.board[start : start + 7]) for start in range(0, 42, 7)
    ]
    return "\n".join([*rows, "0123456", f"You are {'xo'[env.possible_agents.index(agent)]}."])


def _tic_tac_toe(env: Any, agent: str, seen: Any) -> str:
    """Squares are numbered down the columns, as PettingZoo numbers them."""
    marks = [
        str(square) if not mark else "xo"[mark - 1] for square, mark in enumerate(env.board.squares)
    ]
    rows = [" ".join(marks[row::3]) for row in range(3)]
    return "\n".join([*rows, f"You are {'xo'[env.possible_agents.index(agent)]}."])


def _go(env: Any, agent: str, seen: Any) -> str:
    """The board from the top row down: x black, o white. An observation's planes go by who moved last."""
    board: Any = env._go.board  # PettingZoo's only full account of the position
    size = len(board)
    letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ"[:size]
    rows = [
        f"{size - row:>2} " + "".join(".xo"[int(stone)] for stone in board[row])
        for row in range(size)
    ]
    colour = agent.partition("_")[0]
    return "\n".join(
        [*rows, f"   {letters}", f"You are {'x' if colour == 'black' else 'o'} ({colour})."]
    )


def _go_move(env: Any, agent: str, action: int) -> str:
    coordinates = load("pettingzoo.classic.go.coords", "pettingzoo")
    return coordinates.to_gtp(coordinates.from_flat(action))


def _chess(env: Any, agent: str, seen: Any) -> str:
    colour = ("white, capital letters", "black, small letters")[env.possible_agents.index(agent)]
    return f"{env.board}\nFEN {env.board.fen()}\nYou are {colour}."


def _chess_move(env: Any, agent: str, action: int) -> str:
    moves = load("pettingzoo.classic.chess.chess_utils", "pettingzoo")
    return moves.action_to_move(env.board, action, env.possible_agents.index(agent)).uci()


def _rock_paper_scissors(env: Any, agent: str, seen: Any) -> str:
    said = int(seen)
    # PettingZoo numbers the throws from 0; a larger number says that none was made.
    return "The first round." if said > 2 else f"The other's last move: {_THROWS[said]}."


def _cards(env: Any, agent: str, seen: Any) -> str:
    raw = env.env.get_state(env.possible_agents.index(agent))["raw_obs"]
    return "\n".join(f"{label}: {value}" for label, value in _card_lines(raw))


def _card_lines(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    # RLCard names the same things differently from game to game: what is there is shown.
    for key in ("hand", "public_cards", "public_card"):
        if key in raw:
            yield key.replace("_", " "), _listed(raw[key])
    for key in ("my_chips", "all_chips", "pot", "stakes", "raise_nums"):
        if key in raw:
            yield key.replace("_", " "), _listed(raw[key])


def _listed(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _named(*words: str) -> Name:
    return lambda env, agent, action: words[action]


def _number(env: Any, agent: str, action: int) -> str:
    return str(action)


_CARDS = ("pygame", "rlcard")
_THROWS = ("rock", "paper", "scissors")
_LIMIT = ("call", "raise", "fold", "check")
_NO_LIMIT = ("fold", "check or call", "raise half the pot", "raise the pot", "all in")
CLASSICS: Mapping[str, Classic] = {
    "chess_v6": Classic(
        "chess",
        "You play chess. Moves are written from square to square, with what a pawn becomes: e2e4, e7e8q.",
        11_800,
        1,
        _chess,
        _chess_move,
        "win",
        ("pygame", "chess"),
        caveats=(
            "PettingZoo draws when a position occurs twice, where the rules want three times",
        ),
    ),
    "connect_four_v3": Classic(
        "connect four",
        "You play connect four: four in a row, column or diagonal win. A move is a column.",
        42,
        1,
        _connect_four,
        _number,
        "win",
    ),
    "go_v5": Classic(
        "go on 19 × 19, komi 7.5, area scoring",
        "You play go. A move is a point, like D4, or pass; two passes end the game.",
        2_000,
        1,
        _go,
        _go_move,
        "win",
        caveats=(
            "PettingZoo sets no limit of moves and checks no superko; here 2,000 moves make a draw",
        ),
    ),
    "leduc_holdem_v4": Classic(
        "Leduc hold'em (RLCard)",
        "You play Leduc hold'em: one card each, one public card after the first round; a pair wins.",
        10,
        7,
        _cards,
        _named(*_LIMIT),
        needs=_CARDS,
    ),
    "rps_v2": Classic(
        "rock, paper, scissors over 15 rounds",
        "You play rock, paper, scissors over 15 rounds; both move at once.",
        30,
        15,
        _rock_paper_scissors,
        _named(*_THROWS),
    ),
    "texas_holdem_no_limit_v6": Classic(
        "no-limit Texas hold'em for two (RLCard)",
        "You play no-limit Texas hold'em for two.",
        100,
        100,
        _cards,
        _named(*_NO_LIMIT),
        needs=_CARDS,
        caveats=(
            "it pays whole chips, up to 100, where PettingZoo's text says half of them",
            "RLCard lets the player who acts first before the flop also act first after it",
        ),
    ),
    "texas_holdem_v4": Classic(
        "limit Texas hold'em for two (RLCard)",
        "You play limit Texas hold'em for two.",
        60,
        24,
        _cards,
        _named(*_LIMIT),
        needs=_CARDS,
    ),
    "tictactoe_v3": Classic(
        "tic-tac-toe",
        "You play tic-tac-toe. A move is the number of a free square.",
        9,
        1,
        _tic_tac_toe,
        _number,
        "win",
    ),
}
"""hanabi_v5 is left out: it is OpenSpiel's, which we seat without PettingZoo in between."""
