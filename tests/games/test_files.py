"""Games of files: equal answers and passing programs are paid, and a bad line is named."""

from __future__ import annotations

import json

import pytest
from sparring.cli import main
from sparring.envs.blocking_verifier import Verdicts
from sparring.envs.conformance import Trial
from sparring.envs.registry import ParameterError, find
from sparring.envs.table import Table
from sparring.envs.tasks.files import FileError
from sparring.envs.types import Reply

TEST = "def check(candidate):\n    assert candidate([3, 1], 2) == [1, 2, 3]\n"
PROMPT = 'def put(items, item):\n    """The items and one more, sorted."""\n'


@pytest.fixture
def lines(tmp_path):
    """Writes objects, or texts as they are, as lines of a file, and gives its path."""

    def write(*objects, name="items.jsonl"):
        path = tmp_path / name
        path.write_text(
            "".join(o + "\n" if isinstance(o, str) else json.dumps(o) + "\n" for o in objects)
        )
        return str(path)

    return write


@pytest.fixture(scope="module")
def verdicts():
    """Of the real sandbox, because tests below try to cheat it."""
    opened = Verdicts("local")
    yield opened
    opened.close()


def played(game, text, verdicts):
    return Trial(game, [0], verdicts).play(0, lambda ask, table, rng: Reply(text))


def paid(game, text, verdicts):
    table = played(game, text, verdicts)
    assert table.ending.kind == "outcome", table.ending
    return table.payoff["solver"]


# questions


def question(file, text, **parameters):
    table = Table(find("question-file-v0", file=file, **parameters), 0)
    table.answer([Reply(text)])
    return table.payoff["solver"]


@pytest.mark.parametrize(
    ("key", "said", "right"),
    [
        ("1200", "1,200", 1),
        ("The sum is 5 + 7 = 12.\n#### 12", "<answer>12.0</answer>", 1),
        ("#### 1,000", "1000", 1),
        ("Mercury", "mercury.", 1),
        ("3/4", "75%", 1),
        ("12", "13", 0),
        ("12", "", 0),
    ],
)
def test_an_equal_answer_is_right(lines, key, said, right):
    file = lines({"question": "How many?", "answer": key})
    assert question(file, said) == right


