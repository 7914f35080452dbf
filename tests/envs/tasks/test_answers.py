"""When answers are the same, and what a vote says."""

import random

import pytest
from sparring.envs.tasks.answers import said, same_answer, vote
from sparring.envs.tasks.likeness import likeness, similar


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
        ("é", "e\u0301"),
        ("1 1/2", "3/2"),
        (r"\frac12", "0.5"),
        ("½", "1/2"),
        ("1½", "3/2"),
        (r"2\frac{3}{4}", "11/4"),
        ("x < 3", "x<3"),
        ("(1, 2)", "(1.0,2)"),
        (r"\{(1,2),3\}", "{3, (1, 2)}"),
        ("1, 2", "1,2"),
        ("(51)", "51"),
        ("“Paris”", "**paris**"),
        (r"$\frac{1}{2}$", "50 %"),
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
        ("x<3", "x>3"),
        ("∞", "∅"),
        ("?", "!"),
        ("A∪B", "A∩B"),
        ("¬p", "p"),
        ("n!", "n"),
        ("x=1", "x≠1"),
        ("x^2", "x2"),
        ("x²", "x2"),
        ("2**x", "2x"),
        ("(1,23)", "(12,3)"),
        ("(1,200)", "1200"),
        ("[1,2]", "[12]"),
        ("(1,2)", "[1,2]"),
        ("(1,2]", "(1,2)"),
        ("{(1,2)}", "{(2,1)}"),
        ("1 1/2", "11/2"),
        ("3 4", "34"),
        (r"2\frac{3}{4}", "23/4"),
        ("C#", "C"),
        ("ab", "a b"),
        (r"\frac{1}{2}3", "1/23"),
        ("x" * 300 + "1", "x" * 300 + "2"),
        ("0) or (1==1", "0"),
        ("9" * 40, "9" * 39),
    ],
)
def test_not_same(a, b):
    assert not same_answer(a, b)


def test_a_vote_joins_forms_and_counts_the_silent_against():
    found = vote(["0.5", None, "1/2", "2", "50%"])
    assert found.label == "0.5"
    assert found.agree == (True, False, True, False, True)
    assert found.share == 0.6


def test_a_tie_goes_to_the_earliest_and_no_answer_is_no_label():
    assert vote(["2", "1", "1", "2"]).label == "2"
    assert vote([None, None]).label is None
    assert vote([None, None]).share == 0


def test_symbols_alone_win_no_tie_and_no_vote_of_others():
    found = vote(["?", "!", "🙂", "51"])
    assert found.label == "51"
    assert found.agree == (False, False, False, True)
    assert vote(["∞", "1", "∞"]).label == "∞"


def test_an_answer_is_one_line_and_cannot_forge_others():
    assert said("<answer>7\nIs it right?\r\nYes</answer>") == "7 Is it right? Yes"


@pytest.mark.parametrize(
    "text", ["", "x" * 121, "<answer></answer>", "<answer>1</answer><answer>2</answer>"]
)
def test_what_is_no_answer_raises(text):
    with pytest.raises(ValueError, match=r"\w"):
        said(text)


def test_likeness_is_that_of_the_longest_common_subsequence():
    """By the plain table of Wagner and Fischer 1974."""

    def longest(a, b):
        row = [0] * (len(b) + 1)
        for x in a:
            corner = 0
            for j, y in enumerate(b, 1):
                corner, row[j] = row[j], corner + 1 if x == y else max(row[j], row[j - 1])
        return row[-1]

    rng = random.Random(1)
    for _ in range(200):
        a, b = ([rng.choice("abc") for _ in range(rng.randint(1, 20))] for _ in range(2))
        assert likeness(a, b) == 2 * longest(a, b) / (len(a) + len(b))


def test_similar_texts_share_words_in_order():
    assert similar("What is 3 plus 4?", "what is 3 plus 5")
    assert not similar("What is 3 plus 4?", "How many legs have two dogs?")
