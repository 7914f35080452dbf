"""A pushed checkpoint is loaded by plain libraries, says what it said, and its hashes tell any change."""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys

import pytest
import torch
from peft import LoraConfig, get_peft_model
from sparring.agents.engines.wide_heads import widened
from sparring.agents.models.load import load_model
from sparring.agents.models.weights import find_model, weights_in
from sparring.agents.seats import seat
from sparring.arenas.tournament import tournament
from sparring.cli import main
from sparring.envs.registry import find
from sparring.training import checkpoints
from sparring.training.push import CHAIN, PushError, check, pushed
from transformers import AutoTokenizer

TEXT = "<|first|>K<|move|>"
LONG = "<|first|>K<|move|>bet<|move|>Q call and so on"
PLAIN = """
import json, sys
sys.modules["sparring"] = None  # whoever imports it now fails
import torch
from pathlib import Path
from transformers import AutoModelForCausalLM, AutoTokenizer
home = Path(sys.argv[1])
reader = AutoTokenizer.from_pretrained(home)
if (home / "adapter_config.json").is_file():
    from peft import PeftModel
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(home / "base"), home)
else:
    model = AutoModelForCausalLM.from_pretrained(home)
ids = reader(sys.argv[2], add_special_tokens=False, return_tensors="pt")["input_ids"]
with torch.no_grad():
    print(json.dumps(model(ids).logits[0].log_softmax(-1).flatten().tolist()))
"""

PLAIN_VLLM = """
import json, os, sys
sys.modules["sparring"] = None  # whoever imports it now fails
# no plug-ins, ours among them; the engine in this process
os.environ |= {"VLLM_PLUGINS": "", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1",
               "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest
whole, adapter, text = sys.argv[1:]
llm = LLM(whole, dtype="float32", enforce_eager=True, enable_lora=True, max_lora_rank=8, max_model_len=128)
ids = llm.get_tokenizer().encode(text, add_special_tokens=False)
asked = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=0)
for wears in (None, LoRARequest("adapter", 1, adapter)):
    (said,) = llm.generate([{"prompt_token_ids": ids}], asked, lora_request=wears, use_tqdm=False)
    seen = zip(said.prompt_logprobs[1:], ids[1:], strict=True)
    print(json.dumps([odds[token].logprob for odds, token in seen]))
"""
VLLM = os.environ.get("SPARRING_VLLM_PYTHON") or (
    sys.executable if importlib.util.find_spec("vllm") else ""
)
"""A Python that has vLLM; none: the tests of it are skipped."""


def finished(folder, run, step):
    draft = run / "draft"
    shutil.copytree(folder, draft)
    (draft / "optimizer.pt").write_bytes(b"not for others")
    (run / "checkpoints").mkdir(exist_ok=True)
    checkpoints.finish(draft, run / "checkpoints" / f"step-{step}")


def adapter(found, base, folder):
    """An adapter far from its base, and all that a checkpoint has beside it."""
    model = get_peft_model(
        load_model(found).model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    )
    model.peft_config["default"].base_model_name_or_path = str(base)
    generator = torch.Generator().manual_seed(0)
    for name, value in model.named_parameters():
        if "lora_" in name:
            value.data = torch.randn(value.shape, generator=generator)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(base / name, folder / name)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with whole weights at step 1 and an adapter at step 2."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("push")
        patch.setenv("SPARRING_CACHE", str(home / "cache"))
        found = find_model("tiny", find("kuhn-poker-v0"))
        folder = home / "poker"
        folder.mkdir()
        finished(found.folder, folder, 1)

        adapter(found, found.folder, home / "adapter")
        finished(home / "adapter", folder, 2)

        (folder / "config.toml").write_text(
            'recipe = "spiral"\ngame = "kuhn-poker-v0"\nmodel = "tiny"\n'
        )
        record = {"step": 1, "nashconv": 0.25, "legal_mass": 0.99}
        (folder / "metrics.jsonl").write_text(json.dumps(record) + "\n")
        yield folder


