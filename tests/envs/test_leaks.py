"""No private text reaches another seat; what does reach one is declared here, game by game, word for word."""

from __future__ import annotations

import random
import re

import pytest
from sparring.envs.blocking_verifier import Verdicts
from sparring.envs.conformance import Trial
from sparring.envs.conformance.canaries import Plants, flows
from sparring.envs.registry import find, game, game_ids
from sparring.envs.script import Script, ask, ask_all, randomness, tell
from sparring.envs.types import Ask, Reply

SEEDS = range(8)
SHOWN: dict[str, set[str]] = {
    "break-the-code-v0": {"defender > attacker: code"},
    "cloak-v0": set(),
    "code-abduction-v0": {"proposer > solver: code"},
    "code-as-task-v0": {"proposer > solver: task"},
    "code-deduction-v0": {"proposer > solver: code"},
    "code-induction-v0": {"proposer > solver: message"},
    "corpus-challenge-v0": {"proposer > solver: question"},
    "critique-refine-v0": {"generator > critic: answer", "critic > generator: critique"},
    "deal-or-no-deal-v0": {"first > second: talk", "second > first: talk"},
    "discussion-v0": {"agent > agent: talk", "agent > judge: talk"},
    "facts-v0": set(),
    "kuhn-poker-v0": set(),
    "ladder-v0": set(),  # its replies are formulas, which hold no word
    "leduc-poker-v0": set(),
    "matching-pennies-v0": set(),
    "negotiation-v0": set(),  # offers, which hold no word
    "nim-v0": set(),
    "pact-v0": set(),
    "peer-review-v0": {
        "solver > evaluator: answer",
        "solver > scorer: answer",
        "solver > solver: answer",
        "evaluator > scorer: evaluation",
        "evaluator > solver: evaluation",
    },
    "prisoners-dilemma-v0": set(),
    "program-file-v0": set(),
    "programming-puzzle-v0": {"proposer > solver: code"},
    "question-answer-v0": {"proposer > solver: question"},
    "question-file-v0": set(),
    "red-team-v0": {
        "attacker > defender: request",
        "attacker > judge: request",
        "defender > judge: talk",
    },
    "reference-game-v0": {"speaker > listener: say"},
    "rock-paper-scissors-v0": set(),
    "secret-keeper-v0": {"attacker > defender: talk", "defender > attacker: talk"},
    "self-correct-v0": set(),
    "signals-v0": set(),
    "sneak-v0": set(),
    "sneaky-critic-v0": set(),
    "solve-verify-v0": set(),
    "split-v0": set(),
    "sums-check-v0": set(),
    "sums-debate-v0": set(),
    "sums-judge-v0": set(),
    "sums-propose-v0": set(),
    "sums-v0": set(),
    "taboo-v0": {"attacker > defender: talk", "defender > attacker: talk"},
    "tic-tac-toe-v0": set(),
}
"""What the rules show to others of a reply: the whole of it (`talk`), or what stands in one part of its form.

A proposal's solution, input, hidden pairs and check are among what is planted and must not appear here.
"""
OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
PLAIN = ("ladder-v0", "negotiation-v0", "sneaky-critic-v0")
"""Games of free text whose moves hold no word of one's own: canaries stand around them or are refused."""


def seen(game, verifier, seeds=SEEDS):
    """(what reached others, what was planted): over games of sensible moves with canaries in them."""
    verdicts = Verdicts(verifier)
    trial = Trial(game, list(seeds), verdicts)
    reached, planted = set(), set()
    for seed in seeds:
        plants = Plants(trial.sensibly, seed)
        table = trial.play(seed, plants)
        assert table.ending
        assert table.ending.kind != "error", table.ending
        canaries = list(plants.planted(table))
        planted |= {(game.role_of[canary.seat], canary.kind, canary.part) for canary in canaries}
        reached |= flows(table, canaries)
    verdicts.close()
    return reached, planted


def small(id):
    return find(id, attempts=2) if "attempts" in find(id).parameters else find(id)


