"""Games of two roles that pay differently: rated by who is paid more in a role beside the same partners."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import pytest
from sparring.agents.policy import Request
from sparring.agents.scripted import Random, scripted
from sparring.arenas.executors.local import Local
from sparring.arenas.fixture import places
from sparring.arenas.gate import gate, gate_of
from sparring.arenas.results import GameRow, Pair, Place, complete
from sparring.arenas.store.reading import Archive
from sparring.arenas.tournament import tournament
from sparring.arenas.verify import verify
from sparring.envs.declaration import GameError
from sparring.envs.registry import Game, find, forgetting, game
from sparring.envs.script import Script, ask, ask_all
from sparring.envs.seeds import fraction
from sparring.envs.tasks.pay import learnability
from sparring.envs.tasks.proposing import refused
from sparring.envs.types import PolicyRef, Reply
from sparring.sandbox.pool.verifier import Pooled

CROSSED = (
    "code-abduction-v0", "code-as-task-v0", "code-deduction-v0", "code-induction-v0",
    "corpus-challenge-v0", "ladder-v0", "programming-puzzle-v0", "question-answer-v0",
    "solve-verify-v0", "critique-refine-v0", "facts-v0", "sums-propose-v0",
)  # fmt: skip
KINDS = ("impossible", "trivial", "fair", "refused")


def pair(proposes: Callable[[str, str], float], solves: Callable[[str, str], float]) -> Pair:
    """A block of a and b: what the proposer and the solver are paid, by (proposer, solver)."""
    rows = [
        GameRow(
            "p", 0, leg, 4, 0, 0,
            (
                Place("proposer", "proposer", one, proposes(one, two)),
                Place("solver", "solver", two, solves(one, two)),
            ),
            tokens_in=leg,
        )
        for leg, (one, two) in enumerate([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")])
    ]  # fmt: skip
    (found,) = complete(rows)
    return found


def test_a_duel_is_half_of_what_one_is_paid_more_in_a_role_beside_the_same_partners() -> None:
    paid = {("a", "a"): 0.5, ("a", "b"): 1.0, ("b", "a"): 0.25, ("b", "b"): -0.5}
    found = pair(lambda a, b: paid[a, b], lambda a, b: 2 * paid[a, b])
    # as proposers: (.5 + 1 − .25 + .5) / 2; as solvers: (1 + .5 − 2 + 1) / 2
    assert found.legs[0].places[0].payoff == pytest.approx(1.75 / 2 / 2)
    assert found.legs[1].places[0].payoff == pytest.approx(0.5 / 2 / 2)
    assert [place.role for leg in found.legs for place in leg.places] == [
        "proposer", "proposer", "solver", "solver",
    ]  # fmt: skip
    assert found.score("a", "payoff") == -found.score("b", "payoff")
    assert found.tokens == 6


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_tasks_that_nobody_or_everybody_solves_tell_nothing_of_solvers(rate: float) -> None:
    strength = {"a": 0.2, "b": 0.7}
    # a's tasks have one rate for all; only b's tell them apart
    found = pair(lambda a, b: 0.0, lambda a, b: rate if a == "a" else strength[b])
    assert found.score("a", "payoff") == pytest.approx((0.2 - 0.7) / 2 / 2 / 2)


def test_a_block_that_lacks_a_game_is_no_pair() -> None:
    whole = pair(lambda a, b: 0.0, lambda a, b: 0.0)
    assert not complete(whole.legs[:1])


class Writer:
    """Picks a task of its own kind, and solves with its own chance, as the noise of the request says."""

    streams = False

    def __init__(self, name: str, task: str, skill: float) -> None:
        self.ref = PolicyRef(name, f"writer/{name}")
        self._task, self._skill = task, skill

    async def act(self, requests: Sequence[Request]) -> Sequence[Reply]:
        return [Reply(self._said(request)) for request in requests]

    def _said(self, request: Request) -> str:
        if request.role == "proposer":
            return self._task
        task = request.messages[-1].text
        chance = {"trivial": 1.0, "impossible": 0.0}.get(task, self._skill)
        key = request.key
        return "right" if fraction(f"{self.ref.id}/{key.seed}/{key.seat}") < chance else "wrong"


@pytest.fixture
def tasks() -> Iterator[Game]:
    """A proposer's task has a kind, and a solver's answer says itself whether it is right."""
    with forgetting():

        @game(
            "kinds-v0",
            roles={"proposer": 1, "solver": 4},
            max_turns=5,
            payoff_range=(-1, 1),
            score="payoff",
            rated="crossed",
        )
        def kinds() -> Script:
            """Tasks of a kind."""
            solvers = [f"solver_{n}" for n in range(4)]
            task = yield from ask("proposer", "task?", choices=KINDS)
            if task == "refused":
                return refused(solvers)
            said = yield from ask_all(dict.fromkeys(solvers, task), choices=("right", "wrong"))
            paid = {seat: 1.0 if word == "right" else -0.5 for seat, word in said.items()}
            return {"proposer": learnability(list(said.values()).count("right") / 4), **paid}

        yield find("kinds-v0")


def lead(tasks: Game, path: Path, *, mine: str, skill: float = 0.5, other: float = 0.5) -> float:
    """By how much one that proposes tasks of a kind is ahead of one that proposes fair ones."""
    entrants = [Writer("a", mine, skill), Writer("b", "fair", other)]
    tournament(tasks, entrants, path, pairs=40)
    with Archive(path) as archive:
        scores = [pair.score("writer/a", "payoff") for pair in complete(archive.rows(tasks))]
    return fmean(scores)


@pytest.mark.parametrize("kind", ["impossible", "trivial", "refused"])
def test_an_equal_gains_nothing_by_tasks_that_tell_nothing(
    tasks: Game, tmp_path: Path, kind: str
) -> None:
    assert lead(tasks, tmp_path / "s.sqlite", mine=kind) < -0.05


def test_the_better_solver_is_ahead_whoever_proposes(tasks: Game, tmp_path: Path) -> None:
    assert lead(tasks, tmp_path / "s.sqlite", mine="fair", skill=0.9) > 0.1
    assert lead(tasks, tmp_path / "t.sqlite", mine="fair", skill=0.1) < -0.1


def test_an_entrant_against_itself_is_level_in_every_block(tasks: Game, tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    tournament(tasks, [Writer("a", "fair", 0.5)], path, pairs=10, control=True)
    with Archive(path) as archive:
        pairs = complete(archive.rows(tasks))
    assert len(pairs) == 10
    assert all(place.payoff == 0 for pair in pairs for leg in pair.legs for place in leg.places)


def test_a_store_of_crossed_blocks_is_sound_and_told_by_role(tasks: Game, tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    outcome = tournament(
        tasks, [Writer("a", "fair", 0.9), Writer("b", "fair", 0.2)], path, pairs=30
    )
    assert (outcome.plan.games, outcome.plan.pairs) == (120, 30)
    best = outcome.leaderboard.standings[0]
    assert (best.entrant, best.ranks) == ("writer/a", (1, 1))
    assert best.roles["solver"].low > 0
    assert not verify(path)


def test_a_gate_passes_the_better_solver(tasks: Game, tmp_path: Path) -> None:
    better, worse = Writer("a", "fair", 0.9), Writer("b", "fair", 0.2)
    ruling = gate(tasks, better, worse, tmp_path / "s.sqlite", gate_of(tasks, pairs=100))
    assert ruling.decision.outcome == "better"


def test_a_swiss_tournament_pairs_by_duels(tasks: Game, tmp_path: Path) -> None:
    field = [Writer(f"w{n}", "fair", n / 4) for n in range(4)]
    outcome = tournament(tasks, field, tmp_path / "s.sqlite", pairs=6, schedule="swiss")
    assert outcome.leaderboard.standings[0].entrant == "writer/w3"


@pytest.mark.parametrize("id", CROSSED)
def test_every_game_of_two_unlike_roles_can_be_rated(
    id: str, tmp_path: Path, verifier: Pooled
) -> None:
    rated = find(id)
    players = [Random(), scripted(min(rated.oracles), rated)]
    outcome = tournament(
        rated, players, tmp_path / "s.sqlite", pairs=1, executor=partial(Local, verifier=verifier)
    )
    assert outcome.plan.games == 4
    assert not outcome.voids
    assert set(outcome.leaderboard.standings[0].roles) == set(places(rated))


def test_a_game_that_is_crossed_needs_two_roles_and_payoffs() -> None:
    with forgetting():

        @game("one-role-v0", roles={"solver": 2}, max_turns=2, payoff_range=(0, 1), rated="crossed")
        def alone() -> Script:
            """One role."""
            yield from ask("solver_0", "?")
            return {}

        with pytest.raises(GameError, match="needs score='payoff' and two roles"):
            find("one-role-v0")
