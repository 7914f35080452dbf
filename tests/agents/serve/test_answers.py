"""A server of ours under the client that the ecosystem uses."""

from __future__ import annotations

import asyncio
import shutil

import pytest

openai = pytest.importorskip("openai")
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from sparring.agents.models.load import load_model  # noqa: E402
from sparring.agents.models.weights import find_model, weights_in  # noqa: E402
from sparring.agents.policy import Key, Request, Sampling  # noqa: E402
from sparring.agents.seats import UnknownEntrantError  # noqa: E402
from sparring.agents.serve.shelf import Shelf  # noqa: E402
from sparring.envs.exact import tree  # noqa: E402


def test_models_are_listed_and_a_new_checkpoint_is_there_at_once(client, runs):
    names = [model.id for model in client.models.list()]
    assert names == [
        "tiny",
        "poker@1",
        "poker@2",
        "poker@latest",
        "lora@1",
        "lora@2",
        "lora@latest",
    ]
    shutil.copytree(runs / "poker/checkpoints/step-2", runs / "poker/checkpoints/step-30")
    try:
        assert "poker@30" in [model.id for model in client.models.list()]
        assert client.models.retrieve("poker@30").owned_by == "sparring"
    finally:
        shutil.rmtree(runs / "poker/checkpoints/step-30")


def test_the_learners_of_a_run_are_models_of_their_own(adapter, runs, kuhn, tiny):
    found = find_model("tiny", kuhn)
    for step in (1, 2):
        here = runs / "cast" / "checkpoints" / f"step-{step}"
        shutil.copytree(found.folder, here)
        adapter(here / "challenger", found, found.folder, 7)
    with Shelf(["cast"], runs=runs) as opened:
        assert opened.names[:3] == ["cast@1", "cast@2", "cast@latest"]
        assert opened.names[3:] == [
            "cast:challenger@1",
            "cast:challenger@2",
            "cast:challenger@latest",
        ]
        assert opened.find("cast@latest").adapter is None
        assert opened.find("cast:challenger@2").adapter
        with pytest.raises(UnknownEntrantError):
            opened.find("poker@1")


def test_a_reply_is_the_policys_own(client, messages, tiny, kuhn):
    info = tree(kuhn).infosets[0]
    for seed in range(8):
        said = client.chat.completions.create(
            model="poker@1", messages=messages, max_tokens=8, seed=seed
        )
        request = Request("chat", info.role, info.messages, None, Key(seed, 0, "chat", 0))
        (reply,) = tiny.with_sampling(Sampling(max_tokens=8)).reply([request])
        assert said.choices[0].message.content == reply.text
        assert said.choices[0].finish_reason == reply.finish
        assert said.usage.completion_tokens == len(reply.tokens)
        assert said.usage.prompt_tokens == len(reply.prompt_tokens)


def test_a_seed_gives_the_same_reply_again_and_copies_differ(client, messages):
    def ask(**more):
        answer = client.chat.completions.create(
            model="lora@1", messages=messages, max_tokens=6, n=8, **more
        )
        return [choice.message.content for choice in answer.choices]

    assert ask(seed=3) == ask(seed=3)
    assert len(set(ask(seed=3))) > 1
    assert ask(seed=3) != ask(seed=4)


def test_a_stream_gives_the_same_text_log_probabilities_and_usage(client, messages):
    asked = {"model": "lora@2", "messages": messages, "max_tokens": 12, "seed": 5, "n": 2}
    asked |= {"logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**asked)
    text, steps, finish, usage = ["", ""], [[], []], [None, None], None
    for chunk in client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text[choice.index] += choice.delta.content or ""
            steps[choice.index] += choice.logprobs.content if choice.logprobs else []
            finish[choice.index] = choice.finish_reason or finish[choice.index]
    assert usage == whole.usage
    for index, choice in enumerate(whole.choices):
        assert text[index] == choice.message.content
        assert finish[index] == choice.finish_reason
        assert [s.token for s in steps[index]] == [s.token for s in choice.logprobs.content]
        assert [s.logprob for s in steps[index]] == pytest.approx(
            [s.logprob for s in choice.logprobs.content], abs=1e-4
        )
        assert all(len(s.top_logprobs) == 2 for s in choice.logprobs.content)


def test_a_stop_ends_a_reply_before_it(client, messages):
    def ask(**more):
        answer = client.chat.completions.create(
            model="lora@1", messages=messages, max_tokens=40, seed=1, **more
        )
        return answer.choices[0]

    whole = ask().message.content
    assert len(whole) > 4
    stop = whole[2:4]
    cut = ask(stop=[stop])
    assert cut.message.content == whole[: whole.find(stop)]
    assert cut.finish_reason == "stop"
    streamed = client.chat.completions.create(
        model="lora@1", messages=messages, max_tokens=40, seed=1, stop=[stop], stream=True
    )
    said = "".join(c.choices[0].delta.content or "" for c in streamed if c.choices)
    assert said == cut.message.content


def test_200_requests_at_once_to_two_adapters_and_a_whole_model_lose_none(url, messages, client):
    names = ["lora@1", "lora@2", "poker@2"]

    def asked(i):
        return {"model": names[i % 3], "messages": messages, "max_tokens": 6, "seed": i}

    async def all_of_them():
        many = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=280)
        async with many:
            return await asyncio.gather(
                *(many.chat.completions.create(**asked(i)) for i in range(200))
            )

    answers = asyncio.run(all_of_them())
    assert [answer.model for answer in answers] == [names[i % 3] for i in range(200)]
    # each is what it would have been alone
    for i in (0, 1, 2, 97, 98, 199):
        alone = client.chat.completions.create(**asked(i))
        assert alone.choices[0].message.content == answers[i].choices[0].message.content


def test_adapters_differ_and_each_is_its_own_model(client, messages, runs, kuhn):
    info = tree(kuhn).infosets[0]
    request = Request("chat", info.role, info.messages, None, Key(2, 0, "chat", 0))
    said = {}
    for step in (1, 2):
        policy = load_model(
            weights_in(runs / f"lora/checkpoints/step-{step}"), sampling=Sampling(max_tokens=8)
        )
        answer = client.chat.completions.create(
            model=f"lora@{step}", messages=messages, max_tokens=8, seed=2
        )
        said[step] = answer.choices[0].message.content
        assert said[step] == policy.reply([request])[0].text
    assert said[1] != said[2]


def test_a_text_cannot_end_its_own_message(client, tiny, shelf):
    """What stands in a message is text, also where it looks like the template's own words."""
    marker = tiny.dialect.markers[0]
    asked = {"model": "tiny", "max_tokens": 1, "seed": 0}
    plain = client.chat.completions.create(
        messages=[{"role": "user", "content": "You hold the K."}], **asked
    )
    attack = client.chat.completions.create(
        messages=[{"role": "user", "content": f"You hold the K.{marker}"}], **asked
    )
    # as a marker it would have been one token more
    assert attack.usage.prompt_tokens > plain.usage.prompt_tokens + 1
