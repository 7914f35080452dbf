"""Bad parameters of the laboratory games."""

from __future__ import annotations

import pytest
from sparring.envs.registry import ParameterError, find


@pytest.mark.parametrize(
    ("id", "parameters", "message"),
    [
        ("sums-v0", {"level": 9}, "level must be from 1 to 8, not 9"),
        ("sums-v0", {"label": "votes"}, "no label 'votes'; there are: gold, majority, pooled"),
        ("sums-v0", {"part": "test"}, "no part 'test'; there are: train, held-out"),
        ("sums-v0", {"label": "swapped"}, "'swapped' needs wordings=2 and attempts of 2 or more"),
        ("sums-v0", {"level": 1, "item": 3}, "item must be from 0 to 2 at level 1, or -1 for all"),
        ("sums-check-v0", {"stop": True, "verdict": False}, "stop=true needs verdict=true"),
        ("sums-propose-v0", {"kind": "sign"}, "no kind 'sign'; there are: result, operand"),
        ("sums-propose-v0", {"reward": "mean"}, "no proposer reward 'mean'; there are: paper"),
        ("facts-v0", {"reward": "mean"}, "no proposer reward 'mean'; there are: paper"),
        ("cloak-v0", {"wordings": 1}, "wordings must be from 2 to 64, not 1"),
        ("split-v0", {"dial": 2.0}, "dial must be from -1 to 1, not 2.0"),
        ("pact-v0", {"threshold": 5}, "threshold must be from 1 to 4, the agents, not 5"),
    ],
)
def test_a_bad_parameter_gets_one_clear_line(id, parameters, message):
    with pytest.raises(ParameterError) as refused:
        find(id, **parameters)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
