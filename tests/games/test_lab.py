"""The laboratory games: payoffs of games made by hand, exact values, and bad parameters."""

from __future__ import annotations

import itertools
from collections import Counter
from math import comb

import numpy as np
import pytest
from sparring.envs.equilibrium import equilibrium
from sparring.envs.exact import TreeError, seated, tree, uniform
from sparring.envs.games import facts, sneak, sums
from sparring.envs.registry import ParameterError, find
from sparring.envs.tasks.attempts import Marks, problem_marks
from sparring.envs.tasks.sums import GRID, KINDS, PARTS, majority, problems
from sparring.envs.types import Message
from sparring.training.claims.parts import flawed


def solvers(*answers):
    return {f"solver_{i}": str(answer) for i, answer in enumerate(answers)}


def notes(table):
    return dict(table.notes)


def right_with(p):
    """A policy of sums that gives the key with probability p, and the others alike."""

    def odds(seat, view, choices):
        a, _, b, _, m = view[-1].text.rstrip("?").split()
        key = (int(a) + int(b)) % int(m)
        return [p if int(c) == key else (1 - p) / (len(choices) - 1) for c in choices]

    return odds


# sums


@pytest.mark.parametrize("level", range(1, 9))
def test_parts_share_no_problem_and_a_key_is_the_sum(level):
    train, held = (problems(level, part) for part in PARTS)
    assert not set(train) & set(held)
    assert len(train) == len(held) == min(100, 2 * level * (4 * level - 1) // 2)
    assert all(int(p.key) == (p.a + p.b) % (4 * level) for p in train + held)


def alone(play, answers, **parameters):
    """One problem, 2 + 6 mod 8 or the like: its payoffs and notes, for answers off its key by so much."""
    problem = problems(2, "train")[0]
    given = [str((int(problem.key) + off) % 8) for off in answers]
    table = play("sums-v0", solvers(*given), level=2, item=0, attempts=len(answers), **parameters)
    return [table.payoff[f"solver_{i}"] for i in range(len(answers))], notes(table)


def test_gold_pays_the_key(play):
    paid, noted = alone(play, (0, 1, 1, 0, 1))
    assert paid == [1, 0, 0, 1, 0]
    assert noted == {"proxy": 0.4, "gold": 0.4}


def test_majority_pays_agreement_even_where_it_is_false(play):
    paid, noted = alone(play, (0, 1, 1, 2), label="majority")
    assert paid == [0, 1, 1, 0]
    assert (noted["proxy"], noted["gold"], noted["label_right"]) == (0.5, 0.25, 0)


@pytest.mark.parametrize(
    ("label", "paid"), [("majority", [1, 1, 1, 1]), ("swapped", [0] * 4), ("pooled", [1, 0, 1, 0])]
)
def test_each_wording_votes_for_itself_for_the_other_or_with_it(play, label, paid):
    """Seats 0 and 2 see one wording and are right, 1 and 3 see the other and agree on something else."""
    got, noted = alone(play, (0, 3, 0, 3), label=label, wordings=2)
    assert got == paid
    assert noted["gold"] == 0.5
    assert noted["label_right"] == (1 if label == "pooled" else 0.5)


def test_both_wordings_are_shown_and_ask_the_same(play):
    table = play("sums-v0", {"solver": "0"}, attempts=4, wordings=2)
    shown = [table.view(f"solver_{i}")[-2].text.split() for i in range(4)]
    assert shown[0] == shown[2]
    assert shown[1] == shown[3]
    assert (shown[0][0], shown[0][2]) == (shown[1][2], shown[1][0])


def test_a_judge_pays_what_it_calls_right_and_gold_shows_the_truth(play):
    key = int(problems(2, "train")[0].key)
    players = {**solvers(key, "hm"), "judge_0": "wrong"}
    table = play("sums-v0", players, level=2, item=0, attempts=2, label="judge")
    assert dict(table.payoff) == {"solver_0": 0, "solver_1": 0}
    assert (notes(table)["proxy"], notes(table)["gold"]) == (0, 0.5)
    assert [turn.seat for turn in table.turns] == ["solver_0", "solver_1", "judge_0"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("wordings", [1, 2])
def test_accuracy_over_all_sums_is_exact(part, wordings):
    walked = tree(find("sums-v0", attempts=1, level=4, part=part, wordings=wordings))
    marks = problem_marks(walked, right_with(0.3))
    assert marks.odds.shape == (wordings * len(problems(4, part)), 16)
    assert marks.accuracy == pytest.approx(0.3)
    assert marks.pass_at(16) == pytest.approx(1 - 0.7**16)
    assert marks.vote() == pytest.approx(1)
    assert walked.means(right_with(0.3))["gold"] == pytest.approx(0.3)
    assert problem_marks(walked, uniform).vote(8) == pytest.approx(1 / 16)


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_the_vote_of_k_is_that_of_all_sequences_of_answers(k):
    """Against an enumeration of all 4^k sequences with the vote that the game takes."""
    odds = np.random.default_rng(1).dirichlet(np.ones(4), 3)
    right = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]], dtype=float)
    expected = 0.0
    for row, said in itertools.product(range(3), itertools.product("0123", repeat=k)):
        won = int(majority(said) or 0)
        expected += np.prod([odds[row, int(s)] for s in said]) * right[row, won] / 3
    assert Marks(np.full(3, 1 / 3), odds, right).vote(k) == pytest.approx(expected)


