"""Teachers whose thoughts are scripted, and the small models that imitate them."""

from __future__ import annotations

import random
import re
from itertools import islice

import pytest
from sparring.agents.models.load import load_model
from sparring.agents.models.names import ModelError, Start, born
from sparring.agents.models.nursery.rows import Row, played
from sparring.agents.models.nursery.teachers import lessons, school
from sparring.agents.models.scripted_thoughts import END, THOUGHTS, thoughtful
from sparring.agents.models.thinkers import reared, thinkers_tokenizer
from sparring.agents.policy import Key, Request
from sparring.agents.prompts import OPEN
from sparring.envs.games.tic_tac_toe import won
from sparring.envs.registry import Game, find
from sparring.envs.types import Message

TOLD = (Message("system", "rules"),)


@pytest.mark.parametrize("id", THOUGHTS)
def test_every_teacher_thinks_and_then_says_what_the_game_takes(id: str) -> None:
    (game, *_), rng = lessons(find(id)), random.Random(0)
    for row in islice(played(game, school(game), Start(1.0), 0), 200):
        (reply,) = thoughtful(row, rng).replies
        thought, _, move = reply.partition(END)
        assert thought
        assert move in row.replies


@pytest.mark.parametrize(
    ("role", "board", "told"),
    [
        ("x", "X 2 3\n4 X 6\nO O 9", "X wins 9"),
        ("o", "X 2 3\n4 X 6\nO O 9", "O wins 9"),
        ("o", "X 2 3\n4 X 6\nO 8 9", "X threatens 9"),
        ("x", "X O X\nO 5 X\nO X O", "free 5"),
    ],
)
def test_a_thought_of_tic_tac_toe_writes_lines_out_and_names_the_square_that_counts(
    role: str, board: str, told: str
) -> None:
    squares = tuple(cell for cell in board.split() if cell.isdigit())
    odds = tuple(float(square == squares[0]) for square in squares)
    row = Row("tic-tac-toe-v0", role, (*TOLD, Message("game", board)), squares, odds)

    (a, b, c), (d, e, f), (g, h, i) = (line.split() for line in board.split("\n"))
    columns = f"left={a} {d} {g}|middle={b} {e} {h}|right={c} {f} {i}"
    lines = f"{columns}|falling={a} {e} {i}|rising={c} {e} {g}"
    assert thoughtful(row, random.Random(0)).replies == (f"{lines}\n{told}{END}{told[-1]}",)


def test_a_thought_of_deduction_works_the_program_out_from_inside() -> None:
    asked = (
        "```python\ndef f(x):\n    return sum(sorted(x)) + 2\n```\nWhat does f([3, 1, 4]) return?"
    )
    row = Row("code-deduction-v0", "solver", (*TOLD, Message("game", asked)), ("10",))
    assert thoughtful(row, random.Random(0)).replies == (
        f"[3, 1, 4], sorted: [1, 3, 4], sum: 1, 4, 8, + 2: 10{END}10",
    )


def test_the_thoughts_of_teachers_are_true() -> None:
    (game, *_), rng = lessons(find("tic-tac-toe-v0")), random.Random(0)
    rows = (row for row in played(game, school(game), Start(1.0), 0) if not row.again)
    for row in islice(rows, 300):
        thought, _, move = thoughtful(row, rng).replies[0].partition(END)
        told = thought.partition("\n")[2].split()
        board = row.view[-1].text.replace(" ", "").replace("\n", "")
        ripe = {who for who in "XO" for s in row.replies if won(board.replace(s, who))}

        assert told[-1] == move
        if told[0] == "free":
            assert not ripe
        else:
            assert won(board.replace(move, told[0]))
            assert told[1] == ("wins" if told[0] == row.role.upper() else "threatens")


def test_what_opens_and_closes_a_thought_is_a_token_and_so_is_every_square() -> None:
    (game, *_), rng = lessons(find("tic-tac-toe-v0")), random.Random(0)
    rows = [thoughtful(row, rng) for row in islice(played(game, school(game), Start(), 0), 200)]
    tokenizer = thinkers_tokenizer(rows, 300)
    sizes = [
        len(tokenizer(text)["input_ids"]) for text in (f"{OPEN}\n", END, "X 2 3\n4 X 6\nO O 9")
    ]
    assert sizes == [1, 1, 11]
    assert len(tokenizer("1 2 3\nX O 6\n7 8 9")["input_ids"]) == 11


def test_a_list_has_a_token_a_number_and_no_problem_is_one_token() -> None:
    (game, *_), rng = lessons(find("code-deduction-v0")), random.Random(0)
    rows = [thoughtful(row, rng) for row in islice(played(game, school(game), Start(), 0), 4000)]
    tokenizer = thinkers_tokenizer(rows, 512)
    assert tokenizer.tokenize("[3, 0, 14]") == ["[", "3", ", 0", ", 14", "]"]

    # each problem stands twice, for two solvers, and some came up again: all have their input to copy
    problems = {row.view[-1].text for row in rows if row.role == "solver"}
    assert len(problems) > 1000
    for problem in problems:
        given = problem.partition("What does f(")[2].partition(")")[0]
        tokens = tokenizer.tokenize(problem)
        for number in re.findall(r"-?\d+", given):
            assert {number, f", {number}", f" {number}"} & {*tokens}


def test_a_game_whose_teachers_have_no_thoughts_is_refused() -> None:
    wanted = born("tiny:sums?thoughts=1")
    assert wanted
    with pytest.raises(ModelError, match="no thoughts for sums-v0"):
        reared(wanted)
    with pytest.raises(ModelError, match="thoughts is 0 or 1"):
        born("tiny:sums?thoughts=0.5")


@pytest.mark.slow
def test_a_model_that_was_taught_to_think_thinks_and_moves(kuhn: Game) -> None:
    policy = load_model("tiny:kuhn-poker?thoughts=1&effort=0.1&think=asked", kuhn)
    view = (*kuhn.openings["first"], Message("game", "K"))
    wanted = ("check", "bet")
    replies = policy.reply(
        [Request("first", "first", view, wanted, Key(n, 0, "first", 0)) for n in range(20)]
    )
    assert sum(reply.text in wanted for reply in replies) > 15
    assert all(len(reply.tokens) > 3 for reply in replies)
    assert sum(reply.thought == "K beats J Q" for reply in replies) > 15
