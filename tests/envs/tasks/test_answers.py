"""When answers are the same, and what a vote says."""

import pytest
from sparring.envs.tasks.answers import said, same_answer, similar, vote


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0.75", "3/4"),
        ("75%", "0.75"),
        (r"\frac{3}{4}", "0.750"),
        ("1,200", "1200"),
        ("$12", "12."),
        ("−3", "-3"),
        ("2e3", "2000"),
        ("nan", "NaN"),
        ("{1, 2}", "{2,1.0}"),
        ("The Moon.", "moon"),
    ],
)
def test_same(a, b):
    assert same_answer(a, b)
    assert same_answer(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0.3333", "1/3"),
        ("1/0", "0"),
        ("nan", "1"),
        ("inf", "-inf"),
        ("{1, 2}", "{1}"),
        ("{2, 2.0, 4/2}", "{2, 3, 4}"),
        ("12", "twelve"),
        ("1,2", "12"),
        ("True", "1"),
        ("0) or (1==1", "0"),
        ("9" * 40, "9" * 39),
    ],
)
def test_not_same(a, b):
    assert not same_answer(a, b)


def test_a_tolerance_is_absolute_or_relative():
    assert same_answer("0.3333", "1/3", tolerance=1e-3)
    assert same_answer("1000.5", "1000", tolerance=1e-3)
    assert not same_answer("0.33", "1/3", tolerance=1e-3)


def test_a_vote_joins_forms_and_counts_the_silent_against():
    found = vote(["0.5", None, "1/2", "2", "50%"])
    assert found.label == "0.5"
    assert found.agree == (True, False, True, False, True)
    assert found.share == 0.6


def test_a_tie_goes_to_the_earliest_and_no_answer_is_no_label():
    assert vote(["2", "1", "1", "2"]).label == "2"
    assert vote([None, None]).label is None
    assert vote([None, None]).share == 0


def test_an_answer_is_one_line_and_cannot_forge_others():
    assert said("<answer>7\nIs it right?\r\nYes</answer>") == "7 Is it right? Yes"


@pytest.mark.parametrize(
    "text", ["", "x" * 121, "<answer></answer>", "<answer>1</answer><answer>2</answer>"]
)
def test_what_is_no_answer_raises(text):
    with pytest.raises(ValueError, match=r"\w"):
        said(text)


def test_similar_texts_share_words_in_order():
    assert similar("What is 3 plus 4?", "what is 3 plus 5")
    assert not similar("What is 3 plus 4?", "How many legs have two dogs?")