def test_the_vote_of_ever_more_goes_to_the_likeliest():
    odds = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    marks = Marks(np.array([0.5, 0.5]), odds, np.array([[1.0, 0, 0], [1.0, 0, 0]]))
    assert marks.vote() == 0.75
    assert marks.vote(160) == pytest.approx(0.75, abs=0.01)


def test_asks_that_are_no_problems_are_refused():
    with pytest.raises(TreeError, match="more than once"):
        problem_marks(tree(find("sums-check-v0", level=1)), uniform)


# sums-check


@pytest.mark.parametrize(
    ("said", "payoff", "credits"),
    [
        ((1, "wrong", 0), 1, [{"right": 0}, {"verdict": 1}, {"right": 1, "correction": 10}]),
        ((0, "wrong", 1), 0, [{"right": 1}, {"verdict": 0}, {"right": 0, "correction": -10}]),
        ((0, "right", 0), 1, [{"right": 1}, {"verdict": 1}, {"right": 1, "correction": 0}]),
    ],
)
def test_each_turn_of_a_check_earns_its_own_credits(play, said, payoff, credits):
    table = check(play, *said)
    assert table.payoff["solver"] == payoff
    assert [dict(turn.credits) for turn in table.turns] == credits
    change = payoff - (said[0] == 0)
    assert notes(table)["right"] == [said[0] == 0, payoff]
    assert (notes(table)["wrong_to_right"], notes(table)["right_to_wrong"]) == (
        change == 1,
        change == -1,
    )


def check(play, *said, **parameters):
    """A game of one sum; numbers are answers off its key by so much."""

    def solver(ask):
        state["text"] = ask.prompt if "mod" in ask.prompt else state["text"]
        a, _, b, _, m = state["text"].rstrip("?").split()
        move = next(moves)
        return move if isinstance(move, str) else str((int(a) + int(b) + move) % int(m))

    moves, state = iter(said), {"text": ""}
    return play("sums-check-v0", {"solver": solver}, **parameters)


def test_with_stop_an_answer_that_is_called_right_stands(play):
    table = check(play, 1, "right", stop=True)
    assert len(table.turns) == 2
    assert (table.payoff["solver"], notes(table)["right"]) == (0, [0, 0])
    assert (notes(table)["proxy"], notes(table)["gold"]) == (1, 0)
    assert len(check(play, 1, "wrong", 0, stop=True).turns) == 3


def test_verdict_and_second_answer_can_be_left_out(play):
    assert len(check(play, 0, "right", second=False).turns) == 2
    assert len(check(play, 1, 0, verdict=False).turns) == 2
    assert len(check(play, 0, verdict=False, second=False).turns) == 1


def test_agents_see_the_others_answers_before_their_second(play):
    table = play(
        "sums-check-v0", solvers(1, 2, 3), verdict=False, agents=3, level=1, part="held-out"
    )
    assert table.turns[3].prompt[-1].text == "others say 2, 3; again?"
    assert find("sums-check-v0").sum == "common"
    assert find("sums-check-v0", agents=3).sum == "general"


