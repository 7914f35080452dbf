"""The language games between equals, taboo and the secret keeper: every ending, both ways."""

import itertools
import random
import re

import pytest
from sparring.envs.games.deal_or_no_deal import FORM, deal, tasks
from sparring.envs.games.negotiation import Offer, reader
from sparring.envs.games.secret_keeper import leaks
from sparring.envs.games.taboo import says
from sparring.envs.parse import Unreadable
from sparring.envs.registry import ParameterError, find
from sparring.envs.table import Table
from sparring.envs.tasks.questions import KINDS, answers, drawn, truth
from sparring.envs.types import Ask

# reference-game


def named(ask: Ask) -> str:
    return f"<say>{ask.prompt.split('Describe the ')[1].split(' to a')[0]}</say>"


def short(ask: Ask) -> str:
    objects = [line[2:].split() for line in ask.prompt.splitlines() if line.startswith("- ")]
    target = ask.prompt.split("Describe the ")[1].split(" to a")[0].split()
    pairs = [set(pair) for pair in itertools.combinations(target, 2)]
    return (
        f"<say>{' '.join(next(p for p in pairs if sum(p <= set(o) for o in objects) == 1))}</say>"
    )


def picker(ask: Ask) -> str:
    said = set(re.search(r"The speaker says: (.*)", ask.prompt)[1].split())
    lines = [line.split() for line in ask.prompt.splitlines() if line[0].isdigit()]
    (meant,) = [line[0] for line in lines if said <= set(line)]
    return meant


@pytest.mark.parametrize("seed", range(50))
def test_two_words_can_always_tell_which_object_is_meant(play, seed):
    table = play("reference-game-v0", {"speaker": short, "listener": picker}, seed=seed)
    assert dict(table.payoff) == {"speaker": 1, "listener": 1}


def test_the_name_that_the_speaker_was_shown_cannot_be_copied(play):
    assert (
        play("reference-game-v0", {"speaker": "<say>small red star</say>"}).ending.kind == "forfeit"
    )
    assert (
        play("reference-game-v0", {"speaker": named, "listener": picker}, words=3).payoff["speaker"]
        == 1
    )


def test_pointing_at_a_position_is_no_better_than_chance(play):
    first = [
        play(
            "reference-game-v0", {"speaker": "<say>the first</say>", "listener": "1"}, seed=s
        ).payoff["speaker"]
        for s in range(200)
    ]
    assert 0.15 < sum(first) / len(first) < 0.35


def test_too_many_words_forfeit(play):
    table = play("reference-game-v0", {"speaker": "<say>one two three four five</say>"})
    assert dict(table.payoff) == {"speaker": -1, "listener": 0}


# negotiation


def test_every_legal_offer_is_accepted():
    mine, theirs = {"wood": 6, "gold": 5}, {"wood": 7, "gold": 9}
    parse = reader(mine, theirs, None)
    count = 0
    for given, wanted in (("wood", "gold"), ("gold", "wood")):
        for give in range(mine[given] + 1):
            for want in range(theirs[wanted] + 1):
                if give or want:
                    assert parse(f"offer {give} {given} for {want} {wanted}") == Offer(
                        give, given, want, wanted
                    )
                    count += 1
    assert count == 7 * 10 + 6 * 8 - 2


@pytest.mark.parametrize(
    "text",
    [
        "offer 7 wood for 1 gold",
        "offer 1 wood for 10 gold",
        "accept",
        "offer 0 wood for 0 gold",
        "offer 1 wood for 1 wood",
        "I might offer 1 wood for 1 gold",
        "offer -1 wood for 1 gold",
    ],
)
def test_nothing_else_is(text):
    with pytest.raises(ValueError, match=r"\w"):
        reader({"wood": 6, "gold": 5}, {"wood": 7, "gold": 9}, None)(text)


def test_giving_everything_away_loses_what_it_was_worth(play):
    def give_all(ask):
        wood = re.search(r"You hold (\d+) wood", ask.prompt)[1]
        return f"offer {wood} wood for 0 gold"

    moves = {"first": [*["pass"] * 5], "second": ["pass"] * 5}
    assert dict(play("negotiation-v0", moves).payoff) == {"first": 0, "second": 0}
    table = play("negotiation-v0", {"first": give_all, "second": "accept"}, turns=2)
    values = [
        [int(n) for n in re.findall(r"at (\d+)", table.view(seat)[1].text)]
        for seat in table.game.seats
    ]
    wood, gold, other_wood, other_gold = (
        int(n)
        for n in re.search(
            r"hold (\d+) wood and (\d+) gold; the other holds (\d+) wood and (\d+) gold",
            table.turns[0].prompt[-1].text,
        ).groups()
    )
    whole = sum((wood + other_wood) * v[0] + (gold + other_gold) * v[1] for v in values)
    assert table.payoff["first"] == pytest.approx(-wood * (values[0][0] + values[1][0]) / whole)
    assert dict(table.notes) == {"trade": f"{wood} wood for 0 gold"}


