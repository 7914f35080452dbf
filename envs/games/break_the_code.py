"""Break the code: one writes a function to a specification, the other looks for an input that breaks it."""

from __future__ import annotations

from ..registry import game
from ..script import Script, ask, chance, note, verify
from ..tasks.gate import PROPOSAL_LIMITS, certain, right
from ..tasks.programs import called, fenced, program
from ..tasks.specs import SPECS, legal_input
from ..types import Job, Message, Value
from ..values import canonical

DEFEND = """\
Write a Python function f(x). x is {kind}. f(x) returns {text}.
An attacker will look for an x where your function is wrong. Answer with the function in this form:
```python
def f(x):
    return x
```"""
ATTACK = """\
This function f(x) should return {text}. x is {kind}.
{code}
Find an x for which it is wrong. Answer with x alone, in this form: <answer>{example}</answer>"""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Writes the reference without its edge cases; attacks with what most often tells versions apart."""
    spec = next(spec for spec in SPECS if spec.text in " ".join(message.text for message in view))
    if seat == "defender":
        return fenced(
            spec.reference.replace("if len(y) > 1 else None", "").replace(", default=0", "")
        )
    tried = sum(message.speaker == "self" for message in view)
    return f"<answer>{canonical(spec.hidden[(3, 0, 2)[tried % 3]])}</answer>"


@game(
    "break-the-code-v0",
    family="attacker and defender",
    roles={"defender": 1, "attacker": 1},
    max_turns=lambda attempts=3: 1 + attempts,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    bounds={"attempts": (1, 64)},
    oracles={"sample": sample},
)
def break_the_code(attempts: int = 3) -> Script:
    """A defender writes a function to a specification; an attacker seeks an input that breaks it.

    Moves: the defender gives the source of f; the attacker, who sees it, gives up to `attempts` legal
    inputs, one at a time. Payoff: the attacker wins with the first input on which f and the reference
    differ (a crash, a timeout and a value that changes between processes differ), else the defender.
    Notes: proxy is whether f withstood the attacks, gold whether it is right on the hidden inputs.
    Source: attacker/defender self-play with execution as the referee.
    """
    spec = SPECS[(yield from chance((1,) * len(SPECS)))]
    # Comments are cut from the code, so the defender cannot talk to the attacker in it.
    code = yield from ask("defender", DEFEND.format(kind=spec.kind, text=spec.text), program)
    prompt = ATTACK.format(
        text=spec.text, kind=spec.kind, code=fenced(code), example=canonical(spec.hidden[3])
    )
    broken = False

    for _ in range(attempts):
        x = yield from ask("attacker", prompt, legal_input(spec.kind))
        wanted, given = yield from verify(*_jobs(spec.reference, code, ((x,),)))
        # `certain` raises where the reference fails: then neither seat is to blame.
        broken = not right(given, *certain(wanted, 1))
        if broken:
            break

        value = canonical(given.results[0].value)
        prompt = f"It is right there: {called((x,))} gives {value}. Try another x."

    # Gold does not decide who wins; it shows how often an attacker misses a fault.
    tests = tuple((x,) for x in spec.hidden)
    wanted, given = yield from verify(*_jobs(spec.reference, code, tests))
    yield from note("proxy", not broken)
    yield from note("gold", right(given, *certain(wanted, len(tests))))
    return {"defender": -1, "attacker": 1} if broken else {"defender": 1, "attacker": -1}


def _jobs(reference: str, code: str, inputs: tuple[tuple[Value, ...], ...]) -> tuple[Job, Job]:
    """The reference, and the defender's code twice with different hash seeds, on the same inputs."""
    return (
        Job(reference, "f", inputs, limits=PROPOSAL_LIMITS),
        Job(code, "f", inputs, repeat=2, limits=PROPOSAL_LIMITS),
    )
