"""code-as-task: the bundle passes its own test first, executors use the tools, and the check decides."""

import re

import pytest
from sparring.envs.games.code_as_task import TOOLS

ID = "code-as-task-v0"


def bundle(source, answer, *wrong):
    rows = "\n".join(wrong)
    code = f"```python\n{source}\n```"
    return f"<task>What do eggs cost?</task>\n{code}\n<answer>{answer}</answer>\n<wrong>\n{rows}\n</wrong>"


EVEN = "def check(x):\n    return x % 2 == 0"
EQUAL = "class E:\n    def __eq__(self, o):\n        return True\ndef check(x):\n    return E()"
GOOD = bundle(EVEN, "4", "5", "7")


def paid(table):
    return [table.payoff[seat] for seat in table.game.seats]


def test_executors_are_paid_by_the_check(play, known):
    texts = {
        "solver_0": "<answer>2</answer>",
        "solver_1": "<answer>3</answer>",
        "solver_2": "?",
        "solver_3": "<answer>8</answer>",
    }
    table = play(ID, {"proposer": GOOD, **texts}, known(TOOLS, EVEN))
    assert paid(table) == [0.5, 1, -0.5, -1, 1]
    ((kind, item),) = table.episode({}).kept
    assert kind == "code-as-task"
    assert item["answer"] == 4


def test_tools_answer_both_roles_with_the_same_shop(play, known):
    moves = ["<call>items()</call>", '<call>price("eggs")</call>', GOOD]
    solver = [
        '<call>price("eggs")</call>',
        "<call>fly()</call>",
        '<call>price("unicorns")</call>',
        "<answer>2</answer>",
    ]
    table = play(ID, {"proposer": moves, "solver": solver}, known(TOOLS, EVEN), attempts=1)
    told = [message.text for seat in ("proposer", "solver") for message in table.view(seat)]
    prices = [re.search(r"price\('eggs'\) returns (\d+)", text) for text in told]
    assert len({found[1] for found in prices if found}) == 1
    assert any("items() returns ['" in text for text in told)
    assert any("fly() returns 'no such call'" in text for text in told)
    assert any("returns None" in text for text in told)
    assert paid(table) == [0, 1]


def test_calls_run_out(play, known):
    table = play(ID, {"proposer": "<call>items()</call>"}, known(TOOLS))
    assert paid(table) == [-1, 0, 0, 0, 0]
    assert len(table.turns) == 4
    table = play(
        ID,
        {"proposer": GOOD, "solver": "<call>items()</call>"},
        known(TOOLS, EVEN),
        attempts=1,
        calls=1,
    )
    assert paid(table) == [0, -1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (bundle(EVEN, "5", "7"), "self_test"),
        (bundle(EVEN, "4", "6"), "self_test"),
        (bundle(EQUAL, "4", "5"), "failed"),
        (bundle(EVEN, "4"), "unreadable"),
        (bundle("def test(x):\n    return True", "4", "5"), "unreadable"),
        ("a task", "unreadable"),
    ],
)
def test_a_bundle_that_fails_its_own_test_is_refused(play, known, text, reason):
    table = play(ID, {"proposer": text}, known(TOOLS, EVEN, EQUAL), attempts=1)
    assert dict(table.notes)["gate"] == reason
    assert paid(table) == [-1, 0]


def test_a_task_that_is_known_is_refused(play, known):
    first = play(
        ID, {"proposer": GOOD, "solver": "<answer>2</answer>"}, known(TOOLS, EVEN), attempts=1
    )
    kept = first.episode({}).kept
    again = play(
        ID,
        {"proposer": GOOD},
        known(TOOLS, EVEN),
        buffer=lambda wish: [item for kind, item in kept if kind == wish.kind],
        attempts=1,
    )
    assert dict(first.notes)["gate"] == "admitted"
    assert dict(again.notes)["gate"] == "near_copy"


def test_executors_see_the_instruction_and_never_the_check(play, known):
    table = play(
        ID, {"proposer": GOOD, "solver": "<answer>2</answer>"}, known(TOOLS, EVEN), attempts=1
    )
    shown = table.view("solver")[0].text
    assert "What do eggs cost?" in shown
    assert "% 2" not in shown
