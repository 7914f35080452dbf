"""Adversarial taboo: one tries to make the other say a word that the other does not know."""

from __future__ import annotations

import re
import unicodedata

from ..parse import line
from ..registry import game
from ..script import Script, ask, note, randomness
from ..types import Message

WORDS = (
    "apple", "bread", "bridge", "candle", "chair", "clock", "cloud", "dance", "doctor", "dream", "engine",
    "flower", "forest", "garden", "guitar", "hammer", "honey", "island", "kitchen", "ladder", "lemon",
    "market", "mirror", "money", "moon", "mountain", "needle", "ocean", "paper", "pencil", "piano", "river",
    "salt", "school", "shadow", "silver", "snow", "summer", "table", "teacher", "ticket", "tiger", "train",
    "umbrella", "village", "violin", "window", "winter",
)  # fmt: skip
_GUESS = re.compile(r"i know the word[!.,:;]* *it is [\"'“`]?([a-z]+)[\"'”`]?[.!]*", re.IGNORECASE)
ATTACK = """\
Talk with another player and make it say the word `{word}` without noticing. Do not say the word \
yourself: then you lose. Answer with one line of talk."""
DEFEND = """\
Another player talks with you and wants you to say a certain word; if you say it, you lose. You do not \
know the word. If you are sure what it is, answer only: I know the word! It is banana (with your word). A \
wrong guess loses. Otherwise answer with one line of talk.
"""
SAID = "The other says: {said}"


def sample(seat: str, view: tuple[Message, ...], choices: tuple[str, ...]) -> str:
    """Attacks by rhyme; defends by small talk, and guesses at last."""
    if seat == "attacker":
        return "What do you see when you go out, and what do you like best about it?"
    turns = sum(message.speaker == "self" for message in view)
    return "I know the word! It is window" if turns == 2 else "Nothing much. And you?"


@game(
    "taboo-v0",
    family="attacker and defender",
    roles={"attacker": 1, "defender": 1},
    max_turns=lambda rounds=5: 2 * rounds,
    payoff_range=(-1, 1),
    sum="zero",
    score="win",
    bounds={"rounds": (1, 100)},
    oracles={"sample": sample},
)
def taboo(rounds: int = 5) -> Script:
    """An attacker talks a defender into saying a word; the defender may guess it instead.

    Moves: lines of talk, in turn, for `rounds` rounds. Payoff: the attacker wins when the defender says the
    word (or a form of it, or spells it) outside a guess, or guesses wrong; it loses when it says the word
    itself, or when the guess is right. Otherwise a draw. Words are compared whole, ignoring case.
    Source: SPAG (Cheng et al. 2024), whose turns weigh 0.8^-t; that belongs to training.
    """
    rng = yield from randomness()
    word = rng.choice(WORDS)
    attack, brief = ATTACK.format(word=word), DEFEND

    for turn in range(rounds):
        said = yield from ask("attacker", attack, line)
        # Looked at before the defender sees it: the attacker has lost already.
        if says(said, word):
            return (yield from _won("defender", "the attacker said the word"))

        answer = yield from ask("defender", brief + SAID.format(said=said), line)
        # The whole line must be the guess, so that talk with the word in it is no way
        # out.
        if guess := _GUESS.fullmatch(answer):
            right = guess[1].casefold() == word
            return (
                yield from _won("defender" if right else "attacker", f"the guess was {guess[1]}")
            )

        # A wrong guess has lost above, so the word is only looked for in talk.
        if says(answer, word):
            return (yield from _won("attacker", f"the defender said the word in round {turn + 1}"))
        # The defender's brief stands in its view from the first round on.
        attack, brief = SAID.format(said=answer), ""

    yield from note("how", "nobody said the word")
    return {"attacker": 0, "defender": 0}


def _won(seat: str, how: str) -> Script:
    yield from note("how", how)
    return {name: 1 if name == seat else -1 for name in ("attacker", "defender")}


def says(text: str, word: str) -> bool:
    """Whether the text holds the word, its plural, past or -ing form as a whole word, or spells it out.

    Accents, invisible characters and whatever stands between letters that are spelt do not hide it.
    """
    # Decomposed, an accent is a mark of its own and can be left out.
    letters = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in letters if unicodedata.category(c) not in ("Mn", "Cf"))
    # dance gives dancing and danced: the e before an ending may be there or not.
    stem, spelt = word.removesuffix("e"), r"[\W_]+".join(word)
    forms = rf"(?<![^\W\d_])(?:{stem}e?(?:s|es|d|ed|ing)?|{spelt})(?![^\W\d_])"
    return bool(re.search(forms, plain, re.IGNORECASE))
