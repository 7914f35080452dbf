"""The alarm of a proxy that leaves its gold behind: early rises are seen, noise is none."""

from itertools import accumulate
from random import Random

import pytest
from sparring.training.config import Watch
from sparring.training.watch.drift import Drift
from sparring.training.watch.monitors import Watcher

LIMIT = Watch().gold_gap
NOISE = 0.07


def alarmed(values):
    """The record at which the rise goes beyond the limit, counted from 1; 0: never."""
    drift = Drift()
    for n, value in enumerate(values, 1):
        drift.add(value)
        if drift.risen > LIMIT:
            return n
    return 0


@pytest.mark.parametrize(
    "start",
    [(0.2, 1.0), (0.2, 0.2, 1.0), (0.2, 0.4, 0.6, 0.8), (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7)],
)
def test_a_collapse_within_the_first_records_is_caught(start):
    """In 19 of 20 noisy runs, by the 30th record."""
    draw = Random(3)
    runs = [
        [start[min(n, len(start) - 1)] + draw.gauss(0, NOISE) for n in range(30)] for _ in range(40)
    ]
    assert sum(alarmed(run) > 0 for run in runs) >= 38


@pytest.mark.parametrize("noise", [0.1, 0.2, 0.4])
def test_noise_about_a_level_alarms_at_most_one_run_of_twenty(noise):
    """However large: also where the limit is less than the noise."""
    draw = Random(5)
    runs = [[0.3 + draw.gauss(0, noise) for _ in range(300)] for _ in range(60)]
    assert sum(alarmed(run) > 0 for run in runs) <= 3


def test_what_a_drift_kept_goes_on_as_it_was():
    draw = Random(7)
    values = list(accumulate(draw.gauss(0.03, 0.1) for _ in range(25)))
    whole, begun = Drift(), Drift()
    for value in values:
        whole.add(value)
    for value in values[:7]:
        begun.add(value)
    resumed = Drift.restored(begun.state())
    for value in values[7:]:
        resumed.add(value)
    assert resumed.state() == whole.state()
    assert resumed.risen == whole.risen > 0


def test_a_state_of_an_older_version_begins_anew():
    assert Drift.restored([12, 0.4, 0.3]).state() == Drift().state()


def test_a_proxy_that_goes_to_one_while_gold_falls_alarms_within_ten_records():
    watcher = Watcher(Watch(gold_gap=LIMIT))
    proxy = (0.6, 0.7, 0.85, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    gold = (0.45, 0.42, 0.3, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1)
    gaps = [p - g for p, g in zip(proxy, gold, strict=True)]
    records = [{"step": n, "gold_gap": gap} for n, gap in enumerate(gaps, 1)]
    (alarm,) = [alarm for record in records for alarm in watcher.look(record)]
    assert alarm.name == "gold_gap"
    assert alarm.step < 10
