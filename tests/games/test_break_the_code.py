"""break-the-code: the executor alone decides, both ways."""

import pytest
from sparring.envs.registry import find
from sparring.envs.table import Table
from sparring.envs.tasks.specs import SPECS, legal_input
from sparring.envs.values import canonical, same

ID = "break-the-code-v0"
FAULTY = "def f(x):\n    return None"
CRASH = "def f(x):\n    return 1 / 0"


def block(source):
    return f"```python\n{source}\n```"


def test_a_right_function_withstands_every_attack(play, known):
    for seed in range(6):
        spec = spec_of(seed)
        attack = [f"<answer>{canonical(x)}</answer>" for x in spec.hidden[:3]]
        table = play(
            ID, {"defender": block(spec.reference), "attacker": attack}, known(spec.reference), seed
        )
        assert dict(table.payoff) == {"defender": 1, "attacker": -1}
        assert dict(table.notes) == {"proxy": True, "gold": True}


@pytest.mark.parametrize("source", [FAULTY, CRASH])
def test_a_wrong_function_falls_to_the_right_input(play, known, source):
    for seed in range(6):
        spec = spec_of(seed)
        attack = [f"<answer>{canonical(x)}</answer>" for x in spec.hidden[3:6]]
        table = play(
            ID, {"defender": block(source), "attacker": attack}, known(spec.reference, source), seed
        )
        assert dict(table.payoff) == {"defender": -1, "attacker": 1}
        assert dict(table.notes)["gold"] is False


def test_a_weak_attacker_lets_a_wrong_function_win_and_the_notes_show_it(play, known):
    seed = next(s for s in range(50) if "second largest" in spec_of(s).text)
    spec = spec_of(seed)
    table = play(
        ID, {"defender": block(FAULTY), "attacker": "[]"}, known(spec.reference, FAULTY), seed
    )
    assert dict(table.payoff) == {"defender": 1, "attacker": -1}
    assert dict(table.notes) == {"proxy": True, "gold": False}


@pytest.mark.parametrize(
    "text", ["0) or (1==1", "[1000000]", "'!'", "[True]", "[" + "1," * 21 + "]", "f"]
)
def test_an_input_outside_the_specification_forfeits(play, known, text):
    spec = spec_of(0)
    table = play(ID, {"defender": block(spec.reference), "attacker": text}, known(spec.reference))
    assert table.ending.kind == "forfeit"
    assert dict(table.payoff) == {"defender": 2, "attacker": -2}


def test_a_defender_without_a_function_forfeits(play):
    table = play(ID, {"defender": "x"})
    assert dict(table.payoff) == {"defender": -2, "attacker": 2}


def test_every_hidden_input_is_legal_and_tells_a_constant_function_apart():
    for spec in SPECS:
        names = {}
        exec(spec.reference, names)
        values = [names["f"](x) for x in spec.hidden]
        assert len({canonical(v) for v in values}) > 1
        for x in spec.hidden:
            assert same(legal_input(spec.kind)(canonical(x)), x)


def spec_of(seed):
    text = Table(find(ID), seed).view("defender")[-1].text
    return next(spec for spec in SPECS if spec.text in text)
