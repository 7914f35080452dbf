"""An author's mistakes are told by file and line, and what a player says never voids its game."""

from __future__ import annotations

from typing import Any

import pytest
from sparring.envs import mistakes, script
from sparring.envs.conformance import checks
from sparring.envs.conformance.forgotten import forgotten
from sparring.envs.parse import tagged
from sparring.envs.registry import GameError, find, forgetting, game, load
from sparring.envs.script import Script, ask, ask_all, tell
from sparring.envs.table import Table
from sparring.envs.types import Reply

HINT = "must `yield from ask"


@game("test-mistakes-v0", roles={"a": 1, "b": 1}, max_turns=3, payoff_range=(0, 9))
def mistaken(fault: str = "none") -> Script:
    """A game with one mistake."""
    move = yield from ask("a", "?", choices=("1", "2"))
    if fault == "forgot":
        return {"a": int(ask("a", "?", choices=("1", "2")).strip())}  # type: ignore[attr-defined]
    if fault == "yield":
        yield ask("b", "?", choices=("1", "2"))  # type: ignore[misc]
    if fault == "bug":
        return {"a": {}[move]}
    if fault == "nothing":
        yield from ask("b", "?")
    if fault == "nothing for one":
        yield from ask_all({"a": "?", "b": "?"}, choices={"a": ("1",), "b": ()})
    while fault == "loop":
        pass
    return {"a": 1, "b": 1}


@game("test-unyielding-v0", roles={"a": 1}, max_turns=1, payoff_range=(0, 1))
def unyielding(fault: bool = False) -> Any:
    """A script that forgets to yield."""
    move: Any = ask("a", "?", choices=("1", "2"))
    return {"a": int(move.strip()) if fault else 1}


def ended(id, **parameters):
    table = Table(find(id, **parameters))
    if table.asks:
        table.answer([Reply("1")])
    return table.ending


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("forgot", HINT),
        ("yield", HINT),
        ("bug", "KeyError: '1'"),
        ("nothing", "b is asked with neither choices nor a parser"),
        ("nothing for one", "b is asked with neither choices nor a parser"),
    ],
)
def test_a_mistake_in_a_script_is_told_with_its_file_and_line(fault, said):
    ending = ended("test-mistakes-v0", fault=fault)
    assert (ending.kind, ending.source) == ("error", "env")
    assert said in ending.reason
    assert "(test_mistakes.py:" in ending.reason


@pytest.mark.parametrize("fault", [True, False])
def test_a_script_that_never_yields_is_told_what_to_write(fault):
    reason = ended("test-unyielding-v0", fault=fault).reason
    assert HINT in reason
    assert "test_mistakes.py:" in reason


def test_an_endless_loop_ends_the_check_and_is_told_once_with_its_line(monkeypatch):
    monkeypatch.setattr(mistakes, "ENDLESS_SECONDS", 0.1)
    done = list(checks(find("test-mistakes-v0", fault="loop"), range(20)))
    (fault,) = done[-1].faults
    assert "0.1 seconds of computing: an endless loop? (test_mistakes.py:" in fault
    assert done[-1].name == "sensible-play"


def test_a_check_tells_of_each_rule_when_it_is_done():
    done = checks(find("test-mistakes-v0", fault="loop"), [0])
    assert [next(done).name, next(done).name] == ["facts", "steps-taken"]  # before any game


@game("test-forgetful-v0", roles={"a": 1, "b": 1}, max_turns=1, payoff_range=(0, 1))
def forgetful() -> Script:
    """Four helpers without `yield from`, and three that are handed on to where it stands."""
    script.note("lost", 1)
    said = ask("a", "?", choices=("1", "2"))
    if ask("a", "?", choices=("1", "2")) == "1":
        yield from tell("b", "one")
    tell("b", "two")

    later = ask("b", "?", choices=("1", "2"))
    yield from _handed()
    return {"a": float(said == (yield from later)), "b": 0.0}


def _handed() -> Any:
    return tell("a", "three")


