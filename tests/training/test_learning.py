"""The whole path from a payoff to the weights, by its sign: what pays becomes likelier."""

from __future__ import annotations

import pytest
from sparring.agents.language.exact import behaviour
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import find_model
from sparring.envs.exact import tree
from sparring.envs.registry import find, game
from sparring.envs.script import Script, ask
from sparring.training.recipes import configured
from sparring.training.run import train


@game("test-two-buttons-v0", roles={"first": 1}, max_turns=1, payoff_range=(0, 1), score="payoff")
def two_buttons() -> Script:
    """One button pays, the other does not. Named as in poker, whose model can press them."""
    pressed = yield from ask("first", "K", choices=("check", "bet"))
    return {"first": float(pressed == "bet")}


KINDS = [
    ("update.loss=dapo", "objective.kind=imitate"),
    ("update.loss=dapo", "objective.kind=imitate", "objective.choose=above_mean"),
    ("objective.kind=prefer",),
    ("objective.kind=nft",),
    ("objective.kind=topr", "credits.estimator=group"),
    ("objective.kind=topr", "stock.keep=true", "stock.age=3"),
    ("objective.negative=0", "credits.estimator=group"),
    ("objective.positive=0", "credits.estimator=group"),
    ("objective.weight=0", "objective.imitate=1"),
]


@pytest.mark.parametrize(
    "settings", [(), ("update.loss=dapo", "credits.estimator=whiten"), *KINDS], ids=" ".join
)
def test_the_move_that_pays_becomes_likelier(tmp_path, settings):
    model = str(find_model("tiny", find("kuhn-poker-v0")).folder)
    small = [
        "game=test-two-buttons-v0",
        "rollout.games=32",
        "steps=12",
        "update.lr=3e-3",
        "update.kl=0.0",
        "update.average=0.0",
        "record.evaluate_every=0",
        "record.tensorboard=false",
        "threads=1",
        *settings,
    ]
    done = train(
        configured("spiral", None, small, {"out": str(tmp_path / "r"), "model": model}), quiet=True
    )
    buttons = find("test-two-buttons-v0")
    before, after = (
        behaviour(load_model(name, buttons), tree(buttons).infosets)[0].popitem()[1][1]
        for name in (model, str(done.folder / "checkpoints/step-12"))
    )
    assert before < 0.7
    assert after > 0.9
