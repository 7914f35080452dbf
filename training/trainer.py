"""TRL's trainer over our own games: only where samples come from is ours.

`GRPOTrainer._generate_and_score_completions` makes the samples of a step; the override here plays games
instead. `_get_per_token_logps_and_entropies` scores them; the override here holds few logits whole.
`_compute_loss` adds the components of the loss that TRL does not have. Clipping, gradient accumulation,
LoRA, checkpoints and the optimiser are TRL's and accelerate's. The methods are private to TRL: the version
is pinned, and a contract test watches their signatures, the keys of the batch and advantages per token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PrinterCallback
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.utils import add_fused_lm_head

from ..agents.models.quantised import QUANTISED
from ..envs.hooks import hook
from . import losses
from .config import Config, ConfigError
from .data.advantage import NonFiniteError
from .data.batch import REJECTED, Batch
from .data.parts import Part, merge, parted
from .players.sharing import Learners
from .ranks.ranks import Ranks
from .ranks.shards import Shards, whole
from .saving import Saving
from .trl_settings import arguments
from .weights import Average


class _NothingError(Exception):
    """A step has no rows, so there is no loss."""


class SelfPlayTrainer(Saving):
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
        ranks: Ranks | None = None,
    ) -> None:
        settings = arguments(config, folder)

        # TRL counts steps by rows of a data set; ours are empty, one for each microbatch.
        slots = config.steps * config.update.microbatches * settings.world_size
        trained = [(p, p.data) for p in model.parameters() if p.requires_grad]
        super().__init__(
            model=model,
            reward_funcs=[_unused],
            args=settings,
            train_dataset=Dataset.from_dict({"prompt": [""] * (slots + 1)}),
            processing_class=tokenizer,
        )
        # Looked up in a table, as TRL wants one, empty rows cost more than they say.
        self.train_dataset = cast(Any, [{"prompt": ""}] * (slots + 1))

        # Of adapters on a quantised base TRL makes bfloat16, which loses steps as small as those of training.
        for parameter, data in trained:
            parameter.data = data

        # Without a bar of its own transformers adds a callback that prints every log.
        self.remove_callback(PrinterCallback)
        self.ranks = ranks
        if ranks:
            # TRL's metrics are then this process's own, and `measured` weighs them by tokens. The gradient is
            # averaged by us: accelerate's wrapper would hold it once more.
            cast(Any, self.accelerator).gather = _own
            cast(Any, self.accelerator).prepare_model = _unwrapped
        # Cut after TRL has made of the model what it wants: the copy is as it is.
        self.whole = self.model
        self.shards = Shards(self.whole) if ranks and ranks.sharded else None
        if self.shards:
            self.model = self.model_wrapped = self.shards.module
            cut = cast(PreTrainedModel, self.shards.module)
            add_fused_lm_head(cut, self.temperature, outputs=("log_probs", "entropy"))
        self._by_row = 1.0
        self._clip_norm = config.update.clip_norm
        self.held = config.update.dtype if config.update.dtype in QUANTISED else ""
        if config.update.tokens_at_once and self.is_deepspeed_enabled:
            raise ConfigError(
                "update.tokens_at_once cannot go with DeepSpeed, which steps after each backward pass; set "
                "update.microbatches"
            )
        self.source = source
        self.batch: Batch | None = None
        self.objective = config.objective
        own = config.hooks.loss
        self._loss: Callable[..., torch.Tensor] | None = hook(own) if own else None
        self.probe_every = config.record.probe_every
        # the greatest of the probes since the last record, which takes it away
        self.sampler_gap: float | None = None
        self.spent: Callable[[], float] = lambda: 0.0
        # Weights of TRL's own ratio begin at 1 only where the sampler had the learner's weights.
        self._truncate = config.update.truncate if config.rollout.ahead else 0.0
        # Gradients are averaged by `ranks`, so any way to score rows suits any number of processes; those of
        # shares want one pass through the model from each.
        alone = ranks and not ranks.sharded
        self.prepare(config, learners, 1 if alone else settings.world_size)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The learning rate goes by the share of the tokens that is spent, where that is ahead of steps."""
        found: Any = super().create_scheduler(num_training_steps, optimizer)
        warmup = self.args.warmup_steps

        def by_tokens(own: Callable[[int], float], step: int) -> float:
            # the warm-up is a number of steps whatever ends the run
            ahead = warmup + self.spent() * (num_training_steps - warmup)
            return own(step if step <= warmup else max(step, round(ahead)))

        found.lr_lambdas = [partial(by_tokens, own) for own in found.lr_lambdas]
        return found

    def pull(self, magnet: Average, strength: float) -> None:
        """Pull the learner to the magnet by a KL term of this strength from now on."""
        self.magnet = magnet
        self.beta = strength

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Play the games of this step. The rows of `inputs` only count steps; samples are our own."""
        self.batch = self.source(self.state.global_step)
        if not self.batch.rows:
            return {"nothing": torch.zeros(self.microbatches)}
        tensors = {
            name: tensor.to(self.accelerator.device) for name, tensor in self.batch.tensors.items()
        }

        # A probe is a forward pass over the whole batch, too much for every step.
        gap = self._gap(tensors) if self.state.global_step % self.probe_every == 0 else None
        stale = bool(self._truncate) and any(self.batch.stale(self.state.global_step))
        # What older weights drew says nothing of an engine that differs from the learner.
        if gap is not None and not stale:
            self.sampler_gap = max(gap, self.sampler_gap or 0.0)
        if stale and self.objective.kind == "gradient":
            present = self.scored(tensors)
            tensors, found = losses.reweighed(tensors, present, most=self._truncate)
            for name, value in found.items():
                self._metrics["train"][name].append(value)
        if self.magnet and not (self.exact and self.objective.kind != "prefer"):
            # Scored here: in the loss the model wears the learner's weights.
            with self.magnet.worn():
                tensors["ref_per_token_logps"] = self.scored(tensors)
                if worse := losses.worse(tensors):
                    tensors[f"{REJECTED}ref_per_token_logps"] = self.scored(worse)

        # TRL shuffles the rows next, by torch's global generator, and sums come out in the rows' order.
        # (torch.manual_seed would also reach for every accelerator, which costs a millisecond a step.)
        torch.default_generator.manual_seed(self.args.seed + self.state.global_step)
        return tensors

    def training_step(
        self, model: Any, inputs: Any, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """A microbatch; after a step's last one all have the same gradient, or their shares of it."""
        try:
            found = super().training_step(model, inputs, num_items_in_batch)
        except _NothingError:
            # No gradient, so that the optimiser finds nothing to change: not even its momentum moves weights.
            self._step += 1
            return torch.zeros((), device=self.args.device)
        if self.ranks and not self.shards and self.accelerator.sync_gradients:
            self.ranks.average(self.whole.parameters())
        return found

    def _gap(self, tensors: dict[str, torch.Tensor]) -> float:
        """The largest difference of log-probability between the sampler and the learner on one token."""
        off = (self.scored(tensors) - tensors["old_per_token_logps"]).abs()
        # Context was not sampled, so there is nothing to compare it with.
        apart = tensors["tool_mask"] == 0
        if self.batch is not None:
            # Nor are samples of earlier weights from the stock.
            stale = torch.tensor(self.batch.stale(self.state.global_step), device=apart.device)
            apart = apart | stale[:, None]
        found = float(off.masked_fill(apart, 0).max())
        return max(self.ranks.gathered(found)) if self.ranks else found

    def compute_loss(
        self,
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The loss of a microbatch. Of one in parts all but the last part have had their backward pass."""
        if "nothing" in inputs:
            raise _NothingError
        most = self.tokens_at_once
        parts = parted(inputs, most, loss=self.loss_type) if most else []
        if self.shards and self.ranks and parts:
            # All processes make as many passes; what is passed again counts nothing.
            passes = max(self.ranks.gathered(len(parts)))
            again = parts[0]._replace(weight=0.0, rows=0.0, tokens=0.0)
            parts = [again] * (passes - len(parts)) + parts
        if len(parts) < 2:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

        noted = {name: len(values) for name, values in self._metrics["train"].items()}
        before = torch.zeros((), device=self.accelerator.device)
        *others, last = parts
        for part in others:
            # Its graph goes before the next part is computed: that is the memory which is spared.
            found = self._part(model, part)
            self.accelerator.backward(found)
            before += found.detach()
        found = self._part(model, last)
        self._by_row = 1.0
        merge(self._metrics["train"], noted, [part.tokens for part in parts])
        return found + before

    def _part(self, model: Any, part: Part) -> torch.Tensor:
        """What a part's loss counts in that of its microbatch."""
        # A mean over pairs is one over rows, whatever the loss of tokens is.
        self._by_row = part.rows / part.weight if part.weight else 0.0
        return part.weight * super().compute_loss(model, part.tensors)

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """TRL's loss, with the objective's own components beside it or in its place."""
        found = self._whole_loss(model, inputs)
        return self.batch.factor * found if self.ranks and self.batch is not None else found

    def _whole_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        kind, strength = self.objective.kind, self.beta
        exact = self.exact and bool(strength)
        held = self.magnet is not None and ("pull" in inputs or exact)
        if kind == "gradient" and not held and "imitate" not in inputs:
            with self.telling(inputs):
                return super()._compute_loss(model, inputs)

        theirs = dict(inputs)
        if kind != "gradient":
            # What is left of TRL's loss is the KL term, and its metrics. Without old log-probabilities
            # its ratio is 1: that of stored samples may overflow.
            theirs["advantages"] = torch.zeros_like(inputs["advantages"])
            del theirs["old_per_token_logps"]

        self._kept, self.beta, self._pulling = [], 0.0 if held else strength, exact
        try:
            with self.telling(inputs):
                found = super()._compute_loss(model, theirs)
            # TRL's and ours go through the model once; of several learners the last are those of all rows.
            logps = self._kept[-1]
        finally:
            # Kept longer, they would hold the whole graph.
            self._kept, self.beta, self._pulling = None, strength, False
        return found + self._own(model, inputs, logps, strength if held else 0.0)

    def _own(
        self, model: Any, inputs: dict[str, Any], logps: torch.Tensor, strength: float
    ) -> torch.Tensor:
        """The objective's components of the loss, of these log-probabilities (B, T)."""
        mask = inputs["completion_mask"] * inputs["tool_mask"]
        settings = cast(GRPOConfig, self.args)
        each = losses.components(self.objective, logps, inputs, mask, own=self._loss)
        if strength:
            held, factors = self._held(logps, inputs)
            each = each + strength * held
            self._note("kl", held.detach() / factors.clamp(min=1e-9), mask * (factors > 0))

        parts = self.current_gradient_accumulation_steps
        found = losses.averaged(
            each,
            mask,
            loss=self.loss_type,
            longest=cast(int, self.max_completion_length),
            tokens=inputs["num_items_in_batch"],
            parts=parts,
            share=parts / cast(int, settings.steps_per_generation),
            processes=self.accelerator.num_processes,
        )
        if "pairs" in inputs:
            # A mean over rows, whatever the loss of tokens is.
            apart = self.batch.by_row / self.batch.factor if self.batch else 1.0
            apart *= self._by_row
            found = found + apart * self._preferred(model, inputs, logps) / parts
        return found

    def _held(
        self, logps: torch.Tensor, inputs: dict[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The KL to the magnet of each token times its factor, and the factors (B, T)."""
        factors = inputs["pull"] if "pull" in inputs else torch.ones_like(logps)
        if (found := self._pulled) is not None:
            # Held longer, it would hold the whole graph.
            self._pulled = None
            return factors * found, factors
        reverse = cast(GRPOConfig, self.args).use_bias_correction_kl
        return losses.pull(logps, inputs["ref_per_token_logps"], factors, reverse=reverse), factors

    def _preferred(self, model: Any, inputs: dict[str, Any], logps: torch.Tensor) -> torch.Tensor:
        """DPO's loss on the pairs of this microbatch, whose better samples have these log-probabilities."""
        worse = losses.worse(inputs)
        ids = torch.cat([worse["prompt_ids"], worse["completion_ids"]], 1)
        seen = torch.cat([worse["prompt_mask"], worse["completion_mask"]], 1)
        with self.telling(worse):
            others, _, _ = self._get_per_token_logps_and_entropies(
                model, ids, seen, worse["completion_ids"].size(1)
            )

        chosen, rejected = losses.gained(logps, inputs), losses.gained(others, worse)
        counted = inputs["pairs"]
        self._note("preferred", (chosen > rejected).float().detach(), counted)
        self._note("margin", (self.objective.beta * (chosen - rejected)).detach(), counted)
        found = losses.preference(chosen, rejected, counted, beta=self.objective.beta)
        return self.objective.weight * found

    def _note(self, name: str, values: torch.Tensor, weights: torch.Tensor) -> None:
        """Add a weighted mean to the metrics, as TRL keeps its own."""
        mean = (values * weights).sum() / weights.sum().clamp(min=1e-9)
        self._metrics["train"][name].append(float(mean))

    def measured(self) -> dict[str, float]:
        """TRL's own metrics since the last call: kl, entropy, clip ratios; a mean each."""
        found = {
            name: sum(values) / len(values)
            for name, values in self._metrics["train"].items()
            if values
        }
        # TRL clears them when it logs, and its logging is off.
        self._metrics["train"].clear()
        if self.ranks and self.batch:
            return _weighed(self.ranks.gathered((self.batch.share, found)))
        return found

    def check(self) -> None:
        """Raise NonFiniteError, naming the samples, when a gradient is not finite."""
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        # One norm over all gradients: one answer to wait for on an accelerator.
        if torch.isfinite(whole(torch.nn.utils.get_total_norm(grads))):
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
        odd = (~torch.isfinite(self.scored(tensors))).any(1).nonzero().flatten().tolist()
        return "; ".join(self.batch.names(row) for row in odd[:3]) or self.batch.names(0)

    def clip(self) -> None:
        """Clip the gradient of each of several learners by its own norm; of one TRL does."""
        if self.learners is None or len(self.learners) == 1 or not self._clip_norm:
            return
        for name in self.learners.policies:
            torch.nn.utils.clip_grad_norm_(self.learners.parameters(name), self._clip_norm)

    def create_model_card(self, *arguments: Any, **named: Any) -> None:
        """None: a run folder describes itself."""


def _own(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _unwrapped(model: Any, **_: Any) -> Any:
    """As accelerate's `prepare_model`, of a model that needs no wrapper to be trained together."""
    return model


def _weighed(parts: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """The mean of each number by the shares of those that have it."""
    names = dict.fromkeys(name for _, found in parts for name in found)
    sums = {
        name: [
            sum(share * found.get(name, 0.0) for share, found in parts),
            sum(share for share, found in parts if name in found),
        ]
        for name in names
    }
    return {name: total / (whole or 1.0) for name, (total, whole) in sums.items()}


def _unused(*_: Any, **__: Any) -> list[float | None]:
    """TRL requires a reward function; ours come from games."""
    raise AssertionError("rewards come from games")
