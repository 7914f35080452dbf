"""The parts of a run, each whole when it is built, put together and taken apart again."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Generator
from pathlib import Path

import torch

from ..agents.models.weights import quiet
from ..agents.run_folder import RunFolder, step_of
from ..sandbox.choose import Lazy
from . import checkpoints
from .ahead.ahead import Ahead
from .carry import carry
from .collecting import Collecting
from .config import Config, games, played, settled
from .data.stock import Stock
from .kept_prompts import keep, with_kept
from .loop import Loop
from .phases import Stage, situated
from .players.absent import Absent
from .players.ancestors import Loaded
from .players.cast import Cast
from .players.in_league import InLeague
from .players.learner import OnEngine, answering, loaded
from .players.seating import opponents
from .players.sharing import Learners
from .psro import Pool
from .ranks.launched import ranks as launched
from .selfplay import SelfPlay
from .settings import to_toml
from .timed import Timed
from .trainer import SelfPlayTrainer
from .watch.evaluate import exact_tree
from .watch.exams import Exams
from .watch.progress import Display
from .watch.records import Records, Unwritten
from .watch.trackers import Tracker
from .watch.trial import Trial


@contextlib.contextmanager
def assembled(
    run: Config, stage: Stage, folder: Path, place: Path | None, display: Display
) -> Generator[Loop]:
    """The loop of a stage that goes on from the checkpoint `place`, or begins; closed at the end.

    The run's folder is made last, when the game, the model and the settings are known to be good. Raises
    ConfigError, ModelError, HostError and UnknownEntrantError.
    """
    # Settled once, for engines here and on workers; the folder keeps the word that was given.
    game = played(stage.config)
    config = with_kept(settled(situated(stage, run, game, folder)), folder)
    if config.threads:
        torch.set_num_threads(config.threads)
    learner = loaded(config, game)
    ranks = launched()
    first = ranks is None or ranks.first

    with contextlib.ExitStack() as stack:
        stack.enter_context(quiet())
        runner = stack.enter_context(asyncio.Runner())
        verifier = Lazy(config.verifier, lambda name: display.say(f"code runs in: {name}"))
        # Pushed after the runner, so closed before it: closing needs the loop.
        stack.callback(lambda: runner.run(verifier.close()))

        # One that was named must be there; `auto` opens when the first game needs it.
        if config.verifier != "auto":
            verifier.open()

        pool = None
        if config.opponents.mode == "psro":
            pool = Pool(config, game, folder, verifier, runner.run)
            pool.solve(stage.offset, stage.place.ends)
        ahead, player = None, None
        if config.rollout.ahead or config.rollout.workers:
            # All that plays is in processes of its own, engines too.
            ahead = stack.enter_context(Ahead(config, folder, display.say))
        else:
            player = stack.enter_context(answering(config, game, learner))
        host = player.host if isinstance(player, OnEngine) else None
        ancestors = Loaded(
            RunFolder(folder).checkpoints, game, learner, config.opponents.held, host
        )
        found, seated = games(config), Absent if ahead else ancestors
        others = [
            stack.enter_context(
                opponents(
                    config, each, learner, folder, seated, stage.place, absent=ahead is not None
                )
            )
            for each in found
        ]
        # The run's step that all goes on from; None where it begins.
        after = step_of(place) if place else stage.offset or None
        keeps = config.stock.keep or config.stock.age
        # Of a population each member may take its own samples alone.
        own = stage.place.member and run.population.samples == "own"
        mine = stage.place.mine if own else None
        since = {"offset": stage.offset, "after": after or 0}
        stock = Stock(folder, config, **since, mine=mine, writes=first) if keeps else None
        learners = Learners(learner, Cast(config).names, config.sharing.mode, config.seed)
        play = SelfPlay(
            config,
            found,
            learner,
            loop=runner.get_loop(),
            verifier=Timed(verifier),
            player=player,
            opponents=others,
            stock=stock,
            learners=learners,
            elsewhere=ahead,
            ranks=ranks,
            again=stage.index >= stage.count // run.rounds,
        )
        if ahead:
            ahead.serve(play)
        # A stage that begins goes on where the one before ended, in all but its weights.
        if place is None and stage.offset:
            carry(play, stage, folder)
        exams = None
        if config.exams and first:
            exams = Exams(run, folder, play.learner_of, verifier, runner.get_loop(), after)
        trial = None
        if config.watch.trial and first:
            # A league has the run's store open; its trials go there.
            store = next((other.store for other in others if isinstance(other, InLeague)), None)
            trial = Trial(
                config,
                game,
                folder,
                ancestors,
                store,
                verifier,
                runner.get_loop(),
                stage.place.mine,
            )

        drafts = checkpoints.drafts(RunFolder(folder).checkpoints)
        records = Unwritten()
        if first:
            _begin(run, folder)
            records = _records(config, folder, after)
            if after and (left := checkpoints.put_aside(RunFolder(folder).checkpoints, after)):
                said = ", ".join(map(str, left))
                display.say(
                    f"back at step {after}: later checkpoints ({said}) lie in checkpoints/left"
                )
            # What still lies there at the end was never sealed.
            stack.callback(lambda: shutil.rmtree(drafts, ignore_errors=True))
        stack.callback(records.close)
        if ranks:
            # What the first one makes, cuts and removes is as the others find it.
            ranks.wait()
        # After all that may fail: a fault is not told into a live line.
        stack.enter_context(display)

        # The trainer's folder is for drafts: checkpoints move out of it once they are whole.
        # What a policy that keeps its thoughts does depends on more than what the tree shows.
        known = not (learner.dialect.thinks and learner.dialect.thinking.keep)
        evaluated = found if first and config.record.evaluate_every and known else ()
        walked = {each.ref.label: exact_tree(each) for each in evaluated}
        trees = {label: tree for label, tree in walked.items() if tree is not None}
        parts = learner.model, learner.dialect.tokenizer, config
        trainer = (
            Collecting(*parts, play.collect, folder=drafts, learners=learners)
            if stage.collects
            else SelfPlayTrainer(*parts, play.batch, folder=drafts, learners=learners, ranks=ranks)
        )
        loop = Loop(
            config,
            stage,
            folder,
            play,
            trainer,
            records,
            display,
            trees=trees,
            trial=trial,
            exams=exams,
            pool=pool,
            resume=place,
        )
        trainer.add_callback(loop)
        yield loop


def _records(config: Config, folder: Path, after: int | None) -> Records:
    """Where the numbers of steps go. `after`: the run's step that all goes on from."""
    return Records(
        folder,
        tensorboard=config.record.tensorboard,
        after=after,
        trackers=[Tracker(name, folder, config) for name in config.record.trackers],
    )


def _begin(config: Config, folder: Path) -> None:
    """Make the run's folder."""
    run = RunFolder(folder)
    with checkpoints.writing(folder):
        for part in (run.checkpoints, run.transcripts):
            part.mkdir(parents=True, exist_ok=True)
        keep(config, folder)
        checkpoints.replace_text(run.config, to_toml(config))
