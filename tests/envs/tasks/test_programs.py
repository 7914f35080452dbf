"""Reading proposals: text is data, and a copy is a copy however it is dressed."""

import pytest
from sparring.envs.parse import Unreadable
from sparring.envs.tasks.programs import (
    LONGEST,
    answer,
    arguments,
    near_copy,
    program,
    shape,
    source_fault,
)

LOOP = """def f(xs):
    total = 0
    for x in xs:
        if x % 2:
            total += x * x
    return total"""


def test_names_layout_comments_and_docstrings_make_no_difference():
    dressed = '''def f(values):
    """Quite another thing."""
    s = 0   # start
    for item in values:

        if item % 2: s += item * item
    return s'''
    assert shape(dressed) == shape(LOOP)
    assert near_copy(dressed, [LOOP])


def test_a_changed_constant_in_a_long_program_is_a_near_copy():
    assert near_copy(LOOP.replace("% 2", "% 3"), [LOOP])


@pytest.mark.parametrize(
    "other", ["def f(xs):\n    return sum(xs)", "def f(x):\n    return x", "not python ("]
)
def test_another_program_is_no_copy(other):
    assert not near_copy(LOOP, [other])


def test_one_step_beyond_the_identity_is_no_copy_of_it():
    assert not near_copy("def f(x):\n    return x + 1", ["def f(x):\n    return x"])


@pytest.mark.parametrize(
    "source",
    [
        "",
        "f = 1",
        "def g(x):\n    return x",
        "def f(x",
        "x" * (LONGEST + 1),
        "(" * 1500,
        "-" * 1900 + "1",
        "\0",
    ],
)
def test_what_defines_no_f_is_a_fault(source):
    assert source_fault(source)


def test_two_code_blocks_are_no_program():
    block = "```python\ndef f(x):\n    return x\n```"
    assert program(block) == "def f(x):\n    return x"
    with pytest.raises(ValueError, match="2 "):
        program(block + "\n" + block)


@pytest.mark.parametrize(
    ("text", "given"),
    [("3", (3,)), ("3, 'a'", (3, "a")), ("[1, 2]", ([1, 2],)), ("((1, 2),)", ((1, 2),))],
)
def test_arguments_stand_as_between_the_parentheses_of_a_call(text, given):
    assert arguments(text) == given


@pytest.mark.parametrize(
    "text", ["f(1)", "1 if True else 2", "[x for x in y]", "", "<answer></answer>"]
)
def test_an_answer_that_is_no_literal_is_unreadable(text):
    with pytest.raises(Unreadable):
        answer(text)
