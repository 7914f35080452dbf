"""Question and answer: one asks, the others answer, and what most of them say is the label."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..parse import Illegal, tagged
from ..registry import ParameterError, game, seat_names
from ..script import Script, Steps, ask, ask_all, keep, note, recall
from ..tasks.answers import Vote, said, same_answer, vote
from ..tasks.arithmetic import solution
from ..tasks.likeness import similar
from ..tasks.pay import repetition_share
from ..tasks.tooling import checked_tools, tooled
from ..tools import names_in
from ..types import Message

TOPICS = {
    "arithmetic": ("a sum", "What is 12 * (7 - 3)?"),
    "algebra": ("a linear equation to be solved for x", "Solve 3*x + 5 = 20 for x."),
    "knowledge": ("a question with a short answer", "Which planet is nearest to the sun?"),
}
REWARDS = ("sqlm", "r-zero", "tent", "serl")
LABELS = ("majority", "swapped", "judge")
PROVOKED = 4
"""So many calls of a tool, a solver on average, are paid to the proposer at most (Agent0)."""
BAND = (0.2, 0.8)
"""The shares of agreeing answers for which SeRL takes a question."""
ASK = """\
Write {kind}. Others must answer it: make that hard but possible.{known}
Answer in this form: <question>{example}</question>{paraphrase}"""
BLANK = "..."
"""Stands in the form for an answer: were it one, a vote would pay all who copy it."""
ANSWER = f"{{question}}\nAnswer in this form: <answer>{BLANK}</answer>"
JUDGE = "Question: {question}\nAnswer: {answer}\nIs this answer right? Answer with one word: right or wrong."


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Asks for 17 * 3, in two wordings if asked to; answers right in the even seats; judges by the truth.

    With Python at hand each solver runs the product before it answers.
    As a judge it knows sums and linear equations, and calls every answer to another question wrong.
    """
    if seat == "proposer":
        again = "<paraphrase>Give the product 17 * 3.</paraphrase>"
        return "<question>What is 17 * 3?</question>" + again * ("<paraphrase>" in view[-1].text)
    if choices:
        question, answer = view[-1].text.split("\n")[:2]
        true = next(filter(None, (truth(topic, question) for topic in TOPICS)), None)
        return choices[not _agrees(answer.removeprefix("Answer: "), true)]
    tools = next((message.text for message in view if message.speaker == "tools"), "")
    if "python" in names_in(tools) and view[-1].speaker != "result":
        return "<python>print(17 * 3)</python>"
    return f"<answer>{41 if seat[-1] in '13579' else 51}</answer>"


def _range(
    topic: str = "arithmetic",
    reward: str = "sqlm",
    label: str = "majority",
    attempts: int = 8,
    tools: str = "",
    per_call: float = 0.0,
) -> tuple[float, float]:
    for name, value, known in (
        ("topic", topic, TOPICS),
        ("reward", reward, REWARDS),
        ("label", label, LABELS),
    ):
        if value not in known:
            raise ParameterError(
                f"question-answer-v0: no {name} {value!r}; there are: {', '.join(known)}"
            )

    # One answer of n has a share of 1/n: a band that holds 1/n pays for questions without an answer.
    if reward == "serl" and attempts * BAND[0] <= 1:
        fewest = int(1 / BAND[0]) + 1
        raise ParameterError(
            f"question-answer-v0: serl pays from a share of {BAND[0]:g} on, which any of {attempts} "
            f"different answers has; attempts must be at least {fewest}"
        )
    if per_call and not tools:
        raise ParameterError(
            "question-answer-v0: per_call pays for calls of tools, and there are none; set tools=python"
        )
    return checked_tools("question-answer-v0", tools, (-1.0, 1.0 + PROVOKED * per_call))


