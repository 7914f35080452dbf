"""code-deduction: every ending pays what the paper says, and no trick with text scores."""

import pytest
from sparring.envs.registry import ParameterError, find
from sparring.envs.tasks.programs import Program, program_with_input

ID = "code-deduction-v0"
DOUBLE = "def f(x):\n    return [x] * 2 + [x + 1]"
PROPOSAL = f"```python\n{DOUBLE}\n```\n<input>4</input>"
RIGHT, WRONG = "<answer>[4, 4, 5]</answer>", "<answer>[4, 4]</answer>"


def solvers(*texts):
    return {f"solver_{i}": text for i, text in enumerate(texts)}


@pytest.mark.parametrize(
    ("reward", "texts", "paid"),
    [
        ("paper", [RIGHT, WRONG, WRONG, "?!"], (0.75, 1, -0.5, -0.5, -1)),
        ("paper", [RIGHT] * 4, (0, 1, 1, 1, 1)),
        ("paper", [WRONG] * 4, (0, -0.5, -0.5, -0.5, -0.5)),
        ("released", [RIGHT, RIGHT, RIGHT, WRONG], (0.25, 1, 1, 1, -0.5)),
        ("released", [RIGHT] * 4, (-0.5, 1, 1, 1, 1)),
        ("released", [WRONG] * 4, (-0.5, -0.5, -0.5, -0.5, -0.5)),
    ],
)
def test_payoffs_are_those_of_the_paper_or_of_its_code(play, known, reward, texts, paid):
    table = play(
        ID, {"proposer": PROPOSAL, **solvers(*texts)}, known(DOUBLE), attempts=4, reward=reward
    )
    assert tuple(table.payoff.values()) == pytest.approx(paid)
    assert table.ending.kind == "outcome"


def test_a_kept_task_carries_its_solve_rate(play, known):
    table = play(ID, {"proposer": PROPOSAL, **solvers(RIGHT, WRONG)}, known(DOUBLE), attempts=2)
    ((kind, item),) = table.episode({}).kept
    assert kind == "code-deduction"
    assert item == {"source": DOUBLE, "input": (4,), "solve_rate": 0.5}
    assert dict(table.notes) == {"gate": "admitted", "solve_rate": 0.5, "agreement": 0.0}


@pytest.mark.parametrize(
    ("proposal", "reason"),
    [
        ("I would rather not", "unreadable"),
        ("```python\ndef g(x):\n    return x\n```<input>1</input>", "unreadable"),
        ("```python\ndef f(x):\n    return x\n```<input>[].append</input>", "unreadable"),
        (
            "```python\ndef f(y):\n    '''new'''\n    return y  # mine\n```<input>1</input>",
            "near_copy",
        ),
        ("```python\ndef f(x):\n    return 1 / 0\n```<input>1</input>", "failed"),
        ("```python\ndef f(x):\n    return 2 * x\n```", "unreadable"),
        ("```python\ndef f(x):\n    return 2 * x\n\nf(y)\n```", "unreadable"),
    ],
)
def test_a_refused_proposal_costs_the_proposer_and_asks_no_solver(play, known, proposal, reason):
    table = play(ID, {"proposer": proposal}, known("def f(x):\n    return 1 / 0"), attempts=2)
    assert dict(table.notes)["gate"] == reason
    assert dict(table.payoff) == {"proposer": -1, "solver_0": 0, "solver_1": 0}
    assert len(table.turns) == 1


@pytest.mark.parametrize(
    "text",
    [
        "<answer>0) or (1==1</answer>",
        "<answer>f(4)</answer>",
        "<answer>__import__('os')</answer>",
        "<answer>[4, 4, 5]</answer><answer>[4, 4]</answer>",
        "<answer>(4, 4, 5)</answer>",
        "<answer>[4, 4, 5.0]</answer>",
        "<answer>" + "[" * 500 + "</answer>",
        "",
    ],
)
def test_an_answer_is_data_and_must_be_the_value(play, known, text):
    table = play(ID, {"proposer": PROPOSAL, "solver": text}, known(DOUBLE), attempts=1)
    assert table.payoff["solver"] < 0


def test_a_solver_sees_the_program_and_never_the_value(play, known):
    table = play(ID, {"proposer": PROPOSAL, "solver": RIGHT}, known(DOUBLE), attempts=1)
    (shown,) = table.turns[1].prompt
    assert DOUBLE in shown.text
    assert "f(4)" in shown.text
    assert "[4, 4, 5]" not in shown.text


def test_an_unknown_reward_is_refused_when_the_game_is_found():
    with pytest.raises(ParameterError, match="paper"):
        find(ID, reward="papre")


@pytest.mark.parametrize("last", ["f([1, 2], 'a')", "print(f([1, 2], 'a'))"])
def test_an_input_is_the_call_on_the_last_line(last):
    read = program_with_input(
        f"Sure:\n```python\ndef f(x, y):\n    return x\n\n{last}\n```\nIt returns x."
    )
    assert read == Program("def f(x, y):\n    return x", (([1, 2], "a"),))


KEPT = {"source": DOUBLE, "input": (4,), "solve_rate": 1.0}


def test_a_stale_task_is_measured_again_and_nobody_proposes(play, known):
    asked = []

    def buffer(wish):
        asked.append(wish.kind)
        return [KEPT]

    table = play(ID, solvers(RIGHT, WRONG), known(DOUBLE), buffer=buffer, attempts=2, review=1.0)
    assert asked == ["stale/code-deduction"]
    assert {turn.role for turn in table.turns} == {"solver"}
    assert table.payoff == {"proposer": 0, "solver_0": 1, "solver_1": -0.5}
    assert table.episode({}).kept == (("code-deduction", {**KEPT, "solve_rate": 0.5}),)


def test_without_a_stale_task_the_proposer_is_asked(play, known):
    table = play(ID, {"proposer": PROPOSAL, "solver": RIGHT}, known(DOUBLE), attempts=1, review=1.0)
    assert table.turns[0].role == "proposer"
