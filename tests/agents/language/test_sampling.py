"""Rules of drawing tokens from a large vocabulary."""

from __future__ import annotations

import torch
from sparring.agents.language.sampling import draw

WORDS = 20_000


def uniforms(count: int) -> torch.Tensor:
    return torch.randint(1 << 40, (count,)).double() / (1 << 40)


def test_rounding_changes_hardly_a_draw_of_a_large_vocabulary() -> None:
    torch.manual_seed(0)
    logits = torch.randn(50, WORDS) * 2.5
    rounded = logits + 1e-6 * torch.randn(50, WORDS)
    rows = torch.arange(50).repeat(1000)
    noise = uniforms(len(rows))
    one, other = (draw(each.log_softmax(-1), rows, noise) for each in (logits, rounded))
    # the inverse of the distribution function changes about 40 of these
    assert int((one != other).sum()) <= 5


def test_draws_of_a_large_vocabulary_follow_its_probabilities() -> None:
    torch.manual_seed(0)
    wanted = torch.tensor([0.5, 0.2, 0.15, 0.1, 0.05])
    places = torch.tensor([0, 1, 9_999, 16_384, WORDS - 1])
    logp = torch.full((1, WORDS), -torch.inf)
    logp[0, places] = wanted.log()

    drawn = draw(logp, torch.zeros(100_000, dtype=torch.long), uniforms(100_000))
    shares = drawn.bincount(minlength=WORDS)[places] / 100_000
    assert (shares - wanted).abs().max() < 0.006
    assert shares.sum() == 1


def test_the_least_and_the_greatest_noise_draw_a_token_that_has_mass() -> None:
    logp = torch.full((1, WORDS), -torch.inf)
    logp[0, 7_777] = 0.0
    noise = torch.tensor([0.0, 1 - 2**-40], dtype=torch.float64)
    assert draw(logp, torch.zeros(2, dtype=torch.long), noise).tolist() == [7_777, 7_777]
