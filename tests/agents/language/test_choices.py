"""Rules of replies held to a list of choices."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.choices import Scored, draw_choice
from sparring.agents.language.exact import distributions
from sparring.agents.language.transformer import Transformer
from sparring.agents.policy import ConstraintError, Key, Request, Sampling
from sparring.agents.thinking import Thinking
from sparring.envs.types import Message, Reply
from sparring.training.config import Credits
from sparring.training.data.collect import collect

CHOICES = ("check", "bet", "bet 10", "fold now", "ünï")
HELD = Sampling(temperature=3.0, max_tokens=2, constrained=True)


def asked(seed: int = 0, choices: tuple[str, ...] | None = CHOICES, text: str = "J") -> Request:
    return Request(
        "first", "first", (Message("game", text),), choices, Key(seed, 0, "first", 0), HELD
    )


def test_replies_follow_the_exact_distribution_over_the_choices(tiny: Transformer) -> None:
    (exact,) = distributions(tiny.with_sampling(HELD), [asked()])
    replies = tiny.reply([asked(n) for n in range(4000)])
    assert {reply.text for reply in replies} <= set(CHOICES)
    for choice in CHOICES:
        share = sum(reply.text == choice for reply in replies) / 4000
        assert share == pytest.approx(exact.probability[choice], abs=0.03)
    for reply in replies:
        whole = math.log(exact.probability[reply.text])
        assert sum(reply.logprobs) == pytest.approx(whole, abs=1e-6)
        assert reply.finish == "stop"
        assert reply.tokens[-1] in tiny.dialect.stops


def test_the_log_probabilities_without_the_constraint_are_those_of_a_plain_pass(
    tiny: Transformer, plain_logprobs
) -> None:
    for reply in tiny.reply([asked(n, text="J K"[: 1 + n % 3]) for n in range(30)]):
        assert reply.unconstrained == pytest.approx(plain_logprobs(tiny, reply, HELD), abs=1e-5)


def test_a_choice_that_begins_another_competes_with_it_at_its_end() -> None:
    bet, more = Scored((1,), (-0.5, -2.0), -2.5), Scored((1, 2), (-0.5, -0.1, 0.0), -0.6)
    chosen, logps = draw_choice([bet, more], 0.0)
    assert chosen is bet
    share = math.exp(-2.5) / (math.exp(-2.5) + math.exp(-0.6))
    assert logps == pytest.approx((0.0, math.log(share)))
    assert draw_choice([bet, more], 0.999)[0] is more
    assert draw_choice([bet, more], 0.0, greedy=True) == (more, (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="no choice"):
        draw_choice([Scored((1,), (-math.inf,), -math.inf)], 0.5)


def test_free_and_held_requests_share_a_call_and_keep_their_order(tiny: Transformer) -> None:
    free = asked(1)._replace(sampling=replace(HELD, constrained=False))
    mixed = [asked(0), free, asked(2), asked(3, None)]
    replies = tiny.reply(mixed)
    assert [reply.unconstrained is None for reply in replies] == [False, True, False, True]
    assert replies[::-1] == tiny.reply(mixed[::-1])
    assert [r.text for r in tiny.reply([mixed[0]])] == [replies[0].text]


def test_greedy_takes_the_likeliest_whole_choice(tiny: Transformer) -> None:
    (exact,) = distributions(tiny, [asked()])
    (reply,) = tiny.reply([asked()._replace(sampling=replace(HELD, temperature=0.0))])
    assert reply.text == max(exact.probability, key=exact.probability.__getitem__)


def test_what_cannot_be_held_is_refused(tiny: Transformer) -> None:
    thinker = Transformer(
        tiny.model,
        Dialect(tiny.dialect.tokenizer, thinking=Thinking("template")),
        name="t",
        weights="w",
    )
    with pytest.raises(ConstraintError, match="thinks"):
        thinker.reply([asked()])
    with pytest.raises(ValueError, match=f"at most {tiny.context}"):
        tiny.reply([asked(0, ("word " * tiny.context,))])


def test_a_held_reply_is_never_trained(tiny: Transformer) -> None:
    from sparring.envs.types import Ending, Episode, GameRef, PolicyRef, Turn

    (reply,) = tiny.reply([asked()])
    refs = {"first": PolicyRef("learner")}

    def gather(said: Reply) -> int:
        turn = Turn("first", "first", (Message("game", "J"),), said)
        episode = Episode(GameRef("g-v0"), 0, 0, refs, (turn,), {"first": 1.0}, Ending("outcome"))
        roles = {"first": "first"}
        return len(collect([(0, episode)], Credits(), learner="learner", role_of=roles))

    with pytest.raises(ConstraintError, match="unconstrained"):
        gather(reply)
    assert gather(replace(reply, unconstrained=None)) == 1
