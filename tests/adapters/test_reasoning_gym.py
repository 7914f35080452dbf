"""reasoning-gym's tasks are seeded, split and scored without running what an answer says."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sparring.envs.adapters import reasoning_gym_tasks
from sparring.envs.adapters.reasoning_gym import CAVEATS, LEFT_OUT
from sparring.envs.blocking_verifier import Verdicts
from sparring.envs.conformance import Trial, check_game
from sparring.envs.conformance.canaries import Plants, flows
from sparring.envs.registry import ParameterError, UnknownGameError, find, names
from sparring.envs.table import Table
from sparring.envs.tasks.items import belongs
from sparring.envs.types import Reply

factory = pytest.importorskip("reasoning_gym.factory")

CONFORM = [
    "acre",
    "basic_arithmetic",
    "chain_sum",
    "coin_flip",
    "complex_arithmetic",
    "countdown",
    "game_of_life",
    "gcd",
    "knights_knaves",
    "list_functions",
    "n_queens",
    "polynomial_equations",
    "pool_matrix",
    "puzzle24",
    "simple_integration",
    "spell_backward",
]


def answered(name, text, seed=0, **parameters):
    """What a game of this seed pays for an answer; None: for the key."""
    table = Table(find(f"reasoning-gym/{name}", **parameters), seed)
    table.answer([Reply(str(key(name, **parameters)) if text is None else text)])
    return table.payoff["solver"]


def key(name, item, part="train"):
    return reasoning_gym_tasks.item(name, "{}", -1, part, item).answer


def asked(name, seed=0, **parameters):
    return Table(find(f"reasoning-gym/{name}", **parameters), seed).asks[0].prompt


@pytest.mark.parametrize("name", CONFORM)
def test_tasks_conform(name):
    check_game(find(f"reasoning-gym/{name}"), range(3))


@pytest.mark.parametrize("name", CONFORM)
def test_nothing_planted_in_a_reply_reaches_the_next_question(name):
    game = find(f"reasoning-gym/{name}")
    plants = Plants(Trial(game, [0], Verdicts("auto")).sensibly, 0)
    table = Trial(game, [0], Verdicts("auto")).play(0, plants)
    assert not flows(table, plants.planted(table))


@pytest.mark.parametrize("name", CONFORM)
def test_the_key_of_an_item_is_right_in_both_parts(name):
    for part in ("train", "held-out"):
        assert answered(name, None, item=3, part=part) == 1


@pytest.mark.parametrize("name", ["chain_sum", "list_functions", "pool_matrix"])
def test_an_item_is_the_same_whatever_the_global_generators_hold(name):
    seen = []
    for seed in (1, 2):
        reasoning_gym_tasks.item.cache_clear()
        random.seed(seed)
        np.random.seed(seed)
        before = random.getstate(), pickle.dumps(np.random.get_state())
        seen.append([asked(name, item=item) for item in range(4)])
        assert (random.getstate(), pickle.dumps(np.random.get_state())) == before
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 4


def test_the_game_seed_draws_the_item_and_the_episode_names_it():
    game = find("reasoning-gym/gcd", items=50)
    tables = [Table(game, seed) for seed in range(20)]
    assert len({table.asks[0].prompt for table in tables}) > 10
    for table in tables[:3]:
        table.answer([Reply("7")])
        part, item = str(dict(table.notes)["item"]).split("/")
        assert table.turns[0].prompt[-1].text == asked("gcd", item=int(item), part=part, items=50)


def test_no_question_is_in_both_parts_even_where_there_are_few():
    few = {"level": 0}  # two numbers of one digit: 200 questions
    train = {asked("chain_sum", item=item, **few) for item in range(150)}
    held = {asked("chain_sum", item=item, part="held-out", **few) for item in range(60)}
    assert len(train) > 40
    assert len(held) > 10
    assert not train & held
    assert all(belongs(question, "held-out") for question in held)


def test_a_game_says_how_many_items_it_has():
    assert find("reasoning-gym/gcd", items=12).items == 12
    assert find("kuhn-poker-v0").items == 0
    with pytest.raises(ParameterError, match="item must be from 0 to 11 of the part 'train'"):
        find("reasoning-gym/gcd", items=12, item=12)


def test_part_of_a_score_pays_unless_only_full_scores_shall():
    question = asked("gcd", item=0)
    assert 0 < answered("gcd", f"It is {key('gcd', 0)}.", item=0) < 1, question
    assert answered("gcd", f"It is {key('gcd', 0)}.", item=0, partial=False) == 0
    assert answered("gcd", f"It is <answer>{key('gcd', 0)}</answer>.", item=0, partial=False) == 1


CODE = [
    "__import__('os').mkdir({path!r}) or 7",
    "[__import__('os').mkdir({path!r})]",
    "(lambda: [c for c in ().__class__.__base__.__subclasses__()])()",
    "print({path!r})",
]


@pytest.mark.parametrize("name", sorted(reasoning_gym_tasks.SAFE))
def test_code_in_an_answer_never_runs(name, tmp_path):
    for code in CODE:
        assert answered(name, code.format(path=str(tmp_path / "ran")), item=0) == 0
    assert not (tmp_path / "ran").exists()


def test_their_own_score_would_have_run_it(tmp_path):
    """Else the guard above guards nothing."""
    dataset = factory.create_dataset("n_queens", seed=0, size=1)
    dataset.score_answer(CODE[0].format(path=str(tmp_path / "ran")), dataset[0])
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("polynomial_multiplication", "9" * 4000),
        ("polynomial_multiplication", "(x+1)**99**99"),
        ("polynomial_multiplication", "9**99**99"),
        ("simple_integration", "9**99 **99"),
        ("simple_integration", "(x + 1) **9999"),
        ("simple_integration", "1/(x+1)+" * 40 + "x"),
        ("countdown", "9**9**9**9"),
        ("puzzle24", "9* *9* *9* *9"),
        ("simple_integration", "(x+1)* *9999"),
        ("coin_flip", "1e999999999"),
        ("complex_arithmetic", "nan"),
        ("spiral_matrix", "[0] * 10**12"),
    ],
)
def test_answers_that_would_take_for_ever_or_cheat_are_wrong(name, text):
    assert answered(name, text, item=0) == 0


def test_known_faults_of_theirs_are_still_there_and_said():
    """A fault that is mended upstream should leave the list."""
    dataset = factory.create_dataset("complex_arithmetic", seed=0, size=1)
    assert dataset.score_answer("nan", dataset[0]) == 1
    halting = factory.create_dataset("game_of_life_halting", seed=0, size=9)
    halts = next(entry for entry in halting if bool(entry["answer"]))
    assert halting.score_answer("False", halts) == 1
    puzzle = factory.create_dataset("puzzle24", seed=0, size=1)
    assert puzzle[0]["metadata"]["numbers"] != [6, 4, 1, 1]
    assert puzzle.score_answer("6*4*1*1", puzzle[0]) == 1
    assert set(CAVEATS) <= set(names("reasoning-gym"))
    assert "global generator" in find("reasoning-gym/list_functions").caveats[0]


def test_the_list_of_names_is_their_registry():
    assert set(names("reasoning-gym")) == set(factory.DATASETS) - set(LEFT_OUT)


def test_options_and_levels_are_parameters_and_bad_ones_get_a_line():
    assert find("reasoning-gym/chain_sum", max_terms=2).ref.parameters == (("max_terms", 2),)
    easy = asked("chain_sum", item=0, level=0)
    assert sum(c in "+-" for c in easy) == 1, easy
    assert "level" not in find("reasoning-gym/gsm_symbolic").parameters
    with pytest.raises(ParameterError, match="min_terms must be positive"):
        find("reasoning-gym/chain_sum", min_terms=0)
    with pytest.raises(ParameterError, match="no part 'test'; there are: train, held-out, all"):
        find("reasoning-gym/chain_sum", part="test")
    with pytest.raises(ParameterError, match="level must be from -1 to"):
        find("reasoning-gym/chain_sum", level=99)
    with pytest.raises(UnknownGameError, match="did you mean chain_sum"):
        find("reasoning-gym/chain_sums")


def test_a_task_is_pickled_with_its_parameters():
    game = find("reasoning-gym/chain_sum", level=1, part="held-out")
    assert pickle.loads(pickle.dumps(game)) == game


ITEMS = """
import tomllib
from pathlib import Path
from sparring.envs.registry import find
from sparring.envs.table import Table
for path in sorted(Path("suites").glob("*.toml")):
    for exam in tomllib.loads(path.read_text())["exams"]:
        if "reasoning-gym" in exam["game"]:
            game = find(exam["game"], **exam["parameters"])
            print(exam["name"], repr([Table(game, seed).asks[0].prompt for seed in range(2)]))
for name in ("isomorphic_strings", "polynomial_multiplication", "ransom_note", "word_ladder"):
    game = find(f"reasoning-gym/{name}", part="held-out")
    print(name, repr([Table(game, seed).asks[0].prompt for seed in range(3)]))
"""


@pytest.mark.slow
def test_questions_are_the_same_in_every_process():
    """Of the suites, and of tasks whose library draws in the order of a set, the process's hash seed."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", ITEMS],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    one, other = (run.communicate()[0].splitlines() for run in runs)
    assert len(one) > 20
    assert one == other
