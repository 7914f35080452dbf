"""One game of TextArena in progress, kept from reaching into anything else."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Generator, Mapping
from typing import Any

from ..parse import Illegal
from ..registry import GameError
from ..script import Forfeit
from ..types import Value
from .dice import Dice
from .extras import load

_NEVER = 10**9
LONGEST = 4_000
"""Characters of a move: TextArena searches texts in time that grows with their square."""


class Arena:
    """A TextArena environment without its wrappers of observations: views are kept by our table.

    It draws from generators of its own. A refused move is hidden from the other seats, and TextArena never
    ends a game for one: our rules say how often a seat may try.
    """

    def __init__(self, name: str, players: int, options: Mapping[str, Value], seed: int) -> None:
        self._dice = Dice(seed)
        self._refused: str | None = None
        self.over = False
        with self._inside():
            wrapped = load("textarena", "textarena").make(name, **options)
            self._env, self._rewrite = _unwrapped(wrapped)
            self._env.reset(num_players=players, seed=seed)
        self._watch_refusals()

    @contextlib.contextmanager
    def _inside(self) -> Generator[None]:
        """TextArena at work: with its own dice, and with nowhere to print."""
        with self._dice.lent(), contextlib.redirect_stdout(io.StringIO()):
            yield

    @property
    def state(self) -> Any:
        return self._env.state

    @property
    def seat(self) -> int:
        """The player who is to move."""
        return int(self.state.current_player_id)

    def news(self) -> str:
        """What the player to move has not seen yet, its own words left out."""
        with self._inside():
            seat, observed = self._env.get_observation()
        # Some environments give one text, others a list of messages with their senders.
        if isinstance(observed, str):
            return observed

        names: Mapping[int, str] = self.state.role_mapping or {}
        lines = [
            text if sender < 0 else f"{names.get(sender, f'Player {sender}')}: {text}"
            for sender, text, kind in observed
            # The seat's own moves stand in its view already.
            if not (sender == seat and kind.name == "PLAYER_ACTION")
        ]
        return "\n".join(line.strip("\n") for line in lines) or "It is your turn."

    def take(self, text: str) -> str:
        """Make a move. Raises Illegal with TextArena's reason, and Forfeit for a text that it breaks on."""
        if len(text) > LONGEST:
            raise Illegal(f"at most {LONGEST:,} characters were expected, {len(text):,} came")
        self._refused = None

        # A refusal is told to every seat; with these counts it can be taken back.
        seen = {seat: len(messages) for seat, messages in self.state.observations.items()}
        try:
            with self._inside():
                self.over, _ = self._env.step(self._rewrite(text))
        except Exception as fault:
            # Half a move may have been made, so there is no second try.
            reason = f"TextArena breaks on it ({type(fault).__name__}: {fault})"
            raise Forfeit((f"player_{self.seat}",), reason, "unparsable") from fault

        if self._refused is not None:
            for seat, messages in self.state.observations.items():
                del messages[seen.get(seat, 0) :]
            raise Illegal(self._refused)
        return text

    def payoff(self) -> dict[str, float]:
        """The rewards at the end. Raises GameError where TextArena gives none.

        Raises Forfeit where TextArena says that a player moved illegally.
        """
        # TextArena tells the rewards only when it is closed.
        rewards, information = self._env.close()
        guilty = [seat for seat, facts in (information or {}).items() if facts.get("invalid_move")]
        if guilty:
            raise Forfeit([f"player_{seat}" for seat in guilty], "an illegal move, says TextArena")
        if not rewards:
            raise GameError("TextArena ended the game without rewards")
        return {f"player_{seat}": float(reward) for seat, reward in sorted(rewards.items())}

    def _watch_refusals(self) -> None:
        refuse = getattr(self.state, "set_invalid_move", None)
        if refuse is None:
            return
        # Refusals are counted by our rules, so TextArena must never reach its own limit.
        self.state.error_allowance = _NEVER

        def noted(*given: Any, **named: Any) -> Any:
            # Games pass the reason by name or by place.
            said = [value for value in (*named.values(), *given) if isinstance(value, str)]
            self._refused = said[0] if said else "that move is not legal"
            return refuse(*given, **named)

        self.state.set_invalid_move = noted


def _unwrapped(env: Any) -> tuple[Any, Callable[[str], str]]:
    """The bare environment, and what its wrappers of actions make of a text, outermost first."""
    core = load("textarena.core", "textarena")
    steps: list[Callable[[str], str]] = []
    while isinstance(env, core.Wrapper):
        # Wrappers of observations are left out: our table keeps the views.
        if isinstance(env, core.ActionWrapper):
            steps.append(env.action)
        env = env.env

    def rewrite(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return env, rewrite
