"""`tiny`: a small Llama for one game, built in seconds and warm-started so that it speaks the protocol.

Its tokenizer is byte-level, hence lossless for any text, with merges learned on the game's own random
play, so that moves and prompts are a token each. Its chat template leaves out the rules and writes one
token for the role and one at the end of each message: a Kuhn prompt has 3 to 6 tokens, a reply 2.
The model then imitates random legal play: near-uniform over the legal moves, and little else.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from ...envs.registry import Game
from ...envs.table import Table
from ...envs.types import Ask, Message, Reply
from ..language.chat_template import Dialect
from .cache import cached

MOVE, END, PAD = "<|move|>", "<|end|>", "<|pad|>"
# the system message begins with "Role: NAME"; [6:] leaves the name, which is one token
_TEMPLATE = (
    "{% for m in messages %}"
    "{% if m.role == 'system' %}<|{{ m.content.split('\\n')[0][6:] }}|>"
    f"{{% elif m.role == 'user' %}}{{{{ m.content }}}}{MOVE}"
    f"{{% else %}}{{{{ m.content }}}}{END}{{% endif %}}"
    "{% endfor %}"
)
# the illegal replies that random play slips in
_SLIPS = ("", "?", "pass", MOVE)
_WORDS = r"\s?[A-Za-z0-9]+|\s?[^\sA-Za-z0-9]+|\s+"


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of the model, and how long it imitates."""

    layers: int = 2
    hidden: int = 64
    heads: int = 4
    vocabulary: int = 512
    context: int = 1024
    games: int = 1500
    steps: int = 400
    rows: int = 48
    learning_rate: float = 3e-3


@dataclass(frozen=True, slots=True)
class Example:
    """A view, the moves that are legal in it, the role that sees it, and whether a try failed before."""

    role: str
    view: tuple[Message, ...]
    choices: tuple[str, ...]
    again: bool


def tiny(game: Game, seed: int = 0, shape: Shape = Shape()) -> Path:
    """The folder of the tiny model for this game: built on the first call, kept in the cache.

    The same game, seed and shape give the same model (to rounding, across machines).
    """
    # whatever the weights depend on is in the name, this file's own code included
    facts = (game.ref, dict(game.roles), sorted(game.rules.items()), seed, asdict(shape), _code())
    name = f"tiny-{game.id.replace('/', '-')}-{sha256(repr(facts).encode()).hexdigest()[:12]}"
    return cached(name, lambda folder: build(folder, game, seed, shape))


