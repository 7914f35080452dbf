from __future__ import annotations

import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from sparring.agents.language.transformer import Transformer
from sparring.agents.models.names import ModelError
from sparring.agents.models.weights import find_model
from sparring.agents.seats import UnknownEntrantError, seat
from sparring.envs.registry import Game, find


@pytest.fixture
def runs(tiny: Transformer, kuhn: Game, tmp_path: Path) -> Path:
    """A folder of runs, one of them with checkpoints 5 and 20."""
    for step in (5, 20):
        shutil.copytree(
            find_model("tiny", kuhn).folder, tmp_path / "demo" / "checkpoints" / f"step-{step}"
        )
    return tmp_path


@pytest.mark.parametrize("name", ["random", "nash", "human"])
def test_scripted_players_go_by_their_names(name: str, kuhn: Game) -> None:
    assert seat(name, kuhn).ref.name == name


def test_a_checkpoint_is_named_by_run_and_step(runs: Path, kuhn: Game, tiny: Transformer) -> None:
    for spec in ("demo@5", "demo@latest", f"{runs / 'demo'}@20"):
        policy = seat(spec, kuhn, runs=runs, sampling=tiny.sampling)
        assert policy.ref.name == spec
        assert policy.ref.id == tiny.ref.id, "equal weights and settings are one entrant"
    folder = seat(str(runs / "demo/checkpoints/step-5"), kuhn, sampling=tiny.sampling)
    assert folder.ref.id == tiny.ref.id


@pytest.mark.parametrize(("game", "told"), [("tic-tac-toe-v0", True), ("kuhn-poker-v0", False)])
def test_a_checkpoint_of_another_game_is_seated_with_a_warning(
    game: str, told: bool, runs: Path, kuhn: Game, caplog: pytest.LogCaptureFixture
) -> None:
    (runs / "demo" / "config.toml").write_text(f'game = "{game}"\n')
    seat("demo@5", kuhn, runs=runs)
    assert (f"demo@5 was trained on {game} and never on kuhn-poker-v0" in caplog.text) == told


def test_a_model_with_code_of_its_own_is_refused_in_a_line(
    kuhn: Game, tiny: Transformer, tmp_path: Path
) -> None:
    settings = {"model_type": "x", "auto_map": {"AutoConfig": "x.X", "AutoModelForCausalLM": "x.X"}}
    folder = shutil.copytree(find_model("tiny", kuhn).folder, tmp_path / "own")
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "x.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="code of its own, which is never run here"):
        seat(str(folder), kuhn)


def test_who_is_not_there_is_answered_with_the_nearest(
    runs: Path, kuhn: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    for spec, said in {
        "randm": "did you mean random",
        "tinny": "did you mean tiny",
        "dem@5": "did you mean demo",
        "demo@7": "it has 5, 20, or latest",
        "demo@x": "it has 5, 20, or latest",
        "demo": "demo@latest",
        str(runs): r"no config\.json",
        f"{runs.name}/demo": rf"is a run; .* like {runs.name}/demo@latest",
        "qqqq": "there are random",
    }.items():
        with pytest.raises(UnknownEntrantError, match=said):
            seat(spec, kuhn, runs=runs)
    with pytest.raises(UnknownEntrantError):
        seat("nash", find("prisoners-dilemma-v0"))


def test_a_checkpoint_that_changed_since_it_was_sealed_is_refused(runs: Path, kuhn: Game) -> None:
    folder = runs / "demo/checkpoints/step-5"
    weights = folder / "model.safetensors"
    (folder / "manifest.json").write_text(
        f'{{"model.safetensors": "{sha256(weights.read_bytes()).hexdigest()}"}}'
    )
    seat("demo@5", kuhn, runs=runs)
    damaged = bytearray(weights.read_bytes())
    damaged[-1] ^= 1
    weights.write_bytes(bytes(damaged))
    with pytest.raises(ModelError, match=r"model\.safetensors changed"):
        seat("demo@5", kuhn, runs=runs)


def test_a_name_that_is_no_model_is_refused_before_anything_heavy_is_imported() -> None:
    code = "import sys; from sparring.agents.models.names import check_name\ntry: check_name('tinny')\n"
    code += "except ValueError as fault: print(fault, 'torch' in sys.modules, 'transformers' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said == "no model or folder 'tinny'; did you mean tiny? False False\n"
