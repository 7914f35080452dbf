"""The recipes of updates, and how each is tried on a small model: right answers from .3 on, by chance .03."""

from .tried import Run

SUMS = ("tiny:sums?accuracy=0.3", ("update.lr=2e-3",))
NAMES = ("psr", "nsr", "w-reinforce", "nft", "topr", "self-train", "intuitor", "rlsc")
RUNS = (
    *(Run(name, SUMS[0], ("steps=4", *SUMS[1]), right="notes/gold", above=0.15) for name in NAMES),
    Run(
        "pbt",
        SUMS[0],
        ("rounds=2", "population.steps=1", *SUMS[1]),
        right="exam/held-out/pass_at_1",
        above=0.15,
    ),
    Run("rest-em", SUMS[0], ("rounds=1", *SUMS[1]), right="notes/gold", above=0.15),
    Run("b-star", "tiny:sums?accuracy=0.45&mislead=0.45", SUMS[1], right="notes/gold", above=0.5),
    Run(
        "rest-mcts",
        "tiny:sums-check?accuracy=0.3",
        ("steps=6", *SUMS[1]),
        right="notes/right/turn-1",
        above=0.15,
    ),
    Run(
        "exit",
        "small:self-correct",
        ("steps=3", "rollout.games=8"),
        right="payoff/solver",
        above=0.3,
    ),
)
