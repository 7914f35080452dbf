"""The stock of a run: the samples of its steps on disk, as they were drawn, to be trained on again.

`stock/step-N.jsonl` holds a step's samples, one a line, below a line with their number and digest. A file is
written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple, cast

from ...agents.run_folder import RunFolder, found_folder, step_name, step_of
from ...envs.errors import SparringError
from ...envs.seeds import generator
from ...envs.types import Episode, Message, Speaker
from ..checkpoints import replace_text, writing
from ..config import Config, StockConfig
from .advantage import Centre, Credited
from .balance import Balanced, balanced
from .objectives import Judged
from .samples import Attempt, Sample, Span


class StockError(SparringError, ValueError):
    """A run has no stock, or one that is corrupt."""


class Said(NamedTuple):
    """One turn as text: what the seat had seen, and its reply."""

    view: tuple[Message, ...]
    reply: str


class Stored(NamedTuple):
    """A stored sample, and its turns as text."""

    judged: Judged
    said: tuple[Said, ...]


class Stock:
    """Samples by the step that drew them.

    Files are named by the run's steps; those of a phase, which are given and asked for, count from `offset`.
    `after`, a step of the run, removes what an interrupted run wrote beyond it: those are played again.
    `mine` tells which steps of the run, from 1, a member of a population takes samples of; they alone age.
    Of several processes one `writes`.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        *,
        offset: int = 0,
        after: int | None = None,
        mine: Callable[[int], bool] | None = None,
        writes: bool = True,
    ) -> None:
        self.settings: StockConfig = config.stock
        self._seed = config.seed
        self._offset = offset
        self._folder = RunFolder(folder).stock
        self._writes = writes
        self._read: dict[int, list[Judged]] = {}
        self._source = Path()
        self._mine = mine
        self.balance: Balanced | None = None
        """What the search for a threshold came to, at the step that was given last."""

        if config.stock.source:
            self._source = RunFolder(found_folder(config.stock.source)).stock
            if not steps(self._source):
                raise StockError(
                    f"stock.source = {config.stock.source} has no stock in {self._source}; name a run that "
                    "was trained with stock.keep = true"
                )
        # Step N is played by the weights of checkpoint N, and was not trained on there.
        known = steps(self._folder) if after is not None and writes else []
        for step in known:
            if step >= (after or 0):
                _file(self._folder, step).unlink()

    def write(self, step: int, samples: Sequence[Judged], episodes: Mapping[int, Episode]) -> None:
        """Keep a step's samples; `episodes` are theirs, by index. Raises CheckpointError for a full disk."""
        if not self.settings.keep:
            return
        number = self._offset + step
        if self.settings.age:
            self._read[number] = list(samples)
        if not self._writes:
            return

        lines = "".join(json.dumps(_line(each, number, episodes)) + "\n" for each in samples)
        head = {"samples": len(samples), "sha256": sha256(lines.encode()).hexdigest()}
        with writing(self._folder):
            self._folder.mkdir(exist_ok=True)
            replace_text(_file(self._folder, number), json.dumps(head) + "\n" + lines)
            _sync(self._folder)

    def given(self, step: int) -> list[Judged]:
        """The stored samples that join this step, by age, role and verdict. Raises StockError.

        Their `version` counts as the phase's steps do, so that those of before it lie below 0.
        """
        settings, folder = self.settings, self._source if self.settings.source else self._folder
        if not settings.age:
            return []
        known = steps(folder)
        # Of another run the newest steps; of one's own those before this one.
        end = known[-1] + 1 if settings.source else self._offset + step
        inside = [number for number in known if end - settings.age <= number < end]
        if self._mine and not settings.source:
            own = [number for number in known if number < end and self._mine(number + 1)]
            inside = own[-settings.age :]

        # Another run's are of before this one.
        first = end if settings.source else self._offset
        self._read = {number: self._of(folder, number, first) for number in inside}
        found = [each for number in inside for each in self._read[number] if self._wanted(each)]
        if settings.balance:
            self.balance = balanced(found, settings.balance)
            found = list(self.balance.taken) if self.balance else []
        if not settings.count or len(found) <= settings.count:
            return found
        drawn = generator(f"stock/{self._seed}/{step}").sample(range(len(found)), settings.count)
        return [found[place] for place in sorted(drawn)]

    def _of(self, folder: Path, step: int, first: int) -> list[Judged]:
        if step in self._read:
            return self._read[step]
        return [_of_version(each.judged, step - first) for each in read(_file(folder, step))]

    def _wanted(self, each: Judged) -> bool:
        settings = self.settings
        if settings.roles and each.attempt.role not in settings.roles:
            return False
        return settings.verdict == "all" or each.right == (settings.verdict == "right")


def steps(folder: Path) -> list[int]:
    """The steps whose samples a stock holds, ascending."""
    found = [step_of(path.with_suffix("")) for path in folder.glob("step-*.jsonl")]
    return sorted(step for step in found if step is not None)


