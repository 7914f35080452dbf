"""The recipes between equals, and how each is tried on a small model."""

from .tried import Run

REFERENCE = "small:reference-game"
RUNS = (
    Run(
        "psro",
        "tiny",
        ("rounds=2", "phases=[{ steps = 2, start = 'base' }]", "rollout.games=16"),
        right="psro/size",
        above=2,
    ),
    Run(
        "alphastar",
        "tiny",
        ("rounds=2", "population.steps=1", "rollout.games=16", "record.evaluate_every=0"),
        right="reason/exploit",
        above=0.9,
    ),
    Run(
        "spiral-three",
        "tiny:kuhn,tic-tac-toe,negotiation",
        ("steps=3", "rollout.games=12"),
        admitted="negotiation-v0(pay=sign,turns=4)/endings/outcome",
    ),
    Run(
        "marshal",
        "tiny:kuhn,tic-tac-toe",
        ("steps=3", "rollout.games=16"),
        admitted="tic-tac-toe-v0/endings/outcome",
    ),
    Run(
        "deal-or-no-deal",
        "tiny:split",
        ("games=[{id='split-v0'}]", "rounds=1", "rollout.games=32"),
        admitted="notes/agreed",
    ),
    *(Run(n, REFERENCE, right="payoff/listener") for n in ("s2p", "p2s", "s2p-interleaved")),
)
