"""Games of a run as text that people read, with the audit of every trained sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...envs.story import story
from ..data.advantage import Centre
from ..data.samples import Sample
from ..selfplay import Step


def write(folder: Path, step: Step, most: int) -> None:
    """Write the first `most` games of the step to `step-N.txt`."""
    games = step.episodes[:most]
    text = "\n".join("\n".join(_game(step, index)) for index in range(len(games)))
    (folder / f"step-{step.number:06d}.txt").write_text(text + "\n")


def _game(step: Step, index: int) -> Iterator[str]:
    episode = step.episodes[index]
    samples = [
        (sample, credited)
        for sample, credited in zip(step.collected.samples, step.credited, strict=True)
        if (sample.seed, sample.replicate) == (episode.seed, episode.replicate)
    ]
    centres = {
        (outcome.episode, outcome.seat): centre
        for outcome, centre in zip(step.collected.outcomes, step.centres, strict=True)
    }
    yield f"=== step {step.number}, game {index}: {episode.game.id} seed {episode.seed} ==="
    yield from story(episode)
    for sample, credited in samples:
        yield from _audit(sample, credited, centres[sample.episode, sample.seat])
    if not samples:
        yield f"trained: nothing ({episode.ending.kind})"
    yield ""


def _audit(sample: Sample, credited: tuple[float, ...], centre: Centre) -> Iterator[str]:
    """Raw outcome → credits → baseline → advantage, a line per trained turn."""
    for span, advantage in zip(sample.spans, credited, strict=True):
        scale = "" if centre.scale == 1 else f" / {centre.scale:.4f}"
        yield (
            f"trained: {sample.seat} turn {span.turn} ({span.stop - span.start} tokens): "
            f"payoff {sample.payoff:+g} → with credits {span.earned:+g} "
            f"→ baseline {centre.baseline:+.4f}{scale} → advantage {advantage:+.4f}"
        )
