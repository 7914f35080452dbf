"""Peer review: agents solve, evaluate each other's solutions and score them, and all of it is paid."""

from __future__ import annotations

from collections.abc import Mapping

from ..parse import answered, line
from ..registry import game, seat_names
from ..script import Script, Steps, ask_all, credit, note, randomness
from ..tasks.answers import said, same_answer
from ..tasks.chains import drawn
from ..types import Message

ROLES = ("solver", "evaluator", "scorer")
PEERS = (("scorer", 2), ("evaluator", 1))
"""How many agents on from a solver its peers sit."""
SCORES = ("1", "2", "3")
SOLVE = """\
{task}
What is the result? Answer in this form: <answer>7</answer>"""
AGAIN = "All said, and were told:\n{said}\nAnswer again, in the same form."
EVALUATE = """\
Task: {task} What is the result?
Solution: {answer}
Say in one line what is wrong with it, in this form: <evaluation>the second step gives 12</evaluation>"""
SCORE = """\
Task: {task} What is the result?
Solution: {answer}
Evaluation: {evaluation}
Weigh the evaluation and score the solution: 3 right, 2 nearly right, 1 wrong. Answer with the score alone."""


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Answers with its own number; even evaluators find a fault, and scorers believe them."""
    prompt = view[-1].text
    if choices:
        return choices[0 if "Evaluation: I get" in prompt else -1]
    number = seat.rpartition("_")[2]
    if seat.startswith("evaluator"):
        odd = int(number) % 2
        return f"<evaluation>{'nothing that I see' if odd else 'I get another'}</evaluation>"
    return f"<answer>{number}</answer>"


def evaluation(text: str) -> str:
    """One line, in its tag or alone. Raises Unreadable or Illegal."""
    return line(answered(text, "evaluation"))


@game(
    "peer-review-v0",
    family="generator and critic",
    roles=lambda agents: dict.fromkeys(ROLES, agents),
    max_turns=lambda agents, rounds: 3 * agents * rounds,
    payoff_range=(-1, 1),
    bounds={"agents": (2, 16), "rounds": (1, 20), "steps": (1, 50)},
    oracles={"sample": sample},
)
def peer_review(agents: int = 4, rounds: int = 2, steps: int = 4) -> Script:
    """Solvers answer a task; a peer evaluates each answer, another scores it, and all three are paid.

    Moves, in every round: each solver's answer (which sees the answers and evaluations of the round
    before); a line on what is wrong with it; a score of 1, 2 or 3, which sees both. Agent k is solver_k,
    evaluator_k of the answer of agent k − 1 and scorer_k of that of agent k − 2.
    Payoff, a mean over the rounds: with s = (score − 1) / 2 a solver earns s, its evaluator 1 − s and its
    scorer 0; without a score both earn 0 and the scorer −1. Credits: `peer`, what each turn earns.
    Notes: proxy, the mean of s; gold, the share of right answers; both of the last round.
    Source: CoMAS (Xue et al. 2025), which draws the peers; tasks are drawn calculations with an exact answer.
    """
    rng = yield from randomness()
    chain = drawn(rng, steps)
    solvers = list(seat_names({"solver": agents}))
    paid = dict.fromkeys(seat_names(dict.fromkeys(ROLES, agents)), 0.0)
    prompt, answers, scores = SOLVE.format(task=chain.task), dict[str, str](), list[float]()

    for _ in range(rounds):
        answers = yield from ask_all(dict.fromkeys(solvers, prompt), said)
        told = yield from ask_all(
            {
                _peer(seat, "evaluator", 1, agents): EVALUATE.format(task=chain.task, answer=answer)
                for seat, answer in answers.items()
            },
            evaluation,
        )
        earned = yield from _scored(chain.task, answers, told)

        # given in the round that earned it, while it is each seat's latest turn
        for seat, amount in earned.items():
            yield from credit(seat, amount, "peer")
            paid[seat] += amount / rounds
        scores = [earned[seat] for seat in solvers]
        lines = [f"{a} ({t})" for a, t in zip(answers.values(), _of(told, 1, agents), strict=True)]
        prompt = AGAIN.format(said="\n".join(lines))

    right = [same_answer(answer, str(chain.results[-1])) for answer in answers.values()]
    yield from note("proxy", sum(scores) / agents)
    yield from note("gold", sum(right) / agents)
    return paid


def _scored(
    task: str, answers: Mapping[str, str], told: Mapping[str, str]
) -> Steps[dict[str, float]]:
    """What every seat earns in a round, by what the scorers say."""
    agents, earned = len(answers), dict[str, float]()
    evaluations = dict(zip(answers, _of(told, 1, agents), strict=True))
    asked = {
        _peer(seat, "scorer", 2, agents): SCORE.format(
            task=task, answer=answer, evaluation=evaluations[seat]
        )
        for seat, answer in answers.items()
    }
    # one try: a scorer that gives no score loses by it, and ends no game
    given = yield from ask_all(asked, choices=SCORES, tries=1, otherwise="")

    for seat in answers:
        scorer, evaluator = (_peer(seat, role, n, agents) for role, n in PEERS)
        score = given[scorer]
        share = (int(score) - 1) / 2 if score else 0.0
        earned[seat] = share
        earned[evaluator] = 1 - share if score else 0.0
        earned[scorer] = 0.0 if score else -1.0
    return earned


def _peer(seat: str, role: str, places: int, agents: int) -> str:
    """The seat that reviews a solver's answer in this role, so many agents on."""
    return f"{role}_{(int(seat.rpartition('_')[2]) + places) % agents}"


def _of(told: Mapping[str, str], places: int, agents: int) -> list[str]:
    """The evaluations in the order of the solvers that they are of."""
    return [told[_peer(f"solver_{k}", "evaluator", places, agents)] for k in range(agents)]
