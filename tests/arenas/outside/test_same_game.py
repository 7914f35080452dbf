"""One game, played here, as an environment of verifiers and on a real server of OpenEnv: the same."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import asynccontextmanager, contextmanager

import pytest

for library in ("verifiers.v1", "openenv"):
    # where they have to be, a missing one fails here and skips nothing
    if not os.environ.get("SPARRING_REQUIRE_OUTSIDE"):
        pytest.importorskip(library, reason=".ci/outside.sh has it")

import torch  # noqa: E402
from aiohttp import web  # noqa: E402
from sparring.agents.prompts import chat  # noqa: E402
from sparring.agents.scripted import Scripted  # noqa: E402
from sparring.agents.seats import seat as seated  # noqa: E402
from sparring.arenas.match import Match, play  # noqa: E402
from sparring.arenas.transcript import read  # noqa: E402
from sparring.cli import main  # noqa: E402
from sparring.envs.players import example  # noqa: E402
from sparring.envs.registry import find  # noqa: E402
from sparring.envs.seeds import bits  # noqa: E402
from sparring.sandbox.choose import Lazy  # noqa: E402

openenv = importlib.import_module("openenv")
vf = importlib.import_module("verifiers.v1")
loaders = importlib.import_module("verifiers.v1.utils.loaders")

SEEDS = range(6)
GAMES = {
    # listed moves, wrong ones among what is said
    "kuhn-poker-v0": ("first", "second", "nash", ("check", "bet", "fold", "call")),
    # both at once
    "rock-paper-scissors-v0": ("player_0", "player_1", "random", ("rock", "paper", "scissors")),
    # free text against the game's own player
    "taboo-v0": ("attacker", "defender", "sample", ()),
    # code that runs in a sandbox
    "code-deduction-v0": ("proposer", "solver", "sample", ()),
}


def say(messages, words):
    """A reply by what was asked alone: a word, or the example that the prompt gives."""
    asked = messages[-1]["content"]
    return words[bits(asked, 16) % len(words)] if words else example(asked)


def told(episode):
    """All that happened, but for who sat there."""
    turns = [(t.seat, t.prompt, t.reply.text, t.retry, t.refused) for t in episode.turns]
    ending = (episode.ending.kind, episode.ending.seats, episode.ending.reason)
    return (turns, dict(episode.payoff), ending, episode.notes)


def here(id):
    seat, other, who, words = GAMES[id]
    game = find(id)

    async def games():
        verifier = Lazy("local")
        mine = Scripted(lambda request: say(chat(request.role, request.messages), words))
        seats = {seat: mine, other: seated(who, game)}
        seats = {s: seats.get(s) or seats[game.role_of[s]] for s in game.seats}
        try:
            return [await play(Match(game, seats, s), verifier=verifier) for s in SEEDS]
        finally:
            await verifier.close()

    return [told(episode) for episode in asyncio.run(games())]


def exported(id, kind, folder):
    seat, other, who, _ = GAMES[id]
    out = folder / f"{id}-{kind}"
    given = ["--as", seat, "--seat", f"{other}={who}", "--games", "20", "--out", str(out)]
    assert main(["export", id, "--to", kind, *given]) == 0
    (package,) = [path.parent for path in out.glob("*/game.json")]
    return out, package.name


@asynccontextmanager
async def endpoint(words):
    """An endpoint whose model says what `say` says."""

    async def answer(request):
        body = await request.json()
        said = {"role": "assistant", "content": say(body["messages"], words)}
        choice = {"index": 0, "finish_reason": "stop", "message": said}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        top = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
        return web.json_response({**top, "choices": [choice], "usage": usage})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def with_verifiers(module, words):
    env = loaders.load_environment(loaders.resolve_env_config({"taskset": {"id": module}}))
    async with endpoint(words) as url, env.serving():
        context = vf.ModelContext(model="any", client=vf.EvalClientConfig(base_url=url))
        tasks = list(env.taskset.take(len(SEEDS)))
        return await asyncio.gather(*(env.run_episode(task, context) for task in tasks))


@contextmanager
def served(out, module):
    """The exported server in a process of its own; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = f"{module}.server.app:app"
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "error"]
    server = subprocess.Popen(command, cwd=out)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/health").read()
                break
            except OSError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("id", GAMES)
def test_verifiers_plays_the_same_game(id, tmp_path, monkeypatch):
    out, module = exported(id, "verifiers", tmp_path)
    monkeypatch.syspath_prepend(str(out))
    expected = here(id)
    for wanted, episode in zip(
        expected, asyncio.run(with_verifiers(module, GAMES[id][3])), strict=True
    ):
        assert episode.ok, episode.errors
        (trace,) = episode.traces
        assert told(read(trace.info["game"]["transcript"])) == wanted
        assert trace.reward == wanted[1][trace.info["game"]["seat"]]
        # what the trace holds is the conversation of the seat, and no more
        turns = [turn for turn in wanted[0] if turn[0] == trace.info["game"]["seat"]]
        assert trace.num_turns == len(turns)


