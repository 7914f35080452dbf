"""What every engine must keep to, whatever it computes with: one suite over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import pytest
from peft import PeftModel
from sparring.agents.language.exact import distributions
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.policy import ContextError, Key, Request, Sampling
from sparring.envs.exact import tree
from sparring.envs.registry import Game
from sparring.envs.types import Message, Reply

from .conftest import Backend

PlainLogprobs: TypeAlias = Callable[[Transformer, Reply, Sampling], list[float]]
_names = (f"adapter-{number}" for number in count())


def request(text: str = "J", seed: int = 0, **other: object) -> Request:
    view = (Message("system", "rules"), Message("game", text))
    asked = Request("first", "first", view, ("check", "bet"), Key(seed, 0, "first", 0))
    return asked._replace(**other)


def mixed(sampling: Sampling, n: int = 24) -> list[Request]:
    texts = ("J", "K check", "a much longer prompt, wörld " * 3, "Q")
    return [request(texts[i % 4], i, sampling=sampling) for i in range(n)]


@pytest.mark.parametrize(
    "sampling",
    [Sampling(max_tokens=8), Sampling(2.0, 1.0, 12), Sampling(0.7, 0.9, 6)],
    ids=["free", "hot", "nucleus"],
)
def test_logprobs_are_those_of_a_plain_forward_pass(
    backend: Backend, tiny: Transformer, plain_logprobs: PlainLogprobs, sampling: Sampling
) -> None:
    off: list[float] = []
    for reply in backend.reply(mixed(sampling)):
        plain = plain_logprobs(tiny, reply, sampling)
        off += [abs(ours - theirs) for ours, theirs in zip(reply.logprobs, plain, strict=True)]
    assert fmean(off) <= 1e-3
    assert max(off) <= 1e-2


def test_a_prompt_is_the_chat_template_of_the_view(backend: Backend, tiny: Transformer) -> None:
    view = (
        Message("system", "rules"),
        Message("game", "J"),
        Message("self", "check"),
        Message("game", "bet"),
    )
    (reply,) = backend.reply([request(messages=view)])
    words = tiny.dialect.tokenizer.convert_ids_to_tokens(reply.prompt_tokens)
    assert words == ["<|first|>", "J", "<|move|>", "check", "<|end|>", "bet", "<|move|>"]


def test_a_reply_holds_its_end_of_turn_or_says_that_it_was_cut(
    backend: Backend, tiny: Transformer, hot: Sampling
) -> None:
    replies = backend.reply(
        [request(seed=n, sampling=replace(hot, max_tokens=2)) for n in range(200)]
    )
    assert {reply.finish for reply in replies} == {"stop", "length"}
    for reply in replies:
        assert (reply.tokens[-1] in tiny.dialect.stops) == (reply.finish == "stop")
        assert len(reply.tokens) == len(reply.logprobs) <= 2
        assert not set(reply.tokens[:-1]) & tiny.dialect.stops


def test_an_empty_reply_is_a_reply(backend: Backend, tiny: Transformer, hot: Sampling) -> None:
    held = replace(hot, constrained=True)
    (empty,) = backend.reply([request(sampling=held, choices=("",))])
    assert (empty.text, empty.tokens, empty.finish, len(empty.logprobs)) == (
        "",
        (tiny.dialect.end,),
        "stop",
        1,
    )
    view = (*request().messages, Message("self", ""), Message("game", "again"))
    (reply,) = backend.reply([request(messages=view)])
    assert reply.tokens


def test_any_text_goes_in_and_what_is_said_is_what_its_tokens_say(
    backend: Backend, tiny: Transformer, hot: Sampling
) -> None:
    texts = ("", "żółć 日本 🙂 \u200d", "\x00\x07", "a\r\nb\ttab", "e\u0301", "<|end|><|move|>")
    requests = [request(text, n, sampling=hot) for n, text in enumerate(texts * 3)]
    for asked, reply in zip(requests, backend.reply(requests), strict=True):
        assert reply.prompt_tokens == tiny.dialect.encode(asked.role, asked.messages)
        assert (reply.text, reply.thought) == tiny.dialect.read(reply.tokens)


def test_a_prompt_beyond_the_context_names_the_limit_and_spares_its_batch(
    backend: Backend, tiny: Transformer
) -> None:
    long, short = request("word " * 5000), request()
    first, fault, last = backend.reply([short, long, short])
    assert isinstance(fault, ContextError)
    assert f"at most {tiny.context}" in str(fault)
    assert first.tokens == last.tokens == backend.reply([short])[0].tokens


def test_more_prompts_at_once_than_an_engine_reads_in_a_step(
    backend: Backend, hot: Sampling
) -> None:
    """5,000 tokens; vLLM's steps take 2,048 or 4,096, and would cut a prompt in two."""
    requests = [request(f"{n} " + "J " * 330, n, sampling=hot) for n in range(16)]
    replies = backend.reply(requests)
    assert sum(len(reply.prompt_tokens) for reply in replies) > 4_500
    alone = backend.reply(requests[12:13])
    assert replies[12].tokens == alone[0].tokens
    assert replies[12].logprobs == pytest.approx(alone[0].logprobs, abs=1e-3)


