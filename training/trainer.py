"""TRL's trainer over our own games: only where samples come from is ours.

`GRPOTrainer._generate_and_score_completions` makes the samples of a step; the override here plays games
instead. `_get_per_token_logps_and_entropies` scores them; the override here holds few logits whole. Loss,
clipping, gradient accumulation, LoRA, FSDP, DeepSpeed, checkpoints and the optimiser are TRL's and
accelerate's. Both methods are private to TRL: the version is pinned, and a contract test watches their
signatures, the keys of the batch and advantages per token.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from .config import Config, learner_names
from .data.advantage import NonFiniteError
from .data.batch import Batch
from .data.learners import LEARNER_ROWS
from .players.sharing import Learners
from .weights import Average

_SMALL = 1 << 24
"""How many logits may be held at once; beyond, TRL's tiled head computes them piece by piece."""


class SelfPlayTrainer(GRPOTrainer):
    """Trains on what `source(step)` packs for each generation.

    The magnet is what the KL term pulls to (None: no KL). It is ours and not TRL's reference model, so
    that it may be an average of adapters and stands in checkpoints; it is moved by whoever owns it.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        config: Config,
        source: Callable[[int], Batch],
        *,
        folder: Path,
        learners: Learners | None = None,
    ) -> None:
        arguments = _arguments(config, folder)
        self.learners = learners
        self._whose: torch.Tensor | None = None

        # TRL counts steps by rows of a data set; ours are empty, one for each microbatch.
        slots = config.steps * config.update.microbatches * arguments.world_size
        super().__init__(
            model=model,
            reward_funcs=[_unused],
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": [""] * (slots + 1)}),
            processing_class=tokenizer,
        )

        # Without a bar of its own transformers adds a callback that prints every log.
        self.remove_callback(PrinterCallback)
        self._clip_norm = config.update.clip_norm
        self._microbatches = config.update.microbatches
        self.magnet: Average | None = None
        self.source = source
        self.batch: Batch | None = None
        self.probe_every = config.record.probe_every
        self.sampler_gap: float | None = None

    def pull(self, magnet: Average, strength: float) -> None:
        """Pull the learner to the magnet by a KL term of this strength from now on."""
        self.magnet = magnet
        self.beta = strength

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Play the games of this step. The rows of `inputs` only count steps; samples are our own."""
        self.batch = self.source(self.state.global_step)
        tensors = {
            name: tensor.to(self.accelerator.device) for name, tensor in self.batch.tensors.items()
        }

        # A probe is a forward pass over the whole batch, too much for every step.
        probing = self.state.global_step % self.probe_every == 0
        self.sampler_gap = self._gap(tensors) if probing else None
        if self.magnet:
            # Scored here: in the loss the model wears the learner's weights.
            with self.magnet.worn():
                tensors["ref_per_token_logps"] = self._scored(tensors)

        # TRL shuffles the rows next, by torch's global generator, and sums come out in the rows' order.
        # (torch.manual_seed would also reach for every accelerator, which costs a millisecond a step.)
        torch.default_generator.manual_seed(self.args.seed + self.state.global_step)
        return tensors

    def _gap(self, tensors: dict[str, torch.Tensor]) -> float:
        """The largest difference of log-probability between the sampler and the learner on one token."""
        off = (self._scored(tensors) - tensors["old_per_token_logps"]).abs()
        # Context was not sampled, so there is nothing to compare it with.
        return float(off.masked_fill(tensors["tool_mask"] == 0, 0).max())

    @torch.no_grad()
    def _scored(self, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        """Log-probabilities (B, T) of the completions under the model as it is now."""
        ids = torch.cat([tensors["prompt_ids"], tensors["completion_ids"]], 1)
        mask = torch.cat([tensors["prompt_mask"], tensors["completion_mask"]], 1)
        keep = tensors["completion_ids"].size(1)
        # As many rows at once as the loss takes: a score needs no more memory.
        rows = -(-len(ids) // self._microbatches)
        with self._of_learners(tensors):
            logps, _, _ = self._get_per_token_logps_and_entropies(
                self.model, ids, mask, keep, batch_size=rows
            )
        return logps

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        with self._of_learners(inputs):
            return super()._compute_loss(model, inputs)

    @contextmanager
    def _of_learners(self, tensors: Mapping[str, Any]) -> Generator[None]:
        """Score rows by the learners that they belong to; all by the one where there is one."""
        self._whose = tensors.get(LEARNER_ROWS)
        try:
            yield
        finally:
            self._whose = None

    def _scored_apart(
        self, whose: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, *more: Any, **named: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """The rows of each learner scored by its own weights, put together again in their order."""
        assert self.learners, "rows of several learners"
        names, places, parts = list(self.learners.policies), list[torch.Tensor](), list[Any]()
        for place in whose.unique().tolist():
            rows = (whose == place).nonzero().flatten()
            with self.learners.chosen(names[place]) as model:
                places.append(rows)
                parts.append(
                    self._get_per_token_logps_and_entropies(
                        model, ids[rows], mask[rows], *more, **named
                    )
                )

        back = torch.cat(places).argsort()
        logps, entropies, losses = zip(*parts, strict=True)
        return (
            torch.cat(logps)[back],
            None if entropies[0] is None else torch.cat(entropies)[back],
            losses[0],
        )

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *arguments: Any,
        **named: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Log-probabilities and entropies (B, T), as TRL's; but few logits are held whole.

        TRL computes them tile by tile, on a CPU those of the prompt too, and again on the way back: little
        memory for large vocabularies, and half as much time again for small models.
        """
        if self._whose is not None:
            whose, self._whose = self._whose, None
            return self._scored_apart(
                whose, input_ids, attention_mask, logits_to_keep, *arguments, **named
            )

        vocabulary = cast(Any, self.model).config.get_text_config().vocab_size
        many = input_ids.size(0) * (logits_to_keep + 1) * vocabulary > _SMALL
        if many or named.get("compute_aux_loss"):
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, *arguments, **named
            )

        with self.accelerator.autocast():
            logits = model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                logits_to_keep=logits_to_keep + 1,
                use_cache=False,
            ).logits

        # The logits at a place score the token after it.
        every = (logits[:, :-1].float() / self.temperature).log_softmax(-1)
        logps = every.gather(-1, input_ids[:, -logits_to_keep:, None])[..., 0]
        entropies = None
        if named.get("compute_entropy"):
            # The entropy is only reported; no gradient flows through it.
            known = every.detach()
            entropies = -(known.exp() * known).sum(-1)

        # Padding scores 0, as in the old log-probabilities: its ratio is 1.
        return logps * attention_mask[:, -logits_to_keep:], entropies, None

    def measured(self) -> dict[str, float]:
        """TRL's own metrics since the last call: kl, entropy, clip ratios; a mean each."""
        found = {
            name: sum(values) / len(values)
            for name, values in self._metrics["train"].items()
            if values
        }
        # TRL clears them when it logs, and its logging is off.
        self._metrics["train"].clear()
        return found

    def check(self) -> None:
        """Raise NonFiniteError, naming the samples, when a gradient is not finite."""
        grads = [
            p.grad for p in cast(torch.nn.Module, self.model).parameters() if p.grad is not None
        ]
        # One norm over all gradients: one answer to wait for on an accelerator.
        if torch.isfinite(torch.nn.utils.get_total_norm(grads)):
            return
        raise NonFiniteError(
            f"the gradient of step {self.state.global_step} is not finite; its samples: {self._suspects()}. "
            "The weights are as before the step"
        )

    def _suspects(self) -> str:
        """The samples whose log-probabilities are not finite, or all of the step."""
        if self.batch is None:
            return "unknown"
        tensors = {
            name: tensor.to(self.accelerator.device) for name, tensor in self.batch.tensors.items()
        }
        odd = (~torch.isfinite(self._scored(tensors))).any(1).nonzero().flatten().tolist()
        return "; ".join(self.batch.names(row) for row in odd[:3]) or self.batch.names(0)

    def clip(self) -> None:
        """Clip the gradient of each of several learners by its own norm; of one TRL does."""
        if self.learners is None or len(self.learners) == 1 or not self._clip_norm:
            return
        for name in self.learners.policies:
            torch.nn.utils.clip_grad_norm_(self.learners.parameters(name), self._clip_norm)

    def _save(
        self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None
    ) -> None:
        """Write the main learner as TRL does, and the others each to a folder of its name."""
        beside = self.learners if self.learners and len(self.learners) > 1 else None
        if beside and beside.mode == "models":
            state_dict = beside.own_state()
        super()._save(output_dir, state_dict)
        if beside and output_dir:
            beside.save(Path(output_dir), self.processing_class)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: torch.nn.Module | None = None
    ) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self.learners and len(self.learners) > 1:
            self.learners.load(Path(resume_from_checkpoint))
            self.learners.enable()

    def create_model_card(self, *arguments: Any, **named: Any) -> None:
        """None: a run folder describes itself."""


def _unused(*_: Any, **__: Any) -> list[float | None]:
    """TRL requires a reward function; ours come from games."""
    raise AssertionError("rewards come from games")


def _arguments(config: Config, folder: Path) -> GRPOConfig:
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
        max_completion_length=rollout.max_tokens
        + (rollout.thought_tokens if rollout.think != "off" else 0),
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
