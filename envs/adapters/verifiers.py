"""Environments of verifiers as games: agents are seats, tasks are items, rewards are payoffs.

    find("verifiers/my_env")
    find("verifiers/my_env", item=3, low=-3.0, high=2.0)

An environment is a package that is installed. A game takes the settings of its taskset that are plain
values, and our own: `items` (how many tasks at most), `item` (one of them; −1: drawn by the game's seed),
`low` and `high` (the bounds of an agent's reward, since verifiers tells none) and `turns` (the most moves).

Every agent is a seat, also one that the environment would give a model of its own. Agents talk: what needs
tools, a container or pictures is refused by verifiers, and that ends the game as an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..registry import GameError, ParameterError, game
from ..script import Script, ask, note
from ..tasks.items import chosen
from ..types import Message, Value
from .extras import folder, load, release, sendable

if TYPE_CHECKING:
    from .verifiers_game import Place

EXTRA = "verifiers"
MOST = 100_000
OURS = ("items", "item", "low", "high", "turns")


def names() -> Mapping[str, str]:
    """None: any package may hold an environment. Raises MissingLibraryError."""
    folder("verifiers", EXTRA)
    return {}


def declare(id: str, name: str) -> bool:
    """Register the environment of this name. Raises GameError where there is none."""
    load("verifiers.v1", EXTRA)
    from .verifiers_game import agents_of, options_of

    agents = agents_of(name)
    options = {key: value for key, value in options_of(name).items() if key not in OURS}

    def script(**parameters: Value) -> Script:
        return (yield from _script(id, name, parameters))

    script.__doc__ = f"The environment {name} of verifiers. Its agents: {', '.join(agents)}."
    game(
        id,
        roles=dict.fromkeys(agents, 1),
        max_turns=lambda turns: turns,
        payoff_range=_range(id, name),
        truncation=lambda low: low,
        score="payoff" if len(agents) > 1 else None,
        bounds={"items": (1, MOST), "item": (-1, MOST - 1), "turns": (1, 100_000)},
        oracles={"sample": sample},
        items=lambda **given: len(_place(name, given).tasks(given["items"])),
        family="verifiers",
        provider=release("verifiers", "verifiers"),
        parameters={"items": 1000, "item": -1, "low": 0.0, "high": 1.0, "turns": 64, **options},
    )(script)
    return True


def _range(id: str, name: str) -> Any:
    def range_of(**given: Any) -> tuple[float, float]:
        low, high = given["low"], given["high"]
        if low > high:
            raise ParameterError(f"{id}: low = {low:g} is above high = {high:g}")
        known = len(_place(name, given).tasks(given["items"]))
        if given["item"] >= known:
            raise ParameterError(f"{id}: item must be below {known}, not {given['item']}")
        return (low, high)

    return range_of


def _place(name: str, parameters: Mapping[str, Value]) -> Place:
    from .verifiers_game import place

    return place(name, {key: value for key, value in parameters.items() if key not in OURS})


def _script(id: str, name: str, parameters: Mapping[str, Any]) -> Script:
    where = _place(name, parameters)
    item = yield from chosen(parameters["item"], len(where.tasks(parameters["items"])))
    playing = where.begin(item)
    try:
        while asked := playing.asked():
            said = yield from ask(asked.seat, asked.prompt, sendable)
            playing.answer(asked, said)
        paid = playing.paid()
    finally:
        playing.close()

    low, high = parameters["low"], parameters["high"]
    if wrong := [amount for amount in paid.values() if not low <= amount <= high]:
        raise GameError(
            f"{id} paid {wrong[0]:g}, outside low = {low:g} and high = {high:g}: set them to what it can pay"
        )
    yield from note("item", item)
    return dict(paid)


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Says `1`."""
    return choices[0] if choices else "1"