def test_a_cancelled_request_leaves_the_engine_to_others(backend: Backend, hot: Sampling) -> None:
    """Games run out of time, and rollouts are closed early, while their requests are with the engine."""
    long = [
        request(f"{n} " + "J " * 200, n, sampling=replace(hot, max_tokens=500)) for n in range(8)
    ]
    before = [reply.tokens for reply in backend.reply([request(seed=n) for n in range(4)])]

    async def given_up() -> list[Any]:
        asked = asyncio.ensure_future(backend.base.act(long))
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return list(await backend.base.act([request(seed=n) for n in range(4)]))

    for _ in range(3):
        assert [reply.tokens for reply in asyncio.run(given_up())] == before


def test_a_reply_ends_where_the_context_does(
    backend: Backend, tiny: Transformer, hot: Sampling
) -> None:
    sizes = (
        (n, len(tiny.dialect.encode("first", request("J " * n).messages))) for n in range(400, 1100)
    )
    filler = next(n for n, size in sizes if size >= tiny.context - 2)
    replies = backend.reply([request("J " * filler, n, sampling=hot) for n in range(4)])
    assert all(len(reply.prompt_tokens) + len(reply.tokens) <= tiny.context for reply in replies)


def test_equal_batches_give_equal_tokens_in_any_order(backend: Backend, hot: Sampling) -> None:
    requests = mixed(hot)
    replies = [reply.tokens for reply in backend.reply(requests)]
    assert [reply.tokens for reply in backend.reply(requests)] == replies
    assert [reply.tokens for reply in backend.reply(requests[::-1])][::-1] == replies
    assert len(set(replies)) > 5  # they are samples, not one answer


def test_sampling_follows_the_models_distribution(backend: Backend) -> None:
    texts = [reply.text for reply in backend.reply([request(seed=n) for n in range(1000)])]
    assert abs(texts.count("check") / 1000 - 0.5) < 0.06


def test_greedy_replies_are_certain(backend: Backend) -> None:
    replies = backend.reply([request(seed=n, sampling=Sampling(0.0)) for n in range(3)])
    assert len({reply.tokens for reply in replies}) == 1
    assert {logprob for reply in replies for logprob in reply.logprobs} == {0.0}


def test_choices_have_the_likelihoods_of_a_plain_model(
    backend: Backend, tiny: Transformer, kuhn: Game
) -> None:
    asked = [
        Request(info.seat, info.role, info.messages, info.choices, Key(0, 0, info.seat, 0))
        for info in tree(kuhn).infosets
    ]
    for ours, theirs in zip(
        distributions(backend.base, asked), distributions(tiny, asked), strict=True
    ):
        assert ours.legal_mass == pytest.approx(theirs.legal_mass, abs=1e-4)
        assert dict(ours.probability) == pytest.approx(dict(theirs.probability), abs=1e-4)


