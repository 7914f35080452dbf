"""A reply that copies the prompt's own example of its form is a move, and is never refused as a copy."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sparring.envs.players import example
from sparring.envs.registry import find
from sparring.envs.table import Table
from sparring.envs.types import PolicyRef, Reply
from sparring.training.players.tasks import Tasks

OURS = [path.stem for path in sorted((Path(__file__).parents[1] / "playthroughs").glob("*.txt"))]


def copied(game, ask, view):
    """The first choice, the example of the form, or what the game's own player says without one."""
    if ask.choices:
        return ask.choices[0]
    shown = [example(message.text) for message in reversed(view) if " form" in message.text]
    if forms := [form for form in shown if form != "0"]:
        return forms[0]
    if "`offer 2 wood for 1 gold`" in view[0].text:
        return "offer 2 wood for 1 gold" if len(view) == 3 else "pass"
    return game.oracles["sample"](ask.seat, tuple(view), ())


def played(game, seed, buffer, executing):
    table = Table(game, seed, buffer=buffer)
    while not table.ending:
        if table.jobs:
            table.answer(asyncio.run(executing().verify(table.jobs)))
            continue
        assert not any(ask.retry for ask in table.asks), table.asks[0].prompt
        table.answer([Reply(copied(game, ask, table.view(ask.seat))) for ask in table.asks])
    return table


BLANKS = {"question-answer-v0": "<answer>...</answer>"}
"""Forms that no move stands in: an answer that all can copy would win a vote. A blank is no forfeit."""


# The moves of laboratory games are listed, and which of them is right is the game.
@pytest.mark.parametrize("id", [id for id in OURS if find(id).family != "laboratory"])
def test_the_example_of_a_form_is_a_move_again_and_again(id, executing):
    """Three games in a row, each with what the games before it kept."""
    game = find(id)
    tasks = Tasks(0)
    for step in range(3):
        tasks.begin(step)
        table = played(game, step, tasks, executing)
        notes = dict(table.notes)
        assert table.ending.kind in ("outcome", "truncated")
        assert notes.get("gate", "admitted") == "admitted"
        refused = {turn.reply.text for turn in table.turns if turn.refused}
        assert refused == ({BLANKS[id]} if id in BLANKS else set())
        assert table.payoff.get("proposer", 0) > -1
        tasks.add([table.episode({seat: PolicyRef("copy") for seat in game.seats})])


def test_what_is_like_the_example_is_not_listed_among_what_may_not_be_copied():
    """A kept program that differs from the example in a constant, and one that is another."""
    like, unlike = "def f(x):\n    return sorted(x)[2:]", "def f(x):\n    return len(x) + 1"
    table = Table(
        find("code-deduction-v0"),
        buffer=lambda wish: (
            [] if wish.like else [{"source": s, "input": ([],)} for s in (like, unlike)]
        ),
    )
    prompt = table.asks[0].prompt
    assert unlike in prompt
    assert like not in prompt
