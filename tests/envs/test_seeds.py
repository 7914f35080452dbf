"""From a key to noise: the values of the first version, which no later one may change."""

import random
from itertools import islice

from sparring.agents.engines.policy import _seed
from sparring.agents.language.sampling import uniforms
from sparring.agents.policy import Key
from sparring.arenas.plan.rounds import seed_of
from sparring.envs.registry import find
from sparring.envs.seeds import bits, fraction, fractions, generator
from sparring.envs.table import Table
from sparring.training.step import training_seed

KEY = Key(7, 1, "solver_2", 3)


def test_a_generator_is_seeded_by_all_of_the_key():
    assert generator("3/2").random() == 0.946008044113572
    assert generator("0/0").getrandbits(64) == 7345951673988828283


def test_a_games_chance_is_what_it_was():
    cards = [Table(find("kuhn-poker-v0"), seed).view("first")[-1].text for seed in range(4)]
    assert cards == ["Q", "J", "Q", "Q"]


def test_a_replys_noise_is_what_it_was():
    assert fraction(f"5/{KEY.name}") == 0.5674048506945191
    assert list(islice(uniforms(KEY), 7)) == [
        0.6082824026480012,
        0.9723355991864082,
        0.46171389360370085,
        0.98827476794213,
        0.24784108983021724,
        0.8843110307461757,
        0.36256234087795747,
    ]
    assert _seed(KEY) == 6107073269524550049
    assert bits(repr(KEY), 31) == 843785648


def test_the_seeds_of_tournaments_and_of_training_are_what_they_were():
    assert seed_of("league", 3, "a", 4) == 2697410062486135819
    assert training_seed(1, 2, 3) == 541697279163760
    assert training_seed(1, 2, 3, 1) == 523252229269426


def test_noise_is_even():
    drawn = [fraction(f"even/{number}") for number in range(4000)]
    assert abs(sum(drawn) / 4000 - 0.5) < 0.02
    assert abs(sum(islice(fractions("even"), 4000)) / 4000 - 0.5) < 0.02


def test_a_key_may_hold_what_no_file_takes():
    assert bits("\ud800", 8) == bits("?", 8)


def test_drawing_leaves_the_global_generator_alone():
    before = random.getstate()
    generator("x").random()
    assert random.getstate() == before
