"""A server of ours on a free port, with a run of two checkpoints and one of adapters."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager

import pytest
import torch
from peft import LoraConfig, get_peft_model
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import find_model
from sparring.agents.prompts import chat
from sparring.envs.exact import tree


@contextmanager
def opened(shelf, token="", record=None):
    """The app on a free port; its URL."""
    pytest.importorskip("starlette")
    uvicorn = pytest.importorskip("uvicorn")
    from sparring.agents.serve.address import bound
    from sparring.agents.serve.app import Face

    listening = bound("127.0.0.1", 0, "")
    face = Face(shelf, token, record).app()
    config = uvicorn.Config(face, log_level="error", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def written(folder, base, home, seed):
    """An adapter far from its base and from those of other seeds."""
    model = get_peft_model(
        load_model(base).model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    )
    model.peft_config["default"].base_model_name_or_path = str(home)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape, generator=generator)
    model.save_pretrained(str(folder))


@pytest.fixture(scope="package")
def serving():
    return opened


@pytest.fixture(scope="package")
def adapter():
    return written


@pytest.fixture(scope="package")
def runs(tiny, kuhn, tmp_path_factory):
    """A run of whole checkpoints, and one of adapters."""
    home = tmp_path_factory.mktemp("runs")
    found = find_model("tiny", kuhn)
    for step in (1, 2):
        shutil.copytree(found.folder, home / "poker" / "checkpoints" / f"step-{step}")
        (home / "lora" / "checkpoints").mkdir(parents=True, exist_ok=True)
        written(home / "lora" / "checkpoints" / f"step-{step}", found, found.folder, step)
    return home


@pytest.fixture(scope="package")
def shelf(runs, kuhn):
    from sparring.agents.serve.shelf import Shelf

    with Shelf(["poker", "lora", "tiny"], kuhn, runs=runs) as found:
        yield found


@pytest.fixture(scope="package")
def url(shelf):
    with opened(shelf) as found:
        yield found


@pytest.fixture(scope="package")
def client(url):
    openai = pytest.importorskip("openai")
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0)


@pytest.fixture(scope="package")
def messages(kuhn):
    info = tree(kuhn).infosets[0]
    return chat(info.role, info.messages)