def test_items_are_numbered_and_every_question_is_in_one_part(lines):
    file = lines(*({"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(100)))
    parts = {
        part: [
            Table(find("question-file-v0", file=file, part=part, item=item)).asks[0].prompt
            for item in range(find("question-file-v0", file=file, part=part).items)
        ]
        for part in ("train", "held-out", "all")
    }
    assert len(parts["all"]) == 100
    assert sorted(parts["train"] + parts["held-out"]) == sorted(parts["all"])
    assert 10 < len(parts["held-out"]) < 30


def test_a_file_that_changed_is_another_game(lines):
    one = find("question-file-v0", file=lines({"question": "1 + 1?", "answer": "2"}))
    other = find("question-file-v0", file=lines({"question": "1 + 2?", "answer": "3"}))
    assert one.ref == other.ref
    assert one.provider != other.provider


BAD = [
    ('{"question": "1 + 1?"', "line 2: this is no JSON"),
    ("[1, 2]", "line 2: a JSON object was expected, list came"),
    ({"question": "1 + 1?"}, "line 2: no field 'answer'; its fields: 'question'"),
    ({"question": "1 + 1?", "answer": 2}, "line 2: 'answer' must be text, not int"),
    ({"question": " ", "answer": "2"}, "line 2: 'question' is empty"),
    ({"question": "1 + 1?", "answer": "x" * 200}, "line 2: the key 'xxx"),
    ({"question": "q" * 30_000, "answer": "2"}, "line 2: 'question' has 30,000 characters"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_a_bad_line_is_named_with_its_fault(lines, line, said):
    file = lines({"question": "1 + 1?", "answer": "2"}, line)
    with pytest.raises(FileError) as fault:
        find("question-file-v0", file=file)
    assert f"{file}, {said}" in str(fault.value)


def test_a_bad_line_is_one_line_and_exit_code_2(lines, capsys):
    file = lines("{}")
    assert main(["games", "question-file-v0", "--set", f"file={file}"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said == [f"sparring: {file}, line 1: no field 'question'; its fields: none"]


@pytest.mark.parametrize("file", ["there-is-none.jsonl", ".", "", "a\0b"])
def test_what_is_no_file_is_refused(file):
    with pytest.raises(FileError, match="a file of JSON lines was expected"):
        find("question-file-v0", file=file)


def test_an_empty_file_a_wrong_item_and_bytes_that_are_no_text_are_refused(lines, tmp_path):
    with pytest.raises(FileError, match="no line holds an item"):
        find("question-file-v0", file=lines("", ""))
    with pytest.raises(ParameterError, match="item must be from 0 to 0"):
        find("question-file-v0", file=lines({"question": "1?", "answer": "1"}), item=1)
    (tmp_path / "latin").write_bytes(b'{"question": "1?", "answer": "1"}\n{"question": "\xff"}\n')
    with pytest.raises(FileError, match="line 2: this is no UTF-8"):
        find("question-file-v0", file=str(tmp_path / "latin"))


# programs


def program(lines, text, verdicts, test=TEST, prompt=PROMPT, entry="put"):
    file = lines({"task_id": "t/0", "prompt": prompt, "entry_point": entry, "test": test})
    return paid(find("program-file-v0", file=file), text, verdicts)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("```python\ndef put(items, item):\n    return sorted([*items, item])\n```", 1),
        ("```python\n    return sorted([*items, item])\n```", 1),
        ("return sorted([*items, item])", 1),
        ("    return sorted(items + [item])", 1),
        ("```python\ndef put(items, item):\n    return items + [item]\n```", 0),
        ("```python\ndef put(items, item):\n    while True: pass\n```", 0),
        ("```python\ndef put(items:\n```", 0),
        ("I do not know.", 0),
    ],
)
def test_a_program_that_passes_is_right(lines, verdicts, text, right):
    assert program(lines, text, verdicts) == right


EQUAL = """
class Equal:
    __eq__ = __lt__ = lambda self, other: True
    __sub__ = lambda self, other: 0
def put(items, item):
    return Equal()
"""
CHEATS = {
    "an object that equals everything": EQUAL,
    "ends the process": "import os\ndef put(items, item):\n    os._exit(0)\n",
    "raises what no test expects": "def put(items, item):\n    raise SystemExit(0)\n",
    "puts its own check": "def check(candidate): pass\ndef put(items, item):\n    return 0\n",
    "looks for the test": "import sys, gc\ndef put(items, item):\n    f = sys._getframe()\n"
    "    while f:\n        f.f_globals['check'] = lambda c: None\n        f = f.f_back\n    return 0\n",
    "a list of its own": "class L(list):\n    __eq__ = lambda s, o: True\n"
    "def put(items, item):\n    return L()\n",
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_program_never_meets_its_test(lines, verdicts, cheat):
    assert program(lines, f"```python\n{CHEATS[cheat]}```", verdicts) == 0


LATER = """
def check(candidate):
    seen = 1
    for _ in range(3):
        seen = candidate([], seen)[0] + 1
    assert seen == 4
"""


def test_calls_that_depend_on_values_are_followed(lines, verdicts):
    right = "return sorted([*items, item])"
    assert program(lines, right, verdicts, test=LATER) == 1
    assert program(lines, "return [7]", verdicts, test=LATER) == 0


def test_a_call_changes_no_argument_of_the_test(lines, verdicts):
    test = "def check(candidate):\n    a = [1]\n    candidate(a, 2)\n    assert a == [1]\n"
    assert program(lines, "items.append(item)\n    return items", verdicts, test=test) == 1


def test_a_test_may_use_helpers_of_the_prompt_and_loops_and_tolerances(lines, verdicts):
    prompt = 'def twice(x):\n    return 2 * x\n\n\ndef half(x):\n    """Half of x."""\n'
    test = """
def check(candidate):
    for x in range(5):
        assert abs(candidate(twice(x)) - x) < 1e-9
"""
    args = {"test": test, "prompt": prompt, "entry": "half"}
    assert program(lines, "return x / 2", verdicts, **args) == 1
    assert program(lines, "return twice(x) / 4", verdicts, **args) == 1
    assert program(lines, "return x / 3", verdicts, **args) == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"test": "def check(candidate:"}, "'test' is no Python (SyntaxError, its line 1)"),
        (
            {"test": "def check(candidate):\n    assert candidate(item=1) == 2"},
            "'test' calls the candidate by keyword (candidate(item=1)); give values by place",
        ),
        ({"test": "assert True"}, "'test' defines no `check(candidate)`"),
        ({"entry_point": "put it"}, "'entry_point' must be the name of a function, not 'put it'"),
        ({"prompt": ""}, "'prompt' is empty"),
    ],
)
def test_a_bad_program_line_is_named(lines, fields, said):
    good = {"task_id": "t/0", "prompt": PROMPT, "entry_point": "put", "test": TEST}
    with pytest.raises(FileError) as fault:
        find("program-file-v0", file=lines(good, {**good, **fields}))
    assert f"line 2: {said}" in str(fault.value)


def test_a_test_that_cannot_be_run_ends_the_game_and_nobody_is_paid(lines, verdicts):
    test = "import sys\ndef check(candidate):\n    while True:\n        pass\n"
    file = lines({"prompt": PROMPT, "entry_point": "put", "test": test})
    table = played(find("program-file-v0", file=file), "return 1", verdicts)
    assert table.ending.kind == "error"
    assert table.ending.source == "env"
    assert "the test of put cannot be run" in table.ending.reason


def test_the_shipped_solutions_pass(verdicts):
    game = find("program-file-v0")
    for item in range(game.items):
        trial = Trial(find("program-file-v0", item=item), [0], verdicts)
        assert trial.play(0, trial.sensibly).payoff["solver"] == 1
