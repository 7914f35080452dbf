"""A task of another library is learned: better than before, also on questions that were never trained on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sparring.agents.language.exact import distributions
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import find_model
from sparring.agents.policy import Key, Request
from sparring.cli import main
from sparring.envs.registry import find
from sparring.envs.table import Table
from sparring.envs.types import Reply
from sparring.training.recipes import configured
from sparring.training.run import train

ID = "reasoning-gym/gcd"
OPTIONS = {"max_value": 9, "choices": [*range(1, 10)], "items": 200}


def accuracy(model, part):
    """The probability of the right answer to each question of a part, exact, in a fixed order."""
    found = {}
    for item in range(OPTIONS["items"]):
        table = Table(find(ID, **OPTIONS, part=part, item=item))
        (ask,) = table.asks
        if ask.prompt not in found:
            right = [choice for choice in ask.choices if paid(item, part, choice) == 1]
            request = Request(
                "solver", "solver", table.view("solver"), ask.choices, Key(0, 0, "", 0)
            )
            found[ask.prompt] = (request, right)
    policy = load_model(str(model))
    odds = distributions(policy, [request for request, _ in found.values()])
    return np.array(
        [
            sum(one.probability[choice] for choice in right)
            for one, (_, right) in zip(odds, found.values(), strict=True)
        ]
    )


def paid(item, part, choice):
    table = Table(find(ID, **OPTIONS, part=part, item=item))
    table.answer([Reply(choice)])
    return table.payoff["solver"]


def gain(before, after):
    """The mean difference, paired by question, and half of its 95 % interval."""
    difference = after - before
    return difference.mean(), 1.96 * difference.std(ddof=1) / math.sqrt(len(difference))


def test_a_suite_with_a_broken_line_is_one_line_that_names_it(tmp_path, capsys):
    suite = tmp_path / "suite.toml"
    suite.write_text('[[exams]]\nname = "gcd"\ngame = \n')
    assert main(["train", "spiral", "--config", str(suite), "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "at line 3" in line
    assert [path.name for path in tmp_path.iterdir()] == ["suite.toml"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tiny_learns_greatest_common_divisors(tmp_path):
    pytest.importorskip("reasoning_gym")
    base = find_model("tiny", find(ID, **OPTIONS)).folder
    settings = [
        f"game={ID}",
        f"parameters={{max_value = 9, choices = {OPTIONS['choices']}, items = 200}}",
        "rollout.games=256",
        "rollout.replicates=8",
        "credits.estimator=group",
        "update.lr=1e-3",
        "update.kl=0.02",
        "update.average=0.0",
        "record.evaluate_every=0",
        "record.tensorboard=false",
        "steps=300",
        "threads=1",
    ]
    out = {"out": str(tmp_path / "gcd"), "model": str(base)}
    done = train(configured("spiral", None, settings, out), quiet=True)
    for part in ("train", "held-out"):
        more, half = gain(
            accuracy(base, part), accuracy(done.folder / "checkpoints/step-300", part)
        )
        print(f"{part}: +{more:.3f} ± {half:.3f}")
        assert more - half > 0
