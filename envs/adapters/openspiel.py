"""OpenSpiel's games: chance with its exact odds, legal actions as choices, information states as prompts.

    find("openspiel/kuhn_poker", players=3)
    find("openspiel/misere", game="tic_tac_toe()")
    find("openspiel/gin_rummy", structured=True)

A game takes OpenSpiel's own parameters; one that is itself a game is written as OpenSpiel writes it. What
a seat is shown is its information state where the game hides something, and the board (the observation)
where it hides nothing, since OpenSpiel writes the former as action numbers there. Our views add up, so
every seat remembers all that it saw; games of imperfect recall are played with perfect recall. With
`structured` a seat is shown OpenSpiel 2's structured observation as JSON, in the games that have one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from ..registry import GameError, ParameterError, Score, Sum, game
from ..script import Script, Steps, ask, ask_all, chance, randomness
from ..types import Value
from .extras import load, release

SHOWN = 40
"""So many legal moves are listed in a prompt; of more, the first ones and their number."""

_SUMS: Mapping[str, Sum] = {"ZERO_SUM": "zero", "IDENTICAL": "common"}
_RECALL = (
    "OpenSpiel's seats forget parts of the past in this game; here they remember all that they saw"
)
_CAVEATS = {
    "dark_hex_ir": _RECALL,
    "liars_dice_ir": _RECALL,
    "phantom_ttt_ir": _RECALL,
    "quoridor": "OpenSpiel itself warns of known issues in its rules",
}
_UNPLAYABLE = {
    "MEAN_FIELD": "is a mean-field game: its moves belong to a population, not to seats",
    "crossword": "has moves that are structures and cannot be listed",
}


def names() -> Mapping[str, str]:
    """Every playable game by OpenSpiel's name, with its long name and what it is."""
    return {name: _line(kind) for name, kind in _kinds().items() if not _unplayable(kind)}


def declare(id: str, name: str) -> bool:
    """Register OpenSpiel's game of this name under `id`; False if there is none.

    Raises GameError for one that seats cannot play.
    """
    kind = _kinds().get(name)
    if kind is None:
        return False
    if why := _unplayable(kind):
        raise GameError(f"OpenSpiel's {name} {why}")

    # Each fact is read from the loaded game, since it depends on the parameters.
    def script(**parameters: Value) -> Script:
        return (yield from _script(name, parameters))

    def fact(read: Any) -> Any:
        return lambda **parameters: read(_load(name, _written(name, parameters)))

    script.__doc__ = f"{_line(kind)}."
    game(
        id,
        roles=fact(lambda loaded: {f"player_{seat}": 1 for seat in range(loaded.num_players())}),
        max_turns=fact(_max_turns),
        payoff_range=fact(lambda loaded: (loaded.min_utility(), loaded.max_utility())),
        sum=fact(_sum),
        score=fact(_score),
        truncation=fact(lambda loaded: 0.0 if _sum(loaded) == "zero" else loaded.min_utility()),
        rules=_told(name),
        simultaneous=fact(lambda loaded: loaded.get_type().dynamics.name == "SIMULTANEOUS"),
        family="openspiel",
        provider=release("open_spiel", "OpenSpiel"),
        caveats=(_CAVEATS[name],) if name in _CAVEATS else (),
        parameters={
            "structured": False,
            **{name: _plain(value) for name, value in kind.parameter_specification.items()},
        },
    )(script)
    return True


@cache
def _kinds() -> Mapping[str, Any]:
    spiel = load("pyspiel", "openspiel")
    return {kind.short_name: kind for kind in spiel.registered_games()}


def _unplayable(kind: Any) -> str:
    return _UNPLAYABLE.get(kind.dynamics.name) or _UNPLAYABLE.get(kind.short_name, "")


def _line(kind: Any) -> str:
    few, many = kind.min_num_players, kind.max_num_players
    players = f"{few}" if few == many else f"{few} to {many}"
    words = [
        f"{players} player{'' if many == 1 else 's'}",
        kind.utility.name,
        kind.information.name,
        "" if kind.chance_mode.name == "DETERMINISTIC" else "chance",
    ]
    return (
        f"{kind.long_name} ({', '.join(word.lower().replace('_', ' ') for word in words if word)})"
    )


