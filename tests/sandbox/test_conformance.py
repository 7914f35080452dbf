"""Every hostile program fails, is called by its name and leaves no harm; no honest one is stopped."""

from collections.abc import Iterator

import pytest
from sparring.envs.types import Job, Verdict
from sparring.sandbox.conformance import (
    CANARY,
    HONEST,
    Finding,
    attacks,
    check,
    honest_jobs,
    survived,
    unharmed,
)
from sparring.sandbox.runner.system_calls import denied_calls, fatal_calls
from sparring.sandbox.verifier import Constant

from ..conftest import opened

ATTACKS = {attack.name: attack for attack in attacks()}


@pytest.fixture(scope="module", params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def findings(request: pytest.FixtureRequest) -> Iterator[dict[str, Finding]]:
    """Run once per executor, on one supervisor, so that each canary follows its attack in the same one."""
    pool = opened(request.param, size=1)
    planned = list(ATTACKS.values())
    verdicts = pool.run([job for attack in planned for job in (attack.job, CANARY)])
    pairs = zip(planned, verdicts[::2], verdicts[1::2], strict=True)
    found = {attack.name: survived(attack, verdict, canary) for attack, verdict, canary in pairs}
    honest = honest_jobs()
    for (name, _), verdict in zip(honest, pool.run([job for _, job in honest]), strict=True):
        found[name] = unharmed(name, verdict)
    assert pool.counters().restarts == 0, "an attack broke the supervisor"
    yield found
    pool.shut()


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(findings: dict[str, Finding], name: str) -> None:
    assert findings[name].passed, findings[name]


@pytest.mark.parametrize("name", HONEST)
def test_honest(findings: dict[str, Finding], name: str) -> None:
    assert findings[name].passed, findings[name]


def test_there_are_enough_of_them() -> None:
    assert len(ATTACKS) >= 120
    assert len(HONEST) >= 40


def test_no_system_call_is_listed_twice() -> None:
    numbers = [number for _, number in (*fatal_calls(), *denied_calls())]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    "verdict",
    [Verdict("ok", stdout="PWNED"), Verdict("infra"), Verdict("ok")],
    ids=["leaks", "infra", "empty"],
)
def test_a_verifier_that_is_none_does_not_pass(verdict: Verdict) -> None:
    assert not any(finding.passed for finding in check(Constant(verdict)))


def test_canaries_are_honest(findings: dict[str, Finding]) -> None:
    assert isinstance(CANARY, Job)
    assert sum(finding.passed for finding in findings.values()) == len(findings)