@game(
    "question-answer-v0",
    family="proposer and solver",
    roles=lambda attempts=8, label="majority": {
        "proposer": 1,
        "solver": attempts,
        **({"judge": 1} if label == "judge" else {}),
    },
    max_turns=lambda attempts=8, label="majority": 1 + attempts * (2 if label == "judge" else 1),
    score="payoff",
    rated="crossed",
    payoff_range=_range,
    judges=("judge",),
    bounds={"attempts": (1, 64), "references": (0, 64), "calls": (1, 64), "per_call": (0, 1)},
    oracles={"sample": sample},
)
def question_answer(
    topic: str = "arithmetic",
    attempts: int = 8,
    reward: str = "sqlm",
    label: str = "majority",
    references: int = 3,
    tools: str = "",
    calls: int = 3,
    per_call: float = 0.0,
) -> Script:
    """A proposer asks a question on a topic; solvers answer; the label is what most of them say.

    Moves: a question, of a kind set by `topic`, that is no longer than 300 characters; each solver's answer.
    Payoff: solver 1 when it agrees with the label, else 0; proposer −1 for no question, else by `reward`:
    sqlm 1 where 1 < majority < n, else 0; r-zero min(p, 1 − p) where two answers agree, less the share of
    recalled questions that are near copies; tent the same without that charge, for a run that takes one over
    all questions of a step; serl 1 for a question like none that was kept, with 0.2 ≤ p ≤ 0.8
    (at least 6 attempts), else 0. p is the share of the label.
    `label`: majority; swapped (half the solvers see a paraphrase, each half is paid by the other's vote:
    Co-Reward); judge (a judge seat says which answers are right).
    `tools` lets solvers call tools before they answer: python, search, or both as python+search, `calls`
    times at most. The proposer is paid `per_call` more for each call that a solver makes on average, 4 at
    most (Agent0).
    Notes: calls, of tools by a solver on average (with tools); proxy, the solvers' mean pay; gold, their mean
    against the truth, where it can be worked out (arithmetic, algebra).
    Sources: SQLM, R-Zero, SeRL, Co-Reward, Self Rewarding Self Improving (all 2025).
    """
    solvers = list(seat_names({"solver": attempts}))
    kind, example = TOPICS[topic]
    recalled = [str(item) for item in (yield from recall("question", references))]

    # The example may be asked, so it must not be among those that may not.
    known = [question for question in recalled if not similar(question, example)]
    prompt = ASK.format(
        kind=kind,
        example=example,
        known=" Do not repeat these:\n" + "\n".join(known) if known else "",
        paraphrase="<paraphrase>the same in other words</paraphrase>" if label == "swapped" else "",
    )
    wordings = yield from ask(
        "proposer", prompt, lambda text: _wordings(text, label), tries=1, otherwise=()
    )
    nothing = dict.fromkeys(solvers, 0.0)
    if not wordings:
        yield from note("gate", "unreadable")
        return {"proposer": -1.0, **nothing}

    new = not similar(wordings[0], example)
    copies = (yield from recall("question", 1, like=wordings[0])) if new else ()
    # `known` is only what was recalled; `copies` comes from all that the buffer holds.
    seen = [*dict.fromkeys([*known, *map(str, copies)])]
    yield from note("gate", "admitted")

    # With two wordings, every other solver gets the second.
    shown = {seat: wordings[i % len(wordings)] for i, seat in enumerate(solvers)}
    prompts = {seat: ANSWER.format(question=question) for seat, question in shown.items()}
    called: dict[str, int] = {}
    answers = yield from ask_all(
        prompts, _filled, tries=1, otherwise=None, tools=tooled(tools, calls=calls), called=called
    )
    mean = sum(called.values()) / attempts
    if tools:
        yield from note("calls", mean)
    paid = yield from _paid(label, shown, answers)

    share = sum(paid.values()) / attempts
    yield from note("proxy", share)
    if (true := truth(topic, wordings[0])) is not None:
        right = [_agrees(answer, true) for answer in answers.values()]
        yield from note("gold", sum(right) / attempts)

    # The example is answered and paid like any other, but a buffer of examples would
    # teach nothing. A charge over the step's questions must see it all the same.
    if new or reward == "tent":
        yield from keep("question", wordings[0])
    provoked = per_call * min(mean, PROVOKED)
    return {"proposer": _pay(reward, share, attempts, wordings[0], seen) + provoked, **paid}


