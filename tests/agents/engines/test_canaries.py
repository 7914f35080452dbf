"""No thought reaches another seat: a thought is planted in every reply of every seat of every game.

The move behind it is that of the game's own sample player. Each engine is the real policy around words that
are put into its mouth.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sparring.agents.engines.policy import Draw, Drawn, Hosted, Look
from sparring.agents.language.chat_template import Dialect
from sparring.agents.language.thoughts import Part
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.nursery.trusted import verdicts
from sparring.agents.policy import Policy, Request, Response, Sampling, Wrapper
from sparring.agents.prompts import CLOSE, OPEN
from sparring.agents.remote import Endpoint, Remote
from sparring.agents.scripted import scripted
from sparring.agents.thinking import Thinking
from sparring.arenas.match import Match, play
from sparring.arenas.rollouts import play_all
from sparring.envs.registry import Game, find, game_ids
from sparring.envs.types import Episode, Job, Verdict

from .conftest import Backend

OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]
LONG = 1 << 20
THINKS = Thinking("asked", 5000, keep=True)
SAMPLING = Sampling(max_tokens=5000)


class Trusted:
    """Runs the sample players' programs in this process: they are our own."""

    name = "trusted"

    async def verify(self, jobs: Sequence[Job]) -> Sequence[Verdict]:
        return verdicts(jobs)

    async def close(self) -> None: ...


class Planted(Wrapper):
    """A policy whose model says what it is told: a thought that names its seat, then the sample's move."""

    def __init__(self, inner: Policy, tell: Callable[[str], object], game: Game) -> None:
        super().__init__(inner)
        self._tell = tell
        self._mover = scripted("sample" if "sample" in game.oracles else "random", game)

    async def act(self, requests: Sequence[Request]) -> Sequence[Response]:
        found: list[Response] = []
        for request in requests:
            (move,) = await self._mover.act([request])
            assert not isinstance(move, Exception)
            self._tell(f"{canary(request.seat)}{CLOSE}{move.text}")
            found += await self._inner.act([request])
        return found


class Spoken(Transformer):
    """A model of transformers that says what it is told."""

    words = ""

    def __init__(self, model: Any, dialect: Dialect, **named: Any) -> None:
        super().__init__(model, dialect, **named)
        self.context = LONG

    def _draw(self, prompts: Any, keys: Any, rooms: Any, sampling: Sampling) -> list[Part]:
        tokens = (*self.dialect.choice(self.words), self.dialect.end)
        return [Part(tokens, (-0.5,) * len(tokens)) for _ in prompts]


class Engine:
    """An engine that says what it is told, as vLLM would."""

    name, context, words = "spoken", LONG, ""

    def __init__(self, tiny: Transformer) -> None:
        self._dialect = tiny.dialect

    async def draw(self, draws: Sequence[Draw]) -> Sequence[Drawn | Exception]:
        tokens = (*self._dialect.choice(self.words), self._dialect.end)
        return [Drawn(tokens, (-0.5,) * len(tokens)) for _ in draws]

    def look(self, looks: Sequence[Look]) -> Sequence[Mapping[int, float]]:
        raise AssertionError("nothing is scored here")

    def load(self, adapter: str, folder: Path) -> None: ...
    def retire(self, adapter: str) -> None: ...
    def replace(self, folder: Path) -> None: ...


class Server(HTTPServer):
    words = ""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Server)
        message = {"content": f"{OPEN}{self.server.words}"}
        body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(params=["transformers", "hosted", "endpoint"])
def told(
    request: pytest.FixtureRequest, tiny: Transformer
) -> Iterator[tuple[Policy, Callable[[str], None]]]:
    """A policy, and how its model is told what to say."""
    if request.param == "endpoint":
        server = Server(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        yield Remote(Endpoint(url, "m"), sampling=SAMPLING, thinking=THINKS), saying(server)
        server.shutdown()
        thread.join()
        server.server_close()
        return

    dialect = tiny.dialect.with_thinking(THINKS)
    if request.param == "hosted":
        engine = Engine(tiny)
        yield Hosted(engine, dialect, name="m", weights="w", sampling=SAMPLING), saying(engine)
    else:
        model = Spoken(tiny.model, dialect, name="m", weights="w", sampling=SAMPLING)
        yield model, saying(model)


def saying(model: Any) -> Callable[[str], None]:
    return lambda words: setattr(model, "words", words)


def canary(seat: str) -> str:
    return f"the canary of {seat} sings"


def leaks(episode: Episode, game: Game) -> list[str]:
    """Where a seat's thought stands in what another seat was shown."""
    return [
        f"{game.id}: {turn.seat} reads {seat}'s thought"
        for turn in episode.turns
        for seat in game.seats
        if seat != turn.seat and any(canary(seat) in message.text for message in turn.prompt)
    ]


def test_a_thought_reaches_no_other_seat_in_any_game(
    told: tuple[Policy, Callable[[str], None]],
) -> None:
    policy, tell = told
    found: list[str] = []
    for game in map(find, OURS):
        planted = Planted(policy, tell, game)
        match = Match(game, dict.fromkeys(game.seats, planted), 1)
        episode = asyncio.run(play(match, verifier=Trusted()))
        assert episode.ending.kind != "error", (game.id, episode.ending)

        # the thought was there, and its own seat keeps it
        assert all(canary(turn.seat) in turn.reply.thought for turn in episode.turns), game.id
        later = [turn for turn in episode.turns if any(m.speaker == "self" for m in turn.prompt)]
        assert all(canary(t.seat) in str(t.prompt) for t in later), game.id
        found += leaks(episode, game)
    assert not found


def test_what_a_real_engine_thinks_stays_with_its_seat(backend: Backend) -> None:
    # a tiny model babbles when it is hot, its budget closes the thought, and others are shown its answers
    thinking, hot = Thinking("asked", 12), Sampling(temperature=2.0, max_tokens=8)
    base = backend.base
    if isinstance(base, Transformer):
        dialect = base.dialect.with_thinking(thinking)
        policy: Policy = Transformer(base.model, dialect, name="m", weights="w", sampling=hot)
    else:
        policy = base.twin(sampling=hot, thinking=thinking)

    talk = find("discussion-v0", agents=3, rounds=2)
    seats = {**dict.fromkeys(talk.seats, policy), "judge": scripted("sample", talk)}
    episodes = asyncio.run(play_all([Match(talk, seats, seed) for seed in range(8)]))
    turns = [turn for each in episodes for turn in each.turns if turn.role == "agent"]
    assert len(turns) >= 48

    told = hidden = 0
    for episode in episodes:
        for turn in episode.turns:
            shown = "\n".join(m.text for m in turn.prompt if m.speaker == "game")
            assert CLOSE not in shown
            others = [t for t in episode.turns if t.role == "agent" and t.seat != turn.seat]
            told += sum(f": {' '.join(t.reply.text.split())}" in shown for t in others)
            # what a thought has in common with an answer, or with the rules, may be read there
            said = "\n".join([*(t.reply.text for t in episode.turns), turn.prompt[0].text])
            secret = [t.reply.thought for t in others if t.reply.thought not in said]
            hidden += len(secret)
            assert not any(thought in shown for thought in secret)
    # answers came through, and some thoughts were their seat's alone
    assert told >= 40
    assert hidden >= 10
