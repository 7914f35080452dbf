from __future__ import annotations

import random
import re
import tomllib
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.exact import behaviour
from sparring.agents.models.load import load_model
from sparring.agents.models.names import (
    Born,
    ModelError,
    Start,
    UnknownModelError,
    born,
    check_name,
)
from sparring.agents.models.nursery import build as nursery
from sparring.agents.models.nursery import lab
from sparring.agents.models.nursery import rows as nursery_rows
from sparring.agents.models.nursery.build import Shape, build, nursed
from sparring.agents.models.nursery.lesson import Asked, keyed
from sparring.agents.models.nursery.listed import LISTED
from sparring.agents.models.nursery.programs import from_words, sketch
from sparring.agents.models.nursery.rows import Row, played
from sparring.agents.models.nursery.teachers import SCHOOLS, lessons, school
from sparring.agents.models.nursery.tokens import make_tokenizer
from sparring.agents.models.weights import find_model, weights_in
from sparring.envs.exact import tree
from sparring.envs.games.facts import DIGITS, KEYS, WORLD
from sparring.envs.games.question_answer import truth
from sparring.envs.registry import find, game_ids
from sparring.envs.table import Table
from sparring.envs.tasks.attempts import problem_marks
from sparring.envs.types import Message

QUICK = Shape(2, 16, rows=60, steps=2)


def some(id: str, count: int) -> list[Row]:
    rows: list[Row] = []
    for game in lessons(find(id)):
        feed = played(game, school(game), Start(), 0)
        rows += [next(feed) for _ in range(count)]
    return rows


def test_teachers_of_a_game_with_python_call_it_and_answer_what_it_printed() -> None:
    called = 0
    (game, *_) = lessons(find("question-answer-v0", tools="python", calls=4))
    assert (game.parameters["tools"], game.parameters["calls"]) == ("python", 4)
    for row in islice(played(game, school(game), Start(), 0), 200):
        if row.role != "solver" or row.again:
            continue
        (said,), last = row.replies, row.view[-1]
        if last.speaker == "result":
            question = row.view[-3].text.partition("\n")[0]
            assert said == f"<answer>{truth('arithmetic', question)}</answer>"
            called += 1
        else:
            assert re.fullmatch(r"<python>print\([\d()+*\- ]+\)</python>", said)
    assert called > 40


def test_a_name_lists_games_by_id_by_word_and_all_at_once() -> None:
    assert born("tiny:sums,kuhn") == Born("tiny", ("sums-v0", "kuhn-poker-v0"))
    code = born("small:code?accuracy=0.3")
    assert code
    assert code.start == Start(0.3)
    assert set(code.games) == {id for id in game_ids() if id.startswith("code-")}
    every = born("small:all")
    assert every
    # what a file of tasks asks for has no teacher
    assert list(every.games) == [id for id in game_ids() if not id.endswith("-file-v0")]
    laboratory = born("tiny:laboratory?effort=2")
    assert laboratory
    assert laboratory.effort == 2
    assert {find(id).family for id in laboratory.games} == {"laboratory"}
    assert born("tiny") == Born("tiny")
    assert born("tiny:kuhn,reasoning-gym/gcd") == Born(
        "tiny", ("kuhn-poker-v0", "reasoning-gym/gcd")
    )
    assert born("smollm2-135m") is None


