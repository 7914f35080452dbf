"""Golden playthroughs: a change of rules shows as a readable difference, and no game goes without one."""

from __future__ import annotations

from pathlib import Path

import pytest
from sparring.envs.playthrough import recorded, replayed
from sparring.envs.registry import GameError, find, game_ids

FOLDER = Path(__file__).parents[1] / "playthroughs"
FILES = sorted(FOLDER.glob("*.txt"))


def test_no_game_lacks_a_playthrough():
    ours = {id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))}
    assert {path.name.split(".")[0] for path in FILES} == ours, (
        "record it: see sparring.envs.playthrough"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_rules_play_it_again_word_for_word(path):
    golden = path.read_text()
    assert replayed(golden) == golden


def test_a_changed_payoff_shows():
    golden = (FOLDER / "kuhn-poker-v0.txt").read_text()
    assert replayed(golden.replace("[payoff]\n  | first ", "[payoff]\n  | first 1")) == golden


def test_replies_with_odd_lines_survive():
    game = find("tic-tac-toe-v0")
    text = recorded(game, 1)
    asked = "1, 2, 3, 4, 5, 6, 7, 8, 9\n  | "
    moved = text.replace(asked, asked + "\n  | <o>\n  | ", 1)
    assert "That is no move here" in replayed(moved)


def test_a_text_that_is_no_playthrough_is_refused():
    with pytest.raises(GameError, match="no playthrough"):
        replayed("hello")
    with pytest.raises(GameError, match="more than the playthrough holds"):
        replayed('# {"game": "kuhn-poker-v0", "parameters": {}, "seed": 0}\n')
