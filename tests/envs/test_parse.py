"""Reading replies: fences as CommonMark has them, a choice as it is written."""

import pytest
from sparring.envs.parse import (
    Ambiguous,
    Illegal,
    Unreadable,
    code_block,
    code_blocks,
    first_tags,
    has_tag,
    line_of,
    one_of,
    rows,
    tagged,
)
from sparring.envs.registry import find
from sparring.envs.table import Table
from sparring.envs.types import Reply

CODE = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{CODE}```",
        f"```{{python}}\n{CODE}```",
        f"```python title=mine\n{CODE}```",
        f"``` Python\n{CODE}```   \nand so on",
        f"~~~python\n{CODE}~~~",
        f"````python\n{CODE}````",
        f"```python\r\n{CODE}```\r\n",
        f"```python\n{CODE}",
        f"```python\n{CODE}```\n```",
        f"```python\n{CODE}```<answer>1</answer>",
        "1. Here it is:\n\n   ```python\n   def f(x):\n       return x\n   ```\n",
        "- ~~~python\n  def f(x):\n      return x\n  ~~~",
    ],
)
def test_a_fence_is_what_commonmark_says(text):
    assert code_block(text, "python") == CODE


@pytest.mark.parametrize(
    "code",
    [
        'def f(x):\n    return "```" + x\n',
        'def f(x):\n    """Says:\n    ```\n    f(1)\n    ```\n    """\n    return x\n',
        "def f(x):\n    return x  # ```\n",
    ],
)
def test_backticks_inside_code_end_no_block(code):
    assert code_block(f"```python\n{code}```") == code


def test_a_longer_fence_holds_a_shorter_one():
    assert code_blocks(f"````\n```\n{CODE}```\n````") == [f"```\n{CODE}```\n"]


def test_backticks_within_a_line_are_no_block():
    with pytest.raises(Unreadable):
        code_block("Use ```f``` here")
    with pytest.raises(Ambiguous):
        code_block("```\na\n```\n```\nb\n```")


@pytest.mark.parametrize("reply", ["13/7*", "13/7*\n", " 13/7*", "13/7", '"13/7*".'])
def test_a_choice_with_marks_is_read_with_and_without_them(reply):
    assert one_of(("13/7*", "8/2"))(reply) == "13/7*"


def test_marks_that_tell_choices_apart_count():
    parse = one_of(("a!", "a", "B*", "b*"))
    assert [parse("a"), parse("a!\n"), parse("b*")] == ["a", "a!", "b*"]
    with pytest.raises(Ambiguous):
        parse("*B")
    with pytest.raises(Illegal):
        parse("a b")


def test_a_tag_is_read_once():
    assert tagged("<x> 1 </x></x>", "x") == "1"
    assert rows("<x>\n1\n\n2\n</x>", "x", 2) == ["1", "2"]
    with pytest.raises(Illegal, match="at most 1"):
        rows("<x>\n1\n2\n</x>", "x", 1)


@pytest.mark.parametrize(
    "reply",
    [
        "<x>51</x>",
        "<X>51</X>",
        "<x >51</x >",
        "so <x> 51",
        "<x>51<y>6</y>",
        "<x>51<y >6",
        "<x>51<x>",
        "<x>51</x>\n<x>",
    ],
)
def test_a_tag_is_read_without_case_and_may_stay_open_at_the_end(reply):
    assert (has_tag(reply, "x"), tagged(reply, "x")) == (True, "51")


def test_a_tag_that_is_missing_or_stands_twice_is_refused():
    with pytest.raises(Unreadable, match="no <x>"):
        tagged("51</x>", "x")
    with pytest.raises(Ambiguous, match="2 <x> tags"):
        tagged("<x>51</x><X>51</X>", "x")


def test_the_first_closed_stretch_of_every_name_is_found_and_none_inside_another():
    text = "<a> <b>one</b> <b>two</b> <c><d>three</d></c> <e>"
    found = first_tags(text)
    assert {name: said for name, (_, said) in found.items()} == {
        "b": "<b>one</b>",
        "c": "<c><d>three</d></c>",
    }
    assert all(text[start:].startswith(said) for start, said in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "bet",
        "Bet.",
        "bet\n\nI bet because the king wins.",
        "I have the king.\n\nbet",
        "<answer>bet</answer>",
        "**Answer: bet**",
        "Final answer: \\boxed{bet}",
        "$\\boxed{bet}$",
    ],
)
def test_behind_a_thought_a_line_that_is_the_move_alone_counts(text):
    assert line_of(["check", "bet"])(text, True) == "bet"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("I bet", True),
        ("bet or check", True),
        ("check it:\nbet\nor so", True),
        ("be", False),
        ("bet", False),
        ("I have the king.\nbet", False),
        ("<answer>bet", True),
        ("", True),
    ],
)
def test_a_word_in_a_sentence_or_in_a_line_that_may_go_on_is_no_move(text, whole):
    with pytest.raises(Illegal):
        line_of(["check", "bet"])(text, whole)


def test_a_first_line_that_ended_counts_in_a_reply_that_was_cut_off():
    assert line_of(["check", "bet"])("bet\nbecause the ki", False) == "bet"


def test_a_reply_behind_a_thought_is_read_by_lines_and_any_other_as_a_whole():
    def said(reply: Reply) -> str:
        table = Table(find("kuhn-poker-v0"), 0)
        table.answer([reply])
        return table.asks[0].seat

    run_on = "bet\nI have the king"
    assert said(Reply(run_on, "K beats J Q", finish="length")) == "second"
    assert said(Reply(run_on, finish="length")) == "first"
    assert said(Reply(run_on)) == "first"
