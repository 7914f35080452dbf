"""The live pages without a browser: what is read, who may ask, and a game with a person at the table."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

pytest.importorskip("starlette")
uvicorn = pytest.importorskip("uvicorn")

from sparring.agents.scripted import scripted  # noqa: E402
from sparring.arenas.store.reading import Archive  # noqa: E402
from sparring.envs.registry import find  # noqa: E402
from sparring.web import play, watch  # noqa: E402
from sparring.web.curves import MOST, Curve  # noqa: E402
from sparring.web.pages import Server, opened  # noqa: E402
from sparring.web.runs import Followed  # noqa: E402
from sparring.web.seats import PERSON  # noqa: E402
from sparring.web.stories import from_text  # noqa: E402
from sparring.web.tail import Tail  # noqa: E402

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\u202egnp.exe\x1b[31m\n[1] o says: 9"
)


class Answer(NamedTuple):
    status: int
    headers: Any
    text: bytes

    def json(self) -> Any:
        return json.loads(self.text)


def ask(address: str, data: Any = None, **headers: str) -> Answer:
    """What a server answers; with `data` to a post, sent as JSON unless it is bytes."""
    parts = urlsplit(address)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    body = None if data is None else data if isinstance(data, bytes) else json.dumps(data).encode()
    if body is not None:
        given.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET" if body is None else "POST", target, body, given)
    answer = connection.getresponse()
    found = Answer(answer.status, answer.headers, answer.read())
    connection.close()
    return found


def served(app: Any, ending: list[Callable[[], None]]) -> Iterator[str]:
    listening, address, _ = opened("127.0.0.1", 0, "")
    server = Server(app, ending)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    yield address.rstrip("/")
    server.should_exit = True
    thread.join(20)
    listening.close()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "poker"
    (folder / "transcripts").mkdir(parents=True)
    (folder / "config.toml").write_text('game = "kuhn-poker-v0"\nsteps = 3\nseed = 7\n')
    record = {"step": 1, "games": 256, "payoff/first": 0.5, "invalid_rate/first": 0.9}
    (folder / "metrics.jsonl").write_text(json.dumps(record) + "\n")
    (folder / "transcripts" / "step-000001.txt").write_text(
        "=== step 1, game 0: kuhn-poker-v0 seed 3 ===\n  game to first: Q\n[0] first thinks: hm\n"
        "[0] first says: <script>alert(1)</script>\n      [1] second says: forged\n"
        "    credit form: +1\nending: outcome\npayoff: first -1, second +1\n"
    )
    return folder


@pytest.fixture
def watched(run: Path) -> Iterator[str]:
    watching = watch.Watching([], run.parent)
    watching.look()
    yield from served(watch.app(watching), [watching.hub.end])


@pytest.fixture
def room(tmp_path: Path) -> play.Room:
    game = find("kuhn-poker-v0")
    names = ["random", "nash"]
    store = tmp_path / "people" / "store.sqlite"
    return play.Room(game, names, lambda name: scripted(name, game), store=store)


@pytest.fixture
def table(room: play.Room) -> Iterator[str]:
    yield from served(play.app(room), [room.end])


def state(room: play.Room, key: str, ready: Callable[[Any], Any]) -> Any:
    """The state of a chair, once it is as wanted."""
    for _ in range(2000):
        told = room.chair(key).state()
        if ready(told):
            return told
        time.sleep(0.01)
    raise AssertionError(f"still {told}")


def test_a_tail_reads_whole_lines_only_and_begins_again_where_a_file_was_replaced(tmp_path):
    path = tmp_path / "f"
    tail = Tail(path)
    assert tail.lines() == []
    path.write_text("one\ntw")
    assert tail.lines() == ["one"]
    path.write_text("one\ntwo\n")
    assert (tail.lines(), tail.restarted) == (["two"], False)
    path.write_text("three\nfour\nfive\n")
    assert (tail.lines(), tail.restarted) == (["three", "four", "five"], True)


def test_a_curve_of_any_length_keeps_its_mean_in_few_points():
    curve = Curve()
    for x in range(10_000):
        curve.add(x, x)
    assert len(curve.xs) <= MOST
    assert curve.ys[0] == pytest.approx(sum(range(curve.stride)) / curve.stride)
    assert curve.xs[-1] == 9_999


def test_an_empty_folder_waits_and_a_run_that_goes_on_tells_only_what_is_new(tmp_path):
    followed = Followed(tmp_path / "later", "later")
    followed.look()
    assert followed.news()["state"] == "waiting"
    (tmp_path / "later").mkdir()
    lines = [json.dumps({"step": step, "payoff/first": step / 8}) + "\n" for step in range(3)]
    (tmp_path / "later" / "metrics.jsonl").write_text("".join(lines[:2]))
    followed.look()
    assert followed.news()["curves"]["payoff"]["first"]["points"] == [[0, 0], [1, 0.125]]
    with (tmp_path / "later" / "metrics.jsonl").open("a") as file:
        file.write(lines[2])
    followed.look()
    assert followed.news()["curves"] == {"payoff": {"first": {"at": 2, "points": [[2, 0.25]]}}}
    assert followed.whole()["curves"]["payoff"]["first"]["points"][-1] == [2, 0.25]


@pytest.mark.parametrize("broken", ["[" * 100_000, '{"step": 1%s}' % ("0" * 400), '{"step": NaN}'])
def test_a_broken_line_of_metrics_is_passed_over_and_the_next_is_read(tmp_path, broken):
    (tmp_path / "config.toml").write_text('game = "kuhn-poker-v0"\nsteps = 3\n')
    (tmp_path / "metrics.jsonl").write_text(broken + '\n{"step": 2, "games": 8}\n')
    followed = Followed(tmp_path, "run")
    followed.look()
    assert followed.news()["step"] == 2


def test_a_run_that_cannot_be_read_says_so_and_others_are_followed(tmp_path, monkeypatch):
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").write_text('game = "kuhn-poker-v0"\nsteps = 3\n')
        (tmp_path / name / "metrics.jsonl").write_text('{"step": 2, "games": 8}\n')
    watching = watch.Watching([], tmp_path)
    bad, good = sorted(watching.followed.values(), key=lambda run: run.name)

    def failing() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(bad, "_read_metrics", failing)
    watching.look()
    assert bad.whole()["fault"] == "OSError: the disk is gone"
    assert (good.whole()["step"], good.whole()["fault"]) == (2, "")


def test_alarms_are_those_of_the_run_s_own_rules(run):
    followed = Followed(run, "poker")
    followed.look()
    ((step, text),) = followed.news()["alarms"]
    assert (step, "90.0% of first's replies were refused" in text) == (1, True)


def test_what_a_player_says_never_looks_like_a_line_of_the_transcript(run):
    text = (run / "transcripts" / "step-000001.txt").read_text()
    ((key, game),) = from_text(text)
    assert (key, len(game["turns"])) == ("1.0", 1)
    assert game["turns"][0]["said"] == "<script>alert(1)</script>\n[1] second says: forged"
    assert (game["turns"][0]["thought"], game["turns"][0]["credits"]) == ("hm", [["form", "+1"]])


def test_a_page_answers_its_own_host_and_origin_only(watched):
    for host in ("evil.example", "evil.example:80", "localhost.evil.example"):
        assert ask(watched, Host=host).status == 421
    assert ask(watched, Origin="http://evil.example").status == 403
    cross = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    assert ask(f"{watched}/events", **cross).status == 403
    answer = ask(watched)
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_post_from_another_page_moves_nothing(table):
    body = {"seats": {"first": PERSON, "second": "nash"}}
    assert ask(f"{table}/do/open", body, Origin="http://evil.example").status == 403
    assert ask(f"{table}/do/open", body, Content_Type="text/plain").status == 400
    assert ask(f"{table}/do/open", b"x" * 70_000).status == 413
    assert ask(f"{table}/do/open", body).status == 200


def test_a_server_that_others_reach_asks_for_a_token(run):
    watching = watch.Watching([], run.parent)
    for address in served(watch.app(watching, token="secret"), [watching.hub.end]):
        assert ask(address).status == 401
        assert ask(f"{address}/?token=wrong").status == 401
        first = ask(f"{address}/?token=secret")
        assert (first.status, first.headers["location"]) == (303, "/")
        assert "HttpOnly" in first.headers["set-cookie"]
        cookie = first.headers["set-cookie"].partition(";")[0]
        assert ask(address, Cookie=cookie).status == 200
    listening, address, token = opened("0.0.0.0", 0, "")
    listening.close()
    assert len(token) > 20
    assert token in address


@pytest.mark.parametrize("seat", ["first", "second"])
def test_a_person_plays_a_whole_game_in_each_seat_and_it_is_kept_only_when_they_say_so(
    room, table, seat
):
    seats = {"first": "nash", "second": "nash"} | {seat: PERSON}
    answer = ask(f"{table}/do/open", {"seats": seats, "seed": 3})
    key = answer.json()["keys"][seat]
    told = state(room, key, lambda told: told["ask"] or told["over"])
    assert told["board"]["hand"][0] in "JQK"
    while not told["over"]:
        move = {"key": key, "number": told["ask"]["number"], "text": told["ask"]["choices"][-1]}
        assert ask(f"{table}/do/move", move).status == 200
        # the same move again is none
        assert ask(f"{table}/do/move", move).status == 400
        told = state(room, key, lambda told: told["ask"] or told["over"])
    others = [turn for turn in told["over"]["story"]["turns"] if turn["seat"] != seat]
    assert all(abs(sum(p for _, p in turn["odds"]) - 1) < 1e-3 for turn in others)

    assert not room.store.exists()
    assert ask(f"{table}/do/keep", {"key": key, "name": " "}).status == 400
    assert ask(f"{table}/do/keep", {"key": key, "name": "Ada"}).status == 200
    with Archive(room.store) as archive:
        (row,) = archive.rows(room.game)
        assert {place.entrant for place in row.places} >= {"human/Ada"}
    again = ask(f"{table}/do/keep", {"key": key, "name": "Ada"})
    assert again.status == 400


def test_two_people_see_their_own_cards_only(room, table):
    seats = {"first": PERSON, "second": PERSON}
    keys = ask(f"{table}/do/open", {"seats": seats}).json()["keys"]
    state(room, keys["first"], lambda told: told["ask"])
    other = room.chair(keys["second"]).state()
    assert other["messages"] == []
    assert (other["ask"], other["board"], other["share"]) == (None, None, {})


def test_nobody_sits_down_who_was_not_offered(table):
    for who in ("../../etc", "human", "tiny"):
        answer = ask(f"{table}/do/open", {"seats": {"first": PERSON, "second": who}})
        assert answer.status == 400


def test_hostile_text_is_made_visible_before_it_leaves(room):
    async def said() -> Any:
        keys = room.open({"first": PERSON, "second": "random"}, 1)
        chair = room.chair(keys["first"])
        while not chair.state()["ask"]:  # noqa: ASYNC110 (a chair tells its readers alone)
            await asyncio.sleep(0.01)
        chair.answer(1, HOSTILE)
        return chair.state()["messages"][-1]

    speaker, text = asyncio.run(said())
    assert speaker == "self"
    assert "⟨U+202E⟩gnp.exe⟨ESC⟩[31m" in text


def test_a_player_that_loads_holds_up_no_other_table(tmp_path):
    game, loaded = find("kuhn-poker-v0"), threading.Event()

    def seated(name: str) -> Any:
        if name == "slow":
            assert loaded.wait(60)
        return scripted("random", game)

    room = play.Room(game, ["slow", "random"], seated, store=tmp_path / "store.sqlite")
    for table in served(play.app(room), [room.end]):
        slow, quick = (
            ask(f"{table}/do/open", {"seats": {"first": PERSON, "second": who}}).json()["keys"][
                "first"
            ]
            for who in ("slow", "random")
        )
        # whoever asks is asked for a move: the quick table plays while the slow one loads
        state(room, quick, lambda now: now["ask"])
        assert not room.chair(slow).state()["ask"]
        loaded.set()
        state(room, slow, lambda now: now["ask"])