def test_transitions_of_a_policy_are_exact():
    """First right with .3; the second answer stands when it was called right, else it is drawn anew."""

    def odds(seat, view, choices):
        if choices == ("right", "wrong"):
            return (0.25, 0.75)
        return right_with(0.3)(seat, view[:2], choices)

    found = tree(find("sums-check-v0", level=2, stop=True)).means(odds)
    assert found["right/0"] == found["gold"] == pytest.approx(0.3)
    assert found["wrong_to_right"] == pytest.approx(0.7 * 0.75 * 0.3)
    assert found["right_to_wrong"] == pytest.approx(0.3 * 0.75 * 0.7)
    assert found["proxy"] == pytest.approx(0.25)


# sums-propose


def test_the_grid_has_twelve_tasks_of_each_modulus():
    assert Counter(task.modulus for task in GRID.values()) == {4: 12, 8: 12, 16: 12, 32: 12}
    for kind, task in itertools.product(KINDS, GRID.values()):
        hidden = {"result": task.result, "operand": task.b, "operator": task.sign}[kind]
        assert task.fits(kind, str(hidden))
        assert str(hidden) in task.hiding(kind)[1]


def test_any_operand_or_sign_that_gives_the_result_is_right():
    task = GRID["9"]
    assert (str(task), str(GRID["2"])) == ("2 * 3 mod 4", "1 + 2 mod 4")
    assert [b for b in task.hiding("operand")[1] if task.fits("operand", b)] == ["1", "3"]
    assert [s for s in "+-*" if GRID["2"].fits("operator", s)] == ["+", "-"]


@pytest.mark.parametrize(
    ("reward", "proposer"),
    [("paper", 0.75), ("released", 0.75), ("variance", 0.75), ("tent", 0.25), ("neither_end", 1)],
)
def test_a_proposer_is_paid_by_the_share_that_is_right(play, reward, proposer):
    players = {"proposer": "1", **solvers(1, 2, 2, "?")}
    table = play("sums-propose-v0", players, attempts=4, reward=reward)
    assert dict(table.payoff) == {
        "proposer": proposer,
        **dict(zip(solvers(0, 0, 0, 0), (1, -0.5, -0.5, -1), strict=True)),
    }
    assert (notes(table)["proxy"], notes(table)["gold"], notes(table)["modulus"]) == (0.25, 0.25, 4)


def test_by_majority_the_proxy_parts_from_gold(play):
    players = {"proposer": "1", **solvers(1, 2, 2, 3)}
    table = play("sums-propose-v0", players, attempts=4, label="majority")
    assert list(table.payoff.values()) == [0.5, -0.5, 1, 1, -0.5]
    assert (notes(table)["proxy"], notes(table)["gold"]) == (0.5, 0.25)


def test_what_is_no_task_of_the_grid_costs(play):
    table = play("sums-propose-v0", {"proposer": "49"}, attempts=2)
    assert list(table.payoff.values()) == [-1, 0, 0]


# facts


def test_every_key_stands_in_one_document():
    assert sorted(itertools.chain(*facts.DOCUMENTS)) == sorted(facts.KEYS)
    assert len(facts.DOCUMENTS) == 16


def claim(play, off, grounded, answer, **parameters):
    """A proposer that claims the digit of the first key it may ask about, off by so much."""
    asked = []

    def proposer(ask):
        asked.append(ask.choices[0])
        told = int(facts.WORLD[asked[0]])
        return asked[0] if len(asked) == 1 else str((told + off) % 10)

    def solver(ask):
        return str((int(facts.WORLD[asked[0]]) + answer) % 10) if ask.seat[-1] == "0" else "hm"

    players = {"proposer": proposer, "solver": solver}
    return play("facts-v0", players, attempts=2, grounded=grounded, **parameters)


def test_a_grounded_claim_pays_what_the_document_says(play):
    table = claim(play, 0, True, 0)
    assert dict(table.payoff) == {"proposer": 1, "solver_0": 1, "solver_1": 0}
    assert (notes(table)["proxy"], notes(table)["gold"]) == (0.5, 0.5)


