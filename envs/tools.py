"""Tools inside a turn: a seat calls one, is shown the result, and goes on.

A call is a reply, and its result is a message of the game's to that seat alone. So a call works with every
engine and player and replays without a sandbox, and its result is context: it is never trained on. Programs
run in the verifier, which holds them as any code of a model's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from .parse import Unreadable
from .types import Job, Limits, Reply, Value, Verdict
from .wishes import SEARCH, Credit, Recall, Tell


class Kind(NamedTuple):
    """A tool: what it does, the name of its argument, and an example of one."""

    does: str
    argument: str
    example: str


KINDS: Mapping[str, Kind] = {
    "python": Kind("runs a program and shows what it prints", "code", "print(6 * 7)"),
    "search": Kind(
        "shows passages of a library that have to do with some words", "query", "copper"
    ),
}
NOTHING = "(nothing)"
LIMITS = Limits()
LAST = "No calls are left: answer now."


@dataclass(frozen=True, slots=True)
class Tools:
    """What a seat may call in one turn.

    names:      of `KINDS`.
    calls:      at most in a turn; a reply that calls beyond them is no move.
    price:      a credit, `tool`, of each call (0 or less).
    characters: of a result that are shown.
    seen_by:    seats that are told each call and its result.
    corpus:     the shelf that is searched; `documents` where nobody filled it. `passages` are shown.
    limits:     of a program.
    """

    names: tuple[str, ...]
    calls: int = 3
    price: float = 0.0
    characters: int = 1000
    seen_by: tuple[str, ...] = ()
    corpus: str = "document"
    documents: tuple[Value, ...] = ()
    passages: int = 2
    limits: Limits = LIMITS

    @property
    def told(self) -> str:
        """What a seat is told of its tools; `names_in` reads the names back."""
        calls = "once" if self.calls == 1 else f"{self.calls} times"
        head = f"Before you answer you may call a tool, {calls} at most. Write the call alone:"
        each = [f"<{name}>{KINDS[name].example}</{name}> {KINDS[name].does}" for name in self.names]
        return "\n".join([head, *each])


class Call(NamedTuple):
    """A call that was read; `given` is None where its argument could not be."""

    name: str
    given: str | None


def tools_named(text: str, **settings: Any) -> Tools | None:
    """The tools of a game's parameter, as in `python` or `python+search`; None for an empty one.

    Raises ValueError for a name that is no tool's.
    """
    names = tuple(dict.fromkeys(text.split("+"))) if text else ()
    if wrong := [name for name in names if name not in KINDS]:
        raise ValueError(f"no tool {wrong[0]!r}; there are {', '.join(KINDS)}, joined by +")
    return Tools(names, **settings) if names else None


def names_in(told: str) -> list[str]:
    """The names of the tools that `Tools.told` tells of."""
    return [name for name in re.findall(r"^<([a-z]{1,20})>", told, re.MULTILINE) if name in KINDS]


def schema(name: str) -> dict[str, Any]:
    """A tool as chat templates take it."""
    kind = KINDS[name]
    argument = {"type": "string", "description": f"for example: {kind.example}"}
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": kind.does,
            "parameters": {
                "type": "object",
                "properties": {kind.argument: argument},
                "required": [kind.argument],
            },
        },
    }


def read_call(text: str, names: tuple[str, ...]) -> Call | None:
    """The first call in a reply: in tags of the tool's name, or as the JSON that templates teach.

    A reply that opens with a tool's tag and never closes it is a call that cannot be read, and no answer.
    """
    for name in names:
        _, opened, rest = text.partition(f"<{name}>")
        given, closed, _ = rest.partition(f"</{name}>")
        if opened and closed:
            return Call(name, given.strip("\n"))
        if text.lstrip().startswith(f"<{name}>"):
            return Call(name, None)

    _, opened, rest = text.partition("<tool_call>")
    found = rest.partition("</tool_call>")[0] if opened else text
    # a template may teach the object alone, and an answer in JSON of other keys is no call
    if not opened and not text.lstrip().startswith("{"):
        return None
    return _from_json(found, names, sure=bool(opened))


def _from_json(text: str, names: tuple[str, ...], *, sure: bool) -> Call | None:
    broken = Call(names[0], None) if sure else None
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        return broken
    if not isinstance(said, dict) or cast("dict[str, Any]", said).get("name") not in names:
        return broken

    whole = cast("dict[str, Any]", said)
    name: str = whole["name"]
    given: Any = whole.get("arguments", whole.get("parameters"))
    value: Any = given.get(KINDS[name].argument) if isinstance(given, dict) else given
    return Call(name, value if isinstance(value, str) else None)


def uncalled(parse: Callable[[str], Any], names: tuple[str, ...]) -> Callable[[str], Any]:
    """The parser, which takes no call for an answer: one that comes beyond the budget is none."""

    def read(text: str) -> Any:
        if read_call(text, names):
            raise Unreadable("no calls are left; answer as asked")
        return parse(text)

    return read


def use(tools: Tools, seat: str, reply: Reply, used: int) -> Generator[Any, Any, str]:
    """What a reply that calls a tool is shown; empty for one that calls none, or may no more."""
    if reply.finish != "stop" or used >= tools.calls:
        return ""
    call = read_call(reply.text, tools.names)
    if call is None:
        return ""

    if tools.price:
        yield Credit(seat, tools.price, "tool")
    result = (yield from _run(tools, call)) if call.given else "this call cannot be read"
    if len(result) > tools.characters:
        result = f"{result[: tools.characters]} …"
    for other in tools.seen_by:
        if other != seat:
            yield Tell(other, f"{seat} calls {call.name}: {call.given}\nIt is shown: {result}")
    return f"{result}\n{LAST}" if used + 1 == tools.calls else result


def _run(tools: Tools, call: Call) -> Generator[Any, Any, str]:
    text = call.given or ""
    if call.name == "search":
        wish = Recall(f"{SEARCH}{tools.corpus}", tools.passages, tools.documents, text)
        found: tuple[Value, ...] = yield wish
        return "\n\n".join(map(str, found)) or NOTHING

    verdicts: tuple[Verdict, ...] = yield (Job(text, limits=tools.limits),)
    (verdict,) = verdicts
    if verdict.status == "ok":
        return verdict.stdout.rstrip() or NOTHING
    # what was printed before the fault tells where it lies
    said = f"{verdict.stdout.rstrip()}\n{verdict.status}: {verdict.detail}".strip()
    return said.rstrip(": ")