def of_step(folder: Path, step: int) -> list[Judged]:
    """The samples of one step of a stock. Raises StockError."""
    return [each.judged for each in read(_file(folder, step))]


def stored(run: str | Path) -> Iterator[Stored]:
    """All samples of a run's stock, in order. Raises StockError where there are none."""
    home = RunFolder(found_folder(run))
    folder = home.stock
    if not home.path.is_dir():
        raise StockError(f"there is no run {str(run)!r} ({home.path} does not exist)")
    if not steps(folder) and not home.config.is_file():
        raise StockError(f"{home.path} is no run: it has no {home.config.name}")
    if not steps(folder):
        raise StockError(f"{run} has no stock in {folder}; train it with --set stock.keep=true")
    for step in steps(folder):
        yield from read(_file(folder, step))


def read(path: Path) -> list[Stored]:
    """The samples of one step. Raises StockError, naming the line that is wrong."""
    try:
        head, _, body = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise StockError(f"{path} cannot be read: {fault}; {_REMEDY}") from fault

    found: list[Stored] = []
    for number, line in enumerate([head, *body.splitlines()], 1):
        try:
            data = json.loads(line)
            if number > 1:
                found.append(_stored(data))
            elif not isinstance(data, dict) or data.keys() != {"samples", "sha256"}:
                raise ValueError("it has no number of samples")
        except (
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            RecursionError,
        ) as fault:
            raise StockError(f"{path}, line {number}, is corrupt ({fault}); {_REMEDY}") from fault

    told = json.loads(head)
    if told["samples"] != len(found):
        raise StockError(
            f"{path} is corrupt ({len(found)} of {told['samples']} samples are there); {_REMEDY}"
        )
    if told["sha256"] != sha256(body.encode()).hexdigest():
        raise StockError(f"{path} is corrupt (its samples were changed); {_REMEDY}")
    return found


_REMEDY = "remove it to go on without that step's samples"


def _file(folder: Path, step: int) -> Path:
    return folder / f"{step_name(step)}.jsonl"


def _of_version(each: Judged, version: int) -> Judged:
    attempt = each.attempt._replace(version=version)
    sample = each.sample._replace(attempt=attempt)
    return each._replace(credited=each.credited._replace(sample=sample))


def _line(each: Judged, step: int, episodes: Mapping[int, Episode]) -> dict[str, Any]:
    """A sample as JSON values, with the run's step as its version."""
    sample, episode = each.sample, episodes[each.attempt.episode]
    return {
        "learner": episode.seats[each.attempt.seat].name,
        "attempt": each.attempt._replace(version=step)._asdict(),
        "tokens": sample.tokens,
        "logprobs": sample.logprobs,
        "spans": sample.spans,
        "centres": [
            # JSON has no infinity: the scale of an outcome that nothing can be compared with.
            (centre.baseline, centre.scale if math.isfinite(centre.scale) else None)
            for centre in each.credited.centres
        ],
        "advantages": each.credited.advantages,
        "right": each.right,
        "rate": each.rate,
        "said": list(_said(sample, episode)),
    }


def _said(sample: Sample, episode: Episode) -> Iterator[dict[str, Any]]:
    """The turns as text: of each view only what is new beside the one before."""
    before: tuple[Message, ...] = ()
    for span in sample.spans:
        turn = episode.turns[span.turn]
        pairs = zip(before, turn.prompt, strict=False)
        seen = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        yield {"seen": seen, "new": turn.prompt[seen:], "reply": turn.reply.text}
        before = turn.prompt


def _stored(data: dict[str, Any]) -> Stored:
    """What `_line` wrote. Raises ValueError, TypeError, KeyError or IndexError for anything else."""
    attempt = Attempt(**data["attempt"])
    read = [Span(*span) for span in data["spans"]]
    spans = tuple(span._replace(given=tuple(span.given)) for span in read)
    sample = Sample(attempt, tuple(data["tokens"]), tuple(data["logprobs"]), spans)
    advantages = tuple(data["advantages"])

    if len(sample.tokens) != len(sample.logprobs):
        raise ValueError(f"{len(sample.tokens)} tokens, {len(sample.logprobs)} log-probabilities")
    if not spans or spans[-1].stop > len(sample.tokens) or len(spans) != len(advantages):
        raise ValueError("its turns do not fit its tokens")
    if not all(map(math.isfinite, (*advantages, *sample.logprobs))):
        raise ValueError("it has a number that is not finite")

    centres = tuple(Centre(b, math.inf if s is None else s) for b, s in data["centres"])
    judged = Judged(Credited(sample, centres, advantages), bool(data["right"]), data["rate"])
    return Stored(judged, tuple(_texts(data["said"])))


def _texts(turns: Sequence[Mapping[str, Any]]) -> Iterator[Said]:
    view: tuple[Message, ...] = ()
    for turn in turns:
        new = tuple(Message(cast(Speaker, speaker), str(text)) for speaker, text in turn["new"])
        view = view[: turn["seen"]] + new
        yield Said(view, turn["reply"])


def _sync(folder: Path) -> None:
    """A new name is on the disk only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
