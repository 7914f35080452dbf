"""Sums judge: answers to a sum are judged twice, and where judges differ a meta-judge says who is right."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from ..registry import game, seat_names
from ..script import Script, ask_all, chance, note
from ..tasks.sums import LEVELS, PARTS, check_name, problems
from ..types import Message
from .sums import VERDICTS

ID = "sums-judge-v0"


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Answers right in the even seats; even judges say right of all answers; the meta-judge knows the key."""
    a, _, b, _, modulus, *answer = view[-1].text.split(":")[0].rstrip("?").split()
    key = (int(a) + int(b)) % int(modulus)
    odd = seat[-1] in "13579"
    if choices != VERDICTS:
        return str((key + odd) % int(modulus))
    return VERDICTS[odd if seat.startswith("judge") else int(answer[1]) != key]


def _range(part: str) -> tuple[float, float]:
    check_name(ID, "part", part, PARTS)
    return (0.0, 1.0)


@game(
    ID,
    family="laboratory",
    roles=lambda attempts: {"solver": attempts, "judge": 2 * attempts, "meta": attempts},
    max_turns=lambda attempts: 4 * attempts,
    payoff_range=_range,
    judges=("meta",),
    rules="Sums modulo a number, as in 3 + 6 mod 8 = 1. Answer with one number or one word.",
    bounds={"attempts": (1, 16), "level": LEVELS},
    oracles={"sample": sample},
)
def sums_judge(attempts: int = 4, level: int = 3, part: str = "train") -> Script:
    """Solvers answer a sum; two judges say right or wrong of each answer; a meta-judge decides between them.

    Moves: each solver's answer, from 0 to 4 · `level` − 1; right or wrong by judges 2i and 2i + 1 of answer
    i; where they differ, right or wrong by meta-judge i. Payoff: solver, the share of its judges that say
    right; a judge 1 where the meta-judge sides with it, 0 where it does not, ½ where both agreed.
    Notes: proxy, the solvers' mean pay; gold, the share of right answers; judged, of true verdicts.
    Source: Meta-Rewarding (Wu et al. 2024): one model in all three roles, actor and judge trained; there the
    judge gives points to free text, and meta-judges compare judgements pair by pair (Elo).
    """
    solvers = list(seat_names({"solver": attempts}))
    known = problems(level, part)
    problem = known[(yield from chance((1,) * len(known)))]
    asked = dict.fromkeys(solvers, f"{problem.shown()}?")
    answers = yield from ask_all(asked, choices=problem.choices)

    told = [f"{problem.shown()} = {answer}: right or wrong?" for answer in answers.values()]
    judged = {f"judge_{n}": told[n // 2] for n in range(2 * attempts)}
    said = yield from ask_all(judged, choices=VERDICTS)
    verdicts = [(said[f"judge_{2 * i}"], said[f"judge_{2 * i + 1}"]) for i in range(attempts)]

    # only judges who differ are told apart
    open_ = {i: told[i] for i, (one, other) in enumerate(verdicts) if one != other}
    chosen = yield from ask_all(
        {_meta(i, attempts): text for i, text in open_.items()}, choices=VERDICTS
    )
    true = [VERDICTS[answer != problem.key] for answer in answers.values()]

    paid = {seat: verdicts[i].count("right") / 2 for i, seat in enumerate(solvers)} | _sided(
        verdicts, chosen, attempts
    )
    yield from note("proxy", fmean(paid[seat] for seat in solvers))
    yield from note("gold", fmean(answer == problem.key for answer in answers.values()))
    yield from note("judged", fmean(v == true[i] for i, pair in enumerate(verdicts) for v in pair))
    return paid


def _sided(
    verdicts: list[tuple[str, str]], chosen: Mapping[str, str], attempts: int
) -> dict[str, float]:
    """What the judges earn."""
    found: dict[str, float] = {}
    for i, pair in enumerate(verdicts):
        choice = chosen.get(_meta(i, attempts))
        for k, verdict in enumerate(pair):
            found[f"judge_{2 * i + k}"] = float(verdict == choice) if choice else 0.5
    return found


def _meta(i: int, attempts: int) -> str:
    """The seat of a meta-judge: one of several has a number."""
    return list(seat_names({"meta": attempts}))[i]