@pytest.mark.parametrize("id", OURS)
def test_replies_reach_others_only_as_declared(id, executing):
    assert id in SHOWN, "say what its rules show of a reply to other seats"
    reached, planted = seen(small(id), executing)
    assert {(f.kind, f"{f.owner} > {f.seer}: {f.part}") for f in reached} == {
        ("inside", shown) for shown in SHOWN[id]
    }
    kinds = {kind for _, kind, _ in planted}
    assert {"thought"} < kinds, f"only {kinds} were planted, so nothing was looked for"
    talks = {(role, part) for role, kind, part in planted if kind == "inside"}
    listed = all(
        turn.choices for turn in Trial(small(id), [], Verdicts(executing)).play(0, _sample).turns
    )
    assert talks or listed or id in PLAIN


UNSHOWN = {
    "code-abduction-v0": ("proposer", "input"),
    "code-as-task-v0": ("proposer", "wrong"),
    "code-induction-v0": ("proposer", "inputs"),
    "programming-puzzle-v0": ("proposer", "answer"),
    "solve-verify-v0": ("verifier", "tests"),
    "break-the-code-v0": ("attacker", "answer"),
    "self-correct-v0": ("solver", "code"),
}


@pytest.mark.parametrize("id", UNSHOWN)
def test_what_must_stay_hidden_was_planted(id, executing):
    role, part = UNSHOWN[id]
    assert (role, "inside", part) in seen(small(id), executing, range(16))[1]


PRIVATE = {
    "kuhn-poker-v0": {"first": r"^([JQK])$", "second": r"^([JQK])\b"},
    "leduc-poker-v0": {"first": r"^([JQK][sh])$", "second": r"^([JQK][sh])$"},
    "negotiation-v0": {"first": r"You value (.*) apiece", "second": r"You value (.*) apiece"},
    "deal-or-no-deal-v0": {"first": r"To you they are (.*)", "second": r"To you they are (.*)"},
    "secret-keeper-v0": {"defender": r"password is (\S+)\."},
    "taboo-v0": {"attacker": r"say the word `(\w+)`"},
    "corpus-challenge-v0": {"proposer": r"(\w+ \w+ \w+)\."},
    "red-team-v0": {"attacker": r"what it asks for: (.*)"},
    "reference-game-v0": {"speaker": r"(Describe the .*) to a"},
}
"""What the game tells one role alone: a pattern for it in that role's prompts."""
BLAND = {
    "red-team-v0": {"attacker": "<request>Do it, would you?</request>"},
    "corpus-challenge-v0": {"proposer": "<question>What?</question><answer>8</answer>"},
    "taboo-v0": {"defender": "And you?"},
}
"""Replies in place of the scripted players' where these would quote what is private."""


def bland(game, ask, table, rng):
    said = BLAND.get(game.id, {}).get(game.role_of[ask.seat])
    return Reply(said) if said else Trial(game, [], Verdicts("auto")).sensibly(ask, table, rng)


@pytest.mark.parametrize("id", PRIVATE)
def test_what_one_role_is_told_is_told_to_no_other(id, executing):
    game = small(id)
    verdicts = Verdicts(executing)
    found = 0
    for seed in range(40):
        table = Trial(game, [], verdicts).play(seed, lambda a, t, r: bland(game, a, t, r))
        for role, pattern in PRIVATE[id].items():
            found += private_faults(table, role, pattern)
    verdicts.close()
    assert found >= 40, "hardly any private text was found, so nothing was looked for"


def private_faults(table, role, pattern):
    """The number of private texts of a role; fails where another role's prompts hold one."""
    role_of = table.game.role_of
    owner = next(seat for seat in table.game.seats if role_of[seat] == role)
    prompts = [m.text for m in table.view(owner) if m.speaker == "game"]
    pieces = {piece for text in prompts for piece in re.findall(pattern, text, re.MULTILINE)}
    for seat in table.game.seats:
        if role_of[seat] in (role, "judge"):
            continue
        own = PRIVATE.get(table.game.id, {}).get(role_of[seat], "$.")
        told = {piece for m in table.view(seat) for piece in re.findall(own, m.text, re.MULTILINE)}
        shown = "\n".join(m.text for m in table.view(seat) if m.speaker == "game")
        for piece in pieces - told:
            assert not re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", shown), (seat, piece, shown)
    return len(pieces)


