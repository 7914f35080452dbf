"""Tools inside a turn: what is a call, what it is shown, what it costs, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sparring.envs.registry import find, game
from sparring.envs.script import Script, ask, ask_all
from sparring.envs.search import ranked
from sparring.envs.table import Table
from sparring.envs.tools import LAST, Tools, names_in, read_call, tools_named
from sparring.envs.types import Message, Reply, Verdict

BOTH = ("python", "search")
PYTHON = Tools(("python",), calls=2, price=-0.1, seen_by=("b",))


@game("test-tooled-v0", roles={"a": 1, "b": 1}, max_turns=2, payoff_range=(0.0, 1.0))
def tooled() -> Script:
    said = yield from ask("a", "What is 6 * 7?", str, tries=2, otherwise="", tools=PYTHON)
    yield from ask("b", "Well?", str)
    return {"a": float(said == "42"), "b": 0.0}


@game("test-tooled-together-v0", roles={"a": 1, "b": 1}, max_turns=2, payoff_range=(0.0, 1.0))
def together() -> Script:
    library = Tools(("search",), calls=1, documents=("Iron melts at 1538.", "Copper at 1085."))
    said = yield from ask_all({"a": "When?", "b": "When?"}, str, tools=library)
    return {seat: float(text == "1085") for seat, text in said.items()}


def played(id: str, replies: Sequence[str], verdicts: Sequence[Verdict] = ()) -> Table:
    table, said, ran = Table(find(id)), iter(replies), iter(verdicts)
    while table.ending is None:
        if table.jobs:
            table.answer([next(ran) for _ in table.jobs])
        else:
            table.answer([Reply(next(said)) for _ in table.asks])
    return table


def printed(text: str) -> Verdict:
    return Verdict("ok", stdout=text)


def test_a_call_is_no_move_and_its_result_goes_to_its_seat():
    table = played(
        "test-tooled-v0", ["<python>print(6 * 7)</python>", "42", "so"], [printed("42\n")]
    )
    assert table.payoff["a"] == 1
    assert table.view("a")[0] == Message("tools", PYTHON.told)
    assert Message("result", "42") in table.view("a")
    assert [turn.call for turn in table.turns] == [0, 1, 0]
    assert not any(turn.refused for turn in table.turns)


def test_seats_that_see_calls_are_told_and_others_are_not():
    table = played("test-tooled-v0", ["<python>1</python>", "42", "so"], [printed("")])
    assert any("a calls python: 1" in m.text for m in table.view("b"))
    assert not any(m.speaker in ("tools", "result") for m in table.view("b"))


def test_a_player_that_calls_for_ever_ends_at_its_budget():
    forever = ["<python>print(1)</python>"] * 4 + ["so"]
    table = played("test-tooled-v0", forever, [printed("1")] * 2)
    shown = [m.text for m in table.view("a") if m.speaker == "result"]
    assert shown == ["1", f"1\n{LAST}"]
    # no third job ran: a call beyond the budget is no move, twice, and then the seat's turn is over
    assert [turn.refused for turn in table.turns] == [None, None, "unparsable", "unparsable", None]
    assert table.payoff["a"] == 0


def test_a_call_has_its_price():
    table = played("test-tooled-v0", ["<python>1</python>"] * 2 + ["42", "so"], [printed("")] * 2)
    assert [dict(turn.credits) for turn in table.turns[:3]] == [{"tool": -0.1}, {"tool": -0.1}, {}]


def test_a_program_that_fails_shows_how():
    failed = Verdict("error", stdout="1\n", detail="ZeroDivisionError: division by zero")
    table = played("test-tooled-v0", ["<python>1/0</python>", "42", "so"], [failed])
    assert Message("result", "1\nerror: ZeroDivisionError: division by zero") in table.view("a")


def test_seats_that_move_together_each_use_their_own():
    table = played("test-tooled-together-v0", ["<search>copper</search>", "1538", "1085"])
    assert table.payoff == {"a": 1.0, "b": 0.0}
    assert Message("result", f"Copper at 1085.\n{LAST}") in table.view("a")


def test_a_long_result_is_cut():
    table = played("test-tooled-v0", ["<python>1</python>", "42", "so"], [printed("x" * 2000)])
    result = next(m.text for m in table.view("a") if m.speaker == "result")
    assert len(result) == PYTHON.characters + 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<python>\nprint(1)\n</python>", ("python", "print(1)")),
        ("I look. <search>iron</search> <answer>3</answer>", ("search", "iron")),
        (
            '<tool_call>\n{"name": "python", "arguments": {"code": "1"}}\n</tool_call>',
            ("python", "1"),
        ),
        ('{"name": "search", "parameters": {"query": "iron"}}', ("search", "iron")),
        ("<tool_call>{</tool_call>", ("python", None)),
        ('{"name": "else", "arguments": {}}', None),
        ("<python>1", ("python", None)),
        ("\n<python>", ("python", None)),
        ("Not <python> but <answer>3</answer>", None),
        ("[" * 100_000, None),
        ("<tool_call>" + "[" * 100_000, ("python", None)),
        ("42", None),
    ],
)
def test_calls_are_read_in_the_plain_form_and_in_that_of_templates(
    text: str, wanted: tuple[str, str | None] | None
):
    assert read_call(text, BOTH) == wanted


def test_the_names_of_tools_are_told_and_read_back():
    found = tools_named("python+search")
    assert found
    assert names_in(found.told) == ["python", "search"]
    assert tools_named("") is None
    with pytest.raises(ValueError, match="no tool 'pyton'"):
        tools_named("pyton")


def test_search_ranks_rare_words_above_common_ones():
    corpus = ["iron and iron", "the copper and the iron", "the the the"]
    assert ranked("the copper", corpus, 3) == ["the copper and the iron", "the the the"]
    assert ranked("gold", corpus, 3) == []
