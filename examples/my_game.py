"""Race to twenty: add 1, 2 or 3 in turn; whoever says 20 wins."""

from sparring.envs.registry import game
from sparring.envs.script import Script, ask
from sparring.envs.types import Message

RULES = "Race to {}. In turn, add 1, 2 or 3 to the total; whoever reaches {} wins. Answer with a number."


def perfect(seat: str, messages: tuple[Message, ...], choices: tuple[str, ...]) -> list[float]:
    """Leaves the other a multiple of four away from the goal, where it can."""
    left = int(messages[-1].text.split()[-1])
    good = [float((left - int(choice)) % 4 == 0) for choice in choices]
    return good if any(good) else [1.0] * len(choices)


@game(
    "my-race-v0",
    roles={"first": 1, "second": 1},
    max_turns=lambda goal: goal,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    rules=lambda goal: RULES.format(goal, goal),
    bounds={"goal": (2, 100)},
    oracles={"perfect": perfect},
)
def race(goal: int = 20) -> Script:
    """Add 1, 2 or 3 in turn; whoever reaches the goal wins."""
    left, seat, other = goal, "first", "second"
    while True:
        steps = [str(step) for step in (1, 2, 3) if step <= left]
        left -= int((yield from ask(seat, f"still to go: {left}", choices=steps)))
        if left == 0:
            return {seat: 1, other: -1}
        seat, other = other, seat
