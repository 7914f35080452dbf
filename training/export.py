"""A run's stock as a data set for other trainers: JSONL in the conversational format that TRL reads."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..agents.prompts import Chat
from ..agents.run_folder import RunFolder, found_folder
from ..agents.thinking import OFF, Thinking
from ..envs.types import Message
from . import checkpoints
from .data.samples import Span
from .data.stock import StockError, Stored, stored
from .kept_prompts import with_kept
from .phases import stages
from .players.thinking import thinking
from .settings import read

SAMPLES, PAIRS = "samples.jsonl", "pairs.jsonl"


class Exported(NamedTuple):
    """Where a data set lies, and how many rows its two files have."""

    folder: Path
    samples: int
    pairs: int


class _Answer(NamedTuple):
    """One turn: what its seat had seen and was prompted with, what it said, and of which sample."""

    of: Stored
    span: Span
    view: tuple[Message, ...]
    prompt: Chat
    reply: str
    advantage: float


def export(
    run: str | Path,
    *,
    out: str | Path | None = None,
    roles: Sequence[str] = (),
    verdict: str = "all",
) -> Exported:
    """Write `samples.jsonl` and `pairs.jsonl` into `out` (default: `dataset` in the run).

    A sample is one turn, {prompt, completion}: the chat that its seat was prompted with, in the words of the
    run's own file of prompts where it has one, without examples (`rollout.shots`), and its reply; beside them
    game, role, turn, version, reward, earned, advantage, right. `verdict` (all, right, wrong) and `roles` say
    which are written. A pair is {prompt, chosen, rejected}: of the turns of one step that answer the same
    view of one role, that which earned most and that which earned least; pairs need both, so `verdict` does
    not narrow them. A file without rows is not written, and one that stood there is removed.

    Raises StockError for a run without a stock, a corrupt one, or a role that is not in it; ConfigError and
    PromptsError for settings and prompts of the run that cannot be read; CheckpointError for a folder that
    cannot be written.
    """
    every = list(stored(run))
    played = dict.fromkeys(each.judged.attempt.role for each in every)
    if unknown := [role for role in roles if role not in played]:
        raise StockError(
            f"the stock of {run} has no samples of {', '.join(unknown)}; its roles are {', '.join(played)}"
        )
    kept = [each for each in every if not roles or each.judged.attempt.role in roles]
    way = _ways(RunFolder(found_folder(run)))
    answers = [answer for each in kept for answer in _answers(each, way)]

    wanted = [a for a in answers if verdict == "all" or a.of.judged.right == (verdict == "right")]
    samples, pairs = [_sample(answer) for answer in wanted], _pairs(answers)

    folder = Path(out) if out else found_folder(run) / "dataset"
    with checkpoints.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in ((SAMPLES, samples), (PAIRS, pairs)):
            _write(folder / name, rows)
    return Exported(folder, len(samples), len(pairs))


def _ways(home: RunFolder) -> Callable[[int], Thinking]:
    """How the learner was prompted, by the number of steps that its weights had been trained for."""
    if not home.config.is_file():
        return lambda version: OFF
    found = [
        (stage.end, thinking(with_kept(stage.config, home.path)))
        for stage in stages(read(home.config))
    ]
    # one beyond the last step is of the last stage: a run may have been cut shorter since
    return lambda version: next((way for end, way in found if version < end), found[-1][1])


def _answers(each: Stored, way: Callable[[int], Thinking]) -> Iterable[_Answer]:
    judged, of = each.judged, each.judged.attempt
    spans, amounts = judged.sample.spans, judged.credited.advantages
    for span, amount, said in zip(spans, amounts, each.said, strict=True):
        prompt = way(of.version).of(of.role).chat(of.role, said.view)
        yield _Answer(each, span, said.view, prompt, said.reply, amount)


def _sample(answer: _Answer) -> dict[str, Any]:
    of = answer.of.judged.attempt
    return {
        "prompt": answer.prompt,
        "completion": [_said(answer)],
        "game": of.game,
        "role": of.role,
        "turn": answer.span.ordinal,
        "version": of.version,
        "reward": of.reward,
        "earned": answer.span.earned,
        "advantage": answer.advantage,
        "right": answer.of.judged.right,
    }


def _pairs(answers: Iterable[_Answer]) -> list[dict[str, Any]]:
    groups: dict[object, list[_Answer]] = defaultdict(list)
    for answer in answers:
        of = answer.of.judged.attempt
        groups[of.version, of.game, of.role, answer.view].append(answer)

    found: list[dict[str, Any]] = []
    for group in groups.values():
        best = max(group, key=lambda answer: answer.span.earned)
        worst = min(group, key=lambda answer: answer.span.earned)
        # Equal words that luck paid differently are no preference.
        if best.span.earned > worst.span.earned and best.reply != worst.reply:
            found.append(_pair(best, worst))
    return found


def _pair(best: _Answer, worst: _Answer) -> dict[str, Any]:
    of = best.of.judged.attempt
    return {
        "prompt": best.prompt,
        "chosen": [_said(best)],
        "rejected": [_said(worst)],
        "game": of.game,
        "role": of.role,
        "version": of.version,
        "margin": best.span.earned - worst.span.earned,
    }


def _said(answer: _Answer) -> dict[str, str]:
    return {"role": "assistant", "content": answer.reply}


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    # Readers of JSONL cannot tell columns from an empty file.
    if not rows:
        path.unlink(missing_ok=True)
        return
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    checkpoints.replace_text(path, text)
