"""sneaky-critic: a lie must be proven by execution, and only the exact step finds it."""

import re

import pytest
from sparring.envs.games.sneaky_critic import CHAIN

ID = "sneaky-critic-v0"


def results(prompt):
    return [int(value) for value in re.findall(r" = (-?\d+)$", prompt, re.MULTILINE)]


def lying(step, by=1):
    def generator(ask):
        return f"<step>{step}</step><result>{results(ask.prompt)[step - 1] + by}</result>"

    return generator


def perfect_critic(ask):
    """Works every step out again."""
    steps = re.findall(r"Step (\d+): .*: (-?\d+) (.) (\d+) = (-?\d+)", ask.prompt)
    rules = {"+": int.__add__, "−": int.__sub__, "×": int.__mul__, "÷": int.__floordiv__}
    wrong = [number for number, a, sign, b, c in steps if rules[sign](int(a), int(b)) != int(c)]
    return wrong[0] if wrong else "none"


@pytest.mark.parametrize("seed", range(8))
def test_a_perfect_critic_finds_every_lie_and_every_truth(play, known, seed):
    for generator in (lying(2, 30), lying(4, -7), "<step>none</step>"):
        table = play(ID, {"generator": generator, "critic": perfect_critic}, known(CHAIN), seed)
        assert dict(table.payoff) == {"generator": -1, "critic": 1}


@pytest.mark.parametrize(
    ("generator", "named"), [(lying(4), "1"), (lying(4), "none"), ("<step>none</step>", "3")]
)
def test_a_critic_that_names_anything_else_loses(play, known, generator, named):
    table = play(ID, {"generator": generator, "critic": named}, known(CHAIN))
    assert dict(table.payoff) == {"generator": 1, "critic": -1}


def test_a_lie_that_is_true_loses_unasked(play, known):
    table = play(ID, {"generator": lying(4, 0)}, known(CHAIN))
    assert dict(table.payoff) == {"generator": -1, "critic": 1}
    assert len(table.turns) == 1


def test_a_lie_that_the_end_does_not_show_loses_unasked(play, known):
    """Somewhere in these seeds a division swallows a lie of 1 in step 1."""
    swallowed = 0
    for seed in range(40):
        table = play(ID, {"generator": lying(1), "critic": "none"}, known(CHAIN), seed)
        if dict(table.notes)["lie"] == -1:
            swallowed += 1
            assert dict(table.payoff) == {"generator": -1, "critic": 1}
            assert len(table.turns) == 1
    assert swallowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<step>9</step><result>1</result>",
        "<step>1</step>",
        "<step>1</step><result>1 or 2</result>",
        "<step>1</step><result>9**9**9</result>",
        "<step>²</step><result>1</result>",
        "<step>1</step><result>True</result>",
        "<step>1</step><result>" + "9" * 50 + "</result>",
    ],
)
def test_an_unreadable_lie_forfeits(play, known, text):
    table = play(ID, {"generator": text}, known(CHAIN))
    assert table.ending.kind == "forfeit"
    assert dict(table.payoff) == {"generator": -2, "critic": 2}


def test_the_critic_sees_the_lie_and_not_the_truth(play, known):
    table = play(ID, {"generator": lying(3), "critic": "none"}, known(CHAIN))
    honest, told = (results(turn.prompt[-1].text) for turn in table.turns)
    assert told[:2] == honest[:2]
    assert told[2] == honest[2] + 1