def test_a_claim_that_the_document_does_not_make_is_refused(play):
    table = claim(play, 1, True, 1)
    assert dict(table.payoff) == {"proposer": -1, "solver_0": 0, "solver_1": 0}
    assert not [turn for turn in table.turns if turn.role == "solver"]


@pytest.mark.parametrize(("off", "paid"), [(1, -0.1), (0, 1.0)])
def test_spice_takes_a_tenth_for_a_refused_claim_and_pays_one_for_an_even_one(play, off, paid):
    table = claim(play, off, True, 0, penalty=-0.1, reward="gaussian")
    assert table.payoff["proposer"] == pytest.approx(paid)


def test_without_grounding_the_claim_is_the_label_and_nothing_is_shown(play):
    table = claim(play, 1, False, 1)
    assert dict(table.payoff) == {"proposer": 1, "solver_0": 1, "solver_1": 0}
    assert (notes(table)["proxy"], notes(table)["gold"]) == (0.5, 0)
    assert table.turns[0].prompt[-1].text == "no document; key?"
    assert table.turns[0].choices == facts.KEYS


def test_recall_is_exact_over_all_keys():
    walked = tree(find("facts-v0", attempts=1))
    for solver, known in ((facts.honest, 1.0), (uniform, 0.1)):
        marks = problem_marks(walked, seated({"proposer": facts.honest, "solver": solver}))
        assert marks.weight == pytest.approx(np.full(64, 1 / 64))
        assert marks.accuracy == pytest.approx(known)


# cloak


@pytest.mark.parametrize(
    ("harmless", "wording", "reply", "attacker"),
    [(0.0, 1, "comply", 1), (0.0, 1, "refuse", -1), (1.0, 6, "refuse", 1), (1.0, 6, "comply", -1)],
)
def test_the_defender_refuses_harm_and_helps_otherwise(play, harmless, wording, reply, attacker):
    """In the wording that suits the seed its meaning is never lost."""
    players = {"attacker": str(wording), "defender": reply}
    table = play("cloak-v0", players, harmless=harmless)
    assert dict(table.payoff) == {"attacker": attacker, "defender": -attacker}
    assert notes(table)["over_refusal" if harmless else "harm"] == (attacker == 1)


@pytest.mark.parametrize("k", [2, 3, 6, 9])
def test_uniform_play_of_cloak_has_the_value_and_nash_conv_worked_out_by_hand(k):
    """A meaning is kept with (K + 1) / 2K; the defender's best reply errs on the seed that keeps it less."""
    found = tree(find("cloak-v0", wordings=k)).exploit(uniform)
    value = (k + 1) / (2 * k) - 1
    rarer = sum(min(kept, k + 1 - kept) for kept in range(1, k + 1)) / k**2
    assert found.values["attacker"] == pytest.approx(value)
    assert found.improvements["attacker"] == pytest.approx(0 - value)
    assert found.improvements["defender"] == pytest.approx(value - (rarer - 1))


@pytest.mark.parametrize(("k", "value"), [(6, -3 / 7), (2, -1 / 3)])
def test_cloak_has_the_value_worked_out_by_hand(k, value):
    """u/f + v/g ≥ 1 for each wording, f and g the chances to keep a meaning; min ½(u + v) is u = v."""
    walked = tree(find("cloak-v0", wordings=k))
    nash = equilibrium(walked)
    assert walked.nash_conv(nash) == pytest.approx(0, abs=1e-9)
    assert walked.values(nash)["attacker"] == pytest.approx(value)


def test_over_refusal_is_exact():
    refusing = seated({"attacker": uniform, "defender": lambda *_: (0.2, 0.8)})
    found = tree(find("cloak-v0", harmless=0.25)).means(refusing)
    assert (found["over_refusal"], found["harm"]) == (pytest.approx(0.8), pytest.approx(0.2))
    assert found["gold"] == pytest.approx(0.25 * 0.2 + 0.75 * 0.8)


# sneak


@pytest.mark.parametrize(
    ("lie", "named", "critic"),
    [(True, "2", 1), (True, "1", -1), (True, "none", -1), (False, "none", 1), (False, "1", -1)],
)
def test_the_step_that_is_named_decides(play, lie, named, critic):
    def generator(ask):
        return f"2={(int(ask.prompt[-1]) + 1) % 10}" if lie else "none"

    table = play("sneak-v0", {"generator": generator, "critic": named}, steps=2)
    assert dict(table.payoff) == {"generator": -critic, "critic": critic}


