"""An evaluation harness of the ecosystem asks two adapters of a server at once, and loses no item."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

if not os.environ.get("SPARRING_REQUIRE_OUTSIDE"):
    pytest.importorskip("lm_eval", reason=".ci/outside.sh has it")

from sparring.cli import main

lm_eval = importlib.import_module("lm_eval")

SETTINGS = [
    *("rollout.games=32", "steps=2", "record.checkpoint_every=1", "record.evaluate_every=0"),
    *("record.tensorboard=false", "update.lora=4", "update.lr=5e-3", "threads=1"),
]
TASK = {
    "task": "ten",
    "dataset_path": "json",
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{answer}}",
    "generation_kwargs": {"until": ["\n"], "max_gen_toks": 8, "do_sample": False},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory):
    """`sparring serve` in a process of its own, over a run whose checkpoints are adapters of one base."""
    run = tmp_path_factory.mktemp("harness") / "lora"
    given = [part for setting in SETTINGS for part in ("--set", setting)]
    assert main(["train", "spiral", *given, "--out", str(run)]) == 0
    command = [sys.executable, "-m", "sparring", "serve", str(run), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().split(" at ")[1].split(";")[0]
    finally:
        server.terminate()
        server.wait()


def asked(url: str, model: str, items: Path) -> list[str]:
    """What a model answered to each item, in order."""
    found = lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args={"model": model, "base_url": f"{url}/chat/completions", "num_concurrent": 10,
                    "max_retries": 1, "timeout": 280},
        tasks=[TASK | {"dataset_kwargs": {"data_files": {"test": str(items)}}}],
        apply_chat_template=True,
        system_instruction="Role: first",
        bootstrap_iters=0,
    )  # fmt: skip
    samples = found["samples"]["ten"]
    assert found["results"]["ten"]["exact_match,none"] == sum(
        sample["exact_match"] for sample in samples
    ) / len(samples)
    return [sample["resps"][0][0] for sample in samples]


def test_lm_eval_asks_ten_items_of_two_adapters_at_once(url, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    items = tmp_path / "ten.jsonl"
    rows = ({"question": "JQK"[i % 3], "answer": "bet"} for i in range(10))
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))

    said: dict[str, list[str]] = {}
    with urllib.request.urlopen(f"{url}/models", timeout=200) as answer:
        listed = [model["id"] for model in json.load(answer)["data"]]
    names = [name for name in listed if name.endswith(("@1", "@2"))]
    assert len(names) == 2
    asking = [
        threading.Thread(target=lambda name=name: said.update({name: asked(url, name, items)}))
        for name in names
    ]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    for name in names:
        assert len(said[name]) == 10
        # greedy: equal questions have equal answers
        assert len(set(said[name])) <= 3
        assert all(said[name])
