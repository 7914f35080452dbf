"""A game as lines that people read: who saw what, who said what, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .types import Episode, Message, Turn


class Telling:
    """Tells a game bit by bit: each call yields the lines about the turns that are new since the last.

    `told` counts the turns told so far.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Message, ...]] = {}
        self.told = 0

    def news(self, turns: Sequence[Turn]) -> Iterator[str]:
        """`turns` are all so far. A turn that is told here tells its credits up to now."""
        for number, turn in enumerate(turns[self.told :], self.told):
            yield from self._turn(number, turn)
        self.told = len(turns)

    def _turn(self, number: int, turn: Turn) -> Iterator[str]:
        before = self._seen.get(turn.seat, ())
        # a view that does not extend the last one (an edited transcript) is told in full
        new = turn.prompt[len(before) :] if turn.prompt[: len(before)] == before else turn.prompt
        for message in new:
            if message.speaker != "self":
                yield from block(f"  {message.speaker} to {turn.seat}: ", message.text)

        if turn.reply.thought:
            yield from block(f"[{number}] {turn.seat} thinks: ", turn.reply.thought)
        cut = "" if turn.reply.finish == "stop" else f" ({turn.reply.finish})"
        # a cut reply is refused for being cut, which is already said
        if turn.refused and not cut:
            cut = f" ({turn.refused})"
        yield from block(f"[{number}] {turn.seat} says{cut}: ", turn.reply.text)

        for name, amount in turn.credits.items():
            yield f"    credit {name}: {amount:+g}"
        # the reply itself comes back in the next prompt, as the seat's own message
        self._seen[turn.seat] = turn.prompt


def story(episode: Episode) -> Iterator[str]:
    """The episode turn by turn, with thoughts, credits, verdicts, notes, ending and payoff."""
    yield from Telling().news(episode.turns)
    yield from ended(episode)


def ended(episode: Episode) -> Iterator[str]:
    """How an episode ended: verdicts, notes, refused replies, ending and payoff."""
    for verdict in episode.verdicts:
        yield f"verdict ({episode.verifier}): {verdict.status} {verdict.detail}".rstrip()
    for name, value in episode.notes:
        yield f"note {name}: {value!r}"
    for role, (refused, total) in refusals(episode).items():
        yield f"refused replies of {role}: {refused} of {total}"
    reason = f" ({episode.ending.reason})" if episode.ending.reason else ""
    yield f"ending: {episode.ending.kind}{reason}"
    yield "payoff: " + ", ".join(f"{seat} {amount:+g}" for seat, amount in episode.payoff.items())


def refusals(episode: Episode) -> dict[str, tuple[int, int]]:
    """For each role with any: its replies that were no move, and all its replies."""
    roles = dict.fromkeys(turn.role for turn in episode.turns if turn.refused)
    own = {role: [turn.refused for turn in episode.turns if turn.role == role] for role in roles}
    return {role: (len(causes) - causes.count(None), len(causes)) for role, causes in own.items()}


def block(head: str, text: str) -> Iterator[str]:
    """A text under its head, further lines indented; control characters are shown, not obeyed."""
    first, *rest = [_plain(line) for line in text.split("\n")]
    yield head + first
    for line in rest:
        yield "      " + line


def _plain(line: str) -> str:
    # what a model says may steer a terminal
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line)
