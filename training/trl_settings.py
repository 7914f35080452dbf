"""A run's settings as TRL's trainer takes them."""

from __future__ import annotations

from pathlib import Path

from trl.trainer.grpo_config import GRPOConfig

from ..agents.models.names import parted
from .config import Config, learner_names
from .players.thinking import thinks


def arguments(config: Config, folder: Path) -> GRPOConfig:
    """TRL's settings for a run whose drafts lie in `folder`."""
    update, rollout = config.update, config.rollout
    several = len(learner_names(config.cast, config.learners)) > 1

    return GRPOConfig(
        output_dir=str(folder),
        seed=config.seed,
        max_steps=config.steps,
        # The least that TRL takes: how many rows a step has is up to the games, not to the data set.
        per_device_train_batch_size=2,
        num_generations=2,
        gradient_accumulation_steps=update.microbatches,
        steps_per_generation=update.microbatches,
        num_iterations=update.iterations,
        # The loss of dr_grpo divides by it: a thought is part of what is trained.
        max_completion_length=rollout.max_tokens + parted(config.model, thinks(rollout))[1].longest,
        # Tokens are scored at the temperature at which they were drawn.
        temperature=rollout.temperature,
        shuffle_dataset=False,
        # The rows are empty: a resumed run need not run through the used ones.
        ignore_data_skip=True,
        # The pull to the magnet is set by `pull`; with beta here TRL would load a reference model.
        beta=0.0,
        use_bias_correction_kl=update.kl_gradient == "reverse",
        loss_type=update.loss,
        # Advantages come whole from our estimators.
        scale_rewards="none",
        epsilon=update.clip_ratio,
        learning_rate=update.lr,
        lr_scheduler_type=update.schedule,
        warmup_steps=update.warmup,
        adam_beta1=update.beta1,
        adam_beta2=update.beta2,
        weight_decay=update.weight_decay,
        # Several learners are clipped apart, by `clip`.
        max_grad_norm=0.0 if several else update.clip_norm,
        activation_checkpointing=update.checkpointing,
        # With dropout the learner would score its samples unlike the sampler.
        disable_dropout=True,
        bf16=update.bf16,
        # Records, checkpoints and what a person sees are ours.
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        log_completions=False,
    )
