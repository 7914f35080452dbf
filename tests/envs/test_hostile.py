"""Texts of 100,000 characters of every repeated token: readers take linear time, and a seat only loses.

Time is CPU time of this process at n and 4n characters, never the clock's: linear work grows fourfold,
quadratic work sixteenfold.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from sparring.envs import parse, players, values
from sparring.envs.conformance.canaries import Plants
from sparring.envs.games import (
    code_abduction,
    code_as_task,
    code_induction,
    corpus_challenge,
    critique_refine,
    deal_or_no_deal,
    discussion,
    ladder,
    negotiation,
    question_answer,
    red_team,
    reference_game,
    secret_keeper,
    sneaky_critic,
    solve_verify,
    taboo,
)
from sparring.envs.registry import find
from sparring.envs.script import _move
from sparring.envs.table import Table
from sparring.envs.tasks import answers, arithmetic, likeness, programs, questions, shapes, specs
from sparring.envs.types import Reply

LONG = 100_000
TOKENS = (
    "`", "```", "``` ", "```\n", "```python\n", "~~~\n", "~~~ ", "- ", "-\n", "1. ", "> ", "# ",
    "    ", "\n", " ", "\t", "\r\n", "\u2028", "<answer>", "</answer>", "<answer></answer>",
    "<answer", "<input>", "<x>", "<x></y>", "<", "(", ")", "[", "[]", "{", "{}", "\\frac{", "\\frac1", "\\",
    "$", "½", "1", "1,", "1/", "1 ", ".", "-", "+", "1+", "*", "^", "=", "=>", "%", "a", "a ",
    "a.", "e\u0301", "İ", "ﷺ", "\0", "\ud800", "٣", "'", '"', '"""', "#", "f(", "print(",
    "def f(x):\n", "if ", "not ", "lambda:", "x=", "x==", "0x", "9", "deal: ", "1 books, ",
    "offer 1 wood for ", "I know the word! It is a", "result is 1 ", "What is ", "a\n", "1\n",
    "x\n", "1 => 1\n", "one ", "z", "zero",
)  # fmt: skip
AROUND = {
    "bare": "{}",
    "tag": "<answer>{}</answer>",
    "open tag": "<answer>{}",
    "block": "```python\ndef f(x):\n    return x\n{}\n```",
    "lines": "<inputs>\n{}\n</inputs>\n<variants>\n{}\n</variants>",
    "more lines": "<tests>\n{}\n</tests>\n<wrong>\n{}\n</wrong>",
    "talk": "<question>{}</question><request>{}</request><say>{}</say>",
    "critique": "<critique>{}</critique><verdict>right</verdict>",
    "call": "<call>price({})</call>",
    "step": "<step>{}</step><result>{}</result>",
}
SPEC = specs.SPECS[0]
HOLDINGS = {"wood": 5, "gold": 5}
LOOP = "def f(x):\n    return [a for a in x if a]"
READERS = {
    "example": players.example,
    "canary": lambda t: Plants(lambda *_: Reply(""))._marked("first", t),
    "tagged": lambda t: parse.tagged(t, "answer"),
    "code_block": parse.code_block,
    "line": parse.line,
    "one_of": parse.one_of(("check", "13/7*", "b!")),
    "move": lambda t: _move(Reply(t), None, ("check", "bet"), "Your move?"),
    "read": values.read,
    "said": answers.said,
    "same_answer": lambda t: answers.same_answer(t, t + "x"),
    "meaning": lambda t: answers.vote([t[:200], t[:201], "1"]),
    "similar": lambda t: likeness.similar(t[:400], t[1:401]),
    "answer": programs.answer,
    "arguments": programs.arguments,
    "program": programs.program,
    "program_with_input": programs.program_with_input,
    "near_copy": lambda t: shapes.near_copy(t[:2000], [LOOP, t[1:2000]]),
    "solution": lambda t: arithmetic.solution(t, t),
    "legal_input": specs.legal_input(SPEC.kind),
    "arguments_in_tag": code_abduction.arguments_in_tag,
    "program_with_inputs": code_induction.program_with_inputs,
    "bundle": code_as_task.reader(code_as_task._read_bundle, True),
    "challenge": lambda t: corpus_challenge.challenge(t, corpus_challenge.DOCUMENTS[0]),
    "critique": critique_refine.critique,
    "deal": deal_or_no_deal.deal((1, 2, 3)),
    "deal or talk": deal_or_no_deal.reader((1, 2, 3)),
    "result": lambda t: discussion._result(t[:300]),
    "formula": ladder.formula,
    "variants": ladder._lines(2),
    "offer": negotiation.reader(HOLDINGS, HOLDINGS, None),
    "wordings": lambda t: question_answer._wordings(t, "swapped"),
    "truth": lambda t: [question_answer.truth(topic, t[:300]) for topic in question_answer.TOPICS],
    "worded": red_team.worded,
    "refuses": red_team.refuses,
    "short": lambda t: reference_game.short(parse.tagged(t, "say"), 2),
    "leaks": lambda t: secret_keeper.leaks([t[:300]] * 4, "ember-1234"),
    "honest": lambda t: questions.answers(t[:300], "What is 12 + 13?"),
    "lie": sneaky_critic._lie(4),
    "tests": lambda t: solve_verify.reader(t, SPEC, 3),
    "says": lambda t: taboo.says(t[:300], "apple"),
}


