"""The recipes of attackers and defenders, and how each is tried on a small model."""

from .tried import Run

RUNS = (
    Run(
        "self-redteam",
        "tiny:red-team",
        ("steps=3", "rollout.games=6"),
        "endings/outcome",
        "notes/gold",
        0.5,
    ),
    Run("break-the-code", "tiny:break-the-code", ("steps=3", "rollout.games=6"), "endings/outcome"),
    Run("secret-keeper", "tiny:secret-keeper", ("steps=3", "rollout.games=6"), "endings/outcome"),
    Run("spag", "tiny:taboo", ("rounds=1", "rollout.games=12"), "endings/outcome"),
    Run("alignment-tipping", "tiny:pact", ("rollout.games=8",), "endings/outcome"),
)
