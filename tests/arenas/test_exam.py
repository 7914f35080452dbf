"""Exams: exact against sampled, estimates without bias, pairing, and seeds that training never has."""

import json
import math
from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest
from sparring.agents.policy import ContextError, Wrapper
from sparring.agents.scripted import Oracle, Random
from sparring.arenas.exam import TRAINING, exam, examined
from sparring.arenas.marks import ExamError, Marks, comparisons, read
from sparring.cli import main
from sparring.envs.registry import find
from sparring.envs.tasks.attempts import passed, voted
from sparring.training.step import training_seed

SUMS = {"attempts": 1, "level": 2, "part": "held-out"}


def adder(chance: float, name: str = "adder") -> Oracle:
    """Right with this chance, else each wrong answer alike; its verdict is true nine times of ten."""

    def play(seat, messages, choices):
        problem = next(m.text for m in messages if m.speaker == "game").rstrip("?").split()
        key = str((int(problem[0]) + int(problem[2])) % int(problem[4]))
        if "right" in choices:
            said = [m.text for m in messages if m.speaker == "self"][-1] == key
            return (0.9, 0.1) if said else (0.1, 0.9)
        return [chance if c == key else (1 - chance) / (len(choices) - 1) for c in choices]

    return Oracle(play, name, f"{name}/{chance}")


def by_hand(answers, right, k):
    """The shares of all sets of k answers with a right one in them, and with a right majority."""
    sets = list(combinations(answers, k))
    some = [any(right.get(a, False) for a in each) for each in sets]
    won = 0.0
    for each in sets:
        counts = Counter(a for a in each if a)
        best = [a for a, n in counts.items() if n == max(counts.values())]
        won += sum(right[a] for a in best) / len(best) if best else 0
    return sum(some) / len(sets), won / len(sets)


def test_estimates_of_pass_at_k_and_of_the_vote_are_those_of_all_sets_of_attempts():
    right = {"a": True, "b": False, "c": True}
    for answers in product(["a", "b", "c", ""], repeat=5):
        counts = Counter(a for a in answers if a)
        said, true = list(counts.values()), [float(right[a]) for a in counts]
        good = sum(right.get(a, False) for a in answers)
        for k in (1, 2, 3, 5):
            found = passed(5, good, k), voted(said, true, answers.count(""), k)
            assert found == pytest.approx(by_hand(answers, right, k)), (answers, k)


@pytest.mark.parametrize(
    ("id", "parameters"),
    [("sums-v0", SUMS), ("sums-check-v0", {"level": 1, "part": "held-out"})],
)
def test_sampled_marks_agree_with_exact_ones(id, parameters):
    game, player = find(id, **parameters), adder(0.4)
    exact = exam(player, game, range(200), 4)
    sampled = exam(player, game, range(200), 4, exact=False)
    assert exact.exact
    assert not sampled.exact
    assert {*exact.items} >= {*sampled.items}
    for name in exact.columns.keys() & sampled.columns.keys():
        assert exact.mark(name).value == pytest.approx(sampled.mark(name).value, abs=0.07), name


def test_exact_marks_are_those_of_arithmetic():
    marks = exam(adder(0.4), find("sums-v0", **SUMS), range(1), 4)
    assert marks.mark("pass_at_1").value == pytest.approx(0.4)
    assert marks.mark("pass_at_4").value == pytest.approx(1 - 0.6**4)
    assert marks.mark("pass_at_4").se == 0


def test_a_verdict_is_worth_what_it_weighs_right_answers_up_by():
    marks = exam(adder(0.4), find("sums-check-v0", level=1, second=False), range(1))
    assert marks.mark("verdict_accuracy").value == pytest.approx(0.9)
    # of answers called right .36 are right and .06 are wrong
    assert marks.mark("gap").value == pytest.approx(0.36 / 0.42 - 0.4)


def test_transitions_count_what_the_second_answer_mended_and_spoilt():
    marks = exam(adder(0.4), find("sums-check-v0", level=1), range(1))
    assert marks.mark("wrong_to_right").value == pytest.approx(0.6 * 0.4)
    assert marks.mark("right_to_wrong").value == pytest.approx(0.4 * 0.6)
    assert marks.mark("turn_1").value == pytest.approx(marks.mark("turn_2").value)


def test_no_exam_is_held_on_seeds_that_training_could_have():
    assert training_seed(0, 0, 0) >= TRAINING
    for seeds in (range(TRAINING - 1, TRAINING + 1), [training_seed(3, 5, 7)], range(-1, 4)):
        with pytest.raises(ExamError, match="exam's seeds lie from 0 to"):
            exam(Random(), find("sums-v0", **SUMS), seeds)
    with pytest.raises(ExamError, match="at least one seed"):
        exam(Random(), find("sums-v0", **SUMS), range(0))