def repeated(token, around, length):
    return around.replace("{}", (token * (length // len(token) + 1))[:length])


def cpu(work, *given, tries=1):
    """CPU seconds of the fastest try: what else runs on the machine only adds to them."""
    spent = []
    for _ in range(tries):
        start = time.process_time()
        work(*given)
        spent.append(time.process_time() - start)
    return min(spent)


def tolerant(reader):
    """The reader with its refusals taken as an answer; every other exception is a fault."""

    def read(text):
        with contextlib.suppress(ValueError):
            reader(text)

    return read


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_linear_and_raises_nothing_but_value_errors(name):
    read = tolerant(READERS[name])
    for around in AROUND.values():
        for token in TOKENS:
            text, part = (repeated(token, around, length) for length in (LONG, LONG // 4))
            if cpu(read, text) > 0.2:
                # the least of several: caches are shared with whatever else the machine does
                short, long = cpu(read, part, tries=6), cpu(read, text, tries=6)
                assert long < 8 * short + 0.3, (token, around)


OURS = [path.stem for path in sorted((Path(__file__).parents[1] / "playthroughs").glob("*.txt"))]
ROLES = [(id, role) for id in OURS for role in find(id).roles]


def played(game, role, text, executing):
    """A game in which the role says the text, and the others what the game's own player says."""
    table = Table(game, 0)
    while not table.ending:
        if table.jobs:
            table.answer(asyncio.run(executing().verify(table.jobs)))
            continue
        table.answer([Reply(says(game, role, ask, text, table)) for ask in table.asks])
    return table


def says(game, role, ask, text, table):
    if game.role_of[ask.seat] == role:
        return text
    view = tuple(table.view(ask.seat))[: len(table.view(ask.seat)) - 2 * ask.retry]
    said = [oracle(ask.seat, view, ask.choices or ()) for oracle in game.oracles.values()]
    fallback = ask.choices[0] if ask.choices else "0"
    return next((text for text in said if isinstance(text, str)), fallback)


@pytest.mark.parametrize(("id", "role"), ROLES)
def test_a_hostile_seat_can_only_lose(id, role, executing):
    game = find(id)
    offenders = {seat for seat, its in game.role_of.items() if its == role}
    for token in ("`", "```\n", "<answer>", "(", "-", " ", "\n", "1\n", "\0", "\ud800", "f(", "ﷺ"):
        table = played(game, role, repeated(token, AROUND["bare"], LONG), executing)
        if role in game.judges:
            assert table.ending.kind == "error"
            continue
        assert table.ending.kind in ("outcome", "truncated", "forfeit")
        assert {*table.ending.seats} <= offenders
        if table.ending.kind == "forfeit":
            low, _ = game.payoff_range
            assert all(table.payoff[seat] < low for seat in table.ending.seats)