def plain(folder):
    """The log-probabilities that plain libraries give, in a process that cannot import Sparring.

    `SPARRING_CLEAN_PYTHON` names the Python of an environment that holds no more than they need.
    """
    python = os.environ.get("SPARRING_CLEAN_PYTHON", sys.executable)
    code = [python, "-c", PLAIN, str(folder), TEXT]
    done = subprocess.run(code, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return torch.tensor(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("step", [1, 2])
def test_plain_libraries_give_the_log_probabilities_that_it_had(step, run, tmp_path):
    pushed(f"{run}@{step}", str(tmp_path / "copy"))
    policy = load_model(str(run / "checkpoints" / f"step-{step}"))
    reader = AutoTokenizer.from_pretrained(run / "checkpoints" / f"step-{step}")
    ids = reader(TEXT, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        had = policy.model(ids).logits[0].log_softmax(-1).flatten()
    torch.testing.assert_close(plain(tmp_path / "copy"), had, atol=1e-5, rtol=0)
    assert not list((tmp_path / "copy").glob("**/optimizer.pt"))


@pytest.mark.skipif(not VLLM, reason="vLLM is not installed here; see .ci/vllm.sh")
@pytest.mark.timeout(600)
def test_plain_vllm_gives_the_log_probabilities_that_it_had(tmp_path, monkeypatch):
    """Whole weights and an adapter on them, in one engine; its kernels on a CPU want heads of 32 numbers."""
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    found = weights_in(widened(find_model("tiny", find("kuhn-poker-v0"))))
    run = tmp_path / "wide"
    run.mkdir()
    (run / "config.toml").write_text('recipe = "spiral"\ngame = "kuhn-poker-v0"\nmodel = "tiny"\n')
    finished(found.folder, run, 1)
    adapter(found, found.folder, tmp_path / "adapter")
    finished(tmp_path / "adapter", run, 2)

    copies = [tmp_path / f"copy-{step}" for step in (1, 2)]
    for step, copy in enumerate(copies, 1):
        pushed(f"{run}@{step}", str(copy))
    code = [VLLM, "-c", PLAIN_VLLM, *map(str, copies), LONG]
    done = subprocess.run(code, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[-")]

    reader = AutoTokenizer.from_pretrained(found.folder)
    ids = reader(LONG, add_special_tokens=False, return_tensors="pt")["input_ids"]
    had = []
    for step in (1, 2):
        with torch.no_grad():
            odds = load_model(str(run / f"checkpoints/step-{step}")).model(ids).logits[0]
        had.append(odds[:-1].log_softmax(-1).gather(1, ids[0, 1:, None])[:, 0])
    torch.testing.assert_close(torch.tensor(said), torch.stack(had), atol=1e-4, rtol=0)
    assert (had[0] - had[1]).abs().max() > 0.1


def test_the_card_holds_lineage_exact_numbers_and_ratings(run, tmp_path):
    game = find("kuhn-poker-v0")
    store = tmp_path / "store.sqlite"
    tournament(game, [seat("random", game), seat("nash", game)], store, pairs=20)
    pushed(f"{run}@1", str(tmp_path / "copy"), store=store)
    card = (tmp_path / "copy" / "README.md").read_text()
    for said in ("poker@1", "spiral", "nashconv at step 1: 0.2500 (exact)", "| nash | +", " to +"):
        assert said in card
    assert str(tmp_path) not in card
    assert str(run) not in card


def test_any_change_of_a_copy_is_told(run, tmp_path, capsys):
    head = pushed(f"{run}@2", str(tmp_path / "copy"))
    assert check(tmp_path / "copy") == head
    assert main(["push", "verify", str(tmp_path / "copy")]) == 0

    card = tmp_path / "copy" / "README.md"
    before = card.read_text()
    card.write_text(before.replace("poker", "chess"))
    assert main(["push", "verify", str(tmp_path / "copy")]) == 2
    assert "README.md changed since it was pushed" in capsys.readouterr().err
    card.write_text(before)

    chain = tmp_path / "copy" / CHAIN
    said = json.loads(chain.read_text())
    said["chain"][0]["sha256"] = "0" * 64
    chain.write_text(json.dumps(said))
    with pytest.raises(PushError, match="the chain breaks at manifest"):
        check(tmp_path / "copy")
    (tmp_path / "copy" / "base" / "model.safetensors").unlink()
    with pytest.raises(PushError, match=r"base/model.safetensors is missing"):
        check(tmp_path / "copy")


class Folder:
    """A hub whose repositories are folders here."""

    def __init__(self, home, full=False):
        self.home, self.full = home, full

    def create_repo(self, repo_id, *, private, exist_ok):
        assert private
        (self.home / repo_id).mkdir(parents=True, exist_ok=exist_ok)

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        if self.full:
            raise ConnectionError("no hub\nhere")
        shutil.copytree(folder_path, self.home / repo_id, dirs_exist_ok=True)


def test_a_hub_gets_all_of_it_in_one_commit(run, tmp_path):
    head = pushed(f"{run}@1", "me/poker", hub=Folder(tmp_path))
    assert check(tmp_path / "me/poker") == head
    with pytest.raises(
        PushError, match=r"the hub did not take it \(ConnectionError: no hub here\)"
    ):
        pushed(f"{run}@1", "me/poker", hub=Folder(tmp_path, full=True))


def test_what_cannot_be_pushed_is_one_line_and_leaves_nothing(run, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    for name, said in ((str(run), "expected RUN@STEP"), (f"{run}@9", "no checkpoint '9'")):
        assert main(["push", name, str(out)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line

    def full(source, target):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shutil, "copyfile", full)
    assert main(["push", f"{run}@1", str(out)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more_leaves_no_half_of_a_copy(run, tmp_path, capsys):
    """The limit is the system's own, so that a write fails in the middle of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        assert main(["push", f"{run}@1", str(tmp_path / "out")]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (line,) = capsys.readouterr().err.splitlines()
    assert "File too large" in line
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_is_not_pushed(run, tmp_path, capsys):
    shutil.copytree(run, tmp_path / "broken")
    with (tmp_path / "broken/checkpoints/step-1/model.safetensors").open("ab") as file:
        file.write(b"x")
    assert main(["push", f"{tmp_path / 'broken'}@1", str(tmp_path / "out")]) == 2
    assert "is corrupt" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
