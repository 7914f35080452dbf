"""Running servers of OpenEnv as games: one seat, which reads what the server says and answers in text.

    find("openenv/127.0.0.1:8001", low=-3.0, high=2.0)
    find("openenv/https://host/space", item=7, reset={"level": "hard"})

The seed of a game draws an item, and the item is the seed that the server's `reset` is given. Our own
parameters: `items` (how many), `item` (one of them; −1: drawn), `low` and `high` (the bounds of all rewards
of a game together, since no server tells them), `turns` (the most moves), `reset` (further arguments of
`reset`), `action` (the field of an action that takes the reply), `shown` (the field of an observation that is
shown) and `seconds` (for one answer). A reply is the text of an action that has one text to say; else it is
a JSON object.

A server that breaks off ends the game as an error, which is never rated nor trained on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..parse import Illegal, Unreadable
from ..registry import GameError, ParameterError, game
from ..script import Script, ask, note
from ..tasks.items import chosen
from ..types import Message, Value
from .extras import folder, load, release, sendable
from .openenv_session import EXTRA, Seen, Session, choices, schema, shown

FORM = "an OpenEnv server's address, as in openenv/127.0.0.1:8001"
MOST = 1_000_000
AGAIN = 3
"""So often a server is reset with one seed, to see whether it heeds it."""
IGNORED = (
    "the server ignores its seed: after the same reset it does not begin the same game, so that games here "
    "cannot be replayed"
)
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What a server shows before a game: its actions' schema, and whether it heeds a seed."""

    actions: Mapping[str, Any]
    seeded: bool

    def text_field(self, named: str) -> str:
        """The field that takes a reply as it is; empty where a reply must be a JSON object."""
        fields = self.fields
        if named or not fields:
            return named
        texts = [name for name, kind in fields.items() if kind.get("type") == "string"]
        needed = [name for name in texts if name in self.actions.get("required", ())]
        # one text to say, whatever else an action may have beside it
        found = texts if len(fields) == 1 else needed
        return found[0] if len(found) == 1 else ""

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """What an action can say, by name: its schemas."""
        listed = cast("Mapping[str, Mapping[str, Any]]", self.actions.get("properties", {}))
        return {name: kind for name, kind in listed.items() if name != "metadata"}


_known: dict[tuple[str, str], Known] = {}


def names() -> Mapping[str, str]:
    """None: a server is named by its address. Raises MissingLibraryError."""
    folder("openenv", EXTRA)
    return {}


def declare(id: str, name: str) -> bool:
    """Register the server at this address as a game."""
    load("openenv", EXTRA)
    url = name if name.startswith(("http://", "https://")) else f"http://{name}"
    url = url.rstrip("/")

    def script(**parameters: Value) -> Script:
        return (yield from _script(url, parameters))

    def fact(read: Callable[[Known, Mapping[str, Any]], Any]) -> Callable[..., Any]:
        return lambda **parameters: read(_look(url, parameters), parameters)

    script.__doc__ = f"The OpenEnv server at {url}: one seat, paid the sum of its rewards."
    game(
        id,
        roles={"player": 1},
        max_turns=lambda turns: turns,
        payoff_range=_range(id),
        truncation=lambda low: low,
        score=None,
        rules=fact(lambda known, given: _rules(known, given["action"])),
        bounds={
            "items": (1, MOST),
            "item": (-1, MOST - 1),
            "turns": (1, 100_000),
            "seconds": (0.1, 86_400.0),
        },
        oracles={"sample": sample},
        items=lambda items: items,
        family="openenv",
        provider=release("openenv", "OpenEnv"),
        caveats=fact(lambda known, _: () if known.seeded else (IGNORED,)),
        parameters={
            "items": 1000,
            "item": -1,
            "low": 0.0,
            "high": 1.0,
            "turns": 64,
            "reset": {},
            "action": "",
            "shown": "",
            "seconds": 60.0,
        },
    )(script)
    return True