@pytest.mark.parametrize("id", GAMES)
def test_a_server_of_openenv_plays_the_same_game(id, tmp_path):
    out, module = exported(id, "openenv", tmp_path)
    expected = here(id)
    with served(out, module) as url, openenv.GenericEnvClient(base_url=url).sync() as client:
        for seed, wanted in zip(SEEDS, expected, strict=True):
            result = client.reset(seed=seed)
            while not result.done:
                result = client.step({"text": say(result.observation["messages"], GAMES[id][3])})
            assert told(read(result.observation["transcript"])) == wanted
            assert result.reward == wanted[1][result.observation["seat"]]
        with pytest.raises(RuntimeError, match="no open seat 'nobody'"):
            client.reset(seat="nobody")


def test_both_seats_may_be_agents_of_verifiers(tmp_path, monkeypatch):
    out = tmp_path / "both"
    assert main(["export", "kuhn-poker-v0", "--to", "verifiers", "--as", "first", "--as", "second",
                 "--out", str(out)]) == 0  # fmt: skip
    monkeypatch.syspath_prepend(str(out))
    sys.modules.pop("kuhn_poker_v0", None)
    try:
        episodes = asyncio.run(with_verifiers("kuhn_poker_v0", ("check", "bet", "fold", "call")))
    finally:
        sys.modules.pop("kuhn_poker_v0", None)
    for episode in episodes:
        paid = {trace.agent.name: trace.reward for trace in episode.traces}
        assert set(paid) == {"first", "second"}
        assert json.loads(episode.traces[0].info["game"]["transcript"])["payoff"] == paid


def test_trl_trains_a_step_on_the_exported_server(tmp_path, monkeypatch):
    """Through `rollout_func`: TRL's own trainer, a model of ours, games over the socket."""
    from datasets import Dataset
    from sparring.agents.models.weights import find_model
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    folder = find_model("tiny", find("kuhn-poker-v0")).folder
    model, reader = (
        AutoModelForCausalLM.from_pretrained(folder),
        AutoTokenizer.from_pretrained(folder),
    )
    out, module = exported("kuhn-poker-v0", "openenv", tmp_path)
    paid = []

    def reply(model, messages, start):
        """Tokens of the conversation beyond `start`, those of one reply, and their log-probabilities."""
        text = reader.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = reader(text, add_special_tokens=False)["input_ids"]
        drawn = model.generate(
            torch.tensor([ids]), max_new_tokens=4, do_sample=True, top_k=0,
            output_scores=True, return_dict_in_generate=True,
        )  # fmt: skip
        said = drawn.sequences[0, len(ids) :].tolist()
        odds = [
            score[0].log_softmax(-1)[token].item()
            for score, token in zip(drawn.scores, said, strict=True)
        ]
        return ids[start:], said, odds

    def game(model, client, seed):
        """One game as TRL's rows: what the game said in between is masked."""
        result = client.reset(seed=seed)
        prompt, tokens, odds, mask = None, [], [], []
        while not result.done:
            new, said, likely = reply(
                model, result.observation["messages"], len(prompt or ()) + len(tokens)
            )
            if prompt is None:
                prompt = new
            else:
                tokens, odds, mask = tokens + new, odds + [0.0] * len(new), mask + [0] * len(new)
            tokens, odds, mask = tokens + said, odds + likely, mask + [1] * len(said)
            result = client.step({"text": reader.decode(said, skip_special_tokens=True)})
        return prompt, tokens, odds, mask, result.reward

    def rollout(prompts, trainer):
        with openenv.GenericEnvClient(base_url=url).sync() as client, torch.no_grad():
            rows = [game(trainer.model, client, seed) for seed in range(len(prompts))]
        prompt, tokens, odds, mask, reward = (list(column) for column in zip(*rows, strict=True))
        paid.extend(reward)
        return {"prompt_ids": prompt, "completion_ids": tokens, "logprobs": odds, "env_mask": mask,
                "paid": reward}  # fmt: skip

    before = {name: value.clone() for name, value in model.named_parameters()}
    with served(out, module) as url:
        settings = GRPOConfig(
            output_dir=str(tmp_path / "trl"), max_steps=1, per_device_train_batch_size=8,
            num_generations=8, max_completion_length=64, learning_rate=1e-3, use_cpu=True, bf16=False,
            report_to="none", save_strategy="no", disable_tqdm=True, activation_checkpointing=False,
        )  # fmt: skip
        trainer = GRPOTrainer(
            model=model,
            reward_funcs=lambda completions, paid, **_: paid,
            args=settings,
            train_dataset=Dataset.from_list([{"prompt": "one game"}] * 8),
            processing_class=reader,
            rollout_func=rollout,
        )
        done = trainer.train()

    assert len(paid) == 8
    assert len(set(paid)) > 1
    assert all(-3 <= amount <= 2 for amount in paid)
    assert done.global_step == 1
    logged = trainer.state.log_history[0]
    assert logged["reward"] == pytest.approx(sum(paid) / 8)
    assert any(not torch.equal(value, before[name]) for name, value in model.named_parameters())
