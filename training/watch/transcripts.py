"""Games of a run as text that people read, with the audit of every trained sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...envs.story import story
from ..data.advantage import ALONE, Credited
from ..step import Step


def write(folder: Path, step: Step, most: int) -> Path:
    """Write the first `most` games of the step to `step-N.txt`; returns the file."""
    games = step.episodes[:most]
    text = "\n".join("\n".join(_game(step, index)) for index in range(len(games)))
    file = folder / f"step-{step.number:06d}.txt"
    file.write_text(text + "\n")
    return file


def _game(step: Step, index: int) -> Iterator[str]:
    episode = step.episodes[index]
    yield f"=== step {step.number}, game {index}: {episode.game.id} seed {episode.seed} ==="
    yield from story(episode)

    # Seed and replicate name one game of a step.
    played = episode.seed, episode.replicate
    trained = [
        each
        for each in step.trained
        if (each.sample.attempt.seed, each.sample.attempt.replicate) == played
    ]
    for each in trained:
        yield from _audit(each)
    if not trained:
        yield f"trained: nothing ({episode.ending.kind})"
    yield ""


def _audit(credited: Credited) -> Iterator[str]:
    """Raw outcome → credits → baseline → advantage, a line per trained turn, or listed move of one."""
    sample, attempt = credited.sample, credited.sample.attempt
    for span, centre, advantage in zip(sample.spans, *credited[1:], strict=True):
        scale = "" if centre.scale == 1 else f" / {centre.scale:.4f}"
        if centre.scale == ALONE:
            scale = ", its own: nothing to compare with"
        earned = f"payoff {attempt.payoff:+g} → with credits {span.earned:+g}"
        if span.move:
            earned = f"the move {span.move!r} is worth {span.earned:+.4f}"
        yield (
            f"trained: {attempt.seat} turn {span.turn} ({span.trained} tokens): {earned} "
            f"→ baseline {centre.baseline:+.4f}{scale} → advantage {advantage:+.4f}"
        )
