"""Losses that TRL's trainer does not have: pure functions of log-probabilities, each with its source.

Axes: B rows, T completion tokens. All give a loss per token or per pair; `averaged` averages as TRL does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch.nn.functional import logsigmoid

from .config import Objective
from .data.batch import REJECTED
from .data.learners import LEARNER_ROWS

LEAST, MOST = 0.02, 0.98
"""Rates of groups are held inside these bounds in NFT, as its authors' code holds them."""

_LONGEST = 10.0
"""The greatest log-ratio that is raised to a power, as in NFT's code: beyond, floats overflow."""


def components(
    objective: Objective,
    logps: torch.Tensor,
    tensors: Mapping[str, torch.Tensor],
    mask: torch.Tensor,
    *,
    own: Callable[..., torch.Tensor] | None = None,
) -> torch.Tensor:
    """What the objective adds to TRL's loss for each token (B, T), but for the pull and for pairs.

    `own` is the user's loss, of kind `own`.
    """
    old, weights = tensors["old_per_token_logps"], tensors["advantages"]
    each = torch.zeros_like(logps)
    if objective.kind == "nft":
        each = each + nft(logps, old, weights, tensors["rates"], epsilon=objective.epsilon)
    if objective.kind == "topr":
        each = each + topr(logps, old, weights, mask, clip=objective.clip)
    if own is not None:
        each = each + own(logps, old, weights, mask)
    if "imitate" in tensors:
        each = each + imitation(logps, tensors["imitate"])
    return each


