"""A game's page says what it is: moves, payoff and source stand in the script's docstring."""

import pytest
from sparring.envs.registry import find, game_ids

OURS = [id for id in game_ids() if "/" not in id and not id.startswith(("test-", "my-"))]


@pytest.mark.parametrize("id", OURS)
def test_its_docstring_says_moves_payoff_and_source(id):
    page = find(id).description
    missing = [word for word in ("Moves", "Payoff", "Source") if word not in page]
    assert not missing
    assert len(page.split("\n\n")[0]) <= 110, "its first line stands in the table of games"