def _plain(default: Any) -> Value:
    """A default as our parameters take it; where OpenSpiel wants a game, its text."""
    return "" if isinstance(default, dict) else cast(Value, default)


def _written(name: str, parameters: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    """What differs from the defaults; OpenSpiel refuses some of its own when they are spelled out."""
    defaults = _kinds()[name].parameter_specification
    return tuple(
        (key, value)
        for key, value in parameters.items()
        if key in defaults and value != _plain(defaults[key])
    )


@cache
def _load(name: str, written: tuple[tuple[str, Value], ...]) -> Any:
    """OpenSpiel's game. Raises GameError with its reason, or with the parameters that it needs."""
    spiel = load("pyspiel", "openspiel")
    defaults = _kinds()[name].parameter_specification
    given: dict[str, Any] = dict(written)

    try:
        for key, value in written:
            if isinstance(defaults[key], dict):
                given[key] = spiel.game_parameters_from_string(value)
        loaded = spiel.load_game(name, given)
    except Exception as fault:  # SpielError, or what its C++ happens to throw
        raise GameError(
            f"OpenSpiel does not load {name} with {dict(written)}: {_needs(name, fault)}"
        ) from None

    # Such a game draws inside itself; without a seed of ours it could not be replayed.
    if loaded.get_type().chance_mode.name == "SAMPLED_STOCHASTIC" and "rng_seed" not in defaults:
        raise GameError(
            f"OpenSpiel's {name} with {dict(written)} draws from a generator that takes no seed"
        )
    return loaded


def _needs(name: str, fault: Exception) -> str:
    # Only games that never load by default need an example; else OpenSpiel's reason is
    # enough.
    kind = _kinds()[name]
    nested = [key for key, value in kind.parameter_specification.items() if isinstance(value, dict)]
    said = " ".join(str(fault).split())[:200]
    if kind.default_loadable:
        return said
    example = f"{nested[0]}=kuhn_poker()" if nested else ", ".join(kind.parameter_specification)
    return f"{said}; it needs parameters, as in {example}"


def _max_turns(loaded: Any) -> int:
    # OpenSpiel counts a simultaneous node as one move; here each seat's move is a turn.
    at_once = loaded.num_players() if loaded.get_type().dynamics.name == "SIMULTANEOUS" else 1
    return loaded.max_game_length() * at_once


def _sum(loaded: Any) -> Sum:
    return (
        _SUMS.get(loaded.get_type().utility.name, "general")
        if loaded.num_players() > 1
        else "general"
    )


def _score(loaded: Any) -> Score | None:
    # A rating compares seats: there must be two, and their payoffs must differ.
    if loaded.num_players() < 2 or _sum(loaded) == "common":
        return None
    return "win" if (loaded.min_utility(), loaded.max_utility()) == (-1, 1) else "payoff"


def _told(name: str) -> Any:
    """The rules by the parameters. They raise ParameterError for a structure that is not there."""

    def rules_of(**parameters: Value) -> dict[str, str]:
        loaded = _load(name, _written(name, parameters))
        if parameters["structured"] is True and not _structured(loaded):
            raise ParameterError(
                f"OpenSpiel's {name} has no structured observation; leave out `structured`"
            )
        return _rules(loaded)

    return rules_of


def _structured(loaded: Any) -> bool:
    """Whether OpenSpiel gives its observations as structures."""
    try:
        loaded.new_initial_state().to_observation_struct(0)
    # what it throws for a game without them has no class of its own
    except Exception:
        return False
    return True


def _rules(loaded: Any) -> dict[str, str]:
    players, kind = loaded.num_players(), loaded.get_type()
    aim = {"zero": "What you win, the others lose.", "common": "All players win the same."}
    return {
        f"player_{seat}": f"{kind.long_name}. You are player {seat} (of {players}, counted from 0). "
        f"{aim.get(_sum(loaded), 'Win as much as you can.')} You are shown what you know of the game and the "
        "legal moves. Answer with one legal move, exactly as it is written."
        for seat in range(players)
    }


def _script(name: str, parameters: Mapping[str, Value]) -> Script:
    loaded = _load(name, _written(name, parameters))
    # Loaded anew for each game, since the seed is a parameter of the game itself.
    if loaded.get_type().chance_mode.name == "SAMPLED_STOCHASTIC":
        loaded = yield from _seeded(name, parameters)

    structured = parameters["structured"] is True
    state = loaded.new_initial_state()
    while not state.is_terminal():
        if state.is_chance_node():
            outcomes = state.chance_outcomes()
            # Explicit odds and no draw of our own, so that the game's tree can be walked
            # exactly.
            drawn = yield from chance([odds for _, odds in outcomes])
            state.apply_action(outcomes[drawn][0])
        elif state.is_simultaneous_node():
            state.apply_actions((yield from _together(state, loaded, structured)))
        else:
            seat = state.current_player()
            moves = _moves(state, seat)
            move = yield from ask(
                f"player_{seat}",
                _prompt(state, loaded, seat, [*moves], structured),
                choices=[*moves],
            )
            state.apply_action(moves[move])

    return {f"player_{seat}": payoff for seat, payoff in enumerate(state.returns())}


def _seeded(name: str, parameters: Mapping[str, Value]) -> Steps[Any]:
    """A game that draws by itself, with a generator seeded by ours."""
    rng = yield from randomness()
    seeded = {**parameters, "rng_seed": rng.getrandbits(31)}
    return load("pyspiel", "openspiel").load_game(name, dict(_written(name, seeded)))


def _together(state: Any, loaded: Any, structured: bool) -> Steps[list[int]]:
    """The actions of all seats at a simultaneous node; a seat without a legal action is not asked."""
    moves = [_moves(state, seat) for seat in range(loaded.num_players())]
    asked = [seat for seat, legal in enumerate(moves) if legal]
    said = yield from ask_all(
        {
            f"player_{seat}": _prompt(state, loaded, seat, [*moves[seat]], structured)
            for seat in asked
        },
        choices={f"player_{seat}": [*moves[seat]] for seat in asked},
    )
    # OpenSpiel wants an action for every seat: 0 stands for a seat that has none.
    return [legal[said[f"player_{seat}"]] if legal else 0 for seat, legal in enumerate(moves)]


def _moves(state: Any, seat: int) -> dict[str, int]:
    """Legal actions by text; texts that differ only in case (chess: bxc3, Bxc3) get their number."""
    actions: Sequence[int] = state.legal_actions(seat)
    texts = [" ".join(state.action_to_string(seat, action).split()) for action in actions]
    folded = [text.casefold() for text in texts]

    # Replies are read without case, so texts that differ only in case would be one move.
    if len(set(folded)) < len(folded):
        repeated = {text for text, times in Counter(folded).items() if times > 1}
        texts = [
            f"{text} #{action}" if text.casefold() in repeated else text
            for text, action in zip(texts, actions, strict=True)
        ]
    return dict(zip(texts, actions, strict=True))


def _prompt(state: Any, loaded: Any, seat: int, moves: Sequence[str], structured: bool) -> str:
    listed = ", ".join(moves[:SHOWN])
    more = f" … ({len(moves)} in all)" if len(moves) > SHOWN else ""
    if structured:
        return f"{state.to_observation_struct(seat).to_json()}\nLegal moves: {listed}{more}"
    return f"{_seen(state, loaded.get_type(), seat)}\nLegal moves: {listed}{more}".lstrip()


def _seen(state: Any, kind: Any, seat: int) -> str:
    if kind.information.name == "ONE_SHOT":
        # OpenSpiel's one-shot games have no observations: the state is all that there is
        # to see.
        return str(state).strip()
    # Where nothing is hidden the observation is the board; the other text is action
    # numbers.
    open_board = kind.information.name == "PERFECT_INFORMATION" and kind.provides_observation_string
    if open_board or not kind.provides_information_state_string:
        return state.observation_string(seat).strip("\n")
    return state.information_state_string(seat).strip("\n")