def imitation(logps: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """−w·log π for each token (B, T): the negative log-likelihood, of supervised fine-tuning."""
    return -weights * logps


def pull(
    logps: torch.Tensor, reference: torch.Tensor, factors: torch.Tensor, *, reverse: bool
) -> torch.Tensor:
    """The k3 estimate of the KL to the reference (Schulman 2020) times a factor, for each token (B, T).

    `reverse` multiplies by π/π_now, whose value is 1: the gradient is then that of KL(learner‖reference).
    """
    # Tokens that are free may lie anywhere, and 0 times infinity is no number.
    apart = torch.where(factors > 0, reference - logps, torch.zeros_like(logps))
    k3 = apart.exp() - apart - 1
    if reverse:
        k3 = k3 * (logps - logps.detach()).exp()
    return factors * k3


def whole_pull(learner: torch.Tensor, reference: torch.Tensor, *, reverse: bool) -> torch.Tensor:
    """The KL between two log-distributions (…, V), over all of V: KL(reference‖learner), or the reverse."""
    over, other = (learner, reference) if reverse else (reference, learner)
    return (over.exp() * (over - other)).sum(-1)


def entropy(every: torch.Tensor) -> torch.Tensor:
    """The entropy in nats of log-distributions (…, V). It is only reported: no gradient flows through it."""
    known = every.detach()
    return -(known.exp() * known).sum(-1)


def nft(
    logps: torch.Tensor,
    old: torch.Tensor,
    weights: torch.Tensor,
    rates: torch.Tensor,
    *,
    epsilon: float,
) -> torch.Tensor:
    """Negative-aware fine-tuning (Chen et al. 2025, arXiv 2505.18116), for each token (B, T).

    With R = π/π_old and q the rate at which the group is right,

        −ω [r log R + (1 − r) log max_v((1 − q R) / (1 − q), ε)]

    `weights` is ω of right samples and −ω of wrong ones. max_v clips the value and lets the gradient through
    as if it had not. Where π = π_old the gradient is −ω ∇log π, and ω q / (1 − q) ∇log π: with ω = 1 − q
    Dr. GRPO's, with ω = √((1 − q)/q) GRPO's.
    """
    ratio = (logps - old).clamp(max=_LONGEST).exp()
    rates = rates.clamp(LEAST, MOST)

    other = (1 - rates * ratio) / (1 - rates)
    # Straight through: the value is clipped and the gradient is not.
    other = other + (other.clamp(min=epsilon) - other).detach()
    right, wrong = weights.clamp(min=0), (-weights).clamp(min=0)
    return -right * (logps - old) - wrong * other.log()


def topr(
    logps: torch.Tensor,
    old: torch.Tensor,
    advantages: torch.Tensor,
    mask: torch.Tensor,
    *,
    clip: float,
) -> torch.Tensor:
    """Tapered off-policy REINFORCE (Le Roux et al. 2025, arXiv 2503.14286), for each token (B, T).

    −A log π where A ≥ 0, and −clip(π/μ, 0, `clip`) A log π where A < 0. The ratio is that of the whole
    sample, over all of a row's trained tokens, and has no gradient.
    """
    trained = mask > 0
    apart = ((logps.detach() - old) * trained).sum(-1, keepdim=True)
    # Clipped before the power, which would overflow.
    ratio = apart.clamp(max=_LONGEST).exp().clamp(max=clip)
    return -torch.where(advantages < 0, ratio, torch.ones_like(ratio)) * advantages * logps


def reinforce(
    logps: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """−A log π for each token (B, T), however old the sample: REINFORCE without a ratio.

    What TOPR is measured against; `hooks.loss` names it. On samples of older weights nothing bounds how far
    wrong answers are pushed down.
    """
    return -advantages * logps


def reweighed(
    tensors: Mapping[str, torch.Tensor], present: torch.Tensor, *, most: float
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """The tensors of a policy gradient on what older weights drew, and how far apart the two are.

    Each token's advantage is weighted by min(π/μ, `most`), with μ the sampler's recorded probability and π
    that of the `present` weights (B, T), which have no gradient here; TRL's own ratio and its clipping then
    are of what this step changes (decoupled PPO, Hilton et al. 2021; truncated as in IMPALA, Espeholt et al.
    2018). The numbers are means over the sampled tokens, each weighted by how often it was sampled:
    `age_kl` the k3 estimate of KL(μ‖π) in nats, `age_truncated` the share of weights that were cut, and
    `age_bias` how much they lost by it, which is what the gradient's expectation is off by.
    """
    counts = (tensors["completion_mask"] * tensors["tool_mask"]).clamp(min=0)
    # Context was not sampled: 0 there, for infinity times nothing is no number.
    apart = torch.where(counts > 0, present - tensors["old_per_token_logps"], 0.0)
    ratio = apart.clamp(max=_LONGEST).exp()
    weight = ratio.clamp(max=most)

    def mean(values: torch.Tensor) -> float:
        return float((values * counts).sum() / counts.sum().clamp(min=1e-9))

    found = {
        "age_kl": mean(ratio - 1 - apart),
        "age_truncated": mean((ratio > most).float()),
        "age_bias": mean(ratio - weight),
    }
    changed = {
        "advantages": tensors["advantages"] * weight,
        "old_per_token_logps": present,
    }
    return {**tensors, **changed}, found


def preference(
    chosen: torch.Tensor, rejected: torch.Tensor, weights: torch.Tensor, *, beta: float
) -> torch.Tensor:
    """Direct preference optimisation (Rafailov et al. 2023): the weighted mean over pairs, one number.

    −log σ(β (chosen − rejected)), each a pair's sum of log π/π_ref over its trained tokens (B).
    """
    return -(weights * logsigmoid(beta * (chosen - rejected))).mean()


def gained(logps: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The sum of log π/π_ref over the trained tokens of each row (B)."""
    # 1 for what was sampled: what a row weighs is the pairs' affair.
    trained = (tensors["completion_mask"] * tensors["tool_mask"]) > 0
    return ((logps - tensors["ref_per_token_logps"]) * trained).sum(-1)


def worse(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of the worse samples of pairs, by the names that the better ones have."""
    found = {
        name.removeprefix(REJECTED): tensor
        for name, tensor in tensors.items()
        if name.startswith(REJECTED)
    }
    # Both samples of a pair are of one learner.
    shared = {name: tensors[name] for name in (LEARNER_ROWS,) if found and name in tensors}
    return found | shared


def averaged(
    each: torch.Tensor,
    mask: torch.Tensor,
    *,
    loss: str,
    longest: int,
    tokens: torch.Tensor,
    parts: int,
    share: float,
    processes: int = 1,
) -> torch.Tensor:
    """A loss per token (B, T) averaged as TRL averages under this loss, ready to be added to its own.

    `longest` is the greatest number of tokens of a reply, `tokens` the number of trained tokens in the whole
    batch, of all `processes`, `parts` the number of microbatches whose losses are added up, `share` is
    `parts` by microbatches of a generation.
    """
    summed = (each * mask).sum()
    if loss in ("grpo", "sapo"):
        return ((each * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean() / parts
    if loss == "bnpo":
        return summed / mask.sum().clamp(min=1.0) / parts
    if loss == "dr_grpo":
        return summed / (each.size(0) * longest) / parts
    if loss == "luspo":
        return (each * mask).sum(-1).mean() / parts
    return summed / (tokens.clamp(min=1.0) / processes * share)