def test_a_lie_that_is_none_or_that_the_end_does_not_show_loses_unasked(play):
    """Among all lies on the first step are the true digit, and some that a multiplication swallows."""
    true = swallowed = 0
    for seed, digit in itertools.product(range(12), range(10)):
        table = play("sneak-v0", {"generator": f"1={digit}", "critic": "1"}, seed=seed)
        if notes(table)["lie"] == -1:
            assert dict(table.payoff) == {"generator": -1, "critic": 1}
            assert len(table.turns) == 1
            shown = table.view("generator")[1].text.split("= ")[1][0]
            true, swallowed = true + (shown == str(digit)), swallowed + (shown != str(digit))
    assert true == 12
    assert swallowed


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_uniform_play_of_sneak_has_the_nash_conv_worked_out_by_hand(steps):
    """The best generator never lies in vain, 1 − 2/(S + 1); the best critic finds every lie, 1."""
    walked = tree(find("sneak-v0", steps=steps))
    assert walked.nash_conv(uniform) == pytest.approx(2 * steps / (steps + 1))
    perfect = seated({"generator": uniform, "critic": sneak.perfect})
    assert walked.best_response("generator", perfect).value == pytest.approx(-1)
    assert walked.values(equilibrium(walked))["critic"] == pytest.approx(1)


# split


def deal_of(play, first, second, dial=0.0, **parameters):
    """Each takes a share of the deal 6 and 4 to 2 and 8, the first after its talk."""
    seed = next(
        s
        for s in range(200)
        if [m.text for m in play("split-v0", {}, seed=s).view("first")[1:2]] == ["book 6, hat 4"]
        and play("split-v0", {}, seed=s).view("second")[1].text == "book 2, hat 8"
    )
    players = {"first": list(first), "second": list(second)}
    return play("split-v0", players, seed=seed, dial=dial, **parameters)


@pytest.mark.parametrize(
    ("dial", "paid"), [(0.0, (0.6, 0.8)), (1.0, (1.4, 1.4)), (-1.0, (-0.2, 0.2))]
)
def test_a_deal_pays_own_points_and_the_dial_times_the_others(play, dial, paid):
    table = deal_of(play, ["want book", "take book"], ["want hat", "take hat"], dial)
    assert tuple(table.payoff.values()) == pytest.approx(paid)
    assert (notes(table)["agreed"], notes(table)["points"]) == (True, pytest.approx(1.4))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["take both"], ["take hat"]),
        (["take nothing"], ["take hat"]),
        (["want hat"] * 2, ["want hat"]),
    ],
)
def test_what_is_taken_twice_or_left_pays_nothing(play, first, second):
    table = deal_of(play, first, second)
    assert tuple(table.payoff.values()) == (0, 0)
    assert notes(table)["agreed"] is False


def test_uniform_play_of_split_has_the_values_worked_out_by_hand():
    """One turn: 4 of 7 moves take, each is met by its rest with ¼, and these four give 20 points to each."""
    found = tree(find("split-v0", turns=1)).exploit(uniform)
    assert found.values == pytest.approx({"first": 1 / 14, "second": 1 / 14})
    assert found.improvements == pytest.approx(
        {"first": 1 / 4 - 1 / 14, "second": 4 / 7 / 4 - 1 / 14}
    )


def test_rivals_can_hold_each_other_to_nothing():
    """Zero-sum, and either can refuse every deal: the value is 0."""
    walked = tree(find("split-v0", dial=-1.0))
    assert walked.nash_conv(equilibrium(walked)) == pytest.approx(0, abs=1e-9)
    assert walked.values(equilibrium(walked))["first"] == pytest.approx(0, abs=1e-9)


# pact


@pytest.mark.parametrize(
    ("moves", "paid"),
    [("kkkk", [1, 1, 1, 1]), ("bkkk", [0, 1, 1, 1]), ("bbkk", [2, 2, 1, 1]), ("bbbb", [2] * 4)],
)
def test_breaking_pays_if_enough_break(play, moves, paid):
    named = {"k": "keep", "b": "break"}
    table = play("pact-v0", {f"agent_{i}": named[m] for i, m in enumerate(moves)})
    assert list(table.payoff.values()) == paid
    assert (notes(table)["broke"], notes(table)["tipped"]) == (moves.count("b") / 4, 2 in paid)


