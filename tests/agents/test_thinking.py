"""Rules of players that think: what is drawn, what is seen by whom, what is trained."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sparring.agents.engines.policy import Draw, Drawn, Hosted, Look
from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.thoughts import Part, then
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.names import ModelError, of_settings, parted
from sparring.agents.policy import Key, Request, Sampling
from sparring.agents.prompts import CLOSE, OPEN
from sparring.agents.remote import Endpoint, Remote
from sparring.agents.seats import seat
from sparring.agents.thinking import ASKED, OFF, Role, Thinking
from sparring.envs.errors import SparringError
from sparring.envs.registry import Game
from sparring.envs.types import Message, Reply
from sparring.training.recipes import configured
from sparring.training.run import checked, train
from sparring.training.trl_settings import arguments
from sparring.training.watch.evaluate import evaluate, exact_tree

BUDGET, ANSWER = 6, 3
SHORT = Thinking("asked", BUDGET)
HOT = Sampling(100.0, 1.0, ANSWER)
"""Since tiny ends a reply after a token or two."""
ROLES = ("first", "second")
BY_ROLE = Thinking("off", BUDGET, roles=(Role("second", "asked", 4),))
VIEW = (Message("system", "rules"), Message("game", "J"))


@pytest.fixture
def thinker(tiny: Transformer, kuhn: Game) -> Transformer:
    return load_model("tiny?think=asked&thought_tokens=6", kuhn, sampling=HOT)


def requests(count: int, view: tuple[Message, ...] = VIEW) -> list[Request]:
    return [Request("first", "first", view, ("bet",), Key(n, 0, "first", 0)) for n in range(count)]


class Spelling:
    """An engine that says what it is told, token by token, and goes on from any prompt."""

    name = "spelling"
    context = 1024

    def __init__(self, dialect: Dialect, said: str) -> None:
        self._said = (*dialect.choice(said), dialect.end)
        self._start = 0
        self.asked: list[Draw] = []

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        self.asked += draws
        found: list[Drawn | Exception] = []
        for draw in draws:
            tokens = self._said[self._start : self._start + draw.tokens]
            self._start += len(tokens)
            found.append(Drawn(tokens, (-0.5,) * len(tokens)))
        return found

    def look(self, looks: Sequence[Look]) -> Sequence[Mapping[int, float]]:
        raise AssertionError("nothing is scored here")

    def load(self, adapter: str, folder: Path) -> None: ...
    def retire(self, adapter: str) -> None: ...
    def replace(self, folder: Path) -> None: ...


def says(tiny: Transformer, said: str, thinking: Thinking = SHORT) -> tuple[Reply, list[Draw]]:
    """The reply of a policy whose engine says this, and what the engine was asked."""
    dialect = tiny.dialect.with_thinking(thinking)
    engine = Spelling(dialect, said)
    policy = Hosted(engine, dialect, name="t", weights="w", sampling=Sampling(max_tokens=ANSWER))
    (reply,) = asyncio.run(policy.act(requests(1)))
    assert isinstance(reply, Reply)
    return reply, engine.asked


def test_a_thought_is_parted_from_its_answer(tiny: Transformer) -> None:
    reply, asked = says(tiny, f"I hold J{CLOSE}bet", Thinking("asked", 64))
    assert (reply.text, reply.thought, reply.given) == ("bet", "I hold J", None)
    assert len(asked) == 1


def test_a_thought_is_closed_at_the_end_of_its_budget_and_the_answer_has_its_own(
    tiny: Transformer,
) -> None:
    reply, asked = says(tiny, "bet " * 30)
    closing = tiny.dialect.with_thinking(SHORT).closing
    assert reply.given == (BUDGET, BUDGET + len(closing))
    assert reply.tokens[slice(*reply.given)] == closing
    assert [draw.tokens for draw in asked] == [BUDGET, ANSWER]
    assert asked[1].prompt == reply.prompt_tokens + reply.tokens[: reply.given[1]]
    assert asked[0].seed != asked[1].seed
    assert len(reply.tokens) == reply.given[1] + ANSWER
    assert len(reply.logprobs) == len(reply.tokens)
    assert set(reply.logprobs[slice(*reply.given)]) == {0.0}


def test_an_answer_that_runs_on_within_the_budget_is_cut_at_its_own_limit(
    tiny: Transformer,
) -> None:
    reply, _ = says(tiny, f"{CLOSE}{'x' * 40}", Thinking("asked", 64))
    assert reply.finish == "length"
    assert reply.thought == ""
    assert 0 < len(tiny.dialect.choice(reply.text)) <= ANSWER


def test_an_open_thought_is_no_word_for_others(tiny: Transformer) -> None:
    dialect = tiny.dialect.with_thinking(SHORT)
    assert dialect.read(dialect.choice("I hold the jack")) == ("", "I hold the jack")


def test_a_turn_that_ends_inside_a_thought_has_still_an_answer(tiny: Transformer) -> None:
    dialect = tiny.dialect.with_thinking(Thinking("asked", 64))
    thought = dialect.choice("I hold J")
    begun = Part((*thought, dialect.end), (-0.5,) * (len(thought) + 1))
    part, more = then(dialect, (1, 2), begun, ANSWER, 1024)
    assert more == ANSWER
    assert part.tokens == thought + dialect.closing
    assert part.given == (len(thought), len(part.tokens))
    assert len(part.logprobs) == len(part.tokens)


def test_a_model_in_process_closes_its_thoughts_alike(thinker: Transformer) -> None:
    replies = thinker.reply(requests(40))
    closed = [reply for reply in replies if reply.given]
    assert closed
    for reply in closed:
        assert reply.given == (BUDGET, BUDGET + len(thinker.dialect.closing))
        assert len(reply.tokens) <= BUDGET + len(thinker.dialect.closing) + ANSWER
        assert len(reply.logprobs) == len(reply.tokens)


def test_no_thought_or_its_tags_reach_the_text(thinker: Transformer) -> None:
    for reply in thinker.reply(requests(40)):
        assert OPEN not in reply.text
        assert CLOSE not in reply.text
        assert not reply.thought or reply.thought not in reply.text


def test_logprobs_of_a_closed_thought_are_those_of_a_plain_forward_pass(
    thinker: Transformer, plain_logprobs: Any
) -> None:
    reply = next(reply for reply in thinker.reply(requests(40)) if reply.given)
    assert reply.given
    wanted = plain_logprobs(thinker, reply, thinker.sampling)
    wanted[slice(*reply.given)] = [0.0] * (reply.given[1] - reply.given[0])
    assert reply.logprobs == pytest.approx(wanted, abs=1e-3)


def test_equal_keys_give_equal_thoughts_in_any_batch(thinker: Transformer) -> None:
    together = thinker.reply(requests(12))
    alone = [thinker.reply([request])[0] for request in requests(12)]
    assert [reply.tokens for reply in together] == [reply.tokens for reply in alone]


def test_a_thought_is_asked_for_behind_the_rules_and_opened(tiny: Transformer) -> None:
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|end|>{% endfor %}assistant: "
    import copy

    tokenizer: Any = copy.deepcopy(tiny.dialect.tokenizer)
    tokenizer.chat_template = template
    dialect = Dialect(tokenizer, thinking=SHORT)
    prompt = tokenizer.decode(dialect.encode("first", VIEW))
    assert f"rules\n\n{ASKED}<|end|>user: J<|end|>assistant: {OPEN}\n" in prompt


def test_own_thoughts_are_kept_or_dropped_as_the_policy_says(tiny: Transformer) -> None:
    said = f"I hold J{CLOSE}bet"
    assert says(tiny, said, Thinking("asked", 64))[0].memory is None
    kept, _ = says(tiny, said, Thinking("asked", 64, keep=True))
    assert kept.memory == f"{OPEN}I hold J{CLOSE}bet"


def test_without_thinking_nothing_of_a_policy_changes(tiny: Transformer, kuhn: Game) -> None:
    plain = load_model("tiny?think=off&thought_tokens=9", kuhn, sampling=tiny.sampling)
    assert plain.ref.id == tiny.ref.id
    assert plain.prompts(requests(1)) == tiny.prompts(requests(1))


def test_another_way_of_thinking_is_another_policy(thinker: Transformer, tiny: Transformer) -> None:
    ways = [
        OFF,
        SHORT,
        Thinking("template", BUDGET),
        Thinking("asked", 7),
        Thinking("asked", BUDGET, True),
    ]
    ids = {
        Transformer(tiny.model, tiny.dialect.with_thinking(way), name="t", weights="w").ref.id
        for way in ways
    }
    assert len(ids) == len(ways)


def test_a_name_says_how_a_model_thinks() -> None:
    assert parted("smollm2-135m") == ("smollm2-135m", OFF)
    assert parted("a/b?think=template") == ("a/b", Thinking("template"))
    name = "small:sums?accuracy=0.3&think=asked&thought_tokens=9&keep_thoughts=true"
    assert parted(name) == ("small:sums?accuracy=0.3", Thinking("asked", 9, True))
    assert of_settings({"think": "asked", "thought_tokens": 5}) == Thinking("asked", 5)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("think=askd", "did you mean asked"),
        ("thought_tokens=0", "from 1 to"),
        ("thought_tokens=x", "from 1 to"),
        ("keep_thoughts=yes", "true or false"),
    ],
)
def test_an_option_of_thinking_that_is_none_is_refused(option: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        parted(f"tiny?{option}")


def test_a_role_thinks_by_itself(tiny: Transformer) -> None:
    policy = Transformer(
        tiny.model, tiny.dialect.with_thinking(BY_ROLE), name="t", weights="w", sampling=HOT
    )
    asked = [
        Request(role, role, VIEW, ("bet",), Key(n, 0, role, 0))
        for n in range(8)
        for role in ("first", "second")
    ]
    replies = policy.reply(asked)
    assert {r.role for r, reply in zip(asked, replies, strict=True) if reply.given} == {"second"}
    assert [policy.prompts([r]) == tiny.prompts([r]) for r in asked[:2]] == [True, False]
    # those that do not think are drawn as by a policy of which none thinks
    plain = tiny.with_sampling(HOT).reply(asked[::2])
    assert [reply.tokens for reply in replies[::2]] == [reply.tokens for reply in plain]


def test_a_role_thinks_by_itself_on_an_engine(tiny: Transformer) -> None:
    dialect = tiny.dialect.with_thinking(BY_ROLE)
    engine = Spelling(dialect, "one two three four five six seven")
    policy = Hosted(engine, dialect, name="t", weights="w", sampling=Sampling(max_tokens=ANSWER))
    first, second = asyncio.run(
        policy.act(
            [request._replace(role=role) for role, request in zip(ROLES, requests(2), strict=True)]
        )
    )
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert (first.given, bool(second.given)) == (None, True)
    assert [draw.tokens for draw in engine.asked] == [ANSWER, 4, ANSWER]


def test_an_endpoint_is_asked_to_think_by_role(kuhn: Game) -> None:
    remote = Remote(Endpoint("http://localhost:1", "m"), thinking=BY_ROLE)
    told = [
        remote.chat(request._replace(role=role))[0]["content"]
        for role, request in zip(ROLES, requests(2), strict=True)
    ]
    assert [ASKED in text for text in told] == [False, True]


def test_a_name_and_a_run_say_how_a_role_thinks(kuhn: Game) -> None:
    name = "tiny?think.second=asked&thought_tokens.second=4&thought_tokens=6"
    assert parted(name) == ("tiny", BY_ROLE)
    rollout = {
        "think": "off",
        "thought_tokens": 6,
        "roles": {"second": {"think": "asked", "thought_tokens": 4}},
    }
    found = of_settings(rollout)
    assert found == BY_ROLE
    # a name that says how all think leaves nothing of what the run says of roles
    assert parted("RUN@3?think=off", found)[1].roles == ()
    assert parted("RUN@3?thought_tokens.second=9", found)[1].of("second").tokens == 9
    with pytest.raises(SparringError, match=r"no role 'secnd' of kuhn-poker-v0.*did you mean sec"):
        seat("tiny?think.secnd=asked", kuhn)
    with pytest.raises(SparringError, match="think of which role"):
        seat("tiny?think.=asked", kuhn)


def test_the_interval_of_a_policy_whose_one_role_thinks_holds_its_means(kuhn: Game) -> None:
    thinks = load_model("tiny?think.second=asked&thought_tokens.second=4", kuhn)
    walked = exact_tree(kuhn)
    assert walked
    found = evaluate(walked, thinks, 4)
    assert found.bounds
    assert found.bounds.low <= found.bounds.high
    # the role that does not think is known exactly
    plain = evaluate(walked, load_model("tiny", kuhn))
    first = [info.key for info in walked.infosets if info.role == "first"]
    for key in first:
        assert found.odds[key] == pytest.approx(plain.odds[key], abs=1e-4)


def test_the_name_of_a_runs_model_says_how_it_thinks(tmp_path: Path, kuhn: Game) -> None:
    name = "tiny?think.second=asked&thought_tokens.second=4"
    settings = {"rollout.games": "4", "steps": "1", "rollout.max_tokens": "3"}
    given = {"out": str(tmp_path / "run"), "threads": 1, "model": name}
    config = configured("spiral", None, settings, given)
    # the loss of dr_grpo divides by it
    assert arguments(config, tmp_path).max_completion_length == 3 + 4

    done = train(config, quiet=True)
    own = seat(f"{done.folder}@latest", kuhn)
    assert isinstance(own, Transformer)
    assert [own.dialect.of(role).thinks for role in ROLES] == [False, True]
    with pytest.raises(SparringError, match="names third; the roles of kuhn-poker-v0 are"):
        checked(configured("spiral", None, {}, {"model": "tiny?think.third=asked"}))
