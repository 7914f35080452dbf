"""The recipes of proposers and solvers, and how each is tried on a small model."""

from .tried import Run

CODE = "small:code-deduction,code-abduction,code-induction"
SUMS = "tiny:sums?accuracy=0.3"
ASKS = "tiny:question-answer"
RUNS = (
    Run(
        "absolute-zero",
        CODE,
        ("steps=3", "rollout.games=12"),
        admitted="code-deduction-v0/gate/admitted",
    ),
    Run("sqlm", ASKS, ("steps=6", "rollout.games=6"), "gate/admitted", "notes/gold"),
    Run("r-zero", ASKS, ("rounds=1", "rollout.games=4"), "gate/admitted", "notes/gold"),
    Run("agent0", ASKS, ("rounds=1", "rollout.games=8"), "gate/admitted", "notes/gold"),
    Run("serl", ASKS, ("steps=3", "rollout.games=4"), "gate/admitted", "notes/gold"),
    Run("co-reward", ASKS, ("steps=3", "rollout.games=4"), "gate/admitted", "notes/gold"),
    Run(
        "spice",
        "tiny:corpus-challenge",
        ("steps=3", "rollout.games=6"),
        "gate/admitted",
        "notes/gold",
    ),
    Run(
        "puzzles",
        "tiny:programming-puzzle",
        ("rounds=1", "rollout.games=6"),
        "gate/admitted",
        "notes/solve_rate",
    ),
    Run(
        "self-challenging",
        "small:code-as-task",
        ("rounds=1", "rollout.games=6"),
        "gate/admitted",
        "notes/solve_rate",
    ),
    Run("ladder", "tiny:ladder", ("steps=3", "rollout.games=4"), right="payoff/solver"),
    Run("ttrl", SUMS, ("rollout.games=4",), right="notes/gold", above=0.15),
    Run("sec", SUMS, ("steps=3", "rollout.games=8"), right="sums-v0/notes/gold", above=0.15),
    Run("sol-ver", "tiny:solve-verify", ("rounds=1", "rollout.games=24"), right="notes/proxy"),
    Run(
        "socratic",
        "tiny:question-answer,corpus-challenge,taboo",
        ("steps=3", "rollout.games=9"),
        admitted="question-answer-v0(attempts=4)/gate/admitted",
    ),
)
