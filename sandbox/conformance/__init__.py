"""What any verifier must survive: named checks to run a verifier against, also a user's own.

Every hostile program is followed by a canary, an honest one that must come out right: a sandbox that
survives an attack by breaking has not survived it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from ...envs.types import Job, Limits, Result, Verdict
from ...envs.values import canonical, same
from ..verifier import Verifier
from .cheats import SECRET
from .honest import HONEST
from .hostile import Attack, attacks


@dataclass(frozen=True, slots=True)
class Finding:
    """One named check, whether it passed, and if not, what came instead."""

    name: str
    passed: bool
    detail: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.passed else "FAIL"
        return f"{mark} {self.name}{': ' + self.detail if self.detail else ''}"


AT_ONCE = 12
"""Attacks that run at once: few enough to see the progress."""
CANARY = Job("def f(x): return [x + 1, 'alive']", "f", ((41,),), limits=Limits(seconds=20.0))


def _alive(verdict: Verdict) -> bool:
    return (
        verdict.status == "ok"
        and verdict.results == (Result("ok", [42, "alive"]),)
        and not verdict.stdout
    )


def survived(attack: Attack, verdict: Verdict, canary: Verdict) -> Finding:
    """Whether an attack got nothing, was called by its right name, and left no harm."""
    said = verdict.stdout + "".join(canonical(result.value) for result in verdict.results)
    scored = any(result.status == "ok" and same(result.value, SECRET) for result in verdict.results)

    if "PWNED" in said or scored:
        reason = f"it got through: {said[:200]}"
    elif verdict.status not in attack.right:
        right = " or ".join(sorted(attack.right))
        reason = f"{right} was expected, {verdict.status} came ({verdict.detail})"
    elif verdict.status in ("forbidden", "invalid") and _counts(attack) and not verdict.forbidden:
        reason = "the attempt was not counted"
    elif not _alive(canary):
        reason = f"the program after it came out as {canary.status} ({canary.detail})"
    else:
        return Finding(attack.name, True)

    return Finding(attack.name, False, reason)


def _counts(attack: Attack) -> bool:
    """Whether the attack is one that the telemetry counts: a forbidden call or a forged record."""
    return attack.right == frozenset(("forbidden",)) or "record" in attack.name


def honest_jobs() -> list[tuple[str, Job]]:
    """Every honest program by name."""
    return [
        (name, Job(source, limits=Limits(seconds=20.0))) for name, (source, _) in HONEST.items()
    ]


def unharmed(name: str, verdict: Verdict) -> Finding:
    """Whether an honest program ran to its end and printed what it must."""
    expected = HONEST[name][1]
    if verdict.status == "ok" and verdict.stdout.strip() == expected and not verdict.forbidden:
        return Finding(f"honest: {name}", True)
    return Finding(
        f"honest: {name}", False, f"{verdict.status} {verdict.stdout!r} {verdict.detail}"
    )


async def findings(verifier: Verifier) -> AsyncIterator[Finding]:
    """Every check, in a fixed order, as they are done. Takes about a minute."""
    planned = list(attacks())
    for some in (planned[i : i + AT_ONCE] for i in range(0, len(planned), AT_ONCE)):
        verdicts = await verifier.verify([job for attack in some for job in (attack.job, CANARY)])
        for attack, verdict, canary in zip(some, verdicts[::2], verdicts[1::2], strict=True):
            yield survived(attack, verdict, canary)
    honest = honest_jobs()
    runs = await verifier.verify([job for _, job in honest])
    for (name, _), verdict in zip(honest, runs, strict=True):
        yield unharmed(name, verdict)


async def check_all(verifier: Verifier) -> list[Finding]:
    """All of the `findings`."""
    return [finding async for finding in findings(verifier)]


def check(verifier: Verifier) -> list[Finding]:
    """`check_all` for code without an event loop."""
    return asyncio.run(check_all(verifier))
