"""Models of the nursery: small Llamas for a set of games, built by imitation, kept in the cache."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from ....envs.registry import Game, find
from ...language.chat_template import Dialect
from ..cache import cached
from ..names import Born, ModelError
from .imitate import examples, imitate, private_randomness
from .rows import Row, played
from .teachers import lessons, school
from .tokens import make_tokenizer


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a model, and how long it imitates: `steps` for each game, `rows` played of each.

    `words` is the part of the vocabulary that BPE learns. `spread` is the standard deviation of the first
    weights: the usual 0.02 is for wide models, and at a width of 64 a table of sums is then learnt ten
    times as slowly.
    """

    layers: int
    hidden: int
    heads: int = 4
    context: int = 1024
    words: int = 512
    rows: int = 8000
    steps: int = 700
    tokens: int = 1200
    rate: float = 4e-3
    spread: float = 0.1


SHAPES = {
    "tiny": Shape(2, 64),
    "small": Shape(4, 64, rows=12000, steps=800, tokens=1200, rate=3e-3),
}


def nursed(wanted: Born, game: Game | None = None, seed: int = 0) -> Path:
    """The folder of this model: built on the first call, which says so, and kept in the cache.

    It is for the games of its name, or the game at hand; of the latter some parameters count (`School.kept`).
    The same name, games, seed and code give the same model (to rounding, across machines).
    Raises ModelError where neither names a game.
    """
    games = _games(wanted, game)
    shape = SHAPES[wanted.size]
    taught = [lesson for game in games for lesson in lessons(game)]

    # whatever the weights depend on is in the name, and not how the games were named
    options = (asdict(wanted.start), wanted.effort, asdict(shape), seed)
    facts = ([lesson.ref for lesson in taught], *options, _code())
    digest = sha256(repr(facts).encode()).hexdigest()[:12]
    return cached(
        f"{wanted.size}-{_title(games)}-{digest}",
        lambda folder: build(folder, taught, wanted, shape, seed),
        sound=_sealed,
    )


def build(folder: Path, taught: Sequence[Game], wanted: Born, shape: Shape, seed: int) -> None:
    """Write the model that imitates the teachers of these games, and its tokenizer, into the folder."""
    names = list(dict.fromkeys(game.id for game in taught))
    longer = fmean({game.id: school(game).longer for game in taught}.values())
    _say(f"building {wanted.size} for {', '.join(names)} (once; it may take minutes) …")
    began, cpu = time.monotonic(), time.process_time()

    rows = [row for game in taught for row in _rows(game, taught, wanted, shape, seed)]
    tokenizer = make_tokenizer(rows, shape.words)
    dialect = Dialect(tokenizer)
    groups = examples(dialect, rows, random.Random(f"draw/{seed}"))

    with private_randomness(seed):
        model = make_model(tokenizer, shape)
        imitate(
            model,
            dialect.pad,
            groups,
            steps=_more(round(shape.steps * longer), wanted, len(names)),
            tokens=shape.tokens,
            rate=shape.rate,
            rng=random.Random(f"imitate/{seed}"),
        )

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / _SEAL).write_text(json.dumps(_contents(folder)))
    took, busy = time.monotonic() - began, time.process_time() - cpu
    _say(f"built in {took:.0f} s ({busy:.0f} s of one core)")


def _rows(game: Game, taught: Sequence[Game], wanted: Born, shape: Shape, seed: int) -> list[Row]:
    """A share of the rows of this game: variants of one game share what one game gets."""
    games = len({other.id for other in taught})
    variants = sum(other.id == game.id for other in taught)
    count = _more(shape.rows, wanted, games) // games // variants
    return list(islice(played(game, school(game), wanted.start, seed), max(1, count)))


def _more(amount: int, wanted: Born, games: int) -> int:
    """What is spent on several games: less than on each alone, since they share form and words."""
    return max(1, round(amount * wanted.effort * games**_TOGETHER))


_TOGETHER = 0.4


def make_model(tokenizer: Any, shape: Shape) -> Any:
    """An untrained Llama as small as `shape` says, for this tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            intermediate_size=4 * shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_range=shape.spread,
            tie_word_embeddings=False,
        )
    )


def _games(wanted: Born, game: Game | None) -> list[Game]:
    if not wanted.games:
        if game is None:
            raise ModelError(
                f"the model {wanted.size!r} is built for games; name them, as in {wanted.size}:sums"
            )
        return [game]
    # the game at hand brings its parameters along
    return [game if game and game.id == id else find(id) for id in wanted.games]


def _title(games: Sequence[Game]) -> str:
    names = [game.id.rpartition("-v")[0] or game.id.replace("/", "-") for game in games]
    return "-".join(names[:3]) + (f"-and-{len(names) - 3}" if len(names) > 3 else "")


_SEAL = "manifest.json"


def _contents(folder: Path) -> dict[str, str]:
    """SHA-256 by file name, of all files but the seal."""
    files = [file for file in sorted(folder.iterdir()) if file.name != _SEAL]
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files}


def _sealed(folder: Path) -> bool:
    """Whether the folder holds what was written; a line says where it does not."""
    try:
        sound = json.loads((folder / _SEAL).read_text()) == _contents(folder)
    except (OSError, ValueError):
        sound = False
    if not sound:
        _say(f"{folder} is damaged: it is built again")
    return sound


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _code() -> str:
    """A digest of all code that a model depends on: of this folder, and how prompts are written."""
    here = Path(__file__).parent
    own = [file for file in sorted(here.glob("*.py")) if file.name != "report.py"]
    files = [*own, here.parents[1] / "prompts.py"]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
