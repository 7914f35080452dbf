"""A model that is shown examples sees finished games of its role first, and nothing of its own game twice."""

from __future__ import annotations

import asyncio

from sparring.agents.few_shot import Shown
from sparring.agents.policy import Key, Request, Sampling
from sparring.agents.scripted import Scripted
from sparring.agents.thinking import OFF, Thinking
from sparring.arenas.examples import FIRST_SEED, examples
from sparring.arenas.match import Match, play
from sparring.envs.registry import find
from sparring.envs.types import Message


def test_examples_stand_between_the_rules_and_the_game() -> None:
    seen = []
    policy = Scripted(
        lambda request: seen.append(request.messages) or request.choices[0], "first choice"
    )
    game = find("kuhn-poker-v0")
    given = asyncio.run(examples(game, count=2))
    shown = Shown(policy, given)
    episode = asyncio.run(play(Match(game, dict.fromkeys(game.seats, shown), 3)))
    assert episode.ending.kind == "outcome"
    rules, *rest = seen[0]
    assert rules.speaker == "system"
    count = len(given["first"])
    # their thoughts are for players that think
    said = [message.text.rpartition("</think>")[2].strip() for message in given["first"]]
    assert [message.text for message in rest[:count]] == said
    assert [m.speaker for m in rest[:4]] == ["game", "self", "game", "self"]
    assert tuple(rest[count:]) == episode.turns[0].prompt[1:]
    assert episode.turns[0].prompt[0] == rules, (
        "the stored prompt is the game's, without the examples"
    )


def test_examples_change_who_the_policy_is() -> None:
    policy = Scripted(["x"])
    game = find("kuhn-poker-v0")
    one, two = (Shown(policy, asyncio.run(examples(game, count=n))) for n in (1, 2))
    assert len({policy.ref.id, one.ref.id, two.ref.id}) == 3
    assert one.ref.name == policy.ref.name


def test_a_player_that_is_asked_to_think_sees_thoughts_in_its_examples_and_no_other_does() -> None:
    game, seen = find("kuhn-poker-v0"), list[str]()
    given = asyncio.run(examples(game, count=1))
    for thinking in (OFF, Thinking("template"), Thinking("asked")):
        policy = Scripted(["check"])
        policy.thinking = thinking  # type: ignore[attr-defined]
        view = (Message("system", "rules"), Message("game", "K"))
        request = Request("first", "first", view, None, Key(0, 0, "first", 0), Sampling())
        messages = Shown(policy, given).with_examples(request).messages
        seen.append(next(m.text for m in messages if m.speaker == "self"))

    move = seen[0]
    card = given["first"][0].text[0]
    lower = " ".join("JQK"[: "JQK".index(card)]) or "nothing"
    assert move in ("check", "bet")
    assert seen == [move, move, f"<think>\n{card} beats {lower}\n</think>\n\n{move}"]


def test_every_role_is_shown_games_of_other_seeds_that_ended_well() -> None:
    for id in (
        "tic-tac-toe-v0",
        "negotiation-v0",
        "taboo-v0",
        "question-answer-v0",
        "discussion-v0",
    ):
        game = find(id, topic="knowledge") if id.startswith("question") else find(id)
        given = asyncio.run(examples(game, count=1))
        assert given.keys() == game.roles.keys()
        assert all(messages[-1].speaker == "self" for messages in given.values())
    assert FIRST_SEED > 10**8