def _wordings(text: str, label: str) -> tuple[str, ...]:
    """The question, and its paraphrase where one is wanted, each on one line."""
    names = ("question", "paraphrase") if label == "swapped" else ("question",)
    found = [" ".join(tagged(text, name).split()) for name in names]
    if not all(3 <= len(wording) <= 300 for wording in found):
        raise Illegal("a question of 3 to 300 characters was expected")
    return tuple(found)


def _filled(text: str) -> str:
    """The answer. Raises Illegal for the form's own blank, which is none and must not be voted for."""
    found = said(text)
    if found in (BLANK, "…"):
        raise Illegal(f"an answer in place of {BLANK} was expected")
    return found


def _paid(
    label: str, shown: Mapping[str, str], answers: Mapping[str, str | None]
) -> Steps[dict[str, float]]:
    """What each solver earns: agreement with the label."""
    if label == "judge":
        paid = dict.fromkeys(answers, 0.0)
        for seat, answer in answers.items():
            if answer is not None:
                asked = JUDGE.format(question=shown[seat], answer=answer)
                paid[seat] = float(
                    (yield from ask("judge", asked, choices=("right", "wrong"))) == "right"
                )
        return paid

    # Swapped: each half is paid by the other's vote. Otherwise both halves are everybody.
    halves = (
        (list(answers)[::2], list(answers)[1::2]) if label == "swapped" else (list(answers),) * 2
    )
    votes: list[Vote] = [vote([answers[seat] for seat in half]) for half in halves]
    yield from note("label", votes[0].label)

    # Where both halves hold all seats the two votes are the same, and 1 − i changes
    # nothing.
    judged_by = {seat: votes[1 - i].label for i, half in enumerate(halves) for seat in half}
    return {seat: float(_agrees(answer, judged_by[seat])) for seat, answer in answers.items()}


def _agrees(answer: str | None, label: str | None) -> bool:
    return answer is not None and label is not None and same_answer(answer, label)


def truth(topic: str, question: str) -> str | None:
    """The answer to a question that is a sum or a linear equation, else None."""
    sides = _sides(topic, question)
    return solution(*sides) if sides else None


def _sides(topic: str, question: str) -> tuple[str, str | None] | None:
    """The expression of a question, or both sides of its equation; only digits, x, + − * / ( ) and points."""
    if topic == "arithmetic":
        # The longest run of such characters is the sum; others are numbers in the words
        # around it.
        found = max(re.findall(r"[\d.()+\-*/ ]+", question), key=len, default="").strip(" .")
        return (found, None) if re.search(r"\d\s*[-+*/]", found) else None

    if topic == "algebra":
        sides = re.search(r"([\dx.()+\-*/ ]+)=([\dx.()+\-*/ ]+)", question)
        if sides and "x" in sides[0]:
            # 3x and 2(x + 1) are written without a sign, which Python needs.
            left, right = (
                re.sub(r"(\d)\s*(?=[x(])", r"\1*", side).strip(" .") for side in sides.groups()
            )
            return left, right
    return None


def _pay(reward: str, share: float, attempts: int, question: str, known: Sequence[str]) -> float:
    """The proposer's reward for a question whose label this share of answers agrees with."""
    if reward == "sqlm":
        # A majority of one agrees with nothing but itself; a majority of all leaves
        # nothing to learn.
        return float(1 < round(share * attempts) < attempts)
    if reward == "serl":
        fresh = not any(similar(question, other) for other in known)
        return float(BAND[0] <= share <= BAND[1] and fresh)

    # R-Zero counts repetitions in a batch; one game sees one question, so recalled ones
    # stand for it.
    everything = [question, *known]
    close = [[similar(a, b) for b in everything] for a in everything]
    # A question like no other would still be a cluster of one: it is not fined for
    # itself.
    fined = reward == "r-zero" and any(close[0][1:])
    repeated = repetition_share(0, close) if fined else 0.0
    # One answer alone has a share above 0, and would pay for a question without an
    # answer.
    agreed = round(share * attempts) > 1
    return (min(share, 1 - share) if agreed else 0.0) - repeated
