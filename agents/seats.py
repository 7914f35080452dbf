"""From a name to the policy in a seat: `random`, `nash`, `minimax`, `human`, a model, `RUN@step`."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..envs.errors import Unknown, did_you_mean
from ..envs.hooks import HookError, hook, is_hook
from ..envs.registry import Game
from .models.names import MODELS, check_name, check_roles, is_named, of_settings, parted
from .policy import FREE, Policy, Sampling
from .run_folder import RUNS, RunFolder, run_of
from .scripted import scripted, scripted_names
from .thinking import OFF, Thinking
from .wording import read_prompts

if TYPE_CHECKING:
    from .engines.hosts import Hosts

_log = logging.getLogger(__name__)
CLASSIFIER = "classifier:"


class UnknownEntrantError(Unknown):
    """No scripted player, model or checkpoint has this name."""


def seat(
    spec: str,
    game: Game,
    *,
    runs: Path = RUNS,
    sampling: Sampling = FREE,
    seed: int = 0,
    device: str = "cpu",
    hosts: Hosts | None = None,
    thinking: Thinking = OFF,
) -> Policy:
    """The policy that `spec` names in this game; models and checkpoints act on the engines of `hosts`.

    A scripted player of the game (`random`, `human`, `nash`, `minimax`…), a model (`tiny` or `small`,
    built with `seed`; `smollm2-135m`; a folder; a hub id), or a checkpoint, `RUN@120` or `RUN@latest`,
    where RUN is a folder under `runs` or a path. `classifier:NAME` is a text classifier for a judge's seat;
    its labels may be renamed to the game's choices, as in
    `classifier:NAME,complied=LABEL_1,refused=LABEL_0`. `FILE.py:FUNCTION` is called with the game and gives
    a Policy.

    A model thinks before it moves as its name says (`smollm2-135m?think=asked`), else as the run of its
    checkpoint did, else as `thinking`; roles may differ (`?think.solver=asked`). Raises UnknownEntrantError,
    naming the nearest, ModelError, or PromptsError for the run's file of prompts.
    """
    # the game's own players first: they need no torch
    if spec in scripted_names(game):
        return scripted(spec, game)
    # an endpoint's own names may look like those of modules
    if is_hook(spec, files=bool(hosts and hosts.elsewhere)):
        return _own(spec, game)
    if spec.startswith(CLASSIFIER):
        return _classifier(spec, game, device)
    # an endpoint names its models as it likes: `a/b` and `x@y` are its own names there
    default = thinking
    bare, thinking = parted(spec, default)
    check_roles(spec, game.roles, game.id)
    if hosts and hosts.elsewhere:
        return _served(bare, spec, game, sampling, seed, hosts, thinking)

    run, at, step = bare.rpartition("@")
    # a folder's name may hold an @ too
    if at and not Path(bare).exists():
        place = checkpoint(run, step, runs)
        _tell_foreign(place, spec, game)
        if home := run_of(place) or run_of(place.parent):
            _, thinking = parted(spec, _of_run(home, game, default))
        return _model(str(place), game, spec, sampling, seed, device, hosts, thinking)

    # a name of ours says what is wrong with its games or options
    if is_named(bare):
        check_name(bare)
    hub = bare.count("/") == 1 and not Path(bare).is_dir()
    if is_named(bare) or hub or _is_model(Path(bare)):
        return _model(bare, game, spec, sampling, seed, device, hosts, thinking)
    raise UnknownEntrantError(_unknown(spec, game, runs))


def _of_run(home: RunFolder, game: Game, default: Thinking) -> Thinking:
    """How the learner of a run thinks, with the run's own file of prompts where it has one."""
    settings = home.settings()
    rollout = settings.get("rollout", {})
    found = of_settings(rollout, default)

    prompts = found.prompts
    if file := rollout.get("prompts"):
        prompts = read_prompts(home.kept_prompts(str(file)), [game])
    # a checkpoint is called by its run: the model is the one that the run began with
    name, found = parted(str(settings.get("model", "")), found)
    return replace(found, prompts=prompts and prompts.of(name))


def _own(spec: str, game: Game) -> Policy:
    """The policy that a user's function gives. Raises HookError."""
    try:
        policy = hook(spec)(game)
    except HookError:
        raise
    except Exception as fault:  # another's code may fail in any way
        raise HookError(f"{spec!r} failed ({type(fault).__name__}: {fault})") from fault
    lacking = [part for part in ("act", "ref") if not hasattr(policy, part)]
    if lacking:
        raise HookError(
            f"{spec!r} gave a {type(policy).__name__}, which is no policy: it has no {', no '.join(lacking)}"
        )
    return cast(Policy, policy)


