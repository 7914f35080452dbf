"""Corpus challenge: one asks about a document, the others answer without having seen it."""

from __future__ import annotations

import re

from ..parse import Illegal, tagged
from ..registry import game, seat_names
from ..script import Script, ask, ask_all, note, recall
from ..tasks.answers import said, same_answer, vote
from ..tasks.pay import proposer_range
from ..tasks.proposing import refused, settle
from ..tasks.tooling import checked_tools, tooled
from ..types import Message

DOCUMENTS = (
    "Water boils at 100 degrees Celsius at sea level. On a mountain of 3000 metres the air is thinner, and "
    "water boils at about 90 degrees, so that potatoes take longer to cook.",
    "A spider has eight legs and an insect has six. A spider spins silk with spinnerets at the end of its "
    "abdomen. Most spiders have eight eyes, yet many see poorly.",
    "Copper conducts electricity better than iron, and silver better than copper. Cables are made of copper, "
    "since silver costs about a hundred times as much.",
    "The year on Mars has 687 days of ours. A day there lasts 24 hours and 37 minutes. Mars has two moons, "
    "Phobos and Deimos; Phobos is the larger.",
    "A baker mixes 500 grams of flour with 350 grams of water, 10 grams of salt and 5 grams of yeast. The "
    "dough rests for 12 hours and bakes for 40 minutes at 230 degrees.",
    "The Danube rises in the Black Forest and flows through ten countries to the Black Sea. It is 2850 "
    "kilometres long; only the Volga is longer in Europe.",
)
ASK = """\
Ask a short question that a text answers, for others who have not read it but may know or work it out. The \
answer must stand in the text, in a few words, and not in your question. Answer in this form:
{example}
This is the text:
{document}"""
ASK_FREELY = """\
Ask a short question for others who may know or work it out, and give its answer in a few words, which must \
not stand in your question. Answer in this form:
{example}"""
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")
EXAMPLE = "<answer>four</answer>\n<question>How many seasons has a year?</question>"
ANSWER = "{question}\nAnswer in a few words, in this form: <answer>seven</answer>"


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Leaves out the first number or last word of a sentence; answers with common guesses."""
    if seat == "proposer":
        grounded = "the text:" in view[-1].text
        return cloze(view[-1].text.split("\n")[-1]) if grounded else EXAMPLE
    return f"<answer>{100 if seat[-1] in '13579' else 8}</answer>"


def cloze(document: str) -> str:
    """A move that every document allows: one of its sentences without its first number or its last word."""
    # A number that stands alone: the 4 of A4 is no word of the text.
    found = _NUMBER.search(document) or re.search(r"\w+(?=\W*$)", document)
    word = found[0] if found else document
    sentence = next((part for part in document.split(". ") if _holds(part, word)), document)
    # Each time the word stands there, or the question would hold its own answer.
    asked = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "…", sentence, flags=re.IGNORECASE)
    return f"<answer>{word}</answer>\n<question>What is missing here? {asked[-250:]}</question>"


def challenge(text: str, document: str | None) -> tuple[str, str]:
    """A question and its answer. Raises Illegal where there is a document that does not hold the answer."""
    question, answer = " ".join(tagged(text, "question").split()), said(tagged(text, "answer"))
    if not 3 <= len(question) <= 300:
        raise Illegal("a question of 3 to 300 characters was expected")

    # An answer that is most of the document would be right for any question about it.
    stands = document is None or (_holds(document, answer) and len(answer) * 4 <= len(document))
    if not re.search(r"\w", answer) or not stands:
        raise Illegal("the answer must be a few words of the text")
    # Solvers see the question alone: an answer inside it needs no document.
    if _words(answer) <= _words(question):
        raise Illegal("the question must not hold the words of its answer")
    return question, answer


def _holds(text: str, words: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


@game(
    "corpus-challenge-v0",
    family="proposer and solver",
    roles=lambda attempts=8: {"proposer": 1, "solver": attempts},
    max_turns=lambda attempts=8: 1 + attempts,
    score="payoff",
    rated="crossed",
    payoff_range=lambda reward="variance", tools="": checked_tools(
        "corpus-challenge-v0", tools, proposer_range(reward)
    ),
    bounds={"attempts": (1, 64), "penalty": (-1, 0)},
    oracles={"sample": sample},
)
def corpus_challenge(
    attempts: int = 8,
    reward: str = "variance",
    grounded: bool = True,
    penalty: float = -1.0,
    tools: str = "",
) -> Script:
    """A challenger asks about a document that the solvers do not see.

    Moves: question and answer, the answer being words of the document and not of the question; each solver
    answers from the question alone. The document is one of six of the game's own, unless the driver's buffer
    answers the kind `document`. With `grounded=False` there is none, and what the challenger says is right.
    Payoff: challenger `penalty` for a task that is not grounded (the source's is −0.1), else by `reward`
    (4p(1 − p) by default; gaussian is the source's) in the share p of right answers; solver 1 or 0.
    `tools` lets solvers call tools before they answer: python, search, or both as python+search.
    What is searched are the documents.
    Notes: gold is the share that agrees with the document, proxy the share that agrees with the majority.
    Source: SPICE (Liu et al. 2025).
    """
    solvers = list(seat_names({"solver": attempts}))
    # A driver with documents of its own answers this; without one it is drawn from the
    # game's.
    found = (yield from recall("document", 1, DOCUMENTS)) if grounded else ()
    document = str(found[0]) if found else None

    prompt = (
        ASK.format(document=document, example=cloze(document))
        if document is not None
        else ASK_FREELY.format(example=EXAMPLE)
    )
    task = yield from ask(
        "proposer", prompt, lambda t: challenge(t, document), tries=1, otherwise=None
    )
    yield from note("gate", "admitted" if task else "not grounded")
    if task is None:
        return {**refused(solvers), "proposer": penalty}

    question, gold = task
    asked = dict.fromkeys(solvers, ANSWER.format(question=question))
    # Solvers get the question without the document: that gap is what the challenger works
    # with.
    library = tooled(tools, DOCUMENTS)
    answers = yield from ask_all(asked, said, tries=1, otherwise=None, tools=library)
    paid = {seat: float(a is not None and same_answer(a, gold)) for seat, a in answers.items()}

    # What a label without the document would have been worth.
    yield from note("proxy", vote(list(answers.values())).share)
    yield from note("gold", sum(paid.values()) / attempts)
    return (
        yield from settle("corpus-challenge", {"question": question, "answer": gold}, paid, reward)
    )
