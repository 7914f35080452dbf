"""What a run exports is a data set that other trainers read."""

import json

import pytest
from datasets import Dataset
from sparring.agents.thinking import ASKED
from sparring.cli import main
from sparring.training.export import export
from sparring.training.recipes import configured
from sparring.training.run import train
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run of two steps with its stock."""
    settings = ["rollout.games=24", "steps=2", "stock.keep=true", "threads=1"]
    settings += ["record.evaluate_every=0", "record.tensorboard=false"]
    out = str(tmp_path_factory.mktemp("runs") / "played")
    return train(configured("spiral", None, settings, {"out": out}), quiet=True).folder


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_sample_is_all_that_a_seat_had_seen_and_what_it_said(played, tmp_path):
    done = export(played, out=tmp_path)
    rows = lines(tmp_path / "samples.jsonl")
    assert len(rows) == done.samples >= 48
    for row in rows:
        assert [message["role"] for message in row["prompt"][:2]] == ["system", "user"]
        assert row["prompt"][0]["content"].startswith(f"Role: {row['role']}\n")
        assert row["prompt"][-1]["role"] == "user"
        assert [message["role"] for message in row["completion"]] == ["assistant"]
        assert row["right"] == (row["reward"] > 0)


def test_prompts_are_in_the_words_of_the_runs_own_file(tmp_path):
    """The run's copy counts, by phase; history is left out as it was in play, and thoughts were asked for."""
    words = tmp_path / "words.toml"
    words.write_text('role = "You play {role}."\nform = "One word."\nhistory = 0\n')
    phases = "[{steps=1}, {steps=1, set={'rollout.prompts'='', 'rollout.think'='asked'}}]"
    settings = ["rollout.games=8", f"phases={phases}", f"rollout.prompts={words}", "threads=1"]
    settings += ["stock.keep=true", "record.evaluate_every=0", "record.tensorboard=false"]
    settings += ["game=leduc-poker-v0", "rollout.thought_tokens=8"]
    run = train(configured("spiral", None, settings, {"out": str(tmp_path / "run")}), quiet=True)
    words.unlink()

    export(run.folder, out=tmp_path)
    rows = lines(tmp_path / "samples.jsonl")
    first, second = ([row for row in rows if row["version"] == step] for step in (0, 1))
    assert any(row["turn"] > 0 for row in first)
    assert second
    for row in first:
        system, *talk = row["prompt"]
        opening = f"You play {row['role']}.\n\nLeduc poker."
        assert system["content"].startswith(opening)
        assert system["content"].endswith("\n\nOne word.")
        assert [message["role"] for message in talk] == ["user"]
    for row in second:
        told = row["prompt"][0]["content"]
        assert told.startswith(f"Role: {row['role']}\n")
        assert told.endswith(ASKED)


def test_a_pair_answers_one_prompt_in_two_ways_the_better_first(played, tmp_path):
    done = export(played, out=tmp_path)
    pairs = lines(tmp_path / "pairs.jsonl")
    assert len(pairs) == done.pairs > 4
    earned = {}
    for row in lines(tmp_path / "samples.jsonl"):
        key = row["version"], row["role"], str(row["prompt"]), str(row["completion"])
        earned.setdefault(key, []).append(row["earned"])
    for pair in pairs:
        key = pair["version"], pair["role"], str(pair["prompt"])
        best, worst = (earned[*key, str(pair[side])] for side in ("chosen", "rejected"))
        assert max(best) - min(worst) == pair["margin"] > 0
        assert pair["chosen"] != pair["rejected"]


def test_roles_and_verdicts_narrow_the_samples(played, tmp_path):
    export(played, out=tmp_path, roles=["second"], verdict="right")
    rows = lines(tmp_path / "samples.jsonl")
    assert {(row["role"], row["right"]) for row in rows} == {("second", True)}


@pytest.mark.parametrize(
    ("trainer", "settings", "name"),
    [(SFTTrainer, SFTConfig, "samples"), (DPOTrainer, DPOConfig, "pairs")],
    ids=["sft", "dpo"],
)
def test_trl_trains_a_step_on_it(played, tmp_path, trainer, settings, name):
    export(played, out=tmp_path)
    place = played / "checkpoints/step-2"
    data = Dataset.from_json(str(tmp_path / f"{name}.jsonl"), cache_dir=str(tmp_path / "cache"))
    assert set(data.column_names) > {"prompt"}
    theirs = trainer(
        model=AutoModelForCausalLM.from_pretrained(place),
        args=settings(
            str(tmp_path / "out"),
            max_steps=1,
            per_device_train_batch_size=4,
            report_to="none",
            bf16=False,
            use_cpu=True,
        ),
        train_dataset=data,
        processing_class=AutoTokenizer.from_pretrained(place),
    )
    done = theirs.train()
    assert done.global_step == 1
    assert 0 < done.training_loss < 10


def test_the_command_says_what_it_wrote_or_what_is_missing(played, tmp_path, capsys):
    assert main(["export", str(played), "--out", str(tmp_path / "data")]) == 0
    assert f"pairs to {tmp_path / 'data'}" in capsys.readouterr().out
    for arguments, said in (
        (["nowhere"], "there is no run 'nowhere' (runs/nowhere does not exist)"),
        ([str(played), "--role", "dealer"], "no samples of dealer; its roles are first, second"),
        ([str(played), "--verdict", "good"], "no 'good'"),
    ):
        assert main(["export", *arguments]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
