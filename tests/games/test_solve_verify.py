"""solve-verify: the matrix of solutions and tests decides; tests are data and must be true to count."""

import pytest
from sparring.envs.registry import find
from sparring.envs.table import Table
from sparring.envs.tasks.specs import SPECS

ID = "solve-verify-v0"
FAULTY = "def f(x):\n    return None"
SEED = next(
    s for s in range(500) if "even positions" in Table(find(ID), s).view("solver_0")[-1].text
)
SPEC = next(spec for spec in SPECS if "even positions" in spec.text)
GOOD = "<tests>\n[3, 1, 2] => 4\n[] => 0\n[5] => 5\n</tests>"
LIES = "<tests>\n[3, 1, 2] => None\n[1] => None\n[5] => 5\n</tests>"


def block(source):
    return f"```python\n{source}\n```"


def run(play, known, texts, tests, **parameters):
    players = {f"solver_{i}": text for i, text in enumerate(texts)} | {
        f"verifier_{i}" if len(tests) > 1 else "verifier": text for i, text in enumerate(tests)
    }
    return play(
        ID,
        players,
        known(SPEC.reference, FAULTY),
        SEED,
        solvers=len(texts),
        verifiers=len(tests),
        **parameters,
    )


def test_with_the_reference_as_oracle_only_true_tests_count(play, known):
    table = run(play, known, [block(SPEC.reference), block(FAULTY), "x"], [GOOD, LIES])
    assert tuple(table.payoff.values()) == pytest.approx((1, 0, 0, 1, 1 / 3))
    assert dict(table.notes) == pytest.approx({"proxy": 1 / 3, "gold": 1 / 3, "caught": 1})


def test_a_consensus_of_wrong_solutions_pays_for_lies_and_gold_shows_it(play, known):
    table = run(
        play,
        known,
        [block(FAULTY), block(FAULTY), block(SPEC.reference)],
        [LIES],
        oracle="consensus",
    )
    assert tuple(table.payoff.values()) == pytest.approx((1, 1, 0, 2 / 3))
    assert dict(table.notes)["gold"] == pytest.approx(1 / 3)
    assert dict(table.notes)["caught"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "<tests>\n[1] 1\n</tests>",
        "<tests>\n[9999] => 9999\n</tests>",
        "<tests>\n[1] => 1 if True else 2\n</tests>",
        "<tests></tests>",
        "assert f([1]) == 1",
    ],
)
def test_what_is_no_test_earns_nothing(play, known, text):
    table = run(play, known, [block(SPEC.reference), block(FAULTY)], [text])
    assert tuple(table.payoff.values()) == (0, 0, 0)


def test_lines_that_are_no_tests_are_passed_over_and_inputs_count_once(play, known):
    lines = "[1] => 1\n[1] => 1\nf([2]) == 2\n[9999] => 9999\n[2] => 2\n"
    table = run(play, known, [block(SPEC.reference), block(FAULTY)], [f"<tests>\n{lines}</tests>"])
    assert tuple(table.payoff.values()) == pytest.approx((1, 0, 2 / 3))


def test_no_more_tests_count_than_were_asked_for(play, known):
    many = "\n".join(f"[{n}] => {n}" for n in range(20))
    table = run(play, known, [block(SPEC.reference), block(FAULTY)], [f"<tests>\n{many}\n</tests>"])
    assert table.payoff["verifier"] == 1


def test_nobody_sees_anothers_work(play, known):
    table = run(play, known, [block(SPEC.reference), block(FAULTY)], [GOOD])
    for seat in table.game.seats:
        assert sum(message.speaker == "game" for message in table.view(seat)) == 1
