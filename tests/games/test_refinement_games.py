"""corpus-challenge, self-correct, critique-refine and discussion: what each ending pays."""

import json
import random
import re
from importlib.resources import files

import pytest
from sparring.envs.games.corpus_challenge import DOCUMENTS, challenge, cloze
from sparring.envs.registry import find
from sparring.envs.table import Table
from sparring.envs.tasks.chains import SIGNS, Chain, drawn, read
from sparring.envs.tasks.specs import SPECS
from sparring.envs.types import Message

WRONG = "def f(x):\n    return None"


def block(source):
    return f"```python\n{source}\n```"


# corpus-challenge


def quiz(ask):
    number = re.search(r"\d+|eight", ask.prompt.split("\n")[-1])[0]
    return f"<question>Which number?</question><answer>{number}</answer>"


SHIPPED = files("sparring.training.recipes").joinpath("spice_documents.jsonl").read_text()
HARD = (
    "A sheet of paper in the format A4 measures 210 by 297 millimetres. Folded in half it is A5.",
    "Pi is about 3.14159. Nobody knows where its digits end, and 3 of them are enough for a wheel.",
    "Water is heavier than oil. Who pours both into one glass finds the oil above the water",
)


@pytest.mark.parametrize("document", [*DOCUMENTS, *map(json.loads, SHIPPED.splitlines()), *HARD])
def test_the_form_that_a_prompt_shows_is_a_move_itself(document):
    """Of a text with A4 in it the answer 4 was shown, and the text whole: a copy of that was refused."""
    question, answer = challenge(cloze(document), document)
    assert "…" in question
    assert re.search(rf"\b{re.escape(answer)}\b", document, re.IGNORECASE)


def test_solvers_are_right_with_the_words_of_a_document_they_never_see(play):
    shown = Table(find("corpus-challenge-v0")).view("proposer")[-1].text
    number = re.search(r"\d+|eight", shown.split("\n")[-1])[0]
    players = {"proposer": quiz, "solver_0": f"<answer>{number}</answer>", "solver_1": "no idea"}
    table = play("corpus-challenge-v0", players, attempts=2)
    assert dict(table.payoff) == {"proposer": 1, "solver_0": 1, "solver_1": 0}
    assert not any(document in m.text for document in DOCUMENTS for m in table.view("solver_0"))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many legs?", "seven"),
        ("Has it eight legs?", "eight"),
        ("Its legs, eight or six, are how many?", "eight legs"),
        ("What?", DOCUMENTS[1]),
        ("", "eight"),
        ("Which part?", "pider"),
        ("Which sign?", "."),
    ],
)
def test_a_task_must_be_grounded_and_not_give_itself_away(question, answer):
    with pytest.raises(ValueError, match=r"\w"):
        challenge(f"<question>{question}</question><answer>{answer}</answer>", DOCUMENTS[1])


def test_a_question_that_ends_the_reply_may_leave_its_tag_open():
    assert challenge("<answer>eight</answer>\n<question>How many\nlegs?", DOCUMENTS[1]) == (
        "How many legs?",
        "eight",
    )


def test_an_ungrounded_task_costs(play):
    table = play(
        "corpus-challenge-v0",
        {"proposer": "<question>Why not?</question><answer>xyzzy</answer>"},
        attempts=2,
    )
    assert dict(table.payoff) == {"proposer": -1, "solver_0": 0, "solver_1": 0}


# self-correct


def spec_of(seed):
    text = Table(find("self-correct-v0"), seed).view("solver")[-1].text
    return next(spec for spec in SPECS if spec.text in text)


@pytest.mark.parametrize(
    ("first", "second", "payoff", "bonus"),
    [(0, 1, 1, 10), (1, 0, 0, -10), (1, 1, 1, 0), (0, 0, 0, 0)],
)
def test_the_correction_is_credited_to_the_turn_that_made_it(
    play, known, first, second, payoff, bonus
):
    good = spec_of(0).reference
    moves = [block(good if right else WRONG) for right in (first, second)]
    table = play("self-correct-v0", {"solver": moves}, known(good, WRONG))
    assert table.payoff["solver"] == payoff
    assert dict(table.turns[0].credits) == {"right": first}
    assert dict(table.turns[1].credits) == {"right": second, "correction": bonus}


def test_feedback_shows_two_inputs_that_do_not_score(play, known):
    spec = spec_of(0)
    table = play(
        "self-correct-v0",
        {"solver": block(WRONG)},
        known(spec.reference, WRONG),
        feedback="execution",
    )
    told = table.turns[1].prompt[-1].text
    assert told.count("gave None, should give") == 2
    assert (
        "gave"
        not in play("self-correct-v0", {"solver": block(WRONG)}, known(spec.reference, WRONG))
        .turns[1]
        .prompt[-1]
        .text
    )