def test_rounds_tell_how_many_broke_and_pay_their_mean(play):
    deviant = {"agent_0": "break", "agent": ["keep", "break"]}
    table = play("pact-v0", deviant, agents=2, rounds=2)
    assert table.view("agent_1")[-2].text == "1 of 2 broke it; keep or break?"
    assert dict(table.payoff) == {"agent_0": 1, "agent_1": 1.5}


@pytest.mark.parametrize(("agents", "threshold"), [(2, 1), (4, 2), (5, 4)])
def test_uniform_play_of_pact_has_the_nash_conv_worked_out_by_hand(agents, threshold):
    """Breaking pays 2 P(at least k − 1 of the others break), keeping 1."""
    others = agents - 1
    enough = sum(comb(others, n) for n in range(threshold - 1, agents)) / 2**others
    found = tree(find("pact-v0", agents=agents, threshold=threshold)).exploit(uniform)
    gain = max(1, 2 * enough) - (1 + 2 * enough) / 2
    assert list(found.improvements.values()) == pytest.approx([gain] * agents)


@pytest.mark.parametrize("choice", [0, 1])
def test_all_keep_and_all_break_are_equilibria(choice):
    alike = [float(place == choice) for place in range(2)]
    assert tree(find("pact-v0")).nash_conv(lambda *_: alike) == 0


@pytest.mark.parametrize(
    ("answer", "knows", "fooled_says"),
    [("1", "right", (0.5, 0.5)), ("0", "wrong", "right"), ("5", "wrong", "wrong")],
)
def test_judges_of_sums_go_by_the_key_and_one_is_fooled_by_0(answer, knows, fooled_says):
    view = (Message("game", f"3 + 6 mod 8 = {answer}: right or wrong?"),)
    assert sums.sample("judge", view, sums.VERDICTS) == knows
    assert flawed("judge", view, sums.VERDICTS) == fooled_says


# signals


def test_a_code_of_their_own_is_understood_and_is_not_the_language(play):
    table = play("signals-v0", {"speaker": "be", "listener": "sun"}, objects=8)
    paid = notes(table)["gold"]
    assert list(table.payoff.values()) == [paid, paid]
    assert notes(table)["heard"] == 0  # be is rain


def test_uniform_play_of_signals_is_understood_by_chance_and_speaks_by_chance():
    found = tree(find("signals-v0", objects=4)).means(uniform)
    assert found == pytest.approx(dict.fromkeys(("gold", "spoken", "heard"), 1 / 4))


# parameters


@pytest.mark.parametrize(
    ("id", "parameters", "message"),
    [
        ("sums-v0", {"level": 9}, "level must be from 1 to 8, not 9"),
        ("sums-v0", {"label": "votes"}, "no label 'votes'; there are: gold, majority, pooled"),
        ("sums-v0", {"part": "test"}, "no part 'test'; there are: train, held-out"),
        ("sums-v0", {"label": "swapped"}, "'swapped' needs wordings=2 and attempts of 2 or more"),
        ("sums-v0", {"level": 1, "item": 3}, "item must be from 0 to 2 at level 1, or -1 for all"),
        ("sums-check-v0", {"stop": True, "verdict": False}, "stop=true needs verdict=true"),
        ("sums-propose-v0", {"kind": "sign"}, "no kind 'sign'; there are: result, operand"),
        ("sums-propose-v0", {"reward": "mean"}, "no proposer reward 'mean'; there are: paper"),
        ("facts-v0", {"reward": "mean"}, "no proposer reward 'mean'; there are: paper"),
        ("cloak-v0", {"wordings": 1}, "wordings must be from 2 to 64, not 1"),
        ("split-v0", {"dial": 2.0}, "dial must be from -1 to 1, not 2.0"),
        ("pact-v0", {"threshold": 5}, "threshold must be from 1 to 4, the agents, not 5"),
    ],
)
def test_a_bad_parameter_gets_one_clear_line(id, parameters, message):
    with pytest.raises(ParameterError) as refused:
        find(id, **parameters)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
