"""Teachers of the games about questions and calculations: askers, solvers, critics, judges."""

from __future__ import annotations

import random
import re

from ....envs.games import ladder as ladder_game
from ....envs.games.corpus_challenge import DOCUMENTS, challenge
from ....envs.games.discussion import SCORES
from ....envs.games.question_answer import TOPICS, truth
from ....envs.games.sneaky_critic import sample as find_lie
from ....envs.tasks.answers import same_answer
from ....envs.tasks.chains import read
from ....envs.types import Value
from .lesson import Asked, Lesson, keyed

_KNOWN = {
    "Which planet is nearest to the sun?": "Mercury",
    "What is the capital of France?": "Paris",
    "What is the capital of Japan?": "Tokyo",
    "How many legs has a spider?": "8",
    "How many days has a week?": "7",
    "Which metal is liquid when it is warm?": "mercury",
    "What is frozen water called?": "ice",
    "Which animal gives wool?": "the sheep",
}
_WHICH = {"a sum": "arithmetic", "a linear": "algebra", "a question": "knowledge"}


def shelf(kind: str, rng: random.Random) -> Value:
    """A question, as a buffer would recall it."""
    return _question(rng.choice([*TOPICS]), rng)[0]


def question_answer(asked: Asked) -> Lesson:
    """Asks sums, equations and a few facts in two wordings; answers and judges by the truth.

    With Python at hand it runs a sum or an equation, and answers what that prints.
    """
    rng = asked.rng
    if asked.role == "proposer":
        topic = next(name for begins, name in _WHICH.items() if f"Write {begins}" in asked.prompt)
        question, again = _question(topic, rng)
        wanted = "<paraphrase>" in asked.prompt
        paraphrase = f"<paraphrase>{again}</paraphrase>" if wanted else ""
        return f"<question>{question}</question>{paraphrase}"

    if called := _by_python(asked):
        return called
    lines = asked.prompt.split("\n")
    question = lines[0].removeprefix("Question: ")
    true = _KNOWN.get(question) or next(filter(None, (truth(t, question) for t in TOPICS)), None)
    if asked.choices:
        given = lines[1].removeprefix("Answer: ")
        return keyed(asked, asked.choices[not (true and same_answer(given, true))])
    return f"<answer>{true if true and asked.right else _wrong(true, rng)}</answer>"


_SUM = re.compile(r"[\d(][\d()+*\- ]*[\d)]")
_EQUATION = re.compile(r"(\d+)\*x \+ (\d+) = (\d+)")


def _by_python(asked: Asked) -> str:
    """The call that works the question out, or the answer that came of it; empty where there is none."""
    if asked.view[-1].speaker == "result":
        return f"<answer>{asked.prompt.partition(chr(10))[0]}</answer>"
    if not any("<python>" in message.text for message in asked.view if message.speaker == "tools"):
        return ""

    question = asked.prompt.partition("\n")[0]
    if equation := _EQUATION.search(question):
        factor, added, total = equation.groups()
        return f"<python>print(({total} - {added}) // {factor})</python>"
    found = _SUM.search(question)
    return f"<python>print({found[0]})</python>" if found else ""


def _question(topic: str, rng: random.Random) -> tuple[str, str]:
    """A question and another wording of it."""
    a, b, c = (rng.randint(2, 9) for _ in range(3))
    if topic == "arithmetic":
        text = rng.choice((f"{a} + {b}", f"{a} * {b}", f"{a} - {b}", f"{a} * ({b} + {c})"))
        return f"What is {text}?", f"Give the value of {text}."
    if topic == "algebra":
        text = f"{a}*x + {b} = {a * c + b}"
        return f"Solve {text} for x.", f"For which x is {text}?"
    question = rng.choice([*_KNOWN])
    return question, f"Say in a word: {question}"


def _wrong(true: str | None, rng: random.Random) -> str:
    if true and re.fullmatch(r"-?\d+", true):
        return str(int(true) + rng.choice((-2, -1, 1, 2)))
    return rng.choice((*_KNOWN.values(), str(rng.randint(0, 60))))


_ASKED = re.compile(r"What follows the words: (.*)\?")


def corpus(asked: Asked) -> str:
    """Asks what follows some words of the text; answers from the texts that it knows by heart."""
    rng = asked.rng
    if asked.role == "proposer":
        # without a text it asks about one that it knows
        shown = asked.prompt.split("\n")[-1] if "the text:" in asked.prompt else ""
        return _gap(shown or rng.choice(DOCUMENTS), rng)

    found, words = _ASKED.search(asked.prompt), re.findall(r"\w+", " ".join(DOCUMENTS))
    after: list[str] = []
    for document in DOCUMENTS if found else ():
        _, there, rest = document.partition(f"{found[1]} " if found else "")
        after += re.findall(r"^\w+", rest) if there else []
    return f"<answer>{after[0] if after and asked.right else rng.choice(words)}</answer>"