def test_no_function_forfeits(play):
    table = play("self-correct-v0", {"solver": "hm"})
    assert table.ending.kind == "forfeit"
    assert table.payoff["solver"] == -1


# critique-refine


def truth(text):
    start = int(re.search(r"Start with (\d+)", text)[1])
    steps = re.findall(r"then ([a-z, ]+) (\d+)", text)
    chain = Chain(start, tuple((kind, int(n)) for kind, n in steps))
    assert all(kind in SIGNS for kind, _ in chain.steps)
    return chain.results[-1]


def generator(*offsets):
    """Answers off the truth by these amounts, turn by turn."""
    state = {"turn": 0}

    def move(ask):
        if "Start with" in ask.prompt:
            state["gold"] = truth(ask.prompt)
        value = state["gold"] + offsets[state["turn"]]
        state["turn"] += 1
        return f"<answer>{value}</answer>"

    return move


CRITIC = "<verdict>{}</verdict><critique>Look at step two</critique>"


@pytest.mark.parametrize(
    ("offsets", "verdict", "paid", "credit"),
    [
        ((1, 0), "wrong", {"generator": 1, "critic": 1}, 1),
        ((0, 1), "wrong", {"generator": 0, "critic": -1}, 0),
        ((0, 0), "right", {"generator": 1, "critic": 0}, 1),
        ((1, 1), "right", {"generator": 0, "critic": 0}, 0),
    ],
)
def test_a_critic_is_paid_for_what_its_critique_changes(play, offsets, verdict, paid, credit):
    table = play(
        "critique-refine-v0", {"generator": generator(*offsets), "critic": CRITIC.format(verdict)}
    )
    assert dict(table.payoff) == paid
    assert dict(table.turns[1].credits) == {"verdict": credit}
    assert [dict(t.credits)["right"] for t in table.turns[::2]] == [float(not o) for o in offsets]


def test_the_critic_is_not_told_the_truth(play):
    table = play(
        "critique-refine-v0",
        {"generator": "<answer>123456</answer>", "critic": CRITIC.format("wrong")},
    )
    shown = table.view("critic")[0].text
    assert str(truth(shown)) not in re.findall(r"-?\d+", shown.split("Answer given")[1])


def test_a_critic_without_a_verdict_forfeits(play):
    table = play("critique-refine-v0", {"generator": "7", "critic": "fine by me"})
    assert dict(table.payoff) == {"generator": 0, "critic": -2}


# discussion


def test_scores_sum_to_zero_and_gold_is_the_truth(play):
    gold = truth(Table(find("discussion-v0")).view("agent_0")[0].text)
    agents = {
        "agent_0": f"the result is {gold}",
        "agent_1": "the result is 1000001",
        "agent_2": "hm",
    }
    table = play("discussion-v0", {**agents, "judge": ["9", "3", "0"] * 2})
    assert tuple(table.payoff.values()) == pytest.approx((0.5, -0.1, -0.4))
    notes = dict(table.notes)
    assert notes["gold"] == pytest.approx(1 / 3)
    assert notes["proxy"] == pytest.approx(0.4)


def test_the_games_own_judge_pays_the_truth_and_not_length(play):
    gold = truth(Table(find("discussion-v0")).view("agent_0")[0].text)
    agents = {"agent_0": f"the result is {gold}", "agent_1": "step by step, " * 15, "agent_2": "hm"}
    judge = find("discussion-v0").oracles["sample"]
    table = play(
        "discussion-v0",
        {
            **agents,
            "judge": lambda ask: judge("judge", (Message("game", ask.prompt),), ask.choices),
        },
    )
    assert table.payoff["agent_0"] > 0 > table.payoff["agent_1"] == table.payoff["agent_2"]


def test_a_calculation_is_read_back_from_its_words():
    for seed in range(50):
        chain = drawn(random.Random(seed), 4)
        assert read(f"Question: {chain.task} What is the result?") == chain
    assert read("Who am I?") is None


def test_equal_scores_pay_nothing(play):
    table = play("discussion-v0", {"agent": "hm", "judge": "10"})
    assert set(table.payoff.values()) == {0}


def test_agents_speak_unseen_within_a_round(play):
    table = play(
        "discussion-v0",
        {"agent_0": "first", "agent_1": "second", "agent_2": "third", "judge": "5"},
        rounds=2,
    )
    first = table.view("agent_0")
    assert "second" not in first[0].text
    assert "Agent 2: second" in first[2].text
    assert "Agent 1: first" not in first[2].text


def test_a_silent_agent_forfeits_to_the_others(play):
    table = play("discussion-v0", {"agent_0": "", "agent_1": "x", "agent_2": "y", "judge": "5"})
    assert dict(table.payoff) == {"agent_0": -2, "agent_1": 1, "agent_2": 1}
