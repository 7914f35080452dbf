"""One tiny model for Kuhn poker, built once for all tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from sparring.agents.language.sampling import logprobs
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.load import load_model
from sparring.agents.policy import Sampling
from sparring.envs.registry import Game, find
from sparring.envs.types import Reply


@pytest.fixture(scope="session")
def kuhn() -> Game:
    return find("kuhn-poker-v0")


@pytest.fixture(scope="session")
def tiny(kuhn: Game, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Transformer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(tmp_path_factory.mktemp("cache")))
        torch.set_num_threads(1)
        yield load_model("tiny", kuhn, sampling=Sampling(max_tokens=8))


@pytest.fixture
def plain_logprobs() -> Callable[[Transformer, Reply, Sampling], list[float]]:
    """A reply's log-probabilities by one forward pass over it alone, without cache or padding."""

    def score(policy: Transformer, reply: Reply, sampling: Sampling) -> list[float]:
        ids = torch.tensor([[*reply.prompt_tokens, *reply.tokens]])
        with torch.inference_mode():
            logits = policy.model(input_ids=ids, use_cache=False).logits[0]
        logp = logprobs(logits[len(reply.prompt_tokens) - 1 : -1], sampling)
        return logp[torch.arange(len(reply.tokens)), torch.tensor(reply.tokens)].tolist()

    return score
