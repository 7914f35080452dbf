"""reasoning-gym's tasks, by its own names: one seat answers one question, and its code scores the answer.

    find("reasoning-gym/chain_sum")
    find("reasoning-gym/chain_sum", part="held-out", item=3, level=0)

A game takes the options of the dataset that are plain values, and our own: `part` (train, held-out, all),
`items` (how many the part holds), `item` (one of them; −1: drawn), `partial` (False: only a full score pays),
`choices` (answers to list, where there are few: `tiny` and the exact tools need them) and, where the dataset
has a curriculum, `level` (−1: the dataset's own defaults).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..parse import Illegal, Unreadable, answered
from ..registry import ParameterError, game
from ..script import Script, ask, note
from ..tasks.items import check_item, check_part, chosen, solver_note
from ..types import Message, Value
from .extras import folder, load, release
from .reasoning_gym_tasks import LONGEST, item, levels, options_of, tasks

EXTRA = "reasoning-gym"
ITEMS = 1_000
MOST = 100_000
OURS = ("part", "items", "item", "partial", "choices", "level")
RULES = "Answer the question. Give the answer alone, or put it between <answer> and </answer>."

LEFT_OUT = ("composite", "intermediate_integration")
"""A mix of other datasets; and one that gives answers to computer algebra, which has no bound on its time."""
_EVALUATED = (
    "reasoning-gym runs an answer as Python; here one that is more than a literal or a sum is wrong"
)
CAVEATS: Mapping[str, str] = {
    "acre": "of its three splits only the systematic one is asked, because an item is a dataset of one",
    "binary_matrix": _EVALUATED,
    "coin_flip": "computes an answer like 1e999999999 in full; here an answer with an exponent is wrong",
    "complex_arithmetic": "reasoning-gym finds `nan` right for every question; here it is wrong",
    "countdown": _EVALUATED,
    "game_of_life_halting": "any text but an empty one counts as True, also `False`",
    "list_functions": "reasoning-gym draws from the global generator; here from one keyed by the item",
    "n_queens": _EVALUATED,
    "polynomial_multiplication": _EVALUATED,
    "puzzle24": f"any four numbers within its range pay, not only those of the question; {_EVALUATED}",
    "simple_integration": _EVALUATED,
    "spiral_matrix": _EVALUATED,
    "string_insertion": _EVALUATED,
}

_NAME = re.compile(r'^DATASET_NAME = "(\w+)"|^register_dataset\(\s*"(\w+)"', re.MULTILINE)


def names() -> Mapping[str, str]:
    """Every dataset of reasoning-gym with its kind, read from its files: importing them takes seconds."""
    found: dict[str, str] = {}
    home = folder("reasoning_gym", EXTRA)
    for file in [*home.glob("*/*.py"), *home.glob("*/*/*.py")]:
        for said in _NAME.findall(file.read_text(encoding="utf-8")):
            found["".join(said)] = file.relative_to(home).parts[0]
    return {name: found[name] for name in sorted(found) if name not in LEFT_OUT}


def declare(id: str, name: str) -> bool:
    """Register the dataset of this name as a game; False if there is none."""
    load("reasoning_gym", EXTRA)
    known = load("reasoning_gym.factory", EXTRA).DATASETS
    if name not in known or name in LEFT_OUT:
        return False

    kind = known[name][0].__module__.split(".")[1]
    defaults = options_of(known[name][1])
    shared = [option for option in OURS if option in defaults]
    assert not shared, f"{name} has options named like ours: {shared}"
    high = levels(name)

    def script(**parameters: Value) -> Script:
        return (yield from _script(id, name, defaults, parameters))

    script.__doc__ = (
        f"reasoning-gym's {name} ({kind}): one question, scored from 0 to 1 by its own code."
    )
    game(
        id,
        roles={"solver": 1},
        max_turns=1,
        payoff_range=_checked(id, name, defaults),
        score=None,
        rules=RULES,
        bounds={"items": (1, MOST), "item": (-1, MOST - 1), "level": (-1, high - 1)},
        oracles={"sample": sample},
        items=lambda items: items,
        family="reasoning-gym",
        provider=release("reasoning-gym", "reasoning-gym"),
        caveats=(CAVEATS[name],) if name in CAVEATS else (),
        parameters={
            "part": "train",
            "items": ITEMS,
            "item": -1,
            "partial": True,
            "choices": [],
            **({"level": -1} if high else {}),
            **defaults,
        },
    )(script)
    return True


def _checked(id: str, name: str, defaults: Mapping[str, Value]) -> Callable[..., Any]:
    """The payoff range as a function of the parameters, which raises ParameterError for a wrong one."""

    def range_of(**parameters: Value) -> tuple[float, float]:
        part = check_part(id, parameters["part"])
        check_item(id, cast(int, parameters["item"]), cast(int, parameters["items"]), part)
        _choices(id, parameters)
        options, level = _options(defaults, parameters)
        try:
            tasks(name, options, level)
        except ValueError as fault:
            raise ParameterError(f"{id}: {fault}") from fault
        return (0.0, 1.0)

    return range_of


def _options(defaults: Mapping[str, Value], parameters: Mapping[str, Value]) -> tuple[str, int]:
    """Those of the dataset's options that were changed, as a literal, and the level."""
    changed = {
        key: value
        for key, value in sorted(parameters.items())
        if key in defaults and value != defaults[key]
    }
    return repr(changed), cast(int, parameters.get("level", -1))


def _choices(id: str, parameters: Mapping[str, Value]) -> list[str]:
    """The answers that are listed; none where any text may be said. Raises ParameterError."""
    given = cast("list[Value]", parameters["choices"])
    # numbers too, because a list of them is easier to write
    found = [str(value) for value in given if isinstance(value, (str, int))]
    # An answer is read without the spaces around it, and choices are told apart without case.
    fit = all(choice == choice.strip() != "" for choice in found)
    if len({choice.casefold() for choice in found}) < len(given) or not fit:
        raise ParameterError(
            f"{id}: choices must be different texts or whole numbers, not {given!r}"
        )
    return found


def _script(
    id: str, name: str, defaults: Mapping[str, Value], parameters: Mapping[str, Value]
) -> Script:
    number = yield from chosen(cast(int, parameters["item"]), cast(int, parameters["items"]))
    options, level = _options(defaults, parameters)
    entry = item(name, options, level, cast(str, parameters["part"]), number)
    # One try and a fall-back: an unreadable answer is a wrong one and ends no game.
    said = yield from ask(
        "solver",
        entry.question,
        _answer,
        choices=_choices(id, parameters),
        tries=1,
        otherwise=None,
    )

    score = tasks(name, options, level).score(entry, said) if said is not None else 0.0
    right = float(score >= 1)
    yield from note("item", solver_note(parameters, number))
    # What is paid may be a part of the score: noted beside it is whether the answer is right.
    yield from note("gold", right)
    return {"solver": score if parameters["partial"] else right}


def _answer(text: str) -> str:
    """The answer in a reply, line breaks kept. Raises Unreadable for none, Illegal for one too long."""
    said = answered(text).strip()
    if not said:
        raise Unreadable("an answer was expected, an empty reply came")
    if len(said) > LONGEST:
        raise Illegal(f"at most {LONGEST:,} characters were expected, {len(said):,} came")
    return said


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Answers every question with 7."""
    return "<answer>7</answer>"
