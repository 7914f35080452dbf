"""The recipes of generator and critic, and how each is tried on a small model."""

from .tried import Run

REFINE, WRITE, ASKS = "small:critique-refine", "small:self-correct", "small:question-answer"
CHECK = "tiny:sums-check?accuracy=0.3"
RUNS = (
    Run("spc", "tiny:sneak", ("games=[{id='sneak-v0'}]", "rounds=1"), right="notes/gold"),
    Run("score", WRITE, ("rollout.games=8",), right="notes/right/turn-2", above=0.3),
    Run("cocos", WRITE, ("steps=4",), right="notes/right/turn-2", above=0.3),
    *(
        Run(
            name,
            CHECK,
            ("steps=4", "rollout.games=32", f"games=[{{id='sums-check-v0',parameters={{{own}}}}}]"),
            right="notes/right/turn-1",
            above=0.15,
        )
        for name, own in (("rise", "second=false"), ("spoc", "stop=true"))
    ),
    Run("autocritique", REFINE, ("rounds=1", "rollout.games=32"), admitted="notes/refined"),
    Run("comas", "small:peer-review", ("steps=3", "update.lr=5e-3"), admitted="notes/proxy"),
    Run("self-rewarding", ASKS, right="notes/gold"),
    Run("self-rewarding-self-improving", ASKS, ("steps=3",), right="notes/gold"),
    Run(
        "meta-rewarding",
        "tiny:sums-judge?accuracy=0.5",
        (),
        right="notes/gold",
        above=0.2,
    ),
    Run(
        "mind-the-gap",
        "tiny:sums-check?accuracy=0.5",
        ("rollout.games=64",),
        right="exam/gap/pass_at_1",
        above=0.2,
    ),
    Run(
        "multiagent-finetuning",
        "tiny:sums-debate?accuracy=0.5",
        ("rounds=1",),
        right="notes/drafted",
        above=0.2,
    ),
)
