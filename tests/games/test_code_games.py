"""The other games with programs: any right input is right, hidden pairs decide, a puzzle must be solvable."""

import pytest
from sparring.envs.registry import GameError
from sparring.envs.types import PolicyRef
from sparring.training.players.tasks import Tasks

SQUARE = "def f(x):\n    return x * x"
CONSTANT = "def f(x):\n    return {1: 1, 2: 4}.get(x, 0)"
CRASH = "def f(x):\n    return 1 / 0"
SAT = "def sat(x):\n    return x * x == 49"
TRUTHY = "def sat(x):\n    return [x]"


def block(source):
    return f"```python\n{source}\n```"


INDUCTION = f"{block(SQUARE)}<inputs>\n1\n2\n3\n-4\n</inputs><message>areas</message>"


def paid(table):
    return [table.payoff[seat] for seat in table.game.seats]


def test_any_input_with_the_output_is_right(play, known):
    proposal = f"{block(SQUARE)}<input>3</input>"
    texts = {
        "solver_0": "<input>-3</input>",
        "solver_1": "3",
        "solver_2": "<input>4</input>",
        "solver_3": "f(3)",
    }
    table = play("code-abduction-v0", {"proposer": proposal, **texts}, known(SQUARE), attempts=4)
    assert paid(table) == [0.5, 1, 1, -0.5, -1]
    assert "-3" not in table.turns[-1].prompt[-1].text


@pytest.mark.parametrize(
    "text", ["", "<input>raise StopIteration</input>", "<input>'3'</input>", "3) or (1==1"]
)
def test_no_other_text_is_an_input(play, known, text):
    proposal = f"{block(SQUARE)}<input>3</input>"
    table = play(
        "code-abduction-v0", {"proposer": proposal, "solver": text}, known(SQUARE), attempts=1
    )
    assert table.payoff["solver"] < 0


def test_a_program_must_fit_the_pairs_that_it_was_not_shown(play, known):
    texts = dict(
        zip(
            ["solver_0", "solver_1", "solver_2", "solver_3"],
            [block(SQUARE), block(CONSTANT), block(CRASH), "x"],
            strict=True,
        )
    )
    table = play(
        "code-induction-v0",
        {"proposer": INDUCTION, **texts},
        known(SQUARE, CONSTANT, CRASH),
        attempts=4,
    )
    assert paid(table) == [0.75, 1, -0.5, -0.5, -1]


def test_the_solver_sees_the_message_and_the_first_half_alone(play, known):
    table = play(
        "code-induction-v0",
        {"proposer": INDUCTION, "solver": block(SQUARE)},
        known(SQUARE),
        attempts=1,
    )
    shown = table.turns[1].prompt[-1].text
    assert "areas" in shown
    assert "f(2) = 4" in shown
    assert "f(3)" not in shown
    assert "16" not in shown
    assert SQUARE not in shown


def test_a_hint_is_one_line_and_writes_no_pairs_of_its_own(play, known):
    forged = INDUCTION.replace("areas", "areas\nf(1) = 5\nf(2) = 7")
    table = play(
        "code-induction-v0",
        {"proposer": forged, "solver": block(SQUARE)},
        known(SQUARE),
        attempts=1,
    )
    shown = table.turns[1].prompt[-1].text.splitlines()
    assert [line for line in shown if line.startswith("f(")] == ["f(1) = 1", "f(2) = 4"]


@pytest.mark.parametrize("lines", ["1\n2\n3", "1\n2", "1\n1\n2\n3", "\n".join(map(str, range(14)))])
def test_inputs_must_be_even_in_number_and_differ(play, lines):
    proposal = f"{block(SQUARE)}<inputs>{lines}</inputs>"
    table = play("code-induction-v0", {"proposer": proposal}, attempts=1)
    assert paid(table) == [-1, 0]


def test_a_puzzle_is_solved_by_any_x_that_passes(play, known):
    proposal = f"{block(SAT)}<answer>7</answer>"
    texts = {"solver_0": "<answer>-7</answer>", "solver_1": "<answer>8</answer>"}
    table = play("programming-puzzle-v0", {"proposer": proposal, **texts}, known(SAT), attempts=2)
    assert paid(table) == [0.5, 1, -0.5]
    kept = [kind for kind, _ in table.episode({}).kept]
    assert kept == ["puzzle-solution", "programming-puzzle"]


@pytest.mark.parametrize(("source", "own"), [(SAT, "8"), (TRUTHY, "7"), (SAT, "None")])
def test_a_puzzle_that_its_author_does_not_solve_is_refused(play, known, source, own):
    table = play(
        "programming-puzzle-v0",
        {"proposer": f"{block(source)}<answer>{own}</answer>"},
        known(SAT, TRUTHY),
    )
    assert table.payoff["proposer"] == -1
    assert dict(table.notes)["gate"] in ("self_test", "failed")


def test_no_solver_sees_what_the_proposer_only_says(play, known):
    told = "def f(x):\n    # the input was 3\n    return x * x"
    proposal = f"{block(told)}\n<input>3</input>"
    table = play(
        "code-abduction-v0", {"proposer": proposal, "solver": "-3"}, known(SQUARE), attempts=1
    )
    assert SQUARE in table.turns[-1].prompt[-1].text
    assert "the input was" not in table.turns[-1].prompt[-1].text
    assert paid(table) == [0, 1]


def test_no_kept_program_may_be_handed_in_again(play, known):
    tasks, texts = Tasks(0), []
    for step in range(2):
        tasks.begin(step)
        players = {"proposer": f"{block(SQUARE)}\n<input>{step}</input>", "solver": "5"}
        table = play("code-deduction-v0", players, known(SQUARE), buffer=tasks, references=0)
        texts.append(dict(table.notes)["gate"])
        tasks.add([table.episode({seat: PolicyRef("x") for seat in table.game.seats})])
    assert texts == ["admitted", "near_copy"]
    assert len(tasks) == 1


@pytest.mark.parametrize(
    ("id", "players"),
    [
        ("self-correct-v0", {"solver": block("def f(x):\n    return None")}),
        ("break-the-code-v0", {"defender": block("def f(x):\n    return None"), "attacker": "[]"}),
        ("solve-verify-v0", {"solver": block("def f(x):\n    return None"), "verifier": "hm"}),
        ("sneaky-critic-v0", {"generator": "<step>none</step>", "critic": "none"}),
        ("code-as-task-v0", {"proposer": "<call>items()</call>"}),
    ],
)
def test_a_game_whose_own_program_fails_is_an_error_and_nobody_wins(play, known, id, players):
    """The specifications of seed 0 take lists or texts; no program at all is safe here."""
    candidate = "def f(x):\n    return None"
    with pytest.raises(GameError, match="own program"):
        play(id, players, known(candidate))
