"""Games as PettingZoo environments: PettingZoo's own tests, and what ours promises beyond them."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium
import pettingzoo
import pytest
import sparring.envs.aec
import sparring.envs.gym
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
from sparring.envs.aec import GameEnv, from_aec, make, make_parallel
from sparring.envs.blocking_verifier import NoVerifierError, install
from sparring.envs.conformance import checks
from sparring.envs.registry import GameError, find, forgetting, game, game_ids, load
from sparring.envs.script import Script, ask, credit, verify
from sparring.envs.table import Table
from sparring.envs.types import Job, Reply

IDS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
SIMULTANEOUS = [id for id in IDS if find(id).simultaneous]


@pytest.fixture(autouse=True)
def _advice():
    """PettingZoo advises numpy observations and numbered agents; texts and role names are meant."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pettingzoo")
        yield


def play(env, moves):
    """Step through the moves of all agents in order; returns the rewards seen by each."""
    for move in moves:
        env.step(move)
    return dict(env.rewards)


@pytest.mark.parametrize("id", IDS)
def test_every_game_passes_the_aec_tests(id, capsys, executing):
    api_test(make(id, verifier=executing), num_cycles=20)
    seed_test(lambda: make(id, verifier=executing), num_cycles=20)


@pytest.mark.parametrize("id", SIMULTANEOUS)
def test_every_simultaneous_game_passes_the_parallel_tests(id, capsys, executing):
    parallel_api_test(make_parallel(id, verifier=executing), num_cycles=20)
    parallel_seed_test(lambda: make_parallel(id, verifier=executing), num_cycles=20)


def made(kind: Any, name: str, **parameters: Any) -> Any:
    return pettingzoo.make(kind, f"sparring/{name}", **parameters)


def test_pettingzoo_makes_every_game_by_its_own_registry():
    for id in IDS:
        assert made("aec", id).game.id == id
    for id in SIMULTANEOUS:
        assert made("parallel", id).game.id == id
    assert made("aec", "nim-v0", heaps="1-2").game.parameters["heaps"] == "1-2"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sparring.envs.aec.register()  # a second call overrides nothing


def test_rewards_are_the_payoff_at_the_end_and_zero_before():
    env = make("tic-tac-toe-v0")
    env.reset(seed=3)
    for move in "1425":
        env.step(move)
        assert set(env.rewards.values()) == {0.0}
    env.step("3")
    assert env.rewards == {"x": 1.0, "o": -1.0}
    assert env.terminations == {"x": True, "o": True}


def test_an_illegal_text_leaves_the_same_agent_to_move_and_a_second_one_forfeits():
    env = make("tic-tac-toe-v0")
    env.reset(seed=0)
    env.step("ten")
    assert env.agent_selection == "x"
    assert env.infos["x"]["retry"] == 1
    assert "That is no move here. Answer with one of: 1, 2" in env.observe("x")["text"]
    env.step("eleven")
    assert env.rewards == {"x": -2.0, "o": 2.0}
    assert env.infos["x"]["ending"] == "forfeit"


def test_a_simultaneous_move_is_not_seen_by_the_other():
    env = make("rock-paper-scissors-v0")
    env.reset(seed=0)
    before = env.observe("player_1")
    env.step("rock")
    assert env.agent_selection == "player_1"
    assert env.observe("player_1") == before
    env.step("paper")
    assert env.rewards == {"player_0": -1.0, "player_1": 1.0}


def test_choices_stand_in_the_infos():
    env = make("kuhn-poker-v0")
    env.reset(seed=0)
    assert env.infos["first"]["choices"] == ("check", "bet")
    assert env.infos["second"]["choices"] is None


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_and_pickles_go_on_alone_from_the_same_point(twin):
    env = make("rock-paper-scissors-v0")
    env.reset(seed=5)
    env.step("rock")
    other = twin(env)
    env.step("paper")
    assert other.agent_selection == "player_1"
    assert other.infos["player_1"]["choices"] == ("rock", "paper", "scissors")
    other.step("scissors")
    assert other.rewards == {"player_0": 1.0, "player_1": -1.0}
    assert env.rewards == {"player_0": -1.0, "player_1": 1.0}


def test_seeds_decide_and_resets_without_one_go_on():
    env = make("kuhn-poker-v0")
    seen = []
    for seed in (None, None, 0, 1):
        env.reset(seed=seed)
        seen.append(env.observe(env.agent_selection)["text"])
    assert seen[:2] == seen[2:]


