"""Prompts of a file: what they replace, for whom, and what is refused."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from sparring.agents.few_shot import Shown
from sparring.agents.models.load import load_model
from sparring.agents.policy import Key, Request
from sparring.agents.remote import Endpoint, Remote
from sparring.agents.seats import seat
from sparring.agents.shown_prompts import Showing, written
from sparring.agents.thinking import ASKED, Thinking
from sparring.agents.wording import PromptsError, read_prompts
from sparring.envs.errors import SparringError
from sparring.envs.registry import Game, find
from sparring.envs.types import Message
from sparring.training.kept_prompts import with_kept
from sparring.training.recipes import configured
from sparring.training.run import checked, resume, train
from sparring.training.settings import read

FILE = """
role = "You play {role}."
form = "One word."
[games.kuhn-poker-v0]
rules = "{rules} Be bold."
[games.kuhn-poker-v0.second]
form = "One word, second."
[models.m]
think = "Ponder."
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.toml"
    path.write_text(FILE)
    return path


def system(thinking: Thinking, game: Game, role: str) -> str:
    remote = Remote(Endpoint("http://localhost:1", "m"), thinking=thinking)
    rules = (Message("system", game.rules[role]),)
    view = (*rules, Message("game", "K"))
    (told, asked) = remote.chat(Request(role, role, view, None, Key(0, 0, role, 0)))
    assert asked == {"role": "user", "content": "K"}
    return told["content"]


def test_a_game_a_role_and_a_model_have_words_of_their_own(file: Path, kuhn: Game) -> None:
    prompts = read_prompts(file).of("m")
    rules = kuhn.rules["second"]
    told = system(Thinking("asked", prompts=prompts), kuhn, "second")
    assert told == f"You play second.\n\n{rules} Be bold.\n\nPonder.\n\nOne word, second."

    other = find("tic-tac-toe-v0")
    told = system(Thinking(prompts=prompts), other, "x")
    assert told == f"You play x.\n\n{other.rules['x']}\n\nOne word."


def test_the_example_of_the_page_is_a_file_of_prompts(tmp_path: Path, kuhn: Game) -> None:
    page = (Path(__file__).parents[2] / "docs/thinking.md").read_text()
    (text,) = re.findall(r"```toml\n(# prompts\.toml\n.*?)```", page, re.DOTALL)
    file = tmp_path / "p.toml"
    file.write_text(text)
    told = system(Thinking(prompts=read_prompts(file).of("smollm2-135m")), kuhn, "second")
    assert told.startswith("You play second, who acts last.")
    assert told.endswith("Be brief.\n\ncheck, bet, fold or call")


def test_another_model_and_a_player_that_does_not_think_keep_ours(file: Path, kuhn: Game) -> None:
    prompts = read_prompts(file).of("another")
    assert ASKED in system(Thinking("asked", prompts=prompts), kuhn, "first")
    assert ASKED not in system(Thinking(prompts=prompts), kuhn, "first")


