"""Games of a run as text that people read, with the audit of every trained sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..envs.types import Episode, Message
from .advantage import Centre
from .samples import Sample
from .selfplay import Step


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
    yield from _turns(episode)
    yield from _end(episode)
    for sample, credited in samples:
        yield from _audit(sample, credited, centres[sample.episode, sample.seat])
    if not samples:
        yield f"trained: nothing ({episode.ending.kind})"
    yield ""


def _turns(episode: Episode) -> Iterator[str]:
    seen: dict[str, tuple[Message, ...]] = {}
    for number, turn in enumerate(episode.turns):
        before = seen.get(turn.seat, ())
        new = turn.prompt[len(before) :] if turn.prompt[: len(before)] == before else turn.prompt
        for message in new:
            if message.speaker != "self":
                yield from _block(f"  {message.speaker} to {turn.seat}: ", message.text)
        if turn.reply.thought:
            yield from _block(f"[{number}] {turn.seat} thinks: ", turn.reply.thought)
        cut = "" if turn.reply.finish == "stop" else f" ({turn.reply.finish})"
        yield from _block(f"[{number}] {turn.seat} says{cut}: ", turn.reply.text)
        for name, amount in turn.credits.items():
            yield f"    credit {name}: {amount:+g}"
        seen[turn.seat] = turn.prompt


def _end(episode: Episode) -> Iterator[str]:
    for verdict in episode.verdicts:
        yield f"verdict ({episode.verifier}): {verdict.status} {verdict.detail}".rstrip()
    for name, value in episode.notes:
        yield f"note {name}: {value!r}"
    reason = f" ({episode.ending.reason})" if episode.ending.reason else ""
    yield f"ending: {episode.ending.kind}{reason}"
    yield "payoff: " + ", ".join(f"{seat} {amount:+g}" for seat, amount in episode.payoff.items())


def _audit(sample: Sample, credited: tuple[float, ...], centre: Centre) -> Iterator[str]:
    """Raw outcome → credits → baseline → advantage, a line per trained turn."""
    for span, advantage in zip(sample.spans, credited, strict=True):
        scale = "" if centre.scale == 1 else f" / {centre.scale:.4f}"
        yield (
            f"trained: {sample.seat} turn {span.turn} ({span.stop - span.start} tokens): "
            f"payoff {sample.payoff:+g} → with credits {span.earned:+g} "
            f"→ baseline {centre.baseline:+.4f}{scale} → advantage {advantage:+.4f}"
        )


def _block(head: str, text: str) -> Iterator[str]:
    """The text behind its head, further lines indented; control characters shown, never sent."""
    lines = [_visible(line) for line in text.split("\n")]
    yield head + lines[0]
    for line in lines[1:]:
        yield f"    {line}"


def _visible(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line)