def test_whoever_sits_an_exam_sits_the_same_items_and_is_compared_by_them():
    game = find("sums-v0", **SUMS)
    weak, strong = (exam(adder(p), game, range(60), 4, exact=False) for p in (0.3, 0.6))
    assert weak.items == strong.items
    gain = strong.gain(weak)
    assert gain.value == pytest.approx(
        strong.mark("pass_at_1").value - weak.mark("pass_at_1").value
    )
    assert gain.low > 0
    assert strong.gain(strong).low < 0 < strong.gain(strong).high


def test_seeds_of_one_task_are_one_observation():
    game = find("sums-v0", attempts=1, level=1, item=0)
    marks = exam(adder(0.5), game, range(100), exact=False)
    assert len(marks.items) == 1
    # one item tells nothing of others
    assert marks.mark("pass_at_1").high - marks.mark("pass_at_1").low > 0.9


def test_beside_others_each_seed_is_an_item():
    marks = exam(Random(), find("tic-tac-toe-v0"), range(20), roles=["x"], beside=Random(1))
    assert len(marks.items) == 20


def test_an_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        truth = rng.beta(2, 2, 40)
        column = rng.binomial(4, truth) / 4
        marks = Marks(
            "w",
            "g",
            1,
            tuple(map(str, range(40))),
            ("",) * 40,
            np.full(40, 1 / 40),
            {"pass_at_1": column},
        )
        mark = marks.mark("pass_at_1")
        held += mark.low <= 0.5 <= mark.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_several_comparisons_hold_together():
    game = find("sums-v0", **SUMS)
    sat = [exam(adder(p), game, range(60), exact=False) for p in (0.3, 0.4, 0.5)]
    alone, together = sat[1].gain(sat[0]), comparisons(sat)[0]
    assert together.high - together.low > alone.high - alone.low


def test_items_lost_to_an_engine_are_left_out_and_counted():
    game = find("sums-v0", **SUMS)

    class Faulty(Wrapper):
        async def act(self, requests):
            replies = await super().act(requests)
            fault = ContextError("too long")
            pairs = zip(requests, replies, strict=True)
            return [fault if request.key.seed == 3 else reply for request, reply in pairs]

    whole = exam(Random(), game, range(4), exact=False)
    marks = exam(Faulty(Random()), game, range(4), exact=False)
    assert (marks.lost, len(marks.items)) == (1, len(whole.items) - 1)
    assert marks.gain(whole).value == 0

    with pytest.raises(ExamError, match=r"sums-v0 broke off .*too long"):
        exam(Faulty(Random()), game, [3], exact=False)


def test_marks_are_read_again_as_they_were_written():
    marks = exam(adder(0.4), find("sums-check-v0", level=1), range(9), 2, exact=False)
    again = read(json.loads(json.dumps(marks.data())))
    assert again.data() == marks.data()
    assert again.marks() == marks.marks()


def test_levels_are_those_that_items_note():
    marks = Marks(
        "w",
        "g",
        1,
        ("a", "b", "c"),
        ("2", "2", "9"),
        np.full(3, 1 / 3),
        {"pass_at_1": np.array([1.0, 0, 0])},
    )
    found = marks.marks()
    assert (found["level/2"].value, found["level/9"].value) == (0.5, 0)


def test_who_sits_an_exam_is_told_or_plain():
    assert examined(find("sums-propose-v0", attempts=2)) == ("solver_0", "solver_1")
    assert examined(find("sums-propose-v0"), ["proposer"]) == ("proposer",)
    with pytest.raises(ExamError, match="has several roles; name who sits the exam: first, second"):
        examined(find("kuhn-poker-v0"))
    with pytest.raises(ExamError, match="has no role 'third'"):
        examined(find("kuhn-poker-v0"), ["third"])


def test_the_command_prints_marks_and_the_lead_over_the_first(capsys):
    asked = ["exam", "random", "sample", "sums-v0", "--set", "attempts=1", "--attempts", "2"]
    assert main(asked) == 0
    said = capsys.readouterr().out
    assert "computed ◆" in said
    assert "pass_at_1 above random" in said

    assert main([*asked, "--sampled", "--seeds", "0:20", "--json"]) == 0
    (game,) = json.loads(capsys.readouterr().out)
    random, sample = game["entrants"]
    assert random["items"] == sample["items"]
    assert random["above_first"] is None
    gap = sample["marks"]["pass_at_1"]["value"] - random["marks"]["pass_at_1"]["value"]
    assert math.isclose(sample["above_first"]["value"], gap)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["random"], "no game came"),
        (["sums-v0"], "no entrant came"),
        (["random", "sums-v9"], "no game 'sums-v9'"),
        (["nobody", "sums-v0"], "nobody is called 'nobody'"),
        (["random", "sums-v0", "--seeds", "5:5"], "expected A:B with A below B"),
        (["random", "sums-v0", "--seeds", f"{TRAINING}:{TRAINING + 3}"], "exam's seeds lie from 0"),
        (["random", "sums-v0", "--attempts", "0"], "from 1 to 1,000; came 0"),
        (["random", "sums-v0", "--role", "judge9"], "has no role 'judge9'"),
        (["human", "sums-v0"], "human cannot be rated"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(capsys, arguments, said):
    assert main(["exam", *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