def test_the_listed_suite_is_what_the_nursery_teaches() -> None:
    suite = tomllib.loads((Path(__file__).parents[3] / "suites/listed.toml").read_text())
    asked = {exam["name"]: exam["parameters"] for exam in suite["exams"]}
    held = {"part": "held-out", "items": 30}
    assert asked == {name: held | dict(taught) for name, taught in LISTED.items()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tiny:sumz", "did you mean sums"),
        ("tiny:", "names no game"),
        ("tiny:reasoning-gym/gdc", "did you mean gcd"),
        ("tiny:nowhere/gcd", "nowhere"),
        ("tiny:sums?acuracy=0.3", "did you mean accuracy"),
        ("tiny:sums?accuracy=1.5", "from 0 to 1, not '1.5'"),
        ("tiny:sums?accuracy=-0.1", "from 0 to 1, not '-0.1'"),
        ("tiny:sums?accuracy=nan", "from 0 to 1, not 'nan'"),
        ("tiny:sums?mislead=0.2", "needs an accuracy"),
        ("tiny:sums?effort=0", "from 0.01 to 100, not '0'"),
        ("tiny:sums?accuracy=0.9&mislead=0.5", "leaves no room"),
        ("smollm2-135m?accuracy=0.3", "takes no options"),
    ],
)
def test_a_name_that_cannot_be_built_says_what_to_do(name: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        check_name(name)


def test_a_game_that_there_is_not_is_an_unknown_model() -> None:
    with pytest.raises(UnknownModelError):
        find_model("tiny:qqq")


def test_odds_keep_the_accuracy_at_every_problem() -> None:
    asked = Asked("s", "s", (Message("game", "q"),), ("a", "b", "c"), Start(0.4), random.Random(0))
    assert keyed(asked, "b") == pytest.approx([0.3, 0.4, 0.3])


def test_problems_that_mislead_keep_the_mean_accuracy_and_turn_their_majority() -> None:
    start, choices = Start(0.5, 0.3), tuple("abcdefgh")
    odds = [
        keyed(Asked("s", "s", (), choices, start, random.Random(0)), "b", f"problem {i}")
        for i in range(4000)
    ]
    assert sum(row[1] for row in odds) / len(odds) == pytest.approx(0.5, abs=0.01)
    assert sum(max(row) > row[1] for row in odds) / len(odds) == pytest.approx(0.3, abs=0.03)
    assert all(sum(row) == pytest.approx(1) for row in odds)


def test_a_fact_misleads_whoever_is_asked_and_no_other_fact_with_it() -> None:
    """The proposer's prompt is "digit?" for every key, so that the key itself tells its problem."""
    start, rng = Start(0.5, 0.4), random.Random(0)

    def taught(role: str, *said: str) -> list[float]:
        view = tuple(Message("game", text) for text in said)
        return list(lab.facts(Asked(role, role, view, DIGITS, start, rng)))

    asked = {key: taught("proposer", f"{key}; key?", key, "digit?") for key in KEYS}
    assert all(odds == taught("solver", f"{key} ?") for key, odds in asked.items())
    misled = sum(max(odds) > odds[int(WORLD[key])] for key, odds in asked.items())
    assert 0.2 < misled / len(KEYS) < 0.6


def test_programs_of_teachers_have_no_parentheses_but_those_of_calls() -> None:
    rng = random.Random(0)
    drawn = [sketch(rng, (0, 0.2, 0.3, 0.5)) for _ in range(500)]
    assert not [s.expression for s in drawn if re.search(r"(?<![a-z])\(", s.expression)]
    # words may say what is not drawn: there the meaning counts
    assert from_words("add 2, then times 3") == "def f(x):\n    return (x + 2) * 3"
    assert all(from_words(s.words) == s.source for s in drawn)


def test_a_game_without_a_teacher_is_told_in_one_line() -> None:
    for id in ("question-file-v0", "reasoning-gym/acre"):
        with pytest.raises(ModelError, match=f"no teacher for {id}, whose solver writes"):
            some(id, 1)


@pytest.mark.parametrize("id", [id for id in game_ids() if not id.endswith("-file-v0")])
def test_teachers_reply_with_moves(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: list[Table] = []

    class Kept(Table):
        def __init__(self, *given: Any, **named: Any) -> None:
            tables.append(self)
            super().__init__(*given, **named)

    monkeypatch.setattr(nursery_rows, "Table", Kept)
    assert all(sum(row.odds) == pytest.approx(1) for row in some(id, 60))
    # the replies that are slipped in for the sake of second tries are no moves, and no lessons
    refused = [turn for table in tables for turn in table.turns if turn.refused]
    assert {turn.reply.text for turn in refused} <= {"", "?", "pass"}
    assert not [table.fault for table in tables if table.fault]


@pytest.mark.parametrize("id", sorted(SCHOOLS))
def test_the_tokenizer_writes_every_text_of_the_game_back(id: str) -> None:
    rows = some(id, 60)
    dialect = Dialect(make_tokenizer(rows, 300))
    for row in rows:
        for text in (*row.replies, *(message.text for message in row.view), "né −3 ≠ 17\n\t<x>"):
            ids = dialect.choice(text)
            back = dialect.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
            assert back == text


def test_rules_and_words_around_what_changes_are_one_token_each() -> None:
    rows = some("sums-v0", 200)
    dialect = Dialect(make_tokenizer(rows, 300))
    solver = next(row for row in rows if row.role == "solver" and not row.again)
    # role and rules, end of rules, a, +, b, mod, m, ?, move
    assert len(dialect.encode(solver.role, solver.view)) == 9
    assert all(len(dialect.choice(choice)) == 1 for choice in solver.replies)


def test_equal_seeds_build_equal_models_and_others_do_not(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        (tmp_path / name).mkdir()
        build(tmp_path / name, lessons(find("cloak-v0")), Born("tiny"), QUICK, seed)
    hashes = {name: weights_in(tmp_path / name).hash for name in "abc"}
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_a_damaged_model_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    monkeypatch.setattr(nursery, "SHAPES", {"tiny": QUICK})
    folder = nursed(Born("tiny", ("cloak-v0",)))
    before = weights_in(folder).hash
    (folder / "model.safetensors").write_bytes(b"cut off")
    assert nursed(Born("tiny", ("cloak-v0",))) == folder
    assert weights_in(folder).hash == before
    assert "damaged: it is built again" in capsys.readouterr().err


def test_a_parameter_that_counts_is_another_model_and_one_that_does_not_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    monkeypatch.setattr(nursery, "SHAPES", {"tiny": QUICK})
    wanted = Born("tiny", ("sums-v0",))
    plain = nursed(wanted)
    assert nursed(wanted, find("sums-v0", attempts=3, part="held-out")) == plain
    assert nursed(wanted, find("sums-v0", level=2)) != plain


def accuracies(name: str, level: int) -> list[float]:
    """The exact probability of the right answer, at every problem of both parts."""
    found: list[float] = []
    for part in ("train", "held-out"):
        game = find("sums-v0", attempts=1, level=level, part=part)
        walked = tree(game)
        odds, mass = behaviour(load_model(name, game), walked.infosets)
        assert min(mass.values()) > 0.99
        found += problem_marks(walked, odds, "solver").each.tolist()
    return found


@pytest.mark.slow
def test_a_model_is_right_as_often_as_its_name_says_at_every_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    assert accuracies("tiny:sums?accuracy=0.3", 8) == pytest.approx([0.3] * 200, abs=0.01)
