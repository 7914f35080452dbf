"""How a run's settings let its learner think. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import replace

from ...agents.models.names import parted
from ...agents.thinking import Role, Thinking
from ...agents.wording import read_prompts
from ..config import Config, Rollout, games


def thinking(config: Config) -> Thinking:
    """How the learner thinks, by the settings and its name, with the words of their file of prompts.

    Raises PromptsError.
    """
    rollout = config.rollout
    prompts = read_prompts(rollout.prompts, games(config)) if rollout.prompts else None
    return parted(config.model, replace(thinks(rollout), prompts=prompts))[1]


def thinks(rollout: Rollout) -> Thinking:
    """How the settings let a learner think, with words of ours."""
    roles = tuple(
        Role(name, own.think or rollout.think, own.thought_tokens or rollout.thought_tokens)
        for name, own in rollout.roles.items()
    )
    return Thinking(rollout.think, rollout.thought_tokens, rollout.keep_thoughts, roles=roles)