def _range(id: str) -> Callable[..., tuple[float, float]]:
    def range_of(low: float, high: float, items: int, item: int) -> tuple[float, float]:
        if low > high:
            raise ParameterError(f"{id}: low = {low:g} is above high = {high:g}")
        if item >= items:
            raise ParameterError(f"{id}: item must be below items = {items}, not {item}")
        return (low, high)

    return range_of


def _look(url: str, parameters: Mapping[str, Any]) -> Known:
    """What the server shows, asked once. Raises GameError where none answers."""
    key = (url, repr(parameters["reset"]))
    if key not in _known:
        actions = schema(url, parameters["seconds"])
        session = Session(url, parameters["seconds"])
        try:
            begun = [_told(session.reset(0, parameters["reset"]), parameters) for _ in range(AGAIN)]
        finally:
            session.close()
        _known[key] = Known(actions, seeded=len(set(begun)) == 1)
    return _known[key]


def _told(seen: Seen, parameters: Mapping[str, Any]) -> str:
    return shown(seen.observation, parameters["shown"], first=True)


def _rules(known: Known, named: str) -> str:
    if known.text_field(named):
        return ""
    # all that is known of an action: names and kinds
    told = {
        name: kind.get("description") or kind.get("type", "") for name, kind in known.fields.items()
    }
    return (
        "Answer with one JSON object and nothing else. Its fields: "
        f"{json.dumps(told, ensure_ascii=False)}; needed: "
        f"{', '.join(known.actions.get('required', ())) or 'none'}."
    )


def _script(url: str, parameters: Mapping[str, Any]) -> Script:
    item = yield from chosen(parameters["item"], parameters["items"])
    known = _look(url, parameters)
    read = _reader(known, known.text_field(parameters["action"]))

    session = Session(url, parameters["seconds"])
    try:
        seen = session.reset(item, parameters["reset"])
        total, first = seen.reward, True
        while not seen.done:
            prompt = shown(seen.observation, parameters["shown"], first)
            action = yield from ask("player", prompt, read, choices(seen.observation))
            seen = session.step("player", action)
            total, first = total + seen.reward, False
    finally:
        session.close()

    if not parameters["low"] <= total <= parameters["high"]:
        raise GameError(
            f"the server paid {total:g}, outside low = {parameters['low']:g} and high = "
            f"{parameters['high']:g}: set them to what it can pay"
        )
    yield from note("item", item)
    return {"player": total}


def _reader(known: Known, field: str) -> Callable[[str], Mapping[str, Any]]:
    """From a reply to an action, checked as far as the schema tells."""

    def whole(text: str) -> Mapping[str, Any]:
        return {field: sendable(text)}

    def fields(text: str) -> Mapping[str, Any]:
        try:
            said: Any = json.loads(text)
            # its escapes may hold what the text itself does not
            sendable(text + json.dumps(said, ensure_ascii=False))
        except (ValueError, RecursionError) as fault:
            raise Unreadable(f"a JSON object was expected ({fault})") from fault
        if not isinstance(said, dict):
            raise Unreadable("a JSON object was expected")
        _check(cast("Mapping[str, Any]", said), known)
        return cast("Mapping[str, Any]", said)

    return whole if field else fields


def _check(said: Mapping[str, Any], known: Known) -> None:
    if lacking := [name for name in known.actions.get("required", ()) if name not in said]:
        raise Illegal(f"the action lacks {', '.join(lacking)}")
    for name, value in said.items():
        kind = known.fields.get(name)
        if kind is None:
            raise Illegal(f"an action has no {name}; it has {', '.join(known.fields)}")
        fits = _KINDS.get(str(kind.get("type")))
        # to Python a truth value is a whole number
        wrong = isinstance(value, bool) and bool not in (fits or (bool,))
        if fits and (wrong or not isinstance(value, fits)):
            raise Illegal(f"{name} must be of the kind {kind['type']}")


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Takes the first move that is listed, and says `1` where none is."""
    return choices[0] if choices else "1"