def test_rules_with_parameters_are_known_where_the_game_is_at_hand(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text('[games.sums-v0]\nrules = "other"')
    game = find("sums-v0", level=2)
    assert "other" in system(Thinking(prompts=read_prompts(file, [game])), game, "solver")


def test_prompts_are_part_of_a_policys_id_and_of_what_it_is_given(file: Path, kuhn: Game) -> None:
    plain = load_model("tiny", kuhn)
    given = seat("tiny", kuhn, thinking=Thinking(prompts=read_prompts(file)))
    request = Request("first", "first", (*kuhn.openings["first"], Message("game", "K")), None, KEY)
    assert given.ref.id != plain.ref.id
    assert load_model("tiny", kuhn, thinking=Thinking()).ref.id == plain.ref.id
    assert "You play first." in system(Thinking(prompts=read_prompts(file)), kuhn, "first")
    assert written(given, request) != written(plain, request)


KEY = Key(0, 0, "first", 0)


def test_what_a_model_is_sent_can_be_printed(kuhn: Game) -> None:
    said: list[str] = []
    showing = Showing(load_model("tiny", kuhn), said.append)
    asyncio.run(showing.act([Request("first", "first", (Message("game", "K"),), ("bet",), KEY)]))
    assert said == ["── sent to tiny as first\n<|first|>K<|move|>\n──"]


def test_a_run_keeps_its_file_of_prompts_wherever_it_goes(
    file: Path, tmp_path: Path, kuhn: Game
) -> None:
    # tiny writes the role alone, behind the first six letters of the line
    file.write_text('role = "Seat: {role}r"')
    settings = {"rollout.games": "4", "rollout.prompts": str(file), "steps": "1"}
    settings |= {"update.schedule": "constant", "record.transcripts_every": "1"}
    done = train(
        configured("spiral", None, settings, {"out": str(tmp_path / "run"), "threads": 1}),
        quiet=True,
    )

    # the file may change or go, and the folder may be moved
    file.write_text('role = "other"')
    moved = done.folder.rename(tmp_path / "moved")
    resume(moved, steps=2, quiet=True)
    file.unlink()
    own = seat(f"{moved}@latest", kuhn)
    request = Request("first", "first", (*kuhn.openings["first"], Message("game", "K")), None, KEY)
    assert written(own, request).startswith("<|firstr|>")
    kept = with_kept(read(moved / "config.toml"), moved).rollout.prompts
    assert Path(kept).parent == moved / "prompts"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ruels = 'x'", "did you mean rules"),
        ("role = 3", "role is a text, not 3"),
        ("[games.kuhn-poker-v9]", "kuhn-poker-v9"),
        ("[games.kuhn-poker-v0.third]", "no prompt 'third'"),
        ("games = 3", "games is a table"),
        ("role = ", "no TOML"),
    ],
)
def test_a_wrong_file_of_prompts_is_refused_in_one_line(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(text)
    with pytest.raises(SparringError, match=said) as caught:
        read_prompts(file)
    assert "\n" not in str(caught.value)


def test_a_file_of_prompts_that_is_missing_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    config = configured(
        "spiral", None, {"rollout.prompts": "nowhere.toml"}, {"out": str(tmp_path / "r")}
    )
    with pytest.raises(
        PromptsError, match=r"cannot read the prompts 'nowhere\.toml': No such file"
    ):
        checked(config)
    assert not (tmp_path / "r").exists()


TALK = (
    Message("system", "Rules."),
    Message("game", "board 1"),
    Message("self", "a"),
    Message("game", "told"),
    Message("game", "board 2"),
    Message("self", "b"),
    Message("game", "board 3"),
)


def shown(file: Path, text: str, view: tuple[Message, ...] = TALK, role: str = "x") -> list[str]:
    file.write_text(text)
    prompts = read_prompts(file).of("m")
    return [message.text for message in prompts.seen(role, view[0].text, view)]


@pytest.mark.parametrize(
    ("history", "left"),
    [
        (0, ["Rules.", "board 3"]),
        (1, ["Rules.", "told", "board 2", "b", "board 3"]),
        (2, [message.text for message in TALK]),
        (9, [message.text for message in TALK]),
    ],
)
def test_a_prompt_shows_as_many_earlier_replies_as_the_file_says(
    file: Path, history: int, left: list[str]
) -> None:
    assert shown(file, f"history = {history}") == left
    first = TALK[:2]
    assert shown(file, f"history = {history}", first) == ["Rules.", "board 1"]


def test_what_tools_there_are_is_always_shown(file: Path) -> None:
    view = (TALK[0], Message("tools", "python"), *TALK[1:])
    assert shown(file, "history = 0", view) == ["Rules.", "python", "board 3"]


def test_history_is_of_a_game_or_of_a_role_like_all_words(file: Path) -> None:
    game = find("tic-tac-toe-v0")
    view = (Message("system", game.rules["x"]), *TALK[1:])
    text = '[games.tic-tac-toe-v0]\nhistory = 0\n[games.tic-tac-toe-v0.x]\nform = "f"'
    assert len(shown(file, text, view)) == 2
    # other rules are another game's
    assert len(shown(file, text)) == len(TALK)
    assert len(shown(file, text + "\nhistory = 1", view)) == 5


def test_every_model_is_sent_the_end_of_the_talk_alone(file: Path) -> None:
    file.write_text("history = 0")
    thinking = Thinking(prompts=read_prompts(file))
    request = Request("x", "x", TALK, None, KEY)
    remote = Remote(Endpoint("http://localhost:1", "m"), thinking=thinking)
    assert [each["content"] for each in remote.chat(request)] == ["Role: x\n\nRules.", "board 3"]

    game = find("tic-tac-toe-v0")
    policy = load_model("tiny", game, thinking=thinking)
    assert written(policy, request) == "<|x|>board 3<|move|>"
    assert written(load_model("tiny", game), request).count("<|move|>") == 3


@pytest.mark.parametrize("value", ["-1", "true", '"1"', "1.5"])
def test_a_history_that_is_no_number_of_replies_is_refused(file: Path, value: str) -> None:
    file.write_text(f"[games.kuhn-poker-v0.first]\nhistory = {value}")
    with pytest.raises(PromptsError, match=r"kuhn-poker-v0\.first: history is a number of replies"):
        read_prompts(file)


def test_examples_are_refused_where_prompts_leave_earlier_replies_out(
    file: Path, kuhn: Game
) -> None:
    file.write_text("[games.kuhn-poker-v0]\nhistory = 0")
    policy = load_model("tiny", kuhn, thinking=Thinking(prompts=read_prompts(file)))
    with pytest.raises(PromptsError, match="examples are earlier replies"):
        Shown(policy, {"first": TALK[1:3]})
