"""A call of a tool inside a turn, run by a real verifier: what comes back is read, and never trained on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.replies import ended
from sparring.agents.models.load import load_model
from sparring.agents.policy import Request, Response
from sparring.agents.scripted import scripted
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import find
from sparring.envs.types import PolicyRef
from sparring.sandbox.pool.verifier import Pooled
from sparring.training.config import Credits
from sparring.training.data.batch import Row, pack
from sparring.training.data.collect import collect
from sparring.training.data.credit import credit

CALL, ANSWER = "<python>print(1700 * 3)</python>", "<answer>51</answer>"
GAME = find("question-answer-v0", attempts=1, tools="python")


class Caller:
    """Calls Python once, and answers then, in the tokens of a model."""

    streams = False
    ref = PolicyRef("learner", "x")

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        return [self._reply(request) for request in requests]

    def _reply(self, request: Request) -> Response:
        prompt = self.dialect.encode(request.role, request.messages)
        text = ANSWER if request.messages[-1].speaker == "result" else CALL
        tokens = (*self.dialect.choice(text), self.dialect.end)
        return ended(self.dialect, prompt, tokens, (-1.0,) * len(tokens))


def test_a_call_runs_in_the_middle_of_a_turn_and_its_result_is_masked(verifier: Pooled) -> None:
    caller = Caller(load_model("tiny", find("kuhn-poker-v0")).dialect)
    seats = {"proposer": scripted("sample", GAME), "solver": caller}
    (episode,) = asyncio.run(play_all([Match(GAME, seats, 0)], verifier=verifier))
    turns = [turn for turn in episode.turns if turn.seat == "solver"]
    assert [turn.reply.text for turn in turns] == [CALL, ANSWER]
    assert turns[1].prompt[-1].text.startswith("5100")

    role_of = {"solver": "solver", "proposer": "proposer"}
    found = collect([(0, episode)], Credits(), learner="learner", role_of=role_of)
    sampled = [
        token
        for sample in found
        for token, own in zip(sample.tokens, sample.sampled, strict=True)
        if own
    ]
    assert sampled == [token for turn in turns for token in turn.reply.tokens]
    credited, _ = credit(found, {}, Credits(estimator="none"))
    batch = pack([Row(each.sample, each.advantages) for each in credited], pad=0, loss="dapo")
    assert int((batch.tensors["tool_mask"] > 0).sum()) == len(sampled)
    assert int(batch.tensors["completion_mask"].sum()) > len(sampled)
