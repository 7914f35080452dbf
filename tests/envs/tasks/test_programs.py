"""Reading proposals: text is data, and a copy is a copy however it is dressed."""

import pytest
from sparring.envs.parse import Unreadable
from sparring.envs.tasks.programs import (
    LONGEST,
    Program,
    answer,
    arguments,
    bare,
    program,
    program_with_input,
    source_fault,
)
from sparring.envs.tasks.shapes import near_copy, shape

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


@pytest.mark.parametrize(
    "dead",
    [
        "z = 0",
        "z = 0\n    z += 1\n    w = z",
        "pass",
        "'not needed'",
        "1 + 1",
        "if False:\n        return 3",
        "import os",
        "def g(a):\n        return a",
        "for a in ():\n        pass",
    ],
)
def test_dead_code_makes_no_copy_new(dead):
    dressed = LOOP.replace("    total = 0", f"    {dead}\n    total = 0")
    assert shape(dressed) == shape(LOOP)
    assert near_copy(LOOP.replace("% 2", "% 3"), [dressed])


def test_a_line_more_changes_no_other_line():
    longer = LOOP.replace("    total = 0", "    rest = len(xs)\n    total = 0 + rest")
    assert shape(longer) != shape(LOOP)
    assert near_copy(longer, [LOOP], share=0.8)


@pytest.mark.parametrize(
    "last",
    [
        "f(" + "-" * 400 + "1)",
        "f(a" + ".b" * 800 + ")",
        "f(" + "+".join("1" * 800) + ")",
        "print(" * 200 + "f(1)" + ")" * 200,
        "f(*[1])",
        "f(x=1)",
        "g(1)",
    ],
)
def test_a_last_line_that_calls_f_with_no_values_is_refused(last):
    with pytest.raises(ValueError, match=r"\w"):
        program_with_input(f"```python\ndef f(x):\n    return x\n{last}\n```")


def test_a_call_on_the_last_line_is_the_input():
    text = "```python\ndef f(x, y):\n    return x\n\nprint(f([1], 'a'))  # as printed\n```"
    assert program_with_input(text) == Program("def f(x, y):\n    return x", (([1], "a"),))


def test_programs_are_read_without_comments_and_docstrings():
    told = "def f(x):\n    '''The input was [4, 2].'''\n    '''Really.'''\n    # 42\n    return '#' + x"
    assert program(f"```python\n{told}\n```") == "def f(x):\n    return '#' + x"
    assert bare("def f(x):\n    '''Only this.'''") == "def f(x):\n    pass"
    assert bare(LOOP) == LOOP