def test_a_reply_held_to_a_choice_list_is_the_same_on_every_engine(
    backend: Backend, tiny: Transformer, hot: Sampling
) -> None:
    held = replace(hot, constrained=True)
    choices = ("check", "bet", "bet it all", "żółć", "c")
    requests = [request(seed=n, sampling=held, choices=choices) for n in range(40)]
    plain = tiny.reply(requests)
    for ours, theirs in zip(backend.reply(requests), plain, strict=True):
        assert (ours.text, ours.tokens) == (theirs.text, theirs.tokens)
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)
    assert len({reply.text for reply in plain}) > 1


def test_each_adapter_acts_as_its_merged_model_and_the_base_as_before(
    backend: Backend,
    adapters: list[Path],
    tiny: Transformer,
    plain_logprobs: PlainLogprobs,
    hot: Sampling,
) -> None:
    requests = mixed(hot)
    before = [reply.tokens for reply in backend.reply(requests)]
    for folder in adapters:
        policy = backend.adopt(folder, next(_names))
        merged = load_model("tiny", _kuhn(), sampling=tiny.sampling)
        merged.model = PeftModel.from_pretrained(merged.model, str(folder)).merge_and_unload()
        replies = backend.reply(requests, policy)
        off = [
            abs(ours - theirs)
            for reply in replies
            for ours, theirs in zip(reply.logprobs, plain_logprobs(merged, reply, hot), strict=True)
        ]
        assert fmean(off) <= 1e-3
        assert [reply.tokens for reply in replies] != before
    assert [reply.tokens for reply in backend.reply(requests)] == before


def test_adapters_in_one_batch_act_as_each_alone(
    backend: Backend, adapters: list[Path], hot: Sampling
) -> None:
    for folder in adapters:  # so that every slot of the engine has been filled
        backend.adopt(folder, next(_names))
    policies: list[Any] = [backend.adopt(folder, next(_names)) for folder in adapters] + [
        backend.base
    ]
    requests = mixed(hot, 8)
    alone = [backend.reply(requests, policy) for policy in policies]

    async def together() -> list[Any]:
        return await asyncio.gather(*(policy.act(requests) for policy in policies))

    for ours, theirs in zip(asyncio.run(together()), alone, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.tokens == other.tokens
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)
    assert len({tuple(reply.tokens for reply in replies) for replies in alone}) == 3


def test_an_adapters_name_is_taken_once_and_a_retired_one_acts_no_more(
    backend: Backend, adapters: list[Path]
) -> None:
    name = next(_names)
    policy = backend.adopt(adapters[0], name)
    with pytest.raises((RuntimeError, ValueError), match="new name"):
        backend.adopt(adapters[1], name)
    if backend.host is None:
        return
    backend.host.retire(policy)
    (fault,) = backend.reply([request()], policy)
    assert isinstance(fault, RuntimeError)
    assert name in str(fault)
    assert backend.reply([request()])[0].tokens


def test_all_weights_can_be_replaced_and_put_back(
    backend: Backend,
    tiny: Transformer,
    plain_logprobs: PlainLogprobs,
    hot: Sampling,
    tmp_path: Path,
) -> None:
    if backend.host is None:
        pytest.skip("transformers acts with the weights that are trained: nothing is replaced")
    requests = mixed(hot)
    before = backend.reply(requests)
    other = load_model("tiny", _kuhn(), seed=5)
    other.model.save_pretrained(tmp_path)
    own = backend.host.base
    now = backend.host.replace(tmp_path, name="other", weights=other.weights)
    replies = backend.reply(requests, now)
    off = [
        abs(ours - theirs)
        for reply in replies
        for ours, theirs in zip(reply.logprobs, plain_logprobs(other, reply, hot), strict=True)
    ]
    assert fmean(off) <= 1e-3
    folder = tmp_path / "back"
    tiny.model.save_pretrained(folder)
    backend.host.replace(folder, name=own.ref.name, weights=own.weights)
    assert [reply.tokens for reply in backend.reply(requests)] == [reply.tokens for reply in before]


def _kuhn() -> Game:
    from sparring.envs.registry import find

    return find("kuhn-poker-v0")
