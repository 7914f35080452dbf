"""An episode as one line of text, the same for the same episode everywhere, and back.

A line is canonical JSON: sorted keys, no spaces, ASCII. A turn holds only what its seat had not seen
before, so a long conversation is stored once and not once per turn. Left out, because they differ from
run to run without changing what happened: the seconds of verdicts, and (unless `tokens=True`) the ids
and log-probabilities of sampled tokens; `read` gives them back as 0 and empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final, cast

from ..envs.errors import SparringError
from ..envs.types import (
    NOTHING,
    Ending,
    Episode,
    GameRef,
    Message,
    PolicyRef,
    Reply,
    Result,
    Turn,
    Value,
    Verdict,
)
from ..envs.values import from_json, to_json

FORMAT = 1
MOVE: Final = 40
"""Characters up to which a reply is likely to come again, word for word."""
# what is written here is built here, and is no circle
_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
).encode
_message = Message._make
_outcome = Ending("outcome")
_policy = lru_cache(1024)(PolicyRef)
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes twice as long
_View = tuple[Message, ...]


class TranscriptError(SparringError, ValueError):
    """A text that is no transcript, or one of a form that this version does not know."""


def canonical(data: object) -> str:
    """JSON data as its one canonical text."""
    return _encode(data)


def digest(text: str) -> str:
    """The sha256 of a transcript, in hex."""
    return sha256(text.encode()).hexdigest()


def write(episode: Episode, *, tokens: bool = False) -> str:
    """The episode as one line, without the newline. `tokens` adds what the sampler drew, to train on."""
    known: dict[str, _View] = {}
    data: dict[str, Any] = {
        "format": FORMAT,
        "game": episode.game.id,
        "seed": episode.seed,
        "replicate": episode.replicate,
        "seats": {seat: [ref.name, ref.id] for seat, ref in episode.seats.items()},
        "payoff": dict(episode.payoff),
        "ending": _ending_data(episode.ending),
    }
    rest = {
        "turns": [_turn_data(turn, known, tokens) for turn in episode.turns],
        "parameters": _named(episode.game.parameters),
        "verdicts": [_verdict_data(verdict) for verdict in episode.verdicts],
        "chances": episode.chances,
        "recalls": [[to_json(item) for item in items] for items in episode.recalls],
        "notes": _named(episode.notes),
        "kept": _named(episode.kept),
        "verifier": episode.verifier,
        "begun": episode.begun,
    }

    # what is empty is left out: most games have no verdicts, notes or parameters
    return _encode(data | {name: value for name, value in rest.items() if value})


def read(text: str) -> Episode:
    """The episode of a line. Raises TranscriptError for anything that `write` would not have written."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise TranscriptError(
                f"a transcript of format {data['format']!r} came; this version reads format {FORMAT}"
            )

        known: dict[str, _View] = {}
        return Episode(
            game=GameRef(data["game"], _unnamed(data.get("parameters", []))),
            seed=data["seed"],
            replicate=data["replicate"],
            seats=MappingProxyType({seat: _policy(*ref) for seat, ref in data["seats"].items()}),
            turns=tuple([_turn(turn, known) for turn in data.get("turns", [])]),
            payoff=MappingProxyType(data["payoff"]),
            ending=_ending(data["ending"]),
            verdicts=tuple([_verdict(verdict) for verdict in data.get("verdicts", [])]),
            chances=tuple(data.get("chances", [])),
            recalls=tuple(
                [tuple([from_json(item) for item in items]) for items in data.get("recalls", [])]
            ),
            notes=_unnamed(data.get("notes", [])),
            kept=_unnamed(data.get("kept", [])),
            verifier=data.get("verifier", ""),
            begun=data.get("begun", 0),
        )
    # it is a ValueError too, and says more than the line below
    except TranscriptError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as fault:
        raise TranscriptError(
            f"not a transcript ({type(fault).__name__}: {fault}): {text[:60]!a}"
        ) from None


def _named(items: Sequence[tuple[str, Value]]) -> list[Any]:
    return [[name, to_json(value)] for name, value in items]


def _unnamed(items: Sequence[Any]) -> tuple[tuple[str, Value], ...]:
    return tuple([(name, from_json(value)) for name, value in items])