def _gap(document: str, rng: random.Random) -> str:
    """A question whose answer the document holds: what follows three of its words."""
    words, said = document.split(" "), ""

    for _ in range(20):
        start = rng.randrange(len(words) - 3)
        *before, word = words[start : start + 4]
        answer = re.sub(r"\W+$", "", word)
        said = (
            f"<answer>{answer}</answer>\n"
            f"<question>What follows the words: {' '.join(before)}?</question>"
        )

        # the game's own rule says which gaps it takes
        try:
            challenge(said, document)
        except ValueError:
            continue
        break
    return said


def refine(asked: Asked) -> str:
    """Works a calculation out; says of an answer whether it is right, and which one would be."""
    talk = " ".join(message.text for message in asked.view)
    chain = read(talk)
    gold = chain.results[-1] if chain else 0
    told = gold if asked.right else gold + asked.one_of((-2, -1, 1, 2))
    if asked.role == "generator":
        return f"<answer>{told}</answer>"

    given = re.search(r"Answer given: (.*)", asked.prompt)
    verdict = "right" if given and given[1] == str(told) else "wrong"
    critique = "it is right" if verdict == "right" else f"I get {told}"
    return f"<verdict>{verdict}</verdict><critique>{critique}</critique>"


def review(asked: Asked) -> Lesson:
    """Works a calculation out; says what it gets instead; scores answers by whether they are right."""
    chain = read(" ".join(message.text for message in asked.view))
    gold = chain.results[-1] if chain else 0
    told = gold if asked.right else gold + asked.one_of((-2, -1, 1, 2))
    given = re.search(r"Solution: (.*)", asked.prompt)
    if asked.choices:
        right = bool(given and given[1] == str(gold))
        return keyed(asked, asked.choices[-1 if right else 0])
    if asked.role == "solver":
        return f"<answer>{told}</answer>"
    agrees = bool(given and given[1] == str(told))
    return f"<evaluation>{'it is right' if agrees else f'I get {told}'}</evaluation>"


_THINKS = (
    "Step by step, the result is {}",
    "I worked it out: the result is {}",
    "We agree, the result is {}",
    "I am not sure, but the result is {}",
)


def discuss(asked: Asked) -> Lesson:
    """Says a result in one line; scores lines by whether their result is right."""
    talk = " ".join(message.text for message in asked.view)
    chain = read(talk)
    gold = str(chain.results[-1]) if chain else "0"
    if not asked.choices:
        told = gold if asked.right else str(int(gold) + asked.one_of((-2, -1, 1, 2)))
        return asked.one_of(_THINKS).format(told)

    name = asked.prompt.rsplit("what ", 1)[1].split(" says")[0]
    line = re.search(rf"^{name}: (.*)$", asked.prompt, re.MULTILINE)
    right = bool(line and line[1].endswith(f"result is {gold}"))
    return keyed(asked, SCORES[9 if right else 2])


def sneak(asked: Asked) -> Lesson:
    """Falsifies a step by a little, or none; finds the first wrong step."""
    if asked.choices:
        return keyed(asked, find_lie(asked.seat, asked.view, asked.choices))
    steps = re.findall(r"Step (\d+): .* = (-?\d+)", asked.prompt)
    if asked.rng.random() < 0.1:
        return "<step>none</step>"
    step, result = asked.one_of(steps)
    false = int(result) + asked.one_of((-2, -1, 1, 2))
    return f"<step>{step}</step><result>{false}</result>"


_FORMS = (
    ("{k}*x", "{k}*x**2/2"),
    ("sin({k}*x)", "-cos({k}*x)/{k}"),
    ("cos({k}*x)", "sin({k}*x)/{k}"),
    ("exp({k}*x)", "exp({k}*x)/{k}"),
    ("x**{k}", "x**{n}/{n}"),
    ("1/(x + {k})", "log(x + {k})"),
    ("{k}*x + 1", "{k}*x**2/2 + x"),
)
_INTEGRALS = {
    ladder_game.formula(form.format(k=k)): solved.format(k=k, n=k + 1)
    for form, solved in _FORMS
    for k in range(2, 10)
}


def ladder(asked: Asked) -> str:
    """Proposes simple integrals and solves those; at hard ones it tries what solves a simple one."""
    rng = asked.rng
    if asked.role == "proposer":
        found = re.search(r"Write (\d+) easier", asked.prompt)
        lines = rng.sample([*_INTEGRALS], int(found[1]) if found else 2)
        return "<variants>\n" + "\n".join(lines) + "\n</variants>"

    integrand = asked.prompt.split("∫ ")[1].split(" dx")[0]
    solved = _INTEGRALS.get(integrand) if asked.right else None
    return f"<answer>{solved or rng.choice([*_INTEGRALS.values()])}</answer>"
