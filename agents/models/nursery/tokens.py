"""A tokenizer for a set of games: their fixed passages are tokens, so prompts are as short as what is new.

Rules and the words around what changes are one token each; so are the choices that games list, integers
from −99 to 99, and the glue of programs and lists. All other text is spelt by byte-level BPE, so that any
text can be written and read back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from .rows import Row

END, PAD, MOVE, RULES = "<|end|>", "<|pad|>", "<|move|>", "<|rules|>"
_TEMPLATE = (
    "{% for m in messages %}{{ m.content }}"
    f"{{% if m.role == 'system' %}}{RULES}"
    f"{{% elif m.role == 'user' %}}{MOVE}"
    f"{{% else %}}{END}{{% endif %}}"
    "{% endfor %}"
)
_GLUE = (
    *(
        " + ",
        " - ",
        " * ",
        " // ",
        " % ",
        " == ",
        " = ",
        ", ",
        ": ",
        " => ",
        "\n",
        "\n    ",
        " mod ",
    ),
    *(
        "def f(x):\n    return ",
        "x",
        "f(",
        "[",
        "]",
        "[]",
        "(",
        ")",
        "'",
        '"',
        "```python\n",
        "\n```",
    ),
    *("<answer>", "</answer>", "None", "True", "False", " if ", " else ", " for ", " in ", "?"),
)
_WORDS = r"\s?[A-Za-z]+|\s?[^\sA-Za-z0-9]+|[0-9]+|\s+"
_ATOM = re.compile(r"\d+|[^\W\d_]+|\s+|[^\w\s]|_")
_RUN = 6
"""Atoms (words, spaces, signs) that a passage has at least."""
_PLAIN = re.compile(r"[A-Za-z]+| +|[.,:;!?']")
_SHARE, _MOST, _FEWEST = 0.02, 0.8, 4
"""A passage of plain words stands in the first share of its group's texts, another in the second."""
_ENOUGH = 400
"""Texts of a group that are looked at."""
_LONG = 24
"""Characters of a text that is worth a token of its own where it is always the same."""
_MOST_CHOICES = 400


def make_tokenizer(rows: Sequence[Row], vocabulary: int, often: float = 0.0) -> Any:
    """The tokenizer, chat template included. `vocabulary` is the size of the part that BPE learns.

    A text that came up a few times has a token of its own, where it is at least the share `often` of what its
    speaker says to its role: of a problem with a token of its own nothing can be copied.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = _texts(rows)
    fixed = _fixed(rows, texts, often)

    core = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_WORDS), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([split, spell])  # type: ignore[assignment]
    core.decoder = decoders.ByteLevel()  # type: ignore[assignment]

    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=3,
        special_tokens=[PAD, END, MOVE, RULES],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # passages are cut out first: their words need no tokens unless they stand elsewhere too
    core.train_from_iterator(_rest(texts, fixed), trainer)
    core.add_tokens([AddedToken(text, normalized=False) for text in fixed])

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=PAD, eos_token=END, extra_special_tokens=[MOVE, RULES]
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def _texts(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    """The texts of all rows, by game, role and speaker, and how often each stands there."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        for message in row.view:
            group = f"{row.game} {row.role} {message.speaker}"
            found.setdefault(group, Counter())[message.text] += 1
        if len(row.replies) == 1:
            found.setdefault(f"{row.game} {row.role} self", Counter())[row.replies[0]] += 1
    return found


def _fixed(rows: Sequence[Row], texts: dict[str, Counter[str]], often: float) -> list[str]:
    """Texts that are a token each, in a fixed order."""
    choices = Counter(choice for row in rows if len(row.replies) > 1 for choice in row.replies)
    # the system message as `chat` writes it: the role, then the rules
    told = (
        "\n\n".join([f"Role: {row.role}", *(m.text for m in row.view if m.speaker == "system")])
        for row in rows
    )
    found = dict.fromkeys([*told, *_GLUE, *map(str, range(-99, 100))])

    found |= dict.fromkeys(choice for choice, _ in choices.most_common(_MOST_CHOICES) if choice)
    for some in texts.values():
        found |= dict.fromkeys(passages(list(some)[:_ENOUGH]))
        # what is said word for word again and again, such as why a try failed
        found |= dict.fromkeys(
            text
            for text, count in some.items()
            if count >= max(_FEWEST, often * some.total())
            and len(text) > _LONG
            and sum(map(str.isdigit, text)) < len(text) / 30
        )
    return [text for text in found if _decodes(text)]


def _decodes(text: str) -> bool:
    """Whether a token of this text is read back as it stands: ByteLevel takes some signs for bytes."""
    return text.isascii() or " " in text


def passages(texts: Sequence[str]) -> list[str]:
    """What several of the texts have in common, word for word and without numbers, the longest runs.

    An atom belongs to a passage where the atoms around it stand together in enough texts: in a few if they
    are plain words, in nearly all if they are signs or code, whose parts mean something by themselves.
    """
    cut = [_ATOM.findall(text) for text in texts]
    counts = Counter(run for atoms in cut for run in {*_runs(atoms)})
    few, most = max(_FEWEST, int(_SHARE * len(cut))), max(_FEWEST, int(_MOST * len(cut)))

    found: Counter[str] = Counter()
    for atoms in cut:
        shared = [False] * len(atoms)
        for start, run in enumerate(_runs(atoms)):
            # a number is part of what changes, also where it is often the same
            least = few if all(map(_PLAIN.fullmatch, run)) else most
            if counts[run] >= least and not any(atom.isdigit() for atom in run):
                shared[start : start + _RUN] = [True] * _RUN
        found.update(_joined(atoms, shared))
    return [text for text, count in found.items() if count >= few]


def _runs(atoms: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(atoms[i : i + _RUN]) for i in range(len(atoms) - _RUN + 1)]


def _joined(atoms: Sequence[str], shared: Sequence[bool]) -> list[str]:
    """The longest runs of shared atoms, as text."""
    found, run = list[str](), ""
    for atom, common in zip([*atoms, ""], [*shared, False], strict=True):
        if common:
            run += atom
        elif run:
            found.append(run)
            run = ""
    return found


def _rest(texts: dict[str, Counter[str]], fixed: Sequence[str]) -> Iterable[str]:
    """The texts without what is a token by itself."""
    longest = sorted(fixed, key=len, reverse=True)
    cut = re.compile("|".join(map(re.escape, longest)))
    for some in texts.values():
        for text in list(some)[:_ENOUGH]:
            yield from filter(None, cut.split(text))