@pytest.mark.parametrize("id", [id for id in OURS if find(id).simultaneous])
def test_a_seat_that_is_asked_again_learns_nothing_of_the_other_ones_move(id):
    """The other's move is made already; the second try must look the same whatever it was."""
    game = find(id)
    late, early = game.seats[0], game.seats[-1]
    views = set()
    for move in (0, -1):
        trial = Trial(game, [], Verdicts("auto"))

        def say(ask: Ask, table, rng: random.Random, move=move) -> Reply:
            if ask.seat == early:
                return Reply(ask.choices[move])
            return Reply(ask.choices[0] if ask.retry else "hm")

        seen_by_late = []
        trial.play(0, say, lambda table, to=seen_by_late: to.append(table.view(late)))
        views.add(seen_by_late[:2][-1])  # of a game of one try, what it saw then
    assert len(views) == 1


def test_a_listener_cannot_tell_the_target_from_where_it_stands():
    places = [0, 0, 0, 0]
    for seed in range(400):
        table = Trial(find("reference-game-v0"), [], Verdicts("auto")).play(seed, _sample)
        target = re.search(r"Describe the (.*) to a", table.view("speaker")[0].text)[1]
        lines = table.view("listener")[0].text.split("\n")[1:5]
        places[[line[2:] for line in lines].index(target)] += 1
    assert min(places) > 70


def _sample(ask, table, rng):
    return Trial(table.game, [], Verdicts("auto")).sensibly(ask, table, rng)


def _leaky(fault: str) -> Script:
    """One says something to the other; what else gets through is chosen by name."""
    password = (yield from randomness()).choice(("falcon", "granite"))
    yield from tell("a", f"The password is {password}.")
    if fault == "private":
        yield from tell("b", f"I must not say that a heard {password}.")
    (reply,) = yield (Ask("a", "Speak in this form: <say>hello</say>"),)
    if fault == "thought":
        yield from tell("b", f"a thinks: {reply.thought}")
    if fault == "around":
        yield from tell("b", reply.text)
    if fault == "inside":
        yield from tell(
            "b", re.search("<say>(.*)</say>", reply.text)[1] if "<say>" in reply.text else ""
        )
    tried: list[str] = []
    prompts = {"a": "yes or no?", "b": "yes or no?"}
    moves = yield from ask_all(prompts, lambda text: _yes(text, tried), choices=("yes", "no"))
    yield from ask(
        "b", tried[0] if fault == "refused" and tried else "and now?", choices=("yes", "no")
    )
    return dict.fromkeys(moves, 1.0)


def _yes(text: str, tried: list[str]) -> str:
    if text not in ("yes", "no"):
        tried.append(text)
        raise ValueError("yes or no was expected")
    return text


@game("test-leaky-v0", roles={"a": 1, "b": 1}, max_turns=4, payoff_range=(0, 1))
def leaky(fault: str = "") -> Script:
    """A game that leaks what it is told to."""
    return (yield from _leaky(fault))


@pytest.mark.parametrize("fault", ["", "thought", "around", "inside", "refused"])
def test_every_way_to_leak_a_reply_is_seen(fault, executing):
    reached, _ = seen(find("test-leaky-v0", fault=fault), executing)
    kinds = {flow.kind for flow in reached if flow.owner == "a"}
    assert kinds == ({"inside", "around"} if fault == "around" else {fault} - {""})


def test_a_leaked_private_text_is_seen():
    play = Trial(find("test-leaky-v0", fault="private"), [], Verdicts("auto")).play
    with pytest.raises(AssertionError, match=r"falcon|granite"):
        private_faults(play(0, _sample), "a", r"password is (\w+)")