def build(folder: Path, game: Game, seed: int, shape: Shape) -> None:
    """Write a warm-started model and its tokenizer into the folder."""
    print(
        f"building tiny for {game.id}, seed {seed} (once; a minute or two on one core) …",
        file=sys.stderr,
        flush=True,
    )
    began = time.monotonic()
    examples = random_play(game, shape.games, seed)
    tokenizer = make_tokenizer(game, examples, shape)

    with _private_randomness(seed):
        model = make_model(tokenizer, shape)
        imitate(model, Dialect(tokenizer), examples, shape, random.Random(f"imitate/{seed}"))

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    print(f"built in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def random_play(game: Game, games: int, seed: int) -> list[Example]:
    """What seats see in games of random legal moves, each view as often as it came up.

    Now and then an illegal reply is slipped in, so that the second tries are seen too. A game is left
    where it needs a verifier, or asks without listing choices.
    """
    rng = random.Random(f"random play/{game.id}/{seed}")
    seen: list[Example] = []
    for number in range(games):
        table = Table(game, number)
        while asks := _answerable(table):
            failed = any(ask.retry for ask in asks) or any(turn.retry for turn in table.turns)
            replies: list[Reply] = []
            for ask in asks:
                choices = ask.choices or ()
                seen.append(Example(game.role_of[ask.seat], table.view(ask.seat), choices, failed))
                replies.append(Reply(rng.choice(_SLIPS if rng.random() < 0.03 else choices)))

            table.answer(replies)
    return seen


def _answerable(table: Table) -> tuple[Ask, ...]:
    """The asks that wait, if each lists its choices."""
    return table.asks if all(ask.choices for ask in table.asks) else ()


def make_tokenizer(game: Game, examples: Sequence[Example], shape: Shape) -> Any:
    """A byte-level BPE tokenizer with merges from the game's own text, chat template included."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    # two stages: words are cut apart first, so that no merge reaches over a word's
    # end, and are then spelt in bytes
    core = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_WORDS), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([split, spell])  # type: ignore[assignment]
    core.decoder = decoders.ByteLevel()  # type: ignore[assignment]

    # all 256 bytes are in the alphabet, so that any text can be written
    roles = [f"<|{role}|>" for role in game.roles]
    trainer = trainers.BpeTrainer(
        vocab_size=shape.vocabulary,
        min_frequency=2,
        special_tokens=[PAD, END, MOVE, *roles],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(_texts(game, examples), trainer)

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=PAD, eos_token=END, extra_special_tokens=[MOVE, *roles]
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def _texts(game: Game, examples: Sequence[Example]) -> Iterator[str]:
    """The game's own words: prompts and moves; the rules only where play shows nothing."""
    # a game that needs a verifier, or free text, has no random play to learn from
    if not examples:
        yield from game.rules.values()
    for example in examples:
        yield from example.choices
        yield from (message.text for message in example.view if message.speaker != "system")


def make_model(tokenizer: Any, shape: Shape) -> Any:
    """An untrained Llama as small as `shape` says, for this tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            intermediate_size=2 * shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=shape.context,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=False,
        )
    )


def imitate(
    model: Any, dialect: Dialect, examples: Sequence[Example], shape: Shape, rng: random.Random
) -> None:
    """Train the model to reply with a legal move, each as likely as the others.

    The loss is the cross-entropy to the uniform distribution over whole replies (end of turn included),
    one view a row: every choice weighs 1/n. Every fourth step is on views with a failed try, which are long.
    """
    # a set has another order in every process; the sorted one is the same everywhere
    views = sorted({*examples}, key=repr)
    first = [view for view in views if not view.again]
    again = [view for view in views if view.again]
    if not first:
        return

    optimiser = torch.optim.AdamW(model.parameters(), lr=shape.learning_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, shape.learning_rate, total_steps=shape.steps
    )

    for step in range(shape.steps):
        # views with a failed try are long, so their steps have a quarter of the rows
        pool, most = (again, shape.rows // 4) if again and step % 4 == 3 else (first, shape.rows)
        rows = rng.sample(pool, min(most, len(pool)))
        ids, targets, weights = _pack(dialect, rows, rng)
        logp = model(input_ids=ids).logits.log_softmax(-1)

        # position t predicts token t + 1; prompts and padding have weight 0
        picked = logp[:, :-1].gather(-1, targets[:, 1:, None])[..., 0]
        loss = -(picked * weights[:, 1:]).sum() / len(rows)

        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()

    model.eval()


_MOST_CHOICES = 4


def _pack(
    dialect: Dialect, rows: Sequence[Example], rng: random.Random
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, targets and loss weights (B, T): each view with some of its choices, right-padded."""
    sequences: list[tuple[tuple[int, ...], tuple[int, ...], float]] = []
    for row in rows:
        prompt = dialect.encode(row.role, row.view)
        # each choice costs a row with the whole prompt: a few, drawn anew every step,
        # have the same mean
        choices = row.choices
        if len(choices) > _MOST_CHOICES:
            choices = tuple(rng.sample(choices, _MOST_CHOICES))
        sequences += [
            (prompt, (*dialect.choice(c), dialect.end), 1 / len(choices)) for c in choices
        ]

    # padding stands on the right, where no real token of a causal model sees it: a mask
    # is not needed
    width = max(len(prompt) + len(reply) for prompt, reply, _ in sequences)
    ids = torch.full((len(sequences), width), dialect.pad)
    weights = torch.zeros((len(sequences), width))
    for i, (prompt, reply, weight) in enumerate(sequences):
        end = len(prompt) + len(reply)
        ids[i, :end] = torch.tensor(prompt + reply)
        weights[i, len(prompt) : end] = weight

    return ids, ids, weights


@contextmanager
def _private_randomness(seed: int) -> Generator[None]:
    """Torch's global generator, which initialises models, seeded inside and untouched outside.

    One thread: sums come out in the same order wherever there are more.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # no devices: the model is built on the CPU, and a GPU's generator is left alone
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def _code() -> str:
    here = Path(__file__)
    return sha256(here.read_bytes() + (here.parents[1] / "prompts.py").read_bytes()).hexdigest()