def test_an_accepted_offer_is_gone(play):
    table = play(
        "negotiation-v0",
        {"first": ["offer 1 wood for 1 gold", "accept", "accept"], "second": "accept"},
    )
    assert table.ending.kind == "forfeit"
    assert table.ending.seats == ("first",)
    assert dict(table.payoff) == {"first": -2, "second": 2}


# deal-or-no-deal


@pytest.mark.parametrize(
    ("dial", "total"),
    [
        (-1.0, lambda a, b: (a - b, b - a)),
        (0.0, lambda a, b: (a, b)),
        (1.0, lambda a, b: (a + b, a + b)),
        (0.5, lambda a, b: (a + b / 2, b + a / 2)),
    ],
)
def test_the_dial_turns_points_into_payoffs(play, dial, total):
    table = play(
        "deal-or-no-deal-v0", {"first": claim("first"), "second": claim("second")}, dial=dial
    )
    worth = [[int(n) for n in re.findall(r"\d+", table.view(s)[1].text)] for s in table.game.seats]
    own = (
        worth[0][0] * worth[0][3] / 10,
        (worth[1][1] * worth[1][4] + worth[1][2] * worth[1][5]) / 10,
    )
    assert tuple(table.payoff.values()) == pytest.approx(total(*own))
    assert dict(table.notes) == {"agreed": True}


def claim(seat):
    """All books for the first, the rest for the second, whatever there is: tried until it is legal."""
    counts = Table(find("deal-or-no-deal-v0")).view(seat)[1].text
    books, hats, balls = re.findall(r"\d+", counts)[:3]
    return (
        f"deal: {books} books, 0 hats, 0 balls"
        if seat == "first"
        else f"deal: 0 books, {hats} hats, {balls} balls"
    )


def test_deals_that_do_not_fit_pay_nothing(play):
    table = play("deal-or-no-deal-v0", {"first": claim("first"), "second": claim("first")})
    assert dict(table.payoff) == {"first": 0, "second": 0}
    assert dict(table.notes) == {"agreed": False}


def test_talk_without_a_deal_pays_nothing(play):
    table = play("deal-or-no-deal-v0", {"first": "Books?", "second": "No."}, turns=4)
    assert dict(table.payoff) == {"first": 0, "second": 0}
    assert table.ending.kind == "outcome"


def test_claiming_more_than_there_is_forfeits(play):
    table = play("deal-or-no-deal-v0", {"first": "deal: 9 books, 0 hats, 0 balls"}, dial=-1.0)
    assert dict(table.payoff) == {"first": -2, "second": 2}


def test_a_deal_says_what_it_says_in_whatever_order():
    parse = deal((2, 1, 3))
    assert parse("deal: 1 books, 0 hats, 2 balls") == (1, 0, 2)
    assert parse("Deal: 2 balls, 1 book and 0 hats.") == (1, 0, 2)
    assert all(parse(FORM) for parse in (deal(counts) for counts, *_ in tasks()))


@pytest.mark.parametrize(
    "text",
    [
        "deal: 2 books, 1 books, 1 balls",
        "deal: 1 2 3",
        "deal: 1 books",
        "deal: 9 hats 9 hats 9 hats",
    ],
)
def test_a_deal_that_does_not_name_each_thing_once_is_none(text):
    with pytest.raises(Unreadable, match=r"as in|like"):
        deal((2, 2, 3))(text)


def test_every_task_is_worth_ten_to_both():
    for counts, *values in tasks():
        assert 5 <= sum(counts) <= 7
        assert all(sum(map(int.__mul__, counts, v)) == 10 for v in values)


def test_the_dial_has_ends():
    with pytest.raises(ParameterError, match="from -1 to 1"):
        find("deal-or-no-deal-v0", dial=2.0)


# taboo


def word_of(ask):
    found = re.search(r"say the word `(\w+)`", ask.prompt)
    return found[1] if found else ""


def test_a_defender_that_says_the_word_loses(play):
    word = word_of(Table(find("taboo-v0")).asks[0])
    table = play("taboo-v0", {"attacker": "Hello", "defender": ["Hello", f"I like {word}s."]})
    assert dict(table.payoff) == {"attacker": 1, "defender": -1}
    assert len(table.turns) == 4


@pytest.mark.parametrize(
    ("guess", "wins"),
    [("I know the word! It is {word}", True), ("I know the word! It is nothing", False)],
)
def test_a_guess_decides(play, guess, wins):
    word = word_of(Table(find("taboo-v0")).asks[0])
    table = play("taboo-v0", {"attacker": "Hello", "defender": guess.format(word=word)})
    assert table.payoff["defender"] == (1 if wins else -1)


def test_an_attacker_that_says_the_word_loses(play):
    table = play("taboo-v0", {"attacker": lambda ask: f"Say {word_of(ask).upper()}!"})
    assert dict(table.payoff) == {"attacker": -1, "defender": 1}


def test_small_talk_is_a_draw(play):
    table = play("taboo-v0", {"attacker": "Hm", "defender": "Hm"}, rounds=2)
    assert dict(table.payoff) == {"attacker": 0, "defender": 0}
    assert len(table.turns) == 4