@game(
    "test-aec-jobs-v0",
    roles={"solo": 1, "judge": 1},
    judges=("judge",),
    max_turns=2,
    payoff_range=(0, 1),
)
def jobs() -> Script:
    source = yield from ask("solo", "a program", parse=str)
    (verdict,) = yield from verify(Job(source))
    yield from credit("solo", 0.5, "ran")
    yield from ask("judge", "good?", parse=str)
    return {"solo": float(verdict.status == "ok")}


def test_the_verifier_is_opened_at_the_first_job_and_closed_with_the_environment(executing):
    opened = []

    def opener():
        opened.append(executing())
        return opened[-1]

    env = GameEnv(find("test-aec-jobs-v0"), verifier=opener)
    env.reset(seed=0)
    assert not opened
    env.step("print(1)")
    assert len(opened) == 1
    assert env.infos["solo"]["credits"] == {"ran": 0.5}
    assert play(copy.deepcopy(env), ["yes"]) == {"solo": 1.0, "judge": 0.0}
    env.close()
    env.close()
    assert opened[0].closed
    assert len(opened) == 1


def test_without_an_installed_verifier_its_name_is_refused(monkeypatch):
    monkeypatch.setattr("sparring.envs.blocking_verifier._by_name", None)
    env = GameEnv(find("test-aec-jobs-v0"))
    env.reset(seed=0)
    with pytest.raises(NoVerifierError, match="pass verifier="):
        env.step("print(1)")


def test_an_installed_verifier_is_opened_by_its_name(monkeypatch, executing):
    names = []
    monkeypatch.setattr("sparring.envs.blocking_verifier._by_name", None)
    install(lambda name: names.append(name) or executing())
    env = GameEnv(find("test-aec-jobs-v0"), verifier="local")
    env.reset(seed=0)
    env.step("print(1)")
    env.step("yes")
    assert names == ["local"]
    assert env.rewards["solo"] == 1.0
    env.close()


def test_a_game_of_turns_is_no_parallel_environment():
    with pytest.raises(GameError, match="does not ask all seats at once"):
        make_parallel("kuhn-poker-v0")


def finish(table, choose):
    while table.ending is None:
        table.answer([Reply(choose(ask)) for ask in table.asks])
    return table


def test_our_own_environment_comes_back_as_the_same_game():
    ours = find("tic-tac-toe-v0")
    back = from_aec(
        lambda: make("tic-tac-toe-v0"),
        "pettingzoo/sparring-v0",
        max_turns=9,
        payoff_range=(-1, 1),
        sum="zero",
    )
    for choose in (lambda ask: ask.choices[0], lambda ask: ask.choices[-1]):
        assert finish(Table(back), choose).payoff == finish(Table(ours), choose).payoff


def test_a_classic_board_game_is_played_through_from_aec():
    pytest.importorskip("pygame")
    from pettingzoo.classic import connect_four_v3

    connect = from_aec(
        connect_four_v3.env,
        "pettingzoo/connect-four-v3",
        max_turns=42,
        payoff_range=(-1, 1),
        sum="zero",
    )
    assert connect.seats == ("player_0", "player_1")
    replies = {"player_0": "0", "player_1": "1"}
    table = finish(Table(connect), lambda ask: replies[ask.seat])
    assert table.payoff == {"player_0": 1, "player_1": -1}  # four in column 0
    full = Table(connect)
    for _ in range(6):
        full.answer([Reply("3")])
    assert full.asks[0].choices == ("0", "1", "2", "4", "5", "6")


LATE = """
from sparring.envs.registry import game
from sparring.envs.script import ask_all

@game("late-v0", roles={"a": 1, "b": 1}, max_turns=2, payoff_range=(0, 1))
def late():
    '''Both at once, and not said so.'''
    yield from ask_all({"a": "?", "b": "?"}, choices=("1", "2"))
    return {"a": 1, "b": 1}
"""


@pytest.fixture
def late(tmp_path):
    file = tmp_path / "late.py"
    file.write_text(LATE)
    with forgetting():
        load(file)
        yield find("late-v0")


def test_a_game_that_is_loaded_after_the_import_is_in_pettingzoos_and_gymnasiums_registries(late):
    env: Any = pettingzoo.make("aec", "sparring/late-v0")
    assert env.game == late
    solo: Any = gymnasium.make("sparring/late-v0", seat="b").unwrapped
    assert solo.seat == "b"


def test_a_game_that_could_be_parallel_is_told_to_say_so(late):
    with pytest.raises(GameError, match="declare simultaneous=True"):
        pettingzoo.make("parallel", "sparring/late-v0")
    failed = [check for check in checks(late, range(3)) if not check.passed]
    assert [check.faults for check in failed] == [
        ("all seats are always asked at once: declare simultaneous=True",)
    ]
