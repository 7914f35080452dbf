"""Sums debate: generators answer a sum, critics who see all answers answer it again, and a vote decides."""

from __future__ import annotations

from statistics import fmean

from ..registry import game, seat_names
from ..script import Script, ask_all, chance, note
from ..tasks.sums import LEVELS, PARTS, check_name, majority, problems
from ..types import Message

ID = "sums-debate-v0"
LABELS = ("majority", "gold")


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Generators of even seats are right and the others one too high; critics are right."""
    a, _, b, _, modulus = view[1].text.split(";")[0].rstrip("?").split()
    return str((int(a) + int(b) + (seat[-1] in "13579" and "critic" not in seat)) % int(modulus))


def _range(label: str, part: str) -> tuple[float, float]:
    check_name(ID, "label", label, LABELS)
    check_name(ID, "part", part, PARTS)
    return (0.0, 1.0)


@game(
    ID,
    family="laboratory",
    roles=lambda agents: {"generator": agents, "critic": agents},
    max_turns=lambda agents, rounds: agents * rounds,
    payoff_range=_range,
    rules="Sums modulo a number, as in 3 + 6 mod 8 = 1. Answer with one number.",
    bounds={"agents": (2, 8), "rounds": (2, 5), "level": LEVELS},
    oracles={"sample": sample},
)
def sums_debate(
    agents: int = 3, rounds: int = 2, level: int = 3, label: str = "majority", part: str = "train"
) -> Script:
    """Generators answer a sum; critics see all answers and answer again; the last answers vote.

    Moves: each generator's answer, from 0 to 4 · `level` − 1; in each of the `rounds` after the first each
    critic's, which sees the answers of the round before, its own agent's first.
    Payoff: 1 for a last answer (of a generator its only one) that gives the label: the vote of the last
    round, or with `label="gold"` the key. Notes: gold, the share of right last answers; drafted, of first
    ones; vote_right, whether the vote is; distinct, the share of different first answers.
    Source: Multiagent Finetuning (Subramaniam et al. 2025): generator k and critic k are models of their own,
    trained on what they said themselves; there on written mathematics.
    """
    generators, critics = (list(seat_names({role: agents})) for role in ("generator", "critic"))
    known = problems(level, part)
    problem = known[(yield from chance((1,) * len(known)))]
    shown = problem.shown()

    drafts = yield from ask_all(dict.fromkeys(generators, f"{shown}?"), choices=problem.choices)
    said = list(drafts.values())
    for _ in range(1, rounds):
        asked = dict[str, str]()
        for place, seat in enumerate(critics):
            others = said[:place] + said[place + 1 :]
            asked[seat] = f"{shown}; I say {said[place]}, others {', '.join(others)}?"
        last = yield from ask_all(asked, choices=problem.choices)
        said = [last[seat] for seat in critics]

    voted = majority(said)
    wanted = problem.key if label == "gold" else voted
    yield from note("gold", fmean(answer == problem.key for answer in said))
    yield from note("drafted", fmean(answer == problem.key for answer in drafts.values()))
    yield from note("vote_right", float(voted == problem.key))
    yield from note("distinct", len(set(drafts.values())) / agents)
    return {
        seat: float(answer == wanted)
        for seat, answer in (*drafts.items(), *zip(critics, said, strict=True))
    }