def _turn_data(turn: Turn, known: dict[str, _View], tokens: bool) -> dict[str, Any]:
    """A turn as what was new to its seat; `known` is what each seat is known to have seen so far."""
    # a prompt mostly repeats the seat's last one: only what is new is stored
    seen = known.get(turn.seat, ())
    grown = turn.prompt[: len(seen)] == seen

    new = turn.prompt[len(seen) :] if grown else turn.prompt
    data: dict[str, Any] = {
        "seat": turn.seat,
        "role": turn.role,
        "new" if grown else "view": [[message.speaker, message.text] for message in new],
        "reply": _reply_data(turn.reply, tokens),
    }

    if turn.retry:
        data["retry"] = turn.retry
    if turn.call:
        data["call"] = turn.call
    if turn.choices is not None:
        data["choices"] = list(turn.choices)
    if turn.credits:
        data["credits"] = dict(turn.credits)
    if turn.refused:
        data["refused"] = turn.refused

    # reading does the same, so both sides agree on what `new` leaves out
    known[turn.seat] = _after(turn.prompt, turn.reply)
    return data


def _turn(data: Mapping[str, Any], known: dict[str, _View]) -> Turn:
    seat, reply = data["seat"], _reply(data["reply"])
    said = tuple([_message(message) for message in data["new" if "new" in data else "view"]])
    prompt = known.get(seat, ()) + said if "new" in data else said
    known[seat] = _after(prompt, reply)

    choices = tuple(data["choices"]) if "choices" in data else None
    credits = MappingProxyType(data["credits"]) if "credits" in data else NOTHING
    whole = (seat, data["role"], prompt, reply, data.get("retry", 0), choices, credits)
    return _new(Turn, (*whole, data.get("refused"), data.get("call", 0)))


def _after(prompt: _View, reply: Reply) -> _View:
    # a seat sees its own reply again as its memory, where it has one
    return (*prompt, Message("self", reply.text if reply.memory is None else reply.memory))


def _reply_data(reply: Reply, tokens: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"text": reply.text}
    # defaults are left out; `_reply` puts them back
    if reply.thought:
        data["thought"] = reply.thought
    if reply.finish != "stop":
        data["finish"] = reply.finish
    if reply.memory is not None:
        data["memory"] = reply.memory
    if reply.used is not None:
        data["used"] = list(reply.used)
    # log-probabilities differ from run to run; a transcript's hash may not
    if tokens and reply.tokens:
        data["tokens"] = list(reply.tokens)
        data["logprobs"] = list(reply.logprobs)
        data["prompt_tokens"] = list(reply.prompt_tokens)
        if reply.unconstrained is not None:
            data["unconstrained"] = list(reply.unconstrained)
        if reply.given is not None:
            data["given"] = list(reply.given)
    return data


def _reply(data: Mapping[str, Any]) -> Reply:
    if len(data) == 1:  # most replies of scripted players are their text alone
        text = data["text"]
        return _move(text) if len(text) <= MOVE else Reply(text)
    return Reply(
        text=data["text"],
        thought=data.get("thought", ""),
        tokens=tuple(data.get("tokens", ())),
        logprobs=tuple(data.get("logprobs", ())),
        finish=data.get("finish", "stop"),
        prompt_tokens=tuple(data.get("prompt_tokens", ())),
        memory=data.get("memory"),
        unconstrained=tuple(data["unconstrained"]) if "unconstrained" in data else None,
        used=(data["used"][0], data["used"][1]) if "used" in data else None,
        given=(data["given"][0], data["given"][1]) if "given" in data else None,
    )


@lru_cache(1024)
def _move(text: str) -> Reply:
    # a frozen value: the thousands of equal moves of a store may share one
    return Reply(text)


def _verdict_data(verdict: Verdict) -> dict[str, Any]:
    data: dict[str, Any] = {
        "status": verdict.status,
        "results": [[result.status, to_json(result.value)] for result in verdict.results],
    }
    for name in ("stdout", "stderr", "forbidden", "detail"):
        if value := getattr(verdict, name):
            data[name] = value
    return data


def _verdict(data: Mapping[str, Any]) -> Verdict:
    results = tuple([Result(status, from_json(value)) for status, value in data["results"]])
    rest = {
        name: data[name] for name in ("stdout", "stderr", "forbidden", "detail") if name in data
    }
    return Verdict(data["status"], results, **rest)


def _ending_data(ending: Ending) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": ending.kind}
    for name in ("reason", "cause", "source"):
        if value := getattr(ending, name):
            data[name] = value
    if ending.seats:
        data["seats"] = list(ending.seats)
    return data


def _ending(data: Mapping[str, Any]) -> Ending:
    if data == {"kind": "outcome"}:
        return _outcome
    fields = {name: data[name] for name in ("kind", "reason", "cause", "source") if name in data}
    return Ending(seats=tuple(cast("list[str]", data.get("seats", []))), **fields)