def test_a_helper_without_yield_from_is_found_with_its_line_though_nothing_fails():
    written = find("test-forgetful-v0").definition
    first = written.__code__.co_firstlineno + 3
    assert list(forgotten(written)) == [
        f"test_mistakes.py:{first}: script.note(…)",
        f"test_mistakes.py:{first + 1}: ask(…)",
        f"test_mistakes.py:{first + 2}: ask(…)",
        f"test_mistakes.py:{first + 4}: tell(…)",
    ]
    found = {c.name: c.faults for c in checks(find("test-forgetful-v0"), [0])}
    assert found["steps-taken"][0].endswith(" does nothing here: write `yield from` before it")


@game("test-forever-v0", roles={"a": 1}, max_turns=2, payoff_range=(0, 1))
def forever() -> Script:
    """Asks again and again."""
    while True:
        yield from ask("a", "?", choices=("1", "2"))


def test_a_script_that_never_ends_by_itself_is_found():
    found = {c.name: c.faults for c in checks(find("test-forever-v0"), range(3))}
    (fault,) = found["sensible-play"]
    assert fault.startswith("every game was cut at max_turns=2, before the script returned")


def test_a_file_that_fails_to_load_is_told_by_its_line(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("def helped():\n    return {}['x']\n\n\nhelped()\n")
    with forgetting(), pytest.raises(GameError, match=r"KeyError: 'x' \(broken\.py:2\)$"):
        load(file)


def test_a_file_may_not_take_the_id_of_a_game_of_ours(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from sparring.envs.registry import game\n"
        "@game('nim-v0', roles={'a': 1}, max_turns=1, payoff_range=(0, 1))\n"
        "def nim():\n    yield ()\n"
    )
    with forgetting(), pytest.raises(GameError, match="nim-v0 is a game of Sparring's own"):
        load(file)


def exhausting(text: str) -> int:
    if text == "deep":
        return exhausting(text)
    if text == "bug":
        return {}[text]
    if text == "huge":
        raise MemoryError
    return int(text)


@game("test-parser-v0", roles={"a": 1, "b": 1}, max_turns=4, payoff_range=(-1, 1), sum="zero")
def parsed(together: bool = False) -> Script:
    """A game whose parser fails on some texts."""
    if together:
        yield from ask_all({"a": "?", "b": "?"}, parse=exhausting)
    else:
        yield from ask("a", "?", parse=exhausting)
    return {"a": 1, "b": -1}


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("text", ["deep", "bug", "huge"])
def test_a_reply_on_which_the_parser_fails_loses_for_its_seat_and_voids_nothing(text, together):
    table = Table(find("test-parser-v0", together=together))
    while table.ending is None:
        table.answer([Reply(text if ask.seat == "a" else "1") for ask in table.asks])
    assert (table.ending.kind, table.ending.seats) == ("forfeit", ("a",))
    assert table.ending.cause == "unparsable"
    assert table.payoff["a"] == -2.0


def test_check_reports_a_bug_of_a_parser():
    failed = [c for c in checks(find("test-parser-v0"), [0]) if not c.passed]
    assert not failed  # its texts meet no bug
    table = Table(find("test-parser-v0"))
    table.answer([Reply("bug")])
    assert [type(fault) for fault in table.parser_faults] == [KeyError]


@game("test-form-v0", roles={"a": 1}, max_turns=1, payoff_range=(0, 9))
def form() -> Script:
    """A tagged answer with its legal moves listed."""
    prompt = "Answer in this form: <move>N</move>"
    move = yield from ask("a", prompt, lambda t: int(tagged(t, "move")), choices=("5", "6"))
    return {"a": move}


@pytest.mark.parametrize("text", ["5", "<move>5</move>", "I say <move> 5 </move>."])
def test_a_listed_choice_is_a_move_bare_and_in_the_parsers_form(text):
    table = Table(find("test-form-v0"))
    table.answer([Reply(text)])
    assert table.payoff == {"a": 5.0}


def test_a_game_of_tagged_answers_with_choices_passes_its_check():
    assert all(check.passed for check in checks(find("test-form-v0"), range(3)))


def test_a_retry_of_a_parsed_answer_names_its_form_and_no_bare_choices():
    table = Table(find("test-form-v0"))
    table.answer([Reply("seven")])
    assert table.asks[0].prompt == "no <move>…</move> in 'seven'. Try again."
