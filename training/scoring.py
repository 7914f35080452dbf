"""Log-probabilities of a batch's rows: by learner, each distinct beginning once, few logits held whole.

`_get_per_token_logps_and_entropies` is private to TRL: the version is pinned, and a contract test watches
its signature.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from trl.trainer.grpo_trainer import GRPOTrainer

from ..agents.language.forest import Forest
from . import losses
from .config import Config
from .data.learners import LEARNER_ROWS
from .data.scores import by_forest, everywhere, planted, scored, spread
from .players.sharing import Learners
from .weights import Average

_SMALL = 1 << 24
"""How many logits may be held at once; beyond, TRL's tiled head computes them piece by piece."""


class Scoring(GRPOTrainer):
    """TRL's trainer with our way to score rows. Call `prepare` once, when the model is there."""

    learners: Learners | None = None
    whole: Any = None
    """The module that plays and is saved: the trained one itself, where that is not cut into shares."""
    _forest = False
    _kept: list[torch.Tensor] | None = None
    _whose: torch.Tensor | None = None
    _trained: torch.Tensor | None = None
    magnet: Average | None = None
    _pulling = False
    """Whether what is scored is measured against the magnet, over the whole vocabulary."""
    _pulled: torch.Tensor | None = None
    """The KL (B, T) between the magnet and what was scored last."""

    def prepare(self, config: Config, learners: Learners | None, processes: int) -> None:
        """Choose how rows are scored: `learners` may be several in one module."""
        self.learners = learners
        self.microbatches = config.update.microbatches
        self.tokens_at_once = config.update.tokens_at_once
        self._forest = by_forest(config.update.forest, self.whole, processes)
        self.exact, self._reverse = config.update.kl_exact, config.update.kl_gradient == "reverse"

    @torch.no_grad()
    def scored(self, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
        """Log-probabilities (B, T) of the completions under the model as it is now."""
        ids = torch.cat([tensors["prompt_ids"], tensors["completion_ids"]], 1)
        mask = torch.cat([tensors["prompt_mask"], tensors["completion_mask"]], 1)
        keep = tensors["completion_ids"].size(1)
        # As many rows at once as the loss takes: a score needs no more memory.
        rows = -(-len(ids) // self.microbatches)
        if self.tokens_at_once:
            rows = min(rows, max(1, self.tokens_at_once // ids.size(1)))
        with self.telling(tensors):
            logps, _, _ = self._get_per_token_logps_and_entropies(
                self.whole, ids, mask, keep, batch_size=rows
            )
        return logps

    @contextmanager
    def telling(self, tensors: Mapping[str, Any]) -> Generator[None]:
        """Score what is scored inside as these rows: by whose they are, and which tokens count."""
        self._whose, self._trained = tensors.get(LEARNER_ROWS), tensors["tool_mask"]
        try:
            yield
        finally:
            self._whose = self._trained = None

    def _scored_apart(
        self, whose: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, *more: Any, **named: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """The rows of each learner scored by its own weights, put together again in their order."""
        assert self.learners, "rows of several learners"
        names, places, parts = list(self.learners.policies), list[torch.Tensor](), list[Any]()
        pulled: list[torch.Tensor] = []
        trained = self._trained
        for place in whose.unique().tolist():
            rows = (whose == place).nonzero().flatten()
            self._trained = None if trained is None else trained[rows]
            with self.learners.chosen(names[place]) as model:
                places.append(rows)
                parts.append(self._scores(model, ids[rows], mask[rows], *more, **named))
            if self._pulled is not None:
                pulled.append(self._pulled)

        back = torch.cat(places).argsort()
        self._pulled = torch.cat(pulled)[back] if pulled else None
        logps, entropies, aux = zip(*parts, strict=True)
        return (
            torch.cat(logps)[back],
            None if entropies[0] is None else torch.cat(entropies)[back],
            aux[0],
        )

    def _get_per_token_logps_and_entropies(
        self, *arguments: Any, **named: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """As `_scores`; log-probabilities are kept where more than TRL's loss is made of them."""
        found = self._scores(*arguments, **named)
        if self._kept is not None:
            self._kept.append(found[0])
        return found

    def _scores(
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

        # Said for one call: what other rows are scored in the same loss are scored whole.
        trained, self._trained = self._trained, None
        vocabulary = self.whole.config.get_text_config().vocab_size
        wanted = bool(named.get("compute_entropy"))
        if self._forest and not named.get("compute_aux_loss"):
            real = attention_mask[:, -logits_to_keep:]
            trained = real if trained is None else real * trained
            if found := planted(input_ids, attention_mask, trained, vocabulary):
                return self._by_forest(found, model, input_ids, trained, entropy=wanted)

        many = input_ids.size(0) * (logits_to_keep + 1) * vocabulary > _SMALL
        if (many and not self._pulling) or named.get("compute_aux_loss"):
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, *arguments, **named
            )

        def every() -> torch.Tensor:
            logits = model(
                input_ids=input_ids,
                attention_mask=attention_mask,
                logits_to_keep=logits_to_keep + 1,
                use_cache=False,
            ).logits
            # The logits at a place score the token after it.
            return (logits[:, :-1].float() / self.temperature).log_softmax(-1)

        found, apart = self._beside_magnet(every)
        logps = found.gather(-1, input_ids[:, -logits_to_keep:, None])[..., 0]
        # Padding scores 0, as in the old log-probabilities: its ratio is 1.
        real = attention_mask[:, -logits_to_keep:]
        self._pulled = None if apart is None else apart * real
        return logps * real, losses.entropy(found) if wanted else None, None

    def _by_forest(
        self, found: Forest, model: Any, ids: torch.Tensor, trained: torch.Tensor, *, entropy: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None, None]:
        every, apart = self._beside_magnet(lambda: everywhere(found, model, self.temperature))
        self._pulled = None if apart is None else spread(found, apart, trained)
        entropies = spread(found, losses.entropy(every), trained) if entropy else None
        return scored(found, every, ids, trained), entropies, None

    def _beside_magnet(
        self, every: Callable[[], torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What `every` gives, log-probabilities (…, V), and their KL to or from what the magnet gives."""
        with self.accelerator.autocast():
            if not (self._pulling and self.magnet):
                return every(), None
            # First, so that the weights of the learner's pass stay where they are until its backward pass.
            with torch.no_grad(), self.magnet.worn():
                reference = every()
            found = every()
        return found, losses.whole_pull(found, reference, reverse=self._reverse)