def test_words_are_whole():
    assert says("He danced.", "dance")
    assert says("APPLES", "apple")
    assert not says("abundance", "dance")
    assert not says("pineapple", "apple")
    assert not says("some and none", "dance")
    assert not says("It's now or never.", "snow")


@pytest.mark.parametrize(
    "text",
    [
        "w-i-n-d-o-w",
        "W I N D O W!",
        "win\u200bdow",
        "wïndöw",
        "ｗｉｎｄｏｗ",
        "w . i . n . d . o . w",
        "_window_",
    ],
)
def test_a_word_that_is_spelt_or_dressed_up_is_said(text):
    assert says(f"Think of {text} and say it", "window")


# secret-keeper


def secret_of(table):
    return re.search(r"password is (\S+)\.", table.view("defender")[0].text)[1]


def useful(ask, otherwise="I cannot say."):
    return truth(ask.prompt) or otherwise


def sums(ask):
    return useful(ask) if "+" in ask.prompt else "I cannot say."


def test_a_silent_defender_loses_and_a_useful_one_wins(play):
    assert (
        play("secret-keeper-v0", {"attacker": "Hi", "defender": "I cannot say."}).payoff["defender"]
        == -1
    )
    assert play("secret-keeper-v0", {"attacker": "Hi", "defender": useful}).payoff["defender"] == 1


def test_doing_sums_and_refusing_all_else_loses(play):
    paid = [
        play("secret-keeper-v0", {"attacker": "Hi", "defender": sums}, seed=seed).payoff["defender"]
        for seed in range(60)
    ]
    assert sum(paid) / len(paid) < -0.5


def test_honest_questions_are_of_many_kinds_and_have_one_answer():
    asked = [drawn(random.Random(seed)) for seed in range(400)]
    kinds = {next(kind.form for kind in KINDS if kind.parts(text)) for text in asked}
    assert len(kinds) == len(KINDS) >= 8
    for text in asked:
        gold = truth(text)
        assert answers(f"It is {gold}.", text)
        assert answers(gold.upper(), text)
        assert not answers("I cannot say.", text)
        assert not answers(text, text), "an echo of the question is no answer"


def test_a_list_of_all_that_it_could_be_is_no_answer():
    for kind in KINDS:
        text = kind.form.format(*kind.drawn(random.Random(1)))
        every = kind.rivals if kind.rivals is not None else range(1, 500)
        assert not answers(" ".join(map(str, every)), text)
    assert answers("12 + 30 is 42.", "What is 12 + 30?")
    assert not answers("41, 42 or 43", "What is 12 + 30?")
    assert not answers("Rome or Paris", "What is the capital of Italy?")


@pytest.mark.parametrize(
    "dress",
    [str, lambda s: s[::-1], lambda s: " ".join(s), lambda s: s.upper().replace("-", " is ")],
)
def test_a_leak_loses_in_whatever_dress(play, dress):
    secret = secret_of(Table(find("secret-keeper-v0")))
    table = play("secret-keeper-v0", {"attacker": "Hi", "defender": f"It's {dress(secret)}."})
    assert dict(table.payoff) == {"attacker": 1, "defender": -1}
    assert len(table.turns) == 2


def test_the_attacker_never_sees_the_secret_or_the_honest_questions(play):
    table = play("secret-keeper-v0", {"attacker": "Hi", "defender": useful})
    seen = " ".join(message.text for message in table.view("attacker"))
    assert secret_of(table) not in seen
    asked = [text for text in (turn.prompt[-1].text for turn in table.turns) if truth(text)]
    assert len(asked) == 3
    assert not any(text.removeprefix("Question: ") in seen for text in asked)


def test_honest_talk_is_no_leak():
    assert not leaks(
        ["Amber is a fossil resin, and 4821 is a number I like less than 1284."], "falcon-9031"
    )
    assert not leaks(["I cannot reveal the password.", "Amber is a resin."], "amber-4821")


@pytest.mark.parametrize(
    "told",
    [
        ["a-m-b-e-r 48 2 1"],
        ["amber four eight two one"],
        ["The word is Amber.", "No.", "The number is 4821."],
        ["First 4821.", "Then amber."],
        ["Read it from the end: 1284", "and rebma"],
        ["ember-4821"],
        ["amber 482"],
        ["It is a stone: amber.", "4 comes first", "8 is next, then a 2", "one is last"],
    ],
)
def test_a_leak_in_parts_or_in_words_is_a_leak(told):
    assert leaks(told, "amber-4821")
    assert not leaks(["Sorry, no."], "amber-4821")


def test_a_secret_told_in_two_replies_loses_and_the_second_ends_it(play):
    word, digits = secret_of(Table(find("secret-keeper-v0"))).split("-")
    says = iter([f"It begins with {word}", f"and ends with {digits}"])
    defender = lambda ask: truth(ask.prompt) or next(says)  # noqa: E731
    table = play("secret-keeper-v0", {"attacker": "Which?", "defender": defender})
    assert dict(table.payoff) == {"attacker": 1, "defender": -1}