def checkpoint(run: str, step: str, runs: Path = RUNS) -> Path:
    """The folder of a run's checkpoint; `step` is a number or `latest`. Raises UnknownEntrantError.

    Of a run with several learners, `RUN:LEARNER` names one, and `RUN` alone the main one.
    """
    home = _home(run, runs)
    if home is None and ":" in run:
        name, _, learner = run.rpartition(":")
        return _learner(checkpoint(name, step, runs), name, learner)
    if home is None:
        where = f" with checkpoints, in {runs} or as a path"
        raise UnknownEntrantError("run", run, _names(runs), where=where, otherwise="")

    known = home.steps
    if not known:
        raise UnknownEntrantError(f"the run {run!r} has no checkpoint yet")
    if step == "latest":
        return home.checkpoint(known[-1])
    if not step.isdecimal() or int(step) not in known:
        # a long run has hundreds of checkpoints: its first and last ones are enough
        listed = ", ".join(map(str, known if len(known) < 9 else [*known[:3], "…", *known[-4:]]))
        raise UnknownEntrantError(
            f"the run {run!r} has no checkpoint {step!r}; it has {listed}, or latest"
        )
    return home.checkpoint(int(step))


def _tell_foreign(place: Path, spec: str, game: Game) -> None:
    """Warn of a checkpoint of a run that trained on other games: its replies may all be illegal here."""
    home = run_of(place) or run_of(place.parent)
    trained = home.games if home else frozenset[str]()
    # a model that can play anything may be worth trying, so it is not refused
    if trained and game.id not in trained:
        _log.warning(
            f"{spec} was trained on {', '.join(sorted(trained))} and never on {game.id}: "
            "it may find no legal move, and forfeit"
        )


def _home(run: str, runs: Path) -> RunFolder | None:
    """The folder of a run that has checkpoints."""
    places = [RunFolder(runs / run), RunFolder(Path(run))]
    return next((place for place in places if place.checkpoints.is_dir()), None)


def _learner(checkpoint: Path, run: str, learner: str) -> Path:
    """The part of a checkpoint that is one learner's. Raises UnknownEntrantError."""
    if (checkpoint / learner).is_dir() and _is_model(checkpoint / learner):
        return checkpoint / learner
    known = sorted(path.name for path in checkpoint.iterdir() if path.is_dir() and _is_model(path))
    raise UnknownEntrantError(
        "learner", learner, known, where=f" in the run {run!r}", otherwise="; it has the main one"
    )


def _model(
    spec: str,
    game: Game,
    name: str,
    sampling: Sampling,
    seed: int,
    device: str,
    hosts: Hosts | None,
    thinking: Thinking,
) -> Policy:
    if hosts:
        return hosts.policy(spec, game, name, sampling, seed, thinking)

    # imported here: torch takes seconds, and a typing error should be told at once
    from .models.load import load_model

    policy = load_model(spec, game, seed=seed, sampling=sampling, thinking=thinking, device=device)
    # under the name that was asked for, as RUN@20, and not the folder's
    policy.publish(policy.weights, name=name)
    return policy


def _served(
    spec: str,
    name: str,
    game: Game,
    sampling: Sampling,
    seed: int,
    hosts: Hosts,
    thinking: Thinking,
) -> Policy:
    """A model of an endpoint, by the endpoint's name for it; unchecked where it lists no models."""
    if hosts.served and spec not in hosts.served:
        known = (*hosts.served, *scripted_names(game))
        raise UnknownEntrantError("model", spec, known, where=f" at {hosts.engine}")
    return hosts.policy(spec, game, name, sampling, seed, thinking)


def _classifier(spec: str, game: Game, device: str) -> Policy:
    from .models.load import load_classifier

    name, *renamed = spec.removeprefix(CLASSIFIER).split(",")
    labels = {choice: label for choice, _, label in (pair.partition("=") for pair in renamed)}
    # the game's own rule answers what the classifier has no label for
    own = next((n for n in ("rule", "sample") if n in game.oracles), "")
    return load_classifier(name, labels, scripted(own, game) if own else None, device=device)


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("config.json", "adapter_config.json"))


def _unknown(spec: str, game: Game, runs: Path) -> str:
    if any(RunFolder(place).checkpoints.is_dir() for place in (Path(spec), runs / spec)):
        return f"{spec!r} is a run; name one of its checkpoints, like {spec}@latest"
    if Path(spec).is_dir():
        return f"the folder {spec!r} holds no model: it has no config.json"
    known = (*scripted_names(game), *MODELS)
    otherwise = f"; there are {', '.join(known)}, a folder, RUN@step"
    near = did_you_mean(spec, [*known, *_names(runs)], otherwise)
    return f"nobody is called {spec!r} in {game.id}{near}"


def _names(runs: Path) -> list[str]:
    return sorted(path.name for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else []
