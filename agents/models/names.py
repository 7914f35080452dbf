"""What a model may be called: a name of ours, a folder, a hub id. Imports nothing heavy.

A name of ours may list games, and any name may end in options: `tiny:sums,kuhn`, `small:code?accuracy=0.3`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from ...envs.errors import SparringError, Unknown
from ...envs.registry import GameError, find, game_ids
from ..thinking import MODES, MOST_TOKENS, OFF, Role, Thinking, Thinks

NURSERY = ("tiny", "small")
"""Models that are built here, for the games that their name lists."""
MODELS = (*NURSERY, "smollm2-135m")
EVERY = "all"
"""In the place of games: every game of the library."""
_KEPT = 0.6
_KEEPS = {"true": True, "false": False}
_OF_ROLE = ("think.", "thought_tokens.")
OPTIONS: Mapping[str, tuple[float, float]] = {
    "accuracy": (0.0, 1.0),
    "mislead": (0.0, 0.9),
    "effort": (0.01, 100.0),
    "thoughts": (0.0, 1.0),
}
"""What may follow the name of a model of the nursery, with the least and the greatest value.

`accuracy` and `mislead` are `Start`'s, `effort` and `thoughts` (0 or 1) are `Born`'s."""


class ModelError(SparringError, ValueError):
    """A model cannot be loaded."""


class UnknownModelError(Unknown, ModelError):
    """No model has this name."""


class UnknownThinkingError(Unknown, ModelError):
    """No way of thinking has this name."""


@dataclass(frozen=True, slots=True)
class Start:
    """How well a model of the nursery plays at its start.

    accuracy: the probability of the right answer at each problem; None for even odds over listed answers.
    mislead:  the probability that another answer is likelier than the right one, drawn for each problem.
    """

    accuracy: float | None = None
    mislead: float = 0.0

    @property
    def levels(self) -> tuple[float, float]:
        """The odds of the right answer at a problem that misleads, and at any other.

        Six tenths of the accuracy stay where the problem misleads; the mean over problems is the accuracy.
        """
        wanted = self.accuracy or 0.0
        low = _KEPT * wanted if self.mislead else wanted
        return low, (wanted - self.mislead * low) / (1 - self.mislead)


@dataclass(frozen=True, slots=True)
class Born:
    """A name of the nursery taken apart: `tiny` or `small`, ids of games (none: the game played), a start.

    `effort` multiplies how much the model is taught, and the time that takes. `thoughts`: its teachers
    think before they move, and it is taught under think=asked.
    """

    size: str
    games: tuple[str, ...] = ()
    start: Start = Start()
    effort: float = 1.0
    thoughts: bool = False


def split_options(spec: str) -> tuple[str, dict[str, str]]:
    """A name and the options behind its `?`, as in `NAME?key=value&key=value`. Raises ModelError.

    A folder's own name may hold a question mark: one that exists is taken whole.
    """
    name, mark, query = spec.partition("?")
    if not mark or Path(spec).expanduser().exists():
        return spec, {}

    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        pairs = []
    if not pairs or any(not (key and value) for key, value in pairs):
        raise ModelError(f"options are written NAME?key=value&key=value, not {spec!r}")
    if len(dict(pairs)) < len(pairs):
        raise ModelError(f"an option of {spec!r} is given twice; give each once")
    return name, dict(pairs)


def with_options(name: str, options: Mapping[str, str]) -> str:
    """The name with these options behind it: what `split_options` takes apart."""
    return f"{name}?{urlencode(options, safe='/,:')}" if options else name


def is_named(spec: str) -> bool:
    """Whether the name is one of ours, whatever games and options follow it."""
    return spec.partition("?")[0].partition(":")[0] in MODELS


def of_nursery(spec: str) -> bool:
    """Whether the name is that of a model which is built here, whatever games and options follow it."""
    return spec.partition("?")[0].partition(":")[0] in NURSERY


def born(spec: str) -> Born | None:
    """A name of the nursery taken apart; None for any other.

    Raises ModelError for options that it does not take, and UnknownModelError for games that there are not.
    """
    name, options = split_options(spec)
    size, colon, listed = name.partition(":")
    if size not in NURSERY:
        return None
    if colon and not listed:
        raise ModelError(f"{spec!r} names no game; write {size}:sums or {size}:sums,kuhn")

    ids = dict.fromkeys(id for word in listed.split(",") for id in _ids(word)) if colon else {}
    numbers = _numbers(spec, options)
    effort, thoughts = numbers.pop("effort", 1.0), numbers.pop("thoughts", 0.0)
    if thoughts not in (0, 1):
        raise ModelError(f"thoughts is 0 or 1, not {thoughts:g} in {spec!r}")
    return Born(size, tuple(ids), _start(spec, numbers), effort, bool(thoughts))


def check_name(name: str) -> None:
    """Raise UnknownModelError for what can be no model, and ModelError for options it does not take."""
    if born(name):
        return
    bare, options = split_options(name)
    hub = bare.count("/") == 1 and not bare.startswith((".", "/", "~"))
    if not (bare in MODELS or hub or Path(bare).expanduser().is_dir()):
        raise unknown(bare)
    if options:
        raise ModelError(f"{bare} takes no options; {' and '.join(NURSERY)} do, not {name!r}")


def unknown(name: str) -> UnknownModelError:
    """The error to raise for a name that no model has."""
    otherwise = f"; known: {', '.join(MODELS)}, a folder, or a hub id"
    return UnknownModelError("model or folder", name, MODELS, otherwise=otherwise)


def _ids(word: str) -> list[str]:
    """The games that a word stands for: an id, with or without its version, or all that begin with it."""
    if "/" in word:
        # another library's game, by its whole name
        try:
            return [find(word).id]
        except GameError as fault:
            raise ModelError(f"{fault}, for a model of the nursery") from fault
    known = game_ids()
    if word == EVERY:
        # what a file of tasks asks for is known to its owner alone
        return [id for id in known if find(id).family != "files"]
    exact = [id for id in known if word in (id, id.rpartition("-v")[0])]
    found = exact or [id for id in known if word and id.startswith(f"{word}-")]
    found = found or [id for id in known if find(id).family == word]
    if not found:
        names = [id.rpartition("-v")[0] for id in known]
        raise UnknownModelError("game", word, [*names, EVERY], where=" for a model of the nursery")
    return found


def _numbers(spec: str, options: Mapping[str, str]) -> dict[str, float]:
    """The options as numbers inside their bounds. Raises ModelError."""
    numbers: dict[str, float] = {}
    for key, text in options.items():
        if key not in OPTIONS:
            raise UnknownModelError("option", key, OPTIONS, where=f" in {spec!r}")
        least, most = OPTIONS[key]

        try:
            numbers[key] = float(text)
        except ValueError:
            numbers[key] = math.nan
        # a NaN is in no range, so that it is refused with what is no number
        if not least <= numbers[key] <= most:
            raise ModelError(f"{key} must be from {least:g} to {most:g}, not {text!r} in {spec!r}")
    return numbers


def _start(spec: str, numbers: Mapping[str, float]) -> Start:
    start = Start(**numbers)
    if start.mislead and start.accuracy is None:
        raise ModelError(
            f"mislead needs an accuracy, as in ?accuracy=0.5&mislead=0.3, not {spec!r}"
        )

    # a problem has the right answer and its rival: together they cannot have more than all
    if start.mislead and sum(start.levels) > 1:
        raise ModelError(
            f"an accuracy of {start.accuracy:g} leaves no room for mislead={start.mislead:g} in {spec!r}; "
            "take less of either"
        )
    return start


def parted(spec: str, default: Thinking = OFF) -> tuple[str, Thinking]:
    """A model's name without the options of thinking in it, and how it thinks.

    The options are `think`, `thought_tokens` and `keep_thoughts`, as in
    `smollm2-135m?think=asked&thought_tokens=64`; the first two may be of one role, `think.solver=asked`. What
    is not given is as in `default`; a `think` for all leaves nothing of its roles. Raises ModelError.
    """
    name, options = split_options(spec)
    named = {key: options.pop(key) for key in list(options) if key.startswith(_OF_ROLE)}
    before = () if "think" in options else default.roles
    mode = _mode(options.pop("think", default.mode))
    tokens = _tokens(options.pop("thought_tokens", str(default.tokens)))

    keep = options.pop("keep_thoughts", str(default.keep).lower())
    if keep not in _KEEPS:
        raise ModelError(f"keep_thoughts is true or false, not {keep!r}")
    bare = with_options(name, options)
    prompts = default.prompts and default.prompts.of(bare)

    roles = {role.name: role for role in before}
    for key, text in named.items():
        what, _, role = key.partition(".")
        if not role:
            raise ModelError(f"{what} of which role? write {what}.ROLE={text}, not {spec!r}")
        own = roles.get(role, Role(role, mode, tokens))
        changed = {"mode": _mode(text)} if what == "think" else {"tokens": _tokens(text)}
        roles[role] = own._replace(**cast(Any, changed))
    return bare, Thinking(mode, tokens, _KEEPS[keep], prompts, tuple(roles.values()))


def check_roles(spec: str, known: Collection[str], where: str) -> None:
    """Raise UnknownThinkingError where the name tells a role how to think that is not among the known."""
    for role in parted(spec)[1].roles:
        if role.name not in known:
            raise UnknownThinkingError("role", role.name, known, where=f" of {where} in {spec!r}")


def of_settings(rollout: Mapping[str, Any], default: Thinking = OFF) -> Thinking:
    """How a run's learner thinks, by the `rollout` table of its settings; a run without it, as `default`."""
    if "think" not in rollout:
        return default
    mode = _mode(str(rollout["think"]))
    tokens = _tokens(str(rollout.get("thought_tokens", OFF.tokens)))
    keep = bool(rollout.get("keep_thoughts", OFF.keep))

    # what a role's table leaves out, or has empty, is as for the others
    roles = tuple(
        Role(
            name,
            _mode(str(own.get("think") or mode)),
            _tokens(str(own.get("thought_tokens") or tokens)),
        )
        for name, own in rollout.get("roles", {}).items()
    )
    return Thinking(mode, tokens, keep, default.prompts, roles)


def _mode(text: str) -> Thinks:
    if text not in MODES:
        raise UnknownThinkingError("way of thinking", text, MODES)
    return text


def _tokens(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST_TOKENS):
        raise ModelError(
            f"thought_tokens is a whole number from 1 to {MOST_TOKENS:,}, not {text!r}"
        )
    return int(text)
