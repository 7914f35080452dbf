"""Question file: one seat answers a question of a file, and an equal answer is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..registry import game
from ..script import Script, ask, note
from ..tasks.answers import said, same_answer
from ..tasks.files import SAMPLE, Items, items, text_of
from ..tasks.items import check_item, check_part, chosen, solver_note
from ..types import Message

ID = "question-file-v0"
MARK = "####"
"""Before the final answer in GSM8K's files, behind its reasoning."""
RULES = "Answer the question. Give the answer alone, or put it between <answer> and </answer>."


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its key."""

    text: str
    key: str


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Knows the file that ships with the game, and answers any other question with 7."""
    known = {question.text: question.key for question in _file(SAMPLE).part("all")}
    return f"<answer>{known.get(view[-1].text, '7')}</answer>"


def _read(fields: dict[str, Any]) -> Question:
    """A question of a line's fields. Raises ValueError."""
    key = text_of(fields, "answer").rpartition(MARK)[2].strip()
    try:
        said(key)
    except ValueError as fault:
        raise ValueError(f"the key {key[:40]!r} can be no answer: {fault}") from fault
    return Question(text_of(fields, "question").strip(), key)


def _file(file: str) -> Items[Question]:
    return items(file, "questions.jsonl", "question", _read)


def _range(file: str, part: str, item: int) -> tuple[float, float]:
    known = _file(file).part(check_part(ID, part))
    check_item(ID, item, len(known), part)
    return (0.0, 1.0)


@game(
    ID,
    family="files",
    roles={"solver": 1},
    max_turns=1,
    payoff_range=_range,
    rules=RULES,
    oracles={"sample": sample},
    provider=lambda file: f"file {_file(file).digest}",
    bounds={"item": (-1, 10_000_000)},
    items=lambda file, part: len(_file(file).part(part)),
)
def question_file(file: str = SAMPLE, part: str = "all", item: int = -1) -> Script:
    """A solver answers one question of a file of JSON lines; an equal answer is right.

    Moves: one answer of at most 120 characters. Each line of `file` has a `question` and an `answer`, the
    key; where the answer has a ####, only what stands behind it is the key (GSM8K's form). `sample` is a
    file that ships with the game. `part` is train, held-out (a fifth of the questions, by a digest of their
    text) or all; `item` is the number of one that is asked alone.
    Payoff: 1 for an answer that is equal as a number, set, sequence or words, else 0.
    Source: Training Verifiers to Solve Math Word Problems (Cobbe et al. 2021).
    """
    known = _file(file).part(part)
    number = yield from chosen(item, len(known))
    question = known[number]
    # One try and a fall-back: an unreadable answer is a wrong one and ends no game.
    answer = yield from ask("solver", question.text, said, tries=1, otherwise=None)

    right = float(answer is not None and same_answer(answer, question.key))
    yield from note("item", solver_note({"part": part}, number))
    yield from note("gold", right)
    return {"solver": right}
